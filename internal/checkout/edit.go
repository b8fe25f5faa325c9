package checkout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"portolan/internal/address"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/pricing"
)

// Start is where a cart begins.
type Start struct {
	Market  market.Code
	Country market.Country // empty: the market's first
	Lang    string         // empty or not spoken there: the market's first
}

// Open makes an empty cart. It is written with its first line: see Begin.
func (s *Service) open(at time.Time, st Start) (Cart, error) {
	m, ok := s.Markets.ByCode(st.Market)
	switch {
	case !ok:
		return Cart{}, ErrInvalid.With(map[string]string{"market": "unknown"})
	case !m.Sells():
		return Cart{}, ErrClosed
	}
	if !m.Serves(st.Country) {
		st.Country = m.Country()
	}
	if !m.Speaks(st.Lang) {
		st.Lang = m.Language()
	}
	return Cart{ID: id.New("crt"), Token: strings.ToLower(rand.Text()), Market: m.Code, Country: st.Country, Lang: st.Lang,
		Currency: m.Currency, State: Open, CreatedAt: at, Activity: at}, nil
}

// Begin makes a cart and does the first changes to it, as Change does.
func (s *Service) Begin(ctx context.Context, st Start, changes ...Change) (c Cart, err error) {
	var refused error
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		if c, err = s.open(tx.Now(), st); err != nil {
			return err
		}
		if refused, err = s.apply(tx, &c, true, changes); err != nil {
			return err
		}
		c.Version = 1
		return insert(tx, c)
	})
	if err == nil {
		err = refused
	}
	return c, err
}

// Get returns the cart of a cookie, or ErrUnknown.
func (s *Service) Get(tx *db.Tx, token string) (Cart, error) { return byToken(tx, token) }

// ByID returns a cart for the console.
func (s *Service) ByID(tx *db.Tx, id string) (Cart, error) { return byID(tx, id) }

// Change is something a shopper does to a cart.
type Change func(*edit) error

// edit is a cart being changed.
type edit struct {
	s       *Service
	tx      *db.Tx
	c       *Cart
	m       market.Market
	current bool  // the shopper has seen the cart as it is
	refused error // what to answer although what was done is kept
}

// Change does changes, all or none, to the cart of a cookie. version is that of the cart the shopper saw, or 0
// where that isn't known. Changes that would lose what another tab did are then ErrCartChanged; the others are
// done to the cart as it is. A cart that is being paid is ErrPaying, one that was ordered ErrOrdered.
func (s *Service) Change(ctx context.Context, token string, version int64, changes ...Change) (Cart, error) {
	return s.change(ctx, Cart{Token: token}, version, changes)
}

// Amend is Change for a cart that has just been read, whatever its version: it saves reading it again. If somebody
// was faster, the changes are done to the cart as that one left it.
func (s *Service) Amend(ctx context.Context, c Cart, changes ...Change) (Cart, error) {
	return s.change(ctx, c, 0, changes)
}

func (s *Service) change(ctx context.Context, from Cart, version int64, changes []Change) (c Cart, err error) {
	for try := range 2 {
		var refused error
		err = s.db.Write(ctx, func(tx *db.Tx) (err error) {
			switch c = from; {
			case try > 0:
				c, err = held(tx, from.Token)
			case from.ID == "":
				c, err = byToken(tx, from.Token)
			}
			if err != nil {
				return err
			}
			c.Lines, c.Consents, c.tries = slices.Clone(c.Lines), slices.Clone(c.Consents), slices.Clone(c.tries)
			if err := c.editable(); err != nil {
				return err
			}
			before := c.Version
			c.Activity = tx.Now()
			if refused, err = s.apply(tx, &c, version == before, changes); err != nil {
				return err
			}
			return save(tx, &c, before)
		})
		if errors.Is(err, errRaced) {
			continue
		}
		if err == nil {
			err = refused
		}
		return c, err
	}
	return c, ErrCartChanged
}

func (c *Cart) editable() error {
	switch c.State {
	case Paying, Held:
		return ErrPaying
	case Ordered:
		return ErrOrdered
	}
	return nil
}

func (s *Service) apply(tx *db.Tx, c *Cart, current bool, changes []Change) (refused, err error) {
	m, ok := s.Markets.ByCode(c.Market)
	if !ok {
		return nil, fmt.Errorf("cart %s: %w", c.ID, market.ErrUnknown)
	}
	e := &edit{s: s, tx: tx, c: c, m: m, current: current}
	for _, change := range changes {
		if err := change(e); err != nil {
			return nil, err
		}
	}
	return e.refused, nil
}

func quantityFault(n int64, least int64) error {
	var c fault.Check
	c.That(n >= least, "quantity", "at_least_"+strconv.FormatInt(least, 10))
	c.That(n <= MaxQuantity, "quantity", "at_most_"+strconv.Itoa(MaxQuantity))
	return c.Err(ErrInvalid.Code)
}

