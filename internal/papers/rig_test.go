package papers_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/address"
	"portolan/internal/catalog"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/fulfilment"
	"portolan/internal/jobs"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/papers"
	"portolan/internal/pricing"
	"portolan/internal/settings"
	"portolan/internal/tax"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, settings.Schema, market.Schema, catalog.Schema, order.Schema, fulfilment.Schema, tax.Schema, papers.Schema}

const iossNumber = "IM3720000224"

// bank knows one rate.
type bank struct{}

func (bank) Rate(_ *db.Tx, from, to money.Currency, day string) (pricing.Quotation, error) {
	if from != "USD" || to != "EUR" {
		return pricing.Quotation{}, pricing.ErrNoRate
	}
	return pricing.Quotation{Rate: money.MustRate("0.85"), Day: day}, nil
}

// shop is a merchant with two products, a warehouse in Guangzhou and a hub in Amsterdam.
type shop struct {
	*testing.T
	d      *db.DB
	q      *jobs.Queue
	cat    *catalog.Service
	stock  *fulfilment.Service
	orders *order.Service
	ships  *fulfilment.Shipments
	books  *tax.Service
	*papers.Service
	n int
}

func each(t *testing.T, f func(s *shop)) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) { f(open(t, d)) })
}

// one runs f on SQLite alone: for tables whose rules have no SQL of their own.
func one(t *testing.T, f func(s *shop)) {
	f(open(t, dbtest.Open(t, dbtest.URLs(t)["sqlite"](t), db.Manual(dbtest.Start), schemas)))
}

var evidence = []string{"FIBRE_LABEL", "EU_RESPONSIBLE_PERSON", "PRODUCT_ID", "FIBRE_ORIGIN_RN", "CA_TEXTILE_LABEL", "NOM", "MATERIAL_PICTOGRAMS"}

func open(t *testing.T, d *db.DB) *shop {
	w := settings.Watch(d)
	markets := market.New(d, w, settings.Bump)
	s := &shop{T: t, d: d, q: jobs.New(d)}
	bus := events.New(s.q)
	s.cat = catalog.New(d, w, settings.Bump)
	s.stock = fulfilment.New(d, w, settings.Bump, markets)
	s.orders = order.New(bus, order.Numbering{})
	s.ships = fulfilment.NewShipments(s.stock, bus, s.orders)
	s.books = tax.New(tax.Parts{DB: d, Bus: bus, Orders: s.orders, Rates: bank{}, Places: s.stock, Versions: w, Bump: settings.Bump})
	s.Service = papers.New(papers.Parts{Orders: s.orders, Shipments: s.ships, Places: s.stock, Products: s.cat, Rates: bank{}, Registrations: s.books})
	s.books.Listen(bus, s.q)
	s.ships.Listen(bus)
	s.Service.Listen(bus)
	s.write(func(tx *db.Tx) error {
		m := market.Market{Code: "de", Name: "de", State: market.Open, Countries: []market.Country{"DE"}, Currency: "EUR", Languages: []string{"en"}, TaxInclusive: true,
			Zone: "Europe/Berlin", Incoterm: "DDP", Factor: money.One, Rounding: market.Rounding{Step: 1, Direction: market.Nearest}, ShipFrom: []string{"can", "ams"}}
		if err := markets.Save(tx, m); err != nil {
			return err
		}
		if err := s.stock.Seed(tx); err != nil {
			return err
		}
		if err := s.cat.ImportCategories(tx, []catalog.Category{{Slug: "all", Names: map[string]string{"en": "All"}}}); err != nil {
			return err
		}
		if _, err := s.cat.Import(tx, goods()); err != nil {
			return err
		}
		_, err := s.books.Register(tx, tax.Registration{Word: "IOSS", Number: iossNumber, ValidFrom: "2026-01-01"})
		return err
	})
	require.NoError(t, markets.Load(t.Context()))
	require.NoError(t, s.cat.Load(t.Context()))
	require.NoError(t, s.stock.Load(t.Context()))
	return s
}

func goods() []catalog.Product {
	base := money.Of(1000, "EUR")
	return []catalog.Product{
		{Slug: "wrap-dress", Kind: "dress", Category: "all", TaxCategory: "clothing", Origin: "CN", HS: "62044300", HSUS: "6204434000", WeightGrams: 310, Base: base,
			CustomsDescription: "Women's woven dress, 100 % polyester", Materials: []catalog.Material{{Fibre: "recycled_polyester", Percent: 100}}, Wearer: "women", Make: "woven",
			Texts: map[string]catalog.Text{"en": {Lang: "en", Title: "Meridian wrap dress"}}, Variants: []catalog.Variant{{SKU: "dress-m"}}},
		{Slug: "socks", Kind: "socks", Category: "all", TaxCategory: "clothing", Origin: "TR", HS: "61159500", WeightGrams: 70, Base: base,
			CustomsDescription: "Women's knitted socks, 80 % cotton, 20 % polyamide", Materials: []catalog.Material{{Fibre: "cotton", Percent: 80}, {Fibre: "polyamide", Percent: 20}},
			Texts: map[string]catalog.Text{"en": {Lang: "en", Title: "Parade socks"}}, Variants: []catalog.Variant{{SKU: "socks-one"}}},
	}
}

