package smpp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"portolan/internal/messaging/sms"
)

// Submit is one text to one phone.
type Submit struct {
	From string // digits with or without +, or letters
	To   string // E.164
	Text string

	Key string // the caller's name for the text, for Handler.Late

	// Within is how long the text may wait here for a line, for room in the window and for a network that throttles,
	// before it is given back as ErrNotSent or ErrRetry; 0 is as long as Config says.
	Within time.Duration

	Receipt  bool          // ask for a delivery receipt
	Validity time.Duration // how long the network may try; 0 is its default
	Long     Long          // how it goes if it has several parts; "" is Config.Long
	TLVs     TLVs          // registration fields and the like, sent with every part

	// Ref is the number that joins the parts of a long text; 0 takes the client's next one. A text of which
	// some parts were accepted is completed by the same Ref and their ids in Accepted (as returned: "" for
	// parts that are still to go).
	Ref      uint16
	Accepted []string
}

// Submit sends the parts of m and waits for the answers. It returns the network's id of each part in order;
// on an error "" stands for parts that were not accepted or whose outcome isn't known. The error unwraps to
// ErrNotSent, ErrRetry, ErrBadNumber, ErrConfig, ErrOtherRoute, ErrUnknown, ErrField or sms.ErrTooLong; when
// parts fail differently, to the one that forbids most. Throttled parts are tried again for Config.RetryFor.
func (c *Client) Submit(ctx context.Context, m Submit) (ids []string, err error) {
	parts, err := c.parts(m)
	if err != nil {
		return nil, err
	}
	ids = make([]string, len(parts))
	copy(ids, m.Accepted)
	open := make([]int, 0, len(parts))
	for i, id := range ids {
		if id == "" {
			open = append(open, i)
		}
	}
	leave := ctx
	if m.Within > 0 {
		var stop context.CancelFunc
		leave, stop = context.WithTimeout(ctx, m.Within)
		defer stop()
	}
	var budget *time.Timer
	for round := 0; ; round++ {
		refused, final := c.round(ctx, leave, m.Key, parts, open, ids)
		if len(final) > 0 || len(refused) == 0 {
			return ids, worst(append(final, refused.errors()...))
		}
		if c.cfg.RetryFor < 0 {
			return ids, worst(refused.errors())
		}
		if budget == nil {
			budget = time.NewTimer(c.cfg.RetryFor)
			defer budget.Stop()
		}
		if len(refused) < len(parts) {
			leave = ctx // a part is on its way: the others go after it
		}
		pause := min(5*time.Millisecond<<min(round, 8), 500*time.Millisecond)
		again := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-again.C:
		case <-budget.C:
			again.Stop()
			return ids, worst(refused.errors())
		case <-leave.Done():
			again.Stop()
			return ids, worst(refused.errors())
		}
		open = open[:0]
		for _, r := range refused {
			open = append(open, r.part)
		}
	}
}

type refusals []struct {
	part int
	err  error
}

func (r refusals) errors() (errs []error) {
	for _, e := range r {
		errs = append(errs, e.err)
	}
	return errs
}

// round sends the open parts in order until leave ends, without waiting between them, and then collects the answers.
func (c *Client) round(ctx, leave context.Context, key string, parts []*Message, open []int, ids []string) (refused refusals, final []error) {
	type flight struct {
		s    *session
		call *call
	}
	flights := make([]flight, len(open))
	for n, i := range open {
		if n > 0 {
			leave = ctx // what was begun is finished
		}
		s, call, err := c.start(leave, parts[i], key, i+1)
		if err != nil {
			final = append(final, fmt.Errorf("part %d: %w", i+1, err))
			break
		}
		flights[n] = flight{s, call}
	}
	for n, i := range open {
		f := flights[n]
		if f.call == nil {
			break
		}
		id, err := c.await(ctx, f.s, f.call)
		switch {
		case err == nil:
			ids[i] = id
		case errors.Is(err, ErrRetry):
			refused = append(refused, struct {
				part int
				err  error
			}{i, err})
		default:
			final = append(final, err)
		}
	}
	return refused, final
}

// start puts one part on the wire of a present session, or of the next one if it comes soon enough.
func (c *Client) start(ctx context.Context, m *Message, key string, part int) (*session, *call, error) {
	if ctx.Err() != nil || !c.pace.wait(ctx) {
		return nil, nil, fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
	}
	var patience *time.Timer
	for {
		s, other, changed := c.pick()
		if s != nil {
			var elsewhere chan struct{}
			if other != nil {
				elsewhere = other.slots
			}
			select {
			case s.slots <- struct{}{}:
			case elsewhere <- struct{}{}:
				s = other
			case <-s.done:
				continue
			case <-ctx.Done():
				return nil, nil, fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
			}
			call := &call{submit: true, key: key, part: part}
			err := s.request(PDU{Command: SubmitSM, Body: m}, call)
			if err == nil {
				c.submitted.Add(1)
				return s, call, nil
			}
			<-s.slots
			if !errors.Is(err, ErrNotSent) {
				return nil, nil, err
			}
		}
		if patience == nil {
			patience = time.NewTimer(c.cfg.BindWait)
			defer patience.Stop()
		}
		select {
		case <-changed:
		case <-patience.C:
			return nil, nil, fmt.Errorf("%w: no bind with %s: %v", ErrNotSent, c.cfg.Name, c.Err())
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
		}
	}
}

