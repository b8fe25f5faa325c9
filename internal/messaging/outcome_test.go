package messaging_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// mortal is a provider that takes messages and often dies before it has said so, or before it has taken them. Asked, it
// tells what it took; while it is down it can't be asked.
type mortal struct {
	mu     sync.Mutex
	luck   *rand.Rand
	took   map[string][]messaging.Parcel // by message
	by     map[string]bool               // attempts taken
	down   bool
	sure   bool // it says where it never had an attempt
	asked  int
	failed map[string]bool // attempts that the network refused later
	fates  []int           // of the next ones; then luck
	begun  chan struct{}   // closed when the first is taken; nil: nobody waits
	hangs  chan struct{}   // answers come when it is closed; nil: at once
}

var errDied = errors.New("the line is gone")

func (m *mortal) Send(_ context.Context, p messaging.Parcel) (messaging.Taken, error) {
	taken, err := m.take(p)
	if m.begun != nil {
		close(m.begun)
	}
	if m.hangs != nil {
		<-m.hangs
	}
	return taken, err
}

func (m *mortal) take(p messaging.Parcel) (messaging.Taken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fate := m.luck.IntN(10)
	if len(m.fates) > 0 {
		fate, m.fates = m.fates[0], m.fates[1:]
	}
	if fate < 9 {
		m.took[p.Message] = append(m.took[p.Message], p)
		m.by[p.Attempt] = true
	}
	if fate > 5 {
		return messaging.Taken{}, errDied
	}
	return messaging.Taken{IDs: []string{p.Attempt}, Parts: 1}, nil
}

func (m *mortal) Query(_ context.Context, attempt string, _ []string) ([]messaging.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	switch {
	case m.down:
		return nil, errDied
	case m.failed[attempt]:
		return []messaging.Event{{Status: &messaging.Status{Ref: attempt, State: messaging.Failed, Code: "17"}}}, nil
	case m.by[attempt]:
		return []messaging.Event{{Status: &messaging.Status{Ref: attempt, State: messaging.Sent}}}, nil
	case m.sure:
		return nil, messaging.ErrNever
	}
	return nil, nil
}

func (w *world) mortal(seed uint64) *mortal {
	m := &mortal{luck: rand.New(rand.NewPCG(seed, 1)), took: map[string][]messaging.Parcel{}, by: map[string]bool{}, failed: map[string]bool{}}
	w.messages.Route(messaging.Route{Name: "mortal", Provider: "mortal", Channel: messaging.SMS, Kind: messaging.LongNumber, Sender: "+4915799900002", Carrier: m})
	return m
}

// inBatch is how many messages go while their provider dies; PORTOLAN_BATCH=10000 is the long form.
func inBatch() int {
	if n, err := strconv.Atoi(os.Getenv("PORTOLAN_BATCH")); err == nil {
		return n
	}
	return 300
}

// A provider dies within a batch: nothing that must arrive is lost, it comes twice only where that is marked, offers
// never come twice, and in the end every state is true.
func TestAProviderDiesWithinABatch(t *testing.T) {
	for _, down := range []bool{false, true} {
		t.Run(fmt.Sprintf("asked in vain %v", down), func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				m := w.mortal(7)
				m.down = down
				n := inBatch()
				class := map[string]messaging.Class{}
				for first := 0; first < n; first += 100 {
					dbtest.Write(t, d, func(tx *db.Tx) error {
						for i := first; i < min(first+100, n); i++ {
							to := fmt.Sprintf("+44740%07d", 100_000+i)
							msg := confirm(to, "gb", "en")
							if i%3 == 0 {
								if _, err := w.people.Record(tx, customer.Consent{Address: to, Channel: customer.SMS, Class: customer.Promotional, Action: customer.Grant,
									Text: "Offers by message", Wording: "test/1", Source: "checkout"}); err != nil {
									return err
								}
								msg = cart(to, "gb", "en")
								msg.Cart = fmt.Sprint("crt_", i)
							}
							msg.Via = "mortal"
							r, err := w.messages.Send(tx, msg)
							if err != nil {
								return err
							}
							require.Equal(t, messaging.Queued, r.State, r.Gate)
							class[r.ID] = r.Class
						}
						return nil
					})
				}
				for _, pause := range []time.Duration{0, 6 * time.Second, 20 * time.Second, 6 * time.Second, time.Minute, time.Minute, time.Minute} {
					d.Clock().Advance(pause)
					w.drain()
				}
				m.mu.Lock()
				m.down = false
				m.mu.Unlock()
				for range 4 {
					d.Clock().Advance(7 * time.Hour)
					w.drain()
				}
				doubled, silent := 0, 0
				for id, c := range class {
					got := m.took[id]
					one := w.get(id)
					for i, p := range got {
						require.Equal(t, i > 0 && p.Repeat, i > 0, "a second one is marked")
					}
					if len(got) > 1 {
						doubled++
					}
					if c == messaging.Promotional {
						require.LessOrEqual(t, len(got), 1, "an offer never comes twice")
						require.Len(t, one.Attempts, 1)
						want := messaging.Unknown
						if len(got) == 1 {
							want = messaging.Sent
						} else {
							silent++
						}
						require.Equal(t, want, one.State)
						continue
					}
					if one.State == messaging.Unknown {
						require.Greater(t, len(one.Attempts), 3, "every try died")
						continue
					}
					require.Equal(t, messaging.Sent, one.State)
					require.NotEmpty(t, got, "nothing is lost")
				}
				require.Positive(t, silent)
				require.Equal(t, down, doubled > 0, "%d came twice: who is asked in time needs no second try", doubled)
				t.Logf("%d messages, %d came twice and marked, provider asked %d times", n, doubled, m.asked)
			})
		})
	}
}

