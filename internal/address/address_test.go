package address_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/fault"
)

func berlin() address.Address {
	return address.Address{GivenName: "Mara", FamilyName: "Vogt", Line1: "Torstraße 12", City: "Berlin", Postcode: "10119", Country: "DE"}
}

func TestCheck(t *testing.T) {
	us := address.Address{GivenName: "Joy", Line1: "5 Main St", City: "Austin", Region: "TX", Postcode: "78701", Country: "US"}
	gb := address.Address{GivenName: "Amir", FamilyName: "Shah", Line1: "4 Mill Lane", City: "Leeds", Postcode: "LS1 4AP", Country: "GB"}
	id := address.Address{GivenName: "Sukarni", Line1: "Jl. Melati 3", City: "Bandung", Region: "JB", Postcode: "40115", Country: "ID", Phone: "+6281234567890"}
	my := address.Address{GivenName: "Aisyah", Line1: "7 Jalan Ampang", City: "Kuala Lumpur", Region: "14", Postcode: "50450", Country: "MY", Phone: "+60123456789"}
	with := func(a address.Address, change func(*address.Address)) address.Address {
		change(&a)
		return a
	}
	for _, c := range []struct {
		name  string
		a     address.Address
		field string
		code  string
	}{
		{"Germany", berlin(), "", ""},
		{"one name", us, "", ""},
		{"Britain", gb, "", ""},
		{"Indonesia", id, "", ""},
		{"Malaysia", my, "", ""},
		{"nothing at all", address.Address{}, "address.country", "required"},
		{"no such country", with(us, func(a *address.Address) { a.Country = "XQ" }), "address.country", "country_unknown"},
		{"no postcode", with(berlin(), func(a *address.Address) { a.Postcode = "" }), "address.postcode", "required"},
		{"short postcode", with(berlin(), func(a *address.Address) { a.Postcode = "1011" }), "address.postcode", "postcode_form"},
		{"nowhere in Germany", with(berlin(), func(a *address.Address) { a.Postcode = "00123" }), "address.postcode", "postcode_form"},
		{"short postcode, insisted", with(berlin(), func(a *address.Address) { a.Postcode, a.AsTyped = "1011", true }), "address.postcode", "postcode_form"},
		{"unusual postcode abroad", with(id, func(a *address.Address) { a.Postcode = "4011" }), "address.postcode", "postcode_form"},
		{"unusual postcode abroad, insisted", with(id, func(a *address.Address) { a.Postcode, a.AsTyped = "4011", true }), "", ""},
		{"letters for a ZIP", with(us, func(a *address.Address) { a.Postcode = "ABCDE" }), "address.postcode", "postcode_form"},
		{"ZIP of another state", with(us, func(a *address.Address) { a.Postcode = "10001" }), "address.postcode", "postcode_region"},
		{"no such state", with(us, func(a *address.Address) { a.Region = "ZZ" }), "address.region", "region_unknown"},
		{"no state", with(us, func(a *address.Address) { a.Region = "" }), "address.region", "required"},
		{"British postcode of five digits", with(gb, func(a *address.Address) { a.Postcode = "12345" }), "address.postcode", "postcode_form"},
		{"no phone for the driver", with(id, func(a *address.Address) { a.Phone = "" }), "address.phone", "required"},
		{"half a phone", with(berlin(), func(a *address.Address) { a.Phone = "030" }), "address.phone", "phone_form"},
		{"name too long", with(berlin(), func(a *address.Address) { a.GivenName = strings.Repeat("x", 61) }), "address.given_name", "too_long"},
		{"hidden direction", with(berlin(), func(a *address.Address) { a.Line1 = "a\u202eb" }), "address.line1", "control_characters"},
		{"broken UTF-8", with(berlin(), func(a *address.Address) { a.City = "\xff" }), "address.city", "control_characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := address.Check(c.a)
			if c.code == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, fault.Invalid, fault.Of(err).Kind)
			require.Equal(t, "address.invalid", fault.Of(err).Code)
			require.Equal(t, c.code, fault.Of(err).Fields[c.field], "%v", err)
		})
	}
}

