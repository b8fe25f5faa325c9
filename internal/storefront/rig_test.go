package storefront_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/checkout"
	"portolan/internal/db"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// nasty is what nobody may get onto a page as markup.
const nasty = `"'><script>alert(1)</script><img src=x onerror=alert(2)>{{.}}`

var (
	errorLink = regexp.MustCompile(`<li><a href="#([^"]+)">`)
	langOf    = regexp.MustCompile(`<html lang="([^"]+)" dir="(ltr|rtl)"`)
)

// answers demands a whole page in a language with a status, on which each thing said to be wrong leads to a field
// that is there and says so itself.
func answers(t *testing.T, p apptest.Page, status int, lang string) {
	t.Helper()
	require.Equal(t, status, p.Status, "%s\n%s", p.Path, p.Text())
	require.Contains(t, p.Header.Get("Content-Type"), "text/html")
	m := langOf.FindStringSubmatch(p.Body)
	require.NotNil(t, m, p.Path)
	require.Equal(t, lang, m[1], p.Path)
	require.Equal(t, lang == "ar", m[2] == "rtl")
	require.NotEmpty(t, p.Text())
	for _, to := range errorLink.FindAllStringSubmatch(p.Body, -1) {
		require.True(t, strings.Contains(p.Body, `id="`+to[1]+`"`), "%s: the error leads nowhere: %s", p.Path, to[1])
	}
	harmless(t, p)
}

// harmless demands that nothing sent by a visitor came back as markup.
func harmless(t *testing.T, p apptest.Page) {
	t.Helper()
	for _, bad := range []string{"<script>alert", "<img src=x", `"'>`} {
		require.False(t, strings.Contains(p.Body, bad), "%s in %s", bad, p.Path)
	}
}

// counts are how many rows there are of what a visitor could have written, once what goes round by itself is done.
func counts(t *testing.T, s *apptest.Shop) string {
	t.Helper()
	s.Idle()
	var all []string
	s.Read(func(tx *db.Tx) error {
		for _, table := range []string{"carts", "customers", "orders", "messages", "inbound_messages", "jobs", "consents"} {
			n, err := db.One(tx, db.Scalar[int64], fmt.Sprintf(`select count(*) from %s`, table))
			if err != nil {
				return err
			}
			all = append(all, fmt.Sprint(table, " ", n))
		}
		return nil
	})
	return strings.Join(all, ", ")
}

// bag is the cart of a visitor.
func bag(t *testing.T, s *apptest.Shop, v *apptest.Visitor) (c checkout.Cart) {
	t.Helper()
	s.Read(func(tx *db.Tx) (err error) {
		c, err = s.Checkout.Get(tx, v.Cookie("portolan_cart"))
		return err
	})
	return c
}

// with is a form with some fields changed; an empty value stays in it as empty.
func with(form url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for k, v := range form {
		out[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}
