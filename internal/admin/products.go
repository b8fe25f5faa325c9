package admin

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/pricing"
)

type productsView struct {
	Products   []productRow
	Markets    []market.Market
	Categories []choice
	Total      int
	Corrected  string
	Asked      bool
	Previous   string
	Next       string
	Page       int64
	Pages      int64
}

type productRow struct {
	Product      *catalog.Product
	Title        string
	Picture      string
	Prices       []priceCell
	InStock, All int64
}

type priceCell struct {
	pricing.Price
	From, Known bool
}

func (c *console) products(_ *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_products")
	number, _ := strconv.Atoi(p.Q("page"))
	f := catalog.Filter{Lang: p.Lang(), Query: cut(strings.TrimSpace(p.Q("q")), 100), Category: p.Q("category")}
	found := c.Catalog.List(f, catalog.Page{Number: max(1, number), Size: 24})
	v := productsView{Markets: c.selling(), Total: found.Total, Corrected: found.Corrected, Asked: f.Query != "" || f.Category != "",
		Page: int64(found.Page), Pages: int64(found.Pages)}
	if found.Popular {
		found.Products = nil
	}
	v.Categories = []choice{{"", p.T("console.any_category"), f.Category == ""}}
	for _, k := range c.Catalog.Snapshot().Categories() {
		v.Categories = append(v.Categories, choice{k.Slug, k.Name(p.Lang()), k.Slug == f.Category})
	}
	for _, product := range found.Products {
		row := productRow{Product: product, Title: product.Text(p.Lang()).Title, All: int64(len(product.Variants))}
		if len(product.Images) > 0 {
			row.Picture = c.Media + product.Images[0].File
		}
		for _, m := range v.Markets {
			price, differ, ok := c.Prices.From(m.Code, product)
			row.Prices = append(row.Prices, priceCell{price, differ, ok})
		}
		for _, variant := range product.Variants {
			if slices.ContainsFunc(v.Markets, func(m market.Market) bool { return c.Stock.InStock(m.Code, variant.SKU) }) {
				row.InStock++
			}
		}
		v.Products = append(v.Products, row)
	}
	if found.Page > 1 {
		v.Previous = p.With("page", strconv.Itoa(found.Page-1))
	}
	if found.Page < found.Pages {
		v.Next = p.With("page", strconv.Itoa(found.Page+1))
	}
	p.Data = v
	return nil
}

// selling are the markets that have prices.
func (c *console) selling() (all []market.Market) {
	for _, m := range c.Markets.All() {
		if m.State != market.Draft {
			all = append(all, m)
		}
	}
	return all
}

type productView struct {
	*catalog.Product
	Text      catalog.Text
	Pictures  []string
	Category  string
	Material  string
	Markets   []marketPrice
	Places    []string // names of stock locations
	Variants  []variantRow
	Languages []string
}

type marketPrice struct {
	market.Market
	priceCell
	URL string
}

type variantRow struct {
	catalog.Variant
	Name   string
	Prices []priceCell
	Stock  []stockCell
}

type stockCell struct{ Free, OnHand, Held int64 }

func (c *console) product(tx *db.Tx, r *http.Request, p *page) error {
	slug := r.PathValue("slug")
	product, err := c.Catalog.Get(slug)
	if errors.Is(err, catalog.ErrUnknownProduct) {
		var kept catalog.Product
		kept, err = c.Catalog.Find(tx, slug)
		product = &kept
	}
	if err != nil {
		return err
	}
	v := productView{Product: product, Text: product.Text(p.Lang()), Category: product.Category}
	p.Title = v.Text.Title
	if k, ok := c.Catalog.Snapshot().Category(product.Category); ok {
		v.Category = k.Name(p.Lang())
	}
	for _, im := range product.Images {
		v.Pictures = append(v.Pictures, c.Media+im.File)
	}
	markets := c.selling()
	for _, m := range markets {
		price, differ, ok := c.Prices.From(m.Code, product)
		url := ""
		if m.Sells() && !product.Hidden {
			url = c.PublicURL + m.Prefix(m.Language()) + "/p/" + product.Slug
		}
		v.Markets = append(v.Markets, marketPrice{m, priceCell{price, differ, ok}, url})
	}
	locations := c.Stock.Locations()
	for _, l := range locations {
		v.Places = append(v.Places, l.Name)
	}
	for _, variant := range product.Variants {
		row := variantRow{Variant: variant, Name: product.VariantName(&variant, p.Lang()), Stock: make([]stockCell, len(locations))}
		for _, m := range markets {
			price, err := c.Prices.Price(m.Code, variant.SKU)
			row.Prices = append(row.Prices, priceCell{price, false, err == nil})
		}
		stocks, err := c.Stock.Stocks(tx, variant.SKU)
		if err != nil {
			return err
		}
		for _, s := range stocks {
			for i, l := range locations {
				if l.Code == s.Location {
					row.Stock[i] = stockCell{s.Free(), s.OnHand, s.Reserved + s.Allocated}
				}
			}
		}
		v.Variants = append(v.Variants, row)
	}
	p.Data = v
	return undone(p, product)
}

// undone offers to take back what was just done to a product.
func undone(p *page, product *catalog.Product) error {
	action := "/console/products/" + product.Slug + "/hidden"
	switch p.Q("done") {
	case "hidden":
		p.Undo = &undo{action, "hidden", "no"}
	case "shown":
		p.Undo = &undo{action, "hidden", "yes"}
	}
	return nil
}

func (c *console) hideProduct(_ http.ResponseWriter, r *http.Request, _ *page) (string, error) {
	slug, hide := r.PathValue("slug"), r.PostForm.Get("hidden") == "yes"
	key := "shown"
	if hide {
		key = "hidden"
	}
	return "/console/products/" + slug + "?done=" + key, c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.Catalog.Hide(tx, slug, hide) })
}

type marketsView struct{ Markets []marketCard }

type marketCard struct {
	market.Market
	Countries []string
	Languages []string
	Methods   []string
	ShipFrom  []string
	Local     string
	Factor    string
	Step      string
	Ending    string
	URL       string
	Sender    Sender
	HasSender bool
}

func (c *console) markets(_ *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_markets")
	names := map[string]string{}
	for _, l := range c.Stock.Locations() {
		names[l.Code] = l.Name
	}
	v := marketsView{}
	for _, m := range c.Markets.All() {
		card := marketCard{Market: m, Local: p.In(m.Zone, p.Now), Factor: p.Decimal(m.Factor),
			Step: p.Decimal(minor(m.Rounding.Step, m)), Ending: p.Decimal(minor(m.Rounding.Ending, m))}
		for _, country := range m.Countries {
			card.Countries = append(card.Countries, p.CountryName(string(country)))
		}
		for _, l := range m.Languages {
			card.Languages = append(card.Languages, p.LanguageName(l))
		}
		for _, method := range m.Methods {
			card.Methods = append(card.Methods, p.Word("method", method))
		}
		for _, place := range m.ShipFrom {
			card.ShipFrom = append(card.ShipFrom, first(names[place], place))
		}
		if m.State == market.Open || m.State == market.Soft {
			card.URL = c.PublicURL + m.Prefix(m.Language()) + "/"
		}
		if c.Senders != nil {
			card.Sender, card.HasSender = c.Senders(m.Country())
		}
		v.Markets = append(v.Markets, card)
	}
	p.Data = v
	return nil
}

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}
