package i18n_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/cldr"
	"portolan/internal/fault"
	"portolan/internal/i18n"
	"portolan/internal/money"
)

func TestSay(t *testing.T) {
	de, ar := i18n.For("de-AT"), i18n.For("ar")
	require.Equal(t, "Weiter", de.T("common.next"))
	require.Equal(t, "Seite 1.234 von 5", i18n.For("de").T("common.page", "page", 1234, "pages", 5))
	require.Equal(t, "1 day", i18n.For("en-GB").N("common.days", 1))
	require.Equal(t, "1,000 days", i18n.For("en-GB").N("common.days", 1000))
	require.Equal(t, "3 to 5 days", i18n.For("en-GB").N("common.days_range", 5, "from", 3))
	require.Equal(t, "منتجان", ar.N("common.items", 2))
	require.Equal(t, "\u20683\u2069 منتجات", ar.N("common.items", 3), "arguments are isolated in text from right to left")
	asked := ar.T("console.because_and", "event", "أعطى", "asked", "أقل من 3")
	require.Equal(t, "\u2068أعطى\u2069 (\u2068أقل من 3\u2069)", asked)
	require.Equal(t, "السبب: \u2067"+asked+"\u2069", ar.T("console.because", "cause", asked), "what was put together runs the way of its language")
	require.Equal(t, "rtl", ar.Dir())
	require.Equal(t, "de-AT", de.Tag())
	require.Equal(t, "de", de.Lang())
	require.Equal(t, "49,99\u00a0EUR", i18n.For("de-DE").Money(money.Of(4999, "EUR")))
	require.Equal(t, "Nov 3, 2026 to EUR 5.00", cldr.Plain(i18n.For("en").T("common.from_to", "from", time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC), "to", money.Of(500, "EUR"))))
	require.Equal(t, "<b> to 19%", i18n.For("en").T("common.from_to", "from", "<b>", "to", money.Percent(19)), "escaping is the page's business")
	require.Equal(t, "de-LI", i18n.For("de-LI").Tag())
	require.Equal(t, "\u2068PT-1\u2069", i18n.Isolate("PT-1"))
}

// A reader never sees a key or a placeholder, whatever is missing; it is counted instead.
func TestMissing(t *testing.T) {
	before := i18n.Misses()
	de := i18n.For("de")
	require.Equal(t, "Already paid", de.T("nowhere.order.already_paid"))
	require.Equal(t, "3 Parcels", de.N("nowhere.parcels", 3))
	require.Equal(t, "Seite  von 5", de.T("common.page", "pages", 5))
	require.Equal(t, "Seite  von 5", de.T("common.page", "pages", 5, "page"))
	require.Equal(t, "", de.T(""))
	require.Equal(t, before+5, i18n.Misses())
	require.EqualValues(t, 1, i18n.Missing()["de nowhere.parcels"])
	for i := range 3000 {
		de.T(fmt.Sprint("nowhere.visitor_", i))
	}
	require.LessOrEqual(t, len(i18n.Missing()), 1000)
	fr := i18n.For("fr-BE")
	require.Equal(t, "Next", fr.T("common.next"))
	require.Equal(t, "en", fr.Lang(), "never half French, half English")
	require.False(t, i18n.Speaks("fr"))
	require.True(t, i18n.Speaks("DE-at"))
}

func TestFault(t *testing.T) {
	var c fault.Check
	c.That(false, "address.postcode", "required")
	c.That(false, "address.city", "no_such_code")
	summary, fields := i18n.For("de").Fault(fmt.Errorf("check: %w", c.Err("address.invalid")))
	require.Equal(t, "Bitte prüfen Sie die Adresse.", summary)
	require.Equal(t, map[string]string{"address.postcode": "Bitte ausfüllen.", "address.city": "Bitte prüfen Sie Ihre Angaben."}, fields)
	summary, fields = i18n.For("en").Fault(errors.New("disk on fire at /var"))
	require.Equal(t, "Something went wrong on our side. Please try again in a moment.", summary)
	require.Nil(t, fields)
	summary, fields = i18n.For("de").Fault(fault.New(fault.Conflict, "checkout.sold_out").With(map[string]string{"MIA-1-M": "3"}))
	require.Contains(t, summary, "ausverkauft")
	require.Nil(t, fields, "figures are no codes")
	for kind := fault.Internal; kind <= fault.Unavailable; kind++ {
		for _, lang := range i18n.Languages() {
			summary, _ = i18n.For(lang).Fault(fault.New(kind, "test.unheard_of"))
			require.NotContains(t, summary, "ault", "kind %d in %s", kind, lang)
		}
	}
	summary, _ = i18n.For("id").Fault(fault.New(fault.NotFound, "test.unheard_of"))
	require.Equal(t, "Kami tidak menemukannya.", summary)
}

func TestMatch(t *testing.T) {
	offered := []string{"en-US", "de-DE", "en-GB", "id-ID", "ms-MY", "ar"}
	for header, want := range map[string]string{
		"de":                                   "de-DE",
		"de-CH,de;q=0.9,en;q=0.5":              "de-DE",
		"fr-FR,fr;q=0.9,en-GB;q=0.3":           "en-GB",
		"en-AU":                                "en-GB",
		"en":                                   "en-US",
		"in":                                   "id-ID",
		"ar-MA":                                "ar",
		"ja":                                   "",
		"":                                     "",
		"*":                                    "",
		"%%%":                                  "",
		"de;q=x":                               "",
		strings.Repeat("de,", 5000):            "",
		"ms;q=0.1,zh;q=0.9,id-ID;q=0.5,ar;q=0": "id-ID",
	} {
		require.Equal(t, want, i18n.Match(header, offered), header)
	}
	require.Empty(t, i18n.Match("de", nil))
}

func TestPseudo(t *testing.T) {
	xa, xb := i18n.For("en-XA"), i18n.For("ar-XB")
	require.Equal(t, "en-XA", xa.Tag())
	require.Greater(t, len([]rune(xa.T("common.fault_denied"))), 40)
	require.NotEqual(t, "Next", xa.T("common.next"))
	require.Equal(t, "rtl", xb.Dir())
	require.Contains(t, xb.T("common.page", "page", 3, "pages", 5), "3")
}

func BenchmarkPlain(b *testing.B) {
	p := i18n.For("de")
	b.ReportAllocs()
	for b.Loop() {
		_ = p.T("common.next")
	}
}

func BenchmarkArguments(b *testing.B) {
	p, price := i18n.For("de"), money.Of(4999, "EUR")
	b.ReportAllocs()
	for b.Loop() {
		_ = p.T("common.from_to", "from", "a", "to", price)
	}
}

func BenchmarkFor(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = i18n.For("de-AT")
	}
}
