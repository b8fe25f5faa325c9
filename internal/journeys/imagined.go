package journeys

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/support"
)

// imagined is the world of a story: one buyer with one cart, one order and one parcel. It stands in for the packages
// below.
type imagined struct {
	now     time.Time
	shop    market.Market
	person  customer.Customer
	cart    checkout.Cart
	order   order.Order // without ID until it is placed
	draft   order.Order
	parcel  fulfilment.ParcelState
	refunds []order.Refund
	tickets int
	before  int64
	place   *time.Location
}

const (
	storyCart   = "crt_sample"
	storyOrder  = "ord_sample"
	storyParcel = "par_sample"
	storyNumber = "S-20270101-001"
)

// imagine makes the buyer and what they are about to buy: the first article of the catalogue that has a title.
func (s *Service) imagine(story *Story, shop market.Market) *imagined {
	w := &imagined{shop: shop, now: story.Start, before: story.Orders}
	name := cmp.Or(story.Name, sampleName(story.Lang))
	who := address.Address{GivenName: name, FamilyName: "Sample", Line1: "Sample Street 1", City: "Sample Town", Region: story.Region, Country: string(story.Country)}
	w.person = customer.Customer{ID: story.luckyID(), GivenName: name, Phone: story.Phone, Email: strings.ToLower(story.Email), Country: story.Country, Lang: story.Lang, Market: shop.Code,
		CreatedAt: story.Start}
	line, title := order.Line{SKU: "SAMPLE", Title: "Linen dress", Quantity: 1}, ""
	for _, p := range s.Articles.Snapshot().Products() {
		if len(p.Variants) > 0 && p.Text(story.Lang).Title != "" {
			line.SKU, line.Slug, title = p.Variants[0].SKU, p.Slug, p.Text(story.Lang).Title
			break
		}
	}
	price := samplePrice(shop.Currency)
	line.Title, line.UnitPrice, line.Total = cmp.Or(title, line.Title), price, price
	none := money.Of(0, shop.Currency)
	w.draft = order.Order{ID: storyOrder, Number: storyNumber, Source: order.Shop, Cart: storyCart, Market: shop.Code, Country: story.Country, Lang: story.Lang, Currency: shop.Currency,
		Customer: w.person.ID, Email: w.person.Email, Phone: story.Phone, Address: who, Lines: []order.Line{line}, Goods: price, Discount: none, Shipping: none, Duty: none, Tax: none,
		Fees: none, Total: price}
	w.cart = checkout.Cart{ID: storyCart, Market: shop.Code, Country: story.Country, Lang: story.Lang, Currency: shop.Currency, State: checkout.Open, Customer: w.person.ID,
		Lines: []checkout.Line{{SKU: line.SKU, Quantity: 1, Seen: price}}, Address: who, CreatedAt: story.Start.Add(-time.Hour), Activity: story.Start,
		Contact: checkout.Contact{GivenName: name, FamilyName: "Sample", Email: w.person.Email, Phone: story.Phone}}
	v := &view{s: &Service{Needs: Needs{Orders: w, Carts: imaginedCarts{w}, Markets: s.Markets}}, run: &Run{Market: shop.Code, Cart: storyCart}}
	w.place = v.zone()
	return w
}

// luckyID is a name of the buyer that makes the lots fall as the story wants them.
func (story *Story) luckyID() string {
	for i := range 100_000 {
		who, fits := fmt.Sprintf("cus_sample%d", i), true
		for _, d := range story.Definitions {
			for _, n := range d.Nodes {
				if n.Do == DoSplit && n.Out > 0 && n.Out < 100 && (lot(d.Journey+"/"+n.ID+"/holdout", who) < n.Out*100) != story.HeldOut {
					fits = false
				}
			}
		}
		if fits {
			return who
		}
	}
	return "cus_sample"
}

func sampleName(lang string) string {
	switch lang {
	case "zh":
		return "小雅"
	case "de":
		return "Anna"
	case "fr":
		return "Marie"
	case "es":
		return "Lucia"
	case "id":
		return "Dewi"
	case "ms":
		return "Aisyah"
	}
	return "Kate"
}

