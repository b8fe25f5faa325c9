package checkout_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/fault"
)

// A bag of the past is in the book, the journal says what became of it, and nobody is told that its shopper left.
func TestABagOfThePast(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		seen := dbtest.Start.AddDate(0, 0, -20)
		heard := 0
		events.On(r.bus, "test.left", func(*db.Tx, checkout.LeftEvent) error { heard++; return nil })
		bag := func(id string) checkout.Cart {
			return checkout.Cart{ID: "crt_" + id, Market: "de", Country: "DE", Lang: "de", Currency: "EUR", Lines: []checkout.Line{{SKU: "dress", Quantity: 1, Seen: eur(59_90)}},
				Contact: checkout.Contact{Email: "anna@mail.example"}, CreatedAt: seen.Add(-time.Minute), Activity: seen}
		}
		bought := bag("b")
		bought.Order = "ord_b"
		dbtest.Write(t, d, func(tx *db.Tx) error {
			require.NoError(t, r.shop.Enter(tx, bag("a"), time.Time{}))
			return r.shop.Enter(tx, bought, seen.Add(3*time.Hour))
		})
		for field, change := range map[string]func(c *checkout.Cart){
			"lines":    func(c *checkout.Cart) { c.Lines = nil },
			"contact":  func(c *checkout.Cart) { c.Contact.Email = "" },
			"activity": func(c *checkout.Cart) { c.Activity = dbtest.Start.Add(-time.Minute) },
			"ordered":  func(c *checkout.Cart) { c.Order, c.Activity = "ord_c", seen.Add(4*time.Hour) },
		} {
			c := bag("c")
			change(&c)
			err := d.Write(t.Context(), func(tx *db.Tx) error { return r.shop.Enter(tx, c, seen.Add(3*time.Hour)) })
			require.ErrorIs(t, err, checkout.ErrInvalid)
			require.Contains(t, fault.Of(err).Fields, field)
		}
		r.later(time.Hour)
		require.Zero(t, heard)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			c, err := r.shop.ByID(tx, "crt_a")
			require.NoError(t, err)
			require.Equal(t, checkout.Open, c.State)
			require.Equal(t, seen.Add(10*time.Minute), c.LeftAt.UTC())
			require.NotEmpty(t, c.Token)
			c, err = r.shop.ByID(tx, "crt_b")
			require.NoError(t, err)
			require.Equal(t, checkout.Ordered, c.State)
			require.Equal(t, seen.Add(3*time.Hour), c.Activity)
			all, err := r.bus.Journal(tx, events.Filter{Subject: "crt_b", Oldest: true})
			require.NoError(t, err)
			require.Len(t, all, 2)
			require.Equal(t, seen.Add(10*time.Minute), all[0].At.UTC())
			back, err := events.Decode[checkout.RecoveredEvent](all[1])
			require.Equal(t, bought.Order, back.Order)
			require.Equal(t, seen.Add(3*time.Hour), all[1].At.UTC())
			return err
		})
	})
}

// However many shoppers have left since the last round, as after a time in which the program was down, one round tells of all.
func TestManyHaveLeft(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		c := r.ready(checkout.Add("dress", 1))
		const many = 450
		dbtest.Write(t, d, func(tx *db.Tx) error {
			body, err := db.One(tx, db.Scalar[string], `select body from carts where id = $1`, c.ID)
			var rows [][]any
			for i := range many - 1 {
				key := fmt.Sprint(i)
				rows = append(rows, []any{"crt_" + key, "tok_" + key, "de", "DE", "de", "EUR", "open", int64(1), c.Customer, "", true, body, c.CreatedAt, c.Activity})
			}
			require.NoError(t, err)
			return db.InsertEach(tx, `insert into carts (id, token, market, country, lang, currency, state, version, customer, attempt, watched, body, created_at, activity_at) values`, "", rows)
		})
		r.later(10*time.Minute + 15*time.Second)
		require.EqualValues(t, many, r.announced("checkout.left"))
	})
}
