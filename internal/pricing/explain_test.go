package pricing_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func eur(minor int64) money.Amount { return money.Of(minor, "EUR") }

var charm99 = market.Rounding{Step: 100, Ending: 99, Direction: market.Nearest}

// Specification of prices, section 5.
func TestFloor(t *testing.T) {
	c := pricing.Cost{Goods: eur(1800), Delivery: eur(700), Fixed: eur(25), Returns: eur(175), Duty: eur(300), Fee: money.MustRate("0.015"), Tax: money.Percent(19), Least: money.Percent(30)}
	require.Equal(t, eur(3000), c.PerPiece())
	net, gross, ok := c.PriceFor(c.Least)
	require.True(t, ok)
	require.Equal(t, []money.Amount{eur(4398), eur(5233)}, []money.Amount{net, gross})
	low, _ := c.Margin(eur(5199))
	require.Equal(t, "0.2954", low.String())
	proposal, ok := c.Proposal(c.Least, charm99)
	require.True(t, ok)
	require.Equal(t, eur(5299), proposal)
	high, _ := c.Margin(proposal)
	require.Equal(t, "0.3084", high.String())

	_, ok = c.Proposal(money.Percent(99), charm99)
	require.False(t, ok, "a margin and fees of more than everything")
	_, ok = c.Margin(eur(0))
	require.False(t, ok)
}

// The proposal has the margin asked for, and the ending just below it hasn't.
func TestProposalLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := func(name string, most int64) money.Rate {
			return money.Rate{Coef: rapid.Int64Range(0, most).Draw(t, name), Scale: 3}
		}
		c := pricing.Cost{Goods: eur(rapid.Int64Range(1, 10_000_000).Draw(t, "goods")), Fee: share("fee", 50), Tax: share("tax", 270), AdDuty: share("duty", 200)}
		m := share("margin", 500)
		step := rapid.Int64Range(1, 1000).Draw(t, "step")
		r := market.Rounding{Step: step, Ending: rapid.Int64Range(0, step-1).Draw(t, "ending"), Direction: market.Nearest}
		p, ok := c.Proposal(m, r)
		if !ok {
			t.Fatal("there is room")
		}
		left := func(gross int64) *big.Rat { // net·(1 - m - duty) - fee·gross - goods, in other words
			g := big.NewRat(gross, 1)
			one := big.NewRat(1000, 1000)
			of := func(r money.Rate) *big.Rat { return big.NewRat(r.Coef, 1000) }
			net := new(big.Rat).Quo(g, new(big.Rat).Add(one, of(c.Tax)))
			keep := new(big.Rat).Sub(one, of(m))
			keep.Sub(keep, of(c.AdDuty))
			v := new(big.Rat).Mul(net, keep)
			v.Sub(v, new(big.Rat).Mul(g, of(c.Fee)))
			return v.Sub(v, big.NewRat(c.Goods.Minor, 1))
		}
		if left(p.Minor).Sign() < 0 {
			t.Fatalf("%s leaves less than %s", p, m)
		}
		if below := p.Minor - step; below > 0 && left(below).Sign() >= 0 {
			t.Fatalf("%d would do, proposed was %s", below, p)
		}
	})
}

func germany() market.Market {
	return market.Market{Code: "de", Countries: []market.Country{"DE"}, Currency: "EUR", TaxInclusive: true, Rounding: charm99, Factor: money.One,
		Zone: "Europe/Berlin", Incoterm: "DDP"}
}

func asked() pricing.Ask {
	return pricing.Ask{Market: germany(), Goods: pricing.Goods{SKU: "tee-s", HS: "610910", Origin: "CN", Category: "standard", Description: "T-shirt", WeightGrams: 200},
		Base: money.Of(128_00, "CNY"), Rate: pricing.Quotation{Rate: money.MustRate("0.125"), Day: "2026-11-20", Source: "ecb"}, Factor: money.MustRate("1.5"),
		Tax: money.Percent(19), TaxKnown: true, At: dbtest.Start, ShipFrom: "CN",
		FX: []landed.FX{{From: "USD", To: "EUR", Rate: money.MustRate("0.86")}, {From: "CNY", To: "EUR", Rate: money.MustRate("0.125")}}}
}

