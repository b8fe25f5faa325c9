package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/auth"
)

// An operator works through the queue of codes: keeps one against an import, takes a suggestion, is refused a code that is
// none with what was typed, postpones, and takes a decision back.
func TestCodesOnTheConsole(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		_, err := s.Auth.AddUser(t.Context(), "desk@miana.example", "Mei", "a long enough one", auth.Operator)
		require.NoError(t, err)
		v := s.Visitor()
		require.Equal(t, http.StatusSeeOther, v.Post("/console/login", url.Values{"email": {"desk@miana.example"}, "password": {"a long enough one"}}).Status)
		page := v.Get("/console/goods")
		require.Equal(t, http.StatusOK, page.Status, page.Text())
		require.Contains(t, page.Body, "/console/goods/monday-backpack")

		const pack = "/console/goods/monday-backpack"
		page = v.Get(pack)
		require.Equal(t, http.StatusOK, page.Status, page.Text())
		require.Contains(t, page.Text(), "4202.22.10", "what the import brought")
		bad := v.Post(pack, url.Values{"do": {"decide"}, "how": {"chosen"}, "other": {"6204.99"}, "reason": {"just so"}})
		require.Equal(t, http.StatusUnprocessableEntity, bad.Status)
		require.Contains(t, bad.Body, `value="6204.99"`)
		require.Contains(t, bad.Body, `value="just so"`)
		kept := v.Post(pack, url.Values{"do": {"decide"}, "how": {"kept"}})
		require.Equal(t, http.StatusSeeOther, kept.Status)
		require.NotContains(t, v.Get("/console/goods").Body, pack)
		next := v.Get(kept.To())
		require.Contains(t, next.Body, `action="`+pack+`"`, "the next page offers to take it back")
		id := regexp.MustCompile(`name="undo" value="(cls[^"]+)"`).FindStringSubmatch(next.Body)
		require.NotNil(t, id)
		require.Equal(t, http.StatusSeeOther, v.Post(pack, url.Values{"undo": {id[1]}}).Status)
		require.Contains(t, v.Get("/console/goods").Body, pack)

		require.Equal(t, http.StatusUnprocessableEntity, v.Post(pack, url.Values{"do": {"decide"}, "how": {"postponed"}}).Status, "why?")
		require.Equal(t, http.StatusSeeOther, v.Post(pack, url.Values{"do": {"decide"}, "how": {"chosen"}, "hs": {"420222"}, "reason": {"it is a handbag"}}).Status)
		s.Until("the code is in the catalogue", func() bool {
			p, ok := s.Catalog.Snapshot().BySlug("monday-backpack")
			return ok && p.HS == "420222"
		})
		require.Contains(t, v.Get(pack).Text(), "it is a handbag")

		require.Equal(t, http.StatusSeeOther, v.Post("/console/goods/halo-hoops", url.Values{"do": {"facts"}, "wearer": {"women"}, "trait": {"cites"}, "evidence": {"CE, REACH_TEST"}}).Status)
		s.Until("the facts are in the catalogue", func() bool {
			p, _ := s.Catalog.Snapshot().BySlug("halo-hoops")
			return len(p.Traits) == 1 && len(p.Evidence) == 2
		})
		require.Equal(t, http.StatusNotFound, v.Get("/console/goods/nobody").Status)
	})
}
