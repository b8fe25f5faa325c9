package web

import (
	"log/slog"
	"net/http"
)

// Soon makes a handler beside everything else, so that a program can answer before all of it is there. Requests that come
// earlier wait. One that can't be made is logged, and answers as what failed.
func Soon(build func() (http.Handler, error)) http.Handler {
	s := &soon{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		if s.handler, s.err = build(); s.err != nil {
			slog.Error("a part of the program could not begin", "err", s.err)
		}
	}()
	return s
}

type soon struct {
	done    chan struct{}
	handler http.Handler
	err     error
}

// ServeHTTP implements http.Handler.
func (s *soon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.done:
	case <-r.Context().Done():
		return
	}
	if s.err != nil {
		Fail(w, r, s.err)
		return
	}
	s.handler.ServeHTTP(w, r)
}
