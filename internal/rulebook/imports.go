package rulebook

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/jobs"
	"portolan/internal/landed"
)

// Upload is an official table that somebody hands in, as it was published.
type Upload struct {
	File    string // its name
	Who     string
	SkipBad bool // use it without the rows that are refused
	Body    []byte
}

func (u *Upload) check() error {
	if err := words(u.Who, "import"); err != nil {
		return err
	}
	if len(u.Body) > MaxFile {
		return fmt.Errorf("%.80s has %d bytes: %w", u.File, len(u.Body), ErrTooLarge)
	}
	if len(bytes.TrimSpace(u.Body)) == 0 {
		return fmt.Errorf("%.80s: %w", u.File, ErrEmpty)
	}
	return nil
}

func (u *Upload) begin() Import {
	return Import{ID: id.New("imp"), File: u.File, Who: u.Who, SkipBad: u.SkipBad, State: Waiting, Bytes: len(u.Body)}
}

// Check reads an upload and says what would become of its rows; nothing is kept. progress, unless nil, is told the
// number of rows read so far.
func Check(u Upload, progress func(rows int)) (landed.Import, error) {
	if err := u.check(); err != nil {
		return landed.Import{}, err
	}
	_, done, _, err := read(u, progress)
	return done, err
}

// read reads an upload. Where bad rows may be skipped it returns the file without them, and which they were.
func read(u Upload, progress func(rows int)) (clean []byte, done landed.Import, skipped []landed.Problem, err error) {
	_, done, err = landed.ReadTariff(bytes.NewReader(u.Body), u.File, progress)
	problems := landed.Problems(err)
	if err == nil || !u.SkipBad || len(done.Refused) == 0 {
		return u.Body, done, nil, err
	}
	clean, wrong := without(u.Body, done.Refused)
	if wrong != nil {
		return nil, done, nil, wrong
	}
	_, rest, wrong := landed.ReadTariff(bytes.NewReader(clean), u.File, nil)
	if wrong != nil || rest.Rows == 0 {
		return nil, done, nil, err
	}
	rest.Refused = done.Refused
	return clean, rest, problems, nil
}

// without is a file without the records that begin on some of its lines.
func without(body []byte, lines []int) ([]byte, error) {
	in := csv.NewReader(bytes.NewReader(body))
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if errors.As(err, new(*csv.ParseError)) {
				continue
			}
			return nil, err
		}
		if line, _ := in.FieldPos(0); slices.Contains(lines, line) {
			continue
		}
		if err := w.Write(cells); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// Import reads an upload and puts it in force: all of it, or nothing. A file with bad rows is refused as
// ErrUnreadableTariff of package landed, unless they may be skipped. progress is as for Check.
func (s *Service) Import(ctx context.Context, u Upload, progress func(rows int)) (Import, error) {
	if err := u.check(); err != nil {
		return Import{}, err
	}
	m := u.begin()
	clean, done, skipped, err := read(u, progress)
	if err != nil {
		m.Result = done
		return m, err
	}
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		m.At = tx.Now()
		return s.enter(tx, &m, clean, done, skipped)
	})
	return m, err
}

// enter puts an import in force.
func (s *Service) enter(tx *db.Tx, m *Import, clean []byte, done landed.Import, skipped []landed.Problem) error {
	b, seq, err := s.begin(tx)
	if err != nil {
		return err
	}
	if err := keep(tx, b.pack, b.imports); err != nil {
		return err
	}
	m.seq, m.Table, m.State, m.DoneRows, m.Result = seq, done.Table, InForce, done.Rows, done
	m.Problems = skipped[:min(len(skipped), MaxProblems)]
	if err := insertImport(tx, *m, pack(clean)); err != nil {
		return err
	}
	return s.turned(tx, b)
}

// turned keeps the pack that an import makes, or its end, and tells every node.
func (s *Service) turned(tx *db.Tx, before *book) error {
	b, err := readBook(tx, before)
	if err != nil {
		return err
	}
	if err := keep(tx, b.pack, b.imports); err != nil {
		return err
	}
	return s.bump(tx, Version)
}

