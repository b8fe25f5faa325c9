package fulfilment_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/address"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
)

var update = flag.Bool("update", false, "write the events as they are into testdata")

type ships struct {
	*testing.T
	d      *db.DB
	stock  *fulfilment.Service
	orders *order.Service
	q      *jobs.Queue
	bus    *events.Bus
	*fulfilment.Shipments
}

func shipping(t *testing.T, d *db.DB) *ships {
	q := jobs.New(d)
	bus := events.New(q)
	r := &ships{T: t, d: d, stock: open(t, d), orders: order.New(bus, order.Numbering{}), q: q, bus: bus}
	require.NoError(t, r.stock.Load(t.Context()))
	r.Shipments = fulfilment.NewShipments(r.stock, bus, r.orders)
	r.Listen(bus)
	return r
}

func eachShipping(t *testing.T, f func(r *ships)) {
	dbtest.Each(t, append(append([]db.Schema{}, schemas...), events.Schema, order.Schema), func(t *testing.T, d *db.DB) { f(shipping(t, d)) })
}

func (r *ships) write(f func(tx *db.Tx) error) error { return r.d.Write(r.Context(), f) }

// sell places a paid order for two tees and a hat, with its stock, and works off what follows.
func (r *ships) sell() order.Order {
	eur := func(n int64) money.Amount { return money.Of(n, "EUR") }
	o := order.Order{ID: order.ID(fmt.Sprint("ord_", r.Name())), Market: "de", Country: "DE", Lang: "de", Currency: "EUR", Email: "jana@mail.example", Phone: "+4915123456789",
		Address: address.Address{GivenName: "Jana", FamilyName: "Vogel", Line1: "Torstraße 140", City: "Berlin", Postcode: "10119", Country: "DE"},
		Lines:   []order.Line{{SKU: "tee", Title: "Tee", Quantity: 2, UnitPrice: eur(1000), Total: eur(2000), Weight: 150}, {SKU: "hat", Title: "Hat", Quantity: 1, UnitPrice: eur(500), Total: eur(500), Weight: 90}},
		Goods:   eur(2500), Total: eur(2500), Service: "standard_ddp", Location: "can", Method: "card", DeliverFrom: market.AddDays(r.d.Clock().Now().Format(time.DateOnly), 8), DeliverTo: market.AddDays(r.d.Clock().Now().Format(time.DateOnly), 13)}
	require.NoError(r, r.write(func(tx *db.Tx) error {
		if err := r.stock.Reserve(tx, string(o.ID), []fulfilment.Want{{SKU: "tee", Location: "can", Quantity: 2}, {SKU: "hat", Location: "can", Quantity: 1}}, tx.Now().Add(time.Hour)); err != nil {
			return err
		}
		if err := r.stock.Allocate(tx, string(o.ID)); err != nil {
			return err
		}
		o.PaidAt = tx.Now()
		_, _, err := r.orders.Place(tx, o)
		return err
	}))
	r.settle()
	return o
}

func (r *ships) settle() {
	r.Helper()
	require.NoError(r, r.q.Drain(r.Context()))
}

func (r *ships) only(o order.ID) (one fulfilment.Shipment) {
	r.Helper()
	require.NoError(r, r.d.Read(r.Context(), func(tx *db.Tx) error {
		all, err := r.ByOrder(tx, o)
		require.Len(r, all, 1)
		one = all[0]
		return err
	}))
	return one
}

func (r *ships) state(o order.ID) (s order.State) {
	require.NoError(r, r.d.Read(r.Context(), func(tx *db.Tx) error {
		got, err := r.orders.Get(tx, o)
		s = got.State
		return err
	}))
	return s
}

func TestAPaidOrderMakesOneShipment(t *testing.T) {
	eachShipping(t, func(r *ships) {
		o := r.sell()
		s := r.only(o.ID)
		require.Equal(r, fulfilment.Preparing, s.State)
		require.Equal(r, "Kite Line", s.Carrier)
		require.Equal(r, "+4915123456789", s.Address.Phone, "the order's phone, where the address has none")
		require.Equal(r, []int64{2, 1}, s.Parcels[0].Packed)
		require.EqualValues(r, 2*150+90+60, s.Gross())
		require.False(r, s.Parcels[0].Weighed)
		require.NoError(r, r.write(func(tx *db.Tx) error {
			again, fresh, err := r.Make(tx, o)
			require.False(r, fresh)
			require.Equal(r, s.ID, again.ID)
			return err
		}))
		o.ID, o.Location = "ord_elsewhere", ""
		require.NoError(r, r.write(func(tx *db.Tx) error {
			_, fresh, err := r.Make(tx, o)
			require.False(r, fresh, "another shop sends it")
			return err
		}))
	})
}

