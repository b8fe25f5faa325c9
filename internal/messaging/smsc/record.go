package smsc

import (
	"encoding/json"
	"sync"
	"time"

	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/sms"
)

// Submit is one submit_sm as it came over the wire.
type Submit struct {
	At       time.Time    `json:"at"`
	ID       string       `json:"id"` // as answered; "" when refused
	Account  string       `json:"account"`
	From     string       `json:"from"`
	To       string       `json:"to"`
	Text     string       `json:"text"` // of this part
	Ref      int          `json:"ref"`
	Part     int          `json:"part"`  // 1 for a text of one part
	Total    int          `json:"total"` // 1 for a text of one part
	Encoding sms.Encoding `json:"encoding"`
	Status   smpp.Status  `json:"status"` // 0 when accepted
	State    smpp.State   `json:"state"`  // what became of it; "" until then
	DoneAt   time.Time    `json:"done_at,omitzero"`
}

// Count says how often one whole text was accepted for one phone.
type Count struct {
	To    string    `json:"to"`
	From  string    `json:"from"`
	Text  string    `json:"text"`
	Times int       `json:"times"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

type entry struct {
	at      time.Time
	id      string
	account string
	message *smpp.Message
	status  smpp.Status
	state   smpp.State
	doneAt  time.Time
}

// record keeps the last submits, as a ring once it is full.
type record struct {
	limit int
	mu    sync.Mutex
	ring  []*entry
	next  int
}

func (r *record) add(e entry) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ring) < r.limit {
		r.ring = append(r.ring, &e)
		return &e
	}
	r.ring[r.next] = &e
	r.next = (r.next + 1) % r.limit
	return &e
}

func (r *record) done(e *entry, state smpp.State, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.state, e.doneAt = state, at
}

// each calls f for what is on record, oldest first.
func (r *record) each(f func(e *entry)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.ring {
		f(r.ring[(r.next+i)%len(r.ring)])
	}
}

// Submits are the last Config.KeepSubmits parts that came over the wire, oldest first, refused ones too.
func (s *Server) Submits() []Submit {
	out := []Submit{}
	s.record.each(func(e *entry) {
		p := e.message.Piece()
		out = append(out, Submit{
			At: e.at, ID: e.id, Account: e.account, From: e.message.From.Addr, To: number(e.message.To.Addr),
			Text: sms.Decode(p.DCS, p.Body), Ref: int(p.Ref), Part: max(1, p.Part), Total: max(1, p.Total),
			Encoding: sms.EncodingOf(p.DCS), Status: e.status, State: e.state, DoneAt: e.doneAt,
		})
	})
	return out
}

// Counts are the texts among the submits on record, each once, in the order of their first coming. A long
// text counts when all its parts were accepted; when they come again, it counts again.
func (s *Server) Counts() []Count {
	type key struct{ to, from, text string }
	out := []Count{}
	place := map[key]int{}
	joiner := sms.NewJoiner(s.cfg.KeepSubmits)
	s.record.each(func(e *entry) {
		if e.status != smpp.OK {
			return
		}
		m := e.message
		text, whole := joiner.Add(m.From.Addr, m.To.Addr, m.Piece(), e.at)
		if !whole {
			return
		}
		k := key{number(m.To.Addr), m.From.Addr, text}
		i, known := place[k]
		if !known {
			i = len(out)
			place[k] = i
			out = append(out, Count{To: k.to, From: k.from, Text: text, First: e.at})
		}
		out[i].Times++
		out[i].Last = e.at
	})
	return out
}

// Times is how often a whole text was accepted for a phone, whatever the sender.
func (s *Server) Times(to, text string) (n int) {
	for _, c := range s.Counts() {
		if c.To == number(to) && c.Text == text {
			n += c.Times
		}
	}
	return n
}

// Snapshot is everything the server knows as JSON: at, addr, plan, totals, phones with their texts, counts
// and submits. A test reads there what was on the wire.
func (s *Server) Snapshot() []byte {
	type phone struct {
		Phone
		Texts []Text `json:"texts"`
	}
	phones := []phone{}
	for _, p := range s.Phones() {
		phones = append(phones, phone{p, s.Messages(p.Number)})
	}
	b, err := json.Marshal(struct {
		At      time.Time `json:"at"`
		Addr    string    `json:"addr"`
		Plan    Plan      `json:"plan"`
		Totals  Totals    `json:"totals"`
		Phones  []phone   `json:"phones"`
		Counts  []Count   `json:"counts"`
		Submits []Submit  `json:"submits"`
	}{s.clock.Now(), s.Addr(), s.Plan(), s.Totals(), phones, s.Counts(), s.Submits()})
	if err != nil {
		panic(err) // only values that JSON can write
	}
	return b
}
