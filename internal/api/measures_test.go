package api_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMeasuresAsATable(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("messages:write", "measures:read")
		h := header{"Authorization": "Bearer " + text, "Content-Type": "application/json"}
		a := r.call("POST", "/v1/messages", h, `{"key": "w1", "to": "+4915123456789", "channel": "sms", "market": "de", "lang": "de", "template": "cart", "link": "http://shop/x", "vars": {"code": "A", "pct": "5"}}`)
		require.Equal(t, 202, a.Code, a.Body.String())
		a = r.call("GET", "/v1/measures/csv?market=de", h, "")
		require.Equal(t, 200, a.Code, a.Body.String())
		require.Equal(t, "text/csv", a.Header().Get("Content-Type"))
		lines := strings.Split(a.Body.String(), "\r\n")
		require.True(t, strings.HasPrefix(lines[0], "market,template,class,channel,provider,route,sent,"))
		require.True(t, strings.HasPrefix(lines[1], "de,cart,promotional,sms,,,0,0,0,0,0,0,1,"), lines[1])
		a = r.call("GET", "/v1/measures/csv?market=us", h, "")
		require.Equal(t, 2, len(strings.Split(a.Body.String(), "\r\n")), "the heads only: %s", a.Body)
		other, _ := r.key("messages:read")
		require.Equal(t, 403, r.call("GET", "/v1/measures", header{"Authorization": "Bearer " + other}, "").Code)
	})
}
