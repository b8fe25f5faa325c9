package journeys

import (
	"portolan/internal/customer"
	"portolan/internal/db"
)

// onErased ends the runs of a person who was forgotten, whatever their journeys say, and takes what says who it was out
// of all of theirs: addresses, words, what was kept for messages. What remains are figures about nobody.
func (s *Service) onErased(tx *db.Tx, e customer.ErasedEvent) error {
	if e.Customer == "" {
		return nil
	}
	all, err := db.All(tx, scanRun, `select `+runColumns+` from journey_runs where customer = $1 and customer <> '' order by id`+tx.ForUpdate(), e.Customer)
	if err != nil {
		return err
	}
	for _, r := range all {
		if !r.State.Over() {
			v := s.stage(tx).view(r)
			v.note(&Node{ID: r.Node}, NotSent, "erased", "")
			v.end(Exited, "erased")
		}
		r.Phone, r.Email, r.Event.Phone, r.Event.Email, r.Event.Text, r.Vars = "", "", "", "", "", nil
		if err := s.save(tx, r); err != nil {
			return err
		}
	}
	for _, q := range []string{
		`update journey_steps set detail = '' where customer = $1 and customer <> ''`,
		`update journey_ratings set comment = '' where customer = $1 and customer <> ''`,
		`delete from journey_tags where customer = $1`,
	} {
		if err := tx.Send(q, e.Customer); err != nil {
			return err
		}
	}
	return nil
}
