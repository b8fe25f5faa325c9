package journeys_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/journeys"
	"portolan/internal/journeys/journeytest"
	"portolan/internal/messaging"
)

const day = 24 * time.Hour

func (w *world) tell(s journeys.Story) []journeys.Scene {
	w.t.Helper()
	scenes, err := w.journeys.Tell(w.t.Context(), s)
	require.NoError(w.t, err)
	return scenes
}

// Thirty days of all seven journeys at once, with everything that happens in them, take less than a second.
func TestAMonthInASecond(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		before := everything(t, d)
		story := journeys.Story{Market: "gb", Phone: "+447400123456", Email: "kate@example.org", Agreed: []messaging.Channel{messaging.SMS}, Start: time.Date(2027, 3, 22, 15, 0, 0, 0, time.UTC),
			Events: []journeys.StoryEvent{{Event: "checkout.left"}, {After: 30 * time.Hour, Event: "order.paid"}, {After: 50 * time.Hour, Event: "parcel.shipped"}, {After: 5 * day, Event: "parcel.delayed"},
				{After: 8 * day, Event: "parcel.out_for_delivery"}, {After: 8*day + 3*time.Hour, Event: "parcel.delivered"}, {After: 8*day + 3*time.Hour, Event: "order.delivered"},
				{After: 10 * day, Event: "rated", Rating: 5}, {After: 20 * day, Event: "person.stopped"}}}
		began := time.Now()
		require.NotEmpty(t, w.tell(story))
		took := time.Since(began)
		t.Log(took)
		require.Less(t, took, time.Second)
		require.Equal(t, before, everything(t, d), "a story writes nothing")
	})
}

// What a buyer does changes what they hear.
func TestStories(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		start := time.Date(2027, 3, 22, 15, 0, 0, 0, time.UTC)
		for _, tt := range []struct {
			name    string
			journey string
			change  func(*journeys.Story)
			sent    int
			last    string // reason of the last step
		}{
			{"offer", "cart", func(*journeys.Story) {}, 1, ""},
			{"pays meanwhile", "cart", func(s *journeys.Story) {
				s.Events = append(s.Events, journeys.StoryEvent{After: time.Hour, Event: "order.paid"})
			}, 0, "paid_meanwhile"},
			{"says stop", "cart", func(s *journeys.Story) {
				s.Events = append(s.Events, journeys.StoryEvent{After: time.Hour, Event: "person.stopped"})
			}, 0, "opted_out"},
			{"never agreed", "cart", func(s *journeys.Story) { s.Agreed = nil }, 0, "no_consent"},
			{"held out", "cart", func(s *journeys.Story) { s.HeldOut = true }, 0, "control"},
			{"second step missing", "cart", func(s *journeys.Story) { s.Market, s.Phone, s.Unconfirmed = "de", anna, true }, 0, "consent_unconfirmed"},
			{"happy", "survey", func(s *journeys.Story) { s.Events[2].Rating = 5 }, 2, ""},
			{"unhappy", "survey", func(*journeys.Story) {}, 2, ""},
			{"German without consent", "survey", func(s *journeys.Story) { s.Market, s.Phone, s.Agreed = "de", anna, nil }, 0, "no_consent"},
			{"silent", "survey", func(s *journeys.Story) { s.Events = s.Events[:2] }, 1, "nothing_came"},
		} {
			story := journeys.Story{Definitions: []journeys.Definition{shipped(t, tt.journey)}, Market: "gb", Phone: kate, Agreed: []messaging.Channel{messaging.SMS}, Start: start,
				Events: append([]journeys.StoryEvent(nil), journeytest.Scripts[tt.journey]...)}
			tt.change(&story)
			scenes := w.tell(story)
			sent, last := 0, ""
			for _, s := range scenes {
				if s.Message != nil {
					sent++
				}
				if s.Event == "" {
					last = s.Step.Reason
				}
			}
			require.Equal(t, tt.sent, sent, "%s\n%s", tt.name, journeytest.Told(scenes, ""))
			require.Equal(t, tt.last, last, "%s\n%s", tt.name, journeytest.Told(scenes, ""))
		}
		for field, bad := range map[string]journeys.Story{
			"market":          {Market: "xx", Start: start},
			"start":           {Market: "gb"},
			"days":            {Market: "gb", Start: start, Days: 401},
			"events.0.event":  {Market: "gb", Start: start, Events: []journeys.StoryEvent{{Event: "rained"}}},
			"events.0.rating": {Market: "gb", Start: start, Events: []journeys.StoryEvent{{Event: "rated", Rating: 6}}},
			"events.0.after":  {Market: "gb", Start: start, Events: []journeys.StoryEvent{{Event: "rated", Rating: 5, After: 31 * day}}},
		} {
			_, err := w.journeys.Tell(t.Context(), bad)
			require.ErrorIs(t, err, journeys.ErrBadStory, field)
			require.Contains(t, fault.Of(err).Fields, field)
		}
	})
}
