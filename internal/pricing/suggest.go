package pricing

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/csv"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"sync"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/money"
)

// Ways to come to a price.
const (
	CostPlus   = "cost_plus"  // landed cost and the margin aimed at
	ValueBased = "value"      // a price elsewhere, by what people in the market can buy
	Rivals     = "rivals"     // the middle of what others ask
	Elasticity = "elasticity" // the price at which most is left, by how sales followed prices
)

// Why there is no suggestion of a kind.
const (
	LacksCost      = "no_cost"         // nobody has said what the goods cost
	LacksTarget    = "no_target"       // or what margin is aimed at
	LacksRoom      = "no_room"         // no price has that margin
	LacksPower     = "no_power"        // a country isn't in the table of purchasing power
	LacksReference = "no_reference"    // no price elsewhere to go by
	LacksRivals    = "too_few_rivals"  // fewer than three
	LacksData      = "not_enough_data" // of sales
	LacksDoor      = "no_door"         // the landed cost of one piece can't be worked out
)

// Reason is one figure behind a suggestion; what it is says the key, what it needs is filled in.
type Reason struct {
	Key    string
	Amount money.Amount
	Rate   money.Rate
	Count  int64
	Day    string
	Source string
}

// Suggestion is a price with what it was made from, or why there is none.
type Suggestion struct {
	Kind    string
	Price   money.Amount // as shown, with the market's ending; zero where Lacks says why
	Margin  money.Rate   // at Price, where Known
	Known   bool
	Reasons []Reason
	Lacks   string
}

// Power is the purchasing power of a country: its gross domestic product per head in international dollars.
type Power struct {
	Country market.Country
	Year    int
	Dollars int64
	Source  string
}

//go:embed data/purchasing_power.csv
var powerTable []byte

var powers = sync.OnceValue(func() map[market.Country]Power {
	rows, err := csv.NewReader(bytes.NewReader(powerTable)).ReadAll()
	if err != nil {
		panic(err)
	}
	all := map[market.Country]Power{}
	for _, r := range rows[1:] {
		year, err1 := strconv.Atoi(r[1])
		dollars, err2 := strconv.ParseInt(r[2], 10, 64)
		if err1 != nil || err2 != nil || dollars <= 0 {
			panic(fmt.Errorf("purchasing power of %s: %q %q", r[0], r[1], r[2]))
		}
		all[market.Country(r[0])] = Power{market.Country(r[0]), year, dollars, r[3]}
	}
	return all
})

// PowerOf is the purchasing power of a country, where the table has it.
func PowerOf(c market.Country) (Power, bool) {
	p, ok := powers()[c]
	return p, ok
}

// valueExponent says how far prices follow purchasing power: an assumption, not a measurement (specification of
// prices, section 5).
const valueExponent = "0.3"

// ValueFactor is (power in the market / power in the reference)^0.3, to four decimals.
func ValueFactor(here, there Power) money.Rate {
	e, _ := strconv.ParseFloat(valueExponent, 64)
	f := math.Pow(float64(here.Dollars)/float64(there.Dollars), e)
	return money.Rate{Coef: int64(math.Round(f * 10_000)), Scale: 4}
}

// Reference is a price elsewhere that a value-based one goes by.
type Reference struct {
	Country market.Country
	Net     money.Amount // in its own currency, without tax
	Rate    Quotation    // to the market's currency
}

// Suggest puts the ways to a price side by side: always all four, in the order they are told above.
func Suggest(rules Landed, s Sheet, target money.Rate, ref Reference, rivals []RivalPrice, weeks []Week) []Suggestion {
	all := []Suggestion{costPlus(rules, s, target), valueBased(s, ref), byRivals(s, rivals), byElasticity(s, weeks)}
	for i := range all {
		one := &all[i]
		if one.Lacks != "" || !s.CostKnown {
			continue
		}
		at := s.At(rules, one.Price)
		one.Margin, one.Known = at.Margin, at.Known
	}
	return all
}

