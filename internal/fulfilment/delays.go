package fulfilment

import (
	"fmt"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/settings"
)

// Alert is a delay that was announced, with the range that was given then.
type Alert struct {
	Cause    string
	Times    int
	FirstAt  time.Time
	LastAt   time.Time
	From, To string
}

// DelayRules say when a parcel is late enough to tell the buyer.
type DelayRules struct {
	CustomsDays map[market.Code]int `json:"customs_days,omitempty"` // days at customs that are usual; markets without a row have usualCustoms
}

const (
	usualCustoms = 3
	delaysKey    = "fulfilment.delays"
	again        = 5 * 24 * time.Hour // "still waiting" is told at most so often
	lookEvery    = 15 * time.Minute
	lookBatch    = 200
	lookLatest   = 24 * time.Hour // a change of the rules shows within a day
)

// Customs is how many days at customs are usual in a market.
func (r DelayRules) Customs(m market.Code) int {
	if n, ok := r.CustomsDays[m]; ok {
		return n
	}
	return usualCustoms
}

// DelayRules returns the rules.
func (s *Shipments) DelayRules(tx *db.Tx) (r DelayRules, err error) {
	_, err = settings.Get(tx, delaysKey, &r)
	return r, err
}

// SetDelayRules keeps the rules.
func (s *Shipments) SetDelayRules(tx *db.Tx, r DelayRules) error {
	var c fault.Check
	for m, days := range r.CustomsDays {
		c.That(days >= 1 && days <= 60, fmt.Sprintf("customs_days[%s]", m), "fulfilment.customs_days_range")
	}
	if err := c.Err("fulfilment.delays_invalid"); err != nil {
		return err
	}
	return settings.Set(tx, delaysKey, r)
}

// remaining is what is assumed to be left of the way from each stage, in working days of the destination, as long as no
// lane has taught us better. The figures are guesses, kept on the long side.
var remaining = map[Stage]struct{ least, most int }{
	Origin: {6, 12}, Export: {5, 11}, Linehaul: {4, 9}, Import: {3, 8}, Destination: {2, 5}, LastMile: {1, 3}, "": {4, 10},
}

// looks derives whether a parcel is late now, for what cause, and when to look again; the zero time: never.
func (p ParcelState) looks(rules DelayRules, m market.Market, now time.Time) (cause string, next time.Time) {
	if p.ShippedAt.IsZero() || p.Ended() || p.Status == Returning || p.Status == Exceptional && (p.Reason == "lost" || p.Reason == "damaged") {
		return "", time.Time{} // nobody knows a day
	}
	last := max(p.To, p.PromiseTo) // who is expected early and comes in time isn't late
	past := last != "" && last < m.Day(now)
	usual := p.CustomsAt.AddDate(0, 0, rules.Customs(p.Market))
	next = now.Add(lookLatest)
	sooner := func(t time.Time) {
		if t.After(now) && t.Before(next) {
			next = t
		}
	}
	switch {
	case p.Status == Exceptional:
		cause = Exception
	case !p.CustomsAt.IsZero() && (past || p.Action != "" || !now.Before(usual)):
		cause = CustomsHold
	case past:
		cause = LateRisk
	}
	if !p.CustomsAt.IsZero() {
		sooner(usual)
	}
	if day, err := time.ParseInLocation(time.DateOnly, last, m.Location()); err == nil {
		sooner(day.AddDate(0, 0, 1))
	}
	for _, a := range p.Alerts {
		sooner(a.LastAt.Add(again))
	}
	return cause, next
}

