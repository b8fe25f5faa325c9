package rulebook_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/rulebook"
	"portolan/internal/settings"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, settings.Schema, rulebook.Schema}

// germanVAT is a draft of a new standard rate from a day on.
func germanVAT(percent, from string) rulebook.Draft {
	return rulebook.Draft{Who: "mei@example.org", Source: "bgbl-2027-1", Reason: "the standard rate changes",
		Changes: []landed.Change{{Table: "taxes", End: germanRow, Effective: from, Add: map[string]string{"rate_pct": percent}}}}
}

const germanRow = "vat:DE:standard:2021-01-01"

func book(t *testing.T, d *db.DB) *rulebook.Service {
	s := rulebook.New(d, settings.Watch(d), settings.Bump)
	require.NoError(t, s.Load(t.Context()))
	return s
}

func write[T any](t *testing.T, d *db.DB, f func(tx *db.Tx) (T, error)) (v T) {
	t.Helper()
	dbtest.Write(t, d, func(tx *db.Tx) (err error) { v, err = f(tx); return err })
	return v
}

func read[T any](t *testing.T, d *db.DB, f func(tx *db.Tx) (T, error)) (v T) {
	t.Helper()
	dbtest.Read(t, d, func(tx *db.Tx) (err error) { v, err = f(tx); return err })
	return v
}

func refused(t *testing.T, d *db.DB, f func(tx *db.Tx) error) error {
	t.Helper()
	err := d.Write(t.Context(), f)
	require.Error(t, err)
	return err
}

func vat(t *testing.T, p interface {
	ConsumptionTax(country, region, category string, on time.Time) (money.Rate, string, bool)
}, on string) string {
	t.Helper()
	day, err := time.Parse(time.DateOnly, on)
	require.NoError(t, err)
	rate, _, ok := p.ConsumptionTax("DE", "", "standard", day)
	require.True(t, ok)
	return rate.PercentString()
}

func TestWithoutChangesTheProgramsRulesHold(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := book(t, d)
		require.Same(t, landed.Default(), s.Pack())
		require.Empty(t, s.Aside())
		require.NoError(t, s.Keep(t.Context()))
		require.NoError(t, s.Keep(t.Context()))
		all := read(t, d, s.Editions)
		require.Len(t, all, 1)
		require.Equal(t, landed.Default().Version(), all[0].Version)
		require.Equal(t, dbtest.Start, all[0].Since)
	})
}

func TestAnAmendmentHoldsAtOnceAndEverywhere(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, other := book(t, d), book(t, d)
		was := s.Pack()
		require.Equal(t, "19", vat(t, s, "2027-01-01"))
		_, after, err := s.Preview(germanVAT("20", "2027-01-01"))
		require.NoError(t, err)
		require.Same(t, was, s.Pack(), "a preview keeps nothing")

		a := write(t, d, func(tx *db.Tx) (rulebook.Amendment, error) { return s.Publish(tx, germanVAT("20", "2027-01-01")) })
		require.Equal(t, after.Version(), a.Pack)
		require.Equal(t, after.Version(), s.Pack().Version())
		for _, one := range []*rulebook.Service{s, other, book(t, d)} {
			require.Equal(t, "20", vat(t, one, "2027-01-01"))
			require.Equal(t, "19", vat(t, one, "2026-12-31"))
		}
		all := read(t, d, s.Amendments)
		require.Len(t, all, 1)
		require.Equal(t, "mei@example.org", all[0].Changes[0].Who)
		require.Equal(t, "bgbl-2027-1", all[0].Changes[0].Source)
		old := read(t, d, func(tx *db.Tx) (*landed.Pack, error) { return other.At(tx, was.Version()) })
		require.Equal(t, "19", vat(t, old, "2027-01-01"), "what was in force can be had again")

		b := write(t, d, func(tx *db.Tx) (rulebook.Amendment, error) { return s.Undo(tx, a.ID, "ada@example.org", "wrong law") })
		require.Equal(t, was.Version(), s.Pack().Version())
		require.Equal(t, "19", vat(t, other, "2027-01-01"))
		require.ErrorIs(t, refused(t, d, func(tx *db.Tx) error { _, err := s.Undo(tx, a.ID, "ada", "again"); return err }), rulebook.ErrUndone)
		all = read(t, d, s.Amendments)
		require.Len(t, all, 2, "nothing is deleted")
		require.Equal(t, b.ID, all[1].Undone)

		write(t, d, func(tx *db.Tx) (rulebook.Amendment, error) { return s.Undo(tx, b.ID, "mei", "it was right") })
		require.Equal(t, "20", vat(t, book(t, d), "2027-01-01"), "taking back what took back")
		past := read(t, d, func(tx *db.Tx) (*landed.Pack, error) { return book(t, d).At(tx, a.Pack) })
		rows, _ := past.Entries("taxes")
		require.Equal(t, "2027-01-01", rows[len(rows)-1].ValidFrom)
	})
}

