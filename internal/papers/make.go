package papers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/id"
	"portolan/internal/order"
	"portolan/internal/pdf"
)

// The papers that aren't customs'.
const (
	Label    customs.Paper = "label"     // 10 x 15 cm, PDF
	LabelZPL customs.Paper = "label_zpl" // the same for label printers
)

// Set is one making of papers from one snapshot.
type Set struct {
	Version         int
	ShipmentVersion int64
	Mark            string
	RuleSet         string
	MadeBy          string
	MadeAt          time.Time
	VoidedBy        string
	VoidReason      string
	VoidedAt        time.Time
	Documents       []Document
}

// Has reports whether a paper is among them.
func (s *Set) Has(kind customs.Paper) bool {
	return slices.ContainsFunc(s.Documents, func(d Document) bool { return d.Kind == kind })
}

// Document is a paper of a set.
type Document struct {
	Kind   customs.Paper
	SHA256 string // of the file as it was first drawn, or of the data as they were sent
	MadeBy string
	MadeAt time.Time
	Prints int64
}

// Acceptance is a named person's word that a warning may stand.
type Acceptance struct {
	Mark   string // names the finding; it ends when the finding says something else
	Code   string
	Line   int
	By     string
	Reason string
	At     time.Time
}

// Make makes the papers a shipment needs, and its pre-advice; parcels without a number get the next one of a range,
// where there is one. Papers that hold already are left as they are. A Refusal names the errors that have to go first;
// a shipment whose order is cancelled or unpaid is customs.ErrNotSendable.
func (s *Service) Make(tx *db.Tx, id fulfilment.ShipmentID, by string) (Standing, error) {
	d, err := s.openToMake(tx, id)
	if err != nil {
		return Standing{}, err
	}
	st := s.standing(tx, d)
	if st.Current != nil {
		return st, nil
	}
	if wrong := st.errors(); len(wrong) > 0 {
		return st, &Refusal{ErrOpen, id, wrong}
	}
	if err := s.makeSet(tx, d, st.Needs, by); err != nil {
		return st, fmt.Errorf("papers of %s: %w", id, unfit(id, err))
	}
	return s.Standing(tx, id)
}

// errors are the reasons that no paper can be made with.
func (s *Standing) errors() (all []Reason) {
	for _, r := range s.Reasons {
		if r.Severity == customs.Blocks && r.Remedy != RemedyMake {
			all = append(all, r)
		}
	}
	return all
}

// openToMake opens a shipment that papers may be made for, with its numbers.
func (s *Service) openToMake(tx *db.Tx, id fulfilment.ShipmentID) (*dossier, error) {
	d, err := s.open(tx, id)
	if err != nil {
		return nil, err
	}
	if d.order.State == order.Cancelled || !payable(d.order) {
		return nil, fmt.Errorf("papers of order %s, which is %s: %w", d.order.Number, d.order.State, customs.ErrNotSendable)
	}
	switch d.ship.State {
	case fulfilment.HandedOver:
		return nil, fulfilment.ErrGone
	case fulfilment.Voided:
		return nil, fulfilment.ErrVoided
	}
	if !slices.ContainsFunc(d.ship.Parcels, func(p fulfilment.Parcel) bool { return p.Tracking == "" }) {
		return d, nil
	}
	if _, err := s.Shipments.Number(tx, id); err != nil && fault.Of(err).Kind != fault.Conflict {
		return nil, err
	}
	return s.open(tx, id)
}

func (s *Service) makeSet(tx *db.Tx, d *dossier, needs []customs.Paper, by string) error {
	if n := len(d.sets); n > 0 {
		if err := voidSet(tx, d.ship.ID, d.sets[n-1].Version, by, "outdated"); err != nil {
			return err
		}
	}
	c := d.c
	c.Version = len(d.sets) + 1
	snapshot, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := insertSet(tx, d.ship.ID, Set{Version: c.Version, ShipmentVersion: d.ship.Version, Mark: d.mark, RuleSet: c.RuleSet, MadeBy: by, MadeAt: tx.Now()}, string(snapshot)); err != nil {
		return err
	}
	for _, p := range needs {
		if err := s.document(tx, d.ship.ID, c.Version, p, by); err != nil {
			return err
		}
	}
	return nil
}

// document makes a paper of a set from its snapshot.
func (s *Service) document(tx *db.Tx, id fulfilment.ShipmentID, version int, kind customs.Paper, by string) error {
	c, err := snapshotOf(tx, id, version)
	if err != nil {
		return err
	}
	doc, body := Document{Kind: kind, MadeBy: by, MadeAt: tx.Now()}, ""
	file, err := draw(&c, kind, false)
	if err != nil {
		return err
	}
	if kind == customs.PreAdvicePaper {
		body = string(file)
	}
	doc.SHA256 = hash(file)
	return insertDocument(tx, id, version, doc, body)
}

func hash(file []byte) string {
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:])
}

// draw draws a paper of a consignment: PDF, JSON or ZPL.
func draw(c *customs.Consignment, kind customs.Paper, again bool) ([]byte, error) {
	switch kind {
	case customs.PreAdvicePaper:
		return customs.PreAdvice(c).JSON()
	case Label:
		return labelPDF(c)
	case LabelZPL:
		return []byte(labelZPL(c)), nil
	}
	return customs.Draw(c, kind, sheetOf(kind), again)
}

func sheetOf(kind customs.Paper) pdf.Size {
	if kind == customs.CN22 || kind == Label {
		return pdf.Label
	}
	return pdf.A4
}

