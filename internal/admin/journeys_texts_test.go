package admin_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/journeys"
	"portolan/internal/settings"
)

var messageOf = regexp.MustCompile(`/console/messages/(msg_[A-Za-z0-9]+)`)

// Whose words are sent to whom is told where words are written, where a journey is published, and at each message.
func TestWordsOfAVersionOnThePages(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.messages.Templates(settings.Watch(d), settings.Bump)
		s := r.withJourneys()
		r.parts.Decisions = s
		o := r.sample()
		dbtest.Write(t, d, func(tx *db.Tx) error {
			for _, event := range []string{"order.paid", "order.delivered"} {
				if err := s.Happened(tx, journeys.Happening{Event: event, At: tx.Now(), Customer: o.Customer, Market: "de", Lang: "de", Order: string(o.ID)}); err != nil {
					return err
				}
			}
			return nil
		})
		r.open()
		r.user(auth.Operator)
		b := r.as(auth.Operator)
		const text, journey = "/console/templates/survey", "/console/journeys/survey"
		de := []string{"lang", "de", "channel", "sms", "do", "publish"}

		body := b.page(text + "?lang=de")
		has(t, body, "Which journeys send these words", "Survey · Version 1", "the program&#39;s own words", "1 person on their way gets them in place of the words before.", `value="correction" checked`)
		require.NotContains(t, body, "older words")
		_, body = b.post(text, append(de, "over", "0", "body", "{nobody}", "kind", "new")...)
		has(t, body, `value="new" checked`)
		_, body = b.post(text, append(de, "over", "0", "body", "wie war {order} so?", "kind", "new")...)
		has(t, body, "Kept. Journeys that are published from now on", "older words", "Newer words wait for the next publishing", "1 person on their way is sent older words", "New words</span>", "Undo")

		has(t, b.page(journey), "Newer words of 1 text wait for the next publishing of this journey", "<ins>{order} so?</ins>", "Version 1")
		has(t, b.page(journey+"?node=ask&market=de&lang=de"), "Miana: wie war die Bestellung")
		b.post(journey, "do", "begin")
		body = b.page(journey + "/publish")
		has(t, body, "1 text has other words", "Words that are taken in", "German · SMS</a>: Version 1", "<ins>{order} so?</ins>")
		require.NotContains(t, body, "There is no difference")
		_, body = b.post(journey+"/publish", "do", "publish", "over", "1", "rev", rev(t, body))
		require.NotContains(t, body, "wait for the next publishing")
		has(t, b.page(journey+"/versions?a=1&b=2"), "1 text has other words", "<ins>{order} so?</ins>")
		has(t, b.page(journey+"/versions?a=2&b=1"), "1 text has other words", "<del>{order} so?</del>")

		_, body = b.post(text, append(de, "over", "1", "body", "wie war {order} denn so?", "kind", "correction")...)
		has(t, body, "The text is in force", "Survey · Version 2", "Correction</span>", `href="/console/journeys/survey/move?from=1"`, "1 person on their way is sent older words")
		require.NotContains(t, b.page(journey), "wait for the next publishing", "it was corrected there")

		page := b.page("/console/orders/" + string(o.ID))
		told := false
		for _, m := range runOf.FindAllStringSubmatch(page, -1) {
			run := b.page("/console/runs/" + m[1])
			if found := messageOf.FindStringSubmatch(run); found != nil {
				has(t, run, "Words: German · the program&#39;s own words")
				has(t, b.page("/console/messages/"+found[1]), "/console/templates/confirm?channel=", "German · the program&#39;s own words")
				told = true
			}
		}
		require.True(t, told)
		for _, lang := range []string{"ar", "de", "id", "ms"} {
			b.post("/console/language", "lang", lang)
			for _, path := range []string{text + "?lang=de", journey + "/versions?a=1&b=2", journey} {
				require.NotContains(t, b.page(path), "console.tw_")
			}
		}
	})
}
