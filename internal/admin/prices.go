package admin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"portolan/internal/auth"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func (c *console) priceRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/prices", c.page("prices", c.overview))
	mux.Handle("GET /console/prices/rules", c.page("price_rules", c.priceRules))
	mux.Handle("POST /console/prices/rules", c.filled(auth.Operator, "price_rules", c.priceRules, c.changePriceRules))
	mux.Handle("GET /console/prices/rivals", c.page("rivals", c.rivals))
	mux.Handle("POST /console/prices/rivals", c.filled(auth.Operator, "rivals", c.rivals, c.takeRivals))
}

// marketsAtOnce is how many markets a table of prices has room for; mostListed how many products are looked at.
const (
	marketsAtOnce = 5
	mostListed    = 500
)

type overviewView struct {
	Markets    []market.Market
	Wrong      map[market.Code]string // why a market has no prices
	Rows       []overviewRow
	Categories []choice
	Only       []choice
	Sorts      []choice
	MarketList []choice
	Total      int
	Below      int
	Query      string
}

type overviewRow struct {
	Product *catalog.Product
	Title   string
	Cells   []overviewCell
}

type overviewCell struct {
	pricing.Sheet
	Country string
	There   bool
}

// Low reports whether the price is below what it should at least leave.
func (c overviewCell) Low() bool {
	return c.Warned(pricing.WarnBelowCost) || c.Warned(pricing.WarnBelowFloor)
}

func (r overviewRow) low() bool { return slices.ContainsFunc(r.Cells, overviewCell.Low) }

// thinnest is the lowest margin of a product's prices; above all others where none is known.
func (r overviewRow) thinnest() int64 {
	least := int64(1 << 60)
	for _, c := range r.Cells {
		if c.Known {
			least = min(least, c.Margin.Coef)
		}
	}
	return least
}

// overview draws every product's price in every market, with what it leaves after its costs.
func (c *console) overview(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_prices")
	v := overviewView{Wrong: map[market.Code]string{}, Query: cut(strings.TrimSpace(p.Q("q")), 100)}
	p.Data = &v
	shown := p.Q("market")
	v.MarketList = []choice{{"", p.T("console.ov_all_markets"), shown == ""}}
	for _, m := range c.selling() {
		v.MarketList = append(v.MarketList, choice{string(m.Code), p.CountryName(string(m.Country())), shown == string(m.Code)})
		if len(v.Markets) < marketsAtOnce && (shown == "" || shown == string(m.Code)) {
			v.Markets = append(v.Markets, m)
		}
	}
	v.Categories = []choice{{"", p.T("console.any_category"), p.Q("category") == ""}}
	for _, k := range c.Catalog.Snapshot().Categories() {
		v.Categories = append(v.Categories, choice{k.Slug, k.Name(p.Lang()), k.Slug == p.Q("category")})
	}
	for _, only := range []string{"", "low", "unknown", "sale"} {
		v.Only = append(v.Only, choice{only, p.T("console.ov_only_" + cmp.Or(only, "all")), p.Q("only") == only})
	}
	for _, by := range []string{"", "margin", "price"} {
		v.Sorts = append(v.Sorts, choice{by, p.T("console.ov_sort_" + cmp.Or(by, "name")), p.Q("sort") == by})
	}
	all := c.listed(p.Lang(), v.Query, p.Q("category"))
	if err := c.fillOverview(tx, p, &v, all); err != nil {
		return err
	}
	v.arrange(p.Q("only"), p.Q("sort"))
	return nil
}

// listed are the products of a search, those without variants apart.
func (c *console) listed(lang, query, category string) []*catalog.Product {
	var all []*catalog.Product
	for n := 1; len(all) < mostListed; n++ {
		found := c.Catalog.List(catalog.Filter{Lang: lang, Query: query, Category: category}, catalog.Page{Number: n, Size: 100})
		if found.Popular {
			return nil
		}
		all = append(all, found.Products...)
		if n >= found.Pages {
			break
		}
	}
	return slices.DeleteFunc(all, func(p *catalog.Product) bool { return len(p.Variants) == 0 })
}