// Add puts n more pieces of an article into the cart.
func Add(sku string, n int64) Change {
	return func(e *edit) error {
		if err := quantityFault(n, 1); err != nil {
			return err
		}
		a, err := e.article(sku)
		if err != nil {
			return err
		}
		i := e.c.line(sku)
		if i < 0 {
			if len(e.c.Lines) >= MaxLines {
				return ErrInvalid.With(map[string]string{"lines": "too_many"})
			}
			e.c.Lines, i = append(e.c.Lines, Line{SKU: sku}), len(e.c.Lines)
		}
		if err := quantityFault(e.c.Lines[i].Quantity+n, 1); err != nil {
			return err
		}
		e.c.Lines[i].Quantity += n
		e.c.Lines[i].Seen = a.Price.Amount
		return nil
	}
}

// article says what a SKU is here, or that nothing of that name is sold.
func (e *edit) article(sku string) (Article, error) {
	a, err := e.s.Shelf.Article(e.m, e.c.Country, e.c.Lang, sku)
	if err != nil && fault.Of(err).Kind == fault.NotFound {
		return a, ErrInvalid.With(map[string]string{"sku": "unknown"})
	}
	return a, err
}

// Set makes the quantity of an article n.
func Set(sku string, n int64) Change {
	return func(e *edit) error {
		if err := quantityFault(n, 1); err != nil {
			return err
		}
		i := e.c.line(sku)
		switch {
		case !e.current:
			return ErrCartChanged
		case i < 0:
			return ErrInvalid.With(map[string]string{"sku": "not_in_cart"})
		}
		a, err := e.article(sku)
		if err != nil {
			return err
		}
		e.c.Lines[i].Quantity, e.c.Lines[i].Seen = n, a.Price.Amount
		return nil
	}
}

// Remove takes an article out of the cart; one that isn't there is fine.
func Remove(sku string) Change {
	return func(e *edit) error {
		e.c.Lines = slices.DeleteFunc(e.c.Lines, func(l Line) bool { return l.SKU == sku })
		return nil
	}
}

// Accept says that the shopper has seen the prices and knows those that changed.
func Accept() Change {
	return func(e *edit) error {
		for i, l := range e.c.Lines {
			if a, err := e.article(l.SKU); err == nil {
				e.c.Lines[i].Seen = a.Price.Amount
			}
		}
		return nil
	}
}

// Code enters a discount code; an empty one takes the code off. A code that isn't taken is pricing's fault, and
// counts as a try: ten an hour, then ErrTooManyTries.
func Code(text string) Change {
	return func(e *edit) error {
		text = strings.ToUpper(strings.TrimSpace(text))
		if text == "" {
			e.c.Code = ""
			return nil
		}
		now := e.tx.Now()
		e.c.tries = slices.DeleteFunc(e.c.tries, func(t time.Time) bool { return now.Sub(t) >= time.Hour })
		if len(e.c.tries) >= maxTries {
			return ErrTooManyTries
		}
		e.c.tries = append(e.c.tries, now)
		if len(text) > 64 || !utf8.ValidString(text) {
			e.refused = pricing.ErrCodeUnknown
			return nil
		}
		basket, err := e.s.basket(e.c, e.m)
		if err != nil {
			return err
		}
		use, err := e.s.useOf(e.tx, e.c, basket)
		if err != nil {
			return err
		}
		_, err = e.s.Codes.Check(e.tx, text, use)
		if err != nil {
			if fault.Of(err).Kind == fault.Internal {
				return err
			}
			e.refused = err
			return nil
		}
		e.c.Code = text
		return nil
	}
}

// SetContact says how to reach the shopper. Phone may be written as people do, in the country of delivery.
func SetContact(to Contact) Change {
	return func(e *edit) error {
		to.GivenName, to.FamilyName = strings.TrimSpace(to.GivenName), strings.TrimSpace(to.FamilyName)
		to.Email, to.Phone = strings.TrimSpace(to.Email), strings.TrimSpace(to.Phone)
		var c fault.Check
		c.That(to.Email != "" || to.Phone != "", "email", "email_or_phone_needed")
		c.That(plain(to.GivenName, 100), "given_name", "too_long")
		c.That(plain(to.FamilyName, 100), "family_name", "too_long")
		var err error
		if to.Email != "" {
			to.Email, err = customer.Email(to.Email)
			c.That(err == nil, "email", "no_address")
		}
		if to.Phone != "" {
			to.Phone, err = address.Phone(to.Phone, string(e.c.Country))
			c.That(err == nil, "phone", "phone_form")
		}
		if err := c.Err(ErrInvalid.Code); err != nil {
			return err
		}
		e.c.Contact = to
		return e.know()
	}
}

