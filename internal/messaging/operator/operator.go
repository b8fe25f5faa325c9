// Package operator carries texts to a mobile network over SMPP and brings back receipts and replies: it joins
// messaging with one bind of messaging/smpp.
package operator

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/messaging"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/sms"
)

// Desk takes what comes from the network; satisfied by messaging.Service.
type Desk interface {
	TakeReceipt(ctx context.Context, r messaging.Receipt) error
	ReceivePart(tx *db.Tx, in messaging.Inbound, p sms.Piece) (messaging.Reaction, error)
	Late(tx *db.Tx, attempt string, part int, ref string) error
}

// Line is one bind to an operator, under the provider's name. It implements messaging.Carrier; keep Run running.
type Line struct {
	provider string
	db       *db.DB
	desk     Desk
	client   *smpp.Client
}

// New returns a line that doesn't connect before Run. Receipts and replies go to desk, each in a unit of work of
// its own, and are acknowledged once that is committed.
func New(d *db.DB, provider string, cfg smpp.Config, desk Desk) *Line {
	l := &Line{provider: provider, db: d, desk: desk}
	if cfg.Name == "" {
		cfg.Name = provider
	}
	l.client = smpp.New(cfg, smpp.Handler{Receipt: l.receipt, Inbound: l.inbound, Late: l.late})
	return l
}

// Run keeps the line bound until ctx ends.
func (l *Line) Run(ctx context.Context) error { return l.client.Run(ctx) }

// Client is the bind, for its state and counts.
func (l *Line) Client() *smpp.Client { return l.client }

// Room implements messaging.Roomy.
func (l *Line) Room() int { return l.client.Room() }

// longestValidity is how long a network keeps trying to reach a phone that is off.
const longestValidity = 48 * time.Hour

// gateHolds is how long the gate's answer to an offer holds: what waited longer here is asked about again, for the night
// may have begun and the person may have said STOP.
const gateHolds = time.Second

// Send implements messaging.Carrier.
func (l *Line) Send(ctx context.Context, p messaging.Parcel) (messaging.Taken, error) {
	m := smpp.Submit{From: p.Sender, To: p.To, Text: p.Text, Key: p.Attempt, Receipt: true}
	if p.Class == messaging.Promotional || p.Class == messaging.Survey {
		m.Within = gateHolds
	}
	if !p.NotAfter.IsZero() {
		left := p.NotAfter.Sub(l.db.Clock().Now())
		if left <= 0 {
			return messaging.Taken{}, &messaging.Refusal{Trouble: messaging.OtherRoute, Code: "too_late", Err: context.DeadlineExceeded}
		}
		m.Validity = min(max(left, time.Minute), longestValidity)
	}
	ids, err := l.client.Submit(ctx, m)
	if err == nil {
		return messaging.Taken{IDs: ids, Parts: int64(len(ids))}, nil
	}
	taken := messaging.Taken{IDs: ids, Parts: int64(len(ids))}
	for _, id := range ids {
		if id != "" {
			return taken, err // a part is on its way: another try would double it
		}
	}
	no := func(t messaging.Trouble) (messaging.Taken, error) {
		code := ""
		if r, ok := errors.AsType[*smpp.Refusal](err); ok {
			code = "0x" + strconv.FormatUint(uint64(r.Status), 16)
		}
		return messaging.Taken{}, &messaging.Refusal{Trouble: t, Code: code, Err: err}
	}
	switch {
	case errors.Is(err, smpp.ErrNotSent), errors.Is(err, smpp.ErrRetry):
		return no(messaging.Again)
	case errors.Is(err, smpp.ErrBadNumber):
		return no(messaging.BadNumber)
	case errors.Is(err, smpp.ErrConfig):
		return no(messaging.Setup)
	case errors.Is(err, smpp.ErrOtherRoute), errors.Is(err, smpp.ErrField), errors.Is(err, sms.ErrTooLong):
		return no(messaging.OtherRoute)
	}
	return taken, err
}

// reported maps what networks say to the states of a message.
var reported = map[smpp.State]messaging.State{
	smpp.Delivered: messaging.Delivered, smpp.Expired: messaging.Expired, smpp.Deleted: messaging.Failed,
	smpp.Undeliverable: messaging.Failed, smpp.Rejected: messaging.Failed,
}

// receipt keeps what the network said; interim news such as "on its way" changes nothing and is not kept.
func (l *Line) receipt(ctx context.Context, r smpp.Receipt) error {
	state, final := reported[r.State]
	if !final || r.Interim || r.ID == "" {
		return nil
	}
	return l.desk.TakeReceipt(ctx, messaging.Receipt{Provider: l.provider, Ref: r.ID, Phone: r.Phone, State: state, Code: r.Code,
		Raw: strings.ToValidUTF8(strings.ReplaceAll(string(r.Raw), "\x00", ""), "?"), At: r.Done})
}

func (l *Line) inbound(ctx context.Context, m smpp.MO) error {
	return l.db.Write(ctx, func(tx *db.Tx) error {
		_, err := l.desk.ReceivePart(tx, messaging.Inbound{Provider: l.provider, Channel: messaging.SMS, From: e164(m.From), To: e164(m.To), Text: m.Text}, m.Piece)
		return err
	})
}

func (l *Line) late(ctx context.Context, key string, part int, id string) {
	l.db.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error { return l.desk.Late(tx, key, part, id) }) // what fails here the resend mends
}

// e164 puts the plus back that networks leave out. Short codes and names stay as they are.
func e164(s string) string {
	if len(s) < 8 || strings.Trim(s, "0123456789") != "" {
		return s
	}
	return "+" + strings.TrimPrefix(s, "00")
}
