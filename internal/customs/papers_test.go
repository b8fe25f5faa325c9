package customs_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/customs"
	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/order"
)

func TestPapersOfAWay(t *testing.T) {
	small := func(c *customs.Consignment) { c.Way, c.PostalLimit = customs.SmallPacket, euro(36000) }
	for _, c := range []struct {
		name   string
		change func(*customs.Consignment)
		want   []customs.Paper
	}{
		{"small packet", small, []customs.Paper{customs.CN22, customs.PreAdvicePaper}},
		{"at the limit", func(c *customs.Consignment) { small(c); c.PostalLimit = euro(9980) }, []customs.Paper{customs.CN22, customs.PreAdvicePaper}},
		{"above it", func(c *customs.Consignment) { small(c); c.PostalLimit = euro(9979) }, []customs.Paper{customs.CN23, customs.Invoice, customs.PreAdvicePaper}},
		{"limit unknown", func(c *customs.Consignment) { small(c); c.PostalLimit = money.Amount{} }, []customs.Paper{customs.CN23, customs.Invoice, customs.PreAdvicePaper}},
		{"parcel", func(c *customs.Consignment) { c.Way = customs.PostParcel }, []customs.Paper{customs.CN23, customs.Invoice, customs.PreAdvicePaper}},
		{"courier", func(*customs.Consignment) {}, []customs.Paper{customs.Invoice, customs.Packing, customs.PreAdvicePaper}},
		{"inside the Union", func(c *customs.Consignment) { c.Sender.Address.Country = "PT" }, nil},
		{"to the Canaries", func(c *customs.Consignment) {
			c.Sender.Address.Country, c.Addressee.Address.Country, c.Addressee.Address.Postcode = "DE", "ES", "35001"
		}, []customs.Paper{customs.Invoice, customs.Packing, customs.PreAdvicePaper}},
	} {
		s := sound()
		c.change(&s)
		require.Equal(t, c.want, customs.Papers(&s), c.name)
	}
}

// paidOrder draws an order with random lines, discount and charges.
func paidOrder(t *rapid.T) order.Order {
	cur := rapid.SampledFrom([]money.Currency{"EUR", "JPY", "KWD"}).Draw(t, "currency")
	o := order.Order{Number: "F-1", Currency: cur, State: order.Paid, PaidAt: day, Incoterm: "DDP", Address: sound().Addressee.Address}
	sum := int64(0)
	for i := range rapid.IntRange(1, 12).Draw(t, "lines") {
		l := order.Line{SKU: fmt.Sprint("S", i), Quantity: rapid.Int64Range(1, 50).Draw(t, "quantity"), UnitPrice: money.Of(rapid.Int64Range(0, 99999).Draw(t, "price"), cur), HS: "620444", Origin: "PT", Weight: 300}
		l.Total = l.UnitPrice.Mul(l.Quantity)
		sum += l.Total.Minor
		o.Lines = append(o.Lines, l)
	}
	o.Goods = money.Of(sum, cur)
	o.Discount = money.Of(rapid.Int64Range(0, sum).Draw(t, "discount"), cur)
	o.Shipping = money.Of(rapid.Int64Range(0, 5000).Draw(t, "shipping"), cur)
	o.Duty = money.Of(rapid.Int64Range(0, 5000).Draw(t, "duty"), cur)
	o.Tax = money.Of(rapid.Int64Range(0, 5000).Draw(t, "tax"), cur)
	first := rapid.Int64Range(0, o.Duty.Minor).Draw(t, "duty of the first line")
	o.Charges = []landed.Charge{{Line: 0, Kind: landed.Duty, Amount: money.Of(first, cur), When: landed.AtCheckout}}
	return o
}

func noFacts(string) customs.Line { return customs.Line{} }

func TestInvoiceIsTheOrderToTheMinorUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := paidOrder(t)
		c, err := customs.FromOrder(o, nil, customs.Consignment{Date: day}, noFacts)
		require.NoError(t, err)
		require.Equal(t, o.Goods.Sub(o.Discount), c.Goods())
		require.Equal(t, o.Goods.Sub(o.Discount).Add(o.Shipping), c.Total)
		require.Equal(t, c.Total, c.Ledger)
		duty, tax := int64(0), int64(0)
		for _, l := range c.Lines {
			require.GreaterOrEqual(t, l.Value.Minor, int64(0))
			duty, tax = duty+l.Duty.Minor, tax+l.Tax.Minor
		}
		require.Equal(t, o.Duty.Minor, duty)
		require.Equal(t, o.Tax.Minor, tax)
		require.NotContains(t, codes(customs.Lint(c, customs.Options{})), "L10")

		advice := customs.PreAdvice(&c)
		sum := advice.Freight + advice.Insurance
		for _, l := range advice.Lines {
			sum += l.Value
		}
		require.Equal(t, c.Total.Minor, sum)
	})
}

func TestQuoteValuesTheLines(t *testing.T) {
	o := order.Order{Number: "F-2", Currency: "EUR", State: order.Paid, PaidAt: day, Goods: euro(1000), Discount: euro(100), Shipping: euro(50),
		Lines: []order.Line{{SKU: "a", Quantity: 1, Total: euro(600)}, {SKU: "b", Quantity: 1, Total: euro(600)}}}
	q := &landed.Quote{Lines: []landed.LineQuote{{Goods: euro(400)}, {Goods: euro(500)}}}
	c, err := customs.FromOrder(o, q, customs.Consignment{}, noFacts)
	require.NoError(t, err)
	require.Equal(t, []money.Amount{euro(400), euro(500)}, []money.Amount{c.Lines[0].Value, c.Lines[1].Value})
	q.Lines[0].Goods = euro(401)
	_, err = customs.FromOrder(o, q, customs.Consignment{}, noFacts)
	require.ErrorIs(t, err, customs.ErrUnbalanced)
	o.State = order.Cancelled
	_, err = customs.FromOrder(o, nil, customs.Consignment{}, noFacts)
	require.ErrorIs(t, err, customs.ErrNotSendable)
	o.State, o.PaidAt = order.Placed, time.Time{}
	_, err = customs.FromOrder(o, nil, customs.Consignment{}, noFacts)
	require.ErrorIs(t, err, customs.ErrNotSendable)
}

