package journeys_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/journeys"
	"portolan/internal/journeys/journeytest"
	"portolan/internal/messaging"
)

var cartMail = messaging.TextID{Key: "cart", Lang: "en", Channel: messaging.Email}

// writing is a world in which texts can be written over.
func writing(t *testing.T, d *db.DB) *world {
	w := newWorld(t, d)
	c := &counter{}
	w.messages.Templates(c, c.bump)
	dbtest.Write(t, d, w.journeys.Prepare)
	return w
}

func (w *world) write(id messaging.TextID, body string, over int64, anew bool) {
	w.t.Helper()
	words := messaging.Words{Body: body}
	if id.Channel == messaging.Email {
		words.Subject = "Your bag"
	}
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		_, err := w.messages.Publish(tx, id, words, messaging.Edit{Over: over, By: "mei", Anew: anew})
		return err
	})
}

// part lets six people leave their bags who will hear of it by e-mail.
func (w *world) part(group string) {
	w.t.Helper()
	at := w.d.Clock().Now()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		for i := range 6 {
			id, who, to := fmt.Sprintf("crt_%s%d", group, i), fmt.Sprintf("cus_%s%d", group, i), fmt.Sprintf("%s%d@example.org", group, i)
			w.carts[id] = checkout.Cart{ID: id, Market: "gb", Country: "GB", Lang: "en", State: checkout.Open, Customer: who, Lines: []checkout.Line{{SKU: "D1", Quantity: 1}},
				CreatedAt: at.Add(-time.Hour), Activity: at, Contact: checkout.Contact{GivenName: "Kate", Email: to}}
			if _, err := w.people.Record(tx, customer.Consent{Address: to, Channel: customer.Mail, Class: customer.Promotional, Action: customer.Grant, Text: "Offers", Wording: "1"}); err != nil {
				return err
			}
			if err := w.bus.Publish(tx, checkout.LeftEvent{Cart: id, Customer: who, Market: "gb", Country: "GB", Lang: "en", Email: to, At: at}); err != nil {
				return err
			}
		}
		return nil
	})
	w.drain()
}

// heard are the versions of the words that a group was written with, and one of the texts.
func (w *world) heard(group string) (versions map[string]bool, body string) {
	w.t.Helper()
	versions = map[string]bool{}
	dbtest.Read(w.t, w.d, func(tx *db.Tx) error {
		for i := range 6 {
			all, err := w.messages.ByCustomer(tx, fmt.Sprintf("cus_%s%d", group, i))
			require.NoError(w.t, err)
			for _, m := range all {
				versions[m.TextVersion], body = true, m.Body
			}
		}
		return nil
	})
	return versions, body
}

// A run that began on one version ends with its words while another version with other words is in force; what only
// corrects words reaches everybody who is sent them.
func TestRunsKeepTheirWords(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := writing(t, d)
		cart := w.shipped("cart")
		w.part("built") // on the version of the program
		w.write(cartMail, "Bag: code {code}", 0, true)
		v := w.publishOver(cart, 1)
		require.Equal(t, messaging.Pins{cartMail: 1}, v.Texts)
		w.part("early")
		require.Equal(t, messaging.Pins{cartMail: 1}, w.publishOver(w.second(), 2).Texts)
		w.part("same")
		w.write(cartMail, "Your bag: code {code}", 1, false)
		w.write(cartMail, "What a bag: code {code}", 2, true)
		w.part("waits") // the new words wait for the next publishing
		require.Equal(t, messaging.Pins{cartMail: 3}, w.publishOver(cart, 3).Texts)
		w.part("late")
		w.write(cartMail, "What a fine bag: code {code}", 3, false)

		var users []journeys.TextUser
		dbtest.Read(t, d, func(tx *db.Tx) (err error) { users, err = w.journeys.TextUsers(tx, cartMail); return err })
		require.Equal(t, []journeys.TextUser{{Journey: "cart", Version: 4, Live: true, UnderWay: 6, Sent: 4}, {Journey: "cart", Version: 3, UnderWay: 12, Sent: 2},
			{Journey: "cart", Version: 2, UnderWay: 6, Sent: 2}, {Journey: "cart", Version: 1, UnderWay: 6, Sent: 0}}, users)
		for range 6 {
			d.Clock().Advance(time.Hour)
			w.drain()
		}
		for group, want := range map[string]string{"built": "en/0", "early": "en/2", "same": "en/2", "waits": "en/2", "late": "en/4"} {
			got, body := w.heard(group)
			require.Equal(t, map[string]bool{want: true}, got, group)
			switch want {
			case "en/2":
				require.Contains(t, body, "Your bag: code ")
			case "en/4":
				require.Contains(t, body, "What a fine bag: code ")
			}
		}
	})
}

