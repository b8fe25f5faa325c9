package storefront_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/i18n"
)

var (
	hrefs     = regexp.MustCompile(`(?:href|action|src)="(/[^"]*)"`)
	jsonParts = regexp.MustCompile(`(?s)<script type="application/ld\+json">(.*?)</script>`)
	rawKey    = regexp.MustCompile(`\b(shop|checkout|pay|info|reply|service|duty|tax|fee|address|faults|common|journeys|fakepsp)\.[a-z]+[a-z_0-9.]*\b`)
)

// Every page that can be reached, in each of the five languages, says everything in words of that language.
func TestEveryPageSpeaksItsLanguage(t *testing.T) {
	s := apptest.Lite(t)
	before := i18n.Misses()
	for _, place := range []string{"en-us", "de-de", "id-id", "ms-my", "ar-de", "ar-us", "en-my"} {
		crawl(t, s, place)
	}
	for _, p := range apptest.People {
		for _, place := range []string{p.Place, "ar-" + p.Place[3:]} {
			walk(t, s, p, place)
		}
	}
	require.Equal(t, before, i18n.Misses(), "sentences are missing: %v", i18n.Missing())
}

// crawl follows every link within a place.
func crawl(t *testing.T, s *apptest.Shop, place string) {
	t.Helper()
	lang := place[:2]
	v := s.Visitor()
	seen, queue := map[string]bool{}, []string{"/" + place + "/", "/" + place + "/nowhere", "/" + place + "/search?q=zzzzzz", "/" + place + "/search?q=dres"}
	kinds := map[string]int{}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		p := v.Get(path)
		if strings.HasPrefix(path, "/media/") || strings.HasPrefix(path, "/assets/") {
			require.Equal(t, http.StatusOK, p.Status, path)
			continue
		}
		if p.Status == http.StatusSeeOther || p.Status == http.StatusFound {
			continue
		}
		if strings.HasSuffix(path, "/nowhere") {
			answers(t, p, http.StatusNotFound, lang)
		} else {
			answers(t, p, http.StatusOK, lang)
		}
		words(t, p)
		for _, m := range hrefs.FindAllStringSubmatch(p.Body, -1) {
			to := strings.ReplaceAll(m[1], "&amp;", "&")
			kind := strings.Split(strings.TrimPrefix(to, "/"+place), "/")[1]
			here := strings.HasPrefix(to, "/"+place+"/") && !strings.Contains(to, "/cart/")
			if seen[to] || !here && !strings.HasPrefix(to, "/assets/") && !strings.HasPrefix(to, "/media/") {
				continue
			}
			most := map[string]int{"media": 20, "p": 30, "search": 8}[kind]
			if seen[to] = true; most == 0 || kinds[kind] < most {
				kinds[kind]++
				queue = append(queue, to)
			}
		}
	}
	for _, kind := range []string{"p", "c", "info", "cart", "search"} {
		require.Positive(t, kinds[kind], "%s has links to /%s: %v", place, kind, kinds)
	}
}

// words demands that no key of a sentence and no open placeholder is on a page.
func words(t *testing.T, p apptest.Page) {
	t.Helper()
	text := p.Text()
	require.Empty(t, rawKey.FindAllString(text, -1), p.Path)
	require.NotRegexp(t, `\{[a-z_]+\}|%!|<nil>|\bNaN\b`, text, p.Path)
}

// walk goes the way to an order and looks at each page on it, with and without mistakes.
func walk(t *testing.T, s *apptest.Shop, p apptest.Person, place string) {
	t.Helper()
	at, lang := "/"+place, place[:2]
	p.Place, p.Email = place, place+"@example.org"
	look := func(g apptest.Page, status int) {
		t.Helper()
		answers(t, g, status, lang)
		words(t, g)
		require.Contains(t, g.Header.Get("Cache-Control"), "private", "%s is one visitor's", g.Path)
	}
	v := s.Visitor()
	look(v.Get(at+"/cart"), http.StatusOK)
	v.Add(place, p.SKU, "2")
	look(v.Get(at+"/cart"), http.StatusOK)
	look(v.Get(at+"/checkout/details"), http.StatusOK)
	look(v.Post(at+"/checkout/details", nil), http.StatusUnprocessableEntity)
	require.Equal(t, http.StatusSeeOther, v.Post(at+"/checkout/details", p.Form()).Status)
	look(v.Get(at+"/checkout/details"), http.StatusOK)
	look(v.Get(at+"/checkout/delivery"), http.StatusOK)
	look(v.Post(at+"/checkout/delivery", url.Values{"service": {"by-balloon"}}), http.StatusUnprocessableEntity)
	look(v.ToPayment(place), http.StatusOK)
	look(v.Post(at+"/checkout/payment", url.Values{"method": {"card"}, "card": {"4111111111111111"}}), http.StatusUnprocessableEntity)
	look(v.Post(at+"/checkout/payment", url.Values{"method": {"shells"}}), http.StatusUnprocessableEntity)
	look(v.Follow(v.Pay(place, "card", "4555000000000506")), http.StatusOK)
	look(v.Post(at+"/cart/code", url.Values{"code": {"NOSUCHCODE"}}), v.Post(at+"/cart/code", url.Values{"code": {"NOSUCHCODE"}}).Status)
	v.ToPayment(place)
	done := v.Follow(v.Pay(place, "card", apptest.Card))
	look(done, http.StatusOK)
	require.Contains(t, done.Path, "/orders/")
}

