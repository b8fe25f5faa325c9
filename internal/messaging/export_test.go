package messaging

import (
	"context"
	"time"

	"portolan/internal/db"
)

// Pull reads a provider's list now, for tests that don't wait for the round.
func (s *Service) Pull(ctx context.Context, provider string) error {
	return s.pull(ctx, pullOptOuts{provider})
}

// BounceDomain sets what Config.BounceDomain is.
func (s *Service) BounceDomain(d string) { s.cfg.BounceDomain = d }

// Put fills a template; open are the variables that have no value.
func Put(template string, vars map[string]string) (text string, open []string) {
	return fill(template, vars)
}

// Checked says what is wrong with words for e-mail that may use the variables.
func Checked(w Words, vars ...string) map[string]string {
	k := key{vars: map[string]bool{}}
	for _, v := range vars {
		k.vars[v] = true
	}
	return checkWords(k, Email, w)
}

// SettleCosts settles costs now, for tests that don't wait for the round.
func (s *Service) SettleCosts(tx *db.Tx) error { return s.settleCosts(tx, settleCosts{}) }

// GateHolds sets how long an offer may wait for room before the gate is asked again.
func (s *Service) GateHolds(d time.Duration) { s.lane.holds = d }

// Forget lets a rehearsal forget all that it has read or answered, but nothing of what it has sent.
func (h *Rehearsal) Forget() {
	clear(h.known)
	clear(h.people)
	clear(h.real)
	h.last = planned{}
}

// Remembered is of how many addresses and words a rehearsal knows what it has sent to them.
func (h *Rehearsal) Remembered() int { return len(h.gone) + len(h.same) }

// MostInHand is how many messages are handed over at once.
const MostInHand = laneInHand
