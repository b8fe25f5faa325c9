package journeys_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
)

// past writes down n people of a market who got a message of the cart journey or were held out, a day long, of whom
// the shares buy two hours later.
func (w *world) past(m market.Code, n int, held func(i int) bool, treated, control float64, seed uint64) {
	w.t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	var all []journeys.PastRun
	at := w.d.Clock().Now().AddDate(0, 0, -20)
	for i := range n {
		who := fmt.Sprintf("cus_%s_%06d", m, i)
		p := journeys.PastRun{Journey: "cart", Version: 1, Key: "crt_" + who, Cart: "crt_" + who, Customer: who, Market: m, Lang: "en", Node: "write", At: at.Add(time.Duration(i) * time.Second)}
		share := treated
		if p.Control = held(i); p.Control {
			share = control
		}
		all = append(all, p)
		if r.Float64() < share {
			o := order.Order{ID: order.ID("ord_" + who), Customer: who, Market: m, State: order.Paid, PaidAt: p.At.Add(2 * time.Hour), Goods: money.Of(50_00, "EUR"), Total: money.Of(60_00, "EUR")}
			w.orders[o.ID] = o
		}
	}
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error { return w.journeys.Enter(tx, all) })
}

func (w *world) effect(q journeys.EffectQuery) (e journeys.Effect) {
	w.t.Helper()
	dbtest.Read(w.t, w.d, func(tx *db.Tx) (err error) { e, err = w.journeys.Effect(tx, "cart", q); return err })
	return e
}

func tenth(i int) bool { return i%10 == 0 }

func TestEffect(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		dbtest.Write(t, d, w.journeys.Prepare)
		require.Equal(t, journeys.TooFew, w.effect(journeys.EffectQuery{}).All.Verdict, "nobody yet")

		w.past("gb", 3000, tenth, 0.30, 0.10, 1)
		e := w.effect(journeys.EffectQuery{})
		require.True(t, e.Sequential)
		require.Equal(t, int64(2700), e.All.A.People.N)
		require.Equal(t, int64(300), e.All.B.People.N)
		require.Equal(t, journeys.Better, e.All.Verdict)
		require.InDelta(t, 0.20, e.All.Conversion.Value, 0.05)
		require.InDelta(t, 10, e.All.Profit.Value, 2.5, "two in ten more bring 50 euros")
		require.Equal(t, journeys.Better, e.All.Earns)
		require.InDelta(t, 3, w.effect(journeys.EffectQuery{Margin: 30}).All.Profit.Value, 1)

		w.past("de", 200, tenth, 0.2, 0.2, 2)
		e = w.effect(journeys.EffectQuery{})
		require.Len(t, e.Markets, 2)
		require.Equal(t, market.Code("de"), market.Code(e.Markets[1].Name))
		require.Equal(t, journeys.TooFew, e.Markets[1].Verdict)
		require.Positive(t, e.Markets[1].Missing)
		require.Equal(t, e.Markets[1].A, w.effect(journeys.EffectQuery{Market: "de"}).All.A)

		w.past("my", 2000, tenth, 0.2, 0.2, 3)
		for _, m := range w.effect(journeys.EffectQuery{}).Markets {
			if m.Name == "my" {
				require.Equal(t, journeys.NoEffect, m.Verdict)
				require.Positive(t, m.Days)
			}
		}
	})
}

// Groups that aren't as large as they should be show no figures.
func TestUnequalGroupsAreHidden(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		dbtest.Write(t, d, w.journeys.Prepare)
		w.past("gb", 3000, func(i int) bool { return i%5 == 0 }, 0.3, 0.1, 1)
		e := w.effect(journeys.EffectQuery{})
		require.Equal(t, journeys.Unequal, e.All.Verdict)
		require.Zero(t, e.All.Conversion)
		require.Zero(t, e.All.Profit)
	})
}

// An end that was said before is looked at once, with narrower intervals; people whose time to buy isn't over wait.
func TestEndOfAMeasurement(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		dbtest.Write(t, d, w.journeys.Prepare)
		w.past("gb", 2000, tenth, 0.2, 0.15, 1)
		before := w.effect(journeys.EffectQuery{})
		day := d.Clock().Now().AddDate(0, 0, 2).Format(time.DateOnly)
		dbtest.Write(t, d, func(tx *db.Tx) error { return w.journeys.SetEnd(tx, "cart", day, "mei") })
		require.True(t, w.effect(journeys.EffectQuery{}).Sequential, "not over")
		d.Clock().Advance(10 * 24 * time.Hour)
		after := w.effect(journeys.EffectQuery{})
		require.False(t, after.Sequential)
		require.Less(t, after.All.Conversion.Half(), before.All.Conversion.Half())
		require.InDelta(t, before.All.Conversion.Value, after.All.Conversion.Value, 1e-12)
		for _, bad := range []string{"yesterday", day, "2031-01-01"} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { return w.journeys.SetEnd(tx, "cart", bad, "mei") })
			require.ErrorIs(t, err, journeys.ErrEndDay, bad)
		}
	})
}

// Of 100,000 people the share held out is what the definition says, within 0.3 points. (journeys.md, section 12)
func TestHoldoutShare(t *testing.T) {
	for _, experiment := range []string{"cart/share/holdout", "again/share/holdout", "survey/share/holdout"} {
		out := 0
		for i := range 100_000 {
			if journeys.Lot(experiment, fmt.Sprintf("cus_%07d", i)) < 1000 {
				out++
			}
		}
		require.InDelta(t, 10_000, out, 300, experiment)
	}
}
