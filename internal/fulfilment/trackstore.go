package fulfilment

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/order"
)

// scanBody is what nobody searches for.
type scanBody struct {
	Status      Status         `json:"status,omitempty"`
	Stage       Stage          `json:"stage,omitempty"`
	Reason      string         `json:"reason,omitempty"`
	Responsible string         `json:"responsible,omitempty"`
	Action      string         `json:"action,omitempty"`
	Place       string         `json:"place,omitempty"`
	Country     market.Country `json:"country,omitempty"`
	WindowStart time.Time      `json:"window_start,omitzero"`
	WindowEnd   time.Time      `json:"window_end,omitzero"`
	From        string         `json:"from,omitempty"`
	To          string         `json:"to,omitempty"`
	Source      string         `json:"source"`
	By          string         `json:"by,omitempty"`
	Ref         string         `json:"ref,omitempty"`
	Code        string         `json:"code,omitempty"`
	Text        string         `json:"text,omitempty"`
	Raw         string         `json:"raw,omitempty"`
	Corrects    string         `json:"corrects,omitempty"`
	ZoneGuessed bool           `json:"zone_guessed,omitempty"`
}

// insertScan reports false where the event is known already.
func insertScan(tx *db.Tx, shipment ShipmentID, e Scan) (bool, error) {
	body, err := json.Marshal(scanBody{e.Status, e.Stage, e.Reason, e.Responsible, e.Action, e.Place, e.Country, e.WindowStart, e.WindowEnd, e.From, e.To,
		e.Source, e.By, e.Ref, e.Code, e.Text, e.Body, e.Corrects, e.ZoneGuessed})
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(`insert into parcel_events (id, parcel, shipment, occurred_at, received_at, review, body) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (id) do nothing`, e.ID, string(e.Parcel), string(shipment), e.Occurred, e.Received, e.Review, string(body))
	return n == 1, err
}

const scanColumns = `id, parcel, occurred_at, received_at, review, body`

func readScan(r db.Row) (e Scan, err error) {
	var text string
	if err = r.Scan(&e.ID, &e.Parcel, &e.Occurred, &e.Received, &e.Review, &text); err != nil {
		return e, err
	}
	e.Occurred, e.Received = e.Occurred.UTC(), e.Received.UTC()
	var b scanBody
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return e, fmt.Errorf("event %s: %w", e.ID, err)
	}
	e.Status, e.Stage, e.Reason, e.Responsible, e.Action, e.Place, e.Country = b.Status, b.Stage, b.Reason, b.Responsible, b.Action, b.Place, b.Country
	e.WindowStart, e.WindowEnd, e.From, e.To, e.Source, e.By, e.Ref = b.WindowStart, b.WindowEnd, b.From, b.To, b.Source, b.By, b.Ref
	e.Code, e.Text, e.Body, e.Corrects, e.ZoneGuessed = b.Code, b.Text, b.Raw, b.Corrects, b.ZoneGuessed
	return e, nil
}

func scansOf(tx *db.Tx, id ParcelID) ([]Scan, error) {
	return db.All(tx, readScan, `select `+scanColumns+` from parcel_events where parcel = $1 order by occurred_at, id`, string(id))
}

func findScan(tx *db.Tx, parcel ParcelID, id string) (Scan, error) {
	e, err := db.One(tx, readScan, `select `+scanColumns+` from parcel_events where id = $1 and parcel = $2`, id, string(parcel))
	if errors.Is(err, db.ErrNone) {
		return e, fmt.Errorf("event %.60q: %w", id, ErrUnknownScan)
	}
	return e, err
}

func unsureScans(tx *db.Tx, limit int) ([]Scan, error) {
	return db.All(tx, readScan, `select `+scanColumns+` from parcel_events where review <> '' order by received_at, id limit 0 + $1`, limit)
}

