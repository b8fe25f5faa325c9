package papers

import (
	"slices"
	"strconv"
	"strings"

	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/order"
)

// Remedy is where a reason is taken away.
type Remedy string

// The remedies, by what has to be looked at.
const (
	RemedyDescribe    Remedy = "describe"    // what customs are told about the product
	RemedyClassify    Remedy = "classify"    // its HS code
	RemedyProduct     Remedy = "product"     // its origin or weight
	RemedyParcels     Remedy = "parcels"     // weights and numbers of the parcels
	RemedyAddress     Remedy = "address"     // of the addressee
	RemedyProfile     Remedy = "profile"     // the merchant's customs profile
	RemedyRegister    Remedy = "register"    // the merchant's tax registrations
	RemedyParticulars Remedy = "particulars" // what the papers say besides
	RemedyOrder       Remedy = "order"       // the order itself
	RemedyMake        Remedy = "make"        // papers have to be made
)

// Reason is one thing that keeps a shipment, with where to take it away.
type Reason struct {
	Key      string            // of the sentence: "customs.gate.paper_missing"
	Field    string            // what it is about: "lines.0.description"
	Args     map[string]string // what the sentence names
	Severity customs.Severity  // Blocks, or Accept: a named person may let it stand
	Code     string            // of the linter: L02; empty for others
	Mark     string            // names a warning for Accept
	Line     int               // of the order; -1 where it is about the whole
	SKU      string
	Product  string // slug, where it is about a product
	Remedy   Remedy
}

// Finding is what the linter says, with the word of the person who let it stand.
type Finding struct {
	customs.Finding
	Mark     string
	SKU      string
	Product  string
	Remedy   Remedy
	Accepted *Acceptance
}

// Standing is how a shipment stands with its papers.
type Standing struct {
	Shipment    fulfilment.Shipment
	Order       order.Order
	Consignment customs.Consignment // with the version of its papers, or that of those to be made
	Needs       []customs.Paper     // nothing inside one customs area
	Findings    []Finding
	Reasons     []Reason // what keeps it; nothing once it was handed over or voided
	Sets        []Set    // oldest first
	Current     *Set     // the papers that hold; nil where they have to be made
	Labelled    bool     // and a label
	Particulars Particulars
}

// CanLeave reports whether nothing keeps the shipment.
func (s *Standing) CanLeave() bool { return len(s.Reasons) == 0 && s.Shipment.Open() }

// Standing says how a shipment stands with its papers, now.
func (s *Service) Standing(tx *db.Tx, id fulfilment.ShipmentID) (Standing, error) {
	d, err := s.open(tx, id)
	if err != nil {
		return Standing{}, err
	}
	return s.standing(tx, d), nil
}

func (s *Service) standing(tx *db.Tx, d *dossier) Standing {
	st := Standing{Shipment: d.ship, Order: d.order, Consignment: d.c, Needs: customs.Papers(&d.c), Sets: d.sets, Current: d.valid(), Particulars: d.particulars}
	st.Labelled = st.Current != nil && st.Current.Has(Label)
	if !d.ship.Open() {
		return st
	}
	if len(st.Needs) > 0 {
		for _, f := range customs.Lint(d.c, d.options) {
			st.Findings = append(st.Findings, d.finding(f))
		}
	}
	st.Reasons = s.reasons(tx, d, st)
	return st
}

func (d *dossier) finding(f customs.Finding) Finding {
	out := Finding{Finding: f, Mark: f.Mark(), Remedy: remedy(f)}
	out.SKU, out.Product = d.about(f.Line)
	for i, a := range d.accepted {
		if a.Mark == out.Mark {
			out.Accepted = &d.accepted[i]
		}
	}
	return out
}

func (d *dossier) about(line int) (sku, product string) {
	if line < 0 || line >= len(d.order.Lines) {
		return "", ""
	}
	if p := d.products[line]; p != nil {
		product = p.Slug
	}
	return d.order.Lines[line].SKU, product
}

