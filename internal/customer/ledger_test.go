package customer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/jobs"
)

func ready(t *testing.T, d *db.DB) (*customer.Service, *jobs.Queue) {
	q := jobs.New(d)
	s := customer.New(events.New(q))
	s.Work(q)
	dbtest.Write(t, d, s.Prepare)
	dbtest.Read(t, d, s.Remember)
	return s, q
}

func TestWordings(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _ := ready(t, d)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			w := customer.Wording{Market: "de", Lang: "de", Channel: customer.SMS, Class: customer.Promotional, Text: "  Ja,  gern ", By: "mei"}
			_, found, err := s.CurrentWording(tx, "de", "de", customer.SMS, customer.Promotional)
			require.NoError(t, err)
			require.False(t, found)
			one, err := s.PublishWording(tx, w)
			require.NoError(t, err)
			require.Equal(t, "checkout.sms/1", one.Name())
			require.Equal(t, "Ja, gern", one.Text)
			same, err := s.PublishWording(tx, w)
			require.NoError(t, err)
			require.Equal(t, one.ID, same.ID)
			w.Text = "Ja, sehr gern"
			two, err := s.PublishWording(tx, w)
			require.NoError(t, err)
			require.Equal(t, int64(2), two.Version)
			old, found, err := s.WordingNamed(tx, "de", "de", customer.SMS, customer.Promotional, 1)
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, "Ja, gern", old.Text, "what was shown is kept")
			all, err := s.Wordings(tx, "de")
			require.NoError(t, err)
			require.Len(t, all, 2)
			w.Text = ""
			_, err = s.PublishWording(tx, w)
			require.ErrorIs(t, err, customer.ErrBadInput)
			return nil
		})
	})
}

func TestChoices(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _ := ready(t, d)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := s.Upsert(tx, customer.Customer{Email: mail, Phone: phone, Country: "DE"})
			require.NoError(t, err)
			_, err = s.Record(tx, grant(phone, customer.SMS))
			require.NoError(t, err)
			on := func() map[string]bool {
				all, err := s.Choices(tx, phone)
				require.NoError(t, err)
				require.Len(t, all, 4)
				out := map[string]bool{}
				for _, c := range all {
					require.Equal(t, c.Address == phone, c.Own)
					out[c.Key()] = c.On
				}
				return out
			}
			texts := map[string]string{"sms.promotional": "Offers", "sms.service": "Surveys", "email.promotional": "Offers", "email.service": "Surveys"}
			choose := func(fresh bool, ticked ...string) {
				c := customer.Chosen{On: map[string]bool{}, Texts: texts, Wording: "preferences/1"}
				for key := range texts {
					c.On[key] = false
				}
				for _, key := range ticked {
					c.On[key] = true
				}
				require.NoError(t, s.Choose(tx, phone, fresh, c))
			}
			require.Equal(t, map[string]bool{"sms.promotional": true, "sms.service": true, "email.promotional": false, "email.service": false}, on())
			choose(true, "sms.promotional", "email.promotional")
			require.Equal(t, map[string]bool{"sms.promotional": true, "sms.service": false, "email.promotional": false, "email.service": false}, on())
			st, err := s.Allowed(tx, mail, customer.Mail, customer.Promotional)
			require.NoError(t, err)
			require.True(t, st.Pending, "another address confirms first")
			_, _, err = s.StopAll(tx, phone, "reply")
			require.NoError(t, err)
			require.NotContains(t, []bool{on()["sms.promotional"], on()["email.promotional"]}, true)
			choose(false, "sms.promotional")
			require.False(t, on()["sms.promotional"], "an old link proves nothing")
			choose(true, "sms.promotional")
			require.True(t, on()["sms.promotional"], "a link sent to the address does")
			silent, err := s.Suppressed(tx, mail)
			require.NoError(t, err)
			require.Equal(t, "stop", silent.Reason, "only where it was ticked")
			choose(true)
			require.False(t, on()["sms.promotional"])
			ledger, err := s.Ledger(tx, phone)
			require.NoError(t, err)
			require.Empty(t, customer.Verify(ledger))
			return nil
		})
	})
}