func TestExplain(t *testing.T) {
	a := asked()
	a.Published = pricing.Price{Amount: eur(2499), Was: eur(2899)}
	a.Override = eur(2599)
	s := pricing.Explain(landed.Default(), a)
	var steps []string
	for _, p := range s.Steps {
		steps = append(steps, strings.TrimRight(fmt.Sprint(p.Key, " ", p.Amount, " ", p.Day, " ", p.Source), " "))
	}
	require.Equal(t, []string{"base CNY 128.00", "rate EUR 16.00 2026-11-20 ecb", "factor EUR 24.00", "tax EUR 28.56", "rounding EUR 28.99",
		"override EUR 25.99", "reduction EUR 24.99"}, steps)
	require.Equal(t, eur(2899), s.Target)
	require.Equal(t, []money.Amount{eur(2499), eur(2100), eur(399)}, []money.Amount{s.Price, s.Net, s.TaxInside})
	require.True(t, s.DoorKnown, s.DoorFault)
	require.Equal(t, s.Door.Total, s.Door.Goods.Add(s.Door.Duty).Add(s.Door.Tax).Add(s.Door.Fees))
	require.Equal(t, []string{pricing.WarnCostUnknown, pricing.WarnShortHistory}, s.Warnings)
	require.False(t, s.Known)
}

// A price below its cost, below the floor, on it; and with the duty on the merchant's side.
func TestWarnings(t *testing.T) {
	a := asked()
	a.CostKnown, a.Prior = true, eur(2899)
	a.Cost = pricing.Cost{Goods: eur(1000), Delivery: eur(400), Fixed: eur(0), Returns: eur(0), Least: money.Percent(20)}
	for _, tt := range []struct {
		price  int64
		bears  bool
		want   string
		margin string
	}{
		{1599, false, "below_cost moved", "-0.0420"},
		{1999, false, "below_floor moved", "0.1665"},
		{2082, false, "below_floor moved", "0.1998"},
		{2083, false, "moved", "0.2001"},
		{2899, false, "", "0.4253"},
	} {
		a.Published, a.BearsDuty = pricing.Price{Amount: eur(tt.price)}, tt.bears
		s := pricing.Explain(landed.Default(), a)
		require.Equal(t, tt.want, strings.Join(s.Warnings, " "), tt.price)
		require.True(t, s.Margin.Equal(money.MustRate(tt.margin)), "%d: %s", tt.price, s.Margin)
		require.Equal(t, eur(1400), s.Landed)
		require.Equal(t, []money.Amount{eur(2083), eur(2099)}, []money.Amount{s.Floor, s.Proposal})
	}
	s := pricing.Explain(landed.Default(), a)
	a.BearsDuty = true
	with := pricing.Explain(landed.Default(), a)
	require.Positive(t, with.Door.Duty.Minor)
	require.Equal(t, s.Landed.Add(with.Door.Duty).Add(with.Door.Fees), with.Landed)
	require.Greater(t, with.Floor.Minor, s.Floor.Minor)

	at := with.At(landed.Default(), eur(1599))
	require.True(t, at.Warned(pricing.WarnBelowCost))
	require.Equal(t, eur(2899), with.Price, "looking changes nothing")
}

func TestExplainWhatIsMissing(t *testing.T) {
	a := asked()
	a.TaxKnown = false
	s := pricing.Explain(nil, a)
	require.True(t, s.Warned(pricing.WarnTaxUnknown) && s.Warned(pricing.WarnNoPrice))
	require.Zero(t, s.Target.Minor)
	a = asked()
	a.Goods.HS = "61"
	s = pricing.Explain(landed.Default(), a)
	require.True(t, s.Warned(pricing.WarnDoorUnknown))
	require.Equal(t, "landed.unusable_request", s.DoorFault)
}

func find(all []pricing.Suggestion, kind string) pricing.Suggestion {
	for _, s := range all {
		if s.Kind == kind {
			return s
		}
	}
	return pricing.Suggestion{}
}

func reason(s pricing.Suggestion, key string) pricing.Reason {
	for _, r := range s.Reasons {
		if r.Key == key {
			return r
		}
	}
	return pricing.Reason{}
}

