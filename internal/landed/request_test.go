package landed_test

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/money"
)

// What can't be answered is refused by name, with the field and what would do.
func TestBadRequests(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*landed.Request)
		want  *fault.Fault
		field string
		code  string
		say   string
	}{
		{"quantity 0", func(r *landed.Request) { r.Lines[0].Quantity = 0 }, landed.ErrUnusable, "lines.0.quantity", "out_of_range", "must be 1 to 1000000"},
		{"quantity -1", func(r *landed.Request) { r.Lines[0].Quantity = -1 }, landed.ErrUnusable, "lines.0.quantity", "out_of_range", "must be 1 to 1000000"},
		{"quantity 10^9", func(r *landed.Request) { r.Lines[0].Quantity = 1e9 }, landed.ErrUnusable, "lines.0.quantity", "out_of_range", "must be 1 to 1000000"},
		{"unknown destination", func(r *landed.Request) { r.Destination.Country = "XX" }, landed.ErrUnusable, "destination.country", "unknown_country", "must be an ISO 3166 code like DE"},
		{"small letters", func(r *landed.Request) { r.Destination.Country = "de" }, landed.ErrUnusable, "destination.country", "unknown_country", "must be an ISO 3166 code like DE"},
		{"unknown origin", func(r *landed.Request) { r.Lines[0].Origin = "Q9" }, landed.ErrUnusable, "lines.0.origin", "unknown_country", "must be an ISO 3166 code like CN"},
		{"no ship-from", func(r *landed.Request) { r.ShipFrom = "" }, landed.ErrUnusable, "ship_from", "unknown_country", "must be an ISO 3166 code like CN"},
		{"HS of 3 digits", func(r *landed.Request) { r.Lines[0].HS = "610" }, landed.ErrUnusable, "lines.0.hs", "malformed", "must have 4 to 12 digits of an HS code"},
		{"HS of letters", func(r *landed.Request) { r.Lines[0].HS = "61O910" }, landed.ErrUnusable, "lines.0.hs", "malformed", "must have 4 to 12 digits of an HS code"},
		{"chapter 77", func(r *landed.Request) { r.Lines[0].HS = "770000" }, landed.ErrUnusable, "lines.0.hs", "malformed", "must have 4 to 12 digits of an HS code"},
		{"two price currencies", func(r *landed.Request) {
			r.Lines = append(r.Lines, r.Lines[0])
			r.Lines[1].UnitPrice.Currency = "USD"
		}, landed.ErrUnusable, "lines.1.unit_price", "other_currency", "must be in EUR like the first line"},
		{"shipping in another currency", func(r *landed.Request) { r.Shipping = money.Of(1, "USD") }, landed.ErrUnusable, "shipping", "other_currency", "must be in EUR like the prices"},
		{"negative price", func(r *landed.Request) { r.Lines[0].UnitPrice.Minor = -1 }, landed.ErrUnusable, "lines.0.unit_price", "negative", "must not be negative"},
		{"huge price", func(r *landed.Request) { r.Lines[0].UnitPrice.Minor = 1 << 62 }, landed.ErrUnusable, "lines.0.unit_price", "out_of_range", "is too large"},
		{"discount above the goods", func(r *landed.Request) { r.Discount = money.Of(1_000_000_00, "EUR") }, landed.ErrUnusable, "discount", "out_of_range", "must not be more than the goods"},
		{"no lines", func(r *landed.Request) { r.Lines = nil }, landed.ErrUnusable, "lines", "required", "must be at least 1"},
		{"10,000 lines", func(r *landed.Request) { r.Lines = make([]landed.Line, 10_000) }, landed.ErrTooManyLines, "lines", "out_of_range", "must be 1 to 1000, there are 10000"},
		{"no date", func(r *landed.Request) { r.Date = time.Time{} }, landed.ErrUnusable, "date", "malformed", "must be a day like 2026-11-21"},
		{"before the first rule", on("2020-01-01"), landed.ErrBeforeRules, "date", "out_of_range", "must not be before 2021-01-01, the first rule for DE"},
		{"before the first rule of the border", on("2021-06-30"), landed.ErrBeforeRules, "date", "out_of_range", "must not be before 2021-07-01, the first rule for EU"},
		{"no way to euro", func(r *landed.Request) {
			r.Registrations = []string{"IOSS"}
			r.FX, r.Currency, r.Lines[0].UnitPrice.Currency = nil, "USD", "USD"
		}, landed.ErrNoExchangeRate, "fx.USD", "required", "must lead from USD to EUR"},
		{"rate of nothing", func(r *landed.Request) { r.FX[0].Rate = money.Rate{} }, landed.ErrUnusable, "fx.EUR", "must_be_positive", "must be a positive rate between two currencies"},
		{"unknown channel", func(r *landed.Request) { r.Channel = "pigeon" }, landed.ErrUnusable, "channel", "unknown", "must be courier, postal or freight"},
		{"unknown incoterm", func(r *landed.Request) { r.Incoterm = "FOB" }, landed.ErrUnusable, "incoterm", "unknown", "must be DDP or DAP"},
		{"carrier fee in another currency", func(r *landed.Request) { r.CarrierFee = money.Of(1, "USD") }, landed.ErrUnusable, "carrier_fee", "other_currency", "must be in EUR, the currency of the result"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := one("DE", "", "6109100010", "CN", money.Of(50_00, "EUR"))
			tt.spoil(r)
			_, err := landed.Default().Quote(r)
			if !errors.Is(err, tt.want) {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			f := fault.Of(err)
			if f.Kind != fault.Invalid || !strings.Contains(err.Error(), tt.field+": "+tt.say) {
				t.Errorf("%v doesn't say %s: %s", err, tt.field, tt.say)
			}
			if f.Fields[tt.field] != tt.code {
				t.Errorf("fields %v, want %s: %s", f.Fields, tt.field, tt.code)
			}
		})
	}
}

