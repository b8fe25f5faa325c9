package storefront

import (
	"net/http"
	"strconv"

	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/web"
)

type infoView struct {
	Title string
	Parts []infoPart
}

type infoPart struct {
	Title string
	Texts []string
	Items []string
}

// infoParts is how many sections each page of information has; their words are info.<page>_<n>_title and _text.
var infoParts = map[string]int{"delivery": 3, "returns": 3, "contact": 1, "about": 1, "privacy": 4, "terms": 4}

func (s *shop) info(w http.ResponseWriter, r *http.Request, at place) error {
	name := r.PathValue("name")
	n, ok := infoParts[name]
	if !ok {
		return web.ErrNoPage
	}
	return s.cached(w, r, at, "info", func() (*page, error) {
		country := at.say.CountryName(string(at.market.Country()))
		args := []any{"brand", s.Brand.Name, "country", country, "email", first(at.market.Contact.Email, s.Brand.Email), "phone", at.market.Contact.Phone,
			"hours", at.market.Contact.Hours, "currency", string(at.market.Currency), "merchant", at.market.Merchant.Name, "address", at.market.Merchant.Address,
			"days", withdrawal[string(at.market.Country())]}
		v := infoView{Title: at.say.T("shop.info_" + name)}
		for i := range n {
			key := "info." + name + "_" + strconv.Itoa(i+1)
			v.Parts = append(v.Parts, infoPart{Title: at.say.T(key+"_title", args...), Texts: []string{at.say.T(key+"_text", args...)}})
		}
		switch name {
		case "delivery":
			v.Parts[0].Items = s.deliveryItems(at)
		case "about":
			v.Parts[0].Texts = []string{first(s.Brand.Stories[at.lang], s.Brand.Stories["en"])}
		}
		p := s.newPage(at, "/info/"+name, v.Title)
		p.Data = v
		return s.public(p, nil), nil
	})
}

func (s *shop) deliveryItems(at place) []string {
	line := fulfilment.OptionLine{Quantity: 1, WeightGrams: 400}
	if all := s.Catalog.Snapshot().Products(); len(all) > 0 && len(all[0].Variants) > 0 {
		line.SKU = all[0].Variants[0].SKU
	}
	var out []string
	for _, c := range at.market.Countries {
		options, err := s.Stock.Options(fulfilment.OptionsRequest{Market: at.market.Code, Country: market.Country(c), Lines: []fulfilment.OptionLine{line}, At: s.DB.Clock().Now()})
		if err != nil {
			continue
		}
		for _, o := range options {
			out = append(out, at.say.T("info.delivery_item", "service", at.say.T("service."+o.Service), "carrier", o.Carrier, "price", o.Price,
				"days", days(at, o.FromDay, o.ToDay), "place", at.say.CountryName(string(o.From))))
		}
	}
	return out
}
