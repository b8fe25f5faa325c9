package app_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/app/apptest"
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/payment/fakepsp"
	"portolan/internal/pricing"
	"portolan/internal/tax"
)

// What the shopper was quoted is what the order says, what the invoice for customs adds up to, what the tax books
// hold and what the returns declare, to the minor unit, whatever is in the bag.
func TestOneFigureFromQuoteToReturn(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		dice := rand.New(rand.NewPCG(11, 2026))
		var orders []order.Order
		crossed := map[market.Code]int{}
		for i := range 80 {
			c := randomCart(t, s, dice, i)
			if c.Quote == nil {
				continue
			}
			o := buy(t, s, c)
			sameAsQuoted(t, c.Quote, &o)
			sameOnInvoice(t, &o)
			orders = append(orders, o)
			if !o.Duty.IsZero() {
				crossed[o.Market]++
			}
		}
		require.Greater(t, len(orders), 40)
		require.GreaterOrEqual(t, len(crossed), 3, "markets whose orders had duty: %v", crossed)
		s.Idle()
		sameInBooks(t, s, orders)
	})
}

// randomCart is a bag on its way to being paid; without a quote where what was picked can't go together.
func randomCart(t *testing.T, s *apptest.Shop, dice *rand.Rand, i int) checkout.Cart {
	t.Helper()
	who := []apptest.Person{apptest.Harper, apptest.Anna, apptest.Imogen, apptest.Ayu, apptest.Aisyah}[i%5]
	m, ok := s.Markets.ByCode(market.Code(who.Place[3:]))
	require.True(t, ok)
	goods := s.Catalog.List(catalog.Filter{Market: m.Code, Lang: "en", InStock: true}, catalog.Page{Number: 1 + dice.IntN(2), Size: 24}).Products
	var changes []checkout.Change
	for range 1 + dice.IntN(4) {
		all := goods[dice.IntN(len(goods))].Variants
		changes = append(changes, checkout.Add(all[dice.IntN(len(all))].SKU, 1+dice.Int64N(3)))
	}
	if dice.IntN(3) == 0 {
		err := s.DB.Write(t.Context(), func(tx *db.Tx) error {
			code, err := s.Prices.Issue(tx, pricing.CodeRule{Kind: pricing.PercentOff, Percent: money.Percent(1 + dice.Int64N(30)), MaxUses: 1, ValidTo: tx.Now().Add(24 * time.Hour)})
			changes = append(changes, checkout.Code(code.Code))
			return err
		})
		require.NoError(t, err)
	}
	changes = append(changes, checkout.SetContact(checkout.Contact{GivenName: who.Given, FamilyName: who.Family, Email: who.Email, Phone: who.Phone}),
		checkout.SetAddress(address.Address{GivenName: who.Given, FamilyName: who.Family, Line1: who.Line1, City: who.City, Region: who.Region, Postcode: who.Postcode,
			Country: string(m.Country()), Phone: who.Phone}))
	c, err := s.Checkout.Begin(t.Context(), checkout.Start{Market: m.Code, Lang: m.Languages[0]}, changes...)
	if err != nil {
		return checkout.Cart{}
	}
	var ways []checkout.Quote
	err = s.DB.Read(t.Context(), func(tx *db.Tx) (err error) {
		ways, err = s.Checkout.Options(tx, c)
		return err
	})
	if err != nil {
		return checkout.Cart{}
	}
	c, err = s.Checkout.Change(t.Context(), c.Token, 0, checkout.Choose(ways[dice.IntN(len(ways))].Option.Service))
	require.NoError(t, err)
	return c
}

func buy(t *testing.T, s *apptest.Shop, c checkout.Cart) order.Order {
	t.Helper()
	out, err := s.Checkout.Pay(t.Context(), checkout.PayRequest{Token: c.Token, Method: "card", Instrument: fakepsp.Cards()[0].Number,
		ReturnURL: s.URL + "/checkout/return", BaseURL: s.URL})
	require.NoError(t, err)
	require.Equal(t, checkout.PaidOutcome, out.State)
	return orderOf(t, s, string(out.OrderID))
}