func TestAChangeMakesItPreparingAgain(t *testing.T) {
	eachShipping(t, func(r *ships) {
		o := r.sell()
		s := r.only(o.ID)
		split := []fulfilment.Parcel{{Tracking: "rb 123 456 785 gb", GrossGrams: 250, Weighed: true, Length: 300, Width: 200, Height: 50, Packed: []int64{1, 1}}, {GrossGrams: 200, Packed: []int64{1, 0}}}
		var err error
		require.NoError(r, r.write(func(tx *db.Tx) error {
			s, err = r.Ready(tx, s.ID, s.Version, "mei")
			return err
		}))
		require.Equal(r, fulfilment.Ready, s.State)
		require.NoError(r, r.write(func(tx *db.Tx) error {
			s, err = r.Pack(tx, s.ID, split, "mei")
			return err
		}))
		s = r.only(o.ID)
		require.Equal(r, fulfilment.Preparing, s.State)
		require.EqualValues(r, 2, s.Version)
		require.Equal(r, "RB123456785GB", s.Parcels[0].Tracking)
		require.Equal(r, []int64{1, 0}, s.Parcels[1].Packed)
		require.NoError(r, r.d.Read(r.Context(), func(tx *db.Tx) error {
			found, err := r.ByTracking(tx, "RB123456785GB")
			require.Equal(r, s.ID, found.ID)
			return err
		}))
		to := s.Address
		to.Line1 = "Torstraße 141"
		require.NoError(r, r.write(func(tx *db.Tx) error {
			_, err = r.Readdress(tx, s.ID, to, "mei")
			return err
		}))
		require.NoError(r, r.write(func(tx *db.Tx) error {
			s, err = r.SetService(tx, s.ID, "express_ddp", "mei")
			return err
		}))
		require.EqualValues(r, 4, s.Version)
		require.Equal(r, "Swift Air", s.Carrier)
		require.ErrorIs(r, r.write(func(tx *db.Tx) error { _, err := r.HandOver(tx, s.ID, s.Version, "mei"); return err }), fulfilment.ErrNotReady)
		require.ErrorIs(r, r.write(func(tx *db.Tx) error { _, err := r.Ready(tx, s.ID, 1, "mei"); return err }), fulfilment.ErrOutdated)

		for field, bad := range map[string]func() error{
			"parcels[0].packed":      func() error { return r.pack(s, fulfilment.Parcel{GrossGrams: 10, Packed: []int64{2}}) },
			"parcels":                func() error { return r.pack(s, fulfilment.Parcel{GrossGrams: 10, Packed: []int64{1, 1}}) },
			"parcels[0].gross_grams": func() error { return r.pack(s, fulfilment.Parcel{Packed: []int64{2, 1}}) },
			"parcels[0].length_mm": func() error {
				return r.pack(s, fulfilment.Parcel{GrossGrams: 10, Length: 5001, Packed: []int64{2, 1}})
			},
			"parcels[0].tracking": func() error {
				return r.pack(s, fulfilment.Parcel{GrossGrams: 10, Tracking: "RB123456784GB", Packed: []int64{2, 1}})
			},
			"parcels[1].tracking": func() error {
				return r.pack(s, fulfilment.Parcel{GrossGrams: 10, Tracking: "AWB1234567", Packed: []int64{1, 1}}, fulfilment.Parcel{GrossGrams: 10, Tracking: "AWB1234567", Packed: []int64{1, 0}})
			},
			"address.country": func() error {
				to := s.Address
				to.Country = "AT"
				return r.write(func(tx *db.Tx) error { _, err := r.Readdress(tx, s.ID, to, "mei"); return err })
			},
			"service": func() error {
				return r.write(func(tx *db.Tx) error { _, err := r.SetService(tx, s.ID, "pigeon", "mei"); return err })
			},
		} {
			err := bad()
			require.ErrorIs(r, err, fulfilment.ErrShipment, field)
			require.Contains(r, fault.Of(err).Fields, field)
		}
		require.EqualValues(r, 4, r.only(o.ID).Version, "what was refused changed nothing")
	})
}