// await returns the id that the far end gave the part.
func (c *Client) await(ctx context.Context, s *session, call *call) (string, error) {
	patience := time.NewTimer(c.cfg.AnswerIn)
	defer patience.Stop()
	var a answer
	select {
	case a = <-call.answered:
	case <-ctx.Done():
		a = s.giveUp(call, ctx.Err())
	case <-patience.C:
		a = s.giveUp(call, errSilent)
	}
	if a.err != nil {
		if errors.Is(a.err, ErrUnknown) {
			c.unknown.Add(1)
		}
		return "", fmt.Errorf("part %d: %w", call.part, a.err)
	}
	if a.pdu.Command == GenericNack || a.pdu.Status != OK {
		r := &Refusal{Status: a.pdu.Status, Part: call.part}
		if r.Status == Throttled || r.Status == QueueFull {
			c.throttled.Add(1)
			c.pace.complained()
		}
		return "", r
	}
	c.pace.accepted()
	body, _ := a.pdu.Body.(*Answer)
	if body == nil || body.ID == "" {
		c.unknown.Add(1)
		return "", fmt.Errorf("part %d: %w: accepted without an id", call.part, ErrUnknown)
	}
	c.accepted.Add(1)
	return body.ID, nil
}

func (s *session) giveUp(c *call, why error) answer {
	if s.abandon(c) {
		return answer{err: fmt.Errorf("%w: %w", ErrUnknown, why)}
	}
	return <-c.answered
}

// parts turns a text into the bodies of its PDUs.
func (c *Client) parts(m Submit) ([]*Message, error) {
	base := Message{From: source(m.From), To: destination(m.To), Validity: relative(m.Validity), TLVs: m.TLVs}
	if m.Receipt {
		base.Registered = 1
	}
	long := or(m.Long, c.cfg.Long)
	out, _, err := Cut(base, m.Text, long, c.cfg.Latin1, c.reference(m.Ref, long == Header16 || long == SAR))
	if err == nil && len(m.Accepted) > 0 && len(m.Accepted) != len(out) {
		return nil, fmt.Errorf("%d ids for %d parts: %w", len(m.Accepted), len(out), ErrField)
	}
	return out, err
}

// Cut writes a text as one message or as several that only differ from base in what the text needs. Those of a long
// text carry ref. The error is sms.ErrTooLong.
func Cut(base Message, text string, long Long, latin1 bool, ref uint16) ([]*Message, sms.Encoding, error) {
	way := sms.Way{Wide: long == Header16, Bare: long == SAR, Latin1: latin1}
	if long == Payload {
		e := way.Count(text).Encoding
		base.Coding = e.Coding()
		if body := sms.Encode(text, e); len(body) <= 140 {
			base.Short = body
		} else if len(body) > 0xFFFF {
			return nil, e, sms.ErrTooLong
		} else {
			base.TLVs = base.with(TLV{TagPayload, body})
		}
		return []*Message{&base}, e, nil
	}
	cut, err := way.Split(text, ref)
	if err != nil {
		return nil, "", err
	}
	out := make([]*Message, len(cut))
	for i, p := range cut {
		part := base
		part.Coding, part.Short = p.DCS, p.Body
		switch {
		case p.Header != nil:
			part.Class, part.Short = ClassHeader, p.Payload()
		case !p.Alone():
			part.TLVs = base.with(TLV{TagSARRef, []byte{byte(p.Ref >> 8), byte(p.Ref)}},
				TLV{TagSARTotal, []byte{byte(p.Total)}}, TLV{TagSARPart, []byte{byte(p.Part)}})
		}
		out[i] = &part
	}
	return out, sms.EncodingOf(cut[0].DCS), nil
}

// with are a message's fields and more; the message keeps its own.
func (m *Message) with(more ...TLV) TLVs {
	return append(m.TLVs[:len(m.TLVs):len(m.TLVs)], more...)
}

// reference is the number that joins parts, never 0 so that 0 can stand for none.
func (c *Client) reference(ref uint16, wide bool) uint16 {
	for ref == 0 {
		ref = uint16(c.refs.Add(1))
		if !wide {
			ref &= 0xFF
		}
	}
	return ref
}

// source gives letters the type 5/0 and numbers 1/1.
func source(from string) Address {
	digits := strings.TrimPrefix(from, "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return Address{TON: 5, Addr: from}
	}
	return Address{TON: 1, NPI: 1, Addr: digits}
}

func destination(to string) Address {
	return Address{TON: 1, NPI: 1, Addr: strings.TrimPrefix(to, "+")}
}