// What is the same for everybody is the same to the byte, whoever asks, and carries nobody's cookie.
func TestPublicPagesAreEverybodys(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	known, stranger := s.Visitor(), s.Visitor()
	known.Quote(apptest.Anna)
	known.Post("/choose", url.Values{"to": {"/de-de/"}})
	for _, path := range []string{"/de-de/", "/de-de/c/dresses", "/de-de/c/dresses?color=teal&sort=price_up", "/de-de/search?q=kleid", "/de-de/p/meridian-wrap-dress", "/de-de/info/delivery", "/ar-gb/"} {
		one, two := known.Get(path), stranger.Get(path)
		require.Equal(t, one.Body, two.Body, path)
		for _, p := range []apptest.Page{one, two} {
			require.Empty(t, p.Header.Values("Set-Cookie"), path)
			require.True(t, strings.HasPrefix(p.Header.Get("Cache-Control"), "public"), path)
			require.NotContains(t, p.Header.Get("Vary"), "Cookie")
		}
		r := stranger.Request(http.MethodGet, path, "", nil)
		r.Header.Set("If-None-Match", one.Header.Get("Etag"))
		again := stranger.Do(r)
		require.Equal(t, http.StatusNotModified, again.Status, path)
		require.Empty(t, again.Body)
	}
	for _, path := range []string{"/de-de/cart", "/de-de/checkout/details", "/de-de/checkout/delivery", "/de-de/checkout/payment", "/visitor.json?at=/de-de/"} {
		p := known.Get(path)
		require.Equal(t, http.StatusOK, p.Status, path)
		require.Contains(t, p.Header.Get("Cache-Control"), "private", path)
		require.Empty(t, p.Header.Get("Etag"))
	}
	missing := stranger.Get("/de-de/nowhere")
	require.NotContains(t, missing.Header.Get("Cache-Control"), "public")
}

// A page shows what is true now: a new price, a new title, the last piece sold.
func TestPagesFollowTheShop(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	v := s.Visitor()
	path := "/de-de/p/meridian-wrap-dress"
	before := v.Get(path)
	s.Write(func(tx *db.Tx) error {
		p, err := s.Catalog.Find(tx, "meridian-wrap-dress")
		if err != nil {
			return err
		}
		text := p.Texts["de"]
		text.Title = "Wickelkleid Wendekreis"
		p.Texts["de"] = text
		_, err = s.Catalog.Import(tx, []catalog.Product{p})
		return err
	})
	after := v.Get(path)
	require.Contains(t, after.Text(), "Wickelkleid Wendekreis")
	require.NotEqual(t, before.Header.Get("Etag"), after.Header.Get("Etag"))
}

// What shoppers and merchants write stands on pages as they wrote it, and does nothing.
func TestMarkupIsOnlyText(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	s.Write(func(tx *db.Tx) error {
		p, err := s.Catalog.Find(tx, "meridian-wrap-dress")
		if err != nil {
			return err
		}
		for lang := range p.Texts {
			text := p.Texts[lang]
			text.Title, text.Description, text.Care, text.Fit = "Dress "+nasty+"</script>", nasty+"</script><script>alert(3)</script>", nasty, nasty
			p.Texts[lang] = text
		}
		for i := range p.Images {
			for lang := range p.Images[i].Alt {
				p.Images[i].Alt[lang] = nasty
			}
		}
		_, err = s.Catalog.Import(tx, []catalog.Product{p})
		return err
	})
	rude := apptest.Anna
	short := `"'><script>alert(1)</script>`
	rude.Given, rude.Family, rude.Line1, rude.City = "Anna "+short, short, nasty[:60]+" 14", short
	v := s.Visitor()
	look := func(p apptest.Page) apptest.Page {
		t.Helper()
		harmless(t, p)
		require.False(t, strings.Contains(p.Body, "<script>alert(3)"), p.Path)
		for _, part := range jsonParts.FindAllStringSubmatch(p.Body, -1) {
			var any any
			require.NoError(t, json.Unmarshal([]byte(part[1]), &any), p.Path)
		}
		return p
	}
	product := look(v.Get("/de-de/p/meridian-wrap-dress"))
	parts := jsonParts.FindAllStringSubmatch(product.Body, -1)
	require.NotEmpty(t, parts)
	var data struct{ Name string }
	require.NoError(t, json.Unmarshal([]byte(parts[0][1]), &data))
	require.Equal(t, "Dress "+nasty+"</script>", data.Name, "as it was written")
	for _, path := range []string{"/de-de/", "/de-de/c/dresses", "/de-de/search?q=" + url.QueryEscape(nasty), "/de-de/search?q=" + url.QueryEscape(`dress "><script>alert(1)</script>`)} {
		look(v.Get(path))
	}
	look(v.Add("de-de", rude.SKU, "1"))
	look(v.Get("/de-de/cart"))
	look(v.Post("/de-de/cart/code", url.Values{"code": {nasty}}))
	p := look(v.Post("/de-de/checkout/details", rude.Form()))
	require.Equal(t, http.StatusSeeOther, p.Status, p.Text())
	look(v.Get("/de-de/checkout/details"))
	look(v.ToPayment("de-de"))
	done := look(v.Follow(v.Pay("de-de", "card", apptest.Card)))
	require.Contains(t, done.Path, "/orders/")
	require.Contains(t, done.Text(), short, "as it was written")
	require.Contains(t, s.Texts(rude.Phone, 1)[0].Text, "ist bezahlt")
	mail := s.Mailed(rude.Email, 1)[0]
	require.NotContains(t, mail.HTML, "<script>alert")
	require.NotContains(t, mail.HTML, "<img src=x")
	require.NotContains(t, mail.Subject, "\n")
}

