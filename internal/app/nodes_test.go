package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/catalog"
	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/money"
	"portolan/internal/order"
)

// Two programs, one PostgreSQL: every order is confirmed once, and what is changed at one is seen at the other
// within a second.
func TestTwoNodesAreOneShop(t *testing.T) {
	url, ok := apptest.URLs(t)["postgres"]
	if !ok {
		t.Skip("two nodes need PostgreSQL, which make test starts: PORTOLAN_TEST_PG is not set")
	}
	t.Parallel()
	at := url(t)
	one := apptest.Open(t, at, db.Fast(apptest.Start, 1))
	two := one.Beside(at)

	const count, each = 40, 4
	before := free(t, one, "MI1001-NVY-S")
	var all sync.WaitGroup
	for n := range count / each {
		s := []*apptest.Shop{one, two}[n%2]
		all.Go(func() {
			for i := range each {
				p := apptest.Imogen
				p.Phone = "+4477009005" + string(rune('0'+n)) + string(rune('0'+i))
				p.Email = strings.TrimPrefix(p.Phone, "+") + "@example.org"
				p.SKU = "MI1001-NVY-S"
				s.Visitor().Buy(p)
			}
		})
	}
	all.Wait()
	placed := orders(t, one)
	require.Len(t, placed, count)
	numbers := map[string]bool{}
	for _, o := range placed {
		numbers[o.Number[strings.LastIndexByte(o.Number, '-')+1:]] = true
		require.Len(t, one.Texts(o.Phone, 1), 1)
		one.Mailed(o.Email, 1)
	}
	require.Len(t, numbers, count, "no number twice")
	require.True(t, numbers["0001"] && numbers["0040"], "and none left out: %v", numbers)
	one.Idle()
	for _, o := range placed {
		require.Len(t, one.Received(o.Phone), 1)
		require.Len(t, one.Mails.List(o.Email), 1)
		require.Len(t, written(t, one, o.ID), 2)
	}
	require.EqualValues(t, before-count, free(t, two, "MI1001-NVY-S"), "every piece is accounted for")

	// A new price and a new title at one are on the pages of the other within a second.
	v := two.Visitor()
	path := "/de-de/p/meridian-wrap-dress"
	require.NotContains(t, v.Get(path).Text(), "123,45")
	one.Write(func(tx *db.Tx) error {
		for _, size := range []string{"KAP-XS", "KAP-S", "KAP-M", "KAP-L", "KAP-XL", "KAP-XXL", "TEA-XS", "TEA-S", "TEA-M", "TEA-L", "TEA-XL", "TEA-XXL", "NVY-XS", "NVY-S", "NVY-M", "NVY-L", "NVY-XL", "NVY-XXL"} {
			if err := one.Prices.SetOverride(tx, "de", "MI1001-"+size, money.Of(123_45, "EUR")); err != nil {
				return err
			}
		}
		_, err := one.Prices.Publish(tx, "de")
		return err
	})
	within(t, two, time.Second, "the new price", func() bool { return strings.Contains(v.Get(path).Text(), "123,45") })
	one.Write(func(tx *db.Tx) error {
		p, err := one.Catalog.Find(tx, "meridian-wrap-dress")
		if err != nil {
			return err
		}
		text := p.Texts["de"]
		text.Title = "Wickelkleid Wendekreis"
		p.Texts["de"] = text
		_, err = one.Catalog.Import(tx, []catalog.Product{p})
		return err
	})
	within(t, two, time.Second, "the new title", func() bool { return strings.Contains(v.Get(path).Text(), "Wickelkleid Wendekreis") })
}

// free is how many pieces of an article can still be sold.
func free(t *testing.T, s *apptest.Shop, sku string) (n int64) {
	t.Helper()
	s.Read(func(tx *db.Tx) error {
		all, err := s.Stock.Available(tx, []string{sku}, []string{"ams", "can"})
		n = all[sku]
		return err
	})
	return n
}

// within demands that f becomes true within a while of the world's time.
func within(t *testing.T, s *apptest.Shop, d time.Duration, what string, f func() bool) {
	t.Helper()
	began := s.DB.Clock().Now()
	s.Until(what, f)
	took := s.DB.Clock().Now().Sub(began)
	t.Logf("%s was there after %s", what, took.Round(time.Millisecond))
	require.Less(t, took, d, what)
}

// The program ends in the middle and is opened again on the same file: what was acknowledged is there, and what
// was waiting goes on.
func TestRestart(t *testing.T) {
	t.Parallel()
	url := apptest.URLs(t)["sqlite"](t)
	s := apptest.Open(t, url, db.Manual(apptest.Start))
	left := asks(apptest.Imogen, "sms")
	gone := s.Visitor()
	gone.Quote(left)
	waits := s.Visitor()
	waits.Quote(apptest.Ayu)
	waits.Pay("id-id", "bank_transfer", "")
	transfer := orders(t, s)[0]
	s.Pass(30 * time.Minute)

	// Payments are acknowledged, and the program ends at once: their confirmations may have left or not.
	var paid []string
	var people []apptest.Person
	for i := range 6 {
		p := apptest.Harper
		p.Phone, p.Email = "+1212555016"+string(rune('0'+i)), id.New("x")+"@example.org"
		paid, people = append(paid, s.Visitor().Buy(p)), append(people, p)
	}
	clock := db.Manual(s.DB.Clock().Now())
	s.Restart(url, clock)

	for range 3 { // what met a line that wasn't there yet is tried again
		s.Pass(5 * time.Second)
	}
	require.Len(t, orders(t, s), 7)
	for i, p := range people {
		require.Equal(t, order.Paid, orderOf(t, s, paid[i]).State)
		s.Texts(p.Phone, 1)
		s.Mailed(p.Email, 1)
		require.Len(t, written(t, s, order.ID(paid[i])), 2)
	}
	s.Pass(95 * time.Minute)
	require.Contains(t, s.Texts(left.Phone, 1)[0].Text, "your bag is waiting", "the two hours went on")
	require.NoError(t, s.TestPSP.Deposit(t.Context(), account(t, s, transfer.ID).Attempts[0].Ref, transfer.Total))
	s.Texts(apptest.Ayu.Phone, 1)
	s.Pass(time.Hour)
	for _, p := range people {
		require.Len(t, s.Received(p.Phone), 1, "once")
	}
	require.Equal(t, http.StatusOK, s.Visitor().Get("/en-us/orders/"+paid[0]).Status)

	s.Stop()
	left2, err := filepath.Glob(filepath.Join(filepath.Dir(url), "*"))
	require.NoError(t, err)
	for _, f := range left2 {
		require.Regexp(t, `shop\.db(-wal|-shm)?$`, f, "nothing else is left lying about")
	}
	_, err = os.Stat(url)
	require.NoError(t, err)
}
