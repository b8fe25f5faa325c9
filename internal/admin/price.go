package admin

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

// PriceMaker explains prices and changes them. Satisfied by pricing.Service.
type PriceMaker interface {
	Sheet(tx *db.Tx, t pricing.Trade, m market.Code, p *catalog.Product, sku string) (pricing.Sheet, error)
	Suggestions(tx *db.Tx, t pricing.Trade, s pricing.Sheet) ([]pricing.Suggestion, error)
	Preview(tx *db.Tx, t pricing.Trade, p *catalog.Product, c pricing.Change) (before, after pricing.Sheet, err error)
	Apply(tx *db.Tx, t pricing.Trade, p *catalog.Product, c pricing.Change) (pricing.Changed, error)
	Undo(tx *db.Tx, change, by string) (pricing.Changed, error)
	Changes(tx *db.Tx, m market.Code, sku string, limit int) ([]pricing.Changed, error)
	UnitCost(tx *db.Tx, sku string) (pricing.UnitCost, bool, error)
	SetUnitCost(tx *db.Tx, u pricing.UnitCost) error
	Terms(tx *db.Tx, code market.Code) (pricing.Terms, bool, error)
	SetTerms(tx *db.Tx, code market.Code, t pricing.Terms, by string) error
	Overview(tx *db.Tx, t pricing.Trade, code market.Code, all []*catalog.Product) ([]pricing.Sheet, error)
	Foresee(tx *db.Tx, t pricing.Trade, r pricing.Rule, all []*catalog.Product) (pricing.Outlook, error)
	ApplyRule(tx *db.Tx, r pricing.Rule) (pricing.Bulk, error)
	UndoRule(tx *db.Tx, bulk, by string) (pricing.Bulk, error)
	Bulks(tx *db.Tx, limit int) ([]pricing.Bulk, error)
	ImportRivals(tx *db.Tx, r io.Reader) (int, error)
	RivalList(tx *db.Tx, code market.Code, limit int) ([]pricing.KeptRival, error)
}

// Registered tells the merchant's registrations of a day. Satisfied by tax.Service.
type Registered interface {
	Active(tx *db.Tx, day string) ([]string, error)
}

type pricesView struct {
	*catalog.Product
	SKU      string
	Variants []choice
	Rows     []priceRow
	Cost     pricing.UnitCost
	HasCost  bool
	Look     *priceLook
}

// priceRow is one market.
type priceRow struct {
	pricing.Sheet
	M           market.Market
	Wrong       string // why no price can be made
	Step        map[string]pricing.Step
	Suggestions []pricing.Suggestion
	Changes     []pricing.Changed
	Kinds       []choice
	Value       string
	Reason      string
	Terms       pricing.Terms
	HasTerms    bool
}

// priceLook is a change before it is published.
type priceLook struct {
	Change        pricing.Change
	Value         string
	Country       string
	Before, After pricing.Sheet
	Wrong         string
	Fields        []pairOf
}

// productPrices draws how a variant's price comes about in every market. With a change in its address it shows what
// that would do, and keeps nothing.
func (c *console) productPrices(tx *db.Tx, r *http.Request, p *page) error {
	product, err := c.Catalog.Find(tx, r.PathValue("slug"))
	if err != nil {
		return err
	}
	p.Title = product.Text(p.Lang()).Title
	v := pricesView{Product: &product, SKU: p.Q("sku")}
	for i := range product.Variants {
		one := &product.Variants[i]
		if v.SKU == "" {
			v.SKU = one.SKU
		}
		v.Variants = append(v.Variants, choice{one.SKU, product.VariantName(one, p.Lang()) + " · " + one.SKU, one.SKU == v.SKU})
	}
	p.Data = &v
	if len(product.Variants) == 0 {
		return nil
	}
	if v.Cost, v.HasCost, err = c.Prices.UnitCost(tx, v.SKU); err != nil {
		return err
	}
	if p.Q("market") != "" && p.Q("done") == "" {
		if v.Look, err = c.look(tx, p, &product, v.SKU); err != nil {
			return err
		}
	}
	for _, m := range c.selling() {
		row, err := c.priceRow(tx, p, &product, m, v.SKU)
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, row)
	}
	return nil
}