// Words of the program are those of the release that runs; a definition that a new release brings takes in the words that
// are in force, and one from before versions held words is corrected by what was written until then.
func TestPrepareTakesWordsIn(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := writing(t, d)
		texts := func(n int64) (p messaging.Pins) {
			dbtest.Read(t, d, func(tx *db.Tx) error {
				v, err := w.journeys.Version(tx, "cart", n)
				p = v.Texts
				return err
			})
			return p
		}
		require.Equal(t, messaging.Pins{}, texts(1))
		w.write(cartMail, "Bag: code {code}", 0, false)
		w.part("old")
		dbtest.Write(t, d, func(tx *db.Tx) error { // as if the release before had waited an hour longer
			older := strings.Replace(string(w.shipped("cart").JSON()), `"2h"`, `"3h"`, 1)
			if err := tx.Send(`update journey_versions set definition = $1 where journey = 'cart'`, older); err != nil {
				return err
			}
			return w.journeys.Prepare(tx)
		})
		require.Equal(t, messaging.Pins{cartMail: 1}, texts(2))
		w.write(cartMail, "New bag: code {code}", 1, true)
		w.part("new")
		for range 6 {
			d.Clock().Advance(time.Hour)
			w.drain()
		}
		for _, group := range []string{"old", "new"} {
			got, _ := w.heard(group)
			require.Equal(t, map[string]bool{"en/1": true}, got, group)
		}
	})
}

// What is foretold of a version is foretold in its words: a draft would take in the newest.
func TestTrialsAndStoriesSayTheWordsOfTheirVersion(t *testing.T) {
	cartText := messaging.TextID{Key: "cart", Lang: "en", Channel: messaging.SMS}
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := writing(t, d)
		cart := w.shipped("cart")
		w.write(cartText, "Bag: {code}", 0, false)
		w.publishOver(cart, 1)
		w.abandon(12)
		w.write(cartText, strings.Repeat("A much longer text. ", 12)+"{code}", 1, true)
		r, err := w.journeys.Trial(t.Context(), cart, 10, nil)
		require.NoError(t, err)
		tried, live := r.Tried.All().Sent(), r.Live.All().Sent()
		require.Positive(t, live.Messages)
		require.Equal(t, live.Messages, live.Parts)
		require.Equal(t, 3*tried.Messages, tried.Parts)

		story := journeys.Story{Definitions: []journeys.Definition{cart}, Market: "gb", Phone: kate, Agreed: []messaging.Channel{messaging.SMS},
			Start: time.Date(2027, 3, 22, 15, 0, 0, 0, time.UTC), Events: journeytest.Scripts["cart"]}
		said := func() (version string) {
			for _, s := range w.tell(story) {
				if s.Message != nil {
					version = s.Message.TextVersion
				}
			}
			return version
		}
		require.Equal(t, "en/2", said(), "a draft would take in what is newest")
		for which, want := range map[string]string{"": "en/1", "1": "en/1", "2": "en/1", "draft": "en/2"} {
			for _, together := range []bool{false, true} {
				dbtest.Write(t, d, func(tx *db.Tx) error {
					if _, err := w.journeys.BeginDraft(tx, "cart", "mei"); err != nil {
						return err
					}
					return w.journeys.Cast(tx, &story, "cart", which, together)
				})
				require.Equal(t, map[bool]int{false: 1, true: 7}[together], len(story.Definitions))
				require.Equal(t, want, said(), which)
			}
		}
		story.Definitions, story.Texts = nil, nil
		require.Equal(t, "en/1", said(), "what is in force says what it took in")
	})
}

// A trial holds for the words it was run with: when only those change it counts as old, as when the definition does.
func TestATrialIsOldWhenItsWordsChange(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := writing(t, d)
		w.part("t")
		cart := shipped(t, "cart")
		holds := func(want bool, why string) {
			t.Helper()
			dbtest.Read(t, d, func(tx *db.Tx) error {
				_, err := w.journeys.TrialOf(tx, cart)
				if want {
					require.NoError(t, err, why)
				} else {
					require.ErrorIs(t, err, journeys.ErrUnknownTrial, why)
				}
				return nil
			})
		}
		try := func() {
			t.Helper()
			dbtest.Write(t, d, func(tx *db.Tx) error { _, err := w.journeys.BeginTrial(tx, cart, 10, "mei"); return err })
		}
		try()
		holds(true, "it runs")
		w.drain()
		holds(true, "nothing changed")
		w.write(messaging.TextID{Key: "confirm", Lang: "en", Channel: messaging.Email}, "Thank you: {order}", 0, true)
		holds(true, "words of another journey")
		w.write(cartMail, "Your bag, first words {code}", 0, true)
		holds(false, "new words")
		try()
		holds(true, "tried anew")
		w.write(cartMail, "Your bag, corrected {code}", 1, false)
		holds(false, "corrected before it ran")
		w.drain()
		holds(true, "it ran with the corrected words")
		w.write(cartMail, "Your bag, second words {code}", 2, true)
		holds(false, "new words again")
	})
}
