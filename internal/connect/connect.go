// Package connect is where other systems tell us what happened: webhooks of payment and message providers and of
// other shops.
// It verifies who speaks before it believes a word, keeps what came before it answers, and hands it on.
//
// What a statement means for an order is decided by the packages it is handed to.
package connect

import (
	"context"
	"net/http"
	"sync"
	"time"

	"portolan/internal/beside"
	"portolan/internal/db"
	"portolan/internal/inbox"
	"portolan/internal/payment"
	"portolan/internal/snapshot"
	"portolan/internal/web"
)

// Payments is satisfied by payment.Service.
type Payments interface {
	Webhook(ctx context.Context, psp string, header map[string][]string, body []byte) error
}

var _ Payments = (*payment.Service)(nil)

// Parts are what the hooks are built on.
type Parts struct {
	DB       *db.DB
	Payments Payments
	Inbox    *inbox.Inbox
	Beside   *beside.Service
	Versions snapshot.Versions
	Lines    Lines // nil: no message providers
	Mails    Mails // nil: no mail comes in this way
}

// Hooks is the handler of everything that comes in.
type Hooks struct {
	Parts
	mux     *http.ServeMux
	sources *snapshot.Of[Sources]

	mu     sync.Mutex
	counts map[Count]int64
}

// Count names a counter: which way in, and what was answered: taken, again, nothing, refused, too_large,
// failed.
type Count struct{ Source, Answer string }

// New returns the handler of all hooks, to be mounted at /in/. It registers with the inbox what is done with
// deliveries, so it is called before the queue runs. Every route is on this page.
func New(p Parts) *Hooks {
	h := &Hooks{Parts: p, mux: http.NewServeMux(), counts: map[Count]int64{}}
	h.sources = snapshot.New(p.DB, func() int64 { return p.Versions.Version(sourcesKey) }, loadSources)
	p.Inbox.Handle(generic, h.deal)
	h.mux.Handle("POST /in/fakepsp", h.counted("fakepsp", h.payment("fakepsp")))
	h.mux.Handle("POST /in/generic", h.counted(generic, h.generic))
	h.mux.Handle("POST /in/generic/{account}", h.counted(generic, h.generic))
	h.lines()
	if h.Mails != nil {
		h.mux.Handle("POST /in/bounces/{account}", h.tallied("bounces", h.mail))
	}
	h.mux.Handle("/in/", web.Handler(func(http.ResponseWriter, *http.Request) error { return web.ErrNoPage }))
	return h
}

// ServeHTTP takes a delivery.
func (h *Hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Counts is what was answered since the process began.
func (h *Hooks) Counts() map[Count]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[Count]int64, len(h.counts))
	for k, n := range h.counts {
		all[k] = n
	}
	return all
}

// hook takes a body and says what came of it.
type hook func(w http.ResponseWriter, r *http.Request, body []byte) (answer string, err error)

// counted is tallied for a sender that wants to hear no more than that all is well.
func (h *Hooks) counted(source string, f hook) http.Handler {
	return h.tallied(source, func(w http.ResponseWriter, r *http.Request, body []byte) (string, error) {
		answer, err := f(w, r, body)
		if err == nil {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Write([]byte("ok\n"))
		}
		return answer, err
	})
}

// tallied reads the body, as it is and at most web.MaxBody of it, before anything is looked at, and counts what was
// answered.
func (h *Hooks) tallied(source string, f hook) http.Handler {
	return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		body, err := web.Body(w, r)
		answer := ""
		if err == nil {
			answer, err = f(w, r, body)
		}
		if err != nil {
			answer = map[int]string{http.StatusUnauthorized: "refused", http.StatusRequestEntityTooLarge: "too_large", http.StatusNotFound: "refused"}[web.Status(err)]
		}
		if answer == "" {
			answer = "failed"
		}
		h.mu.Lock()
		h.counts[Count{source, answer}]++
		h.mu.Unlock()
		return err
	})
}

// payment hands a provider's webhook to the ledger, which verifies it, keeps each fact once and answers when it
// is kept.
func (h *Hooks) payment(psp string) hook {
	return func(_ http.ResponseWriter, r *http.Request, body []byte) (string, error) {
		return "taken", h.Payments.Webhook(r.Context(), psp, r.Header, body)
	}
}

// tolerance is how far a delivery's time may be from ours, both ways.
const tolerance = 300 * time.Second
