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
	at        time.Time
	id        string
	account   string
	message   *smpp.Message
	status    smpp.Status
	state     smpp.State
	doneAt    time.Time
	cancelled bool
}

// record keeps the last submits, as a ring once it is full.
type record struct {
	limit int
	mu    sync.Mutex
	ring  []*entry
	next  int
	byID  map[string]*entry // accepted ones, by the id as answered
}

func (r *record) add(e entry) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID == nil {
		r.byID = map[string]*entry{}
	}
	if e.id != "" {
		r.byID[e.id] = &e
	}
	if len(r.ring) < r.limit {
		r.ring = append(r.ring, &e)
		return &e
	}
	delete(r.byID, r.ring[r.next].id)
	r.ring[r.next] = &e
	r.next = (r.next + 1) % r.limit
	return &e
}

// find returns what an account submitted, by the id in the answer.
func (r *record) find(account, id string) (*entry, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.byID[id]
	return e, e != nil && e.account == account
}

// state is what became of a submit, "" before its end.
func (r *record) state(e *entry) (smpp.State, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return e.state, e.doneAt
}

// cancel keeps a text from arriving, unless it has.
func (r *record) cancel(e *entry) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.state != "" || e.cancelled {
		return false
	}
	e.cancelled = true
	return true
}

// end notes the end of a submit, which is another one if it was cancelled.
func (r *record) end(e *entry, state smpp.State, at time.Time) smpp.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.cancelled {
		state = smpp.Deleted
	}
	e.state, e.doneAt = state, at
	return state
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
	s.record.each(func(e *entry) { out = append(out, e.submit()) })
	return out
}

// Latest are the last n of Submits, the latest first.
func (s *Server) Latest(n int) []Submit {
	r := s.record
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []Submit{}
	for i := range min(n, len(r.ring)) {
		out = append(out, r.ring[(r.next+2*len(r.ring)-1-i)%len(r.ring)].submit())
	}
	return out
}

func (e *entry) submit() Submit {
	p := e.message.Piece()
	return Submit{
		At: e.at, ID: e.id, Account: e.account, From: e.message.From.Addr, To: number(e.message.To.Addr),
		Text: sms.Decode(p.DCS, p.Body), Ref: int(p.Ref), Part: max(1, p.Part), Total: max(1, p.Total),
		Encoding: sms.EncodingOf(p.DCS), Status: e.status, State: e.state, DoneAt: e.doneAt,
	}
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
