package papers

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/catalog"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
	"portolan/internal/tax"
)

// Particulars are what a shipment's papers say besides what order, products and profile do.
type Particulars struct {
	IDs       []customs.TaxID `json:"ids,omitempty"` // of the importer: PCCC, EZ_WAY, CPF …
	Licences  []string        `json:"licences,omitempty"`
	Comments  string          `json:"comments,omitempty"` // quarantine and other restrictions
	Origin    string          `json:"origin,omitempty"`   // preference or origin statement
	Export    string          `json:"export,omitempty"`   // MRN of the export declaration
	ChangedBy string          `json:"-"`
	ChangedAt time.Time       `json:"-"`
}

// dossier is all that is known about a shipment's papers.
type dossier struct {
	ship        fulfilment.Shipment
	order       order.Order
	profile     Profile
	c           customs.Consignment
	products    []*catalog.Product // by line; nil where the catalogue doesn't have it any more
	goods       []Goods
	options     customs.Options
	sets        []Set
	accepted    []Acceptance
	particulars Particulars
	mark        string
	senderKnown bool
}

// open reads everything about a shipment and makes its consignment as of today.
func (s *Service) open(tx *db.Tx, id fulfilment.ShipmentID) (*dossier, error) {
	ship, err := s.Shipments.Get(tx, id)
	if err != nil {
		return nil, err
	}
	d := &dossier{ship: ship}
	if d.order, err = s.Orders.Get(tx, ship.Order); err != nil {
		return nil, err
	}
	if d.profile, err = s.Profile(tx); err != nil {
		return nil, err
	}
	if d.particulars, err = particularsOf(tx, id); err != nil {
		return nil, err
	}
	if d.sets, err = setsOf(tx, id); err != nil {
		return nil, err
	}
	if d.accepted, err = acceptancesOf(tx, id); err != nil {
		return nil, err
	}
	if err := s.consign(tx, d); err != nil {
		return nil, fmt.Errorf("papers of %s: %w", id, err)
	}
	d.mark = mark(d.c, ship)
	d.c.Version = len(d.sets) + 1
	if set := d.valid(); set != nil {
		d.c.Version = set.Version
	}
	return d, nil
}

// valid is the last set of papers as long as it says what would be said today.
func (d *dossier) valid() *Set {
	if len(d.sets) == 0 {
		return nil
	}
	last := &d.sets[len(d.sets)-1]
	if last.VoidedAt.IsZero() && (last.Mark == d.mark || !d.ship.Open()) {
		return last
	}
	return nil
}

// mark tells whether papers still fit: it changes with anything they say, and not with the day.
func mark(c customs.Consignment, ship fulfilment.Shipment) string {
	c.Version, c.Date = 0, time.Time{}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // values that always can be written
	}
	sum := sha256.Sum256(append(b, strconv.FormatInt(ship.Version, 10)...))
	return hex.EncodeToString(sum[:])
}

// consign makes the consignment: what the buyer paid, less what went back already, of what the catalogue says.
func (s *Service) consign(tx *db.Tx, d *dossier) error {
	base := customs.Consignment{Shipment: string(d.ship.ID), Invoice: "INV-" + d.order.Number, Date: s.today(tx), Way: way(d.ship),
		Service: d.ship.Service, Gross: d.ship.Gross(), Abandon: d.profile.Abandon, Signer: d.profile.Signer,
		Licences: d.particulars.Licences, Comments: d.particulars.Comments, Origin: d.particulars.Origin, Export: d.particulars.Export}
	base.Sender, d.senderKnown = s.sender(d.profile, d.ship.Location)
	base.Addressee.IDs = d.particulars.IDs
	for _, p := range d.ship.Parcels {
		base.Parcels = append(base.Parcels, customs.Parcel{Tracking: p.Tracking, GrossGrams: p.GrossGrams, Length: p.Length, Width: p.Width, Height: p.Height, Packed: p.Packed})
	}
	about := map[string]customs.Line{}
	for _, l := range d.order.Lines {
		p, v, ok := s.Products.Snapshot().BySKU(l.SKU)
		if !ok {
			d.products, d.goods = append(d.products, nil), append(d.goods, Goods{})
			continue
		}
		g, err := s.Goods(tx, p)
		if err != nil {
			return err
		}
		line := s.line(p, g, d.profile, string(d.order.Country))
		line.NetGrams = cmp.Or(l.Weight, v.WeightGrams) * l.Quantity
		about[l.SKU] = line
		d.products, d.goods = append(d.products, p), append(d.goods, g)
	}
	sold := d.order
	sold.Address, sold.Email = d.ship.Address, cmp.Or(d.ship.Email, d.order.Email)
	if sold.State == order.Cancelled || sold.PaidAt.IsZero() {
		sold.State, sold.PaidAt = order.Placed, sold.PlacedAt // the gate says that it can't leave; here it is only looked at
	}
	var err error
	if d.c, err = customs.FromOrder(sold, nil, base, func(sku string) customs.Line { return about[sku] }); err != nil {
		return err
	}
	if err := lessRefunds(tx, &d.c, d.order.ID); err != nil {
		return err
	}
	if d.c.Scheme, err = s.scheme(tx, d.order); err != nil {
		return err
	}
	d.options = s.options(d.profile, d.c.Way)
	return s.worth(tx, d)
}

// packetGrams is what a small packet may weigh. Source: UPU, letter post items.
const packetGrams = 2_000

func way(ship fulfilment.Shipment) customs.Way {
	switch {
	case ship.Channel != fulfilment.Postal:
		return customs.Courier
	case len(ship.Parcels) == 1 && ship.Gross() <= packetGrams:
		return customs.SmallPacket
	}
	return customs.PostParcel
}

