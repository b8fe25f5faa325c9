package pricing_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
	"portolan/internal/settings"
)

var schemas = []db.Schema{jobs.Schema, settings.Schema, market.Schema, catalog.Schema, pricing.Schema}

const today = "2026-11-24" // dbtest.Start

// vat is the taxes of the test: one rate per country and category.
type vat map[string]money.Rate

func (v vat) TaxRate(c market.Country, _, category, _ string) (money.Rate, bool) {
	r, ok := v[string(c)+" "+category]
	return r, ok
}

type shop struct {
	markets *market.Service
	goods   *catalog.Service
	prices  *pricing.Service
}

func open(t testing.TB, d *db.DB) shop {
	t.Helper()
	w := settings.Watch(d)
	s := shop{markets: market.New(d, w, settings.Bump), goods: catalog.New(d, w, settings.Bump)}
	s.prices = pricing.New(d, w, settings.Bump, s.markets, s.goods, vat{
		"DE standard": money.Percent(19), "DE reduced": money.Percent(7), "ID standard": money.Percent(11),
	})
	s.goods.With(s.prices, nil)
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		for _, m := range []market.Market{
			{Code: "de", Name: "Germany", Countries: []market.Country{"DE"}, Currency: "EUR", TaxInclusive: true, Rounding: market.Rounding{Step: 100, Ending: 99, Direction: market.Nearest}, Zone: "Europe/Berlin"},
			{Code: "us", Name: "USA", Countries: []market.Country{"US"}, Currency: "USD", Rounding: market.Rounding{Step: 100, Ending: 99, Direction: market.Nearest}, Zone: "America/New_York"},
			{Code: "id", Name: "Indonesia", Countries: []market.Country{"ID"}, Currency: "IDR", TaxInclusive: true, Rounding: market.Rounding{Step: 100000, Direction: market.Nearest}, Zone: "Asia/Jakarta"},
		} {
			m.State, m.Languages, m.Incoterm, m.Factor = market.Open, []string{"en"}, "DDP", money.One
			if err := s.markets.Save(tx, m); err != nil {
				return err
			}
		}
		if err := s.goods.ImportCategories(tx, []catalog.Category{{Slug: "tops", Names: map[string]string{"en": "Tops"}}}); err != nil {
			return err
		}
		_, err := s.goods.Import(tx, []catalog.Product{top("tee", 128_00), top("book", 50_00)})
		return err
	})
	require.NoError(t, err)
	return s
}

func top(slug string, base int64) catalog.Product {
	p := catalog.Product{Slug: slug, Kind: "top", Category: "tops", TaxCategory: "standard", Origin: "CN", HS: "610910", CustomsDescription: "T-shirt",
		WeightGrams: 200, Base: money.Of(base, "CNY"), Texts: map[string]catalog.Text{"en": {Title: slug}},
		Options:  []catalog.Option{{Name: "size", Values: []catalog.Value{{Code: "s"}, {Code: "m"}}}},
		Variants: []catalog.Variant{{SKU: slug + "-s", Options: map[string]string{"size": "s"}}, {SKU: slug + "-m", Options: map[string]string{"size": "m"}, Base: money.Of(base+20_00, "CNY")}}}
	if slug == "book" {
		p.TaxCategory = "books"
	}
	return p
}

// Specification of prices, section 4.
func TestRounding(t *testing.T) {
	for _, tt := range []struct{ p, step, ending, nearest, up, down int64 }{
		{4712, 100, 99, 4699, 4799, 4699},
		{4749, 100, 99, 4799, 4799, 4699},
		{4750, 100, 95, 4795, 4795, 4695},
		{4799, 100, 99, 4799, 4799, 4799},
		{7433, 1000, 980, 6980, 7980, 6980},
		{61234500, 100000, 0, 61200000, 61300000, 61200000},
		{4712, 5, 0, 4710, 4715, 4710},
		{50, 100, 99, 99, 99, 99},
	} {
		for direction, want := range map[market.Direction]int64{market.Nearest: tt.nearest, market.Up: tt.up, market.Down: tt.down} {
			r := market.Rounding{Step: tt.step, Ending: tt.ending, Direction: direction}
			require.Equal(t, want, pricing.Charm(tt.p, r), "%d %v", tt.p, r)
		}
	}
}

func TestRoundingLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.Int64Range(1, 1_000_000).Draw(t, "step")
		r := market.Rounding{Step: step, Ending: rapid.Int64Range(0, step-1).Draw(t, "ending"),
			Direction: rapid.SampledFrom([]market.Direction{market.Nearest, market.Up, market.Down}).Draw(t, "direction")}
		p := rapid.Int64Range(1, 1_000_000_000_000).Draw(t, "p")
		got := pricing.Charm(p, r)
		if got <= 0 || (got-r.Ending)%step != 0 {
			t.Fatalf("%d has not the ending", got)
		}
		if again := pricing.Charm(got, r); again != got {
			t.Fatalf("%d is rounded again to %d", got, again)
		}
		if more := pricing.Charm(p+rapid.Int64Range(0, 10_000).Draw(t, "more"), r); more < got {
			t.Fatalf("a higher price became lower: %d after %d", more, got)
		}
		if far := max(got-p, p-got); far >= step && got != r.Ending && got != r.Ending+step {
			t.Fatalf("%d became %d", p, got)
		}
	})
}

func setRates(t *testing.T, d *db.DB, s shop, day string, rates map[money.Currency]string) {
	t.Helper()
	dbtest.Write(t, d, func(tx *db.Tx) error {
		for quote, rate := range rates {
			if err := s.prices.SetRate(tx, pricing.FX{Base: "EUR", Quote: quote, Rate: money.MustRate(rate), Day: day, Source: "ecb"}); err != nil {
				return err
			}
		}
		return nil
	})
}

var ecb = map[money.Currency]string{"CNY": "8.2", "USD": "1.16", "GBP": "0.875", "IDR": "19343.52"}

func TestRates(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		setRates(t, d, s, "2026-11-20", ecb) // a Friday
		setRates(t, d, s, "2026-11-23", map[money.Currency]string{"USD": "1.17"})
		for _, tt := range []struct {
			from, to       money.Currency
			day, rate, got string
			err            error
		}{
			{"EUR", "USD", "2026-11-22", "1.16", "2026-11-20", nil}, // over the weekend
			{"EUR", "USD", "2026-11-24", "1.17", "2026-11-23", nil},
			{"USD", "GBP", "2026-11-20", "0.754310344828", "2026-11-20", nil}, // 0.875 / 1.16
			{"USD", "GBP", "2026-11-24", "0.747863247863", "2026-11-20", nil}, // the older day of the two
			{"USD", "EUR", "2026-11-20", "0.862068965517", "2026-11-20", nil},
			{"IDR", "EUR", "2026-11-20", "0.0000516968990132", "2026-11-20", nil},
			{"CNY", "IDR", "2026-11-20", "2358.96585366", "2026-11-20", nil}, // 19343.52 / 8.2
			{"EUR", "EUR", "2026-11-20", "1", "2026-11-20", nil},
			{"EUR", "GBP", "2026-11-27", "0.875", "2026-11-20", nil}, // seven days
			{"EUR", "GBP", "2026-11-28", "", "", pricing.ErrStaleRate},
			{"EUR", "USD", "2026-11-19", "", "", pricing.ErrNoRate},
			{"EUR", "KWD", "2026-11-20", "", "", pricing.ErrNoRate},
		} {
			dbtest.Read(t, d, func(tx *db.Tx) error {
				q, err := s.prices.Rate(tx, tt.from, tt.to, tt.day)
				mem, err2 := s.prices.RateNow(tt.from, tt.to, tt.day)
				if tt.err != nil {
					require.ErrorIs(t, err, tt.err)
					require.ErrorIs(t, err2, tt.err)
					return nil
				}
				require.NoError(t, err, "%+v", tt)
				require.Equal(t, tt.rate, q.Rate.String(), "%s to %s", tt.from, tt.to)
				require.Equal(t, tt.got, q.Day)
				require.Equal(t, q, mem)
				return err2
			})
		}
	})
}

func TestRatesRefused(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		set := func(rate, day, by string) error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				return s.prices.SetRate(tx, pricing.FX{Base: "EUR", Quote: "USD", Rate: money.MustRate(rate), Day: day, Source: "manual", By: by})
			})
		}
		require.NoError(t, set("1.00", "2026-11-20", ""))
		require.NoError(t, set("1.00", "2026-11-20", ""), "the same twice changes nothing")
		require.NoError(t, set("1.10", "2026-11-21", ""), "10 % is not more than 10 %")
		require.ErrorIs(t, set("1.2101", "2026-11-22", ""), pricing.ErrRateJump)
		require.ErrorIs(t, set("0.98", "2026-11-22", ""), pricing.ErrRateJump)
		require.NoError(t, set("1.30", "2026-11-22", "Li Wei"))
		for rate, field := range map[string]string{"0": "rate", "-1.1": "rate"} {
			require.Equal(t, "pricing.rate_positive", fault.Of(set(rate, "2026-11-22", "Li Wei")).Fields[field])
		}
		require.Equal(t, "pricing.day_future", fault.Of(set("1.30", "2026-11-26", "Li Wei")).Fields["day"])
		require.Equal(t, "pricing.day_form", fault.Of(set("1.30", "24.11.2026", "Li Wei")).Fields["day"])
	})
}

