package tax

import (
	"errors"
	"fmt"
	"math/big"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
)

// Reversal is money of an order that goes back to the buyer.
type Reversal struct {
	Ref    string // names the refund; the same again changes nothing
	Order  order.ID
	Amount money.Amount // of everything the buyer paid, tax included
	At     time.Time    // zero: now; neither before the sale nor to come
	Reason string
}

// RecordSale enters an order that is paid, and reports whether it was new. Orders that aren't paid are left out.
func (s *Service) RecordSale(tx *db.Tx, o order.Order) (bool, error) {
	if o.PaidAt.IsZero() {
		return false, nil
	}
	e, err := s.supply(tx, &o)
	if err != nil {
		return false, fmt.Errorf("tax of %s: %w", o.ID, err)
	}
	return insert(tx, "sale:"+string(o.ID), e)
}

// supply is the entry that an order makes.
func (s *Service) supply(tx *db.Tx, o *order.Order) (Entry, error) {
	country, region := where(o)
	from := s.shipFrom(o)
	of := func(minor int64) money.Amount { return money.Of(minor, o.Currency) }
	e := Entry{ID: id.New("tax"), Kind: Sale, Order: o.ID, At: o.PaidAt.UTC(), Country: country, Region: region, ShipFrom: from,
		Currency: o.Currency, Net: of(o.Goods.Minor - o.Discount.Minor + o.Shipping.Minor), Duty: of(o.Duty.Minor), Tax: of(o.Tax.Minor),
		Fees: of(o.Fees.Minor), Test: o.Test}
	e.Day = e.At.In(s.facts.zone(country, region)).Format(time.DateOnly)
	e.Original = e.Day
	charges := collected(o)
	var err error
	if e.Low, e.Doubt, err = s.low(tx, o, country, from, e.Day); err != nil {
		return e, err
	}
	var stated int64
	for _, c := range charges {
		e.Parts = append(e.Parts, Part{s.account(c, country), c.Code, c.Rate, c.Rule, of(c.Base.Minor), of(c.Amount.Minor)})
		stated += c.Amount.Minor
	}
	if rest := o.Tax.Minor - stated; rest != 0 {
		e.Parts = append(e.Parts, Part{Scheme: Unstated, Base: e.Net, Tax: of(rest)})
		e.Doubt = "charges_missing"
	}
	if len(e.Parts) == 0 {
		e.Parts = []Part{{Scheme: Untaxed, Base: e.Net, Tax: of(0)}}
	}
	return e, nil
}

// shipFrom is the country that an order left from; an order of another shop may name the country itself.
func (s *Service) shipFrom(o *order.Order) string {
	if s.Places != nil {
		if l, err := s.Places.Location(o.Location); err == nil {
			return string(l.Country)
		}
	}
	if len(o.Location) == 2 {
		return o.Location
	}
	return string(s.Home)
}

// RecordRefund enters money that goes back to the buyer of an order, shared over everything the buyer paid and
// hasn't got back: goods and delivery, duty, fees and the tax of each rate, each part rounded down and the last
// taking the remainder, so that parts add up to the refund and all refunds to the sale. It reports whether the
// refund was new. ErrNoSale, ErrRefund, ErrReused.
func (s *Service) RecordRefund(tx *db.Tx, r Reversal) (bool, error) {
	sale, err := lockSale(tx, r.Order)
	if err != nil {
		return false, fmt.Errorf("refund of %s: %w", r.Order, err)
	}
	key := "refund:" + r.Ref
	before, err := byKey(tx, key)
	if err == nil && before.Order == r.Order && before.paid() == -r.Amount.Minor && before.Currency == r.Amount.Currency {
		return false, nil
	}
	if err == nil {
		return false, fmt.Errorf("refund %.60q: %w", r.Ref, ErrReused)
	}
	if !errors.Is(err, db.ErrNone) {
		return false, err
	}
	left, err := s.left(tx, sale)
	if err != nil {
		return false, err
	}
	var c fault.Check
	c.That(r.Ref != "" && len(r.Ref) <= 128, "ref", "required")
	c.That(r.Amount.Currency == sale.Currency, "amount", "other_currency")
	c.That(r.Amount.Minor > 0, "amount", "must_be_positive")
	c.That(r.At.IsZero() || !r.At.Before(sale.At) && !r.At.After(tx.Now()), "at", "out_of_range")
	c.That(r.Amount.Minor <= left.paid(), "amount", "tax.more_than_left")
	if err := c.Err(ErrRefund.Code); err != nil {
		return false, fmt.Errorf("refund of %s: %w", r.Order, err)
	}
	return s.takeBack(tx, key, Refund, sale, left, r)
}

