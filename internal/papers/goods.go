package papers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"portolan/internal/catalog"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fault"
)

// Goods is what customs are told about all variants of a product: one description, since colour and size would make
// several declaration items of it.
type Goods struct {
	Product     string    `json:"-"`           // catalog.Product.ID
	Description string    `json:"description"` // in English
	Use         string    `json:"use,omitempty"`
	Unit        string    `json:"unit,omitempty"` // pce, pair; empty is pce
	ApprovedBy  string    `json:"-"`
	ApprovedAt  time.Time `json:"-"`
}

// Approved reports whether a person let the description stand.
func (g Goods) Approved() bool { return g.ApprovedBy != "" }

const maxDescription = 300

// Units are the units goods are counted in on papers.
var Units = []string{"pce", "pair", "set"}

// Propose is a description for customs made of what the catalogue knows; empty where it knows too little.
func Propose(p *catalog.Product) string {
	a := customs.Article{Kind: strings.ReplaceAll(p.Kind, "_", " "), For: p.Wearer, Make: p.Make, Upper: strings.HasPrefix(p.HS, "64")}
	for _, m := range p.Materials {
		m.Fibre = strings.ReplaceAll(m.Fibre, "_", " ")
		a.Materials = append(a.Materials, m)
	}
	return customs.Describe(a)
}

// Goods returns what customs are told about a product: what a person approved, or else the catalogue's words and a
// proposal that nobody has approved.
func (s *Service) Goods(tx *db.Tx, p *catalog.Product) (Goods, error) {
	known, err := goodsOf(tx, p.ID)
	if err != nil {
		return Goods{}, err
	}
	if len(known) > 0 {
		return known[len(known)-1], nil
	}
	g := Goods{Product: p.ID, Description: p.CustomsDescription}
	if g.Description == "" {
		g.Description = Propose(p)
	}
	return g, nil
}

// Approve keeps what customs are told about a product, in a person's name. The latest word holds; those before are
// kept.
func (s *Service) Approve(tx *db.Tx, g Goods, by string) error {
	g.Description, g.Use = strings.Join(strings.Fields(g.Description), " "), strings.Join(strings.Fields(g.Use), " ")
	var c fault.Check
	c.That(by != "", "by", "required")
	_, known := s.Products.Snapshot().ByID(g.Product)
	c.That(known, "product", "catalog.unknown_product")
	c.That(g.Description != "", "description", "required")
	c.That(utf8.RuneCountInString(g.Description) <= maxDescription, "description", "too_long")
	c.That(len(g.Use) <= maxDescription, "use", "too_long")
	c.That(g.Unit == "" || slices.Contains(Units, g.Unit), "unit", "papers.unit_unknown")
	if err := c.Err(ErrGoods.Code); err != nil {
		return err
	}
	body, err := json.Marshal(g)
	if err != nil {
		return err
	}
	before, err := goodsOf(tx, g.Product)
	if err != nil {
		return err
	}
	n, err := tx.Exec(`insert into paper_goods (product, version, body, approved_by, approved_at) values ($1, $2, $3, $4, $5) on conflict do nothing`,
		g.Product, len(before)+1, string(body), by, tx.Now())
	if err == nil && n == 0 {
		err = fmt.Errorf("customs facts of %s: %w", g.Product, ErrMeanwhile)
	}
	return err
}

// History is what customs were told about a product, oldest first.
func (s *Service) History(tx *db.Tx, product string) ([]Goods, error) { return goodsOf(tx, product) }

// Unapproved are the products of the catalogue whose description nobody has approved.
func (s *Service) Unapproved(tx *db.Tx) ([]*catalog.Product, error) {
	known, err := db.All(tx, db.Scalar[string], `select distinct product from paper_goods order by product`)
	if err != nil {
		return nil, err
	}
	said := map[string]bool{}
	for _, product := range known {
		said[product] = true
	}
	var open []*catalog.Product
	for _, p := range s.Products.Snapshot().Products() {
		if !said[p.ID] {
			open = append(open, p)
		}
	}
	return open, nil
}

// LintGoods says what customs would ask about a description, before it is approved: as if it went to the Union.
func (s *Service) LintGoods(tx *db.Tx, p *catalog.Product, g Goods) ([]customs.Finding, error) {
	profile, err := s.Profile(tx)
	if err != nil {
		return nil, err
	}
	c := customs.Consignment{Date: s.today(tx), Currency: "EUR"}
	c.Addressee.Address.Country = "DE"
	l := s.line(p, g, profile, "DE")
	l.SKU, l.Quantity, l.NetGrams = p.Slug, 1, max(p.WeightGrams, 1)
	l.Value.Currency, l.Value.Minor = "EUR", 1
	c.Lines = []customs.Line{l}
	var found []customs.Finding
	for _, f := range customs.Lint(c, s.options(profile, customs.Courier)) {
		if f.Line == 0 {
			found = append(found, f)
		}
	}
	return found, nil
}

// line is what customs are told about a product that goes to a country.
func (s *Service) line(p *catalog.Product, g Goods, profile Profile, country string) customs.Line {
	l := customs.Line{Title: p.Text("en").Title, Description: g.Description, Use: g.Use, Unit: g.Unit, HS: p.HS, Origin: string(p.Origin),
		Category: p.TaxCategory, Traits: customs.GoodsOf(p).Traits}
	if country == "US" && p.HSUS != "" {
		l.HS = p.HSUS
	}
	for _, m := range p.Materials {
		l.Materials = append(l.Materials, catalog.Material{Fibre: strings.ReplaceAll(m.Fibre, "_", " "), Percent: m.Percent})
	}
	l.Evidence = append(slices.Clone(profile.Evidence), p.Evidence...)
	slices.Sort(l.Evidence)
	l.Evidence = slices.Compact(l.Evidence)
	return l
}

func goodsOf(tx *db.Tx, product string) ([]Goods, error) {
	return db.All(tx, func(r db.Row) (g Goods, err error) {
		var body string
		if err = r.Scan(&body, &g.ApprovedBy, &g.ApprovedAt); err != nil {
			return g, err
		}
		if err = json.Unmarshal([]byte(body), &g); err != nil {
			return g, fmt.Errorf("customs facts of %s: %w", product, err)
		}
		g.Product, g.ApprovedAt = product, g.ApprovedAt.UTC()
		return g, nil
	}, `select body, approved_by, approved_at from paper_goods where product = $1 order by version`, product)
}
