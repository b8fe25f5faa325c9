package customer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/fault"
)

// pair are two profiles of one person: the same phone, two mailboxes. The first is older.
func pair(t *testing.T, d *db.DB, s *customer.Service, salt string) (a, b customer.Customer) {
	phone := "+4915123" + fmt.Sprintf("%06d", 100_000+len(salt)*7)
	if len(salt) > 0 {
		phone = "+4915" + salt
	}
	for i, c := range []customer.Customer{
		{GivenName: "Anna", FamilyName: "Lang", Email: "anna" + salt + "@example.org", Phone: phone, Country: "DE", Lang: "de", Market: "de"},
		{GivenName: "Anna", FamilyName: "Lang-Weber", Email: "weber" + salt + "@example.org", Phone: phone, Country: "AT", Lang: "en", Market: "at"},
	} {
		d.Clock().Advance(time.Minute)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			c, err := s.Upsert(tx, c)
			if i == 0 {
				a = c
			} else {
				b = c
			}
			return err
		})
	}
	return a, b
}

func TestMerge(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _ := ready(t, d)
		a, b := pair(t, d, s, "")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			alike, err := s.Suggestions(tx, a.ID)
			require.NoError(t, err)
			require.Len(t, alike, 1)
			require.Equal(t, b.ID, alike[0].ID)
			require.Equal(t, []string{customer.KeyPhone}, alike[0].Keys)

			m, err := s.Merge(tx, b.ID, a.ID, "mei", "")
			require.NoError(t, err)
			require.Equal(t, a.ID, m.Survivor, "the older")
			require.Equal(t, b.ID, m.Other)
			require.Equal(t, []string{customer.KeyPhone}, m.Keys)
			require.Equal(t, tx.Now().Add(30*24*time.Hour), m.UndoUntil)

			for _, id := range []string{a.ID, b.ID} {
				c, err := s.Get(tx, id)
				require.NoError(t, err)
				require.Equal(t, customer.Customer{ID: a.ID, GivenName: "Anna", FamilyName: "Lang-Weber", Email: a.Email, Phone: a.Phone, Country: "AT", Lang: "en",
					Market: "at", CreatedAt: a.CreatedAt}, c, "addresses of the survivor, the rest of the newer")
				ids, err := s.IDs(tx, id)
				require.NoError(t, err)
				require.Equal(t, []string{a.ID, b.ID}, ids)
				all, err := s.Merges(tx, id)
				require.NoError(t, err)
				require.Equal(t, []customer.Merge{m}, all)
				alike, err := s.Suggestions(tx, id)
				require.NoError(t, err)
				require.Empty(t, alike)
				each, err := s.Profiles(tx, id)
				require.NoError(t, err)
				require.Equal(t, []customer.Customer{a, b}, each, "as they stand")
			}
			n, err := s.Count(tx)
			require.NoError(t, err)
			require.Equal(t, int64(1), n)
			for _, text := range []string{"", "weber", a.Email, "lang"} {
				found, err := s.List(tx, customer.Query{Text: text})
				require.NoError(t, err)
				require.Len(t, found, 1, text)
				require.Equal(t, a.ID, found[0].ID)
			}
			byID, err := s.ByIDs(tx, []string{b.ID})
			require.NoError(t, err)
			require.Equal(t, a.ID, byID[b.ID].ID)

			c, err := s.Upsert(tx, customer.Customer{Email: b.Email, GivenName: "Anne"})
			require.NoError(t, err)
			require.Equal(t, b.ID, c.ID, "what is written goes under the profile of its address")
			require.NoError(t, s.Unmerge(tx, m.ID, "mei"))
			require.ErrorIs(t, s.Unmerge(tx, m.ID, "mei"), customer.ErrNoMerge)
			got, err := s.Get(tx, a.ID)
			require.NoError(t, err)
			require.Equal(t, a, got)
			got, err = s.Get(tx, b.ID)
			require.NoError(t, err)
			require.Equal(t, c, got)
			return nil
		})
	})
}

