package messaging

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/money"
)

// repliesCount is how long after it was sent an answer counts as one to a message, and boughtWithin how long an order
// counts as won by it.
const (
	repliesCount = 72 * time.Hour
	boughtWithin = 7 * 24 * time.Hour
)

// receiptTimes are the upper ends of the classes that times to receipt are counted in; the last class has none.
var receiptTimes = [...]time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2 * time.Second, 3 * time.Second,
	5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute,
	time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// cell is one count: of what, of messages written in one hour that are alike.
type cell struct {
	hour                                                        int64 // Unix time at which it begins
	market, class, channel, template, provider, route, currency string
	measure, detail                                             string
}

// tally is what changed in counts, or the counts themselves.
type tally map[cell]int64

// standing is what is counted of a message.
type standing struct {
	created, wire, sent, delivered, replied                     time.Time
	market, class, channel, template, provider, route, currency string
	state                                                       State
	reason                                                      string
	parts, cost, clicks, orders, revenue                        int64
	revenueIn                                                   string
}

const standingColumns = `created_at, wire_at, sent_at, delivered_at, replied_at, market, class, channel, template,
	case when sent_at is null then '' else provider end, case when sent_at is null then '' else route end, currency, state, reason, parts, cost_micros, clicks, orders, revenue_minor, revenue_currency`

func (v *standing) into() []any {
	return []any{&v.created, db.Null(&v.wire), db.Null(&v.sent), db.Null(&v.delivered), db.Null(&v.replied), &v.market, &v.class, &v.channel, &v.template,
		&v.provider, &v.route, &v.currency, (*string)(&v.state), &v.reason, &v.parts, &v.cost, &v.clicks, &v.orders, &v.revenue, &v.revenueIn}
}

func scanStanding(r db.Row) (v standing, err error) {
	err = r.Scan(v.into()...)
	return
}

// standing is what is counted of r.
func (r *Record) standing() standing {
	return standing{r.CreatedAt, r.WireAt, r.SentAt, r.DeliveredAt, r.RepliedAt, string(r.Market), string(r.Class), string(r.Channel), r.Template,
		r.Provider, r.Route, string(r.Cost.Currency), r.State, r.Reason, r.Parts, r.Cost.Micros, r.Clicks, r.Orders, r.Revenue.Minor, string(r.Revenue.Currency)}
}

// cell is where a measure of the message is counted.
func (v standing) cell(measure, detail string) cell {
	return cell{v.created.Truncate(time.Hour).Unix(), v.market, v.class, v.channel, v.template, v.provider, v.route, v.currency, measure, detail}
}

// add counts a message n times; -1 takes it back.
func (t tally) add(v standing, n int64) {
	v.each(func(measure, detail string, by int64) { t.put(v.cell(measure, detail), n*by) })
}

func (t tally) put(c cell, by int64) {
	if t[c] += by; t[c] == 0 {
		delete(t, c)
	}
}

// alike is a tally of many messages most of which are counted in the same cells.
type alike struct {
	all  tally
	of   cell // of the last one, without its measures
	each map[[2]string]int64
}

func newAlike() *alike { return &alike{all: tally{}, each: map[[2]string]int64{}} }

func (a *alike) add(v standing, n int64) {
	if c := v.cell("", ""); c != a.of {
		a.turn(c)
	}
	v.each(func(measure, detail string, by int64) { a.each[[2]string{measure, detail}] += n * by })
}

// turn takes over what was counted, and goes on with the cells of another one.
func (a *alike) turn(c cell) {
	for what, n := range a.each {
		if n != 0 {
			of := a.of
			of.measure, of.detail = what[0], what[1]
			a.all.put(of, n)
		}
	}
	clear(a.each)
	a.of = c
}

func (a *alike) keep(tx *db.Tx) error {
	a.turn(cell{})
	return a.all.keep(tx)
}

