package browser_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"portolan/internal/browser"
	"portolan/internal/catalog"
)

// maxListing is how large the HTML of a page may be, in bytes before compression.
const maxListing = 25_000

// fetch gets a page as a program does, without following redirects.
func fetch(t *testing.T, c *http.Client, path string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if !strings.HasPrefix(path, "http") {
		path = rig.shop.URL + path
	}
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header[k] = v
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

// Nobody is sent to another market by their address or language; only a choice made before opens it at once.
func TestNoRedirects(t *testing.T) {
	start(t, browser.Look{})
	for _, lang := range []string{"", "de-DE", "id", "ar", "xx-YY;q=broken"} {
		for _, ip := range []string{"", "81.169.145.1", "36.66.0.1"} { // a German and an Indonesian address, as a proxy would tell
			for _, path := range []string{"/", "/en-us/", "/de-de/c/dresses", "/ar-my/p/meridian-wrap-dress"} {
				res, _ := fetch(t, &http.Client{}, path, http.Header{"Accept-Language": {lang}, "X-Forwarded-For": {ip}})
				if res.StatusCode != http.StatusOK {
					t.Errorf("%s for a visitor who speaks %q from %q: %s to %s", path, lang, ip, res.Status, res.Header.Get("Location"))
				}
			}
		}
	}
	jar, _ := cookiejar.New(nil)
	u, _ := url.Parse(rig.shop.URL)
	jar.SetCookies(u, []*http.Cookie{{Name: "portolan_choice", Value: "/ms-my"}})
	c := &http.Client{Jar: jar}
	if res, _ := fetch(t, c, "/", nil); res.StatusCode != http.StatusFound || res.Header.Get("Location") != "/ms-my/" {
		t.Errorf("/ after a choice: %s to %s", res.Status, res.Header.Get("Location"))
	}
	for _, path := range []string{"/de-de/", "/?from=/de-de/"} {
		if res, _ := fetch(t, c, path, nil); res.StatusCode != http.StatusOK {
			t.Errorf("%s after another choice: %s to %s", path, res.Status, res.Header.Get("Location"))
		}
	}
	for _, value := range []string{"//evil.example", "/xx-xx", "https://evil.example", "/../console"} {
		jar.SetCookies(u, []*http.Cookie{{Name: "portolan_choice", Value: value}})
		if res, _ := fetch(t, c, "/", nil); res.StatusCode != http.StatusOK {
			t.Errorf("/ with the choice %q: %s to %s", value, res.Status, res.Header.Get("Location"))
		}
	}
}

// A visitor may change market on any page and stays on the same page there.
func TestSwitchMarket(t *testing.T) {
	w := start(t, browser.Look{})
	w.open("/de-de/p/meridian-wrap-dress")
	w.follow(".tools .place")
	w.follow(`form:has(input[value^="/en-gb/"]) button`)
	w.at("/en-gb/p/meridian-wrap-dress")
	if !strings.Contains(w.text(`document.querySelector(".buy .price").innerText`), "GBP") {
		t.Error("the price isn't in the market's currency")
	}
	w.open("/")
	w.at("/en-gb/")
}

// head is what a page says about itself to those who don't look at it.
type head struct {
	lang, dir, canonical, robots string
	alternates                   map[string]string
	size                         int
}

func read(t *testing.T, c *http.Client, path string) head {
	t.Helper()
	res, body := fetch(t, c, path, nil)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, res.Status)
	}
	doc, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	h := head{alternates: map[string]string{}, size: len(body)}
	for n := range doc.Descendants() {
		a := map[string]string{}
		for _, at := range n.Attr {
			a[at.Key] = at.Val
		}
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "html":
			h.lang, h.dir = a["lang"], a["dir"]
		case n.Data == "meta" && a["name"] == "robots":
			h.robots = a["content"]
		case n.Data == "link" && a["rel"] == "canonical":
			h.canonical = a["href"]
		case n.Data == "link" && a["rel"] == "alternate":
			if h.alternates[a["hreflang"]] != "" {
				t.Errorf("%s names %s twice", path, a["hreflang"])
			}
			h.alternates[a["hreflang"]] = a["href"]
		}
	}
	return h
}

// Every page of every market and language is its own canonical page, names all its sisters, and each of them names
// it back.
func TestSisters(t *testing.T) {
	start(t, browser.Look{})
	c := &http.Client{}
	a := rig.shop.App
	paths := []string{"/"}
	for _, cat := range a.Catalog.Snapshot().Categories()[:3] {
		paths = append(paths, "/c/"+cat.Slug)
	}
	products := a.Catalog.List(catalog.Filter{Market: "de", Lang: "de"}, catalog.Page{Size: 24}).Products
	for _, p := range products[:5] {
		paths = append(paths, "/p/"+p.Slug)
	}
	n := 0
	for _, path := range paths {
		pages := map[string]head{}
		for _, m := range a.Markets.All() {
			for _, lang := range m.Languages {
				at := m.Prefix(lang) + path
				h := read(t, c, at)
				pages[rig.shop.URL+at] = h
				n++
				dir := "ltr"
				if lang == "ar" {
					dir = "rtl"
				}
				if tag, _, _ := strings.Cut(h.lang, "-"); tag != lang || h.dir != dir {
					t.Errorf("%s is in %q, %q", at, h.lang, h.dir)
				}
				if h.canonical != rig.shop.URL+at {
					t.Errorf("%s says its address is %s", at, h.canonical)
				}
				if h.robots != "" {
					t.Errorf("%s says robots: %s", at, h.robots)
				}
				if h.size > maxListing {
					t.Errorf("%s has %d bytes", at, h.size)
				}
			}
		}
		for at, h := range pages {
			if h.alternates["x-default"] == "" {
				t.Errorf("%s names no page for everybody else", at)
			}
			own := false
			for lang, to := range h.alternates {
				own = own || to == at
				if lang == "x-default" {
					continue
				}
				sister, ok := pages[to]
				if !ok {
					t.Errorf("%s names %s for %s, which is none of its sisters", at, to, lang)
				} else if sister.alternates[lang] != to || !slices.ContainsFunc(values(sister.alternates), func(u string) bool { return u == at }) {
					t.Errorf("%s names %s for %s, which doesn't name it back", at, to, lang)
				}
			}
			if !own {
				t.Errorf("%s doesn't name itself", at)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d pages were read", n)
	}
	if h := read(t, c, "/de-de/search"); h.robots != "noindex" || h.size > maxListing {
		t.Errorf("the list of all products: %d bytes, robots %q", h.size, h.robots)
	}
}

func values(m map[string]string) (out []string) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}
