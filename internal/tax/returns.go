package tax

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/money"
)

// Report is what one return to one authority says. Every sum is made of whole amounts of orders and refunds in
// their own currency; the figures in Currency are those sums converted once. Of a return that was filed it is what
// was filed then, kept as JSON.
type Report struct {
	Scheme      Scheme         `json:"-"`
	Period      Period         `json:"period"`
	First       string         `json:"first"` // civil days
	Last        string         `json:"last"`
	Number      string         `json:"number,omitempty"`   // of the registration on the last day; empty where there is none
	Currency    money.Currency `json:"currency,omitempty"` // empty: only original currencies
	Rows        []Row          `json:"rows,omitempty"`
	Corrections []Correction   `json:"corrections,omitempty"`
	Totals      []Sum          `json:"totals,omitempty"` // by original currency, corrections included, by code
	Net         money.Amount   `json:"net"`              // of Rows in Currency
	Tax         money.Amount   `json:"tax"`
	Corrected   money.Amount   `json:"corrected"` // tax of Corrections in Currency; mostly below nothing
	Due         money.Amount   `json:"due"`       // Tax + Corrected
	Orders      int64          `json:"orders"`    // sales of the period
	Rates       []RateUsed     `json:"rates,omitempty"`
	Provisional bool           `json:"provisional,omitempty"` // the period isn't over, or the rate of its last day isn't known yet
	Problems    []string       `json:"problems,omitempty"`    // no_rate:CNY:2026-09-30, unregistered, doubt:3 …: then figures in Currency may be incomplete
	Filing      *Filing        `json:"-"`                     // of a return that was filed
}

// Row is one rate in one country or state.
type Row struct {
	Country  string       `json:"country"`
	Region   string       `json:"region,omitempty"`
	Code     string       `json:"code"`
	Rate     money.Rate   `json:"rate"`
	Orders   int64        `json:"orders"`   // sales
	Original Sum          `json:"original"` // in the orders' currency
	Net      money.Amount `json:"net"`      // in the return's
	Tax      money.Amount `json:"tax"`
}

// Correction changes the tax of an earlier period: refunds, and what came to a period after it was filed. It is
// converted at the earlier period's rate.
type Correction struct {
	Period   Period       `json:"period"`            // that it corrects
	TooOld   bool         `json:"too_old,omitempty"` // more than three years ago
	Country  string       `json:"country"`
	Region   string       `json:"region,omitempty"`
	Code     string       `json:"code"`
	Rate     money.Rate   `json:"rate"`
	Refunds  int64        `json:"refunds"`
	Sales    int64        `json:"sales,omitempty"` // that came after their period was filed
	Original Sum          `json:"original"`
	Net      money.Amount `json:"net"`
	Tax      money.Amount `json:"tax"`
}

// Sum is an exact sum in one currency.
type Sum struct {
	Net money.Amount `json:"net"`
	Tax money.Amount `json:"tax"`
}

// RateUsed is an exchange rate of a return.
type RateUsed struct {
	From   money.Currency `json:"from"`
	To     money.Currency `json:"to"`
	Day    string         `json:"day"` // asked for
	Of     string         `json:"of"`  // the day of the rate
	Rate   money.Rate     `json:"rate"`
	Source string         `json:"source"`
}

// sums is a group of parts as the database adds them up.
type sums struct {
	country, region, code, rate string
	currency                    money.Currency
	day, original               string
	sale                        bool
	base, tax, count            int64
}

// Return makes the return of a scheme for a period, with what is known now; of one that was filed it is what was
// filed. Orders paid with the test provider aren't in it. What came to a period after it was filed stands, as
// corrections, in the return that follows. ErrUnknownScheme, ErrPeriod. Schemes without a return of their own
// (Import, Untaxed, Unstated and sales inside a country) are listed by any period in original currencies.
func (s *Service) Return(tx *db.Tx, scheme string, period Period) (Report, error) {
	r, _, err := s.blank(scheme, period)
	if err != nil {
		return r, err
	}
	all, err := s.filings(tx, scheme)
	if err != nil {
		return r, err
	}
	if f, ok := all[period]; ok {
		return s.frozen(tx, r.Scheme, f)
	}
	return r, s.make(tx, &r, open(scheme, r, all))
}

