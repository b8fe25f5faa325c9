package address

import "github.com/nyaruka/phonenumbers"

// Example is a mobile number as a country has them, for invented people; empty where none is known.
func Example(country string) string {
	n := phonenumbers.GetExampleNumberForType(country, phonenumbers.MOBILE)
	if n == nil {
		return ""
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}
