package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/address"
	"portolan/internal/catalog"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/papers"
)

type profileView struct {
	papers.Profile
	Country  string
	Address  []addressInput
	Places   []placeForm
	EU, GB   string
	Evidence []evidenceBox
	Numbers  []fulfilment.NumberRange
}

// placeForm is the address that goods leave from at a location in another country than the merchant's.
type placeForm struct {
	fulfilment.Location
	Known  bool
	Fields []addressInput
}

type evidenceBox struct {
	Code, Name string
	Held       bool
}

// customsProfile is what customs learn about the merchant.
func (c *console) customsProfile(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title = p.T("console.pp_profile")
	v := profileView{}
	if v.Profile, err = c.Papers.Profile(tx); err != nil {
		return err
	}
	locations := c.Stock.Locations()
	v.Country = first(p.Was("profile", "country"), v.Profile.Address.Country)
	if v.Country == "" && len(locations) > 0 {
		v.Country = string(locations[len(locations)-1].Country)
	}
	v.Profile.Address.Country = v.Country
	v.Address = withoutPerson(addressInputs(p, "profile", "address.", v.Profile.Address))
	for _, l := range locations {
		if string(l.Country) == v.Country {
			continue
		}
		at, known := v.Profile.Places[l.Code]
		at.Country = string(l.Country)
		v.Places = append(v.Places, placeForm{l, known, withoutPerson(addressInputs(p, "profile", "places."+l.Code+".", at))})
	}
	for _, e := range v.EORIs {
		if e.Area == "EU" {
			v.EU = e.Number
		} else {
			v.GB = e.Number
		}
	}
	for _, mark := range customs.Marks() {
		v.Evidence = append(v.Evidence, evidenceBox{mark, papers.Needs(mark), slices.Contains(v.Profile.Evidence, mark)})
	}
	v.Numbers, err = c.Shipments.Numbers(tx)
	p.Data = v
	return err
}

// withoutPerson leaves out the names of people: the merchant's stands apart.
func withoutPerson(all []addressInput) []addressInput {
	return slices.DeleteFunc(all, func(f addressInput) bool {
		return f.Name == "given_name" || f.Name == "family_name" || f.Name == "company"
	})
}

func (c *console) setCustomsProfile(r *http.Request, p *page) (string, error) {
	form := r.PostForm
	done := "pp_profile"
	return "/console/papers/profile?done=" + done, c.DB.Write(r.Context(), func(tx *db.Tx) error {
		if form.Get("do") == "numbers" {
			next, err1 := strconv.ParseInt(strings.TrimSpace(form.Get("next")), 10, 64)
			last, err2 := strconv.ParseInt(strings.TrimSpace(form.Get("last")), 10, 64)
			if err1 != nil || err2 != nil {
				next, last = 1, 0
			}
			return c.Shipments.AddNumbers(tx, fulfilment.NumberRange{Prefix: strings.ToUpper(strings.TrimSpace(form.Get("prefix"))), Country: strings.ToUpper(strings.TrimSpace(form.Get("country"))), Next: next, Last: last})
		}
		before, err := c.Papers.Profile(tx)
		if err != nil {
			return err
		}
		return c.Papers.SetProfile(tx, c.readProfile(form, before), p.User.Name)
	})
}

func (c *console) readProfile(form url.Values, before papers.Profile) papers.Profile {
	out := papers.Profile{Name: form.Get("name"), Signer: form.Get("signer"), Email: form.Get("email"), Abandon: form.Get("abandon") == "yes", Strict: form.Get("strict") == "yes",
		Evidence: form["evidence"], Places: map[string]address.Address{}}
	out.Address = before.Address
	out.Address.Country = form.Get("country")
	out.Address = readAddress(form, "address.", out.Address)
	out.Address.Phone = form.Get("address.phone")
	for _, l := range c.Stock.Locations() {
		if string(l.Country) == out.Address.Country {
			continue
		}
		at := before.Places[l.Code]
		at.Country = string(l.Country)
		out.Places[l.Code] = readAddress(form, "places."+l.Code+".", at)
	}
	for _, area := range []string{"EU", "GB"} {
		if number := form.Get("eori_" + area); number != "" {
			out.EORIs = append(out.EORIs, papers.EORI{Area: area, Number: number})
		}
	}
	return out
}

type describingView struct {
	Rows []goodsRow
	More int
}