func (c *console) fillOverview(tx *db.Tx, p *page, v *overviewView, all []*catalog.Product) error {
	v.Rows = make([]overviewRow, len(all))
	for i, product := range all {
		v.Rows[i] = overviewRow{Product: product, Title: product.Text(p.Lang()).Title, Cells: make([]overviewCell, len(v.Markets))}
	}
	for n, m := range v.Markets {
		trade, err := c.trade(tx, m)
		if err != nil {
			return err
		}
		sheets, err := c.Prices.Overview(tx, trade, m.Code, all)
		if err != nil && fault.Of(err).Kind == fault.Internal {
			return err
		}
		if err != nil {
			v.Wrong[m.Code], _ = p.Fault(err)
		}
		for i := range v.Rows {
			cell := overviewCell{Country: p.CountryName(string(m.Country()))}
			if i < len(sheets) {
				cell.Sheet, cell.There = sheets[i], true
			}
			v.Rows[i].Cells[n] = cell
		}
	}
	return nil
}

// arrange counts, leaves out and sorts.
func (v *overviewView) arrange(only, by string) {
	v.Total = len(v.Rows)
	for _, r := range v.Rows {
		if r.low() {
			v.Below++
		}
	}
	v.Rows = slices.DeleteFunc(v.Rows, func(r overviewRow) bool {
		has := func(f func(c overviewCell) bool) bool { return slices.ContainsFunc(r.Cells, f) }
		switch only {
		case "low":
			return !r.low()
		case "unknown":
			return !has(func(c overviewCell) bool { return !c.Known })
		case "sale":
			return !has(func(c overviewCell) bool { return !c.Published.Was.IsZero() })
		}
		return false
	})
	slices.SortStableFunc(v.Rows, func(a, b overviewRow) int {
		switch by {
		case "margin":
			return cmp.Compare(a.thinnest(), b.thinnest())
		case "price":
			return cmp.Compare(b.Product.Base.Minor, a.Product.Base.Minor)
		}
		return strings.Compare(a.Title, b.Title)
	})
}

type priceRulesView struct {
	Market     market.Market
	Markets    []choice
	Directions []choice
	Values     map[string]string
	Look       *pricing.Outlook
	Titles     map[string]string
	Slugs      map[string]string
	Wrong      string
	Fields     map[string]string
	Bulks      []pricing.Bulk
}

// priceRules draws the rules of a market's prices; with a change in its address, what that would do.
func (c *console) priceRules(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title = p.T("console.ov_rules")
	v := priceRulesView{Values: map[string]string{}, Fields: map[string]string{}, Titles: map[string]string{}, Slugs: map[string]string{}}
	p.Data = &v
	code := cmp.Or(p.Refused.values.Get("market"), p.Q("market"))
	for _, m := range c.selling() {
		if v.Market.Code == "" || string(m.Code) == code {
			v.Market = m
		}
	}
	if v.Market.Code == "" {
		return nil
	}
	if v.Market, err = c.Markets.Get(tx, v.Market.Code); err != nil {
		return err
	}
	for _, m := range c.selling() {
		v.Markets = append(v.Markets, choice{string(m.Code), p.CountryName(string(m.Country())), m.Code == v.Market.Code})
	}
	asked := p.query
	if p.Refused.values != nil {
		asked = p.Refused.values
	}
	r := v.Market.Rounding
	for name, now := range map[string]string{"factor": v.Market.Factor.String(), "step": money.Of(r.Step, v.Market.Currency).Decimal(), "ending": money.Of(r.Ending, v.Market.Currency).Decimal(),
		"direction": string(r.Direction), "reason": ""} {
		v.Values[name] = now
		if asked.Has(name) && p.Q("done") == "" {
			v.Values[name] = cut(asked.Get(name), 300)
		}
	}
	for _, d := range []market.Direction{market.Nearest, market.Up, market.Down} {
		v.Directions = append(v.Directions, choice{string(d), p.T("console.ov_direction_" + string(d)), v.Values["direction"] == string(d)})
	}
	if v.Bulks, err = c.Prices.Bulks(tx, 10); err != nil {
		return err
	}
	if !asked.Has("factor") || p.Q("done") != "" {
		return nil
	}
	return c.foresee(tx, p, &v, asked)
}