func TestTidy(t *testing.T) {
	for _, c := range []struct{ country, postcode, region, wantPostcode, wantRegion string }{
		{"gb", " sw1a1aa ", "", "SW1A 1AA", ""},
		{"US", "787011234", "", "78701-1234", "TX"},
		{"US", "02134", "massachusetts", "02134", "MA"},
		{"US", "10001", "US-NY", "10001", "NY"},
		{"DE", "D-10115", "", "10115", ""},
		{"GB", "ab€cd", "", "AB€CD", ""},
		{"NL", "1012js", "", "1012 JS", ""},
		{"ID", "12190", "dki jakarta", "12190", "JK"},
		{"MY", "50450", "Kuala Lumpur", "50450", "14"},
	} {
		a := address.Tidy(address.Address{Country: c.country, Postcode: c.postcode, Region: c.region})
		require.Equal(t, c.wantPostcode, a.Postcode, c.country)
		require.Equal(t, c.wantRegion, a.Region, c.country)
	}
	a := address.Tidy(address.Address{GivenName: "  Mara  Lou ", Country: "DE", Phone: "0151 23456789"})
	require.Equal(t, "Mara Lou", a.GivenName)
	require.Equal(t, "+4915123456789", a.Phone)
	require.Equal(t, "not a number", address.Tidy(address.Address{Country: "DE", Phone: "not a number"}).Phone)
}

func TestForm(t *testing.T) {
	order := func(country string) string {
		var names []string
		for _, f := range address.Form(country) {
			if f.Required {
				names = append(names, f.Name+"*")
				continue
			}
			names = append(names, f.Name)
		}
		return strings.Join(names, " ")
	}
	for country, want := range map[string]string{
		"US": "given_name* family_name company line1* line2 city* region* postcode* phone",
		"DE": "given_name* family_name company line1* line2 postcode* city* phone",
		"GB": "given_name* family_name company line1* line2 city* postcode* phone",
		"ID": "given_name* family_name company line1* line2 district city* region* postcode* phone*",
		"MY": "given_name* family_name company line1* line2 district postcode* city* region* phone*",
		"JP": "family_name given_name* company line1* line2 region* postcode* phone",
		"AE": "given_name* family_name company line1* line2 region* phone*",
		"XQ": "given_name* family_name company line1* line2 city* phone",
	} {
		require.Equal(t, want, order(country), country)
	}
	require.Len(t, address.Regions("US"), 50+1+5+3, "states, the district, territories, forces")
	require.Len(t, address.Regions("ID"), 38)
	require.Len(t, address.Regions("MY"), 16)
	keyboard := func(country string) string {
		for _, f := range address.Form(country) {
			if f.Name == "postcode" {
				return f.InputMode
			}
		}
		return "none"
	}
	for country, want := range map[string]string{"DE": "numeric", "ID": "numeric", "MY": "numeric", "AT": "numeric", "GB": "", "US": "", "NL": "", "PL": "", "SE": "", "AE": "none"} {
		require.Equal(t, want, keyboard(country), country)
	}
	for _, f := range address.Form("GB") {
		if f.Name == "postcode" {
			require.Regexp(t, "^(?:"+f.Pattern+")$", "sw1a 1aa")
			require.True(t, f.Strict)
		}
	}
}

