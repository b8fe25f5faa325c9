package admin_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
)

// Two profiles are compared, joined, read as one with the profile beside each fact, and taken apart again.
func TestJoiningProfiles(t *testing.T) {
	r := lite(t)
	o := r.sample()
	r.user(auth.Owner)
	r.user(auth.Viewer)
	r.open()
	b := r.as(auth.Owner)
	var other, namesake customer.Customer
	r.d.Clock().Advance(time.Hour)
	dbtest.Write(t, r.d, func(tx *db.Tx) (err error) {
		if other, err = r.people.Upsert(tx, customer.Customer{GivenName: "Anna", Email: "work@example.org", Phone: o.Phone, Country: "DE", Lang: "en", Market: "de"}); err != nil {
			return err
		}
		namesake, err = r.people.Upsert(tx, customer.Customer{GivenName: "Anna", FamilyName: "Lang", Email: "third@example.org", Country: "DE", Lang: "de", Market: "de"})
		return err
	})
	page, compare := "/console/customers/"+o.Customer, "/console/customers/"+o.Customer+"/join"
	body := b.page(page)
	has(t, body, "Perhaps the same person", "Same phone number", "work@example.org", compare+"?other="+other.ID)
	require.NotContains(t, body, "third@example.org", "a name alone shows nothing")

	body = b.page(compare + "?other=" + other.ID)
	has(t, body, "Same phone number", "Stays", "What joining does", "Not the same person", "E-mail: Never agreed")
	has(t, b.page(compare+"?q=third"), "third@example.org", compare+"?other="+namesake.ID)
	has(t, b.page(compare+"?q=nobody"), "Nobody else has this name or address.")
	has(t, b.page(compare+"?other="+namesake.ID), "a name alone shows nothing", "How do you know")
	status, body := b.post(compare+"?other="+namesake.ID, "do", "join", "other", namesake.ID, "why", "")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	has(t, body, `id="why-e"`, "how you know that they are one person")
	status, body = b.post(compare+"?other="+o.Customer, "do", "join", "other", o.Customer, "why", "same")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	has(t, body, "This is the same profile.")

	viewer := r.as(auth.Viewer)
	require.NotContains(t, viewer.page(compare+"?other="+other.ID), `value="join"`)
	status, _ = viewer.post(compare+"?other="+other.ID, "do", "join", "other", other.ID)
	require.Equal(t, http.StatusForbidden, status)

	_, body = b.post(compare+"?other="+other.ID, "do", "join", "other", other.ID, "why", "she "+evil+" called")
	has(t, body, "The two profiles are one person now.", "Joined with the profile", "Undo until", "Two profiles joined", "Kept under", "All joined profiles are forgotten:")
	require.NotContains(t, body, evil)
	require.Equal(t, 1, strings.Count(b.page("/console/customers?q=work%40"), `href="/console/customers/cus_`), "found by either address")
	has(t, b.page("/console/customers/"+other.ID), o.Number)
	merge := regexp.MustCompile(`name="merge" value="(mrg_\w+)"`).FindStringSubmatch(body)
	require.NotNil(t, merge)
	_, body = b.post("/console/customers/"+o.Customer+"/unjoin", "merge", merge[1])
	has(t, body, "Each profile stands by itself again.", "Perhaps the same person", "Joining undone")
	require.NotContains(t, b.page("/console/customers/"+other.ID), o.Number)

	_, body = b.post(compare+"?other="+other.ID, "do", "apart", "other", other.ID)
	has(t, body, "Noted.")
	require.NotContains(t, body, "Perhaps the same person")

	b.post(compare+"?other="+other.ID, "do", "join", "other", other.ID, "why", "")
	r.d.Clock().Advance(31 * 24 * time.Hour)
	b = r.as(auth.Owner)
	has(t, b.page(page), "The 30 days are over")
	_, body = b.post("/console/customers/" + other.ID + "/erase")
	has(t, body, "The person is forgotten.")
	for _, id := range []string{o.Customer, other.ID} {
		status, _ = b.get("/console/customers/" + id)
		require.Equal(t, http.StatusNotFound, status)
	}
}
