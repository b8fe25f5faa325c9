package smsc

import (
	"cmp"
	"container/list"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"portolan/internal/id"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/sms"
)

// Phone is a handset of the network.
type Phone struct {
	Number   string    `json:"number"` // digits, without +
	Name     string    `json:"name"`   // as given to AddPhone
	Country  string    `json:"country"`
	Operator string    `json:"operator"`
	Count    int       `json:"count"`         // texts in memory
	Last     time.Time `json:"last,omitzero"` // of the last text; zero before the first
}

// Direction is seen from the phone.
type Direction string

const (
	Received Direction = "received"
	Written  Direction = "written"
)

// TextState is how far a text has come.
type TextState string

const (
	OnPhone TextState = "delivered" // received by the phone
	OnWay   TextState = "sent"      // written, not taken by the client yet
	Taken   TextState = "taken"     // written, and the client has it
)

// Text is a whole text on a phone, long ones joined.
type Text struct {
	ID          string       `json:"id"`
	Direction   Direction    `json:"direction"`
	From        string       `json:"from"`
	To          string       `json:"to"`
	Text        string       `json:"text"`
	Parts       int          `json:"parts"`
	Encoding    sms.Encoding `json:"encoding"`
	At          time.Time    `json:"at"` // submitted, or written
	State       TextState    `json:"state"`
	DeliveredAt time.Time    `json:"delivered_at,omitzero"` // on the phone, or taken by the client; zero before
	OneWay      bool         `json:"one_way"`               // the sender can't be answered
}

// Event says that a text came to a phone, was written on it, or changed its state.
type Event struct {
	Phone string `json:"phone"`
	Text  Text   `json:"text"`
}

// handsets keeps phones and their texts, the longest unused given up first.
type handsets struct {
	cfg Config

	mu     sync.Mutex
	phones map[string]*handset
	recent *list.List // of *handset that may be given up, latest in front
	joiner *sms.Joiner
	ears   map[chan Event]bool
}

type handset struct {
	Phone
	texts []Text
	place *list.Element // nil: made by AddPhone, kept
}

func newHandsets(cfg Config) *handsets {
	return &handsets{
		cfg: cfg, phones: map[string]*handset{}, recent: list.New(), joiner: sms.NewJoiner(1000), ears: map[chan Event]bool{},
	}
}

func number(s string) string { return strings.TrimPrefix(s, "+") }

// AddPhone makes a phone that is there before its first text and is never given up. Number, with or without
// +, and Name and Country are taken from p; an empty Country is the operator's.
func (s *Server) AddPhone(p Phone) error {
	p.Number = number(p.Number)
	if !isNumber(p.Number) {
		return fmt.Errorf("%q: %w", p.Number, ErrNumber)
	}
	h := s.handsets
	h.mu.Lock()
	defer h.mu.Unlock()
	phone := h.phone(p.Number, s.operator(p.Number))
	if phone.place != nil {
		h.recent.Remove(phone.place)
		phone.place = nil
	}
	phone.Name, phone.Country = p.Name, cmp.Or(p.Country, phone.Country)
	return nil
}

// Phones are all handsets, the last used first, then by number.
func (s *Server) Phones() []Phone {
	h := s.handsets
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]Phone, 0, len(h.phones))
	for _, p := range h.phones {
		out = append(out, p.Phone)
	}
	slices.SortFunc(out, func(a, b Phone) int { return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Number, b.Number)) })
	return out
}

// Messages are the texts on a phone, oldest first; none if there is no such phone.
func (s *Server) Messages(phone string) []Text {
	h := s.handsets
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.phones[number(phone)]; p != nil {
		return slices.Clone(p.texts)
	}
	return nil
}

// Subscribe tells what happens on the phones until ctx ends, when the channel is closed. A reader that
// falls 256 events behind misses some; the phones themselves don't.
func (s *Server) Subscribe(ctx context.Context) <-chan Event {
	h := s.handsets
	ear := make(chan Event, 256)
	h.mu.Lock()
	h.ears[ear] = true
	h.mu.Unlock()
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.ears, ear)
		close(ear)
	})
	return ear
}

// receive takes a part that arrived; the text appears when it is whole.
func (h *handsets) receive(e *entry, o *Operator, at time.Time) {
	m := e.message
	from, to, piece := m.From.Addr, number(m.To.Addr), m.Piece()
	h.mu.Lock()
	text, whole := h.joiner.Add(from, to, piece, at)
	h.mu.Unlock()
	if !whole {
		return
	}
	t := Text{
		ID: id.New("mt"), Direction: Received, From: from, To: to, Text: text, Parts: max(1, piece.Total),
		Encoding: sms.EncodingOf(piece.DCS), At: e.at, State: OnPhone, DeliveredAt: at,
	}
	if _, payload := m.TLVs.Get(smpp.TagPayload); payload {
		t.Parts = sms.Count(text).Parts
	}
	if o != nil && o.Overwrite != "" {
		t.From, t.OneWay = o.Overwrite, true
	}
	t.OneWay = t.OneWay || strings.Trim(number(t.From), "0123456789") != ""
	h.put(to, o, t)
}

func (h *handsets) put(phone string, o *Operator, t Text) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.phone(phone, o)
	if len(p.texts) >= h.cfg.KeepTexts {
		p.texts = slices.Delete(p.texts, 0, len(p.texts)-h.cfg.KeepTexts+1)
	}
	p.texts = append(p.texts, t)
	p.Count, p.Last = len(p.texts), latest(t.At, t.DeliveredAt)
	if p.place != nil {
		h.recent.MoveToFront(p.place)
	}
	h.tell(Event{phone, t})
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (h *handsets) taken(phone, text string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.phones[phone]
	if p == nil {
		return
	}
	for i := range p.texts {
		if p.texts[i].ID == text {
			p.texts[i].State, p.texts[i].DeliveredAt = Taken, at
			h.tell(Event{phone, p.texts[i]})
		}
	}
}

// phone finds or makes a handset.
func (h *handsets) phone(number string, o *Operator) *handset {
	if p := h.phones[number]; p != nil {
		return p
	}
	if h.recent.Len() >= h.cfg.KeepPhones {
		oldest := h.recent.Back()
		h.recent.Remove(oldest)
		delete(h.phones, oldest.Value.(*handset).Number)
	}
	p := &handset{Phone: Phone{Number: number}}
	if o != nil {
		p.Country, p.Operator = o.Country, o.Name
	}
	p.place = h.recent.PushFront(p)
	h.phones[number] = p
	return p
}

func (h *handsets) tell(e Event) {
	for ear := range h.ears {
		select {
		case ear <- e:
		default:
		}
	}
}