// What a form asks for must be possible to give: every country's own example passes its own expression.
func TestExamples(t *testing.T) {
	seen := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			country := string(a) + string(b)
			if !address.Known(country) {
				continue
			}
			seen++
			asked := map[string]bool{}
			for _, f := range address.Form(country) {
				require.False(t, asked[f.Name], "%s asks twice for %s", country, f.Name)
				asked[f.Name] = true
				require.True(t, strings.HasPrefix(f.Label, "address."))
				if f.Pattern != "" {
					p := regexp.MustCompile("^(?:" + f.Pattern + ")$")
					if f.Example != "" {
						require.Regexp(t, p, f.Example, country)
					}
				}
			}
			require.True(t, asked["given_name"] && asked["line1"] && asked["phone"], country)
		}
	}
	require.Equal(t, 249, seen)
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		a    address.Address
		lang string
		want string
	}{
		{berlin(), "en", "Mara Vogt|Torstraße 12|10119 Berlin|Germany"},
		{address.Address{GivenName: "Joy", Company: "Acme", Line1: "5 Main St", Line2: "Apt 2", City: "Austin", Region: "TX", Postcode: "78701", Country: "US"}, "de",
			"Joy|Acme|5 Main St|Apt 2|Austin, TX 78701|Vereinigte Staaten"},
		{address.Address{GivenName: "Amir", FamilyName: "Shah", Line1: "4 Mill Lane", City: "Leeds", Postcode: "LS1 4AP", Country: "GB"}, "ms",
			"Amir Shah|4 Mill Lane|Leeds|LS1 4AP|United Kingdom"},
		{address.Address{GivenName: "Ana", Line1: "Jl. Sudirman 5", District: "Kebayoran Baru", City: "Jakarta Selatan", Region: "JK", Postcode: "12190", Country: "ID"}, "id",
			"Ana|Jl. Sudirman 5|Kebayoran Baru|Jakarta Selatan|DKI Jakarta 12190|Indonesia"},
		{address.Address{GivenName: "Aisyah", Line1: "7 Jalan Ampang", City: "Kuala Lumpur", Region: "14", Postcode: "50450", Country: "MY"}, "ms",
			"Aisyah|7 Jalan Ampang|50450 Kuala Lumpur|Kuala Lumpur|Malaysia"},
		{address.Address{GivenName: "Li", FamilyName: "Tan", Line1: "1 Orchard Rd", Postcode: "049178", Country: "SG"}, "en", "Li Tan|1 Orchard Rd|SINGAPORE 049178|Singapore"},
		{address.Address{GivenName: "Joy", Line1: "5 Main St", City: "Austin", Country: "US"}, "en", "Joy|5 Main St|Austin|United States"},
		{address.Address{GivenName: "太郎", FamilyName: "山田", Line1: "丸の内1-1", Region: "13", Postcode: "100-0001", Country: "JP"}, "en", "〒100-0001|Tokyo|丸の内1-1|山田太郎|Japan"},
		{address.Address{}, "en", ""},
	} {
		require.Equal(t, c.want, strings.Join(address.Lines(c.a, c.lang), "|"))
	}
}

func TestLatin(t *testing.T) {
	a := berlin()
	require.False(t, address.NeedsLatin(a), "umlauts are Latin")
	a.GivenName = "Оля"
	require.True(t, address.NeedsLatin(a))
	a.Latin = &address.Latin{Name: "Olya Vogt", Line1: "Torstr. 12"}
	require.False(t, address.NeedsLatin(a))
}

func TestPhone(t *testing.T) {
	for _, c := range []struct{ text, country, want string }{
		{"0151 23456789", "DE", "+4915123456789"},
		{"(202) 555-0143", "US", "+12025550143"},
		{"07700 900123", "GB", "+447700900123"},
		{"0812-3456-7890", "ID", "+6281234567890"},
		{"012-345 6789", "MY", "+60123456789"},
		{"+86 138 0013 8000", "US", "+8613800138000"},
		{"0049 151 23456789", "DE", "+4915123456789"},
		{"12", "US", ""}, {"", "DE", ""}, {"call me", "GB", ""}, {"+999 123456", "DE", ""}, {strings.Repeat("1", 5000), "US", ""},
	} {
		got, err := address.Phone(c.text, c.country)
		require.Equal(t, c.want, got, c.text)
		if c.want == "" {
			require.ErrorIs(t, err, address.ErrPhone)
		}
	}
	require.Equal(t, "+49 1512 3456789", address.International("+4915123456789"))
	require.Equal(t, "01512 3456789", address.National("+4915123456789"))
	require.Equal(t, "ID", address.PhoneCountry("+6281234567890"))
	require.True(t, address.CanText("+4915123456789"))
	require.False(t, address.CanText("+493012345678"), "a landline in Berlin")
}