// blank is the return of a scheme for a period before anything is in it.
func (s *Service) blank(scheme string, period Period) (r Report, kind PeriodKind, err error) {
	r.Period = period
	if r.Scheme, err = s.filed(scheme); err != nil {
		return r, "", err
	}
	kind, first, last, err := period.parse()
	if err != nil {
		return r, "", err
	}
	if !slices.Contains(r.Scheme.Periods, kind) {
		return r, "", fmt.Errorf("%s by %s: %w", scheme, period, ErrPeriod.With(map[string]string{"period": "tax.period_of_scheme"}))
	}
	r.First, r.Last, r.Currency = first.Format(time.DateOnly), last.Format(time.DateOnly), r.Scheme.Currency
	return r, kind, nil
}

// make fills a return from the entries in its scope.
func (s *Service) make(tx *db.Tx, r *Report, in scope) error {
	kind, _, _, err := r.Period.parse()
	if err != nil {
		return err
	}
	all, err := db.All(tx, func(row db.Row) (v sums, err error) {
		err = row.Scan(&v.country, &v.region, &v.code, &v.rate, (*string)(&v.currency), &v.day, &v.original, &v.sale, &v.base, &v.tax, &v.count)
		return
	}, `select e.country, e.region, p.code, p.rate, e.currency, e.day, e.original_day, e.kind = 'sale', cast(sum(p.base) as bigint),
			cast(sum(p.tax) as bigint), count(distinct e.id)
		from tax_parts p join tax_entries e on e.id = p.entry where p.scheme = $1 and `+in.where+`
		group by e.country, e.region, p.code, p.rate, e.currency, e.day, e.original_day, e.kind = 'sale'
		order by e.country, e.region, p.code, p.rate, e.currency, e.day, e.original_day`, in.args()...)
	if err != nil {
		return err
	}
	x := exchange{s: s, tx: tx, r: r, today: tx.Now().In(r.Scheme.Zone).Format(time.DateOnly), known: map[RateUsed]RateUsed{}}
	for _, v := range all {
		if err := r.add(&x, kind, v); err != nil {
			return err
		}
	}
	if err := r.finish(&x); err != nil {
		return err
	}
	return s.check(tx, r, in)
}

// filed is a scheme with a return, or a list by the name of one without.
func (s *Service) filed(code string) (Scheme, error) {
	if c := s.facts.scheme(code); c.Code != "" {
		return c, nil
	}
	listed := code == Import || code == Untaxed || code == Unstated
	country, domestic := strings.CutSuffix(code, "_VAT")
	if !domestic {
		country, domestic = strings.CutSuffix(code, "_DOMESTIC")
	}
	domestic = domestic && len(country) == 2
	if !listed && !domestic {
		return Scheme{}, fmt.Errorf("%.40q: %w", code, ErrUnknownScheme)
	}
	zone := time.UTC
	if domestic {
		zone = s.facts.zone(country, "")
	}
	return Scheme{Code: code, Area: country, Periods: []PeriodKind{Month, Quarter, Year}, Zone: zone}, nil
}

// add puts a group of parts where it belongs: what takes back a sale of an earlier period is a correction.
func (r *Report) add(x *exchange, kind PeriodKind, v sums) error {
	rate, err := money.ParseRate(v.rate)
	if err != nil {
		return err
	}
	of := func(minor int64) money.Amount { return money.Of(minor, v.currency) }
	if v.original < r.First {
		c := Correction{Period: PeriodOf(kind, v.original), TooOld: v.original < yearsBefore(r.Last, 3), Country: v.country, Region: v.region,
			Code: v.code, Rate: rate, Refunds: v.count, Original: Sum{of(v.base), of(v.tax)}}
		if v.sale {
			c.Refunds, c.Sales = 0, v.count
		}
		day := v.original
		if r.Scheme.PeriodEnd {
			_, day, _ = c.Period.Days()
		}
		if c.Net, c.Tax, err = x.convert(c.Original, day); err != nil {
			return err
		}
		r.correct(c)
		return nil
	}
	w := Row{Country: v.country, Region: v.region, Code: v.code, Rate: rate, Original: Sum{of(v.base), of(v.tax)}}
	if v.sale {
		w.Orders = v.count
	}
	if !r.Scheme.PeriodEnd {
		if w.Net, w.Tax, err = x.convert(w.Original, v.original); err != nil {
			return err
		}
	}
	r.row(w)
	return nil
}

func yearsBefore(day string, n int) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return ""
	}
	return at.AddDate(-n, 0, 0).Format(time.DateOnly)
}

