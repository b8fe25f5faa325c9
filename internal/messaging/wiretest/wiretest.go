// Package wiretest is the other end for tests of message providers: a server on loopback that answers as it is
// told, also badly.
package wiretest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/messaging"
)

// Answer is what the server says to a request.
type Answer struct {
	Status int
	Header map[string]string
	Body   string
	Cut    bool // the line breaks in the middle of the body
	Drop   bool // the line breaks before the first word
	Hang   bool // no word ever comes
}

// Request is what the server was asked.
type Request struct {
	Method, URI string
	Header      http.Header
	Body        string
}

// Server answers every request by its Answer and remembers what was asked.
type Server struct {
	URL    string
	mu     sync.Mutex
	answer func(Request) Answer
	asked  []Request
}

// New returns a server that runs as long as the test.
func New(t testing.TB) *Server {
	s := &Server{answer: func(Request) Answer { return Answer{Status: 500} }}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		q := Request{r.Method, r.URL.RequestURI(), r.Header, string(body)}
		s.mu.Lock()
		s.asked = append(s.asked, q)
		a := s.answer(q)
		s.mu.Unlock()
		for k, v := range a.Header {
			w.Header().Set(k, v)
		}
		switch {
		case a.Hang:
			<-r.Context().Done()
			return
		case a.Drop:
			panic(http.ErrAbortHandler)
		case a.Cut:
			w.Header().Set("Content-Length", "100000")
			w.WriteHeader(a.Status)
			io.WriteString(w, a.Body)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(a.Status)
		io.WriteString(w, a.Body)
	}))
	s.URL = web.URL
	t.Cleanup(func() { web.CloseClientConnections(); web.Close() })
	return s
}

// Say makes the server answer so from now on.
func (s *Server) Say(a Answer) { s.Do(func(Request) Answer { return a }) }

// Do makes the server answer by f from now on.
func (s *Server) Do(f func(Request) Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// Asked are the requests so far.
func (s *Server) Asked() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.asked...)
}

// Last is the newest request.
func (s *Server) Last(t testing.TB) Request {
	all := s.Asked()
	require.NotEmpty(t, all, "nothing was asked")
	return all[len(all)-1]
}

// Now is the hour of all tests.
var Now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// Tools are those of a line in a test.
func Tools(provider string) messaging.Tools {
	return messaging.Tools{Now: func() time.Time { return Now }, Hook: "https://shop.example/in/" + provider + "/main", Brand: "Miana",
		Keys: func(purpose string) [][]byte { return [][]byte{[]byte("a key of 32 bytes for " + purpose)} }}
}

// Open opens an account with a provider at the server.
func (s *Server) Open(t testing.TB, p messaging.Provider, a messaging.ProviderAccount) messaging.Line {
	a.Provider = p.Name
	if a.Base == "" {
		a.Base = s.URL
	}
	l, err := p.Open(a, Tools(p.Name))
	require.NoError(t, err)
	return l
}

// Unknown is the trouble of rows in which nobody knows whether the message left.
const Unknown messaging.Trouble = "unknown"

// Row is an answer of a provider to a message and what it means.
type Row struct {
	Name string
	Answer
	Trouble messaging.Trouble // empty: taken
	Code    string            // empty: any
	After   time.Duration
}

// Refusals are the rows that hold for everybody who speaks HTTP.
func Refusals() []Row {
	return []Row{
		{"busy", Answer{Status: 429, Header: map[string]string{"Retry-After": "7"}, Body: "slow down"}, messaging.Again, "429", 7 * time.Second},
		{"closed for now", Answer{Status: 503, Body: "<html>"}, messaging.Again, "", 0},
		{"who are you", Answer{Status: 401, Body: "{}"}, messaging.Account, "", 0},
		{"not you", Answer{Status: 403, Body: "{"}, messaging.Account, "", 0},
		{"no such page", Answer{Status: 404, Body: "not here"}, messaging.Setup, "", 0},
		{"moved", Answer{Status: 302, Header: map[string]string{"Location": "http://127.0.0.1:1/"}}, messaging.Setup, "", 0},
		{"bad", Answer{Status: 400, Body: "\xff\x00"}, messaging.OtherRoute, "", 0},
		{"half a no", Answer{Status: 400, Body: `{"code`, Cut: true}, messaging.OtherRoute, "", 0},
		{"broken inside", Answer{Status: 500, Body: "oops"}, Unknown, "", 0},
		{"gateway waited", Answer{Status: 504}, Unknown, "", 0},
		{"request waited", Answer{Status: 408}, Unknown, "", 0},
		{"a yes that is no answer", Answer{Status: 200, Body: "<html>welcome to the hotel</html>"}, Unknown, "", 0},
		{"a yes without a word", Answer{Status: 200}, Unknown, "", 0},
		{"a yes of null", Answer{Status: 200, Body: "null"}, Unknown, "", 0},
		{"a yes of nothing", Answer{Status: 200, Body: "{}"}, Unknown, "", 0},
		{"half a yes", Answer{Status: 200, Body: `{"sid":"SM1","messages":[{"id`, Cut: true}, Unknown, "", 0},
		{"hung up", Answer{Drop: true}, Unknown, "", 0},
	}
}

// Table sends p once per row and checks what is made of the answer, then over a line that never answers and to a
// server that isn't there.
func (s *Server) Table(t *testing.T, l messaging.Line, p messaging.Parcel, rows []Row) {
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			s.Say(row.Answer)
			_, err := l.Send(t.Context(), p)
			Check(t, err, row.Trouble, row.Code, row.After)
		})
	}
	t.Run("never answers", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s.Do(func(Request) Answer { cancel(); return Answer{Hang: true} })
		_, err := l.Send(ctx, p)
		Check(t, err, Unknown, "", 0)
	})
}

// Check compares an error of Send with what it should mean.
func Check(t testing.TB, err error, want messaging.Trouble, code string, after time.Duration) {
	no, refused := errors.AsType[*messaging.Refusal](err)
	switch want {
	case "":
		require.NoError(t, err)
	case Unknown:
		require.Error(t, err)
		require.False(t, refused, "%v says that it did not leave", err)
	default:
		require.True(t, refused, "%v is no refusal", err)
		require.Equal(t, want, no.Trouble, "%v", err)
		if code != "" {
			require.Equal(t, code, no.Code)
		}
		if after != 0 {
			require.Equal(t, after, no.After)
		}
	}
}