// A number that somebody can have under its likely form is read as that one, in every country, with any digits at its end.
func TestLikely(t *testing.T) {
	types := []phonenumbers.PhoneNumberType{phonenumbers.MOBILE, phonenumbers.FIXED_LINE, phonenumbers.TOLL_FREE, phonenumbers.VOIP, phonenumbers.PREMIUM_RATE, phonenumbers.UAN}
	guessed := map[string]bool{}
	for region := range phonenumbers.GetSupportedRegions() {
		for _, kind := range types {
			n := phonenumbers.GetExampleNumberForType(region, kind)
			if n == nil {
				continue
			}
			significant := phonenumbers.GetNationalSignificantNumber(n)
			for i := range 50 {
				b := []byte(significant)
				for range i % 5 {
					b[rand.IntN(len(b))] = byte('0' + rand.IntN(10))
				}
				for _, prefix := range []string{"0", "", "1"} {
					digits := prefix + string(b)
					likely := address.Likely(digits, region)
					if likely == "" {
						continue
					}
					if can, err := address.Phone(likely, ""); err != nil || can != likely {
						continue
					}
					guessed[region] = true
					got, err := address.Phone(digits, region)
					require.NoError(t, err, "%s in %s", digits, region)
					require.Equal(t, likely, got, "%s in %s", digits, region)
				}
			}
		}
	}
	for _, region := range []string{"DE", "GB", "US", "ID", "MY"} {
		require.True(t, guessed[region], region)
	}
	require.Equal(t, "+4917612345678", address.Likely("017612345678", "DE"))
	require.Empty(t, address.Likely("017612345678", ""))
	require.Empty(t, address.Likely("0", "DE"))
	require.Empty(t, address.Likely("", "US"))
}

func TestZones(t *testing.T) {
	for _, c := range []struct{ e164, country, region, want string }{
		{"", "DE", "", "Europe/Berlin Europe/Busingen"},
		{"", "US", "TX", "America/Chicago America/Denver"},
		{"+12025550143", "US", "TX", "America/Chicago America/Denver America/New_York"},
		{"+12025550143", "", "", "America/New_York"},
		{"+6281234567890", "", "", "Asia/Jakarta Asia/Jayapura Asia/Makassar Asia/Pontianak"},
		{"", "ID", "BA", "Asia/Makassar"},
		{"", "MY", "13", "Asia/Kuching"},
		{"", "MY", "14", "Asia/Kuala_Lumpur"},
		{"", "XQ", "", ""},
	} {
		require.Equal(t, c.want, strings.Join(address.ZoneOf(c.e164, c.country, c.region), " "))
	}
	for _, r := range address.Regions("US") {
		if forces := strings.HasPrefix(r.Name, "Armed"); !forces {
			require.Less(t, len(address.ZonesOf("US", r.Code)), 3, r.Code)
		}
	}
	for _, r := range address.Regions("ID") {
		require.Len(t, address.ZonesOf("ID", r.Code), 1, r.Code)
	}
}

func TestRegionOf(t *testing.T) {
	for _, c := range []struct{ country, postcode, want string }{
		{"US", "90210", "CA"}, {"US", "10001-0001", "NY"}, {"US", "06390", ""}, {"US", "75501", ""}, {"US", "00000", ""}, {"US", "1", ""},
		{"MY", "50450", "14"}, {"MY", "93000", "13"}, {"DE", "10115", ""},
	} {
		require.Equal(t, c.want, address.RegionOf(c.country, c.postcode), c.postcode)
	}
}

// Whatever is typed, nothing panics, and what is tidied once stays as it is.
func FuzzTidy(f *testing.F) {
	f.Add("US", "TX", "78701", "2025550143", "5 Main St")
	f.Add("GB", "", "sw1a1aa", "07700900123", "<b>x</b>")
	f.Fuzz(func(t *testing.T, country, region, postcode, phone, line string) {
		a := address.Tidy(address.Address{GivenName: "x", Line1: line, Country: country, Region: region, Postcode: postcode, Phone: phone})
		require.Equal(t, a, address.Tidy(a))
		_ = address.Check(a)
		_ = address.Lines(a, "ar")
	})
}
