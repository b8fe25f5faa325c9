package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"portolan/internal/jobs"
	"portolan/internal/journeys"
)

// calls tells other systems of journeys' steps, signed as Standard Webhooks asks (https://www.standardwebhooks.com): headers
// webhook-id, webhook-timestamp and webhook-signature over the body. Redirects aren't followed. What the other side refuses
// for good is not tried again.
func (a *App) calls(secret string) (journeys.Call, error) {
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context, url, id string, body []byte) error {
		now := a.DB.Clock().Now()
		signature, err := signer.Sign(id, now, body)
		if err != nil {
			return jobs.Permanent(err)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return jobs.Permanent(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("webhook-id", id)
		r.Header.Set("webhook-timestamp", fmt.Sprint(now.Unix()))
		r.Header.Set("webhook-signature", signature)
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
		switch c := answer.StatusCode; {
		case c < 300:
			return nil
		case c >= 300 && c < 500 && c != http.StatusRequestTimeout && c != http.StatusTooManyRequests:
			return jobs.Permanent(fmt.Errorf("%s answered %s", r.URL.Host, answer.Status))
		default:
			return fmt.Errorf("%s answered %s", r.URL.Host, answer.Status)
		}
	}, nil
}
