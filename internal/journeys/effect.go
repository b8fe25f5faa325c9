package journeys

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/experiment"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
)

// EffectQuery says what of a journey's effect is asked.
type EffectQuery struct {
	Version int64       // 0: all
	Market  market.Code // empty: all
	Since   time.Time   // zero: a year ago
	Until   time.Time   // zero: now; of when the message was or would have been sent
	Margin  int64       // what of 100 of goods sold is left before the message; 0: 100
}

// ErrMargin is the fault of a margin that isn't one of 1 to 100.
var ErrMargin = fault.New(fault.Invalid, "journeys.margin").With(map[string]string{"margin": "journeys.margin"})

// ErrEndDay is the fault of an end that isn't a day to come.
var ErrEndDay = fault.New(fault.Invalid, "journeys.end_day").With(map[string]string{"ends": "journeys.end_day"})

// Verdict is what may be said of a comparison.
type Verdict string

// The verdicts.
const (
	Better    Verdict = "better"
	Worse     Verdict = "worse"
	NoEffect  Verdict = "none"      // the interval holds nought: no effect shown yet
	TooFew    Verdict = "few"       // fewer people than anything can be said of
	Unequal   Verdict = "unequal"   // the groups aren't as large as they should be: figures are hidden
	NoControl Verdict = "nocontrol" // nobody was held out
)

// splitAlarm is below which p-value groups count as split wrongly. (journeys.md, section 6)
const splitAlarm = 0.001

// Group is one side of a comparison: people whose time to buy is over.
type Group struct {
	People   experiment.Share  `json:"people"` // and those of them who bought in time
	Worth    experiment.Sample `json:"worth"`  // what each of them brought, in the base currency: goods after discount, less what the messages cost
	Revenue  float64           `json:"revenue"`
	Discount float64           `json:"discount"`
	Messages int64             `json:"messages"`
	Cost     float64           `json:"cost"`
	Unpriced int64             `json:"unpriced"` // sums without a rate to the base currency; they aren't counted
	expected float64           // how many people control should have
}

// Comparison holds two groups against each other.
type Comparison struct {
	Name       string              `json:"name"` // a market's code, a version, or the way
	A          Group               `json:"a"`    // got something
	B          Group               `json:"b"`    // were held out, or went the other way
	Conversion experiment.Interval `json:"conversion"`
	Profit     experiment.Interval `json:"profit"` // per person
	Verdict    Verdict             `json:"verdict"`
	Earns      Verdict             `json:"earns"`   // the same of profit
	Split      float64             `json:"split"`   // p-value of the groups' sizes
	Missing    int64               `json:"missing"` // people, until a difference as large as now would show
	Days       int64               `json:"days"`    // that they take at the pace of the time asked for; 0: unknown
	variance   float64
	worth      float64
}

// Told reports whether the comparison's intervals may be shown: not of groups that are too small or of the wrong size.
func (c Comparison) Told() bool {
	return c.Verdict == Better || c.Verdict == Worse || c.Verdict == NoEffect
}

// Worthwhile reports whether the interval of what each person brought may be shown as well: it has bounds.
func (c Comparison) Worthwhile() bool { return c.Told() && c.Profit.High < far }

// far stands for bounds that aren't numbers, which JSON doesn't know.
const far = 1e9

// Effect is what a journey is good for, measured against those who were held out by lot.
type Effect struct {
	Journey    string         `json:"journey"`
	Base       money.Currency `json:"base"`
	Margin     int64          `json:"margin"`
	Since      time.Time      `json:"since"`
	Until      time.Time      `json:"until"`
	Within     time.Duration  `json:"within"`     // an order counts as success for so long
	Sequential bool           `json:"sequential"` // intervals may be looked at any day
	Ends       string         `json:"ends"`       // the day that was said before, if one was
	Waiting    int64          `json:"waiting"`    // people whose time to buy isn't over
	All        Comparison     `json:"all"`        // pooled, weighted by market
	Markets    []Comparison   `json:"markets"`
	Versions   []Comparison   `json:"versions"`
	Ways       []Comparison   `json:"ways"` // of those who got something: each way against all others
}

