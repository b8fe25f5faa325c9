package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"portolan/internal/address"
	"portolan/internal/auth"
	"portolan/internal/catalog"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/order"
	"portolan/internal/papers"
	"portolan/internal/web"
)

// What the console asks about papers and what leaves.
type (
	// Papers is satisfied by papers.Service.
	Papers interface {
		Standing(tx *db.Tx, id fulfilment.ShipmentID) (papers.Standing, error)
		Waiting(tx *db.Tx, held bool, after string, limit int) ([]papers.Standing, string, error)
		Make(tx *db.Tx, id fulfilment.ShipmentID, by string) (papers.Standing, error)
		Label(tx *db.Tx, id fulfilment.ShipmentID, by string) (papers.Standing, error)
		HandOver(tx *db.Tx, id fulfilment.ShipmentID, by string) (papers.Standing, error)
		TakeBack(tx *db.Tx, id fulfilment.ShipmentID, by string) (papers.Standing, error)
		Accept(tx *db.Tx, id fulfilment.ShipmentID, mark, reason, by string) (papers.Standing, error)
		File(tx *db.Tx, id fulfilment.ShipmentID, kind customs.Paper, version int) (papers.Paper, error)
		Batch(tx *db.Tx, ids []fulfilment.ShipmentID, labels bool) ([]byte, []papers.Print, error)
		Printed(tx *db.Tx, all []papers.Print) error
		SetParticulars(tx *db.Tx, id fulfilment.ShipmentID, p papers.Particulars, by string) error
		Profile(tx *db.Tx) (papers.Profile, error)
		SetProfile(tx *db.Tx, p papers.Profile, by string) error
		Goods(tx *db.Tx, p *catalog.Product) (papers.Goods, error)
		Approve(tx *db.Tx, g papers.Goods, by string) error
		History(tx *db.Tx, product string) ([]papers.Goods, error)
		Unapproved(tx *db.Tx) ([]*catalog.Product, error)
		LintGoods(tx *db.Tx, p *catalog.Product, g papers.Goods) ([]customs.Finding, error)
	}
	// Shipments is satisfied by fulfilment.Shipments.
	Shipments interface {
		ByOrder(tx *db.Tx, o order.ID) ([]fulfilment.Shipment, error)
		List(tx *db.Tx, f fulfilment.ShipmentFilter, p fulfilment.ShipmentPage) ([]fulfilment.Shipment, string, error)
		Count(tx *db.Tx) (map[fulfilment.ShipmentState]int64, error)
		Pack(tx *db.Tx, id fulfilment.ShipmentID, parcels []fulfilment.Parcel, by string) (fulfilment.Shipment, error)
		Readdress(tx *db.Tx, id fulfilment.ShipmentID, to address.Address, by string) (fulfilment.Shipment, error)
		Numbers(tx *db.Tx) ([]fulfilment.NumberRange, error)
		AddNumbers(tx *db.Tx, r fulfilment.NumberRange) error
		ParcelsOf(tx *db.Tx, o order.ID) ([]fulfilment.ParcelState, error)
		Timeline(tx *db.Tx, id fulfilment.ParcelID) ([]fulfilment.Scan, error)
		Record(tx *db.Tx, id fulfilment.ShipmentID, source, by string, all []fulfilment.Scan) ([]fulfilment.Heard, error)
	}
)

// paperRoutes serves what leaves and its papers, where the console has them.
func (c *console) paperRoutes(mux *http.ServeMux) {
	if c.Papers == nil {
		return
	}
	mux.Handle("GET /console/papers", c.page("papers", c.leaving))
	mux.Handle("POST /console/papers", c.filled(auth.Operator, "papers", c.leaving, c.leaveTogether))
	mux.Handle("POST /console/papers/print", c.known(c.printTogether))
	mux.Handle("GET /console/papers/profile", c.page("papers_profile", c.customsProfile))
	mux.Handle("POST /console/papers/profile", c.filled(auth.Operator, "papers_profile", c.customsProfile, c.setCustomsProfile))
	mux.Handle("GET /console/papers/goods", c.page("papers_goods", c.describing))
	mux.Handle("POST /console/papers/goods", c.filled(auth.Operator, "papers_goods", c.describing, c.approveAll))
	mux.Handle("GET /console/papers/{id}", c.page("shipment", c.shipment))
	mux.Handle("POST /console/papers/{id}", c.filled(auth.Operator, "shipment", c.shipment, c.changeShipment))
	mux.Handle("GET /console/papers/{id}/{kind}", c.known(c.paper))
	mux.Handle("POST /console/papers/{id}/{kind}", c.known(c.printPaper))
	mux.Handle("GET /console/products/{slug}/customs", c.page("product_customs", c.productCustoms))
	mux.Handle("POST /console/products/{slug}/customs", c.filled(auth.Operator, "product_customs", c.productCustoms, c.setProductCustoms))
}

