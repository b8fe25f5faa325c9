package messaging_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/messaging"
)

func sale() messaging.Campaign {
	return messaging.Campaign{Name: "Sale", Template: "cart", Market: "gb", Vars: map[string]string{"code": "AB12CD34E", "pct": "5"}, Link: "https://lotus.example/en-gb/sale"}
}

func (w *world) customers(n int, agreed func(i int) bool) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		for i := range n {
			c, err := w.people.Upsert(tx, customer.Customer{GivenName: "Kate", Phone: fmt.Sprintf("+447400123%03d", i), Email: fmt.Sprintf("kate%d@example.org", i), Country: "GB", Market: "gb", Lang: "en"})
			if err != nil {
				return err
			}
			if agreed(i) {
				_, err = w.people.Record(tx, customer.Consent{Address: c.Phone, Channel: customer.SMS, Class: customer.Promotional, Action: customer.Grant, Text: "Offers", Source: "test"})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) campaign(id string) (c messaging.Campaign) {
	w.t.Helper()
	dbtest.Read(w.t, w.d, func(tx *db.Tx) (err error) { c, err = w.messages.CampaignOf(tx, id); return err })
	return c
}

// A list finds people by what stands in it, in the forms in which lists come, says of every other line why not, and is
// no consent.
func TestListOfPeople(t *testing.T) {
	eachGoverned(t, func(t *testing.T, w *world) {
		w.keep(messaging.SenderRecord{Country: "GB", Kind: messaging.LongNumber, Value: "+447700900001", State: messaging.Approved, TwoWay: true, Links: []string{messaging.ShopLink}})
		w.customers(8, func(i int) bool { return i < 5 })
		dbtest.Write(t, w.d, func(tx *db.Tx) error {
			_, err := w.people.Upsert(tx, customer.Customer{Email: "jane@example.org", Country: "US", Market: "us", Lang: "en"})
			return err
		})
		list := strings.Join([]string{
			"\ufeffName;E-mail;Phone;Orders",         // 1, a heading
			"Kate;kate0@example.org;07400 123000;12", // 2, both of one person
			`"Smith, Kate",KATE1@Example.org`,        // 3
			"",
			"0044 7400 123-002",                            // 5
			"(07400) 123003\tkate3@example.org",            // 6
			"kate4@example.org, Kate <kate5@example.org>",  // 7, two people
			"+447400123000",                                // 8, again
			"nobody@example.org",                           // 9
			"07400 999 999; someone.else@example.org",      // 10
			"jane@example.org",                             // 11, of another market
			"Kate",                                         // 12
			"12345678",                                     // 13
			"kate6@example.org, , 07400 000000, 4711 0815", // 14, known by the first of both
			"+44 (0)7400 123006",                           // 15, again
			"+44 (0)7400 123007",                           // 16, the country's number and its own zero
		}, "\r\n")
		ask := sale()
		var c messaging.Campaign
		dbtest.Write(t, w.d, func(tx *db.Tx) (err error) {
			if ask.People, err = w.messages.ReadList(tx, "gb", messaging.List(list)); err != nil {
				return err
			}
			c, err = w.messages.StartPlan(tx, ask, "mei")
			return err
		})
		w.drain()
		c = w.campaign(c.ID)
		require.True(t, c.Listed)
		require.Equal(t, messaging.Planned, c.State)
		require.Equal(t, int64(8), c.Total)
		require.Equal(t, int64(5), c.Sum().Now)
		require.Equal(t, int64(3), c.Sum().Reasons["no_consent"])
		require.Equal(t, int64(5), c.Refused)
		dbtest.Read(t, w.d, func(tx *db.Tx) error {
			got, err := w.messages.Unlisted(tx, c.ID)
			require.Equal(t, []messaging.Unlisted{
				{Line: 9, Code: "messaging.list_unknown", Said: "nob…org"}, {Line: 10, Code: "messaging.list_unknown", Said: "som…org"},
				{Line: 11, Code: "messaging.list_other_market", Said: "jan…org"}, {Line: 12, Code: "messaging.list_no_address", Said: "Kate"},
				{Line: 13, Code: "messaging.list_bad_address", Said: "123…678"},
			}, got)
			return err
		})
		dbtest.Write(t, w.d, func(tx *db.Tx) error { _, err := w.messages.SendPlan(tx, c.ID, 5, "mei"); return err })
		w.drain()
		require.Len(t, w.net.parcels(), 5)

		for _, people := range [][]string{{"nobody@example.org"}, {}, {" "}, make([]string, 100_001)} {
			err := w.d.Read(t.Context(), func(tx *db.Tx) error { _, err := w.messages.ReadList(tx, "gb", people); return err })
			require.ErrorIs(t, err, messaging.ErrPlanForm)
			require.ErrorContains(t, err, "people")
		}
	})
}

// Somebody with two profiles that were joined is one of a list that names an address of each.
func TestAListNamesAPersonWithTwoProfiles(t *testing.T) {
	eachGoverned(t, func(t *testing.T, w *world) {
		w.keep(messaging.SenderRecord{Country: "GB", Kind: messaging.LongNumber, Value: "+447700900001", State: messaging.Approved, TwoWay: true, Links: []string{messaging.ShopLink}})
		w.customers(3, func(int) bool { return true })
		var c messaging.Campaign
		dbtest.Write(t, w.d, func(tx *db.Tx) error {
			a, err := w.people.ByEmail(tx, "kate0@example.org")
			require.NoError(t, err)
			b, err := w.people.ByEmail(tx, "kate1@example.org")
			require.NoError(t, err)
			_, err = w.people.Merge(tx, a.ID, b.ID, "mei", "same parcel, same neighbour")
			require.NoError(t, err)
			ask := sale()
			ask.People, err = w.messages.ReadList(tx, "gb", []string{"kate0@example.org", "kate1@example.org", "kate2@example.org"})
			require.NoError(t, err)
			c, err = w.messages.StartPlan(tx, ask, "mei")
			return err
		})
		w.drain()
		c = w.campaign(c.ID)
		require.Equal(t, int64(2), c.Total)
		require.Equal(t, int64(2), c.Sum().Now)
	})
}
