package messaging

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

// Weights say what matters in the choice between routes into one country. A route scores
//
//	Rate x share delivered - Time x time to receipt (median, of at most a minute) - Price x price (of the dearest)
//
// and the best goes first. The share begins at 95 % and moves with what is seen, so that few receipts change little.
type Weights struct{ Rate, Time, Price float64 }

// ByDelivery are the weights where nothing else is said: one per cent more delivered outweighs a tenth of the price.
var ByDelivery = Weights{Rate: 1, Time: 0.1, Price: 0.1}

const (
	trustRate   = 0.95             // the share delivered of a route that nothing is known of
	trustCount  = 20               // how many receipts that is worth
	halfLife    = time.Hour        // of what was seen
	breakAfter  = 5                // failures in a row
	breakFor    = 30 * time.Second // after which one message is let through to see
	brokeFor    = 5 * time.Minute  // where the account has no credit
	recentTimes = 64               // times to receipt that the median is of
)

// Health is what was seen of a route lately, in this process.
type Health struct {
	Route     string
	Rate      float64 // share delivered of those with a final receipt
	Seen      float64 // receipts that is made of, older ones counting less
	Median    time.Duration
	Failures  int       // in a row, without an answer or with one that says nothing gets through
	OpenUntil time.Time // no message takes it before; zero: it is in use
}

// healths watches routes.
type healths struct {
	mu  sync.Mutex
	all map[string]*health
}

type health struct {
	delivered, failed float64
	at                time.Time // to which those are aged
	times             []time.Duration
	next              int
	failures          int
	openUntil         time.Time // whoever is let through to see moves it on for the others
}

func (h *healths) of(route string) *health {
	if h.all == nil {
		h.all = map[string]*health{}
	}
	if h.all[route] == nil {
		h.all[route] = &health{}
	}
	return h.all[route]
}

func (x *health) age(now time.Time) {
	if !x.at.IsZero() && now.After(x.at) {
		f := math.Exp2(-float64(now.Sub(x.at)) / float64(halfLife))
		x.delivered, x.failed = x.delivered*f, x.failed*f
	}
	x.at = now
}

func (x *health) rate() float64 {
	return (x.delivered + trustRate*trustCount) / (x.delivered + x.failed + trustCount)
}

func (x *health) median() time.Duration {
	if len(x.times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(x.times))
	return sorted[len(sorted)/2]
}

// answered notes an answer: nil where the provider took it.
func (h *healths) answered(route string, err error, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x := h.of(route)
	no, refused := refusal(err)
	switch {
	case err == nil, refused && has([]Trouble{BadNumber, OptedOut, Content}, no.Trouble):
		x.failures, x.openUntil = 0, time.Time{} // it works, whatever it thinks of this message
		return
	case refused && no.Trouble == Account:
		x.failures, x.openUntil = x.failures+1, now.Add(brokeFor)
	default:
		if x.failures++; x.failures >= breakAfter {
			x.openUntil = now.Add(breakFor)
		}
	}
}

// reported notes a final receipt.
func (h *healths) reported(route string, delivered bool, took time.Duration, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x := h.of(route)
	x.age(now)
	if !delivered {
		x.failed++
		return
	}
	x.delivered++
	if took <= 0 {
		return
	}
	if len(x.times) < recentTimes {
		x.times = append(x.times, took)
		return
	}
	x.times[x.next] = took
	x.next = (x.next + 1) % recentTimes
}

// best is the route of several that is tried first: not one that is broken, else by score, and of equal ones the first
// listed. One that was broken for its time lets one message through to see whether it works again; use says that this is
// a message on its way.
func (h *healths) best(routes []Route, w Weights, now time.Time, use bool) Route {
	if len(routes) == 1 {
		return routes[0]
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var dearest float64
	for _, r := range routes {
		dearest = max(dearest, float64(r.Price.Micros))
	}
	var first Route
	var top float64
	broken := true
	for i, r := range routes {
		x := h.of(r.Name)
		x.age(now)
		s := w.Rate*x.rate() - w.Time*min(1, x.median().Minutes())
		if dearest > 0 {
			s -= w.Price * float64(r.Price.Micros) / dearest
		}
		s = math.Round(s*1000) / 1000
		down := now.Before(x.openUntil)
		if i == 0 || broken && !down || broken == down && s > top {
			first, top, broken = r, s, down
		}
	}
	if x := h.of(first.Name); use && !x.openUntil.IsZero() && !broken {
		x.openUntil = now.Add(breakFor)
	}
	return first
}

// Healths tells what was seen of each route lately, in this process, by name.
func (s *Service) Healths() []Health {
	h := &s.health
	now := s.db.Clock().Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Health
	for _, r := range s.cfg.Routes {
		x := h.of(r.Name)
		x.age(now)
		v := Health{Route: r.Name, Rate: x.rate(), Seen: x.delivered + x.failed, Median: x.median(), Failures: x.failures}
		if now.Before(x.openUntil) {
			v.OpenUntil = x.openUntil
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b Health) int { return cmp.Compare(a.Route, b.Route) })
	return all
}
