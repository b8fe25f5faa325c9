package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/address"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/papers"
)

type shipmentView struct {
	leavingRow
	Number      string
	Lines       []string // the address as it is written
	Reasons     []reasonRow
	Findings    []findingRow
	Needs       []needRow
	Show        string // paper in the preview
	Parcels     []parcelRow
	Address     []addressInput
	IDs         []idRow
	Particulars papers.Particulars
	Licences    string
	Making      bool // something has to be made
	Tracks      []trackRow
	Zone        string // of the destination
	Statuses    []choice
	Causes      []choice
	Acts        []choice
}

// needRow is a paper that the shipment needs, with what there is of it.
type needRow struct {
	Kind    customs.Paper
	Name    string
	Made    *papers.Document
	Version int
	Data    bool // not printed
}

type findingRow struct {
	papers.Finding
	Text string
}

type parcelRow struct {
	fulfilment.Parcel
	At     string // parcels[0]
	Number int
	Pieces []pieceRow
}

type pieceRow struct {
	Name, Title string
	Quantity    int64
	All         int64
}

type idRow struct{ Kind, Number string }

// addressInput is a field of an address in a form of the console.
type addressInput struct {
	address.Field
	Input, Value, Wrong string
}

// shipment is one shipment with its papers, and everything that may be done with it.
func (c *console) shipment(tx *db.Tx, r *http.Request, p *page) error {
	st, err := c.Papers.Standing(tx, fulfilment.ShipmentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	v := &shipmentView{leavingRow: c.leavingRow(p, st), Number: st.Order.Number, Reasons: c.reasonRows(p, st), Particulars: st.Particulars,
		Lines: address.Lines(st.Shipment.Address, p.Lang()), Licences: strings.Join(st.Particulars.Licences, ", ")}
	p.Title = p.T("console.pp_shipment_title", "number", st.Order.Number)
	if p.Q("done") == "pp_handed_over" {
		p.Undo = &undo{"/console/papers/" + string(st.Shipment.ID), "do", "take_back"}
	}
	for _, f := range st.Findings {
		if f.Accepted != nil || f.Severity == customs.Advises {
			v.Findings = append(v.Findings, findingRow{f, papers.Say(p.Printer, f.Key, f.Args)})
		}
	}
	kinds := append(slices.Clone(st.Needs), papers.Label, papers.LabelZPL)
	for _, kind := range kinds {
		need := needRow{Kind: kind, Name: papers.PaperName(p.Printer, kind), Data: kind == customs.PreAdvicePaper || kind == papers.LabelZPL}
		if st.Current != nil {
			if i := slices.IndexFunc(st.Current.Documents, func(d papers.Document) bool { return d.Kind == kind }); i >= 0 {
				need.Made, need.Version = &st.Current.Documents[i], st.Current.Version
			}
		}
		if need.Made != nil || kind != papers.LabelZPL {
			v.Needs = append(v.Needs, need)
		}
		if need.Made != nil && !need.Data && (v.Show == "" || p.Q("paper") == string(kind)) {
			v.Show = string(kind)
		}
	}
	v.Making = len(st.Needs) > 0 && st.Current == nil
	v.Parcels = parcelRows(p, st)
	v.Address = addressInputs(p, "address", "address.", st.Shipment.Address)
	for _, kind := range papers.Identifiers() {
		row := idRow{Kind: kind}
		for _, id := range st.Particulars.IDs {
			if id.Kind == kind {
				row.Number = id.Number
			}
		}
		if row.Number != "" || issuers[kind] == string(st.Shipment.Country) {
			v.IDs = append(v.IDs, row)
		}
	}
	p.Data = v
	return c.tracks(tx, p, v)
}

// parcelRows are the parcels as they are, as they were typed, or with one more.
func parcelRows(p *page, st papers.Standing) (rows []parcelRow) {
	n := len(st.Shipment.Parcels)
	if more, _ := strconv.Atoi(p.Q("parcels")); more > n && more <= 20 {
		n = more
	}
	if typed, _ := strconv.Atoi(p.Was("pack", "parcels")); typed > n && typed <= 99 {
		n = typed
	}
	for i := range n {
		row := parcelRow{At: fmt.Sprintf("parcels[%d]", i), Number: i + 1}
		if i < len(st.Shipment.Parcels) {
			row.Parcel = st.Shipment.Parcels[i]
		}
		for k, l := range st.Shipment.Lines {
			piece := pieceRow{Name: fmt.Sprintf("%s.packed[%d]", row.At, k), Title: l.Title, All: l.Quantity}
			if k < len(row.Packed) {
				piece.Quantity = row.Packed[k]
			}
			row.Pieces = append(row.Pieces, piece)
		}
		rows = append(rows, row)
	}
	return rows
}

// addressInputs are the fields of an address in its country's order, and those in Latin letters where customs need
// them.
func addressInputs(p *page, do, prefix string, a address.Address) (all []addressInput) {
	fields := address.Form(a.Country)
	if address.NeedsLatin(a) || a.Latin != nil {
		for _, name := range []string{"latin_name", "latin_line1", "latin_city"} {
			fields = append(fields, address.Field{Name: name, Label: "console.pp_" + name, MaxLength: 100})
		}
	}
	for _, f := range fields {
		value := a.Get(f.Name)
		if a.Latin != nil {
			value = first(map[string]string{"latin_name": a.Latin.Name, "latin_line1": a.Latin.Line1, "latin_city": a.Latin.City}[f.Name], value)
		}
		wrong := p.Wrong(do, prefix+f.Name)
		all = append(all, addressInput{f, prefix + f.Name, p.Kept(do, prefix+f.Name, value), wrong})
	}
	return all
}

// readAddress reads the fields of a form into an address; what the form doesn't have stays.
func readAddress(form url.Values, prefix string, a address.Address) address.Address {
	for _, f := range address.Form(a.Country) {
		if form.Has(prefix + f.Name) {
			a.Set(f.Name, form.Get(prefix+f.Name))
		}
	}
	if form.Has(prefix + "latin_name") {
		latin := address.Latin{Name: strings.TrimSpace(form.Get(prefix + "latin_name")), Line1: strings.TrimSpace(form.Get(prefix + "latin_line1")), City: strings.TrimSpace(form.Get(prefix + "latin_city"))}
		a.Latin = &latin
		if latin == (address.Latin{}) {
			a.Latin = nil
		}
	}
	a.AsTyped = true // a person who looks at it insists
	return a
}

// changeShipment does what a button of the page says.
func (c *console) changeShipment(r *http.Request, p *page) (string, error) {
	id, by, form := fulfilment.ShipmentID(r.PathValue("id")), p.User.Name, r.PostForm
	done := ""
	err := c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		switch do := form.Get("do"); do {
		case "make":
			_, err = c.Papers.Make(tx, id, by)
			done = "pp_made"
		case "label":
			_, err = c.Papers.Label(tx, id, by)
			done = "pp_labelled"
		case "hand_over":
			_, err = c.Papers.HandOver(tx, id, by)
			done = "pp_handed_over"
		case "take_back":
			_, err = c.Papers.TakeBack(tx, id, by)
			done = "pp_taken_back"
		case "accept":
			_, err = c.Papers.Accept(tx, id, form.Get("mark"), form.Get("reason"), by)
			done = "pp_accepted"
		case "pack":
			_, err = c.Shipments.Pack(tx, id, readParcels(form), by)
			done = "pp_packed"
		case "address":
			var st papers.Standing
			if st, err = c.Papers.Standing(tx, id); err == nil {
				_, err = c.Shipments.Readdress(tx, id, readAddress(form, "address.", st.Shipment.Address), by)
			}
			done = "pp_readdressed"
		case "particulars":
			err = c.Papers.SetParticulars(tx, id, readParticulars(form), by)
			done = "pp_particulars"
		case "event":
			err = c.recordEvent(tx, id, p, form)
			done = "tr_recorded"
		case "correct":
			_, err = c.Shipments.Record(tx, id, "desk", by, []fulfilment.Scan{{Number: form.Get("parcel"), Corrects: form.Get("event")}})
			done = "tr_corrected"
		default:
			err = errNoPage
		}
		return err
	})
	return "/console/papers/" + string(id) + "?done=" + done, err
}

