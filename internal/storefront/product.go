package storefront

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/cldr"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/money"
)

type productView struct {
	Title, Price, Was, Lowest, TaxWords, Error         string
	ColourName, Text, Materials, Care, Origin, Article string
	DeliveryTitle, DeliveryText, DutyTitle, DutyText   string
	Returns, StockWords, SizeNote, Barred              string
	Crumbs                                             []link
	Images                                             []picture
	Colours                                            []colour
	Sizes                                              []size
	Quantities                                         []int
	Sellable                                           bool
	SizeChart                                          *chart
	Similar                                            []card
}

type (
	picture struct{ URL, Alt string }
	colour  struct {
		Label, URL string
		Swatch     template.HTML
		Chosen     bool
	}
	size struct {
		SKU, Label   string
		Gone, Chosen bool
	}
	chart struct {
		Head []string
		Rows [][]string
	}
)

func (s *shop) product(w http.ResponseWriter, r *http.Request, at place) error {
	p, err := s.Catalog.Get(r.PathValue("slug"))
	if err != nil {
		return err
	}
	if !s.sold(p)(at.market) {
		w.Header().Set("Cache-Control", "no-cache")
		http.Redirect(w, r, at.prefix+"/c/"+p.Category, http.StatusFound)
		return nil
	}
	return s.cached(w, r, at, "product", func() (*page, error) {
		q := r.URL.Query()
		view, err := s.productView(at, p, q.Get("color"))
		if err != nil {
			return nil, err
		}
		if q.Get("problem") == "size" {
			view.Error = at.say.T("shop.choose_size")
		}
		pg := s.newPage(at, "/p/"+p.Slug, view.Title)
		pg.Description = shorten(view.Text, 155)
		pg.Data = view
		if data, ok := s.productData(at, p); ok {
			pg.JSONLD = append(pg.JSONLD, data)
		}
		pg.JSONLD = append(pg.JSONLD, crumbData(s, view.Crumbs))
		s.public(pg, s.sold(p))
		if r.URL.RawQuery != "" {
			pg.NoIndex = true
		}
		return pg, nil
	})
}

func (s *shop) productView(at place, p *catalog.Product, colourCode string) (v productView, err error) {
	text, say, m := p.Text(at.lang), at.say, at.market
	v = productView{Title: text.Title, Text: text.Description, SizeNote: text.Fit, Care: text.Care, Materials: text.Material, Returns: s.returns(at),
		Origin: say.CountryName(string(p.Origin)), Quantities: []int{1, 2, 3, 4, 5}}
	price, differ, ok := s.Prices.From(m.Code, p)
	if !ok {
		return v, catalog.ErrUnknownProduct
	}
	v.Price = say.Money(price.Amount)
	if differ {
		v.Price = say.T("shop.from", "price", price.Amount)
	}
	if !price.Was.IsZero() {
		v.Was, v.Lowest = say.Money(price.Was), say.T("shop.lowest_30", "price", price.Lowest30)
	}
	v.TaxWords = s.taxWords(at, p)

	chosen := ""
	for _, o := range p.Options {
		if o.Name != "color" {
			continue
		}
		for _, c := range o.Values {
			if chosen == "" || c.Code == colourCode {
				chosen = c.Code
			}
		}
		for _, c := range o.Values {
			name := p.ValueName("color", c.Code, at.lang)
			v.Colours = append(v.Colours, colour{name, withQuery(at.prefix+"/p/"+p.Slug, url.Values{"color": {c.Code}}), dots([]string{c.Hex}), c.Code == chosen})
			if c.Code == chosen {
				v.ColourName = name
			}
		}
	}
	s.sizes(&v, at, p, chosen)
	for i, img := range p.Images {
		if img.Color == "" || img.Color == chosen {
			v.Images = append(v.Images, picture{s.media.Path(img.File), p.Alt(i, at.lang)})
		}
	}
	if c, ok := s.Catalog.Snapshot().Category(p.Category); ok {
		v.Crumbs = []link{{Title: s.Brand.Name, URL: at.prefix + "/"}, {Title: c.Name(at.lang), URL: at.prefix + "/c/" + c.Slug}, {Title: v.Title}}
	}
	for _, c := range s.Charts {
		if c.Code == p.SizeChart {
			head := c.Head[at.lang]
			if head == nil {
				head = c.Head["en"]
			}
			v.SizeChart = &chart{head, c.Rows}
			break
		}
	}
	s.dues(&v, at, p)
	barred, everywhere := s.barred(at, p)
	v.Barred, v.Sellable = barred, v.Sellable && !everywhere
	all := s.Catalog.List(catalog.Filter{Market: m.Code, Lang: at.lang, Category: p.Category, InStock: true}, catalog.Page{Size: 8}).Products
	all = slices.DeleteFunc(slices.Clone(all), func(o *catalog.Product) bool { return o == p })
	v.Similar = s.cards(at, all, 4)
	return v, nil
}