// exposure is a person's first message, or the first that was withheld.
type exposure struct {
	who, customer, cart string
	person              []string // all profiles of the customer, if there are several
	market              market.Code
	version             int64
	control             bool
	way                 string
	at                  time.Time
	messages            []string
	orders              []order.Purchase
}

// defaultWithin is how long an order counts where the definition doesn't say.
const defaultWithin = 7 * 24 * time.Hour

// Effect compares those who got something with those who would have and were held out by lot: how many bought within
// the time that the definition gives, and what they brought after discount and the cost of messages. A person counts
// once, with the first message of the time asked for.
func (s *Service) Effect(tx *db.Tx, journey string, q EffectQuery) (Effect, error) {
	if q.Margin == 0 {
		q.Margin = 100
	}
	if q.Margin < 1 || q.Margin > 100 {
		return Effect{}, ErrMargin
	}
	e := Effect{Journey: journey, Base: s.base(), Margin: q.Margin, Since: q.Since, Until: q.Until}
	if e.Until.IsZero() || e.Until.After(tx.Now()) {
		e.Until = tx.Now()
	}
	if e.Since.IsZero() {
		e.Since = e.Until.AddDate(-1, 0, 0)
	}
	shares, err := s.holdouts(tx, journey, &e)
	if err != nil {
		return e, err
	}
	if err := s.ending(tx, &e); err != nil {
		return e, err
	}
	people, err := s.exposed(tx, &e, q)
	if err != nil {
		return e, err
	}
	if err := s.purchased(tx, people, e); err != nil {
		return e, err
	}
	costs, err := s.costs(tx, people)
	if err != nil {
		return e, err
	}
	g := grouping{s: s, e: &e, costs: costs, shares: shares, now: tx.Now()}
	if len(people) > 0 {
		g.first, g.last = people[0].at, people[len(people)-1].at
	}
	for _, p := range people {
		g.add(p)
	}
	g.compare()
	return e, nil
}

// holdouts are the shares of 100 that versions hold out. It also finds how long an order counts, by the latest version.
func (s *Service) holdouts(tx *db.Tx, journey string, e *Effect) (map[int64]float64, error) {
	all, err := s.Versions(tx, journey)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, ErrUnknownJourney
	}
	shares := map[int64]float64{}
	for _, v := range all {
		for i := range v.Definition.Nodes {
			if n := &v.Definition.Nodes[i]; n.Do == DoSplit && n.Out > 0 {
				shares[v.N] = float64(n.Out) / 100
			}
		}
	}
	if e.Within = all[0].Definition.Convert.D(); e.Within == 0 {
		e.Within = defaultWithin
	}
	return shares, nil
}

// ending looks up the end that was said before. Once it is past there is one look, else intervals hold at all times.
func (s *Service) ending(tx *db.Tx, e *Effect) error {
	day, err := db.One(tx, db.Scalar[string], `select ends from journey_ends where journey = $1 order by at desc, id desc limit 1`, e.Journey)
	if errors.Is(err, db.ErrNone) {
		err = nil
	}
	e.Ends, e.Sequential = day, true
	if end, bad := time.Parse(time.DateOnly, day); err == nil && bad == nil && !tx.Now().Before(end.Add(e.Within)) {
		e.Sequential = false
		if e.Until.After(end) {
			e.Until = end
		}
	}
	return err
}

// SetEnd says on which day (UTC) the measurement of a journey ends: from then on it is looked at once, with the narrower
// intervals that go with that. The day has to be to come. Empty takes it back.
func (s *Service) SetEnd(tx *db.Tx, journey, day, by string) error {
	if day != "" {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil || !at.After(tx.Now()) || at.After(tx.Now().AddDate(2, 0, 0)) {
			return ErrEndDay
		}
	}
	return tx.Send(`insert into journey_ends (id, journey, ends, by_whom, at) values ($1, $2, $3, $4, $5)`, id.New("jen"), journey, day, by, tx.Now())
}

