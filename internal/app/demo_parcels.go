package app

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"time"

	"portolan/internal/address"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/fulfilment/fakecarrier"
	"portolan/internal/jobs"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/order"
	"portolan/internal/papers"
)

// carrierSeed decides what becomes of the demo's parcels.
const carrierSeed = 92

// carry lets the demo's carrier take what is handed over, and its desk hand over what was paid a while ago.
func (a *App) carry() {
	a.brings = fakecarrier.New(fakecarrier.Parts{Queue: a.Queue, Bus: a.Bus, Ships: a.Shipments, Markets: a.Markets, Seed: carrierSeed})
	jobs.HandleOutside(a.Queue, func(ctx context.Context, _ deskJob) error { return a.workOff(ctx) }, jobs.Slots(1))
	a.Queue.Every("demo.desk", 15*time.Minute, deskJob{})
}

// deskJob is a round of the demo's desk.
type deskJob struct{}

// Job implements jobs.Args.
func (deskJob) Job() string { return "demo.desk" }

const (
	deskBatch = 20
	deskSoon  = 40 * time.Minute // the youngest order that is packed
	deskLate  = 5 * time.Hour
)

// workOff makes papers and labels of shipments whose time has come and hands them over. What something keeps stays for
// a person, and so does one in eight.
func (a *App) workOff(ctx context.Context) error {
	var ships []fulfilment.Shipment
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, _, err := a.Shipments.List(tx, fulfilment.ShipmentFilter{States: []fulfilment.ShipmentState{fulfilment.Preparing, fulfilment.Ready}}, fulfilment.ShipmentPage{Limit: 200})
		for _, one := range all {
			h := fnv.New32a()
			h.Write([]byte(one.Number))
			patience := deskSoon + time.Duration(h.Sum32()%1000)*(deskLate-deskSoon)/1000
			if h.Sum32()%8 > 0 && one.MadeAt.Add(patience).Before(tx.Now()) {
				ships = append(ships, one)
			}
		}
		return err
	})
	done := 0
	for _, one := range ships {
		if err != nil || done == deskBatch {
			break
		}
		var gone bool
		gone, err = a.handOver(ctx, one.ID)
		if gone {
			done++
		}
	}
	return err
}

