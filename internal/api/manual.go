package api

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"portolan/internal/web"
)

//go:embed manual
var manualFiles embed.FS

// manual is the document in every form it is read in, finished at start. It asks nobody else for anything.
type manual struct{ files map[string]leaf }

type leaf struct {
	kind, etag   string
	body, zipped []byte
}

func newManual(doc *openapi3.T) (*manual, error) {
	asJSON, err := doc.MarshalJSON()
	if err != nil {
		return nil, err
	}
	css, err := manualFiles.ReadFile("manual/docs.css")
	if err != nil {
		return nil, err
	}
	page, err := template.New("docs.html").Funcs(template.FuncMap{"prose": prose}).ParseFS(manualFiles, "manual/docs.html")
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	if err := page.Execute(&html, describe(doc)); err != nil {
		return nil, err
	}
	m := &manual{map[string]leaf{}}
	m.add("openapi.yaml", "application/yaml", document)
	m.add("openapi.json", "application/json", asJSON)
	m.add("docs.html", "text/html; charset=utf-8", html.Bytes())
	m.add("docs.css", "text/css; charset=utf-8", css)
	return m, nil
}

func (m *manual) add(name, kind string, body []byte) {
	sum := sha256.Sum256(body)
	m.files[name] = leaf{kind, `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`, body, web.Gzip(body)}
}

func (m *manual) file(name string) http.Handler {
	f := m.files[name]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("Etag", f.etag)
		h.Set("Cache-Control", "public, max-age=300")
		web.Deliver(w, r, http.StatusOK, f.etag, f.body, f.zipped)
	})
}

// What the page shows.
type (
	chapter struct {
		Name, Text string
		Operations []operation
	}
	operation struct {
		ID, Method, Path, Summary, Text, Scope, Curl string
		Parameters                                   []row
		Body, Answer                                 []row
		BodyExample                                  string
		Status                                       string
		Returns                                      string
	}
	row struct {
		Name, Type, Ref, Rules, Text string
		Needed                       bool
	}
	schemaView struct {
		Name, Text string
		Rows       []row
	}
	manualView struct {
		Title, Text string
		Chapters    []chapter
		Schemas     []schemaView
	}
)

func describe(doc *openapi3.T) manualView {
	v := manualView{Title: doc.Info.Title, Text: doc.Info.Description}
	for _, t := range doc.Tags {
		v.Chapters = append(v.Chapters, chapter{Name: t.Name, Text: t.Description})
	}
	for _, path := range doc.Paths.InMatchingOrder() {
		item := doc.Paths.Find(path)
		for method, op := range item.Operations() {
			at := slices.IndexFunc(v.Chapters, func(c chapter) bool { return c.Name == op.Tags[0] })
			v.Chapters[at].Operations = append(v.Chapters[at].Operations, describeOperation(path, method, item, op))
		}
	}
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	for _, c := range v.Chapters {
		slices.SortFunc(c.Operations, func(a, b operation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(slices.Index(methods, a.Method), slices.Index(methods, b.Method)))
		})
	}
	for name, s := range doc.Components.Schemas {
		if s.Value.Type != nil && s.Value.Type.Is("object") {
			v.Schemas = append(v.Schemas, schemaView{name, s.Value.Description, rows(s.Value)})
		}
	}
	slices.SortFunc(v.Schemas, func(a, b schemaView) int { return cmp.Compare(a.Name, b.Name) })
	return v
}

