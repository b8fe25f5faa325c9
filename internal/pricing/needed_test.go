package pricing_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/jobs"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

// The daily fetch runs only where it is switched on; a file that can't be used changes nothing and is told of.
func TestDailyFetch(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, q := open(t, d), jobs.New(d)
		file, asked := "", 0
		s.prices.Fetching(q, func(context.Context, string) (io.ReadCloser, error) {
			asked++
			return io.NopCloser(strings.NewReader(file)), nil
		})
		day := func() {
			dbtest.Write(t, d, func(tx *db.Tx) error { return q.AddKind(tx, "pricing.rates", struct{}{}, jobs.When{}) })
			require.NoError(t, q.Drain(t.Context()))
		}
		day()
		require.Zero(t, asked, "it is switched off")
		_, err := s.prices.Fetch(t.Context())
		require.ErrorIs(t, err, pricing.ErrNoSource)

		desk := pricing.Desk{Home: "EUR", URL: "http://127.0.0.1:1/rates", Daily: true}
		dbtest.Write(t, d, func(tx *db.Tx) error { return s.prices.SetDesk(tx, desk, "Mei") })
		file = `<Cube><Cube time="2026-11-24"><Cube currency="USD" rate="1.25"/></Cube></Cube>`
		day()
		require.Equal(t, 1, asked)
		d.Clock().Advance(time.Second)
		sum, err := s.prices.Fetch(t.Context())
		require.NoError(t, err)
		require.Zero(t, sum.Kept, "the day's work had it already")
		rate := func() string {
			var q pricing.Quotation
			dbtest.Read(t, d, func(tx *db.Tx) (err error) { q, err = s.prices.Rate(tx, "EUR", "USD", "2026-11-26"); return err })
			return q.Rate.String()
		}
		failures := func() (n int64) {
			dbtest.Read(t, d, func(tx *db.Tx) (err error) { n, err = s.prices.Failures(tx); return err })
			return n
		}
		require.Equal(t, "1.25", rate())
		for _, bad := range []string{`<Cube><Cube time="2026-11-25"><Cube currency="USD" rate="1.26"/>`, // breaks off
			`<Cube><Cube time="2026-11-25"><Cube currency="USD" rate="1.26"/><Cube currency="GBP" rate="-1"/></Cube></Cube>`, // a bad rate beside a good one
			`<Cube><Cube time="2026-11-25"><Cube currency="USD" rate="2.50"/></Cube></Cube>`,                                 // a jump that nobody vouches for
			`<html>maintenance</html>`, ``} {
			file = bad
			before := failures()
			d.Clock().Advance(time.Second)
			_, err := s.prices.Fetch(t.Context())
			require.ErrorIs(t, err, pricing.ErrRateFile, bad)
			require.Equal(t, "1.25", rate(), "nothing of a bad file is kept")
			require.Equal(t, before+1, failures())
		}
		file = `<Cube><Cube time="2026-11-25"><Cube currency="USD" rate="1.26"/></Cube></Cube>`
		d.Clock().Advance(time.Second)
		_, err = s.prices.Fetch(t.Context())
		require.NoError(t, err)
		require.Equal(t, "1.26", rate())
		require.Zero(t, failures())
	})
}

func TestUnsetRate(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		set := func(rate string) {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				return s.prices.SetRate(tx, pricing.FX{Base: "EUR", Quote: "USD", Rate: money.MustRate(rate), Day: today, Source: "manual", SetBy: "Mei", Reason: "the bank's"})
			})
			d.Clock().Advance(time.Second)
		}
		latest := func() (k pricing.KeptRate) {
			dbtest.Read(t, d, func(tx *db.Tx) error {
				all, err := s.prices.RateHistory(tx, "EUR", "USD", 10)
				k = all[0]
				return err
			})
			return k
		}
		rate := func() string {
			var q pricing.Quotation
			dbtest.Read(t, d, func(tx *db.Tx) (err error) { q, err = s.prices.Rate(tx, "EUR", "USD", today); return err })
			return q.Rate.String()
		}
		set("1.25")
		set("1.30")
		id := latest().ID
		undo := func() error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return s.prices.UnsetRate(tx, id, "Li") })
		}
		require.NoError(t, undo())
		require.Equal(t, "1.25", rate())
		require.Equal(t, "Li", latest().UndoneBy)
		require.ErrorIs(t, undo(), pricing.ErrRateUndone)
		set("1.30")
		require.Equal(t, "1.3", rate(), "it can be entered again")
		require.False(t, latest().Undone())
	})
}