// exposed lists the people of the time asked for whose time to buy is over, by whom they are.
func (s *Service) exposed(tx *db.Tx, e *Effect, q EffectQuery) ([]*exposure, error) {
	type row struct {
		key, customer, market, arm, outcome, message, way, cart string
		version                                                 int64
		at                                                      time.Time
	}
	rows, err := db.All(tx, func(r db.Row) (x row, err error) {
		err = r.Scan(&x.key, &x.customer, &x.market, &x.version, &x.arm, &x.outcome, &x.message, &x.at, &x.way, &x.cart)
		return
	}, `select p.key, p.customer, p.market, p.version, p.arm, p.outcome, p.message, p.at, coalesce(r.way, ''), coalesce(r.cart, '')
		from journey_steps p left join journey_runs r on r.id = p.run
		where p.journey = $1 and p.at >= $2 and p.at < $3 and p.outcome in ('sent', 'withheld') and ($4 = 0 or p.version = $4) and ($5 = '' or p.market = $5)
		order by p.at, p.id`, e.Journey, e.Since, e.Until, q.Version, string(q.Market))
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(rows))
	for i, x := range rows {
		ids[i] = x.customer
	}
	persons, err := s.Customers.Persons(tx, ids)
	if err != nil {
		return nil, err
	}
	seen := map[string]*exposure{}
	var all []*exposure
	late := map[string]bool{}
	for _, x := range rows {
		who, at := cmp.Or(x.customer, x.key), x.at.UTC()
		if joined := persons[x.customer]; joined != nil {
			who = joined[0]
		}
		p := seen[who]
		if p == nil && at.Add(e.Within).After(tx.Now()) {
			late[who] = true
			continue
		}
		if p == nil {
			p = &exposure{who: who, customer: x.customer, person: persons[x.customer], cart: x.cart, market: market.Code(x.market), version: x.version, control: x.outcome == string(Withheld), way: x.way, at: at}
			seen[who] = p
			all = append(all, p)
		}
		if x.message != "" && !at.After(p.at.Add(e.Within)) {
			p.messages = append(p.messages, x.message)
		}
	}
	e.Waiting = int64(len(late))
	return all, nil
}

// atATime is how many people are looked up by one statement.
const atATime = 400

func (s *Service) purchased(tx *db.Tx, people []*exposure, e Effect) error {
	for group := range slices.Chunk(people, atATime) {
		var customers, carts []string
		by := map[string]*exposure{}
		since := e.Until
		for _, p := range group {
			if p.customer != "" {
				for _, id := range append([]string{p.customer}, p.person...) {
					if by["customer:"+id] == nil {
						customers = append(customers, id)
						by["customer:"+id] = p
					}
				}
			} else if p.cart != "" {
				carts = append(carts, p.cart)
				by["cart:"+p.cart] = p
			}
			if p.at.Before(since) {
				since = p.at
			}
		}
		all, err := s.Orders.Purchases(tx, customers, carts, since)
		if err != nil {
			return err
		}
		for _, o := range all {
			p := by["customer:"+o.Customer]
			if p == nil {
				p = by["cart:"+o.Cart]
			}
			if p != nil && o.PaidAt.After(p.at) && !o.PaidAt.After(p.at.Add(e.Within)) {
				p.orders = append(p.orders, o)
			}
		}
	}
	return nil
}

func (s *Service) costs(tx *db.Tx, people []*exposure) (map[string]messaging.Cost, error) {
	var ids []string
	for _, p := range people {
		ids = append(ids, p.messages...)
	}
	all := map[string]messaging.Cost{}
	for group := range slices.Chunk(ids, atATime) {
		some, err := s.Messages.Costs(tx, group)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, some)
	}
	return all, nil
}

// grouping puts people into the groups that are compared.
type grouping struct {
	s      *Service
	e      *Effect
	costs  map[string]messaging.Cost
	shares map[int64]float64
	sides  map[string]*sides // by kind and name
	first  time.Time
	last   time.Time
	now    time.Time
}

// ratesAtHand is of how many days exchange rates are kept in memory, less a fortnight without one.
const ratesAtHand = 46

