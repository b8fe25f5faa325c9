// Package evidence puts together what proves how a person was written to: what they agreed to and were shown, what
// was sent and which rules let it go, what became of it, and when they asked for silence; as JSON, CSV and paper.
//
// It keeps nothing of this itself: consents are package customer's, messages package messaging's. It keeps who asked
// for evidence, and what was collected for long spans of time until it is fetched.
package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

var (
	ErrBadRequest = fault.New(fault.Invalid, "evidence.bad_request")
	ErrUnknown    = fault.New(fault.NotFound, "evidence.unknown_export")
	ErrNotReady   = fault.New(fault.Conflict, "evidence.not_ready")
	ErrTooLong    = fault.New(fault.Invalid, "evidence.too_long_for_paper")
)

// Format is a form of the file.
type Format string

// The formats.
const (
	JSON  Format = "json"
	CSV   Format = "csv"
	Paper Format = "pdf"
)

// Subject says what evidence is about: an address, or a span of time, in one market or all.
type Subject struct {
	Address string      `json:"address,omitempty"`
	Market  market.Code `json:"market,omitempty"`
	From    time.Time   `json:"from,omitzero"`
	Until   time.Time   `json:"until,omitzero"` // before it
}

// File is evidence as it is handed out.
type File struct {
	Subject  Subject                      `json:"subject"`
	MadeAt   time.Time                    `json:"made_at"`
	MadeBy   string                       `json:"made_by"`
	Rules    string                       `json:"rules"` // version of the gate and its tables in force when the file was made
	Gaps     []Gap                        `json:"gaps"`  // places where the ledger of consents doesn't hold together
	Consents []customer.Consent           `json:"consents"`
	Silence  []customer.SuppressionChange `json:"silence"`
	Messages []Message                    `json:"messages"`
	Heard    []Heard                      `json:"heard"`
	Digest   string                       `json:"digest"` // SHA-256 of the file without this field
}

// Gap is a place where an event of consent is missing or was changed.
type Gap struct {
	Address string `json:"address"`
	Seq     int64  `json:"seq"`
	What    string `json:"what"` // "missing" or "changed"
}

// Message is a message that was sent, held or refused, with what proves it.
type Message struct {
	ID            string               `json:"id"`
	At            time.Time            `json:"at"`
	To            string               `json:"to"`
	Channel       string               `json:"channel"`
	Class         string               `json:"class"`
	Market        market.Code          `json:"market"`
	Lang          string               `json:"lang"`
	Template      string               `json:"template"`
	Sender        string               `json:"sender"`
	Subject       string               `json:"subject,omitempty"`
	Text          string               `json:"text"`
	TextDigest    string               `json:"text_digest"`
	TextRemoved   time.Time            `json:"text_removed,omitzero"`
	RemovedWhy    string               `json:"removed_why,omitempty"`
	State         string               `json:"state"`
	Reason        string               `json:"reason,omitempty"`
	SentAt        time.Time            `json:"sent_at,omitzero"`
	DeliveredAt   time.Time            `json:"delivered_at,omitzero"`
	Decisions     []messaging.Decision `json:"decisions"` // each answer of the gate with its reasons and the version of its rules
	Attempts      []Attempt            `json:"attempts"`
	Receipts      []Receipt            `json:"receipts"`
	LateFailure   string               `json:"late_failure,omitempty"`
	ProviderParts int64                `json:"parts"`
}

// Attempt is one try to hand a message to a provider.
type Attempt struct {
	At       time.Time `json:"at"`
	Route    string    `json:"route"`
	Provider string    `json:"provider"`
	Refs     []string  `json:"refs"`
	Outcome  string    `json:"outcome"`
	Code     string    `json:"code,omitempty"`
	Repeat   bool      `json:"repeat,omitempty"`
}

// Receipt is what a network said.
type Receipt struct {
	At    time.Time `json:"at"`
	Ref   string    `json:"ref"`
	State string    `json:"state"`
	Code  string    `json:"code,omitempty"`
}

// Heard is a text from a person and how it was understood.
type Heard struct {
	ID      string      `json:"id"`
	At      time.Time   `json:"at"`
	From    string      `json:"from"`
	To      string      `json:"to"`
	Channel string      `json:"channel"`
	Market  market.Code `json:"market"`
	Text    string      `json:"text"`
	Intent  string      `json:"intent"`
}

// What evidence asks of the packages below it.
type (
	// Ledger is satisfied by customer.Service.
	Ledger interface {
		Ledger(tx *db.Tx, address string) ([]customer.Consent, error)
		EventsBetween(tx *db.Tx, m market.Code, from, until time.Time, address string, seq int64, limit int) ([]customer.Consent, error)
		SuppressionHistory(tx *db.Tx, address string) ([]customer.SuppressionChange, error)
	}
	// Messages is satisfied by messaging.Service.
	Messages interface {
		Proofs(tx *db.Tx, q messaging.ProofQuery) ([]messaging.Proof, error)
		Heard(tx *db.Tx, q messaging.ProofQuery) ([]messaging.Inbound, error)
		ProofCount(tx *db.Tx, q messaging.ProofQuery) (int64, error)
		Version() string
	}
)

// page is how many rows are read at a time.
const page = 200

