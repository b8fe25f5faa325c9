package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/journeys/journeytest"
	"portolan/internal/messaging"
)

// What ends each journey at each of the steps where it may be waiting: what is asked for there, and everything that
// follows, isn't sent any more, and the reason is on record. An empty reason: it goes on.
func TestWhatEndsAJourney(t *testing.T) {
	const (
		stop   = "person.stopped"
		refund = "order.refunded"
		cancel = "order.cancelled"
		paid   = "order.paid"
		ticket = "ticket.opened"
	)
	at := func(after time.Duration, event string) journeys.StoryEvent {
		return journeys.StoryEvent{After: after, Event: event}
	}
	rated := func(after time.Duration, n int64) journeys.StoryEvent {
		return journeys.StoryEvent{After: after, Event: "rated", Rating: n}
	}
	brought := []journeys.StoryEvent{at(0, paid), at(0, "order.delivered")}
	asked := append(slices.Clone(brought), rated(30*time.Hour, 5))
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		// 15:00 in London: a survey that is due a day later waits for nothing; 19:00 for what has to wait for the morning.
		afternoon, evening := time.Date(2026, 10, 19, 14, 0, 0, 0, time.UTC), time.Date(2026, 10, 19, 17, 30, 0, 0, time.UTC)
		for _, tt := range []struct {
			journey, node string
			start         time.Time
			before        []journeys.StoryEvent
			when          time.Duration // it is waiting at the node then
			ends          map[string]string
		}{
			{"cart", "pause", afternoon, []journeys.StoryEvent{at(0, "checkout.left")}, time.Hour,
				map[string]string{stop: "opted_out", paid: "paid_meanwhile", "order.placed": "paid_meanwhile", "checkout.back": "came_back", refund: "", ticket: ""}},
			{"cart", "write", evening, []journeys.StoryEvent{at(0, "checkout.left")}, 3 * time.Hour,
				map[string]string{stop: "opted_out", paid: "paid_meanwhile", "order.placed": "paid_meanwhile", ticket: ""}},
			{"parcel", "morning", time.Date(2026, 10, 19, 5, 0, 0, 0, time.UTC), []journeys.StoryEvent{at(0, paid), at(0, "parcel.out_for_delivery")}, time.Hour,
				map[string]string{cancel: "cancelled", refund: "refunded", "parcel.delivered": "delivered", "parcel.returned": "returned", "parcel.exception": "newer_news",
					"parcel.attempt_failed": "newer_news", "parcel.available_for_pickup": "newer_news", "parcel.customs_held": "newer_news", stop: "", ticket: ""}},
			{"delay", "polite", time.Date(2026, 10, 19, 22, 0, 0, 0, time.UTC), []journeys.StoryEvent{at(0, paid), at(0, "parcel.delayed")}, time.Hour,
				map[string]string{cancel: "cancelled", refund: "refunded", "parcel.delivered": "delivered", "parcel.returned": "returned", "parcel.out_for_delivery": "newer_news", stop: "", ticket: ""}},
			{"survey", "settle", afternoon, brought, 12 * time.Hour, map[string]string{stop: "opted_out", cancel: "cancelled", refund: "refunded", ticket: "ticket_open"}},
			{"survey", "answer", afternoon, brought, 27 * time.Hour, map[string]string{stop: "opted_out", cancel: "cancelled", refund: "refunded"}},
			{"again", "week", afternoon, asked, 4 * day, map[string]string{stop: "opted_out", cancel: "cancelled", refund: "refunded", ticket: "ticket_open"}},
			{"review", "survey", afternoon, brought, 12 * time.Hour, map[string]string{stop: "opted_out", cancel: "cancelled", refund: "refunded"}},
			{"review", "five", afternoon, asked, 4 * day, map[string]string{stop: "opted_out", cancel: "cancelled", refund: "refunded", ticket: "ticket_open"}},
			{"review", "solved", afternoon, append(slices.Clone(asked), at(3*day, ticket)), 8 * day, map[string]string{stop: "opted_out", cancel: "cancelled", refund: "refunded"}},
		} {
			tell := func(events ...journeys.StoryEvent) []journeys.Scene {
				scenes, err := s.Journeys.Tell(t.Context(), journeys.Story{Definitions: []journeys.Definition{shippedAs(t, tt.journey)}, Market: "gb", Phone: "+447400123456",
					Email: "sample@example.org", Agreed: []messaging.Channel{messaging.SMS}, Start: tt.start, Days: 60, Events: append(slices.Clone(tt.before), events...)})
				require.NoError(t, err)
				return scenes
			}
			since := func(scenes []journeys.Scene) []journeys.Scene {
				i := slices.IndexFunc(scenes, func(x journeys.Scene) bool { return !x.At.Before(tt.start.Add(tt.when)) })
				if i < 0 {
					return nil
				}
				return scenes[i:]
			}
			told0 := tell()
			before := told0[:len(told0)-len(since(told0))]
			require.Equal(t, tt.node, before[len(before)-1].Step.Node, "%s waits there\n%s", tt.journey, journeytest.Told(told0, s.URL))
			for event, reason := range tt.ends {
				scenes := tell(at(tt.when, event))
				rest := since(scenes)
				name := fmt.Sprintf("%s at %s: %s\n%s", tt.journey, tt.node, event, journeytest.Told(scenes, s.URL))
				sent := slices.ContainsFunc(rest, func(x journeys.Scene) bool { return x.Message != nil })
				why := ""
				for _, x := range rest {
					if x.Event == "" && (x.Step.Outcome == journeys.NotSent || x.Step.Outcome == journeys.Ended) {
						why = x.Step.Reason
					}
				}
				require.Equal(t, reason, why, name)
				require.Equal(t, reason == "", sent, name)
			}
		}
	})
}

