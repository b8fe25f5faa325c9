package messaging

import "context"

// Pull reads a provider's list now, for tests that don't wait for the round.
func (s *Service) Pull(ctx context.Context, provider string) error {
	return s.pull(ctx, pullOptOuts{provider})
}

// BounceDomain sets what Config.BounceDomain is.
func (s *Service) BounceDomain(d string) { s.cfg.BounceDomain = d }