func (s *shop) sizes(v *productView, at place, p *catalog.Product, colourCode string) {
	low := false
	for i := range p.Variants {
		vt := &p.Variants[i]
		if c := vt.Options["color"]; c != "" && c != colourCode {
			continue
		}
		label := at.say.T("shop.one_size")
		if code := vt.Options["size"]; code != "" {
			label = p.ValueName("size", code, at.lang)
		}
		l := s.Stock.Level(at.market.Code, vt.SKU)
		_, err := s.Prices.Price(at.market.Code, vt.SKU)
		gone := l.Free == 0 || err != nil
		v.Sellable = v.Sellable || !gone
		low = low || l.Low && !gone
		v.Sizes = append(v.Sizes, size{vt.SKU, label, gone, false})
		if v.Article == "" {
			v.Article = vt.SKU
		}
	}
	if len(v.Sizes) == 1 {
		v.Sizes[0].Chosen = !v.Sizes[0].Gone
	}
	if low {
		v.StockWords = at.say.T("shop.few_left")
	}
}

// taxWords says whether the shown price contains the market's tax, and how much of it.
func (s *shop) taxWords(at place, p *catalog.Product) string {
	if !at.market.TaxInclusive {
		return at.say.T("shop.tax_excluded")
	}
	rate, _, ok := s.Rules.ConsumptionTax(string(at.market.Country()), "", p.TaxCategory, s.day(at.market))
	if !ok {
		return at.say.T("shop.tax_included_plain")
	}
	return at.say.T("shop.tax_included", "rate", rate)
}

// dues tells the delivery promise and what becomes of duty for one piece of the product. That nothing more is due on
// delivery is said only where every rule used is sure.
func (s *shop) dues(v *productView, at place, p *catalog.Product) {
	v.DutyTitle, v.DutyText = at.say.T("shop.duty_estimate_title"), at.say.T("shop.duty_estimate_text")
	if len(p.Variants) == 0 {
		return
	}
	o, ok := s.promise(at, &p.Variants[0])
	if !ok {
		return
	}
	v.DeliveryTitle = at.say.T("shop.delivery_title", "days", days(at, o.FromDay, o.ToDay))
	v.DeliveryText = at.say.T("shop.delivery_text", "service", at.say.T("service."+o.Service), "price", o.Price, "place", at.say.CountryName(string(o.From)))
	q, err := s.Checkout.Preview(at.market, at.lang, p.Variants[0].SKU, s.DB.Clock().Now())
	if err == nil && q.Final && q.AtDoor.IsZero() {
		v.DutyTitle, v.DutyText = at.say.T("shop.duty_included_title"), at.say.T("shop.duty_included_text")
	}
}

// promise is the market's first way to send a variant, or any small parcel where none is named.
func (s *shop) promise(at place, v *catalog.Variant) (fulfilment.Option, bool) {
	line := fulfilment.OptionLine{Quantity: 1, WeightGrams: 400}
	if v != nil {
		line.SKU, line.WeightGrams = v.SKU, v.WeightGrams
	} else if all := s.Catalog.Snapshot().Products(); len(all) > 0 && len(all[0].Variants) > 0 {
		line.SKU = all[0].Variants[0].SKU
	}
	all, err := s.Stock.Options(fulfilment.OptionsRequest{Market: at.market.Code, Country: at.market.Country(), Lines: []fulfilment.OptionLine{line}, At: s.DB.Clock().Now()})
	if err != nil || len(all) == 0 {
		return fulfilment.Option{}, false
	}
	return all[0], true
}

// days writes a promise without its year: "Nov 28 – Dec 3", or one day.
func days(at place, from, to string) string {
	if from == to || from == "" {
		return written(at, to, cldr.Weekday)
	}
	return written(at, from, cldr.Day) + " – " + written(at, to, cldr.Day)
}

// written writes a civil day as the place does.
func written(at place, day string, style cldr.Style) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return at.say.Date(t, style)
}

// withdrawal is how many days a shopper has to change their mind, by the law of the country (rule table
// returns_rules: EU and GB 14 days from receipt) or, where there is no such law, by the merchant's own promise.
var withdrawal = map[string]int64{"DE": 14, "GB": 14, "US": 30, "ID": 14, "MY": 14}