// What a merge of two profiles ends: of all that both are under way in, only the journey that a person enters once in a
// time, and there the run that is further behind.
func TestWhatAMergeEndsOfTheShipped(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		for _, tt := range []struct {
			journey, event string
			ends           string
		}{
			{"cart", "checkout.left", ""}, {"delay", "parcel.delayed", ""}, {"survey", "order.delivered", ""}, {"review", "order.delivered", ""}, {"again", "rated", "merged"},
		} {
			var ids [2]string
			for i := range ids {
				s.Write(func(tx *db.Tx) error {
					c, err := s.Customers.Upsert(tx, customer.Customer{Email: fmt.Sprintf("%s%d@example.org", tt.journey, i), Country: "GB", Lang: "en", Market: "gb"})
					if err != nil {
						return err
					}
					ids[i] = c.ID
					h := journeys.Happening{Event: tt.event, At: tx.Now(), Customer: c.ID, Market: "gb", Lang: "en", Rating: 5, Times: 1, Email: c.Email}
					about := fmt.Sprint("_", tt.journey, i)
					h.Order, h.Cart, h.Parcel = "ord"+about, "crt"+about, "par"+about
					return s.Journeys.Recall(tx, h, tt.journey)
				})
				s.DB.Clock().Advance(time.Second)
			}
			reasons := func() (all []string) {
				s.Read(func(tx *db.Tx) (err error) {
					all, err = db.All(tx, db.Scalar[string], `select case when ended_at is null then '' else reason end from journey_runs where journey = $1 and customer in ($2, $3)
						order by started_at, id`, tt.journey, ids[0], ids[1])
					return err
				})
				return all
			}
			require.Equal(t, []string{"", ""}, reasons(), "both are under way in %s", tt.journey)
			s.Write(func(tx *db.Tx) error {
				_, err := s.Customers.Merge(tx, ids[0], ids[1], "test", "they said so")
				return err
			})
			s.Idle()
			require.Equal(t, []string{"", tt.ends}, reasons(), tt.journey)
		}
	})
}