// handOver does what the desk does with a shipment, and reports whether it has left.
func (a *App) handOver(ctx context.Context, id fulfilment.ShipmentID) (bool, error) {
	for _, step := range []func(*db.Tx, fulfilment.ShipmentID, string) (papers.Standing, error){a.Papers.Make, a.Papers.Label, a.Papers.HandOver} {
		err := a.DB.Write(ctx, func(tx *db.Tx) error { _, err := step(tx, id, desk); return err })
		if _, refused := papers.RefusalOf(err); refused || fault.Of(err).Kind == fault.Conflict || fault.Of(err).Kind == fault.Invalid {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// The parcels that are under way when the demo begins: so many orders per market, over so many days.
const (
	underWayDays   = 26
	underWayOrders = 20
)

// underWay gives the sample shop parcels of every age. Their past is silent; what happens from now on is news. In each
// market where it is day something comes to customs, goes out and is delivered within minutes.
func (h *history) underWay() error {
	if h.brings == nil {
		return nil // nobody brings them
	}
	for _, c := range []market.Code{"de", "gb", "us", "id", "my"} {
		m, ok := h.Markets.ByCode(c)
		if !ok {
			continue
		}
		people := h.peopleOf(m)
		again := inPart(people, isOffered)
		people = slices.DeleteFunc(people, func(p demo.Person) bool { return slices.Contains(again, p) }) // who bought lately isn't offered to come again
		for i := range underWayOrders {
			age := time.Duration(float64(underWayDays*24)*(float64(i)+h.r.Float64())/underWayOrders*float64(time.Hour)) + 3*time.Hour
			if _, err := h.send(m, people[i%len(people)], h.tx.Now().Add(-age), time.Time{}, ""); err != nil {
				return err
			}
		}
		for i, soon := range []fulfilment.Status{fulfilment.AtCustoms, fulfilment.OutForDelivery, fulfilment.Delivered, fulfilment.AttemptFailed} {
			next := h.soon(time.Duration(40+45*i+h.r.IntN(30)) * time.Second)
			if hour := next.In(m.Location()).Hour(); soon != fulfilment.AtCustoms && (hour < 7 || hour > 18) {
				continue // no courier is about
			}
			if _, err := h.send(m, people[(i+1)%len(people)], h.tx.Now().AddDate(0, 0, -8), next, soon); err != nil {
				return err
			}
		}
	}
	return nil
}

// soon is when a viewer will have waited for a while, however fast the clock runs.
func (h *history) soon(wait time.Duration) time.Time {
	return h.tx.Now().Add(time.Duration(float64(wait) * max(1, h.DB.Clock().Speed())))
}

// peopleOf are the people of the demo who live in a market.
func (h *history) peopleOf(m market.Market) (all []demo.Person) {
	for _, p := range h.people {
		if p.Country == string(m.Country()) {
			all = append(all, p)
		}
	}
	return all
}

// send enters an order placed at a moment whose parcel is somewhere by now; with soon, that is what happens to it next.
func (h *history) send(m market.Market, who demo.Person, at, next time.Time, soon fulfilment.Status) (o order.Order, err error) {
	for try := range 12 {
		if o, err = h.bought(m, who, at); errors.Is(err, fulfilment.ErrNoService) {
			continue
		}
		if err != nil {
			return o, err
		}
		left := at.Add(time.Duration(3+h.r.IntN(20)) * time.Hour)
		if age := h.tx.Now().Sub(at); left.After(h.tx.Now()) {
			left = at.Add(age / 2)
		}
		way := h.way(o, left)
		if soon != "" {
			i := slices.IndexFunc(way, func(s fakecarrier.Step) bool { return s.Status == soon })
			if i < 0 && try < 11 {
				at = at.Add(-time.Minute)
				continue
			}
			i = max(i, 0)
			shift := next.Sub(way[i].At)
			way = fakecarrier.Shift(way, shift)
			if soon == fulfilment.OutForDelivery {
				way[i].WindowStart = next.Truncate(time.Hour).Add(2 * time.Hour)
				way[i].WindowEnd = way[i].WindowStart.Add(2 * time.Hour)
			}
			left, o.PlacedAt, o.PaidAt = left.Add(shift), o.PlacedAt.Add(shift), o.PaidAt.Add(shift)
			o.DeliverFrom, o.DeliverTo = market.AddDays(o.DeliverFrom, int(shift.Hours()/24)), market.AddDays(o.DeliverTo, int(shift.Hours()/24))
		}
		return h.enter(o, left, way)
	}
	slog.Debug("demo: nothing to send", "market", m.Code)
	return order.Order{}, nil
}

// way is what becomes of the order's parcel. What its number will be isn't known yet.
func (h *history) way(o order.Order, left time.Time) []fakecarrier.Step {
	from, err := h.Stock.Location(o.Location)
	if err != nil {
		return nil
	}
	h.tries++
	return h.brings.Way(fulfilment.ParcelState{Number: fmt.Sprint("sample ", h.tries), N: 1, Of: 1, Market: o.Market, Country: o.Country, Origin: from.Country, PromiseFrom: o.DeliverFrom, PromiseTo: o.DeliverTo}, o.Address.City, left)
}

func (h *history) enter(o order.Order, left time.Time, way []fakecarrier.Step) (order.Order, error) {
	var past []fulfilment.Scan
	for len(way) > 0 && !way[0].At.After(h.tx.Now()) {
		e := way[0].Scan(1)
		e.Source = fakecarrier.Source
		past, way = append(past, e), way[1:]
	}
	o.State = order.Fulfilled
	if len(past) > 0 && past[len(past)-1].Status == fulfilment.Delivered {
		o.State = order.Completed
	}
	o, _, err := h.Orders.Enter(h.tx, o)
	if err != nil {
		return o, err
	}
	if _, err := h.Tax.RecordSale(h.tx, o); err != nil {
		return o, err
	}
	p, err := h.Shipments.Enter(h.tx, o, left, desk, fulfilment.S10("LV", 46_000_000+h.sent, "CN"), past)
	if err != nil {
		return o, err
	}
	h.sent++
	return o, h.brings.Take(h.tx, p, way)
}

// bought is an order that a person placed in their market at a moment, with a promise.
func (h *history) bought(m market.Market, who demo.Person, at time.Time) (order.Order, error) {
	o, err := h.purchase(past{order.Shop, m.Code, who.Country, who.Address.Region, m.Currency, "can", 0, 0}, int(h.sent), at)
	if err != nil {
		return o, err
	}
	var lines []fulfilment.OptionLine
	for _, l := range o.Lines {
		lines = append(lines, fulfilment.OptionLine{SKU: l.SKU, Quantity: l.Quantity, WeightGrams: l.Weight})
	}
	options, err := h.Stock.Options(fulfilment.OptionsRequest{Market: m.Code, Country: m.Country(), Region: who.Address.Region, Lines: lines, At: at})
	if err != nil {
		return o, err
	}
	i := slices.IndexFunc(options, func(v fulfilment.Option) bool { return v.Incoterm == string(landed.DDP) })
	if i < 0 {
		return o, fmt.Errorf("%s: %w", m.Code, fulfilment.ErrNoService)
	}
	c, err := h.Customers.Upsert(h.tx, customer.Customer{GivenName: who.FirstName, FamilyName: who.LastName, Email: who.Email, Phone: who.Phone, Country: m.Country(), Lang: o.Lang})
	if err != nil {
		return o, err
	}
	v := options[i]
	o.Customer, o.Email, o.Phone = c.ID, who.Email, who.Phone
	o.Service, o.Location, o.DeliverFrom, o.DeliverTo = v.Service, v.Location, v.FromDay, v.ToDay
	o.Address = address.Address{GivenName: who.FirstName, FamilyName: who.LastName, Line1: who.Address.Line1, Line2: who.Address.Line2, City: who.Address.City, Region: who.Address.Region,
		Postcode: who.Address.Postcode, Country: who.Country, Phone: who.Phone}
	return o, nil
}
