package bounce_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/messaging/bounce"
)

const mark = "b-06h0640v7pejyz87edaft62238-0123456789abcdef0123"

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

// report is a delivery status notification as RFC 3464 has it.
func report(action, status, said string) []byte {
	return crlf(`From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: ` + mark + `@bounce.lotus.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="x1"

--x1
Content-Type: text/plain; charset=us-ascii

Sorry.
--x1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Tue, 24 Nov 2026 12:00:00 +0000

Final-Recipient: rfc822; anna@example.org
Original-Recipient: rfc822;anna@example.org
Action: ` + action + `
Status: ` + status + `
Diagnostic-Code: smtp; ` + said + `

--x1
Content-Type: message/rfc822

Return-Path: <` + mark + `@bounce.lotus.example>
From: Lotus <shop@lotus.example>
Message-ID: <` + mark + `@lotus.example>
Subject: 5.1.1 is a nice number

Hello
--x1--
`)
}

func complaint(kind string) []byte {
	return crlf(`From: <feedback@provider.example>
To: abuse@bounce.lotus.example
Subject: FW: offer
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="y"

--y
Content-Type: text/plain

This is an abuse report.
--y
Content-Type: message/feedback-report

Feedback-Type: ` + kind + `
User-Agent: Provider/1.0
Version: 1
Original-Mail-From: <` + mark + `@bounce.lotus.example>
Original-Rcpt-To: <anna@example.org>

--y
Content-Type: text/rfc822-headers

From: Lotus <shop@lotus.example>
Message-ID: <` + mark + `@lotus.example>

--y--
`)
}

func plain(from, more, text string) []byte {
	return crlf("From: " + from + "\nTo: " + mark + "@bounce.lotus.example\nSubject: about your mail\n" + more + "\n" + text)
}

func TestWhatComesBack(t *testing.T) {
	for name, c := range map[string]struct {
		raw    []byte
		kind   bounce.Kind
		status string
		gone   bool // there is no such address
	}{
		"no such user":                {report("failed", "5.1.1", "550 5.1.1 <anna@example.org>: user unknown"), bounce.Failed, "5.1.1", true},
		"the diagnostic is finer":     {report("failed", "5.0.0", "550 5.1.1 unknown"), bounce.Failed, "5.1.1", true},
		"only words":                  {report("failed", "5.0.0", "550 No such user here"), bounce.Failed, "5.0.0", true},
		"only words, of a filter":     {report("failed", "5.0.0", "554 rejected as spam"), bounce.Failed, "5.0.0", false},
		"domain without mail":         {report("failed", "5.1.10", "556 null MX"), bounce.Failed, "5.1.10", true},
		"disabled":                    {report("failed", "5.2.1", "550 5.2.1 inactive"), bounce.Failed, "5.2.1", true},
		"full":                        {report("failed", "5.2.2", "552 5.2.2 over quota"), bounce.Failed, "5.2.2", false},
		"full, for a while":           {report("failed", "4.2.2", "452 4.2.2 over quota"), bounce.Failed, "4.2.2", false},
		"a filter":                    {report("failed", "5.7.1", "550 5.7.1 blocked"), bounce.Failed, "5.7.1", false},
		"sender's fault":              {report("failed", "5.1.8", "550 5.1.8 bad sender"), bounce.Failed, "5.1.8", false},
		"still trying":                {report("delayed", "4.4.1", "connection timed out"), bounce.Delayed, "4.4.1", false},
		"delivered":                   {report("delivered", "2.0.0", "250 ok"), bounce.Automatic, "2.0.0", false},
		"a complaint":                 {complaint("abuse"), bounce.Complaint, "", false},
		"no complaint":                {complaint("not-spam"), bounce.Unsaid, "", false},
		"older server":                {plain("Mail Delivery System <Mailer-Daemon@mx.example>", "", "A message that you sent could not be delivered.\n\n  anna@example.org\n    SMTP error from remote mail server after RCPT TO:\n    550 5.1.1 user unknown\n"), bounce.Failed, "5.1.1", true},
		"older server, no finer code": {plain("MAILER-DAEMON@mx.example", "", "<anna@example.org>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 no such user\nGiving up.\n"), bounce.Failed, "5.0.0", true},
		"older server, waiting":       {plain("postmaster@mx.example", "", "Warning: 451 4.4.1 could not be delivered for 4 hours; it will be retried.\n"), bounce.Delayed, "4.4.1", false},
		"a code in what is quoted":    {plain("mailer-daemon@mx.example", "", "Something is odd.\n------ This is a copy of the message ------\n550 5.1.1 in the text\n"), bounce.Automatic, "", false},
		"absent":                      {plain("Anna <anna@example.org>", "Auto-Submitted: auto-replied\n", "I am away until 5.1.2027."), bounce.Automatic, "", false},
		"a mailing list":              {plain("list@example.org", "Precedence: list\n", "hello"), bounce.Automatic, "", false},
		"an answer":                   {plain("Anna <Anna@Example.org>", "", "Where is it?"), bounce.Answer, "", false},
		"an answer with a code":       {plain("anna@example.org", "", "It says 550 5.1.1 here?"), bounce.Answer, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := bounce.Read(c.raw)
			require.NoError(t, err)
			require.Equal(t, c.kind, m.Kind)
			require.Equal(t, c.status, m.Status)
			require.Equal(t, c.gone, m.NoSuchAddress())
			found := false
			for _, s := range m.Marks {
				found = found || strings.HasPrefix(s, mark)
			}
			require.True(t, found, "%q", m.Marks)
		})
	}
	_, err := bounce.Read([]byte("no mail"))
	require.ErrorIs(t, err, bounce.ErrUnreadable)
}