// each tells by how much a message is counted, and in what.
func (v standing) each(count func(measure, detail string, by int64)) {
	put := func(measure, detail string, by int64) {
		if by != 0 {
			count(measure, detail, by)
		}
	}
	if !v.sent.IsZero() {
		put("sent", "", 1)
		put("parts", "", v.parts)
		put("cost", "", v.cost)
	}
	why, _, _ := strings.Cut(v.reason, " ")
	switch v.state {
	case Held, Dropped:
		put(string(v.state), why, 1)
	case Failed, Expired, Unknown:
		put("failed", why, 1)
	case Delivered, Read:
		put("delivered", "", 1)
		if !v.delivered.IsZero() && !v.wire.IsZero() {
			took := max(0, v.delivered.Truncate(time.Microsecond).Sub(v.wire.Truncate(time.Microsecond)))
			put("took", className(timeClass(took)), 1)
			put("took_ms", "", took.Milliseconds())
		}
	}
	if !v.replied.IsZero() {
		put("replied", "", 1)
	}
	if v.clicks > 0 {
		put("clicked", "", 1)
	}
	put("converted", "", v.orders)
	put("revenue", v.revenueIn, v.revenue)
}

func timeClass(took time.Duration) int {
	for i, end := range receiptTimes {
		if took <= end {
			return i
		}
	}
	return len(receiptTimes)
}

func className(i int) string { return strconv.Itoa(i) }

// keep notes the changes, without touching a row that anybody else writes.
func (t tally) keep(tx *db.Tx) error {
	if len(t) == 0 {
		return nil
	}
	rows := make([][]any, 0, len(t))
	for c, n := range t {
		rows = append(rows, append([]any{newID("mov")}, append(c.values(), n)...))
	}
	return db.InsertEach(tx, `insert into message_moves (id, `+cellColumns+`, n) values`, "", rows)
}

const cellColumns = `hour, market, class, channel, template, provider, route, currency, measure, detail`

func (c cell) values() []any {
	return []any{time.Unix(c.hour, 0), c.market, c.class, c.channel, c.template, c.provider, c.route, c.currency, c.measure, c.detail}
}

// counted notes what changed in the counts because a message did.
func counted(tx *db.Tx, before, after standing) error {
	t := tally{}
	t.add(before, -1)
	t.add(after, 1)
	return t.keep(tx)
}

// change runs an update of one message and notes what it changes in the counts.
func change(tx *db.Tx, message string, update func() error) error {
	q := `select ` + standingColumns + ` from messages where id = $1`
	before, err := db.One(tx, scanStanding, q+tx.ForUpdate(), message)
	if err != nil {
		return err
	}
	if err := update(); err != nil {
		return err
	}
	after, err := db.One(tx, scanStanding, q, message)
	if err != nil {
		return err
	}
	return counted(tx, before, after)
}

// answeredBy notes that a person answered a message, if that was the first time and soon enough.
func answeredBy(tx *db.Tx, in Inbound) error {
	if in.Message == "" || in.Intent == IntentStop {
		return nil
	}
	return change(tx, in.Message, func() error {
		return tx.Send(`update messages set replied_at = $2 where id = $1 and replied_at is null and sent_at is not null and sent_at >= $3`,
			in.Message, in.At, in.At.Add(-repliesCount))
	})
}

// Purchase is a paid order, as far as messages may have led to it.
type Purchase struct {
	Order    string
	Cart     string
	Customer string
	Total    money.Amount
}

