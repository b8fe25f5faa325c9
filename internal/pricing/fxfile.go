package pricing

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/money"
)

// ErrRateFile is the fault of a file of exchange rates with lines that can't be used; nothing of it is kept.
// Fields names each by line and column: "line 12, rate".
var ErrRateFile = fault.New(fault.Invalid, "pricing.rate_file")

const (
	maxRateFile  = 64 << 20 // bytes; the whole history of the ECB is a tenth of it
	maxRates     = 2_000_000
	faultsShown  = 20
	ecb          = "ecb"
	fileOfNobody = "file"
)

// FileRate is an exchange rate and the line of the file it stands in.
type FileRate struct {
	FX
	Line int
}

// RateFault says what is wrong with one line of a file of rates, and what to do.
type RateFault struct {
	Line   int
	Column string // day, base, quote, rate, source
	Value  string // what stands there, shortened
	Code   string
}

// rateFaults are all that is wrong with one file.
type rateFaults []RateFault

func (all rateFaults) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d lines can't be used, nothing was kept", ErrRateFile.Code, len(all))
	for i, f := range all {
		if i == faultsShown {
			fmt.Fprintf(&b, "; and %d more", len(all)-i)
			break
		}
		fmt.Fprintf(&b, "; line %d, %s %.40q: %s", f.Line, f.Column, f.Value, f.Code)
	}
	return b.String()
}

func (all rateFaults) Unwrap() error {
	fields := map[string]string{}
	for _, f := range all[:min(len(all), faultsShown)] {
		fields[fmt.Sprintf("line %d, %s", f.Line, f.Column)] = f.Code
	}
	return ErrRateFile.With(fields)
}

// RateFaults are the lines named by an error of ReadRates or ImportRates, in the order of the file.
func RateFaults(err error) []RateFault {
	all, _ := errors.AsType[rateFaults](err)
	return all
}

// ReadRates reads exchange rates in one of three shapes, found out by looking: the ECB's XML (one day, 90 days
// or the whole history: 1 EUR = rate), the ECB's CSV (a column per currency, N/A for none), and a CSV with the
// columns day, base, quote, rate and perhaps source. A line without a source of its own has the given one, or
// "ecb" or "file" where that is empty. It reads to the end and then tells of every line at fault.
//
// Whoever fetches a file from its address gives its body; nothing is fetched here.
func ReadRates(r io.Reader, source string) ([]FileRate, error) {
	in := bufio.NewReader(io.LimitReader(r, maxRateFile+1))
	if mark, _ := in.Peek(3); string(mark) == "\ufeff" {
		in.Discard(3)
	}
	for {
		c, err := in.ReadByte()
		if err != nil {
			return nil, rateFaults{{1, "file", "", "pricing.file_empty"}}
		}
		if c != ' ' && c != '\t' {
			in.UnreadByte()
			break
		}
	}
	f := rateFile{source: source}
	var err error
	if first, _ := in.Peek(1); first[0] == '<' {
		err = f.xml(in)
	} else {
		err = f.csv(in)
	}
	if err != nil {
		return nil, err
	}
	if len(f.wrong) == 0 && len(f.rates) == 0 {
		f.blame(1, "file", "", "pricing.file_empty")
	}
	if len(f.wrong) > 0 {
		return nil, f.wrong
	}
	return f.rates, nil
}

type rateFile struct {
	source string
	rates  []FileRate
	wrong  rateFaults
}

func (f *rateFile) blame(line int, column, value, code string) {
	if len(f.wrong) < 10_000 {
		f.wrong = append(f.wrong, RateFault{line, column, strings.ToValidUTF8(value[:min(len(value), 80)], "?"), code})
	}
}

// add notes a rate, or what is wrong with it.
func (f *rateFile) add(line int, day, base, quote, rate, source string) {
	fx := FX{Base: money.Currency(base), Quote: money.Currency(quote), Day: day, Source: source}
	before := len(f.wrong)
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		f.blame(line, "day", day, "pricing.day_form")
	}
	if !fx.Base.Valid() {
		f.blame(line, "base", base, "pricing.currency_form")
	}
	if !fx.Quote.Valid() || fx.Quote == fx.Base {
		f.blame(line, "quote", quote, "pricing.currency_form")
	}
	var err error
	if fx.Rate, err = money.ParseRate(rate); err != nil || fx.Rate.Coef <= 0 {
		f.blame(line, "rate", rate, "pricing.rate_positive")
	}
	if source == "" || len(source) > 80 {
		f.blame(line, "source", source, "pricing.needs_source")
	}
	if len(f.rates) >= maxRates {
		f.blame(line, "file", "", "pricing.file_too_long")
	}
	if len(f.wrong) == before {
		f.rates = append(f.rates, FileRate{fx, line})
	}
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (f *rateFile) xml(in io.Reader) error {
	d := xml.NewDecoder(in)
	day := ""
	source := or(f.source, ecb)
	for {
		token, err := d.Token()
		line, _ := d.InputPos()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			f.blame(line, "file", err.Error(), "pricing.file_unreadable")
			return f.wrong
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "Cube" {
			continue
		}
		currency, rate := "", ""
		for _, a := range start.Attr {
			switch a.Name.Local {
			case "time":
				day = a.Value
			case "currency":
				currency = a.Value
			case "rate":
				rate = a.Value
			}
		}
		if currency != "" || rate != "" {
			f.add(line, day, "EUR", currency, rate, source)
		}
	}
}

