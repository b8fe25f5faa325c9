package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/i18n"
	"portolan/internal/order"
	"portolan/internal/papers"
)

// Shipments are what leaves. Satisfied by fulfilment.Shipments.
type Shipments interface {
	List(tx *db.Tx, f fulfilment.ShipmentFilter, p fulfilment.ShipmentPage) ([]fulfilment.Shipment, string, error)
	ByOrder(tx *db.Tx, o order.ID) ([]fulfilment.Shipment, error)
	Get(tx *db.Tx, id fulfilment.ShipmentID) (fulfilment.Shipment, error)
	ParcelsOf(tx *db.Tx, o order.ID) ([]fulfilment.ParcelState, error)
	Timeline(tx *db.Tx, id fulfilment.ParcelID) ([]fulfilment.Scan, error)
	Record(tx *db.Tx, id fulfilment.ShipmentID, source, by string, all []fulfilment.Scan) ([]fulfilment.Heard, error)
}

// Papers are what shipments travel with, and the door through which they leave. Satisfied by papers.Service.
type Papers interface {
	Standing(tx *db.Tx, id fulfilment.ShipmentID) (papers.Standing, error)
	Make(tx *db.Tx, id fulfilment.ShipmentID, by string) (papers.Standing, error)
	Label(tx *db.Tx, id fulfilment.ShipmentID, by string) (papers.Standing, error)
	File(tx *db.Tx, id fulfilment.ShipmentID, kind customs.Paper, version int) (papers.Paper, error)
	Accept(tx *db.Tx, id fulfilment.ShipmentID, mark, reason, by string) (papers.Standing, error)
	HandOver(tx *db.Tx, id fulfilment.ShipmentID, by string) (papers.Standing, error)
	TakeBack(tx *db.Tx, id fulfilment.ShipmentID, by string) (papers.Standing, error)
}

// ListShipments lists shipments, newest first.
func (a *api) ListShipments(ctx context.Context, r ListShipmentsRequestObject) (ListShipmentsResponseObject, error) {
	p := r.Params
	out := ShipmentList{Data: []Shipment{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		var all []fulfilment.Shipment
		var err error
		if p.Order != "" {
			all, err = a.Shipments.ByOrder(tx, order.ID(p.Order))
			all = slices.DeleteFunc(all, func(s fulfilment.Shipment) bool { return p.State != "" && string(s.State) != string(p.State) })
			slices.Reverse(all)
		} else {
			var f fulfilment.ShipmentFilter
			if p.State != "" {
				f.States = []fulfilment.ShipmentState{fulfilment.ShipmentState(p.State)}
			}
			all, out.Next, err = a.Shipments.List(tx, f, fulfilment.ShipmentPage{After: p.After, Limit: limitOf(p.Limit)})
		}
		for i := range all {
			out.Data = append(out.Data, showShipment(&all[i]))
		}
		return err
	})
	if fault.Of(err).Fields["after"] != "" {
		err = ErrInvalid.With(map[string]string{"query.after": "malformed"})
	}
	return ListShipments200JSONResponse(out), err
}

func showShipment(s *fulfilment.Shipment) Shipment {
	out := Shipment{ID: string(s.ID), Order: string(s.Order), Number: s.Number, State: ShipmentState(s.State), Version: s.Version, Market: string(s.Market),
		Country: string(s.Country), Location: s.Location, Service: s.Service, Carrier: s.Carrier, Tracking: []string{}, GrossGrams: s.Gross(),
		MadeAt: utc(s.MadeAt), HandedOverAt: utc(s.HandedOverAt)}
	for _, p := range s.Parcels {
		if p.Tracking != "" {
			out.Tracking = append(out.Tracking, p.Tracking)
		}
	}
	return out
}

// GetShipment returns a shipment with what keeps it.
func (a *api) GetShipment(ctx context.Context, r GetShipmentRequestObject) (GetShipmentResponseObject, error) {
	var out ShipmentDetail
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		st, err := a.Papers.Standing(tx, fulfilment.ShipmentID(r.ID))
		out = showStanding(callerOf(ctx).say(), &st)
		return err
	})
	return GetShipment200JSONResponse(out), err
}

func showStanding(say *i18n.Printer, st *papers.Standing) ShipmentDetail {
	out := ShipmentDetail{Shipment: showShipment(&st.Shipment), Address: st.Shipment.Address, Lines: []ShipmentLine{}, CanLeave: st.CanLeave(), Reasons: showReasons(say, st.Reasons),
		Accepted: []ShipmentAcceptance{}, Advice: []ShipmentReason{}, Needs: []string{}, Papers: []ShipmentPaper{}}
	for _, l := range st.Shipment.Lines {
		out.Lines = append(out.Lines, ShipmentLine{Sku: l.SKU, Title: l.Title, Quantity: l.Quantity})
	}
	for _, f := range st.Findings {
		if w := f.Accepted; w != nil {
			out.Accepted = append(out.Accepted, ShipmentAcceptance{Code: w.Code, Mark: w.Mark, By: w.By, Reason: w.Reason, At: utc(w.At)})
		}
		if f.Severity == customs.Advises {
			out.Advice = append(out.Advice, ShipmentReason{Code: f.Code, Reason: papers.Say(say, f.Key, f.Args), Field: f.Field, Mark: f.Mark, Sku: f.SKU, Product: f.Product, Remedy: string(f.Remedy)})
		}
	}
	for _, kind := range st.Needs {
		out.Needs = append(out.Needs, string(kind))
	}
	if st.Current == nil {
		return out
	}
	for _, d := range st.Current.Documents {
		out.Papers = append(out.Papers, ShipmentPaper{Kind: string(d.Kind), Version: st.Current.Version, Sha256: d.SHA256, MadeBy: d.MadeBy, MadeAt: utc(d.MadeAt), Prints: d.Prints})
	}
	return out
}

