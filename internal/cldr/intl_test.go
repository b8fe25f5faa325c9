package cldr_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/cldr"
	"portolan/internal/money"
)

// questions are put to Node's Intl and to us.
type questions struct {
	Tags       []string    `json:"tags"`
	Money      [][2]string `json:"money"` // decimal text, currency
	Numbers    []int64     `json:"numbers"`
	Percents   []string    `json:"percents"`
	Times      []string    `json:"times"`
	Ranges     [][2]string `json:"ranges"`
	Counts     []int64     `json:"counts"`
	Countries  []string    `json:"countries"`
	Currencies []string    `json:"currencies"`
	Languages  []string    `json:"languages"`
	Lists      [][]string  `json:"lists"`
}

var asked = questions{
	Money: [][2]string{
		{"49.99", "EUR"}, {"-49.99", "EUR"}, {"0", "EUR"}, {"1234.5", "USD"}, {"1234567.89", "GBP"}, {"499000", "IDR"}, {"499000.50", "IDR"}, {"-0.4", "TWD"},
		{"1234", "JPY"}, {"-1234567", "JPY"}, {"12.345", "KWD"}, {"8990", "HUF"}, {"12345.67", "MYR"}, {"0.05", "CNY"}, {"-12345.6", "CHF"}, {"100000", "VND"}, {"1234", "PLN"},
	},
	Numbers:   []int64{0, 7, -7, 999, 1000, 9999, 10000, -123456, 1234567, 9007199254740991},
	Percents:  []string{"0", "0.05", "0.075", "0.19", "1", "12.5", "-0.2", "0.08875"},
	Times:     []string{"2026-01-05T00:05:09Z", "2026-03-28T12:00:00Z", "2026-05-31T13:30:00Z", "2026-09-02T23:59:59Z", "2027-12-25T05:07:00Z", "2026-08-15T18:45:00Z"},
	Ranges:    [][2]string{{"2026-11-28T00:00:00Z", "2026-12-03T00:00:00Z"}, {"2026-11-03T00:00:00Z", "2026-11-08T00:00:00Z"}, {"2026-12-29T00:00:00Z", "2027-01-04T00:00:00Z"}, {"2026-05-05T00:00:00Z", "2026-05-05T00:00:00Z"}},
	Counts:    []int64{0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 19, 20, 21, 22, 25, 99, 100, 101, 102, 103, 111, 1000, 1000000, 2000000},
	Countries: []string{"US", "DE", "GB", "ID", "MY", "CN", "AE", "SA", "AT", "IE", "HK", "TR", "XK"}, Currencies: []string{"USD", "EUR", "GBP", "IDR", "MYR", "CNY", "SAR"},
	Languages: []string{"en", "de", "id", "ms", "ar", "fr", "zh", "tr", "en-GB", "de-AT"},
	Lists:     [][]string{{"S"}, {"S", "M"}, {"S", "M", "L"}, {"S", "M", "L", "XL"}},
}

func answers(t *testing.T, tag string) map[string]string {
	l, a := cldr.For(tag), map[string]string{}
	for _, m := range asked.Money {
		amount, err := money.Parse(m[0], money.Currency(m[1]))
		require.NoError(t, err)
		a["money "+m[0]+" "+m[1]] = l.Money(amount)
	}
	for _, n := range asked.Numbers {
		a[fmt.Sprint("number ", n)] = l.Number(n)
	}
	for _, p := range asked.Percents {
		a["percent "+p] = l.Percent(money.MustRate(p))
	}
	for _, iso := range asked.Times {
		at, err := time.Parse(time.RFC3339, iso)
		require.NoError(t, err)
		for name, style := range map[string]cldr.Style{
			"short": cldr.Short, "medium": cldr.Medium, "long": cldr.Long, "full": cldr.Full, "day": cldr.Day, "weekday": cldr.Weekday, "month": cldr.Month,
		} {
			a["date "+name+" "+iso] = l.Date(at, style)
		}
		a["time "+iso] = l.Time(at)
		for name, style := range map[string]cldr.Style{"short": cldr.Short, "medium": cldr.Medium, "long": cldr.Long} {
			a["datetime "+name+" "+iso] = l.DateTime(at, style)
		}
	}
	for _, r := range asked.Ranges {
		from, _ := time.Parse(time.RFC3339, r[0])
		to, _ := time.Parse(time.RFC3339, r[1])
		a["range "+r[0]+" "+r[1]] = l.DateRange(from, to)
	}
	for _, n := range asked.Counts {
		a[fmt.Sprint("plural ", n)] = l.Plural(n)
	}
	for _, c := range asked.Countries {
		a["country "+c] = l.CountryName(c)
	}
	for _, c := range asked.Currencies {
		a["currency "+c] = l.CurrencyName(c)
	}
	for _, c := range asked.Languages {
		a["language "+c] = l.LanguageName(c)
	}
	for _, words := range asked.Lists {
		a["list "+strings.Join(words, "|")] = l.List(words)
	}
	return a
}

// known differences, by locale and kind, with the reason why they stay.
var known = map[string]string{
	"fr-CH money": "the tables' 48.2 groups with an apostrophe, node's 48.0 with a space", "fr-CH number": "as money", "fr-CH percent": "as money",
	"ko-KR time": "node's 48.0 has English AM and PM", "ko-KR datetime": "as time",
	"cs-CZ range": "Intl takes the pattern with a numeric month", "fi-FI range": "as cs-CZ", "ja-JP range": "as cs-CZ", "pt-PT range": "as cs-CZ",
	"zh-CN range": "as cs-CZ", "zh-HK range": "as cs-CZ", "zh-TW range": "as cs-CZ",
	"he-IL list": "Intl puts a hyphen before a word in Latin letters",
}

// Node's Intl is built from the same CLDR by other people: what both say is right.
func TestAgainstIntl(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node isn't installed: no second opinion on the tables")
	}
	asked.Tags = cldr.Tags()
	question, err := json.Marshal(asked)
	require.NoError(t, err)
	script, err := os.ReadFile("testdata/intl.mjs")
	require.NoError(t, err)
	cmd := exec.Command(node, "--input-type=module", "-e", string(script))
	cmd.Stdin = bytes.NewReader(question)
	raw, err := cmd.Output()
	require.NoError(t, err)
	var theirs struct {
		CLDR    string                       `json:"cldr"`
		Answers map[string]map[string]string `json:"answers"`
	}
	require.NoError(t, json.Unmarshal(raw, &theirs))
	if !strings.HasPrefix(theirs.CLDR, "48") {
		t.Skipf("node has CLDR %s; the tables are of release 48", theirs.CLDR)
	}
	same, differ := 0, 0
	for _, tag := range asked.Tags {
		for key, ours := range answers(t, tag) {
			want, ok := theirs.Answers[tag][key]
			require.True(t, ok, key)
			if ours == want {
				same++
				continue
			}
			differ++
			kind, _, _ := strings.Cut(key, " ")
			if known[tag+" "+kind] == "" {
				t.Errorf("%s %s: %q, Intl says %q", tag, key, ours, want)
			}
		}
	}
	t.Logf("%d of %d equal", same, same+differ)
}
