package api

import (
	"bytes"
	"context"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// GetMeasures tells how messages do.
func (a *api) GetMeasures(ctx context.Context, r GetMeasuresRequestObject) (GetMeasuresResponseObject, error) {
	p := r.Params
	f := messaging.MeasureFilter{Market: market.Code(p.Market), Template: p.Template, Provider: p.Provider, Class: messaging.Class(p.Class), Since: p.Since.UTC(), Until: p.Until.UTC()}
	m, f, err := a.measured(ctx, f)
	if err != nil {
		return nil, err
	}
	out := Measures{Since: f.Since, Until: f.Until, Total: showSum(&m.Total), Markets: showGroups(m.Markets), Classes: showGroups(m.Classes), Templates: showGroups(m.Templates),
		Routes: showGroups(m.Routes), Rows: []MeasureRow{}, Reasons: []MeasureReason{}, Hours: []MeasureHour{}}
	for i := range m.Rows {
		r := &m.Rows[i]
		out.Rows = append(out.Rows, MeasureRow{Market: string(r.Market), Class: string(r.Class), Channel: string(r.Channel), Template: r.Template, Provider: r.Provider, Route: r.Route,
			Sum: showSum(&r.Sum)})
	}
	for _, w := range m.Reasons {
		out.Reasons = append(out.Reasons, MeasureReason{State: string(w.State), Reason: w.Reason, Count: w.Count})
	}
	for _, h := range m.Hours {
		out.Hours = append(out.Hours, MeasureHour{At: utc(h.At), Sent: h.Sent, Delivered: h.Delivered, Failed: h.Failed, Dropped: h.Dropped})
	}
	return GetMeasures200JSONResponse(out), nil
}

// GetMeasuresCsv tells the same as a table.
func (a *api) GetMeasuresCsv(ctx context.Context, r GetMeasuresCsvRequestObject) (GetMeasuresCsvResponseObject, error) {
	p := r.Params
	f := messaging.MeasureFilter{Market: market.Code(p.Market), Template: p.Template, Provider: p.Provider, Class: messaging.Class(p.Class), Since: p.Since.UTC(), Until: p.Until.UTC()}
	m, _, err := a.measured(ctx, f)
	if err != nil {
		return nil, err
	}
	var table bytes.Buffer
	if err := messaging.WriteMeasures(&table, m); err != nil {
		return nil, err
	}
	return GetMeasuresCsv200TextCsvResponse{Body: &table, ContentLength: int64(table.Len())}, nil
}

// measured asks for measures, those of the last day where no beginning is given, and returns the filter in whole hours.
func (a *api) measured(ctx context.Context, f messaging.MeasureFilter) (m messaging.Measures, _ messaging.MeasureFilter, err error) {
	if f.Since.IsZero() {
		f.Since = a.DB.Clock().Now().Add(-24 * time.Hour)
	}
	f.Since = f.Since.Truncate(time.Hour)
	if !f.Until.IsZero() && f.Until.Before(f.Since) {
		return m, f, ErrInvalid.With(map[string]string{"query.until": "malformed"})
	}
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		m, err = a.Messages.Measures(tx, f)
		return err
	})
	return m, f, err
}

func showGroups(all []messaging.Group) []MeasureGroup {
	out := []MeasureGroup{}
	for i := range all {
		out = append(out, MeasureGroup{Name: all[i].Name, Sum: showSum(&all[i].Sum)})
	}
	return out
}

func showSum(s *messaging.Sum) MeasureSum {
	t := &s.Times
	out := MeasureSum{Sent: s.Sent, Parts: s.Parts, WithReceipts: s.Heard, Delivered: s.Delivered, Failed: s.Failed, Held: s.Held, Dropped: s.Dropped, Replied: s.Replied,
		Clicked: s.Clicked, Orders: s.Converted, Cost: []Cost{}, Revenue: []Money{}, Times: ReceiptTimes{Receipts: t.Seen, MeanMs: t.Mean().Milliseconds(),
			P50Ms: t.Within(.5).Milliseconds(), P95Ms: t.Within(.95).Milliseconds(), Classes: []ReceiptClass{}}}
	for _, c := range s.Cost {
		out.Cost = append(out.Cost, Cost{Micros: c.Micros, Currency: string(c.Currency)})
	}
	out.Revenue = append(out.Revenue, s.Revenue...)
	for i, n := range t.Classes {
		if n == 0 {
			continue
		}
		c := ReceiptClass{Receipts: n}
		if i < len(t.Classes)-1 {
			c.UntilMs = messaging.TimeClass(i).Milliseconds()
		}
		out.Times.Classes = append(out.Times.Classes, c)
	}
	return out
}