type leavingView struct {
	Show   string // held, open, handed_over
	Shows  []choice
	Rows   []leavingRow
	Older  string
	Newest string
	Open   int // products whose description nobody approved
	Known  bool
}

type leavingRow struct {
	papers.Standing
	Name    string
	From    string
	Reasons []reasonRow
	More    int // reasons that aren't shown
	State   string
	Accept  int // warnings among the reasons
}

// reasonRow is a reason in words, with where to take it away.
type reasonRow struct {
	papers.Reason
	Text   string
	URL    string
	Do     string // what the link says
	Accept bool
}

const fewReasons = 4

// leaving lists what is in our hands, with what keeps each.
func (c *console) leaving(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_papers")
	v := leavingView{Show: p.Q("show")}
	if v.Show != "open" && v.Show != "handed_over" {
		v.Show = "held"
	}
	for _, s := range []string{"held", "open", "handed_over"} {
		v.Shows = append(v.Shows, choice{s, p.Word("pp_show", s), s == v.Show})
	}
	profile, err := c.Papers.Profile(tx)
	if err != nil {
		return err
	}
	v.Known = profile.Name != ""
	open, err := c.Papers.Unapproved(tx)
	if err != nil {
		return err
	}
	v.Open = len(open)
	all, next, err := c.standings(tx, v.Show, p.Q("after"))
	if err != nil {
		return err
	}
	for _, st := range all {
		v.Rows = append(v.Rows, c.leavingRow(p, st))
	}
	if next != "" {
		v.Older = p.With("after", next)
	}
	if p.Q("after") != "" {
		v.Newest = p.With("after", "")
	}
	p.Data = v
	return nil
}

func (c *console) standings(tx *db.Tx, show, after string) (all []papers.Standing, next string, err error) {
	if show != "handed_over" {
		return c.Papers.Waiting(tx, show == "held", after, 25)
	}
	ships, next, err := c.Shipments.List(tx, fulfilment.ShipmentFilter{States: []fulfilment.ShipmentState{fulfilment.HandedOver}}, fulfilment.ShipmentPage{After: after, Limit: 25})
	for _, ship := range ships {
		st, err := c.Papers.Standing(tx, ship.ID)
		if err != nil {
			return nil, "", err
		}
		all = append(all, st)
	}
	return all, next, err
}

func (c *console) leavingRow(p *page, st papers.Standing) leavingRow {
	row := leavingRow{Standing: st, Name: st.Shipment.Address.Name(), From: c.placeName(st.Shipment.Location), State: string(st.Shipment.State)}
	row.Reasons = c.reasonRows(p, st)
	if len(st.Reasons) > 0 && st.Shipment.Open() {
		row.State = "cannot_leave"
	}
	for _, r := range row.Reasons {
		if r.Accept {
			row.Accept++
		}
	}
	if len(row.Reasons) > fewReasons {
		row.Reasons, row.More = row.Reasons[:fewReasons], len(row.Reasons)-fewReasons
	}
	return row
}

// reasonRows writes what keeps a shipment; papers that have to be made are one thing to do.
func (c *console) reasonRows(p *page, st papers.Standing) (rows []reasonRow) {
	var make []string
	for _, r := range st.Reasons {
		if r.Remedy == papers.RemedyMake {
			make = append(make, papers.PaperName(p.Printer, customs.Paper(first(r.Args["paper"], string(customs.PreAdvicePaper)))))
			continue
		}
		row := reasonRow{Reason: r, Text: papers.Say(p.Printer, r.Key, r.Args), Accept: r.Severity == customs.Accept, URL: c.remedyURL(r, st)}
		if row.URL != "" {
			row.Do = p.Word("pp_remedy", string(r.Remedy))
		}
		rows = append(rows, row)
	}
	if len(make) > 0 {
		rows = append(rows, reasonRow{Reason: papers.Reason{Remedy: papers.RemedyMake}, Text: p.T("console.pp_to_make", "papers", strings.Join(make, ", "))})
	}
	return rows
}

// remedyURL is the page where a reason is taken away; empty where a button beside it does.
func (c *console) remedyURL(r papers.Reason, st papers.Standing) string {
	here := "/console/papers/" + string(st.Shipment.ID)
	switch r.Remedy {
	case papers.RemedyDescribe:
		if r.Product != "" {
			return "/console/products/" + r.Product + "/customs"
		}
	case papers.RemedyClassify:
		return "/console/goods"
	case papers.RemedyProduct:
		if r.Product != "" {
			return "/console/products/" + r.Product
		}
	case papers.RemedyParcels:
		return here + "#parcels"
	case papers.RemedyAddress:
		return here + "#address"
	case papers.RemedyParticulars:
		return here + "#particulars"
	case papers.RemedyProfile:
		return "/console/papers/profile"
	case papers.RemedyRegister:
		return "/console/taxes/registrations"
	case papers.RemedyOrder:
		return "/console/orders/" + string(st.Order.ID)
	}
	return ""
}