func sameAsQuoted(t *testing.T, q *checkout.Quote, o *order.Order) {
	t.Helper()
	require.Equal(t, []money.Amount{q.Goods, q.Discount, q.Shipping, q.Duty, q.Tax, q.Fees, q.Total, q.AtDoor},
		[]money.Amount{o.Goods, o.Discount, o.Shipping, o.Duty, o.Tax, o.Fees, o.Total, o.OnDelivery}, o.Number)
	quoted, err := json.Marshal(q.Charges)
	require.NoError(t, err)
	kept, err := json.Marshal(o.Charges)
	require.NoError(t, err)
	require.JSONEq(t, string(quoted), string(kept), o.Number)
	require.Equal(t, q.Pack, o.RulePack)
	require.Equal(t, o.Total, o.Goods.Sub(o.Discount).Add(o.Shipping).Add(o.Duty).Add(o.Tax).Add(o.Fees))
	sums := map[landed.Kind]int64{}
	for _, c := range o.Charges {
		if c.When == landed.AtCheckout {
			sums[c.Kind] += c.Amount.Minor
		}
	}
	require.Equal(t, map[landed.Kind]int64{landed.Duty: o.Duty.Minor, landed.Tax: o.Tax.Minor, landed.Fee: o.Fees.Minor},
		map[landed.Kind]int64{landed.Duty: sums[landed.Duty], landed.Tax: sums[landed.Tax], landed.Fee: sums[landed.Fee]}, o.Number)
	shown := q.Shown.Sub(q.Off).Add(q.Carriage)
	if q.Included {
		require.LessOrEqual(t, shown.Minor, o.Total.Minor, "what the pages showed holds its tax")
	} else {
		require.Equal(t, shown, o.Goods.Sub(o.Discount).Add(o.Shipping))
	}
}

func sameOnInvoice(t *testing.T, o *order.Order) {
	t.Helper()
	c, err := customs.FromOrder(*o, nil, customs.Consignment{Shipment: "shp_1", Invoice: o.Number, Version: 1}, func(string) customs.Line { return customs.Line{} })
	require.NoError(t, err)
	goods, duty, taxes := money.Of(0, o.Currency), money.Of(0, o.Currency), money.Of(0, o.Currency)
	for _, l := range c.Lines {
		goods, duty, taxes = goods.Add(l.Value), duty.Add(l.Duty), taxes.Add(l.Tax)
	}
	require.Equal(t, o.Goods.Sub(o.Discount), goods, "values declared of %s", o.Number)
	require.Equal(t, []money.Amount{o.Duty, o.Tax, o.Shipping}, []money.Amount{duty, taxes, c.Freight})
	require.Equal(t, goods.Add(o.Shipping), c.Total)
}

// sameInBooks compares the ledger order by order, and all returns together with all orders together. The orders were
// paid with the test provider, which returns leave out; here they count.
func sameInBooks(t *testing.T, s *apptest.Shop, orders []order.Order) {
	t.Helper()
	want := map[money.Currency]int64{}
	require.NoError(t, s.DB.Write(t.Context(), func(tx *db.Tx) error {
		for _, o := range orders {
			all, err := tax.OfOrder(tx, o.ID)
			require.NoError(t, err)
			require.Len(t, all, 1, o.Number)
			e := all[0]
			require.Equal(t, []money.Amount{o.Goods.Sub(o.Discount).Add(o.Shipping), o.Duty, o.Tax, o.Fees}, []money.Amount{e.Net, e.Duty, e.Tax, e.Fees}, o.Number)
			parts := money.Of(0, o.Currency)
			for _, p := range e.Parts {
				require.NotEqual(t, tax.Unstated, p.Scheme)
				parts = parts.Add(p.Tax)
			}
			require.Equal(t, o.Tax, parts)
			want[o.Currency] += o.Tax.Minor
		}
		_, err := tx.Exec(`update tax_entries set test = false`)
		return err
	}))
	got := map[money.Currency]int64{}
	require.NoError(t, s.DB.Read(t.Context(), func(tx *db.Tx) error {
		schemes, err := s.Tax.Filed(tx, "2026-01-01", "2026-12-31")
		require.NoError(t, err)
		require.Subset(t, schemes, []string{"GB_VAT", "MY_LVG", tax.Import}, fmt.Sprint(schemes))
		for _, scheme := range schemes {
			kind := tax.Month
			for _, known := range tax.Schemes() {
				if known.Code == scheme {
					kind = known.Periods[0]
				}
			}
			r, err := s.Tax.Return(tx, scheme, tax.PeriodOf(kind, "2026-11-24"))
			require.NoError(t, err, scheme)
			for _, sum := range r.Totals {
				got[sum.Tax.Currency] += sum.Tax.Minor
			}
		}
		return nil
	}))
	for cur, minor := range want {
		require.Equal(t, minor, got[cur], "tax declared in %s", cur)
	}
}