func TestWhatLaterAmendmentsBuildOnStays(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := book(t, d)
		first := write(t, d, func(tx *db.Tx) (rulebook.Amendment, error) { return s.Publish(tx, germanVAT("20", "2027-01-01")) })
		rows, _ := s.Pack().Entries("taxes")
		next := germanVAT("21", "2028-01-01")
		next.Changes[0].End = rows[len(rows)-1].ID
		second := write(t, d, func(tx *db.Tx) (rulebook.Amendment, error) { return s.Publish(tx, next) })
		require.Equal(t, "21", vat(t, s, "2028-01-01"))
		err := refused(t, d, func(tx *db.Tx) error { _, err := s.Undo(tx, first.ID, "mei", "wrong"); return err })
		require.ErrorIs(t, err, rulebook.ErrNeeded)
		for _, id := range []string{second.ID, first.ID} {
			write(t, d, func(tx *db.Tx) (rulebook.Amendment, error) { return s.Undo(tx, id, "mei", "wrong") })
		}
		require.Equal(t, landed.Default().Version(), s.Pack().Version())
		require.ErrorIs(t, refused(t, d, func(tx *db.Tx) error { _, err := s.Undo(tx, "amd_none", "mei", "wrong"); return err }), rulebook.ErrNoAmendment)
	})
}

func TestDraftsThatCannotBePublished(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := book(t, d)
		for name, tt := range map[string]struct {
			change func(d *rulebook.Draft)
			is     error
			says   string
		}{
			"no reason": {func(d *rulebook.Draft) { d.Reason = " " }, rulebook.ErrUnusable, "reason: required"},
			"no person": {func(d *rulebook.Draft) { d.Who = "" }, rulebook.ErrUnusable, "who: required"},
			"long":      {func(d *rulebook.Draft) { d.Reason = strings.Repeat("x", 501) }, rulebook.ErrUnusable, "reason: too_long"},
			"no source": {func(d *rulebook.Draft) { d.Source = "" }, landed.ErrUnusableChange, "changes.0.source"},
			"nothing":   {func(d *rulebook.Draft) { d.Changes = nil }, rulebook.ErrNoChange, "nothing"},
			"the same":  {func(d *rulebook.Draft) { d.Changes[0].Add["rate_pct"] = "19" }, rulebook.ErrNoChange, "nothing"},
			"no table":  {func(d *rulebook.Draft) { d.Changes[0].Table = "prices" }, landed.ErrUnusableChange, "changes.0.table"},
			"no row":    {func(d *rulebook.Draft) { d.Changes[0].End = "tax:XX" }, landed.ErrUnusableChange, "changes.0.end"},
			"no rate":   {func(d *rulebook.Draft) { d.Changes[0].Add["rate_pct"] = "many" }, landed.ErrUnusableChange, "changes.0.add.rate_pct"},
			"overlap": {func(d *rulebook.Draft) {
				d.Changes[0].End = ""
				d.Changes[0].Add = map[string]string{"country": "DE", "code": "VAT", "category": "standard", "rate_pct": "20"}
			}, landed.ErrUnusableChange, "overlaps"},
			"before row": {func(d *rulebook.Draft) { d.Changes[0].Effective = "2020-01-01" }, landed.ErrUnusableChange, "changes.0.effective"},
		} {
			draft := germanVAT("20", "2027-01-01")
			tt.change(&draft)
			_, _, err := s.Preview(draft)
			require.ErrorIs(t, err, tt.is, name)
			err = refused(t, d, func(tx *db.Tx) error { _, err := s.Publish(tx, draft); return err })
			require.ErrorIs(t, err, tt.is, name)
			require.Contains(t, fmt.Sprint(err), tt.says, name)
		}
		require.Empty(t, read(t, d, s.Amendments))
		require.Same(t, landed.Default(), s.Pack())
	})
}

