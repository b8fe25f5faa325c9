package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/web"
)

// mostAtOnce is how many messages one request of sendMessages brings.
const mostAtOnce = 500

// sendMessage answers requests for a message that are as the document says in the plainest way, which nearly all are,
// without checking them against it; every other one goes on to next, which does.
func (a *api) sendMessage(next http.Handler) http.Handler {
	return handler(func(w http.ResponseWriter, r *http.Request) error {
		body, err := web.Body(w, r)
		if err != nil {
			return err
		}
		m, plain := NewMessage{}, r.Header.Get("Content-Type") == "application/json" && r.URL.RawQuery == ""
		if plain {
			m, plain = readMessage(body)
		}
		if plain {
			key, err := a.Auth.ByKey(r.Context(), r.Header.Get("Authorization"))
			plain = err == nil && key.May("messages:write")
		}
		if !plain {
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
			return nil
		}
		out, err := a.send(r.Context(), &m)
		if err != nil {
			return err
		}
		return SendMessage202JSONResponse(out).VisitSendMessageResponse(w)
	})
}

// SendMessage says something to one person, or tells what the gate would say.
func (a *api) SendMessage(ctx context.Context, r SendMessageRequestObject) (SendMessageResponseObject, error) {
	out, err := a.send(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	return SendMessage202JSONResponse(out), nil
}

func (a *api) send(ctx context.Context, b *NewMessage) (SentMessage, error) {
	m, err := a.messageOf(b)
	if err != nil {
		return SentMessage{}, err
	}
	var out messaging.Record
	if b.DryRun {
		out, err = a.wouldSend(ctx, m)
	} else {
		out, err = a.Messages.Accept(ctx, m)
	}
	return showSent(&out), err
}

func (a *api) wouldSend(ctx context.Context, m messaging.Message) (out messaging.Record, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		out, err = a.Messages.Plan(tx, m)
		return err
	})
	return out, err
}

func (a *api) messageOf(b *NewMessage) (messaging.Message, error) {
	m := messaging.Message{Key: "api:" + b.Key, To: b.To, Channel: messaging.Channel(b.Channel), Market: market.Code(b.Market), Country: market.Country(b.Country),
		Region: b.Region, Zone: b.Zone, Lang: b.Lang, Template: b.Template, Vars: b.Vars, Customer: b.Customer, Order: b.Order, Link: b.Link,
		NotAfter: b.NotAfter.UTC(), FactAt: a.DB.Clock().Now()}
	if _, ok := a.Markets.ByCode(m.Market); !ok {
		return m, ErrInvalid.With(map[string]string{"market": "unknown"})
	}
	return m, nil
}

// sendMessages says something to many people. Each message is answered by itself, in the order of the request; those that
// were accepted are kept when the answer comes.
func (a *api) sendMessages(schema *openapi3.Schema) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		key, err := a.Auth.ByKey(r.Context(), r.Header.Get("Authorization"))
		if err != nil {
			return err
		}
		if !key.May("messages:write") {
			return web.Explain(auth.ErrScope, "the key needs the scope messages:write")
		}
		body, err := web.Body(w, r, "application/json")
		if err != nil {
			return err
		}
		if bytes.Contains(body, []byte(`\u0000`)) {
			return errText
		}
		asked, err := web.Decode[struct {
			Messages []json.RawMessage `json:"messages"`
		}](body)
		switch n := len(asked.Messages); {
		case err != nil:
			return err
		case asked.Messages == nil:
			return ErrInvalid.With(map[string]string{"messages": "required"})
		case n == 0:
			return ErrInvalid.With(map[string]string{"messages": "at_least_1_items"})
		case n > mostAtOnce:
			return ErrInvalid.With(map[string]string{"messages": "at_most_500_items"})
		}
		out := SentMessages{Results: make([]SentResult, len(asked.Messages))}
		var all []messaging.Message
		var places []int
		for i, text := range asked.Messages {
			out.Results[i].Index = i
			b, err := checkMessage(schema, text)
			var m messaging.Message
			if err == nil {
				m, err = a.messageOf(&b)
			}
			switch {
			case err != nil:
			case b.DryRun:
				var planned messaging.Record
				if planned, err = a.wouldSend(r.Context(), m); err == nil {
					out.Results[i].Sent = showSent(&planned)
				}
			default:
				all, places = append(all, m), append(places, i)
			}
			if err != nil {
				out.Results[i].Problem = problemOf(r, err)
			}
		}
		records, faults := a.Messages.AcceptEach(r.Context(), all)
		for i, at := range places {
			if faults[i] != nil {
				out.Results[at].Problem = problemOf(r, faults[i])
			} else {
				out.Results[at].Sent = showSent(&records[i])
			}
		}
		for _, one := range out.Results {
			if one.Problem.Code != "" {
				out.Refused++
			} else {
				out.Accepted++
			}
		}
		return web.JSON(w, http.StatusAccepted, out)
	}
}