func (f *rateFile) csv(in io.Reader) error {
	body, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	if len(body) > maxRateFile {
		f.blame(1, "file", "", "pricing.file_too_long")
		return f.wrong
	}
	if !utf8.Valid(body) {
		for i, line := range bytes.Split(body, []byte("\n")) {
			if !utf8.Valid(line) {
				f.blame(i+1, "file", string(line), "pricing.file_not_utf8")
			}
		}
		return f.wrong
	}
	c := csv.NewReader(bytes.NewReader(body))
	c.FieldsPerRecord, c.TrimLeadingSpace = -1, true
	head, err := c.Read()
	if err != nil {
		f.blame(1, "file", err.Error(), "pricing.file_unreadable")
		return f.wrong
	}
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	read := f.plain
	switch {
	case strings.EqualFold(head[0], "Date") && len(head) > 1:
		read = f.wide
	case !slices.Equal(head[:min(4, len(head))], []string{"day", "base", "quote", "rate"}):
		f.blame(1, "file", strings.Join(head, ","), "pricing.file_head")
		return f.wrong
	}
	for {
		row, err := c.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			line := 0
			if e, ok := errors.AsType[*csv.ParseError](err); ok {
				line = e.Line
			}
			f.blame(line, "file", err.Error(), "pricing.file_unreadable")
			return f.wrong
		}
		line, _ := c.FieldPos(0)
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		read(line, head, row)
	}
}

// plain reads day, base, quote, rate and perhaps source.
func (f *rateFile) plain(line int, head, row []string) {
	if len(row) < 4 || len(row) > len(head) {
		f.blame(line, "file", strings.Join(row, ","), "pricing.columns_differ")
		return
	}
	source := or(f.source, fileOfNobody)
	if len(row) > 4 && head[4] == "source" {
		source = or(row[4], source)
	}
	f.add(line, row[0], row[1], row[2], row[3], source)
}

// wide reads a day and a rate of the euro per column. The ECB's file of one day writes the month out.
func (f *rateFile) wide(line int, head, row []string) {
	if len(row) > len(head) {
		f.blame(line, "file", strings.Join(row, ","), "pricing.columns_differ")
		return
	}
	day := row[0]
	if t, err := time.Parse("2 January 2006", day); err == nil {
		day = t.Format(time.DateOnly)
	}
	for i, rate := range row[1:] {
		if rate == "" || rate == "N/A" {
			continue
		}
		f.add(line, day, "EUR", head[i+1], rate, or(f.source, ecb))
	}
}

// ImportedRates says what became of a file.
type ImportedRates struct {
	Read  int // rates in the file
	Kept  int // of them new; the others were known
	Pairs int
	First string // civil days
	Last  string
}

// ImportRates keeps the rates of a file, all or none, under the guards of SetRate: no day of the future, no two
// different rates of one source for one pair and day, and none more than 10 % away from the one before it, in
// the file or known, unless a person named by vouches for the file. It returns ErrRateFile with the lines.
func (s *Service) ImportRates(tx *db.Tx, rates []FileRate, by string) (ImportedRates, error) {
	sum := ImportedRates{Read: len(rates)}
	if len(rates) == 0 {
		return sum, nil
	}
	all := slices.Clone(rates)
	slices.SortStableFunc(all, func(a, b FileRate) int {
		if n := strings.Compare(string(a.Base)+string(a.Quote), string(b.Base)+string(b.Quote)); n != 0 {
			return n
		}
		return strings.Compare(a.Day, b.Day)
	})
	wrong, pairs, err := guard(tx, all, by)
	if err != nil {
		return sum, err
	}
	if len(wrong) > 0 {
		slices.SortStableFunc(wrong, func(a, b RateFault) int { return a.Line - b.Line })
		return sum, wrong
	}
	sum.Pairs, sum.First, sum.Last = pairs, all[0].Day, all[0].Day
	for _, r := range all {
		sum.First, sum.Last = min(sum.First, r.Day), max(sum.Last, r.Day)
	}
	for part := range slices.Chunk(all, rowsAtOnce) {
		n, err := insertRates(tx, part, by)
		if err != nil {
			return sum, err
		}
		sum.Kept += n
	}
	if sum.Kept == 0 {
		return sum, nil
	}
	return sum, s.bump(tx, FXVersion)
}

