// Package market keeps the table of markets: which countries are sold to under which language, currency,
// price form, delivery terms and hours. It also knows public holidays and working days.
//
// It doesn't choose a market for a visitor, make prices or compute tax; those packages read it.
package market

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"portolan/internal/fault"
	"portolan/internal/money"
)

var (
	// ErrUnknown is the fault of a market code that names no market.
	ErrUnknown = fault.New(fault.NotFound, "market.unknown")
	// ErrCountryTaken is the fault of a country that another market already serves.
	ErrCountryTaken = fault.New(fault.Conflict, "market.country_taken")
)

// Country is an ISO 3166-1 alpha-2 code in capitals: "DE".
type Country string

// Code names a market in URLs, in lower case: "de".
type Code string

// State says who may buy in a market.
type State string

const (
	Draft  State = "draft"  // nobody sees it
	Soft   State = "soft"   // pages are there but not for search engines; invited visitors buy
	Open   State = "open"   // everybody buys
	Closed State = "closed" // no new carts; orders, tracking and returns go on
)

// Direction says which neighbouring price a price is rounded to.
type Direction string

const (
	Nearest Direction = "nearest" // a tie goes up
	Up      Direction = "up"
	Down    Direction = "down"
)

// Rounding is a market's charm price rule: prices end on Ending within each Step, both in minor units of the
// market's currency. {100, 99, nearest} makes 4712 into 4699.
type Rounding struct {
	Step      int64     `json:"step"`
	Ending    int64     `json:"ending"`
	Direction Direction `json:"direction"`
}

// Contact is how shoppers of the market reach the merchant. Hours is a text to show.
type Contact struct {
	Email string `json:"email"`
	Phone string `json:"phone"`
	Hours string `json:"hours"`
}

// Market is one or more countries sold to under one set of rules.
type Market struct {
	Code            Code           `json:"code"`
	Name            string         `json:"name"` // in English, for the merchant
	State           State          `json:"state"`
	Position        int64          `json:"position"`  // order in lists
	Countries       []Country      `json:"countries"` // the default one first
	Currency        money.Currency `json:"currency"`
	Languages       []string       `json:"languages"` // ISO 639-1, optional script; the default one first
	Zone            string         `json:"zone"`      // IANA, "Europe/Berlin"
	TaxInclusive    bool           `json:"tax_inclusive"`
	Incoterm        string         `json:"incoterm"` // DDP or DAP
	Factor          money.Rate     `json:"factor"`   // multiplies converted base prices; 1 changes nothing
	Rounding        Rounding       `json:"rounding"`
	ShipFrom        []string       `json:"ship_from"` // stock locations, best first
	Methods         []string       `json:"methods"`   // payment methods in local order
	DoubleOptIn     bool           `json:"double_opt_in"`
	ConsentChannels []string       `json:"consent_channels"` // sms, email, whatsapp, telegram, push
	Contact         Contact        `json:"contact"`
	Merchant        Merchant       `json:"merchant"`
}

// Merchant is the legal notice shown in the market.
type Merchant struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Country is the market's default country.
func (m Market) Country() Country { return m.Countries[0] }

// Language is the market's default language.
func (m Market) Language() string { return m.Languages[0] }

// Serves reports whether the market delivers to c.
func (m Market) Serves(c Country) bool { return slices.Contains(m.Countries, c) }

// Speaks reports whether the market's pages exist in lang.
func (m Market) Speaks(lang string) bool { return slices.Contains(m.Languages, lang) }

// Locale is the BCP 47 name of lang in the market: "ar-DE".
func (m Market) Locale(lang string) string { return lang + "-" + string(m.Country()) }

// Prefix is how the market's pages in lang begin: "/ar-de".
func (m Market) Prefix(lang string) string { return "/" + strings.ToLower(lang) + "-" + string(m.Code) }

// Sells reports whether new carts may be opened: in open markets, and in soft ones by those invited.
func (m Market) Sells() bool { return m.State == Open || m.State == Soft }

// Location is the market's time zone.
func (m Market) Location() *time.Location { return TimeZone(m.Zone) }

// Day is the civil day of a moment in the market: "2026-11-24".
func (m Market) Day(at time.Time) string { return at.In(m.Location()).Format(time.DateOnly) }

var (
	codeForm     = regexp.MustCompile(`^[a-z]{2,8}$`)
	languageForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?$`)
	countryForm  = regexp.MustCompile(`^[A-Z]{2}$`)
)

// check returns an Invalid fault that names what is wrong with the market.
func (m Market) check() error {
	var c fault.Check
	c.That(codeForm.MatchString(string(m.Code)), "code", "market.code_form")
	c.That(m.Name != "" && len(m.Name) <= 80, "name", "market.name_length")
	c.That(slices.Contains([]State{Draft, Soft, Open, Closed}, m.State), "state", "market.state_unknown")
	c.That(len(m.Countries) > 0, "countries", "market.needs_country")
	for _, country := range m.Countries {
		c.That(countryForm.MatchString(string(country)), "countries", "market.country_form")
	}
	c.That(m.Currency.Valid(), "currency", "market.currency_form")
	c.That(len(m.Languages) > 0, "languages", "market.needs_language")
	for _, lang := range m.Languages {
		c.That(languageForm.MatchString(lang), "languages", "market.language_form")
	}
	_, err := time.LoadLocation(m.Zone)
	c.That(err == nil && m.Zone != "" && m.Zone != "Local", "zone", "market.zone_unknown")
	c.That(m.Incoterm == "DDP" || m.Incoterm == "DAP", "incoterm", "market.incoterm_unknown")
	c.That(m.Factor.Coef > 0, "factor", "market.factor_positive")
	c.That(m.Rounding.Step > 0, "rounding.step", "market.step_positive")
	c.That(m.Rounding.Ending >= 0 && m.Rounding.Ending < max(m.Rounding.Step, 1), "rounding.ending", "market.ending_within_step")
	c.That(slices.Contains([]Direction{Nearest, Up, Down}, m.Rounding.Direction), "rounding.direction", "market.direction_unknown")
	return c.Err("market.invalid")
}
