package order_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/order"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, order.Schema}

func eur(n int64) money.Amount { return money.Of(n, "EUR") }

func sample(cart string) order.Order {
	return order.Order{Source: order.Shop, Cart: cart, Payment: "pay_" + cart, Market: "de", Country: "DE", Lang: "de", Currency: "EUR",
		Customer: "cus_1", Email: "anna@example.de", Phone: "+4915112345678",
		Address: address.Address{GivenName: "Anna", Line1: "Hauptstraße 1", City: "Berlin", Postcode: "10115", Country: "DE"},
		Lines:   []order.Line{{SKU: "D-1-M", Title: "Kleid <b>", Options: map[string]string{"size": "M"}, Quantity: 2, UnitPrice: eur(10_00), Total: eur(20_00)}},
		Goods:   eur(16_81), Tax: eur(3_19), Total: eur(20_00), Discount: eur(0), Shipping: eur(0), Duty: eur(0), Fees: eur(0), OnDelivery: eur(0),
		Charges: []landed.Charge{{Line: 0, Kind: landed.Tax, Code: "VAT", Rate: money.Percent(19), Amount: eur(3_19), When: landed.AtCheckout}}}
}

func service(d *db.DB) *order.Service {
	return order.New(events.New(jobs.New(d)), order.Numbering{Zone: time.FixedZone("CST", 8*3600)})
}

func TestPlaceAndPay(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := service(d)
		var placed order.Order
		dbtest.Write(t, d, func(tx *db.Tx) (err error) {
			var fresh bool
			placed, fresh, err = s.Place(tx, sample("c1"))
			require.True(t, fresh)
			require.Empty(t, placed.Number)
			return err
		})
		var got order.Order
		dbtest.Read(t, d, func(tx *db.Tx) (err error) {
			got, err = s.Get(tx, placed.ID)
			return err
		})
		require.Equal(t, "F-20261124-0001", got.Number)
		want := sample("c1")
		want.ID, want.Number, want.State, want.PlacedAt = placed.ID, got.Number, order.Placed, dbtest.Start
		require.Equal(t, want, got)

		pay := func(a money.Amount) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { _, err := s.MarkPaid(tx, placed.ID, tx.Now(), a); return err })
		}
		require.ErrorIs(t, pay(eur(19_99)), order.ErrWrongAmount)
		require.ErrorIs(t, pay(money.Of(20_00, "USD")), order.ErrWrongAmount)
		require.NoError(t, pay(eur(20_00)))
		require.ErrorIs(t, pay(eur(20_00)), order.ErrAlreadyPaid)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			again, fresh, err := s.Place(tx, sample("c1"))
			require.False(t, fresh)
			require.Equal(t, placed.ID, again.ID)
			require.Equal(t, order.Paid, again.State)
			return err
		})
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := s.Cancel(tx, placed.ID, "shopper")
			require.NoError(t, err)
			_, err = s.Cancel(tx, placed.ID, "shopper")
			return err
		})
		require.ErrorIs(t, pay(eur(20_00)), order.ErrCancelled)
		topics := topics(t, d)
		require.Equal(t, []string{"order.placed", "order.paid", "order.cancelled"}, topics)
	})
}

func topics(t *testing.T, d *db.DB) (all []string) {
	dbtest.Read(t, d, func(tx *db.Tx) (err error) {
		all, err = db.All(tx, db.Scalar[string], `select topic from events order by seq`)
		return err
	})
	return all
}

func TestNumbersHaveNoGaps(t *testing.T) {
	const n, workers = 120, 12
	undo := errors.New("undo")
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := service(d)
		work := make(chan int)
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for i := range work {
					err := d.Write(t.Context(), func(tx *db.Tx) error {
						o := sample(fmt.Sprint("c", i))
						o.PaidAt = tx.Now()
						if _, _, err := s.Place(tx, o); err != nil {
							return err
						}
						switch i % 4 {
						case 1:
							return undo
						case 2:
							tx.Last(func(*db.Tx) error { return undo }) // after the number was taken
						}
						return nil
					})
					if err != nil && !errors.Is(err, undo) {
						t.Error(err)
					}
				}
			})
		}
		for i := range n {
			work <- i
		}
		close(work)
		all.Wait()
		dbtest.Read(t, d, func(tx *db.Tx) error {
			numbers, err := db.All(tx, db.Scalar[string], `select number from orders order by number`)
			require.Len(t, numbers, n/2)
			for i, number := range numbers {
				require.Equal(t, fmt.Sprintf("F-20261124-%04d", i+1), number)
			}
			return err
		})
		d.Clock().Advance(5 * time.Hour) // past midnight where the shop counts its days
		dbtest.Write(t, d, func(tx *db.Tx) error { _, _, err := s.Place(tx, sample("next")); return err })
		dbtest.Read(t, d, func(tx *db.Tx) error {
			o, err := s.ByCart(tx, "next")
			require.Equal(t, "F-20261125-0001", o.Number[:len("F-20261125-0001")])
			return err
		})
	})
}

