package messaging

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
)

// Schema holds messages with what became of them, and what people answered.
var Schema = db.Schema{Owner: "messaging", Files: files}

const (
	columns = inserted + `, cost_micros, currency, repeats, clicks, late_failure, wire_at, sent_at, delivered_at, replied_at, orders, revenue_minor,
	revenue_currency, robots`

	// inserted is what a message has when it is written; the rest comes later.
	inserted = `id, key, customer, channel, recipient, class, market, country, lang, template, order_id, cart, request, token, subject,
	body, html, encoding, parts, sender, sender_kind, state, reason, gate, fact_at, not_after, held_until, created_at, queued_at, due_at, text_version,
	provider, route, tried_at`
)

// errThere is the fault of a message whose key was used before.
var errThere = errors.New("messaging: there is a message of that key")

func insert(tx *db.Tx, r Record) error {
	n, err := insertNew(tx, []*Record{&r})
	if err == nil && n == 0 {
		err = errThere
	}
	if err != nil {
		return err
	}
	return counted(tx, standing{}, r.standing())
}

// insertNew keeps those of which there is no message of that key yet, and returns how many those are.
func insertNew(tx *db.Tx, all []*Record) (int64, error) {
	rows := make([][]any, len(all))
	for i, r := range all {
		r.shedToken()
		rows[i] = []any{r.ID, r.Key, r.Customer, string(r.Channel), r.To, string(r.Class), string(r.Market), string(r.Country), r.Lang, r.Template, r.Order,
			r.Cart, encode(r.asked), r.Token, r.Subject, r.Body, r.HTML, r.Encoding, r.Parts, r.Sender, string(r.SenderKind), string(r.State),
			r.Reason, encode(r.Gate), r.FactAt, r.NotAfter, r.HeldUntil, r.CreatedAt, r.QueuedAt, r.due, r.TextVersion, r.first.Provider, r.first.Route,
			r.first.StartedAt}
	}
	return db.InsertNew(tx, `insert into messages (`+inserted+`) values`, `on conflict do nothing`, rows)
}

// Enter puts messages of the past into the books, with what became of them, and tells nobody: for a history that is
// brought along. It returns their IDs; what has a key that was used before is left out and has none.
func (s *Service) Enter(tx *db.Tx, all []Record) ([]string, error) {
	ids, t := make([]string, len(all)), tally{}
	for i := range all {
		r := all[i]
		r.ID, r.Token, r.asked = id.New("msg"), newToken(), r.Message
		n, err := insertNew(tx, []*Record{&r})
		if err != nil {
			return nil, err
		}
		if n == 0 {
			continue
		}
		if err := put(tx, r); err != nil {
			return nil, err
		}
		if err := tx.Send(`update messages set clicks = $2 where id = $1`, r.ID, r.Clicks); err != nil {
			return nil, err
		}
		ids[i] = r.ID
		t.add(r.standing(), 1)
	}
	return ids, t.keep(tx)
}

// shedToken takes away the token of a text in which nothing leads to us: then nobody has to find it.
func (r *Record) shedToken() {
	if r.Channel == SMS && r.Link == "" && len(r.Links) == 0 && r.Text == "" && !strings.Contains(r.Body, r.Token) {
		r.Token = ""
	}
}

// save writes down everything about a message that changes.
func save(tx *db.Tx, r Record) error {
	if err := put(tx, r); err != nil {
		return err
	}
	return counted(tx, r.was, r.standing())
}

// put is save without the counts.
func put(tx *db.Tx, r Record) error {
	return tx.Send(`update messages set channel = $2, recipient = $3, country = $4, subject = $5, body = $6, html = $7, encoding = $8,
		parts = $9, sender = $10, sender_kind = $11, state = $12, reason = $13, gate = $14, cost_micros = $15, currency = $16, repeats = $17,
		late_failure = $18, held_until = $19, queued_at = $20, wire_at = $21, sent_at = $22, delivered_at = $23, due_at = $24,
		provider = $25, route = $26, text_version = $27, token = $28 where id = $1`,
		r.ID, string(r.Channel), r.To, string(r.Country), r.Subject, r.Body, r.HTML, r.Encoding, r.Parts, r.Sender, string(r.SenderKind),
		string(r.State), r.Reason, encode(r.Gate), r.Cost.Micros, string(r.Cost.Currency), r.Repeats, r.LateFailure, r.HeldUntil, r.QueuedAt,
		r.WireAt, r.SentAt, r.DeliveredAt, r.due, r.Provider, r.Route, r.TextVersion, r.Token)
}

func scan(r db.Row) (m Record, err error) {
	var request, gate string
	var key, customer, lang, template, order, cart, class, mk string
	var fact, notAfter time.Time
	err = r.Scan(&m.ID, &key, &customer, (*string)(&m.Channel), &m.To, &class, &mk, (*string)(&m.Country), &lang, &template, &order, &cart,
		&request, &m.Token, &m.Subject, &m.Body, &m.HTML, &m.Encoding, &m.Parts, &m.Sender, (*string)(&m.SenderKind), (*string)(&m.State),
		&m.Reason, &gate, db.Null(&fact), db.Null(&notAfter), db.Null(&m.HeldUntil), &m.CreatedAt, db.Null(&m.QueuedAt), db.Null(&m.due), &m.TextVersion,
		&m.Provider, &m.Route, db.Null(&m.first.StartedAt), &m.Cost.Micros, (*string)(&m.Cost.Currency), &m.Repeats, &m.Clicks, &m.LateFailure,
		db.Null(&m.WireAt), db.Null(&m.SentAt), db.Null(&m.DeliveredAt), db.Null(&m.RepliedAt), &m.Orders, &m.Revenue.Minor, (*string)(&m.Revenue.Currency), &m.Robots)
	if err != nil {
		return m, err
	}
	if err = json.Unmarshal([]byte(request), &m.asked); err != nil {
		return m, err
	}
	if err = json.Unmarshal([]byte(gate), &m.Gate); err != nil {
		return m, err
	}
	ch, to, country := m.Channel, m.To, m.Country
	m.Message = m.asked
	m.Channel, m.To, m.Country = ch, to, country
	if m.SentAt.IsZero() {
		m.Provider, m.Route = "", "" // those that have it in hand
	}
	m.CreatedAt = m.CreatedAt.UTC()
	m.was = m.standing()
	return m, nil
}

