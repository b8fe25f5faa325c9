package admin_test

import (
	"html"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/i18n"
	"portolan/internal/messaging"
	"portolan/internal/settings"
)

// sentence is what the console says in English; every key has it in all languages or in none.
func sentence(t *testing.T, key string) string {
	p := i18n.For("en")
	require.True(t, p.Has("console."+key), key)
	return p.T("console." + key)
}

func TestTextsAreWrittenAndPublished(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.messages.Templates(settings.Watch(d), settings.Bump)
		r.user(auth.Operator)
		r.user(auth.Viewer)
		r.open()
		op, viewer := r.as(auth.Operator), r.as(auth.Viewer)
		has(t, op.page("/console/templates"), "Order paid", "built in", "German", "News of the parcel", "Sent when the parcel reaches customs.")
		for _, k := range messaging.BuiltinKeys() {
			has(t, op.page("/console/templates/"+k.Key), html.EscapeString(sentence(t, "tp_about_"+k.Key)))
			for _, v := range k.Vars {
				sentence(t, "tp_var_"+v.Name)
			}
			if k.Journey != "" {
				sentence(t, "tp_journey_"+k.Journey)
			}
		}
		at := "/console/templates/confirm"
		has(t, op.page(at+"?lang=de"), "danke[ {name}]", "Miana: danke Anna")
		has(t, op.page(at+"?lang=th"), `lang="th"`, "70 characters a part")
		has(t, op.page(at+"?lang=ar&channel=email"), `dir="rtl"`, "/letter?")
		de := []string{"lang", "de", "channel", "sms", "over", "0"}
		_, body := op.post(at, append(de, "do", "look", "body", "it’s {name}"+evil)...)
		has(t, body, "Write &#39; instead", "it’s Anna")
		require.NotContains(t, body, evil)
		_, body = op.post(at, append(de, "replace", "’", "body", "it’s {name}")...)
		has(t, body, ">it&#39;s {name}</textarea>")
		_, body = op.post(at, append(de, "insert", "order", "body", "hi")...)
		has(t, body, ">hi {order}</textarea>")
		status, body := op.post(at, append(de, "do", "publish", "body", "hi {nobody}")...)
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "There is no such variable here", ">hi {nobody}</textarea>")
		status, _ = viewer.post(at, append(de, "do", "publish", "body", "hi")...)
		require.Equal(t, http.StatusForbidden, status)
		_, body = op.post(at, append(de, "do", "publish", "body", "hallo {name}, {order}", "why", "shorter")...)
		has(t, body, "The text is in force", "Version 1", "shorter", "Undo")
		status, _ = op.post(at, append(de, "do", "publish", "body", "late")...)
		require.Equal(t, http.StatusConflict, status)
		_, body = op.post(at, "lang", "de", "channel", "sms", "over", "1", "n", "0", "do", "back")
		has(t, body, "danke[ {name}]", "Version 1")
		_, body = op.post("/console/templates", "do", "new", "key", "spring", "title", "Spring", "class", "promotional", "vars", "name: name\nlink: link")
		has(t, body, "Spring", "missing")
		status, body = op.post("/console/templates", "do", "new", "key", "Spring 2", "title", "Spring", "class", "promotional")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "spring_sale", `value="Spring 2"`)
	})
}
