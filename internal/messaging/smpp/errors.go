package smpp

import (
	"errors"
	"fmt"

	"portolan/internal/fault"
)

// What a submit may come to. All but ErrUnknown mean that the message was not accepted; a text of several
// parts may then have been accepted in part, see Submit.
var (
	// ErrNotSent: nothing was put on the wire; the same message may go again at once, by any route.
	ErrNotSent = fault.New(fault.Unavailable, "smpp.not_sent")
	// ErrRetry: the far end asks to come again later (throttled, queue full, system error).
	ErrRetry = fault.New(fault.Limited, "smpp.retry_later")
	// ErrBadNumber: the number doesn't exist for this network.
	ErrBadNumber = fault.New(fault.Invalid, "smpp.bad_number")
	// ErrConfig: our account, sender or bind is refused; a person has to look at the route.
	ErrConfig = fault.New(fault.Denied, "smpp.route_misconfigured")
	// ErrOtherRoute: refused for good here; another route may take it.
	ErrOtherRoute = fault.New(fault.Unavailable, "smpp.refused")
	// ErrUnknown: it was written, or may have been, and no answer came. Sending it again may double it.
	ErrUnknown = fault.New(fault.Unavailable, "smpp.outcome_unknown")
)

// Refusal is a status other than OK. It unwraps to one of the faults above.
type Refusal struct {
	Status Status
	Part   int // which part was refused, from 1; 0 is the bind or a question
}

func (r *Refusal) Error() string {
	if r.Part == 0 {
		return fmt.Sprintf("status %#x: %v", uint32(r.Status), r.Unwrap())
	}
	return fmt.Sprintf("part %d: status %#x: %v", r.Part, uint32(r.Status), r.Unwrap())
}

// Unwrap sorts the status: 0x58, 0x14 and 0x08 come again, 0x0B is the number, 0x0A the sender; the
// meaning of the last two differs between networks.
func (r *Refusal) Unwrap() error {
	switch r.Status {
	case Throttled, QueueFull, SystemError:
		return ErrRetry
	case InvalidDest:
		return ErrBadNumber
	case InvalidSource, NotBound, BindFailed, InvalidPassword, InvalidSystemID:
		return ErrConfig
	}
	return ErrOtherRoute
}

// weight orders faults of the parts of one text: what forbids most comes first.
var weight = []error{ErrUnknown, ErrConfig, ErrBadNumber, ErrField, ErrOtherRoute, ErrRetry, ErrNotSent}

// worst is the error that decides for the whole text.
func worst(errs []error) error {
	for _, w := range weight {
		for _, err := range errs {
			if errors.Is(err, w) {
				return err
			}
		}
	}
	return errors.Join(errs...)
}