func (c *console) foresee(tx *db.Tx, p *page, v *priceRulesView, asked url.Values) error {
	all := c.listed(p.Lang(), "", "")
	for _, product := range all {
		v.Titles[product.Variants[0].SKU], v.Slugs[product.Variants[0].SKU] = product.Text(p.Lang()).Title, product.Slug
	}
	trade, err := c.trade(tx, v.Market)
	if err != nil {
		return err
	}
	rule, err := readRule(asked, v.Market)
	if err == nil {
		var look pricing.Outlook
		if look, err = c.Prices.Foresee(tx, trade, rule, all); err == nil {
			v.Look = &look
		}
	}
	if err != nil && fault.Of(err).Kind == fault.Internal {
		return err
	}
	if err != nil {
		v.Wrong, v.Fields = p.Fault(err)
	}
	return nil
}

// readRule reads the form of a change of rules. Step and ending are decimals of the market's currency.
func readRule(q url.Values, m market.Market) (pricing.Rule, error) {
	r := pricing.Rule{Market: m.Code, Reason: strings.TrimSpace(q.Get("reason")), Rounding: market.Rounding{Direction: market.Direction(q.Get("direction"))}}
	var wrong fault.Check
	var err error
	r.Factor, err = money.ParseRate(point(q.Get("factor")))
	wrong.That(err == nil, "factor", "market.factor_positive")
	step, err := money.Parse(point(q.Get("step")), m.Currency)
	wrong.That(err == nil, "step", "market.step_positive")
	ending, err := money.Parse(point(q.Get("ending")), m.Currency)
	wrong.That(err == nil, "ending", "market.ending_within_step")
	r.Rounding.Step, r.Rounding.Ending = step.Minor, ending.Minor
	return r, wrong.Err(errPriceValue.Code)
}

// changePriceRules publishes a change of a market's rules or takes one back.
func (c *console) changePriceRules(r *http.Request, p *page) (string, error) {
	form, done := r.PostForm, "rules_published"
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
		if form.Get("do") == "undo" {
			done = "rules_undone"
			_, err := c.Prices.UndoRule(tx, form.Get("bulk"), p.User.Name)
			return err
		}
		m, err := c.Markets.Get(tx, market.Code(form.Get("market")))
		if err != nil {
			return err
		}
		rule, err := readRule(form, m)
		if err != nil {
			return err
		}
		rule.By = p.User.Name
		_, err = c.Prices.ApplyRule(tx, rule)
		return err
	})
	return "/console/prices/rules?market=" + url.QueryEscape(form.Get("market")) + "&done=" + done, err
}

type rivalsView struct {
	Rivals  []rivalRow
	Markets []choice
}

type rivalRow struct {
	pricing.KeptRival
	Title, Slug, Country string
	Ours                 pricing.Price
	Sold                 bool // by us, in that market
	Higher               bool // ours is
}

// rivalsShown is how many prices of others the page lists.
const rivalsShown = 60

// rivals lists what other shops ask, beside our price.
func (c *console) rivals(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.ov_rivals")
	v := rivalsView{Markets: []choice{{"", p.T("console.ov_all_markets"), p.Q("market") == ""}}}
	countries := map[market.Code]string{}
	for _, m := range c.selling() {
		countries[m.Code] = p.CountryName(string(m.Country()))
		v.Markets = append(v.Markets, choice{string(m.Code), countries[m.Code], p.Q("market") == string(m.Code)})
	}
	all, err := c.Prices.RivalList(tx, market.Code(p.Q("market")), rivalsShown)
	if err != nil {
		return err
	}
	for _, k := range all {
		row := rivalRow{KeptRival: k, Title: k.SKU, Country: cmp.Or(countries[k.Market], string(k.Market))}
		if product, _, err := c.Catalog.Variant(k.SKU); err == nil {
			row.Title, row.Slug = product.Text(p.Lang()).Title, product.Slug
		}
		row.Ours, err = c.Prices.Price(k.Market, k.SKU)
		row.Sold = err == nil && row.Ours.Amount.Currency == k.Price.Currency
		row.Higher = row.Sold && row.Ours.Amount.Minor > k.Price.Minor
		v.Rivals = append(v.Rivals, row)
	}
	p.Data = &v
	return nil
}

// takeRivals keeps a file of other shops' prices.
func (c *console) takeRivals(r *http.Request, _ *page) (string, error) {
	file, _, err := upload(r)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return "/console/prices/rivals?done=rivals", c.DB.Write(r.Context(), func(tx *db.Tx) error {
		if _, err := file.Seek(0, 0); err != nil {
			return err
		}
		_, err := c.Prices.ImportRivals(tx, file)
		return err
	})
}
