package messaging

import (
	"context"
	"fmt"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
)

// askingPatience is how long a message waits for others.
const askingPatience = time.Millisecond

// asking is a message whose sender waits until it is kept.
type asking struct {
	r    Record      // in words
	a    application // for the gate, but for the moment and what stands in the database
	out  Record
	done chan error
}

// Accept is Send in a unit of work that the message shares with whatever else is asked for at the same time. It returns
// once that is committed. A message that may go and that the lane has room for is kept together with its first attempt,
// so that nothing more has to be written before it is handed over.
func (s *Service) Accept(ctx context.Context, m Message) (Record, error) {
	one, shares, err := s.ready(m)
	if err != nil {
		return Record{}, err
	}
	if !shares {
		return s.sendAlone(ctx, m)
	}
	s.share(ctx, one)
	return one.wait(ctx)
}

// AcceptEach is Accept for many messages. Each has a record or a fault of its own, in their order.
func (s *Service) AcceptEach(ctx context.Context, all []Message) ([]Record, []error) {
	records, faults := make([]Record, len(all)), make([]error, len(all))
	waiting := make([]*asking, len(all))
	var alone []int
	for i, m := range all {
		one, shares, err := s.ready(m)
		switch {
		case err != nil:
			faults[i] = err
		case shares:
			waiting[i] = one
		default:
			alone = append(alone, i)
		}
	}
	for _, one := range waiting {
		if one != nil {
			s.share(ctx, one)
		}
	}
	for few := range slices.Chunk(alone, laneBatch) {
		err := s.db.Write(ctx, func(tx *db.Tx) (err error) {
			for _, i := range few {
				if records[i], err = s.Send(tx, all[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			continue
		}
		for _, i := range few {
			records[i], faults[i] = s.sendAlone(ctx, all[i])
		}
	}
	for i, one := range waiting {
		if one != nil {
			records[i], faults[i] = one.wait(ctx)
		}
	}
	return records, faults
}

// ready puts m into words, and reports whether nothing that stands in the database but silence could stop it: then it can be
// kept together with others.
func (s *Service) ready(m Message) (one *asking, shares bool, err error) {
	if m, err = s.complete(m); err != nil {
		return nil, false, err
	}
	if m.Class.asks() || m.Via != "" {
		return nil, false, nil
	}
	one = &asking{r: Record{Message: m, asked: m, ID: id.New("msg"), Token: newToken(), CreatedAt: s.db.Clock().Now()}, done: make(chan error, 1)}
	if one.a, err = s.word(&one.r); err != nil {
		return nil, false, err
	}
	return one, one.a.plain(&one.r), nil
}

// share has a message kept together with others.
func (s *Service) share(ctx context.Context, one *asking) {
	if s.asking.add(one) {
		go s.keepAccepted(context.WithoutCancel(ctx))
	}
}

func (one *asking) wait(ctx context.Context) (Record, error) {
	select {
	case err := <-one.done:
		return one.out, err
	case <-ctx.Done():
		return Record{}, ctx.Err()
	}
}

func (s *Service) sendAlone(ctx context.Context, m Message) (r Record, err error) {
	err = s.db.Write(ctx, func(tx *db.Tx) (err error) {
		r, err = s.Send(tx, m)
		return err
	})
	return r, err
}

// keepAccepted works until nothing waits. What can't be kept together is kept one by one, so that nobody suffers for what
// another one asked.
func (s *Service) keepAccepted(ctx context.Context) {
	for batch := s.asking.next(); len(batch) > 0; batch = s.asking.next() {
		together := s.acceptTogether(ctx, batch)
		for _, one := range batch {
			err := together
			if err != nil {
				one.out, err = s.sendAlone(ctx, one.r.asked)
			}
			one.done <- err
		}
	}
}

// acceptTogether keeps a batch in one unit of work, and lets go what was kept with its attempt.
func (s *Service) acceptTogether(ctx context.Context, batch []*asking) (err error) {
	running, room := s.lane.reserve(len(batch))
	var leaving []*waiting
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("messages can't be accepted: %v", p)
		}
		if err != nil {
			leaving = nil
		}
		for _, w := range leaving {
			s.lane.depart(running, w)
		}
		s.lane.giveBack(room - len(leaving))
	}()
	return s.db.Write(ctx, func(tx *db.Tx) (err error) {
		leaving, err = s.acceptAll(tx, batch, room)
		return err
	})
}

// acceptAll keeps a batch, and notes the first attempt of up to room of them. Those that the gate may stop, and those of
// a key that was used, are left to Send.
func (s *Service) acceptAll(tx *db.Tx, batch []*asking, room int) (leaving []*waiting, err error) {
	to := make([]string, len(batch))
	for i, one := range batch {
		to[i] = one.r.To
	}
	silent, err := s.people.SuppressedEach(tx, to)
	if err != nil {
		return nil, err
	}
	now := tx.Now()
	rows := make([]*Record, 0, len(batch))
	var fresh, rest []*asking
	keys := map[string]string{} // to ID
	for _, one := range batch {
		one.out = one.r
		r := &one.out
		one.a.now, r.CreatedAt = now, now
		r.Gate = decide(one.a)
		if r.Gate.Verdict != Go || silent[r.To].Reason != "" || keys[r.Key] != "" {
			rest = append(rest, one)
			continue
		}
		r.State, r.QueuedAt, r.due = Queued, now, now.Add(laneGrace)
		keys[r.Key] = r.ID
		rows, fresh = append(rows, r), append(fresh, one)
	}
	steps := make([]*step, len(rows))
	for i, r := range rows {
		if i < room {
			if route, ok := s.route(r.Channel, r.Country, r.Class, "", nil, true); ok && route.Kind == r.SenderKind {
				r.due = now.Add(laneLease)
				r.Sender = route.Sender
				if steps[i], err = s.step(tx, *r, route, 1, false); err != nil {
					return nil, err
				}
				r.first = steps[i].attempt
			}
		}
	}
	n, err := insertNew(tx, rows)
	if err != nil {
		return nil, err
	}
	if n < int64(len(rows)) {
		if err := kept(tx, keys); err != nil {
			return nil, err
		}
	}
	for i, r := range rows {
		switch st := steps[i]; {
		case keys[r.Key] != r.ID:
			rest = append(rest, fresh[i])
			continue
		case st != nil:
			leaving = append(leaving, &waiting{r: *r, fresh: true, st: st})
		default:
			tx.After(func() { s.lane.push(&waiting{r: *r, fresh: true}) })
		}
		if err := keepLinks(tx, *r); err != nil {
			return nil, err
		}
	}
	for _, one := range rest {
		if one.out, err = s.Send(tx, one.r.asked); err != nil {
			return nil, err
		}
	}
	return leaving, nil
}

// kept replaces the IDs in keys by those of the messages that there are.
func kept(tx *db.Tx, keys map[string]string) error {
	all := make([]string, 0, len(keys))
	for key := range keys {
		all = append(all, key)
	}
	_, err := db.All(tx, func(r db.Row) (x struct{}, err error) {
		var key, id string
		if err = r.Scan(&key, &id); err == nil {
			keys[key] = id
		}
		return
	}, `select key, id from messages where key in `+db.In(1, len(all)), db.Fill(all)...)
	return err
}
