package fulfilment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/order"
)

// sent sells an order in two parcels and hands them over.
func (r *ships) sent() fulfilment.Shipment {
	r.Helper()
	s := r.only(r.sell().ID)
	require.NoError(r, r.write(func(tx *db.Tx) (err error) {
		if s, err = r.Pack(tx, s.ID, []fulfilment.Parcel{{Tracking: "KT000000001", GrossGrams: 250, Packed: []int64{1, 1}}, {Tracking: "KT000000002", GrossGrams: 200, Packed: []int64{1, 0}}}, "mei"); err != nil {
			return err
		}
		if s, err = r.Ready(tx, s.ID, s.Version, "mei"); err != nil {
			return err
		}
		s, err = r.HandOver(tx, s.ID, s.Version, "mei")
		return err
	}))
	r.settle()
	return s
}

func (r *ships) record(s fulfilment.Shipment, all ...fulfilment.Scan) []fulfilment.Heard {
	r.Helper()
	heard, err := r.try(s, all...)
	require.NoError(r, err)
	return heard
}

func (r *ships) try(s fulfilment.Shipment, all ...fulfilment.Scan) (heard []fulfilment.Heard, err error) {
	err = r.write(func(tx *db.Tx) (err error) {
		heard, err = r.Record(tx, s.ID, "api", "", all)
		return err
	})
	return heard, err
}

func (r *ships) parcels(o order.ID) (all []fulfilment.ParcelState) {
	r.Helper()
	require.NoError(r, r.d.Read(r.Context(), func(tx *db.Tx) (err error) {
		all, err = r.ParcelsOf(tx, o)
		return err
	}))
	return all
}

// told lists what was announced on a topic, oldest first.
func told[E events.Event](r *ships) (all []E) {
	r.Helper()
	require.NoError(r, r.d.Read(r.Context(), func(tx *db.Tx) error {
		var zero E
		entries, err := r.bus.Journal(tx, events.Filter{Topic: zero.Topic(), Oldest: true})
		for _, e := range entries {
			one, err := events.Decode[E](e)
			require.NoError(r, err)
			all = append(all, one)
		}
		return err
	}))
	return all
}

func (r *ships) news() (all []string) {
	for _, e := range told[fulfilment.ParcelEvent](r) {
		all = append(all, e.Tracking[len(e.Tracking)-1:]+" "+string(e.Kind))
	}
	return all
}

func (r *ships) in(d time.Duration) time.Time { return r.d.Clock().Now().Add(d) }

func TestAnOrderInTwoParcels(t *testing.T) {
	eachShipping(t, func(r *ships) {
		s := r.sent()
		require.Equal(r, order.Fulfilled, r.state(s.Order))
		require.Equal(r, []string{"1 shipped", "2 shipped"}, r.news(), "a hand-over counts as shipped")
		first := told[fulfilment.ParcelEvent](r)[0]
		require.Equal(r, []any{1, 2, fulfilment.PickedUp, fulfilment.Origin, "Kite Line", "de"}, []any{first.N, first.Of, first.Status, first.Stage, first.Carrier, first.Lang})

		r.d.Clock().Advance(72 * time.Hour)
		now := r.d.Clock().Now()
		customs := fulfilment.Scan{Number: "kt000000001", Status: fulfilment.AtCustoms, Reason: "presented", Occurred: now, Place: "Leipzig", Country: "DE"}
		heard := r.record(s, customs)
		require.True(r, heard[0].Fresh)
		again := r.record(s, customs, customs)
		require.Equal(r, []bool{false, false}, []bool{again[0].Fresh, again[1].Fresh})
		require.Equal(r, heard[0].ID, again[0].ID)
		r.record(s, fulfilment.Scan{Number: "1", Status: fulfilment.InTransit, Stage: fulfilment.Linehaul, Occurred: now.Add(-time.Hour)})
		require.Equal(r, []string{"1 shipped", "2 shipped", "1 customs"}, r.news(), "doubles and what came late are no news")
		require.Equal(r, fulfilment.AtCustoms, r.parcels(s.Order)[0].Status)
		require.Len(r, r.timeline("KT000000001", s), 3, "but they are seen")

		r.record(s, fulfilment.Scan{Number: "1", Status: fulfilment.OutForDelivery, Occurred: now.Add(time.Hour), WindowStart: now.Add(3 * time.Hour), WindowEnd: now.Add(5 * time.Hour)})
		r.record(s, fulfilment.Scan{Number: "1", Status: fulfilment.Delivered, Occurred: now.Add(4 * time.Hour)})
		require.Empty(r, told[fulfilment.AllDeliveredEvent](r))
		require.Equal(r, order.Fulfilled, r.state(s.Order))
		done := r.record(s, fulfilment.Scan{Number: "KT000000002", Status: fulfilment.InTransit, Occurred: now.Add(4 * time.Hour)}, fulfilment.Scan{Number: "KT000000002", Status: fulfilment.Delivered, Occurred: now.Add(5 * time.Hour)})
		require.Equal(r, []string{"1 shipped", "2 shipped", "1 customs", "1 out_for_delivery", "1 delivered", "2 delivered"}, r.news(), "of several steps at once the last is told")
		all := told[fulfilment.AllDeliveredEvent](r)
		require.Len(r, all, 1)
		require.Equal(r, now.Add(5*time.Hour), all[0].Occurred)
		require.Equal(r, order.Completed, r.state(s.Order))

		undo := fulfilment.Scan{Number: "2", Corrects: done[1].ID, Text: "another house"}
		r.record(s, undo)
		r.record(s, undo)
		require.Equal(r, order.Fulfilled, r.state(s.Order), "it hasn't come")
		require.Equal(r, "2 corrected", r.news()[6])
		require.Len(r, r.news(), 7)
		r.record(s, fulfilment.Scan{Number: "2", Status: fulfilment.Delivered, Occurred: now.Add(6 * time.Hour)})
		require.Len(r, told[fulfilment.AllDeliveredEvent](r), 2)
	})
}

