package journeys

import (
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/order"
)

// FactType is what kind of value a fact has.
type FactType string

// The types.
const (
	Flag    FactType = "bool"
	Number  FactType = "int"
	Decimal FactType = "double"
	Word    FactType = "string"
	Words   FactType = "list(string)"
	Moment  FactType = "timestamp"
	Length  FactType = "duration"
)

// Fact is something that a rule may ask. What a run isn't about is empty, 0 or false.
type Fact struct {
	Name string // "cart.in_stock"
	Type FactType
	get  func(v *view) (any, error)
}

// Facts lists everything that rules may ask.
func Facts() []Fact { return slices.Clone(factTable) }

// never is the number of days since something that didn't happen.
const never = int64(100_000)

// factTable and factByName are filled once, since facts read rules' views.
var (
	factTable  = makeFacts()
	factByName = func() map[string]Fact {
		all := map[string]Fact{}
		for _, f := range factTable {
			all[f.Name] = f
		}
		return all
	}()
)

func makeFacts() []Fact {
	var all []Fact
	add := func(name string, t FactType, get func(v *view) (any, error)) { all = append(all, Fact{name, t, get}) }
	of := func(f func(v *view) any) func(v *view) (any, error) {
		return func(v *view) (any, error) { return f(v), nil }
	}
	add("now", Moment, of(func(v *view) any { return v.now }))
	add("local.hour", Number, of(func(v *view) any { return int64(v.now.In(v.zone()).Hour()) }))
	add("local.weekday", Word, of(func(v *view) any { return weekdays[v.now.In(v.zone()).Weekday()] }))

	add("run.age", Length, of(func(v *view) any { return v.now.Sub(v.run.At) }))
	add("run.started", Moment, of(func(v *view) any { return v.run.At }))
	add("run.messages", Number, of(func(v *view) any { return v.run.Sent }))
	add("run.language", Word, of(func(v *view) any { return v.run.Lang }))
	add("run.market", Word, of(func(v *view) any { return string(v.run.Market) }))
	add("run.asked_days", Number, func(v *view) (any, error) { return v.askedDays() })

	add("event.name", Word, of(func(v *view) any { return v.run.Event.Event }))
	add("event.at", Moment, of(func(v *view) any { return v.run.Event.At }))
	add("event.rating", Number, of(func(v *view) any { return v.run.Event.Rating }))
	add("event.times", Number, of(func(v *view) any { return v.run.Event.Times }))
	add("event.text", Word, of(func(v *view) any { return v.run.Event.Text }))
	add("event.reason", Word, of(func(v *view) any { return v.run.Event.Reason }))

	person := func(f func(c customer.Customer) any) func(v *view) (any, error) {
		return func(v *view) (any, error) { c, err := v.person(); return f(c), err }
	}
	add("person.has_phone", Flag, person(func(c customer.Customer) any { return c.Phone != "" }))
	add("person.has_email", Flag, person(func(c customer.Customer) any { return c.Email != "" }))
	add("person.orders", Number, func(v *view) (any, error) { return v.ordersOf(time.Time{}) })
	add("person.ordered_since", Flag, func(v *view) (any, error) { n, err := v.ordersOf(v.run.At); return n > 0, err })
	add("person.tags", Words, func(v *view) (any, error) { return v.tags() })

	ordered := func(f func(o order.Order) any) func(v *view) (any, error) {
		return func(v *view) (any, error) { o, err := v.order(); return f(o), err }
	}
	add("order.number", Word, ordered(func(o order.Order) any { return o.Number }))
	add("order.state", Word, func(v *view) (any, error) { o, err := v.order(); return v.stateOf(o), err })
	add("order.source", Word, ordered(func(o order.Order) any { return o.Source }))
	add("order.country", Word, ordered(func(o order.Order) any { return string(o.Country) }))
	add("order.currency", Word, ordered(func(o order.Order) any { return string(o.Currency) }))
	add("order.total", Decimal, ordered(func(o order.Order) any { return major(o.Total.Minor, o.Total.Currency.Digits()) }))
	add("order.pieces", Number, ordered(func(o order.Order) any { return pieces(o.Lines) }))
	add("order.paid", Flag, func(v *view) (any, error) {
		o, err := v.order()
		return !o.PaidAt.IsZero() && !o.PaidAt.After(v.now), err
	})
	add("order.cancelled", Flag, func(v *view) (any, error) {
		o, err := v.order()
		return o.State == order.Cancelled && !o.CancelledAt.After(v.now), err
	})
	add("order.refunded", Flag, func(v *view) (any, error) { return v.refunded() })
	add("order.age", Length, func(v *view) (any, error) {
		o, err := v.order()
		if o.PlacedAt.IsZero() {
			return time.Duration(0), err
		}
		return v.now.Sub(o.PlacedAt), err
	})
	add("order.similar", Number, func(v *view) (any, error) {
		o, err := v.order()
		if err != nil {
			return int64(0), err
		}
		all, err := v.similar(o)
		return int64(len(all)), err
	})
	add("order.ticket_open", Flag, func(v *view) (any, error) { return v.ticketOpen() })

	cart := func(f func(c checkout.Cart) any) func(v *view) (any, error) {
		return func(v *view) (any, error) { c, err := v.cart(); return f(c), err }
	}
	add("cart.pieces", Number, cart(func(c checkout.Cart) any {
		n := int64(0)
		for _, l := range c.Lines {
			n += l.Quantity
		}
		return n
	}))
	add("cart.total", Decimal, cart(func(c checkout.Cart) any {
		if c.Quote == nil {
			return 0.0
		}
		return major(c.Quote.Total.Minor, c.Quote.Total.Currency.Digits())
	}))
	add("cart.ordered", Flag, func(v *view) (any, error) { return v.cartOrdered() })
	add("cart.paying", Flag, cart(func(c checkout.Cart) any { return c.State == checkout.Paying || c.State == checkout.Held }))
	add("cart.came_back", Flag, func(v *view) (any, error) {
		c, err := v.cart()
		return c.Activity.After(v.run.At) && !c.Activity.After(v.now), err
	})
	add("cart.bought", Flag, func(v *view) (any, error) { return v.bought() })
	add("cart.in_stock", Flag, func(v *view) (any, error) { return v.inStock() })

	parcel := func(f func(p fulfilment.ParcelState) any) func(v *view) (any, error) {
		return func(v *view) (any, error) { p, err := v.parcel(); return f(p), err }
	}
	add("parcel.status", Word, parcel(func(p fulfilment.ParcelState) any { return string(p.Status) }))
	add("parcel.stage", Word, parcel(func(p fulfilment.ParcelState) any { return string(p.Stage) }))
	add("parcel.reason", Word, parcel(func(p fulfilment.ParcelState) any { return p.Reason }))
	add("parcel.action", Word, parcel(func(p fulfilment.ParcelState) any { return p.Action }))
	add("parcel.country", Word, parcel(func(p fulfilment.ParcelState) any { return string(p.Country) }))
	add("parcel.window_start", Moment, parcel(func(p fulfilment.ParcelState) any { return p.WindowStart }))
	add("parcel.window_end", Moment, parcel(func(p fulfilment.ParcelState) any { return p.WindowEnd }))
	add("parcel.delivered", Flag, parcel(func(p fulfilment.ParcelState) any { return !p.DeliveredAt.IsZero() }))
	return all
}

