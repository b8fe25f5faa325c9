package fulfilment

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/db"
	"portolan/internal/fault"
)

// shipmentBody is what nobody searches for.
type shipmentBody struct {
	Service      string          `json:"service"`
	Carrier      string          `json:"carrier,omitempty"`
	Channel      Channel         `json:"channel"`
	Address      address.Address `json:"address"`
	Email        string          `json:"email,omitempty"`
	Lines        []ShipmentLine  `json:"lines"`
	HandedOverBy string          `json:"handed_over_by,omitempty"`
	VoidReason   string          `json:"void_reason,omitempty"`
}

const shipmentColumns = `id, order_id, number, market, country, location, state, version, body, made_at, changed_at, handed_over_at`

func scanShipment(r db.Row) (s Shipment, err error) {
	var text string
	err = r.Scan(&s.ID, &s.Order, &s.Number, &s.Market, &s.Country, &s.Location, &s.State, &s.Version, &text, &s.MadeAt, &s.ChangedAt,
		db.Null(&s.HandedOverAt))
	if err != nil {
		return s, err
	}
	s.MadeAt, s.ChangedAt, s.HandedOverAt = s.MadeAt.UTC(), s.ChangedAt.UTC(), s.HandedOverAt.UTC()
	var b shipmentBody
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return s, fmt.Errorf("shipment %s: %w", s.ID, err)
	}
	s.Service, s.Carrier, s.Channel, s.Address, s.Email, s.Lines = b.Service, b.Carrier, b.Channel, b.Address, b.Email, b.Lines
	s.HandedOverBy, s.VoidReason = b.HandedOverBy, b.VoidReason
	return s, nil
}

func (s Shipment) body() (string, error) {
	b, err := json.Marshal(shipmentBody{s.Service, s.Carrier, s.Channel, s.Address, s.Email, s.Lines, s.HandedOverBy, s.VoidReason})
	return string(b), err
}

func insertShipment(tx *db.Tx, s Shipment) (bool, error) {
	body, err := s.body()
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(`insert into shipments (`+shipmentColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (order_id, location) do nothing`, string(s.ID), string(s.Order), s.Number, string(s.Market), string(s.Country), s.Location,
		string(s.State), s.Version, body, s.MadeAt, s.ChangedAt, s.HandedOverAt)
	if err != nil || n == 0 {
		return false, err
	}
	return true, saveParcels(tx, s)
}

func saveShipment(tx *db.Tx, s Shipment) error {
	body, err := s.body()
	if err != nil {
		return err
	}
	if err := tx.Send(`update shipments set state = $2, version = $3, body = $4, changed_at = $5, handed_over_at = $6 where id = $1`,
		string(s.ID), string(s.State), s.Version, body, s.ChangedAt, s.HandedOverAt); err != nil {
		return err
	}
	if err := tx.Send(`delete from shipment_parcels where shipment = $1`, string(s.ID)); err != nil {
		return err
	}
	return saveParcels(tx, s)
}

func saveParcels(tx *db.Tx, s Shipment) error {
	for i, p := range s.Parcels {
		packed, err := json.Marshal(p.Packed)
		if err != nil {
			return err
		}
		var tracking any
		if p.Tracking != "" {
			tracking = p.Tracking
		}
		if err := tx.Send(`insert into shipment_parcels (shipment, number, tracking, gross_grams, weighed, length_mm, width_mm, height_mm, packed)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, string(s.ID), int64(i+1), tracking, p.GrossGrams, p.Weighed, p.Length, p.Width, p.Height,
			string(packed)); err != nil {
			return err
		}
	}
	return nil
}

// findShipment reads a shipment; lock is Tx.ForUpdate where it is about to be changed.
func findShipment(tx *db.Tx, id ShipmentID, lock string) (Shipment, error) {
	s, err := db.One(tx, scanShipment, `select `+shipmentColumns+` from shipments where id = $1`+lock, string(id))
	if errors.Is(err, db.ErrNone) {
		return s, fmt.Errorf("shipment %.60q: %w", string(id), ErrUnknownShipment)
	}
	if err != nil {
		return s, err
	}
	all := []Shipment{s}
	err = addParcels(tx, all)
	return all[0], err
}