// guard looks at rates sorted by pair and day.
func guard(tx *db.Tx, all []FileRate, by string) (wrong rateFaults, pairs int, err error) {
	latest := tx.Now().Add(aheadOfUTC).Format(time.DateOnly)
	var known []FX
	for i, r := range all {
		blame := func(column, value, code string) { wrong = append(wrong, RateFault{r.Line, column, value, code}) }
		if r.Day > latest {
			blame("day", r.Day, "pricing.day_future")
		}
		first := i == 0 || all[i-1].Base != r.Base || all[i-1].Quote != r.Quote
		if first {
			pairs++
			if known, err = history(tx, r.Base, r.Quote, 0); err != nil {
				return nil, 0, err
			}
		}
		var before *FX
		if at := slices.IndexFunc(known, func(k FX) bool { return k.Day <= r.Day }); at >= 0 {
			before = &known[at]
		}
		if !first {
			p := all[i-1].FX
			if p.Day == r.Day && p.Source == r.Source && !p.Rate.Equal(r.Rate) {
				blame("rate", r.Rate.String(), "pricing.rate_twice")
				continue
			}
			if before == nil || p.Day >= before.Day {
				before = &p
			}
		}
		if by == "" && before != nil && jumps(before.Rate, r.Rate) {
			blame("rate", r.Rate.String(), ErrRateJump.Code)
		}
	}
	return wrong, pairs, nil
}

func insertRates(tx *db.Tx, part []FileRate, by string) (int, error) {
	var rows strings.Builder
	args := []any{by, tx.Now()}
	for i, r := range part {
		if i > 0 {
			rows.WriteString(", ")
		}
		n := len(args)
		fmt.Fprintf(&rows, "($%d, $%d, $%d, $%d, $%d, $%d, $1, $2)", n+1, n+2, n+3, n+4, n+5, n+6)
		args = append(args, id.New("fx"), r.Base, r.Quote, r.Rate.String(), r.Day, r.Source)
	}
	n, err := tx.Exec(`insert into fx_rates (id, base, quote, rate, day, source, vouched_by, received_at) values `+rows.String()+`
		on conflict (base, quote, day, source, rate) do update set undone_at = null, undone_by = '', vouched_by = excluded.vouched_by, received_at = excluded.received_at
			where fx_rates.undone_at is not null`, args...)
	return int(n), err
}

// KeptRate is a rate as it was kept.
type KeptRate struct {
	FX
	ID         string
	ReceivedAt time.Time
	Age        int    // days since its day
	Stale      bool   // too old to be used
	UndoneBy   string // who set it aside; then it isn't used
}

// Undone reports whether somebody set the rate aside.
func (k KeptRate) Undone() bool { return k.UndoneBy != "" }

// LatestRates are the rates in force, one for each pair, by name.
func (s *Service) LatestRates(tx *db.Tx) ([]KeptRate, error) {
	all, err := db.All(tx, scanKept, `select `+keptColumns+` from (
			select `+keptColumns+`, row_number() over (partition by base, quote order by day desc, received_at desc, id desc) as place
			from fx_rates where undone_at is null) r where place = 1 order by base, quote`)
	return aged(all, tx.Now()), err
}

// RateHistory is what was kept of a pair, the latest day first, with what was set aside.
func (s *Service) RateHistory(tx *db.Tx, base, quote money.Currency, limit int) ([]KeptRate, error) {
	all, err := db.All(tx, scanKept, `select `+keptColumns+` from fx_rates where base = $1 and quote = $2
		order by day desc, received_at desc, id desc limit $3`, base, quote, limit)
	return aged(all, tx.Now()), err
}

// history is every rate of a pair, or the latest few, the latest day first.
func history(tx *db.Tx, base, quote money.Currency, limit int) ([]FX, error) {
	if limit == 0 {
		limit = maxRates
	}
	return db.All(tx, scanRate, `select base, quote, rate, day, source from fx_rates where base = $1 and quote = $2 and undone_at is null
		order by day desc, received_at desc, id desc limit $3`, base, quote, limit)
}

const keptColumns = `id, base, quote, rate, day, source, vouched_by, received_at, set_by, reason, undone_by`

func scanKept(r db.Row) (k KeptRate, err error) {
	var text string
	if err = r.Scan(&k.ID, &k.Base, &k.Quote, &text, &k.Day, &k.Source, &k.By, db.Moment(&k.ReceivedAt), &k.SetBy, &k.Reason, &k.UndoneBy); err != nil {
		return k, err
	}
	k.Rate, err = money.ParseRate(text)
	return k, err
}

func aged(all []KeptRate, now time.Time) []KeptRate {
	today, oldest := now.Format(time.DateOnly), market.AddDays(now.Format(time.DateOnly), -staleDays)
	on, _ := time.Parse(time.DateOnly, today)
	for i := range all {
		day, err := time.Parse(time.DateOnly, all[i].Day)
		if err == nil {
			all[i].Age = int(on.Sub(day).Hours() / 24)
		}
		all[i].Stale = all[i].Day < oldest
	}
	return all
}