// A newer program may say for itself what an amendment said, or otherwise.
func TestAnAmendmentThatNoLongerFitsIsSetAside(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := book(t, d)
		good := write(t, d, func(tx *db.Tx) (rulebook.Amendment, error) { return s.Publish(tx, germanVAT("20", "2027-01-01")) })
		bad := write(t, d, func(tx *db.Tx) (rulebook.Amendment, error) {
			return s.Publish(tx, rulebook.Draft{Who: "ada", Source: "law", Reason: "ends", Changes: []landed.Change{{Table: "taxes", End: "vat:FR:standard:2014-01-01", Effective: "2027-01-01"}}})
		})
		dbtest.Write(t, d, func(tx *db.Tx) error { // as if the program's row had got another id
			_, err := tx.Exec(`update rule_changes set changes = replace(changes, 'vat:FR:standard:2014-01-01', 'vat:FR:standard:2013-01-01') where id = $1`, bad.ID)
			return err
		})
		after := book(t, d)
		require.Len(t, after.Aside(), 1)
		require.Equal(t, bad.ID, after.Aside()[0].ID)
		require.ErrorIs(t, after.Aside()[0].Why, landed.ErrUnusableChange)
		require.Equal(t, "20", vat(t, after, "2027-01-01"), "the rest holds")
		require.NoError(t, after.Keep(t.Context()))

		write(t, d, func(tx *db.Tx) (rulebook.Amendment, error) {
			return after.Undo(tx, bad.ID, "mei", "the program says it")
		})
		require.Empty(t, after.Aside())
		write(t, d, func(tx *db.Tx) (rulebook.Amendment, error) { return after.Undo(tx, good.ID, "mei", "no law") })
		require.Equal(t, landed.Default().Version(), after.Pack().Version())
	})
}

func table(rows ...string) []byte {
	return []byte("hts,general_rate,valid_from,valid_to,source,confidence\n" + strings.Join(rows, "\n") + "\n")
}

func TestImports(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, other := book(t, d), book(t, d)
		u := rulebook.Upload{File: "us.csv", Who: "mei", Body: table("0902.10.10,6.4%,2026-01-01,,us-hts,high", "0902.10.20,Free,2026-01-01,,us-hts,high")}
		rows := 0
		m, err := s.Import(t.Context(), u, func(n int) { rows = n })
		require.NoError(t, err)
		require.Equal(t, 2, rows)
		require.Equal(t, rulebook.InForce, m.State)
		require.Equal(t, "us_hts_general_rates", m.Table)
		for _, one := range []*rulebook.Service{s, other, book(t, d)} {
			_, ok := one.Rule("tariff:US:09021010:2026-01-01")
			require.True(t, ok)
		}
		with := s.Pack().Version()

		bad := u
		bad.Body = table("0902.10.10,6.5%,2026-01-01,,us-hts,high", "0902,Free,2026-01-01,,us-hts,high")
		_, err = s.Import(t.Context(), bad, nil)
		require.ErrorIs(t, err, landed.ErrUnreadableTariff)
		require.Equal(t, 3, landed.Problems(err)[0].Row)
		require.Equal(t, with, s.Pack().Version(), "nothing half-imported")
		bad.SkipBad = true
		second, err := s.Import(t.Context(), bad, nil)
		require.NoError(t, err)
		require.Equal(t, []int{3}, second.Result.Refused)
		require.Len(t, second.Problems, 1)
		require.Equal(t, 1, s.Pack().Tariff().Len())
		all := read(t, d, s.Imports)
		require.Len(t, all, 2)

		old := read(t, d, func(tx *db.Tx) (*landed.Pack, error) { return book(t, d).At(tx, with) })
		require.Equal(t, with, old.Version())
		require.Equal(t, 2, old.Tariff().Len())

		write(t, d, func(tx *db.Tx) (rulebook.Import, error) { return s.EndImport(tx, second.ID, "ada") })
		require.Equal(t, with, other.Pack().Version(), "what was in force before is again")
		ended := write(t, d, func(tx *db.Tx) (rulebook.Import, error) { return s.EndImport(tx, m.ID, "ada") })
		require.Equal(t, rulebook.Ended, ended.State)
		require.Equal(t, landed.Default().Version(), book(t, d).Pack().Version())
		require.ErrorIs(t, refused(t, d, func(tx *db.Tx) error { _, err := s.EndImport(tx, m.ID, "ada"); return err }), rulebook.ErrNoImport)
		require.Equal(t, 2, read(t, d, func(tx *db.Tx) (*landed.Pack, error) { return s.At(tx, with) }).Tariff().Len())
	})
}