func publish(t *testing.T, d *db.DB, s shop, m market.Code) pricing.Run {
	t.Helper()
	var run pricing.Run
	dbtest.Write(t, d, func(tx *db.Tx) (err error) {
		run, err = s.prices.Publish(tx, m)
		return err
	})
	return run
}

func TestPublish(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		_, err := s.prices.Price("de", "tee-s")
		require.ErrorIs(t, err, pricing.ErrNoPrice)
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := s.prices.Publish(tx, "de")
			return err
		}), pricing.ErrNoRate)

		setRates(t, d, s, "2026-11-20", ecb)
		run := publish(t, d, s, "de")
		require.Equal(t, 2, run.Published)
		require.Equal(t, []pricing.Skip{{"book-m", "pricing.tax_unknown"}, {"book-s", "pricing.tax_unknown"}}, run.Skipped)
		require.Equal(t, "2026-11-20", run.Day)

		// 128 / 8.2 x 1.19 = 18.5756, 148 / 8.2 x 1.19 = 21.478
		p, err := s.prices.Price("de", "tee-s")
		require.NoError(t, err)
		require.Equal(t, money.Of(18_99, "EUR"), p.Amount)
		require.True(t, p.TaxInclusive)
		require.Equal(t, "0.121951219512", p.Rate.String())
		require.Equal(t, run.ID+"/tee-s", p.RowID)
		tee, _ := s.goods.Get("tee")
		from, differ, ok := s.prices.From("de", tee)
		require.True(t, ok && differ && from == p)

		publish(t, d, s, "us") // 128 / 8.2 x 1.16 = 18.1073; 50 -> 7.07
		p, _ = s.prices.Price("us", "tee-s")
		require.Equal(t, money.Of(17_99, "USD"), p.Amount)
		require.False(t, p.TaxInclusive)
		p, _ = s.prices.Price("us", "book-s")
		require.Equal(t, money.Of(6_99, "USD"), p.Amount)

		publish(t, d, s, "id") // 128 / 8.2 x 19343.52 x 1.11 = 335,162.0 rupiah
		p, _ = s.prices.Price("id", "tee-s")
		require.Equal(t, money.Of(335_000_00, "IDR"), p.Amount)

		require.Len(t, s.goods.List(catalog.Filter{Market: "de"}, catalog.Page{}).Products, 1)
		require.Len(t, s.goods.List(catalog.Filter{Market: "us"}, catalog.Page{}).Products, 2)
	})
}

func TestPricesDoNotFlicker(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		setRates(t, d, s, "2026-11-20", ecb)
		publish(t, d, s, "de")
		epoch := s.prices.Epoch()
		run := publish(t, d, s, "de")
		require.Equal(t, []int{0, 2}, []int{run.Published, run.Kept})
		require.Equal(t, epoch, s.prices.Epoch())

		// The target of tee-s moves from 18.99 to 19.99: 5 %.
		setRates(t, d, s, today, map[money.Currency]string{"CNY": "7.7"})
		run = publish(t, d, s, "de")
		require.Equal(t, []int{2, 0}, []int{run.Published, run.Kept})
		p, _ := s.prices.Price("de", "tee-s")
		require.Equal(t, money.Of(19_99, "EUR"), p.Amount)

		dbtest.Write(t, d, func(tx *db.Tx) error {
			return s.prices.SetOverride(tx, "de", "tee-s", money.Of(15_00, "EUR"))
		})
		p, _ = s.prices.Price("de", "tee-s")
		require.Equal(t, money.Of(15_00, "EUR"), p.Amount)
		require.Equal(t, 2, publish(t, d, s, "de").Kept)
		for _, a := range []money.Amount{money.Of(0, "EUR"), money.Of(-1, "EUR"), money.Of(15_00, "USD")} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { return s.prices.SetOverride(tx, "de", "tee-s", a) })
			require.Contains(t, fault.Of(err).Fields, "price")
		}

		dbtest.Write(t, d, func(tx *db.Tx) error {
			m, err := s.markets.Get(tx, "de")
			if err != nil {
				return err
			}
			m.Rounding.Ending = 95
			if err := s.markets.Save(tx, m); err != nil {
				return err
			}
			return s.prices.ClearOverride(tx, "de", "tee-s")
		})
		require.Equal(t, 2, publish(t, d, s, "de").Published, "new endings make new prices")
		dbtest.Read(t, d, func(tx *db.Tx) error {
			rows, err := s.prices.History(tx, "de", "tee-s", 10)
			require.Len(t, rows, 4)
			current := 0
			for _, r := range rows {
				if r.To.IsZero() {
					current++
				}
			}
			require.Equal(t, 1, current)
			return err
		})
	})
}