func costPlus(rules Landed, s Sheet, target money.Rate) Suggestion {
	out := Suggestion{Kind: CostPlus}
	switch {
	case !s.CostKnown:
		out.Lacks = LacksCost
		return out
	case target.IsZero():
		out.Lacks = LacksTarget
		return out
	}
	cost := s.Ask.Cost
	cost.Tax = s.Cost.Tax
	ok := false
	// The duty depends on the price, which depends on the duty. Where a threshold makes them chase each other
	// the dearer price is taken.
	for range 8 {
		next, fits := cost.Proposal(target, s.Market.Rounding)
		if !fits {
			out.Lacks = LacksRoom
			return out
		}
		if ok && next.Minor <= out.Price.Minor {
			break
		}
		out.Price, ok = next, true
		duty, err := s.dutyAt(rules, next)
		if err != nil {
			return Suggestion{Kind: CostPlus, Lacks: LacksDoor}
		}
		cost.Duty = duty
	}
	for _, part := range []struct {
		key string
		a   money.Amount
	}{{"goods", cost.Goods}, {"delivery", cost.Delivery}, {"fixed", cost.Fixed}, {"returns", cost.Returns}, {"duty", cost.Duty}} {
		if part.a.Minor > 0 {
			out.Reasons = append(out.Reasons, Reason{Key: part.key, Amount: part.a})
		}
	}
	if !cost.Fee.IsZero() {
		out.Reasons = append(out.Reasons, Reason{Key: "fee", Rate: cost.Fee})
	}
	out.Reasons = append(out.Reasons, Reason{Key: "target", Rate: target})
	if !cost.Tax.IsZero() {
		out.Reasons = append(out.Reasons, Reason{Key: "tax", Rate: cost.Tax})
	}
	return out
}

func valueBased(s Sheet, ref Reference) Suggestion {
	out := Suggestion{Kind: ValueBased}
	here, ok1 := PowerOf(s.Market.Country())
	there, ok2 := PowerOf(ref.Country)
	switch {
	case ref.Net.Minor <= 0 || ref.Rate.Rate.Coef <= 0:
		out.Lacks = LacksReference
		return out
	case !ok1 || !ok2:
		out.Lacks = LacksPower
		return out
	}
	factor := ValueFactor(here, there)
	p := ref.Net.Convert(s.Market.Currency, ref.Rate.Rate, factor, money.One.Add(s.Cost.Tax))
	out.Price = money.Of(Charm(p.Minor, s.Market.Rounding), s.Market.Currency)
	out.Reasons = []Reason{
		{Key: "reference", Amount: ref.Net, Source: string(ref.Country)},
		{Key: "rate", Rate: ref.Rate.Rate, Day: ref.Rate.Day, Source: ref.Rate.Source},
		{Key: "power_here", Count: here.Dollars, Day: strconv.Itoa(here.Year), Source: here.Source},
		{Key: "power_there", Count: there.Dollars, Day: strconv.Itoa(there.Year), Source: there.Source},
		{Key: "value_factor", Rate: factor},
	}
	return out
}

// leastRivals is how many prices of others say something.
const leastRivals = 3

func byRivals(s Sheet, all []RivalPrice) Suggestion {
	out := Suggestion{Kind: Rivals}
	latest := map[string]RivalPrice{}
	for _, r := range all {
		if r.SKU == s.Goods.SKU && r.Market == s.Market.Code && r.Price.Currency == s.Market.Currency && r.Day >= latest[r.Rival].Day {
			latest[r.Rival] = r
		}
	}
	var minors []int64
	first, last := "", ""
	for _, r := range latest {
		minors = append(minors, r.Price.Minor)
		last = max(last, r.Day)
		if first == "" || r.Day < first {
			first = r.Day
		}
	}
	if len(minors) < leastRivals {
		out.Lacks = LacksRivals
		out.Reasons = []Reason{{Key: "rivals", Count: int64(len(minors))}}
		return out
	}
	slices.Sort(minors)
	amount := func(quarter int64) money.Amount { return money.Of(quantile(minors, quarter), s.Market.Currency) }
	out.Price = money.Of(Charm(amount(2).Minor, s.Market.Rounding), s.Market.Currency)
	out.Reasons = []Reason{{Key: "rivals", Count: int64(len(minors)), Day: last}, {Key: "lower_quarter", Amount: amount(1)},
		{Key: "median", Amount: amount(2)}, {Key: "upper_quarter", Amount: amount(3)}, {Key: "oldest", Day: first}}
	return out
}

