package i18n_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/i18n"
	"portolan/internal/money"
)

func TestSay(t *testing.T) {
	de, ar := i18n.For("de-AT"), i18n.For("ar")
	require.Equal(t, "Weiter", de.T("common.next"))
	require.Equal(t, "Seite 1.234 von 5", i18n.For("de").T("common.page", "page", 1234, "pages", 5))
	require.Equal(t, "1 day", i18n.For("en-GB").N("common.days", 1))
	require.Equal(t, "منتجان", ar.N("common.items", 2))
	require.Equal(t, "\u20683\u2069 منتجات", ar.N("common.items", 3))
	require.Equal(t, "rtl", ar.Dir())
	require.Equal(t, "de-AT", de.Tag())
	require.Equal(t, "de", de.Lang())
	require.Equal(t, "49,99\u00a0EUR", i18n.For("de-DE").Money(money.Of(4999, "EUR")))
}