func TestMergeIsRefused(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _ := ready(t, d)
		a, b := pair(t, d, s, "")
		c, e := pair(t, d, s, "123456781")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := s.Merge(tx, a.ID, b.ID, "mei", "")
			require.NoError(t, err)
			_, err = s.Erase(tx, e.ID, "mei")
			return err
		})
		logins := map[string]bool{}
		s.Accounts(func(_ *db.Tx, id string) (bool, error) { return logins[id], nil })
		for name, tt := range map[string]struct {
			a, b, why string
			want      error
		}{
			"itself": {a.ID, a.ID, "", customer.ErrMergeItself}, "erased": {a.ID, e.ID, "", customer.ErrMergeGone}, "unknown": {"cus_x", a.ID, "", customer.ErrMergeGone},
			"joined": {b.ID, c.ID, "said so", customer.ErrMergeAlready}, "again": {a.ID, b.ID, "", customer.ErrMergeAlready},
			"by name alone": {a.ID, c.ID, "", customer.ErrMergeReason},
		} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := s.Merge(tx, tt.a, tt.b, "mei", tt.why); return err })
			require.ErrorIs(t, err, tt.want, name)
			require.Len(t, fault.Of(err).Fields, 1, name)
		}
		logins[c.ID], logins[a.ID] = true, true
		err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := s.Merge(tx, a.ID, c.ID, "mei", "said so"); return err })
		require.ErrorIs(t, err, customer.ErrMergeLogins)
		logins[a.ID] = false
		dbtest.Write(t, d, func(tx *db.Tx) error {
			m, err := s.Merge(tx, a.ID, c.ID, "mei", "said so")
			require.NoError(t, err)
			require.Equal(t, c.ID, m.Survivor, "the one with an account, though younger")
			ids, err := s.IDs(tx, b.ID)
			require.NoError(t, err)
			require.Equal(t, c.ID, ids[0])
			require.ElementsMatch(t, []string{a.ID, b.ID, c.ID}, ids, "who was joined before comes along")
			found, err := s.List(tx, customer.Query{Text: b.Email})
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.Equal(t, c.ID, found[0].ID)
			return nil
		})
	})
}

func TestMergeIsUndoneInTime(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _ := ready(t, d)
		a, b := pair(t, d, s, "")
		var m customer.Merge
		join := func() {
			dbtest.Write(t, d, func(tx *db.Tx) (err error) { m, err = s.Merge(tx, a.ID, b.ID, "mei", ""); return err })
		}
		undo := func() error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return s.Unmerge(tx, m.ID, "mei") })
		}
		join()
		d.Clock().Advance(30 * 24 * time.Hour)
		require.NoError(t, undo())
		join()
		d.Clock().Advance(30*24*time.Hour + time.Second)
		require.ErrorIs(t, undo(), customer.ErrMergeFinal)
	})
}

// Who is suggested: an address that both have or had. Names, chats and browsers show nothing, and what somebody has said
// isn't so isn't asked again.
func TestSuggestions(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _ := ready(t, d)
		a, b := pair(t, d, s, "")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			namesake, err := s.Upsert(tx, customer.Customer{GivenName: "Anna", FamilyName: "Lang", Email: "other@example.org", Country: "DE"})
			require.NoError(t, err)
			for _, who := range []string{a.ID, namesake.ID} {
				c := grant("https://push.example/1", customer.Push)
				c.Customer = who
				_, err = s.Record(tx, c)
				require.NoError(t, err)
			}
			keys := func(id string) map[string][]string {
				all, err := s.Suggestions(tx, id)
				require.NoError(t, err)
				out := map[string][]string{}
				for _, x := range all {
					out[x.ID] = x.Keys
				}
				return out
			}
			require.Equal(t, map[string][]string{b.ID: {"phone"}}, keys(a.ID))
			require.Empty(t, keys(namesake.ID))
			c := grant(a.Email, customer.Mail) // the namesake agreed at this mailbox once
			c.Customer = namesake.ID
			_, err = s.Record(tx, c)
			require.NoError(t, err)
			require.Equal(t, map[string][]string{b.ID: {"phone"}, namesake.ID: {"email"}}, keys(a.ID))
			require.Equal(t, map[string][]string{a.ID: {"email"}}, keys(namesake.ID))
			require.NoError(t, s.Apart(tx, a.ID, b.ID, "mei"))
			require.NoError(t, s.Apart(tx, b.ID, a.ID, "mei"))
			require.Equal(t, map[string][]string{namesake.ID: {"email"}}, keys(a.ID))
			require.Empty(t, keys(b.ID))
			return nil
		})
	})
}

