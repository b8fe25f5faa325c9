package journeys

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Change is what two definitions say otherwise about one node, or, without a node, about the journey itself.
type Change struct {
	Node   string
	Kind   string // added, removed, changed
	Fields []FieldChange
}

// FieldChange is a field before and after, as the file has it: text as it is, everything else as JSON.
type FieldChange struct{ Field, Before, After string }

// The kinds of changes.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Diff lists what b says otherwise than a: the journey itself first, then the nodes in b's order, then those that are
// gone.
func Diff(a, b Definition) (all []Change) {
	before, after := a, b
	before.Nodes, after.Nodes = nil, nil
	own := fields(before, after)
	first := func(d Definition) string {
		if len(d.Nodes) == 0 {
			return ""
		}
		return d.Nodes[0].ID
	}
	if x, y := first(a), first(b); x != y {
		own = append(own, FieldChange{"first", x, y})
	}
	if len(own) > 0 {
		all = append(all, Change{"", Changed, own})
	}
	for _, n := range b.Nodes {
		was, ok := a.Node(n.ID)
		if !ok {
			all = append(all, Change{n.ID, Added, fields(Node{ID: n.ID}, n)})
			continue
		}
		if f := fields(was, n); len(f) > 0 {
			all = append(all, Change{n.ID, Changed, f})
		}
	}
	for _, n := range a.Nodes {
		if _, ok := b.Node(n.ID); !ok {
			all = append(all, Change{n.ID, Removed, fields(n, Node{ID: n.ID})})
		}
	}
	return all
}

func fields(a, b any) (all []FieldChange) {
	before, after := flat(a), flat(b)
	both := maps.Clone(before)
	maps.Copy(both, after)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		if before[name] != after[name] {
			all = append(all, FieldChange{name, before[name], after[name]})
		}
	}
	return all
}

// flat is a value of JSON's as fields, with objects inside opened: "reward.percent".
func flat(v any) map[string]string {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	out := map[string]string{}
	var walk func(name string, raw json.RawMessage)
	walk = func(name string, raw json.RawMessage) {
		var object map[string]json.RawMessage
		var text string
		switch {
		case json.Unmarshal(raw, &object) == nil && object != nil && object["minor"] == nil:
			for key, inner := range object {
				walk(strings.TrimPrefix(name+"."+key, "."), inner)
			}
		case json.Unmarshal(raw, &text) == nil:
			out[name] = text
		case string(raw) != "null":
			out[name] = string(raw)
		}
	}
	walk("", body)
	return out
}