func TestSuggestions(t *testing.T) {
	rules := landed.Default()
	s := pricing.Explain(rules, asked())
	all := pricing.Suggest(rules, s, money.Percent(30), pricing.Reference{}, nil, nil)
	var lacks []string
	for _, one := range all {
		lacks = append(lacks, one.Kind+" "+one.Lacks)
		require.Zero(t, one.Price.Minor)
	}
	require.Equal(t, []string{"cost_plus no_cost", "value no_reference", "rivals too_few_rivals", "elasticity not_enough_data"}, lacks)

	a := asked()
	a.CostKnown = true
	a.Cost = pricing.Cost{Goods: eur(1800), Delivery: eur(700), Fixed: eur(25), Returns: eur(175), Fee: money.MustRate("0.015")}
	a.Published = pricing.Price{Amount: eur(5199)}
	s = pricing.Explain(rules, a)
	rival := func(name string, minor int64, day string) pricing.RivalPrice {
		return pricing.RivalPrice{SKU: "tee-s", Market: "de", Rival: name, Price: eur(minor), Day: day}
	}
	all = pricing.Suggest(rules, s, money.Percent(30), pricing.Reference{Country: "CN", Net: money.Of(300_00, "CNY"), Rate: pricing.Quotation{Rate: money.MustRate("0.125")}},
		[]pricing.RivalPrice{rival("a", 4000, "2026-11-20"), rival("b", 5000, "2026-11-21"), rival("c", 6000, "2026-11-19"), rival("d", 8000, "2026-11-18"), rival("a", 100, "2026-11-01")}, nil)
	plus := find(all, pricing.CostPlus)
	require.Equal(t, eur(4799), plus.Price, "27.00 / (1 - .3 - .015·1.19) · 1.19 = 47.10")
	require.True(t, plus.Known)
	value := find(all, pricing.ValueBased)
	require.Equal(t, "1.3379", reason(value, "value_factor").Rate.String(), "(62800 / 23800)^.3")
	require.Equal(t, eur(5999), value.Price, "37.50 · 1.3379 · 1.19 = 59.70")
	mid := find(all, pricing.Rivals)
	require.Equal(t, eur(5499), mid.Price)
	require.Equal(t, []money.Amount{eur(4750), eur(5500), eur(6500)}, []money.Amount{reason(mid, "lower_quarter").Amount, reason(mid, "median").Amount, reason(mid, "upper_quarter").Amount})
	require.Equal(t, int64(4), reason(mid, "rivals").Count)

	a.BearsDuty = true
	dutiable := find(pricing.Suggest(rules, pricing.Explain(rules, a), money.Percent(30), pricing.Reference{}, nil, nil), pricing.CostPlus)
	require.Greater(t, dutiable.Price.Minor, plus.Price.Minor)
	require.Positive(t, reason(dutiable, "duty").Amount.Minor)
	require.True(t, dutiable.Margin.Coef >= 3000, "%s", dutiable.Margin)
}

// A best price needs an elasticity below -1: e -2.5 and a cost of 30 make 50.
func TestElasticity(t *testing.T) {
	a := asked()
	a.Market.TaxInclusive, a.Market.Rounding, a.CostKnown = false, market.Rounding{Step: 100}, true
	a.Market.Rounding.Direction = market.Nearest
	a.Cost = pricing.Cost{Goods: eur(3000)}
	s := pricing.Explain(nil, a)
	weeks := func(n int, sold map[int64]int64) (all []pricing.Week) {
		for range n {
			for price, pieces := range sold {
				all = append(all, pricing.Week{Price: eur(price), Sold: pieces, Visits: 1_000_000, Orders: 10})
			}
		}
		return all
	}
	steep := map[int64]int64{4000: 40000, 5000: 22897, 6000: 14515, 8000: 7071}
	suggest := func(w []pricing.Week) pricing.Suggestion {
		return find(pricing.Suggest(nil, s, money.Rate{}, pricing.Reference{}, nil, w), pricing.Elasticity)
	}
	got := suggest(weeks(6, steep))
	require.Equal(t, "-2.5", reason(got, "elasticity").Rate.String())
	require.Equal(t, eur(5000), got.Price)
	require.Equal(t, pricing.LacksData, suggest(weeks(2, steep)).Lacks, "eight weeks")
	require.Equal(t, pricing.LacksData, suggest(weeks(10, map[int64]int64{4000: 40000, 5000: 22897})).Lacks, "two prices")
	require.Equal(t, pricing.LacksData, suggest(weeks(10, map[int64]int64{4000: 400, 5000: 390, 6000: 380})).Lacks, "who buys doesn't mind the price")
}

