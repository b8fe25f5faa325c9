package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app"
	"portolan/internal/db"
	"portolan/internal/messaging"
	"portolan/internal/messaging/mailsink"
)

// A mail goes out with a return path of its own; what comes back in a mailbox file finds its message.
func TestBounces(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "shop.db")
	d, err := db.Open(t.Context(), base, nil)
	require.NoError(t, err)
	sink := mailsink.New(time.Now)
	require.NoError(t, sink.Listen("127.0.0.1:0"))
	a, err := app.Open(t.Context(), d, app.Config{PublicURL: "https://lotus.example", SMTP: fmt.Sprintf("127.0.0.1:%d", sink.Port()), MailFrom: "shop@lotus.example", BounceDomain: "bounce.lotus.example"})
	require.NoError(t, err)
	var r messaging.Record
	require.NoError(t, d.Write(t.Context(), func(tx *db.Tx) error {
		r, err = a.Messages.Send(tx, messaging.Message{Key: "a", To: "anna@example.org", Channel: messaging.Email, Country: "DE", Lang: "de", Text: "Hallo"})
		return err
	}))
	require.NoError(t, a.Queue.Drain(t.Context()))
	mails := sink.List("anna@example.org")
	require.Len(t, mails, 1)
	require.NoError(t, sink.Close(t.Context()))
	back := mails[0].From
	require.True(t, strings.HasSuffix(back, "@bounce.lotus.example"), back)
	require.NoError(t, d.Close())

	var all strings.Builder
	for _, to := range []string{back, "b-nobody-0@bounce.lotus.example", back} {
		fmt.Fprintf(&all, "From MAILER-DAEMON Tue Nov 24 12:00:00 2026\nFrom: MAILER-DAEMON@mx.example\nTo: %s\nSubject: Undelivered\n\n>From here it did not go on:\n550 5.1.1 no such user\n\n", to)
	}
	file := filepath.Join(dir, "mbox")
	require.NoError(t, os.WriteFile(file, []byte(all.String()), 0o600))
	var o, e bytes.Buffer
	status := run(t.Context(), []string{"bounces", file, "--db=" + base, "--bounce-domain=bounce.lotus.example"}, &o, &e)
	require.Zero(t, status, e.String())
	require.Equal(t, "failed     2\nsoft       0\ndelayed    0\ncomplaint  0\nanswer     0\nnothing    0\nrefused    1\n", o.String()[strings.Index(o.String(), "failed "):])
	require.Contains(t, o.String(), "mail 2: ")

	d, err = db.Open(t.Context(), base, nil)
	require.NoError(t, err)
	defer d.Close()
	a, err = app.Open(t.Context(), d, app.Config{})
	require.NoError(t, err)
	require.NoError(t, d.Read(t.Context(), func(tx *db.Tx) error {
		one, err := a.Messages.Get(tx, r.ID)
		require.Equal(t, messaging.Failed, one.State)
		return err
	}))
	o.Reset()
	require.Zero(t, run(t.Context(), []string{"bounces", "secret", "mx1", "--db=" + base}, &o, &e), e.String())
	require.Equal(t, a.Messages.MailSecret("mx1")+"\n", o.String())
	require.Len(t, strings.TrimSpace(o.String()), 32)
}