func TestFilesThatAreNoTable(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := book(t, d)
		for name, tt := range map[string]struct {
			body []byte
			is   error
			code string
		}{
			"empty":       {nil, rulebook.ErrEmpty, ""},
			"blank":       {[]byte(" \n"), rulebook.ErrEmpty, ""},
			"huge":        {bytes.Repeat([]byte("x"), rulebook.MaxFile+1), rulebook.ErrTooLarge, ""},
			"other table": {[]byte("a,b\n1,2\n"), landed.ErrUnreadableTariff, "unknown_table"},
			"latin 1":     {table("0902.10.10,1\xa2/kg,2026-01-01,,us-hts,high"), landed.ErrUnreadableTariff, "not_utf8"},
			"columns":     {table("0902.10.10,Free,2026-01-01,us-hts,high"), landed.ErrUnreadableTariff, "wrong_number_of_columns"},
			"twice":       {table("0902.10.10,Free,2026-01-01,,us-hts,high", "0902.10.10,1%,2026-01-01,,us-hts,high"), landed.ErrUnreadableTariff, "overlaps"},
		} {
			_, err := s.Import(t.Context(), rulebook.Upload{File: "x.csv", Who: "mei", Body: tt.body}, nil)
			require.ErrorIs(t, err, tt.is, name)
			if tt.code != "" {
				require.Equal(t, tt.code, landed.Problems(err)[0].Code, name)
			}
		}
		require.Empty(t, read(t, d, s.Imports))
	})
}

func TestAnUploadIsReadByAJob(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, q := book(t, d), jobs.New(d)
		s.Work(q)
		hand := func(u rulebook.Upload) rulebook.Import {
			m := write(t, d, func(tx *db.Tx) (rulebook.Import, error) { return s.Receive(tx, u) })
			require.Equal(t, rulebook.Waiting, m.State)
			require.NoError(t, q.Drain(t.Context()))
			return read(t, d, func(tx *db.Tx) (rulebook.Import, error) { return s.FindImport(tx, m.ID) })
		}
		m := hand(rulebook.Upload{File: "us.csv", Who: "mei", Body: table("0902.10.10,6.4%,2026-01-01,,us-hts,high")})
		require.Equal(t, rulebook.InForce, m.State)
		require.Equal(t, 1, s.Pack().Tariff().Len())
		m = hand(rulebook.Upload{File: "us.csv", Who: "mei", Body: table("0902,6.4%,2026-01-01,,us-hts,high")})
		require.Equal(t, rulebook.Refused, m.State)
		require.Equal(t, "malformed", m.Problems[0].Code)
		require.Equal(t, 1, s.Pack().Tariff().Len())
	})
}

// The official tables, where they are at hand, are kept and read back as they were.
func TestOfficialTables(t *testing.T) {
	d := dbtest.Open(t, filepath.Join(t.TempDir(), "rules.db"), db.Manual(dbtest.Start), schemas)
	s := book(t, d)
	for _, name := range []string{"eu_gb_tariff_cn8.csv", "us_hts_general_rates.csv", "hs_codes.csv"} {
		body, err := os.ReadFile("../../../shared/rules/" + name)
		if err != nil {
			t.Skip("needs ../shared/rules: ", err)
		}
		_, err = s.Import(context.Background(), rulebook.Upload{File: name, Who: "mei", Body: body}, nil)
		require.NoError(t, err)
	}
	require.Equal(t, s.Pack().Version(), book(t, d).Pack().Version())
	require.NotEmpty(t, s.Title("610910"))
	require.Greater(t, s.Pack().Tariff().Len(), 20000)
}

func TestEffectsShowWhatAChangeDoes(t *testing.T) {
	d := dbtest.Open(t, filepath.Join(t.TempDir(), "rules.db"), db.Manual(dbtest.Start), schemas)
	s := book(t, d)
	draft := germanVAT("20", "2027-01-01")
	before, after, err := s.Preview(draft)
	require.NoError(t, err)
	on := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	all := rulebook.Effects(before, after, draft.Changes, on)
	require.Greater(t, len(all), 50)
	changed := map[string]int{}
	for _, e := range all {
		if e.Changed() {
			changed[e.Country]++
			require.Greater(t, e.After.Tax.Minor, e.Before.Tax.Minor)
		}
	}
	require.Equal(t, map[string]int{"DE": 4}, changed)
	for _, e := range rulebook.Effects(before, after, draft.Changes, on.AddDate(0, 0, -1)) {
		require.False(t, e.Changed(), "not before its day")
	}
	norway := rulebook.Effects(before, after, []landed.Change{{Table: "duties", Add: map[string]string{"importer": "KR", "hs": "330499"}}}, on)
	require.Equal(t, "KR", norway[len(norway)-1].Country)
}
