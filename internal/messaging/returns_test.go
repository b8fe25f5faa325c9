package messaging_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/messaging"
)

const annasMail = "anna@example.org"

// posted is a world whose mails have return paths.
func posted(t *testing.T, d *db.DB) *world {
	w := newWorld(t, d)
	w.messages.BounceDomain("bounce.lotus.example")
	dbtest.Write(t, d, w.people.Prepare)
	dbtest.Read(t, d, w.people.Remember)
	return w
}

// letter sends a confirmation by mail and returns how it left.
func (w *world) letter(key, to string, more ...messaging.Reach) (messaging.Record, messaging.Parcel) {
	w.t.Helper()
	m := confirm(to, "gb", "en")
	m.Key, m.Channel, m.Else = key, messaging.Email, more
	r := w.send(m)
	w.drain()
	all := w.mail.parcels()
	return r, all[len(all)-1]
}

// offer sends an offer by mail.
func (w *world) offer(key, to string) (messaging.Record, messaging.Parcel) {
	w.t.Helper()
	m := cart(to, "gb", "en")
	m.Key, m.Channel, m.Cart = key, messaging.Email, key
	r := w.send(m)
	w.drain()
	all := w.mail.parcels()
	return r, all[len(all)-1]
}

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

func notification(mark, action, status string) []byte {
	return crlf("From: MAILER-DAEMON@mx.example\nTo: " + mark + "\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=x\n\n" +
		"--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; anna@example.org\nAction: " + action +
		"\nStatus: " + status + "\nDiagnostic-Code: smtp; 550 " + status + " what the server says\n\n--x--\n")
}

func complained(mark string) []byte {
	return crlf("From: feedback@provider.example\nTo: abuse@bounce.lotus.example\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=x\n\n" +
		"--x\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n\n--x\nContent-Type: message/rfc822\n\nMessage-ID: <" + mark + "@lotus.example>\n\nold\n--x--\n")
}

func (w *world) takeMail(raw []byte, to ...string) (string, error) {
	return w.messages.TakeMail(w.t.Context(), raw, to...)
}

func TestAMailComesBack(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := posted(t, d)
		r, p := w.letter("a", annasMail, messaging.Reach{Channel: messaging.SMS, To: kate})
		require.Regexp(t, `^b-[0-9a-z]{26}-[0-9a-f]{20}@bounce\.lotus\.example$`, p.Return)
		require.True(t, w.messages.TakesMail(strings.ToUpper(p.Return)), "some servers change the case")
		require.False(t, w.messages.TakesMail("info@bounce.lotus.example"))
		require.True(t, w.messages.TakesMail("shop@lotus.example"))
		require.True(t, w.messages.TakesMail("abuse@bounce.lotus.example"))

		digit := map[bool]string{true: "1", false: "0"}[p.Return[len(p.Return)-30] == '0']
		for name, mark := range map[string]string{"no mark": "someone@bounce.lotus.example", "another seal": p.Return[:len(p.Return)-30] + digit + p.Return[len(p.Return)-29:],
			"another attempt": "b-" + strings.Repeat("0", 26) + p.Return[28:]} {
			require.False(t, w.messages.TakesMail(mark), name)
			_, err := w.takeMail(notification(mark, "failed", "5.1.1"))
			require.ErrorIs(t, err, messaging.ErrNotOurs, name)
			_, err = w.takeMail(complained(mark))
			require.ErrorIs(t, err, messaging.ErrNotOurs, name)
		}
		_, err := w.takeMail([]byte("junk"))
		require.ErrorIs(t, err, messaging.ErrGarbled)
		require.Equal(t, messaging.Sent, w.get(r.ID).State)

		what, err := w.takeMail(notification(p.Return, "delayed", "4.4.1"))
		require.NoError(t, err)
		require.Equal(t, "delayed", what)
		require.Equal(t, messaging.Sent, w.get(r.ID).State)

		for range 2 {
			what, err = w.takeMail(notification("", "failed", "5.1.1"), p.Return)
			require.NoError(t, err)
			require.Equal(t, "failed", what)
		}
		one := w.get(r.ID)
		require.Equal(t, messaging.Failed, one.State)
		require.Equal(t, "bounced 5.1.1", one.Reason)
		require.Len(t, one.Receipts, 1)
		require.Equal(t, "5.1.1", one.Receipts[0].Code)
		w.drain()
		require.Len(t, w.net.parcels(), 1, "what must arrive goes by the other channel, once")
		require.Equal(t, r.ID, w.get(w.net.parcels()[0].Message).Instead)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			silent, err := w.people.Suppressed(tx, annasMail)
			require.Equal(t, customer.ReasonBad, silent.Reason)
			require.Equal(t, "bounce 5.1.1", silent.Source)
			back, err2 := w.messages.Returns(tx, r.ID)
			require.NoError(t, err2)
			require.Len(t, back, 2)
			require.Equal(t, "550 5.1.1 what the server says", back[1].Said)
			return err
		})
		next := confirm(annasMail, "gb", "en")
		next.Channel = messaging.Email
		require.Equal(t, messaging.Dropped, w.send(next).State, "nothing goes to an address that there isn't")
	})
}

