package storefront

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"portolan/internal/market"
	"portolan/internal/web"
)

// robots tells crawlers what isn't for them and where the sitemaps are.
func (s *shop) robots(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := w.Write([]byte("User-agent: *\nDisallow: /*/cart\nDisallow: /*/checkout/\nDisallow: /*/search\nDisallow: /console\nDisallow: /v1/\n\nSitemap: " + s.absolute("/sitemap.xml") + "\n"))
	return err
}

type sitemapIndex struct {
	XMLName xml.Name  `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 sitemapindex"`
	Maps    []siteLoc `xml:"sitemap"`
}

type urlSet struct {
	XMLName xml.Name  `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
	URLs    []siteLoc `xml:"url"`
}

type siteLoc struct {
	Loc string `xml:"loc"`
}

func (s *shop) sitemapIndex(w http.ResponseWriter, r *http.Request) error {
	var out sitemapIndex
	for _, m := range s.Markets.All() {
		if m.State != market.Open {
			continue
		}
		for _, l := range m.Languages {
			out.Maps = append(out.Maps, siteLoc{s.absolute("/sitemap" + m.Prefix(l) + ".xml")})
		}
	}
	return writeXML(w, out)
}

// sitemap lists the pages of one market in one language: home, categories, and products that are sold there.
func (s *shop) sitemap(w http.ResponseWriter, r *http.Request) error {
	name, ok := strings.CutSuffix(r.PathValue("place"), ".xml")
	at, known := s.place(name)
	if !ok || !known || at.market.State != market.Open {
		return web.ErrNoPage
	}
	out := urlSet{URLs: []siteLoc{{s.absolute(at.prefix + "/")}}}
	for _, c := range s.Catalog.Snapshot().Categories() {
		out.URLs = append(out.URLs, siteLoc{s.absolute(at.prefix + "/c/" + c.Slug)})
	}
	for _, p := range s.Catalog.Snapshot().Products() {
		if s.sold(p)(at.market) {
			out.URLs = append(out.URLs, siteLoc{s.absolute(at.prefix + "/p/" + p.Slug)})
		}
	}
	slices.SortFunc(out.URLs, func(a, b siteLoc) int { return cmp.Compare(a.Loc, b.Loc) })
	return writeXML(w, out)
}

func writeXML(w http.ResponseWriter, v any) error {
	b, err := xml.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=600")
	_, err = w.Write(append([]byte(xml.Header), b...))
	return err
}