// samplePrice is about what a dress costs.
func samplePrice(c money.Currency) money.Amount {
	whole := map[money.Currency]int64{"IDR": 1_450_000, "MYR": 399, "CNY": 690, "JPY": 14_000, "KRW": 130_000, "VND": 2_200_000}[c]
	if whole == 0 {
		whole = 89
	}
	for range c.Digits() {
		whole *= 10
	}
	return money.Of(whole, c)
}

func (w *imagined) zone() *time.Location { return w.place }

// happen changes the world and says what that means to journeys.
func (w *imagined) happen(e StoryEvent, now time.Time) Happening {
	h := Happening{Event: e.Event, At: now, Customer: w.person.ID, Market: w.shop.Code, Lang: w.person.Lang, Rating: e.Rating, Text: e.Text, Reason: e.Reason, Times: e.Times}
	if w.order.ID != "" {
		h.Order = storyOrder
	}
	switch e.Event {
	case "checkout.left":
		h.Cart, h.Phone, h.Email = storyCart, w.person.Phone, w.person.Email
		w.cart.Activity = now
	case "checkout.back":
		w.cart.Activity = now
		return Happening{}
	case "order.placed", "order.paid":
		w.buy(now, e.Event == "order.paid")
		h.Order, h.Cart = storyOrder, storyCart
	case "order.cancelled":
		w.order.State, w.order.CancelledAt = order.Cancelled, now
	case "order.refunded":
		w.refunds = append(w.refunds, order.Refund{Order: storyOrder, Amount: w.draft.Total, AskedAt: now, MadeAt: now})
		h.Reason = cmp.Or(e.Reason, "full")
	case "ticket.opened":
		w.tickets++
	case "ticket.solved":
		w.tickets = max(0, w.tickets-1)
	default:
		if strings.HasPrefix(e.Event, "parcel.") {
			w.move(e, now)
			h.Parcel, h.Order = storyParcel, storyOrder
			if h.Sub = e.Reason; e.Event == "parcel.delayed" {
				h.Times = max(1, e.Times)
				h.Reason = cmp.Or(e.Reason, fulfilment.LateRisk)
				h.Sub = fmt.Sprintf("%s:%d", h.Reason, h.Times)
			}
		}
	}
	return h
}

func (w *imagined) buy(now time.Time, paid bool) {
	if w.order.ID == "" {
		w.order = w.draft
		w.order.PlacedAt, w.order.State = now, order.Placed
		local := now.In(w.place)
		w.order.DeliverFrom, w.order.DeliverTo = local.AddDate(0, 0, 7).Format(time.DateOnly), local.AddDate(0, 0, 10).Format(time.DateOnly)
	}
	w.cart.State, w.cart.Order = checkout.Ordered, storyOrder
	if paid {
		w.order.PaidAt, w.order.State = now, order.Paid
	}
}

// move takes the parcel to where an event says it is.
func (w *imagined) move(e StoryEvent, now time.Time) {
	if w.order.ID == "" {
		w.buy(now, true)
	}
	p := &w.parcel
	if p.ID == "" {
		*p = fulfilment.ParcelState{ID: storyParcel, Order: storyOrder, Number: storyNumber, Customer: w.person.ID, Market: w.shop.Code, Country: w.draft.Country, Lang: w.person.Lang, N: 1,
			Of: 1, Tracking: "1Z2345678901", Carrier: fulfilment.Carrier{Name: "Sample Post"}, PlacedAt: w.order.PlacedAt, PromiseFrom: w.order.DeliverFrom, PromiseTo: w.order.DeliverTo}
		p.From, p.To = w.order.DeliverFrom, w.order.DeliverTo
	}
	day := func(after int) string { return now.In(w.place).AddDate(0, 0, after).Format(time.DateOnly) }
	p.LastAt, p.Since, p.Reason, p.Action = now, now, e.Reason, ""
	switch e.Event {
	case "parcel.shipped":
		p.Status, p.ShippedAt, p.HandedOver = fulfilment.InTransit, now, true
	case "parcel.customs", "parcel.customs_held":
		p.Status, p.CustomsAt = fulfilment.AtCustoms, now
	case "parcel.customs_action":
		p.Status, p.Action, p.Responsible = fulfilment.AtCustoms, "documents", "buyer"
	case "parcel.customs_cleared":
		p.Status = fulfilment.InTransit
	case "parcel.delayed":
		p.From, p.To = day(2), day(4)
	case "parcel.out_for_delivery":
		y, m, d := now.In(w.place).Date()
		p.Status = fulfilment.OutForDelivery
		p.WindowStart, p.WindowEnd = time.Date(y, m, d, 13, 0, 0, 0, w.place), time.Date(y, m, d, 15, 0, 0, 0, w.place)
	case "parcel.attempt_failed":
		p.Status = fulfilment.AttemptFailed
	case "parcel.available_for_pickup":
		p.Status = fulfilment.AtPickup
	case "parcel.exception":
		p.Status = fulfilment.Exceptional
	case "parcel.returning":
		p.Status = fulfilment.Returning
	case "parcel.returned":
		p.Status = fulfilment.Returned
	case "parcel.delivered":
		p.Status, p.DeliveredAt = fulfilment.Delivered, now
	}
}

