package messaging_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/messaging"
)

// What a person answers may hold several links; each has a code, a target and clicks of its own.
func TestSeveralLinks(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		const order, help = "https://lotus.example/en-gb/orders/1", "https://lotus.example/en-gb/help"
		r := w.send(messaging.Message{Key: "two", To: kate, Channel: messaging.SMS, Market: "gb", Lang: "en", Text: "See " + order + " and " + help + "."})
		first, second := r.LinkCode("1"), r.LinkCode("2")
		require.Contains(t, r.Body, "See https://lotus.example/l/"+first+" and https://lotus.example/l/"+second)
		require.NotContains(t, r.Body, r.Token, "a link doesn't tell what opens the page of choices")
		d.Clock().Advance(time.Minute)
		click := func(code string, person bool) (to string, about messaging.Record, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) (err error) { to, about, err = w.messages.Follow(tx, code, person); return err })
			return
		}
		for _, c := range []struct {
			code   string
			person bool
			to     string
		}{{first, true, order}, {first, true, order}, {first, false, order}, {second, true, help}} {
			to, about, err := click(c.code, c.person)
			require.NoError(t, err)
			require.Equal(t, c.to, to)
			require.Equal(t, r.ID, about.ID)
		}
		got := w.get(r.ID)
		require.Equal(t, []messaging.Clicked{{first, "1", order, 2, 1}, {second, "2", help, 1, 0}}, got.Links)
		require.EqualValues(t, 3, got.Clicks)
		require.EqualValues(t, 1, got.Robots)
		for _, wrong := range []string{"", "x", r.Token, strings.ToUpper(first), r.LinkCode("3")} {
			_, _, err := click(wrong, true)
			require.ErrorIs(t, err, messaging.ErrBadToken, wrong)
		}
		d.Clock().Advance(91 * 24 * time.Hour)
		_, about, err := click(first, true)
		require.ErrorIs(t, err, messaging.ErrOldToken)
		require.Equal(t, "en", about.Lang, "the page that says so knows its reader")
	})
}

// Links lead to the shop and to hosts the merchant allowed; a message with another is refused when it is written.
func TestWhereLinksMayLead(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for target, ok := range map[string]bool{
			"https://lotus.example/a": true, "https://LOTUS.example/a?b=c": true, "https://lotus.example:8443/a": false, "http://lotus.example/a": false,
			"https://evil.example/": false, "https://lotus.example.evil.example/": false, "https://lotus.example@evil.example/": false,
			"https://evil.example/https://lotus.example": false, "https://help.lotus.example/x": false,
		} {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := w.messages.Plan(tx, messaging.Message{Key: "x", To: kate, Channel: messaging.SMS, Market: "gb", Lang: "en", Text: "look " + target})
				return err
			})
			if ok {
				require.NoError(t, err, target)
				continue
			}
			require.ErrorIs(t, err, messaging.ErrBadMessage, target)
			require.Equal(t, "messaging.link_host", fault.Of(err).Fields["text"], target)
		}
		for _, target := range []string{"javascript:alert(1)", "//evil.example", "/\\evil.example", "data:text/html,x", "https://evil.example/l"} {
			m := cart(kate, "gb", "en")
			m.Link = target
			require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.messages.Plan(tx, m); return err }), messaging.ErrBadMessage, target)
		}
	})
}
