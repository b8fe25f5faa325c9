package storefront

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhoFollowsALink(t *testing.T) {
	const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1"
	for _, c := range []struct {
		method, agent, header, value string
		person                       bool
	}{
		{"GET", phone, "", "", true},
		{"HEAD", phone, "", "", false},
		{"GET", "", "", "", false},
		{"GET", "facebookexternalhit/1.1", "", "", false},
		{"GET", "WhatsApp/2.23.20.0", "", "", false},
		{"GET", "Mozilla/5.0 (compatible; Googlebot/2.1)", "", "", false},
		{"GET", phone, "Sec-Purpose", "prefetch;prerender", false},
		{"GET", phone, "Purpose", "prefetch", false},
		{"GET", phone, "X-Moz", "prefetch", false},
		{"GET", phone, "Sec-Fetch-Mode", "navigate", true},
	} {
		r := httptest.NewRequest(c.method, "/l/abc", nil)
		r.Header.Set("User-Agent", c.agent)
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		require.Equal(t, c.person, followed(r), c)
	}
}
