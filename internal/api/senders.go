package api

import (
	"context"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
)

// ListSenders lists what phones show, and what of it nobody wrote down.
func (a *api) ListSenders(ctx context.Context, _ ListSendersRequestObject) (ListSendersResponseObject, error) {
	out := SenderList{Data: []Sender{}, Unrecorded: []SenderPapers{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Messages.Senders(tx)
		if err != nil {
			return err
		}
		for i := range all {
			out.Data = append(out.Data, a.showSender(&all[i]))
		}
		open, err := a.Messages.Unrecorded(tx)
		for i := range open {
			out.Unrecorded = append(out.Unrecorded, showPapers(&open[i]))
		}
		return err
	})
	return ListSenders200JSONResponse(out), err
}

// GetSender returns a sender with how it was written down before.
func (a *api) GetSender(ctx context.Context, r GetSenderRequestObject) (GetSenderResponseObject, error) {
	out := SenderDetail{History: []SenderChange{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		s, err := a.Messages.Sender(tx, r.ID)
		if err != nil {
			return err
		}
		out.Sender = a.showSender(&s)
		all, err := a.Messages.SenderHistory(tx, r.ID)
		for i := range all {
			out.History = append(out.History, SenderChange{At: utc(all[i].At), By: all[i].Who, Papers: showPapers(&all[i].SenderRecord)})
		}
		return err
	})
	return GetSender200JSONResponse(out), err
}

// AddSender writes a new sender down.
func (a *api) AddSender(ctx context.Context, r AddSenderRequestObject) (AddSenderResponseObject, error) {
	s, err := a.keepSender(ctx, readPapers("", r.Body))
	return AddSender201JSONResponse(s), err
}

// ChangeSender writes a sender down anew.
func (a *api) ChangeSender(ctx context.Context, r ChangeSenderRequestObject) (ChangeSenderResponseObject, error) {
	s, err := a.keepSender(ctx, readPapers(r.ID, r.Body))
	return ChangeSender200JSONResponse(s), err
}

func (a *api) keepSender(ctx context.Context, s messaging.SenderRecord) (out Sender, err error) {
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		kept, err := a.Messages.KeepSender(tx, s, by(ctx))
		if err != nil {
			return err
		}
		kept, err = a.Messages.Sender(tx, kept.ID)
		out = a.showSender(&kept)
		return err
	})
	return out, err
}

// ListLimits lists the limits of markets with what is spent of them.
func (a *api) ListLimits(ctx context.Context, _ ListLimitsRequestObject) (ListLimitsResponseObject, error) {
	out := LimitList{Data: []Limits{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		out.Data, err = a.limits(tx)
		return err
	})
	return ListLimits200JSONResponse(out), err
}

// SetLimits keeps the limits of a market.
func (a *api) SetLimits(ctx context.Context, r SetLimitsRequestObject) (SetLimitsResponseObject, error) {
	b := r.Body
	l := messaging.Limits{Market: market.Code(r.Market), Currency: b.Day.Currency, Day: b.Day.Minor, Month: b.Month.Minor, CapDay: b.CapDay, CapMonth: b.CapMonth}
	if l.Currency == "" {
		l.Currency = b.Month.Currency
	} else if b.Month.Currency != "" && b.Month.Currency != l.Currency {
		return nil, ErrInvalid.With(map[string]string{"month.currency": "unknown"})
	}
	var out Limits
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		if err := a.Messages.SetLimits(tx, l, by(ctx)); err != nil {
			return err
		}
		all, err := a.limits(tx)
		for _, one := range all {
			if one.Market == r.Market {
				out = one
			}
		}
		return err
	})
	return SetLimits200JSONResponse(out), err
}

func (a *api) limits(tx *db.Tx) ([]Limits, error) {
	all, err := a.Messages.Limits(tx)
	if err != nil {
		return nil, err
	}
	spent, err := a.Messages.Spending(tx)
	out := []Limits{}
	for _, l := range all {
		one := Limits{Market: string(l.Market), CapDay: l.CapDay, CapMonth: l.CapMonth, By: l.Who, ChangedAt: utc(l.At)}
		if l.Day > 0 {
			one.Day, one.SpentDay = money.Of(l.Day, l.Currency), spent[l.Market].Day
		}
		if l.Month > 0 {
			one.Month, one.SpentMonth = money.Of(l.Month, l.Currency), spent[l.Market].Month
		}
		out = append(out, one)
	}
	return out, err
}

func (a *api) showSender(s *messaging.SenderRecord) Sender {
	today := a.DB.Clock().Now().UTC().Format(time.DateOnly)
	return Sender{ID: s.ID, Papers: showPapers(s), Standing: SenderState(s.Standing(today)), Volume: s.Volume, By: s.Who, ChangedAt: utc(s.ChangedAt)}
}

func showPapers(s *messaging.SenderRecord) SenderPapers {
	return SenderPapers{Country: string(s.Country), Kind: SenderKind(s.Kind), Value: s.Value, Provider: s.Provider, State: SenderState(s.State), Papers: s.Papers, ValidFrom: s.ValidFrom,
		ValidTo: s.ValidTo, TwoWay: s.TwoWay, Receipts: s.Receipts, Here: s.Here, MinVolume: s.MinVolume, Links: s.Links, Phones: s.Phones}
}

func readPapers(id string, p *SenderPapers) messaging.SenderRecord {
	return messaging.SenderRecord{ID: id, Country: market.Country(p.Country), Kind: messaging.Kind(p.Kind), Value: p.Value, Provider: p.Provider, State: messaging.Registration(p.State),
		Papers: p.Papers, ValidFrom: p.ValidFrom, ValidTo: p.ValidTo, TwoWay: p.TwoWay, Receipts: p.Receipts, Here: p.Here, MinVolume: p.MinVolume, Links: p.Links, Phones: p.Phones}
}
