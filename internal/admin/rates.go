package admin

import (
	"context"
	"html/template"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

// Rates keeps exchange rates and what was promised at them. Satisfied by pricing.Service.
type Rates interface {
	Amiss(tx *db.Tx) (int64, error)
	Needed(tx *db.Tx) ([]pricing.Need, error)
	LatestRates(tx *db.Tx) ([]pricing.KeptRate, error)
	RateHistory(tx *db.Tx, base, quote money.Currency, limit int) ([]pricing.KeptRate, error)
	Series(tx *db.Tx, from, to money.Currency, days int) ([]pricing.Quotation, error)
	SetRate(tx *db.Tx, r pricing.FX) error
	UnsetRate(tx *db.Tx, rate, by string) error
	ImportRates(tx *db.Tx, rates []pricing.FileRate, by string) (pricing.ImportedRates, error)
	Fetch(ctx context.Context) (pricing.ImportedRates, error)
	Fetches(tx *db.Tx, limit int) ([]pricing.Fetched, error)
	Failures(tx *db.Tx) (int64, error)
	Desk(tx *db.Tx) (pricing.Desk, error)
	SetDesk(tx *db.Tx, d pricing.Desk, by string) error
	Positions(tx *db.Tx) ([]pricing.Position, error)
	Results(tx *db.Tx, from, to string) ([]pricing.Result, error)
	OpenLockList(tx *db.Tx, limit int) ([]pricing.Lock, error)
	TakePayouts(tx *db.Tx, name string, lines []pricing.PayoutLine, refs pricing.Refs, by string) (pricing.PayoutFile, error)
	PayoutFile(tx *db.Tx, file string) (pricing.PayoutFile, error)
	PayoutFiles(tx *db.Tx, limit int) ([]pricing.PayoutFile, error)
	RefusedLines(tx *db.Tx, file string) ([]pricing.KeptLine, error)
}

func (c *console) rateRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/rates", c.page("rates", c.rates))
	mux.Handle("POST /console/rates", c.filled(auth.Operator, "rates", c.rates, c.changeRates))
	mux.Handle("GET /console/rates/exposure", c.page("exposure", c.exposure))
	mux.Handle("POST /console/rates/exposure", c.filled(auth.Operator, "exposure", c.exposure, c.takePayouts))
	mux.Handle("GET /console/rates/payouts/{id}", c.page("payout", c.payout))
}

// historyDays is how far back the chart of a rate goes.
const historyDays = 92

type ratesView struct {
	Desk     pricing.Desk
	Needs    []pricing.Need
	Kept     []pricing.KeptRate
	From, To money.Currency
	Pairs    []choice
	Series   []pricing.Quotation
	Chart    template.HTML
	ByHand   []pricing.KeptRate // of the pair, entered by people
	Fetches  []pricing.Fetched
	Failures int64
	Today    string
}

// rates draws the rates in force, the history of one, and the ways to bring in others.
func (c *console) rates(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title = p.T("console.menu_rates")
	v := ratesView{Today: tx.Now().In(c.Zone).Format(time.DateOnly)}
	p.Data = &v
	if v.Desk, err = c.Prices.Desk(tx); err != nil {
		return err
	}
	if v.Needs, err = c.Prices.Needed(tx); err != nil {
		return err
	}
	if v.Kept, err = c.Prices.LatestRates(tx); err != nil {
		return err
	}
	if v.Fetches, err = c.Prices.Fetches(tx, 5); err != nil {
		return err
	}
	if v.Failures, err = c.Prices.Failures(tx); err != nil {
		return err
	}
	v.choose(p.Q("pair"))
	if v.From == "" {
		return nil
	}
	if v.Series, err = c.Prices.Series(tx, v.From, v.To, historyDays); err != nil {
		return err
	}
	v.Chart = p.curve(v.Series, p.T("console.xr_history_of", "from", string(v.From), "to", string(v.To)))
	for _, pair := range [][2]money.Currency{{v.From, v.To}, {v.To, v.From}} {
		all, err := c.Prices.RateHistory(tx, pair[0], pair[1], 200)
		if err != nil {
			return err
		}
		for _, k := range all {
			if k.SetBy != "" {
				v.ByHand = append(v.ByHand, k)
			}
		}
	}
	return nil
}

// choose finds the pair that was asked for, or the first there is.
func (v *ratesView) choose(asked string) {
	var pairs []string
	for _, n := range v.Needs {
		pairs = append(pairs, string(v.Desk.Home)+"-"+string(n.Currency))
	}
	for _, k := range v.Kept {
		if name := string(k.Base) + "-" + string(k.Quote); !slices.Contains(pairs, name) {
			pairs = append(pairs, name)
		}
	}
	if len(pairs) == 0 {
		return
	}
	at := max(0, slices.Index(pairs, asked))
	for i, name := range pairs {
		v.Pairs = append(v.Pairs, choice{name, strings.Replace(name, "-", " → ", 1), i == at})
	}
	from, to, _ := strings.Cut(pairs[at], "-")
	v.From, v.To = money.Currency(from), money.Currency(to)
}

