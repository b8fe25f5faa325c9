package messaging

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/messaging/smpp"
)

// noteAnswers writes answers down, as many at a time as have come, until all are in.
func (l *lane) noteAnswers(ctx context.Context, over <-chan struct{}) {
	for {
		select {
		case w := <-l.answers:
			l.answered(ctx, l.more(w))
		case <-over:
			for len(l.answers) > 0 {
				l.answered(ctx, l.more(<-l.answers))
			}
			return
		}
	}
}

// more collects the answers that are there already or come soon, unless nothing else is in hand.
func (l *lane) more(first *waiting) []*waiting {
	all := []*waiting{first}
	patience := time.NewTimer(laneGather)
	defer patience.Stop()
	for len(all) < min(laneBatch, len(l.inHand)) {
		select {
		case w := <-l.answers:
			all = append(all, w)
		case <-patience.C:
			return all
		}
	}
	return all
}

// answered keeps what providers said, and puts what was refused back into its queue for the next route. Answers that
// can't be kept are found again as attempts without one.
func (l *lane) answered(ctx context.Context, all []*waiting) {
	ctx = context.WithoutCancel(ctx)
	taken := slices.DeleteFunc(slices.Clone(all), func(w *waiting) bool { return w.err != nil })
	if err := l.s.takenAll(ctx, taken); err != nil {
		slog.Error("can't note answers", "messages", len(taken), "err", err)
	}
	for _, w := range all {
		<-l.inHand
		if w.err == nil || !l.refused(ctx, w) {
			l.forget(w.r.ID)
		}
	}
	l.call() // who found every place taken waits for one
}

// refused keeps an answer that isn't a yes, and reports whether the message goes on to the next route.
func (l *lane) refused(ctx context.Context, w *waiting) bool {
	err := l.s.db.Write(ctx, func(tx *db.Tx) error { return l.s.answered(tx, *w.st, w.wire, w.taken, w.err) })
	if err != nil {
		slog.Error("can't note an answer", "message", w.r.ID, "err", err)
		return false
	}
	no, refused := refusal(w.err)
	if !refused {
		return false
	}
	if w.spent == nil {
		w.spent = map[string]bool{}
	}
	w.spent[w.st.route.Name] = true
	if has([]Trouble{Again, Setup, Account}, no.Trouble) {
		w.later, w.after = true, max(w.after, no.After)
	}
	l.back(w)
	return true
}

// quick reports whether the gate's answer to a message stands: this process has just got it, nothing about it depends
// on consent or on a journey, and nothing was tried yet. What else could change is looked at by noteAll.
func (s *Service) quick(w *waiting) bool {
	return w.fresh && len(w.spent) == 0 && !w.r.Class.asks() && w.r.Guard == "" && w.r.Gate.Version == s.rules.version
}

// noteAll writes down the first attempt of quick messages, all in one unit of work. Those that were silenced or came too
// late meanwhile, or whose route is another now, get no step: note asks the gate about them in full.
func (s *Service) noteAll(ctx context.Context, batch []*waiting) error {
	ids, to := make([]string, len(batch)), make([]string, len(batch))
	for i, w := range batch {
		ids[i], to[i] = w.r.ID, w.r.To
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		// As in takenTogether, the index of what is queued is left alone.
		open, err := db.All(tx, db.Scalar[string], `select id from messages where state || '' = 'queued' and id in `+db.In(1, len(ids))+` order by id`+tx.ForUpdate(),
			db.Fill(ids)...)
		if err != nil {
			return err
		}
		there := make(map[string]bool, len(open))
		for _, id := range open {
			there[id] = true
		}
		silent, err := s.people.SuppressedEach(tx, to)
		if err != nil {
			return err
		}
		var routes []Route
		by := map[string][]string{} // IDs by route
		for _, w := range batch {
			w.st = nil
			if w.over = !there[w.r.ID]; w.over || !w.r.NotAfter.IsZero() && tx.Now().After(w.r.NotAfter) {
				continue
			}
			route, ok := s.route(w.r.Channel, w.r.Country, w.r.Class, w.r.Via, nil, true)
			if silent[w.r.To].Reason != "" || !ok || route.Kind != w.r.SenderKind {
				continue
			}
			if w.st, err = s.step(tx, w.r, route, 1, false); err != nil {
				return err
			}
			if by[route.Name] == nil {
				routes = append(routes, route)
			}
			by[route.Name] = append(by[route.Name], w.r.ID)
		}
		for _, route := range routes {
			if err := fold(tx, route, tx.Now().Add(laneLease), by[route.Name]); err != nil {
				return err
			}
		}
		return nil
	})
}

// taken is what is counted of a message once takenAll has written down that a provider took it.
func (v standing) taken(r Record, wire, now time.Time) standing {
	if v.state == Queued || v.state == Unknown {
		v.state, v.reason = Sent, ""
	}
	v.parts, v.cost, v.currency, v.wire, v.sent, v.provider, v.route = r.Parts, r.Cost.Micros, string(r.Cost.Currency), wire, now, r.Provider, r.Route
	return v
}

// takenAll writes down that providers took messages, all in one unit of work.
func (s *Service) takenAll(ctx context.Context, all []*waiting) error {
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b *waiting) int { return strings.Compare(a.r.ID, b.r.ID) }) // rows are locked in one order everywhere
	return s.db.Write(ctx, func(tx *db.Tx) error {
		var together, rest []*waiting
		for _, w := range all {
			if w.st.attempt.folded() {
				together = append(together, w)
			} else {
				rest = append(rest, w)
			}
		}
		counts := newAlike()
		others, err := s.takenTogether(tx, together, counts)
		if err != nil {
			return err
		}
		apart := map[*waiting]bool{}
		for _, w := range append(rest, others...) {
			apart[w] = true
			if err := s.answered(tx, *w.st, w.wire, w.taken, nil); err != nil {
				return err
			}
		}
		var refs, charges [][]any
		var news []events.Event
		early := map[string][]string{} // provider's names, as receipts spell them, by provider
		for _, w := range all {
			r, at := s.charged(w.st, w.taken), w.st.attempt
			if c, ok := w.st.charge(w.taken, tx.Now()); ok {
				charges = append(charges, c.row(r.ID))
			}
			if apart[w] {
				continue
			}
			news = append(news, sentEvent(r, tx.Now()))
			for i, given := range w.taken.IDs {
				keys := smpp.IDKeys(given)
				if len(keys) > 0 && len(w.taken.IDs) > 1 {
					refs = append(refs, []any{at.Provider, keys[0], at.ID, int64(i + 1), given, r.ID, r.To, "", int64(len(w.taken.IDs))})
				}
				early[at.Provider] = append(early[at.Provider], keys...)
			}
		}
		if err := counts.keep(tx); err != nil {
			return err
		}
		if err := db.InsertEach(tx, insertRefs, `on conflict do nothing`, refs); err != nil {
			return err
		}
		if err := db.InsertEach(tx, insertCharges, `on conflict do nothing`, charges); err != nil {
			return err
		}
		if err := s.bus.PublishEach(tx, news); err != nil {
			return err
		}
		for provider, names := range early {
			if len(names) == 0 {
				continue
			}
			if err := s.parked(tx, provider, names); err != nil {
				return err
			}
		}
		return nil
	})
}
