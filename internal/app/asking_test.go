package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/journeys/journeytest"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/support"
)

func shippedAs(t *testing.T, name string) journeys.Definition {
	t.Helper()
	all := journeys.Shipped()
	i := slices.IndexFunc(all, func(d journeys.Definition) bool { return d.Journey == name })
	require.GreaterOrEqual(t, i, 0, name)
	return all[i]
}

// Whoever gets a parcel at any hour of two weeks, in any of the markets, is asked one to two days later between 10:00 and
// 20:00 of their clock, or it is on record why not. In the first of the weeks Europe's clocks change, in the second New York's.
func TestASurveyComesInTime(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		survey := shippedAs(t, "survey")
		first := time.Date(2026, 10, 21, 0, 17, 0, 0, time.UTC)
		asked, dropped := 0, map[string]int{}
		for _, who := range slices.Concat(buyers, []buyer{{"us", "HI", "+18085550123"}, {"us", "TX", "+12105550123"}, {"id", "Papua", "+628123456789"}}) {
			for h := range 14 * 24 {
				start := first.Add(time.Duration(h) * time.Hour)
				scenes, err := s.Journeys.Tell(t.Context(), journeys.Story{Definitions: []journeys.Definition{survey}, Market: who.market, Region: who.region, Phone: who.phone,
					Email: "sample@example.org", Agreed: []messaging.Channel{messaging.SMS, messaging.Email}, Start: start, Days: 3,
					Events: []journeys.StoryEvent{{Event: "order.paid"}, {Event: "order.delivered"}}})
				require.NoError(t, err)
				at := scenes[slices.IndexFunc(scenes, func(x journeys.Scene) bool { return x.Event == "order.delivered" })].At
				name := fmt.Sprintf("%s %s, delivered %s\n%s", who.market, who.region, scenes[0].Local(), journeytest.Told(scenes, s.URL))
				i := slices.IndexFunc(scenes, func(x journeys.Scene) bool { return x.Message != nil })
				if i < 0 {
					last := scenes[len(scenes)-1].Step
					require.Equal(t, journeys.NotSent, last.Outcome, name)
					require.NotEmpty(t, last.Reason, name)
					dropped[string(who.market)+" "+last.Reason]++
					continue
				}
				asked++
				age, local := scenes[i].At.Sub(at), scenes[i].Local()
				require.GreaterOrEqual(t, age, 24*time.Hour, name)
				require.LessOrEqual(t, age, 48*time.Hour, name)
				require.GreaterOrEqual(t, local.Hour(), 10, name)
				require.Less(t, local.Hour(), 20, name)
			}
		}
		t.Logf("asked %d times, not asked: %v", asked, dropped)
		require.Greater(t, asked, 8*14*24*9/10, "almost all are asked: %v", dropped)
	})
}

// leap moves the clock in long steps, each worked to its end.
func leap(s *apptest.Shop, d time.Duration) {
	s.T.Helper()
	for ; d > 0; d -= 3 * time.Hour {
		s.DB.Clock().Advance(min(d, 3*time.Hour))
		s.Idle()
	}
}

// arrived lets seconds pass, each worked to its end, until n texts about an order have arrived and their receipts are kept,
// so that none is sent by another way too because the clock has leapt.
func arrived(s *apptest.Shop, o order.ID, n int) {
	s.T.Helper()
	var about []messaging.Record
	for range 30 { // seconds that a network may take; two minutes later the next channel would be asked
		s.Idle()
		about = written(s.T, s, o)
		there := 0
		for _, m := range about {
			if m.Channel == messaging.SMS && m.State == messaging.Delivered {
				there++
			}
		}
		if there >= n {
			return
		}
		s.DB.Clock().Advance(time.Second)
	}
	s.T.Fatalf("%d texts about %s never came: %+v", n, o, about)
}