// plain reports whether s is at most n characters of ordinary text.
func plain(s string, n int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= n && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// know finds or enters the person behind the contact.
func (e *edit) know() error {
	c := e.c
	who, err := e.s.Customers.Upsert(e.tx, customer.Customer{GivenName: c.Contact.GivenName, FamilyName: c.Contact.FamilyName, Email: c.Contact.Email,
		Phone: c.Contact.Phone, Country: c.Country, Region: c.Address.Region, Lang: c.Lang, Market: c.Market, Zone: e.m.Zone})
	if err != nil {
		return err
	}
	c.Customer = who.ID
	return nil
}

// SetAddress says where to deliver. Its country must be one that the market delivers to.
func SetAddress(a address.Address) Change {
	return func(e *edit) error {
		if a.Country == "" {
			a.Country = string(e.c.Country)
		}
		a = address.Tidy(a)
		if address.Known(a.Country) && !e.m.Serves(market.Country(a.Country)) {
			return ErrInvalid.With(map[string]string{"address.country": "not_delivered_to"})
		}
		if err := address.Check(a); err != nil {
			return err
		}
		e.c.Address, e.c.Country = a, market.Country(a.Country)
		if e.c.Contact.GivenName == "" && e.c.Contact.FamilyName == "" {
			e.c.Contact.GivenName, e.c.Contact.FamilyName = a.GivenName, a.FamilyName
		}
		if e.c.Contact.Phone == "" && strings.HasPrefix(a.Phone, "+") {
			e.c.Contact.Phone = a.Phone
			if e.c.Contact.Email != "" {
				return e.know()
			}
		}
		return nil
	}
}

// SetConsents keeps the answers to consent boxes and writes those that changed into the ledger of consent.
func SetConsents(answers []Consent, page, ipDigest string) Change {
	return func(e *edit) error {
		for _, a := range answers {
			if len(a.Text) > 2000 || a.Granted && a.Text == "" {
				return ErrInvalid.With(map[string]string{"consent." + string(a.Channel): "wording"})
			}
			i := slices.IndexFunc(e.c.Consents, func(o Consent) bool { return o.Channel == a.Channel && o.Class == a.Class })
			was := i >= 0 && e.c.Consents[i].Granted
			if i >= 0 {
				e.c.Consents[i] = a
			} else {
				e.c.Consents = append(e.c.Consents, a)
			}
			if was == a.Granted {
				continue
			}
			if err := e.consent(a, page, ipDigest); err != nil {
				return err
			}
		}
		return nil
	}
}

func (e *edit) consent(a Consent, page, ipDigest string) error {
	to := e.c.Contact.Email
	if a.Channel == customer.SMS || a.Channel == customer.WhatsApp {
		to = e.c.Contact.Phone
	}
	if to == "" {
		return ErrInvalid.With(map[string]string{"consent." + string(a.Channel): "no_address_for_channel"})
	}
	action := customer.Grant
	if !a.Granted {
		action = customer.Revoke
	}
	_, err := e.s.Customers.Record(e.tx, customer.Consent{Customer: e.c.Customer, Address: to, Channel: a.Channel, Class: a.Class, Action: action,
		Text: a.Text, Wording: a.Wording, Lang: e.c.Lang, Market: e.c.Market, Page: page, Source: "checkout", IPDigest: ipDigest,
		DoubleOptIn: e.m.DoubleOptIn})
	return err
}

// Move takes the cart to another market or language: what is sold there stays in it, at that market's prices.
// The quote is no longer good.
func Move(to market.Code, lang string) Change {
	return func(e *edit) error {
		m, ok := e.s.Markets.ByCode(to)
		if !ok {
			return ErrInvalid.With(map[string]string{"market": "unknown"})
		}
		if !m.Speaks(lang) {
			lang = m.Language()
		}
		e.c.Lang = lang
		if m.Code == e.c.Market {
			return nil
		}
		if !m.Sells() {
			return ErrClosed
		}
		e.m, e.c.Market, e.c.Currency, e.c.Quote, e.c.Service, e.c.Code = m, m.Code, m.Currency, nil, "", ""
		if !m.Serves(e.c.Country) {
			e.c.Country, e.c.Address = m.Country(), address.Address{}
		}
		for i, l := range e.c.Lines {
			if a, err := e.article(l.SKU); err == nil {
				e.c.Lines[i].Seen = a.Price.Amount
			}
		}
		return nil
	}
}

// Choose takes a delivery service and makes the quote. ErrIncomplete names what has to be known before.
func Choose(service string) Change {
	return func(e *edit) error {
		if err := e.c.ready(false); err != nil {
			return err
		}
		e.c.Service = service
		_, err := e.s.requote(e.tx, e.c, e.m)
		return err
	}
}

// Touch notes that the shopper is still there, at most once a minute.
func (s *Service) Touch(ctx context.Context, c Cart) error {
	if c.State != Open || s.db.Clock().Now().Sub(c.Activity) < time.Minute {
		return nil
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		err := tx.Send(`update carts set activity_at = $2 where id = $1 and activity_at < $2`, c.ID, tx.Now())
		return err
	})
}

// ready says which steps are missing.
func (c *Cart) ready(all bool) error {
	var k fault.Check
	k.That(len(c.Lines) > 0, "lines", "required")
	k.That(c.Contact.Email != "" || c.Contact.Phone != "", "contact", "required")
	k.That(c.Address.Line1 != "", "address", "required")
	k.That(!all || c.Service != "", "service", "required")
	return k.Err(ErrIncomplete.Code)
}
