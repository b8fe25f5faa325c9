package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/order"
)

// After the program was down, what is still worth saying is said once, and what isn't has its reason on record: of several
// steps of a parcel only the last is news, and what became too late stays unsaid.
func TestAfterTheProgramWasDown(t *testing.T) {
	for name, url := range apptest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, clock := url(t), db.Manual(apptest.Start)
			s := apptest.Open(t, at, clock)
			n := 0
			person := func() apptest.Person {
				n++
				p := asks(apptest.Imogen, "sms")
				p.Phone, p.Email = fmt.Sprintf("+44770090061%d", n), fmt.Sprintf("gap%d@example.org", n)
				return p
			}
			tell := func(id fulfilment.ShipmentID, e fulfilment.Scan) {
				e.Number, e.Occurred = "1", clock.Now()
				s.Write(func(tx *db.Tx) error {
					_, err := s.Shipments.Record(tx, id, "carrier:test", "", []fulfilment.Scan{e})
					return err
				})
			}
			for _, gap := range []struct {
				hours  int
				cart   string // what became of a reminder that was due in the gap
				survey string
				parcel int // texts about the parcel afterwards
			}{{24, "sent", "sent", 1}, {72, "too_late", "too_late", 1}} {
				left, bought, waits := person(), person(), person()
				s.Visitor().Quote(left)
				asked := order.ID(s.Visitor().Buy(bought))
				arrived(s, asked, 1)
				hear(s, handedOver(s, asked, 1), brings())
				way := order.ID(s.Visitor().Buy(waits))
				arrived(s, way, 1)
				id := handedOver(s, way, 1)
				arrived(s, way, 2)
				arrived(s, asked, 2)
				s.Pass(15 * time.Minute)
				before := map[string]int{}
				for _, p := range []apptest.Person{left, bought, waits} {
					before[p.Phone] = len(s.Received(p.Phone))
				}

				s.Stop()
				clock.Advance(time.Duration(gap.hours/3) * time.Hour)
				tell(id, atCustoms("GB", "presented"))
				clock.Advance(time.Duration(gap.hours/3) * time.Hour)
				tell(id, fulfilment.Scan{Status: fulfilment.InTransit, Stage: fulfilment.LastMile})
				clock.Advance(time.Duration(gap.hours-2*(gap.hours/3)) * time.Hour)
				tell(id, outUntil(clock.Now().Add(time.Hour), clock.Now().Add(3*time.Hour)))
				s.Restart(at, clock)
				s.Idle()
				leap(s, time.Hour)

				news := func(p apptest.Person) int { return len(s.Received(p.Phone)) - before[p.Phone] }
				require.Equal(t, gap.parcel, news(waits), "%d hours: %v", gap.hours, why(s, "parcel", string(waits.Phone)))
				require.Contains(t, s.Received(waits.Phone)[before[waits.Phone]].Text, "comes today")
				require.Equal(t, gap.cart, reason(t, s, left.Email), "%d hours", gap.hours)
				require.LessOrEqual(t, news(left), 1)
				told := why(s, "survey", string(asked))
				require.Len(t, told, 1)
				require.Contains(t, told[0], gap.survey)
				require.LessOrEqual(t, news(bought), 1)
				if gap.cart != "sent" {
					require.Zero(t, news(left)+news(bought))
				}
				s.Read(func(tx *db.Tx) error {
					all, err := db.All(tx, db.Scalar[string], `select reason from journey_steps where key like $1 and outcome = 'not_sent' and journey = 'parcel'`, string(id)+"%:parcel.customs%")
					require.Equal(t, []string{"newer_news"}, all)
					return err
				})
				hear(s, id, brings())
			}
		})
	}
}