// options are what carriers of a way ask of a declaration. The lengths are our assumption until a carrier's own
// adapter says better.
func (s *Service) options(p Profile, w customs.Way) customs.Options {
	o := customs.Options{Strict: p.Strict, Nomenclature: s.Codes, MaxDescription: 150, NeedsPhone: true, NeedsEmail: true}
	if w.Postal() {
		o.MaxDescription, o.NeedsPhone, o.NeedsEmail = 120, false, false
	}
	return o
}

// scheme is the arrangement under which the tax of an order was collected at its sale, with the merchant's number
// on that day.
func (s *Service) scheme(tx *db.Tx, o order.Order) (customs.Scheme, error) {
	kind := ""
	for _, c := range o.Charges {
		if c.Scheme != "" && slices.Contains(tax.Words(), c.Scheme) && !strings.HasPrefix(c.Scheme, "US_") {
			kind = c.Scheme
		}
	}
	if kind == "" {
		return customs.Scheme{}, nil
	}
	all, err := s.Registrations.Registrations(tx)
	if err != nil {
		return customs.Scheme{}, err
	}
	on := o.PlacedAt.In(s.Zone).Format(time.DateOnly)
	scheme := customs.Scheme{Kind: kind}
	for _, r := range all {
		if r.Word != kind || !r.On(on) {
			continue
		}
		scheme.Number = r.Number
		scheme.ValidFrom, _ = time.Parse(time.DateOnly, r.ValidFrom)
		scheme.ValidTo, _ = time.Parse(time.DateOnly, r.ValidTo)
	}
	return scheme, nil
}

// worth says what goods are worth in the currencies of limits: in euro where IOSS asks, and 300 SDR in the order's.
func (s *Service) worth(tx *db.Tx, d *dossier) error {
	day := d.order.PlacedAt.In(s.Zone).Format(time.DateOnly)
	if d.c.Scheme.Kind == "IOSS" && d.c.Currency != "EUR" {
		rate, ok, err := s.rate(tx, d.c.Currency, "EUR", day)
		if err != nil {
			return err
		}
		if ok {
			d.options.GoodsInEuro = d.c.Goods().Convert("EUR", rate)
		}
	}
	if d.c.Way != customs.SmallPacket {
		return nil
	}
	rate, ok, err := s.rate(tx, "XDR", d.c.Currency, day)
	if ok {
		d.c.PostalLimit = money.Of(300_00, "XDR").Convert(d.c.Currency, rate)
	}
	return err
}

func (s *Service) rate(tx *db.Tx, from, to money.Currency, day string) (money.Rate, bool, error) {
	if !from.Valid() || !to.Valid() {
		return money.Rate{}, false, nil
	}
	q, err := s.Rates.Rate(tx, from, to, day)
	if unknownRate(err) {
		return money.Rate{}, false, nil
	}
	return q.Rate, err == nil, err
}

// lessRefunds takes off what went back to the buyer before the goods left: it wasn't paid. The figures are those of
// the tax ledger.
func lessRefunds(tx *db.Tx, c *customs.Consignment, o order.ID) error {
	entries, err := tax.OfOrder(tx, o)
	if err != nil {
		return err
	}
	var net, duty, vat, fees int64
	for _, e := range entries {
		if e.Kind == tax.Refund {
			net, duty, vat, fees = net-e.Net.Minor, duty-e.Duty.Minor, vat-e.Tax.Minor, fees-e.Fees.Minor
		}
	}
	if net == 0 && duty == 0 && vat == 0 && fees == 0 {
		return nil
	}
	less(c, net, duty, vat, fees)
	return nil
}

// less takes amounts in minor units off a consignment, each shared over what there is of it.
func less(c *customs.Consignment, net, duty, vat, fees int64) {
	values, duties, taxes := make([]*money.Amount, 0, len(c.Lines)+1), []*money.Amount{}, []*money.Amount{}
	for i := range c.Lines {
		l := &c.Lines[i]
		values, duties, taxes = append(values, &l.Value), append(duties, &l.Duty), append(taxes, &l.Tax)
	}
	goods := c.Goods()
	takeOff(net, append(values, &c.Freight))
	takeOff(duty, duties)
	takeOff(vat, taxes)
	c.Discount = c.Discount.Add(goods.Sub(c.Goods()))
	c.Duty.Minor, c.Tax.Minor, c.Fees.Minor = c.Duty.Minor-duty, c.Tax.Minor-vat, c.Fees.Minor-fees
	c.Total.Minor, c.Ledger.Minor = c.Total.Minor-net, c.Ledger.Minor-net
}

// takeOff shares an amount over parts in proportion to them, rounded down, never more than a part has; the last take
// the remainder.
func takeOff(amount int64, parts []*money.Amount) {
	sum := int64(0)
	for _, p := range parts {
		sum += p.Minor
	}
	if sum == 0 {
		return
	}
	rest := amount
	for i, share := range money.Of(amount, "").Share(weightsOf(parts)...) {
		n := min(share.Minor, parts[i].Minor, rest)
		parts[i].Minor, rest = parts[i].Minor-n, rest-n
	}
	for i := len(parts) - 1; i >= 0 && rest > 0; i-- {
		n := min(rest, parts[i].Minor)
		parts[i].Minor, rest = parts[i].Minor-n, rest-n
	}
}

func weightsOf(parts []*money.Amount) []int64 {
	w := make([]int64, len(parts))
	for i, p := range parts {
		w[i] = p.Minor
	}
	return w
}

func unknownRate(err error) bool {
	return errors.Is(err, pricing.ErrNoRate) || errors.Is(err, pricing.ErrStaleRate)
}