func (s *shop) profile() papers.Profile {
	return papers.Profile{Name: "Guangzhou Miana Clothing Co., Ltd.", Signer: "Mei Chen", Email: "hello@miana.example", Evidence: evidence, EORIs: []papers.EORI{{Area: "EU", Number: "NL123456789"}, {Area: "GB", Number: "GB123456789000"}},
		Address: address.Address{Line1: "Warehouse 3, 88 Sample Harbour Road", City: "Guangzhou", Region: "GD", Postcode: "510700", Country: "CN", Phone: "+862012345678"},
		Places:  map[string]address.Address{"ams": {Line1: "Havenstraat 1", City: "Amsterdam", Postcode: "1011 AB", Country: "NL", Phone: "+31201234567"}}}
}

// ready gives the shop what a merchant enters once: profile, approved descriptions, item numbers.
func (s *shop) ready() {
	s.write(func(tx *db.Tx) error {
		if err := s.SetProfile(tx, s.profile(), "mei"); err != nil {
			return err
		}
		for _, p := range s.cat.Snapshot().Products() {
			g, err := s.Goods(tx, p)
			if err != nil {
				return err
			}
			g.Use = "apparel"
			if err := s.Approve(tx, g, "mei"); err != nil {
				return err
			}
		}
		return s.ships.AddNumbers(tx, fulfilment.NumberRange{Prefix: "LZ", Country: "CN", Next: 1, Last: 99_999_999})
	})
}

func (s *shop) write(f func(tx *db.Tx) error) {
	s.Helper()
	require.NoError(s, s.try(f))
}

func (s *shop) try(f func(tx *db.Tx) error) error { return s.d.Write(s.Context(), f) }

func eur(minor int64) money.Amount { return money.Of(minor, "EUR") }

// sale is an order of two dresses and three pairs of socks to Berlin under IOSS.
func (s *shop) sale() order.Order {
	s.n++
	return order.Order{ID: order.ID(fmt.Sprintf("ord_%03d", s.n)), Market: "de", Country: "DE", Lang: "de", Currency: "EUR", Email: "jana@mail.example", Phone: "+4915123456789",
		Address: address.Address{GivenName: "Jana", FamilyName: "Vogel", Line1: "Torstraße 140", City: "Berlin", Postcode: "10119", Country: "DE"},
		Lines: []order.Line{{SKU: "dress-m", Title: "Meridian wrap dress", Quantity: 2, UnitPrice: eur(3000), Total: eur(6000), HS: "62044300", Origin: "CN", Weight: 310},
			{SKU: "socks-one", Title: "Parade socks", Quantity: 3, UnitPrice: eur(500), Total: eur(1500), HS: "61159500", Origin: "TR", Weight: 70}},
		Goods: eur(7500), Discount: eur(750), Shipping: eur(690), Duty: eur(600), Tax: eur(1528), Fees: eur(0), Total: eur(9568), RulePack: "2026-11-01.ab12cd",
		Charges:  []landed.Charge{{Line: -1, Kind: landed.Tax, Code: "VAT", Amount: eur(1528), When: landed.AtCheckout, Scheme: "IOSS", Rate: money.MustRate("0.19"), Base: eur(8040)}},
		Incoterm: "DDP", TaxIncluded: true, Service: "standard_ddp", Location: "can", Method: "card", PaidAt: s.d.Clock().Now()}
}

// sell places a paid order and returns its shipment.
func (s *shop) sell(o order.Order) fulfilment.ShipmentID {
	s.Helper()
	s.write(func(tx *db.Tx) error {
		_, _, err := s.orders.Place(tx, o)
		return err
	})
	s.settle()
	var id fulfilment.ShipmentID
	s.read(func(tx *db.Tx) error {
		all, err := s.ships.ByOrder(tx, o.ID)
		require.Len(s, all, 1)
		id = all[0].ID
		return err
	})
	return id
}

func (s *shop) settle() { s.Helper(); require.NoError(s, s.q.Drain(s.Context())) }

func (s *shop) read(f func(tx *db.Tx) error) {
	s.Helper()
	require.NoError(s, s.d.Read(s.Context(), f))
}

func (s *shop) standing(id fulfilment.ShipmentID) (st papers.Standing) {
	s.Helper()
	s.read(func(tx *db.Tx) (err error) { st, err = s.Standing(tx, id); return err })
	return st
}

func (s *shop) do(f func(*db.Tx, fulfilment.ShipmentID, string) (papers.Standing, error), id fulfilment.ShipmentID) error {
	return s.try(func(tx *db.Tx) error { _, err := f(tx, id, "mei"); return err })
}

func (s *shop) paper(id fulfilment.ShipmentID, kind customs.Paper, version int, again bool) (p papers.Paper) {
	s.Helper()
	s.read(func(tx *db.Tx) (err error) { p, err = s.Paper(tx, id, kind, version, again); return err })
	return p
}

func keys(reasons []papers.Reason) (all []string) {
	for _, r := range reasons {
		all = append(all, r.Key)
	}
	return all
}

func settingsUnset(tx *db.Tx, key string) error { return settings.Unset(tx, key) }

func deleteGoods(tx *db.Tx, product string) error {
	return tx.Send(`delete from paper_goods where product = $1`, product)
}

func noNumbers(tx *db.Tx) error { return tx.Send(`delete from item_numbers`) }

// refund gives money of an order back before it leaves.
func (s *shop) refund(o order.ID, minor int64) {
	s.Helper()
	s.n++
	s.write(func(tx *db.Tx) error {
		_, err := s.books.RecordRefund(tx, tax.Reversal{Ref: fmt.Sprint("r", s.n), Order: o, Amount: eur(minor)})
		return err
	})
}

// id is the id of a product.
func (s *shop) id(slug string) string {
	p, ok := s.cat.Snapshot().BySlug(slug)
	require.True(s, ok)
	return p.ID
}