// A STOP reaches every address of the person; a START only what was stopped since they are one, or at its own profile.
func TestMergeAndSilence(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		for name, tt := range map[string]struct {
			before, after bool // the other profile says STOP before the merge; the survivor says STOP after it
			start         bool // and START
			a, b          bool // who may be written to in the end
			undone        bool
		}{
			"nothing said":                         {a: true, b: true},
			"stopped before":                       {before: true, a: true},
			"stopped before, started at the other": {before: true, start: true, a: true},
			"stopped after":                        {after: true},
			"stopped after, start":                 {after: true, start: true, a: true, b: true},
			"stopped twice, start":                 {before: true, after: true, start: true, a: true},
			"stopped after, undone":                {after: true, undone: true},
			"stopped before, undone":               {before: true, undone: true, a: true},
			"nothing said, undone":                 {undone: true, a: true, b: true},
		} {
			t.Run(name, func(t *testing.T) {
				s, _ := ready(t, d)
				var digits string
				for _, r := range name {
					digits += fmt.Sprint(r % 10)
				}
				var a, b customer.Customer
				dbtest.Write(t, d, func(tx *db.Tx) (err error) {
					if a, err = s.Upsert(tx, customer.Customer{Email: "a" + digits + "@example.org", Country: "DE"}); err != nil {
						return err
					}
					b, err = s.Upsert(tx, customer.Customer{Email: "b" + digits + "@example.org", Country: "DE"})
					return err
				})
				may := func(address string) (yes bool) {
					dbtest.Read(t, d, func(tx *db.Tx) error {
						st, err := s.Allowed(tx, address, customer.Mail, customer.Promotional)
						require.NoError(t, err)
						silent, err := s.Suppressed(tx, address)
						yes = st.Granted && silent.Address == ""
						return err
					})
					return yes
				}
				do := func(f func(tx *db.Tx) error) {
					d.Clock().Advance(time.Minute)
					dbtest.Write(t, d, f)
				}
				var m customer.Merge
				for _, c := range []customer.Customer{a, b} {
					do(func(tx *db.Tx) error {
						g := grant(c.Email, customer.Mail)
						g.Customer = c.ID
						_, err := s.Record(tx, g)
						return err
					})
				}
				if tt.before {
					do(func(tx *db.Tx) error { _, _, err := s.StopAll(tx, b.Email, "reply"); return err })
				}
				do(func(tx *db.Tx) (err error) { m, err = s.Merge(tx, a.ID, b.ID, "mei", "said so"); return err })
				require.True(t, may(a.Email))
				require.Equal(t, !tt.before, may(b.Email), "a merge changes nothing")
				if tt.after {
					do(func(tx *db.Tx) error { _, _, err := s.StopAll(tx, a.Email, "reply"); return err })
					require.False(t, may(a.Email) || may(b.Email))
				}
				if tt.start {
					do(func(tx *db.Tx) error { _, _, err := s.Restore(tx, a.Email, "reply"); return err })
				}
				if tt.undone {
					do(func(tx *db.Tx) error { return s.Unmerge(tx, m.ID, "mei") })
				}
				require.Equal(t, tt.a, may(a.Email), "survivor")
				require.Equal(t, tt.b, may(b.Email), "other")
			})
		}
	})
}

