package journeys_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/journeys"
	"portolan/internal/order"
)

// shipped is one of the definitions that come with the program.
func shipped(t *testing.T, name string) journeys.Definition {
	t.Helper()
	for _, d := range journeys.Shipped() {
		if d.Journey == name {
			return d
		}
	}
	t.Fatal("no journey " + name)
	return journeys.Definition{}
}

// everything is every row of every table, as text.
func everything(t *testing.T, d *db.DB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	dbtest.Read(t, d, func(tx *db.Tx) error {
		tables, err := db.All(tx, db.Scalar[string], tx.Pick(`select name from sqlite_master where type = 'table' and name not like 'sqlite_%'`,
			`select tablename from pg_tables where schemaname = current_schema()`))
		require.NoError(t, err)
		for _, name := range tables {
			columns, err := db.All(tx, db.Scalar[string], tx.Pick(`select name from pragma_table_info($1)`,
				`select column_name from information_schema.columns where table_schema = current_schema() and table_name = $1 order by ordinal_position`), name)
			require.NoError(t, err)
			for i, c := range columns {
				columns[i] = `coalesce(cast("` + c + `" as text), '')`
			}
			all[name], err = db.All(tx, db.Scalar[string], `select `+strings.Join(columns, ` || '|' || `)+` as one from `+name+` order by one`)
			require.NoError(t, err)
		}
		return nil
	})
	require.Greater(t, len(all), 20)
	return all
}

// carts lets people leave, one an hour, n in all; every fourth comes back and pays half an hour later.
func (w *world) abandon(n int) {
	for i := range n {
		id, phone, person := fmt.Sprintf("crt_%03d", i), fmt.Sprintf("+4474001%05d", i), fmt.Sprintf("cus_%03d", i)
		if i%3 > 0 {
			w.agree(phone, customer.SMS)
		}
		at := w.d.Clock().Now()
		w.carts[id] = checkout.Cart{ID: id, Market: "gb", Country: "GB", Lang: "en", State: checkout.Open, Customer: person, Lines: []checkout.Line{{SKU: "D1", Quantity: 1}},
			Contact: checkout.Contact{GivenName: "Kate", Phone: phone}, CreatedAt: at.Add(-time.Hour), Activity: at}
		w.d.Clock().Advance(10 * time.Minute)
		w.publish(checkout.LeftEvent{Cart: id, Customer: person, Market: "gb", Country: "GB", Lang: "en", Phone: phone, At: at})
		w.d.Clock().Advance(30 * time.Minute)
		if i%4 == 0 {
			o := paid("en")
			o.ID, o.Cart, o.Customer, o.Market, o.Country, o.Phone, o.PlacedAt, o.PaidAt = order.ID("ord_"+id), id, person, "gb", "GB", phone, w.d.Clock().Now(), w.d.Clock().Now()
			w.orders[o.ID] = o
		}
		w.d.Clock().Advance(20 * time.Minute)
	}
	for range 40 { // nights over
		w.d.Clock().Advance(time.Hour)
		w.drain()
	}
}

// What a trial of the version in force says of the past is what happened, and it leaves no trace.
func TestTrialSaysWhatHappened(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		dbtest.Write(t, d, w.journeys.Prepare)
		w.abandon(48)
		before := everything(t, d)
		shares := 0
		r, err := w.journeys.Trial(t.Context(), shipped(t, "cart"), 10, func(float64) { shares++ })
		require.NoError(t, err)
		require.Equal(t, before, everything(t, d), "a trial writes nothing")

		var sent, withheld, parts, cost int64
		hours, why := [24]int64{}, map[string]int64{}
		for i := range 48 {
			for _, p := range w.decided(fmt.Sprintf("crt_%03d", i)) {
				switch {
				case p.Outcome == journeys.Sent:
					sent++
					hours[p.At.Hour()]++ // London in winter
				case p.Outcome == journeys.Withheld:
					withheld++
				case p.Outcome == journeys.NotSent:
					why[p.Reason]++
				}
			}
		}
		dbtest.Read(t, d, func(tx *db.Tx) error {
			for i := range 48 {
				all, err := w.messages.ByCustomer(tx, fmt.Sprintf("cus_%03d", i))
				require.NoError(t, err)
				for _, m := range all {
					parts += m.Parts
					cost += m.Cost.Micros
				}
			}
			return nil
		})
		require.NotNil(t, r.Live)
		require.Equal(t, int64(48+32), r.Events, "people who left, and what they agreed to")
		tried, live := r.Tried.All(), r.Live.All()
		require.Equal(t, tried, live)
		require.Equal(t, int64(48), tried.Entered)
		require.Equal(t, sent, tried.Sent().Messages)
		require.Positive(t, sent)
		require.Equal(t, parts, tried.Sent().Parts)
		require.Equal(t, cost, tried.Sent().Cost.Micros+tried.Sent().Unpriced)
		require.Equal(t, withheld, tried.Withheld)
		require.Equal(t, hours, tried.Hours)
		require.Equal(t, why["paid_meanwhile"], tried.Left["paid_meanwhile"])
		require.Equal(t, why["no_consent"], tried.Blocked["no_consent"])
		require.Positive(t, tried.Held["quiet_hours"])
		again, ok := journeys.ReadReport(r.JSON())
		require.True(t, ok)
		require.Equal(t, r, again)
	})
}

