package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/order"
	"portolan/internal/support"
)

// handedOver gives what was ordered to its carrier, in so many parcels, and returns the shipment.
func handedOver(s *apptest.Shop, o order.ID, parcels int) (id fulfilment.ShipmentID) {
	s.T.Helper()
	s.Idle()
	s.Write(func(tx *db.Tx) error {
		all, err := s.Shipments.ByOrder(tx, o)
		if err != nil {
			return err
		}
		require.Len(s.T, all, 1)
		one := all[0]
		if id = one.ID; parcels > 1 {
			boxes := make([]fulfilment.Parcel, parcels)
			for i := range boxes { // one piece of the first line in each
				boxes[i] = fulfilment.Parcel{GrossGrams: 400, Weighed: true, Packed: make([]int64, len(one.Parcels[0].Packed))}
				boxes[i].Packed[0] = 1
			}
			if one, err = s.Shipments.Pack(tx, id, boxes, "Mei"); err != nil {
				return err
			}
		}
		if one, err = s.Shipments.Number(tx, id); err != nil {
			return err
		}
		if one, err = s.Shipments.Ready(tx, id, one.Version, "Mei"); err != nil {
			return err
		}
		_, err = s.Shipments.HandOver(tx, id, one.Version, "Mei")
		return err
	})
	s.Idle()
	return id
}

// hear records what a carrier says of a shipment's first parcel, now, and waits until the shop has dealt with it.
func hear(s *apptest.Shop, id fulfilment.ShipmentID, e fulfilment.Scan) {
	s.T.Helper()
	if e.Number == "" {
		e.Number = "1"
	}
	if e.Occurred.IsZero() {
		e.Occurred = s.DB.Clock().Now()
	}
	s.Write(func(tx *db.Tx) error {
		_, err := s.Shipments.Record(tx, id, "carrier:test", "", []fulfilment.Scan{e})
		return err
	})
	s.Idle()
}

func atCustoms(country market.Country, reason string) fulfilment.Scan {
	e := fulfilment.Scan{Status: fulfilment.AtCustoms, Stage: fulfilment.Import, Country: country, Reason: reason}
	if reason == "documents" {
		e.Action, e.Responsible = "supply_document", "consignee"
	}
	return e
}

func outUntil(from, to time.Time) fulfilment.Scan {
	return fulfilment.Scan{Status: fulfilment.OutForDelivery, WindowStart: from, WindowEnd: to}
}

func brings() fulfilment.Scan { return fulfilment.Scan{Status: fulfilment.Delivered} }

// said are the words of the last text on a phone, after n of them have come.
func said(s *apptest.Shop, phone string, n int) string {
	s.T.Helper()
	all := s.Texts(phone, n)
	require.Len(s.T, all, n)
	return all[n-1].Text
}

// why are the reasons for which a journey said nothing about something, and what it said.
func why(s *apptest.Shop, journey, key string) (all []string) {
	s.T.Helper()
	s.Read(func(tx *db.Tx) error {
		steps, err := s.Journeys.Decisions(tx, key)
		for _, d := range steps {
			if d.Journey == journey && d.Outcome != journeys.Passed && d.Outcome != journeys.Waits {
				all = append(all, strings.Trim(string(d.Outcome)+" "+d.Reason, " "))
			}
		}
		return err
	})
	return all
}

// brought buys, sends and delivers an order of somebody and returns it.
func brought(s *apptest.Shop, p apptest.Person) order.ID {
	s.T.Helper()
	o := order.ID(s.Visitor().Buy(p))
	hear(s, handedOver(s, o, 1), fulfilment.Scan{Status: fulfilment.Delivered})
	return o
}

