package pricing

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/jobs"
	"portolan/internal/money"
)

// ErrNoPayoutFile is the fault of a report that isn't there.
var ErrNoPayoutFile = fault.New(fault.NotFound, "pricing.no_payout_file")

// Refs finds the order that a provider's report names. Satisfied by checkout.Service.
type Refs interface {
	// OrderOf is the id of the order; "" where nobody knows the name.
	OrderOf(tx *db.Tx, ref string) (string, error)
}

// PayoutFile is a report of payouts and how far it has come.
type PayoutFile struct {
	ID      string
	Name    string
	By      string
	At      time.Time
	Lines   int64
	Done    int64 // of Lines
	Fresh   int64 // of Done: new; the others were known already
	Refused int64 // of Done: another payout was faster
	EndedAt time.Time
}

// Known is how many of the lines done were known already.
func (f PayoutFile) Known() int64 { return f.Done - f.Fresh - f.Refused }

type payoutsJob struct {
	File string `json:"file"`
}

// Job implements jobs.Args.
func (payoutsJob) Job() string { return "pricing.payouts" }

// payoutsAtOnce is how many lines one unit of work settles: everybody else who writes waits for it.
const payoutsAtOnce = 100

// TakePayouts looks at a report whole, line by line, beside what is known, and takes it in: a job settles it bit
// by bit. Where a line can't be right nothing is taken, and the fault names every such line.
func (s *Service) TakePayouts(tx *db.Tx, name string, lines []PayoutLine, refs Refs, by string) (PayoutFile, error) {
	f := PayoutFile{ID: id.New("pof"), Name: name, By: by, At: tx.Now(), Lines: int64(len(lines))}
	wrong := &lineFaults{of: ErrPayoutFile}
	locks, today := map[string]*Lock{}, tx.Now().Add(aheadOfUTC).Format(time.DateOnly)
	named := make([]string, len(lines))
	for i, p := range lines {
		if p.Day > today {
			wrong.add(p.Line, "day", p.Day, "pricing.day_future")
		}
		l, err := lockOf(tx, refs, p.Ref)
		switch {
		case errors.Is(err, ErrNoLock):
			wrong.add(p.Line, "ref", p.Ref, ErrNoLock.Code)
			continue
		case err != nil:
			return f, err
		}
		if locks[l.Ref] == nil {
			locks[l.Ref] = &l
		}
		named[i], p.Ref = l.Ref, l.Ref
		if err := tryPayout(tx, locks[l.Ref], p, wrong); err != nil {
			return f, err
		}
	}
	if err := wrong.err(); err != nil {
		return f, err
	}
	if err := tx.Send(`insert into payout_files (id, name, taken_by, taken_at, lines) values ($1, $2, $3, $4, $5)`, f.ID, name[:min(len(name), 200)], by, f.At, f.Lines); err != nil {
		return f, err
	}
	for i, p := range lines {
		if err := tx.Send(`insert into payout_lines (file, line, payout, entry, ref, lock_ref, minor, currency, home_minor, home, fee_minor, day, state)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'waiting')`, f.ID, p.Line, p.Payout, p.Entry, p.Ref, named[i],
			p.Amount.Minor, p.Amount.Currency, p.Home.Minor, p.Home.Currency, p.Fee.Minor, p.Day); err != nil {
			return f, err
		}
	}
	if s.queue == nil {
		return f, nil
	}
	return f, s.queue.Add(tx, payoutsJob{f.ID}, jobs.When{})
}

func lockOf(tx *db.Tx, refs Refs, ref string) (Lock, error) {
	l, err := findLock(tx, ref, "")
	if !errors.Is(err, ErrNoLock) || refs == nil {
		return l, err
	}
	order, err := refs.OrderOf(tx, ref)
	if err != nil {
		return l, err
	}
	return findLock(tx, order, "")
}

// tryPayout settles a line on a copy of its lock, to see whether it can be right.
func tryPayout(tx *db.Tx, l *Lock, p PayoutLine, wrong *lineFaults) error {
	checked, err := p.check(*l)
	if err != nil {
		fields := fault.Of(err).Fields
		for _, column := range slices.Sorted(maps.Keys(fields)) {
			wrong.add(p.Line, column, "", fields[column])
		}
		return nil
	}
	before, err := db.All(tx, scanResult, `select `+resultColumns+` from fx_settlements where payout = $1 and ref = $2 and entry = $3`, p.Payout, p.Ref, p.Entry)
	switch {
	case err != nil:
		return err
	case len(before) == 1 && before[0].same(checked):
		return nil
	case len(before) == 1:
		wrong.add(p.Line, "entry", p.Entry, ErrSettledOtherwise.Code)
		return nil
	}
	if _, err := l.settle(checked); err != nil {
		wrong.add(p.Line, "amount", p.Amount.Decimal(), fault.Of(err).Code)
	}
	return nil
}

