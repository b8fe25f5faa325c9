package customs

import (
	"strings"
	"sync"

	"portolan/internal/landed"
)

// Nomenclature is what the linter asks about HS codes. Satisfied by Codes, and by an imported nomenclature.
type Nomenclature interface {
	// Knows reports whether the first six digits are a subheading of the edition in force.
	Knows(hs string) bool
	// Near lists subheadings close to a code that isn't one.
	Near(hs string) []string
	// Text is what the heading covers, in English; empty when there are no words for it.
	Text(hs string) string
}

// Codes is the list of HS 2022 subheadings inside the program, with the short labels of package landed.
var Codes Nomenclature = codes{}

type codes struct{}

var subheadings = sync.OnceValue(func() map[string][]string {
	b, err := data.ReadFile("data/hs6.txt")
	if err != nil {
		panic(err)
	}
	m := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		m[f[0]] = f[1:]
	}
	return m
})

func (codes) Knows(hs string) bool {
	if len(hs) < 6 {
		return false
	}
	for _, tail := range subheadings()[hs[:4]] {
		if tail == hs[4:6] {
			return true
		}
	}
	return false
}

func (codes) Near(hs string) []string {
	if len(hs) < 4 {
		return nil
	}
	var near []string
	for _, tail := range subheadings()[hs[:4]] {
		near = append(near, hs[:4]+tail)
	}
	return near[:min(len(near), 8)]
}

func (codes) Text(hs string) string { return landed.Default().Goods(hs) }

// Titles are what an imported nomenclature calls codes of six digits, empty where it has none. Satisfied by
// rulebook.Service.
type Titles interface {
	Title(hs string) string
}

// Imported is Codes together with an imported nomenclature: what either knows is a code, and the words of the
// imported one stand in where we have none of our own.
func Imported(t Titles) Nomenclature { return imported{t} }

type imported struct{ titles Titles }

func (i imported) Knows(hs string) bool {
	return Codes.Knows(hs) || len(hs) >= 6 && i.titles.Title(hs[:6]) != ""
}

func (i imported) Near(hs string) []string { return Codes.Near(hs) }

func (i imported) Text(hs string) string {
	if text := Codes.Text(hs); text != "" || len(hs) < 6 {
		return text
	}
	return i.titles.Title(hs[:6])
}