// Bought counts a paid order for the offer that led to it: of those sent in the seven days before, the last one about the
// same cart, else the last one of which the same person followed the link. An order is counted once, whoever tells of it
// again.
func (s *Service) Bought(tx *db.Tx, p Purchase) error {
	const offers = `select id from messages where class = 'promotional' and sent_at > $1 and revenue_currency in ('', $2) and `
	since := []any{tx.Now().Add(-boughtWithin), string(p.Total.Currency)}
	var led []string
	var err error
	if p.Cart != "" {
		led, err = db.All(tx, db.Scalar[string], offers+`cart = $3 and cart <> '' order by sent_at desc, id desc limit 1`, append(since, p.Cart)...)
	}
	if err == nil && len(led) == 0 && p.Customer != "" {
		who, err := s.people.IDs(tx, p.Customer)
		if err != nil {
			return err
		}
		led, err = db.All(tx, db.Scalar[string], offers+`customer in `+db.In(3, len(who))+` and customer <> '' and clicks > 0 order by sent_at desc, id desc limit 1`,
			append(since, db.Fill(who)...)...)
		if err != nil {
			return err
		}
	}
	if err != nil || len(led) == 0 {
		return err
	}
	n, err := tx.Exec(`insert into message_conversions (order_id, message, minor, currency, at) values ($1, $2, $3, $4, $5) on conflict do nothing`,
		p.Order, led[0], p.Total.Minor, string(p.Total.Currency), tx.Now())
	if err != nil || n == 0 {
		return err
	}
	return change(tx, led[0], func() error {
		return tx.Send(`update messages set orders = orders + 1, revenue_minor = revenue_minor + $2, revenue_currency = $3 where id = $1`,
			led[0], p.Total.Minor, string(p.Total.Currency))
	})
}

// foldMost is how many noted changes go into the counts at a time.
const foldMost = 4000

// Fold adds up what was noted, so that reading the measures stays quick. It changes none of them.
func (s *Service) Fold(ctx context.Context) error {
	for {
		var n int
		err := s.db.Write(ctx, func(tx *db.Tx) error {
			var ids []string
			t := tally{}
			_, err := db.All(tx, func(r db.Row) (x struct{}, err error) {
				var id string
				var c cell
				var by int64
				if c, by, err = scanCell(r, &id); err == nil {
					ids = append(ids, id)
					t[c] += by
				}
				return
			}, `select id, `+cellColumns+`, n from message_moves order by id limit 0 + $1`+tx.ForUpdate(), int64(foldMost))
			if n = len(ids); err != nil || n == 0 {
				return err
			}
			if err := t.fold(tx); err != nil {
				return err
			}
			for len(ids) > 0 {
				k := min(len(ids), 500)
				if err := tx.Send(`delete from message_moves where id in `+db.In(1, k), db.Fill(ids[:k])...); err != nil {
					return err
				}
				ids = ids[k:]
			}
			return nil
		})
		if err != nil || n < foldMost {
			return err
		}
	}
}

func (t tally) fold(tx *db.Tx) error {
	var rows [][]any
	for _, c := range slices.SortedFunc(maps.Keys(t), cell.compare) { // rows are locked in one order everywhere
		if t[c] != 0 {
			rows = append(rows, append(c.values(), t[c]))
		}
	}
	return db.InsertEach(tx, `insert into message_counts (`+cellColumns+`, n) values`,
		`on conflict (`+cellColumns+`) do update set n = message_counts.n + excluded.n`, rows)
}

func (c cell) compare(o cell) int {
	return cmp.Or(cmp.Compare(c.hour, o.hour), cmp.Compare(c.market, o.market), cmp.Compare(c.class, o.class), cmp.Compare(c.channel, o.channel),
		cmp.Compare(c.template, o.template), cmp.Compare(c.provider, o.provider), cmp.Compare(c.route, o.route), cmp.Compare(c.currency, o.currency),
		cmp.Compare(c.measure, o.measure), cmp.Compare(c.detail, o.detail))
}

func scanCell(r db.Row, first ...any) (c cell, n int64, err error) {
	var hour time.Time
	err = r.Scan(append(first, db.Moment(&hour), &c.market, &c.class, &c.channel, &c.template, &c.provider, &c.route, &c.currency, &c.measure, &c.detail, &n)...)
	c.hour = hour.Unix()
	return
}