func (r *ships) pack(s fulfilment.Shipment, parcels ...fulfilment.Parcel) error {
	return r.write(func(tx *db.Tx) error { _, err := r.Pack(tx, s.ID, parcels, "mei"); return err })
}

func TestHandOverAndBack(t *testing.T) {
	eachShipping(t, func(r *ships) {
		o := r.sell()
		s := r.only(o.ID)
		require.EqualValues(r, 2, stock(r, r.d, r.stock, "tee", "can").Allocated)
		act := func(f func(*db.Tx, fulfilment.ShipmentID, int64, string) (fulfilment.Shipment, error)) error {
			return r.write(func(tx *db.Tx) error { _, err := f(tx, s.ID, s.Version, "mei"); return err })
		}
		back := func() error {
			return r.write(func(tx *db.Tx) error { _, err := r.TakeBack(tx, s.ID, "mei"); return err })
		}
		require.ErrorIs(r, back(), fulfilment.ErrCantTakeBack)
		require.NoError(r, act(r.Ready))
		require.NoError(r, act(r.HandOver))
		require.Equal(r, order.Fulfilled, r.state(o.ID))
		left := stock(r, r.d, r.stock, "tee", "can")
		require.EqualValues(r, 0, left.Allocated)
		require.EqualValues(r, 10, left.OnHand)
		require.ErrorIs(r, act(r.HandOver), fulfilment.ErrGone)
		require.ErrorIs(r, r.pack(s, s.Parcels...), fulfilment.ErrGone)
		require.ErrorIs(r, r.write(func(tx *db.Tx) error { _, err := r.orders.Cancel(tx, o.ID, "late"); return err }), order.ErrTooLate)

		require.NoError(r, back())
		require.Equal(r, order.Paid, r.state(o.ID))
		require.EqualValues(r, 2, stock(r, r.d, r.stock, "tee", "can").Allocated)
		require.EqualValues(r, 12, stock(r, r.d, r.stock, "tee", "can").OnHand)
		require.Equal(r, fulfilment.Ready, r.only(o.ID).State)

		require.NoError(r, r.write(func(tx *db.Tx) error { _, err := r.orders.Cancel(tx, o.ID, "changed_mind"); return err }))
		r.settle()
		require.Equal(r, fulfilment.Voided, r.only(o.ID).State)
		require.Equal(r, "order_cancelled", r.only(o.ID).VoidReason)
		require.ErrorIs(r, act(r.HandOver), fulfilment.ErrVoided)
	})
}

