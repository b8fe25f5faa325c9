package customer_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/jobs"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, customer.Schema}

func service(d *db.DB) *customer.Service { return customer.New(events.New(jobs.New(d))) }

func TestUpsert(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := service(d)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			anna, err := s.Upsert(tx, customer.Customer{GivenName: "Anna", Email: " Anna@Example.org", Phone: "01512 3456789", Country: "DE", Lang: "de"})
			require.NoError(t, err)
			require.Equal(t, "anna@example.org", anna.Email)
			require.Equal(t, "+4915123456789", anna.Phone)

			again, err := s.Upsert(tx, customer.Customer{Email: "ANNA@example.org", FamilyName: "Lang", Lang: "en"})
			require.NoError(t, err)
			require.Equal(t, anna.ID, again.ID)
			require.Equal(t, "Anna Lang", again.Name())
			require.Equal(t, "en", again.Lang)
			require.Equal(t, "+4915123456789", again.Phone, "what is left out stays")

			byPhone, err := s.Upsert(tx, customer.Customer{Phone: "+4915123456789"})
			require.NoError(t, err)
			require.Equal(t, anna.ID, byPhone.ID)

			other, err := s.Upsert(tx, customer.Customer{Email: "ben@example.org", Phone: "+4915123456789"})
			require.NoError(t, err)
			require.NotEqual(t, anna.ID, other.ID, "a family shares a phone")

			both, err := s.ByPhone(tx, "+4915123456789")
			require.NoError(t, err)
			require.Len(t, both, 2)
			found, err := s.List(tx, customer.Query{Text: "LANG"})
			require.NoError(t, err)
			require.Len(t, found, 1)
			found, err = s.List(tx, customer.Query{Text: "100%_"})
			require.NoError(t, err)
			require.Empty(t, found)
			known, err := s.ByIDs(tx, []string{anna.ID, "cus_none", ""})
			require.NoError(t, err)
			require.Len(t, known, 1)
			_, err = s.Get(tx, "cus_none")
			require.ErrorIs(t, err, customer.ErrUnknown)
			return nil
		})
	})
}

func TestBadInput(t *testing.T) {
	for name, tt := range map[string]struct {
		c     customer.Customer
		field string
	}{
		"nothing":         {customer.Customer{}, "email"},
		"bad phone":       {customer.Customer{Phone: "12", Country: "DE"}, "phone"},
		"bad e-mail":      {customer.Customer{Email: "a@b"}, "email"},
		"header in mail":  {customer.Customer{Email: "a@b.example\nBcc: x@y.example"}, "email"},
		"name in mail":    {customer.Customer{Email: "Anna <a@b.example>"}, "email"},
		"endless name":    {customer.Customer{Email: "a@b.example", GivenName: string(make([]byte, 300_000))}, "given_name"},
		"phone elsewhere": {customer.Customer{Phone: "+999123456789", Country: "DE"}, "phone"},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := service(d).Upsert(tx, tt.c); return err })
				require.ErrorIs(t, err, customer.ErrBadInput)
				require.ErrorContains(t, err, tt.field)
			})
		})
	}
}

const phone, mail = "+4915123456789", "anna@example.org"

func grant(address string, ch customer.Channel) customer.Consent {
	return customer.Consent{Address: address, Channel: ch, Class: customer.Promotional, Action: customer.Grant, Text: "Offers", Wording: "1", Source: "checkout"}
}

func TestConsent(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := service(d)
		state := func(tx *db.Tx, address string, ch customer.Channel) customer.State {
			st, err := s.Allowed(tx, address, ch, customer.Promotional)
			require.NoError(t, err)
			return st
		}
		record := func(tx *db.Tx, c customer.Consent) customer.Consent {
			c, err := s.Record(tx, c)
			require.NoError(t, err)
			return c
		}
		dbtest.Write(t, d, func(tx *db.Tx) error {
			anna, err := s.Upsert(tx, customer.Customer{Email: mail, Phone: phone, Country: "DE"})
			require.NoError(t, err)
			require.False(t, state(tx, phone, customer.SMS).Granted)

			asked := grant(phone, customer.SMS)
			asked.DoubleOptIn, asked.Customer = true, anna.ID
			asked = record(tx, asked)
			require.Equal(t, customer.Ask, asked.Action)
			require.True(t, state(tx, phone, customer.SMS).Pending)
			require.False(t, state(tx, phone, customer.SMS).Granted)
			_, err = s.Confirm(tx, "con_guess", "")
			require.ErrorIs(t, err, customer.ErrBadToken)
			for range 2 {
				_, err = s.Confirm(tx, asked.ConfirmToken(), "digest")
				require.NoError(t, err)
			}
			require.True(t, state(tx, phone, customer.SMS).Confirmed)
			require.False(t, state(tx, phone, customer.WhatsApp).Granted, "one channel says nothing about another")

			record(tx, grant(mail, customer.Mail))
			require.True(t, state(tx, mail, customer.Mail).Granted)

			all, fresh, err := s.StopAll(tx, phone, "reply")
			require.NoError(t, err)
			require.True(t, fresh)
			require.Equal(t, []string{phone, mail}, all)
			for _, x := range all {
				silent, err := s.Suppressed(tx, x)
				require.NoError(t, err)
				require.Equal(t, "stop", silent.Reason)
			}
			require.True(t, state(tx, mail, customer.Mail).Revoked, "on every channel")
			_, fresh, err = s.StopAll(tx, mail, "link")
			require.NoError(t, err)
			require.False(t, fresh)
			require.NoError(t, s.Suppress(tx, phone, "bad_address", "receipt"))
			silent, err := s.Suppressed(tx, phone)
			require.NoError(t, err)
			require.Equal(t, "stop", silent.Reason, "nothing weakens a stop")

			_, fresh, err = s.Restore(tx, mail, "reply")
			require.NoError(t, err)
			require.True(t, fresh)
			require.True(t, state(tx, mail, customer.Mail).Granted)
			require.True(t, state(tx, phone, customer.SMS).Granted)

			ledger, err := s.Ledger(tx, phone)
			require.NoError(t, err)
			require.Len(t, ledger, 4)
			require.Empty(t, customer.Verify(ledger))
			of, err := s.Events(tx, anna.ID)
			require.NoError(t, err)
			require.NotEmpty(t, of)
			return nil
		})
	})
}