// look announces a delay that has to be told by now, and returns when to look again. before is the last day on which
// the parcel was expected, for a carrier that says it will be later.
func (s *Shipments) look(tx *db.Tx, p *ParcelState, rules DelayRules, before string) (time.Time, error) {
	m, ok := s.stock.markets.ByCode(p.Market)
	if !ok {
		return time.Time{}, nil
	}
	cause, next := p.looks(rules, m, tx.Now())
	postponed := !next.IsZero() && before != "" && p.To > before && p.To > p.PromiseTo
	if cause == "" && postponed {
		cause = LateRisk
	}
	if cause == "" || !p.tells(cause, tx.Now()) {
		return next, nil
	}
	from, to := p.From, p.To
	if !postponed {
		from, to = p.revised(m.Day(tx.Now()))
	}
	a := Alert{Cause: cause, Times: 1, FirstAt: tx.Now(), LastAt: tx.Now(), From: from, To: to}
	if i := slices.IndexFunc(p.Alerts, func(a Alert) bool { return a.Cause == cause }); i >= 0 {
		a.Times, a.FirstAt = p.Alerts[i].Times+1, p.Alerts[i].FirstAt
		p.Alerts = slices.Delete(slices.Clone(p.Alerts), i, i+1)
	}
	old := *p
	p.Alerts = append(p.Alerts, a)
	p.From, p.To, p.RangeAt = from, to, tx.Now()
	if err := saveAlert(tx, p.ID, a); err != nil {
		return next, err
	}
	e := DelayEvent{ParcelFacts: p.facts(tx.Now()), Cause: cause, OldFrom: old.From, OldTo: old.To, Times: a.Times}
	if postponed {
		e.OldFrom, e.OldTo = "", before
	}
	if e.Responsible == "" {
		e.Responsible = map[string]string{CustomsHold: "customs"}[cause]
	}
	if e.Responsible == "" {
		e.Responsible = "carrier"
	}
	_, next = p.looks(rules, m, tx.Now())
	return next, s.bus.Publish(tx, e)
}

// tells reports whether a delay may be announced: once for each cause, and again after five days without any.
func (p ParcelState) tells(cause string, now time.Time) bool {
	known := false
	last := time.Time{}
	for _, a := range p.Alerts {
		known = known || a.Cause == cause
		if a.LastAt.After(last) {
			last = a.LastAt
		}
	}
	return !known || !now.Before(last.Add(again))
}

// revised is the new range of a late parcel, later than the one before by a working day at least.
func (p ParcelState) revised(today string) (from, to string) {
	left := remaining[p.Stage]
	from = market.AddWorkdays(p.Country, today, left.least)
	to = max(market.AddWorkdays(p.Country, today, left.most), market.AddWorkdays(p.Country, max(p.To, today), 1))
	return from, to
}

// lookJob is the job that finds late parcels.
type lookJob struct{}

// Job implements jobs.Args.
func (lookJob) Job() string { return "fulfilment.delays" }

// Work registers what shipments do on their own: every quarter of an hour they look for parcels that are late.
func (s *Shipments) Work(q *jobs.Queue) {
	jobs.Handle(q, func(tx *db.Tx, a lookJob) error {
		n, err := s.Watch(tx)
		if err != nil || n < lookBatch {
			return err
		}
		return q.Add(tx, a, jobs.When{})
	})
	q.Every("fulfilment.delays", lookEvery, lookJob{})
}

// Watch looks at parcels that may be late by now, 200 at most, and returns how many there were.
func (s *Shipments) Watch(tx *db.Tx) (int, error) {
	rules, err := s.DelayRules(tx)
	if err != nil {
		return 0, err
	}
	due, err := dueParcels(tx, lookBatch)
	if err != nil {
		return 0, err
	}
	for _, id := range due {
		shipment, _ := id.split()
		one, err := findShipment(tx, shipment, tx.ForUpdate())
		if err != nil {
			return 0, err
		}
		all, own, err := s.parcels(tx, one.Order)
		if err != nil {
			return 0, err
		}
		i := slices.IndexFunc(all, func(p ParcelState) bool { return p.ID == id })
		var next time.Time
		if i >= 0 {
			if next, err = s.look(tx, &all[i], rules, ""); err != nil {
				return 0, err
			}
		} else {
			all, i = []ParcelState{{ID: id, Shipment: one.ID, Order: one.Order}}, 0
		}
		if err := saveProgress(tx, all[i], own[id], next); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}
