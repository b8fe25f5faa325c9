// Package web is what the faces share: handlers that return errors, problem documents, careful reading of
// bodies, assets under hashed names, a cache of rendered pages. It knows which status code a fault has;
// what a page says is the business of the face that shows it.
package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	"portolan/internal/fault"
)

// Faults of a request that can't be read.
var (
	ErrBody        = fault.New(fault.Invalid, "web.unreadable_body")
	ErrTooLarge    = fault.New(fault.TooLarge, "web.body_too_large")
	ErrContentType = fault.New(fault.Unsupported, "web.content_type")
	ErrNoPage      = fault.New(fault.NotFound, "web.no_page")
)

// MaxBody is the largest body that is read, in bytes.
const MaxBody = 1 << 20

// Handler answers a request or says why it can't.
type Handler func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP answers a failure with a problem document (RFC 9457).
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		Fail(w, r, err)
	}
}

var statuses = map[fault.Kind]int{
	fault.Internal:    http.StatusInternalServerError,
	fault.Invalid:     http.StatusUnprocessableEntity,
	fault.NotFound:    http.StatusNotFound,
	fault.Gone:        http.StatusGone,
	fault.Conflict:    http.StatusConflict,
	fault.Anonymous:   http.StatusUnauthorized,
	fault.Denied:      http.StatusForbidden,
	fault.TooLarge:    http.StatusRequestEntityTooLarge,
	fault.Unsupported: http.StatusUnsupportedMediaType,
	fault.Limited:     http.StatusTooManyRequests,
	fault.Unavailable: http.StatusServiceUnavailable,
}

// Status is the HTTP status of err's fault.
func Status(err error) int { return statuses[fault.Of(err).Kind] }

// Problem is an RFC 9457 problem document. Fields maps a JSON pointer or form field to a code, Help to a sentence
// for people that says what would do.
type Problem struct {
	Type   string            `json:"type"`
	Title  string            `json:"title"`
	Status int               `json:"status"`
	Code   string            `json:"code"`
	Detail string            `json:"detail,omitempty"`
	Fields map[string]string `json:"fields,omitempty"`
	Help   map[string]string `json:"help,omitempty"`
}

// Fail answers with err's fault. What is our own mistake goes to the log and not to the caller.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.Of(err)
	status := statuses[f.Kind]
	Log(r, status, err)
	w.Header().Set("Content-Type", "application/problem+json")
	p := Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: f.Code, Fields: f.Fields}
	if d, ok := errors.AsType[detail](err); ok {
		p.Detail = d.text
	}
	if h, ok := errors.AsType[helped](err); ok {
		p.Help = h.help
	}
	write(w, status, p)
}

// Log notes a failure that is ours.
func Log(r *http.Request, status int, err error) {
	if status >= 500 && !errors.Is(err, r.Context().Err()) {
		slog.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
}

// Explain adds a sentence for the caller to err. It never carries what the caller sent.
func Explain(err error, text string) error { return detail{err, text} }

type detail struct {
	error
	text string
}

func (d detail) Unwrap() error { return d.error }

// Help adds to err, for each field at fault, a sentence that says what would do.
func Help(err error, help map[string]string) error { return helped{err, help} }

type helped struct {
	error
	help map[string]string
}

func (h helped) Unwrap() error { return h.error }

// JSON answers with v.
func JSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	write(w, status, v)
	return nil
}

func write(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.Encode(v) // the only way this fails is a caller who hung up
}

// Body reads a body of one of the given media types and at most MaxBody bytes.
func Body(w http.ResponseWriter, r *http.Request, types ...string) ([]byte, error) {
	got, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	known := len(types) == 0
	for _, t := range types {
		known = known || t == got
	}
	if !known {
		return nil, Explain(ErrContentType, "send "+strings.Join(types, " or "))
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, Explain(ErrTooLarge, fmt.Sprintf("at most %d bytes", MaxBody))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrBody)
	}
	return b, nil
}

// Read decodes a JSON body and refuses fields that T doesn't have.
func Read[T any](w http.ResponseWriter, r *http.Request) (v T, err error) {
	b, err := Body(w, r, "application/json")
	if err != nil {
		return v, err
	}
	return Decode[T](b)
}

// Decode is Read for bytes at hand. The fault names the field where that can be told.
func Decode[T any](b []byte) (v T, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err = d.Decode(&v)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	if err == nil {
		return v, nil
	}
	f := &fault.Fault{Kind: ErrBody.Kind, Code: ErrBody.Code, Fields: map[string]string{}}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		f.Fields[wrong.Field] = "must_be_" + wrong.Type.Kind().String()
	} else if name, ok := strings.CutPrefix(err.Error(), `json: unknown field "`); ok {
		f.Fields[strings.TrimSuffix(name, `"`)] = "unknown_field"
	}
	return v, f
}

// Guard wraps a whole face: a panic becomes a 500 and a log line, and each answer carries the headers that
// keep other sites and injected markup out.
func Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; "+
			"object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				slog.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				Fail(w, r, errors.New("panic"))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// IP is the caller's address. Behind a proxy that the operator trusts it is the last address that proxy added.
func IP(r *http.Request, trustProxy bool) netip.Addr {
	if trustProxy {
		all := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
		if a, err := netip.ParseAddr(strings.TrimSpace(all[len(all)-1])); err == nil {
			return a.Unmap()
		}
	}
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr().Unmap()
}