func TestItemNumbers(t *testing.T) {
	require.Equal(t, "RB123456785GB", fulfilment.S10("RB", 12345678, "GB"), "the example of many posts")
	require.False(t, fulfilment.ValidS10("RB123456784GB"))
	rapid.Check(t, func(t *rapid.T) {
		n := fulfilment.S10("LZ", rapid.Int64Range(0, 99_999_999).Draw(t, "serial"), "CN")
		require.True(t, fulfilment.ValidS10(n), n)
		b := []byte(n)
		b[10] = '0' + (b[10]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		require.False(t, fulfilment.ValidS10(string(b)), "another check digit: %s", b)
	})
	eachShipping(t, func(r *ships) {
		s := r.only(r.sell().ID)
		number := func() error {
			return r.write(func(tx *db.Tx) (err error) { s, err = r.Number(tx, s.ID); return err })
		}
		require.ErrorIs(r, number(), fulfilment.ErrNoNumbers)
		require.NoError(r, r.write(func(tx *db.Tx) error {
			return r.AddNumbers(tx, fulfilment.NumberRange{Prefix: "LZ", Country: "CN", Next: 7, Last: 7})
		}))
		require.NoError(r, number())
		require.NoError(r, number(), "a parcel keeps its number")
		require.Equal(r, fulfilment.S10("LZ", 7, "CN"), r.only(s.Order).Parcels[0].Tracking)
		require.EqualValues(r, 1, s.Version, "a number changes no paper that there is")
		require.ErrorIs(r, r.write(func(tx *db.Tx) error { return r.AddNumbers(tx, fulfilment.NumberRange{Prefix: "L", Country: "CN"}) }), fulfilment.ErrShipment)
	})
}

func TestShipmentsArePaged(t *testing.T) {
	eachShipping(t, func(r *ships) {
		o := order.Order{Market: "de", Country: "DE", Location: "can", Lines: []order.Line{{SKU: "tee", Quantity: 1, Weight: 1}}}
		for i := range 5 {
			o.ID = order.ID(fmt.Sprint("ord_", i))
			require.NoError(r, r.write(func(tx *db.Tx) error { _, _, err := r.Make(tx, o); return err }))
			r.d.Clock().Advance(time.Second)
		}
		for _, oldest := range []bool{true, false} {
			var seen []string
			page := fulfilment.ShipmentPage{Limit: 2}
			for {
				require.NoError(r, r.d.Read(r.Context(), func(tx *db.Tx) error {
					all, next, err := r.List(tx, fulfilment.ShipmentFilter{States: []fulfilment.ShipmentState{fulfilment.Preparing}, Market: "de", Oldest: oldest}, page)
					for _, s := range all {
						seen = append(seen, string(s.Order))
						require.Len(r, s.Parcels, 1)
					}
					page.After = next
					return err
				}))
				if page.After == "" {
					break
				}
			}
			require.Len(r, seen, 5)
			require.Equal(r, oldest, seen[0] == "ord_0")
		}
		require.NoError(r, r.d.Read(r.Context(), func(tx *db.Tx) error {
			_, _, err := r.List(tx, fulfilment.ShipmentFilter{}, fulfilment.ShipmentPage{After: "x"})
			require.Equal(r, fault.Invalid, fault.Of(err).Kind)
			n, err := r.Count(tx)
			require.EqualValues(r, 5, n[fulfilment.Preparing])
			return err
		}))
	})
}

// What others listen to is a promise: fields are only added.
func TestTopics(t *testing.T) {
	f := fulfilment.ShipmentFacts{Shipment: "shp_1", Order: "ord_1", Number: "F-20261124-0001", Market: "de", Location: "can", State: fulfilment.Ready, Version: 2,
		Tracking: []string{"RB123456785GB"}, Reason: "address", By: "Mei", At: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	p := fulfilment.ParcelFacts{Parcel: "shp_1.2", Shipment: "shp_1", Order: "ord_1", Number: "F-20261124-0001", Customer: "cus_1", Market: "de", Country: "DE", Lang: "de", Tracking: "RB123456785GB", Carrier: "Kite Line",
		N: 2, Of: 3, Status: fulfilment.AtCustoms, Stage: fulfilment.Import, Reason: "held", Responsible: "customs", Action: "pay_duty", From: "2026-12-01", To: "2026-12-03", Occurred: f.At, At: f.At}
	var got strings.Builder
	for _, e := range []events.Event{fulfilment.ShipmentMadeEvent{f}, fulfilment.ShipmentChangedEvent{f}, fulfilment.ShipmentReadyEvent{f}, fulfilment.HandedOverEvent{f}, fulfilment.TakenBackEvent{f}, fulfilment.ShipmentVoidedEvent{f},
		fulfilment.ParcelEvent{ParcelFacts: p, Kind: fulfilment.NewsOut, Cause: "held", WindowStart: f.At, WindowEnd: f.At.Add(time.Hour), By: "Mei"},
		fulfilment.DelayEvent{ParcelFacts: p, Cause: fulfilment.CustomsHold, OldFrom: "2026-11-28", OldTo: "2026-11-30", Times: 1},
		fulfilment.AllDeliveredEvent{Order: "ord_1", Number: "F-20261124-0001", Customer: "cus_1", Market: "de", Country: "DE", Lang: "de", Parcels: 2, Occurred: f.At, At: f.At}} {
		body, err := json.MarshalIndent(e, "", "  ")
		require.NoError(t, err)
		got.WriteString(e.Topic() + " " + strings.Join(e.(events.About).Subjects(), " ") + "\n" + string(body) + "\n\n")
	}
	const file = "testdata/topics.txt"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}