func (r *Report) row(w Row) {
	for i := range r.Rows {
		if o := &r.Rows[i]; o.Country == w.Country && o.Region == w.Region && o.Code == w.Code && o.Rate == w.Rate && o.Original.Tax.Currency == w.Original.Tax.Currency {
			o.Orders += w.Orders
			o.Original = o.Original.plus(w.Original)
			o.Net, o.Tax = o.Net.Add(w.Net), o.Tax.Add(w.Tax)
			return
		}
	}
	r.Rows = append(r.Rows, w)
}

func (r *Report) correct(c Correction) {
	for i := range r.Corrections {
		if o := &r.Corrections[i]; o.Period == c.Period && o.TooOld == c.TooOld && o.Country == c.Country && o.Region == c.Region && o.Code == c.Code &&
			o.Rate == c.Rate && o.Original.Tax.Currency == c.Original.Tax.Currency {
			o.Refunds, o.Sales = o.Refunds+c.Refunds, o.Sales+c.Sales
			o.Original = o.Original.plus(c.Original)
			o.Net, o.Tax = o.Net.Add(c.Net), o.Tax.Add(c.Tax)
			return
		}
	}
	r.Corrections = append(r.Corrections, c)
}

func (s Sum) plus(o Sum) Sum { return Sum{s.Net.Add(o.Net), s.Tax.Add(o.Tax)} }

// finish converts rows that are converted as a whole, and adds up.
func (r *Report) finish(x *exchange) (err error) {
	r.Net, r.Tax, r.Corrected = money.Of(0, r.Currency), money.Of(0, r.Currency), money.Of(0, r.Currency)
	totals := map[money.Currency]Sum{}
	for i := range r.Rows {
		w := &r.Rows[i]
		if r.Scheme.PeriodEnd {
			if w.Net, w.Tax, err = x.convert(w.Original, r.Last); err != nil {
				return err
			}
		}
		r.Net, r.Tax = r.Net.Add(w.Net), r.Tax.Add(w.Tax)
		totals[w.Original.Tax.Currency] = totals[w.Original.Tax.Currency].plus(w.Original)
	}
	slices.SortStableFunc(r.Corrections, func(a, b Correction) int { return cmp.Compare(a.Period, b.Period) })
	for _, c := range r.Corrections {
		r.Corrected = r.Corrected.Add(c.Tax)
		totals[c.Original.Tax.Currency] = totals[c.Original.Tax.Currency].plus(c.Original)
	}
	r.Due = r.Tax.Add(r.Corrected)
	for _, t := range totals {
		r.Totals = append(r.Totals, t)
	}
	slices.SortFunc(r.Totals, func(a, b Sum) int { return cmp.Compare(a.Tax.Currency, b.Tax.Currency) })
	r.Provisional = r.Provisional || x.today <= r.Last
	return nil
}

// check says what a person should know before filing.
func (s *Service) check(tx *db.Tx, r *Report, in scope) error {
	n, err := db.One(tx, func(row db.Row) (v [2]int64, err error) {
		err = row.Scan(&v[0], &v[1])
		return
	}, `select count(*) filter (where e.kind = 'sale' and e.day >= $5), count(*) filter (where e.doubt <> '' and e.kind = 'sale') from tax_entries e
		where e.id in (select entry from tax_parts where scheme = $1) and `+in.where, append(in.args(), r.First)...)
	if err != nil {
		return err
	}
	r.Orders = n[0]
	if n[1] > 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("doubt:%d", n[1]))
	}
	if r.Scheme.Registration == "" {
		return nil
	}
	all, err := s.Registrations(tx)
	for _, g := range all {
		if sameWord(g.Word, r.Scheme.Registration) && g.On(r.Last) {
			r.Number = g.Number
		}
	}
	if r.Number == "" {
		r.Problems = append(r.Problems, "unregistered")
	}
	return err
}

// exchange converts the sums of one return.
type exchange struct {
	s     *Service
	tx    *db.Tx
	r     *Report
	today string
	known map[RateUsed]RateUsed // by From, To and Day
}