// view is what a run's rules and messages look at, at one moment. It keeps what it looked up.
type view struct {
	s   *Service
	tx  *db.Tx
	now time.Time
	run *Run
	err error

	books books

	kept struct {
		order  *order.Order
		cart   *checkout.Cart
		person *customer.Customer
		parcel *fulfilment.ParcelState
		zone   *time.Location
	}
}

func (v *view) order() (order.Order, error) {
	if v.kept.order != nil {
		return *v.kept.order, nil
	}
	var o order.Order
	if v.run.Order != "" {
		var err error
		if o, err = v.s.Orders.Get(v.tx, order.ID(v.run.Order)); err != nil && !gone(err) {
			return o, err
		}
	}
	v.kept.order = &o
	return o, nil
}

func (v *view) cart() (checkout.Cart, error) {
	if v.kept.cart != nil {
		return *v.kept.cart, nil
	}
	var c checkout.Cart
	if v.run.Cart != "" {
		var err error
		if c, err = v.s.Carts.ByID(v.tx, v.run.Cart); err != nil && !gone(err) {
			return c, err
		}
	}
	v.kept.cart = &c
	return c, nil
}

func (v *view) person() (customer.Customer, error) {
	if v.kept.person != nil {
		return *v.kept.person, nil
	}
	var c customer.Customer
	if v.run.Customer != "" {
		var err error
		if c, err = v.s.Customers.Get(v.tx, v.run.Customer); err != nil && !gone(err) {
			return c, err
		}
	}
	v.kept.person = &c
	return c, nil
}

func (v *view) parcel() (fulfilment.ParcelState, error) {
	if v.kept.parcel != nil {
		return *v.kept.parcel, nil
	}
	var p fulfilment.ParcelState
	if v.run.Parcel != "" && v.s.Parcels != nil {
		var err error
		if p, err = v.s.Parcels.Parcel(v.tx, fulfilment.ParcelID(v.run.Parcel)); err != nil && !gone(err) {
			return p, err
		}
	}
	v.kept.parcel = &p
	return p, nil
}

func gone(err error) bool { return fault.Of(err).Kind == fault.NotFound }

// zone is where the run's person probably is: at the address of delivery, or in the market.
func (v *view) zone() *time.Location {
	if v.kept.zone == nil {
		v.kept.zone = v.findZone()
	}
	return v.kept.zone
}

