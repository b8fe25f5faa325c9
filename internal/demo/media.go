package demo

import (
	"io/fs"
	"sync"
	"testing/fstest"
	"time"

	"portolan/internal/demo/art"
)

// Media is the merchant's pictures, drawn when asked for.
func Media() fs.FS { return &pictures{index: sync.OnceValue(index)} }

type pictures struct {
	index func() map[string]func() []byte
}

// Open implements fs.FS.
func (p *pictures) Open(name string) (fs.File, error) {
	draw := p.index()[name]
	if draw == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return fstest.MapFS{name: {Data: draw(), ModTime: time.Time{}, Mode: 0o444}}.Open(name)
}

// ink is the colour of the wordmark.
const ink = "#222f3a"

// index says how each picture is drawn.
func index() map[string]func() []byte {
	all := map[string]func() []byte{
		"logo.svg": func() []byte { return art.Logo(ink) },
		"icon.svg": art.Favicon,
	}
	for i, name := range []string{"hero-1.svg", "hero-2.svg", "hero-3.svg"} {
		all[name] = func() []byte { return art.Hero(uint64(i), nil) }
	}
	cats, err := categories()
	if err != nil {
		return all
	}
	for _, c := range cats {
		all["c-"+c.Slug+".svg"] = func() []byte { return art.Category(c.Kind) }
	}
	goods, err := products()
	if err != nil {
		return all
	}
	for _, p := range goods {
		for _, c := range p.Options.Colours {
			d := art.Design{Kind: p.Kind, Cut: p.Cut, Pattern: p.Pattern, Detail: p.Detail, Main: c.Hex, Accent: c.Accent, Seed: art.Seed(p.Slug)}
			all[imageFile(p.Slug, c.Code, "")] = func() []byte { return art.Product(d) }
			all[imageFile(p.Slug, c.Code, "detail")] = func() []byte { return art.Detail(d) }
		}
	}
	return all
}