// Of collects the evidence about an address and notes who asked for it, in which format. The address is an e-mail
// address or a phone number with its country code.
func (s *Service) Of(tx *db.Tx, address, by string, as Format) (File, error) {
	known, err := customer.Address(address)
	if err != nil {
		return File{}, ErrBadRequest.With(map[string]string{"address": "neither_mail_nor_phone"})
	}
	f := File{Subject: Subject{Address: known}, MadeAt: tx.Now().UTC(), MadeBy: by, Rules: s.messages.Version()}
	if f.Consents, err = s.ledger.Ledger(tx, known); err != nil {
		return f, err
	}
	if f.Silence, err = s.ledger.SuppressionHistory(tx, known); err != nil {
		return f, err
	}
	for q := (messaging.ProofQuery{To: known, Limit: page}); ; {
		some, err := s.messages.Proofs(tx, q)
		if err != nil {
			return f, err
		}
		for _, p := range some {
			f.Messages = append(f.Messages, messageOf(p))
		}
		if len(some) < page {
			break
		}
		q.After = some[len(some)-1].ID
	}
	heard, err := s.messages.Heard(tx, messaging.ProofQuery{To: known, Limit: 10_000})
	if err != nil {
		return f, err
	}
	for _, in := range heard {
		f.Heard = append(f.Heard, heardOf(in))
	}
	f.finish()
	return f, s.note(tx, by, known, as)
}

// finish looks for gaps and seals the file.
func (f *File) finish() {
	byAddress := map[string][]customer.Consent{}
	var addresses []string
	for _, c := range f.Consents {
		if byAddress[c.Address] == nil {
			addresses = append(addresses, c.Address)
		}
		byAddress[c.Address] = append(byAddress[c.Address], c)
	}
	slices.Sort(addresses)
	f.Gaps = []Gap{}
	for _, a := range addresses {
		events := byAddress[a]
		slices.SortFunc(events, func(a, b customer.Consent) int { return int(a.Seq - b.Seq) })
		for _, g := range customer.Verify(events) {
			f.Gaps = append(f.Gaps, Gap(g))
		}
	}
	f.Digest = ""
	body, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(body)
	f.Digest = hex.EncodeToString(sum[:])
}

func messageOf(p messaging.Proof) Message {
	m := Message{ID: p.ID, At: p.CreatedAt.UTC(), To: p.To, Channel: string(p.Channel), Class: string(p.Class), Market: p.Market, Lang: p.Lang,
		Template: p.Template, Sender: p.Sender, Subject: p.Record.Subject, Text: p.Body, TextDigest: p.Digest, TextRemoved: p.Removed, RemovedWhy: p.Why,
		State: string(p.State), Reason: p.Reason, SentAt: utc(p.SentAt), DeliveredAt: utc(p.DeliveredAt), Decisions: p.Decisions,
		LateFailure: p.LateFailure, ProviderParts: p.Parts}
	for _, a := range p.Attempts {
		m.Attempts = append(m.Attempts, Attempt{a.StartedAt.UTC(), a.Route, a.Provider, a.Refs, a.Outcome, a.Code, a.Repeat})
	}
	for _, r := range p.Receipts {
		m.Receipts = append(m.Receipts, Receipt{utc(r.SeenAt), r.Ref, string(r.State), r.Code})
	}
	return m
}

func heardOf(in messaging.Inbound) Heard {
	return Heard{in.ID, in.At.UTC(), in.From, in.To, string(in.Channel), in.Market, in.Text, string(in.Intent)}
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

// View is a line of the list of who asked for evidence.
type View struct {
	At      time.Time
	By      string
	Subject string
	Format  Format
}

// note writes down that somebody asked.
func (s *Service) note(tx *db.Tx, by, subject string, as Format) error {
	return tx.Send(`insert into evidence_views (id, at, by_whom, subject, format) values ($1, $2, $3, $4, $5)`,
		id.New("evv"), tx.Now(), by, subject, string(as))
}

// Views returns who asked for evidence last, newest first.
func (s *Service) Views(tx *db.Tx, limit int) ([]View, error) {
	return db.All(tx, func(r db.Row) (v View, err error) {
		err = r.Scan(&v.At, &v.By, &v.Subject, (*string)(&v.Format))
		v.At = v.At.UTC()
		return
	}, `select at, by_whom, subject, format from evidence_views order by at desc, id desc limit $1`, limit)
}

// Name is a file's name for a subject and format: "evidence-4915112345678.pdf".
func (f File) Name(as Format) string {
	name := f.Subject.Address
	if name == "" {
		name = f.Subject.From.Format(time.DateOnly) + "-" + f.Subject.Until.Format(time.DateOnly)
	}
	name = strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		if r == '@' {
			return '-'
		}
		return -1
	}, strings.ToLower(name))
	return "evidence-" + name + "." + string(as)
}

// Render writes the file in a format; lang is the language of a paper's headings.
func (f File) Render(as Format, lang string) (body []byte, kind string, err error) {
	switch as {
	case JSON:
		body, err = json.MarshalIndent(f, "", "  ")
		return append(body, '\n'), "application/json", err
	case CSV:
		body, err = f.table()
		return body, "text/csv; charset=utf-8", err
	case Paper:
		body, err = f.paper(lang)
		return body, "application/pdf", err
	}
	return nil, "", errors.Join(ErrBadRequest.With(map[string]string{"format": "json_csv_or_pdf"}))
}