func TestConfirmInTime(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := service(d)
		var asked customer.Consent
		dbtest.Write(t, d, func(tx *db.Tx) (err error) {
			c := grant(mail, customer.Mail)
			c.DoubleOptIn = true
			asked, err = s.Record(tx, c)
			return err
		})
		d.Clock().Advance(15 * 24 * time.Hour)
		err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := s.Confirm(tx, asked.ConfirmToken(), ""); return err })
		require.ErrorIs(t, err, customer.ErrOldToken)
	})
}

func TestRecordNeedsItsWords(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		for field, change := range map[string]func(*customer.Consent){
			"text": func(c *customer.Consent) { c.Text = "" }, "address": func(c *customer.Consent) { c.Address = "" },
			"channel": func(c *customer.Consent) { c.Channel = "pigeon" }, "class": func(c *customer.Consent) { c.Class = "" },
			"action": func(c *customer.Consent) { c.Action = "wish" },
		} {
			c := grant(mail, customer.Mail)
			change(&c)
			err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := service(d).Record(tx, c); return err })
			require.ErrorIs(t, err, customer.ErrBadInput)
			require.ErrorContains(t, err, field)
		}
	})
}

// A ledger from which an event was taken, or in which one was changed, does not verify.
func TestLedgerShowsTampering(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := service(d)
		var events []customer.Consent
		dbtest.Write(t, d, func(tx *db.Tx) (err error) {
			for range 5 {
				if _, err := s.Record(tx, grant(mail, customer.Mail)); err != nil {
					return err
				}
			}
			events, err = s.Ledger(tx, mail)
			return err
		})
		require.Empty(t, customer.Verify(events))
		for i := range 4 {
			cut := append(append([]customer.Consent(nil), events[:i]...), events[i+1:]...)
			require.Equal(t, []customer.Gap{{Address: mail, Seq: int64(i + 1), What: "missing"}}, customer.Verify(cut))
			forged := append([]customer.Consent(nil), events...)
			forged[i].Text = "Everything"
			require.Contains(t, customer.Verify(forged), customer.Gap{Address: mail, Seq: int64(i + 1), What: "changed"})
		}
	})
}

// Whatever comes before: after STOP nothing is granted, and START gives back exactly what STOP took.
func TestStopAndStart(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := service(d)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			address := mail + string(rune('a'+n%26)) + time.Duration(n).String()
			acts := rapid.SliceOfN(rapid.SampledFrom([]customer.Action{customer.Ask, customer.Grant, customer.Confirm, customer.Revoke}), 0, 6).Draw(rt, "acts")
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				for _, a := range acts {
					c := grant(address, customer.Mail)
					c.Action = a
					if _, err := s.Record(tx, c); err != nil {
						return err
					}
				}
				before, err := s.Allowed(tx, address, customer.Mail, customer.Promotional)
				if err != nil {
					return err
				}
				if _, _, err := s.StopAll(tx, address, "test"); err != nil {
					return err
				}
				during, err := s.Allowed(tx, address, customer.Mail, customer.Promotional)
				if err != nil {
					return err
				}
				if during.Granted {
					rt.Fatal("granted after STOP")
				}
				if _, _, err := s.Restore(tx, address, "test"); err != nil {
					return err
				}
				after, err := s.Allowed(tx, address, customer.Mail, customer.Promotional)
				if before.Granted && !after.Granted {
					rt.Fatal("START did not give it back")
				}
				if !before.Granted && after.Granted {
					rt.Fatal("START gave more than STOP took")
				}
				return err
			})
			if err != nil {
				rt.Fatal(err)
			}
		})
	})
}

// What others may rely on: the names of the topic and its fields.
func TestEventKeepsItsForm(t *testing.T) {
	e := customer.ConsentEvent{Consent: "con_1", Customer: "cus_1", Address: mail, Channel: customer.Mail, Class: customer.Promotional, Action: customer.Ask,
		Lang: "de", Market: "de", At: dbtest.Start}
	body, err := json.Marshal(e)
	require.NoError(t, err)
	require.Equal(t, "customer.consent_changed", e.Topic())
	require.JSONEq(t, `{"consent":"con_1","customer":"cus_1","address":"anna@example.org","channel":"email","class":"promotional","action":"ask",
		"lang":"de","market":"de","at":"2026-11-24T12:00:00Z"}`, string(body))
}
