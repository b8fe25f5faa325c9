package messaging

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/jobs"
	"portolan/internal/messaging/smpp"
)

// Receipt is what the network said about a message or one of its parts.
type Receipt struct {
	ID       string
	Provider string
	Ref      string // the provider's name for the message or part
	Phone    string // that the message was for, if the provider says
	State    State
	Code     string
	Raw      string
	At       time.Time // when the network says it happened; zero if it does not say
	Message  string    // empty while parked
	SeenAt   time.Time
}

const (
	parkedFor  = 72 * time.Hour // how long a receipt waits for its message
	firstMatch = time.Second

	heardPatience = 2 * time.Millisecond // how long a receipt waits for others
	lastMatch     = time.Hour
)

// said is a receipt whose teller waits until it is kept.
type said struct {
	rc   Receipt
	done chan error
}

// TakeReceipt keeps what the network said, as Receipt does, in a unit of work that it shares with whatever else comes
// at the same time. It returns once that is committed.
func (s *Service) TakeReceipt(ctx context.Context, rc Receipt) error {
	if err := rc.check(); err != nil {
		return err
	}
	one := &said{rc, make(chan error, 1)}
	if s.heard.add(one) {
		go s.keepReceipts(context.WithoutCancel(ctx))
	}
	select {
	case err := <-one.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keepReceipts works until nothing waits.
func (s *Service) keepReceipts(ctx context.Context) {
	for batch := s.heard.next(); len(batch) > 0; batch = s.heard.next() {
		all := make([]Receipt, len(batch))
		for i, one := range batch {
			all[i] = one.rc
		}
		err := s.db.Write(ctx, func(tx *db.Tx) error { return s.receiptAll(tx, all) })
		for _, one := range batch {
			one.done <- err
		}
	}
}

func (rc *Receipt) check() error {
	if rc.Provider == "" || len(smpp.IDKeys(rc.Ref)) == 0 || rc.State == "" {
		return ErrBadMessage.With(map[string]string{"ref": "required"})
	}
	return nil
}

// match looks again for the message of a parked receipt.
type match struct {
	Receipt string        `json:"receipt"`
	Waited  time.Duration `json:"waited"`
}

// Job implements jobs.Args.
func (match) Job() string { return "messaging.match" }

// Receipt keeps what the network said, once per provider, id and state, and moves the message on. A receipt that
// comes before the answer to its submit is parked until its message is known; after three days it stays as an
// orphan.
func (s *Service) Receipt(tx *db.Tx, rc Receipt) error {
	if err := rc.check(); err != nil {
		return err
	}
	keys := smpp.IDKeys(rc.Ref)
	rc.ID, rc.SeenAt, rc.Raw = newID("rcp"), tx.Now(), clip(rc.Raw)
	if err := unfoldNamed(tx, rc.Provider, keys[0]); err != nil {
		return err
	}
	n, err := tx.Exec(`insert into message_reports (`+receiptColumns+`, normal, phone) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		on conflict do nothing`,
		rc.ID, rc.Provider, rc.Ref, string(rc.State), rc.Code, rc.Raw, rc.At, "", rc.SeenAt, keys[0], rc.Phone)
	if err != nil || n == 0 {
		return err
	}
	found, err := s.settle(tx, rc)
	if err != nil || found {
		return err
	}
	return s.queue.Add(tx, match{rc.ID, firstMatch}, jobs.When{At: tx.Now().Add(firstMatch), Priority: jobs.Low})
}

func (s *Service) match(tx *db.Tx, a match) error {
	rc, err := db.One(tx, scanReceipt, `select `+receiptColumns+`, phone from message_reports where id = $1 and message = ''`, a.Receipt)
	if errors.Is(err, db.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	found, err := s.settle(tx, rc)
	if err != nil {
		return err
	}
	if found {
		return s.billEarly(tx, rc.Provider, smpp.IDKeys(rc.Ref))
	}
	if tx.Now().Sub(rc.SeenAt) > parkedFor {
		return nil
	}
	a.Waited = min(a.Waited*4, lastMatch)
	return s.queue.Add(tx, a, jobs.When{At: tx.Now().Add(a.Waited), Priority: jobs.Low})
}

// ref is a provider's name for a message or a part of it.
type ref struct {
	attempt, message, recipient string
	part                        int64
	state                       State
}

// settle finds the message of a receipt and applies it. Names that agree only in another notation have to agree
// in the phone number too.
func (s *Service) settle(tx *db.Tx, rc Receipt) (bool, error) {
	for i, k := range smpp.IDKeys(rc.Ref) {
		if err := unfoldNamed(tx, rc.Provider, k); err != nil {
			return false, err
		}
		all, err := db.All(tx, scanRef, `select attempt, message, recipient, part, state from message_names
			where provider = $1 and ref = $2 order by attempt desc`, rc.Provider, k)
		if err != nil {
			return false, err
		}
		all = slices.DeleteFunc(all, func(x ref) bool { return !samePhone(x.recipient, rc.Phone, i > 0) })
		if len(all) == 0 {
			continue
		}
		if err := tx.Send(`update message_reports set message = $2 where id = $1 and message = ''`, rc.ID, all[0].message); err != nil {
			return false, err
		}
		return true, s.report(tx, all[0], rc)
	}
	return s.adopt(tx, rc)
}

// adopt takes a receipt by a name that nobody knows as the answer that an attempt never got: a process that ended before
// it could note the name left it behind. It has to be the only attempt without a name that the provider has for the phone,
// and for a message of one part.
func (s *Service) adopt(tx *db.Tx, rc Receipt) (bool, error) {
	if rc.Phone == "" {
		return false, nil
	}
	type orphan struct {
		attempt, outcome string
		parts            int64
	}
	all, err := db.All(tx, func(r db.Row) (o orphan, err error) { return o, r.Scan(&o.attempt, &o.outcome, &o.parts) },
		`select a.id, a.outcome, m.parts from messages m join message_tries a on a.message = m.id
		where m.recipient = $1 and a.provider = $2 and a.outcome in ('open', 'unknown') and a.started_at > $3
		and not exists (select 1 from message_names f where f.attempt = a.id)
		union all select id, 'open', parts from messages where recipient = $1 and provider = $2 and tried_at > $3 and sent_at is null limit 2`,
		"+"+strings.TrimLeft(rc.Phone, "+0"), rc.Provider, tx.Now().Add(-parkedFor))
	if err != nil || len(all) != 1 || all[0].outcome != "unknown" || all[0].parts != 1 {
		return false, err
	}
	return true, s.Late(tx, all[0].attempt, 1, rc.Ref)
}

// samePhone compares what a network calls a phone with our E.164; networks leave the plus out.
func samePhone(ours, theirs string, needed bool) bool {
	if theirs == "" {
		return !needed
	}
	trim := func(s string) string {
		for len(s) > 0 && (s[0] == '+' || s[0] == '0') {
			s = s[1:]
		}
		return s
	}
	return trim(ours) == trim(theirs)
}

// report moves one part on, and its message when all parts of an attempt agree or one failed.
func (s *Service) report(tx *db.Tx, x ref, rc Receipt) error {
	r, err := take(tx, x.message)
	if err != nil {
		return err
	}
	if x.state != Delivered && (x.state == "" || x.state.follows(rc.State)) {
		if err := tx.Send(`update message_names set state = $3 where attempt = $1 and part = $2`, x.attempt, x.part, string(rc.State)); err != nil {
			return err
		}
		x.state = rc.State
	}
	parts, err := db.All(tx, scanRef, `select attempt, message, recipient, part, state from message_names where attempt = $1 order by part`, x.attempt)
	if err != nil {
		return err
	}
	if err := s.sawReceipt(tx, x.attempt, rc.State); err != nil {
		return err
	}
	state, code := rc.State, rc.Code
	if state == Delivered && slices.ContainsFunc(parts, func(p ref) bool { return p.state != Delivered && p.state != Read }) {
		return nil
	}
	if (state == Failed || state == Expired) && (r.State == Delivered || r.State == Read) {
		r.LateFailure = string(state) + " " + code
		return save(tx, r)
	}
	// a receipt may overtake the note of the answer it belongs to
	if !r.State.follows(state) {
		return nil
	}
	r.State = state
	switch state {
	case Delivered:
		r.DeliveredAt = tx.Now()
		if err := save(tx, r); err != nil {
			return err
		}
		return s.bus.Publish(tx, DeliveredEvent{r.ID, r.Customer, r.Order, r.Cart, r.Template, r.Market, tx.Now()})
	case Failed, Expired:
		r.Reason = "network"
		if code != "" {
			r.Reason += " " + code
		}
		return s.end(tx, r)
	}
	return save(tx, r)
}

// sawReceipt lets the health of an attempt's route know of a receipt.
func (s *Service) sawReceipt(tx *db.Tx, attempt string, state State) error {
	at, err := attemptByID(tx, attempt)
	if err != nil || state != Delivered && state != Failed && state != Expired {
		return err
	}
	now := tx.Now()
	tx.After(func() { s.health.reported(at.Route, state == Delivered, now.Sub(at.StartedAt), now) })
	return nil
}

const insertRefs = `insert into message_names (provider, ref, attempt, part, given, message, recipient, state, parts) values`

// keepRefs notes a provider's names for what it took, and applies receipts that were faster than its answer.
func (s *Service) keepRefs(tx *db.Tx, at Attempt, r Record, ids []string) error {
	var rows [][]any
	var names []string
	for i, given := range ids {
		if keys := smpp.IDKeys(given); len(keys) > 0 {
			rows = append(rows, []any{at.Provider, keys[0], at.ID, int64(i + 1), given, r.ID, r.To, "", int64(len(ids))})
			names = append(names, keys...)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if at.folded() {
		if err := unfold(tx, r.ID); err != nil {
			return err
		}
	}
	if err := db.InsertEach(tx, insertRefs, `on conflict do nothing`, rows); err != nil {
		return err
	}
	return s.parked(tx, at.Provider, names)
}

// parked applies receipts that came before the answer to their submit.
func (s *Service) parked(tx *db.Tx, provider string, names []string) error {
	early, err := db.All(tx, scanReceipt, `select `+receiptColumns+`, phone from message_reports
		where provider = $1 and message = '' and normal in `+db.In(2, len(names))+` order by id`, append([]any{provider}, db.Fill(names)...)...)
	if err != nil {
		return err
	}
	for _, rc := range early {
		if _, err := s.settle(tx, rc); err != nil {
			return err
		}
	}
	if len(early) == 0 {
		return nil
	}
	return s.billEarly(tx, provider, names)
}

const receiptColumns = `id, provider, ref, state, code, raw, at, message, seen_at`

func scanReceipt(r db.Row) (c Receipt, err error) {
	err = r.Scan(&c.ID, &c.Provider, &c.Ref, (*string)(&c.State), &c.Code, &c.Raw, db.Null(&c.At), &c.Message, &c.SeenAt, &c.Phone)
	return
}

func scanRef(r db.Row) (x ref, err error) {
	err = r.Scan(&x.attempt, &x.message, &x.recipient, &x.part, (*string)(&x.state))
	return
}
