package api

import (
	"context"

	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/market"
)

// RecordEvents takes in what was heard about the parcels of a shipment.
func (a *api) RecordEvents(ctx context.Context, r RecordEventsRequestObject) (RecordEventsResponseObject, error) {
	id := fulfilment.ShipmentID(r.ID)
	scans := make([]fulfilment.Scan, len(r.Body.Events))
	for i, e := range r.Body.Events {
		scans[i] = fulfilment.Scan{Number: e.Parcel, When: e.OccurredAt, Status: fulfilment.Status(e.Status), Stage: fulfilment.Stage(e.Stage), Reason: string(e.Reason),
			Responsible: string(e.Responsible), Action: string(e.ActionRequired), Place: e.Place, Country: market.Country(e.Country), WindowStart: e.WindowStart, WindowEnd: e.WindowEnd,
			From: e.ExpectedFrom, To: e.ExpectedTo, Ref: e.Ref, Code: e.Code, Text: e.Text, Body: e.Raw, Corrects: e.Corrects}
	}
	out := ParcelEventsKept{Data: []ParcelEventKept{}, Parcels: []ParcelStanding{}}
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		heard, err := a.Shipments.Record(tx, id, "api", keyName(callerOf(ctx).key), scans)
		if err != nil {
			return err
		}
		for _, h := range heard {
			out.Data = append(out.Data, ParcelEventKept{ID: h.ID, Parcel: string(h.Parcel), Recorded: h.Fresh, Review: ParcelEventKeptReview(h.Review)})
		}
		return a.parcels(tx, id, func(p fulfilment.ParcelState, day string) error {
			out.Parcels = append(out.Parcels, showParcel(p, day))
			return nil
		})
	})
	return RecordEvents200JSONResponse(out), err
}

// parcels calls f with each parcel of a shipment and the present day in its market.
func (a *api) parcels(tx *db.Tx, id fulfilment.ShipmentID, f func(p fulfilment.ParcelState, day string) error) error {
	one, err := a.Shipments.Get(tx, id)
	if err != nil {
		return err
	}
	all, err := a.Shipments.ParcelsOf(tx, one.Order)
	if err != nil {
		return err
	}
	m, err := a.Markets.Get(tx, one.Market)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Shipment == id {
			if err := f(p, m.Day(tx.Now())); err != nil {
				return err
			}
		}
	}
	return nil
}

// ListParcels shows how far the parcels of a shipment have come.
func (a *api) ListParcels(ctx context.Context, r ListParcelsRequestObject) (ListParcelsResponseObject, error) {
	out := ParcelList{Data: []ParcelTimeline{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		return a.parcels(tx, fulfilment.ShipmentID(r.ID), func(p fulfilment.ParcelState, day string) error {
			scans, err := a.Shipments.Timeline(tx, p.ID)
			one := ParcelTimeline{Parcel: showParcel(p, day), Events: []ParcelHeard{}}
			for _, e := range scans {
				one.Events = append(one.Events, showScan(e))
			}
			out.Data = append(out.Data, one)
			return err
		})
	})
	return ListParcels200JSONResponse(out), err
}

func showParcel(p fulfilment.ParcelState, day string) ParcelStanding {
	return ParcelStanding{ID: string(p.ID), Number: p.N, Of: p.Of, Tracking: p.Tracking, Carrier: p.Carrier.Name, TrackingURL: p.TrackingURL(), Status: ParcelStatus(p.Status), Stage: ParcelStage(p.Stage),
		Reason: ParcelReason(p.Reason), Responsible: ParcelResponsible(p.Responsible), ActionRequired: ParcelAction(p.Action), Place: p.Place, Since: utc(p.Since), ShippedAt: utc(p.ShippedAt),
		DeliveredAt: utc(p.DeliveredAt), WindowStart: utc(p.WindowStart), WindowEnd: utc(p.WindowEnd), PromisedFrom: p.PromiseFrom, PromisedTo: p.PromiseTo,
		ExpectedFrom: p.From, ExpectedTo: p.To, Late: p.Late(day)}
}

func showScan(e fulfilment.Scan) ParcelHeard {
	out := ParcelHeard{ID: e.ID, Parcel: string(e.Parcel), Status: ParcelStatus(e.Status), Stage: ParcelStage(e.Stage), Reason: ParcelReason(e.Reason), Responsible: ParcelResponsible(e.Responsible),
		ActionRequired: ParcelAction(e.Action), Place: e.Place, Country: string(e.Country), WindowStart: utc(e.WindowStart), WindowEnd: utc(e.WindowEnd), ExpectedFrom: e.From, ExpectedTo: e.To,
		Ref: e.Ref, Code: e.Code, Text: e.Text, Raw: e.Body, Corrects: e.Corrects, Source: e.Source, By: e.By, Review: e.Review, ReceivedAt: utc(e.Received)}
	if e.Review != "no_time" {
		out.OccurredAt = utc(e.Occurred).Format("2006-01-02T15:04:05.999999Z07:00")
	}
	return out
}
