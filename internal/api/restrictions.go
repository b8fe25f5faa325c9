package api

import (
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customs"
	"portolan/internal/i18n"
	"portolan/internal/landed"
)

// Borders says what a buyer has to know about goods on their way into a country. Satisfied by customs.Screen.
type Borders interface {
	Article(sku, country, day string, pieces int64) []customs.Verdict
	Shown(p *catalog.Product, country, day string) []customs.Verdict
}

// LandedQuote is a quote with what may not go where it is asked for.
type LandedQuote struct {
	landed.Quote
	Restrictions []Restriction `json:"restrictions,omitempty"`
}

// restrictions are verdicts in the document's words.
func restrictions(say *i18n.Printer, all []customs.Verdict, country, sku string) []Restriction {
	out := []Restriction{}
	name := say.CountryName(country)
	for _, v := range all {
		r := Restriction{Sku: sku, Country: country, Rule: v.Rule, Blocks: v.Blocks, Needs: v.Needs, Reason: say.T(v.Reason, "country", name), MostPieces: v.Most}
		if v.Instead != "" {
			r.Alternative = say.T(v.Instead)
		}
		out = append(out, r)
	}
	return out
}

// barred says what a buyer of a product has to know in the market's likely country.
func (a *api) barred(at spot, p *catalog.Product) []Restriction {
	if a.Borders == nil {
		return nil
	}
	country := string(at.market.Country())
	return restrictions(at.say, a.Borders.Shown(p, country, at.market.Day(at.now)), country, "")
}

// barredLine says why a line of a cart can't go where it is meant to.
func (a *api) barredLine(c checkout.Cart, i checkout.Item) []Restriction {
	if len(i.Verdicts) == 0 {
		return nil
	}
	return restrictions(i18n.For(c.Lang), i.Verdicts, string(c.Country), "")
}

// barredQuote says what stands against the lines of a quote: of our articles what the catalogue knows, of others what
// their code tells.
func (a *api) barredQuote(b *CreateQuoteJSONRequestBody, r *landed.Request) []Restriction {
	var out []Restriction
	to, day, say := customs.Border(r.Destination.Country, r.Destination.Postcode), r.Date.Format("2006-01-02"), i18n.For("en")
	for i, l := range b.Lines {
		_, _, err := a.Catalog.Variant(l.Sku)
		if err == nil && a.Borders != nil {
			out = append(out, restrictions(say, a.Borders.Article(l.Sku, to, day, l.Quantity), to, l.Sku)...)
			continue
		}
		for _, v := range customs.Check(customs.Goods{Traits: customs.Kinds(r.Lines[i].HS), ByAir: true}, to, r.Date) {
			if v.Blocks || v.Buyer && l.Quantity > v.Most {
				out = append(out, restrictions(say, []customs.Verdict{v}, to, l.Sku)...)
			}
		}
	}
	return out
}