// inBase is an amount in the currency of the merchant's books at the rate of its day, or of the oldest day of which rates are
// at hand; false where none is known.
func (s *Service) inBase(c messaging.Cost, to money.Currency, at, now time.Time) (messaging.Cost, bool) {
	v, ok := s.Messages.InCurrency(c, to, at.UTC().Format(time.DateOnly))
	if !ok {
		v, ok = s.Messages.InCurrency(c, to, now.UTC().AddDate(0, 0, -ratesAtHand).Format(time.DateOnly))
	}
	return v, ok
}

type sides struct{ a, b Group }

func (g *grouping) side(kind, name string) *sides {
	if g.sides == nil {
		g.sides = map[string]*sides{}
	}
	k := kind + "\x00" + name
	if g.sides[k] == nil {
		g.sides[k] = &sides{}
	}
	return g.sides[k]
}

// worth is what a person is counted with.
type worth struct {
	bought              bool
	brought             float64
	revenue, discount   float64
	cost                float64
	messages, withoutFX int64
}

func (g *grouping) worth(p *exposure) (w worth) {
	in := func(c messaging.Cost, at time.Time) float64 {
		v, ok := g.s.inBase(c, g.e.Base, at, g.now)
		if !ok {
			w.withoutFX++
			return 0
		}
		return float64(v.Micros) / 1e6
	}
	for _, o := range p.orders {
		w.bought = true
		goods := in(costOf(o.Goods), o.PaidAt)
		w.revenue += goods
		if !o.Discount.IsZero() {
			w.discount += in(costOf(o.Discount), o.PaidAt)
		}
	}
	for _, m := range p.messages {
		w.messages++
		if c, ok := g.costs[m]; ok {
			w.cost += in(c, p.at)
		}
	}
	w.brought = (w.revenue+w.discount)*float64(g.e.Margin)/100 - w.discount - w.cost
	return w
}

func costOf(a money.Amount) messaging.Cost {
	unit := int64(1_000_000)
	for range a.Currency.Digits() {
		unit /= 10
	}
	return messaging.Cost{Micros: a.Minor * unit, Currency: a.Currency}
}

func (g *Group) add(w worth) {
	g.People.N++
	if w.bought {
		g.People.Hits++
	}
	g.Worth.Add(w.brought)
	g.Revenue += w.revenue
	g.Discount += w.discount
	g.Messages += w.messages
	g.Cost += w.cost
	g.Unpriced += w.withoutFX
}

func (g *grouping) add(p *exposure) {
	w, out := g.worth(p), g.shares[p.version]
	if p.control && out == 0 {
		return // a version that isn't kept any more
	}
	for _, k := range [...]struct{ kind, name string }{{"market", string(p.market)}, {"version", strconv.FormatInt(p.version, 10)}} {
		side := g.side(k.kind, k.name)
		to := &side.a
		if p.control {
			to = &side.b
		}
		to.add(w)
		side.a.expected += out
	}
	if !p.control && p.way != "" {
		g.side("way", p.way).a.add(w)
	}
}

// compare makes the comparisons of the groups.
func (g *grouping) compare() {
	var ways []string
	var conversions, profits []experiment.Stratum
	all := Comparison{}
	for _, k := range slices.Sorted(maps.Keys(g.sides)) {
		kind, name, _ := strings.Cut(k, "\x00")
		side := g.sides[k]
		switch kind {
		case "market":
			c := g.one(name, side.a, side.b, side.a.expected)
			g.e.Markets = append(g.e.Markets, c)
			all.A.join(side.a)
			all.B.join(side.b)
			all.A.expected += side.a.expected
			if n := side.a.People.N + side.b.People.N; side.a.People.N > 0 && side.b.People.N > 0 {
				conversions = append(conversions, experiment.Stratum{Interval: experiment.Newcombe(side.a.People, side.b.People), N: n, Variance: c.variance})
				if side.a.People.N > 1 && side.b.People.N > 1 {
					profits = append(profits, experiment.Stratum{Interval: experiment.Welch(side.a.Worth, side.b.Worth), N: n, Variance: c.worth})
				}
			}
		case "version":
			g.e.Versions = append(g.e.Versions, g.one(name, side.a, side.b, side.a.expected))
		case "way":
			ways = append(ways, name)
		}
	}
	all = g.judge(all, conversions, profits)
	g.e.All = all
	slices.SortFunc(g.e.Markets, func(a, b Comparison) int {
		return cmp.Or(cmp.Compare(b.A.People.N+b.B.People.N, a.A.People.N+a.B.People.N), cmp.Compare(a.Name, b.Name))
	})
	for _, name := range ways {
		var rest Group
		for _, other := range ways {
			if other != name {
				rest.join(g.side("way", other).a)
			}
		}
		if rest.People.N > 0 {
			g.e.Ways = append(g.e.Ways, g.one(name, g.side("way", name).a, rest, 0))
		}
	}
}

