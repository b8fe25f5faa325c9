package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"portolan/internal/market"
	"portolan/internal/messaging"
)

// network is the phones and mailboxes: a line in this process for each provider, with the faults that are assumed.
type network struct {
	w *world

	mu     sync.Mutex
	news   []sent               // since they were last looked at
	due    []receipt            // in order
	had    map[string]time.Time // by providers that can be asked, in the last days, by attempt
	counts map[string]int64
}

// sent is a message that came to the network.
type sent struct {
	messaging.Parcel
	at       time.Time
	provider string
	refused  bool // by the phone's network, which will say so
}

// receipt is what the network will say about a message.
type receipt struct {
	at time.Time
	messaging.Receipt
}

func newNetwork(w *world) *network {
	return &network{w: w, counts: map[string]int64{}, had: map[string]time.Time{}}
}

// line is one provider as an opened shop sees it. When the shop is killed its line is dead.
type line struct {
	n          *network
	provider   string
	generation int
}

var errGone = errors.New("sim: the line is dead")

// Room implements messaging.Roomy.
func (l *line) Room() int { return 64 }

// Send implements messaging.Carrier. What becomes of a message follows from the seed and from what it says to whom.
func (l *line) Send(_ context.Context, p messaging.Parcel) (messaging.Taken, error) {
	w := l.n.w
	w.point(l.generation)
	if w.dead(l.generation) {
		return messaging.Taken{}, &messaging.Refusal{Trouble: messaging.Again, Err: errGone}
	}
	now := w.clock.Now()
	f, name := w.Behaviour.Network[l.provider], w.about(p)
	busy := w.dice.yes(f.Busy, append(name, "busy")...) && w.dice.yes(.5, append(name, now.Truncate(time.Minute))...)
	if l.out(f, now) || busy {
		l.n.count("refused by a provider that was busy or down", 1)
		return messaging.Taken{}, &messaging.Refusal{Trouble: messaging.Again, After: time.Minute, Err: errors.New("try later")}
	}
	p.Text, p.HTML = "", "" // nobody reads them, and answers to it may be weeks away
	w.keep(note{At: now, Sent: &wire{p, l.provider}})
	w.point(l.generation)
	if gone := w.dead(l.generation); !l.n.took(p, l.provider, now, gone) || gone {
		return messaging.Taken{}, errors.New("the line broke")
	}
	return messaging.Taken{IDs: []string{p.Attempt}, Parts: 1, Final: p.Channel == messaging.Email}, nil
}

// about is what the fate of a message follows from: what it says to whom, by names that stay when numbers shift.
func (w *world) about(p messaging.Parcel) []any {
	if v := w.orders[p.Vars["order"]]; v != nil {
		return []any{p.To, p.Template, v.name()}
	}
	return []any{p.To, p.Template, p.Vars["code"] != ""}
}

// took is a message that has come to a provider, who will say what became of it. It reports whether the provider's answer comes
// through, unless the shop is gone.
func (n *network) took(p messaging.Parcel, provider string, now time.Time, gone bool) bool {
	w := n.w
	f, name := w.Behaviour.Network[provider], w.about(p)
	throw := func(share float64, what string) bool { return w.dice.yes(share, append(name, what)...) }
	n.mu.Lock()
	defer n.mu.Unlock()
	vanished := throw(f.Vanished, "vanished")
	told := !vanished && p.Channel != messaging.Email && !throw(f.Lost, "lost")
	failed := told && throw(f.Failed, "failed")
	n.news = append(n.news, sent{p, now, provider, failed})
	if f.Asked {
		n.had[p.Attempt] = now
	}
	if gone {
		n.counts["answers to a shop that was killed"]++
	}
	switch {
	case vanished:
		n.counts["answers lost"]++
		return false
	case p.Channel == messaging.Email:
		return true
	case !told:
		n.counts["receipts lost"]++
		return true
	}
	state := messaging.Delivered
	if failed {
		state = messaging.Failed
		n.counts["not delivered"]++
	}
	after := w.dice.between(f.Seconds, time.Second, append(name, "receipt")...)
	if throw(f.Late, "late") {
		after *= 600
		n.counts["receipts late"]++
	}
	rc := receipt{now.Add(after), messaging.Receipt{Provider: provider, Ref: p.Attempt, Phone: p.To, State: state, At: now.Add(after)}}
	n.due = append(n.due, rc)
	if throw(f.Doubled, "doubled") {
		rc.at = rc.at.Add(3 * time.Minute)
		n.due = append(n.due, rc)
		n.counts["receipts twice"]++
	}
	return true
}