// A German buyer who agreed to nothing hears all of their order and parcel, and is never asked or offered anything: they
// rate on the order's own page, where they came by themselves.
func TestAGermanBuyerWithoutConsent(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		p := apptest.Anna
		left := p
		left.SKU = "MI1001-NVY-S"
		v := s.Visitor()
		v.Quote(left)
		s.Pass(3 * time.Hour)
		require.Empty(t, s.Received(p.Phone))
		require.Empty(t, s.Mails.List(p.Email), "no word about the bag that was left")

		o := order.ID(s.Visitor().Buy(p))
		arrived(s, o, 1)
		id := handedOver(s, o, 1)
		arrived(s, o, 2)
		leap(s, 20*time.Hour)
		hear(s, id, atCustoms("DE", "documents"))
		arrived(s, o, 3)
		leap(s, time.Hour)
		arrived(s, o, 4)
		leap(s, 25*time.Hour)
		now := s.DB.Clock().Now()
		hear(s, id, outUntil(now.Add(4*time.Hour), now.Add(6*time.Hour)))
		leap(s, 2*time.Hour+time.Minute)
		arrived(s, o, 5)
		leap(s, time.Hour)
		hear(s, id, brings())
		leap(s, 60*time.Hour)
		v = s.Visitor()
		page := "/de-de/orders/" + string(o) + "/review"
		require.Contains(t, v.Post(page, map[string][]string{"stars_0": {"5"}, "text_0": {"Sehr schön"}}).Text(), "Danke")
		leap(s, 20*24*time.Hour)

		got := map[string]int{}
		for _, m := range written(t, s, o) {
			if m.Channel == messaging.SMS || m.Template == "confirm" { // a text whose receipt is late also goes by e-mail
				got[m.Template+" "+string(m.Channel)]++
			}
			require.True(t, m.Class == messaging.Transactional, "%s is %s", m.Template, m.Class)
		}
		require.Equal(t, map[string]int{"confirm sms": 1, "confirm email": 1, "shipped sms": 1, "customs sms": 1, "delay sms": 1, "today sms": 1}, got)
		for _, x := range s.Received(p.Phone) {
			require.NotContains(t, x.Text, "%")
			require.NotContains(t, strings.ToLower(x.Text), "rabatt")
		}
		require.Equal(t, []string{"not_sent no_consent"}, why(s, "survey", string(o)))
		require.Equal(t, []string{"not_sent no_consent"}, why(s, "review", string(o)))
		require.Empty(t, why(s, "again", string(o)))
	})
}

// A rating of 1 or 2 has its ticket within five seconds, on a clock that runs as the world's does: urgent, in the language
// of the order, with the number told to the buyer.
func TestALowRatingHasItsTicketWithinFiveSeconds(t *testing.T) {
	for name, url := range apptest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apptest.Open(t, url(t), db.Fast(apptest.Start.Add(3*time.Hour), 1)) // 10:00 in New York
			people := map[order.ID]apptest.Person{}
			for i := range 5 {
				p := apptest.Harper
				p.Phone, p.Email = fmt.Sprintf("+1212555021%d", i), fmt.Sprintf("low%d@example.org", i)
				o := order.ID(s.Visitor().Buy(p))
				hear(s, handedOver(s, o, 1), brings())
				s.Texts(p.Phone, 2)
				people[o] = p
			}
			s.DB.Clock().Advance(24 * time.Hour)
			for _, p := range people {
				s.Texts(p.Phone, 3)
			}
			says := []string{"1", "2 the seam opened", "⭐", "two stars", "2/5"}
			for _, p := range people {
				reply(t, s, p.Phone, says[0])
				says = says[1:]
			}
			for o, p := range people {
				open := tickets(t, s, o)
				require.Len(t, open, 1)
				require.Equal(t, support.High, open[0].Priority)
				require.Equal(t, "en", open[0].Lang)
				s.Read(func(tx *db.Tx) error {
					all, err := s.Messages.Inbox(tx, messaging.InboxFilter{From: p.Phone}, messaging.Page{})
					require.Len(t, all, 1)
					took := open[0].OpenedAt.Sub(all[0].At)
					require.Less(t, took, 5*time.Second)
					t.Log(took)
					return err
				})
				require.Contains(t, said(s, p.Phone, 4), open[0].Number)
			}
		})
	}
}