// A mailbox that is full says nothing about the address, but five in a row do.
func TestMailsThatComeBackAgainAndAgain(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := posted(t, d)
		silent := func() (reason string) {
			dbtest.Read(t, d, func(tx *db.Tx) error {
				s, err := w.people.Suppressed(tx, annasMail)
				reason = s.Reason
				return err
			})
			return reason
		}
		back := func(n int, arrives bool) {
			d.Clock().Advance(time.Hour)
			r, p := w.letter(fmt.Sprint("letter", n), annasMail)
			if arrives {
				return
			}
			what, err := w.takeMail(notification(p.Return, "failed", "4.2.2"))
			require.NoError(t, err)
			require.Equal(t, "soft", what)
			require.Equal(t, messaging.Failed, w.get(r.ID).State)
		}
		for n := range 4 {
			back(n, false)
		}
		back(4, true)
		for n := range 4 {
			back(5+n, false)
			require.Empty(t, silent(), "one arrived in between")
		}
		back(9, false)
		require.Equal(t, customer.ReasonBad, silent())
	})
}

// A complaint is a STOP: everything that is no part of a purchase ends, on every channel, and it is proved.
func TestAComplaintIsAStop(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := posted(t, d)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := w.people.Upsert(tx, customer.Customer{Phone: kate, Email: annasMail, Country: "GB", Lang: "en"})
			return err
		})
		w.agree(annasMail, customer.Mail, false)
		w.agree(kate, customer.SMS, false)
		r, p := w.offer("o1", annasMail)
		require.NotEmpty(t, p.Leave)
		what, err := w.takeMail(complained(p.Mark))
		require.NoError(t, err)
		require.Equal(t, "complaint", what)
		require.Equal(t, messaging.Sent, w.get(r.ID).State, "it did arrive")
		for _, to := range []string{annasMail, kate} {
			dbtest.Read(t, d, func(tx *db.Tx) error {
				all, err := w.people.Ledger(tx, to)
				last := all[len(all)-1]
				require.Equal(t, customer.Revoke, last.Action)
				require.Equal(t, "complaint "+r.ID, last.Source)
				return err
			})
		}
		m := cart(kate, "gb", "en")
		require.Equal(t, messaging.Dropped, w.send(m).State)
		order := confirm(annasMail, "gb", "en")
		order.Channel = messaging.Email
		require.Equal(t, messaging.Queued, w.send(order).State, "what belongs to an order still goes")
	})
}

func reply(from, to, answers, text string) []byte {
	head := ""
	if answers != "" {
		head = "In-Reply-To: <" + answers + "@lotus.example>\n"
	}
	return crlf("From: " + from + "\nTo: " + to + "\nSubject: Re: your order\nMessage-ID: <" + fmt.Sprintf("%x", text) + "@example.org>\n" + head + "\n" + text +
		"\n\nOn Tue, Lotus <shop@lotus.example> wrote:\n> click here or STOP\n")
}

func TestAnAnswerByMailIsPartOfTheConversation(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := posted(t, d)
		w.agree(annasMail, customer.Mail, false)
		r, p := w.letter("a", annasMail)
		inbox := func() (all []messaging.Inbound) {
			dbtest.Read(t, d, func(tx *db.Tx) (err error) {
				all, err = w.messages.Inbox(tx, messaging.InboxFilter{From: annasMail}, messaging.Page{})
				return err
			})
			return all
		}
		for range 2 {
			what, err := w.takeMail(reply("Anna <Anna@example.org>", "shop@lotus.example", p.Mark, "Do you have it in blue?"))
			require.NoError(t, err)
			require.Equal(t, "answer", what)
		}
		all := inbox()
		require.Len(t, all, 1, "the same mail again is the same")
		require.Equal(t, "Do you have it in blue?", all[0].Text)
		require.Equal(t, messaging.Email, all[0].Channel)
		require.Equal(t, r.ID, all[0].Message)
		require.True(t, all[0].Open)

		_, err := w.takeMail(reply(annasMail, "shop@lotus.example", p.Mark, "unsubscribe"))
		require.NoError(t, err)
		m := cart(annasMail, "gb", "en")
		m.Channel = messaging.Email
		require.Equal(t, messaging.Dropped, w.send(m).State)
		_, err = w.takeMail(reply(annasMail, "shop@lotus.example", "", "START"))
		require.NoError(t, err)
		m.Key += "2"
		require.Equal(t, messaging.Dropped, w.send(m).State, "anybody can write in her name")
		_, err = w.takeMail(reply("eve@example.org", "shop@lotus.example", p.Mark, "START"))
		require.NoError(t, err)
		m.Key += "3"
		require.Equal(t, messaging.Dropped, w.send(m).State)
		d.Clock().Advance(time.Hour)
		_, err = w.takeMail(reply(annasMail, "shop@lotus.example", p.Mark, "start"))
		require.NoError(t, err)
		m.Key += "4"
		require.NotEqual(t, messaging.Dropped, w.send(m).State, "who shows that she had our mail may")
	})
}
