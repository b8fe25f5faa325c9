package pricing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

const ecbXML = `<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
	<Cube>
		<Cube time="2026-11-20"><Cube currency="USD" rate="1.1612"/><Cube currency="GBP" rate="0.8791"/><Cube currency="JPY" rate="180.12"/></Cube>
		<Cube time="2026-11-19"><Cube currency="USD" rate="1.1580"/><Cube currency="GBP" rate="0.8800"/></Cube>
	</Cube>
</gesmes:Envelope>`

func TestReadRates(t *testing.T) {
	for name, tt := range map[string]struct{ file, source, want string }{
		"90 days of XML":   {ecbXML, "", "6 EUR/USD 1.1612 2026-11-20 ecb|6 EUR/GBP 0.8791 2026-11-20 ecb|6 EUR/JPY 180.12 2026-11-20 ecb|7 EUR/USD 1.158 2026-11-19 ecb|7 EUR/GBP 0.88 2026-11-19 ecb"},
		"another prefix":   {`<e:Envelope xmlns:e="u" xmlns:f="v"><f:Cube><f:Cube time='2026-11-20'><f:Cube currency='USD' rate='1.1612'/></f:Cube></f:Cube></e:Envelope>`, "", "1 EUR/USD 1.1612 2026-11-20 ecb"},
		"history as CSV":   {"Date,USD,CYP,JPY,\n2026-11-20,1.1612,N/A,180.12,\n2026-11-19,1.158,N/A,,\n", "", "2 EUR/USD 1.1612 2026-11-20 ecb|2 EUR/JPY 180.12 2026-11-20 ecb|3 EUR/USD 1.158 2026-11-19 ecb"},
		"one day as CSV":   {"Date, USD, JPY, \r\n20 November 2026, 1.1612, 180.12, \r\n", "", "2 EUR/USD 1.1612 2026-11-20 ecb|2 EUR/JPY 180.12 2026-11-20 ecb"},
		"plain":            {"day,base,quote,rate\n2026-11-20,USD,AED,3.6725\n", "bank letter", "2 USD/AED 3.6725 2026-11-20 bank letter"},
		"plain and source": {"\ufeffday,base,quote,rate,source\n2026-11-20,USD,AED,3.6725,peg\n2026-11-20,USD,SAR,3.75,\n", "", "2 USD/AED 3.6725 2026-11-20 peg|3 USD/SAR 3.75 2026-11-20 file"},
	} {
		rates, err := pricing.ReadRates(strings.NewReader(tt.file), tt.source)
		require.NoError(t, err, name)
		var got []string
		for _, r := range rates {
			got = append(got, fmt.Sprintf("%d %s/%s %s %s %s", r.Line, r.Base, r.Quote, r.Rate, r.Day, r.Source))
		}
		require.Equal(t, tt.want, strings.Join(got, "|"), name)
	}
}

func TestUnusableRateFiles(t *testing.T) {
	for name, tt := range map[string]struct {
		file string
		want string // line column code
	}{
		"empty":          {"", "1 file pricing.file_empty"},
		"blank":          {" \t", "1 file pricing.file_empty"},
		"XML of another": {"<html><body>404</body></html>", "1 file pricing.file_empty"},
		"XML broken off": {ecbXML[:500], "7 file pricing.file_unreadable"},
		"Latin-1":        {"day,base,quote,rate,source\n2026-11-20,USD,AED,3.6725,Z\xfcrich\n", "2 file pricing.file_not_utf8"},
		"another head":   {"a,b\n1,2\n", "1 file pricing.file_head"},
		"short line":     {"day,base,quote,rate\n2026-11-20,USD\n", "2 file pricing.columns_differ"},
		"every column":   {"day,base,quote,rate\n20.11.2026,us,USD,1,1\n2026-11-20,USD,USD,0\n2026-11-20,USD,EUR,1e3\n", "2 file pricing.columns_differ|3 quote pricing.currency_form|3 rate pricing.rate_positive|4 rate pricing.rate_positive"},
		"no day":         {`<Cube><Cube currency="USD" rate="-1"/></Cube>`, "1 day pricing.day_form|1 rate pricing.rate_positive"},
		"a quote left":   {"day,base,quote,rate\n\"2026-11-20,USD,AED,3.67\n", "2 file pricing.file_unreadable"},
	} {
		_, err := pricing.ReadRates(strings.NewReader(tt.file), "")
		require.ErrorIs(t, err, pricing.ErrRateFile, name)
		require.Equal(t, fault.Invalid, fault.Of(err).Kind, name)
		var got []string
		for _, f := range pricing.RateFaults(err) {
			got = append(got, fmt.Sprintf("%d %s %s", f.Line, f.Column, f.Code))
		}
		require.Equal(t, tt.want, strings.Join(got, "|"), name)
	}
}