// The whole way of an order, as its buyer hears of it.
func TestTheWholeWayOfAnOrder(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		p := apptest.Imogen
		o := order.ID(s.Visitor().Buy(p))
		number := orderOf(t, s, string(o)).Number
		require.Contains(t, said(s, p.Phone, 1), number+" is paid")
		id := handedOver(s, o, 1)
		require.Contains(t, said(s, p.Phone, 2), number+" is on its way")
		s.Pass(20 * time.Hour) // 8:00 in London
		hear(s, id, fulfilment.Scan{Status: fulfilment.AtCustoms, Stage: fulfilment.Import, Country: "GB", Reason: "presented"})
		require.Contains(t, said(s, p.Phone, 3), number+" is at customs (United Kingdom)")
		s.Pass(20 * time.Hour) // 4:00
		now := s.DB.Clock().Now()
		hear(s, id, fulfilment.Scan{Status: fulfilment.OutForDelivery, WindowStart: now.Add(8 * time.Hour), WindowEnd: now.Add(10 * time.Hour)})
		s.Pass(5*time.Hour + 59*time.Minute)
		require.Len(t, s.Received(p.Phone), 3, "not before two hours before the courier")
		s.Pass(2 * time.Minute)
		require.Contains(t, said(s, p.Phone, 4), "comes today, 12:00-14:00")
		s.Pass(3 * time.Hour)
		hear(s, id, fulfilment.Scan{Status: fulfilment.Delivered})
		s.Pass(23*time.Hour + 50*time.Minute)
		require.Len(t, s.Received(p.Phone), 4, "a survey asks a day later")
	})
}

// Who is expected early in the morning isn't woken, and a window that is over is no news.
func TestTheDayOfDelivery(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		p := apptest.Imogen
		id := handedOver(s, order.ID(s.Visitor().Buy(p)), 1)
		said(s, p.Phone, 2)
		s.Pass(16 * time.Hour) // 4:00
		now := s.DB.Clock().Now()
		hear(s, id, fulfilment.Scan{Status: fulfilment.OutForDelivery, WindowStart: now.Add(4 * time.Hour), WindowEnd: now.Add(6 * time.Hour)})
		s.Pass(2*time.Hour + 59*time.Minute)
		require.Len(t, s.Received(p.Phone), 2, "6:59")
		s.Pass(2 * time.Minute)
		require.Contains(t, said(s, p.Phone, 3), "comes today, 08:00-10:00")

		q := apptest.Imogen
		q.Phone, q.Email = "+447700900401", "q@example.org"
		id = handedOver(s, order.ID(s.Visitor().Buy(q)), 1)
		said(s, q.Phone, 2)
		now = s.DB.Clock().Now()
		hear(s, id, fulfilment.Scan{Status: fulfilment.OutForDelivery, Occurred: now.Add(-3 * time.Hour), WindowStart: now.Add(-2 * time.Hour), WindowEnd: now.Add(-time.Hour)})
		require.Len(t, s.Received(q.Phone), 2)

		// Nobody knows when the courier comes: the message follows the event.
		u := apptest.Imogen
		u.Phone, u.Email = "+447700900403", "u@example.org"
		id = handedOver(s, order.ID(s.Visitor().Buy(u)), 1)
		said(s, u.Phone, 2)
		hear(s, id, fulfilment.Scan{Status: fulfilment.OutForDelivery})
		require.Contains(t, said(s, u.Phone, 3), "comes today")

		// The parcel goes back to the depot before the message leaves.
		r := apptest.Imogen
		r.Phone, r.Email = "+447700900402", "r@example.org"
		id = handedOver(s, order.ID(s.Visitor().Buy(r)), 1)
		said(s, r.Phone, 2)
		hear(s, id, fulfilment.Scan{Status: fulfilment.OutForDelivery, WindowStart: now.Add(8 * time.Hour), WindowEnd: now.Add(10 * time.Hour)})
		s.Pass(time.Hour)
		hear(s, id, fulfilment.Scan{Status: fulfilment.InTransit, Stage: fulfilment.LastMile})
		s.Pass(9 * time.Hour)
		require.Len(t, s.Received(r.Phone), 2, "a newer word takes the older one back")
	})
}

