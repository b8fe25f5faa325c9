package messaging

import (
	"errors"
	"slices"
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
	lastMatch  = time.Hour
)

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
	keys := smpp.IDKeys(rc.Ref)
	if rc.Provider == "" || len(keys) == 0 || rc.State == "" {
		return ErrBadMessage.With(map[string]string{"ref": "required"})
	}
	rc.ID, rc.SeenAt, rc.Raw = newID("rcp"), tx.Now(), clip(rc.Raw)
	n, err := tx.Exec(`insert into message_receipts (`+receiptColumns+`, normal, phone) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
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
	rc, err := db.One(tx, scanReceipt, `select `+receiptColumns+`, phone from message_receipts where id = $1 and message = ''`, a.Receipt)
	if errors.Is(err, db.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	found, err := s.settle(tx, rc)
	if err != nil || found || tx.Now().Sub(rc.SeenAt) > parkedFor {
		return err
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
		all, err := db.All(tx, scanRef, `select attempt, message, recipient, part, state from message_refs
			where provider = $1 and ref = $2 order by attempt desc`, rc.Provider, k)
		if err != nil {
			return false, err
		}
		all = slices.DeleteFunc(all, func(x ref) bool { return !samePhone(x.recipient, rc.Phone, i > 0) })
		if len(all) == 0 {
			continue
		}
		if err := tx.Send(`update message_receipts set message = $2 where id = $1`, rc.ID, all[0].message); err != nil {
			return false, err
		}
		return true, s.report(tx, all[0], rc)
	}
	return false, nil
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
		if err := tx.Send(`update message_refs set state = $3 where attempt = $1 and part = $2`, x.attempt, x.part, string(rc.State)); err != nil {
			return err
		}
		x.state = rc.State
	}
	parts, err := db.All(tx, scanRef, `select attempt, message, recipient, part, state from message_refs where attempt = $1 order by part`, x.attempt)
	if err != nil {
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

// keepRefs notes a provider's names for what it took, and applies receipts that were faster than its answer.
func (s *Service) keepRefs(tx *db.Tx, at Attempt, r Record, ids []string) error {
	for i, given := range ids {
		keys := smpp.IDKeys(given)
		if len(keys) == 0 {
			continue
		}
		err := tx.Send(`insert into message_refs (provider, ref, attempt, part, given, message, recipient, state)
			values ($1, $2, $3, $4, $5, $6, $7, '') on conflict do nothing`, at.Provider, keys[0], at.ID, int64(i+1), given, r.ID, r.To)
		if err != nil {
			return err
		}
	}
	for _, given := range ids {
		for _, k := range smpp.IDKeys(given) {
			early, err := db.All(tx, scanReceipt, `select `+receiptColumns+`, phone from message_receipts
				where provider = $1 and normal = $2 and message = '' order by id`, at.Provider, k)
			if err != nil {
				return err
			}
			for _, rc := range early {
				if _, err := s.settle(tx, rc); err != nil {
					return err
				}
			}
		}
	}
	return nil
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