// quantile lies between the two neighbours in proportion, rounded half up; quarters 1 to 3.
func quantile(sorted []int64, quarter int64) int64 {
	at := int64(len(sorted)-1) * quarter
	i, part := at/4, at%4
	if part == 0 {
		return sorted[i]
	}
	lo, hi := sorted[i], sorted[i+1]
	v, _ := halfUp(new(big.Rat).Add(big.NewRat(lo, 1), new(big.Rat).Mul(big.NewRat(hi-lo, 1), big.NewRat(part, 4))))
	return v
}

// Week is what happened to a variant in a market in seven days at one price.
type Week struct {
	Day    string       // its first
	Price  money.Amount // gross, as shown
	Sold   int64        // pieces
	Visits int64        // of its page
	Orders int64
}

// Sold is a line of an order: pieces of a variant at a price, as shown.
type Sold struct {
	At    time.Time
	Price money.Amount
	Count int64
}

// Sales tells what was sold of a variant in a market since a moment, without orders that were cancelled. Satisfied
// by what package app makes of order.Service.
type Sales interface {
	Sold(tx *db.Tx, m market.Code, sku string, since time.Time) ([]Sold, error)
}

const salesWeeks = 52

// Weeks sums sales up by the seven days that end with a moment, those before them and so on, and by price: a week
// with two prices is two. Nobody counts visits, so Visits stays nought.
func Weeks(all []Sold, until time.Time) (out []Week) {
	for _, one := range all {
		n := int(until.Sub(one.At).Hours() / 24 / 7)
		day := until.AddDate(0, 0, -7*n-6).Format(time.DateOnly)
		at := slices.IndexFunc(out, func(w Week) bool { return w.Day == day && w.Price == one.Price })
		if at < 0 {
			out = append(out, Week{Day: day, Price: one.Price})
			at = len(out) - 1
		}
		out[at].Sold += one.Count
		out[at].Orders++
	}
	slices.SortFunc(out, func(a, b Week) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Price.Minor, b.Price.Minor))
	})
	return out
}

// How much has to be known before sales are taken to follow prices.
const (
	leastWeeks  = 12
	leastPrices = 3
	leastOrders = 200
)