const importFile = `address,channel,agreed_at,text,source,page,ip,confirmed,proof
ada@example.org,,2025-03-01,Send me offers,newsletter form,/news,203.0.113.9,yes,row 17
+4915123456789,sms,2025-03-01T10:00:00Z,"Text me, please",till 4,,,yes,
nobody,,2025-03-01,Send me offers,form,,,yes,
bob@example.org,sms,2025-03-01,Send me offers,form,,,yes,
cy@example.org,,01.03.2025,Send me offers,form,,,yes,
dan@example.org,,2031-03-01,Send me offers,form,,,yes,
eve@example.org,,2025-03-01,,form,,,yes,
fay@example.org,,2025-03-01,Send me offers,,,,yes,
gus@example.org,,2025-03-01,Send me offers,form,,,,
stopped@example.org,,2025-03-01,Send me offers,form,,,yes,
ada@example.org,,2025-03-02,Send me offers,form,,,yes,
`

func TestImport(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, q := ready(t, d)
		start := func(dry bool, file string) (run customer.ImportRun, faults []customer.ImportFault) {
			dbtest.Write(t, d, func(tx *db.Tx) (err error) {
				run, err = s.StartImport(tx, q, customer.ImportRun{Name: "old.csv", By: "mei", Market: "de", Dry: dry}, file, true)
				return err
			})
			require.NoError(t, q.Drain(t.Context()))
			dbtest.Read(t, d, func(tx *db.Tx) (err error) { run, faults, err = s.ImportOf(tx, run.ID); return err })
			return run, faults
		}
		dbtest.Write(t, d, func(tx *db.Tx) error { _, _, err := s.StopAll(tx, "stopped@example.org", "reply"); return err })
		dry, _ := start(true, importFile)
		require.Equal(t, []int64{11, 11, 3, 0, 1, 7}, []int64{dry.Lines, dry.Done, dry.Added, dry.Known, dry.Silent, dry.Refused})
		run, faults := start(false, "\ufeff"+importFile)
		require.Equal(t, []int64{11, 11, 2, 1, 1, 7}, []int64{run.Lines, run.Done, run.Added, run.Known, run.Silent, run.Refused})
		require.False(t, run.EndedAt.IsZero())
		var codes []string
		for _, f := range faults {
			codes = append(codes, f.Field+" "+f.Code)
		}
		require.Equal(t, []string{"address neither_mail_nor_phone", "channel not_for_this_address", "agreed_at no_day", "agreed_at in_the_future", "text required",
			"source required", "confirmed second_step_needed"}, codes)
		require.Equal(t, int64(4), faults[0].Line)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			ledger, err := s.Ledger(tx, "ada@example.org")
			require.NoError(t, err)
			require.Len(t, ledger, 1)
			require.Empty(t, customer.Verify(ledger))
			e := ledger[0]
			require.Equal(t, customer.Import, e.Action)
			require.Equal(t, "agreed 2025-03-01T00:00:00Z; confirmed; row 17", e.Proof)
			require.Len(t, e.IPDigest, 32)
			require.NotContains(t, e.IPDigest, "203")
			st, err := s.Allowed(tx, phone, customer.SMS, customer.Promotional)
			require.NoError(t, err)
			require.True(t, st.Granted && st.Confirmed)
			tallies, err := s.Tallies(tx)
			require.Equal(t, []customer.Tally{{Market: "de", Channel: customer.Mail, Agreed: 1}, {Market: "de", Channel: customer.SMS, Agreed: 1}}, tallies)
			return err
		})
		many, _ := start(true, "address,agreed_at,text,source\n"+strings.Repeat("a@example.org,2025-01-01,x,y\n", 450))
		require.Equal(t, int64(450), many.Done, "in several steps")
		for _, bad := range []string{"", "name;mail\na;b\n", "address,agreed_at,text,source\n\"a", strings.Repeat("x", 9<<20)} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := s.StartImport(tx, q, customer.ImportRun{}, bad, false); return err })
			require.ErrorIs(t, err, customer.ErrBadFile)
		}
	})
}