type goodsRow struct {
	*catalog.Product
	Title    string
	Goods    papers.Goods
	Proposal string
	Findings []string
	Blocked  bool
}

const describedAtOnce = 50

// describing lists the products whose description nobody approved yet.
func (c *console) describing(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.pp_describe_title")
	open, err := c.Papers.Unapproved(tx)
	if err != nil {
		return err
	}
	v := describingView{More: max(0, len(open)-describedAtOnce)}
	for _, product := range open[:min(len(open), describedAtOnce)] {
		row, err := c.goodsRow(tx, p, product)
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, row)
	}
	p.Data = v
	return nil
}

func (c *console) goodsRow(tx *db.Tx, p *page, product *catalog.Product) (goodsRow, error) {
	row := goodsRow{Product: product, Title: product.Text(p.Lang()).Title, Proposal: papers.Propose(product)}
	var err error
	if row.Goods, err = c.Papers.Goods(tx, product); err != nil {
		return row, err
	}
	found, err := c.Papers.LintGoods(tx, product, row.Goods)
	for _, f := range found {
		if f.Code != "L14" { // what a mark is missing for is said at the product
			row.Findings = append(row.Findings, papers.Say(p.Printer, f.Key, f.Args))
		}
	}
	row.Blocked = customs.Blocked(found)
	return row, err
}

// approveAll lets the descriptions that were ticked stand, in the name of the person who looked at them.
func (c *console) approveAll(r *http.Request, p *page) (string, error) {
	slugs := r.PostForm["p"]
	if len(slugs) == 0 {
		return "", papers.ErrNothingChosen
	}
	return "/console/papers/goods?done=pp_approved", c.DB.Write(r.Context(), func(tx *db.Tx) error {
		for _, slug := range slugs[:min(len(slugs), describedAtOnce)] {
			product, err := c.Catalog.Get(slug)
			if err != nil {
				return err
			}
			g, err := c.Papers.Goods(tx, product)
			if err != nil {
				return err
			}
			if err := c.Papers.Approve(tx, g, p.User.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

type productCustomsView struct {
	goodsRow
	Units    []choice
	Evidence []evidenceBox
	Missing  []string
	History  []papers.Goods
}

// productCustoms is what customs are told about a product, and the marks and documents that are held for it.
func (c *console) productCustoms(tx *db.Tx, r *http.Request, p *page) error {
	product, err := c.Catalog.Find(tx, r.PathValue("slug"))
	if err != nil {
		return err
	}
	v := &productCustomsView{}
	if v.goodsRow, err = c.goodsRow(tx, p, &product); err != nil {
		return err
	}
	p.Title = v.Title
	for _, u := range papers.Units {
		v.Units = append(v.Units, choice{u, p.Word("pp_unit", u), u == first(v.Goods.Unit, "pce")})
	}
	wanted := map[string]bool{}
	profile, err := c.Papers.Profile(tx)
	if err != nil {
		return err
	}
	for _, m := range c.selling() {
		for _, verdict := range customs.Check(customs.GoodsOf(&product), string(m.Country()), tx.Now()) {
			if verdict.Needs != "" && !slices.Contains(profile.Evidence, verdict.Needs) {
				wanted[verdict.Needs] = true
			}
		}
	}
	for _, mark := range customs.Marks() {
		held := slices.Contains(product.Evidence, mark)
		if held || wanted[mark] {
			v.Evidence = append(v.Evidence, evidenceBox{mark, papers.Needs(mark), held})
		}
	}
	if v.History, err = c.Papers.History(tx, product.ID); err != nil {
		return err
	}
	slices.Reverse(v.History)
	p.Data = v
	return nil
}

func (c *console) setProductCustoms(r *http.Request, p *page) (string, error) {
	slug, form := r.PathValue("slug"), r.PostForm
	return "/console/products/" + slug + "/customs?done=pp_goods_" + form.Get("do"), c.DB.Write(r.Context(), func(tx *db.Tx) error {
		product, err := c.Catalog.Find(tx, slug)
		if err != nil {
			return err
		}
		if form.Get("do") == "evidence" {
			return c.Catalog.SetGoods(tx, slug, catalog.Goods{Wearer: product.Wearer, Make: product.Make, Traits: product.Traits, Evidence: form["evidence"]})
		}
		return c.Papers.Approve(tx, papers.Goods{Product: product.ID, Description: form.Get("description"), Use: form.Get("use"), Unit: form.Get("unit")}, p.User.Name)
	})
}
