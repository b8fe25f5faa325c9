package checkout

import (
	"encoding/json"
	"slices"
	"sync"
)

// mostRead is how many carts' bodies of one age are kept as they were read.
const mostRead = 128

// readings remembers what the texts of carts said that were read lately: a shopper on the way to paying has the same
// text read several times a minute, and reading a quote takes longer than fetching it. A text is compared whole, so
// what is remembered can't be out of date.
type readings struct {
	mu         sync.Mutex
	young, old map[string]reading
}

type reading struct {
	text string
	body body
}

var lately readings

// read is what a cart's text says. Quotes are shared and never changed; everything else is the caller's own.
func (r *readings) read(cart, text string) (b body, err error) {
	r.mu.Lock()
	known, ok := r.young[cart]
	if !ok {
		known, ok = r.old[cart]
	}
	r.mu.Unlock()
	if !ok || known.text != text {
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			return b, err
		}
		known = reading{text, b}
		r.keep(cart, known)
	}
	return known.body.own(), nil
}

// own is a body whose lists nobody else changes.
func (b body) own() body {
	b.Lines, b.Consents, b.Tries = slices.Clone(b.Lines), slices.Clone(b.Consents), slices.Clone(b.Tries)
	return b
}

func (r *readings) keep(cart string, one reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.young == nil || len(r.young) >= mostRead {
		r.old, r.young = r.young, make(map[string]reading, mostRead)
	}
	r.young[cart] = one
}
