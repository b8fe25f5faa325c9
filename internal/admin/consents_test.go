package admin_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
)

// sendCSV posts a file with fields.
func (b *browser) sendCSV(path, file string, fields ...string) (int, string) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(b.r.t, w.WriteField(fields[i], fields[i+1]))
	}
	f, err := w.CreateFormFile("file", "old <b>.csv")
	require.NoError(b.r.t, err)
	_, err = f.Write([]byte(file))
	require.NoError(b.r.t, err)
	require.NoError(b.r.t, w.Close())
	res, err := b.c.Post(b.r.server.URL+path, w.FormDataContentType(), &body)
	require.NoError(b.r.t, err)
	return b.read(res)
}

func TestConsentPages(t *testing.T) {
	r := lite(t)
	dbtest.Write(t, r.d, func(tx *db.Tx) error {
		m, _ := r.markets.ByCode("de")
		m.DoubleOptIn, m.ConsentChannels = true, []string{"sms", "email"}
		return r.markets.Save(tx, m)
	})
	require.NoError(t, r.markets.Load(t.Context()))
	r.sample()
	r.user(auth.Owner)
	r.user(auth.Viewer)
	r.open()
	b := r.as(auth.Owner)
	require.Contains(t, b.page("/console/consents"), "Germany")

	status, body := b.post("/console/consents", "do", "de", "market", "de", "after_stop", "mute", "keep_days", "7")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, "30 to 3,660 days")
	require.Contains(t, body, `value="7"`, "what was typed is kept")
	_, body = b.post("/console/consents", "do", "de", "market", "de", "after_stop", "mute", "keep_days", "90")
	require.Contains(t, body, "90 days")

	require.Contains(t, b.page("/console/consents/words?market=de"), "own words")
	_, body = b.post("/console/consents/words?market=de", "do", "de-sms", "market", "de", "lang", "de", "channel", "sms", "text", "Ja, gern "+evil)
	require.Contains(t, body, "Version 1")
	require.NotContains(t, body, evil)
	status, body = b.post("/console/consents/words?market=de", "do", "de-sms", "market", "de", "lang", "de", "channel", "sms", "text", " ")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, `id="e-de-sms"`)

	const file = "address,agreed_at,text,source,confirmed\nada@example.org,2025-03-01,Offers,form,yes\nnobody,2025-03-01,Offers,form,yes\n"
	status, body = b.sendCSV("/console/consents/import", file, "do", "import", "market", "de")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "<progress")
	require.NotContains(t, body, "old <b>")
	require.NoError(t, r.queue.Drain(t.Context()))
	dbtest.Read(t, r.d, func(tx *db.Tx) error {
		runs, err := r.people.Imports(tx)
		require.NoError(t, err)
		body = b.page("/console/consents/import?run=" + runs[0].ID)
		require.Contains(t, body, "neither an e-mail address nor a phone number")
		require.Contains(t, body, "Taken over")
		return nil
	})
	status, body = b.sendCSV("/console/consents/import", "a,b\n", "do", "import", "market", "de")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, "needs the columns")

	status, body = b.post("/console/consents/silence", "do", "add", "address", "nobody", "note", "asked")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, `value="nobody"`)
	require.Contains(t, body, `id="address-e"`)
	_, body = b.post("/console/consents/silence", "do", "add", "address", "ada@example.org", "note", "asked on the phone "+evil)
	require.Contains(t, body, "asked on the phone")
	require.NotContains(t, body, evil)
	_, body = b.post("/console/consents/silence", "do", "lift", "address", "ada@example.org", "note", "a mistake")
	require.Contains(t, body, "Nobody is on the list")

	dbtest.Write(t, r.d, func(tx *db.Tx) error { _, _, err := r.people.StopAll(tx, "+4915123456789", "reply sms"); return err })
	require.Contains(t, b.page("/console/consents/silence?reason=stop"), "the person")

	status, body = b.post("/console/evidence/file", "address", "+4915123456789", "format", "json")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `"gaps": []`)
	status, body = b.post("/console/evidence/file", "address", "+4915123456789", "format", "pdf")
	require.Equal(t, http.StatusOK, status)
	require.True(t, strings.HasPrefix(body, "%PDF"))
	require.Contains(t, b.page("/console/evidence"), "owner@shop.example", "who asked is shown")
	status, body = b.post("/console/evidence", "do", "span", "from", "2026-11-24", "until", "2026-11-01")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, `id="from-e"`)
	_, body = b.post("/console/evidence", "do", "span", "from", "2026-11-01", "until", "2026-11-24")
	require.Contains(t, body, "<progress")
	require.NoError(t, r.queue.Drain(t.Context()))
	require.Contains(t, b.page("/console/evidence"), `name="export"`)

	viewer := r.as(auth.Viewer)
	status, _ = viewer.post("/console/evidence/file", "address", "+4915123456789")
	require.Equal(t, http.StatusForbidden, status)
	require.NotContains(t, viewer.page("/console/consents/silence"), "Silence this address")

	var who customer.Customer
	dbtest.Read(t, r.d, func(tx *db.Tx) (err error) { who, err = r.people.ByEmail(tx, "anna@example.org"); return err })
	require.Contains(t, b.page("/console/customers/"+who.ID), "Digest of the event")
	status, _ = viewer.post("/console/customers/" + who.ID + "/erase")
	require.Equal(t, http.StatusForbidden, status)
	_, body = b.post("/console/customers/" + who.ID + "/erase")
	require.Contains(t, body, "The person is forgotten.")
}
