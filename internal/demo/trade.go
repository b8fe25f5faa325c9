package demo

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

// What this file makes up is said to be made up: its sources read "sample …".

// walkDays is how long before the sample rates' day the made-up history begins.
const walkDays = 95

// seedHistory makes up three months of rates that end at the sample ones: a small walk, the same every time.
func seedHistory(tx *db.Tx, prices *pricing.Service, base money.Currency, last map[money.Currency]money.Rate) error {
	var all []pricing.FileRate
	for _, c := range slices.Sorted(keys(last)) {
		r := rand.New(rand.NewPCG(seedOf(string(c)), 92))
		rate, _ := strconv.ParseFloat(last[c].String(), 64)
		for n := 2; n <= walkDays; n++ {
			on := tx.Now().AddDate(0, 0, -n)
			rate *= math.Exp(.0035 * r.NormFloat64())
			if on.Weekday() == time.Saturday || on.Weekday() == time.Sunday {
				continue
			}
			v, err := money.ParseRate(strconv.FormatFloat(rate, 'f', places(rate), 64))
			if err != nil {
				return err
			}
			all = append(all, pricing.FileRate{FX: pricing.FX{Base: base, Quote: c, Rate: v, Day: on.Format(time.DateOnly), Source: "sample walk"}, Line: len(all) + 1})
		}
	}
	_, err := prices.ImportRates(tx, all, "sample data")
	return err
}

// places writes five significant digits.
func places(v float64) int { return max(0, 4-int(math.Floor(math.Log10(v)))) }

func seedOf(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

func keys[K comparable, V any](m map[K]V) func(yield func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// seedPayouts makes up what a provider paid out in the months before, near the rates the orders were locked at.
func seedPayouts(tx *db.Tx, prices *pricing.Service, home money.Currency, last map[money.Currency]money.Rate) error {
	r := rand.New(rand.NewPCG(11, 92))
	usual := map[money.Currency]int64{"USD": 118_00, "EUR": 104_00, "GBP": 91_00, "IDR": 1_450_000_00, "MYR": 420_00}
	for back := 3; back >= 0; back-- {
		month := time.Date(tx.Now().Year(), tx.Now().Month()-time.Month(back), 1, 0, 0, 0, 0, time.UTC)
		for n := range 24 {
			day := month.AddDate(0, 0, 1+n)
			if !day.Before(tx.Now().AddDate(0, 0, -1)) {
				break
			}
			for _, c := range slices.Sorted(keys(usual)) {
				amount := money.Of(int64(float64(usual[c])*(.7+.6*r.Float64())), c)
				drift := 1 + .004*r.NormFloat64() + .003*math.Sin(float64(back)+float64(seedOf(string(c))%5))
				rate := money.Cross(money.One, last[c])
				ref := fmt.Sprintf("sample-%s-%s", c, day.Format("20060102"))
				if err := prices.Keep(tx, ref, amount, pricing.LockedRate{Home: home, Rate: rate, Day: day.AddDate(0, 0, -9).Format(time.DateOnly), Source: "sample rates"}); err != nil {
					return err
				}
				worth := amount.Convert(home, rate)
				if _, err := prices.Settle(tx, pricing.Settled{Payout: "sample-" + day.Format("20060102"), Ref: ref, Amount: amount,
					Home: money.Of(int64(float64(worth.Minor)*drift), home), Fee: worth.Times(money.MustRate("0.029")), Day: day.Format(time.DateOnly)}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// seedCosts makes up what pieces cost and what selling in each market costs and should leave.
func seedCosts(tx *db.Tx, s Shop) error {
	all, err := products()
	if err != nil {
		return err
	}
	for i, p := range all {
		cost := p.Base.Times(money.MustRate("0.52"))
		if i%17 == 5 { // a few that sell for too little somewhere
			cost = p.Base.Times(money.MustRate("1.05"))
		}
		for _, v := range p.Variants {
			if err := s.Prices.SetUnitCost(tx, pricing.UnitCost{SKU: v.SKU, Amount: cost, Source: "sample estimate", By: "Mei"}); err != nil {
				return err
			}
		}
	}
	for _, m := range Markets() {
		per := func(cny int64) (money.Amount, error) {
			q, err := s.Prices.Rate(tx, "CNY", m.Currency, tx.Now().Format(time.DateOnly))
			return money.Of(cny, "CNY").Convert(m.Currency, q.Rate), err
		}
		t := pricing.Terms{Fee: money.MustRate("0.029"), Least: money.MustRate("0.12"), Target: money.MustRate("0.35"), BearsDuty: false}
		var err1, err2, err3 error
		t.Delivery, err1 = per(18_00)
		t.Fixed, err2 = per(2_00)
		t.Returns, err3 = per(6_00)
		for _, err := range []error{err1, err2, err3, s.Prices.SetTerms(tx, m.Code, t, "Mei")} {
			if err != nil {
				return fmt.Errorf("terms of %s: %w", m.Code, err)
			}
		}
	}
	return nil
}

// seedRivals makes up what other shops ask for some pieces.
func seedRivals(tx *db.Tx, s Shop) error {
	all, err := products()
	if err != nil {
		return err
	}
	shops := []string{"Lindenmode (sample)", "Velvet Quay (sample)", "Studio Nord (sample)", "Casa Marea (sample)"}
	r := rand.New(rand.NewPCG(5, 92))
	var file strings.Builder
	file.WriteString("sku,market,competitor,price,currency,day\n")
	for _, m := range Markets()[:3] {
		for _, p := range all[:min(12, len(all))] {
			rows, err := s.Prices.History(tx, m.Code, p.Variants[0].SKU, 1)
			if err != nil || len(rows) == 0 {
				return err
			}
			for i, shop := range shops {
				price := rows[0].Amount.Times(money.Rate{Coef: 80 + r.Int64N(45), Scale: 2})
				day := market.AddDays(tx.Now().Format(time.DateOnly), -3-7*i)
				fmt.Fprintf(&file, "%s,%s,%s,%s,%s,%s\n", p.Variants[0].SKU, m.Code, shop, price.Decimal(), m.Currency, day)
			}
		}
	}
	_, err = s.Prices.ImportRivals(tx, strings.NewReader(file.String()))
	return err
}
