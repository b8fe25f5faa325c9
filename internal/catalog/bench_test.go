package catalog_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/settings"
)

// thousand opens a SQLite shop with 1,000 products of 5 languages and 3 variants each.
func thousand(b *testing.B) (*db.DB, *settings.Watcher) {
	b.Helper()
	d, err := db.Open(b.Context(), filepath.Join(b.TempDir(), "shop.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	if err := d.Migrate(b.Context(), schemas...); err != nil {
		b.Fatal(err)
	}
	w := settings.Watch(d)
	c := catalog.New(d, w, settings.Bump)
	var all []catalog.Product
	for i := range 1000 {
		p := dress(fmt.Sprintf("dress-%d", i))
		text := p.Texts["en"]
		for range 3 {
			text.Description += text.Description
		}
		text.Title = fmt.Sprintf("Breeze dress number %d", i)
		for _, lang := range []string{"en", "de", "id", "ms", "ar"} {
			p.Texts[lang] = text
		}
		all = append(all, p)
	}
	err = d.Write(b.Context(), func(tx *db.Tx) error {
		if err := c.ImportCategories(tx, []catalog.Category{{Slug: "dresses", Names: map[string]string{"en": "Dresses"}}}); err != nil {
			return err
		}
		_, err := c.Import(tx, all)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return d, w
}

// From a migrated database to the first list in one language.
func BenchmarkLoad(b *testing.B) {
	d, w := thousand(b)
	for b.Loop() {
		c := catalog.New(d, w, settings.Bump)
		for _, p := range c.List(catalog.Filter{Lang: "de"}, catalog.Page{}).Products {
			_ = p.Text("de").Title
		}
	}
}

func BenchmarkList(b *testing.B) {
	d, w := thousand(b)
	c := catalog.New(d, w, settings.Bump)
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range c.List(catalog.Filter{Lang: "de", Market: "de"}, catalog.Page{}).Products {
			_ = p.Text("de").Title
		}
	}
}

// A list nobody has asked for before.
func BenchmarkListAnew(b *testing.B) {
	d, w := thousand(b)
	c := catalog.New(d, w, settings.Bump)
	n := int64(0)
	for b.Loop() {
		n++
		c.List(catalog.Filter{Lang: "de", Market: "de", MinPrice: n}, catalog.Page{})
	}
}

func BenchmarkSearchAnew(b *testing.B) {
	d, w := thousand(b)
	c := catalog.New(d, w, settings.Bump)
	n := 0
	for b.Loop() {
		n++
		c.List(catalog.Filter{Lang: "de", Query: fmt.Sprintf("braeze %d", n%1000)}, catalog.Page{})
	}
}
