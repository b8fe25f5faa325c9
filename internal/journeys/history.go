package journeys

import (
	"portolan/internal/db"
	"portolan/internal/order"
)

// Around returns what was decided about an order: about itself, the cart it came from and its parcels, oldest first.
func (s *Service) Around(tx *db.Tx, o order.Order) ([]Step, error) {
	return db.All(tx, scanStep, `select `+stepColumns+` from journey_steps where key = $1 or (key = $2 and $2 <> '')
		or (run in (select id from journey_runs where order_id = $1 and order_id <> '') and run <> '') order by at, n, id limit 500`, string(o.ID), o.Cart)
}

// RunOf returns a run and what it did, oldest first; ErrUnknownRun if there is none.
func (s *Service) RunOf(tx *db.Tx, run string) (Run, []Step, error) {
	r, err := oneRun(tx, `select `+runColumns+` from journey_runs where id = $1`, run)
	if err == nil && r == nil {
		err = ErrUnknownRun
	}
	if err != nil {
		return Run{}, nil, err
	}
	all, err := db.All(tx, scanStep, `select `+stepColumns+` from journey_steps where run = $1 and run <> '' order by n, id limit 500`, run)
	return *r, all, err
}

// StopRun ends a run by hand. What it has queued still leaves; one that is over stays as it ended.
func (s *Service) StopRun(tx *db.Tx, run, by string) error {
	r, err := s.take(tx, run)
	if err == nil && r == nil {
		err = ErrUnknownRun
	}
	if err != nil || r.State.Over() {
		return err
	}
	v := s.stage(tx).view(r)
	v.note(&Node{ID: r.Node}, NotSent, "stopped_by_hand", by)
	v.end(Exited, "stopped_by_hand")
	return s.save(tx, r)
}

// RatingsBy returns what a customer said, the latest first.
func (s *Service) RatingsBy(tx *db.Tx, customer string, limit int) ([]Rating, error) {
	who, err := s.personOf(tx, customer)
	if err != nil || len(who) == 0 {
		return nil, err
	}
	return db.All(tx, scanRating, `select `+ratingColumns+` from journey_ratings where customer in `+db.In(2, len(who))+` and customer <> '' order by at desc, id desc limit 0 + $1`,
		append([]any{int64(limit)}, db.Fill(who)...)...)
}
