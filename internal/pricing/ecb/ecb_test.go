package ecb_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/pricing/ecb"
)

func TestGet(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/rates", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<Cube/>") })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/rates", http.StatusFound) })
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "<Cube>")
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	read := func(path string) (string, error) {
		body, err := ecb.Get(t.Context(), s.URL+path)
		if err != nil {
			return "", err
		}
		defer body.Close()
		all, err := io.ReadAll(body)
		return string(all), err
	}
	for _, path := range []string{"/rates", "/moved"} {
		got, err := read(path)
		require.NoError(t, err, path)
		require.Equal(t, "<Cube/>", got)
	}
	for _, path := range []string{"/none", "/round", "/cut"} {
		_, err := read(path)
		require.Error(t, err, path)
	}
	s.Close()
	_, err := read("/rates")
	require.Error(t, err)
}