func (g *Group) join(o Group) {
	g.People.N += o.People.N
	g.People.Hits += o.People.Hits
	g.Worth.N += o.Worth.N
	g.Worth.Sum += o.Worth.Sum
	g.Worth.Squares += o.Worth.Squares
	g.Revenue += o.Revenue
	g.Discount += o.Discount
	g.Messages += o.Messages
	g.Cost += o.Cost
	g.Unpriced += o.Unpriced
}

// one compares two groups of one market, or of everything.
func (g *grouping) one(name string, a, b Group, expected float64) Comparison {
	c := Comparison{Name: name, A: a, B: b}
	c.variance, c.worth = experiment.SharesVariance(a.People, b.People), experiment.MeansVariance(a.Worth, b.Worth)
	n := a.People.N + b.People.N
	c.A.expected = expected
	return g.judge(c, []experiment.Stratum{{Interval: experiment.Newcombe(a.People, b.People), N: n, Variance: c.variance}},
		[]experiment.Stratum{{Interval: experiment.Welch(a.Worth, b.Worth), N: n, Variance: c.worth}})
}

// judge says what may be said.
func (g *grouping) judge(c Comparison, conversions, profits []experiment.Stratum) Comparison {
	pool := experiment.Pool
	if g.e.Sequential {
		pool = experiment.PoolSequential
	}
	n := c.A.People.N + c.B.People.N
	c.Split = 1
	if c.A.expected > 0 {
		c.Split = experiment.Split(c.A.People.N, c.B.People.N, c.A.expected)
	}
	c.Conversion, c.Profit = finite(pool(conversions)), finite(pool(profits))
	c.Verdict, c.Earns = verdict(c.Conversion), verdict(c.Profit)
	var v float64
	for _, s := range conversions {
		w := float64(s.N) / float64(max(1, n))
		v += w * w * s.Variance
	}
	switch {
	case c.A.expected > 0 && c.Split < splitAlarm:
		c.Verdict, c.Earns, c.Conversion, c.Profit = Unequal, Unequal, experiment.Interval{}, experiment.Interval{}
		return c
	case len(g.shares) == 0 && c.B.People.N == 0:
		c.Verdict, c.Earns = NoControl, NoControl
	case min(c.A.People.N, c.B.People.N) < experiment.Enough:
		c.Verdict, c.Earns = TooFew, TooFew
		smaller := max(1, min(c.A.People.N, c.B.People.N))
		c.Missing = int64(math.Ceil(float64(experiment.Enough-smaller) * float64(n) / float64(smaller)))
	case c.Verdict == NoEffect:
		c.Missing = experiment.Missing(v, n, max(math.Abs(c.Conversion.Value), leastEffect), g.e.Sequential)
	}
	if days := g.last.Sub(g.first).Hours() / 24; n > 0 && days > 0 {
		c.Days = int64(math.Ceil(float64(c.Missing) / (float64(n) / days)))
	}
	return c
}

// leastEffect is the smallest difference of conversion that people are still waited for: one in a hundred.
const leastEffect = 0.01

func verdict(i experiment.Interval) Verdict {
	switch i.Sign() {
	case 1:
		return Better
	case -1:
		return Worse
	}
	return NoEffect
}

// finite replaces bounds that aren't numbers.
func finite(i experiment.Interval) experiment.Interval {
	if math.IsInf(i.Low, 0) || math.IsNaN(i.Low) {
		i.Low = -far
	}
	if math.IsInf(i.High, 0) || math.IsNaN(i.High) {
		i.High = far
	}
	return i
}
