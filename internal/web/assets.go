package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// Assets serves files under names that carry their content's hash, so that browsers keep them for ever, and
// under their plain names with an ETag.
type Assets struct {
	prefix string
	files  map[string]*asset // by hashed and by plain name
	hashed map[string]string
}

type asset struct {
	body, zipped []byte
	kind, etag   string
	forever      bool
}

var packable = map[string]bool{".css": true, ".js": true, ".svg": true, ".html": true, ".json": true, ".txt": true, ".xml": true}

// NewAssets reads all files of a tree. Prefix is where the handler is mounted: "/assets/".
func NewAssets(prefix string, tree fs.FS) (*Assets, error) {
	a := &Assets{prefix, map[string]*asset{}, map[string]string{}}
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		a.Add(name, body)
		return nil
	})
	return a, err
}

// Add puts in one more file and returns its hashed path. It is not safe while requests are served.
func (a *Assets) Add(name string, body []byte) string {
	sum := sha256.Sum256(body)
	tag := base64.RawURLEncoding.EncodeToString(sum[:9])
	ext := path.Ext(name)
	plain := asset{body: body, kind: mime.TypeByExtension(ext), etag: `"` + tag + `"`}
	if packable[ext] {
		plain.zipped = Gzip(body)
	}
	if ext == ".webmanifest" {
		plain.kind = "application/manifest+json"
	}
	lasting := plain
	lasting.forever = true
	under := strings.TrimSuffix(name, ext) + "." + tag + ext
	a.files[name], a.files[under] = &plain, &lasting
	a.hashed[name] = a.prefix + under
	return a.hashed[name]
}

// Path is where to find a file, for use in pages. A name that doesn't exist is a bug and stays visible as such.
func (a *Assets) Path(name string) string {
	if p, ok := a.hashed[name]; ok {
		return p
	}
	return a.prefix + "missing/" + name
}

// ServeHTTP answers with a file.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := a.files[strings.TrimPrefix(r.URL.Path, a.prefix)]
	if f == nil {
		Fail(w, r, ErrNoPage)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Etag", f.etag)
	h.Set("Cache-Control", "public, max-age=300")
	if f.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	Deliver(w, r, http.StatusOK, f.etag, f.body, f.zipped)
}

// Deliver answers with a body that is ready, packed where the caller takes it, or with 304 where the caller
// has it. Content type and cache headers are the caller's; zipped may be nil.
func Deliver(w http.ResponseWriter, r *http.Request, status int, etag string, body, zipped []byte) {
	h := w.Header()
	if etag != "" && r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if zipped != nil {
		h.Add("Vary", "Accept-Encoding")
		if TakesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body = zipped
		}
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

// TakesGzip reports whether the caller unpacks gzip.
func TakesGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}

// Gzip packs b, or returns nil where that gains nothing.
func Gzip(b []byte) []byte {
	if len(b) < 512 {
		return nil
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	if out.Len() >= len(b) {
		return nil
	}
	return out.Bytes()
}