// recordCancellation takes back all that is left of an order's sale.
func (s *Service) recordCancellation(tx *db.Tx, o order.ID, at time.Time, reason string) error {
	sale, err := lockSale(tx, o)
	if errors.Is(err, ErrNoSale) {
		return nil
	}
	if err != nil {
		return err
	}
	left, err := s.left(tx, sale)
	if err != nil {
		return err
	}
	_, err = s.takeBack(tx, "cancel:"+string(o), Cancellation, sale, left, Reversal{Order: o, Amount: money.Of(left.paid(), sale.Currency), At: at, Reason: reason})
	return err
}

func (s *Service) takeBack(tx *db.Tx, key string, kind Kind, sale, left Entry, r Reversal) (bool, error) {
	e := left.share(r.Amount.Minor)
	e.ID, e.Kind, e.Of, e.Reason, e.At = id.New("tax"), kind, sale.ID, r.Reason, r.At.UTC()
	if r.At.IsZero() {
		e.At = tx.Now()
	}
	e.Day = e.At.In(s.facts.zone(sale.Country, sale.Region)).Format(time.DateOnly)
	e.Original = sale.Day
	return insert(tx, key, e)
}

// left is what the buyer of a sale hasn't got back.
func (s *Service) left(tx *db.Tx, sale Entry) (Entry, error) {
	all, err := OfOrder(tx, sale.Order)
	if err != nil {
		return sale, err
	}
	left := sale
	left.Parts = append([]Part(nil), sale.Parts...)
	for _, e := range all {
		if e.Of != sale.ID {
			continue
		}
		left.Net, left.Duty, left.Tax, left.Fees = left.Net.Add(e.Net), left.Duty.Add(e.Duty), left.Tax.Add(e.Tax), left.Fees.Add(e.Fees)
		for i, p := range e.Parts {
			left.Parts[i].Base, left.Parts[i].Tax = left.Parts[i].Base.Add(p.Base), left.Parts[i].Tax.Add(p.Tax)
		}
	}
	return left, nil
}

// paid is what the buyer paid, or got back, in minor units.
func (e *Entry) paid() int64 { return e.Net.Minor + e.Duty.Minor + e.Tax.Minor + e.Fees.Minor }

// share is the entry that takes amount back from what is left of a sale.
func (e *Entry) share(amount int64) Entry {
	back := *e
	room := []int64{e.Net.Minor, e.Duty.Minor, e.Fees.Minor}
	for _, p := range e.Parts {
		room = append(room, p.Tax.Minor)
	}
	parts := allot(amount, room)
	neg := func(minor int64) money.Amount { return money.Of(-minor, e.Currency) }
	back.Net, back.Duty, back.Fees = neg(parts[0]), neg(parts[1]), neg(parts[2])
	back.Parts = make([]Part, len(e.Parts))
	var tax int64
	total := e.paid()
	for i, p := range e.Parts {
		back.Parts[i] = p
		back.Parts[i].Tax = neg(parts[3+i])
		back.Parts[i].Base = neg(nearest(p.Base.Minor, amount, total))
		tax += parts[3+i]
	}
	back.Tax = neg(tax)
	return back
}

// allot shares an amount over parts in proportion to the room each has, rounded down, never beyond its room; the
// last takes the remainder, and what it has no room for goes to the one before it.
func allot(amount int64, room []int64) []int64 {
	var total int64
	for _, r := range room {
		total += r
	}
	parts, rest := make([]int64, len(room)), amount
	for i, r := range room {
		parts[i] = portion(r, amount, total)
		rest -= parts[i]
	}
	for i := len(room) - 1; i >= 0 && rest > 0; i-- {
		more := min(rest, room[i]-parts[i])
		parts[i] += more
		rest -= more
	}
	return parts
}

// portion is n x amount / total, rounded towards nothing.
func portion(n, amount, total int64) int64 {
	if total == 0 || n == 0 {
		return 0
	}
	v := new(big.Int).Mul(big.NewInt(n), big.NewInt(amount))
	return v.Quo(v, big.NewInt(total)).Int64()
}

// nearest is n x amount / total, rounded half up. Nothing here is below nothing, and amount is at most total.
func nearest(n, amount, total int64) int64 {
	if total == 0 {
		return 0
	}
	v := new(big.Int).Mul(big.NewInt(n), big.NewInt(2*amount))
	v.Add(v, big.NewInt(total))
	return v.Quo(v, big.NewInt(2*total)).Int64()
}

func noRate(err error) bool {
	return errors.Is(err, pricing.ErrNoRate) || errors.Is(err, pricing.ErrStaleRate)
}