// Each page is one of a cluster of the same page in other places, in which each names all.
func TestClusters(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	alternate := regexp.MustCompile(`<link rel="alternate" hreflang="([^"]+)" href="([^"]+)">`)
	canonical := regexp.MustCompile(`<link rel="canonical" href="([^"]+)">`)
	v := s.Visitor()
	for _, path := range []string{"/", "/c/dresses", "/p/meridian-wrap-dress", "/info/delivery"} {
		var first []string
		for _, place := range []string{"de-de", "ar-de", "en-us", "id-id", "ms-my"} {
			p := v.Get("/" + place + path)
			require.Equal(t, s.URL+"/"+place+path, canonical.FindStringSubmatch(p.Body)[1])
			var all []string
			self := false
			for _, m := range alternate.FindAllStringSubmatch(p.Body, -1) {
				all = append(all, m[1]+" "+m[2])
				self = self || m[2] == s.URL+"/"+place+path
			}
			require.True(t, self, "%s%s names itself", place, path)
			require.True(t, slices.ContainsFunc(all, func(a string) bool { return strings.HasPrefix(a, "x-default ") }))
			require.True(t, slices.ContainsFunc(all, func(a string) bool { return strings.HasPrefix(a, "de-DE ") }))
			if first == nil {
				first = all
			}
			require.Equal(t, first, all, "%s%s", place, path)
		}
	}
	index := v.Get("/sitemap.xml").Body
	require.Contains(t, index, s.URL+"/sitemap/de-de.xml")
	one := v.Get("/sitemap/de-de.xml")
	require.Equal(t, http.StatusOK, one.Status)
	require.GreaterOrEqual(t, strings.Count(one.Body, "<loc>"), 72)
	require.Contains(t, v.Get("/robots.txt").Body, "Sitemap: "+s.URL+"/sitemap.xml")
}

// Market and language come from the address; a choice made before is remembered; a guess is a line, never a trap.
func TestAVisitorIsNeverTrapped(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	v := s.Visitor()
	r := v.Request(http.MethodGet, "/", "", nil)
	r.Header.Set("Accept-Language", "de-DE,de;q=0.9")
	p := v.Do(r)
	answers(t, p, http.StatusOK, "de")
	for _, place := range []string{"/en-us/", "/de-de/", "/en-gb/", "/id-id/", "/ms-my/", "/ar-de/"} {
		require.Contains(t, p.Body, `value="`+place+`"`)
	}
	chosen := v.Post("/choose", url.Values{"to": {"/ms-my/c/dresses"}})
	require.Equal(t, "/ms-my/c/dresses", chosen.To())
	require.Equal(t, "/ms-my/", v.Get("/").To(), "remembered")
	require.Equal(t, http.StatusOK, v.Get("/de-de/").Status, "and yet every place is open")
	require.Equal(t, http.StatusOK, v.Get("/?from=/ms-my/").Status, "and may be changed")

	v.Add("de-de", apptest.Anna.SKU, "1")
	moved := v.Get("/en-us/cart")
	answers(t, moved, http.StatusOK, "en")
	require.Contains(t, moved.Text(), "USD")
	require.NotContains(t, moved.Text(), "EUR")
	c := bag(t, s, v)
	require.EqualValues(t, 1, c.Count(), "the bag comes along")
	require.Equal(t, "us en", string(c.Market)+" "+c.Lang)
}