// WorkPayouts settles the next lines of a report and tells how many are left. A line that another payout made
// impossible meanwhile is refused by itself, with the reason.
func (s *Service) WorkPayouts(tx *db.Tx, file string) (left int64, err error) {
	if _, err := db.One(tx, db.Scalar[string], `select id from payout_files where id = $1`+tx.ForUpdate(), file); err != nil {
		return 0, fmt.Errorf("report %.40q: %w", file, err)
	}
	lines, err := db.All(tx, scanPayoutLine, `select line, payout, entry, lock_ref, minor, currency, home_minor, home, fee_minor, day, state, fault from payout_lines
		where file = $1 and state = 'waiting' order by line limit $2`, file, payoutsAtOnce)
	if err != nil {
		return 0, err
	}
	var fresh, refused int64
	for _, l := range lines {
		state, code := "settled", ""
		_, isNew, err := s.settlePayout(tx, l.Settled)
		switch {
		case err != nil && fault.Of(err).Kind == fault.Internal:
			return 0, err
		case err != nil:
			state, code = "refused", fault.Of(err).Code
			refused++
		case isNew:
			fresh++
		default:
			state = "known"
		}
		if err := tx.Send(`update payout_lines set state = $3, fault = $4 where file = $1 and line = $2`, file, l.Line, state, code); err != nil {
			return 0, err
		}
	}
	f, err := db.One(tx, scanPayoutFile, `update payout_files set done = done + $2, fresh = fresh + $3, refused = refused + $4,
		ended_at = case when done + $2 >= lines then $5 else ended_at end where id = $1 returning `+payoutFileColumns, file, int64(len(lines)), fresh, refused, tx.Now())
	return f.Lines - f.Done, err
}

// Work lets q settle reports of payouts, bit by bit.
func (s *Service) Work(q *jobs.Queue) {
	s.queue = q
	jobs.Handle(q, func(tx *db.Tx, j payoutsJob) error {
		left, err := s.WorkPayouts(tx, j.File)
		if err != nil || left <= 0 {
			return err
		}
		return q.Add(tx, j, jobs.When{})
	})
}

// PayoutFile is a report that was taken in, or ErrNoPayoutFile.
func (s *Service) PayoutFile(tx *db.Tx, file string) (PayoutFile, error) {
	f, err := db.One(tx, scanPayoutFile, `select `+payoutFileColumns+` from payout_files where id = $1`, file)
	if errors.Is(err, db.ErrNone) {
		err = fmt.Errorf("%.40q: %w", file, ErrNoPayoutFile)
	}
	return f, err
}

// PayoutFiles are the reports that were taken in, the latest first.
func (s *Service) PayoutFiles(tx *db.Tx, limit int) ([]PayoutFile, error) {
	return db.All(tx, scanPayoutFile, `select `+payoutFileColumns+` from payout_files order by taken_at desc, id desc limit $1`, limit)
}

// KeptLine is a line of a report and what became of it.
type KeptLine struct {
	PayoutLine
	State string // waiting, settled, known, refused
	Fault string // why it was refused, as a code
}

// RefusedLines are the lines of a report that another payout made impossible, in its order.
func (s *Service) RefusedLines(tx *db.Tx, file string) ([]KeptLine, error) {
	return db.All(tx, scanPayoutLine, `select line, payout, entry, lock_ref, minor, currency, home_minor, home, fee_minor, day, state, fault from payout_lines
		where file = $1 and state = 'refused' order by line limit 100`, file)
}

const payoutFileColumns = `id, name, taken_by, taken_at, lines, done, fresh, refused, ended_at`

func scanPayoutFile(r db.Row) (f PayoutFile, err error) {
	return f, r.Scan(&f.ID, &f.Name, &f.By, db.Moment(&f.At), &f.Lines, &f.Done, &f.Fresh, &f.Refused, db.Moment(&f.EndedAt))
}

func scanPayoutLine(r db.Row) (l KeptLine, err error) {
	var home money.Currency
	err = r.Scan(&l.Line, &l.Payout, &l.Entry, &l.Ref, &l.Amount.Minor, &l.Amount.Currency, &l.Home.Minor, &home, &l.Fee.Minor, &l.Day, &l.State, &l.Fault)
	l.Home.Currency, l.Fee.Currency = home, home
	return l, err
}