func TestImport(t *testing.T) {
	foreign := func() order.Order {
		o := sample("")
		o.Source, o.ExternalRef, o.Payment = "woo", "4711", ""
		return o
	}
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := service(d)
		send := func(o order.Order) (placed order.Order, fresh bool, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) error {
				placed, fresh, err = s.Import(tx, o)
				return err
			})
			return
		}
		first, fresh, err := send(foreign())
		require.NoError(t, err)
		require.True(t, fresh)
		again, fresh, err := send(foreign())
		require.NoError(t, err)
		require.False(t, fresh)
		require.Equal(t, first.ID, again.ID)
		paid := foreign()
		paid.PaidAt = dbtest.Start
		again, _, err = send(paid)
		require.NoError(t, err)
		require.Equal(t, order.Paid, again.State)
		_, _, err = send(paid)
		require.NoError(t, err)
		other := foreign()
		other.Lines[0].Quantity = 3
		_, _, err = send(other)
		require.ErrorIs(t, err, order.ErrReused)
		require.Equal(t, []string{"order.placed", "order.paid"}, topics(t, d))
		shop := foreign()
		shop.Source = order.Shop
		_, _, err = send(shop)
		require.ErrorIs(t, err, order.ErrInvalid)
	})
}

func TestPlaceNamesWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		field  string
		change func(*order.Order)
	}{
		{"currency", func(o *order.Order) { o.Currency = "eur" }},
		{"country", func(o *order.Order) { o.Country = "" }},
		{"lines", func(o *order.Order) { o.Lines = nil }},
		{"lines.quantity", func(o *order.Order) { o.Lines[0].Quantity = 0 }},
		{"lines.quantity", func(o *order.Order) { o.Lines[0].Quantity = 1e9 }},
		{"lines.title", func(o *order.Order) { o.Lines[0].Title = strings.Repeat("x", 301) }},
		{"lines.unit_price", func(o *order.Order) { o.Lines[0].UnitPrice.Currency = "USD" }},
		{"total", func(o *order.Order) { o.Total = eur(-1) }},
		{"total", func(o *order.Order) { o.Total = money.Of(1, "USD") }},
		{"external_ref", func(o *order.Order) { o.Source = "woo" }},
		{"email", func(o *order.Order) { o.Email = "a@b.c\r\nBcc: x" }},
	} {
		o := sample("c")
		tt.change(&o)
		_, _, err := order.New(nil, order.Numbering{}).Place(nil, o)
		var f interface{ Error() string } = err
		require.ErrorIs(t, err, order.ErrInvalid)
		require.Contains(t, f.Error(), tt.field+": ")
	}
}

func TestList(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := service(d)
		for i := range 5 {
			d.Clock().Advance(time.Second)
			dbtest.Write(t, d, func(tx *db.Tx) error {
				for _, m := range []string{"de", "gb"} {
					o := sample(fmt.Sprint(m, i))
					if o.Market = "de"; m == "gb" {
						o.Market, o.PaidAt = "gb", tx.Now()
					}
					if _, _, err := s.Place(tx, o); err != nil {
						return err
					}
				}
				return nil
			})
		}
		dbtest.Read(t, d, func(tx *db.Tx) error {
			var carts []string
			for after := ""; ; {
				page, next, err := s.List(tx, order.Filter{}, order.Page{After: after, Limit: 3})
				require.NoError(t, err)
				for _, o := range page {
					carts = append(carts, o.Cart)
				}
				if after = next; next == "" {
					break
				}
			}
			require.Len(t, carts, 10)
			require.Equal(t, "4", carts[0][2:])
			de, _, err := s.List(tx, order.Filter{Market: "de", State: order.Placed}, order.Page{})
			require.NoError(t, err)
			require.Len(t, de, 5)
			one, _, err := s.List(tx, order.Filter{Search: de[0].Number}, order.Page{})
			require.NoError(t, err)
			require.Len(t, one, 1)
			for _, f := range []order.Filter{{Search: strings.ToUpper(de[0].Email)}, {Email: de[0].Email}, {Phone: de[0].Phone}, {Search: de[0].Phone}} {
				who, _, err := s.List(tx, f, order.Page{})
				require.NoError(t, err)
				require.Contains(t, ids(who), de[0].ID, "%+v", f)
			}
			nobody, _, err := s.List(tx, order.Filter{Email: de[0].Email, Phone: "+4900000"}, order.Page{})
			require.NoError(t, err)
			require.Empty(t, nobody)
			_, _, err = s.List(tx, order.Filter{}, order.Page{After: "x"})
			require.Error(t, err)
			sold, err := s.Takings(tx, dbtest.Start)
			require.Equal(t, []order.Takings{{Market: "de", Placed: 5, Total: eur(0)}, {Market: "gb", Placed: 5, Paid: 5, Total: eur(100_00)}}, sold)
			all, err2 := s.ByIDs(tx, []order.ID{de[0].ID, "nope"})
			require.Len(t, all, 1)
			_, unknown := s.Get(tx, "nope")
			require.ErrorIs(t, unknown, order.ErrUnknown)
			return errors.Join(err, err2)
		})
	})
}

func ids(all []order.Order) (ids []order.ID) {
	for _, o := range all {
		ids = append(ids, o.ID)
	}
	return ids
}