// A doubt is never a silent nought: it is said, with the range where that is known.
func TestDoubtsAreSaid(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    *landed.Request
		code string
	}{
		{"rate differs below six digits", one("DE", "", "640399", "CN", money.Of(200_00, "EUR")), "duty_rate_varies_below_hs6"},
		{"heading only", one("DE", "", "6403", "CN", money.Of(200_00, "EUR")), "hs_code_too_short"},
		{"no code", one("DE", "", "", "CN", money.Of(200_00, "EUR")), "hs_code_unknown"},
		{"goods the table doesn't hold", one("DE", "", "010121", "CN", money.Of(200_00, "EUR")), "duty_rate_unknown"},
		{"by weight without weight", one("US", "", "62024015", "CN", money.Of(200_00, "USD")), "duty_needs_weight"},
		{"compound that can't be reckoned", one("US", "", "91021110", "CN", money.Of(200_00, "USD")), "duty_rate_not_computable"},
		{"two lists against China", one("US", "", "61101100", "CN", money.Of(200_00, "USD")), "china_list_ambiguous"},
		{"in no list", one("US", "", "33061000", "CN", money.Of(200_00, "USD")), "china_list_unknown"},
		{"steel", one("US", "", "732393", "CN", money.Of(200_00, "USD")), "may_fall_under_s232_steel_alu_copper"},
		{"province unknown", one("CA", "", "610910", "CN", money.Of(200_00, "CAD")), "region_unresolved"},
		{"state unknown", one("BR", "", "610910", "CN", money.Of(200_00, "USD")), "region_unresolved"},
		{"low confidence", one("MY", "", "610910", "CN", money.Of(900_00, "MYR")), "low_confidence_rule"},
		{"no rules", one("KE", "", "610910", "CN", money.Of(200_00, "USD")), "destination_without_rules"},
		{"no tariff", one("IL", "", "610910", "CN", money.Of(900_00, "USD")), "duty_rate_unknown"},
		{"fee of unknown amount", one("NZ", "", "610910", "CN", money.Of(2000_00, "NZD")), "fee_not_included"},
		{"perfume", one("DE", "", "33030010", "CN", money.Of(20_00, "EUR")), "excise_not_included"},
		{"island outside the customs area", one("DE", "HELGOLAND", "610910", "CN", money.Of(20_00, "EUR")), "special_territory"},
		{"proof for other goods", one("DE", "", "610910", "CN", money.Of(20_00, "EUR"), func(r *landed.Request) { r.Lines[0].PreferenceProof = "EU-UK TCA" }), "proof_of_origin_not_applicable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, err := landed.Default().Quote(tt.r)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range q.Reviews {
				if v.Code == tt.code {
					if q.Final() {
						t.Error("final all the same")
					}
					return
				}
			}
			t.Errorf("reviews %+v", q.Reviews)
		})
	}
}

func TestUnreadableFiles(t *testing.T) {
	for _, tt := range []struct{ text, say string }{
		{``, "landed.unreadable_file"},
		{`{"cases": 7}`, "landed.unreadable_file"},
		{`[]`, "file: holds no scenario with an input"},
		{`{"id": "A"}`, "has no input"},
		{`[[[[[[{}]]]]]]`, "nested too deeply"},
		{`{"id":"A","input":{"date":"2026-13-01"}}`, "date: must be a day like 2026-11-21"},
		{`{"id":"A","input":{"lines":[{"quantity":1.5}]}}`, "lines.0.quantity: must be 1 to 1000000"},
		{`{"id":"A","input":{"currency":"EUR","lines":[{"quantity":1,"unit_price_net":"1.999"}]}}`, "lines.0.unit_price_net: must be a decimal of EUR with at most 2 decimals"},
		{`{"id":"A","input":{"lines":7}}`, "input.lines: must be a list, not number"},
		{`{"id":"A","input":{"currency":"EUR","fx":{"USD":"-1"}}}`, "fx.USD: must be a positive decimal"},
		{`{"id":"A","input":{"currency":"EUR","flags":{"eu_handling_fee":"yes"}}}`, "flags.eu_handling_fee: must be true or false"},
	} {
		var out bytes.Buffer
		_, err := landed.RunFile(strings.NewReader(tt.text), &out)
		if err == nil || !strings.Contains(err.Error(), tt.say) || fault.Of(err).Kind != fault.Invalid || len(fault.Of(err).Fields) == 0 {
			t.Errorf("%s: %v, want %q", tt.text, err, tt.say)
		}
	}
}

