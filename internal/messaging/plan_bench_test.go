package messaging_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/settings"
)

// BenchmarkPlan has 100,000 customers, of whom one in three agreed to offers by text and one in three by e-mail. It tells
// how long somebody waits: for the plan to begin, for everybody and for a list of 50,000 addresses, and for a look at it;
// and how long the work behind it takes, per thousand people.
func BenchmarkPlan(b *testing.B) {
	const known, listed = 100_000, 50_000
	d, err := db.Open(b.Context(), b.TempDir()+"/plan.db", db.Manual(dbtest.Start))
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(b.Context(), append([]db.Schema{settings.Schema}, schemas...)...); err != nil {
		b.Fatal(err)
	}
	q := jobs.New(d)
	bus := events.New(q)
	people := customer.New(bus)
	m := messaging.New(d, q, bus, people, five(), messaging.Config{Brand: "Lotus", BaseURL: "https://lotus.example", Routes: []messaging.Route{
		{Name: "de", Provider: "sim", Channel: messaging.SMS, Countries: five()["de"].Countries, Kind: messaging.LongNumber, Sender: "+4915799900001", Carrier: &network{}},
		{Name: "mail", Provider: "smtp", Channel: messaging.Email, Kind: messaging.Mailbox, Sender: "shop@lotus.example", Carrier: &network{}}}})
	m.Govern(settings.Watch(d), settings.Bump, func(_, _ money.Currency, _ string) (money.Rate, bool) { return money.Rate{}, false })
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	for from := 0; from < known; from += 1000 {
		must(d.Write(b.Context(), func(tx *db.Tx) error {
			for i := from; i < from+1000; i++ {
				c, err := people.Upsert(tx, customer.Customer{GivenName: "Anna", Phone: fmt.Sprintf("+49176%08d", 10_000_000+i), Email: fmt.Sprintf("anna%d@example.org", i), Country: "DE", Market: "de", Lang: "de"})
				if err != nil {
					return err
				}
				agreed := customer.Consent{Address: c.Phone, Channel: customer.SMS, Class: customer.Promotional, Action: customer.Grant, Text: "Offers", Source: "test"}
				if i%3 == 1 {
					agreed.Address, agreed.Channel = c.Email, customer.Mail
				}
				if i%3 < 2 {
					if _, err := people.Record(tx, agreed); err != nil {
						return err
					}
				}
			}
			return nil
		}))
	}
	must(q.Rush(b.Context()))
	ask := sale()
	ask.Market, ask.Link = "de", "https://lotus.example/de-de/sale"
	list := make([]string, listed)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range list {
		switch i % 3 {
		case 0:
			list[i] = fmt.Sprintf("anna%d@example.org", r.IntN(known))
		case 1:
			list[i] = fmt.Sprintf("0176 %08d", 10_000_000+r.IntN(known))
		default:
			list[i] = fmt.Sprintf("+49176%08d", 10_000_000+r.IntN(known+known/10))
		}
	}
	for name, people := range map[string][]string{"everybody": nil, "list": list} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ask.People = nil
				begun := time.Now()
				if people != nil {
					must(d.Read(b.Context(), func(tx *db.Tx) (err error) { ask.People, err = m.ReadList(tx, "de", people); return err }))
				}
				b.ReportMetric(time.Since(begun).Seconds(), "s/read")
				var c messaging.Campaign
				begun = time.Now()
				must(d.Write(b.Context(), func(tx *db.Tx) (err error) { c, err = m.StartPlan(tx, ask, "mei"); return err }))
				b.ReportMetric(time.Since(begun).Seconds(), "s/begin")
				begun = time.Now()
				must(q.Drain(b.Context()))
				took := time.Since(begun)
				begun = time.Now()
				must(d.Read(b.Context(), func(tx *db.Tx) (err error) { c, err = m.CampaignOf(tx, c.ID); return err }))
				b.ReportMetric(time.Since(begun).Seconds(), "s/look")
				if c.State != messaging.Planned || c.Sum().People == 0 {
					b.Fatalf("the plan is %s with %d people", c.State, c.Sum().People)
				}
				b.ReportMetric(took.Seconds()/float64(c.Total)*1000, "s/1000-people")
			}
		})
	}
}

// BenchmarkList reads a list of 50,000 addresses and begins its plan, among 100,000 customers: a third each mailboxes, numbers
// as they are dialled at home and full ones, of which some are nobody's; and all as they are dialled at home. "ms-CPU" is
// this process's, without a PostgreSQL server's.
func BenchmarkList(b *testing.B) {
	const known, listed = 100_000, 50_000
	r := rand.New(rand.NewPCG(1, 2))
	home := func(int) string { return fmt.Sprintf("0176 %08d", 10_000_000+r.IntN(known)) }
	lists := map[string]func(i int) string{"home": home, "mixed": func(i int) string {
		switch i % 3 {
		case 0:
			return fmt.Sprintf("anna%d@example.org", r.IntN(known))
		case 1:
			return home(i)
		}
		return fmt.Sprintf("+49176%08d", 10_000_000+r.IntN(known+known/10))
	}}
	for name, url := range dbtest.URLs(b) {
		d := dbtest.Open(b, url(b), db.Manual(dbtest.Start), append([]db.Schema{settings.Schema}, schemas...))
		q := jobs.New(d)
		bus := events.New(q)
		people := customer.New(bus)
		m := messaging.New(d, q, bus, people, five(), messaging.Config{Brand: "Lotus", BaseURL: "https://lotus.example"})
		for from := 0; from < known; from += 1000 {
			err := d.Write(b.Context(), func(tx *db.Tx) error {
				for i := from; i < from+1000; i++ {
					_, err := people.Upsert(tx, customer.Customer{GivenName: "Anna", Phone: fmt.Sprintf("+49176%08d", 10_000_000+i), Email: fmt.Sprintf("anna%d@example.org", i), Country: "DE", Market: "de", Lang: "de"})
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		for kind, line := range lists {
			list := make([]string, listed)
			for i := range list {
				list[i] = line(i)
			}
			b.Run(name+"/"+kind, func(b *testing.B) {
				var read, begin, spent time.Duration
				for b.Loop() {
					ask := sale()
					ask.Market, ask.Link = "de", "https://lotus.example/de-de/sale"
					cpu, begun := used(b), time.Now()
					err := d.Read(b.Context(), func(tx *db.Tx) (err error) { ask.People, err = m.ReadList(tx, "de", list); return err })
					read += time.Since(begun)
					if err != nil {
						b.Fatal(err)
					}
					begun = time.Now()
					if err = d.Write(b.Context(), func(tx *db.Tx) error { _, err := m.StartPlan(tx, ask, "mei"); return err }); err != nil {
						b.Fatal(err)
					}
					begin, spent = begin+time.Since(begun), spent+used(b)-cpu
				}
				n := float64(b.N)
				b.ReportMetric(1e3*read.Seconds()/n, "ms/read")
				b.ReportMetric(1e3*begin.Seconds()/n, "ms/begin")
				b.ReportMetric(1e3*spent.Seconds()/n, "ms-CPU")
			})
		}
	}
}

// used is the processor time of this process so far.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
