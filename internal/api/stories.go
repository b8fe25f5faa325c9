package api

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"portolan/internal/db"
	"portolan/internal/experiment"
	"portolan/internal/fault"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
)

// TellJourneyStory plays an invented buyer through a journey.
func (a *api) TellJourneyStory(ctx context.Context, r TellJourneyStoryRequestObject) (TellJourneyStoryResponseObject, error) {
	story, err := readStory(r.Body)
	if err != nil {
		return nil, err
	}
	which := ""
	if r.Body.Version > 0 {
		which = strconv.FormatInt(r.Body.Version, 10)
	} else if r.Body.Draft {
		which = "draft"
	}
	err = a.DB.Read(ctx, func(tx *db.Tx) error { return a.Journeys.Cast(tx, &story, r.Name, which, r.Body.Together) })
	if err != nil {
		return nil, err
	}
	if m, ok := a.Markets.ByCode(story.Market); ok {
		story.Reach(m)
	}
	scenes, err := a.Journeys.Tell(ctx, story)
	if err != nil {
		return nil, err
	}
	out := ToldStory{Data: []Scene{}}
	for _, s := range scenes {
		out.Data = append(out.Data, showScene(s))
	}
	return TellJourneyStory200JSONResponse(out), nil
}

func readStory(b *JourneyStory) (journeys.Story, error) {
	s := journeys.Story{Market: market.Code(b.Market), Country: market.Country(b.Country), Region: b.Region, Lang: b.Lang, Phone: b.Phone, Email: b.Email, Orders: b.Orders,
		Unconfirmed: b.Unconfirmed, HeldOut: b.HeldOut, Start: utc(b.Start), Days: b.Days}
	for _, ch := range b.Agreed {
		s.Agreed = append(s.Agreed, messaging.Channel(ch))
	}
	var check fault.Check
	check.That(b.Version == 0 || !b.Draft, "draft", "journeys.version_or_draft")
	for i, e := range b.Events {
		after, err := journeys.ParseSpan(e.After)
		check.That(err == nil, fmt.Sprintf("events.%d.after", i), "malformed")
		s.Events = append(s.Events, journeys.StoryEvent{After: after.D(), Event: e.Event, Rating: e.Rating, Text: e.Text, Reason: e.Reason, Times: e.Times})
	}
	return s, check.Err(journeys.ErrBadStory.Code)
}

func showScene(s journeys.Scene) Scene {
	out := Scene{At: utc(s.At), Local: s.Local().Format(time.RFC3339), Event: s.Event}
	if s.Event != "" {
		out.Detail = s.Step.Detail
		return out
	}
	out.Journey, out.Step = s.Step.Journey, showStep(s.Step)
	out.Step.Message = "" // it isn't kept anywhere
	m := s.Message
	if m == nil {
		return out
	}
	out.Message = ToldMessage{Channel: string(m.Channel), Class: string(m.Class), Sender: m.Sender, Template: m.Template, Lang: m.Lang, Subject: m.Subject, Body: m.Body, Parts: m.Parts,
		Tried: []TriedChannel{}}
	if m.Cost.Currency != "" {
		out.Message.Cost = Cost{Micros: m.Cost.Micros, Currency: string(m.Cost.Currency)}
	}
	for _, t := range m.Tried {
		out.Message.Tried = append(out.Message.Tried, TriedChannel{Channel: string(t.Channel), Reason: t.Why})
	}
	return out
}

// effectDays is how far back an effect is looked at where no beginning is given.
const effectDays = 90

// GetJourneyEffect compares those who got something with those who were held out.
func (a *api) GetJourneyEffect(ctx context.Context, r GetJourneyEffectRequestObject) (GetJourneyEffectResponseObject, error) {
	p := r.Params
	q := journeys.EffectQuery{Version: p.Version, Market: market.Code(p.Market), Since: utc(p.Since), Until: utc(p.Until), Margin: p.Margin}
	if q.Since.IsZero() {
		q.Since = a.DB.Clock().Now().AddDate(0, 0, -effectDays)
	}
	if !q.Until.IsZero() && q.Until.Before(q.Since) {
		return nil, ErrInvalid.With(map[string]string{"query.until": "malformed"})
	}
	var e journeys.Effect
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		if _, err = a.Journeys.Known(tx, r.Name); err == nil {
			e, err = a.Journeys.Effect(tx, r.Name, q)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := JourneyEffect{Journey: e.Journey, Currency: string(e.Base), Margin: e.Margin, Since: utc(e.Since), Until: utc(e.Until), Within: journeys.Span(e.Within).String(),
		AnyDay: e.Sequential, Ends: e.Ends, Waiting: e.Waiting, All: showComparison(e.All, e.Base), Markets: showComparisons(e.Markets, e.Base),
		Versions: showComparisons(e.Versions, e.Base), Ways: showComparisons(e.Ways, e.Base)}
	out.All.Name = "all"
	return GetJourneyEffect200JSONResponse(out), nil
}

func showComparisons(all []journeys.Comparison, base money.Currency) []JourneyComparison {
	out := []JourneyComparison{}
	for _, c := range all {
		out = append(out, showComparison(c, base))
	}
	return out
}

func showComparison(c journeys.Comparison, base money.Currency) JourneyComparison {
	out := JourneyComparison{Name: c.Name, Verdict: JourneyComparisonVerdict(c.Verdict), Treated: JourneyGroup{People: c.A.People.N}, Control: JourneyGroup{People: c.B.People.N}}
	if c.Verdict == journeys.Unequal {
		return out
	}
	out.Treated.Figures, out.Control.Figures, out.Missing, out.Days = showFigures(c.A, base), showFigures(c.B, base), c.Missing, c.Days
	if c.Told() {
		out.Conversion = ShareInterval{Value: c.Conversion.Value, Low: c.Conversion.Low, High: c.Conversion.High}
	}
	if c.Worthwhile() {
		out.Worth = showWorth(c.Profit, base)
	}
	return out
}

func showFigures(g journeys.Group, base money.Currency) JourneyFigures {
	sum := func(x float64) Cost { return Cost{Micros: micros(x), Currency: string(base)} }
	return JourneyFigures{Bought: g.People.Hits, Messages: g.Messages, Cost: sum(g.Cost), Revenue: sum(g.Revenue), Discount: sum(g.Discount)}
}

func showWorth(i experiment.Interval, base money.Currency) WorthInterval {
	return WorthInterval{Value: micros(i.Value), Low: micros(i.Low), High: micros(i.High), Currency: string(base)}
}

func micros(x float64) int64 { return int64(math.Round(x * 1e6)) }
