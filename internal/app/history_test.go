package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/journeys"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/tax"
)

// The sample shop's past is worth looking at: a threshold near its first level, a return to file, others filed and
// one of those corrected since; and it says of every order what the order book says.
func TestSeedHistory(t *testing.T) {
	d := dbtest.Open(t, t.TempDir()+"/t.db", db.Manual(dbtest.Start), app.Schemas)
	require.NoError(t, app.SeedDemo(t.Context(), d))
	a, err := app.Open(t.Context(), d, app.Config{})
	require.NoError(t, err)
	require.NoError(t, a.SeedHistory(t.Context()))
	var before []order.Order
	dbtest.Read(t, d, func(tx *db.Tx) (err error) {
		before, _, err = a.Orders.List(tx, order.Filter{}, order.Page{Limit: 200})
		return err
	})
	require.NoError(t, a.SeedHistory(t.Context()), "again")
	dbtest.Read(t, d, func(tx *db.Tx) error {
		after, next, err := a.Orders.List(tx, order.Filter{}, order.Page{Limit: 200})
		require.NoError(t, err)
		require.Equal(t, before, after)
		booked, sold := map[money.Currency]int64{}, map[money.Currency]int64{}
		for len(after) > 0 {
			for _, o := range after {
				sold[o.Currency] += o.Tax.Minor
				require.NotEmpty(t, o.Number)
				all, err := tax.OfOrder(tx, o.ID)
				require.NoError(t, err)
				booked[o.Currency] += all[0].Tax.Minor
			}
			if next == "" {
				break
			}
			after, next, err = a.Orders.List(tx, order.Filter{}, order.Page{Limit: 200, After: next})
			require.NoError(t, err)
		}
		require.Equal(t, sold, booked)
		states := map[tax.State]int{}
		all, err := a.Tax.Standings(tx, "", 6)
		require.NoError(t, err)
		for _, v := range all {
			states[v.State]++
			require.False(t, v.Late(), "%s %s", v.Scheme.Code, v.Period)
			require.NotContains(t, v.Problems, "unregistered")
		}
		require.Positive(t, states[tax.Ready])
		require.Positive(t, states[tax.FiledState])
		require.Positive(t, states[tax.Corrected])
		near, err := a.Tax.Thresholds(tx, tx.Now())
		require.NoError(t, err)
		level := map[string]int64{}
		for _, v := range near {
			level[v.Jurisdiction] = v.Share
			require.Empty(t, v.Problem, v.ID)
		}
		require.InDelta(t, 72, level["CA-BC"], 12)
		alerts, err := a.Tax.Alerts(tx)
		t.Log(level["CA-BC"], len(alerts), states)
		return err
	})
}

// Whoever opens the demo sees, at any hour, somebody who is asked how an order was, offered to come again and asked for a
// review, without waiting for days.
func TestWhatFollowsADeliveryIsSeenAtOnce(t *testing.T) {
	for _, hour := range []int{0, 12} {
		d := dbtest.Open(t, t.TempDir()+"/t.db", db.Manual(dbtest.Start.Add(time.Duration(hour)*time.Hour)), app.Schemas)
		require.NoError(t, app.SeedDemo(t.Context(), d))
		a, err := app.Open(t.Context(), d, app.Config{SMTP: "127.0.0.1:1", MailFrom: "hello@miana.example"}) // nobody listens there: what waits counts
		require.NoError(t, err)
		require.NoError(t, a.KeepDemo(t.Context()))
		require.NoError(t, a.SeedHistory(t.Context()))
		for range 10 { // five hours, which are five minutes to who looks on
			d.Clock().Advance(30 * time.Minute)
			require.NoError(t, a.Queue.Drain(t.Context()))
		}
		said := map[string]int{}
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := a.Messages.List(tx, messaging.Filter{}, messaging.Page{Limit: 200})
			for _, m := range all {
				said[m.Template]++
			}
			return err
		})
		for _, template := range []string{"survey", "again", "review"} {
			require.Positive(t, said[template], "%s from %d:00 on: %v", template, hour, said)
		}
	}
}

// The sample shop's journeys have a past too: an effect that shows, a market of which too little is known, ratings.
func TestSeedHistoryOfJourneys(t *testing.T) {
	d := dbtest.Open(t, t.TempDir()+"/t.db", db.Manual(dbtest.Start), app.Schemas)
	require.NoError(t, app.SeedDemo(t.Context(), d))
	a, err := app.Open(t.Context(), d, app.Config{SMPP: "127.0.0.1:1", SystemID: "portolan"})
	require.NoError(t, err)
	require.NoError(t, a.SeedHistory(t.Context()))
	dbtest.Read(t, d, func(tx *db.Tx) error {
		e, err := a.Journeys.Effect(tx, "cart", journeys.EffectQuery{})
		require.NoError(t, err)
		require.Equal(t, journeys.Better, e.All.Verdict, "%+v", e.All)
		require.Greater(t, e.All.Split, 0.01)
		few := 0
		for _, m := range e.Markets {
			if m.Name != "id" && m.Name != "my" { // where bags are written about by mail
				require.Positive(t, m.A.Cost, m.Name)
			}
			require.Positive(t, m.A.Revenue, m.Name)
			require.Zero(t, m.A.Unpriced, m.Name)
			if m.Verdict == journeys.TooFew || m.Verdict == journeys.NoEffect {
				few++
				require.Positive(t, m.Days, m.Name)
			}
		}
		require.Positive(t, few)
		weeks, err := a.Journeys.Trend(tx, journeys.RatingFilter{}, 12)
		require.NoError(t, err)
		require.Positive(t, weeks[2].Times)
		return nil
	})
}

// The journal of the sample shop's past has what journeys hear, so that a journey can be tried on it: bags that were left,
// some of them by people who may not be written to, and deliveries.
func TestAJourneyIsTriedOnTheSamplePast(t *testing.T) {
	d := dbtest.Open(t, t.TempDir()+"/t.db", db.Manual(dbtest.Start), app.Schemas)
	require.NoError(t, app.SeedDemo(t.Context(), d))
	a, err := app.Open(t.Context(), d, app.Config{SMPP: "127.0.0.1:1", SystemID: "portolan", SMTP: "127.0.0.1:1", MailFrom: "hello@miana.example"})
	require.NoError(t, err)
	require.NoError(t, a.KeepDemo(t.Context()))
	require.NoError(t, a.SeedHistory(t.Context()))
	try := func(name string) (entered, sent, unasked, left int64) {
		var j journeys.Definition
		dbtest.Read(t, d, func(tx *db.Tx) (err error) { j, err = a.Journeys.Said(tx, name, "1"); return err })
		r, err := a.Journeys.Trial(t.Context(), j, 90, nil)
		require.NoError(t, err)
		require.Len(t, r.Tried.Markets, 5, name)
		for _, m := range r.Tried.Markets {
			require.Zero(t, m.Failed, m.Market)
			entered, unasked, left = entered+m.Entered, unasked+m.Blocked["no_consent"], left+m.UnderWay
			for _, s := range m.Messages {
				sent += s.Messages
			}
		}
		t.Log(name, entered, sent, unasked, r.Tried.Markets[0])
		return entered, sent, unasked, left
	}
	entered, sent, unasked, _ := try("cart")
	require.Greater(t, entered, int64(1500))
	require.Greater(t, sent, entered/2)
	require.Greater(t, unasked, entered/8)
	entered, sent, _, _ = try("survey")
	require.Positive(t, entered)
	require.Positive(t, sent)
	entered, sent, _, _ = try("confirm")
	require.Greater(t, entered, int64(300))
	require.Greater(t, sent, entered/2)
}
