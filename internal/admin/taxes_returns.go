package admin

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/money"
	"portolan/internal/tax"
	"portolan/internal/web"
)

type returnsView struct {
	Schemes []schemeReturns
	More    string // shows older periods
}

// schemeReturns are the returns of one scheme, the latest first.
type schemeReturns struct {
	Code       string
	Registered bool
	All        []tax.Standing
}

// taxReturns lists the returns that were made and have to be.
func (c *console) taxReturns(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.tx_returns")
	periods := 6
	if p.Q("all") != "" {
		periods = 40
	}
	all, err := c.Taxes.Standings(tx, p.Q("scheme"), periods)
	if err != nil {
		return err
	}
	v := returnsView{}
	for _, s := range all {
		n := len(v.Schemes)
		if n == 0 || v.Schemes[n-1].Code != s.Scheme.Code {
			v.Schemes = append(v.Schemes, schemeReturns{Code: s.Scheme.Code})
			n++
		}
		v.Schemes[n-1].All = append(v.Schemes[n-1].All, s)
		v.Schemes[n-1].Registered = v.Schemes[n-1].Registered || s.Number != ""
	}
	if p.Q("all") == "" {
		v.More = p.With("all", "1")
	}
	p.Data = v
	return nil
}

type returnView struct {
	tax.Standing
	Foreign bool // there are currencies besides the return's
	Filings []tax.Filing
	URL     string
	Shown   string // the registration's number
	FiledOn string
	Ref     string
	Wrong   map[string]string
	Said    string
	MayFile bool
}

// taxReturn is one return with everything behind it.
func (c *console) taxReturn(tx *db.Tx, r *http.Request, p *page) error {
	return c.fillReturn(tx, r, p, returnView{})
}

func (c *console) fillReturn(tx *db.Tx, r *http.Request, p *page, v returnView) (err error) {
	scheme, period := r.PathValue("scheme"), tax.Period(r.PathValue("period"))
	if v.Standing, err = c.Taxes.Standing(tx, scheme, period); err != nil {
		return err
	}
	if v.Filings, err = c.Taxes.Filings(tx, scheme, period); err != nil {
		return err
	}
	p.Title = p.SchemeName(scheme) + ", " + p.Span(v.First, v.Last)
	v.URL = "/console/taxes/returns/" + url.PathEscape(scheme) + "/" + url.PathEscape(string(period))
	v.Foreign = v.Currency == "" || slices.ContainsFunc(v.Totals, func(s tax.Sum) bool { return s.Tax.Currency != v.Currency })
	v.Shown = tax.Mask(v.Number)
	if v.Number != "" && p.User.Role.May(auth.Owner) && p.Q("show") != "" {
		v.Shown = v.Number
	}
	if v.FiledOn == "" {
		v.FiledOn = tx.Now().In(c.Zone).Format(time.DateOnly)
	}
	v.MayFile = v.Filing == nil && v.Currency != "" && v.State == tax.Ready
	p.Data = &v
	return nil
}

// Cell is the address of the orders behind a row of a return.
func (v *returnView) Cell(w tax.Row) string {
	return v.URL + "/orders?" + url.Values{"country": {w.Country}, "region": {w.Region}, "code": {w.Code}, "rate": {w.Rate.String()},
		"currency": {string(w.Original.Tax.Currency)}, "only": {"supplies"}}.Encode()
}

// CorrectionCell is that of a correction.
func (v *returnView) CorrectionCell(w tax.Correction) string {
	return v.URL + "/orders?" + url.Values{"country": {w.Country}, "region": {w.Region}, "code": {w.Code}, "rate": {w.Rate.String()},
		"currency": {string(w.Original.Tax.Currency)}, "only": {"corrections"}, "corrects": {string(w.Period)}}.Encode()
}

// CorrectedNet is the net of all corrections in the return's currency.
func (v *returnView) CorrectedNet() money.Amount {
	sum := money.Of(0, v.Currency)
	for _, w := range v.Corrections {
		sum = sum.Add(w.Net)
	}
	return sum
}

// fileReturn notes that a return was filed, or that it wasn't.
func (c *console) fileReturn(w http.ResponseWriter, r *http.Request, p *page) error {
	if !p.User.Role.May(auth.Operator) {
		return auth.ErrDenied
	}
	if err := r.ParseForm(); err != nil {
		return web.ErrBody
	}
	f, done := r.PostForm, "tx_filed"
	scheme, period := r.PathValue("scheme"), tax.Period(r.PathValue("period"))
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
		if f.Get("do") == "undo" {
			done = "tx_unfiled"
			return c.Taxes.Unfile(tx, f.Get("filing"), p.User.Name, f.Get("reason"))
		}
		_, err := c.Taxes.File(tx, scheme, period, f.Get("filed_on"), f.Get("reference"), p.User.Name)
		return err
	})
	if err == nil {
		http.Redirect(w, r, r.URL.Path+"?done="+done, http.StatusSeeOther)
		return nil
	}
	if fault.Of(err).Kind != fault.Invalid {
		return err
	}
	v := returnView{FiledOn: f.Get("filed_on"), Ref: cut(f.Get("reference"), 200)}
	v.Said, v.Wrong = p.Fault(err)
	status := web.Status(err)
	err = c.DB.Read(r.Context(), func(tx *db.Tx) error {
		if err := c.furnish(tx, p); err != nil {
			return err
		}
		return c.fillReturn(tx, r, p, v)
	})
	if err != nil {
		return err
	}
	return c.show(w, r, status, "tax-return", p)
}

