package messaging

import (
	"cmp"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/money"
)

// MeasureFilter narrows measures; zero fields do not. Since and Until count in whole hours.
type MeasureFilter struct {
	Market   market.Code
	Template string
	Provider string
	Class    Class
	Since    time.Time
	Until    time.Time
}

// Kin is what messages that are counted together have in common. Provider and Route are empty for those that no
// provider has taken.
type Kin struct {
	Market   market.Code
	Class    Class
	Channel  Channel
	Template string
	Provider string
	Route    string
}

// Sum counts messages by the hour in which they were written, and what became of them until now.
type Sum struct {
	Sent      int64 // taken by a provider
	Parts     int64 // of those
	Delivered int64
	Heard     int64 // of those sent, on routes from which receipts came
	Failed    int64 // refused by every route or by the network, given up, or of unknown outcome
	Held      int64 // waiting now
	Dropped   int64
	Replied   int64 // answered within 72 hours; STOP is no answer
	Clicked   int64 // whose link a person followed
	Converted int64 // orders paid within 7 days after an offer about their cart, or whose link the customer followed
	Cost      []Cost
	Revenue   []money.Amount // of those orders
	Times     Times
}

// Times are times from the wire to the receipt, counted in classes.
type Times struct {
	Classes [len(receiptTimes) + 1]int64
	Seen    int64
	Millis  int64 // their sum
}

// Mean is the mean time to receipt, 0 for none.
func (t Times) Mean() time.Duration {
	if t.Seen == 0 {
		return 0
	}
	return time.Duration(t.Millis/t.Seen) * time.Millisecond
}

// Within is the time in which that share (of 1) of the receipts came, as the upper end of its class, which is at most a day;
// 0 for none.
func (t Times) Within(share float64) time.Duration {
	var n int64
	for i, k := range t.Classes {
		if n += k; k > 0 && float64(n) >= share*float64(t.Seen) {
			return TimeClass(i)
		}
	}
	return 0
}

// TimeClass is the upper end of a class of times to receipt; the last has the one before's.
func TimeClass(i int) time.Duration { return receiptTimes[min(i, len(receiptTimes)-1)] }

// Group is the sum of messages that are alike in one way.
type Group struct {
	Name string
	Sum
}

// Row is the sum of messages that are alike in every way.
type Row struct {
	Kin
	Sum
}

// Why is how many messages ended or wait for one reason.
type Why struct {
	State  State // Held, Dropped or Failed
	Reason string
	Count  int64
}

// HourSum are the messages written in one hour.
type HourSum struct {
	At                               time.Time
	Sent, Delivered, Failed, Dropped int64
}

// Measures say how messages do.
type Measures struct {
	Total     Sum
	Markets   []Group
	Classes   []Group
	Templates []Group
	Routes    []Group
	Carriers  []Group // providers
	Rows      []Row
	Reasons   []Why     // most frequent first
	Hours     []HourSum // oldest first, those without messages left out
	Providers []string  // of the time asked for, whatever else the filter says
	Keys      []string  // of templates, likewise
}

const everyCell = `(select ` + cellColumns + `, n from message_counts where hour >= $1 and hour < $2 union all
	select ` + cellColumns + `, n from message_moves where hour >= $1 and hour < $2) c
	where ($3 = '' or market = $3) and ($4 = '' or template = $4) and ($5 = '' or provider = $5) and ($6 = '' or class = $6)`

// Measures adds up what is asked for. It counts everything that was committed before it began, and reads counts, not
// messages.
func (s *Service) Measures(tx *db.Tx, f MeasureFilter) (m Measures, err error) {
	from, to := since(f.Since).UTC().Truncate(time.Hour), until(f.Until)
	args := []any{from, to, string(f.Market), f.Template, f.Provider, string(f.Class)}
	cells, err := readCells(tx, `select min(hour), market, class, channel, template, provider, route, currency, measure, detail, cast(sum(n) as bigint)
		from `+everyCell+` group by market, class, channel, template, provider, route, currency, measure, detail having sum(n) <> 0`, args)
	if err != nil {
		return m, err
	}
	m = measured(cells)
	hours := map[int64]*HourSum{}
	_, err = db.All(tx, func(r db.Row) (x struct{}, err error) {
		var at time.Time
		var measure string
		var n int64
		if err = r.Scan(db.Moment(&at), &measure, &n); err != nil {
			return
		}
		h := hours[at.Unix()]
		if h == nil {
			h = &HourSum{At: at.UTC()}
			hours[at.Unix()] = h
		}
		switch measure {
		case "sent":
			h.Sent = n
		case "delivered":
			h.Delivered = n
		case "failed":
			h.Failed = n
		case "dropped":
			h.Dropped = n
		}
		return
	}, `select hour, measure, cast(sum(n) as bigint) from `+everyCell+` and measure in ('sent', 'delivered', 'failed', 'dropped')
		group by hour, measure having sum(n) <> 0`, args...)
	if err != nil {
		return m, err
	}
	for _, h := range hours {
		m.Hours = append(m.Hours, *h)
	}
	slices.SortFunc(m.Hours, func(a, b HourSum) int { return a.At.Compare(b.At) })
	if m.Providers, err = db.All(tx, db.Scalar[string], `select distinct provider from `+everyCell+` and provider <> '' order by provider`, from, to, "", "", "", ""); err != nil {
		return m, err
	}
	m.Keys, err = db.All(tx, db.Scalar[string], `select distinct template from `+everyCell+` order by template`, from, to, "", "", "", "")
	return m, err
}

