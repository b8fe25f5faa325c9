package landed

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"portolan/internal/money"
)

// somewhere is a destination inside the customs authority of a rule.
func somewhere(country string) Place {
	switch country {
	case "EU":
		return Place{Country: "DE"}
	case "CA":
		return Place{Country: "CA", Region: "ON"}
	case "BR":
		return Place{Country: "BR", Region: "SP"}
	}
	return Place{Country: country}
}

// someone is a registration by its name in requests.
func someone(seller registration) []string {
	for _, name := range []string{"IOSS", "GB_VAT", "VOEC", "CH_VAT", "AU_GST", "NZ_GST", "SG_OVR", "MY_LVG", "CL_VAT", "REMESSA_CONFORME"} {
		if registrations[name] == seller {
			return []string{name}
		}
	}
	return nil
}

func channelOf(set channelSet) Channel {
	switch {
	case set&byPost != 0 && set&byCourier == 0:
		return Postal
	case set&byFreight != 0 && set&byCourier == 0:
		return Freight
	}
	return Courier
}

// under is a request that falls under a regime: one piece of goods, delivery free of charge. Prices are in the
// currency of the limit, and so is the result.
func under(t *testing.T, p *Pack, g *regime) *Request {
	t.Helper()
	hs := "950300"
	for _, other := range []string{"610910", "491191", "850760", "330499"} {
		if g.excluded.has(hs) || g.groups.has(hs) {
			hs = other
		}
	}
	from := max(g.from, 20210701)
	for _, x := range p.taxesOf(somewhere(g.country).Country) {
		if x.category == "standard" && x.from > from && !slices.ContainsFunc(p.taxesOf(somewhere(g.country).Country), func(y *taxRow) bool { return y.category == "standard" && y.on(from) }) {
			from = x.from
		}
	}
	r := &Request{
		Date: time.Date(int(from/10000), time.Month(from/100%100), int(from%100), 0, 0, 0, 0, time.UTC), ShipFrom: "CN", Destination: somewhere(g.country),
		Currency: g.currency, Channel: channelOf(g.channels), Incoterm: DAP,
		Lines: []Line{{Description: "goods", HS: hs, Origin: "CN", Quantity: 1, UnitPrice: money.Of(0, g.currency)}},
	}
	for _, cur := range []money.Currency{"EUR", "USD", "GBP", "CNY", "IDR", "MYR", "KRW", "RON", "IDR", "INR"} {
		if cur != g.currency {
			r.FX = append(r.FX, FX{From: g.currency, To: cur, Rate: money.MustRate("1.25")})
		}
	}
	if !g.notSeller {
		r.Registrations = someone(g.seller)
	}
	r.Flags.CrossBorderRetail = g.channels&byCBEC != 0
	if !g.shipFrom.any() && !g.shipFrom.has("CN") {
		for _, c := range []string{"US", "DE", "GB"} {
			if g.shipFrom.has(c) {
				r.ShipFrom = c
			}
		}
	}
	if !g.origins.any() && !g.origins.has("CN") {
		r.Lines[0].Origin = "BD"
	}
	return r
}

func ask(t *testing.T, p *Pack, r *Request, price int64) Quote {
	t.Helper()
	r.Lines[0].UnitPrice.Minor = price
	q, err := p.Quote(r)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func dutyCodes(q *Quote) string {
	var codes []string
	for _, h := range q.Charges {
		if h.Kind == Duty {
			codes = append(codes, h.Code)
		}
	}
	return strings.Join(codes, " ")
}

func taxed(q *Quote) bool {
	return slices.ContainsFunc(q.Charges, func(h Charge) bool { return h.Kind == Tax })
}

// Every threshold of every regime is where its row says: one minor unit below it, at it and one above.
func TestEveryRegimeTurnsAtItsLimit(t *testing.T) {
	p, tested := Default(), 0
	for _, rows := range p.regimes {
		for _, g := range rows {
			if g.dutyBasis == "amount" || g.mode == "duty_free_if_vat_at_sale" || g.mode == "cbec" {
				continue // limits on the tax itself, on an item with freight, on a year: tables of their own
			}
			for _, limit := range slices.Compact([]int64{g.dutyLimit, g.taxLimit}) {
				if limit <= 1 || limit >= 1 && g.dutyLimit <= 1 && g.taxLimit <= 1 || g.mode == "tariff" {
					continue
				}
				tested++
				t.Run(fmt.Sprintf("%s at %d", g.id, limit), func(t *testing.T) {
					r := under(t, p, g)
					at := limit
					if g.dutyBasis == "own_use" {
						at = limit * 10 / 6
					}
					for d := int64(-1); d <= 1; d++ {
						q := ask(t, p, r, at+d)
						if q.Regime != g.id {
							t.Fatalf("falls under %s", q.Regime)
						}
						within := d < 0 || d == 0 && !g.below
						codes := dutyCodes(&q)
						switch {
						case g.mode == "flat_per_item":
							if (codes == "EU_FLAT") != within {
								t.Errorf("%+d: duty by %s", d, codes)
							}
						case g.mode == "two_band":
							if !within && d > 0 && q.Duty.Minor > 1 && g.rate == 0 {
								t.Errorf("%+d: duty %v jumps", d, q.Duty)
							}
						case reliefModes[g.mode] && limit == g.dutyLimit:
							if (codes == "RELIEF") != within || within && !q.Duty.IsZero() {
								t.Errorf("%+d: duty by %q of %v", d, codes, q.Duty)
							}
						}
						if limit == g.taxLimit && !g.coversTax && g.country != "US" && taxed(&q) == within && q.Tax.IsZero() != within {
							t.Errorf("%+d: tax %v (%v)", d, q.Tax, q.Charges)
						}
						for _, h := range q.Charges {
							if h.Kind == Duty && h.Rate.Coef > 0 && h.Base.Minor != c60(g, at+d) && g.mode != "two_band" && p.countries[g.country].dutyStep == 0 {
								t.Errorf("%+d: duty on %v, not on the whole value", d, h.Base)
							}
						}
					}
				})
			}
		}
	}
	if tested < 30 {
		t.Errorf("%d limits, want at least 30", tested)
	}
}

// c60 is the customs value of a price under a regime.
func c60(g *regime, price int64) int64 {
	if g.dutyBasis == "own_use" {
		return (price*6 + 5) / 10
	}
	return price
}

// Every scheme taxes at sale up to its limit, and leaves what is above to the border.
func TestEverySchemeEndsAtItsLimit(t *testing.T) {
	p, tested := Default(), 0
	for country, schemes := range p.schemes {
		for _, s := range schemes {
			if s.limit == 0 {
				continue
			}
			tested++
			t.Run(s.id, func(t *testing.T) {
				g := &regime{row: row{from: max(s.from, 20241101)}, country: country, currency: s.currency, seller: s.seller, channels: s.channels, excluded: s.excluded}
				if country == "CL" {
					g.from = s.from
				}
				r := under(t, p, g)
				for d := int64(-1); d <= 1; d++ {
					q := ask(t, p, r, s.limit+d)
					within := d < 0 || d == 0 && !s.below
					if got := q.AtCheckout.Minor > 0; got != within {
						t.Errorf("%+d: at checkout %v, at the border %v", d, q.AtCheckout, q.AtBorder)
					}
					if q.AtCheckout.Minor+q.AtBorder.Minor == 0 {
						t.Errorf("%+d: taxed nowhere", d)
					}
				}
			})
		}
	}
	if tested < 8 {
		t.Errorf("%d schemes, want at least 8", tested)
	}
}
