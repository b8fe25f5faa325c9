package beside_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/address"
	"portolan/internal/beside"
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, customer.Schema, order.Schema}

// shop has one market and one article of its own.
type shop struct{}

var germany = market.Market{Code: "de", State: market.Open, Countries: []market.Country{"DE", "AT"}, Currency: "EUR", Languages: []string{"de", "en"},
	Zone: "Europe/Berlin", Incoterm: "DDP"}

func (shop) ByCode(c market.Code) (market.Market, bool) { return germany, c == "de" }

func (shop) ByCountry(c market.Country) (market.Market, bool) { return germany, germany.Serves(c) }

func (shop) Variant(sku string) (*catalog.Product, *catalog.Variant, error) {
	if sku != "OURS" {
		return nil, nil, catalog.ErrUnknownSKU
	}
	p := &catalog.Product{Slug: "ours", HS: "620444", Origin: "CN", Texts: map[string]catalog.Text{"en": {Lang: "en", Title: "Our dress"}}}
	return p, &catalog.Variant{SKU: sku, WeightGrams: 300}, nil
}

func open(d *db.DB) *beside.Service {
	q := jobs.New(d)
	bus := events.New(q)
	return beside.New(d, q, beside.Parts{Bus: bus, Markets: shop{}, Articles: shop{}, Customers: customer.New(bus), Orders: order.New(bus, order.Numbering{})})
}

func eur(n int64) money.Amount { return money.Of(n, "EUR") }

func sample() beside.Order {
	return beside.Order{Source: "atelier", ExternalRef: "1", Country: "DE", Currency: "EUR", Contact: checkout.Contact{Email: "Anna@Example.de", Phone: "0151 23456789"},
		Address: &address.Address{GivenName: "Anna", FamilyName: "Schmidt", Line1: "Torstraße 1", City: "Berlin", Postcode: "10119", Country: "DE"},
		Lines:   []beside.Line{{SKU: "OURS", Quantity: 2, UnitPrice: eur(30_00)}, {SKU: "X", Title: "Schal", Quantity: 1, UnitPrice: eur(10_00)}},
		Total:   eur(70_00)}
}

func place(t testing.TB, d *db.DB, s *beside.Service, o beside.Order) (placed order.Order, err error) {
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		placed, _, err = s.Place(tx, o)
		return err
	})
	return placed, err
}

func TestPlace(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(d)
		o, err := place(t, d, s, sample())
		require.NoError(t, err)
		require.Equal(t, order.Placed, o.State)
		require.Equal(t, "anna@example.de", o.Email)
		require.Equal(t, "+4915123456789", o.Phone)
		require.Equal(t, "de", o.Lang)
		require.Equal(t, "Our dress", o.Lines[0].Title)
		require.Equal(t, "620444", o.Lines[0].HS)
		require.Equal(t, eur(60_00), o.Lines[0].Total)
		require.NotEmpty(t, o.Customer)

		paid := sample()
		paid.Paid = true
		again, err := place(t, d, s, paid)
		require.NoError(t, err)
		require.Equal(t, o.ID, again.ID)
		require.Equal(t, order.Paid, again.State)
	})
}

