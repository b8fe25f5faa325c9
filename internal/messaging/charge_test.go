package messaging_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/messaging"
)

// What a provider says it takes is what a message costs, in its record and in the measures, and stands beside what was
// reckoned with.
func TestAChargeTakesThePlaceOfThePriceList(t *testing.T) {
	euro := func(micros int64) messaging.Cost { return messaging.Cost{Micros: micros, Currency: "EUR"} }
	type said struct {
		ref   string
		price messaging.Cost
	}
	for name, c := range map[string]struct {
		long   bool
		answer messaging.Cost // in the provider's answer
		early  []said         // before the provider's own answer
		said   []said
		want   messaging.Cost
		rows   int
	}{
		"nothing said":             {want: euro(73_100)},
		"in the answer":            {answer: euro(60_000), want: euro(60_000), rows: 1},
		"by webhook":               {said: []said{{"p1", euro(50_000)}}, want: euro(50_000), rows: 1},
		"by webhook, twice":        {said: []said{{"p1", euro(50_000)}, {"p1", euro(50_000)}}, want: euro(50_000), rows: 1},
		"in both":                  {answer: euro(60_000), said: []said{{"p1", euro(50_000)}}, want: euro(50_000), rows: 1},
		"another currency":         {said: []said{{"p1", messaging.Cost{Micros: 90_000, Currency: "USD"}}}, want: messaging.Cost{Micros: 90_000, Currency: "USD"}, rows: 1},
		"by part":                  {long: true, said: []said{{"p1", euro(50_000)}, {"p2", euro(70_000)}}, want: euro(120_000), rows: 2},
		"by part, one of them":     {long: true, said: []said{{"p2", euro(70_000)}}, want: euro(140_000), rows: 1},
		"before the answer":        {early: []said{{"p1", euro(50_000)}}, want: euro(50_000), rows: 1},
		"before it, then another":  {early: []said{{"p1", euro(50_000)}}, said: []said{{"p1", euro(40_000)}}, want: euro(40_000), rows: 1},
		"before it, one of parts":  {long: true, early: []said{{"p1", euro(50_000)}}, said: []said{{"p2", euro(70_000)}}, want: euro(120_000), rows: 2},
		"before it, in both":       {early: []said{{"p1", euro(50_000)}}, answer: euro(60_000), want: euro(50_000), rows: 1},
		"before it, not ours":      {early: []said{{"px", euro(1)}}, want: euro(73_100)},
		"of a message not ours":    {said: []said{{"px", euro(1)}}, want: euro(73_100)},
		"a price that can't be":    {said: []said{{"p1", euro(-1)}}, want: euro(73_100)},
		"a currency that can't be": {said: []said{{"p1", messaging.Cost{Micros: 1, Currency: "???"}}}, want: euro(73_100)},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				w.net.taken = &messaging.Taken{IDs: []string{"p1"}, Parts: 1, Price: c.answer}
				if c.long {
					w.net.taken.IDs, w.net.taken.Parts = []string{"p1", "p2"}, 2
				}
				tell := func(all []said) {
					for _, x := range all {
						dbtest.Write(t, d, func(tx *db.Tx) error {
							return w.messages.Hear(tx, "sim", "de", messaging.Event{Status: &messaging.Status{Ref: x.ref, State: messaging.Delivered, Price: x.price}})
						})
					}
				}
				tell(c.early)
				r := w.send(confirm(anna, "de", "de"))
				w.drain()
				tell(c.said)
				one := w.get(r.ID)
				require.Equal(t, c.want, one.Cost)
				require.Len(t, one.Charges, c.rows)
				if c.rows > 0 {
					require.Equal(t, euro(73_100), one.Charges[0].Quoted)
				}
				dbtest.Read(t, d, func(tx *db.Tx) error {
					sums, err := w.messages.Measures(tx, messaging.MeasureFilter{})
					require.NoError(t, err)
					require.Equal(t, []messaging.Cost{c.want}, sums.Total.Cost)
					return nil
				})
			})
		})
	}
}
