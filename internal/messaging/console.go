package messaging

import (
	"cmp"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/market"
)

// Page is a part of a list: After is the ID of the last row of the page before, Limit is 1 to 200, 50 if zero.
type Page struct {
	After string
	Limit int
}

// Filter narrows the list of messages; zero fields do not.
type Filter struct {
	Market   market.Code
	State    State
	Class    Class
	Channel  Channel
	Template string
	Customer string
	Order    string
	Cart     string
	To       string
	Since    time.Time
	Until    time.Time
}

// Detail is a message with everything that happened to it.
type Detail struct {
	Record
	Decisions []Decision
	Attempts  []Attempt
	Receipts  []Receipt
	Replies   []Inbound
	Charges   []Charge
	Returns   []Return
	Links     []Clicked
}

// InboxFilter narrows the inbox; zero fields do not.
type InboxFilter struct {
	Open   bool // only what asked for a person
	Market market.Code
	From   string
}

// Totals are the counts and costs of one market and channel since a moment.
type Totals struct {
	Market    market.Code
	Channel   Channel
	Sent      int64
	Delivered int64
	Failed    int64
	Held      int64
	Dropped   int64
	Replied   int64
	Parts     int64
	Repeats   int64
	Cost      Cost // one row per currency
}

func (p Page) limit() int {
	if p.Limit <= 0 {
		return 50
	}
	return min(p.Limit, 200)
}

// Get returns a message or ErrUnknown.
func (s *Service) Get(tx *db.Tx, id string) (Record, error) { return one(tx, `id = $1`, id) }

// ByKey returns the message of a key or ErrUnknown.
func (s *Service) ByKey(tx *db.Tx, key string) (Record, error) { return byKey(tx, key) }

// List returns messages, newest first.
func (s *Service) List(tx *db.Tx, f Filter, p Page) ([]Record, error) {
	who, err := s.people.IDs(tx, f.Customer)
	if err != nil {
		return nil, err
	}
	return db.All(tx, scan, `select `+columns+` from messages
		where ($1 = '' or market = $1) and ($2 = '' or state = $2) and ($3 = '' or class = $3) and ($4 = '' or channel = $4)
		and ($5 = '' or template = $5) and ($6 = '' or customer in `+db.In(14, len(who))+`) and ($7 = '' or order_id = $7) and ($8 = '' or cart = $8)
		and ($9 = '' or recipient = $9) and ($10 = '' or id < $10) and created_at >= $11 and created_at < $12
		order by id desc limit $13`,
		append([]any{string(f.Market), string(f.State), string(f.Class), string(f.Channel), f.Template, f.Customer, f.Order, f.Cart, f.To, p.After,
			since(f.Since), until(f.Until), p.limit()}, db.Fill(who)...)...)
}

func since(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0)
	}
	return t
}

