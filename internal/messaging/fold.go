package messaging

import (
	"errors"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/market"
	"portolan/internal/messaging/smpp"
)

// What nearly every text has once stands in its own row of messages, which is written anyway: its first attempt, the name
// that the provider gave it, the receipt that says it has arrived. A row holds its first attempt while tried_at is set, and
// that attempt is answered when the message is sent. As soon as there is more to tell than that, everything is moved to
// message_tries, message_names and message_reports, and goes on there; the views message_attempts, message_refs and
// message_receipts tell of both.

// firstID is the ID of a message's first attempt.
func firstID(message string) string { return "att_" + strings.TrimPrefix(message, "msg_") }

// folded reports whether the message's row is where the attempt was written down first.
func (a Attempt) folded() bool { return a.ID == firstID(a.Message) }

// fold notes the first attempt of messages that go by one route in their own rows, which become nobody else's until then.
func fold(tx *db.Tx, route Route, until time.Time, ids []string) error {
	return tx.Send(`update messages set tried_at = $1, due_at = $2, provider = $3, route = $4, sender = $5 where id in `+db.In(6, len(ids)),
		append([]any{tx.Now(), until, route.Provider, route.Name, route.Sender}, db.Fill(ids)...)...)
}

// unfold moves what a message's row tells of its attempt, of the name and of the receipt to where there may be more.
func (r *Record) unfold(tx *db.Tx) error {
	if r.first.StartedAt.IsZero() {
		return nil
	}
	r.first = Attempt{}
	return unfold(tx, r.ID)
}

// unfold is Record.unfold for a message of which only the ID is known.
func unfold(tx *db.Tx, message string) error {
	if _, err := db.All(tx, db.Scalar[string], `select id from messages where id = $1`+tx.ForUpdate(), message); err != nil {
		return err
	}
	for _, statement := range []string{
		`insert into message_tries (` + attemptColumns + `) select ` + attemptColumns + ` from message_attempts where message = $1 and id = $2 on conflict do nothing`,
		`insert into message_names (provider, ref, attempt, part, given, message, recipient, state, parts)
			select provider, ref, $2, 1, given, id, recipient, case when told_at is null then '' else 'delivered' end, 1 from messages where id = $1 and ref <> ''`,
		`insert into message_reports (` + receiptColumns + `, normal, phone)
			select 'rcp_' || substr($2, 5), provider, told_ref, 'delivered', told_code, told_raw, told_on, id, told_at, ref, told_phone
			from messages where id = $1 and told_at is not null on conflict do nothing`,
	} {
		if err := tx.Send(statement, message, firstID(message)); err != nil {
			return err
		}
	}
	return tx.Send(`update messages set tried_at = null, ref = '', told_at = null, provider = case when sent_at is null then '' else provider end,
		route = case when sent_at is null then '' else route end where id = $1`, message)
}

// unfoldNamed is unfold for the messages that a provider calls by a name.
func unfoldNamed(tx *db.Tx, provider, name string) error {
	all, err := db.All(tx, db.Scalar[string], `select id from messages where ref = $1 and ref <> '' and provider = $2`, name, provider)
	if err != nil {
		return err
	}
	for _, id := range all {
		if err := unfold(tx, id); err != nil {
			return err
		}
	}
	return nil
}

// refsOf lists the provider's names for an attempt, one per part.
func refsOf(tx *db.Tx, a Attempt) ([]string, error) {
	all, err := db.All(tx, db.Scalar[string], `select given from message_names where attempt = $1 order by part`, a.ID)
	if err != nil || len(all) > 0 || !a.folded() {
		return all, err
	}
	return db.All(tx, db.Scalar[string], `select given from messages where id = $1 and ref <> ''`, a.Message)
}

// newestAttempts lists up to n attempts of all messages, newest first.
func newestAttempts(tx *db.Tx, n int64) ([]Attempt, error) {
	rows, err := db.All(tx, scanAttempt, `select `+attemptColumns+` from message_tries order by id desc limit 0 + $1`, n)
	if err != nil {
		return nil, err
	}
	first, err := db.All(tx, scanAttempt, `select `+attemptColumns+` from message_attempts where message in (select id from messages where tried_at is not null
		order by id desc limit 0 + $1) and id = 'att_' || substr(message, 5)`, n)
	if err != nil {
		return nil, err
	}
	all := append(rows, first...)
	slices.SortFunc(all, func(a, b Attempt) int { return strings.Compare(b.ID, a.ID) })
	return all[:min(len(all), int(n))], nil
}

