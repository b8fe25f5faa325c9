package beside

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"portolan/internal/address"
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
)

// What beside asks of the packages below it.
type (
	// Markets is satisfied by market.Service.
	Markets interface {
		ByCode(code market.Code) (market.Market, bool)
		ByCountry(c market.Country) (market.Market, bool)
	}
	// Articles is satisfied by catalog.Service.
	Articles interface {
		Variant(sku string) (*catalog.Product, *catalog.Variant, error)
	}
	// Customers is satisfied by customer.Service.
	Customers interface {
		Upsert(tx *db.Tx, c customer.Customer) (customer.Customer, error)
	}
	// Orders is satisfied by order.Service.
	Orders interface {
		Import(tx *db.Tx, o order.Order) (order.Order, bool, error)
		ByExternal(tx *db.Tx, source, ref string) (order.Order, error)
		MarkPaid(tx *db.Tx, id order.ID, at time.Time, a money.Amount) (order.Order, error)
		Cancel(tx *db.Tx, id order.ID, reason string) (order.Order, error)
	}
	// Bus is satisfied by events.Bus.
	Bus interface {
		Publish(tx *db.Tx, e events.Event) error
	}
)

// Parts are everything that is asked.
type Parts struct {
	Bus       Bus
	Markets   Markets
	Articles  Articles
	Customers Customers
	Orders    Orders
	Carts     *checkout.Service
}

// Service takes in what other shops tell.
type Service struct {
	Parts
	db    *db.DB
	queue *jobs.Queue
}

// New returns the service and registers its work with q.
func New(d *db.DB, q *jobs.Queue, p Parts) *Service {
	s := &Service{p, d, q}
	jobs.HandleOutside(q, s.fill)
	return s
}

// Place enters an order into the book. The same source and reference with the same contents is the order that is
// there, marked paid if it now is; with other contents order.ErrReused. A market, country or currency that can't
// be served and everything else that is wrong is an Invalid fault with its fields.
//
// An order paid within the last day counts as paid now, when we learnt of it; an older payment keeps its moment,
// so that nobody is told of it as news.
func (s *Service) Place(tx *db.Tx, o Order) (order.Order, bool, error) {
	m, err := s.market(o.Market, o.Country)
	if err != nil {
		return order.Order{}, false, err
	}
	if err := o.check(m, tx.Now()); err != nil {
		return order.Order{}, false, err
	}
	lines, err := s.lines(&o, m)
	if err != nil {
		return order.Order{}, false, err
	}
	if !m.Speaks(o.Lang) {
		o.Lang = m.Language()
	}
	to := address.Address{GivenName: o.Contact.GivenName, FamilyName: o.Contact.FamilyName, Country: string(o.Country)}
	if o.Address != nil {
		to = *o.Address
	}
	who, err := s.Customers.Upsert(tx, customer.Customer{GivenName: first(o.Contact.GivenName, to.GivenName), FamilyName: first(o.Contact.FamilyName, to.FamilyName),
		Email: o.Contact.Email, Phone: o.Contact.Phone, Country: o.Country, Region: to.Region, Lang: o.Lang, Market: m.Code, Zone: m.Zone})
	if err != nil {
		return order.Order{}, false, err
	}
	zero := money.Of(0, o.Currency)
	in := order.Order{Source: o.Source, ExternalRef: o.ExternalRef, Market: m.Code, Country: o.Country, Lang: o.Lang, Currency: o.Currency,
		Customer: who.ID, Email: o.Contact.Email, Phone: o.Contact.Phone, Address: to, Lines: lines,
		Goods: o.goods(), Discount: o.Discount, Shipping: o.Shipping, Duty: o.Duty,
		Tax: o.Tax, Fees: o.Fees, Total: o.Total, OnDelivery: zero, Incoterm: m.Incoterm, TaxIncluded: o.TaxIncluded, Service: o.Service,
		DeliverFrom: o.DeliverFrom, DeliverTo: o.DeliverTo, Test: o.Test, PlacedAt: o.PlacedAt.UTC()}
	if o.PlacedAt.IsZero() || o.PlacedAt.After(tx.Now()) {
		in.PlacedAt = tx.Now()
	}
	if o.Paid || !o.PaidAt.IsZero() {
		in.PaidAt = learnt(o.PaidAt, tx.Now())
	}
	return s.Orders.Import(tx, in)
}

// learnt is when a payment counts as received: now, unless it is old news.
func learnt(at, now time.Time) time.Time {
	if at.IsZero() || now.Sub(at) < 24*time.Hour {
		return now
	}
	return at.UTC().Truncate(time.Microsecond)
}

func (s *Service) market(code market.Code, c market.Country) (market.Market, error) {
	if code == "" {
		if m, ok := s.Markets.ByCountry(c); ok {
			return m, nil
		}
		return market.Market{}, ErrInvalid.With(map[string]string{"country": "no_market"})
	}
	m, ok := s.Markets.ByCode(code)
	if !ok {
		return m, ErrInvalid.With(map[string]string{"market": "unknown"})
	}
	return m, nil
}

