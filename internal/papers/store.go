package papers

import (
	"encoding/json"
	"errors"
	"fmt"

	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
)

// setsOf reads all papers that were ever made for a shipment, oldest first.
func setsOf(tx *db.Tx, id fulfilment.ShipmentID) ([]Set, error) {
	sets, err := db.All(tx, func(r db.Row) (s Set, err error) {
		err = r.Scan(&s.Version, &s.ShipmentVersion, &s.Mark, &s.RuleSet, &s.MadeBy, &s.MadeAt, &s.VoidedBy, &s.VoidReason, db.Null(&s.VoidedAt))
		s.MadeAt, s.VoidedAt = s.MadeAt.UTC(), s.VoidedAt.UTC()
		return
	}, `select version, shipment_version, mark, rule_set, made_by, made_at, voided_by, void_reason, voided_at from paper_sets
		where shipment = $1 order by version`, string(id))
	if err != nil || len(sets) == 0 {
		return sets, err
	}
	at := map[int]int{}
	for i := range sets {
		at[sets[i].Version] = i
	}
	_, err = db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var version int
		var d Document
		if err = r.Scan(&version, &d.Kind, &d.SHA256, &d.MadeBy, &d.MadeAt, &d.Prints); err != nil {
			return
		}
		d.MadeAt = d.MadeAt.UTC()
		set := &sets[at[version]]
		set.Documents = append(set.Documents, d)
		return
	}, `select version, kind, sha256, made_by, made_at, prints from paper_documents where shipment = $1 order by version, made_at, kind`, string(id))
	return sets, err
}

func insertSet(tx *db.Tx, id fulfilment.ShipmentID, s Set, snapshot string) error {
	n, err := tx.Exec(`insert into paper_sets (shipment, version, shipment_version, mark, snapshot, rule_set, made_by, made_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
		string(id), s.Version, s.ShipmentVersion, s.Mark, snapshot, s.RuleSet, s.MadeBy, s.MadeAt)
	if err == nil && n == 0 {
		err = fmt.Errorf("version %d of the papers of %s: %w", s.Version, id, fulfilment.ErrOutdated)
	}
	return err
}

func voidSet(tx *db.Tx, id fulfilment.ShipmentID, version int, by, reason string) error {
	return tx.Send(`update paper_sets set voided_by = $3, void_reason = $4, voided_at = $5 where shipment = $1 and version = $2 and voided_at is null`,
		string(id), version, by, reason, tx.Now())
}

func insertDocument(tx *db.Tx, id fulfilment.ShipmentID, version int, d Document, body string) error {
	return tx.Send(`insert into paper_documents (shipment, version, kind, sha256, body, made_by, made_at) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict do nothing`, string(id), version, string(d.Kind), d.SHA256, body, d.MadeBy, d.MadeAt)
}

func snapshotOf(tx *db.Tx, id fulfilment.ShipmentID, version int) (c customs.Consignment, err error) {
	text, err := db.One(tx, db.Scalar[string], `select snapshot from paper_sets where shipment = $1 and version = $2`, string(id), version)
	if errors.Is(err, db.ErrNone) {
		return c, fmt.Errorf("version %d of the papers of %.60q: %w", version, string(id), ErrNoPaper)
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &c)
	}
	return c, err
}

func acceptancesOf(tx *db.Tx, id fulfilment.ShipmentID) ([]Acceptance, error) {
	return db.All(tx, func(r db.Row) (a Acceptance, err error) {
		err = r.Scan(&a.Mark, &a.Code, &a.Line, &a.By, &a.Reason, &a.At)
		a.At = a.At.UTC()
		return
	}, `select mark, code, line, said_by, reason, at from paper_acceptances where shipment = $1 order by at, id`, string(id))
}

func particularsOf(tx *db.Tx, id fulfilment.ShipmentID) (p Particulars, err error) {
	_, err = db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var body string
		if err = r.Scan(&body, &p.ChangedBy, &p.ChangedAt); err != nil {
			return
		}
		err = json.Unmarshal([]byte(body), &p)
		return
	}, `select body, changed_by, changed_at from paper_particulars where shipment = $1`, string(id))
	p.ChangedAt = p.ChangedAt.UTC()
	return p, err
}