func listShipments(tx *db.Tx, where string, args ...any) ([]Shipment, error) {
	all, err := db.All(tx, scanShipment, `select `+shipmentColumns+` from shipments where `+where, args...)
	if err != nil {
		return nil, err
	}
	return all, addParcels(tx, all)
}

// addParcels reads the parcels of shipments in one go.
func addParcels(tx *db.Tx, all []Shipment) error {
	if len(all) == 0 {
		return nil
	}
	at := map[ShipmentID]int{}
	marks, args := make([]string, len(all)), make([]any, len(all))
	for i := range all {
		at[all[i].ID] = i
		marks[i], args[i] = fmt.Sprintf("$%d", i+1), string(all[i].ID)
	}
	_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var s ShipmentID
		var p Parcel
		var packed string
		if err = r.Scan(&s, db.Null(&p.Tracking), &p.GrossGrams, &p.Weighed, &p.Length, &p.Width, &p.Height, &packed); err != nil {
			return
		}
		err = json.Unmarshal([]byte(packed), &p.Packed)
		all[at[s]].Parcels = append(all[at[s]].Parcels, p)
		return
	}, `select shipment, tracking, gross_grams, weighed, length_mm, width_mm, height_mm, packed from shipment_parcels
		where shipment in (`+strings.Join(marks, ", ")+`) order by shipment, number`, args...)
	return err
}

// errShipmentCursor is the fault of an After that isn't the Next of a page.
var errShipmentCursor = fault.New(fault.Invalid, "fulfilment.unusable_cursor").With(map[string]string{"after": "unusable"})

func pageOfShipments(tx *db.Tx, f ShipmentFilter, p ShipmentPage) ([]Shipment, string, error) {
	if p.Limit < 1 || p.Limit > 200 {
		p.Limit = 50
	}
	where, args := []string{"1 = 1"}, []any{}
	mark := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	if len(f.States) > 0 {
		var in []string
		for _, s := range f.States {
			in = append(in, mark(string(s)))
		}
		where = append(where, "state in ("+strings.Join(in, ", ")+")")
	}
	if f.Market != "" {
		where = append(where, "market = "+mark(string(f.Market)))
	}
	sign, way := "<", "desc"
	if f.Oldest {
		sign, way = ">", "asc"
	}
	if p.After != "" {
		at, last, ok := strings.Cut(p.After, "_at_")
		moment, err := time.Parse(time.RFC3339Nano, at)
		if !ok || err != nil {
			return nil, "", errShipmentCursor
		}
		where = append(where, "(made_at, id) "+sign+" ("+mark(moment)+", "+mark(last)+")")
	}
	all, err := listShipments(tx, strings.Join(where, " and ")+" order by made_at "+way+", id "+way+" limit "+mark(p.Limit+1), args...)
	if err != nil || len(all) <= p.Limit {
		return all, "", err
	}
	all = all[:p.Limit]
	end := all[p.Limit-1]
	return all, end.MadeAt.Format(time.RFC3339Nano) + "_at_" + string(end.ID), nil
}

func countShipments(tx *db.Tx) (map[ShipmentState]int64, error) {
	n := map[ShipmentState]int64{}
	_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var s ShipmentState
		var c int64
		err = r.Scan(&s, &c)
		n[s] = c
		return
	}, `select state, count(*) from shipments group by state order by state`)
	return n, err
}

// nextNumber takes the next item number of the first range that has one.
func nextNumber(tx *db.Tx) (string, error) {
	r, err := db.One(tx, func(r db.Row) (n NumberRange, err error) {
		return n, r.Scan(&n.Prefix, &n.Country, &n.Next, &n.Last)
	}, `select prefix, country, next, last from item_numbers where next <= last order by prefix, country limit 1`+tx.ForUpdate())
	if errors.Is(err, db.ErrNone) {
		return "", ErrNoNumbers
	}
	if err != nil {
		return "", err
	}
	if err := tx.Send(`update item_numbers set next = next + 1 where prefix = $1 and country = $2`, r.Prefix, r.Country); err != nil {
		return "", err
	}
	return S10(r.Prefix, r.Next, r.Country), nil
}