func TestAnAnswerIsReadWhole(t *testing.T) {
	m, err := bounce.Read(crlf(`From: =?iso-8859-1?Q?J=FCrgen?= <juergen@example.de>
To: shop@lotus.example
Subject: =?utf-8?B?UmU6IEdyw7bDn2U=?=
In-Reply-To: <` + mark + `@lotus.example>
Message-ID: <a1@example.de>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=z

--z
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Passt Gr=F6=DFe M? Danke!

Am 24.11.2026 um 12:00 schrieb Lotus <shop@lotus.example>:
> Lotus: Ihre Bestellung
> STOP
--z
Content-Type: text/html

<p>Passt</p>
--z--
`))
	require.NoError(t, err)
	require.Equal(t, bounce.Answer, m.Kind)
	require.Equal(t, "juergen@example.de", m.From)
	require.Equal(t, "shop@lotus.example", m.To)
	require.Equal(t, "Re: Größe", m.Subject)
	require.Equal(t, "Passt Größe M? Danke!", m.Text)
	require.Equal(t, "a1@example.de", m.ID)
	require.Contains(t, m.Marks, mark+"@lotus.example")

	m, err = bounce.Read(crlf("From: a@example.org\nContent-Type: text/html; charset=utf-8\n\n<style>p{}</style><p>Yes, <b>please</b> &amp; thanks</p><div class=\"gmail_quote\">On Monday<blockquote>STOP</blockquote></div>"))
	require.NoError(t, err)
	require.Equal(t, "Yes, please & thanks", m.Text)
}

func TestCut(t *testing.T) {
	for name, c := range map[string][2]string{
		"nothing quoted":    {"Hello\n\nthere", "Hello\n\nthere"},
		"english":           {"Thanks!\n\nOn Tue, 24 Nov 2026 at 12:00, Lotus <shop@lotus.example> wrote:\n> old", "Thanks!"},
		"two lines":         {"Thanks!\n\nOn Tue, 24 Nov 2026 at 12:00, Lotus <\nshop@lotus.example> wrote:\n\n> old\n> older", "Thanks!"},
		"french":            {"Merci\n\nLe mar. 24 nov. 2026 à 12:00, Lotus <shop@lotus.example> a écrit :\n> STOP", "Merci"},
		"spanish, unmarked": {"Gracias\n\nEl mar, 24 nov 2026 a las 12:00, Lotus escribió:\n\nSTOP", "Gracias"},
		"chinese":           {"谢谢\n\nLotus <shop@lotus.example> 于2026年11月24日周二 12:00写道：\n> 退订", "谢谢"},
		"arabic":            {"شكرا\n\nفي الثلاثاء، 24 نوفمبر 2026 كتب Lotus <shop@lotus.example>:\n> STOP", "شكرا"},
		"outlook":           {"OK\n\nFrom: Lotus <shop@lotus.example>\nSent: Tuesday\nTo: Anna\nSubject: x\n\nSTOP", "OK"},
		"outlook, german":   {"OK\n\nVon: Lotus <shop@lotus.example>\nGesendet: Dienstag\nAn: Anna\n\nSTOP", "OK"},
		"original message":  {"OK\n-----Original Message-----\nSTOP", "OK"},
		"signature":         {"OK\n-- \nAnna\nSTOP Street 5", "OK"},
		"below the quote":   {"> when?\n\nTomorrow", "Tomorrow"},
		"only a quote":      {"> STOP", "> STOP"},
		"a colon of theirs": {"I need two:\none blue\none red", "I need two:\none blue\none red"},
		"a list of theirs":  {"From: Berlin\nI want to send it back", "From: Berlin\nI want to send it back"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c[1], bounce.Cut(c[0])) })
	}
}

func FuzzRead(f *testing.F) {
	f.Add(report("failed", "5.1.1", "550 5.1.1 unknown"))
	f.Add(report("delayed", "4.4.1", "later"))
	f.Add(complaint("abuse"))
	f.Add(plain("MAILER-DAEMON@mx.example", "", "550 5.1.1 no such user\n"))
	f.Add(plain("Anna <anna@example.org>", "Content-Type: text/html\n", "<p>hi<blockquote>x"))
	f.Add(crlf("From: a@b.example\nContent-Type: text/plain; charset=gb18030\nContent-Transfer-Encoding: base64\n\n1tDO"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := bounce.Read(raw, mark+"@bounce.lotus.example")
		if err != nil {
			return
		}
		if m.NoSuchAddress() && m.Kind != bounce.Failed {
			t.Fatalf("%s of %s", m.Status, m.Kind)
		}
		if len(m.Marks) > 40 || len(m.Code) > 300 || strings.ContainsRune(m.Text, 0) {
			t.Fatalf("%+v", m)
		}
	})
}

func FuzzCut(f *testing.F) {
	f.Add("Thanks\n\nOn Tue, Lotus wrote:\n> x")
	f.Add("> a\nb\n-- \nc")
	f.Fuzz(func(t *testing.T, text string) {
		if got := bounce.Cut(text); got == "" && strings.TrimSpace(text) != "" {
			t.Fatalf("nothing is left of %q", text)
		}
	})
}