// What a provider says about an attempt without an answer counts as if it had come by itself: an offer becomes failed.
func TestAnAnswerToAQuestionCounts(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := w.mortal(1)
		m.fates = []int{6}
		w.agree(kate, customer.SMS, false)
		msg := cart(kate, "gb", "en")
		msg.Via = "mortal"
		r := w.send(msg)
		w.drain()
		require.Equal(t, messaging.Queued, w.get(r.ID).State, "it waits for the provider's answer")
		m.failed[w.get(r.ID).Attempts[0].ID] = true
		d.Clock().Advance(6 * time.Second)
		w.drain()
		one := w.get(r.ID)
		require.Equal(t, messaging.Failed, one.State)
		require.Equal(t, "network 17", one.Reason)
	})
}

// An offer whose provider is sure that it never had it goes again without a mark, once the provider's record must be whole; one
// that was given up before the provider could be asked has failed and stays away.
func TestAnOfferThatNeverCame(t *testing.T) {
	for name, down := range map[string]bool{"asked": false, "asked in vain at first": true} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				m := w.mortal(1)
				m.fates, m.sure, m.down = []int{9, 0}, true, down
				w.agree(kate, customer.SMS, false)
				msg := cart(kate, "gb", "en")
				msg.Via = "mortal"
				r := w.send(msg)
				w.drain()
				for range 5 {
					d.Clock().Advance(time.Minute - time.Second)
					w.drain()
				}
				one := w.get(r.ID)
				require.Equal(t, messaging.Queued, one.State)
				require.Len(t, one.Attempts, 1, "it may still be on its way into the provider's record")
				d.Clock().Advance(10 * time.Second)
				w.drain()
				if one = w.get(r.ID); !down {
					require.Equal(t, messaging.Sent, one.State)
					require.Len(t, one.Attempts, 2)
					require.Equal(t, "refused", one.Attempts[0].Outcome)
					require.Len(t, m.took[r.ID], 1)
					require.False(t, m.took[r.ID][0].Repeat)
					require.Zero(t, one.Repeats)
					return
				}
				d.Clock().Advance(time.Minute)
				w.drain()
				require.Equal(t, messaging.Unknown, w.get(r.ID).State)
				m.down = false
				d.Clock().Advance(time.Hour)
				w.drain()
				one = w.get(r.ID)
				require.Equal(t, messaging.Failed, one.State, "a reminder an hour later is none")
				require.Len(t, one.Attempts, 1)
				require.Empty(t, m.took[r.ID])
			})
		})
	}
}

// A process that dies leaves a question behind: its successor asks before it sends again.
func TestASuccessorAsksFirst(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := w.mortal(1)
		m.fates, m.hangs = []int{0}, make(chan struct{})
		m.begun = make(chan struct{})
		var process sync.WaitGroup
		ctx, kill := context.WithCancel(t.Context())
		process.Go(func() { w.queue.Run(ctx) })
		msg := confirm(kate, "gb", "en")
		msg.Via = "mortal"
		r := w.send(msg)
		<-m.begun

		next := newWorld(t, d)
		heir := next.mortal(2)
		heir.by, heir.took = m.by, m.took
		next.drain()
		require.Len(t, next.get(r.ID).Attempts, 1, "it is asked about first")
		for range 27 { // so that what is to be asked first isn't due together with what follows
			d.Clock().Advance(6 * time.Second)
			next.drain()
		}
		one := next.get(r.ID)
		require.Equal(t, messaging.Sent, one.State)
		require.Len(t, one.Attempts, 1)
		require.Zero(t, one.Repeats)
		kill()
		close(m.hangs)
		process.Wait()
	})
}