// Specification of prices, section 6: histories of one variant and what may be announced.
func TestReductions(t *testing.T) {
	type step struct{ day, price string }
	tests := []struct {
		name    string
		history []step
		reduce  step
		prior   string
		off     int
		err     error
	}{
		{"lowest of the 30 days before", []step{{"2026-09-01", "49.99"}, {"2026-10-10", "44.99"}, {"2026-10-20", "49.99"}}, step{"2026-11-05", "39.99"}, "44.99", 11, nil},
		{"a second reduction counts the first", []step{{"2026-09-01", "49.99"}, {"2026-10-10", "44.99"}, {"2026-10-20", "49.99"}, {"2026-11-05", "39.99"}}, step{"2026-11-12", "34.99"}, "39.99", 12, nil},
		{"lower a moment ago", []step{{"2026-09-01", "49.99"}, {"2026-11-03", "29.99"}, {"2026-11-03", "49.99"}}, step{"2026-11-05", "39.99"}, "", 0, pricing.ErrNoReduction},
		{"too new", []step{{"2026-11-01", "49.99"}}, step{"2026-11-05", "39.99"}, "", 0, pricing.ErrShortHistory},
		{"never sold", nil, step{"2026-11-05", "39.99"}, "", 0, pricing.ErrShortHistory},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.EachClock(t, schemas, func() *db.Clock { return db.Manual(day("2026-08-01")) }, func(t *testing.T, d *db.DB) {
				s := open(t, d)
				eur := func(p string) money.Amount {
					a, err := money.Parse(p, "EUR")
					require.NoError(t, err)
					return a
				}
				to := func(at string) {
					if left := d.Clock().Until(day(at)); left > 0 {
						d.Clock().Advance(day(at).Sub(d.Clock().Now()))
					} else {
						d.Clock().Advance(60e9)
					}
				}
				for _, h := range tt.history {
					to(h.day)
					dbtest.Write(t, d, func(tx *db.Tx) error { return s.prices.SetOverride(tx, "de", "tee-s", eur(h.price)) })
				}
				to(tt.reduce.day)
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					_, err := s.prices.Reduce(tx, "de", "tee-s", eur(tt.reduce.price))
					return err
				})
				if tt.err != nil {
					require.ErrorIs(t, err, tt.err)
					return
				}
				require.NoError(t, err)
				p, err := s.prices.Price("de", "tee-s")
				require.NoError(t, err)
				require.Equal(t, eur(tt.prior), p.Was)
				require.Equal(t, eur(tt.prior), p.Lowest30)
				require.Equal(t, tt.off, p.Off())
				dbtest.Write(t, d, func(tx *db.Tx) error { return s.prices.EndReduction(tx, "de", "tee-s") })
				p, _ = s.prices.Price("de", "tee-s")
				require.True(t, p.Was.IsZero())
			})
		})
	}
}

// A run publishes all its rows at once: readers never see a mix.
func TestPublishIsSeenWhole(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		setRates(t, d, s, "2026-11-20", ecb)
		var many []catalog.Product
		for i := range 150 {
			many = append(many, top(fmt.Sprintf("top-%d", i), 100_00))
		}
		dbtest.Write(t, d, func(tx *db.Tx) error { _, err := s.goods.Import(tx, many); return err })
		require.Equal(t, 302, publish(t, d, s, "de").Published)
		for i := range 150 {
			a, err := s.prices.Price("de", fmt.Sprintf("top-%d-m", i))
			require.NoError(t, err)
			require.Equal(t, money.Of(16_99, "EUR"), a.Amount) // 120 / 8.2 x 1.19 = 17.41
		}
	})
}

func TestPublishedTwiceAtOnce(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		setRates(t, d, s, "2026-11-20", ecb)
		var rows atomic.Int64
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				published := 0
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					run, err := s.prices.Publish(tx, "us")
					published = run.Published
					return err
				})
				if err != nil {
					t.Error(err)
				}
				rows.Add(int64(published))
			})
		}
		all.Wait()
		require.EqualValues(t, 4, rows.Load(), "one run makes the prices, the others find them made")
	})
}