// No input makes the reader of scenarios panic or hang.
func FuzzRunFile(f *testing.F) {
	f.Add([]byte(`{"id":"A","input":{"date":"2026-11-21","ship_from":"CN","destination":{"country":"DE"},"currency":"EUR","fx":{"USD":"0.9"},` +
		`"lines":[{"hs":"6109100010","origin":"CN","quantity":3,"unit_price_net":"30.00"}],"shipping_net":"6.00","flags":{"origin_proof":["ChAFTA"]}}}`))
	f.Add([]byte(`{"date":"2026-11-21","ship_from":"CN","destination":{"country":"US","region":"NY"},"currency":"USD","prices_include_tax":true,` +
		`"seller_registrations":["US_NY"],"lines":[{"hs":"62024015","origin":"CN","quantity":"3","unit_price_net":99999999999999.99,"weight_grams":900,"category":"clothing"}],"discount":"1"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var out bytes.Buffer
		_, err := landed.RunFile(bytes.NewReader(text), &out)
		if err != nil && fault.Of(err).Kind != fault.Invalid {
			t.Fatal(err)
		}
	})
}

// No file makes the readers of rule tables and official tables panic or hang, and none is half taken.
func FuzzReadTables(f *testing.F) {
	f.Add([]byte("id,country,region,code,category,rate_pct,price_cmp,price_limit,price_currency,except_hs,valid_from,valid_to,source,confidence\nx,DE,,VAT,standard,19,,,,,2020-01-01,,x,high\n"))
	f.Add([]byte("hts,general_rate,valid_from,valid_to,source,confidence\n0902.10.10,6.4% + 1.5¢/kg,2026-01-01,,us-hts,high\n"))
	f.Add([]byte("cn8,eu_cet_duty,gb_ukgt_duty,valid_from,valid_to,source,confidence\n01012100,8% MIN 0.30 EUR / item MAX 1 EUR / item,\"9% (1 JAN - 2 FEB), 2% (3 FEB - 31 DEC)\",2021-01-01,,ukgt,high\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := landed.ReadTables(map[string]string{"taxes.csv": string(text)})
		if (p == nil) != (err != nil) || err != nil && fault.Of(err).Kind != fault.Invalid {
			t.Fatal(p, err)
		}
		tariff, _, err := landed.ReadTariff(bytes.NewReader(text), "t.csv", nil)
		if (tariff == nil) != (err != nil) || err != nil && fault.Of(err).Kind != fault.Invalid {
			t.Fatal(tariff, err)
		}
	})
}

// Whatever the amounts and rates, the engine answers exactly or refuses; it never panics and never loses a unit.
func FuzzQuote(f *testing.F) {
	f.Add("DE", "EUR", "6109100010", "CN", int64(3), int64(30_00), int64(6_00), int64(0), int64(1_0000), uint8(4), "IOSS", true)
	f.Add("JP", "USD", "620442000", "CN", int64(1_000_000), int64(1<<40), int64(1<<50), int64(99), int64(178_3), uint8(1), "", false)
	f.Add("CA", "CAD", "61", "US", int64(9), int64(1), int64(1), int64(1), int64(1), uint8(18), "CUSMA", true)
	f.Fuzz(func(t *testing.T, country, price, hs, origin string, quantity, unit, shipping, discount, rate int64, scale uint8, word string, inclusive bool) {
		r := one(country, "", hs, origin, money.Of(unit, money.Currency(price)), registered(word))
		r.Currency = "EUR"
		r.Lines[0].Quantity, r.Lines[0].Category, r.Lines[0].PreferenceProof, r.Lines[0].Description = quantity, word, word, word
		r.Lines = append(r.Lines, r.Lines[0])
		r.Shipping, r.Discount = money.Of(shipping, money.Currency(price)), money.Of(discount, money.Currency(price))
		r.FX = append(r.FX, landed.FX{From: "EUR", To: money.Currency(price), Rate: money.Rate{Coef: rate, Scale: scale % 19}})
		r.PricesIncludeTax = inclusive
		q, err := landed.Default().Quote(r)
		if err != nil {
			if fault.Of(err).Kind != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if q.Total.Minor != q.Goods.Minor+q.Shipping.Minor+q.Duty.Minor+q.Tax.Minor+q.Fees.Minor || q.Duty.Minor < 0 || q.Tax.Minor < 0 || q.Goods.Minor < 0 {
			t.Fatalf("%+v", q)
		}
	})
}

// A long row of quotes leaves nothing behind.
func TestHeapDoesNotGrow(t *testing.T) {
	n := 30_000
	if testing.Short() {
		n = 3_000
	}
	p, r := landed.Default(), cart("US", "USD")
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	run := func() {
		for range n {
			if _, err := p.Quote(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	run()
	before := heap()
	run()
	if after := heap(); after > before+256<<10 {
		t.Errorf("heap grew from %d to %d bytes over %d quotes", before, after, n)
	}
}
