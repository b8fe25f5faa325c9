package drive

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"portolan/internal/address"
	"portolan/internal/app"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/fulfilment"
)

// World is what a database is filled with.
type World struct {
	Products int   // the sample merchant's repeated under new names until there are so many; 0: as they are
	OnHand   int64 // pieces of each variant at each place that has it; 0: as they are
}

// Prepare migrates an empty database and fills it with the sample merchant's shop.
func (w World) Prepare(ctx context.Context, url string) error {
	d, err := db.Open(ctx, url, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Migrate(ctx, app.Schemas...); err != nil {
		return err
	}
	if err := app.SeedDemo(ctx, d); err != nil {
		return err
	}
	a, err := app.Open(ctx, d, app.Config{})
	if err != nil {
		return err
	}
	if w.Products > 0 {
		if err := w.multiply(ctx, a); err != nil {
			return fmt.Errorf("make %d products: %w", w.Products, err)
		}
	}
	if w.OnHand == 0 {
		return nil
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		var all []fulfilment.Stock
		for _, p := range a.Catalog.Snapshot().Products() {
			for _, v := range p.Variants {
				for _, at := range []string{"ams", "can"} {
					all = append(all, fulfilment.Stock{SKU: v.SKU, Location: at, OnHand: w.OnHand})
				}
			}
		}
		return a.Stock.SetStock(tx, all)
	})
}

func (w World) multiply(ctx context.Context, a *app.App) error {
	first := a.Catalog.Snapshot().Products()
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		var more []catalog.Product
		for n := len(first); n < w.Products; n++ {
			whole, err := a.Catalog.Find(tx, first[n%len(first)].Slug)
			if err != nil {
				return err
			}
			more = append(more, again(whole, n/len(first)+1, int64(n+1)))
		}
		_, err := a.Catalog.Import(tx, more)
		return err
	})
	if err != nil {
		return err
	}
	if err := a.Catalog.Load(ctx); err != nil {
		return err
	}
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		return demo.Publish(tx, demo.Shop{Markets: a.Markets, Catalog: a.Catalog, Prices: a.Prices, Stock: a.Stock})
	})
}

// again is a product once more under another name.
func again(p catalog.Product, n int, position int64) catalog.Product {
	p.ID = ""
	p.Slug = fmt.Sprintf("%s-%d", p.Slug, n)
	p.Position = position
	p.Texts = maps.Clone(p.Texts)
	for lang, t := range p.Texts {
		t.Title = fmt.Sprintf("%s %d", t.Title, n)
		p.Texts[lang] = t
	}
	p.Variants = slices.Clone(p.Variants)
	for i := range p.Variants {
		p.Variants[i].SKU = fmt.Sprintf("%s-%02d", p.Variants[i].SKU, n)
	}
	return p
}

// mobiles are ranges of the five markets in which every number is a mobile's, with the digits that are left.
var mobiles = map[string]struct {
	prefix string
	digits int
}{"US": {"+1917", 7}, "DE": {"+491512", 7}, "GB": {"+447400", 6}, "ID": {"+62812", 8}, "MY": {"+6012", 7}}

// people are one shopper of each market, by country.
func people() (map[string]Person, error) {
	all, err := demo.People()
	if err != nil {
		return nil, err
	}
	out := map[string]Person{}
	for _, p := range all {
		to := address.Address{GivenName: p.FirstName, FamilyName: p.LastName, Line1: p.Address.Line1, City: p.Address.City, Region: p.Address.Region,
			Postcode: p.Address.Postcode, Country: p.Address.Country, Phone: p.Phone}
		if _, there := out[p.Country]; there || address.Check(address.Tidy(to)) != nil {
			continue
		}
		lang, _, _ := strings.Cut(p.Locale, "-")
		out[p.Country] = Person{Place: lang + "-" + strings.ToLower(p.Country), Country: p.Country, Given: p.FirstName, Family: p.LastName,
			Line1: p.Address.Line1, City: p.Address.City, Region: address.Tidy(to).Region, Post: p.Address.Postcode}
	}
	return out, nil
}

// Crowd makes shoppers: each with a number and an address of their own, the markets in turn.
type Crowd struct {
	by  map[string]Person
	run string
}

// NewCrowd returns a crowd whose addresses carry run, so that two crowds are different people.
func NewCrowd(run string) (Crowd, error) {
	by, err := people()
	return Crowd{by, run}, err
}

// Markets are the countries of a crowd, in turn.
var Markets = []string{"DE", "US", "GB", "ID", "MY"}

// Person is the nth of the crowd, from 0. n is less than two million, and of all crowds on one database each n
// is used once.
func (c Crowd) Person(n int) Person {
	country := Markets[n%len(Markets)]
	p := c.by[country]
	m := mobiles[country]
	// The number after the area code begins with 2 or more, as it has to in the US.
	least := 2
	for range m.digits - 1 {
		least *= 10
	}
	p.Phone = fmt.Sprintf("%s%d", m.prefix, least+n/len(Markets))
	p.Email = fmt.Sprintf("shopper-%s-%d@example.com", c.run, n)
	return p
}

// Scarce is Prepare with so few pieces of some articles that a few of the shoppers find them sold out: it returns
// the SKUs of these articles. A fifth of the pieces is in Amsterdam, for a fifth of the shoppers is in Germany.
func (w World) Scarce(ctx context.Context, url string, articles, shoppers int) (skus []string, err error) {
	if err := w.Prepare(ctx, url); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	a, err := app.Open(ctx, d, app.Config{})
	if err != nil {
		return nil, err
	}
	each := int64(shoppers / articles)
	return skus, d.Write(ctx, func(tx *db.Tx) error {
		var all []fulfilment.Stock
		skus = nil
		for _, p := range a.Catalog.Snapshot().Products()[:articles] {
			sku := p.Variants[0].SKU
			skus = append(skus, sku)
			all = append(all, fulfilment.Stock{SKU: sku, Location: "ams", OnHand: each / 5}, fulfilment.Stock{SKU: sku, Location: "can", OnHand: each*4/5 - 1})
		}
		return a.Stock.SetStock(tx, all)
	})
}
