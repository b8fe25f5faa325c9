package cldr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/cldr"
	"portolan/internal/money"
)

func TestMoney(t *testing.T) {
	for _, c := range []struct{ tag, decimal, currency, want string }{
		{"en-US", "49.99", "EUR", "EUR 49.99"},
		{"en-US", "-49.99", "USD", "-USD 49.99"},
		{"en-GB", "1234.5", "GBP", "GBP 1,234.50"},
		{"de-DE", "49.99", "EUR", "49,99 EUR"},
		{"de-DE", "-1234.5", "EUR", "-1.234,50 EUR"},
		{"de-AT", "1234.5", "EUR", "EUR 1.234,50"},
		{"id-ID", "499000", "IDR", "IDR 499.000"},
		{"id-ID", "-499000.49", "IDR", "-IDR 499.000"},
		{"ms-MY", "129.90", "MYR", "MYR 129.90"},
		{"ar", "1234.5", "SAR", "\u200f1,234.50 SAR"},
		{"ar-EG", "1234.5", "EGP", "\u200f١٬٢٣٤٫٥٠ EGP"},
		{"ar", "-0.40", "IDR", "\u200f0 IDR"},
		{"en-US", "-0.49", "HUF", "HUF 0"},
		{"en-US", "0.50", "HUF", "HUF 1"},
		{"en-US", "12.3456", "KWD", ""},
		{"en-US", "12.345", "KWD", "KWD 12.345"},
		{"en-IN", "1234567.5", "INR", "INR 12,34,567.50"},
		{"es-ES", "1234.5", "EUR", "1234,50 EUR"},
		{"ja-JP", "1980", "JPY", "JPY 1,980"},
		{"en-US", "-92233720368547758.07", "USD", ""},
	} {
		a, err := money.Parse(c.decimal, money.Currency(c.currency))
		if c.want == "" {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, strings.ReplaceAll(cldr.For(c.tag).Money(a), "\u00a0", " "), c.tag)
	}
	require.Equal(t, "-USD 92,233,720,368,547,758.08", cldr.Plain(cldr.For("en-US").Money(money.Of(-1<<63, "USD"))), "the least amount there is")
	require.Equal(t, "\u200f1,234.50\u00a0SAR", cldr.For("ar").Money(money.Of(123450, "SAR")))
	require.Equal(t, "1,234.50 SAR", cldr.Plain(cldr.For("ar").Money(money.Of(123450, "SAR"))))
}

func TestDates(t *testing.T) {
	day := func(s string) time.Time {
		at, err := time.Parse("2006-01-02", s)
		require.NoError(t, err)
		return at
	}
	for _, c := range []struct{ tag, from, to, want string }{
		{"en-US", "2026-11-28", "2026-12-03", "Nov 28 – Dec 3"},
		{"en-US", "2026-11-03", "2026-11-08", "Nov 3 – 8"},
		{"en-US", "2026-12-29", "2027-01-04", "Dec 29, 2026 – Jan 4, 2027"},
		{"en-US", "2026-11-28", "2026-11-28", "Nov 28"},
		{"en-GB", "2026-11-28", "2026-12-03", "28 Nov – 3 Dec"},
		{"de-DE", "2026-11-28", "2026-12-03", "28. Nov. – 3. Dez."},
		{"de-DE", "2026-11-03", "2026-11-08", "3.–8. Nov."},
		{"id-ID", "2026-08-03", "2026-08-08", "3–8 Agu"},
		{"ms-MY", "2026-11-28", "2026-12-03", "28 Nov – 3 Dis"},
		{"ar", "2026-11-28", "2026-12-03", "28 نوفمبر – 3 ديسمبر"},
	} {
		require.Equal(t, c.want, cldr.Plain(cldr.For(c.tag).DateRange(day(c.from), day(c.to))), c.tag)
	}
	at := time.Date(2026, 11, 28, 14, 5, 9, 0, time.UTC)
	for _, c := range []struct{ tag, short, long, clock string }{
		{"en-US", "11/28/26", "November 28, 2026", "2:05 PM"},
		{"en-GB", "28/11/2026", "28 November 2026", "14:05"},
		{"de-DE", "28.11.26", "28. November 2026", "14:05"},
		{"id-ID", "28/11/26", "28 November 2026", "14.05"},
		{"ms-MY", "28/11/26", "28 November 2026", "2:05 PTG"},
		{"ar", "28/11/2026", "28 نوفمبر 2026", "2:05 م"},
	} {
		l := cldr.For(c.tag)
		require.Equal(t, c.short, cldr.Plain(l.Date(at, cldr.Short)), c.tag)
		require.Equal(t, c.long, l.Date(at, cldr.Long), c.tag)
		require.Equal(t, c.clock, l.Time(at), c.tag)
	}
	require.Equal(t, "28. November 2026 um 14:05", cldr.For("de").DateTime(at, cldr.Long))
}