func saveProgress(tx *db.Tx, p ParcelState, own Progress, look time.Time) error {
	body, err := json.Marshal(own)
	if err != nil {
		return err
	}
	return tx.Send(`insert into parcel_states (parcel, shipment, order_id, status, stage, body, delivered_at, look_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (parcel) do update set status = excluded.status, stage = excluded.stage, body = excluded.body, delivered_at = excluded.delivered_at, look_at = excluded.look_at`,
		string(p.ID), string(p.Shipment), string(p.Order), string(own.Status), string(own.Stage), string(body), own.DeliveredAt, look)
}

func progressOf(tx *db.Tx, id order.ID) (map[ParcelID]Progress, error) {
	all := map[ParcelID]Progress{}
	_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var parcel ParcelID
		var body string
		var p Progress
		if err = r.Scan(&parcel, &body); err != nil {
			return
		}
		err = json.Unmarshal([]byte(body), &p)
		all[parcel] = p
		return
	}, `select parcel, body from parcel_states where order_id = $1 order by parcel`, string(id))
	return all, err
}

func alertsOf(tx *db.Tx, id order.ID) (map[ParcelID][]Alert, error) {
	all := map[ParcelID][]Alert{}
	_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var parcel ParcelID
		var a Alert
		err = r.Scan(&parcel, &a.Cause, &a.Times, &a.FirstAt, &a.LastAt, &a.From, &a.To)
		a.FirstAt, a.LastAt = a.FirstAt.UTC(), a.LastAt.UTC()
		all[parcel] = append(all[parcel], a)
		return
	}, `select a.parcel, a.cause, a.times, a.first_at, a.last_at, a.from_day, a.to_day from parcel_alerts a
		join parcel_states s on s.parcel = a.parcel where s.order_id = $1 order by a.parcel, a.last_at, a.cause`, string(id))
	return all, err
}

func saveAlert(tx *db.Tx, id ParcelID, a Alert) error {
	return tx.Send(`insert into parcel_alerts (parcel, cause, times, first_at, last_at, from_day, to_day) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (parcel, cause) do update set times = excluded.times, last_at = excluded.last_at, from_day = excluded.from_day, to_day = excluded.to_day`,
		string(id), a.Cause, a.Times, a.FirstAt, a.LastAt, a.From, a.To)
}

// dueParcels are those on which a look is due, by the time it is.
func dueParcels(tx *db.Tx, limit int) ([]ParcelID, error) {
	return db.All(tx, db.Scalar[ParcelID], `select parcel from parcel_states where look_at <= $1 order by look_at, parcel limit 0 + $2`, tx.Now(), limit)
}

// lockDeliveries makes everybody who tells of an order's parcels wait for each other, and reports whether its
// last one was announced.
func lockDeliveries(tx *db.Tx, id order.ID) (announced bool, err error) {
	if _, err := tx.Exec(`insert into order_deliveries (order_id) values ($1) on conflict (order_id) do nothing`, string(id)); err != nil {
		return false, err
	}
	at, err := db.One(tx, func(r db.Row) (at time.Time, err error) { return at, r.Scan(db.Null(&at)) },
		`select delivered_at from order_deliveries where order_id = $1`+tx.ForUpdate(), string(id))
	return !at.IsZero(), err
}

// markDelivered notes when the last parcel of an order came; the zero time says that it didn't.
func markDelivered(tx *db.Tx, id order.ID, at time.Time) error {
	return tx.Send(`update order_deliveries set delivered_at = $2 where order_id = $1`, string(id), at)
}

func saveCarrier(tx *db.Tx, c Carrier) error {
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return tx.Send(`insert into carriers (name, body) values ($1, $2) on conflict (name) do update set body = excluded.body`, c.Name, string(body))
}

func loadCarriers(tx *db.Tx) (map[string]Carrier, error) {
	all := map[string]Carrier{}
	_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var body string
		var c Carrier
		if err = r.Scan(&body); err != nil {
			return
		}
		err = json.Unmarshal([]byte(body), &c)
		all[c.Name] = c
		return
	}, `select body from carriers order by name`)
	return all, err
}
