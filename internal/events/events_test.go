package events_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/jobs"
)

var schemas = []db.Schema{jobs.Schema, events.Schema}

type Paid struct {
	Order    string `json:"order"`
	Customer string `json:"customer"`
	Minor    int64  `json:"minor"`
}

func (Paid) Topic() string        { return "test.paid" }
func (p Paid) Subjects() []string { return []string{p.Order, p.Customer, p.Order, ""} }

type Shipped struct {
	Order string `json:"order"`
}

func (Shipped) Topic() string { return "test.shipped" }

func TestAnEventReachesEveryListenerOnce(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		q := jobs.New(d)
		q.Backoff = func(int) time.Duration { return time.Minute }
		b := events.New(q)
		var told, shipped []string
		down := true
		events.On(b, "first", func(tx *db.Tx, p Paid) error {
			told = append(told, "first "+p.Order)
			return b.Publish(tx, Shipped{p.Order})
		})
		events.On(b, "second", func(tx *db.Tx, p Paid) error {
			if down {
				return errors.New("second is down")
			}
			told = append(told, "second "+p.Order)
			return nil
		})
		events.On(b, "third", func(tx *db.Tx, s Shipped) error { shipped = append(shipped, s.Order); return nil })
		wrong := errors.New("wrong")
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error {
			return errors.Join(b.Publish(tx, Paid{"ord_0", "cus_1", 100}), wrong)
		}), wrong)
		dbtest.Write(t, d, func(tx *db.Tx) error { return b.Publish(tx, Paid{"ord_1", "cus_1", 1999}) })
		require.NoError(t, q.Drain(t.Context()))
		require.Equal(t, []string{"first ord_1"}, told, "who fails holds up nobody")
		require.Equal(t, []string{"ord_1"}, shipped)
		down = false
		d.Clock().Advance(time.Minute)
		require.NoError(t, q.Drain(t.Context()))
		require.Equal(t, []string{"first ord_1", "second ord_1"}, told)
		d.Clock().Advance(24 * time.Hour)
		require.NoError(t, q.Drain(t.Context()))
		require.Len(t, told, 2)
	})
}

func TestListenersOfOneEventHaveDifferentNames(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		q := jobs.New(d)
		q.Register("test.paid>old", func(*db.Tx, []byte) error { return nil })
		require.Panics(t, func() {
			events.On(events.New(q), "old", func(*db.Tx, Paid) error { return nil })
		}, "two listeners of one name")
	})
}

func TestJournal(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		b := events.New(jobs.New(d))
		publish := func(all ...events.Event) {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				for _, e := range all {
					if err := b.Publish(tx, e); err != nil {
						return err
					}
				}
				return nil
			})
		}
		publish(Paid{"ord_1", "cus_1", 1}, Paid{"ord_2", "cus_1", 2}, Shipped{"ord_1"})
		d.Clock().Advance(time.Hour)
		publish(Paid{"ord_3", "cus_2", 3}, Paid{"ord_1", "cus_1", 4})
		list := func(f events.Filter) (all []events.Entry) {
			dbtest.Read(t, d, func(tx *db.Tx) (err error) {
				all, err = b.Journal(tx, f)
				return err
			})
			return all
		}
		minors := func(all []events.Entry) (out []int64) {
			for _, e := range all {
				p, err := events.Decode[Paid](e)
				require.NoError(t, err)
				out = append(out, p.Minor)
			}
			return out
		}
		require.Len(t, list(events.Filter{}), 5)
		require.Equal(t, []int64{4, 1}, minors(list(events.Filter{Subject: "ord_1"})))
		require.Equal(t, []int64{1, 2, 4}, minors(list(events.Filter{Subject: "cus_1", Oldest: true})))
		require.Equal(t, []int64{4, 3, 2, 1}, minors(list(events.Filter{Topic: "test.paid"})))
		require.Empty(t, list(events.Filter{Subject: "cus_1", Topic: "test.shipped"}))
		for _, oldest := range []bool{true, false} {
			whole, last := []events.Entry{}, ""
			for {
				page := list(events.Filter{Limit: 2, After: last, Oldest: oldest})
				if len(page) == 0 {
					break
				}
				whole, last = append(whole, page...), page[len(page)-1].ID
			}
			require.Equal(t, list(events.Filter{Oldest: oldest}), whole)
		}
		first := list(events.Filter{Oldest: true})[0]
		require.Equal(t, dbtest.Start, first.At)
		require.JSONEq(t, `{"order": "ord_1", "customer": "cus_1", "minor": 1}`, string(first.Body))
		require.True(t, json.Valid(first.Body))
		dbtest.Write(t, d, func(tx *db.Tx) error {
			n, err := b.Prune(tx, tx.Now())
			require.EqualValues(t, 3, n)
			return err
		})
		require.Equal(t, []int64{4}, minors(list(events.Filter{Subject: "ord_1"})))
	})
}

type Counted struct {
	Order string `json:"order"`
}

func (Counted) Topic() string        { return "test.counted" }
func (c Counted) Subjects() []string { return []string{c.Order} }
func (Counted) Unkept()              {}

// What the journal doesn't keep reaches its listeners all the same.
func TestUnkept(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		q := jobs.New(d)
		b := events.New(q)
		heard := 0
		events.On(b, "counting", func(*db.Tx, Counted) error { heard++; return nil })
		dbtest.Write(t, d, func(tx *db.Tx) error {
			return errors.Join(b.Publish(tx, Counted{"ord_1"}), b.PublishEach(tx, []events.Event{Counted{"ord_1"}, Shipped{"ord_1"}}))
		})
		require.NoError(t, q.Drain(t.Context()))
		require.Equal(t, 2, heard)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := b.Journal(tx, events.Filter{})
			require.Len(t, all, 1)
			require.Equal(t, "test.shipped", all[0].Topic)
			return err
		})
	})
}
