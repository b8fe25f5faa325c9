package customer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/jobs"
	"portolan/internal/market"
)

var (
	ErrBadFile       = fault.New(fault.Invalid, "customer.bad_import_file")
	ErrUnknownImport = fault.New(fault.NotFound, "customer.unknown_import")
)

// ImportColumns are the columns of a file of consents; those without a star may be missing or empty.
//
//	address*  an e-mail address, or a phone number with its country code
//	channel   sms, email, whatsapp; by the address if empty
//	class     promotional or service; promotional if empty
//	agreed_at* when: 2025-03-01, or with a time as in RFC 3339
//	text*     what the person was shown, word for word
//	source*   who says so: "newsletter form", "till 4"
//	page      where
//	lang      language of the text
//	ip        from where; only a digest is kept
//	confirmed yes where the second step of a double opt-in was taken
//	proof     what else proves it: a number, a link
var ImportColumns = []string{"address", "channel", "class", "agreed_at", "text", "source", "page", "lang", "ip", "confirmed", "proof"}

// ImportRun is a file of consents on its way into the ledger, or tried without effect.
type ImportRun struct {
	ID        string
	Name      string
	By        string
	Market    market.Code
	Dry       bool
	Lines     int64
	Done      int64
	Added     int64
	Known     int64 // had agreed already
	Silent    int64 // have asked for silence, which no file can undo
	Refused   int64
	CreatedAt time.Time
	EndedAt   time.Time

	body string
}

// ImportFault is a line that wasn't taken.
type ImportFault struct {
	Line  int64 // of the file, the heading is 1
	Field string
	Code  string
	Value string
}

const (
	largestImport = 8 << 20 // bytes
	importStep    = 200     // lines in one unit of work
	mostFaults    = 1000    // that are kept
)

// StartImport checks a file's form and begins to read it in the background. doubleOptIn is the market's.
func (s *Service) StartImport(tx *db.Tx, q *jobs.Queue, run ImportRun, file string, doubleOptIn bool) (ImportRun, error) {
	file = strings.TrimPrefix(file, "\ufeff")
	if len(file) == 0 || len(file) > largestImport {
		return run, ErrBadFile.With(map[string]string{"file": "1_byte_to_8_megabytes"})
	}
	r := reader(file)
	head, err := r.Read()
	if err != nil {
		return run, ErrBadFile.With(map[string]string{"file": "no_csv"})
	}
	for _, need := range []string{"address", "agreed_at", "text", "source"} {
		if !slices.Contains(trimmed(head), need) {
			return run, ErrBadFile.With(map[string]string{"file": "columns_missing"})
		}
	}
	for {
		if _, err := r.Read(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return run, ErrBadFile.With(map[string]string{"file": "no_csv"})
		}
		run.Lines++
	}
	run.ID, run.CreatedAt = id.New("imp"), tx.Now()
	err = tx.Send(`insert into consent_imports (id, name, by_whom, market, dry, body, lines, done, added, known, silent, refused, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, 0, $8)`, run.ID, run.Name, run.By, string(run.Market), run.Dry, file, run.Lines, run.CreatedAt)
	if err != nil {
		return run, err
	}
	return run, q.Add(tx, importStepJob{run.ID, doubleOptIn, 0}, jobs.When{Subject: run.ID, Priority: jobs.Low})
}

func reader(file string) *csv.Reader {
	r := csv.NewReader(strings.NewReader(file))
	if first, _, _ := strings.Cut(file, "\n"); strings.Count(first, ";") > strings.Count(first, ",") {
		r.Comma = ';'
	}
	r.ReuseRecord = false
	return r
}

func trimmed(head []string) []string {
	out := make([]string, len(head))
	for i, h := range head {
		out[i] = strings.ToLower(strings.TrimSpace(h))
	}
	return out
}

// importStepJob takes the next lines of a file.
type importStepJob struct {
	Import      string `json:"import"`
	DoubleOptIn bool   `json:"double_opt_in"`
	From        int64  `json:"from"`
}

// Job implements jobs.Args.
func (importStepJob) Job() string { return "customer.import" }

// Work registers what runs in the background. Call it before the queue runs.
func (s *Service) Work(q *jobs.Queue) {
	jobs.Handle(q, func(tx *db.Tx, a importStepJob) error { return s.importStep(tx, q, a) })
}

func (s *Service) importStep(tx *db.Tx, q *jobs.Queue, a importStepJob) error {
	run, err := s.importRun(tx, a.Import)
	if err != nil || !run.EndedAt.IsZero() || run.Done != a.From {
		return err
	}
	r := reader(run.body)
	head, err := r.Read()
	if err != nil {
		return jobs.Permanent(err)
	}
	head = trimmed(head)
	for line := int64(0); line < run.Lines && run.Done < a.From+importStep; line++ {
		cells, err := r.Read()
		if err != nil {
			return jobs.Permanent(err)
		}
		if line < a.From {
			continue
		}
		row := make(map[string]string, len(head))
		for i, h := range head {
			row[h] = strings.TrimSpace(cells[i])
		}
		if err := s.importLine(tx, &run, line+2, row, a.DoubleOptIn); err != nil {
			return err
		}
		run.Done++
	}
	var ended time.Time
	if run.Done >= run.Lines {
		ended, run.body = tx.Now(), ""
	}
	err = tx.Send(`update consent_imports set done = $2, added = $3, known = $4, silent = $5, refused = $6, ended_at = $7, body = $8 where id = $1`,
		run.ID, run.Done, run.Added, run.Known, run.Silent, run.Refused, ended, run.body)
	if err != nil || !ended.IsZero() {
		return err
	}
	a.From = run.Done
	return q.Add(tx, a, jobs.When{Subject: run.ID, Priority: jobs.Low})
}