// Stale reports whether a day's rate is too old to be used.
func (v *ratesView) Stale(n pricing.Need) bool { return n.Fault == pricing.ErrStaleRate.Code }

var (
	errRateForm = fault.New(fault.Invalid, "pricing.rate_invalid")
	errDeskForm = fault.New(fault.Invalid, "pricing.desk_invalid")
	errNoFile   = fault.New(fault.Invalid, "console.no_file")
)

// changeRates does what a form on the page of rates asks.
func (c *console) changeRates(r *http.Request, p *page) (string, error) {
	form := r.PostForm
	vouch := ""
	if form.Get("vouch") != "" {
		vouch = p.User.Name
	}
	done := ""
	write := func(name string, f func(tx *db.Tx) error) error { done = name; return c.DB.Write(r.Context(), f) }
	var err error
	switch form.Get("do") {
	case "set":
		err = write("rate_set", func(tx *db.Tx) error { return c.setRate(tx, r, p, vouch) })
	case "undo":
		err = write("rate_undone", func(tx *db.Tx) error { return c.Prices.UnsetRate(tx, form.Get("rate"), p.User.Name) })
	case "desk":
		err = write("rate_desk", func(tx *db.Tx) error { return c.setDesk(tx, r, p) })
	case "fetch":
		done = "rate_fetched"
		_, err = c.Prices.Fetch(r.Context())
	case "upload":
		file, _, err := upload(r)
		if err != nil {
			return "", err
		}
		defer file.Close()
		all, err := pricing.ReadRates(file, "")
		if err != nil {
			return "", err
		}
		return "/console/rates?done=rate_uploaded", write("rate_uploaded", func(tx *db.Tx) error {
			_, err := c.Prices.ImportRates(tx, all, vouch)
			return err
		})
	default:
		err = errNoPage
	}
	to := "/console/rates?done=" + done
	if pair := form.Get("pair"); pair != "" {
		to += "&pair=" + pair
	}
	return to, err
}

// upload is the file of a form.
func upload(r *http.Request) (multipart.File, string, error) {
	file, head, err := r.FormFile("file")
	if err != nil {
		return nil, "", errNoFile.With(map[string]string{"file": errNoFile.Code})
	}
	return file, head.Filename, nil
}

// setRate keeps a rate entered by hand. The reason is needed; a rate that jumps needs somebody who vouches for it.
func (c *console) setRate(tx *db.Tx, r *http.Request, p *page, vouch string) error {
	form := r.PostForm
	fx := pricing.FX{Base: currency(form.Get("base")), Quote: currency(form.Get("quote")), Day: form.Get("day"), Source: "manual", By: vouch,
		SetBy: p.User.Name, Reason: strings.TrimSpace(form.Get("reason"))}
	var wrong fault.Check
	var err error
	fx.Rate, err = money.ParseRate(point(form.Get("rate")))
	wrong.That(err == nil && fx.Rate.Coef > 0, "rate", "pricing.rate_positive")
	wrong.That(fx.Reason != "", "reason", "pricing.needs_reason")
	if err := wrong.Err(errRateForm.Code); err != nil {
		return err
	}
	return c.Prices.SetRate(tx, fx)
}

func (c *console) setDesk(tx *db.Tx, r *http.Request, p *page) error {
	form := r.PostForm
	d := pricing.Desk{Home: currency(form.Get("home")), URL: strings.TrimSpace(form.Get("url")), Daily: form.Get("daily") != ""}
	var wrong fault.Check
	var err error
	d.Days, err = strconv.Atoi(strings.TrimSpace(form.Get("days")))
	wrong.That(err == nil, "days", "pricing.days_range")
	wrong.That(d.Home.Valid(), "home", "pricing.currency_form")
	if d.Home.Valid() {
		d.Bears, err = money.Parse(point(form.Get("bears")), d.Home)
		wrong.That(err == nil, "bears", "pricing.amount_form")
	}
	if err := wrong.Err(errDeskForm.Code); err != nil {
		return err
	}
	return c.Prices.SetDesk(tx, d, p.User.Name)
}

func currency(s string) money.Currency { return money.Currency(strings.ToUpper(strings.TrimSpace(s))) }

// point reads one comma as a decimal point.
func point(s string) string {
	s = strings.TrimSpace(s)
	if strings.Count(s, ",") == 1 && !strings.Contains(s, ".") {
		return strings.Replace(s, ",", ".", 1)
	}
	return s
}

type exposureView struct {
	Desk       pricing.Desk
	Positions  []pricing.Position
	AtLock     money.Amount // sums over the currencies with a rate
	Now        money.Amount
	Gain       money.Amount
	Months     []pricing.Monthly
	ThisMonth  money.Amount
	MonthChart template.HTML
	Files      []pricing.PayoutFile
	Locks      []pricing.Lock
	Names      map[string]string
}

// monthsShown is how many months of settlements are shown, the current one included.
const monthsShown = 12