// Whoever forgets one of them forgets all: profiles, addresses, what joined them.
func TestMergedAreErasedTogether(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _ := ready(t, d)
		a, b := pair(t, d, s, "")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			m, err := s.Merge(tx, a.ID, b.ID, "mei", "her neighbour Karl told us")
			require.NoError(t, err)
			gone, err := s.Erase(tx, b.ID, "mei")
			require.NoError(t, err)
			require.ElementsMatch(t, []string{a.Phone, a.Email, b.Email}, gone, "the shared phone too")
			for _, c := range []customer.Customer{a, b} {
				_, err := s.Get(tx, c.ID)
				require.ErrorIs(t, err, customer.ErrUnknown)
				ids, err := s.IDs(tx, c.ID)
				require.NoError(t, err)
				require.Equal(t, []string{c.ID}, ids)
				silent, err := s.Suppressed(tx, c.Email)
				require.NoError(t, err)
				require.Equal(t, customer.ReasonErased, silent.Reason)
			}
			require.ErrorIs(t, s.Unmerge(tx, m.ID, "mei"), customer.ErrMergeFinal)
			why, err := db.One(tx, db.Scalar[string], `select why from customer_merges where id = $1`, m.ID)
			require.NoError(t, err)
			require.Empty(t, why)
			return nil
		})
	})
}

// reads is everything that is asked about a profile.
func reads(tx *db.Tx, s *customer.Service, id string, addresses []string, until time.Time) (out []string) {
	say := func(what string, v any, err error) { out = append(out, fmt.Sprintf("%s: %+v %v", what, v, err)) }
	c, err := s.Get(tx, id)
	say("get", c, err)
	ids, err := s.IDs(tx, id)
	say("ids", ids, err)
	all, err := s.Events(tx, id)
	say("events", slices.DeleteFunc(all, func(c customer.Consent) bool { return c.At.After(until) }), err)
	for _, x := range addresses {
		ledger, err := s.Ledger(tx, x)
		for _, ch := range []customer.Channel{customer.SMS, customer.Mail} {
			say(x+string(ch), customer.StateAt(ledger, ch, customer.Promotional, until), err)
			say(x+string(ch), customer.StateAt(ledger, ch, customer.Survey, until), err)
		}
	}
	return out
}

