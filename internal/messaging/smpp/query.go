package smpp

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Progress is what a network knows of a part it took.
type Progress struct {
	State State
	Done  time.Time // in the network's zone, read as UTC; zero before the end
	Code  string    // the network's reason; "" or "0" is none
}

// Query asks what became of a part: its id as Submit returned it, and the sender it went out from. Many networks don't
// answer it. The errors are those of Submit; a *Refusal with InvalidID or QueryFailed says that the network knows no
// such part any more.
func (c *Client) Query(ctx context.Context, id, from string) (Progress, error) {
	p, err := c.ask(ctx, PDU{Command: QuerySM, Body: &Question{ID: id, From: source(from)}})
	if err != nil {
		return Progress{}, err
	}
	o, ok := p.Body.(*Outcome)
	if !ok || o.State == 0 {
		return Progress{}, fmt.Errorf("%w: an answer without a state", ErrUnknown)
	}
	return Progress{State: stateOfCode(o.State), Done: When(o.Final, time.Time{}), Code: fmt.Sprint(o.Code)}, nil
}

// Cancel takes a part back that has not reached the phone yet. A *Refusal with CancelFailed or InvalidID says that it
// is too late.
func (c *Client) Cancel(ctx context.Context, id, from, to string) error {
	_, err := c.ask(ctx, PDU{Command: CancelSM, Body: &Question{Cancel: true, ID: id, From: source(from), To: destination(to)}})
	return err
}

// ask sends a request that takes no place in the window and waits for its answer.
func (c *Client) ask(ctx context.Context, p PDU) (PDU, error) {
	s, _, _ := c.pick()
	if s == nil {
		return PDU{}, fmt.Errorf("%w: no bind with %s: %v", ErrNotSent, c.cfg.Name, c.Err())
	}
	call := &call{}
	if err := s.request(p, call); err != nil {
		return PDU{}, err
	}
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
		return PDU{}, a.err
	}
	if a.pdu.Status != OK {
		return a.pdu, &Refusal{Status: a.pdu.Status}
	}
	if a.pdu.Command != p.Command.Resp() {
		return a.pdu, errors.Join(ErrUnknown, ErrBroken)
	}
	return a.pdu, nil
}
