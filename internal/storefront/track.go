package storefront

import (
	"slices"
	"strings"

	"portolan/internal/address"
	"portolan/internal/cldr"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/order"
)

// Parcels tells where an order's parcels are. Satisfied by fulfilment.Shipments.
type Parcels interface {
	ParcelsOf(tx *db.Tx, o order.ID) ([]fulfilment.ParcelState, error)
	Timeline(tx *db.Tx, id fulfilment.ParcelID) ([]fulfilment.Scan, error)
}

// trackView is one parcel as its buyer sees it.
type trackView struct {
	Which         string // "Parcel 1 of 2"; empty where there is one
	Now, Why      string
	When, Sorry   string
	Act           string // what the buyer has to do
	Calm          string // that there is nothing to do
	Bad, Good     bool
	Legs          []legView
	Steps         []stepView
	Carrier, Page string
	Follow        string
	Move, Another string // where another day can be chosen, and the words for it
	Number, Local string
}

type legView struct {
	Name, State, Said string
}

type stepView struct{ When, What, Place string }

// tracks are the parcels of an order that have left.
func (s *shop) tracks(tx *db.Tx, at place, o order.Order) (all []trackView, states []fulfilment.ParcelState, err error) {
	if s.Parcels == nil {
		return nil, nil, nil
	}
	parcels, err := s.Parcels.ParcelsOf(tx, o.ID)
	if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(parcels, func(p fulfilment.ParcelState) bool { return p.Status != fulfilment.Pending }) {
		return nil, nil, nil
	}
	for _, p := range parcels {
		heard, err := s.Parcels.Timeline(tx, p.ID)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, track(at, p, heard, at.market.Day(tx.Now())))
	}
	return all, parcels, nil
}

func track(at place, p fulfilment.ParcelState, heard []fulfilment.Scan, today string) trackView {
	say := at.say
	v := trackView{Now: say.T("track.status_" + string(p.Status)), Number: p.Tracking, Carrier: p.Carrier.Name, Page: p.TrackingURL(), Good: p.Status == fulfilment.Delivered,
		Bad: p.Action != "" || p.Status == fulfilment.Exceptional || p.Status == fulfilment.AttemptFailed, Local: say.T("track.local", "country", say.CountryName(string(p.Country)))}
	if p.Of > 1 {
		v.Which = say.T("track.parcel_of", "n", p.N, "of", p.Of)
	}
	if v.Page != "" {
		v.Follow = say.T("track.page", "carrier", p.Carrier.Name)
	}
	if to := p.Carrier.AnotherDay(p.Tracking); !p.Ended() && p.HandedOver {
		switch p.Carrier.Reschedule {
		case "link":
			v.Move, v.Another = to, say.T("track.another_day", "carrier", p.Carrier.Name)
		case "phone":
			v.Move, v.Another = "tel:"+to, say.T("track.another_call", "carrier", p.Carrier.Name, "phone", address.International(to))
		}
	}
	if p.Reason != "" {
		v.Why = say.T("track.reason_" + p.Reason)
	}
	v.When, v.Sorry = promise(at, p, today)
	switch {
	case p.Action != "":
		v.Act = say.T("track.action_" + p.Action)
	case !p.Ended() && p.Status != fulfilment.Pending:
		v.Calm = say.T("track.nothing_to_do")
	}
	for _, leg := range p.Way(heard) {
		v.Legs = append(v.Legs, legView{say.T("track.stage_" + string(leg.Stage)), string(leg.State), say.T("track." + string(leg.State))})
	}
	for _, e := range slices.Backward(fulfilment.Counted(heard)) {
		what := say.T("track.status_" + string(e.Status))
		switch {
		case e.Status == fulfilment.InTransit && e.Stage != "":
			what += ": " + say.T("track.stage_"+string(e.Stage))
		case e.Reason != "":
			what += ": " + say.T("track.reason_"+e.Reason)
		}
		v.Steps = append(v.Steps, stepView{say.DateTime(e.Occurred.In(at.market.Location()), cldr.Day), what, e.Place})
	}
	return v
}

// promise says when the parcel comes, and that we are sorry where that is later than we said.
func promise(at place, p fulfilment.ParcelState, today string) (when, sorry string) {
	say, zone := at.say, at.market.Location()
	switch {
	case p.Status == fulfilment.Delivered:
		return say.T("track.came", "when", say.DateTime(p.DeliveredAt.In(zone), cldr.Day)), ""
	case p.Status == fulfilment.Returning, p.Status == fulfilment.Returned, p.Reason == "lost", p.Reason == "damaged":
		return say.T("track.no_day"), ""
	case p.Status == fulfilment.OutForDelivery && !p.WindowStart.IsZero() && !p.WindowEnd.IsZero():
		when = say.T("track.window", "day", written(at, at.market.Day(p.WindowStart), cldr.Weekday), "from", say.Time(p.WindowStart.In(zone)), "to", say.Time(p.WindowEnd.In(zone)))
	case p.To != "" && p.To >= today:
		when = say.T("track.expected", "days", days(at, max(p.From, today), p.To))
	}
	if p.PromiseTo != "" && (p.To > p.PromiseTo || p.PromiseTo < today) {
		sorry = say.T("track.promised", "days", days(at, p.PromiseFrom, p.PromiseTo))
	}
	return when, sorry
}

// underWay changes what the page of an order says first, once something of it has left.
func (v *doneView) underWay(at place, name string, states []fulfilment.ParcelState) {
	if len(states) == 0 {
		return
	}
	arrived := !slices.ContainsFunc(states, func(p fulfilment.ParcelState) bool { return p.Status != fulfilment.Delivered })
	v.Next, v.Arrives = nil, ""
	key := "track.under_way"
	if arrived {
		key = "track.arrived"
	}
	v.Title, v.Text = strings.TrimRight(at.say.T(key, "name", name), ", "), at.say.T(key+"_text")
}