func (r *ships) timeline(number string, s fulfilment.Shipment) (all []fulfilment.Scan) {
	require.NoError(r, r.d.Read(r.Context(), func(tx *db.Tx) (err error) {
		for _, p := range r.parcels(s.Order) {
			if p.Tracking == number {
				all, err = r.Timeline(tx, p.ID)
			}
		}
		return err
	}))
	return all
}

func TestWhatIsNotBelieved(t *testing.T) {
	eachShipping(t, func(r *ships) {
		s := r.sent()
		for _, x := range []struct {
			at     time.Time
			status fulfilment.Status
			code   string
			review string
		}{
			{time.Time{}, fulfilment.Delivered, "", "no_time"},
			{r.in(25 * time.Hour), fulfilment.Delivered, "", "future"},
			{r.in(-time.Hour), fulfilment.Delivered, "", "before_order"},
			{r.in(time.Second), "", "XQ9", "unmapped"},
		} {
			heard := r.record(s, fulfilment.Scan{Number: "1", Occurred: x.at, Status: x.status, Code: x.code})
			require.Equal(r, x.review, heard[0].Review)
		}
		require.Equal(r, fulfilment.PickedUp, r.parcels(s.Order)[0].Status)
		_, err := r.try(s, fulfilment.Scan{Number: "1", When: "tomorrow", Status: fulfilment.Delivered})
		require.Equal(r, map[string]string{"events.0.occurred_at": "fulfilment.time_form"}, fault.Of(err).Fields)
		require.NoError(r, r.d.Read(r.Context(), func(tx *db.Tx) error {
			all, err := r.Unsure(tx, 10)
			require.Len(r, all, 4)
			return err
		}))
		for field, e := range map[string]fulfilment.Scan{
			"events.0.parcel":          {Number: "KT000000009", Status: fulfilment.Delivered, Occurred: r.in(0)},
			"events.0.status":          {Number: "1", Status: "eaten", Occurred: r.in(0)},
			"events.0.window_end":      {Number: "1", Status: fulfilment.OutForDelivery, Occurred: r.in(0), WindowStart: r.in(2 * time.Hour), WindowEnd: r.in(time.Hour)},
			"events.0.expected_to":     {Number: "1", Status: fulfilment.InTransit, Occurred: r.in(0), From: "2026-12-02", To: "2026-12-01"},
			"events.0.corrects":        {Number: "1", Corrects: "pev_none"},
			"events.0.reason":          {Number: "1", Status: fulfilment.InTransit, Reason: "because", Occurred: r.in(0)},
			"events.0.action_required": {Number: "1", Status: fulfilment.InTransit, Action: "hope", Occurred: r.in(0)},
		} {
			_, err := r.try(s, e)
			require.ErrorIs(r, err, fulfilment.ErrScan)
			require.Contains(r, fault.Of(err).Fields, field)
		}
		_, err = r.try(s, fulfilment.Scan{Status: fulfilment.Delivered, Occurred: r.in(0)})
		require.Equal(r, "fulfilment.parcel_needed", fault.Of(err).Fields["events.0.parcel"], "there are two")
		_, err = r.try(fulfilment.Shipment{ID: "shp_none"}, fulfilment.Scan{Status: fulfilment.Delivered})
		require.ErrorIs(r, err, fulfilment.ErrUnknownShipment)
	})
}

