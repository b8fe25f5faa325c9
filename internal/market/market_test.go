package market_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/settings"
)

var schemas = []db.Schema{settings.Schema, market.Schema}

func germany() market.Market {
	return market.Market{Code: "de", Name: "Germany", State: market.Open, Position: 2, Countries: []market.Country{"DE", "AT"}, Currency: "EUR",
		Languages: []string{"de", "en", "ar"}, Zone: "Europe/Berlin", TaxInclusive: true, Incoterm: "DDP", Factor: money.MustRate("1.05"),
		Rounding: market.Rounding{Step: 100, Ending: 99, Direction: market.Nearest}, ShipFrom: []string{"ams", "can"}, Methods: []string{"card"},
		DoubleOptIn: true, ConsentChannels: []string{"email", "sms"}, Contact: market.Contact{Email: "hallo@example.com"}}
}

func TestMarkets(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := market.New(d, settings.Watch(d), settings.Bump)
		require.Empty(t, s.All())
		us := germany()
		us.Code, us.Name, us.Position, us.Countries, us.Currency, us.Zone = "us", "USA", 1, []market.Country{"US"}, "USD", "America/New_York"
		dbtest.Write(t, d, func(tx *db.Tx) error {
			if err := s.Save(tx, germany()); err != nil {
				return err
			}
			return s.Save(tx, us)
		})
		require.Len(t, s.All(), 2)
		require.Equal(t, market.Code("us"), s.All()[0].Code, "by position")
		m, ok := s.ByCountry("AT")
		require.True(t, ok)
		require.Equal(t, germany(), m)
		require.Equal(t, "ar-DE", m.Locale("ar"))
		require.Equal(t, "/ar-de", m.Prefix("ar"))
		require.Equal(t, "2026-11-25", m.Day(time.Date(2026, 11, 24, 23, 30, 0, 0, time.UTC)))
		_, ok = s.ByCode("../de")
		require.False(t, ok)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			_, err := s.Get(tx, "fr")
			require.ErrorIs(t, err, market.ErrUnknown)
			return nil
		})

		austria := germany()
		austria.Code, austria.Countries = "at", []market.Country{"AT"}
		save := func(m market.Market) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return s.Save(tx, m) })
		}
		require.ErrorIs(t, save(austria), market.ErrCountryTaken)
		alone := germany()
		alone.Countries = []market.Country{"DE"}
		require.NoError(t, save(alone))
		require.NoError(t, save(austria))
		m, _ = s.ByCountry("AT")
		require.Equal(t, market.Code("at"), m.Code)
	})
}

func TestSaveRefuses(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := market.New(d, settings.Watch(d), settings.Bump)
		for field, spoil := range map[string]func(*market.Market){
			"code":               func(m *market.Market) { m.Code = "../de" },
			"name":               func(m *market.Market) { m.Name = "" },
			"state":              func(m *market.Market) { m.State = "ajar" },
			"countries":          func(m *market.Market) { m.Countries = nil },
			"currency":           func(m *market.Market) { m.Currency = "euro" },
			"languages":          func(m *market.Market) { m.Languages = []string{"de-DE"} },
			"zone":               func(m *market.Market) { m.Zone = "Europe/Bonn" },
			"incoterm":           func(m *market.Market) { m.Incoterm = "FOB" },
			"factor":             func(m *market.Market) { m.Factor = money.MustRate("0") },
			"rounding.step":      func(m *market.Market) { m.Rounding.Step = 0 },
			"rounding.ending":    func(m *market.Market) { m.Rounding.Ending = 100 },
			"rounding.direction": func(m *market.Market) { m.Rounding.Direction = "sideways" },
		} {
			m := germany()
			spoil(&m)
			err := d.Write(t.Context(), func(tx *db.Tx) error { return s.Save(tx, m) })
			require.Equal(t, fault.Invalid, fault.Of(err).Kind, field)
			require.Contains(t, fault.Of(err).Fields, field)
		}
		require.Empty(t, s.All())
	})
}

func TestWorkdays(t *testing.T) {
	for _, tt := range []struct {
		country market.Country
		from    string
		n       int
		want    string
	}{
		{"DE", "2026-11-27", 1, "2026-11-30"},
		{"DE", "2026-12-23", 2, "2026-12-28"}, // 25 and 26 December
		{"GB", "2026-12-24", 1, "2026-12-29"}, // Boxing Day on a Saturday is kept on Monday
		{"NL", "2026-04-24", 1, "2026-04-28"}, // King's Day
		{"US", "2026-11-25", 1, "2026-11-27"}, // Thanksgiving
		{"CN", "2026-09-30", 1, "2026-10-08"}, // National Day
		{"ID", "2026-03-17", 1, "2026-03-25"}, // Nyepi and Eid
		{"MY", "2026-11-06", 1, "2026-11-10"}, // Deepavali on a Sunday is kept on Monday
		{"DE", "2027-03-25", 1, "2027-03-30"}, // Easter
		{"FR", "2026-07-13", 1, "2026-07-15"}, // the national day
		{"IT", "2026-07-13", 1, "2026-07-14"}, // no table, no holidays
		{"DE", "no day", 1, "no day"},
	} {
		require.Equal(t, tt.want, market.AddWorkdays(tt.country, tt.from, tt.n), "%s %s", tt.country, tt.from)
	}
	name, ok := market.Holiday("DE", "2026-10-03")
	require.True(t, ok)
	require.Equal(t, "Day of German Unity", name)
	require.Equal(t, 31, market.DaysBetween("2026-10-25", "2026-11-25"))
}