// Get implements Orders.
func (w *imagined) Get(_ *db.Tx, id order.ID) (order.Order, error) {
	if w.order.ID == "" || id != storyOrder {
		return order.Order{}, order.ErrUnknown
	}
	return w.order, nil
}

// ByCart implements Orders.
func (w *imagined) ByCart(tx *db.Tx, cart string) (order.Order, error) {
	if cart != storyCart {
		return order.Order{}, order.ErrUnknown
	}
	return w.Get(tx, storyOrder)
}

// List implements Orders.
func (w *imagined) List(_ *db.Tx, f order.Filter, _ order.Page) (all []order.Order, next string, err error) {
	if len(f.Customers) == 0 && f.Email == "" && f.Phone == "" {
		return nil, "", nil
	}
	for i := range w.before {
		o := w.draft
		o.ID, o.State = order.ID(fmt.Sprint("ord_before", i)), order.Completed
		o.PlacedAt = w.person.CreatedAt.AddDate(0, -1-int(i), 0)
		o.PaidAt = o.PlacedAt
		if !o.PlacedAt.Before(f.Since) {
			all = append(all, o)
		}
	}
	if w.order.ID != "" && !w.order.PlacedAt.Before(f.Since) {
		all = append(all, w.order)
	}
	return all, "", nil
}

// Refunds implements Orders.
func (w *imagined) Refunds(*db.Tx, order.ID) ([]order.Refund, error) { return w.refunds, nil }

// Purchases implements Orders.
func (w *imagined) Purchases(*db.Tx, []string, []string, time.Time) ([]order.Purchase, error) {
	return nil, nil
}

// Available implements Stock: there is enough of everything.
func (w *imagined) Available(_ *db.Tx, skus, _ []string) (map[string]int64, error) {
	all := map[string]int64{}
	for _, sku := range skus {
		all[sku] = 5
	}
	return all, nil
}

type imaginedCarts struct{ w *imagined }

// ByID implements Carts.
func (c imaginedCarts) ByID(_ *db.Tx, id string) (checkout.Cart, error) {
	if id != storyCart {
		return checkout.Cart{}, checkout.ErrUnknown
	}
	return c.w.cart, nil
}

// Link implements Carts.
func (imaginedCarts) Link(*db.Tx, string) (string, error) { return "sample", nil }

type imaginedPeople struct{ w *imagined }

// Get implements Customers.
func (p imaginedPeople) Get(*db.Tx, string) (customer.Customer, error) { return p.w.person, nil }

// Persons implements Customers: somebody invented is one profile.
func (imaginedPeople) Persons(*db.Tx, []string) (map[string][]string, error) { return nil, nil }

type imaginedParcels struct{ w *imagined }

// Parcel implements Parcels.
func (p imaginedParcels) Parcel(*db.Tx, fulfilment.ParcelID) (fulfilment.ParcelState, error) {
	return p.w.parcel, nil
}

// ParcelsOf implements Parcels.
func (p imaginedParcels) ParcelsOf(*db.Tx, order.ID) ([]fulfilment.ParcelState, error) {
	if p.w.parcel.ID == "" {
		return nil, nil
	}
	return []fulfilment.ParcelState{p.w.parcel}, nil
}

type imaginedTickets struct{ w *imagined }

// Open implements Tickets: the silent hands never call it.
func (t imaginedTickets) Open(_ *db.Tx, x support.Ticket) (support.Ticket, error) { return x, nil }

// OpenOn implements Tickets.
func (t imaginedTickets) OpenOn(*db.Tx, string) (bool, error) { return t.w.tickets > 0, nil }
