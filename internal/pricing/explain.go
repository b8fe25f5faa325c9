package pricing

import (
	"fmt"
	"slices"
	"time"

	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
)

// Landed works out what one piece costs at a door. Satisfied by landed.Pack.
type Landed interface {
	Quote(r *landed.Request) (landed.Quote, error)
}

// Goods is what customs need to know of one piece.
type Goods struct {
	SKU         string
	Description string
	HS          string
	Origin      string
	Category    string // of tax
	WeightGrams int64
}

// Ask is everything the price of a variant in a market is made from.
type Ask struct {
	Market    market.Market
	Goods     Goods
	Base      money.Amount // without tax, in the merchant's currency
	Rate      Quotation    // from Base's currency to the market's
	Factor    money.Rate   // what holds for the variant: the market's, or one of its own
	OwnFactor bool
	Tax       money.Rate // the market's consumption tax for the variant
	TaxKnown  bool
	Override  money.Amount // price set by hand; zero: none
	Published Price        // in force; its zero value: none
	Prior     money.Amount // lowest price of the last 30 days; zero where the history is shorter
	Cost      Cost         // without duty; Goods zero: unknown. Tax is filled in here
	BearsDuty bool         // the merchant pays duty and border fees out of the price
	CostKnown bool

	At            time.Time
	ShipFrom      string
	Registrations []string
	FX            []landed.FX
}

// The steps of a price, in the order they are taken.
const (
	StepBase      = "base"
	StepRate      = "rate"
	StepFactor    = "factor"
	StepTax       = "tax"
	StepRounding  = "rounding"
	StepOverride  = "override"
	StepReduction = "reduction"
)

// Step is one step in the making of a price.
type Step struct {
	Key    string
	By     money.Rate   // what is multiplied with; zero for none
	Amount money.Amount // what there is after it, rounded to be shown; the next step goes on from the exact figure
	Day    string       // of the rate
	Source string       // of the rate; "own" for a factor of the variant's own
}

// Why a price needs a person's eye.
const (
	WarnNoPrice      = "no_price"      // nothing is published
	WarnCostUnknown  = "cost_unknown"  // no cost of the goods: margin unknown
	WarnBelowCost    = "below_cost"    // sold at a loss
	WarnBelowFloor   = "below_floor"   // below landed cost and least margin
	WarnTaxUnknown   = "tax_unknown"   // no tax rate, so that no price can be made
	WarnDoorUnknown  = "door_unknown"  // the landed cost of one piece can't be worked out
	WarnDoorReview   = "door_review"   // or a person should look at it
	WarnMoved        = "moved"         // the rules would make a price more than 3 % away from the published one
	WarnShortHistory = "short_history" // no reduction may be announced yet
	WarnNoFloor      = "no_floor"      // no price could have the least margin
)

// Sheet is the price of a variant in a market with everything that made it.
type Sheet struct {
	Ask
	Steps     []Step
	Target    money.Amount // what the rules make now; zero where they can't
	Price     money.Amount // what holds: published, else by hand, else the target
	Net       money.Amount // of Price
	TaxInside money.Amount // of Price
	Door      landed.Quote // of one piece at Price, delivery not counted
	DoorKnown bool
	DoorFault string       // why it isn't known, as a code
	Cost      Cost         // with duty, where the merchant bears it
	Landed    money.Amount // Cost's sum for Price with the fee on it; zero where the cost is unknown
	Floor     money.Amount // zero where unknown
	Proposal  money.Amount // the lowest price with the market's ending above the floor
	Margin    money.Rate
	Known     bool // Margin, Landed and Floor are known
	Warnings  []string
}

// Warned reports whether the sheet warns of something.
func (s *Sheet) Warned(key string) bool { return slices.Contains(s.Warnings, key) }

// Explain works out a price and shows its working. rules may be nil: then nothing is said about the door.
func Explain(rules Landed, a Ask) Sheet {
	s := Sheet{Ask: a, Cost: a.Cost}
	s.make()
	s.Price = a.Published.Amount
	if s.Price.IsZero() {
		s.warn(WarnNoPrice)
		if s.Price = s.Target; !a.Override.IsZero() {
			s.Price = a.Override
		}
	}
	s.judge(rules)
	if a.Prior.IsZero() {
		s.warn(WarnShortHistory)
	}
	if p, t := a.Published.Amount.Minor, s.Target.Minor; p > 0 && t > 0 && a.Override.IsZero() && a.Published.Was.IsZero() &&
		max(p-t, t-p)*100 > p*moved {
		s.warn(WarnMoved)
	}
	return s
}

// At is the sheet as it would be at another price, to look at before publishing.
func (s Sheet) At(rules Landed, price money.Amount) Sheet {
	out := s
	out.Ask.Published = Price{Amount: price, TaxInclusive: s.Market.TaxInclusive}
	out.Warnings, out.Price, out.Cost = nil, price, s.Ask.Cost
	out.judge(rules)
	return out
}