// EndImport takes an official table out of force. What was in force before it, if anything, is in force again;
// the file stays, since quotes name its rows.
func (s *Service) EndImport(tx *db.Tx, imp, who string) (Import, error) {
	b, _, err := s.begin(tx)
	if err != nil {
		return Import{}, err
	}
	if err := keep(tx, b.pack, b.imports); err != nil {
		return Import{}, err
	}
	n, err := tx.Exec(`update rule_imports set state = $2, ended_by = $3, ended_at = $4 where id = $1 and state = $5`, imp, Ended, who, tx.Now(), InForce)
	if err == nil && n == 0 {
		err = fmt.Errorf("import %.40q: %w", imp, ErrNoImport)
	}
	if err != nil {
		return Import{}, err
	}
	if err := s.turned(tx, b); err != nil {
		return Import{}, err
	}
	return s.FindImport(tx, imp)
}

// Imports are the official tables that were handed in, the latest first.
func (s *Service) Imports(tx *db.Tx) ([]Import, error) {
	all, err := db.All(tx, scanImport, `select `+importColumns+` from rule_imports order by at desc, id desc limit 200`)
	if err != nil {
		return nil, err
	}
	force, err := importsInForce(tx)
	for i := range all {
		all[i].Replaced = all[i].State == InForce && !slices.ContainsFunc(force, func(m Import) bool { return m.ID == all[i].ID })
	}
	return all, err
}

// FindImport is an import, or ErrNoImport.
func (s *Service) FindImport(tx *db.Tx, imp string) (Import, error) {
	m, err := db.One(tx, scanImport, `select `+importColumns+` from rule_imports where id = $1`, imp)
	if errors.Is(err, db.ErrNone) {
		return m, fmt.Errorf("import %.40q: %w", imp, ErrNoImport)
	}
	return m, err
}

// importJob reads an upload.
type importJob struct {
	Import string `json:"import"`
}

// Job implements jobs.Args.
func (importJob) Job() string { return "rulebook.import" }

// Work registers the reading of uploads with a queue.
func (s *Service) Work(q *jobs.Queue) {
	s.queue = q
	jobs.HandleOutside(q, s.readUpload, jobs.Slots(1), jobs.Tries(3))
}

// Receive keeps an upload, to be read by a job; FindImport tells how far it is.
func (s *Service) Receive(tx *db.Tx, u Upload) (Import, error) {
	if err := u.check(); err != nil {
		return Import{}, err
	}
	m := u.begin()
	m.At = tx.Now()
	if err := insertImport(tx, m, pack(u.Body)); err != nil {
		return Import{}, err
	}
	return m, s.queue.Add(tx, importJob{m.ID}, jobs.When{Subject: m.ID})
}

// noteEvery is after how many rows the progress of an import is noted.
const noteEvery = 2000

func (s *Service) readUpload(ctx context.Context, j importJob) error {
	var m Import
	var packed []byte
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if m, err = s.FindImport(tx, j.Import); err != nil {
			return err
		}
		packed, err = importFile(tx, j.Import)
		return err
	})
	if err != nil || m.State != Waiting && m.State != Reading {
		return err
	}
	body, err := unpack(packed)
	if err != nil {
		return err
	}
	clean, done, skipped, err := read(Upload{File: m.File, Who: m.Who, SkipBad: m.SkipBad, Body: body}, func(rows int) {
		if rows%noteEvery != 0 {
			return
		}
		s.db.Write(ctx, func(tx *db.Tx) error {
			return tx.Send(`update rule_imports set state = $2, done_rows = $3 where id = $1`, m.ID, Reading, rows)
		})
	})
	problems := landed.Problems(err)
	if err != nil && problems == nil {
		return err
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		if err == nil {
			return s.enter(tx, &m, clean, done, skipped)
		}
		m.Table, m.State, m.DoneRows, m.Result = done.Table, Refused, done.Rows, done
		m.Problems = problems[:min(len(problems), MaxProblems)]
		return insertImport(tx, m, nil)
	})
}
