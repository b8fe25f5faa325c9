package tax

import (
	"strings"

	"portolan/internal/db"
	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/order"
)

// where is whose tax an order's destination falls under.
func where(o *order.Order) (country, region string) {
	country = string(o.Country)
	region = strings.TrimPrefix(o.Address.Region, country+"-")
	switch country {
	case "MC":
		return "FR", region
	case "IM":
		return "GB", region
	case "LI":
		return "CH", region
	case "PR":
		return "US", "PR"
	case "GB":
		if region == "NIR" || strings.HasPrefix(strings.ToUpper(o.Address.Postcode), "BT") {
			return "XI", ""
		}
	}
	return country, region
}

// low reports whether an order is within the destination's low-value limit, or was sold inside the country; doubt
// says why that isn't certain.
func (s *Service) low(tx *db.Tx, o *order.Order, country, from, day string) (low bool, doubt string, err error) {
	if from == country || member(from) && member(country) {
		return true, "", nil
	}
	scheme := s.facts.of(country)
	if scheme.Code == "" {
		return false, "", nil
	}
	part, err := s.within(tx, o, scheme, day, &doubt)
	return part > 0 || o.Goods == o.Discount, doubt, err
}

// within is how much of the net goods is within the low-value limit: everything or nothing where the limit is
// for the consignment.
func (s *Service) within(tx *db.Tx, o *order.Order, c Scheme, day string, doubt *string) (int64, error) {
	goods := o.Goods.Minor - o.Discount.Minor
	if c.limit.Currency == "" {
		return goods, nil
	}
	rate := money.One
	if o.Currency != c.limit.Currency {
		q, err := s.Rates.Rate(tx, o.Currency, c.limit.Currency, day)
		if noRate(err) {
			*doubt = "no_rate"
			return goods, nil
		}
		if err != nil {
			return 0, err
		}
		rate = q.Rate
	}
	fits := func(minor int64) bool {
		v := money.Of(minor, o.Currency).Convert(c.limit.Currency, rate).Minor
		return v < c.limit.Minor || v == c.limit.Minor && !c.below
	}
	if !c.item {
		if fits(goods) {
			return goods, nil
		}
		return 0, nil
	}
	weights := make([]int64, len(o.Lines))
	for i, l := range o.Lines {
		weights[i] = l.Total.Minor
	}
	var part int64
	for i, net := range money.Of(goods, o.Currency).Share(weights...) {
		if fits(net.Minor / max(1, o.Lines[i].Quantity)) {
			part += net.Minor
		}
	}
	return part, nil
}

// account is the scheme that a tax of a checkout is filed under; Import for what was collected for the border.
func (s *Service) account(c landed.Charge, country string) string {
	switch c.Scheme {
	case "":
		return Import
	case landed.ByMarketplace:
		return Marketplace
	case landed.Domestic:
		switch scheme := s.facts.of(country); scheme.Code {
		case "":
			return country + "_DOMESTIC"
		case "IOSS":
			return country + "_VAT"
		default:
			return scheme.Code
		}
	}
	for _, scheme := range s.facts.schemes {
		if sameWord(scheme.Registration, c.Scheme) {
			return scheme.Code
		}
	}
	return c.Scheme
}

var alike = map[string]string{"NO_VOEC": "VOEC", "UK_VAT": "GB_VAT", "SG_GST": "SG_OVR", "BR_REMESSA": "REMESSA_CONFORME"}

func sameWord(a, b string) bool {
	plain := func(w string) string {
		w = strings.ToUpper(strings.ReplaceAll(w, "-", "_"))
		if v, ok := alike[w]; ok {
			return v
		}
		return w
	}
	return plain(a) == plain(b)
}