func TestDelayAndStillWaiting(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		p := apptest.Imogen
		o := order.ID(s.Visitor().Buy(p))
		id := handedOver(s, o, 1)
		said(s, p.Phone, 2)
		s.Pass(20 * time.Hour)
		hear(s, id, fulfilment.Scan{Status: fulfilment.AtCustoms, Stage: fulfilment.Import, Country: "GB", Reason: "documents", Action: "supply_document", Responsible: "consignee"})
		all := s.Texts(p.Phone, 3)
		late := func() (n int) {
			for _, x := range s.Received(p.Phone) {
				if strings.Contains(x.Text, "is late") || strings.Contains(x.Text, "still") {
					n++
				}
			}
			return n
		}
		s.Pass(16 * time.Minute)
		require.Equal(t, 1, late(), "%v", all)
		s.Pass(4*24*time.Hour + 23*time.Hour)
		require.Equal(t, 1, late(), "at most every five days")
		s.Pass(30 * time.Hour)
		require.Equal(t, 2, late())
		for _, x := range s.Received(p.Phone) {
			t.Log(x.Text)
			require.NotContains(t, x.Text, "%", "no voucher inside")
		}
	})
}

func TestSurvey(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		happy, angry, unclear := apptest.Harper, apptest.Harper, apptest.Harper
		happy.Consents = []string{"sms", "email"}
		angry.Phone, angry.Email = "+12125550201", "angry@example.org"
		unclear.Phone, unclear.Email = "+12125550202", "unclear@example.org"
		anna := apptest.Anna
		s.Pass(3 * time.Hour) // 10:00 in New York
		first, second, third, german := brought(s, happy), brought(s, angry), brought(s, unclear), brought(s, anna)
		before := len(s.Texts(happy.Phone, 2))
		s.Pass(23*time.Hour + 59*time.Minute)
		require.Len(t, s.Received(happy.Phone), before)
		s.Pass(2 * time.Minute)
		for _, p := range []apptest.Person{happy, angry, unclear} {
			require.Contains(t, said(s, p.Phone, before+1), "from 1 (bad) to 5 (very good)", p.Email)
		}
		require.Equal(t, []string{"not_sent no_consent"}, why(s, "survey", string(german)))
		require.Len(t, s.Received(anna.Phone), before, "a German buyer without consent isn't asked")

		reply(t, s, happy.Phone, "5")
		require.Contains(t, said(s, happy.Phone, before+2), "thank you for your answer")
		require.Empty(t, tickets(t, s, first))

		reply(t, s, angry.Phone, "2 the seam opened")
		open := tickets(t, s, second)
		require.Len(t, open, 1)
		require.Equal(t, "high", open[0].Priority.String())
		require.Contains(t, said(s, angry.Phone, before+2), "Ticket "+open[0].Number)

		reply(t, s, unclear.Phone, "10")
		require.Contains(t, said(s, unclear.Phone, before+2), "one number please")
		reply(t, s, unclear.Phone, "4 or 5")
		s.Pass(time.Minute)
		require.Contains(t, said(s, unclear.Phone, before+3), "thank you for your message", "a person reads it now")
		require.NotEmpty(t, inbox(t, s))
		reply(t, s, unclear.Phone, "4")
		s.Read(func(tx *db.Tx) error {
			all, err := s.Journeys.RatingsOf(tx, string(third))
			require.Len(t, all, 1)
			require.Zero(t, all[0].Score, "the question was closed")
			require.Equal(t, "10\n4 or 5", all[0].Comment)
			return err
		})

		s.Pass(5*24*time.Hour + time.Hour)
		require.Contains(t, said(s, happy.Phone, before+3), "what do you think of Meridian wrap dress? Tell other shoppers:")
		require.Contains(t, said(s, angry.Phone, before+2), "Ticket", "not while a ticket is open")
		s.Pass(2 * 24 * time.Hour)
		offer := said(s, happy.Phone, before+4)
		require.Regexp(t, `^Miana: Harper, new in Dresses: USD 20 off from USD 100, code \w{10}, until Dec \d+\. `+s.URL+`/l/\w{12} Opt out: STOP$`, offer)
		require.Empty(t, why(s, "again", string(second)))
		require.Empty(t, why(s, "again", string(german)))
	})
}

func tickets(t *testing.T, s *apptest.Shop, o order.ID) (all []support.Ticket) {
	t.Helper()
	s.Read(func(tx *db.Tx) (err error) {
		all, err = s.Support.Tickets(tx, support.TicketFilter{Order: string(o)}, support.Page{})
		return err
	})
	return all
}