func TestPlaceNamesWhatIsWrong(t *testing.T) {
	cases := []struct {
		field, code string
		change      func(*beside.Order)
	}{
		{"market", "unknown", func(o *beside.Order) { o.Market = "xx" }},
		{"country", "no_market", func(o *beside.Order) { o.Country = "FR" }},
		{"currency", "not_of_market", func(o *beside.Order) { o.Currency = "USD" }},
		{"source", "malformed", func(o *beside.Order) { o.Source = "" }},
		{"external_ref", "malformed", func(o *beside.Order) { o.ExternalRef = "a\nb" }},
		{"contact", "email_or_phone_needed", func(o *beside.Order) { o.Contact = checkout.Contact{GivenName: "Anna"} }},
		{"contact.email", "no_address", func(o *beside.Order) { o.Contact.Email = "anna" }},
		{"contact.phone", "phone_form", func(o *beside.Order) { o.Contact.Phone = "12" }},
		{"address.postcode", "required", func(o *beside.Order) { o.Address.Postcode = "" }},
		{"address.country", "other_country", func(o *beside.Order) { o.Address.Country = "AT" }},
		{"lines", "at_least_1_items", func(o *beside.Order) { o.Lines = nil }},
		{"lines", "at_most_500_items", func(o *beside.Order) { o.Lines = make([]beside.Line, 501) }},
		{"lines.1.sku", "unknown_and_no_title", func(o *beside.Order) { o.Lines[1].Title = "" }},
		{"lines.0.quantity", "at_least_1", func(o *beside.Order) { o.Lines[0].Quantity = 0 }},
		{"lines.0.quantity", "at_most_1000000", func(o *beside.Order) { o.Lines[0].Quantity = 1_000_000_000 }},
		{"lines.0.unit_price", "other_currency", func(o *beside.Order) { o.Lines[0].UnitPrice = money.Of(1, "USD") }},
		{"lines.0.unit_price", "too_large", func(o *beside.Order) { o.Lines[0].UnitPrice = eur(1e15) }},
		{"lines.0.origin", "unknown_country", func(o *beside.Order) { o.Lines[0].Origin = "XQ" }},
		{"discount", "negative", func(o *beside.Order) { o.Discount = eur(-1) }},
		{"shipping", "other_currency", func(o *beside.Order) { o.Shipping = money.Of(1, "USD") }},
		{"total", "does_not_add_up", func(o *beside.Order) { o.Total = eur(70_01) }},
		{"tax", "more_than_the_goods", func(o *beside.Order) { o.TaxIncluded, o.Tax = true, eur(70_01) }},
		{"deliver_to", "no_day", func(o *beside.Order) { o.DeliverTo = "2026-13-01" }},
		{"placed_at", "in_the_future", func(o *beside.Order) { o.PlacedAt = dbtest.Start.Add(time.Hour) }},
	}
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(d)
		for _, tt := range cases {
			t.Run(tt.field+" "+tt.code, func(t *testing.T) {
				o := sample()
				tt.change(&o)
				_, err := place(t, d, s, o)
				require.ErrorIs(t, err, beside.ErrInvalid)
				require.Equal(t, tt.code, fault.Of(err).Fields[tt.field], "%v", err)
			})
		}
		n, err := count(d, `select count(*) from customers`)
		require.NoError(t, err)
		require.Zero(t, n, "nothing half-written")
	})
}

func count(d *db.DB, query string) (n int64, err error) {
	err = d.Read(context.Background(), func(tx *db.Tx) (err error) {
		n, err = db.One(tx, db.Scalar[int64], query)
		return err
	})
	return n, err
}

// What is paid within a day counts as paid when we learn of it; older payments are no news.
func TestWhenItWasPaid(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(d)
		for ref, tt := range map[string]struct{ ago, counted time.Duration }{"now": {0, 0}, "today": {23 * time.Hour, 0}, "old": {48 * time.Hour, 48 * time.Hour}} {
			o := sample()
			o.ExternalRef, o.PaidAt = ref, dbtest.Start.Add(-tt.ago)
			got, err := place(t, d, s, o)
			require.NoError(t, err)
			require.Equal(t, dbtest.Start.Add(-tt.counted), got.PaidAt, ref)
		}
	})
}

func TestPaidAndCancelled(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(d)
		_, err := place(t, d, s, sample())
		require.NoError(t, err)
		do := func(f func(tx *db.Tx) error) error { return d.Write(t.Context(), f) }
		pay := func(ref string, a money.Amount) error {
			return do(func(tx *db.Tx) error { _, err := s.Paid(tx, "atelier", ref, a, time.Time{}); return err })
		}
		require.ErrorIs(t, pay("2", eur(70_00)), order.ErrUnknown)
		require.ErrorIs(t, pay("1", eur(70_01)), order.ErrWrongAmount)
		require.NoError(t, pay("1", eur(70_00)))
		require.NoError(t, pay("1", eur(70_00)), "told again")
		for range 2 {
			require.NoError(t, do(func(tx *db.Tx) error { _, err := s.Cancel(tx, "atelier", "1", "a\x00b"); return err }))
		}
	})
}

// Whatever the parts are, what is entered in the book adds up, and not a cent is lost.
func TestNoCentIsLost(t *testing.T) {
	d := dbtest.Open(t, t.TempDir()+"/shop.db", db.Manual(dbtest.Start), schemas)
	s := open(d)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		o := sample()
		n++
		o.ExternalRef = time.Duration(n).String()
		draw := func(name string) money.Amount { return eur(rapid.Int64Range(0, 20_00).Draw(t, name)) }
		o.Discount, o.Shipping, o.Duty, o.Tax, o.Fees = draw("discount"), draw("shipping"), draw("duty"), draw("tax"), draw("fees")
		o.TaxIncluded = rapid.Bool().Draw(t, "included")
		o.Total = eur(70_00).Sub(o.Discount).Add(o.Shipping).Add(o.Duty).Add(o.Fees)
		if !o.TaxIncluded {
			o.Total = o.Total.Add(o.Tax)
		}
		var got order.Order
		err := d.Write(context.Background(), func(tx *db.Tx) (err error) {
			got, _, err = s.Place(tx, o)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if sum := got.Goods.Sub(got.Discount).Add(got.Shipping).Add(got.Duty).Add(got.Tax).Add(got.Fees); sum != got.Total {
			t.Fatal(sum, got.Total)
		}
	})
}
