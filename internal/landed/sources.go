package landed

import (
	"strings"
	"sync"
)

// Source is where a rule is written: what a key in the column source stands for.
type Source struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	Link string `json:"link,omitempty"` // where it can be read, if it can
}

var sources = sync.OnceValue(func() map[string]Source {
	b, err := tables.ReadFile("data/sources.csv")
	if err != nil {
		panic(err)
	}
	all := map[string]Source{}
	_, rows := grid(string(b))
	for _, cells := range rows {
		all[cells[0]] = Source{cells[0], cells[1], cells[2]}
	}
	return all
})

// SourceOf is what a key of the column source stands for. A key that isn't in our list is its own name, and its
// own link where it is an address.
func SourceOf(key string) Source {
	if s, ok := sources()[key]; ok {
		return s
	}
	s := Source{Key: key, Name: key}
	if strings.HasPrefix(key, "https://") {
		s.Link = key
	}
	return s
}
