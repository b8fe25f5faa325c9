package checkout

import (
	"portolan/internal/catalog"
	"portolan/internal/market"
	"portolan/internal/pricing"
)

// Article is one thing for sale as a cart needs it, in one market and language.
type Article struct {
	SKU         string
	Slug        string
	Title       string
	Options     map[string]string // name of the option -> its value in the language
	Image       string            // file name
	HS          string            // as the country of delivery wants it
	Origin      string
	Customs     string // description for customs, English
	TaxCategory string
	Weight      int64 // grams of one piece
	Price       pricing.Price
}

// Products is satisfied by catalog.Service.
type Products interface {
	Variant(sku string) (*catalog.Product, *catalog.Variant, error)
}

// Prices is satisfied by pricing.Service.
type Prices interface {
	Price(m market.Code, sku string) (pricing.Price, error)
}

type shelf struct {
	products Products
	prices   Prices
}

// NewShelf puts a catalogue and its prices together.
func NewShelf(products Products, prices Prices) Shelf { return shelf{products, prices} }

// Article implements Shelf; faults of kind NotFound say that it isn't sold there.
func (s shelf) Article(m market.Market, to market.Country, lang, sku string) (Article, error) {
	p, v, err := s.products.Variant(sku)
	if err != nil {
		return Article{}, err
	}
	if p.Hidden {
		return Article{}, catalog.ErrUnknownSKU
	}
	price, err := s.prices.Price(m.Code, sku)
	if err != nil {
		return Article{}, err
	}
	a := Article{SKU: v.SKU, Slug: p.Slug, Title: p.Text(lang).Title, HS: p.HS, Origin: string(p.Origin), Customs: p.CustomsDescription,
		TaxCategory: p.TaxCategory, Weight: v.WeightGrams, Price: price}
	if to == "US" && p.HSUS != "" {
		a.HS = p.HSUS
	}
	if len(v.Options) > 0 {
		a.Options = make(map[string]string, len(v.Options))
		for name, value := range v.Options {
			a.Options[name] = p.ValueName(name, value, lang)
		}
	}
	if image, _, ok := p.Image(v.Options["color"]); ok {
		a.Image = image.File
	}
	return a, nil
}
