// Package beside takes in what another shop tells us, so that everything after "order paid" happens here the same
// as for orders of our own: orders, payments, cancellations, and shoppers who left.
//
// How it is told (by API or by webhook) is the faces' business. The other shop keeps its own prices and stock:
// nothing is priced or taken out of stock here.
package beside

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"portolan/internal/address"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
)

// ErrInvalid is the fault of a statement that can't be taken; Fields names each place: "lines.0.quantity".
var ErrInvalid = fault.New(fault.Invalid, "beside.invalid")

// Order is an order as another shop tells it. Amounts are in Currency, which is the market's. With TaxIncluded,
// unit prices and shipping contain Tax; then lines - Discount + Shipping + Duty + Fees = Total, otherwise Tax is
// added. What is zero may be left out.
type Order struct {
	Source      string           `json:"source"`
	ExternalRef string           `json:"external_ref"`
	Market      market.Code      `json:"market,omitempty"` // empty: the one that serves Country
	Country     market.Country   `json:"country"`
	Lang        string           `json:"lang,omitempty"` // empty or not spoken there: the market's first
	Currency    money.Currency   `json:"currency"`
	Contact     checkout.Contact `json:"contact"`
	Address     *address.Address `json:"address,omitempty"`
	Lines       []Line           `json:"lines"`
	Discount    money.Amount     `json:"discount,omitzero"`
	Shipping    money.Amount     `json:"shipping,omitzero"`
	Duty        money.Amount     `json:"duty,omitzero"`
	Tax         money.Amount     `json:"tax,omitzero"`
	Fees        money.Amount     `json:"fees,omitzero"`
	Total       money.Amount     `json:"total"`
	TaxIncluded bool             `json:"tax_included,omitempty"`
	Service     string           `json:"service,omitempty"`
	DeliverFrom string           `json:"deliver_from,omitempty"` // civil days: 2026-11-30
	DeliverTo   string           `json:"deliver_to,omitempty"`
	PlacedAt    time.Time        `json:"placed_at,omitzero"`
	Paid        bool             `json:"paid,omitempty"`
	PaidAt      time.Time        `json:"paid_at,omitzero"`
	Test        bool             `json:"test,omitempty"`
}

// Line is a quantity of one article. Title may be empty where the SKU is in our catalogue.
type Line struct {
	SKU       string            `json:"sku"`
	Title     string            `json:"title,omitempty"`
	Options   map[string]string `json:"options,omitempty"`
	Quantity  int64             `json:"quantity"`
	UnitPrice money.Amount      `json:"unit_price"`
	HS        string            `json:"hs,omitempty"`
	Origin    string            `json:"origin,omitempty"`
	Weight    int64             `json:"weight_grams,omitempty"` // of one piece
}

// The limits of an order from elsewhere.
const (
	maxLines    = 500
	maxQuantity = 1_000_000
	maxMinor    = 1_000_000_000_000_000
	slack       = 5 * time.Minute // by which another shop's clock may be ahead of ours
)