func TestTimesAsTheyAreWritten(t *testing.T) {
	eachShipping(t, func(r *ships) {
		s := r.sent()
		for _, x := range []struct {
			when    string
			country market.Country
			at      string
			guessed bool
		}{
			{"2026-11-24T14:30:00.1234567+01:00", "", "2026-11-24T13:30:00.123456Z", false},
			{"2026-11-25T08:30:00", "DE", "2026-11-25T07:30:00Z", true},
			{"2026-11-25 08:30", "", "2026-11-25T07:30:00Z", true},
			{"2026-11-25T08:30", "CN", "2026-11-25T00:30:00Z", true},
			{"2026-11-25T08:30", "AE", "2026-11-25T08:30:00Z", true},
		} {
			heard := r.record(s, fulfilment.Scan{Number: "1", Status: fulfilment.InTransit, When: x.when, Country: x.country})
			for _, e := range r.timeline("KT000000001", s) {
				if e.ID == heard[0].ID {
					require.Equal(r, []any{x.at, x.guessed}, []any{e.Occurred.Format(time.RFC3339Nano), e.ZoneGuessed}, x.when)
				}
			}
		}
	})
}

func TestAScanBeforeTheHandOver(t *testing.T) {
	eachShipping(t, func(r *ships) {
		s := r.only(r.sell().ID)
		seen := fulfilment.Scan{Status: fulfilment.InTransit, Stage: fulfilment.Export, Occurred: r.in(time.Minute)}
		r.record(s, fulfilment.Scan{Status: fulfilment.InfoReceived, Occurred: r.in(0)})
		_, err := r.try(s, seen)
		require.ErrorIs(r, err, fulfilment.ErrNotHandedOver)
		require.NoError(r, r.write(func(tx *db.Tx) error { _, err := r.Ready(tx, s.ID, s.Version, "mei"); return err }))
		r.record(s, seen)
		require.Equal(r, fulfilment.HandedOver, r.only(s.Order).State, "what the carrier has seen has left")
		require.Equal(r, order.Fulfilled, r.state(s.Order))
		p := r.parcels(s.Order)[0]
		require.Equal(r, []any{fulfilment.InTransit, fulfilment.Export}, []any{p.Status, p.Stage})
		all := told[fulfilment.ParcelEvent](r)
		require.Equal(r, []fulfilment.News{fulfilment.NewsMoved, fulfilment.NewsShipped}, []fulfilment.News{all[0].Kind, all[1].Kind})
		require.ErrorIs(r, r.write(func(tx *db.Tx) error { _, err := r.TakeBack(tx, s.ID, "mei"); return err }), fulfilment.ErrCantTakeBack)
	})
}

func TestAHandOverTakenBack(t *testing.T) {
	eachShipping(t, func(r *ships) {
		s := r.sent()
		for range 2 {
			require.NoError(r, r.write(func(tx *db.Tx) (err error) { s, err = r.TakeBack(tx, s.ID, "mei"); return err }))
			require.Equal(r, fulfilment.Pending, r.parcels(s.Order)[0].Status)
			require.Equal(r, order.Paid, r.state(s.Order))
			require.NoError(r, r.write(func(tx *db.Tx) (err error) { s, err = r.HandOver(tx, s.ID, s.Version, "mei"); return err }))
			require.Equal(r, fulfilment.PickedUp, r.parcels(s.Order)[0].Status)
		}
		require.Equal(r, []string{"1 shipped", "2 shipped", "1 corrected", "2 corrected", "1 shipped", "2 shipped", "1 corrected", "2 corrected", "1 shipped", "2 shipped"}, r.news())
	})
}

func TestDelays(t *testing.T) {
	eachShipping(t, func(r *ships) {
		s := r.sent()
		watch := func(after time.Duration) []fulfilment.DelayEvent {
			r.d.Clock().Advance(after)
			require.NoError(r, r.write(func(tx *db.Tx) error { _, err := r.Watch(tx); return err }))
			return told[fulfilment.DelayEvent](r)
		}
		day := 24 * time.Hour
		promised := r.parcels(s.Order)[0].PromiseTo
		require.NotEmpty(r, promised)
		require.Empty(r, watch(2*day))
		r.record(s, fulfilment.Scan{Number: "1", Status: fulfilment.AtCustoms, Reason: "presented", Occurred: r.in(0)})
		require.Empty(r, watch(2*day))
		held := watch(day)
		require.Len(r, held, 1, "three days at customs")
		require.Equal(r, []any{fulfilment.CustomsHold, "customs", promised, 1, 1}, []any{held[0].Cause, held[0].Responsible, held[0].OldTo, held[0].N, held[0].Times})
		require.Greater(r, held[0].To, promised)
		require.Len(r, watch(4*day), 1, "once for each cause")

		late := watch(13 * day)
		require.Len(r, late, 3)
		require.Equal(r, []any{1, fulfilment.CustomsHold, 2}, []any{late[1].N, late[1].Cause, late[1].Times})
		require.Equal(r, []any{2, fulfilment.LateRisk, "carrier", promised}, []any{late[2].N, late[2].Cause, late[2].Responsible, late[2].OldTo})
		require.Greater(r, late[2].To, r.parcels(s.Order)[1].PromiseTo)
		require.Equal(r, late[2].To, r.parcels(s.Order)[1].To)
		require.True(r, r.parcels(s.Order)[1].Late("2026-12-16"))

		r.record(s, fulfilment.Scan{Number: "1", Status: fulfilment.Delivered, Occurred: r.in(0)}, fulfilment.Scan{Number: "2", Status: fulfilment.Exceptional, Reason: "lost", Occurred: r.in(0)})
		require.Len(r, watch(30*day), 3, "one has come, of the other nobody knows a day")
	})
}