// byElasticity fits ln(sold per visit) to ln(price) by least squares; ln(sold) where nobody counts visits, and says so. Where e < -1 for sure, the price with the
// most left over is cost·e/(1+e).
func byElasticity(s Sheet, weeks []Week) Suggestion {
	out := Suggestion{Kind: Elasticity}
	var x, y []float64
	prices := map[int64]bool{}
	var orders int64
	counted := slices.ContainsFunc(weeks, func(w Week) bool { return w.Visits > 0 })
	for _, w := range weeks {
		if !counted {
			w.Visits = 1
		}
		if w.Price.Currency != s.Market.Currency || w.Price.Minor <= 0 || w.Visits <= 0 || w.Sold <= 0 {
			continue
		}
		x, y = append(x, math.Log(float64(w.Price.Minor))), append(y, math.Log(float64(w.Sold)/float64(w.Visits)))
		prices[w.Price.Minor] = true
		orders += w.Orders
	}
	out.Reasons = []Reason{{Key: "weeks", Count: int64(len(x))}, {Key: "price_levels", Count: int64(len(prices))}, {Key: "orders", Count: orders}}
	if !counted && len(x) > 0 {
		out.Reasons = append(out.Reasons, Reason{Key: "no_visits", Count: int64(len(x))})
	}
	if len(x) < leastWeeks || len(prices) < leastPrices || orders < leastOrders {
		out.Lacks = LacksData
		return out
	}
	e, wide := slope(x, y)
	round := func(v float64) money.Rate { return money.Rate{Coef: int64(math.Round(v * 100)), Scale: 2} }
	out.Reasons = append(out.Reasons, Reason{Key: "elasticity", Rate: round(e)}, Reason{Key: "elasticity_low", Rate: round(e - wide)}, Reason{Key: "elasticity_high", Rate: round(e + wide)})
	if !(e+wide < -1) { // the interval reaches where no price is the best one
		out.Lacks = LacksData
		return out
	}
	if !s.CostKnown {
		out.Lacks = LacksCost
		return out
	}
	net := money.MustRate(strconv.FormatFloat(e/(1+e), 'f', 6, 64))
	p := s.Cost.PerPiece().Convert(s.Market.Currency, net, money.One.Add(s.Cost.Tax))
	out.Price = money.Of(Charm(p.Minor, s.Market.Rounding), s.Market.Currency)
	return out
}

// slope is that of a straight line through points, and half the width of its 95 % interval.
func slope(x, y []float64) (b, wide float64) {
	n := float64(len(x))
	var mx, my, sxx, sxy float64
	for i := range x {
		mx, my = mx+x[i]/n, my+y[i]/n
	}
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	b = sxy / sxx
	var left float64
	for i := range x {
		d := y[i] - my - b*(x[i]-mx)
		left += d * d
	}
	return b, 2.23 * math.Sqrt(left/(n-2)/sxx) // Student's t for ten degrees of freedom, the fewest there are
}

// Suggestions are the ways to the price of a sheet, from what is kept: the margin aimed at, other shops' prices,
// and as reference the published price of the first other market that is open.
func (s *Service) Suggestions(tx *db.Tx, t Trade, sheet Sheet) ([]Suggestion, error) {
	var weeks []Week
	if t.Sales != nil {
		sold, err := t.Sales.Sold(tx, sheet.Market.Code, sheet.Goods.SKU, tx.Now().AddDate(0, 0, -7*salesWeeks))
		if err != nil {
			return nil, err
		}
		weeks = Weeks(sold, tx.Now())
	}
	terms, _, err := s.Terms(tx, sheet.Market.Code)
	if err != nil {
		return nil, err
	}
	rivals, err := s.RivalPrices(tx, sheet.Market.Code, sheet.Goods.SKU)
	if err != nil {
		return nil, err
	}
	ref, err := s.reference(tx, sheet)
	if err != nil {
		return nil, err
	}
	return Suggest(t.Rules, sheet, terms.Target, ref, rivals, weeks), nil
}

func (s *Service) reference(tx *db.Tx, sheet Sheet) (Reference, error) {
	all, err := s.markets.List(tx)
	if err != nil {
		return Reference{}, err
	}
	day := tx.Now().Format(time.DateOnly)
	for _, m := range all {
		if m.Code == sheet.Market.Code || m.State != market.Open {
			continue
		}
		rows, err := s.History(tx, m.Code, sheet.Goods.SKU, 1)
		if err != nil {
			return Reference{}, err
		}
		if len(rows) == 0 || !rows[0].To.IsZero() || rows[0].Amount.Currency != m.Currency {
			continue
		}
		net := rows[0].Amount
		if m.TaxInclusive {
			tax, ok := s.taxes.TaxRate(m.Country(), "", sheet.Goods.Category, day)
			if !ok {
				continue
			}
			net = net.Sub(net.Within(tax))
		}
		q, err := s.Rate(tx, m.Currency, sheet.Market.Currency, day)
		if err != nil {
			continue // another market may have a fresh rate
		}
		return Reference{m.Country(), net, q}, nil
	}
	return Reference{}, nil
}
