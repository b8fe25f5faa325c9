package landed

import (
	"maps"
	"slices"
	"strings"

	"portolan/internal/fault"
)

// complaints collects what is wrong with the fields of a request: a short code for programs, the first one
// of each field, and a sentence that says what would do.
type complaints struct{ codes, said map[string]string }

func (c *complaints) that(ok bool, field, code, remedy string) {
	if ok || c.codes[field] != "" {
		return
	}
	if c.codes == nil {
		c.codes, c.said = map[string]string{}, map[string]string{}
	}
	c.codes[field], c.said[field] = code, remedy
}

// err is f with the fields that were complained of, or nil where none was.
func (c *complaints) err(f *fault.Fault) error {
	if c.codes == nil {
		return nil
	}
	return &refusal{f.With(c.codes), c.said}
}

// refusal is a declared fault with the fields of one request: their codes in the fault, sentences in its text.
type refusal struct {
	fault *fault.Fault
	said  map[string]string
}

func refuse(f *fault.Fault, field, code, remedy string) error {
	return &refusal{f.With(map[string]string{field: code}), map[string]string{field: remedy}}
}

func (r *refusal) Error() string {
	var b strings.Builder
	b.WriteString(r.fault.Code)
	for _, field := range slices.Sorted(maps.Keys(r.said)) {
		b.WriteString("; " + field + ": " + r.said[field])
	}
	return b.String()
}

// Remedies says of each field what would do.
func (r *refusal) Remedies() map[string]string { return r.said }

func (r *refusal) Unwrap() error { return r.fault }
