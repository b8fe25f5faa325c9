package web

import (
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// Files serves a tree too large to be read at start, such as the shop's pictures. A file is read when first asked
// for and kept packed within bounds; what a browser may keep for ever is told by a tag in the address, which the
// owner changes with the content.
type Files struct {
	prefix, tag string
	tree        fs.FS
	max         int

	mu   sync.Mutex
	kept map[string]*asset
	size int
}

// NewFiles serves tree below prefix ("/media/") and keeps about max bytes of it in memory.
func NewFiles(prefix, tag string, tree fs.FS, max int) *Files {
	return &Files{prefix: prefix, tag: tag, tree: tree, max: max, kept: map[string]*asset{}}
}

// Path is where a file is to be found, for use in pages; nothing for no name.
func (f *Files) Path(name string) string {
	if name == "" {
		return ""
	}
	return f.prefix + name + "?v=" + f.tag
}

// ServeHTTP answers with a file.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, f.prefix)
	a, err := f.get(name)
	if err != nil {
		Fail(w, r, ErrNoPage)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Etag", a.etag)
	h.Set("Cache-Control", "public, max-age=300")
	if r.URL.RawQuery == "v="+f.tag {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	Deliver(w, r, http.StatusOK, a.etag, a.body, a.zipped)
}

func (f *Files) get(name string) (*asset, error) {
	f.mu.Lock()
	a := f.kept[name]
	f.mu.Unlock()
	if a != nil {
		return a, nil
	}
	body, err := fs.ReadFile(f.tree, name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	a = &asset{body: body, kind: mime.TypeByExtension(path.Ext(name)), etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`}
	if packable[path.Ext(name)] {
		a.zipped = Gzip(body)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.size += len(a.body) + len(a.zipped); f.size > f.max {
		clear(f.kept)
		f.size = len(a.body) + len(a.zipped)
	}
	f.kept[name] = a
	return a, nil
}
