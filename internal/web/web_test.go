package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"portolan/internal/fault"
	"portolan/internal/web"
)

type order struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

func TestReadNamesWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name, kind, body string
		status           int
		want             string
	}{
		{"good", "application/json", `{"sku":"a","quantity":1}`, 200, ``},
		{"charset", "application/json; charset=utf-8", `{"sku":"a"}`, 200, ``},
		{"form", "application/x-www-form-urlencoded", `sku=a`, 415, `web.content_type`},
		{"none", "", `{}`, 415, `web.content_type`},
		{"broken", "application/json", `{"sku":`, 422, `web.unreadable_body`},
		{"two values", "application/json", `{} {}`, 422, `web.unreadable_body`},
		{"unknown field", "application/json", `{"colour":"red"}`, 422, `"colour":"unknown_field"`},
		{"wrong type", "application/json", `{"quantity":"many"}`, 422, `"quantity":"must_be_int"`},
		{"too large", "application/json", `{"sku":"` + strings.Repeat("x", web.MaxBody) + `"}`, 413, `web.body_too_large`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := web.Handler(func(w http.ResponseWriter, r *http.Request) error {
				v, err := web.Read[order](w, r)
				if err != nil {
					return err
				}
				return web.JSON(w, 200, v)
			})
			r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.kind)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			require.Equal(t, tt.status, w.Code)
			require.Contains(t, w.Body.String(), tt.want)
		})
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	for k := fault.Internal; k <= fault.Unavailable; k++ {
		require.NotZero(t, web.Status(fault.New(k, "x.y")), "kind %d", k)
	}
	require.Equal(t, 500, web.Status(errors.New("disk")))
}

func TestAssets(t *testing.T) {
	a, err := web.NewAssets("/assets/", fstest.MapFS{"shop.css": {Data: []byte(strings.Repeat("a{}", 400))}})
	require.NoError(t, err)
	get := func(path, enc, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", enc)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	w := get(a.Path("shop.css"), "gzip", "")
	require.Equal(t, "gzip", w.Header().Get("Content-Encoding"))
	require.Contains(t, w.Header().Get("Cache-Control"), "immutable")
	require.Equal(t, 304, get(a.Path("shop.css"), "", w.Header().Get("Etag")).Code)
	require.Equal(t, 1200, get("/assets/shop.css", "", "").Body.Len())
	require.Equal(t, 404, get("/assets/../go.mod", "", "").Code)
}

func TestCacheFillsOnceAndForgetsFailures(t *testing.T) {
	c := web.NewCache(1 << 20)
	fills := 0
	serve := func(fail bool) int {
		w := httptest.NewRecorder()
		err := c.Serve(w, httptest.NewRequest("GET", "/", nil), "text/html", "k", func() ([]byte, error) {
			fills++
			if fail {
				return nil, errors.New("no database")
			}
			return []byte("page"), nil
		})
		if err != nil {
			return web.Status(err)
		}
		return w.Code
	}
	require.Equal(t, 500, serve(true))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if serve(false) != 200 {
				t.Error("not served")
			}
		})
	}
	all.Wait()
	require.Equal(t, 2, fills)
}

func TestGuardTurnsPanicIntoAnswer(t *testing.T) {
	w := httptest.NewRecorder()
	web.Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("bug") })).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	require.Equal(t, 500, w.Code)
	require.NotContains(t, w.Body.String(), "bug")
}

// What is made beside the rest answers once it is there; what can't be made answers as a failure.
func TestSoon(t *testing.T) {
	made := make(chan struct{})
	h := web.Soon(func() (http.Handler, error) {
		<-made
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), nil
	})
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(impatient))
	require.NotEqual(t, http.StatusTeapot, w.Code, "not there yet")
	close(made)
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	require.Equal(t, http.StatusTeapot, w.Code)
	w = httptest.NewRecorder()
	web.Soon(func() (http.Handler, error) { return nil, errors.New("no document") }).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	require.Equal(t, http.StatusInternalServerError, w.Code)
}
