package customs

import (
	"strings"

	"portolan/internal/address"
)

// latinParty is a party as customs read it: name and address in Latin letters where the buyer gave them, clean
// of what papers can't show.
func latinParty(p Party) (string, address.Address) {
	a := p.Address
	name := p.Title()
	if a.Latin != nil {
		if a.Latin.Name != "" && !latin(name) {
			name = a.Latin.Name
		}
		a.Line1, a.Line2, a.City, a.District = a.Latin.Line1, a.Latin.Line2, a.Latin.City, ""
		a.GivenName, a.FamilyName = a.Latin.Name, ""
	}
	for _, s := range []*string{&name, &a.GivenName, &a.FamilyName, &a.Line1, &a.Line2, &a.District, &a.City, &a.Region} {
		*s, _ = Printable(*s)
	}
	return name, a
}

// Written is a party's name and address as lines for paper: in Latin letters with the country in English, and in the
// party's own script, nil where that is Latin.
func Written(p Party) (latin, own []string) { return latinLines(p), ownLines(p) }

// latinLines are name and address for a paper, in the country's order, the country in English and capitals.
func latinLines(p Party) []string {
	name, a := latinParty(p)
	a.GivenName, a.FamilyName, a.Company, a.Phone = name, "", "", ""
	lines := lines(a)
	if n := len(lines); n > 0 {
		lines[n-1] = strings.ToUpper(lines[n-1])
	}
	return lines
}

// ownLines are name and address in the party's own script, without the country; nil where they are Latin.
func ownLines(p Party) []string {
	a := p.Address
	if latin(p.Title() + a.Line1 + a.Line2 + a.District + a.City) {
		return nil
	}
	a.GivenName, a.FamilyName, a.Company, a.Phone = p.Title(), "", "", ""
	for _, s := range []*string{&a.GivenName, &a.Line1, &a.Line2, &a.District, &a.City, &a.Region} {
		*s, _ = Printable(*s)
	}
	own := lines(a)
	return own[:max(len(own)-1, 0)]
}

// lines writes an address in its country's order. Where that order has no place for a city that was given, the
// city goes behind the street: nothing that was given is left out.
func lines(a address.Address) []string {
	out := address.Lines(a, "en")
	if a.City != "" && !strings.Contains(strings.Join(out, "\n"), a.City) {
		a.Line2 = strings.Trim(a.Line2+", "+a.City, ", ")
		out = address.Lines(a, "en")
	}
	return out
}
