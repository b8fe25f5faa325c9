package journeys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

var unknownField = regexp.MustCompile(`unknown field "(.*)"`)

// misread says where a file can't be read and why: "line 7, nodes.2.wait" is an unknown field.
func misread(body []byte, err error) (place, code string) {
	at, code := int64(len(body)), "journeys.unreadable"
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("line %d", lineAt(body, e.Offset)), code
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("line %d, %s", lineAt(body, e.Offset), e.Field), "journeys.wrong_type"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Sprintf("line %d", lineAt(body, at)), code
	}
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		for _, p := range paths(body) {
			if strings.HasSuffix("."+p.path, "."+m[1]) {
				return fmt.Sprintf("line %d, %s", lineAt(body, p.at), p.path), "journeys.unknown_field"
			}
		}
	}
	for _, p := range paths(body) { // a span that is none says no place: it is the one whose text it names
		if p.text != "" && strings.Contains(err.Error(), strconv.Quote(p.text)) {
			return fmt.Sprintf("line %d, %s", lineAt(body, p.at), p.path), "journeys.span_form"
		}
	}
	return "line 1", code
}

func lineAt(body []byte, offset int64) int {
	return 1 + bytes.Count(body[:min(int(offset), len(body))], []byte("\n"))
}

type pathAt struct {
	path string
	at   int64 // the offset of its value's end, or of where an object begins
	text string
}

// paths lists every field of a JSON text with where it stands.
func paths(body []byte) (all []pathAt) {
	dec := json.NewDecoder(bytes.NewReader(body))
	var walk func(path string) bool
	walk = func(path string) bool {
		t, err := dec.Token()
		if err != nil {
			return false
		}
		text, _ := t.(string)
		all = append(all, pathAt{path, dec.InputOffset(), text})
		open, ok := t.(json.Delim)
		if !ok {
			return true
		}
		for i := 0; dec.More(); i++ {
			name := strconv.Itoa(i)
			if open == '{' {
				key, err := dec.Token()
				if err != nil {
					return false
				}
				name, _ = key.(string)
			}
			if path != "" {
				name = path + "." + name
			}
			if !walk(name) {
				return false
			}
		}
		_, err = dec.Token()
		return err == nil
	}
	walk("")
	return all
}

// withLines puts the line of a file before each field of a fault. A field that isn't there is at its parent's line.
func withLines(body []byte, d *Definition, fields map[string]string) map[string]string {
	at := map[string]int64{}
	for _, p := range paths(body) {
		at[p.path] = p.at
	}
	out := map[string]string{}
	for field, code := range fields {
		place := field
		for i, n := range d.Nodes {
			if rest, ok := strings.CutPrefix(field+".", "nodes."+n.ID+"."); ok {
				place = strings.TrimSuffix(fmt.Sprintf("nodes.%d.%s", i, rest), ".")
			}
		}
		for at[place] == 0 && strings.Contains(place, ".") {
			place = place[:strings.LastIndexByte(place, '.')]
		}
		out[fmt.Sprintf("line %d, %s", lineAt(body, max(at[place], 1)), field)] = code
	}
	return out
}