func TestSheetFromStore(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		trade := pricing.Trade{Rules: landed.Default(), ShipFrom: "CN"}
		p := top("tee", 128_00)
		sheet := func(sku string) (out pricing.Sheet, err error) {
			err = d.Read(t.Context(), func(tx *db.Tx) error { out, err = s.prices.Sheet(tx, trade, "de", &p, sku); return err })
			return out, err
		}
		_, err := sheet("tee-s")
		require.ErrorIs(t, err, pricing.ErrNoRate)
		work := func(f func(tx *db.Tx) error) { t.Helper(); require.NoError(t, d.Write(t.Context(), f)) }
		work(func(tx *db.Tx) error {
			if err := s.prices.SetRate(tx, pricing.FX{Base: "CNY", Quote: "EUR", Rate: money.MustRate("0.125"), Day: today, Source: "manual"}); err != nil {
				return err
			}
			if err := s.prices.SetUnitCost(tx, pricing.UnitCost{SKU: "tee-s", Amount: money.Of(80_00, "CNY"), Source: "invoice 7", By: "Mei"}); err != nil {
				return err
			}
			return s.prices.SetTerms(tx, "de", pricing.Terms{Delivery: eur(400), Least: money.Percent(20), Target: money.Percent(40)}, "Mei")
		})
		work(func(tx *db.Tx) error { _, err := s.prices.Publish(tx, "de"); return err })
		got, err := sheet("tee-s")
		require.NoError(t, err)
		require.Equal(t, eur(1899), got.Price, "128 · 0.125 · 1.19 = 19.04")
		require.Equal(t, []money.Amount{eur(1000), eur(400)}, []money.Amount{got.Cost.Goods, got.Cost.Delivery})
		require.True(t, got.Warned(pricing.WarnBelowFloor), got.Warnings)
		_, err = sheet("tee-x")
		require.ErrorIs(t, err, pricing.ErrNoPrice)

		work(func(tx *db.Tx) error { return s.prices.SetFactor(tx, "de", "tee-s", money.MustRate("1.5")) })
		work(func(tx *db.Tx) error { _, err := s.prices.Publish(tx, "de"); return err })
		got, err = sheet("tee-s")
		require.NoError(t, err)
		require.True(t, got.OwnFactor)
		require.Equal(t, eur(2899), got.Price)
		require.Equal(t, got.Target, got.Price, "what is published is what is explained")
		other, err := sheet("tee-m")
		require.NoError(t, err)
		require.Equal(t, other.Target, other.Price)
		require.True(t, other.Warned(pricing.WarnCostUnknown))
	})
}

func TestRivals(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		bring := func(file string) (n int, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) error { n, err = s.prices.ImportRivals(tx, strings.NewReader(file)); return err })
			return n, err
		}
		n, err := bring("sku,market,competitor,price,currency,day\ntee-s,de,Shop A,19.99,EUR,2026-11-20\ntee-s,id,Toko,250000,IDR,2026-11-20\ntee-s,de,Shop A,18.99,EUR,2026-11-20\n")
		require.NoError(t, err)
		require.Equal(t, 3, n)
		_, err = bring("sku,market,competitor,price,currency,day\n,de,,-1,EUR,2026-13-20\ntee-s,fr,A,1,EUR,2026-11-20\ntee-s,de,A,1,USD,2026-12-20\ntee-s,de,A\n")
		require.ErrorIs(t, err, pricing.ErrRivalFile)
		require.Equal(t, map[string]string{"line 2, sku": "catalog.sku_form", "line 2, competitor": "pricing.needs_source", "line 2, day": "pricing.day_form", "line 2, price": "pricing.price_range",
			"line 3, market": "market.unknown", "line 4, day": "pricing.day_future", "line 4, currency": "pricing.currency_differs", "line 5, file": "pricing.columns_differ"}, fault.Of(err).Fields)
		for _, file := range []string{"", "a,b\n", "sku,market,competitor,price,currency,day\n", "sku,market,competitor,price,currency,day\nt\xe4,de,A,1,EUR,2026-11-20\n"} {
			_, err := bring(file)
			require.ErrorIs(t, err, pricing.ErrRivalFile, file)
		}
		require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
			all, err := s.prices.RivalPrices(tx, "de", "tee-s")
			require.Equal(t, []pricing.RivalPrice{{SKU: "tee-s", Market: "de", Rival: "Shop A", Price: eur(1899), Day: "2026-11-20"}}, all)
			return err
		}))
	})
}