// checkMessage reads a message as the document describes it, or names what is wrong with it.
func checkMessage(schema *openapi3.Schema, text []byte) (m NewMessage, err error) {
	if m, ok := readMessage(text); ok {
		return m, nil
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return m, web.ErrBody
	}
	if err := schema.VisitJSON(v, openapi3.VisitAsRequest(), openapi3.MultiErrors()); err != nil {
		found := findings{fields: map[string]string{}}
		found.inside(err, "", "invalid")
		return m, ErrInvalid.With(found.fields)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, web.ErrBody
	}
	return m, nil
}

// problemOf is what fail would answer.
func problemOf(r *http.Request, err error) Problem {
	err = placed(err)
	f := fault.Of(err)
	status := web.Status(err)
	web.Log(r, status, err)
	return Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: f.Code, Fields: f.Fields, Help: help(r, err)}
}

// readMessage reads a message that is as the document says, written plainly: each field once, in strings of their proper
// length. It is false for everything else, of which the document has to be asked.
func readMessage(b []byte) (m NewMessage, ok bool) {
	if !utf8.Valid(b) || bytes.Contains(b, []byte(`\u0000`)) {
		return m, false
	}
	s := scanner{b: b}
	seen := 0
	ok = s.object(func(name string) bool {
		bit, most := 0, 0
		var into *string
		switch name {
		case "key":
			bit, most, into = 1, 200, &m.Key
		case "to":
			bit, most, into = 2, 254, &m.To
		case "channel":
			bit, most, into = 4, 8, (*string)(&m.Channel)
		case "market":
			bit, most, into = 8, 8, (*string)(&m.Market)
		case "template":
			bit, most, into = 16, 64, &m.Template
		case "lang":
			bit, most, into = 32, 16, &m.Lang
		case "customer":
			bit, most, into = 64, 64, &m.Customer
		case "order":
			bit, most, into = 128, 64, &m.Order
		case "link":
			bit, most, into = 256, 2000, &m.Link
		case "country":
			bit, most, into = 512, 2, &m.Country
		case "vars":
			m.Vars = map[string]string{}
			if seen&1024 != 0 {
				return false
			}
			seen |= 1024
			return s.object(func(name string) bool {
				v, ok := s.text(20_000)
				_, twice := m.Vars[name]
				m.Vars[name] = v
				return ok && !twice && len(m.Vars) <= 40
			})
		}
		if into == nil || seen&bit != 0 {
			return false
		}
		seen |= bit
		v, ok := s.text(most)
		*into = v
		return ok
	})
	ok = ok && s.end() && seen&31 == 31 && m.Key != "" && m.Channel.known() && len(m.Market) >= 2 && strings.Trim(m.Market, "abcdefghijklmnopqrstuvwxyz") == ""
	return m, ok
}

func (c NewMessageChannel) known() bool { return c == "sms" || c == "email" }

// scanner reads JSON that is written plainly.
type scanner struct {
	b  []byte
	at int
}

func (s *scanner) next() byte {
	for ; s.at < len(s.b); s.at++ {
		if c := s.b[s.at]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			s.at++
			return c
		}
	}
	return 0
}

func (s *scanner) end() bool { return s.next() == 0 && s.at == len(s.b) }

// object reads an object; value is called before each value with its name.
func (s *scanner) object(value func(name string) bool) bool {
	if s.next() != '{' {
		return false
	}
	for first := true; ; first = false {
		switch c := s.next(); {
		case c == '}' && first:
			return true
		case c == '"':
			s.at--
		default:
			return false
		}
		name, ok := s.text(len(s.b))
		if !ok || s.next() != ':' || !value(name) {
			return false
		}
		switch s.next() {
		case '}':
			return true
		case ',':
			if s.next() != '"' {
				return false
			}
			s.at--
		default:
			return false
		}
	}
}

// text reads a string of at most so many bytes.
func (s *scanner) text(most int) (string, bool) {
	if s.next() != '"' {
		return "", false
	}
	start, escaped := s.at, false
	for ; s.at < len(s.b); s.at++ {
		switch c := s.b[s.at]; {
		case c == '"':
			raw := s.b[start:s.at]
			s.at++
			if !escaped {
				return string(raw), len(raw) <= most
			}
			var v string
			err := json.Unmarshal(s.b[start-1:s.at], &v)
			return v, err == nil && len(v) <= most
		case c == '\\':
			escaped = true
			s.at++
		case c < ' ':
			return "", false
		}
	}
	return "", false
}

var errNoSchema = errors.New("api: the document doesn't describe a new message")
