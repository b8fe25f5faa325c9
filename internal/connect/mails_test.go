package connect_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/connect"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/inbox"
	"portolan/internal/jobs"
	"portolan/internal/messaging"
	"portolan/internal/settings"
)

// post is a desk that notes what it is given.
type post struct {
	got []string
	err error
}

func (p *post) MailSecret(account string) string { return strings.Repeat(account, 3) }

func (p *post) TakeMail(_ context.Context, raw []byte, to ...string) (string, error) {
	p.got = append(p.got, string(raw)+" to "+strings.Join(to, " "))
	return "failed", p.err
}

func TestAMailServerHandsInWhatCameBack(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		p := &post{}
		q := jobs.New(d)
		h := connect.New(connect.Parts{DB: d, Inbox: inbox.New(d, q), Versions: settings.Watch(d), Mails: p})
		hand := func(account, password string) (int, string) {
			r := httptest.NewRequest("POST", "/in/bounces/mx1?to=b-1-2@bounce.example", strings.NewReader("Subject: x"))
			r.SetBasicAuth(account, password)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Code, w.Body.String()
		}
		status, body := hand("mx1", "mx1mx1mx1")
		require.Equal(t, 200, status)
		require.Equal(t, "failed\n", body)
		require.Equal(t, []string{"Subject: x to b-1-2@bounce.example"}, p.got)
		for _, c := range [][2]string{{"mx1", "mx2mx2mx2"}, {"mx2", "mx2mx2mx2"}, {"", ""}, {"mx1", ""}} {
			status, _ = hand(c[0], c[1])
			require.Equal(t, 401, status)
		}
		require.Len(t, p.got, 1)
		p.err = messaging.ErrNotOurs
		status, _ = hand("mx1", "mx1mx1mx1")
		require.Equal(t, 401, status)
		require.Equal(t, map[connect.Count]int64{{Source: "bounces", Answer: "taken"}: 1, {Source: "bounces", Answer: "refused"}: 5}, h.Counts())
	})
}