// check says what is wrong with the order in its market at a moment, and tidies it.
func (o *Order) check(m market.Market, now time.Time) error {
	var c fault.Check
	c.That(o.Source != "" && len(o.Source) <= 64 && plain(o.Source, 64), "source", "malformed")
	c.That(o.ExternalRef != "" && plain(o.ExternalRef, 128), "external_ref", "malformed")
	c.That(m.Serves(o.Country), "country", "not_in_market")
	c.That(o.Currency == m.Currency, "currency", "not_of_market")
	c.That(o.Contact.Email != "" || o.Contact.Phone != "", "contact", "email_or_phone_needed")
	c.That(plain(o.Contact.GivenName, 100), "contact.given_name", "malformed")
	c.That(plain(o.Contact.FamilyName, 100), "contact.family_name", "malformed")
	var err error
	if o.Contact.Email != "" {
		o.Contact.Email, err = customer.Email(o.Contact.Email)
		c.That(err == nil, "contact.email", "no_address")
	}
	if o.Contact.Phone != "" {
		o.Contact.Phone, err = address.Phone(o.Contact.Phone, string(o.Country))
		c.That(err == nil, "contact.phone", "phone_form")
	}
	o.checkAddress(&c)
	c.That(len(o.Lines) > 0, "lines", "at_least_1_items")
	c.That(len(o.Lines) <= maxLines, "lines", "at_most_"+strconv.Itoa(maxLines)+"_items")
	for i := range o.Lines {
		o.Lines[i].check(&c, "lines."+strconv.Itoa(i)+".", o.Currency)
	}
	c.That(len(o.Service) <= 64 && plain(o.Service, 64), "service", "malformed")
	day(&c, o.DeliverFrom, "deliver_from")
	day(&c, o.DeliverTo, "deliver_to")
	c.That(!o.PlacedAt.After(now.Add(slack)), "placed_at", "in_the_future")
	c.That(!o.PaidAt.After(now.Add(slack)), "paid_at", "in_the_future")
	for _, a := range []struct {
		field string
		of    *money.Amount
	}{{"discount", &o.Discount}, {"shipping", &o.Shipping}, {"duty", &o.Duty}, {"tax", &o.Tax}, {"fees", &o.Fees}, {"total", &o.Total}} {
		if *a.of == (money.Amount{}) {
			a.of.Currency = o.Currency
		}
		amount(&c, *a.of, o.Currency, a.field)
	}
	if err := c.Err(ErrInvalid.Code); err != nil {
		return err
	}
	c.That(o.sum() == o.Total, "total", "does_not_add_up")
	c.That(o.goods().Minor >= 0, "tax", "more_than_the_goods")
	return c.Err(ErrInvalid.Code)
}

func (o *Order) checkAddress(c *fault.Check) {
	if o.Address == nil {
		return
	}
	a := address.Tidy(*o.Address)
	o.Address = &a
	c.That(a.Country == string(o.Country), "address.country", "other_country")
	if err := address.Check(a); err != nil {
		for field, code := range fault.Of(err).Fields {
			c.That(false, field, code)
		}
	}
}

func (l *Line) check(c *fault.Check, at string, in money.Currency) {
	c.That(l.SKU != "" && plain(l.SKU, 64), at+"sku", "malformed")
	c.That(plain(l.Title, 300), at+"title", "malformed")
	c.That(l.Quantity >= 1, at+"quantity", "at_least_1")
	c.That(l.Quantity <= maxQuantity, at+"quantity", fmt.Sprintf("at_most_%d", maxQuantity))
	amount(c, l.UnitPrice, in, at+"unit_price")
	if l.Quantity >= 1 && l.Quantity <= maxQuantity {
		c.That(l.UnitPrice.Minor <= maxMinor/l.Quantity, at+"unit_price", "too_large")
	}
	c.That(len(l.Options) <= 10, at+"options", "too_many")
	for name, value := range l.Options {
		c.That(plain(name, 100) && plain(value, 100), at+"options", "malformed")
	}
	c.That(len(l.HS) <= 20 && plain(l.HS, 20), at+"hs", "malformed")
	c.That(l.Origin == "" || address.Known(l.Origin), at+"origin", "unknown_country")
	c.That(l.Weight >= 0 && l.Weight <= 1_000_000_000, at+"weight_grams", "out_of_range")
}

// sum is what the parts of a checked order come to.
func (o *Order) sum() money.Amount {
	total := money.Of(0, o.Currency)
	for _, l := range o.Lines {
		if total.Minor > maxMinor {
			return total
		}
		total = total.Add(l.UnitPrice.Mul(l.Quantity))
	}
	total = total.Sub(o.Discount).Add(o.Shipping).Add(o.Duty).Add(o.Fees)
	if !o.TaxIncluded {
		total = total.Add(o.Tax)
	}
	return total
}

// goods are the lines without the tax in them; a tax on shipping is taken out of the goods too, since nobody says
// how much of it there is.
func (o *Order) goods() money.Amount {
	return o.Total.Add(o.Discount).Sub(o.Shipping).Sub(o.Duty).Sub(o.Tax).Sub(o.Fees)
}

func amount(c *fault.Check, a money.Amount, in money.Currency, field string) {
	c.That(a.Currency == in, field, "other_currency")
	c.That(a.Minor >= 0, field, "negative")
	c.That(a.Minor <= maxMinor, field, "too_large")
}

func day(c *fault.Check, s, field string) {
	_, err := time.Parse(time.DateOnly, s)
	c.That(s == "" || err == nil, field, "no_day")
}

// plain reports whether s is at most n characters of ordinary text.
func plain(s string, n int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= n && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