func (v *view) findZone() *time.Location {
	country, region := market.Country(""), ""
	if o, err := v.order(); err == nil && o.ID != "" {
		country, region = o.Country, o.Address.Region
	} else if c, err := v.cart(); err == nil && c.ID != "" {
		country, region = c.Country, c.Address.Region
	}
	m, _ := v.s.Markets.ByCode(v.run.Market)
	names := []string{m.Zone}
	if country != "" && (region != "" || m.Zone == "" || !m.Serves(country)) {
		names = append(address.ZoneOf("", string(country), region), m.Zone)
	}
	for _, name := range names {
		if z, ok := market.KnownZone(name); ok && name != "" {
			return z
		}
	}
	return time.UTC
}

// stateOf is the state of an order as of the view's moment.
func (v *view) stateOf(o order.Order) string {
	switch {
	case o.State == order.Cancelled && o.CancelledAt.After(v.now):
		return string(order.Placed)
	case o.PaidAt.After(v.now):
		return string(order.Placed)
	}
	return string(o.State)
}

func pieces(lines []order.Line) (n int64) {
	for _, l := range lines {
		n += l.Quantity
	}
	return n
}

func major(minor int64, digits int) float64 {
	f := float64(minor)
	for range digits {
		f /= 10
	}
	return f
}

// ordersOf counts the person's paid orders after a moment, other than the run's own.
func (v *view) ordersOf(after time.Time) (n int64, err error) {
	if v.run.Customer == "" {
		return 0, nil
	}
	who, err := v.books.person(v.run.Customer)
	if err != nil {
		return 0, err
	}
	all, _, err := v.s.Orders.List(v.tx, order.Filter{Customers: who, Since: after}, order.Page{Limit: 200})
	for _, o := range all {
		if !o.PaidAt.IsZero() && o.PaidAt.After(after) && !o.PaidAt.After(v.now) && o.State != order.Cancelled && (after.IsZero() || string(o.ID) != v.run.Order) {
			n++
		}
	}
	return n, err
}

func (v *view) refunded() (bool, error) {
	o, err := v.order()
	if err != nil || o.ID == "" {
		return false, err
	}
	all, err := v.s.Orders.Refunds(v.tx, o.ID)
	back := int64(0)
	for _, r := range all {
		if !r.AskedAt.After(v.now) {
			back += r.Amount.Minor
		}
	}
	return err == nil && o.Total.Minor > 0 && back >= o.Total.Minor, err
}

func (v *view) ticketOpen() (bool, error) {
	if v.s.Tickets == nil || v.run.Order == "" {
		return false, nil
	}
	return v.s.Tickets.OpenOn(v.tx, v.run.Order)
}

// cartOrdered reports whether the cart had become an order by the view's moment.
func (v *view) cartOrdered() (bool, error) {
	c, err := v.cart()
	if err != nil || c.State != checkout.Ordered && c.Order == "" {
		return false, err
	}
	o, err := v.s.Orders.ByCart(v.tx, c.ID)
	if err != nil {
		if gone(err) {
			err = nil
		}
		return true, err
	}
	return !o.PlacedAt.After(v.now), nil
}

// bought reports whether the person has ordered one of the cart's items since it was begun, in any way.
func (v *view) bought() (bool, error) {
	c, err := v.cart()
	if err != nil || c.ID == "" {
		return false, err
	}
	want := map[string]bool{}
	for _, l := range c.Lines {
		want[l.SKU] = true
	}
	who, err := v.books.person(v.run.Customer)
	if err != nil {
		return false, err
	}
	for _, f := range []order.Filter{{Customers: who}, {Email: strings.ToLower(v.run.Email)}, {Phone: v.run.Phone}} {
		if len(f.Customers) == 0 && f.Email == "" && f.Phone == "" {
			continue
		}
		f.Since = c.CreatedAt
		found, _, err := v.s.Orders.List(v.tx, f, order.Page{Limit: 50})
		if err != nil {
			return false, err
		}
		for _, o := range found {
			for _, l := range o.Lines {
				if want[l.SKU] && o.State != order.Cancelled && !o.PlacedAt.After(v.now) {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

// inStock reports whether something of the cart can still be sent.
func (v *view) inStock() (bool, error) {
	c, err := v.cart()
	if err != nil || c.ID == "" {
		return false, err
	}
	m, ok := v.s.Markets.ByCode(c.Market)
	if !ok {
		return true, nil
	}
	var skus []string
	for _, l := range c.Lines {
		skus = append(skus, l.SKU)
	}
	left, err := v.s.Stock.Available(v.tx, skus, m.ShipFrom)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(c.Lines, func(l checkout.Line) bool { return left[l.SKU] > 0 }), nil
}

// askedDays is how many days ago the journey last wrote to the person.
func (v *view) askedDays() (int64, error) {
	at, err := v.books.lastSent(v.run)
	if err != nil || at.IsZero() {
		return never, err
	}
	return max(0, int64(v.now.Sub(at)/(24*time.Hour))), nil
}

func (v *view) tags() ([]string, error) {
	if v.run.Customer == "" {
		return []string{}, nil
	}
	return v.books.tags(v.run.Customer)
}