// showReasons writes what keeps a shipment; errors of the linter by their code, others by that of the gate.
func showReasons(say *i18n.Printer, all []papers.Reason) []ShipmentReason {
	out := []ShipmentReason{}
	for _, r := range all {
		out = append(out, ShipmentReason{Code: cmp.Or(r.Code, strings.TrimPrefix(r.Key, "customs.gate.")), Reason: papers.Say(say, r.Key, r.Args), Field: r.Field,
			Accept: r.Severity == customs.Accept, Mark: r.Mark, Sku: r.SKU, Product: r.Product, Remedy: string(r.Remedy)})
	}
	return out
}

// refused answers that a shipment can't leave, with everything that keeps it.
func refused(w http.ResponseWriter, r *http.Request, no *papers.Refusal) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusConflict)
	json.NewEncoder(w).Encode(Problem{Type: "about:blank", Title: http.StatusText(http.StatusConflict), Status: http.StatusConflict, Code: no.Fault.Code,
		Reasons: showReasons(i18n.For(langOf(r)), no.Reasons)})
}

// shipment does something to a shipment in the caller's name and shows how it stands then.
func (a *api) shipment(ctx context.Context, id string, do func(tx *db.Tx, id fulfilment.ShipmentID, by string) (papers.Standing, error)) (out ShipmentDetail, err error) {
	who := callerOf(ctx)
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		st, err := do(tx, fulfilment.ShipmentID(id), keyName(who.key))
		if err == nil {
			out = showStanding(who.say(), &st)
		}
		return err
	})
	return out, err
}

// MakePapers makes a shipment's papers, and its label where that is asked for: all of it or nothing.
func (a *api) MakePapers(ctx context.Context, r MakePapersRequestObject) (MakePapersResponseObject, error) {
	out, err := a.shipment(ctx, r.ID, func(tx *db.Tx, id fulfilment.ShipmentID, by string) (papers.Standing, error) {
		st, err := a.Papers.Make(tx, id, by)
		if err != nil || !r.Body.Label {
			return st, err
		}
		return a.Papers.Label(tx, id, by)
	})
	return MakePapers200JSONResponse(out), err
}

// AcceptWarning lets a warning stand.
func (a *api) AcceptWarning(ctx context.Context, r AcceptWarningRequestObject) (AcceptWarningResponseObject, error) {
	out, err := a.shipment(ctx, r.ID, func(tx *db.Tx, id fulfilment.ShipmentID, by string) (papers.Standing, error) {
		name := strings.TrimSpace(r.Body.By)
		if name == "" {
			return papers.Standing{}, papers.ErrAcceptance.With(map[string]string{"by": "required"})
		}
		return a.Papers.Accept(tx, id, r.Body.Mark, r.Body.Reason, name+" ("+by+")")
	})
	return AcceptWarning200JSONResponse(out), err
}

// HandOver says that the carrier has a shipment.
func (a *api) HandOver(ctx context.Context, r HandOverRequestObject) (HandOverResponseObject, error) {
	out, err := a.shipment(ctx, r.ID, a.Papers.HandOver)
	return HandOver200JSONResponse(out), err
}

// TakeBack says that it hasn't after all.
func (a *api) TakeBack(ctx context.Context, r TakeBackRequestObject) (TakeBackResponseObject, error) {
	out, err := a.shipment(ctx, r.ID, a.Papers.TakeBack)
	return TakeBack200JSONResponse(out), err
}

// file is an answer that is a paper.
type file papers.Paper

func (f file) send(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", f.Type)
	h.Set("Content-Disposition", `attachment; filename="`+f.Name+`"`)
	h.Set("Content-Length", strconv.Itoa(len(f.Data)))
	_, err := w.Write(f.Data)
	return err
}

// VisitGetPaperResponse implements GetPaperResponseObject.
func (f file) VisitGetPaperResponse(w http.ResponseWriter) error { return f.send(w) }

// VisitGetPreAdviceResponse implements GetPreAdviceResponseObject.
func (f file) VisitGetPreAdviceResponse(w http.ResponseWriter) error { return f.send(w) }

func (a *api) file(ctx context.Context, id string, kind customs.Paper, version int) (f papers.Paper, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		f, err = a.Papers.File(tx, fulfilment.ShipmentID(id), kind, version)
		return err
	})
	return f, err
}

// GetPaper returns a paper as a file.
func (a *api) GetPaper(ctx context.Context, r GetPaperRequestObject) (GetPaperResponseObject, error) {
	kind := customs.Paper(r.Kind)
	if kind == papers.Label && strings.Contains(callerOf(ctx).accept, "application/zpl") {
		kind = papers.LabelZPL
	}
	f, err := a.file(ctx, r.ID, kind, r.Params.Version)
	return file(f), err
}

// GetPreAdvice returns the data that go ahead of a shipment, as they were made.
func (a *api) GetPreAdvice(ctx context.Context, r GetPreAdviceRequestObject) (GetPreAdviceResponseObject, error) {
	f, err := a.file(ctx, r.ID, customs.PreAdvicePaper, 0)
	return file(f), err
}