// After an erasure nothing is left of the address but a digest, which keeps it silent.
func TestErasureKeepsADigest(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, q := ready(t, d)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			anna, err := s.Upsert(tx, customer.Customer{Email: mail, Phone: phone, Country: "DE"})
			require.NoError(t, err)
			_, err = s.Record(tx, grant(mail, customer.Mail))
			require.NoError(t, err)
			_, _, err = s.StopAll(tx, phone, "reply")
			require.NoError(t, err)
			gone, err := s.Erase(tx, anna.ID, "mei")
			require.NoError(t, err)
			require.ElementsMatch(t, []string{phone, mail}, gone)
			ledger, err := s.Ledger(tx, mail)
			require.NoError(t, err)
			require.Empty(t, ledger)
			list, err := s.Suppressions(tx, customer.SuppressionQuery{Limit: 10})
			require.NoError(t, err)
			require.Len(t, list, 2)
			for _, x := range list {
				require.Regexp(t, `^digest:[0-9a-f]{32}$`, x.Address)
			}
			for _, x := range []string{phone, mail} {
				silent, err := s.Suppressed(tx, x)
				require.NoError(t, err)
				require.Equal(t, "stop", silent.Reason)
			}
			none, err := s.Suppressed(tx, "someone@example.org")
			require.NoError(t, err)
			require.Empty(t, none.Address)
			all, err := s.SuppressedEach(tx, []string{phone, "someone@example.org", mail, phone})
			require.NoError(t, err)
			require.Len(t, all, 2)
			require.Equal(t, "stop", all[phone].Reason)
			require.Equal(t, "stop", all[mail].Reason)

			again, err := s.Record(tx, grant(mail, customer.Mail))
			require.NoError(t, err)
			require.Equal(t, customer.Ask, again.Action, "who comes back confirms first")
			_, err = s.Confirm(tx, again.ConfirmToken(), "")
			require.NoError(t, err)
			back, err := s.Suppressed(tx, mail)
			require.Empty(t, back.Address)
			return err
		})
		_ = q
	})
}

func TestListByHand(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _ := ready(t, d)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			require.ErrorIs(t, s.SuppressByHand(tx, mail, " ", "mei"), customer.ErrNoNote)
			require.ErrorIs(t, s.SuppressByHand(tx, "nobody", "asked on the phone", "mei"), customer.ErrBadPhone)
			require.NoError(t, s.SuppressByHand(tx, " Anna@Example.org", "asked on the phone", "mei"))
			silent, err := s.Suppressed(tx, mail)
			require.NoError(t, err)
			require.Equal(t, "asked on the phone", silent.Note)
			_, _, err = s.StopAll(tx, mail, "link")
			require.NoError(t, err)
			require.ErrorIs(t, s.LiftByHand(tx, mail, "she said so", "mei"), customer.ErrOwnWord)
			_, _, err = s.Restore(tx, mail, "reply")
			require.NoError(t, err)
			silent, err = s.Suppressed(tx, mail)
			require.NoError(t, err)
			require.Equal(t, "by_hand", silent.Reason, "START gives back what STOP took, no more")
			counts, err := s.SuppressionCounts(tx)
			require.NoError(t, err)
			require.Equal(t, map[string]int64{"by_hand": 1}, counts)
			require.NoError(t, s.LiftByHand(tx, mail, "a mistake", "mei"))
			require.ErrorIs(t, s.LiftByHand(tx, mail, "a mistake", "mei"), customer.ErrNotSilent)
			history, err := s.SuppressionHistory(tx, mail)
			require.NoError(t, err)
			require.Len(t, history, 4)
			d.Clock().Advance(time.Hour)
			return nil
		})
	})
}

// START after STOP gives back exactly what was there, also a question that was still open and what was confirmed.
func TestStartGivesBack(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s, _ := ready(t, d)
		for _, acts := range [][]customer.Action{{}, {customer.Ask}, {customer.Grant}, {customer.Ask, customer.Confirm}, {customer.Grant, customer.Revoke}, {customer.Import}} {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				address := strings.ReplaceAll("x"+string(rune('a'+len(acts)))+"@example.org", " ", "")
				if len(acts) > 0 {
					address = string(acts[0]) + address
				}
				for _, a := range acts {
					c := grant(address, customer.Mail)
					c.Action = a
					_, err := s.Record(tx, c)
					require.NoError(t, err)
				}
				look := func() customer.State {
					st, err := s.Allowed(tx, address, customer.Mail, customer.Promotional)
					require.NoError(t, err)
					return st
				}
				before := look()
				_, _, err := s.StopAll(tx, address, "reply")
				require.NoError(t, err)
				_, _, err = s.Restore(tx, address, "reply")
				after := look()
				require.Equal(t, []bool{before.Granted, before.Confirmed, before.Pending}, []bool{after.Granted, after.Confirmed, after.Pending}, "%v", acts)
				return err
			})
		}
	})
}
