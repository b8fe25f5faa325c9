package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	nethttpmiddleware "github.com/oapi-codegen/nethttp-middleware"

	"portolan/internal/fault"
	"portolan/internal/i18n"
	"portolan/internal/papers"
	"portolan/internal/web"
)

var (
	// ErrInvalid is the fault of a request that isn't as the document says; its fields name each place.
	ErrInvalid = fault.New(fault.Invalid, "api.invalid_request")
	errNoRoute = fault.New(fault.NotFound, "api.no_such_operation")
	errText    = fault.New(fault.Invalid, "api.unreadable_text")
)

// handler is web.Handler with problems in the words of this interface.
type handler web.Handler

// ServeHTTP implements http.Handler.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		fail(w, r, err)
	}
}

// fail answers with a problem document. Fields of an invalid request become places: JSON pointers into the body.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	if no, ok := papers.RefusalOf(err); ok {
		refused(w, r, no)
		return
	}
	if wrong, ok := errors.AsType[*InvalidParamFormatError](err); ok {
		err = ErrInvalid.With(map[string]string{"query." + wrong.ParamName: "malformed"})
	}
	if fault.Of(err).Kind == fault.Anonymous {
		w.Header().Set("Www-Authenticate", `Bearer realm="portolan"`)
	}
	web.Fail(w, r, web.Help(placed(err), help(r, err)))
}

// help says of each field at fault what would do: in the words of the package that refused it, else in those of the
// language the caller asks for, where there are any.
func help(r *http.Request, err error) map[string]string {
	f := fault.Of(err)
	if f.Kind != fault.Invalid || len(f.Fields) == 0 {
		return nil
	}
	said := map[string]string{}
	if told, ok := errors.AsType[interface {
		error
		Remedies() map[string]string
	}](err); ok {
		said = told.Remedies()
	}
	words := i18n.For(langOf(r))
	sentences := make(map[string]string, len(f.Fields))
	for name, code := range f.Fields {
		if s := said[name]; s != "" {
			sentences[place(name)] = s
		} else if key := "faults." + code; words.Has(key) {
			sentences[place(name)] = words.T(key)
		} else if m := limits.FindStringSubmatch(code); m != nil {
			sentences[place(name)] = words.T("faults."+m[1]+m[3], "n", m[2])
		}
	}
	return sentences
}

// langOf is the language that a request asks for.
func langOf(r *http.Request) string {
	return i18n.Match(r.Header.Get("Accept-Language"), i18n.Languages())
}

// limits are the codes of bounds: at_most_99, at_least_1_items.
var limits = regexp.MustCompile(`^(at_least|at_most)_(-?[0-9.]+)(_characters|_items)?$`)

func placed(err error) error {
	f := fault.Of(err)
	if f.Kind != fault.Invalid || len(f.Fields) == 0 {
		return err
	}
	fields := make(map[string]string, len(f.Fields))
	for name, code := range f.Fields {
		fields[place(name)] = code
	}
	return fmt.Errorf("%w: %w", f.With(fields), err)
}

func place(name string) string {
	for _, known := range []string{"/", "query.", "path.", "header."} {
		if strings.HasPrefix(name, known) {
			return name
		}
	}
	return "/" + strings.ReplaceAll(name, ".", "/")
}

// under drops a prefix from the fields of err: for operations whose body is a part of what the fault is about.
func under(err error, prefix string) error {
	f := fault.Of(err)
	if len(f.Fields) == 0 {
		return err
	}
	fields := make(map[string]string, len(f.Fields))
	for name, code := range f.Fields {
		fields[strings.TrimPrefix(name, prefix)] = code
	}
	return fmt.Errorf("%w: %w", f.With(fields), err)
}

// read takes in the body before it is checked: at most web.MaxBody bytes, and only text that can be stored.
func (a *api) read(next http.Handler) http.Handler {
	return handler(func(w http.ResponseWriter, r *http.Request) error {
		if strings.Contains(r.URL.Path, "\x00") || strings.Contains(r.URL.RawQuery, "%00") || !utf8.ValidString(r.URL.Path) {
			return errText
		}
		body, err := web.Body(w, r)
		if err != nil {
			return err
		}
		if bytes.Contains(body, []byte(`\u0000`)) {
			return errText
		}
		r.Body, r.GetBody, r.ContentLength = io.NopCloser(bytes.NewReader(body)), nil, int64(len(body))
		c := &caller{ip: web.IP(r, a.Proxy).String(), lang: langOf(r), accept: r.Header.Get("Accept")}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
		return nil
	})
}

