package tax

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/money"
)

// The faults of filing.
var (
	// ErrFiling is the fault of a filing that can't be noted: no reference, a day outside its range, a period that runs.
	ErrFiling = fault.New(fault.Invalid, "tax.filing_invalid")
	// ErrFiled is the fault of a return that was filed, or whose days were filed as another period.
	ErrFiled = fault.New(fault.Conflict, "tax.already_filed")
	// ErrNotFiled is the fault of a filing that isn't there or was taken back.
	ErrNotFiled = fault.New(fault.NotFound, "tax.not_filed")
	// ErrProvisional is the fault of filing figures that aren't final: an exchange rate is missing.
	ErrProvisional = fault.New(fault.Conflict, "tax.return_provisional")
)

// Filing is a person's word that a return was filed.
type Filing struct {
	ID        string
	Scheme    string
	Period    Period
	First     string // civil days
	Last      string
	FiledOn   string // civil day
	Reference string // that the authority gave
	By        string
	NotedAt   time.Time
	UndoneAt  time.Time // zero: it stands
	UndoneBy  string
	UndoneWhy string

	report string
}

// scope is which entries e a return is made of. Its condition may use $1 (the scheme) to $4.
type scope struct {
	where                    string
	scheme, since, last, key string
}

func (c scope) args() []any { return []any{c.scheme, c.since, c.last, c.key} }

// open is the scope of a return that isn't filed: what no return has declared of its period, and of the periods
// right before it that were filed.
func open(scheme string, r Report, filed map[Period]Filing) scope {
	kind, _, _, _ := r.Period.parse()
	since := r.First
	for {
		f, ok := filed[PeriodOf(kind, market.AddDays(since, -1))]
		if !ok {
			break
		}
		since = f.First
	}
	return scope{`not e.test and e.day >= $2 and e.day <= $3 and e.id not in (select entry from tax_declared where scheme = $4)`, scheme, since, r.Last, scheme}
}

// declared is the scope of a return that was filed.
func declared(f Filing) scope {
	return scope{`e.day >= $2 and e.day <= $3 and e.id in (select entry from tax_declared where filing = $4)`, f.Scheme, "", f.Last, f.ID}
}

// later is the scope of what has changed a filed period since: late sales and every refund of its sales.
func later(f Filing) scope {
	return scope{`not e.test and (e.original_day >= $2 and e.original_day <= $3 or e.day >= $2 and e.day <= $3)
		and e.id not in (select entry from tax_declared where filing = $4)`, f.Scheme, f.First, f.Last, f.ID}
}

// behind is the scope of a return, and the first day of its period.
func (s *Service) behind(tx *db.Tx, scheme string, period Period, since bool) (scope, string, error) {
	r, _, err := s.blank(scheme, period)
	if err != nil {
		return scope{}, "", err
	}
	all, err := s.filings(tx, scheme)
	if err != nil {
		return scope{}, "", err
	}
	f, ok := all[period]
	switch {
	case ok && since:
		return later(f), r.First, nil
	case ok:
		return declared(f), r.First, nil
	case since:
		return scope{}, "", fmt.Errorf("%s %s: %w", scheme, period, ErrNotFiled)
	}
	return open(scheme, r, all), r.First, nil
}

// File notes that a return was filed and keeps its figures as they are now. What comes to the period afterwards
// corrects the return that follows. ErrFiling, ErrFiled, ErrProvisional, ErrUnknownScheme, ErrPeriod.
func (s *Service) File(tx *db.Tx, scheme string, period Period, filedOn, reference, by string) (Report, error) {
	r, _, err := s.blank(scheme, period)
	if err != nil {
		return r, err
	}
	if r.Currency == "" {
		return r, fmt.Errorf("%s: %w", scheme, ErrUnknownScheme)
	}
	today := tx.Now().In(r.Scheme.Zone).Format(time.DateOnly)
	reference = strings.TrimSpace(reference)
	var c fault.Check
	c.That(r.Last < today, "period", "tax.period_running")
	c.That(isDay(filedOn), "filed_on", "pricing.day_form")
	c.That(!isDay(filedOn) || filedOn > r.Last && filedOn <= market.AddDays(today, 1), "filed_on", "tax.filed_on_range")
	c.That(reference != "", "reference", "required")
	c.That(len(reference) <= 120, "reference", "too_long")
	if err := c.Err(ErrFiling.Code); err != nil {
		return r, err
	}
	all, err := s.filings(tx, scheme)
	if err != nil {
		return r, err
	}
	for _, o := range all {
		if o.First <= r.Last && r.First <= o.Last {
			return r, fmt.Errorf("%s %s: %w", scheme, o.Period, ErrFiled)
		}
	}
	f := Filing{ID: id.New("fil"), Scheme: scheme, Period: period, First: r.First, Last: r.Last, FiledOn: filedOn, Reference: reference, By: by, NotedAt: tx.Now()}
	n, err := tx.Exec(`insert into tax_filings (id, scheme, period, first, last, filed_on, reference, filed_by, noted_at, report, undone_by, undone_why)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', '') on conflict do nothing`,
		f.ID, f.Scheme, string(f.Period), f.First, f.Last, f.FiledOn, f.Reference, f.By, f.NotedAt)
	if err == nil && n == 0 {
		err = fmt.Errorf("%s %s: %w", scheme, period, ErrFiled)
	}
	if err != nil {
		return r, err
	}
	in := open(scheme, r, all)
	// What is declared is noted before it is added up, so that nothing comes between the two.
	_, err = tx.Exec(`insert into tax_declared (scheme, entry, filing) select $1, e.id, $5 from tax_entries e
		where e.id in (select entry from tax_parts where scheme = $1) and `+in.where, append(in.args(), f.ID)...)
	if err != nil {
		return r, err
	}
	if err := s.make(tx, &r, declared(f)); err != nil {
		return r, err
	}
	if r.Provisional || lacksRate(r.Problems) {
		return r, fmt.Errorf("%s %s: %w", scheme, period, ErrProvisional)
	}
	text, err := json.Marshal(r)
	if err != nil {
		return r, err
	}
	r.Filing = &f
	return r, tx.Send(`update tax_filings set report = $2 where id = $1`, f.ID, string(text))
}