func one(tx *db.Tx, where string, args ...any) (Record, error) {
	r, err := db.One(tx, scan, `select `+columns+` from messages where `+where, args...)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return r, err
}

func byKey(tx *db.Tx, key string) (Record, error) { return one(tx, `key = $1`, key) }

// take loads a message to change it; nobody else does meanwhile. The row of the address comes first, as it does
// everywhere, where the message needs consent.
func take(tx *db.Tx, id string) (Record, error) {
	r, err := one(tx, `id = $1`, id)
	if err != nil {
		return r, err
	}
	return again(tx, r)
}

// again is take for a message that was read before.
func again(tx *db.Tx, r Record) (Record, error) {
	if r.Class.asks() {
		if err := lockAddress(tx, r.asked.To); err != nil {
			return r, err
		}
	}
	return one(tx, `id = $1`+tx.ForUpdate(), r.ID)
}

// lockPerson makes everybody take turns who writes to one person, or about one cart, where consent is asked for.
func lockPerson(tx *db.Tx, r Record) error {
	if err := lockAddress(tx, r.asked.To); err != nil {
		return err
	}
	who := ""
	if len(r.person) > 0 {
		who = r.person[0]
	}
	for _, name := range []string{who, r.asked.Cart} {
		if name != "" {
			if err := lockAddress(tx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func lockAddress(tx *db.Tx, address string) error {
	err := tx.Send(`insert into message_addresses (address, touched_at) values ($1, $2)
		on conflict (address) do update set touched_at = excluded.touched_at`, address, tx.Now())
	return err
}

// gone are the states of messages that left or are about to, and may have arrived.
const gone = `('queued', 'sent', 'delivered', 'read', 'unknown')`

// recent lists the messages needing consent that left or are about to leave for a person: for the same address, or for
// another one of the same person, whichever profile they were written under.
func recent(tx *db.Tx, r Record, since time.Time) ([]leaving, error) {
	const of = `select id, queued_at, class, template from messages where id <> $1 and queued_at > $2 and class in ('promotional', 'service') and state in ` + gone
	query, args := of+` and recipient = $3`, []any{r.ID, since, r.To}
	if len(r.person) > 0 {
		query, args = query+` union `+of+` and customer in `+db.In(4, len(r.person))+` and customer <> ''`, append(args, db.Fill(r.person)...)
	}
	return db.All(tx, func(row db.Row) (l leaving, err error) {
		var id string
		err = row.Scan(&id, db.Moment(&l.at), (*string)(&l.class), &l.template)
		return
	}, query+` order by 2, 1`, args...)
}

// sameText lists when the same words left or were about to leave for an address.
func sameText(tx *db.Tx, r Record, since time.Time) ([]time.Time, error) {
	return db.All(tx, func(row db.Row) (at time.Time, err error) {
		err = row.Scan(db.Moment(&at))
		return
	}, `select queued_at from messages where recipient = $1 and id <> $2 and queued_at > $3 and body = $4 and state in `+gone+` order by queued_at`, r.To, r.ID, since, r.Body)
}

// reminded is an earlier offer about the same cart that left or is about to; empty if there is none.
func reminded(tx *db.Tx, r Record) (string, error) {
	id, err := db.One(tx, db.Scalar[string], `select id from messages where cart = $1 and cart <> '' and id <> $2 and class = 'promotional' and state in `+gone+`
		order by id limit 1`, r.Cart, r.ID)
	if errors.Is(err, db.ErrNone) {
		return "", nil
	}
	return id, err
}

func insertDecision(tx *db.Tx, message string, d Decision) error {
	err := tx.Send(`insert into message_decisions (id, message, n, at, channel, verdict, body)
		values ($1, $2, (select count(*) from message_decisions where message = $2), $3, $4, $5, $6)`,
		newID("dec"), message, d.At, string(d.Channel), string(d.Verdict), encode(d))
	return err
}

// keepDecisions keeps what the gate said before and on the way to its answer of now, which stands with the message: what
// it said of other addresses, and its answer before if that was another one.
func keepDecisions(tx *db.Tx, r Record, before Decision, all []Decision) error {
	if !before.same(r.Gate) {
		if err := insertDecision(tx, r.ID, before); err != nil {
			return err
		}
	}
	for _, d := range all {
		if !d.same(r.Gate) {
			if err := insertDecision(tx, r.ID, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// same reports whether two decisions say the same, whenever they were made.
func (d Decision) same(o Decision) bool {
	return d.Verdict == o.Verdict && d.Why == o.Why && d.Channel == o.Channel && d.Version == o.Version && d.Until.Equal(o.Until) && slices.Equal(d.Reasons, o.Reasons)
}

func decisions(tx *db.Tx, message string) ([]Decision, error) {
	return db.All(tx, func(r db.Row) (d Decision, err error) {
		var body string
		if err = r.Scan(&body); err == nil {
			err = json.Unmarshal([]byte(body), &d)
		}
		return
	}, `select body from message_decisions where message = $1 order by n, id`, message)
}