func readCells(tx *db.Tx, query string, args []any) (tally, error) {
	t := tally{}
	_, err := db.All(tx, func(r db.Row) (x struct{}, err error) {
		c, n, err := scanCell(r)
		t[c] += n
		return x, err
	}, query, args...)
	return t, err
}

// measured puts counts in order.
func measured(cells tally) (m Measures) {
	heard := map[string]bool{}
	for c := range cells {
		if c.measure == "delivered" || c.measure == "failed" && c.detail == "network" {
			heard[c.route] = true
		}
	}
	lines := map[Kin]*Sum{}
	why := map[Why]int64{}
	for c, n := range cells {
		k := Kin{market.Code(c.market), Class(c.class), Channel(c.channel), c.template, c.provider, c.route}
		if lines[k] == nil {
			lines[k] = &Sum{}
		}
		lines[k].count(c, n, heard[c.route])
		switch c.measure {
		case "held", "dropped", "failed":
			why[Why{State: State(c.measure), Reason: c.detail}] += n
		}
	}
	by := [5]map[string]*Sum{{}, {}, {}, {}, {}}
	for k, v := range lines {
		m.Rows = append(m.Rows, Row{k, *v})
		m.Total.add(*v)
		for i, name := range []string{string(k.Market), string(k.Class), k.Template, k.Route, k.Provider} {
			if by[i][name] == nil {
				by[i][name] = &Sum{}
			}
			by[i][name].add(*v)
		}
	}
	delete(by[3], "")
	delete(by[4], "")
	for i, into := range []*[]Group{&m.Markets, &m.Classes, &m.Templates, &m.Routes, &m.Carriers} {
		for name, v := range by[i] {
			*into = append(*into, Group{name, v.sorted()})
		}
		slices.SortFunc(*into, func(a, b Group) int { return cmp.Or(cmp.Compare(b.Sent, a.Sent), cmp.Compare(a.Name, b.Name)) })
	}
	for i := range m.Rows {
		m.Rows[i].Sum = m.Rows[i].sorted()
	}
	m.Total = m.Total.sorted()
	slices.SortFunc(m.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Market, b.Market), cmp.Compare(a.Template, b.Template), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Channel, b.Channel),
			cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Route, b.Route))
	})
	for w, n := range why {
		w.Count = n
		m.Reasons = append(m.Reasons, w)
	}
	slices.SortFunc(m.Reasons, func(a, b Why) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.State, b.State), cmp.Compare(a.Reason, b.Reason))
	})
	return m
}

func (v *Sum) count(c cell, n int64, heard bool) {
	switch c.measure {
	case "sent":
		v.Sent += n
		if heard {
			v.Heard += n
		}
	case "parts":
		v.Parts += n
	case "cost":
		v.cost(Cost{n, money.Currency(c.currency)})
	case "delivered":
		v.Delivered += n
	case "failed":
		v.Failed += n
	case "held":
		v.Held += n
	case "dropped":
		v.Dropped += n
	case "replied":
		v.Replied += n
	case "clicked":
		v.Clicked += n
	case "converted":
		v.Converted += n
	case "revenue":
		v.won(money.Of(n, money.Currency(c.detail)))
	case "took":
		for i := range v.Times.Classes {
			if className(i) == c.detail {
				v.Times.Classes[i] += n
				v.Times.Seen += n
			}
		}
	case "took_ms":
		v.Times.Millis += n
	}
}

func (v *Sum) add(o Sum) {
	v.Sent, v.Parts, v.Delivered, v.Heard, v.Failed = v.Sent+o.Sent, v.Parts+o.Parts, v.Delivered+o.Delivered, v.Heard+o.Heard, v.Failed+o.Failed
	v.Held, v.Dropped, v.Replied, v.Clicked, v.Converted = v.Held+o.Held, v.Dropped+o.Dropped, v.Replied+o.Replied, v.Clicked+o.Clicked, v.Converted+o.Converted
	for _, c := range o.Cost {
		v.cost(c)
	}
	for _, a := range o.Revenue {
		v.won(a)
	}
	for i, n := range o.Times.Classes {
		v.Times.Classes[i] += n
	}
	v.Times.Seen, v.Times.Millis = v.Times.Seen+o.Times.Seen, v.Times.Millis+o.Times.Millis
}

func (v *Sum) cost(c Cost) {
	for i := range v.Cost {
		if v.Cost[i].Currency == c.Currency {
			v.Cost[i].Micros += c.Micros
			return
		}
	}
	v.Cost = append(v.Cost, c)
}

func (v *Sum) won(a money.Amount) {
	for i := range v.Revenue {
		if v.Revenue[i].Currency == a.Currency {
			v.Revenue[i].Minor += a.Minor
			return
		}
	}
	v.Revenue = append(v.Revenue, a)
}

// sorted has its sums of money by currency.
func (v Sum) sorted() Sum {
	slices.SortFunc(v.Cost, func(a, b Cost) int { return cmp.Compare(a.Currency, b.Currency) })
	slices.SortFunc(v.Revenue, func(a, b money.Amount) int { return cmp.Compare(a.Currency, b.Currency) })
	return v
}

// Recount adds up the same from the messages themselves, all of them, as a proof of the counts.
func (s *Service) Recount(tx *db.Tx) (Measures, error) {
	t, err := recount(tx)
	return measured(t), err
}

func recount(tx *db.Tx) (tally, error) {
	t := tally{}
	_, err := db.All(tx, func(r db.Row) (x struct{}, err error) {
		v, err := scanStanding(r)
		t.add(v, 1)
		return x, err
	}, `select `+standingColumns+` from messages`)
	return t, err
}