func TestImportRates(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		bring := func(file, by string) (sum pricing.ImportedRates, err error) {
			rates, err := pricing.ReadRates(strings.NewReader(file), "")
			require.NoError(t, err)
			err = d.Write(t.Context(), func(tx *db.Tx) error { sum, err = s.prices.ImportRates(tx, rates, by); return err })
			return sum, err
		}
		sum, err := bring(ecbXML, "")
		require.NoError(t, err)
		require.Equal(t, pricing.ImportedRates{Read: 5, Kept: 5, Pairs: 3, First: "2026-11-19", Last: "2026-11-20"}, sum)
		sum, err = bring(ecbXML, "")
		require.NoError(t, err)
		require.Zero(t, sum.Kept)

		_, err = bring("day,base,quote,rate\n2026-11-20,USD,AED,3.6725\n2026-11-23,EUR,USD,1.31\n2026-12-24,EUR,GBP,0.88\n2026-11-23,EUR,JPY,181\n2026-11-23,EUR,JPY,182\n", "")
		require.Equal(t, []pricing.RateFault{{3, "rate", "1.31", "pricing.rate_jump"}, {4, "day", "2026-12-24", "pricing.day_future"}, {6, "rate", "182", "pricing.rate_twice"}}, pricing.RateFaults(err))
		require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
			all, err := s.prices.LatestRates(tx)
			require.Len(t, all, 3, "a file with faults leaves nothing behind")
			return err
		}))

		_, err = bring("day,base,quote,rate\n2026-11-23,EUR,USD,1.31\n2026-11-24,EUR,USD,1.32\n", "Mei")
		require.NoError(t, err)
		require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
			q, err := s.prices.Rate(tx, "USD", "GBP", "2026-11-22")
			require.NoError(t, err)
			require.Equal(t, pricing.Quotation{Rate: money.MustRate("0.757061660351"), Day: "2026-11-20", Source: "ecb"}, q, "a Sunday takes Friday's; through the euro")
			all, err := s.prices.RateHistory(tx, "EUR", "USD", 10)
			require.NoError(t, err)
			require.Len(t, all, 4)
			require.Equal(t, []string{"1.32", "2026-11-24", "file", "Mei"}, []string{all[0].Rate.String(), all[0].Day, all[0].Source, all[0].By})
			require.Equal(t, []int{0, 1, 4, 5}, []int{all[0].Age, all[1].Age, all[2].Age, all[3].Age})
			return nil
		}))
	})
}

// A jump inside the file is found too, however the file is sorted.
func TestImportFindsJumpInside(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		rates, err := pricing.ReadRates(strings.NewReader("Date,TRY,\n2026-11-20,55.0,\n2026-11-19,49.0,\n2026-11-18,48.5,\n"), "")
		require.NoError(t, err)
		err = d.Write(t.Context(), func(tx *db.Tx) error { _, err := s.prices.ImportRates(tx, rates, ""); return err })
		require.Equal(t, []pricing.RateFault{{2, "rate", "55", "pricing.rate_jump"}}, pricing.RateFaults(err))
	})
}

func FuzzReadRates(f *testing.F) {
	f.Add(ecbXML)
	f.Add("Date,USD,\n2026-11-20,1.1\n")
	f.Add("day,base,quote,rate\n2026-11-20,EUR,USD,1.1\n")
	f.Fuzz(func(t *testing.T, file string) {
		rates, err := pricing.ReadRates(strings.NewReader(file), "")
		if (err == nil) != (len(rates) > 0) {
			t.Fatalf("%d rates and %v", len(rates), err)
		}
	})
}