func (c *console) priceRow(tx *db.Tx, p *page, product *catalog.Product, m market.Market, sku string) (row priceRow, err error) {
	row = priceRow{M: m, Step: map[string]pricing.Step{}}
	if row.Terms, row.HasTerms, err = c.Prices.Terms(tx, m.Code); err != nil {
		return row, err
	}
	trade, err := c.trade(tx, m)
	if err != nil {
		return row, err
	}
	if row.Sheet, err = c.Prices.Sheet(tx, trade, m.Code, product, sku); err != nil {
		if fault.Of(err).Kind == fault.Internal {
			return row, err
		}
		row.Wrong, _ = p.Fault(err)
		return row, nil
	}
	for _, s := range row.Steps {
		row.Step[s.Key] = s
	}
	if row.Suggestions, err = c.Prices.Suggestions(tx, trade, row.Sheet); err != nil {
		return row, err
	}
	kinds := []pricing.ChangeKind{pricing.ChangeFixed, pricing.ChangeFactor, pricing.ChangeSale, pricing.ChangeRules}
	if !row.Published.Was.IsZero() {
		kinds = []pricing.ChangeKind{pricing.ChangeEndSale}
	}
	here := p.Q("market") == string(m.Code)
	for _, k := range kinds {
		row.Kinds = append(row.Kinds, choice{string(k), p.Word("pr_do", k), here && p.Q("kind") == string(k)})
	}
	if here && p.Q("done") == "" {
		row.Value, row.Reason = cut(p.Q("value"), 40), cut(p.Q("reason"), 300)
	}
	row.Changes, err = c.Prices.Changes(tx, m.Code, sku, 5)
	return row, err
}

// trade is how the shop sends to a market: from the best of its stock locations, under the registrations that hold
// today.
func (c *console) trade(tx *db.Tx, m market.Market) (t pricing.Trade, err error) {
	t.Rules, t.Sales = c.Rules, c.Sales
	for _, l := range c.Stock.Locations() {
		if t.ShipFrom == "" || len(m.ShipFrom) > 0 && l.Code == m.ShipFrom[0] {
			t.ShipFrom = l.Country
		}
	}
	if c.Registered != nil {
		t.Registrations, err = c.Registered.Active(tx, m.Day(tx.Now()))
	}
	return t, err
}

func (c *console) look(tx *db.Tx, p *page, product *catalog.Product, sku string) (*priceLook, error) {
	m, ok := c.Markets.ByCode(market.Code(p.Q("market")))
	if !ok {
		return nil, market.ErrUnknown
	}
	change, err := readChange(p.query, m, sku)
	look := &priceLook{Change: change, Value: cut(p.Q("value"), 40), Country: p.CountryName(string(m.Country()))}
	if err == nil {
		var trade pricing.Trade
		if trade, err = c.trade(tx, m); err == nil {
			look.Before, look.After, err = c.Prices.Preview(tx, trade, product, change)
		}
	}
	if err != nil {
		if fault.Of(err).Kind == fault.Internal {
			return nil, err
		}
		var fields map[string]string
		look.Wrong, fields = p.Fault(err)
		for _, name := range []string{"price", "factor", "reason", "kind"} {
			if fields[name] != "" {
				look.Fields = append(look.Fields, pairOf{name, fields[name]})
			}
		}
	}
	return look, nil
}

var errPriceValue = fault.New(fault.Invalid, "pricing.override_invalid")

// readChange reads the form of a change. One comma is taken for a decimal point.
func readChange(q url.Values, m market.Market, sku string) (pricing.Change, error) {
	c := pricing.Change{Market: m.Code, SKU: sku, Kind: pricing.ChangeKind(q.Get("kind")), Reason: strings.TrimSpace(q.Get("reason"))}
	value := strings.TrimSpace(q.Get("value"))
	if strings.Count(value, ",") == 1 && !strings.Contains(value, ".") {
		value = strings.Replace(value, ",", ".", 1)
	}
	var err error
	switch c.Kind {
	case pricing.ChangeFixed, pricing.ChangeSale:
		if c.Price, err = money.Parse(value, m.Currency); err != nil {
			return c, errPriceValue.With(map[string]string{"price": "pricing.price_range"})
		}
	case pricing.ChangeFactor:
		if c.Factor, err = money.ParseRate(value); err != nil {
			return c, errPriceValue.With(map[string]string{"factor": "market.factor_positive"})
		}
	}
	return c, nil
}

