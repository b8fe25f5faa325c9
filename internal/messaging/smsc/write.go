package smsc

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"portolan/internal/id"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/sms"
)

// Letter is what somebody writes on a phone.
type Letter struct {
	From, To string // numbers, with or without +
	Text     string
	Long     smpp.Long // how it travels if it has several parts
	Shuffled bool      // its parts come in any order
	Doubled  bool      // each part comes twice
}

// Inbound is a letter that is written by itself: first After the start, then Every so often, Times in all. In From
// and Text, {n} stands for its number, from 1.
type Inbound struct {
	From     string        `json:"from"`
	To       string        `json:"to"`
	Text     string        `json:"text"`
	After    time.Duration `json:"after"`
	Every    time.Duration `json:"every"`
	Times    int           `json:"times"` // 0 is 1
	Long     smpp.Long     `json:"long"`
	Shuffled bool          `json:"shuffled"`
	Doubled  bool          `json:"doubled"`
}

// Reply lets the owner of a phone write to a sender. The text goes to the client that last wrote as this
// sender, in parts if it is long, and waits if that client isn't bound. Errors: ErrNumber, ErrOneWay,
// ErrNobody, sms.ErrTooLong.
func (s *Server) Reply(from, to, text string) (Text, error) {
	return s.Write(Letter{From: from, To: to, Text: text})
}

// Write is Reply with a say in how the text travels.
func (s *Server) Write(l Letter) (Text, error) {
	from, to := number(l.From), number(l.To)
	if !isNumber(from) {
		return Text{}, fmt.Errorf("from %q: %w", from, ErrNumber)
	}
	operator := s.operator(from)
	if to == "" || strings.Trim(to, "0123456789") != "" || (operator != nil && operator.Overwrite == to) {
		return Text{}, fmt.Errorf("to %q: %w", to, ErrOneWay)
	}
	n := s.ids.Add(1)
	parts, encoding, err := l.parts(from, to, uint16(n))
	if err != nil {
		return Text{}, err
	}
	owner, err := s.owner(to)
	if err != nil {
		return Text{}, err
	}
	t := Text{
		ID: id.New("mo"), Direction: Written, From: from, To: to, Text: l.Text, Parts: len(parts),
		Encoding: encoding, At: s.clock.Now(), State: OnWay,
	}
	s.handsets.put(from, operator, t)
	if l.Doubled {
		parts = append(parts, parts...)
	}
	if l.Shuffled {
		order := rand.New(rand.NewPCG(s.cfg.Seed, digest(parts[0])))
		order.Shuffle(len(parts), func(i, k int) { parts[i], parts[k] = parts[k], parts[i] })
	}
	left := len(parts)
	for _, m := range parts {
		owner.deliver(&delivery{message: m, kind: forReply, taken: func(at time.Time) {
			s.handsets.mu.Lock()
			left--
			last := left == 0
			s.handsets.mu.Unlock()
			if last {
				s.handsets.taken(from, t.ID, at)
			}
		}})
	}
	return t, nil
}

// parts are the bodies of the deliver_sm that carry a letter.
func (l Letter) parts(from, to string, ref uint16) ([]*smpp.Message, sms.Encoding, error) {
	base := smpp.Message{From: smpp.Address{TON: 1, NPI: 1, Addr: from}, To: smpp.Address{TON: 1, NPI: 1, Addr: to}}
	return smpp.Cut(base, l.Text, l.Long, false, ref)
}

// recite has a letter written again and again. What can't be written, as long as nobody listens, is left out.
func (s *Server) recite(in Inbound) {
	var write func(n int, at time.Time)
	write = func(n int, at time.Time) {
		s.schedule.add(at, func(at time.Time) {
			count := strconv.Itoa(n)
			s.Write(Letter{From: strings.ReplaceAll(in.From, "{n}", count), To: in.To, Text: strings.ReplaceAll(in.Text, "{n}", count),
				Long: in.Long, Shuffled: in.Shuffled, Doubled: in.Doubled})
			if n < in.Times {
				write(n+1, at.Add(in.Every))
			}
		})
	}
	write(1, s.clock.Now().Add(in.After))
}
