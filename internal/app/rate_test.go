package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/journeys"
	"portolan/internal/order"
	"portolan/internal/support"
)

var replyLink = regexp.MustCompile(`/r/\w{12}`)

// Where nobody can answer by text message, the link of a survey leads to stars.
func TestRatingOnAPage(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		p := apptest.Ayu
		o := brought(s, p)
		s.Pass(24*time.Hour + time.Minute)
		var link string
		for _, m := range s.Mails.List(p.Email) {
			if m.Subject == "Miana: Bagaimana pesanan "+orderOf(t, s, string(o)).Number+"?" {
				link = replyLink.FindString(m.Text)
			}
		}
		require.NotEmpty(t, link, "%v %v", why(s, "survey", string(o)), s.Mails.List(p.Email))
		v := s.Visitor()
		page := v.Get(link)
		require.Equal(t, http.StatusOK, page.Status)
		require.Contains(t, page.Text(), "Bagaimana pesanan Anda?")
		require.Len(t, regexp.MustCompile(`type="radio" name="stars"`).FindAllString(page.Body, -1), 5)
		require.Equal(t, http.StatusUnprocessableEntity, v.Post(link, url.Values{}).Status)
		done := v.Post(link, url.Values{"stars": {"2"}, "text": {"Ukurannya 10 cm terlalu besar"}})
		require.Equal(t, http.StatusOK, done.Status)
		require.Contains(t, done.Text(), "Terima kasih atas jawaban Anda")
		s.Idle()
		s.Read(func(tx *db.Tx) error {
			got, err := s.Journeys.RatingsOf(tx, string(o))
			require.Len(t, got, 1)
			require.EqualValues(t, 2, got[0].Score)
			require.Equal(t, "Ukurannya 10 cm terlalu besar", got[0].Comment)
			return err
		})
		require.Len(t, tickets(t, s, o), 1)
	})
}

func TestReviewPage(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		p := apptest.Anna
		v := s.Visitor()
		o := v.Buy(p)
		at := "/de-de/orders/" + o + "/review"
		require.Contains(t, v.Get(at).Text(), "Wie gefällt es Ihnen?")
		refused := v.Post(at, url.Values{"text_0": {"Schön"}})
		require.Equal(t, http.StatusUnprocessableEntity, refused.Status)
		require.Contains(t, refused.Body, "Schön", "what was written stays")
		require.Contains(t, v.Post(at, url.Values{"stars_0": {"1"}, "text_0": {"Die Naht ging auf"}}).Text(), "Danke, Ihre Bewertung ist angekommen")
		s.Read(func(tx *db.Tx) error {
			got, err := s.Journeys.RatingsOf(tx, o)
			require.Len(t, got, 1)
			require.Equal(t, journeys.ReviewOf+p.SKU, got[0].Question)
			require.EqualValues(t, 1, got[0].Score)
			return err
		})
		require.Equal(t, http.StatusNotFound, v.Get("/de-de/orders/ord_none/review").Status)
	})
}

// Whoever wants another day is led to the carrier, or a person asks for them.
func TestAnotherDay(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		p := apptest.Imogen
		o := order.ID(s.Visitor().Buy(p))
		id := handedOver(s, o, 1)
		said(s, p.Phone, 2)
		carrier := ""
		s.Write(func(tx *db.Tx) error {
			one, err := s.Shipments.Get(tx, id)
			carrier = one.Carrier
			if err != nil {
				return err
			}
			return s.Shipments.SaveCarrier(tx, fulfilment.Carrier{Name: carrier, Reschedule: "link", RescheduleTo: "https://day.example/{number}"})
		})
		s.Until("the carrier is known", func() bool {
			var to string
			s.Read(func(tx *db.Tx) error {
				all, err := s.Shipments.ParcelsOf(tx, o)
				to = all[0].Carrier.Reschedule
				return err
			})
			return to == "link"
		})
		reply(t, s, p.Phone, "RESCHEDULE")
		require.Contains(t, said(s, p.Phone, 3), "choose the day that suits you here:")
		require.Empty(t, tickets(t, s, o))
		require.Equal(t, []string{"sent carrier_link"}, why(s, "move", string(o)))
		require.Contains(t, s.Visitor().Get("/en-gb/orders/"+string(o)).Body, "https://day.example/")

		s.Write(func(tx *db.Tx) error { return s.Shipments.SaveCarrier(tx, fulfilment.Carrier{Name: carrier}) })
		s.Until("the carrier can't", func() bool {
			var to string
			s.Read(func(tx *db.Tx) error {
				all, err := s.Shipments.ParcelsOf(tx, o)
				to = all[0].Carrier.Reschedule
				return err
			})
			return to == ""
		})
		s.Pass(2 * time.Minute)
		reply(t, s, p.Phone, "reschedule")
		open := tickets(t, s, o)
		require.Len(t, open, 1)
		require.Equal(t, "delivery", open[0].Queue)
		require.Contains(t, said(s, p.Phone, 4), "Ticket "+open[0].Number)

		// The carrier agrees; once the ticket is solved the buyer hears of the new day.
		s.Pass(2 * time.Hour)
		hear(s, id, fulfilment.Scan{Status: fulfilment.InTransit, Stage: fulfilment.LastMile, From: "2026-12-03", To: "2026-12-03"})
		solve(s, open[0])
		require.Contains(t, said(s, p.Phone, 5), "done: your parcel comes 3 Dec.")
		require.Equal(t, []string{"sent carrier_link", "opened carrier_none", "sent"}, why(s, "move", string(o)))

		// Another wish, and nothing came of it: the page of the ticket says what was said.
		s.Pass(2 * time.Minute)
		reply(t, s, p.Phone, "reschedule")
		open = tickets(t, s, o)
		require.Len(t, open, 2)
		before := len(s.Texts(p.Phone, 6))
		for _, one := range open {
			if one.State != support.Solved {
				solve(s, one)
			}
		}
		require.Len(t, s.Received(p.Phone), before)
		require.Equal(t, "not_sent no_new_day", why(s, "move", string(o))[4])
	})
}

func solve(s *apptest.Shop, x support.Ticket) {
	s.T.Helper()
	done := support.Solved
	s.Write(func(tx *db.Tx) error {
		_, err := s.Support.Change(tx, x.ID, support.Change{State: &done, By: "Mei"})
		return err
	})
	s.Idle()
}