// lines are those of the order, with what our catalogue knows of them.
func (s *Service) lines(o *Order, m market.Market) ([]order.Line, error) {
	var c fault.Check
	all := make([]order.Line, len(o.Lines))
	for i, l := range o.Lines {
		all[i] = order.Line{SKU: l.SKU, Title: l.Title, Options: l.Options, Quantity: l.Quantity, UnitPrice: l.UnitPrice,
			Total: l.UnitPrice.Mul(l.Quantity), HS: l.HS, Origin: l.Origin, Weight: l.Weight}
		p, v, err := s.Articles.Variant(l.SKU)
		if err != nil {
			c.That(l.Title != "" || fault.Of(err).Kind != fault.NotFound, "lines."+strconv.Itoa(i)+".sku", "unknown_and_no_title")
			continue
		}
		at := &all[i]
		at.Slug, at.Title, at.HS, at.Origin = p.Slug, first(l.Title, p.Text(o.Lang).Title), first(l.HS, p.HS), first(l.Origin, string(p.Origin))
		if at.Weight == 0 {
			at.Weight = v.WeightGrams
		}
		if image, _, ok := p.Image(v.Options["color"]); ok {
			at.Image = image.File
		}
	}
	return all, c.Err(ErrInvalid.Code)
}

// Paid marks an order of another shop as paid in full. Told again it changes nothing. order.ErrUnknown says that
// the order isn't here, perhaps not yet.
func (s *Service) Paid(tx *db.Tx, source, ref string, amount money.Amount, at time.Time) (order.Order, error) {
	o, err := s.Orders.ByExternal(tx, source, ref)
	if err != nil || !o.PaidAt.IsZero() {
		return o, err
	}
	return s.Orders.MarkPaid(tx, o.ID, learnt(at, tx.Now()), amount)
}

// Cancel cancels an order of another shop. Told again it changes nothing.
func (s *Service) Cancel(tx *db.Tx, source, ref, reason string) (order.Order, error) {
	o, err := s.Orders.ByExternal(tx, source, ref)
	if err != nil {
		return o, err
	}
	if reason == "" || !plain(reason, 100) {
		reason = "other_shop"
	}
	return s.Orders.Cancel(tx, o.ID, reason)
}

// Left is a shopper who left another shop's checkout unpaid.
type Left struct {
	Source      string             `json:"source"`
	ExternalRef string             `json:"external_ref"`
	Market      market.Code        `json:"market,omitempty"`
	Country     market.Country     `json:"country"`
	Lang        string             `json:"lang,omitempty"`
	Contact     checkout.Contact   `json:"contact"`
	Lines       []LeftLine         `json:"lines"`
	Consents    []checkout.Consent `json:"consents,omitempty"` // answers to that shop's boxes, word for word
}

// LeftLine is what was in the bag. Only what our catalogue knows comes along.
type LeftLine struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// fillJob makes a cart here of one that was left elsewhere.
type fillJob struct {
	Left Left `json:"left"`
}

// Job implements jobs.Args.
func (fillJob) Job() string { return "beside.fill" }

// ShopperLeft has a cart made here of what was left elsewhere, and announces that its shopper left: the link of a
// recovery message leads into our checkout.
func (s *Service) ShopperLeft(tx *db.Tx, l Left) error {
	if _, err := s.market(l.Market, l.Country); err != nil {
		return err
	}
	var c fault.Check
	c.That(l.ExternalRef != "" && plain(l.ExternalRef, 128), "external_ref", "malformed")
	c.That(len(l.Lines) > 0, "lines", "at_least_1_items")
	c.That(l.Contact.Email != "" || l.Contact.Phone != "", "contact", "email_or_phone_needed")
	if err := c.Err(ErrInvalid.Code); err != nil {
		return err
	}
	return s.queue.Add(tx, fillJob{l}, jobs.When{})
}

func (s *Service) fill(ctx context.Context, j fillJob) error {
	l := j.Left
	m, err := s.market(l.Market, l.Country)
	if err != nil {
		return jobs.Permanent(err)
	}
	var changes []checkout.Change
	for _, line := range l.Lines {
		if _, _, err := s.Articles.Variant(line.SKU); err == nil {
			changes = append(changes, checkout.Add(line.SKU, min(max(line.Quantity, 1), checkout.MaxQuantity)))
		}
	}
	if len(changes) == 0 {
		return jobs.Permanent(ErrInvalid.With(map[string]string{"lines": "none_known"}))
	}
	changes = append(changes, checkout.SetContact(l.Contact))
	if len(l.Consents) > 0 {
		changes = append(changes, checkout.SetConsents(l.Consents, l.Source, ""))
	}
	c, err := s.Carts.Begin(ctx, checkout.Start{Market: m.Code, Country: l.Country, Lang: l.Lang}, changes...)
	if err != nil {
		if fault.Of(err).Kind == fault.Invalid {
			return jobs.Permanent(err)
		}
		return fmt.Errorf("cart left at %s: %w", l.Source, err)
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		token, err := s.Carts.Link(tx, c.ID)
		if err != nil {
			return err
		}
		return s.Bus.Publish(tx, checkout.LeftEvent{Cart: c.ID, Token: token, Customer: c.Customer, Market: c.Market, Country: c.Country, Lang: c.Lang,
			Email: c.Contact.Email, Phone: c.Contact.Phone, At: tx.Now()})
	})
}

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}
