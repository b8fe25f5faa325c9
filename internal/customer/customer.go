// Package customer knows who buys and what each person agreed to hear: profiles, the ledger of consent and
// the list of addresses that asked for silence.
//
// It neither sends anything nor decides whether something may be sent: package messaging asks it and decides.
// Accounts, addresses and histories belong to other packages.
package customer

import (
	"net/mail"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"portolan/internal/address"
	"portolan/internal/fault"
	"portolan/internal/market"
)

var (
	ErrUnknown   = fault.New(fault.NotFound, "customer.unknown")
	ErrBadInput  = fault.New(fault.Invalid, "customer.bad_input")
	ErrBadPhone  = fault.New(fault.Invalid, "customer.bad_phone")
	ErrBadEmail  = fault.New(fault.Invalid, "customer.bad_email")
	ErrBadToken  = fault.New(fault.NotFound, "customer.bad_confirm_link")
	ErrOldToken  = fault.New(fault.Gone, "customer.confirm_link_expired")
	ErrNoContact = fault.New(fault.Invalid, "customer.no_contact")
)

// Customer is a person who bought, signed up or wrote to us. Email is lower case, Phone is E.164; either may
// be empty, not both. Zone is the IANA time zone the person was last seen in, empty if nobody knows.
type Customer struct {
	ID         string         `json:"id"`
	GivenName  string         `json:"given_name"`
	FamilyName string         `json:"family_name"`
	Email      string         `json:"email"`
	Phone      string         `json:"phone"`
	Country    market.Country `json:"country"`
	Region     string         `json:"region"` // the state or province code where the country has them: "CA"
	Lang       string         `json:"lang"`
	Market     market.Code    `json:"market"`
	Zone       string         `json:"zone"`
	CreatedAt  time.Time      `json:"created_at"`
}

// Name is the full name for lists and letters; empty when none was given.
func (c Customer) Name() string { return strings.TrimSpace(c.GivenName + " " + c.FamilyName) }

// Email brings an e-mail address into the form in which it is kept and compared: NFKC, lower case, no
// display name. What is no address is ErrBadEmail.
func Email(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(norm.NFKC.String(s)))
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 || !strings.Contains(s[strings.LastIndexByte(s, '@')+1:], ".") {
		return "", ErrBadEmail.With(map[string]string{"email": "no_address"})
	}
	return s, nil
}

// Phone brings a number as people write it into E.164: "0151 23456789" in DE is "+4915123456789". A number
// that its country does not have is ErrBadPhone.
func Phone(s string, in market.Country) (string, error) {
	e164, err := address.Phone(norm.NFKC.String(s), string(in))
	if err != nil || len(s) > 40 {
		return "", ErrBadPhone.With(map[string]string{"phone": "not_in_country"})
	}
	return e164, nil
}

const longestName = 200

// tidy brings c into the form in which it is kept, or says which field is wrong.
func (c Customer) tidy() (Customer, error) {
	var check fault.Check
	c.GivenName, c.FamilyName = strings.TrimSpace(c.GivenName), strings.TrimSpace(c.FamilyName)
	check.That(len(c.GivenName) <= longestName, "given_name", "too_long")
	check.That(len(c.FamilyName) <= longestName, "family_name", "too_long")
	check.That(c.Email != "" || c.Phone != "", "email", "email_or_phone_needed")
	var err error
	if c.Email != "" {
		c.Email, err = Email(c.Email)
		check.That(err == nil, "email", "no_address")
	}
	if c.Phone != "" {
		c.Phone, err = Phone(c.Phone, c.Country)
		check.That(err == nil, "phone", "not_in_country")
	}
	return c, check.Err(ErrBadInput.Code)
}

// news is c brought up to date by what the person told us last; what they left out stays.
func (c Customer) news(n Customer) Customer {
	for _, f := range []struct {
		to   *string
		from string
	}{
		{&c.GivenName, n.GivenName}, {&c.FamilyName, n.FamilyName}, {&c.Email, n.Email}, {&c.Phone, n.Phone},
		{&c.Lang, n.Lang}, {&c.Zone, n.Zone}, {(*string)(&c.Market), string(n.Market)},
	} {
		if f.from != "" {
			*f.to = f.from
		}
	}
	if n.Country != "" {
		c.Country, c.Region = n.Country, n.Region
	}
	return c
}
