package tax

import (
	"slices"
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

// sorter tells under which scheme each tax of an order was collected. A charge of package landed names its row
// but not whether it was collected at sale or for the border, so that is read off what else is known: the
// border, the duty charged, the registrations of the day and the low-value limit.
type sorter struct {
	scheme   Scheme
	inside   string // scheme of a sale without a border; empty where there is one
	atSale   bool   // sure, because nothing for the border is collected now
	border   bool   // sure, because customs duty is
	part     int64  // of the net goods, what is within the limit of the scheme
	goods    int64
	shipping int64
	doubt    string
	eligible bool
}

func (s *Service) sorter(tx *db.Tx, o *order.Order, country, from, day string) (v sorter, low bool, err error) {
	v.scheme = s.facts.of(country)
	v.goods, v.shipping = o.Goods.Minor-o.Discount.Minor, o.Shipping.Minor
	switch {
	case from == country && v.scheme.Code == "IOSS":
		v.inside = country + "_VAT"
	case from == country && v.scheme.Code != "":
		v.inside = v.scheme.Code
	case from == country:
		v.inside = country + "_DOMESTIC"
	case member(from) && member(country):
		v.inside = "OSS"
	}
	if v.inside != "" {
		return v, true, nil
	}
	v.atSale = o.Incoterm == string(landed.DAP)
	for _, c := range o.Charges {
		switch {
		case c.Kind != landed.Duty:
		case strings.HasPrefix(c.Rule, "eu:ioss"):
			v.atSale = true
		case c.Amount.Minor > 0 && (v.scheme.Code == "IOSS" || v.scheme.Code == "GB_VAT"):
			v.border = true
		}
	}
	if v.scheme.Code == "" {
		return v, false, nil
	}
	if v.part, err = s.within(tx, o, v.scheme, day, &v.doubt); err != nil {
		return v, false, err
	}
	low = v.part > 0 || v.goods == 0
	if v.scheme.always {
		v.part = v.goods
	}
	words, err := s.words(tx, day)
	v.eligible = slices.ContainsFunc(words, func(w string) bool { return sameWord(w, v.scheme.Registration) })
	return v, low, err
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

// sort gives each charge its scheme.
func (v *sorter) sort(charges []landed.Charge) []string {
	all := make([]string, len(charges))
	for i, c := range charges {
		switch {
		case strings.HasPrefix(c.Rule, "us:"):
			state, _, _ := strings.Cut(strings.TrimPrefix(c.Rule, "us:"), ":")
			all[i] = "US_" + state
		case v.inside != "":
			all[i] = v.inside
		case v.scheme.Code == "IOSS" && c.Code != "VAT", v.border, v.scheme.Code == "":
			all[i] = Import
		case v.atSale:
			all[i] = v.scheme.Code
		case !v.eligible || v.part == 0:
			all[i] = Import
		default:
			all[i] = v.scheme.Code
		}
	}
	if v.inside == "" && !v.atSale && !v.border && v.eligible && v.part > 0 && v.part < v.goods {
		v.split(charges, all)
	}
	return all
}

// split tells charges apart where some goods were taxed at sale and others at the border: the sale's are those
// whose bases together are nearest to the goods within the limit with their share of delivery.
func (v *sorter) split(charges []landed.Charge, all []string) {
	v.doubt = "mixed_consignment"
	if len(charges) > mostCharges {
		return
	}
	target := v.part
	if v.scheme.freight {
		target += portion(v.part, v.shipping, v.goods)
	}
	best, sale := int64(-1), 0
	for set := 1; set < 1<<len(charges); set++ {
		var sum int64
		for i, c := range charges {
			if set&(1<<i) != 0 {
				sum += c.Base.Minor
			}
		}
		if d := max(sum-target, target-sum); best < 0 || d < best {
			best, sale = d, set
		}
	}
	for i := range charges {
		if sale&(1<<i) == 0 {
			all[i] = Import
		}
	}
}

// mostCharges bounds the search for the charges of the sale.
const mostCharges = 12

// words are the registrations that the checkout charges by on a day.
func (s *Service) words(tx *db.Tx, day string) ([]string, error) {
	kept, err := s.Active(tx, day)
	return append(kept, s.Words...), err
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
