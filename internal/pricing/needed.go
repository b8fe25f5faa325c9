package pricing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
)

var (
	// ErrSourceDown is the fault of a source of rates that doesn't answer, or not with rates.
	ErrSourceDown = fault.New(fault.Unavailable, "pricing.source_down")
	// ErrNoSource is the fault of fetching rates where no address was set.
	ErrNoSource = fault.New(fault.Invalid, "pricing.needs_url")
	// ErrRateUndone is the fault of setting a rate aside that was set aside, or that no person entered.
	ErrRateUndone = fault.New(fault.Conflict, "pricing.rate_undone")
)

// Need is a currency that the shop sells in, and the rate into it from the merchant's own.
type Need struct {
	Currency money.Currency
	Markets  []market.Market
	Rate     Quotation
	Age      int    // days since the rate's day
	Fault    string // why it can't be used, as a code; then the last one known is Rate
}

// Needed are the rates that the shop's markets need, by currency; none where nobody has said what the merchant's
// own currency is. A stale one is told with what is known.
func (s *Service) Needed(tx *db.Tx) ([]Need, error) {
	desk, err := loadDesk(tx)
	if err != nil || desk.Home == "" {
		return nil, err
	}
	markets, err := s.markets.List(tx)
	if err != nil {
		return nil, err
	}
	today := tx.Now().Format(time.DateOnly)
	known, err := loadRates(tx, market.AddDays(today, -fxMemory))
	if err != nil {
		return nil, err
	}
	var all []Need
	for _, m := range markets {
		if m.Currency == desk.Home || m.State == market.Closed {
			continue
		}
		at := slices.IndexFunc(all, func(n Need) bool { return n.Currency == m.Currency })
		if at >= 0 {
			all[at].Markets = append(all[at].Markets, m)
			continue
		}
		all = append(all, known.need(desk.Home, m, today))
	}
	slices.SortFunc(all, func(a, b Need) int { return compareText(a.Currency, b.Currency) })
	return all, nil
}

func (r *rates) need(home money.Currency, m market.Market, today string) Need {
	n := Need{Currency: m.Currency, Markets: []market.Market{m}}
	q, err := r.find(home, m.Currency, today)
	if err != nil {
		n.Fault = fault.Of(err).Code
		r.paths(home, m.Currency, today, func(p path) bool {
			if p.day > q.Day {
				q = Quotation{decimal(p.rate), p.day, p.source}
			}
			return true
		})
	}
	if n.Rate = q; q.Day != "" {
		n.Age = market.DaysBetween(q.Day, today)
	}
	return n
}

// Amiss counts what needs a person: currencies of the shop without a usable rate, from memory, and a source that
// failed twice in a row.
func (s *Service) Amiss(tx *db.Tx) (n int64, err error) {
	home, today := s.Home(), tx.Now().Format(time.DateOnly)
	seen := map[money.Currency]bool{home: true}
	for _, m := range s.markets.All() {
		if home == "" || seen[m.Currency] || m.State != market.Open {
			continue
		}
		seen[m.Currency] = true
		if _, err := s.RateNow(home, m.Currency, today); err != nil {
			n++
		}
	}
	failed, err := s.Failures(tx)
	if failed >= 2 {
		n++
	}
	return n, err
}

// UnsetRate sets a rate aside that a person entered, so that the one before it counts again. It stays in the
// history. ErrRateUndone.
func (s *Service) UnsetRate(tx *db.Tx, rate, by string) error {
	n, err := tx.Exec(`update fx_rates set undone_at = $2, undone_by = $3 where id = $1 and undone_at is null and set_by <> ''`, rate, tx.Now(), by)
	if err == nil && n == 0 {
		err = fmt.Errorf("rate %.40q: %w", rate, ErrRateUndone)
	}
	if err != nil {
		return err
	}
	return s.bump(tx, FXVersion)
}

// Fetched is a try to fetch rates.
type Fetched struct {
	At     time.Time
	URL    string
	OK     bool
	Read   int64
	Kept   int64
	Fault  string // why it failed, as a code
	Detail string // and what exactly went wrong
}

// Fetches are the tries to fetch rates, the latest first.
func (s *Service) Fetches(tx *db.Tx, limit int) ([]Fetched, error) {
	return db.All(tx, func(r db.Row) (f Fetched, err error) {
		return f, r.Scan(db.Moment(&f.At), &f.URL, &f.OK, &f.Read, &f.Kept, &f.Fault, &f.Detail)
	}, `select at, url, ok, read, kept, fault, detail from fx_fetches order by at desc, id desc limit $1`, limit)
}

// Failures is how many of the latest tries failed in a row.
func (s *Service) Failures(tx *db.Tx) (n int64, err error) {
	last, err := s.Fetches(tx, 10)
	for _, f := range last {
		if f.OK {
			break
		}
		n++
	}
	return n, err
}

// Getter opens what stands under an address. Satisfied by ecb.Get.
type Getter func(ctx context.Context, url string) (io.ReadCloser, error)

type ratesJob struct{}

// Job implements jobs.Args.
func (ratesJob) Job() string { return "pricing.rates" }

// Fetching lets q fetch rates every day by get, where the merchant has switched that on, and makes Fetch possible.
func (s *Service) Fetching(q *jobs.Queue, get Getter) {
	s.get = get
	jobs.HandleOutside(q, func(ctx context.Context, _ ratesJob) error {
		var desk Desk
		if err := s.db.Read(ctx, func(tx *db.Tx) (err error) { desk, err = loadDesk(tx); return err }); err != nil || !desk.Daily {
			return err
		}
		_, err := s.Fetch(ctx)
		return err
	}, jobs.Slots(1), jobs.Tries(4))
	q.Every("pricing.rates", 24*time.Hour, ratesJob{})
}

// Fetch gets the rates from the address that was set and keeps them, all or none, under the guards of
// ImportRates. What became of the try is noted either way. ErrNoSource, ErrSourceDown, ErrRateFile.
func (s *Service) Fetch(ctx context.Context) (sum ImportedRates, err error) {
	var desk Desk
	if err := s.db.Read(ctx, func(tx *db.Tx) (err error) { desk, err = loadDesk(tx); return err }); err != nil {
		return sum, err
	}
	if desk.URL == "" || s.get == nil {
		return sum, ErrNoSource.With(map[string]string{"url": ErrNoSource.Code})
	}
	all, err := s.download(ctx, desk.URL)
	if err == nil {
		err = s.db.Write(ctx, func(tx *db.Tx) error {
			if sum, err = s.ImportRates(tx, all, ""); err != nil {
				return err
			}
			return note(tx, Fetched{URL: desk.URL, OK: true, Read: int64(sum.Read), Kept: int64(sum.Kept)})
		})
	}
	if err == nil {
		return sum, nil
	}
	failed := Fetched{URL: desk.URL, Fault: fault.Of(err).Code, Detail: err.Error()}
	return sum, errors.Join(err, s.db.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error { return note(tx, failed) }))
}

func (s *Service) download(ctx context.Context, url string) ([]FileRate, error) {
	body, err := s.get(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSourceDown, err)
	}
	defer body.Close()
	all, err := ReadRates(body, "")
	if err != nil && fault.Of(err).Kind == fault.Internal {
		err = fmt.Errorf("%w: %w", ErrSourceDown, err)
	}
	return all, err
}

func note(tx *db.Tx, f Fetched) error {
	return tx.Send(`insert into fx_fetches (id, at, url, ok, read, kept, fault, detail) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		id.New("fxf"), tx.Now(), f.URL, f.OK, f.Read, f.Kept, f.Fault, f.Detail[:min(len(f.Detail), 500)])
}
