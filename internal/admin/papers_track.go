package admin

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"portolan/internal/cldr"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/market"
)

// trackRow is a parcel with its way and what was heard of it.
type trackRow struct {
	fulfilment.ParcelState
	Place string // its number in the shipment, for forms
	Tone  string
	Now   string
	Late  bool
	Legs  []trackLeg
	Heard []heardRow
}

type trackLeg struct{ Name, State string }

type heardRow struct {
	fulfilment.Scan
	When, What, Why, From string
	Late                  string // when it was heard, where that was much later
	Void                  bool
	Undo                  bool // it may be taken back
}

// tracks fills in where the parcels of a shipment are, and what an operator may add.
func (c *console) tracks(tx *db.Tx, p *page, v *shipmentView) error {
	m, err := c.Markets.Get(tx, v.Shipment.Market)
	if err != nil {
		return err
	}
	v.Zone = m.Zone
	all, err := c.Shipments.ParcelsOf(tx, v.Shipment.Order)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.Shipment != v.Shipment.ID {
			continue
		}
		heard, err := c.Shipments.Timeline(tx, one.ID)
		if err != nil {
			return err
		}
		v.Tracks = append(v.Tracks, p.track(one, heard, m))
	}
	v.Statuses, v.Causes, v.Acts = p.tracking("status", fulfilment.Statuses, ""), p.tracking("reason", fulfilment.Reasons, "console.tr_unsaid"), []choice{{"", p.T("console.tr_nothing"), p.Was("event", "action_required") == ""}}
	for _, act := range fulfilment.Actions {
		if act != "none" {
			v.Acts = append(v.Acts, choice{act, p.T("console.tr_act_" + act), p.Was("event", "action_required") == act})
		}
	}
	return nil
}

// tracking are the words of a kind as choices of the form; none, where there is one, comes first.
func (p *page) tracking(kind any, codes any, none string) (all []choice) {
	name := text(kind)
	if none != "" {
		all = append(all, choice{"", p.T(none), p.Was("event", name) == ""})
	}
	var words []string
	switch list := codes.(type) {
	case []fulfilment.Status:
		for _, s := range list {
			words = append(words, string(s))
		}
	case []string:
		words = list
	}
	for _, w := range words {
		all = append(all, choice{w, p.T("track." + name + "_" + w), p.Was("event", name) == w})
	}
	return all
}

func (p *page) track(one fulfilment.ParcelState, heard []fulfilment.Scan, m market.Market) trackRow {
	row := trackRow{ParcelState: one, Place: text(one.InShipment()), Now: p.T("track.status_" + string(one.Status)), Late: one.Late(m.Day(p.Now))}
	switch {
	case one.Status == fulfilment.Delivered:
		row.Tone = " good"
	case row.Late, one.Action != "", one.Status == fulfilment.Exceptional, one.Status == fulfilment.AttemptFailed:
		row.Tone = " warn"
	case one.Status != fulfilment.Pending:
		row.Tone = " sea"
	}
	for _, leg := range one.Way(heard) {
		row.Legs = append(row.Legs, trackLeg{p.T("track.stage_" + string(leg.Stage)), string(leg.State)})
	}
	counts := fulfilment.Counted(heard)
	for _, e := range slices.Backward(heard) {
		r := heardRow{Scan: e, When: p.DateTime(e.Occurred.In(m.Location()), cldr.Day), What: p.T("console.tr_correction"), From: e.By}
		if e.Corrects == "" {
			r.What = p.T("track.status_" + string(e.Status))
			switch {
			case e.Status == "":
				r.What = e.Code
			case e.Status == fulfilment.InTransit && e.Stage != "":
				r.Why = p.T("track.stage_" + string(e.Stage))
			}
			r.Undo = slices.ContainsFunc(counts, func(s fulfilment.Scan) bool { return s.ID == e.ID })
			r.Void = !r.Undo && e.Review == ""
		}
		if e.Reason != "" {
			r.Why = p.T("track.reason_" + e.Reason)
		}
		if source, carrier, ok := strings.Cut(e.Source, ":"); ok && source == "carrier" {
			r.From = carrier
		} else if r.From == "" {
			r.From = p.Word("tr_src", e.Source)
		}
		if e.Received.Sub(e.Occurred) > 6*time.Hour {
			r.Late = p.T("console.tr_received", "when", p.DateTime(e.Received.In(m.Location()), cldr.Day))
		}
		row.Heard = append(row.Heard, r)
	}
	return row
}