func (s *Service) importLine(tx *db.Tx, run *ImportRun, line int64, row map[string]string, doubleOptIn bool) error {
	c, bad := s.readConsent(tx, row, doubleOptIn)
	if bad != nil {
		run.Refused++
		if run.Refused > mostFaults {
			return nil
		}
		return tx.Send(`insert into consent_import_faults (import, line, field, code, value) values ($1, $2, $3, $4, $5) on conflict do nothing`,
			run.ID, line, bad.Field, bad.Code, bad.Value)
	}
	silent, err := s.Suppressed(tx, c.Address)
	if err != nil {
		return err
	}
	if silent.Address != "" {
		run.Silent++
		return nil
	}
	now, err := s.Allowed(tx, c.Address, c.Channel, c.Class)
	switch {
	case err != nil:
		return err
	case now.Granted:
		run.Known++
		return nil
	case now.Revoked:
		run.Silent++
		return nil
	}
	run.Added++
	if run.Dry {
		return nil
	}
	people, err := behind(tx, c.Address)
	if err != nil {
		return err
	}
	c.Customer, c.Market = first(people).ID, run.Market
	c.Wording = "import/" + run.ID
	_, err = s.Record(tx, c)
	return err
}

// readConsent makes an event of one line, or says what is wrong with it.
func (s *Service) readConsent(tx *db.Tx, row map[string]string, doubleOptIn bool) (c Consent, bad *ImportFault) {
	no := func(field, code string) (Consent, *ImportFault) {
		v := []rune(row[field])
		return c, &ImportFault{Field: field, Code: code, Value: string(v[:min(len(v), 100)])}
	}
	address, err := Address(row["address"])
	if err != nil {
		return no("address", "neither_mail_nor_phone")
	}
	mail := strings.Contains(address, "@")
	c = Consent{Address: address, Channel: Channel(strings.ToLower(row["channel"])), Class: Class(strings.ToLower(row["class"])), Action: Import,
		Text: row["text"], Lang: row["lang"], Page: row["page"], Source: row["source"], IPDigest: s.Digest("ip", row["ip"])}
	if c.Channel == "" {
		c.Channel = SMS
		if mail {
			c.Channel = Mail
		}
	}
	if c.Class == "" {
		c.Class = Promotional
	}
	if !slices.Contains([]Channel{SMS, Mail, WhatsApp}, c.Channel) || mail != (c.Channel == Mail) {
		return no("channel", "not_for_this_address")
	}
	if c.Class != Promotional && c.Class != Survey {
		return no("class", "unknown")
	}
	at, err := time.Parse(time.RFC3339, row["agreed_at"])
	if err != nil {
		at, err = time.Parse(time.DateOnly, row["agreed_at"])
	}
	switch {
	case err != nil:
		return no("agreed_at", "no_day")
	case at.After(tx.Now()):
		return no("agreed_at", "in_the_future")
	case c.Text == "":
		return no("text", "required")
	case len(c.Text) > 4000:
		return no("text", "too_long")
	case c.Source == "":
		return no("source", "required")
	}
	confirmed := slices.Contains([]string{"yes", "true", "1", "ja", "ya"}, strings.ToLower(row["confirmed"]))
	if doubleOptIn && !confirmed {
		return no("confirmed", "second_step_needed")
	}
	c.Proof = fmt.Sprintf("agreed %s", at.UTC().Format(time.RFC3339))
	if confirmed {
		c.Proof += "; confirmed"
	}
	if p := row["proof"]; p != "" {
		c.Proof += "; " + p[:min(len(p), 500)]
	}
	c.Proof = strings.ToValidUTF8(c.Proof, "")
	return c, nil
}

const importColumns = `id, name, by_whom, market, dry, body, lines, done, added, known, silent, refused, created_at, ended_at`

func scanImport(r db.Row) (i ImportRun, err error) {
	err = r.Scan(&i.ID, &i.Name, &i.By, (*string)(&i.Market), &i.Dry, &i.body, &i.Lines, &i.Done, &i.Added, &i.Known, &i.Silent, &i.Refused,
		&i.CreatedAt, db.Null(&i.EndedAt))
	i.CreatedAt = i.CreatedAt.UTC()
	return
}

func (s *Service) importRun(tx *db.Tx, id string) (ImportRun, error) {
	run, err := db.One(tx, scanImport, `select `+importColumns+` from consent_imports where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknownImport
	}
	return run, err
}

// ImportOf returns a run with the lines that were refused, the first thousand.
func (s *Service) ImportOf(tx *db.Tx, id string) (ImportRun, []ImportFault, error) {
	run, err := s.importRun(tx, id)
	if err != nil {
		return run, nil, err
	}
	faults, err := db.All(tx, func(r db.Row) (f ImportFault, err error) { err = r.Scan(&f.Line, &f.Field, &f.Code, &f.Value); return },
		`select line, field, code, value from consent_import_faults where import = $1 order by line`, id)
	return run, faults, err
}

// Imports returns the latest runs, newest first.
func (s *Service) Imports(tx *db.Tx) ([]ImportRun, error) {
	return db.All(tx, scanImport, `select `+strings.Replace(importColumns, "body", "''", 1)+` from consent_imports order by created_at desc, id desc limit 50`)
}