func describeOperation(path, method string, item *openapi3.PathItem, op *openapi3.Operation) operation {
	o := operation{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Text: op.Description}
	o.Scope, _ = op.Extensions["x-scope"].(string)
	curl := []string{"curl"}
	if method != http.MethodGet {
		curl[0] += " -X " + method
	}
	if o.Scope != "" {
		curl = append(curl, `-H "Authorization: Bearer $KEY"`)
	}
	url, query := path, []string{}
	for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
		p := p.Value
		kind, ref, rules := kind(p.Schema)
		o.Parameters = append(o.Parameters, row{Name: p.Name, Type: p.In + ", " + kind, Ref: ref, Rules: rules, Text: p.Description, Needed: p.Required})
		sample := "…"
		if p.Example != nil {
			sample = fmt.Sprint(p.Example)
		}
		switch {
		case p.In == "path" && p.Example != nil:
			url = strings.ReplaceAll(url, "{"+p.Name+"}", sample)
		case p.In == "path":
			url = strings.ReplaceAll(url, "{"+p.Name+"}", "$"+strings.ToUpper(p.Name))
		case p.In == "query" && p.Example != nil:
			query = append(query, p.Name+"="+sample)
		case p.In == "header":
			curl = append(curl, `-H "`+p.Name+": "+sample+`"`)
		}
	}
	if b := op.RequestBody; b != nil && b.Value.Content["text/csv"] != nil {
		curl = append(curl, `-H "Content-Type: text/csv"`, "--data-binary @FILE")
	} else if b != nil {
		media := b.Value.Content["application/json"]
		o.Body = rows(media.Schema.Value)
		if media.Example != nil {
			text, _ := json.MarshalIndent(media.Example, "", "  ")
			o.BodyExample = string(text)
			one, _ := encode(media.Example)
			curl = append(curl, `-H "Content-Type: application/json"`, "-d '"+strings.TrimSpace(string(one))+"'")
		}
	}
	if len(query) > 0 {
		url += "?" + strings.Join(query, "&")
	}
	curl = append(curl, `"$SHOP`+url+`"`)
	o.Curl = strings.Join(curl, " \\\n  ")
	if len(curl) == 2 {
		o.Curl = strings.Join(curl, " ")
	}
	for status, r := range op.Responses.Map() {
		if media := r.Value.Content["application/json"]; media != nil && media.Schema != nil {
			_, o.Returns, _ = kind(media.Schema)
			o.Status = status
		}
	}
	return o
}

func rows(s *openapi3.Schema) (all []row) {
	for name, p := range s.Properties {
		kind, ref, rules := kind(p)
		all = append(all, row{Name: name, Type: kind, Ref: ref, Rules: rules, Text: p.Value.Description, Needed: slices.Contains(s.Required, name)})
	}
	slices.SortFunc(all, func(a, b row) int {
		if a.Needed != b.Needed {
			return map[bool]int{true: -1, false: 1}[a.Needed]
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return all
}

// kind says what a value is, which schema describes it, and what bounds it.
func kind(r *openapi3.SchemaRef) (name, ref, rules string) {
	s := r.Value
	if len(s.Type.Slice()) > 0 {
		name = s.Type.Slice()[0]
	}
	if s.Format != "" && s.Format != "int64" {
		name = s.Format
	}
	var say []string
	if name == "array" {
		inner, innerRef, _ := kind(s.Items)
		name, ref = "list of "+inner, innerRef
		if innerRef != "" {
			name = "list of"
		}
	} else if name == "object" && r.Ref != "" {
		name, ref = "", r.Ref[strings.LastIndexByte(r.Ref, '/')+1:]
	}
	if len(s.Enum) > 0 {
		var all []string
		for _, e := range s.Enum {
			all = append(all, fmt.Sprint(e))
		}
		say = append(say, strings.Join(all, " | "))
	}
	number := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	if s.Min != nil && s.Max != nil {
		say = append(say, number(s.Min)+" to "+number(s.Max))
	} else if s.Min != nil {
		say = append(say, "at least "+number(s.Min))
	}
	if s.MaxLength != nil {
		say = append(say, fmt.Sprintf("at most %d characters", *s.MaxLength))
	}
	if s.MaxItems != nil {
		say = append(say, fmt.Sprintf("at most %d", *s.MaxItems))
	}
	if s.Pattern != "" {
		say = append(say, s.Pattern)
	}
	if s.Default != nil {
		say = append(say, fmt.Sprintf("%v if left out", s.Default))
	}
	return name, ref, strings.Join(say, "; ")
}

// prose writes the document's paragraphs: an empty line between them, code between backticks.
func prose(text string) template.HTML {
	var b strings.Builder
	for _, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if p == "" {
			continue
		}
		b.WriteString("<p>")
		for i, part := range strings.Split(p, "`") {
			if i%2 == 1 {
				b.WriteString("<code>" + template.HTMLEscapeString(part) + "</code>")
				continue
			}
			b.WriteString(template.HTMLEscapeString(part))
		}
		b.WriteString("</p>\n")
	}
	return template.HTML(b.String())
}
