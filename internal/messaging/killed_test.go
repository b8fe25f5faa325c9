package messaging_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/settings"
)

const (
	lifeURL  = "PORTOLAN_LIFE_URL"
	lifeFrom = "PORTOLAN_LIFE_FROM"

	killedPeople = 900
	killedAgreed = 700
)

// TestCampaignLife is one life of the process that TestCampaignIsKilled kills. By itself it does nothing.
func TestCampaignLife(t *testing.T) {
	url := os.Getenv(lifeURL)
	if url == "" {
		t.Skip("optional: it is run by TestCampaignIsKilled")
	}
	from, err := time.Parse(time.RFC3339, os.Getenv(lifeFrom))
	require.NoError(t, err)
	w := newWorld(t, dbtest.Open(t, url, db.Fast(from, 20), append([]db.Schema{settings.Schema}, schemas...)))
	w.messages.Govern(settings.Watch(w.d), settings.Bump, func(_, _ money.Currency, _ string) (money.Rate, bool) { return money.Rate{}, false })
	w.net.answer = func(_ int, p messaging.Parcel) error {
		fmt.Println("took", p.To)
		return nil
	}
	if from.Equal(dbtest.Start) {
		w.keep(messaging.SenderRecord{Country: "GB", Kind: messaging.LongNumber, Value: "+447700900001", State: messaging.Approved, TwoWay: true, Links: []string{messaging.ShopLink}})
		w.customers(killedPeople, func(i int) bool { return i < killedAgreed })
		dbtest.Write(t, w.d, func(tx *db.Tx) error { _, err := w.messages.StartPlan(tx, sale(), "mei"); return err })
	}
	if w.d.Postgres() { // the ten seconds have passed after which a silent node is taken for dead
		dbtest.Write(t, w.d, func(tx *db.Tx) error { return tx.Send(`delete from job_nodes`) })
	}
	go w.queue.Run(t.Context())
	for done := int64(-1); ; {
		var c messaging.Campaign
		dbtest.Read(t, w.d, func(tx *db.Tx) error {
			all, err := w.messages.Campaigns(tx)
			c = all[0]
			return err
		})
		if c.Done != done {
			done = c.Done
			fmt.Println("at", c.State, done)
		}
		switch {
		case c.State == messaging.Planned:
			dbtest.Write(t, w.d, func(tx *db.Tx) error { _, err := w.messages.SendPlan(tx, c.ID, killedAgreed, "mei"); return err })
		case c.State == messaging.SentOut && w.number(`select count(*) from messages where state in ('queued', 'held')`) == 0:
			fmt.Println("done")
			return
		}
		w.d.Clock().Wait(t.Context().Done(), w.d.Clock().Now().Add(200*time.Millisecond))
	}
}

// A process is killed again and again while it plans and sends a campaign, and the next one goes on with the database as
// it lies. Nobody gets the offer twice; whoever it didn't leave for is one whose attempt was noted and its outcome lost,
// which an offer doesn't risk again.
func TestCampaignIsKilled(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := url(t)
			r := rand.New(rand.NewPCG(4, 92))
			got := map[string]int{}
			kills, during := 0, map[string]bool{}
			for life, done := 0, false; !done; life++ {
				require.Less(t, life, 60, "it never ends")
				c := exec.Command(os.Args[0], "-test.run", "^TestCampaignLife$")
				c.Env = append(os.Environ(), lifeURL+"="+at, lifeFrom+"="+dbtest.Start.Add(time.Duration(life)*5*time.Minute).Format(time.RFC3339))
				out, err := c.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, c.Start())
				left := 1 + r.IntN(140)
				if life < 4 {
					left = 2
				}
				lines := bufio.NewScanner(out)
				for lines.Scan() {
					f := strings.Fields(lines.Text())
					switch {
					case len(f) == 2 && f[0] == "took":
						got[f[1]]++
					case len(f) == 3 && f[0] == "at":
						during[f[1]] = true
					case len(f) == 1 && f[0] == "done":
						done = true
						continue
					default:
						continue
					}
					if left--; left == 0 {
						kills++
						require.NoError(t, c.Process.Kill())
					}
				}
				require.NoError(t, lines.Err())
				if err := c.Wait(); done {
					require.NoError(t, err)
				}
			}
			require.Greater(t, kills, 5)
			require.True(t, during["planning"] && during["sending"], "%v", during)
			d := dbtest.Open(t, at, db.Manual(dbtest.Start.Add(8*time.Hour)), append([]db.Schema{settings.Schema}, schemas...))
			var out []struct{ to, state string }
			dbtest.Read(t, d, func(tx *db.Tx) (err error) {
				out, err = db.All(tx, func(r db.Row) (x struct{ to, state string }, err error) {
					err = r.Scan(&x.to, &x.state)
					return
				}, `select recipient, state from messages where state <> 'dropped' order by recipient`)
				return err
			})
			require.Len(t, out, killedAgreed, "one message for everybody who agreed")
			lost := 0
			for _, m := range out {
				if got[m.to] == 0 {
					require.Equal(t, string(messaging.Unknown), m.state, m.to)
					lost++
					continue
				}
				require.Equal(t, 1, got[m.to], m.to)
			}
			require.LessOrEqual(t, lost, kills*16, "no more than were in hand")
			t.Logf("%d kills, %d of %d offers in hand that didn't leave", kills, lost, killedAgreed)
		})
	}
}
