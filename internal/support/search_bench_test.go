package support_test

import (
	"fmt"
	"testing"
	"time"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/messaging"
	"portolan/internal/support"
)

// BenchmarkSearch looks for things in an inbox of 100,000 conversations, each with somebody else: a number, a name that
// one person has, one that many have, words that everybody wrote, two words together, something nobody has.
func BenchmarkSearch(b *testing.B) {
	const talks, each = 100_000, 1000
	d, err := db.Open(b.Context(), b.TempDir()+"/search.db", db.Manual(dbtest.Start))
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(b.Context(), schemas...); err != nil {
		b.Fatal(err)
	}
	w := benchWorld(d)
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	for from := 0; from < talks; from += each {
		must(d.Write(b.Context(), func(tx *db.Tx) error {
			for i := from; i < from+each; i++ {
				text := fmt.Sprintf("Wo ist mein Paket %d? Das Kleid sollte gestern kommen", i)
				if _, err := w.messages.Receive(tx, messaging.Inbound{Provider: "bench", Channel: messaging.SMS, From: fmt.Sprintf("+49176%08d", 10_000_000+i), Text: text}); err != nil {
					return err
				}
			}
			return nil
		}))
		must(w.queue.Rush(b.Context()))
		d.Clock().Advance(time.Second)
	}
	for name, q := range map[string]support.Filter{
		"list": {}, "waiting": {Show: support.ShowWaiting}, "end of a number": {Search: "0001234"}, "one word of one": {Search: "99123"},
		"a word of all": {Search: "paket"}, "words of all": {Search: "kleid gestern"}, "a word of all and one of one": {Search: "paket 4711"}, "nothing": {Search: "zebra"}, "beginning of many": {Search: "1"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				must(d.Read(b.Context(), func(tx *db.Tx) error {
					_, err := w.desk.Talks(tx, q, support.Page{})
					return err
				}))
			}
		})
	}
	b.Run("counts", func(b *testing.B) {
		for b.Loop() {
			must(d.Read(b.Context(), func(tx *db.Tx) error { _, err := w.desk.Counts(tx, "mei"); return err }))
		}
	})
}
