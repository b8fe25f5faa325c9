package smsc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/fault"
	"portolan/internal/messaging/smpp"
)

// ErrFile says that a network file or plan can't be used; its fields are the places in it.
var ErrFile = fault.New(fault.Invalid, "smsc.bad_file")

// File describes a network: what `portolan smsc` reads. Durations are written as texts ("150ms", "2s"), statuses as
// numbers or as texts in hex ("0x0B").
type File struct {
	Seed      uint64     `json:"seed"`
	FirstID   uint64     `json:"first_id"`
	Accounts  []Account  `json:"accounts"`
	Operators []Operator `json:"operators"`
	Plan      Plan       `json:"plan"`
	Inbound   []Inbound  `json:"inbound"`
	Phones    []Phone    `json:"phones"`
}

// ReadFile reads a network file and refuses it whole when anything in it is wrong: ErrFile names every place.
func ReadFile(r io.Reader) (File, error) {
	var f File
	b, err := io.ReadAll(r)
	if err != nil {
		return f, err
	}
	if err := read(b, &f, ""); err != nil {
		return f, err
	}
	var c fault.Check
	f.check(&c)
	return f, c.Err(ErrFile.Code)
}

// ReadPlan reads a plan alone, in the same form.
func ReadPlan(b []byte) (Plan, error) {
	var p Plan
	if err := read(b, &p, "plan"); err != nil {
		return p, err
	}
	var c fault.Check
	p.check(&c, "plan", false)
	return p, c.Err(ErrFile.Code)
}

// JSON is the plan as ReadPlan reads it, without what is left to the default.
func (p Plan) JSON() []byte {
	b, err := json.MarshalIndent(written(reflect.ValueOf(p)), "", "  ")
	if err != nil {
		panic(err) // only values that JSON can write
	}
	return b
}

// MarshalJSON writes JSON.
func (p Plan) MarshalJSON() ([]byte, error) { return p.JSON(), nil }

// Config is the file as New takes it.
func (f File) Config() Config {
	return Config{Seed: f.Seed, FirstID: f.FirstID, Accounts: f.Accounts, Operators: f.Operators, Plan: f.Plan, Inbound: f.Inbound}
}

// read fills v, a pointer, and tells every place whose name or kind is wrong.
func read(b []byte, v any, at string) error {
	var raw any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&raw); err != nil {
		return errors.Join(ErrFile, fmt.Errorf("no JSON: %w", err))
	}
	if d.More() {
		return errors.Join(ErrFile, errors.New("something follows the JSON"))
	}
	var c fault.Check
	fill(&c, at, raw, reflect.ValueOf(v).Elem())
	return c.Err(ErrFile.Code)
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	statusType   = reflect.TypeFor[smpp.Status]()
	timeType     = reflect.TypeFor[time.Time]()
)

// fill puts raw, as JSON decoded it, into v.
func fill(c *fault.Check, at string, raw any, v reflect.Value) {
	if raw == nil {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch v.Type() {
	case durationType:
		s, _ := raw.(string)
		d, err := time.ParseDuration(s)
		c.That(err == nil && d >= 0, at, "not_a_duration")
		v.SetInt(int64(d))
		return
	case statusType:
		n, err := strconv.ParseUint(fmt.Sprint(raw), 0, 32)
		c.That(err == nil, at, "not_a_status")
		v.SetUint(n)
		return
	}
	ok := false
	switch v.Kind() {
	case reflect.Struct:
		var m map[string]any
		if m, ok = raw.(map[string]any); ok {
			fillStruct(c, at, m, v)
		}
	case reflect.Map:
		var m map[string]any
		if m, ok = raw.(map[string]any); ok {
			v.Set(reflect.MakeMap(v.Type()))
			for _, key := range slices.Sorted(maps.Keys(m)) {
				value := reflect.New(v.Type().Elem()).Elem()
				fill(c, join(at, key), m[key], value)
				v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), value)
			}
		}
	case reflect.Slice:
		var list []any
		if list, ok = raw.([]any); ok {
			v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
			for i := range list {
				fill(c, fmt.Sprintf("%s[%d]", at, i), list[i], v.Index(i))
			}
		}
	default:
		ok = scalar(raw, v)
	}
	c.That(ok, at, wrongKind[v.Kind()])
}

// wrongKind says what should have stood there.
var wrongKind = map[reflect.Kind]string{
	reflect.Struct: "not_an_object", reflect.Map: "not_an_object", reflect.Slice: "not_a_list", reflect.String: "not_a_text",
	reflect.Bool: "not_true_or_false", reflect.Float64: "not_a_plain_number", reflect.Int: "not_a_plain_number", reflect.Uint64: "not_a_plain_number",
}

func fillStruct(c *fault.Check, at string, m map[string]any, v reflect.Value) {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		if t := v.Type().Field(i); t.Type != timeType {
			fields[nameOf(t)] = v.Field(i)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		f, known := fields[key]
		c.That(known, join(at, key), "unknown_name")
		if known {
			fill(c, join(at, key), m[key], f)
		}
	}
}

func scalar(raw any, v reflect.Value) bool {
	n, number := raw.(json.Number)
	switch v.Kind() {
	case reflect.String:
		s, ok := raw.(string)
		v.SetString(s)
		return ok
	case reflect.Bool:
		b, ok := raw.(bool)
		v.SetBool(b)
		return ok
	case reflect.Int:
		i, err := n.Int64()
		v.SetInt(i)
		return number && err == nil
	case reflect.Uint64:
		u, err := strconv.ParseUint(n.String(), 10, 64)
		v.SetUint(u)
		return number && err == nil
	case reflect.Float64:
		f, err := n.Float64()
		v.SetFloat(f)
		return number && err == nil
	}
	return false
}

func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

// written is the reverse of fill; what is zero is left out.
func written(v reflect.Value) any {
	switch {
	case v.Type() == durationType:
		return time.Duration(v.Int()).String()
	case v.Type() == statusType:
		return fmt.Sprintf("0x%02x", v.Uint())
	}
	switch v.Kind() {
	case reflect.Pointer:
		return written(v.Elem())
	case reflect.Struct:
		m := map[string]any{}
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				m[nameOf(v.Type().Field(i))] = written(v.Field(i))
			}
		}
		return m
	case reflect.Map:
		m := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			m[it.Key().String()] = written(it.Value())
		}
		return m
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = written(v.Index(i))
		}
		return list
	}
	return v.Interface()
}
