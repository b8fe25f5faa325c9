package demo

import "portolan/internal/messaging/smsc"

// Operators are the phone networks of the demo's markets. Malaysia's put a number of their own in place of the
// sender, which nobody can answer.
func Operators() []smsc.Operator {
	return []smsc.Operator{
		{Name: "Demo Mobile US", Country: "US", Prefixes: []string{"1"}},
		{Name: "Demo Mobilfunk", Country: "DE", Prefixes: []string{"49"}},
		{Name: "Demo Mobile GB", Country: "GB", Prefixes: []string{"44"}},
		{Name: "Demo Seluler", Country: "ID", Prefixes: []string{"62"}},
		{Name: "Demo Mudah Alih", Country: "MY", Prefixes: []string{"60"}, Overwrite: "62003"},
	}
}