// refuse answers a request that isn't as the document says. It never repeats what was sent.
func refuse(_ context.Context, err error, w http.ResponseWriter, r *http.Request, o nethttpmiddleware.ErrorHandlerOpts) {
	if errors.Is(err, routers.ErrMethodNotAllowed) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusMethodNotAllowed)
		json.NewEncoder(w).Encode(web.Problem{Type: "about:blank", Title: http.StatusText(http.StatusMethodNotAllowed),
			Status: http.StatusMethodNotAllowed, Code: "api.method_not_allowed"})
		return
	}
	if o.MatchedRoute == nil {
		fail(w, r, errNoRoute)
		return
	}
	found := findings{fields: map[string]string{}}
	found.look(err)
	switch {
	case found.first != nil:
		fail(w, r, found.first)
	case len(found.fields) > 0:
		fail(w, r, ErrInvalid.With(found.fields))
	default:
		fail(w, r, ErrInvalid)
	}
}

// findings are what is wrong with a request. A fault that makes the rest pointless comes first.
type findings struct {
	first  error
	fields map[string]string
}

func (f *findings) set(err error) {
	if f.first == nil {
		f.first = err
	}
}

func (f *findings) note(at, code string) {
	if f.fields[at] == "" {
		f.fields[at] = code
	}
}

func (f *findings) look(err error) {
	switch e := err.(type) {
	case openapi3.MultiError:
		for _, one := range e {
			f.look(one)
		}
	case *openapi3filter.SecurityRequirementsError:
		for _, one := range e.Errors {
			f.set(one)
		}
	case *openapi3filter.RequestError:
		f.request(e)
	default:
		f.set(err)
	}
}

func (f *findings) request(e *openapi3filter.RequestError) {
	if p := e.Parameter; p != nil {
		f.inside(e.Err, p.In+"."+p.Name, "malformed")
		return
	}
	if strings.HasPrefix(e.Reason, "header Content-Type") {
		f.set(web.Explain(web.ErrContentType, "send application/json"))
		return
	}
	if errors.Is(e.Err, openapi3filter.ErrInvalidRequired) {
		f.set(web.Explain(web.ErrBody, "a body is required"))
		return
	}
	if _, ok := errors.AsType[*openapi3filter.ParseError](e.Err); ok {
		f.set(web.Explain(web.ErrBody, "the body isn't JSON"))
		return
	}
	f.inside(e.Err, "", "invalid")
}

// inside notes each thing that is wrong below at, a place.
func (f *findings) inside(err error, at, otherwise string) {
	if all, ok := err.(openapi3.MultiError); ok {
		for _, one := range all {
			f.inside(one, at, otherwise)
		}
		return
	}
	if errors.Is(err, openapi3filter.ErrInvalidRequired) || errors.Is(err, openapi3filter.ErrInvalidEmptyValue) {
		f.note(at, "required")
		return
	}
	e, ok := errors.AsType[*openapi3.SchemaError](err)
	if !ok {
		f.note(at, otherwise)
		return
	}
	if all, ok := e.Origin.(openapi3.MultiError); ok && len(all) > 0 {
		f.inside(all, at, otherwise)
		return
	}
	path := e.JSONPointer()
	if name, ok := unsupported(e); ok {
		f.note(pointer(at, append(path, name)), "unknown_field")
		return
	}
	f.note(pointer(at, path), code(e))
}

// unsupported finds the name of a field that the document doesn't have.
func unsupported(e *openapi3.SchemaError) (string, bool) {
	rest, ok := strings.CutPrefix(e.Reason, `property "`)
	name, ok2 := strings.CutSuffix(rest, `" is unsupported`)
	if !ok || !ok2 {
		return "", false
	}
	if r := []rune(name); len(r) > 64 {
		name = string(r[:64])
	}
	return name, true
}

func pointer(at string, path []string) string {
	if at != "" {
		return at
	}
	var b strings.Builder
	for _, step := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(step))
	}
	return b.String()
}

// code says what a value ought to be.
func code(e *openapi3.SchemaError) string {
	s := e.Schema
	number := func(p *float64) string { return strconv.FormatFloat(*p, 'f', -1, 64) }
	switch e.SchemaField {
	case "required":
		return "required"
	case "type":
		if s.Type != nil && len(s.Type.Slice()) > 0 {
			return "must_be_" + s.Type.Slice()[0]
		}
	case "minimum":
		return "at_least_" + number(s.Min)
	case "maximum":
		return "at_most_" + number(s.Max)
	case "minLength":
		if s.MinLength == 1 {
			return "required"
		}
		return fmt.Sprintf("at_least_%d_characters", s.MinLength)
	case "maxLength":
		return fmt.Sprintf("at_most_%d_characters", *s.MaxLength)
	case "minItems":
		return fmt.Sprintf("at_least_%d_items", s.MinItems)
	case "maxItems":
		return fmt.Sprintf("at_most_%d_items", *s.MaxItems)
	case "enum":
		return "unknown_value"
	case "pattern", "format":
		return "malformed"
	case "nullable":
		return "must_not_be_null"
	}
	return "invalid"
}
