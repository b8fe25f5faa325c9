package messaging

import "context"

// Pull reads a provider's list now, for tests that don't wait for the round.
func (s *Service) Pull(ctx context.Context, provider string) error {
	return s.pull(ctx, pullOptOuts{provider})
}