func readParcels(form url.Values) (all []fulfilment.Parcel) {
	n, _ := strconv.Atoi(form.Get("parcels"))
	for i := range min(n, 99) {
		at := fmt.Sprintf("parcels[%d].", i)
		number := func(name string) int64 {
			v, err := strconv.ParseInt(strings.TrimSpace(form.Get(at+name)), 10, 64)
			if err != nil && form.Get(at+name) != "" {
				return -1
			}
			return v
		}
		p := fulfilment.Parcel{Tracking: form.Get(at + "tracking"), GrossGrams: number("gross_grams"), Weighed: true,
			Length: number("length_mm"), Width: number("width_mm"), Height: number("height_mm")}
		inside := int64(0)
		for k := 0; form.Has(fmt.Sprintf("%spacked[%d]", at, k)); k++ {
			p.Packed = append(p.Packed, number(fmt.Sprintf("packed[%d]", k)))
			inside += p.Packed[k]
		}
		if inside == 0 && n > 1 {
			continue // an empty row is no parcel
		}
		all = append(all, p)
	}
	return all
}

func readParticulars(form url.Values) papers.Particulars {
	out := papers.Particulars{Comments: strings.TrimSpace(form.Get("comments")), Origin: strings.TrimSpace(form.Get("origin")), Export: strings.TrimSpace(form.Get("export"))}
	for licence := range strings.SplitSeq(form.Get("licences"), ",") {
		if licence = strings.TrimSpace(licence); licence != "" {
			out.Licences = append(out.Licences, licence)
		}
	}
	for _, kind := range papers.Identifiers() {
		if number := form.Get("ids." + kind); number != "" {
			out.IDs = append(out.IDs, customs.TaxID{Kind: kind, Country: issuers[kind], Number: number})
		}
	}
	return out
}

// issuers are the countries whose law asks for a number of the importer.
var issuers = map[string]string{"PCCC": "KR", "EZ_WAY": "TW"}
