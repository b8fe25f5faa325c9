package app

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
)

// Another system can verify what it is told; what it refuses is a failure, and it isn't followed elsewhere.
func TestCalls(t *testing.T) {
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	check, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	dbtest.Each(t, nil, func(t *testing.T, d *db.DB) {
		status, heard := http.StatusOK, 0
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			heard++
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.NoError(t, check.VerifyIgnoringTimestamp(body, r.Header))
			require.Equal(t, `{"step":"x"}`, string(body))
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}))
		defer other.Close()
		call, err := (&App{DB: d}).calls(secret)
		require.NoError(t, err)
		require.NoError(t, call(t.Context(), other.URL, "run-x-1", []byte(`{"step":"x"}`)))
		for _, status = range []int{http.StatusFound, http.StatusGone, http.StatusServiceUnavailable} {
			require.Error(t, call(t.Context(), other.URL, "run-x-1", []byte(`{"step":"x"}`)))
		}
		require.Equal(t, 4, heard)
	})
}