func (c *console) placeName(code string) string {
	for _, l := range c.Stock.Locations() {
		if l.Code == code {
			return l.Name
		}
	}
	return code
}

const most = 100

func chosen(r *http.Request) (ids []fulfilment.ShipmentID) {
	for _, id := range r.PostForm["s"] {
		ids = append(ids, fulfilment.ShipmentID(id))
	}
	return ids[:min(len(ids), most)]
}

// leaveTogether makes papers or labels for the shipments that were ticked, each on its own: what one lacks keeps no
// other.
func (c *console) leaveTogether(r *http.Request, p *page) (string, error) {
	act := map[string]func(*db.Tx, fulfilment.ShipmentID, string) (papers.Standing, error){"make": c.Papers.Make, "label": c.Papers.Label, "hand_over": c.Papers.HandOver}[r.PostForm.Get("do")]
	ids := chosen(r)
	if act == nil || len(ids) == 0 {
		return "", papers.ErrNothingChosen
	}
	made, kept := 0, 0
	for _, id := range ids {
		err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
			if r.PostForm.Get("do") == "label" {
				if _, err := c.Papers.Make(tx, id, p.User.Name); err != nil {
					return err
				}
			}
			_, err := act(tx, id, p.User.Name)
			return err
		})
		switch {
		case err == nil:
			made++
		case fault.Of(err).Kind == fault.Internal:
			return "", err
		default:
			kept++
		}
	}
	return fmt.Sprintf("/console/papers?show=open&done=pp_%s&made=%d&kept=%d", r.PostForm.Get("do"), made, kept), nil
}

// printTogether prints what was ticked as one file, in the order it is picked in.
func (c *console) printTogether(w http.ResponseWriter, r *http.Request, p *page) error {
	if err := c.mayPrint(r, p); err != nil {
		return err
	}
	var file []byte
	var printed []papers.Print
	err := c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		file, printed, err = c.Papers.Batch(tx, chosen(r), r.PostForm.Get("do") == "print_labels")
		return err
	})
	if err != nil {
		return err
	}
	if err := c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.Papers.Printed(tx, printed) }); err != nil {
		return err
	}
	return inline(w, papers.Paper{Type: "application/pdf", Name: "papers.pdf", Data: file})
}

func (c *console) mayPrint(r *http.Request, p *page) error {
	if !p.User.Role.May(auth.Operator) {
		return auth.ErrDenied
	}
	if err := r.ParseForm(); err != nil {
		return web.ErrBody
	}
	return nil
}

// inline answers with a file that is shown in the console itself and nowhere else.
func inline(w http.ResponseWriter, f papers.Paper) error {
	h := w.Header()
	h.Set("Content-Type", f.Type)
	how := "inline"
	if f.Type == "application/zpl" {
		how = "attachment"
	}
	h.Set("Content-Disposition", how+`; filename="`+f.Name+`"`)
	h.Set("Content-Length", strconv.Itoa(len(f.Data)))
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Security-Policy", "frame-ancestors 'self'")
	_, err := w.Write(f.Data)
	return err
}

// paper shows a paper: the original while it wasn't printed, then a copy.
func (c *console) paper(w http.ResponseWriter, r *http.Request, _ *page) error {
	var f papers.Paper
	err := c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		f, err = c.file(tx, r)
		return err
	})
	if err != nil {
		return err
	}
	return inline(w, f)
}

// printPaper is paper, and notes that it was printed.
func (c *console) printPaper(w http.ResponseWriter, r *http.Request, p *page) error {
	if err := c.mayPrint(r, p); err != nil {
		return err
	}
	var f papers.Paper
	id := fulfilment.ShipmentID(r.PathValue("id"))
	err := c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		if f, err = c.file(tx, r); err != nil {
			return err
		}
		return c.Papers.Printed(tx, []papers.Print{{Shipment: id, Kind: f.Kind, Version: f.Version}})
	})
	if err != nil {
		return err
	}
	return inline(w, f)
}

func (c *console) file(tx *db.Tx, r *http.Request) (papers.Paper, error) {
	id, kind := fulfilment.ShipmentID(r.PathValue("id")), customs.Paper(r.PathValue("kind"))
	version, _ := strconv.Atoi(r.URL.Query().Get("version"))
	return c.Papers.File(tx, id, kind, version)
}

// papersOf are an order's shipments with what keeps them, for its page.
func (c *console) papersOf(tx *db.Tx, p *page, o order.ID) (rows []leavingRow, err error) {
	if c.Papers == nil {
		return nil, nil
	}
	all, err := c.Shipments.ByOrder(tx, o)
	if err != nil {
		return nil, err
	}
	for _, ship := range all {
		st, err := c.Papers.Standing(tx, ship.ID)
		if err != nil {
			return nil, err
		}
		rows = append(rows, c.leavingRow(p, st))
	}
	return rows, nil
}

// PaperName is what people call a paper.
func (p *page) PaperName(kind any) string {
	return papers.PaperName(p.Printer, customs.Paper(text(kind)))
}
