package journeys

import (
	"fmt"
	"slices"
	"time"

	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/pricing"
)

// silent are hands that only ask what would be: the gate answers as of the run's moment, and nothing is written.
type silent struct {
	gate   *messaging.Rehearsal
	memory *memory
	sent   func(v *view, r messaging.Record)
	opened func(v *view, n *Node)
	issued func(v *view)
	number int
}

// sampleCode stands where a code would be.
const sampleCode = "XXXXXXXXXX"

func (h *silent) plan(v *view, m messaging.Message) (messaging.Record, error) {
	if needsCode(v.s.Messages.Vars(m.Template, messaging.Email)) {
		m.Vars["code"] = sampleCode
	}
	m.Guard = ""
	return h.gate.Plan(v.tx, v.now, m)
}

func (h *silent) send(v *view, m messaging.Message) (messaging.Record, error) {
	m.Guard = ""
	r, err := h.gate.Send(v.tx, v.now, m)
	if err == nil && h.sent != nil && outcome(r) == Sent {
		h.sent(v, r)
	}
	return r, err
}

func (h *silent) code(v *view, _ pricing.CodeRule) (string, error) {
	if h.issued != nil {
		h.issued(v)
	}
	return sampleCode, nil
}

func (h *silent) void(*view, string) error { return nil }

func (h *silent) ticket(v *view, n *Node) (string, error) {
	h.number++
	if h.opened != nil {
		h.opened(v, n)
	}
	return fmt.Sprintf("T-%05d", h.number), nil
}

func (h *silent) tag(v *view, tag string) error {
	if c := v.run.Customer; c != "" && !slices.Contains(h.memory.tagged[c], tag) {
		h.memory.tagged[c] = append(h.memory.tagged[c], tag)
	}
	return nil
}

func (h *silent) call(*view, *Node) error { return nil }

// The packages below as a trial on the past sees them: as of the event that it has come to, as far as that is known.

// mostKept is of how many orders and carts at least what was read last is kept, and twice as many at most: one is asked for
// again and again within a moment, but weeks later it may as well be read anew. Of parcels, which are small, dear to read and
// heard of on many days, it is twice that.
const mostKept = 2048

// recent keeps what was read last, since several versions ask for the same, and for one thing again and again.
type recent[K comparable, V any] struct {
	now, before map[K]V
	most        int // in each
}

func (r *recent[K, V]) get(key K, read func() (V, error)) (V, error) {
	v, ok := r.now[key]
	if ok {
		return v, nil
	}
	if v, ok = r.before[key]; !ok {
		var err error
		if v, err = read(); err != nil {
			return v, err
		}
	}
	r.put(key, v)
	return v, nil
}

func (r *recent[K, V]) put(key K, v V) {
	if r.now == nil || len(r.now) >= r.most {
		r.now, r.before = map[K]V{}, r.now
	}
	r.now[key] = v
}

// pastOrders are orders as they are now.
type pastOrders struct {
	Orders
	kept *recent[order.ID, order.Order]
}

// Get implements Orders.
func (p pastOrders) Get(tx *db.Tx, id order.ID) (order.Order, error) {
	return p.kept.get(id, func() (order.Order, error) { return p.Orders.Get(tx, id) })
}

// pastCarts make no links: those that are real write down their secret.
type pastCarts struct {
	Carts
	kept *recent[string, checkout.Cart]
}

// ByID implements Carts.
func (p pastCarts) ByID(tx *db.Tx, id string) (checkout.Cart, error) {
	return p.kept.get(id, func() (checkout.Cart, error) { return p.Carts.ByID(tx, id) })
}

// Link implements Carts.
func (pastCarts) Link(*db.Tx, string) (string, error) { return "sample", nil }

// pastParcels are parcels as the last event that was replayed left them.
type pastParcels struct {
	Parcels
	kept *recent[fulfilment.ParcelID, fulfilment.ParcelState]
	seen map[fulfilment.ParcelID]sighting
	said map[string]string // words that events have in common, once each
}

// sighting is what the last events said of a parcel.
type sighting struct {
	status                                fulfilment.Status
	stage                                 fulfilment.Stage
	reason, responsible, action, from, to string
	opens, shuts                          time.Time
}

func (p pastParcels) note(f fulfilment.ParcelFacts, opens, shuts time.Time) {
	one := func(word string) string {
		if same, ok := p.said[word]; ok {
			return same
		}
		p.said[word] = word
		return word
	}
	p.seen[f.Parcel] = sighting{fulfilment.Status(one(string(f.Status))), fulfilment.Stage(one(string(f.Stage))), one(f.Reason), one(f.Responsible), one(f.Action),
		one(f.From), one(f.To), opens, shuts}
}

// Parcel implements Parcels.
func (p pastParcels) Parcel(tx *db.Tx, id fulfilment.ParcelID) (fulfilment.ParcelState, error) {
	state, err := p.kept.get(id, func() (fulfilment.ParcelState, error) { return p.Parcels.Parcel(tx, id) })
	e, ok := p.seen[id]
	if err != nil || !ok {
		return state, err
	}
	state.Status, state.Stage, state.Reason, state.Responsible, state.Action, state.From, state.To = e.status, e.stage, e.reason, e.responsible, e.action, e.from, e.to
	state.WindowStart, state.WindowEnd = e.opens, e.shuts
	if e.status != fulfilment.Delivered {
		state.DeliveredAt = time.Time{}
	}
	return state, nil
}

// pastTickets are open between the events that say so.
type pastTickets struct {
	Tickets
	open map[string]int
}

// OpenOn implements Tickets.
func (p pastTickets) OpenOn(_ *db.Tx, order string) (bool, error) { return p.open[order] > 0, nil }

func (p pastTickets) heard(h Happening) {
	switch {
	case h.Order == "":
	case h.Event == "ticket.opened":
		p.open[h.Order]++
	case h.Event == "ticket.solved" && p.open[h.Order] > 0:
		p.open[h.Order]--
	}
}
