// Package address knows how the countries of the world write addresses: which fields, in which order, under
// which names, with which postcodes and regions; and how they write telephone numbers. Taxes of regions are
// package landed's business, whether we deliver somewhere is package market's.
//
// Its tables are generated (gen/gen.mjs) and embedded; what they lack (which fields carriers need, ZIP areas,
// time zones of regions) stands in needs.go and areas.go.
package address

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"portolan/internal/fault"
)

// ErrInvalid is the code of the fault Check returns; its fields are named "address.postcode" and so on.
var ErrInvalid = fault.New(fault.Invalid, "address.invalid")

// Address is where a parcel goes, as the buyer typed it. Region is the code of the country's list without
// the country ("CA"), or free text where there's none. Country is ISO 3166-1 alpha-2. Phone is E.164 after
// Tidy.
type Address struct {
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name,omitempty"` // empty for people with one name
	Company    string `json:"company,omitempty"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2,omitempty"`
	District   string `json:"district,omitempty"` // part of the city: kecamatan, neighbourhood
	City       string `json:"city,omitempty"`
	Region     string `json:"region,omitempty"`
	Postcode   string `json:"postcode,omitempty"`
	Country    string `json:"country"`
	Phone      string `json:"phone,omitempty"`

	// Latin is the same address in Latin letters for customs, where the other is in another script.
	Latin *Latin `json:"latin,omitempty"`
	// AsTyped is the buyer's word that a postcode or phone of unusual form is right.
	AsTyped bool `json:"as_typed,omitempty"`
}

// Latin holds the parts of an address that customs must be able to read.
type Latin struct {
	Name  string `json:"name"`
	Line1 string `json:"line1"`
	Line2 string `json:"line2,omitempty"`
	City  string `json:"city,omitempty"`
}

// Field is one input of a country's form.
type Field struct {
	Name         string   // name of the input and of the JSON field: "given_name", "line1", "postcode"
	Label        string   // key of its label for package i18n: "address.postcode_zip"
	Hint         string   // key of a sentence beside it, or ""
	Required     bool     // Check refuses the address without it
	Pattern      string   // form of the value as an HTML pattern, or ""
	Strict       bool     // the form is enforced; elsewhere the buyer may insist with AsTyped
	Example      string   // "10115", or ""
	Autocomplete string   // HTML autofill token: "postal-code"
	InputMode    string   // HTML inputmode: "numeric", "tel", or ""
	MaxLength    int      // in characters
	Regions      []Region // what may be chosen; nil where the value is typed
}

// Region is a state, province, emirate or prefecture.
type Region struct {
	Code string // ISO 3166-2 without the country: "CA"
	Name string // as written on parcels: "California"
}

const (
	maxLine = 100
	maxName = 60
	maxCode = 12
)

// value points at the part of a that a form field fills.
func (a *Address) value(name string) *string {
	switch name {
	case "given_name":
		return &a.GivenName
	case "family_name":
		return &a.FamilyName
	case "company":
		return &a.Company
	case "line1":
		return &a.Line1
	case "line2":
		return &a.Line2
	case "district":
		return &a.District
	case "city":
		return &a.City
	case "region":
		return &a.Region
	case "postcode":
		return &a.Postcode
	case "country":
		return &a.Country
	case "phone":
		return &a.Phone
	}
	return nil
}

// Get is the value of the field called name in a form, "" if there's no such field.
func (a Address) Get(name string) string {
	if v := a.value(name); v != nil {
		return *v
	}
	return ""
}

// Set puts a form's value into the field called name; other names are ignored.
func (a *Address) Set(name, value string) {
	if v := a.value(name); v != nil {
		*v = value
	}
}

// Known reports whether code is an ISO 3166-1 alpha-2 country.
func Known(code string) bool { return countryOf(code) != nil }

// Form lists the fields of a country's address in the order its people write them; the country itself is
// asked first and isn't among them. A country we don't know gets name, address and city.
func Form(code string) []Field {
	c := countryOf(code)
	if c == nil {
		c = &country{local: "%N%n%O%n%A%n%C"}
	}
	var out []Field
	add := func(f Field) {
		f.Label = label(c.code, f.Name)
		f.Required = needs(c.code, f.Name)
		out = append(out, f)
	}
	for i := 0; i+1 < len(c.order()); i++ {
		if c.order()[i] != '%' {
			continue
		}
		switch c.order()[i+1] {
		case 'N':
			given := Field{Name: "given_name", Autocomplete: "given-name", MaxLength: maxName}
			family := Field{Name: "family_name", Autocomplete: "family-name", MaxLength: maxName, Hint: "address.family_name_hint"}
			if familyFirst[c.code] {
				add(family)
				add(given)
			} else {
				add(given)
				add(family)
			}
		case 'O':
			add(Field{Name: "company", Autocomplete: "organization", MaxLength: maxLine})
		case 'A':
			add(Field{Name: "line1", Autocomplete: "address-line1", MaxLength: maxLine})
			add(Field{Name: "line2", Autocomplete: "address-line2", MaxLength: maxLine})
			if c.code == "ID" {
				add(Field{Name: "district", Autocomplete: "address-level3", MaxLength: maxLine})
			}
		case 'D':
			add(Field{Name: "district", Autocomplete: "address-level3", MaxLength: maxLine})
		case 'C':
			add(Field{Name: "city", Autocomplete: "address-level2", MaxLength: maxLine})
		case 'S':
			add(Field{Name: "region", Autocomplete: "address-level1", MaxLength: maxLine, Regions: Regions(c.code)})
		case 'Z':
			f := Field{Name: "postcode", Autocomplete: "postal-code", MaxLength: maxCode, Pattern: anyCase(c.postcode), Strict: strict[c.code], Example: examples[c.code]}
			if c.postcode != "" && c.digitsOnly() {
				f.InputMode = "numeric"
			}
			add(f)
		}
	}
	add(Field{Name: "phone", Autocomplete: "tel", InputMode: "tel", MaxLength: 30, Hint: "address.phone_why"})
	return out
}