// takenTogether writes down in their rows that messages were taken by the attempt that stands there, and returns those that
// something else happened to meanwhile.
func (s *Service) takenTogether(tx *db.Tx, all []*waiting, counts *alike) (rest []*waiting, err error) {
	rows := make([][]any, len(all))
	for i, w := range all {
		r := s.charged(w.st, w.taken)
		ref, given := "", ""
		if len(w.taken.IDs) == 1 {
			if keys := smpp.IDKeys(w.taken.IDs[0]); len(keys) > 0 {
				ref, given = keys[0], w.taken.IDs[0]
			}
		}
		rows[i] = []any{r.ID, r.Parts, r.Cost.Micros, string(r.Cost.Currency), w.wire, tx.Now(), s.awaited(r, w.taken, tx.Now()), ref, given}
	}
	// The state is compared so that PostgreSQL doesn't walk the index of what is queued, where what no longer is stands
	// until the next vacuum.
	n, err := db.UpdateEach(tx, `update messages set state = 'sent', reason = '', held_until = null, parts = v.parts, cost_micros = v.cost_micros, currency = v.currency,
		wire_at = v.wire_at, sent_at = v.sent_at, due_at = v.due_at, ref = v.ref, given = v.given`, "messages",
		`id, parts, cost_micros, currency, wire_at, sent_at, due_at, ref, given`,
		`messages.id = v.id and messages.state || '' = 'queued' and messages.tried_at is not null and messages.sent_at is null
			and messages.clicks = 0 and messages.orders = 0 and messages.replied_at is null`, rows)
	if err != nil {
		return nil, err
	}
	done := map[string]bool{}
	if n < int64(len(rows)) {
		ids := make([]string, len(all))
		for i, w := range all {
			ids[i] = w.r.ID
		}
		ours, err := db.All(tx, db.Scalar[string], `select id from messages where state = 'sent' and tried_at is not null and sent_at = $1 and id in `+db.In(2, len(ids)),
			append([]any{tx.Now()}, db.Fill(ids)...)...)
		if err != nil {
			return nil, err
		}
		for _, id := range ours {
			done[id] = true
		}
	}
	for _, w := range all {
		if n < int64(len(rows)) && !done[w.r.ID] {
			rest = append(rest, w)
			continue
		}
		was := w.r.standing() // a message that is queued, and that nobody has followed or answered, is counted nowhere
		counts.add(was.taken(s.charged(w.st, w.taken), w.wire, tx.Now()), 1)
	}
	return rest, nil
}

// gist is a message that a provider knows by the name in its row: what events say of it, and what is counted.
type gist struct {
	id, customer, order, cart string
	ref, provider, recipient  string
	tried, told               time.Time
	was                       standing
}

// receiptAll keeps receipts. Those that say that a message has arrived, by the one name that its provider gave it, which is
// what nearly all of them are, are worked together; the others one by one.
func (s *Service) receiptAll(tx *db.Tx, all []Receipt) error {
	names := make([]string, len(all))
	for i := range all {
		names[i] = smpp.IDKeys(all[i].Ref)[0]
	}
	about := make(map[[2]string]*gist, len(all))
	known, err := db.All(tx, func(r db.Row) (*gist, error) {
		m := &gist{}
		return m, r.Scan(append([]any{&m.id, &m.customer, &m.order, &m.cart, &m.ref, &m.provider, &m.recipient, db.Null(&m.tried), db.Null(&m.told)}, m.was.into()...)...)
	}, `select id, customer, order_id, cart, ref, provider, recipient, tried_at, told_at, `+standingColumns+` from messages where ref <> '' and ref in `+db.In(1, len(names))+
		` order by id`+tx.ForUpdate(), db.Fill(names)...)
	if err != nil {
		return err
	}
	for _, m := range known {
		key := [2]string{m.provider, m.ref}
		if about[key] != nil {
			m.tried = time.Time{} // the name was given twice
		}
		about[key] = m
	}
	var rows [][]any
	var rest []Receipt
	var news []events.Event
	counts, now := newAlike(), tx.Now()
	for i, rc := range all {
		m := about[[2]string{rc.Provider, names[i]}]
		if m == nil || rc.State != Delivered || m.was.state != Sent || m.tried.IsZero() || !m.told.IsZero() || !samePhone(m.recipient, rc.Phone, false) {
			rest = append(rest, rc)
			continue
		}
		rows = append(rows, []any{m.id, now, rc.At, now, rc.Ref, rc.Phone, rc.Code, clip(rc.Raw)})
		counts.add(m.was, -1)
		m.was.state, m.was.delivered, m.told = Delivered, now, now
		counts.add(m.was, 1)
		tx.After(func() { s.health.reported(m.was.route, true, now.Sub(m.tried), now) })
		news = append(news, DeliveredEvent{m.id, m.customer, m.order, m.cart, m.was.template, market.Code(m.was.market), now})
	}
	n, err := db.UpdateEach(tx, `update messages set state = 'delivered', due_at = null, delivered_at = v.delivered_at, told_on = v.told_on, told_at = v.told_at, told_ref = v.told_ref,
		told_phone = v.told_phone, told_code = v.told_code, told_raw = v.told_raw`, "messages", `id, delivered_at, told_on, told_at, told_ref, told_phone, told_code, told_raw`,
		`messages.id = v.id`, rows)
	if err != nil {
		return err
	}
	if n < int64(len(rows)) {
		return errGone
	}
	if err := counts.keep(tx); err != nil {
		return err
	}
	if err := s.bus.PublishEach(tx, news); err != nil {
		return err
	}
	for _, rc := range rest {
		if err := s.Receipt(tx, rc); err != nil {
			return err
		}
	}
	return nil
}

// errGone is the fault of a row that was locked and is not there.
var errGone = errors.New("messaging: a message is gone")
