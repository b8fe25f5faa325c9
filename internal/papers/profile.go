package papers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/settings"
)

// Profile is what customs learn about the merchant. Numbers of tax schemes aren't part of it: they are the
// registrations of package tax, with their days.
type Profile struct {
	Name      string                     `json:"name"`
	Address   address.Address            `json:"address"` // of the merchant, who is the exporter
	Email     string                     `json:"email,omitempty"`
	Places    map[string]address.Address `json:"places,omitempty"` // where goods leave from, by location; else Address
	EORIs     []EORI                     `json:"eoris,omitempty"`
	Signer    string                     `json:"signer"`
	Abandon   bool                       `json:"abandon,omitempty"`  // undeliverable: give up instead of send back
	Strict    bool                       `json:"strict,omitempty"`   // a vague term inside a longer description blocks
	Evidence  []string                   `json:"evidence,omitempty"` // marks and documents held for all goods
	ChangedBy string                     `json:"changed_by,omitempty"`
	ChangedAt time.Time                  `json:"changed_at,omitzero"`
}

// EORI is a trader's number in the Union or the United Kingdom.
type EORI struct {
	Area   string `json:"area"` // EU, GB
	Number string `json:"number"`
}

const profileKey = "customs_profile"

// Profile reads the merchant's customs profile; the zero Profile where nobody has entered one.
func (s *Service) Profile(tx *db.Tx) (p Profile, err error) {
	_, err = settings.Get(tx, profileKey, &p)
	return p, err
}

// SetProfile keeps the customs profile. Papers that show what changed are outdated by it.
func (s *Service) SetProfile(tx *db.Tx, p Profile, by string) error {
	p.Name, p.Signer, p.Email = strings.TrimSpace(p.Name), strings.TrimSpace(p.Signer), strings.TrimSpace(p.Email)
	p.Address = address.Tidy(p.Address)
	c := fault.Check{}
	c.That(p.Name != "" && len(p.Name) <= 200, "name", "required")
	c.That(p.Signer != "" && len(p.Signer) <= 100, "signer", "required")
	c.That(len(p.Email) <= 254 && !strings.ContainsAny(p.Email, "\r\n "), "email", "malformed")
	wholeAddress(&c, "address.", p.Address)
	places := map[string]address.Address{}
	for _, code := range slices.Sorted(maps.Keys(p.Places)) {
		at := address.Tidy(p.Places[code])
		if at.Line1 == "" && at.City == "" {
			continue
		}
		l, err := s.Places.Location(code)
		c.That(err == nil, "places."+code, "fulfilment.unknown_location")
		c.That(err != nil || string(l.Country) == at.Country, "places."+code+".country", "papers.place_country")
		wholeAddress(&c, "places."+code+".", at)
		places[code] = at
	}
	var eoris []EORI
	for i, e := range p.EORIs {
		e.Area, e.Number = strings.ToUpper(strings.TrimSpace(e.Area)), strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(e.Number), " ", ""))
		if e.Number == "" {
			continue
		}
		c.That(e.Area == "EU" || e.Area == "GB", fmt.Sprintf("eoris[%d].area", i), "papers.eori_area")
		c.That(eoriFits(e), fmt.Sprintf("eoris[%d].number", i), "papers.eori_form")
		eoris = append(eoris, e)
	}
	for _, e := range p.Evidence {
		c.That(slices.Contains(customs.Marks(), e), "evidence", "papers.evidence_unknown")
	}
	if err := c.Err(ErrProfile.Code); err != nil {
		return err
	}
	p.Places, p.EORIs, p.ChangedBy, p.ChangedAt = places, eoris, by, tx.Now()
	return settings.Set(tx, profileKey, p)
}

// wholeAddress notes what an address lacks to stand on papers; a person's name may be missing.
func wholeAddress(c *fault.Check, at string, a address.Address) {
	if a.GivenName == "" && a.FamilyName == "" {
		a.GivenName = "x"
	}
	a.AsTyped = true
	if err := address.Check(a); err != nil {
		for field, code := range fault.Of(err).Fields {
			c.That(false, at+strings.TrimPrefix(field, "address."), code)
		}
	}
}

// eoriFits asks for a country's two letters, GB or XI for the United Kingdom's, and up to 15 signs. Source: the
// Union's EORI numbers; the United Kingdom's have 12 or 15 digits.
func eoriFits(e EORI) bool {
	n := e.Number
	if len(n) < 4 || len(n) > 17 {
		return false
	}
	for _, r := range n[2:] {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	if e.Area == "GB" {
		return strings.HasPrefix(n, "GB") && (len(n) == 14 || len(n) == 17)
	}
	return customs.InUnion(n[:2])
}

// Identifiers lists the numbers that laws ask of importers, sorted.
func Identifiers() []string {
	var all []string
	for _, r := range customs.Restrictions() {
		if r.Rule == "identifier" {
			all = append(all, r.Needs)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// sender is the merchant as the sender of what leaves a location. The second result is false where the profile
// doesn't say enough.
func (s *Service) sender(p Profile, location string) (customs.Party, bool) {
	party := customs.Party{Name: p.Name, Email: p.Email, Address: p.Address}
	for _, e := range p.EORIs {
		party.IDs = append(party.IDs, customs.TaxID{Kind: "EORI", Country: e.Area, Number: e.Number})
	}
	l, err := s.Places.Location(location)
	if at, ok := p.Places[location]; ok {
		party.Address = at
	} else if err == nil && string(l.Country) != p.Address.Country {
		party.Address = address.Address{Country: string(l.Country)}
		return party, false
	}
	return party, p.Name != "" && p.Signer != "" && party.Address.Line1 != ""
}
