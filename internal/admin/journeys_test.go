package admin_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/journeys"
)

type noCarts struct{}

func (noCarts) ByID(*db.Tx, string) (checkout.Cart, error) {
	return checkout.Cart{}, checkout.ErrUnknown
}
func (noCarts) Link(*db.Tx, string) (string, error) { return "", nil }

// withJourneys gives the console journeys, as they are shipped.
func (r *rig) withJourneys() *journeys.Service {
	s := journeys.New(r.d, r.bus, r.queue, journeys.Needs{Orders: r.orders, Carts: noCarts{}, Codes: r.prices, Stock: r.stock, Articles: r.catalog, Customers: r.people,
		Markets: r.markets, Messages: r.messages})
	dbtest.Write(r.t, r.d, func(tx *db.Tx) error { return s.Prepare(tx) })
	r.parts.Journeys = s
	return s
}

var _ journeys.Articles = (*catalog.Service)(nil)

var revOf = regexp.MustCompile(`name="rev" value="(\d+)"`)

func rev(t *testing.T, body string) string {
	t.Helper()
	m := revOf.FindStringSubmatch(body)
	require.NotNil(t, m, "the form says which state of the draft it shows")
	return m[1]
}

// Every shipped journey can be looked at, step by step, in every language.
func TestJourneyPages(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.withJourneys()
		r.open()
		r.user(auth.Operator)
		b := r.as(auth.Operator)
		for _, lang := range []string{"ar", "de", "id", "ms", "en"} {
			b.post("/console/language", "lang", lang)
			b.page("/console/journeys")
			for _, j := range journeys.Shipped() {
				body := b.page("/console/journeys/" + j.Journey)
				for _, n := range j.Nodes {
					has(t, body, "node="+n.ID+"#panel")
					if lang == "en" || lang == "ar" {
						b.page("/console/journeys/" + j.Journey + "?node=" + n.ID)
					}
				}
				for _, part := range []string{"trigger", "exits", "settings"} {
					b.page("/console/journeys/" + j.Journey + "?part=" + part)
				}
				b.page("/console/journeys/" + j.Journey + "/versions")
			}
		}
		has(t, b.page("/console/journeys/survey"), "Wait until 1 day after the beginning, then between 10:00 and 20:00", "Write: How was it (as the market prefers)", "The rating is at least 3?")
		status, _ := b.get("/console/journeys/nothing")
		require.Equal(t, http.StatusNotFound, status)
	})
}

// From the first change to publishing and back, without script.
func TestJourneyIsChanged(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		s := r.withJourneys()
		r.open()
		r.user(auth.Operator)
		b := r.as(auth.Operator)
		const at = "/console/journeys/cart"
		_, body := b.post(at, "do", "begin")
		has(t, body, "0 changes to what is live")
		_, body = b.post(at+"?draft=1&node=pause", "do", "save", "rev", rev(t, body), "for", "three hours", "since", "start", "to.next", "back")
		has(t, body, "This is no length of time", `value="three hours"`)
		_, body = b.post(at+"?draft=1&node=pause", "do", "save", "rev", rev(t, body), "for", "3h", "since", "start", "to.next", "back")
		has(t, body, "Wait until 3 hours after the beginning", "1 change to what is live", "Undo<span class=\"words\">: changed pause")
		stale := rev(t, body)
		_, body = b.post(at+"?draft=1&node=back", "do", "save", "rev", stale, "when", "cart.totl > 3", "reason", "came_back", "to.next", "share", "to.else", "")
		has(t, body, "The rule can&#39;t be read", "column 5: undeclared reference", "1 thing to mend")
		status, body := b.post(at+"?draft=1&node=back", "do", "save", "rev", stale, "when", "cart.total > 3.0", "reason", "came_back", "to.next", "share", "to.else", "")
		require.Equal(t, http.StatusConflict, status, "somebody else was faster")
		has(t, body, "cart.total &gt; 3.0")
		status, _ = b.get(at + "/publish")
		require.Equal(t, http.StatusOK, status)
		_, body = b.post(at+"?draft=1", "do", "undo", "rev", rev(t, body))
		has(t, body, "Redo<span class=\"words\">: changed back")
		_, body = b.post(at+"?draft=1&node=write", "do", "add", "rev", rev(t, body), "kind", "tag", "where", "next")
		has(t, body, "Remember a word", "Please use small letters")
		b.post(at+"?draft=1&node=tag", "do", "save", "rev", rev(t, body), "tag", "asked", "to.next", "")
		body = b.page(at + "/publish")
		has(t, body, "3 changes to what is live", "Nothing keeps this from being published", "<del><bdi>2h</bdi></del>", "<ins><bdi>3h</bdi></ins>", "t-added", "t-changed")
		_, body = b.post(at+"/publish", "do", "publish", "over", "1", "rev", rev(t, body), "note", "three hours are kinder")
		has(t, body, "Version 2", "Live from now on")
		body = b.page(at + "/versions?a=1&b=2")
		has(t, body, "three hours are kinder", "<ins><bdi>3h</bdi></ins>")
		_, body = b.post(at+"/versions", "do", "back", "n", "1", "over", "2")
		has(t, body, "Version 3", "Version 1 again")
		_, body = b.post(at+"/versions", "do", "closed")
		has(t, body, "Closed to new people")
		dbtest.Read(t, d, func(tx *db.Tx) error {
			v, err := s.Version(tx, "cart", 3)
			require.Equal(t, "2h", v.Definition.Nodes[0].For.String())
			return err
		})
		b.page(at + "/move?from=1&to=3")
	})
}

func TestJourneyViewerChangesNothing(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.withJourneys()
		r.open()
		r.user(auth.Viewer)
		b := r.as(auth.Viewer)
		body := b.page("/console/journeys/cart?node=offer")
		require.NotContains(t, body, `value="begin"`)
		status, _ := b.post("/console/journeys/cart", "do", "begin")
		require.Equal(t, http.StatusForbidden, status)
	})
}