// Whatever was agreed to and taken back before and after: a merge changes no consent and no silence, and once it is undone
// each profile reads as before for what was before.
func TestMergeAndUndo(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _ := ready(t, d)
		n := 10_000_000
		rapid.Check(t, func(rt *rapid.T) {
			n++
			a, b := pair(t, d, s, fmt.Sprintf("1%d", n))
			addresses := []string{a.Phone, a.Email, b.Email}
			acts := func(name string, most int) {
				for range rapid.IntRange(0, most).Draw(rt, name) {
					d.Clock().Advance(time.Minute)
					address := rapid.SampledFrom(addresses).Draw(rt, "address")
					c := grant(address, rapid.SampledFrom([]customer.Channel{customer.SMS, customer.Mail}).Draw(rt, "channel"))
					c.Class = rapid.SampledFrom([]customer.Class{customer.Promotional, customer.Survey}).Draw(rt, "class")
					c.Customer = rapid.SampledFrom([]string{a.ID, b.ID}).Draw(rt, "who")
					what := rapid.SampledFrom([]string{"ask", "grant", "confirm", "revoke", "stop", "start"}).Draw(rt, "act")
					dbtest.Write(t, d, func(tx *db.Tx) (err error) {
						switch what {
						case "stop":
							_, _, err = s.StopAll(tx, address, "test")
						case "start":
							_, _, err = s.Restore(tx, address, "test")
						default:
							c.Action = customer.Action(what)
							_, err = s.Record(tx, c)
						}
						return err
					})
				}
			}
			now := func() (one, two, states []string) {
				dbtest.Read(t, d, func(tx *db.Tx) error {
					one, two = reads(tx, s, a.ID, addresses, d.Clock().Now()), reads(tx, s, b.ID, addresses, d.Clock().Now())
					for _, x := range addresses {
						silent, err := s.Suppressed(tx, x)
						states = append(states, fmt.Sprintf("%+v %v", silent, err))
						for _, ch := range []customer.Channel{customer.SMS, customer.Mail} {
							for _, cl := range []customer.Class{customer.Promotional, customer.Survey} {
								st, err := s.Allowed(tx, x, ch, cl)
								states = append(states, fmt.Sprintf("%s %s %s %+v %v", x, ch, cl, st, err))
							}
						}
					}
					return nil
				})
				return
			}
			acts("before", 6)
			at := d.Clock().Now()
			one, two, states := now()
			var m customer.Merge
			dbtest.Write(t, d, func(tx *db.Tx) (err error) { m, err = s.Merge(tx, a.ID, b.ID, "mei", ""); return err })
			if _, _, joined := now(); !slices.Equal(states, joined) {
				rt.Fatalf("a merge changed what may be said:\n%v\n%v", states, joined)
			}
			acts("after", 4)
			touched := d.Clock().Now().After(at)
			dbtest.Write(t, d, func(tx *db.Tx) error { return s.Unmerge(tx, m.ID, "mei") })
			dbtest.Read(t, d, func(tx *db.Tx) error {
				for id, before := range map[string][]string{a.ID: one, b.ID: two} {
					if after := reads(tx, s, id, addresses, at); !slices.Equal(before, after) {
						rt.Fatalf("before:\n%v\nafter:\n%v", before, after)
					}
				}
				return nil
			})
			if _, _, after := now(); !touched && !slices.Equal(states, after) {
				rt.Fatalf("before:\n%v\nafter:\n%v", states, after)
			}
		})
	})
}

func TestMergeIsAnnounced(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, q := ready(t, d)
		_ = q
		a, b := pair(t, d, s, "")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			m, err := s.Merge(tx, a.ID, b.ID, "mei", "")
			require.NoError(t, err)
			return s.Unmerge(tx, m.ID, "wang")
		})
		dbtest.Read(t, d, func(tx *db.Tx) error {
			for _, id := range []string{a.ID, b.ID} {
				all, err := events.New(q).Journal(tx, events.Filter{Subject: id, Oldest: true, Limit: 10})
				require.NoError(t, err)
				require.Len(t, all, 2)
				require.Equal(t, "customer.merged", all[0].Topic)
				require.Equal(t, "customer.unmerged", all[1].Topic)
				require.Contains(t, string(all[0].Body), `"survivor":"`+a.ID+`","other":"`+b.ID+`","keys":["phone"],"by":"mei"`)
				require.Contains(t, string(all[1].Body), `"by":"wang"`)
			}
			return nil
		})
	})
}

// Of many ids the persons are those that each by itself has.
func TestPersonsOfMany(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _ := ready(t, d)
		var ids []string
		for i := range 40 {
			a, b := pair(t, d, s, fmt.Sprint(123_000_000+i))
			if ids = append(ids, a.ID, b.ID); i%4 == 0 {
				dbtest.Write(t, d, func(tx *db.Tx) error { _, err := s.Merge(tx, a.ID, b.ID, "mei", ""); return err })
			}
			if i%8 == 0 && i > 0 { // a person of three
				dbtest.Write(t, d, func(tx *db.Tx) error { _, err := s.Merge(tx, a.ID, ids[2*i-1], "mei", "the same"); return err })
			}
		}
		dbtest.Read(t, d, func(tx *db.Tx) error {
			want, err := s.Persons(tx, ids)
			require.NoError(t, err)
			require.Len(t, want, 20+4)
			many := slices.Clone(ids)
			for i := range 300 {
				many = append(many, fmt.Sprint("cus_nobody", i))
			}
			got, err := s.Persons(tx, many)
			require.Equal(t, want, got)
			return err
		})
	})
}