type taxOrdersView struct {
	Back   string
	Rows   []entryRow
	What   []string // what was asked for
	Older  string
	Newest string
}

func cellOf(q url.Values) tax.Cell {
	return tax.Cell{Country: q.Get("country"), Region: q.Get("region"), Code: q.Get("code"), Rate: q.Get("rate"), Currency: money.Currency(q.Get("currency")),
		Supplies: q.Get("only") == "supplies", Corrections: q.Get("only") == "corrections", Since: q.Get("only") == "since",
		Corrects: tax.Period(q.Get("corrects")), After: q.Get("after")}
}

// taxOrders are the orders and refunds behind a return or a cell of it.
func (c *console) taxOrders(tx *db.Tx, r *http.Request, p *page) error {
	scheme, period := r.PathValue("scheme"), tax.Period(r.PathValue("period"))
	cell := cellOf(p.query)
	cell.Limit = 50
	entries, next, err := c.Taxes.Entries(tx, scheme, period, cell)
	if err != nil {
		return err
	}
	v := taxOrdersView{Back: "/console/taxes/returns/" + url.PathEscape(scheme) + "/" + url.PathEscape(string(period))}
	if v.Rows, err = c.numbered(tx, entries); err != nil {
		return err
	}
	first, last, err := period.Days()
	if err != nil {
		return err
	}
	p.Title = p.T("console.tx_orders_of", "scheme", p.SchemeName(scheme), "days", p.Span(first, last))
	if cell.Country != "" {
		v.What = append(v.What, p.Area(cell.Country))
	}
	if rate, err := money.ParseRate(cell.Rate); err == nil {
		v.What = append(v.What, p.Percent(rate))
	}
	if only := p.Q("only"); only != "" {
		v.What = append(v.What, p.Word("tx_only", only))
	}
	if next != "" {
		v.Older = p.With("after", next)
	}
	if cell.After != "" {
		v.Newest = p.With("after", "")
	}
	p.Data = v
	return nil
}

// returnCSV hands a return over as a table.
func (c *console) returnCSV(w http.ResponseWriter, r *http.Request, _ *page) error {
	var v tax.Standing
	err := c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		v, err = c.Taxes.Standing(tx, r.PathValue("scheme"), tax.Period(r.PathValue("period")))
		return err
	})
	if err != nil {
		return err
	}
	asTable(w, fmt.Sprintf("return-%s-%s.csv", v.Scheme.Code, v.Period))
	return tax.WriteCSV(w, v.Report)
}

func asTable(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Header().Set("Cache-Control", "no-store")
}

// ordersCSV hands over the orders and refunds behind a return, one line for each rate of each.
func (c *console) ordersCSV(w http.ResponseWriter, r *http.Request, _ *page) error {
	scheme, period := r.PathValue("scheme"), tax.Period(r.PathValue("period"))
	out := csv.NewWriter(w)
	cell := cellOf(r.URL.Query())
	cell.Limit, cell.After = 500, ""
	for begun := false; ; {
		var rows []entryRow
		var next string
		err := c.DB.Read(r.Context(), func(tx *db.Tx) error {
			entries, n, err := c.Taxes.Entries(tx, scheme, period, cell)
			if err != nil {
				return err
			}
			next = n
			rows, err = c.numbered(tx, entries)
			return err
		})
		if err != nil {
			return err
		}
		if !begun {
			begun = true
			asTable(w, fmt.Sprintf("orders-%s-%s.csv", scheme, period))
			out.Write([]string{"entry", "kind", "order", "number", "day", "sold_on", "country", "region", "tax", "rate_pct", "currency", "net", "tax_amount", "doubt"})
		}
		for _, e := range rows {
			for _, part := range e.Parts {
				if part.Scheme == scheme {
					out.Write([]string{e.ID, string(e.Kind), string(e.Order), e.Number, e.Day, e.Original, e.Country, e.Region, part.Code, part.Rate.PercentString(),
						string(e.Currency), part.Base.Decimal(), part.Tax.Decimal(), e.Doubt})
				}
			}
		}
		if cell.After = next; next == "" {
			break
		}
	}
	out.Flush()
	return out.Error()
}
