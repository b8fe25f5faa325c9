package journeys

import (
	"cmp"
	"strings"

	"portolan/internal/customer"
	"portolan/internal/db"
)

// onMerged ends what a person is under way in twice, now that two profiles are known to be one: of two runs of a journey
// that is about persons, or that a person enters once in a time, the one further behind. The others go on as they began,
// each with its own version and arm; from now on they count what was written to either profile. An undone merge doesn't
// bring a run back that it ended.
func (s *Service) onMerged(tx *db.Tx, e customer.MergedEvent) error {
	who, err := s.personOf(tx, e.Survivor)
	if err != nil || len(who) < 2 {
		return err
	}
	all, err := db.All(tx, scanRun, `select `+runColumns+` from journey_runs where customer in `+db.In(1, len(who))+` and customer <> '' and ended_at is null order by journey, id`+
		tx.ForUpdate(), db.Fill(who)...)
	if err != nil {
		return err
	}
	furthest := map[string]*Run{}
	for _, r := range all {
		d, err := s.definition(tx, r.Journey, r.Version)
		if err != nil {
			return err
		}
		if d.About != AboutPerson && d.Trigger.Again == 0 {
			continue
		}
		first := furthest[r.Journey]
		if first == nil {
			furthest[r.Journey] = r
			continue
		}
		if first.Customer == r.Customer {
			continue
		}
		last := r
		if ahead(r, first) < 0 {
			furthest[r.Journey], last = r, first
		}
		v := s.stage(tx).view(last)
		v.note(&Node{ID: last.Node}, NotSent, "merged", "")
		v.end(Exited, "merged")
		if err := s.save(tx, last); err != nil {
			return err
		}
	}
	return nil
}

// ahead orders runs by how far they have come: what was sent, the steps taken, then the one that began first.
func ahead(a, b *Run) int {
	return cmp.Or(-cmp.Compare(a.Sent, b.Sent), -cmp.Compare(a.passed(), b.passed()), a.Started.Compare(b.Started), strings.Compare(a.ID, b.ID))
}

// passed is how many nodes a run has come to.
func (r *Run) passed() (n int64) {
	for _, visits := range r.Visits {
		n += visits
	}
	return n
}