func TestFor(t *testing.T) {
	for asked, want := range map[string]string{
		"de": "de-DE", "de-LI": "de-DE", "DE_at": "de-AT", "en": "en-US", "en-ZA": "en-GB", "en-PH": "en-US", "en-MY": "en-MY", "ar-MA": "ar", "ar-u-nu-latn": "ar",
		"zh-Hant-TW": "zh-TW", "zh-Hant": "zh-TW", "zh-Hant-HK": "zh-HK", "zh-Hans-SG": "zh-CN", "pt-AO": "pt-BR", "no": "nb-NO", "es-AR": "es-MX",
		"xx": "en-US", "": "en-US", "-": "en-US", strings.Repeat("a-", 1000): "en-US", "../digits": "en-US",
	} {
		require.Equal(t, want, cldr.For(asked).Tag(), asked)
	}
	require.Equal(t, "rtl", cldr.For("ar-AE").Dir())
	require.Equal(t, "rtl", cldr.For("he").Dir())
	require.Equal(t, "ltr", cldr.For("id").Dir())
	require.True(t, cldr.Has("de-CH"))
	require.False(t, cldr.Has("xx"))
}

func TestWords(t *testing.T) {
	de, ar := cldr.For("de"), cldr.For("ar")
	require.Equal(t, "Vereinigtes Königreich", de.CountryName("gb"))
	require.Equal(t, "QQ", de.CountryName("QQ"))
	require.Equal(t, "Indonesische Rupiah", de.CurrencyName("IDR"))
	require.Equal(t, "Deutsch", de.SelfName())
	require.Equal(t, "العربية", ar.SelfName())
	require.Equal(t, "Deutsch (Luxemburg)", de.LanguageName("de-LU"))
	require.Equal(t, "tlh", de.LanguageName("tlh"))
	require.Equal(t, "S, M und L", de.List([]string{"S", "M", "L"}))
	require.Equal(t, []string{"zero", "one", "two", "few", "many", "other"}, ar.PluralCategories())
	require.Equal(t, []string{"other"}, cldr.For("id").PluralCategories())
	require.Equal(t, "one", de.Plural(-1))
	require.Equal(t, "7,5\u00a0%", de.Percent(money.MustRate("0.075")))
	require.Equal(t, "5%", cldr.For("en").Percent(money.MustRate("0.05")))
	require.Equal(t, "1.234,5", de.Decimal(money.MustRate("1234.500")))
}

// Every locale has all it needs, and writes whatever it is given.
func TestAllTables(t *testing.T) {
	at := time.Date(2026, 11, 28, 0, 5, 9, 0, time.UTC)
	for _, tag := range cldr.Tags() {
		l := cldr.For(tag)
		require.Equal(t, tag, l.Tag())
		require.True(t, cldr.Has(tag), tag)
		for style := cldr.Short; style <= cldr.Month; style++ {
			for month := range 12 {
				s := l.Date(at.AddDate(0, month, 0), style)
				require.NotContains(t, s, "{", tag)
				require.NotEmpty(t, s)
			}
			require.NotContains(t, l.DateTime(at, style), "{")
		}
		require.NotEmpty(t, l.TimeSeconds(at))
		require.NotEqual(t, "DE", l.CountryName("DE"))
		require.NotEqual(t, l.Lang(), l.SelfName(), tag)
		require.Contains(t, l.Money(money.Of(1999, "EUR")), "EUR")
	}
}

// Whatever the amount, the digits on the page are those of the amount rounded half away from zero, with
// its sign, and nought has none.
func TestMoneyKeepsAmount(t *testing.T) {
	tags := cldr.Tags()
	rapid.Check(t, func(t *rapid.T) {
		l := cldr.For(rapid.SampledFrom(tags).Draw(t, "tag"))
		c := rapid.SampledFrom([]money.Currency{"EUR", "IDR", "JPY", "KWD", "HUF"}).Draw(t, "currency")
		minor := rapid.Int64Range(-1<<62, 1<<62).Draw(t, "minor")
		shown, zero := l.Money(money.Of(minor, c)), []rune(l.Number(0))[0]
		var got int64
		for _, r := range shown {
			if r >= zero && r <= zero+9 {
				got = got*10 + int64(r-zero)
			}
		}
		want := money.Of(minor, c).Times(money.Rate{Coef: 1, Scale: uint8(c.Digits() - cldr.Digits(c))}).Minor
		negative := strings.ContainsAny(shown, "-\u2212")
		if negative != (want < 0) {
			t.Fatalf("%s: sign of %d", shown, minor)
		}
		if negative {
			got = -got
		}
		if got != want {
			t.Fatalf("%s shows %d, not %d", shown, got, want)
		}
	})
}

func TestAllocations(t *testing.T) {
	l, price, at := cldr.For("de-DE"), money.Of(123456789, "EUR"), time.Date(2026, 11, 28, 14, 5, 9, 0, time.UTC)
	buf := make([]byte, 0, 64)
	require.Zero(t, testing.AllocsPerRun(100, func() { buf = l.AppendMoney(buf[:0], price) }))
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = l.Money(price) }), 1.0)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = l.Date(at, cldr.Medium) }), 1.0)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = l.DateRange(at, at.AddDate(0, 0, 5)) }), 1.0)
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = l.Plural(5) }))
}

func BenchmarkMoney(b *testing.B) {
	l, price := cldr.For("de-DE"), money.Of(123456789, "EUR")
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Money(price)
	}
}

func BenchmarkDateRange(b *testing.B) {
	l, at := cldr.For("de-DE"), time.Date(2026, 11, 28, 14, 5, 9, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		_ = l.DateRange(at, at.AddDate(0, 0, 5))
	}
}

func BenchmarkFor(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = cldr.For("de-DE")
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		cldr.Reload("de-DE")
	}
}