// reasons are what customs' gate says, and what it can't know: that a person approved the descriptions, that the
// merchant is known, that each parcel has a number.
func (s *Service) reasons(tx *db.Tx, d *dossier, st Standing) []Reason {
	today := s.today(tx)
	g := customs.Gate{Today: today, Screened: today, Options: d.options, Cancelled: d.order.State == order.Cancelled, Paid: payable(d.order)}
	for _, a := range d.accepted {
		g.Accepted = append(g.Accepted, customs.Acceptance{Line: a.Line, Code: a.Code, Mark: a.Mark, By: a.By, Reason: a.Reason})
	}
	if set := st.Current; set != nil {
		for _, doc := range set.Documents {
			g.Made = append(g.Made, customs.Made{Paper: doc.Kind, Version: set.Version, SHA256: doc.SHA256})
			g.Advised = g.Advised || doc.Kind == customs.PreAdvicePaper
		}
	}
	var out []Reason
	for _, r := range customs.CannotLeave(d.c, g) {
		why := Reason{Key: r.Key, Field: r.Field, Args: r.Args, Severity: customs.Blocks, Line: -1, Remedy: gateRemedies[strings.TrimPrefix(r.Key, "customs.gate.")]}
		if f := r.Finding; f != nil {
			known := d.finding(*f)
			why.Severity, why.Code, why.Line, why.Mark, why.Remedy = f.Severity, f.Code, f.Line, known.Mark, known.Remedy
			why.SKU, why.Product = known.SKU, known.Product
		}
		out = append(out, why)
	}
	stop := func(key, field string, line int, where Remedy, args map[string]string) {
		sku, product := d.about(line)
		out = append(out, Reason{"customs.gate." + key, field, args, customs.Blocks, "", "", line, sku, product, where})
	}
	if !d.senderKnown {
		stop("profile_missing", "sender", -1, RemedyProfile, nil)
	}
	for i, l := range d.order.Lines {
		switch field := "lines." + strconv.Itoa(i) + ".description"; {
		case len(st.Needs) == 0:
		case d.products[i] == nil:
			stop("no_product", field, i, RemedyOrder, map[string]string{"article": l.SKU})
		case !d.goods[i].Approved():
			stop("not_approved", field, i, RemedyDescribe, map[string]string{"article": l.SKU, "description": d.goods[i].Description})
		}
	}
	for _, why := range undrawable(&d.c) {
		why.SKU, why.Product = d.about(why.Line)
		out = append(out, why)
	}
	slices.SortStableFunc(out, func(a, b Reason) int { return rank(a) - rank(b) })
	return out
}

// rank lists what comes first first: what can't be helped, what is wrong, what to accept, and the making of papers.
func rank(r Reason) int {
	switch {
	case r.Remedy == RemedyOrder:
		return 0
	case r.Remedy == RemedyMake:
		return 3
	case r.Severity == customs.Accept:
		return 2
	}
	return 1
}

// payable reports whether the money has come, or comes on delivery.
func payable(o order.Order) bool { return !o.PaidAt.IsZero() || o.Method == "cod" }

var gateRemedies = map[string]Remedy{
	"cancelled": RemedyOrder, "unpaid": RemedyOrder, "address_incomplete": RemedyAddress, "paper_missing": RemedyMake, "not_advised": RemedyMake,
	"not_screened_today": RemedyMake,
}

func remedy(f customs.Finding) Remedy {
	switch f.Code {
	case "L07", "L16":
		return RemedyClassify
	case "L08":
		return RemedyProduct
	case "L09":
		if f.Line >= 0 {
			return RemedyProduct
		}
		return RemedyParcels
	case "L10", "L17":
		return RemedyOrder
	case "L11":
		return RemedyRegister
	case "L12", "L19":
		return RemedyParticulars
	case "L15":
		if strings.HasPrefix(f.Field, "sender") {
			return RemedyProfile
		}
		return RemedyAddress
	case "L18":
		return RemedyAddress
	}
	return RemedyDescribe
}

// Waiting are shipments in our hands with what keeps each, oldest first; held leaves out those that nothing keeps.
// after is the next of the page before; next is "" at the end. At most limit are returned.
func (s *Service) Waiting(tx *db.Tx, held bool, after string, limit int) (all []Standing, next string, err error) {
	if limit < 1 || limit > 100 {
		limit = 50
	}
	f := fulfilment.ShipmentFilter{States: []fulfilment.ShipmentState{fulfilment.Preparing, fulfilment.Ready}, Oldest: true}
	for len(all) < limit {
		ships, more, err := s.Shipments.List(tx, f, fulfilment.ShipmentPage{After: after, Limit: limit - len(all)})
		if err != nil {
			return nil, "", err
		}
		for _, ship := range ships {
			st, err := s.Standing(tx, ship.ID)
			if err != nil {
				return nil, "", err
			}
			if !held || !st.CanLeave() {
				all = append(all, st)
			}
		}
		if after = more; more == "" {
			return all, "", nil
		}
	}
	return all, after, nil
}