// Accept lets a warning stand in a person's name, with a reason. Errors can't be accepted.
func (s *Service) Accept(tx *db.Tx, id fulfilment.ShipmentID, mark, reason, by string) (Standing, error) {
	st, err := s.Standing(tx, id)
	if err != nil {
		return st, err
	}
	reason = strings.TrimSpace(reason)
	at := slices.IndexFunc(st.Findings, func(f Finding) bool { return f.Mark == mark })
	var c fault.Check
	c.That(at >= 0, "mark", "papers.no_such_warning")
	c.That(at < 0 || st.Findings[at].Severity == customs.Accept, "mark", "papers.not_acceptable")
	c.That(reason != "", "reason", "required")
	c.That(len(reason) <= 500, "reason", "too_long")
	c.That(by != "", "by", "required")
	if err := c.Err(ErrAcceptance.Code); err != nil {
		return st, err
	}
	if st.Findings[at].Accepted == nil {
		if err := insertAcceptance(tx, id, Acceptance{mark, st.Findings[at].Code, st.Findings[at].Line, by, reason, tx.Now()}); err != nil {
			return st, err
		}
	}
	return s.Standing(tx, id)
}

// Label makes a shipment's label, and the shipment ready. While anything keeps it, that is a Refusal: there is no
// other way to a label.
func (s *Service) Label(tx *db.Tx, id fulfilment.ShipmentID, by string) (Standing, error) {
	d, err := s.openToMake(tx, id)
	if err != nil {
		return Standing{}, err
	}
	st := s.standing(tx, d)
	if !st.CanLeave() {
		return st, &Refusal{ErrCannotLeave, id, st.Reasons}
	}
	if slices.ContainsFunc(d.ship.Parcels, func(p fulfilment.Parcel) bool { return p.Tracking == "" }) {
		return st, &Refusal{ErrCannotLeave, id, []Reason{{Key: "customs.gate.no_number", Field: "parcels", Severity: customs.Blocks, Line: -1, Remedy: RemedyParcels}}}
	}
	if st.Current == nil {
		if err := s.makeSet(tx, d, nil, by); err != nil {
			return st, err
		}
		if d, err = s.open(tx, id); err != nil {
			return st, err
		}
		st = s.standing(tx, d)
	}
	if !st.Labelled {
		for _, kind := range []customs.Paper{Label, LabelZPL} {
			if err := s.document(tx, id, st.Current.Version, kind, by); err != nil {
				return st, fmt.Errorf("label of %s: %w", id, unfit(id, err))
			}
		}
	}
	if _, err := s.Shipments.Ready(tx, id, d.ship.Version, by); err != nil {
		return st, err
	}
	return s.Standing(tx, id)
}

// HandOver says that a shipment was given to its carrier. It needs its label, and nothing may keep it by now: rules,
// products and prices may have changed since the label was made.
func (s *Service) HandOver(tx *db.Tx, id fulfilment.ShipmentID, by string) (Standing, error) {
	st, err := s.Standing(tx, id)
	switch {
	case err != nil:
		return st, err
	case !st.Shipment.Open():
	case !st.CanLeave():
		return st, &Refusal{ErrCannotLeave, id, st.Reasons}
	case !st.Labelled:
		return st, &Refusal{ErrCannotLeave, id, []Reason{{Key: "customs.gate.no_label", Field: "papers.label", Severity: customs.Blocks, Line: -1, Remedy: RemedyMake}}}
	}
	if _, err := s.Shipments.HandOver(tx, id, st.Shipment.Version, by); err != nil {
		return st, err
	}
	return s.Standing(tx, id)
}

// TakeBack undoes a hand-over as long as nothing else has come of it.
func (s *Service) TakeBack(tx *db.Tx, id fulfilment.ShipmentID, by string) (Standing, error) {
	if _, err := s.Shipments.TakeBack(tx, id, by); err != nil {
		return Standing{}, err
	}
	return s.Standing(tx, id)
}

// SetParticulars keeps what a shipment's papers say besides; those made before are outdated by it.
func (s *Service) SetParticulars(tx *db.Tx, shipment fulfilment.ShipmentID, p Particulars, by string) error {
	ship, err := s.Shipments.Get(tx, shipment)
	if err != nil {
		return err
	}
	if !ship.Open() {
		return fulfilment.ErrGone
	}
	var c fault.Check
	var ids []customs.TaxID
	for _, one := range p.IDs {
		if one.Number = strings.ToUpper(strings.TrimSpace(one.Number)); one.Number == "" {
			continue
		}
		c.That(one.Kind != "" && len(one.Kind) <= 20, "ids", "papers.id_kind")
		c.That(len(one.Number) <= 40, "ids", "too_long")
		ids = append(ids, one)
	}
	for field, text := range map[string]string{"comments": p.Comments, "origin": p.Origin, "export": p.Export, "licences": strings.Join(p.Licences, ", ")} {
		c.That(len(text) <= 200, field, "too_long")
	}
	if err := c.Err(ErrParticulars.Code); err != nil {
		return err
	}
	p.IDs = ids
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return tx.Send(`insert into paper_particulars (shipment, body, changed_by, changed_at) values ($1, $2, $3, $4)
		on conflict (shipment) do update set body = excluded.body, changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
		string(shipment), string(body), by, tx.Now())
}

func insertAcceptance(tx *db.Tx, shipment fulfilment.ShipmentID, a Acceptance) error {
	return tx.Send(`insert into paper_acceptances (id, shipment, mark, code, line, said_by, reason, at) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		id.New("pac"), string(shipment), a.Mark, a.Code, int64(a.Line), a.By, a.Reason, a.At)
}
