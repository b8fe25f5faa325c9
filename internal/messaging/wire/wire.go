// Package wire speaks HTTP with message providers. It tells what certainly did not leave from what nobody knows:
// a request that found no connection is a refusal, one whose answer got lost has no known outcome.
//
// What an answer means is decided by each provider's adapter.
package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"portolan/internal/messaging"
)

// MaxAnswer is the largest answer that is read, in bytes.
const MaxAnswer = 1 << 20

// idle is how long an unused connection is kept: shorter than servers wait before they hang up, so that a
// message is not written to a line that is going down.
const idle = 20 * time.Second

var transport = &http.Transport{
	Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 64, MaxIdleConns: 256, IdleConnTimeout: idle, ForceAttemptHTTP2: true,
	TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 0, MaxResponseHeaderBytes: 64 << 10,
}

// Rest closes the connections that nobody uses.
func Rest() { transport.CloseIdleConnections() }

// Client calls one provider.
type Client struct {
	base    string
	timeout time.Duration
	http    http.Client
}

// New returns a client for the address under which all paths lie. A call ends after timeout, 10 s if zero.
func New(base string, timeout time.Duration) *Client {
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	return &Client{strings.TrimSuffix(base, "/"), timeout, http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Base is the address under which all paths lie.
func (c *Client) Base() string { return c.base }

// Request is a call. Path is appended to the base address unless it is an address itself.
type Request struct {
	Method string
	Path   string
	Header map[string]string
	User   string // with Pass: for basic authentication
	Pass   string
	Body   []byte
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// OK reports whether the provider did what it was asked.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Do calls the provider. An error is a *messaging.Refusal if nothing left; anything else leaves it open what the
// provider did. No error holds a part of the address, which may be secret. An answer that says no may be cut
// short; one that says yes is whole.
func (c *Client) Do(ctx context.Context, q Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var begun atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { begun.Store(true) }})
	address := q.Path
	if !strings.Contains(address, "://") {
		address = c.base + q.Path
	}
	r, err := http.NewRequestWithContext(ctx, q.Method, address, bytes.NewReader(q.Body))
	if err != nil {
		return Answer{}, &messaging.Refusal{Trouble: messaging.Setup, Code: "address", Err: errors.New("the provider's address can't be read")}
	}
	for k, v := range q.Header {
		r.Header.Set(k, v)
	}
	if q.User != "" || q.Pass != "" {
		r.SetBasicAuth(q.User, q.Pass)
	}
	r.Header.Set("User-Agent", "Portolan")
	res, err := c.http.Do(r)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		if !begun.Load() {
			return Answer{}, &messaging.Refusal{Trouble: messaging.Again, Code: "connect", Err: err}
		}
		return Answer{}, fmt.Errorf("no answer: %w", err)
	}
	defer res.Body.Close()
	a := Answer{Status: res.StatusCode, Header: res.Header}
	a.Body, err = io.ReadAll(io.LimitReader(res.Body, MaxAnswer))
	if err != nil && a.OK() {
		return a, fmt.Errorf("half an answer: %w", err)
	}
	return a, nil
}

// Refuse reads an answer that says no, where the provider's own code says nothing more: by its status, as HTTP
// means it. A server that failed may have sent all the same; then the error is no refusal.
func (a Answer) Refuse(code string) error {
	err := fmt.Errorf("answer %d: %s", a.Status, Clip(string(a.Body)))
	if code == "" {
		code = strconv.Itoa(a.Status)
	}
	no := func(t messaging.Trouble) error {
		return &messaging.Refusal{Trouble: t, Code: code, After: a.After(), Err: err}
	}
	switch s := a.Status; {
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable, s == http.StatusTooEarly:
		return no(messaging.Again)
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusPaymentRequired:
		return no(messaging.Account)
	case s == http.StatusNotFound, s == http.StatusMethodNotAllowed, s >= 300 && s < 400:
		return no(messaging.Setup)
	case s >= 400 && s < 500 && s != http.StatusRequestTimeout:
		return no(messaging.OtherRoute)
	}
	return err
}

// After is how long the provider asks to wait; 0 if it doesn't say.
func (a Answer) After() time.Duration {
	n, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || n < 0 || n > 86400 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// Clip cuts a text so that it can be noted.
func Clip(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), 300)], "")
}