// convert gives a sum in the return's currency at the rate of a day; nothing where no rate is known, which is
// noted as a problem.
func (x *exchange) convert(v Sum, day string) (net, tax money.Amount, err error) {
	to := x.r.Currency
	switch to {
	case "":
		return net, tax, nil
	case v.Tax.Currency:
		return v.Net, v.Tax, nil
	}
	ask := RateUsed{From: v.Tax.Currency, To: to, Day: day}
	used, ok := x.known[ask]
	if !ok {
		used, err = x.find(ask)
		if noRate(err) {
			x.r.Problems = append(x.r.Problems, fmt.Sprintf("no_rate:%s:%s", ask.From, day))
			used, err = ask, nil
		}
		if err != nil {
			return net, tax, err
		}
		x.known[ask] = used
		if used.Of != "" {
			x.r.Rates = append(x.r.Rates, used)
		}
	}
	if used.Of == "" {
		return money.Of(0, to), money.Of(0, to), nil
	}
	return v.Net.Convert(to, used.Rate), v.Tax.Convert(to, used.Rate), nil
}

// find asks for the rate of a day. Where the scheme takes the rate of a period's last day and none was published
// then, it is the next one published (Directive 2006/112/EC, Art. 366 and 369h); until there is one, the latest.
func (x *exchange) find(ask RateUsed) (RateUsed, error) {
	days := 1
	if x.r.Scheme.PeriodEnd {
		days = 7
	}
	var latest RateUsed
	var failed error
	for i := range days {
		day := market.AddDays(ask.Day, i)
		if i > 0 && day > x.today {
			break
		}
		q, err := x.s.Rates.Rate(x.tx, ask.From, ask.To, day)
		if err != nil {
			failed = err
			continue
		}
		used := ask
		used.Of, used.Rate, used.Source = q.Day, q.Rate, q.Source
		if days == 1 || q.Day >= ask.Day {
			return used, nil
		}
		latest = used
	}
	if latest.Of == "" {
		return ask, failed
	}
	x.r.Provisional = true
	return latest, nil
}

// Cell narrows the orders behind a return; empty fields don't.
type Cell struct {
	Country, Region, Code string
	Rate                  string         // 0.19
	Currency              money.Currency // of the order
	Supplies              bool           // only what doesn't correct earlier periods
	Corrections           bool           // only what corrects earlier periods
	Corrects              Period         // only what corrects this one
	Since                 bool           // of a filed return: what has changed its period since
	After                 string         // the last Entry.ID of the page before
	Limit                 int            // at most 500
}

// Entries lists the orders and refunds behind a return or one of its rows, and where the next page begins.
func (s *Service) Entries(tx *db.Tx, scheme string, period Period, c Cell) (entries []Entry, next string, err error) {
	if _, err := s.filed(scheme); err != nil {
		return nil, "", err
	}
	in, first, err := s.behind(tx, scheme, period, c.Since)
	if err != nil {
		return nil, "", err
	}
	from, to := "", "9999"
	if c.Corrects != "" {
		if from, to, err = c.Corrects.Days(); err != nil {
			return nil, "", err
		}
	}
	if c.Limit < 1 || c.Limit > 500 {
		c.Limit = 100
	}
	entries, err = db.All(tx, scan, `select `+columns+` from tax_entries e where `+in.where+`
		and ($5 = '' or e.country = $5) and ($6 = '' or e.region = $6) and ($7 = '' or e.currency = $7) and ($8 = '' or e.id > $8)
		and ($9 = 0 or e.original_day < $10) and ($11 = 0 or e.original_day >= $10) and e.original_day >= $12 and e.original_day <= $13
		and e.id in (select entry from tax_parts where scheme = $1 and ($14 = '' or code = $14) and ($15 = '' or rate = $15))
		order by e.id limit $16`, append(in.args(), c.Country, c.Region, string(c.Currency), c.After, flag(c.Corrections), first, flag(c.Supplies), from, to,
		c.Code, c.Rate, c.Limit+1)...)
	if err != nil {
		return nil, "", err
	}
	if len(entries) > c.Limit {
		entries = entries[:c.Limit]
		next = entries[c.Limit-1].ID
	}
	return entries, next, fill(tx, entries)
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Filed lists the schemes under which there are entries between two civil days, sorted.
func (s *Service) Filed(tx *db.Tx, first, last string) ([]string, error) {
	if !isDay(first) || !isDay(last) {
		return nil, ErrPeriod
	}
	return db.All(tx, db.Scalar[string], `select distinct p.scheme from tax_parts p join tax_entries e on e.id = p.entry
		where e.day >= $1 and e.day <= $2 and not e.test order by p.scheme`, first, last)
}
