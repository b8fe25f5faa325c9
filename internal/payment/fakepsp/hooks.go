package fakepsp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"portolan/internal/db"
	"portolan/internal/jobs"
	"portolan/internal/payment"
)

// deliverJob sends one webhook. Its body is what was true when it was written, so that late ones are out of date
// as they are with real providers.
type deliverJob struct {
	URL       string    `json:"url"`
	Statement statement `json:"statement"`
	Wrong     bool      `json:"wrong,omitempty"` // sign it wrongly
}

// Job implements jobs.Args.
func (deliverJob) Job() string { return "fakepsp.deliver" }

// tell queues the webhooks about statements, as far as the knobs let it.
func (p *PSP) tell(tx *db.Tx, v pay, all []statement) error {
	k := p.Knobs()
	url := p.opt.HookURL
	if url == "" {
		url = v.baseURL + "/in/" + Name
	}
	for _, s := range all {
		if share(s.Event+"lost", k.Lost) {
			continue
		}
		wait := k.Delay + time.Duration(spread(s.Event+"order")*float64(k.Reorder))
		when := jobs.When{}
		if wait > 0 {
			when.At = tx.Now().Add(wait)
		}
		j := deliverJob{url, s, share(s.Event+"wrong", k.WrongSignature)}
		if err := p.queue.Add(tx, j, when); err != nil {
			return err
		}
		if share(s.Event+"again", k.Duplicates) {
			when.At = tx.Now().Add(wait + time.Second)
			if err := p.queue.Add(tx, j, when); err != nil {
				return err
			}
		}
	}
	return nil
}

func signer(secret string) (*webhooks.Webhook, error) {
	w, err := webhooks.NewWebhook(secret)
	if err != nil || len(secret) < 24 {
		return nil, fmt.Errorf("fakepsp: the webhook secret is unusable: %w", err)
	}
	return w, nil
}

// envelope is a webhook's body by Standard Webhooks 1.0.0.
type envelope struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      statement `json:"data"`
}

// Sign returns the headers that prove that body was sent by the provider at a moment under an event's name.
func (p *PSP) Sign(event string, at time.Time, body []byte) (http.Header, error) {
	w, err := signer(p.opt.Secret)
	if err != nil {
		return nil, err
	}
	signature, err := w.Sign(event, at, body)
	if err != nil {
		return nil, err
	}
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set(webhooks.HeaderWebhookID, event)
	h.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(webhooks.HeaderWebhookSignature, signature)
	return h, nil
}

func (p *PSP) deliver(ctx context.Context, j deliverJob) error {
	body, err := json.Marshal(envelope{j.Statement.Object + "." + j.Statement.State, j.Statement.At, j.Statement})
	if err != nil {
		return err
	}
	header, err := p.Sign(j.Statement.Event, p.db.Clock().Now(), body)
	if err != nil {
		return err
	}
	if j.Wrong {
		header.Set(webhooks.HeaderWebhookSignature, "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	}
	status, err := p.post(ctx, j.URL, header, body)
	switch {
	case err != nil:
		return fmt.Errorf("webhook %s: %w", j.Statement.Event, err)
	case j.Wrong:
		p.wrong.Add(1)
		return nil
	case status/100 != 2:
		return fmt.Errorf("webhook %s: answered with status %d", j.Statement.Event, status)
	}
	return nil
}

// WronglySigned is how many webhooks with a wrong signature were sent.
func (p *PSP) WronglySigned() int64 { return p.wrong.Load() }

func (p *PSP) post(ctx context.Context, url string, header http.Header, body []byte) (int, error) {
	if p.opt.Post != nil {
		return p.opt.Post(ctx, header, body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, jobs.Permanent(err)
	}
	req.Header = header
	res, err := p.opt.Client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	return res.StatusCode, nil
}

// tolerance is how far a webhook's time may be from ours, both ways.
const tolerance = 300 * time.Second

// ParseWebhook implements payment.PSP: Standard Webhooks 1.0.0, older and newer than 300 s refused. On a clock
// that runs faster than the world the 300 s are the world's.
func (p *PSP) ParseWebhook(header map[string][]string, body []byte, now time.Time) ([]payment.Fact, error) {
	w, err := signer(p.opt.Secret)
	if err != nil {
		return nil, err
	}
	h := http.Header(header)
	if err := w.VerifyIgnoringTimestamp(body, h); err != nil {
		return nil, fmt.Errorf("%w: %w", payment.ErrSignature, err)
	}
	sent, err := strconv.ParseInt(h.Get(webhooks.HeaderWebhookTimestamp), 10, 64)
	if err != nil {
		return nil, payment.ErrSignature
	}
	allowed := time.Duration(float64(tolerance) * max(1, p.db.Clock().Speed()))
	if off := now.Sub(time.Unix(sent, 0)); off > allowed || off < -allowed {
		return nil, fmt.Errorf("sent %s from now: %w", off, payment.ErrSignature)
	}
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, fmt.Errorf("%w: %w", payment.ErrWebhook, err)
	}
	if e.Data.Event == "" || e.Data.Event != h.Get(webhooks.HeaderWebhookID) {
		return nil, payment.ErrWebhook
	}
	f := e.Data.fact()
	if f.Object == "" || !f.Amount.Currency.Valid() {
		return nil, payment.ErrWebhook
	}
	f.Raw = string(body)
	return []payment.Fact{f}, nil
}