// askable is a line whose provider can be asked what it took in the last days, and knows what it didn't.
type askable struct{ line }

// Query implements messaging.Inquirer.
func (l *askable) Query(_ context.Context, attempt string, _ []string) ([]messaging.Event, error) {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	at, ok := l.n.had[attempt]
	if !ok {
		return nil, messaging.ErrNever
	}
	return []messaging.Event{{Status: &messaging.Status{Attempt: attempt, Ref: attempt, State: messaging.Sent, At: at}}}, nil
}

// out reports whether the provider is down: some stretches of each week.
func (l *line) out(f Faults, now time.Time) bool {
	day := now.Unix() / 86400
	share := f.Outages / 7
	if !l.n.w.dice.yes(share, "outage", l.provider, day) {
		return false
	}
	from := time.Unix(day*86400, 0).Add(time.Duration(l.n.w.dice.draw("outage at", l.provider, day) * float64(22*time.Hour)))
	return !now.Before(from) && now.Before(from.Add(time.Duration(f.Minutes*float64(time.Minute))))
}

func (n *network) count(what string, by int64) {
	n.mu.Lock()
	n.counts[what] += by
	n.mu.Unlock()
}

// forget lets go of what nobody will ask about.
func (n *network) forget(before time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.had, func(_ string, at time.Time) bool { return at.Before(before) })
}

// take hands out what came since it was last asked, in an order that doesn't depend on who was faster.
func (n *network) take() []sent {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.news
	n.news = nil
	slices.SortStableFunc(all, func(a, b sent) int { return cmp.Compare(a.Message, b.Message) }) // attempts of one come one after the other
	return all
}

// receipts hands out what the network has to say by now.
func (n *network) receipts(now time.Time) (all []messaging.Receipt) {
	n.mu.Lock()
	defer n.mu.Unlock()
	slices.SortFunc(n.due, func(a, b receipt) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.Ref, b.Ref)) })
	i := 0
	for i < len(n.due) && !n.due[i].at.After(now) {
		all = append(all, n.due[i].Receipt)
		i++
	}
	n.due = slices.Delete(n.due, 0, i)
	return all
}

// line is one provider's.
func (n *network) line(provider string, generation int) messaging.Carrier {
	l := line{n, provider, generation}
	if n.w.Behaviour.Network[provider].Asked {
		return &askable{l}
	}
	return &l
}

// routes are the lines of a shop: of two providers of texts in each country, and of one of mail.
func (n *network) routes(senders []messaging.SenderRecord, generation int) (all []messaging.Route) {
	for _, provider := range []string{"sim-a", "sim-b"} {
		carrier := n.line(provider, generation)
		for _, s := range senders {
			if places[strings.ToLower(string(s.Country))] == nil {
				continue
			}
			all = append(all, messaging.Route{Name: fmt.Sprintf("%s-%s", provider, s.Country), Provider: provider, Channel: messaging.SMS, Countries: []market.Country{s.Country},
				Sender: s.Value, Kind: s.Kind, Carrier: carrier})
		}
	}
	return append(all, messaging.Route{Name: "mail", Provider: "mail", Channel: messaging.Email, Sender: mailbox, Kind: messaging.Mailbox, Carrier: n.line("mail", generation)})
}