// The pre-advice is what its schema says, both ways: nothing required is missing and nothing is unknown.
func TestPreAdviceMatchesItsSchema(t *testing.T) {
	c := sound()
	b, err := customs.PreAdvice(&c).JSON()
	require.NoError(t, err)
	require.Contains(t, string(b), `"number": "IM2760000123"`)
	var root map[string]any
	require.NoError(t, json.Unmarshal(customs.Schema(), &root))
	var doc any
	require.NoError(t, json.Unmarshal(b, &doc))
	require.Empty(t, mismatch(root, root, doc, "$"))
	doc.(map[string]any)["surprise"] = 1
	delete(doc.(map[string]any), "currency")
	require.Len(t, mismatch(root, root, doc, "$"), 2)
}

// mismatch checks the part of JSON Schema that ours uses, without patterns.
func mismatch(root, schema map[string]any, v any, at string) (out []string) {
	if ref, ok := schema["$ref"].(string); ok {
		schema = root["$defs"].(map[string]any)[ref[len("#/$defs/"):]].(map[string]any)
	}
	kind := func(ok bool) {
		if !ok {
			out = append(out, fmt.Sprintf("%s is %T, not %v", at, v, schema["type"]))
		}
	}
	switch schema["type"] {
	case "object":
		m, ok := v.(map[string]any)
		kind(ok)
		props := schema["properties"].(map[string]any)
		for name, x := range m {
			p, known := props[name].(map[string]any)
			if !known {
				out = append(out, at+"."+name+" is unknown")
				continue
			}
			out = append(out, mismatch(root, p, x, at+"."+name)...)
		}
		for _, name := range schema["required"].([]any) {
			if _, there := m[name.(string)]; !there {
				out = append(out, at+"."+name.(string)+" is missing")
			}
		}
	case "array":
		list, ok := v.([]any)
		kind(ok)
		for i, x := range list {
			out = append(out, mismatch(root, schema["items"].(map[string]any), x, fmt.Sprint(at, ".", i))...)
		}
	case "string":
		_, ok := v.(string)
		kind(ok)
	case "integer":
		n, ok := v.(float64)
		kind(ok && n == float64(int64(n)))
	case "boolean":
		_, ok := v.(bool)
		kind(ok)
	}
	return out
}

func TestGate(t *testing.T) {
	ready := func() customs.Gate {
		return customs.Gate{Advised: true, Screened: day, Today: day.Add(8 * time.Hour), Paid: true,
			Made: []customs.Made{{Paper: customs.Invoice, Version: 1, SHA256: "a"}, {Paper: customs.Packing, Version: 1, SHA256: "b"}}}
	}
	require.Empty(t, customs.CannotLeave(sound(), ready()))
	for _, c := range []struct {
		key    string
		change func(*customs.Consignment, *customs.Gate)
	}{
		{"customs.gate.cancelled", func(_ *customs.Consignment, g *customs.Gate) { g.Cancelled = true }},
		{"customs.gate.unpaid", func(_ *customs.Consignment, g *customs.Gate) { g.Paid = false }},
		{"customs.gate.paper_missing", func(_ *customs.Consignment, g *customs.Gate) { g.Made = g.Made[:1] }},
		{"customs.gate.not_advised", func(_ *customs.Consignment, g *customs.Gate) { g.Advised = false }},
		{"customs.gate.not_screened_today", func(_ *customs.Consignment, g *customs.Gate) { g.Today = day.AddDate(0, 0, 1) }},
		{"customs.gate.address_incomplete", func(c *customs.Consignment, _ *customs.Gate) { c.Addressee.Address.Postcode = "" }},
		{"customs.lint.l08_no_country", func(c *customs.Consignment, _ *customs.Gate) { c.Lines[0].Origin = "" }},
		{"customs.lint.l04_few_words", func(c *customs.Consignment, _ *customs.Gate) { c.Lines[0].Description = "Viscose dress" }},
		{"customs.lint.l04_few_words", func(c *customs.Consignment, g *customs.Gate) {
			c.Lines[0].Description, g.Accepted = "Viscose dress", []customs.Acceptance{{Line: 0, Code: "L04", By: "Ann"}}
		}},
	} {
		s, g := sound(), ready()
		c.change(&s, &g)
		reasons := customs.CannotLeave(s, g)
		require.Len(t, reasons, 1, c.key)
		require.Equal(t, c.key, reasons[0].Key)
	}
	s, g := sound(), ready()
	s.Lines[0].Description, g.Accepted = "Viscose dress", []customs.Acceptance{{Line: 0, Code: "L04", By: "Ann", Reason: "the post takes it"}}
	require.Empty(t, customs.CannotLeave(s, g))
	s.Version, s.Lines[0].Description, g.Accepted = 2, sound().Lines[0].Description, nil
	require.Len(t, customs.CannotLeave(s, g), 2, "a change makes the papers void")
}