// exposure draws what is still to come in other currencies, and what was won and lost.
func (c *console) exposure(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title = p.T("console.xr_exposure")
	v := exposureView{}
	p.Data = &v
	if v.Desk, err = c.Prices.Desk(tx); err != nil || v.Desk.Home == "" {
		return err
	}
	if v.Positions, err = c.Prices.Positions(tx); err != nil {
		return err
	}
	none := money.Of(0, v.Desk.Home)
	v.AtLock, v.Now, v.Gain, v.ThisMonth = none, none, none, none
	for _, pos := range v.Positions {
		if pos.Fault == "" {
			v.AtLock, v.Now, v.Gain = v.AtLock.Add(pos.AtLock), v.Now.Add(pos.Now), v.Gain.Add(pos.Gain)
		}
	}
	now := tx.Now().In(c.Zone)
	first := time.Date(now.Year(), now.Month()-monthsShown+1, 1, 0, 0, 0, 0, time.UTC)
	results, err := c.Prices.Results(tx, first.Format(time.DateOnly), market.AddDays(now.Format(time.DateOnly), 31))
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(pricing.ByMonth(results)) {
		if m.Settled.Currency != v.Desk.Home || m.Currency == v.Desk.Home {
			continue
		}
		v.Months = append(v.Months, m)
		if m.Month == now.Format("2006-01") {
			v.ThisMonth = v.ThisMonth.Add(m.Gain)
		}
	}
	v.MonthChart = p.months(v.Months, p.T("console.xr_settled"))
	if v.Files, err = c.Prices.PayoutFiles(tx, 5); err != nil {
		return err
	}
	v.Locks, err = c.Prices.OpenLockList(tx, 8)
	return err
}

// takePayouts takes in a report of payouts.
func (c *console) takePayouts(r *http.Request, p *page) (string, error) {
	file, name, err := upload(r)
	if err != nil {
		return "", err
	}
	defer file.Close()
	lines, err := pricing.ReadPayouts(io.Reader(file))
	if err != nil {
		return "", err
	}
	var taken pricing.PayoutFile
	err = c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		taken, err = c.Prices.TakePayouts(tx, name, lines, c.Refs, p.User.Name)
		return err
	})
	return "/console/rates/payouts/" + taken.ID, err
}

type payoutView struct {
	pricing.PayoutFile
	Lines []pricing.KeptLine
}

// payout draws how far a report has come.
func (c *console) payout(tx *db.Tx, r *http.Request, p *page) (err error) {
	v := payoutView{}
	if v.PayoutFile, err = c.Prices.PayoutFile(tx, r.PathValue("id")); err != nil {
		return err
	}
	p.Title, p.Data = v.Name, &v
	if v.EndedAt.IsZero() {
		p.Live.Every = "1s"
	}
	v.Lines, err = c.Prices.RefusedLines(tx, v.ID)
	return err
}

// badLines are the lines of a file that a fault names.
func (p *page) badLines(err error) (all []badLine) {
	for _, f := range pricing.RateFaults(err) {
		all = append(all, badLine{f.Line, f.Column, f.Value, p.say(f.Code)})
	}
	for _, f := range pricing.FileFaults(err) {
		all = append(all, badLine{f.Line, f.Column, f.Value, p.say(f.Code)})
	}
	return all[:min(len(all), 50)]
}

// Say writes a code as a sentence.
func (p *page) Say(code string) string { return p.say(code) }

// Advised says what share of a position to lock, and why, in words.
func (p *page) Advised(pos pricing.Position) string {
	a := pos.Advice
	switch a.Reason {
	case pricing.AdviceFewRates:
		return p.N("console.xr_few_rates", int64(a.Rates))
	case pricing.AdviceTolerable:
		return p.T("console.xr_tolerable", "loss", a.Loss, "bears", a.Bears)
	}
	return p.T("console.xr_lock", "share", a.Share, "loss", a.Loss, "bears", a.Bears)
}

// Reckoned shows the figures behind an advice.
func (p *page) Reckoned(pos pricing.Position) string {
	a := pos.Advice
	if a.Reason == pricing.AdviceFewRates {
		return ""
	}
	daily := p.Percent(money.Rate{Coef: int64(a.Daily*10_000 + .5), Scale: 4})
	return p.T("console.xr_reckoned", "daily", daily, "rates", a.Rates, "days", a.Days, "amount", pos.Now, "loss", a.Loss)
}

// ShareBar draws the share to lock as part of a bar.
func (p *page) ShareBar(a pricing.Advice) template.HTML {
	if a.Reason == pricing.AdviceFewRates {
		return ""
	}
	share, _ := strconv.ParseFloat(a.Share.String(), 64)
	label := template.HTMLEscapeString(p.T("console.xr_share", "share", a.Share))
	return template.HTML(`<svg viewBox="0 0 400 14" width="400" height="14" role="img" aria-label="` + label + `" preserveAspectRatio="none"><rect width="400" height="14" rx="4" fill="#e2e7ea"/><rect width="` +
		strconv.FormatFloat(400*share, 'f', 0, 64) + `" height="14" rx="4" fill="#1d4e5f"/></svg>`)
}