// CanUseAsTyped reports whether a postcode of another form is taken in country if the buyer insists. It
// isn't where tax or the carrier's network hang on it.
func CanUseAsTyped(country string) bool { return !strict[country] }

// Tidy returns a as we keep it: spaces trimmed, country and postcode in capitals with the post's spacing,
// phone in E.164 if it's readable, region as the code of its list, and a US state that was left out filled
// in from the ZIP code.
func Tidy(a Address) Address {
	for _, v := range []*string{
		&a.GivenName, &a.FamilyName, &a.Company, &a.Line1, &a.Line2, &a.District, &a.City, &a.Region, &a.Postcode, &a.Country, &a.Phone,
	} {
		*v = strings.Join(strings.Fields(*v), " ")
	}
	a.Country = strings.ToUpper(a.Country)
	a.Postcode = tidyPostcode(a.Country, a.Postcode)
	for _, r := range Regions(a.Country) {
		if strings.EqualFold(a.Region, r.Name) || strings.EqualFold(a.Region, r.Code) || strings.EqualFold(a.Region, a.Country+"-"+r.Code) {
			a.Region = r.Code
			break
		}
	}
	if a.Region == "" && a.Country == "US" {
		a.Region = RegionOf("US", a.Postcode)
	}
	if e164, err := Phone(a.Phone, a.Country); err == nil {
		a.Phone = e164
	}
	return a
}

func tidyPostcode(country, code string) string {
	code = strings.ToUpper(code)
	bare := strings.ReplaceAll(code, " ", "")
	if strings.ContainsFunc(bare, func(r rune) bool { return r > unicode.MaxASCII }) {
		return code
	}
	switch country {
	case "GB", "JE", "GG", "IM", "CA":
		if n := len(bare); n >= 5 && n <= 7 {
			return bare[:n-3] + " " + bare[n-3:]
		}
	case "US":
		if len(bare) == 9 && strings.Trim(bare, "0123456789") == "" {
			return bare[:5] + "-" + bare[5:]
		}
	case "NL":
		if len(bare) == 6 {
			return bare[:4] + " " + bare[4:]
		}
	case "DE", "ID", "MY", "AT", "FR", "IT", "ES":
		return strings.TrimPrefix(strings.TrimPrefix(bare, country+"-"), "D-")
	}
	return code
}

// Check says what is wrong with a tidied address: an Invalid fault with fields such as "address.postcode":
// "required", or nil. The family name may be empty. A postcode of unusual form ("postcode_form") or
// of another region ("postcode_region"), and a phone number we don't know ("phone_form"), pass with
// AsTyped, except postcodes where CanUseAsTyped is false.
func Check(a Address) error {
	var c fault.Check
	home := countryOf(a.Country)
	c.That(a.Country != "", "address.country", "required")
	c.That(a.Country == "" || home != nil, "address.country", "country_unknown")
	for _, f := range Form(a.Country) {
		v, name := a.Get(f.Name), "address."+f.Name
		c.That(v != "" || !f.Required, name, "required")
		c.That(utf8.RuneCountInString(v) <= f.MaxLength, name, "too_long")
		c.That(clean(v), name, "control_characters")
		if f.Regions != nil && v != "" {
			c.That(regionName(a.Country, v) != "", name, "region_unknown")
		}
	}
	if home != nil && a.Postcode != "" && !(a.AsTyped && CanUseAsTyped(a.Country)) {
		c.That(home.matches(a.Postcode), "address.postcode", "postcode_form")
		if a.Country == "US" && a.Region != "" {
			c.That(zipIn(a.Region, a.Postcode), "address.postcode", "postcode_region")
		}
	}
	if a.Phone != "" && !a.AsTyped {
		_, err := Phone(a.Phone, a.Country)
		c.That(err == nil, "address.phone", "phone_form")
	}
	return c.Err(ErrInvalid.Code)
}

// clean reports whether v has no control and no direction characters: they could hide or reorder what the
// label says.
func clean(v string) bool {
	return utf8.ValidString(v) && strings.IndexFunc(v, func(r rune) bool {
		return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff
	}) < 0
}

// NeedsLatin reports whether the address has letters that customs can't read and no Latin lines for them.
func NeedsLatin(a Address) bool {
	if a.Latin != nil && a.Latin.Name != "" && a.Latin.Line1 != "" {
		return false
	}
	return strings.IndexFunc(a.GivenName+a.FamilyName+a.Line1+a.Line2+a.District+a.City, foreign) >= 0
}

func foreign(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) }

// Name is the full name in the country's order.
func (a Address) Name() string {
	first, last := a.GivenName, a.FamilyName
	if familyFirst[a.Country] && strings.IndexFunc(first+last, foreign) >= 0 {
		return strings.TrimSpace(last + first)
	}
	return strings.TrimSpace(first + " " + last)
}