// changePrice publishes a change, takes one back or keeps what a piece costs.
func (c *console) changePrice(_ http.ResponseWriter, r *http.Request, p *page) (string, error) {
	slug, sku, done := r.PathValue("slug"), r.PostForm.Get("sku"), "price_published"
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
		product, err := c.Catalog.Find(tx, slug)
		if err != nil {
			return err
		}
		switch r.PostForm.Get("do") {
		case "undo":
			done = "price_undone"
			_, err = c.Prices.Undo(tx, r.PostForm.Get("change"), p.User.Name)
			return err
		case "cost":
			done = "price_cost"
			amount, err := money.Parse(strings.Replace(strings.TrimSpace(r.PostForm.Get("cost")), ",", ".", 1), product.Base.Currency)
			if err != nil {
				return errPriceValue.With(map[string]string{"cost": "pricing.price_range"})
			}
			return c.Prices.SetUnitCost(tx, pricing.UnitCost{SKU: sku, Amount: amount, Source: r.PostForm.Get("source"), By: p.User.Name})
		}
		m, err := c.Markets.Get(tx, market.Code(r.PostForm.Get("market")))
		if err != nil {
			return err
		}
		if r.PostForm.Get("do") == "terms" {
			done = "price_terms"
			return c.setTerms(tx, r.PostForm, m, p.User.Name)
		}
		change, err := readChange(r.PostForm, m, sku)
		if err != nil {
			return err
		}
		change.By = p.User.Name
		trade, err := c.trade(tx, m)
		if err != nil {
			return err
		}
		_, err = c.Prices.Apply(tx, trade, &product, change)
		return err
	})
	return "/console/products/" + slug + "/prices?sku=" + url.QueryEscape(sku) + "&done=" + done, err
}

// Because writes what stands behind a suggestion.
func (p *page) Because(r pricing.Reason) string {
	var parts []string
	if r.Amount.Currency != "" {
		parts = append(parts, p.Money(r.Amount))
	}
	switch {
	case r.Rate == (money.Rate{}):
	case r.Key == "fee" || r.Key == "target" || r.Key == "tax":
		parts = append(parts, p.Percent(r.Rate))
	default:
		parts = append(parts, p.Decimal(r.Rate))
	}
	if r.Amount.Currency == "" && r.Rate == (money.Rate{}) && r.Key != "oldest" {
		parts = append(parts, p.Number(r.Count))
	}
	if r.Day != "" {
		parts = append(parts, p.CivilDay(r.Day))
	}
	switch {
	case r.Key == "reference":
		parts = append(parts, p.CountryName(r.Source))
	case r.Source != "":
		parts = append(parts, r.Source)
	}
	return strings.Join(parts, " · ")
}

var errTermsForm = fault.New(fault.Invalid, "pricing.terms_invalid")

// setTerms keeps what selling in a market costs. Amounts are decimals of the market's currency, shares per cents.
func (c *console) setTerms(tx *db.Tx, form url.Values, m market.Market, by string) error {
	var wrong fault.Check
	amount := func(name string) money.Amount {
		text := point(form.Get(name))
		if text == "" {
			return money.Of(0, m.Currency)
		}
		a, err := money.Parse(text, m.Currency)
		wrong.That(err == nil, name, "pricing.amount_form")
		return a
	}
	share := func(name string) money.Rate {
		text := strings.TrimSuffix(point(form.Get(name)), "%")
		if text == "" {
			return money.Rate{}
		}
		r, err := money.ParseRate(strings.TrimSpace(text))
		wrong.That(err == nil && r.Scale <= 4, name, "pricing.percent_range")
		return money.Rate{Coef: r.Coef, Scale: r.Scale + 2}
	}
	t := pricing.Terms{Delivery: amount("delivery"), Fixed: amount("fixed"), Returns: amount("returns"), Fee: share("fee"), Least: share("least"),
		Target: share("target"), BearsDuty: form.Get("bears_duty") != ""}
	if err := wrong.Err(errTermsForm.Code); err != nil {
		return err
	}
	return c.Prices.SetTerms(tx, m.Code, t, by)
}

// Hundred writes a share as per cents, to be typed over: 0.125 is "12.5".
func (p *page) Hundred(r money.Rate) string {
	if r.Coef == 0 {
		return ""
	}
	for r.Scale < 2 {
		r.Coef, r.Scale = r.Coef*10, r.Scale+1
	}
	out := money.Rate{Coef: r.Coef, Scale: r.Scale - 2}
	for out.Scale > 0 && out.Coef%10 == 0 {
		out.Coef, out.Scale = out.Coef/10, out.Scale-1
	}
	return out.String()
}

// Typed writes an amount to be typed over; empty for nothing.
func (p *page) Typed(a money.Amount) string {
	if a.Minor == 0 {
		return ""
	}
	return a.Decimal()
}