func TestDelaysToldAtOnce(t *testing.T) {
	for name, x := range map[string]struct {
		told  fulfilment.Scan
		cause string
		who   string
		to    string
	}{
		"customs want something":   {fulfilment.Scan{Status: fulfilment.AtCustoms, Reason: "documents", Action: "supply_document"}, fulfilment.CustomsHold, "consignee", ""},
		"something happened":       {fulfilment.Scan{Status: fulfilment.Exceptional, Reason: "weather", Stage: fulfilment.Destination}, fulfilment.Exception, "weather", ""},
		"the carrier says so":      {fulfilment.Scan{Status: fulfilment.InTransit, From: "2027-01-04", To: "2027-01-06"}, fulfilment.LateRisk, "carrier", "2027-01-06"},
		"lost":                     {fulfilment.Scan{Status: fulfilment.Exceptional, Reason: "lost"}, "", "", ""},
		"the carrier says earlier": {fulfilment.Scan{Status: fulfilment.InTransit, From: "2026-11-26", To: "2026-11-27"}, "", "", ""},
		"customs as usual":         {fulfilment.Scan{Status: fulfilment.AtCustoms, Reason: "presented"}, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			eachShipping(t, func(r *ships) {
				s, x := r.sent(), x
				r.d.Clock().Advance(time.Hour)
				x.told.Number, x.told.Occurred = "2", r.in(0)
				r.record(s, x.told)
				all := told[fulfilment.DelayEvent](r)
				if x.cause == "" {
					require.Empty(r, all)
					return
				}
				require.Len(r, all, 1)
				require.Equal(r, []any{x.cause, x.who, 2}, []any{all[0].Cause, all[0].Responsible, all[0].N})
				require.Greater(r, all[0].To, all[0].OldTo)
				if x.to != "" {
					require.Equal(r, x.to, all[0].To)
				}
				require.Equal(r, all[0].To, r.parcels(s.Order)[1].To)
				x.told.Occurred = r.in(time.Minute)
				r.record(s, x.told)
				require.Len(r, told[fulfilment.DelayEvent](r), 1, "once")
			})
		})
	}
}

func TestDelayRules(t *testing.T) {
	eachShipping(t, func(r *ships) {
		set := func(days int) error {
			return r.write(func(tx *db.Tx) error {
				return r.SetDelayRules(tx, fulfilment.DelayRules{CustomsDays: map[market.Code]int{"de": days}})
			})
		}
		require.Equal(r, map[string]string{"customs_days[de]": "fulfilment.customs_days_range"}, fault.Of(set(0)).Fields)
		require.NoError(r, set(1))
		s := r.sent()
		r.record(s, fulfilment.Scan{Number: "1", Status: fulfilment.AtCustoms, Occurred: r.in(0)})
		r.d.Clock().Advance(24 * time.Hour)
		require.NoError(r, r.write(func(tx *db.Tx) error { _, err := r.Watch(tx); return err }))
		require.Len(r, told[fulfilment.DelayEvent](r), 1)
	})
}

func TestCarriers(t *testing.T) {
	eachShipping(t, func(r *ships) {
		s := r.sent()
		require.Equal(r, "", fulfilment.Carrier{Name: "Kontor Paket"}.Page("1"))
		require.NoError(r, r.write(func(tx *db.Tx) error {
			return r.SaveCarrier(tx, fulfilment.Carrier{Name: "Kite Line", URL: "https://kite.example/t/{number}?x=1", Reschedule: "link", RescheduleTo: "https://kite.example/r/{number}"})
		}))
		require.NoError(r, r.stock.Load(r.Context()))
		require.Equal(r, "https://kite.example/t/KT000000001?x=1", r.parcels(s.Order)[0].TrackingURL())
		err := r.write(func(tx *db.Tx) error { return r.SaveCarrier(tx, fulfilment.Carrier{URL: "javascript:alert({number})"}) })
		require.Equal(r, map[string]string{"name": "fulfilment.needs_name", "url": "fulfilment.tracking_url"}, fault.Of(err).Fields)
	})
}