func (s *Sheet) warn(key string) { s.Warnings = append(s.Warnings, key) }

// make takes the steps.
func (s *Sheet) make() {
	m := s.Market
	in := m.Currency
	step := func(key string, by money.Rate, a money.Amount) *Step {
		s.Steps = append(s.Steps, Step{Key: key, By: by, Amount: a})
		return &s.Steps[len(s.Steps)-1]
	}
	step(StepBase, money.Rate{}, s.Base)
	r := step(StepRate, s.Rate.Rate, s.Base.Convert(in, s.Rate.Rate))
	r.Day, r.Source = s.Rate.Day, s.Rate.Source
	f := step(StepFactor, s.Factor, s.Base.Convert(in, s.Rate.Rate, s.Factor))
	if s.OwnFactor {
		f.Source = "own"
	}
	p := f.Amount
	if m.TaxInclusive {
		if !s.TaxKnown {
			s.warn(WarnTaxUnknown)
			return
		}
		p = s.Base.Convert(in, s.Rate.Rate, s.Factor, money.One.Add(s.Tax))
		step(StepTax, s.Tax, p)
	}
	s.Target = money.Of(Charm(p.Minor, m.Rounding), in)
	step(StepRounding, money.Rate{}, s.Target)
	if !s.Override.IsZero() {
		step(StepOverride, money.Rate{}, s.Override)
	}
	if !s.Published.Was.IsZero() {
		step(StepReduction, money.Rate{}, s.Published.Amount)
	}
}

// judge looks at the price that holds: what it costs at the door and what it leaves.
func (s *Sheet) judge(rules Landed) {
	in := s.Market.Currency
	s.Net, s.TaxInside, s.Cost.Tax = s.Price, money.Of(0, in), money.Rate{}
	if s.Market.TaxInclusive && s.TaxKnown {
		s.TaxInside, s.Cost.Tax = s.Price.Within(s.Tax), s.Tax
		s.Net = s.Price.Sub(s.TaxInside)
	}
	if rules != nil && s.Price.Minor > 0 {
		s.ring(rules)
	}
	if s.BearsDuty && s.DoorKnown {
		s.Cost.Duty = s.Door.Duty.Add(s.Door.Fees)
	}
	s.Known = false
	if !s.CostKnown {
		s.warn(WarnCostUnknown)
		return
	}
	if s.Price.Minor <= 0 {
		return
	}
	s.Margin, s.Known = s.Cost.Margin(s.Price)
	s.Landed = s.Cost.PerPiece().Add(s.Price.Times(s.Cost.Fee))
	floor, ok := s.Cost.Floor()
	if !ok {
		s.warn(WarnNoFloor)
		return
	}
	s.Floor = floor
	s.Proposal, _ = s.Cost.Proposal(s.Cost.Least, s.Market.Rounding)
	switch {
	case s.Margin.Coef < 0:
		s.warn(WarnBelowCost)
	case !s.Cost.has(s.Price, s.Cost.Least):
		s.warn(WarnBelowFloor)
	}
}

// ring asks what one piece costs at the door.
func (s *Sheet) ring(rules Landed) {
	q, err := rules.Quote(s.request(s.Price))
	s.Door, s.DoorKnown = q, err == nil
	switch {
	case err != nil:
		s.DoorFault = fault.Of(err).Code
		s.warn(WarnDoorUnknown)
	case q.NeedsReview():
		s.warn(WarnDoorReview)
	}
}

// request is one piece at a price, delivered for nothing.
func (a *Ask) request(price money.Amount) *landed.Request {
	m := a.Market
	return &landed.Request{Date: a.At.In(m.Location()), ShipFrom: a.ShipFrom, Destination: landed.Place{Country: string(m.Country())},
		Currency: m.Currency, Registrations: a.Registrations, Incoterm: landed.Incoterm(m.Incoterm), PricesIncludeTax: m.TaxInclusive, FX: a.FX,
		Shipping: money.Of(0, m.Currency), Discount: money.Of(0, m.Currency),
		Lines: []landed.Line{{Key: a.Goods.SKU, Description: a.Goods.Description, HS: a.Goods.HS, Origin: a.Goods.Origin, Quantity: 1,
			UnitPrice: price, Category: a.Goods.Category, WeightGrams: a.Goods.WeightGrams}}}
}

// dutyAt is what the merchant bears at the border for one piece at a price.
func (a *Ask) dutyAt(rules Landed, price money.Amount) (money.Amount, error) {
	if !a.BearsDuty || rules == nil {
		return money.Of(0, a.Market.Currency), nil
	}
	q, err := rules.Quote(a.request(price))
	if err != nil {
		return money.Amount{}, fmt.Errorf("landed cost of %s: %w", a.Goods.SKU, err)
	}
	return q.Duty.Add(q.Fees), nil
}
