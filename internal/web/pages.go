package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
)

// Templates are the pages of a face: every templates/*.html that isn't a layout or part (_name.html) becomes a
// page of that name, sharing the layouts and parts. A page is made when it is first drawn: a shop whose console
// nobody opens doesn't carry it about.
type Templates struct {
	pages map[string]func() (*template.Template, error)
}

// ParseTemplates reads a face's layouts and parts. Funcs are what pages may call.
func ParseTemplates(tree fs.FS, funcs template.FuncMap) (*Templates, error) {
	names, err := fs.Glob(tree, "templates/*.html")
	if err != nil {
		return nil, err
	}
	shared := template.New("").Funcs(funcs)
	for _, n := range names {
		if strings.HasPrefix(path.Base(n), "_") {
			if shared, err = parse(shared, tree, n, path.Base(n)); err != nil {
				return nil, err
			}
		}
	}
	t := &Templates{map[string]func() (*template.Template, error){}}
	for _, n := range names {
		name := strings.TrimSuffix(path.Base(n), ".html")
		if strings.HasPrefix(name, "_") {
			continue
		}
		t.pages[name] = sync.OnceValues(func() (*template.Template, error) {
			page, err := shared.Clone()
			if err != nil {
				return nil, err
			}
			return parse(page, tree, n, "page")
		})
	}
	return t, nil
}

func parse(to *template.Template, tree fs.FS, file, as string) (*template.Template, error) {
	body, err := fs.ReadFile(tree, file)
	if err != nil {
		return nil, err
	}
	if _, err := to.New(as).Parse(string(body)); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return to, nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Execute renders one named template of a page: "layout" for a whole page, a part's name for a piece of it.
func (t *Templates) Execute(page, part string, data any) ([]byte, error) {
	made := t.pages[page]
	if made == nil {
		return nil, fmt.Errorf("web: no page %q", page)
	}
	p, err := made()
	if err != nil {
		return nil, err
	}
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	if err := p.ExecuteTemplate(b, part, data); err != nil {
		return nil, fmt.Errorf("page %s: %w", page, err)
	}
	return bytes.Clone(b.Bytes()), nil
}

// HTML answers with a page that is for this caller only.
func HTML(w http.ResponseWriter, r *http.Request, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-cache")
	}
	var zipped []byte
	if TakesGzip(r) {
		zipped = Gzip(body)
	}
	Deliver(w, r, status, "", body, zipped)
	return nil
}

// Cache keeps finished bodies under a key that names all they depend on (market, language, query, versions).
// When it is full it starts anew: what is asked for often is soon back.
type Cache struct {
	max  int64
	gen  atomic.Pointer[generation]
	hits atomic.Int64
	miss atomic.Int64
}

type generation struct {
	bodies sync.Map // key -> *cached
	size   atomic.Int64
}

type cached struct {
	once         sync.Once
	body, zipped []byte
	etag         string
	err          error
}

// NewCache returns a cache of about max bytes.
func NewCache(max int64) *Cache {
	c := &Cache{max: max}
	c.gen.Store(&generation{})
	return c
}

// Serve answers with the body kept under key, made by fill if there is none. Many callers at once make it once.
// A failure is not kept.
func (c *Cache) Serve(w http.ResponseWriter, r *http.Request, contentType, key string, fill func() ([]byte, error)) error {
	g := c.gen.Load()
	v, found := g.bodies.Load(key)
	if !found {
		v, found = g.bodies.LoadOrStore(key, new(cached))
	}
	e := v.(*cached)
	e.once.Do(func() {
		c.miss.Add(1)
		if e.body, e.err = fill(); e.err != nil {
			g.bodies.Delete(key)
			return
		}
		e.zipped = Gzip(e.body)
		sum := sha256.Sum256(e.body)
		e.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`
		if g.size.Add(int64(len(key)+len(e.body)+len(e.zipped))) > c.max {
			c.gen.CompareAndSwap(g, &generation{})
		}
	})
	if e.err != nil {
		return e.err
	}
	if found {
		c.hits.Add(1)
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Etag", e.etag)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "public, max-age=60, stale-while-revalidate=300")
	}
	Deliver(w, r, http.StatusOK, e.etag, e.body, e.zipped)
	return nil
}

// Counts says how many answers came from the cache and how many had to be made.
func (c *Cache) Counts() (hits, misses int64) { return c.hits.Load(), c.miss.Load() }
