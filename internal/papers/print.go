package papers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/pdf"
)

// Paper is a file of a shipment.
type Paper struct {
	Document
	Version int
	Voided  bool
	Type    string // media type
	Name    string // of the file
	Data    []byte
}

// Paper draws a paper of a shipment again; version 0 is the last that was made. A copy says that it is one; what isn't
// a copy has the hash that was kept, or ErrDrawnOtherwise.
func (s *Service) Paper(tx *db.Tx, id fulfilment.ShipmentID, kind customs.Paper, version int, again bool) (Paper, error) {
	set, doc, err := s.find(tx, id, kind, version)
	if err != nil {
		return Paper{}, err
	}
	p := Paper{Document: doc, Version: set.Version, Voided: !set.VoidedAt.IsZero(), Type: "application/pdf", Name: fmt.Sprintf("%s-%s-v%d.pdf", id, kind, set.Version)}
	c, err := snapshotOf(tx, id, set.Version)
	if err != nil {
		return p, err
	}
	switch kind {
	case customs.PreAdvicePaper:
		p.Type, p.Name = "application/json", strings.TrimSuffix(p.Name, ".pdf")+".json"
		text, err := db.One(tx, db.Scalar[string], `select body from paper_documents where shipment = $1 and version = $2 and kind = $3`, string(id), set.Version, string(kind))
		p.Data = []byte(text)
		return p, err
	case LabelZPL:
		p.Type, p.Name = "application/zpl", strings.TrimSuffix(p.Name, ".pdf")+".zpl"
	}
	if p.Data, err = draw(&c, kind, again || p.Voided); err != nil {
		return p, err
	}
	if !again && !p.Voided && hash(p.Data) != doc.SHA256 {
		return p, fmt.Errorf("%s of %s: %w", kind, id, ErrDrawnOtherwise)
	}
	return p, nil
}

// File is a paper as it may be given away: the original until it was printed, from then on a copy; version 0 is the last
// that was made.
func (s *Service) File(tx *db.Tx, id fulfilment.ShipmentID, kind customs.Paper, version int) (Paper, error) {
	set, doc, err := s.find(tx, id, kind, version)
	if err != nil {
		return Paper{}, err
	}
	return s.Paper(tx, id, kind, set.Version, doc.Prints > 0)
}

func (s *Service) find(tx *db.Tx, id fulfilment.ShipmentID, kind customs.Paper, version int) (Set, Document, error) {
	if _, err := s.Shipments.Get(tx, id); err != nil {
		return Set{}, Document{}, err
	}
	sets, err := setsOf(tx, id)
	if err != nil {
		return Set{}, Document{}, err
	}
	for _, set := range slices.Backward(sets) {
		if version != 0 && set.Version != version {
			continue
		}
		for _, d := range set.Documents {
			if d.Kind == kind {
				return set, d, nil
			}
		}
	}
	return Set{}, Document{}, fmt.Errorf("%.40q of %s: %w", string(kind), id, ErrNoPaper)
}

// Printed notes that papers were printed: from then on they are drawn as copies.
func (s *Service) Printed(tx *db.Tx, all []Print) error {
	for _, p := range all {
		if err := tx.Send(`update paper_documents set prints = prints + 1 where shipment = $1 and version = $2 and kind = $3`,
			string(p.Shipment), p.Version, string(p.Kind)); err != nil {
			return err
		}
	}
	return nil
}

const maxBatch = 200

// Print names a paper that was printed.
type Print struct {
	Shipment fulfilment.ShipmentID
	Kind     customs.Paper
	Version  int
}

// Batch draws the papers of many shipments as one file, in the order they are picked in: by location, then by article.
// labels asks for labels (and CN22), else for what is printed on A4. Papers that are void are left out; nothing left
// is ErrNothingChosen. What was drawn is returned, for Printed.
func (s *Service) Batch(tx *db.Tx, ids []fulfilment.ShipmentID, labels bool) ([]byte, []Print, error) {
	if len(ids) == 0 || len(ids) > maxBatch {
		return nil, nil, ErrNothingChosen
	}
	var all []Standing
	for _, id := range ids {
		st, err := s.Standing(tx, id)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, st)
	}
	slices.SortStableFunc(all, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.Shipment.Location, b.Shipment.Location), cmp.Compare(firstArticle(a), firstArticle(b)), cmp.Compare(a.Shipment.Number, b.Shipment.Number))
	})
	size := pdf.A4
	if labels {
		size = pdf.Label
	}
	var drawn []Print
	d := pdf.New(size, "Papers", s.today(tx))
	for _, st := range all {
		if st.Current == nil {
			continue
		}
		c, err := snapshotOf(tx, st.Shipment.ID, st.Current.Version)
		if err != nil {
			return nil, nil, err
		}
		for _, doc := range st.Current.Documents {
			if doc.Kind == customs.PreAdvicePaper || doc.Kind == LabelZPL || sheetOf(doc.Kind) != size {
				continue
			}
			if doc.Kind == Label {
				drawLabels(d, &c)
			} else if err := customs.DrawOn(d, &c, doc.Kind, doc.Prints > 0); err != nil {
				return nil, nil, err
			}
			drawn = append(drawn, Print{st.Shipment.ID, doc.Kind, st.Current.Version})
		}
	}
	if d.Pages() == 0 {
		return nil, nil, ErrNothingChosen
	}
	file, err := d.Bytes()
	return file, drawn, err
}

func firstArticle(st Standing) string {
	var skus []string
	for _, l := range st.Shipment.Lines {
		skus = append(skus, l.SKU)
	}
	slices.Sort(skus)
	return strings.Join(skus, " ")
}

// Listen voids the papers of shipments that changed, in the name of who changed them.
func (s *Service) Listen(bus *events.Bus) {
	events.On(bus, "papers.changed", func(tx *db.Tx, e fulfilment.ShipmentChangedEvent) error {
		return s.voidBefore(tx, e.Shipment, e.Version, e.By, e.Reason)
	})
	events.On(bus, "papers.voided", func(tx *db.Tx, e fulfilment.ShipmentVoidedEvent) error {
		return s.voidBefore(tx, e.Shipment, e.Version+1, e.By, "shipment_voided")
	})
}

func (s *Service) voidBefore(tx *db.Tx, id fulfilment.ShipmentID, version int64, by, reason string) error {
	return tx.Send(`update paper_sets set voided_by = $3, void_reason = $4, voided_at = $5 where shipment = $1 and shipment_version < $2 and voided_at is null`,
		string(id), version, by, reason, tx.Now())
}