// A definition that is tried is compared with the one in force.
func TestTrialOfAnotherDefinition(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		dbtest.Write(t, d, w.journeys.Prepare)
		w.abandon(24)
		patient := shipped(t, "cart")
		for i := range patient.Nodes {
			if patient.Nodes[i].Do == journeys.DoSplit {
				patient.Nodes[i].Out = 50
			}
		}
		patient.Exits = append(patient.Exits, journeys.Exit{When: "cart.pieces < 2", Reason: "too_small"})
		r, err := w.journeys.Trial(t.Context(), patient, 10, nil)
		require.NoError(t, err)
		require.Zero(t, r.Tried.All().Sent().Messages)
		require.Positive(t, r.Tried.All().Left["too_small"])
		require.Positive(t, r.Live.All().Sent().Messages)
		for _, days := range []int64{0, -1, 367} {
			_, err = w.journeys.Trial(t.Context(), patient, days, nil)
			require.ErrorIs(t, err, journeys.ErrTrialSpan)
		}
	})
}

// A trial that the queue runs says how far it is and keeps its report.
func TestTrialInTheQueue(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		dbtest.Write(t, d, w.journeys.Prepare)
		w.abandon(6)
		cart := shipped(t, "cart")
		var begun journeys.TrialRun
		dbtest.Write(t, d, func(tx *db.Tx) (err error) { begun, err = w.journeys.BeginTrial(tx, cart, 10, "mei"); return err })
		require.Equal(t, journeys.TrialRunning, begun.State)
		w.drain()
		dbtest.Read(t, d, func(tx *db.Tx) error {
			done, err := w.journeys.TrialByID(tx, begun.ID)
			require.NoError(t, err)
			require.Equal(t, journeys.TrialDone, done.State)
			require.Equal(t, int64(6), done.Report.Tried.All().Entered)
			same, err := w.journeys.TrialOf(tx, cart)
			require.NoError(t, err)
			require.Equal(t, done, same)
			cart.Window = 0
			_, err = w.journeys.TrialOf(tx, cart)
			require.ErrorIs(t, err, journeys.ErrUnknownTrial, "of another definition")
			return nil
		})
		cart.Nodes = nil
		err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.journeys.BeginTrial(tx, cart, 10, "mei"); return err })
		require.ErrorIs(t, err, journeys.ErrBadDefinition)
	})
}

// A trial says the same of a definition whether it is the one in force, which isn't played twice then, or one that differs
// from it in nothing that matters; and the version in force does what it would do if it were tried.
func TestTrialOfTheSame(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		dbtest.Write(t, d, w.journeys.Prepare)
		w.abandon(40)
		once, err := w.journeys.Trial(t.Context(), shipped(t, "cart"), 10, nil)
		require.NoError(t, err)
		other := shipped(t, "cart")
		other.Priority++
		twice, err := w.journeys.Trial(t.Context(), other, 10, nil)
		require.NoError(t, err)
		require.NotNil(t, once.Live)
		require.Positive(t, once.Live.Version)
		require.Zero(t, once.Tried.Version)
		require.Positive(t, once.Tried.All().Sent().Messages)
		require.Equal(t, twice, once)
	})
}

// A trial that remembers next to nothing of what it has read says the same.
func TestTrialForgets(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		dbtest.Write(t, d, w.journeys.Prepare)
		w.abandon(40)
		all := map[int]journeys.Report{}
		for _, most := range []int{1, 3, 1000} {
			w.journeys.Keep(most)
			r, err := w.journeys.Trial(t.Context(), shipped(t, "cart"), 10, nil)
			require.NoError(t, err)
			all[most] = r
		}
		require.Equal(t, all[1000], all[1])
		require.Equal(t, all[1000], all[3])
	})
}