func (s *shop) returns(at place) string {
	n := withdrawal[string(at.market.Country())]
	if n == 0 {
		return at.say.T("shop.promise_return_none")
	}
	return at.say.N("shop.promise_return_days", n)
}

// productData is the product's structured data, drawn from what the page shows.
func (s *shop) productData(at place, p *catalog.Product) (template.JS, bool) {
	price, _, ok := s.Prices.From(at.market.Code, p)
	if !ok {
		return "", false
	}
	state := "https://schema.org/OutOfStock"
	_, barred := s.barred(at, p)
	for _, v := range p.Variants {
		if !barred && s.Stock.InStock(at.market.Code, v.SKU) {
			state = "https://schema.org/InStock"
			break
		}
	}
	text := p.Text(at.lang)
	var images []string
	for _, img := range p.Images {
		images = append(images, s.absolute(s.media.Path(img.File)))
	}
	offer := map[string]any{
		"@type": "Offer", "url": s.absolute(at.prefix + "/p/" + p.Slug), "price": decimal(price.Amount), "priceCurrency": price.Amount.Currency,
		"availability": state, "itemCondition": "https://schema.org/NewCondition",
		"hasMerchantReturnPolicy": s.returnPolicy(at),
	}
	if o, ok := s.promise(at, &p.Variants[0]); ok {
		offer["shippingDetails"] = shippingData(at, o)
	}
	return jsonLD(map[string]any{
		"@context": "https://schema.org", "@type": "Product", "name": text.Title, "description": text.Description, "image": images,
		"sku": p.Variants[0].SKU, "brand": map[string]any{"@type": "Brand", "name": s.Brand.Name}, "offers": offer,
	}), true
}

func shippingData(at place, o fulfilment.Option) any {
	return map[string]any{
		"@type":               "OfferShippingDetails",
		"shippingRate":        amountData(o.Price),
		"shippingDestination": map[string]any{"@type": "DefinedRegion", "addressCountry": at.market.Country()},
		"deliveryTime": map[string]any{"@type": "ShippingDeliveryTime",
			"transitTime": map[string]any{"@type": "QuantitativeValue", "minValue": o.MinDays, "maxValue": o.MaxDays, "unitCode": "DAY"}},
	}
}

func amountData(a money.Amount) any {
	return map[string]any{"@type": "MonetaryAmount", "value": decimal(a), "currency": a.Currency}
}

func (s *shop) returnPolicy(at place) any {
	return map[string]any{"@type": "MerchantReturnPolicy", "applicableCountry": at.market.Country(),
		"returnPolicyCategory": "https://schema.org/MerchantReturnFiniteReturnWindow", "merchantReturnDays": withdrawal[string(at.market.Country())],
		"returnMethod": "https://schema.org/ReturnByMail"}
}

func (s *shop) storeData(at place) template.JS {
	return jsonLD(map[string]any{"@context": "https://schema.org", "@type": "OnlineStore", "name": s.Brand.Name,
		"url": s.absolute(at.prefix + "/"), "logo": s.absolute(s.Brand.Logo), "hasMerchantReturnPolicy": s.returnPolicy(at)})
}

func crumbData(s *shop, crumbs []link) template.JS {
	var items []any
	for i, c := range crumbs {
		item := map[string]any{"@type": "ListItem", "position": i + 1, "name": c.Title}
		if c.URL != "" {
			item["item"] = s.absolute(c.URL)
		}
		items = append(items, item)
	}
	return jsonLD(map[string]any{"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": items})
}

// shorten cuts at a word.
func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	cut := string(r[:most])
	if at := strings.LastIndexByte(cut, ' '); at > most/2 {
		cut = cut[:at]
	}
	return strings.TrimRight(cut, " ,.;") + " …"
}

// addLine puts a variant into the bag.
func (s *shop) addLine(w http.ResponseWriter, r *http.Request, at place) error {
	back := at.prefix + local(r.FormValue("back"), "/")
	if r.FormValue("sku") == "" {
		http.Redirect(w, r, back+"?problem=size", http.StatusSeeOther)
		return nil
	}
	err := s.add(w, r, at)
	if f := fault.Of(err); err != nil && !errors.Is(err, r.Context().Err()) && f.Kind != fault.Internal && f.Kind != fault.Unavailable {
		return s.showCart(w, r, at, err)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, at.prefix+"/cart", http.StatusSeeOther)
	return nil
}
