package address

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/nyaruka/phonenumbers"

	"portolan/internal/fault"
)

// ErrPhone is the fault of a text that is no telephone number of any country.
var ErrPhone = fault.New(fault.Invalid, "address.phone_form")

// Phone reads a number as people of country write it, or with its country code, and returns it as E.164:
// Phone("0151 23456789", "DE") is "+4915123456789". A number that nobody can have is ErrPhone.
func Phone(text, country string) (e164 string, err error) {
	if n, err := international(text); err == nil {
		if !n.valid {
			return "", fmt.Errorf("phone number of %s: %w", country, ErrPhone)
		}
		return n.e164, nil
	}
	n, err := phonenumbers.Parse(text, strings.ToUpper(country))
	if err != nil {
		return "", fmt.Errorf("read a phone number: %w: %w", ErrPhone, err)
	}
	e164 = phonenumbers.Format(n, phonenumbers.E164)
	if !phonenumbers.IsValidNumber(n) && !invented(e164) {
		return "", fmt.Errorf("phone number of %s: %w", country, ErrPhone)
	}
	return e164, nil
}

// Likely is the E.164 form that digits dialled within a country most likely have, or "", without reading the number, which
// takes long. Whether anybody can have it isn't asked; where somebody has it, it is what Phone returns. In some countries a
// zero before a number means more than that it is one of the country: there nothing is likely.
func Likely(digits, country string) string {
	code := phonenumbers.GetCountryCodeForRegion(country)
	switch {
	case country == "AR" || country == "CO" || country == "IL":
	case code == 1 && len(digits) == 10:
		return "+1" + digits
	case code == 1 && len(digits) == 11 && digits[0] == '1':
		return "+" + digits
	case code > 1 && len(digits) > 1 && digits[0] == '0' && digits[1] != '0' && phonenumbers.GetNddPrefixForRegion(country, true) == "0":
		return "+" + strconv.Itoa(code) + digits[1:]
	}
	return ""
}

// number is what is known of a number with its country code.
type number struct {
	text, e164, region string
	valid              bool // somebody can have it
	parsed             *phonenumbers.PhoneNumber
}

// lately keeps numbers just read, each in a place of its own, since one message asks several things about its number
// and reading one takes long.
var (
	lately [256]atomic.Pointer[number]
	seed   = maphash.MakeSeed()
)

// international reads a number that begins with a plus, which needs no country to be read.
func international(text string) (*number, error) {
	if !strings.HasPrefix(text, "+") {
		return nil, ErrPhone
	}
	place := &lately[maphash.String(seed, text)%uint64(len(lately))]
	if n := place.Load(); n != nil && n.text == text {
		return n, nil
	}
	p, err := phonenumbers.Parse(text, "")
	if err != nil {
		return nil, err
	}
	n := &number{text: text, e164: phonenumbers.Format(p, phonenumbers.E164), region: phonenumbers.GetRegionCodeForNumber(p), parsed: p}
	n.valid = phonenumbers.IsValidNumberForRegion(p, n.region) || invented(n.e164)
	place.Store(n)
	return n, nil
}

// inventions are ranges kept free for films and samples: they pass, and reach nobody. Source: Ofcom,
// Telephone numbers for use in TV and radio drama.
var inventions = []string{"+447700900"}

func invented(e164 string) bool {
	return slices.ContainsFunc(inventions, func(range_ string) bool {
		return len(e164) == len(range_)+3 && strings.HasPrefix(e164, range_)
	})
}

// National writes an E.164 number as people of its own country dial it, with its spaces.
func National(e164 string) string { return written(e164, phonenumbers.NATIONAL) }

// International writes an E.164 number with its country code and spaces: "+49 1512 3456789".
func International(e164 string) string { return written(e164, phonenumbers.INTERNATIONAL) }

func written(e164 string, as phonenumbers.PhoneNumberFormat) string {
	n, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return e164
	}
	return phonenumbers.Format(n, as)
}

// PhoneCountry is the ISO 3166-1 country of an E.164 number, or "".
func PhoneCountry(e164 string) string {
	n, err := international(e164)
	if err != nil {
		return ""
	}
	if len(n.region) == 2 && n.region != "ZZ" {
		return n.region
	}
	if strings.HasPrefix(e164, "+44") && invented(e164) {
		return "GB"
	}
	return ""
}

// CanText reports whether an E.164 number may receive text messages: a mobile, or one of a country (US) where
// numbers don't tell.
func CanText(e164 string) bool {
	n, err := international(e164)
	if err != nil {
		return false
	}
	switch phonenumbers.GetNumberType(n.parsed) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
		return true
	}
	return invented(e164)
}

// ZoneOf lists every IANA time zone in which the holder of a number with an address may be: those of the
// number's area and those of the address. Numbers move with people, so quiet hours have to hold in all.
// Any argument may be "". Without an address a number counts for its whole country, except in North
// America, where the area code tells.
func ZoneOf(e164, country, region string) []string {
	zones := ZonesOf(country, region)
	if e164 != "" {
		if n, err := international(e164); err == nil {
			if found, err := phonenumbers.GetTimezonesForNumber(n.parsed); err == nil {
				for _, z := range found {
					if z != phonenumbers.UNKNOWN_TIMEZONE {
						zones = append(zones, z)
					}
				}
			}
		}
		if home := PhoneCountry(e164); country == "" && !strings.HasPrefix(e164, "+1") {
			zones = append(zones, ZonesOf(home, "")...)
		}
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}