// recordEvent keeps what an operator knows. Times are those of the destination; one that can't be is refused at once.
func (c *console) recordEvent(tx *db.Tx, id fulfilment.ShipmentID, p *page, form url.Values) error {
	st, err := c.Papers.Standing(tx, id)
	if err != nil {
		return err
	}
	m, err := c.Markets.Get(tx, st.Shipment.Market)
	if err != nil {
		return err
	}
	var k fault.Check
	moment := func(name string) time.Time {
		text := strings.TrimSpace(form.Get(name))
		if text == "" {
			return time.Time{}
		}
		at, err := time.ParseInLocation("2006-01-02T15:04", text, m.Location())
		k.That(err == nil, name, "fulfilment.time_form")
		return at.UTC()
	}
	e := fulfilment.Scan{Number: form.Get("parcel"), Occurred: moment("occurred_at"), Status: fulfilment.Status(form.Get("status")), Reason: form.Get("reason"), Action: form.Get("action_required"),
		Place: strings.TrimSpace(form.Get("place")), Text: strings.TrimSpace(form.Get("text")), WindowStart: moment("window_start"), WindowEnd: moment("window_end"),
		From: form.Get("expected_from"), To: form.Get("expected_to")}
	k.That(!e.Occurred.IsZero(), "occurred_at", "required")
	k.That(!e.Occurred.After(p.Now.Add(time.Hour)), "occurred_at", "fulfilment.event_future")
	k.That(e.Occurred.IsZero() || !e.Occurred.Before(st.Order.PlacedAt.Truncate(time.Minute)), "occurred_at", "fulfilment.event_before_order")
	if err := k.Err(fulfilment.ErrScan.Code); err != nil {
		return err
	}
	_, err = c.Shipments.Record(tx, id, "desk", p.User.Name, []fulfilment.Scan{e})
	if f := fault.Of(err); f.Kind == fault.Invalid {
		fields := map[string]string{}
		for name, code := range f.Fields {
			fields[strings.TrimPrefix(name, "events.0.")] = code
		}
		return f.With(fields)
	}
	return err
}

// LocalNow is the present time in a zone, as forms write it.
func (p *page) LocalNow(zone string) string {
	return p.Now.In(market.TimeZone(zone)).Format("2006-01-02T15:04")
}

// parcelNews puts news of a parcel into words.
func (p *page) parcelNews(e events.Entry, at moment) moment {
	at.Text, at.Kind = p.Word("event", replaceDots(e.Topic)), "papers"
	one, err := events.Decode[fulfilment.ParcelEvent](e)
	if err != nil || one.Parcel == "" {
		at.Tone = "good"
		return at
	}
	at.URL = "/console/papers/" + string(one.Shipment) + "#track"
	at.Detail = one.Tracking
	switch {
	case e.Topic == "parcel.delayed":
		at.Tone, at.Detail = "warn", join(p.Word("tr_cause", one.Cause), p.CivilDays(one.From, one.To))
	case p.Has("track.status_" + string(one.Status)):
		at.Text = p.T("track.status_" + string(one.Status))
		if p.Has("track.reason_" + one.Reason) {
			at.Detail = join(p.T("track.reason_"+one.Reason), one.Tracking)
		}
	}
	if one.Kind == fulfilment.NewsDelivered {
		at.Tone = "good"
	}
	return at
}
