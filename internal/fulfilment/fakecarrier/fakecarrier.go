// Package fakecarrier is a carrier that lives in the same program: for demos, development and tests. It takes what is
// handed over, moves it along and tells of it as carriers do: most parcels come in time, some late, some are kept by
// customs, some find nobody home. What becomes of a parcel follows from the seed and the order's number alone.
//
// It leaves to package fulfilment what its scans mean.
package fakecarrier

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/jobs"
	"portolan/internal/market"
)

// Source is what its events are called.
const Source = "carrier:simulated"

// Parts are what the carrier is made of.
type Parts struct {
	Queue   *jobs.Queue
	Bus     *events.Bus
	Ships   *fulfilment.Shipments
	Markets *market.Service
	Seed    uint64
}

// Carrier moves parcels.
type Carrier struct{ Parts }

// New returns a carrier that takes every shipment handed over from now on.
func New(p Parts) *Carrier {
	c := &Carrier{p}
	jobs.Handle(p.Queue, c.move)
	events.On(p.Bus, "fakecarrier.take", func(tx *db.Tx, e fulfilment.HandedOverEvent) error {
		one, err := p.Ships.Get(tx, e.Shipment)
		if err != nil {
			return err
		}
		all, err := p.Ships.ParcelsOf(tx, e.Order)
		if err != nil {
			return err
		}
		for _, parcel := range all {
			if parcel.Shipment == e.Shipment && parcel.HandedOver {
				if err := c.Take(tx, parcel, c.Way(parcel, one.Address.City, e.At)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return c
}

// Step is what the carrier will say at a moment.
type Step struct {
	At          time.Time         `json:"at"`
	Status      fulfilment.Status `json:"status"`
	Stage       fulfilment.Stage  `json:"stage,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Action      string            `json:"action,omitempty"`
	Place       string            `json:"place,omitempty"`
	Country     market.Country    `json:"country,omitempty"`
	Code        string            `json:"code,omitempty"` // UPU EMSEVT, where there is one
	WindowStart time.Time         `json:"window_start,omitzero"`
	WindowEnd   time.Time         `json:"window_end,omitzero"`
}

// Scan is the step as an event of a parcel, the n-th of its shipment.
func (s Step) Scan(n int) fulfilment.Scan {
	return fulfilment.Scan{Number: strconv.Itoa(n), Occurred: s.At, Status: s.Status, Stage: s.Stage, Reason: s.Reason, Action: s.Action, Place: s.Place, Country: s.Country,
		Code: s.Code, WindowStart: s.WindowStart, WindowEnd: s.WindowEnd}
}

// moveJob is the job that takes a parcel's next steps.
type moveJob struct {
	Shipment fulfilment.ShipmentID `json:"shipment"`
	Parcel   int                   `json:"parcel"` // its place in the shipment
	Steps    []Step                `json:"steps"`
}

// Job implements jobs.Args.
func (moveJob) Job() string { return "fakecarrier.move" }

// Take carries a parcel along the way given; what is past by now is told at once.
func (c *Carrier) Take(tx *db.Tx, p fulfilment.ParcelState, way []Step) error {
	if len(way) == 0 {
		return nil
	}
	return c.Queue.Add(tx, moveJob{p.Shipment, p.InShipment(), way}, jobs.When{At: way[0].At})
}

func (c *Carrier) move(tx *db.Tx, a moveJob) error {
	due := 0
	var scans []fulfilment.Scan
	for due < len(a.Steps) && !a.Steps[due].At.After(tx.Now()) {
		scans = append(scans, a.Steps[due].Scan(a.Parcel))
		due++
	}
	if len(scans) > 0 {
		one, err := c.Ships.Get(tx, a.Shipment)
		if err != nil || one.State != fulfilment.HandedOver {
			return err // it was taken back
		}
		if _, err := c.Ships.Record(tx, a.Shipment, Source, "", scans); err != nil {
			return err
		}
	}
	if due == len(a.Steps) {
		return nil
	}
	a.Steps = a.Steps[due:]
	return c.Queue.Add(tx, a, jobs.When{At: a.Steps[0].At})
}

// gates are where parcels enter a country.
var gates = map[market.Country]string{"DE": "Leipzig", "GB": "East Midlands", "US": "New York JFK", "ID": "Jakarta CGK", "MY": "Kuala Lumpur KUL", "CN": "Guangzhou", "NL": "Amsterdam"}

// way is a way in the making.
type way struct {
	p     fulfilment.ParcelState
	r     *rand.Rand
	city  string
	at    time.Time // handed over
	zone  *time.Location
	steps []Step
}

// Way is what becomes of a parcel that is handed over at a moment.
func (c *Carrier) Way(p fulfilment.ParcelState, city string, at time.Time) []Step {
	h := fnv.New64a()
	h.Write([]byte(p.Number + "/" + strconv.Itoa(p.N)))
	w := &way{p: p, r: rand.New(rand.NewPCG(c.Seed, h.Sum64())), city: city, at: at, zone: time.UTC}
	if m, ok := c.Markets.ByCode(p.Market); ok {
		w.zone = m.Location()
	}
	fate := w.r.IntN(100)
	border := p.Abroad()
	day := w.day(border, fate < 8)
	if border {
		day = w.abroad(day, fate >= 8 && fate < 15)
	} else {
		w.say(w.share(day, .2), fulfilment.InTransit, fulfilment.Origin, gates[p.Origin], p.Origin, "EMC")
	}
	w.say(w.share(day, .9), fulfilment.InTransit, fulfilment.Destination, city, p.Country, "EMG")
	switch {
	case fate >= 15 && fate < 22:
		day = w.nobodyHome(day)
	case fate >= 22 && fate < 25:
		w.add(Step{At: w.share(day, .95), Status: fulfilment.Exceptional, Stage: fulfilment.Destination, Reason: "misrouted", Place: city, Country: p.Country})
		day = market.AddWorkdays(p.Country, day, 3)
	case fate == 25:
		w.refused(day)
		return w.steps
	}
	if w.p.Action != "collect" {
		start, end := w.out(day)
		w.say(start.Add(time.Duration(w.r.Int64N(int64(end.Sub(start))))), fulfilment.Delivered, fulfilment.LastMile, city, p.Country, "EMI")
	}
	slices.SortStableFunc(w.steps, func(a, b Step) int { return a.At.Compare(b.At) })
	return w.steps
}

// day is the civil day on which the courier comes.
func (w *way) day(border, late bool) string {
	today := w.at.In(w.zone).Format(time.DateOnly)
	from, to := w.p.PromiseFrom, w.p.PromiseTo
	if to == "" {
		from, to = market.AddWorkdays(w.p.Country, today, 5), market.AddWorkdays(w.p.Country, today, 8)
	}
	day := market.NextWorkday(w.p.Country, market.AddDays(from, w.r.IntN(market.DaysBetween(from, to)+1)))
	if day > to {
		day = market.NextWorkday(w.p.Country, from)
	}
	if late {
		day = market.AddWorkdays(w.p.Country, to, 2+w.r.IntN(4))
	}
	least := 1
	if border {
		least = 3
	}
	return max(day, market.AddWorkdays(w.p.Country, today, least))
}

// local is a moment of a civil day at the destination.
func (w *way) local(day string, hour int) time.Time {
	at, err := time.ParseInLocation(time.DateOnly, day, w.zone)
	if err != nil {
		return w.at
	}
	return time.Date(at.Year(), at.Month(), at.Day(), hour, 0, 0, 0, w.zone).UTC()
}

// share is a moment on the way between the hand-over and the morning of a day, give or take a little.
func (w *way) share(day string, part float64) time.Time {
	whole := w.local(day, 5).Sub(w.at)
	part += (w.r.Float64() - .5) * .04
	return w.at.Add(time.Duration(part * float64(whole))).Truncate(time.Minute)
}

func (w *way) add(s Step) { w.steps = append(w.steps, s) }

func (w *way) say(at time.Time, status fulfilment.Status, stage fulfilment.Stage, place string, country market.Country, code string) {
	w.add(Step{At: at, Status: status, Stage: stage, Place: place, Country: country, Code: code})
}

// abroad takes the parcel over a border, and returns the day on which the courier comes then.
func (w *way) abroad(day string, held bool) string {
	p := w.p
	w.say(w.share(day, .1), fulfilment.InTransit, fulfilment.Export, gates[p.Origin], p.Origin, "EMB")
	w.say(w.share(day, .25), fulfilment.InTransit, fulfilment.Linehaul, gates[p.Origin], p.Origin, "EMC")
	w.say(w.share(day, .55), fulfilment.InTransit, fulfilment.Import, gates[p.Country], p.Country, "EMD")
	presented := w.share(day, .6)
	w.add(Step{At: presented, Status: fulfilment.AtCustoms, Stage: fulfilment.Import, Reason: "presented", Place: gates[p.Country], Country: p.Country, Code: "EDB"})
	released := w.share(day, .75)
	if held {
		why := []struct{ reason, action string }{{"held", ""}, {"inspected", ""}, {"documents", "supply_document"}}[w.r.IntN(3)]
		w.add(Step{At: presented.Add(5 * time.Hour), Status: fulfilment.AtCustoms, Stage: fulfilment.Import, Reason: why.reason, Action: why.action, Place: gates[p.Country], Country: p.Country, Code: "EME"})
		released = presented.Add(time.Duration(100+w.r.IntN(80)) * time.Hour)
		day = max(day, market.AddWorkdays(p.Country, released.In(w.zone).Format(time.DateOnly), 2))
	}
	w.add(Step{At: released, Status: fulfilment.AtCustoms, Stage: fulfilment.Import, Reason: "released", Place: gates[p.Country], Country: p.Country, Code: "EDC"})
	return day
}

// out sends the courier out on a day and returns the window of the delivery.
func (w *way) out(day string) (start, end time.Time) {
	start = w.local(day, 9+w.r.IntN(9))
	end = start.Add(2 * time.Hour)
	w.add(Step{At: w.local(day, 7).Add(time.Duration(w.r.IntN(50)) * time.Minute), Status: fulfilment.OutForDelivery, Stage: fulfilment.LastMile, Place: w.city, Country: w.p.Country,
		Code: "EDG", WindowStart: start, WindowEnd: end})
	return start, end
}

// nobodyHome fails once, and returns the day of the next try; some parcels wait at a shop instead.
func (w *way) nobodyHome(day string) string {
	_, end := w.out(day)
	w.add(Step{At: end.Add(-time.Duration(w.r.IntN(90)) * time.Minute), Status: fulfilment.AttemptFailed, Stage: fulfilment.LastMile, Reason: "nobody_home", Place: w.city, Country: w.p.Country, Code: "EMH"})
	if w.r.IntN(3) > 0 {
		return market.AddWorkdays(w.p.Country, day, 1)
	}
	w.p.Action = "collect"
	w.add(Step{At: end.Add(2 * time.Hour), Status: fulfilment.AtPickup, Stage: fulfilment.LastMile, Action: "collect", Place: w.city, Country: w.p.Country, Code: "EDH"})
	w.say(w.local(market.AddDays(day, 1+w.r.IntN(2)), 17).Add(time.Duration(w.r.IntN(100))*time.Minute), fulfilment.Delivered, fulfilment.LastMile, w.city, w.p.Country, "EMI")
	return day
}

// refused goes back.
func (w *way) refused(day string) {
	_, end := w.out(day)
	w.add(Step{At: end, Status: fulfilment.AttemptFailed, Stage: fulfilment.LastMile, Reason: "refused", Place: w.city, Country: w.p.Country, Code: "EMH"})
	w.add(Step{At: end.Add(20 * time.Hour), Status: fulfilment.Returning, Place: w.city, Country: w.p.Country})
	w.add(Step{At: end.Add(260 * time.Hour), Status: fulfilment.Returned, Place: gates[w.p.Origin], Country: w.p.Origin})
}

// Shift is the same way, so much later.
func Shift(all []Step, by time.Duration) []Step {
	out := slices.Clone(all)
	for i := range out {
		s := &out[i]
		s.At = s.At.Add(by)
		if !s.WindowStart.IsZero() {
			s.WindowStart, s.WindowEnd = s.WindowStart.Add(by), s.WindowEnd.Add(by)
		}
	}
	return out
}
