package journeys_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
)

// Whoever is erased while a journey waits hears nothing more of it, at whichever step it waits: the run is over, with its
// reason, and nothing in the books of the journeys says who it was.
func TestErasedOnTheWay(t *testing.T) {
	dbtest.Each(t, append(schemas, ledgers), func(t *testing.T, d *db.DB) {
		c := &crashes{world: newWorld(t, d), calls: &calls{}}
		c.reborn()
		for _, w := range ways {
			if w.name == "confirm" || w.name == "parcel" || w.name == "tooling" {
				continue // they wait for nothing
			}
			o := c.customer()
			if w.name == "cart" {
				clear(c.orders)
			}
			if w.name == "delay" { // at night
				c.d.Clock().Advance(10 * time.Hour)
			}
			dbtest.Write(t, d, func(tx *db.Tx) error {
				_, err := c.people.Upsert(tx, customer.Customer{GivenName: "Kate", Email: o.Email, Phone: o.Phone, Country: "GB", Lang: "en", Market: "gb"})
				return err
			})
			first := w.acts(o, d.Clock().Now())[0]
			c.publish(first.e)
			require.Equal(t, int64(1), c.waits(o.Customer), "%s waits", w.name)
			c.net.took, c.mail.took = nil, nil
			c.publish(customer.ErasedEvent{Customer: o.Customer, At: d.Clock().Now()})
			require.Zero(t, c.waits(o.Customer), w.name)
			for range 20 {
				d.Clock().Advance(24 * time.Hour)
				c.drain()
			}
			require.Empty(t, append(c.net.took, c.mail.took...), w.name)
			said := c.why(o)
			require.Contains(t, said[len(said)-1], "not_sent erased", w.name)
			dbtest.Read(t, d, func(tx *db.Tx) error {
				for _, table := range []string{"journey_runs", "journey_steps", "journey_ratings", "journey_tags"} {
					rows, err := db.All(tx, func(r db.Row) (string, error) { return everyColumn(r) }, `select `+columnsOf[table]+` from `+table)
					if err != nil {
						return err
					}
					for _, row := range rows {
						for _, secret := range []string{o.Phone, o.Email, "Kate"} {
							require.False(t, strings.Contains(row, secret), "%s in %s after %s: %s", secret, table, w.name, row)
						}
					}
				}
				return nil
			})
		}
	})
}

var columnsOf = map[string]string{
	"journey_runs":    `customer, key || ' ' || reason || ' ' || way || ' ' || body`,
	"journey_steps":   `customer, key || ' ' || reason || ' ' || detail`,
	"journey_ratings": `customer, comment`,
	"journey_tags":    `customer, tag`,
}

func everyColumn(r db.Row) (string, error) {
	var who, rest string
	err := r.Scan(&who, &rest)
	return fmt.Sprint(who, " ", rest), err
}

// waits is how many of somebody's runs aren't over.
func (c *crashes) waits(who string) (n int64) {
	c.t.Helper()
	dbtest.Read(c.t, c.d, func(tx *db.Tx) (err error) {
		n, err = db.One(tx, db.Scalar[int64], `select count(*) from journey_runs where customer = $1 and ended_at is null and journey <> 'review'`, who)
		return err
	})
	return n
}