// What waits for a provider's answer waits for it after a restart too.
func TestARestartDoesNotEndTheWait(t *testing.T) {
	for _, class := range []messaging.Class{messaging.Transactional, messaging.Promotional} {
		t.Run(string(class), func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				m := w.mortal(1)
				m.fates, m.down = []int{6}, true
				msg := confirm(kate, "gb", "en")
				if class == messaging.Promotional {
					w.agree(kate, customer.SMS, false)
					msg = cart(kate, "gb", "en")
				}
				msg.Via = "mortal"
				r := w.send(msg)
				w.drain()
				if class == messaging.Promotional { // shortly before nobody would be waited for any longer
					for range 5 {
						d.Clock().Advance(time.Minute)
						w.drain()
					}
				}
				next := newWorld(t, d)
				heir := next.mortal(2)
				heir.by, heir.took = m.by, m.took
				next.drain()
				one := next.get(r.ID)
				require.Equal(t, messaging.Queued, one.State)
				require.Len(t, one.Attempts, 1)
				d.Clock().Advance(6 * time.Second)
				next.drain()
				d.Clock().Advance(time.Minute)
				next.drain()
				if class == messaging.Promotional {
					require.Equal(t, messaging.Unknown, next.get(r.ID).State)
					d.Clock().Advance(time.Hour)
					next.drain()
				}
				one = next.get(r.ID)
				require.Equal(t, messaging.Sent, one.State)
				require.Len(t, one.Attempts, 1)
				require.Zero(t, one.Repeats)
			})
		})
	}
}

// Whatever two providers do with a message, each attempt after one that may have arrived is marked, also when the one just
// before it was refused; no more than four may have arrived; and a message that may have is never told as failed.
func TestRepeatsAreMarkedAfterRefusalsToo(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		luck := rand.New(rand.NewPCG(11, 3))
		gone, refused := map[string]int{}, map[string]int{} // by message: attempts that may have arrived, refusals after one
		w.net.answer = func(_ int, p messaging.Parcel) error {
			require.Equal(t, gone[p.Message] > 0, p.Repeat, "%s after %d that may have arrived", p.Attempt, gone[p.Message])
			switch fate := luck.IntN(10); {
			case fate < 4:
				if gone[p.Message]++; gone[p.Message] > 4 {
					t.Errorf("%s: %d attempts that may have arrived", p.Message, gone[p.Message])
				}
				return errDied
			case fate < 9:
				refused[p.Message] += min(1, gone[p.Message])
				return &messaging.Refusal{Trouble: messaging.Again, Err: errors.New("later")}
			}
			return nil
		}
		for _, name := range []string{"left", "right"} {
			w.messages.Route(messaging.Route{Name: name, Provider: name, Channel: messaging.SMS, Countries: []market.Country{"US"}, Kind: messaging.TenDLC, Sender: "+12025550101", Carrier: w.net})
		}
		var ids []string
		for i := range 40 {
			ids = append(ids, w.send(confirm(fmt.Sprintf("+1212555%04d", i), "us", "en")).ID)
		}
		for i := range 60 {
			w.drain()
			d.Clock().Advance(time.Duration(1+i) * time.Minute)
		}
		marked := 0
		for _, id := range ids {
			one := w.get(id)
			doubtful := 0
			for _, a := range one.Attempts {
				if a.Outcome != "refused" {
					doubtful++
				}
			}
			require.EqualValues(t, max(0, doubtful-1), one.Repeats, "%+v", one.Attempts)
			require.Contains(t, []messaging.State{messaging.Sent, messaging.Unknown, messaging.Failed}, one.State)
			if one.State == messaging.Failed {
				require.Zero(t, gone[id], "%+v", one.Attempts)
			}
			marked += refused[id]
		}
		require.Greater(t, marked, 20, "nothing was refused after it may have arrived")
	})
}

// An answer that comes late counts, also when the attempt after it was refused; the message doesn't go again.
func TestLateAnswerAfterARefusal(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.net.answer = func(n int, _ messaging.Parcel) error {
			if n == 1 {
				return errDied
			}
			return &messaging.Refusal{Trouble: messaging.Again, Err: errors.New("later")}
		}
		r := w.send(confirm(anna, "de", "de"))
		w.drain()
		d.Clock().Advance(31 * time.Second)
		w.drain()
		one := w.get(r.ID)
		require.Len(t, one.Attempts, 2)
		require.Equal(t, "refused", one.Attempts[1].Outcome)
		dbtest.Write(t, d, func(tx *db.Tx) error { return w.messages.Late(tx, one.Attempts[0].ID, 1, "0000ABC1") })
		require.Equal(t, messaging.Sent, w.get(r.ID).State)
		d.Clock().Advance(time.Hour)
		w.drain()
		require.Len(t, w.net.parcels(), 2)
	})
}
