package messaging_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/messaging"
)

// Words that may be published leave no variable behind once every variable has a value, whatever the values are.
func FuzzPut(f *testing.F) {
	f.Add("Hello {name}[, from {from|soon}].", "Anna", "{order}")
	f.Add("[{name}", "x", "y")
	f.Add("{name|}{|}", "]", "[")
	f.Fuzz(func(t *testing.T, template, name, order string) {
		vars := map[string]string{"name": name, "order": order}
		text, open := messaging.Put(template, vars)
		if len(messaging.Checked(messaging.Words{Subject: "x", Body: template}, "name", "order")) > 0 {
			return
		}
		if name != "" && order != "" && len(open) > 0 {
			t.Fatalf("%q leaves %q open", template, open)
		}
		for _, x := range []string{"name", "order"} {
			if !strings.Contains(name+order, "{") && strings.Contains(text, "{"+x+"}") {
				t.Fatalf("%q became %q", template, text)
			}
		}
	})
}

// Whatever stands in the place of a link's token leads nowhere, unless it is one of ours.
func FuzzToken(f *testing.F) {
	ctx := context.Background()
	d, err := db.Open(ctx, filepath.Join(f.TempDir(), "fuzz.db"), nil)
	require.NoError(f, err)
	f.Cleanup(func() { d.Close() })
	require.NoError(f, d.Migrate(ctx, schemas...))
	w := newWorld(&testing.T{}, d)
	f.Add("abcdefghijkl")
	f.Add("' or '1'='1'")
	f.Add("%%%%%%%%%%%%")
	f.Add("\x00\xff________")
	f.Fuzz(func(t *testing.T, token string) {
		err := d.Read(ctx, func(tx *db.Tx) error {
			_, err := w.messages.ByReplyToken(tx, token)
			return err
		})
		if !errors.Is(err, messaging.ErrBadToken) {
			t.Fatalf("%q: %v", token, err)
		}
		if w.messages.TakesMail(token) {
			t.Fatalf("%q is taken for an address of ours", token)
		}
	})
}