func until(t time.Time) time.Time {
	if t.IsZero() {
		return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}

// ByOrder returns the messages about an order, oldest first.
func (s *Service) ByOrder(tx *db.Tx, order string) ([]Record, error) {
	return db.All(tx, scan, `select `+columns+` from messages where order_id = $1 and order_id <> '' order by id`, order)
}

// ByCustomer returns the messages to a customer, oldest first.
func (s *Service) ByCustomer(tx *db.Tx, customer string) ([]Record, error) {
	who, err := s.people.IDs(tx, customer)
	if err != nil {
		return nil, err
	}
	return db.All(tx, scan, `select `+columns+` from messages where customer in `+db.In(1, len(who))+` and customer <> '' order by id limit 1000`, db.Fill(who)...)
}

// Inspect returns a message with everything that happened to it.
func (s *Service) Inspect(tx *db.Tx, id string) (d Detail, err error) {
	if d.Record, err = s.Get(tx, id); err != nil {
		return d, err
	}
	if d.Decisions, err = decisions(tx, id); err != nil {
		return d, err
	}
	d.Decisions = append(d.Decisions, d.Gate)
	if d.Attempts, err = attempts(tx, id); err != nil {
		return d, err
	}
	for i := range d.Attempts {
		d.Attempts[i].Refs, err = refsOf(tx, d.Attempts[i])
		if err != nil {
			return d, err
		}
	}
	d.Receipts, err = db.All(tx, scanReceipt, `select `+receiptColumns+`, phone from message_receipts where message = $1 and message <> '' order by id`, id)
	if err != nil {
		return d, err
	}
	if d.Links, err = linksOf(tx, id); err != nil {
		return d, err
	}
	d.Replies, err = db.All(tx, scanInbound, `select `+inboundColumns+` from inbound_messages where message = $1 order by id`, id)
	if err != nil {
		return d, err
	}
	if d.Charges, err = s.Charges(tx, id); err != nil {
		return d, err
	}
	d.Returns, err = s.Returns(tx, id)
	return d, err
}

// Inbox returns texts from people, newest first.
func (s *Service) Inbox(tx *db.Tx, f InboxFilter, p Page) ([]Inbound, error) {
	return db.All(tx, scanInbound, `select `+inboundColumns+` from inbound_messages
		where ($1 = false or open) and ($2 = '' or market = $2) and ($3 = '' or sender = $3) and ($4 = '' or id < $4)
		order by id desc limit $5`, f.Open, string(f.Market), f.From, p.After, p.limit())
}

// GetInbound returns a text from a person or ErrUnknown.
func (s *Service) GetInbound(tx *db.Tx, id string) (Inbound, error) { return inboundByID(tx, id) }

// Turn is one line of a conversation: from us (Out) or to us (In).
type Turn struct {
	At  time.Time
	Out *Record
	In  *Inbound
}

// Turns returns the last messages to and from addresses before a moment, oldest first; the zero moment is now. limit is
// at most 200.
func (s *Service) Turns(tx *db.Tx, addresses []string, before time.Time, limit int) ([]Turn, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	limit = min(limit, 200)
	args := append([]any{until(before), limit}, db.Fill(addresses)...)
	out, err := db.All(tx, scan, `select `+columns+` from messages where recipient in `+db.In(3, len(addresses))+` and created_at < $1
		order by id desc limit $2`, args...)
	if err != nil {
		return nil, err
	}
	in, err := db.All(tx, scanInbound, `select `+inboundColumns+` from inbound_messages where sender in `+db.In(3, len(addresses))+` and at < $1
		order by id desc limit $2`, args...)
	if err != nil {
		return nil, err
	}
	var turns []Turn
	for i := range out {
		turns = append(turns, Turn{At: out[i].CreatedAt, Out: &out[i]})
	}
	for i := range in {
		turns = append(turns, Turn{At: in[i].At.UTC(), In: &in[i]})
	}
	slices.Reverse(turns)
	slices.SortStableFunc(turns, func(a, b Turn) int { return cmp.Or(a.At.Compare(b.At), a.place()-b.place()) })
	return turns[max(0, len(turns)-limit):], nil
}

// place puts what was heard before what was said at the same moment: that is an answer to it.
func (t Turn) place() int {
	if t.Out != nil {
		return 1
	}
	return 0
}

// About is what there is to tell about the order or cart of a message, in a language; nothing if there is nothing.
func (s *Service) About(tx *db.Tx, about Record, lang string) (map[string]string, error) {
	if s.info == nil {
		return nil, nil
	}
	return s.info(tx, about, lang)
}

// Stats returns the totals per market, channel and currency of messages written since a moment.
func (s *Service) Stats(tx *db.Tx, since time.Time) ([]Totals, error) {
	return db.All(tx, func(r db.Row) (t Totals, err error) {
		err = r.Scan((*string)(&t.Market), (*string)(&t.Channel), (*string)(&t.Cost.Currency), &t.Sent, &t.Delivered, &t.Failed, &t.Held,
			&t.Dropped, &t.Replied, &t.Parts, &t.Repeats, &t.Cost.Micros)
		return
	}, `select m.market, m.channel, m.currency,
			count(*) filter (where m.sent_at is not null),
			count(*) filter (where m.state in ('delivered', 'read')),
			count(*) filter (where m.state in ('failed', 'expired', 'unknown')),
			count(*) filter (where m.state = 'held'),
			count(*) filter (where m.state = 'dropped'),
			count(*) filter (where exists (select 1 from inbound_messages i where i.message = m.id)),
			cast(coalesce(sum(m.parts) filter (where m.sent_at is not null), 0) as bigint),
			cast(coalesce(sum(m.repeats), 0) as bigint),
			cast(coalesce(sum(m.cost_micros), 0) as bigint)
		from messages m where m.created_at >= $1 group by m.market, m.channel, m.currency order by m.market, m.channel, m.currency`, since)
}

// Latencies returns, oldest first, how long the transactional messages written since a moment took from the fact
// that caused them to the wire.
func (s *Service) Latencies(tx *db.Tx, since time.Time) ([]time.Duration, error) {
	all, err := db.All(tx, func(r db.Row) (d time.Duration, err error) {
		var fact, wire time.Time
		err = r.Scan(db.Moment(&fact), db.Moment(&wire))
		return wire.Sub(fact), err
	}, `select fact_at, wire_at from messages where fact_at is not null and wire_at is not null and channel = 'sms' and created_at >= $1 order by id`, since)
	return all, err
}

// Orphans returns receipts for which no message was found within an hour, newest first.
func (s *Service) Orphans(tx *db.Tx) ([]Receipt, error) {
	return db.All(tx, scanReceipt, `select `+receiptColumns+`, phone from message_reports where message = '' and seen_at < $1
		order by seen_at desc, id desc limit 200`, tx.Now().Add(-time.Hour))
}

// News tells again that messages were taken and delivered, oldest first: the journal of events keeps neither, because the
// messages do.
func (s *Service) News(tx *db.Tx, f Filter) (all []events.Event, err error) {
	records, err := s.List(tx, f, Page{Limit: 200})
	for _, r := range slices.Backward(records) {
		if !r.SentAt.IsZero() {
			all = append(all, sentEvent(r, r.SentAt))
		}
		if !r.DeliveredAt.IsZero() {
			all = append(all, DeliveredEvent{r.ID, r.Customer, r.Order, r.Cart, r.Template, r.Market, r.DeliveredAt})
		}
	}
	return all, err
}