func lacksRate(problems []string) bool {
	for _, p := range problems {
		if strings.HasPrefix(p, "no_rate:") {
			return true
		}
	}
	return false
}

// Unfile takes back a filing that was noted by mistake; the return is made of the ledger again. ErrNotFiled,
// ErrFiling without a reason.
func (s *Service) Unfile(tx *db.Tx, filing, by, why string) error {
	why = strings.TrimSpace(why)
	var c fault.Check
	c.That(why != "", "reason", "required")
	c.That(len(why) <= 300, "reason", "too_long")
	if err := c.Err(ErrFiling.Code); err != nil {
		return err
	}
	n, err := tx.Exec(`update tax_filings set undone_at = $2, undone_by = $3, undone_why = $4 where id = $1 and undone_at is null`, filing, tx.Now(), by, why)
	if err == nil && n == 0 {
		err = fmt.Errorf("%.60q: %w", filing, ErrNotFiled)
	}
	if err != nil {
		return err
	}
	return tx.Send(`delete from tax_declared where filing = $1`, filing)
}

// Filings are all that was noted of a scheme's period, latest first, with those that were taken back.
func (s *Service) Filings(tx *db.Tx, scheme string, period Period) ([]Filing, error) {
	return db.All(tx, scanFiling, `select `+filingColumns+` from tax_filings where scheme = $1 and period = $2 order by noted_at desc, id desc`, scheme, string(period))
}

// filings are those of a scheme that stand, by period.
func (s *Service) filings(tx *db.Tx, scheme string) (map[Period]Filing, error) {
	all, err := db.All(tx, scanFiling, `select `+filingColumns+` from tax_filings where scheme = $1 and undone_at is null order by first`, scheme)
	found := map[Period]Filing{}
	for _, f := range all {
		found[f.Period] = f
	}
	return found, err
}

const filingColumns = `id, scheme, period, first, last, filed_on, reference, filed_by, noted_at, undone_at, undone_by, undone_why, report`

func scanFiling(r db.Row) (f Filing, err error) {
	err = r.Scan(&f.ID, &f.Scheme, (*string)(&f.Period), &f.First, &f.Last, &f.FiledOn, &f.Reference, &f.By, &f.NotedAt, db.Null(&f.UndoneAt), &f.UndoneBy, &f.UndoneWhy, &f.report)
	f.NotedAt, f.UndoneAt = f.NotedAt.UTC(), f.UndoneAt.UTC()
	return
}

// frozen is a return as it was filed.
func (s *Service) frozen(_ *db.Tx, c Scheme, f Filing) (r Report, err error) {
	if err := json.Unmarshal([]byte(f.report), &r); err != nil {
		return r, fmt.Errorf("filed return %s: %w", f.ID, err)
	}
	r.Scheme, r.Filing = c, &f
	return r, nil
}

// Later is what has changed the period of a filed return since, in original currencies. Returns of later periods
// declare it, or have.
type Later struct {
	Entries int64
	Totals  []Sum
}

// Since is what has changed the period of a filed return since it was filed. ErrNotFiled.
func (s *Service) Since(tx *db.Tx, scheme string, period Period) (l Later, err error) {
	all, err := s.filings(tx, scheme)
	if err != nil {
		return l, err
	}
	f, ok := all[period]
	if !ok {
		return l, fmt.Errorf("%s %s: %w", scheme, period, ErrNotFiled)
	}
	return since(tx, f)
}

func since(tx *db.Tx, f Filing) (l Later, err error) {
	in := later(f)
	l.Totals, err = db.All(tx, func(r db.Row) (v Sum, err error) {
		var currency money.Currency
		var n int64
		err = r.Scan((*string)(&currency), &v.Net.Minor, &v.Tax.Minor, &n)
		v.Net.Currency, v.Tax.Currency = currency, currency
		l.Entries += n
		return
	}, `select e.currency, cast(sum(p.base) as bigint), cast(sum(p.tax) as bigint), count(distinct e.id)
		from tax_parts p join tax_entries e on e.id = p.entry where p.scheme = $1 and `+in.where+` group by e.currency order by e.currency`, in.args()...)
	return l, err
}
