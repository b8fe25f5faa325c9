package evidence

import (
	"embed"
	"encoding/json"
	"errors"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

//go:embed schema
var files embed.FS

// Schema holds what was collected for spans of time, and who asked for evidence.
var Schema = db.Schema{Owner: "evidence", Files: files}

// Service hands out evidence.
type Service struct {
	queue    *jobs.Queue
	ledger   Ledger
	messages Messages
}

// New returns a service that collects long spans of time in jobs of q.
func New(q *jobs.Queue, l Ledger, m Messages) *Service {
	s := &Service{q, l, m}
	jobs.Handle(q, s.step)
	jobs.Handle(q, s.sweep)
	q.Every("evidence.clear", 24*time.Hour, sweep{})
	return s
}

// Export is the evidence of a span of time on its way.
type Export struct {
	ID        string
	Subject   Subject
	By        string
	Total     int64 // messages and texts
	Done      int64
	CreatedAt time.Time
	EndedAt   time.Time // zero while it is being collected

	stage, after string
	seq          int64
}

// keptFor is how long a collected span of time may be fetched.
const keptFor = 7 * 24 * time.Hour

// longestSpan is the longest span of time of one export: our own choice, ten years.
const longestSpan = 3660 * 24 * time.Hour

// collect takes the next step of an export.
type collect struct {
	Export string `json:"export"`
	N      int64  `json:"n"`
}

// Job implements jobs.Args.
func (collect) Job() string { return "evidence.collect" }

// sweep forgets exports that nobody fetched any more.
type sweep struct{}

// Job implements jobs.Args.
func (sweep) Job() string { return "evidence.clear" }

// Start begins to collect the evidence of a span of time, which has to have begun.
func (s *Service) Start(tx *db.Tx, about Subject, by string) (Export, error) {
	if about.From.IsZero() || !about.Until.After(about.From) || about.Until.Sub(about.From) > longestSpan || about.From.After(tx.Now()) {
		return Export{}, ErrBadRequest.With(map[string]string{"from": "no_span_of_time"})
	}
	e := Export{ID: id.New("evx"), Subject: about, By: by, CreatedAt: tx.Now(), stage: "consents"}
	var err error
	if e.Total, err = s.messages.ProofCount(tx, query(about)); err != nil {
		return e, err
	}
	err = tx.Send(`insert into evidence_exports (id, market, from_at, until_at, by_whom, stage, after_key, after_seq, total, done, created_at)
		values ($1, $2, $3, $4, $5, $6, '', 0, $7, 0, $8)`, e.ID, string(about.Market), about.From, about.Until, by, e.stage, e.Total, e.CreatedAt)
	if err != nil {
		return e, err
	}
	return e, s.queue.Add(tx, collect{e.ID, 0}, jobs.When{Subject: e.ID, Priority: jobs.Low})
}

func query(about Subject) messaging.ProofQuery {
	return messaging.ProofQuery{Market: about.Market, From: about.From, Until: about.Until, Limit: page}
}

// part is what one step collected.
type part struct {
	Consents []customer.Consent `json:"consents,omitempty"`
	Messages []Message          `json:"messages,omitempty"`
	Heard    []Heard            `json:"heard,omitempty"`
}

func (s *Service) step(tx *db.Tx, a collect) error {
	e, err := s.export(tx, a.Export)
	if errors.Is(err, ErrUnknown) {
		return nil
	}
	if err != nil || !e.EndedAt.IsZero() {
		return err
	}
	var p part
	q := query(e.Subject)
	q.After = e.after
	n := 0
	switch e.stage {
	case "consents":
		p.Consents, err = s.ledger.EventsBetween(tx, e.Subject.Market, e.Subject.From, e.Subject.Until, e.after, e.seq, page)
		if n = len(p.Consents); n > 0 {
			e.after, e.seq = p.Consents[n-1].Address, p.Consents[n-1].Seq
		}
	case "messages":
		var some []messaging.Proof
		some, err = s.messages.Proofs(tx, q)
		for _, x := range some {
			p.Messages = append(p.Messages, messageOf(x))
			e.after = x.ID
		}
		n = len(some)
		e.Done += int64(n)
	case "heard":
		var some []messaging.Inbound
		some, err = s.messages.Heard(tx, q)
		for _, x := range some {
			p.Heard = append(p.Heard, heardOf(x))
			e.after = x.ID
		}
		n = len(some)
		e.Done += int64(n)
	}
	if err != nil {
		return err
	}
	body, err := json.Marshal(p)
	if err != nil {
		return jobs.Permanent(err)
	}
	if err := tx.Send(`insert into evidence_parts (export, n, body) values ($1, $2, $3) on conflict do nothing`, e.ID, a.N, string(body)); err != nil {
		return err
	}
	if n < page {
		e.stage, e.after, e.seq = map[string]string{"consents": "messages", "messages": "heard", "heard": "done"}[e.stage], "", 0
	}
	if e.stage == "done" {
		e.EndedAt = tx.Now()
	}
	err = tx.Send(`update evidence_exports set stage = $2, after_key = $3, after_seq = $4, done = $5, ended_at = $6 where id = $1`,
		e.ID, e.stage, e.after, e.seq, e.Done, e.EndedAt)
	if err != nil || !e.EndedAt.IsZero() {
		return err
	}
	return s.queue.Add(tx, collect{e.ID, a.N + 1}, jobs.When{Subject: e.ID, Priority: jobs.Low})
}

// Fetch returns what was collected and notes who fetched it, in which format. While it is being collected it is
// ErrNotReady.
func (s *Service) Fetch(tx *db.Tx, export, by string, as Format) (File, error) {
	e, err := s.export(tx, export)
	if err != nil {
		return File{}, err
	}
	if e.EndedAt.IsZero() {
		return File{}, ErrNotReady
	}
	f := File{Subject: e.Subject, MadeAt: e.EndedAt, MadeBy: by, Rules: s.messages.Version()}
	bodies, err := db.All(tx, db.Scalar[string], `select body from evidence_parts where export = $1 order by n`, export)
	if err != nil {
		return f, err
	}
	seen := map[string]bool{}
	for _, b := range bodies {
		var p part
		if err := json.Unmarshal([]byte(b), &p); err != nil {
			return f, err
		}
		f.Consents = append(f.Consents, p.Consents...)
		f.Messages = append(f.Messages, p.Messages...)
		f.Heard = append(f.Heard, p.Heard...)
	}
	// The chain of an address is checked as a whole: its events outside the span belong to the proof.
	var whole []customer.Consent
	for _, c := range f.Consents {
		if seen[c.Address] {
			continue
		}
		seen[c.Address] = true
		events, err := s.ledger.Ledger(tx, c.Address)
		if err != nil {
			return f, err
		}
		whole = append(whole, events...)
		history, err := s.ledger.SuppressionHistory(tx, c.Address)
		if err != nil {
			return f, err
		}
		f.Silence = append(f.Silence, history...)
	}
	f.Consents = whole
	f.finish()
	subject := f.Subject.From.Format(time.DateOnly) + " – " + f.Subject.Until.Format(time.DateOnly)
	if f.Subject.Market != "" {
		subject += " " + string(f.Subject.Market)
	}
	return f, s.note(tx, by, subject, as)
}

const exportColumns = `id, market, from_at, until_at, by_whom, stage, after_key, after_seq, total, done, created_at, ended_at`

func scanExport(r db.Row) (e Export, err error) {
	var m string
	err = r.Scan(&e.ID, &m, &e.Subject.From, &e.Subject.Until, &e.By, &e.stage, &e.after, &e.seq, &e.Total, &e.Done, &e.CreatedAt, db.Null(&e.EndedAt))
	e.Subject.Market = market.Code(m)
	e.Subject.From, e.Subject.Until, e.CreatedAt, e.EndedAt = e.Subject.From.UTC(), e.Subject.Until.UTC(), e.CreatedAt.UTC(), utc(e.EndedAt)
	return
}

func (s *Service) export(tx *db.Tx, id string) (Export, error) {
	e, err := db.One(tx, scanExport, `select `+exportColumns+` from evidence_exports where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return e, err
}

// Exports returns the spans of time that were asked for, newest first.
func (s *Service) Exports(tx *db.Tx) ([]Export, error) {
	return db.All(tx, scanExport, `select `+exportColumns+` from evidence_exports order by created_at desc, id desc limit 20`)
}

func (s *Service) sweep(tx *db.Tx, _ sweep) error {
	before := tx.Now().Add(-keptFor)
	if err := tx.Send(`delete from evidence_parts where export in (select id from evidence_exports where created_at < $1)`, before); err != nil {
		return err
	}
	return tx.Send(`delete from evidence_exports where created_at < $1`, before)
}
