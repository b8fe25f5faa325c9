package messaging_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/messaging"
	"portolan/internal/settings"
)

// Who took words in is sent them with every correction made to them since, and nothing that was written anew: whatever is
// saved and published in whatever order, in each language and on each channel, which stand in for each other as ever.
func TestWordsThatWereTakenIn(t *testing.T) {
	ids := []messaging.TextID{{Key: "confirm", Lang: "de", Channel: messaging.SMS}, {Key: "confirm", Lang: "de", Channel: messaging.Email},
		{Key: "confirm", Lang: "sv", Channel: messaging.SMS}, {Key: "confirm", Lang: "en", Channel: messaging.SMS}}
	type wording struct { // what was once written anew, as it is now
		body    string // empty: the program's own, if it has any
		version int64
	}
	type taker struct {
		pins  messaging.Pins
		takes map[messaging.TextID]*wording
	}
	dbtest.Each(t, withSettings, func(t *testing.T, d *db.DB) {
		w := newWriters(t, d)
		rapid.Check(t, func(rt *rapid.T) {
			dbtest.Write(t, d, func(tx *db.Tx) error {
				if err := tx.Send(`delete from message_texts`); err != nil {
					return err
				}
				return settings.Bump(tx, "messaging.templates")
			})
			now, last := map[messaging.TextID]*wording{}, map[messaging.TextID]int64{}
			for _, id := range ids {
				now[id] = &wording{}
			}
			takers := []taker{{nil, now}, {messaging.Pins{}, maps.Clone(now)}}
			for i := range rapid.IntRange(1, 12).Draw(rt, "acts") {
				id := rapid.SampledFrom(ids).Draw(rt, "text")
				anew := rapid.Bool().Draw(rt, "anew")
				act := rapid.SampledFrom([]string{"save", "save", "back", "publish"}).Draw(rt, "act")
				dbtest.Write(t, d, func(tx *db.Tx) (err error) {
					edit := messaging.Edit{Over: last[id], By: "mei", Why: act, Anew: anew}
					next := wording{"", last[id] + 1}
					switch act {
					case "publish":
						pins, err := w.messages.Pins(tx, []string{"confirm", "cart"})
						var kept messaging.Pins
						require.NoError(t, json.Unmarshal(asJSON(t, pins), &kept))
						require.Equal(t, pins, kept)
						takers = append(takers, taker{kept.Of("confirm"), maps.Clone(now)})
						return err
					case "back":
						_, err = w.messages.Back(tx, id, 0, edit)
					default:
						next.body = fmt.Sprintf("Bescheid %d.", i)
						words := messaging.Words{Body: next.body}
						if id.Channel == messaging.Email {
							words.Subject = "Bescheid"
						}
						_, err = w.messages.Publish(tx, id, words, edit)
					}
					if last[id]++; anew {
						now[id] = &next
					} else {
						*now[id] = next
					}
					return err
				})
			}
			dbtest.Read(t, d, func(tx *db.Tx) error {
				for _, one := range takers {
					for _, id := range ids {
						m := confirm(anna, "de", id.Lang)
						if m.Channel, m.Pins = id.Channel, one.pins; id.Channel == messaging.Email {
							m.To = "anna@example.org"
						}
						r, err := w.messages.Plan(tx, m)
						require.NoError(t, err)
						want, lang := one.takes[id], id.Lang
						if lang == "sv" && want.body == "" { // the program has no Swedish: the market's language stands in
							want, lang = one.takes[ids[0]], "de"
						}
						n := want.version
						if want.body == "" {
							n = 0
						}
						require.Equal(rt, fmt.Sprintf("%s/%d", lang, n), r.TextVersion, "%v %v", id, one.pins)
						require.True(rt, strings.Contains(r.Body, want.body), r.Body)
					}
					uses, err := w.messages.Uses(tx, []string{"confirm"}, one.pins)
					require.NoError(t, err)
					for _, u := range uses {
						require.Equal(rt, last[u.TextID], u.Newest)
						require.Equal(rt, one.takes[u.TextID].version, u.Sent, "%v of %v", u.TextID, one.pins)
					}
				}
				return nil
			})
		})
	})
}

func asJSON(t *testing.T, v any) []byte {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// A message that waits for its hour is corrected there too, and isn't written anew.
func TestAHeldMessageIsCorrected(t *testing.T) {
	dbtest.Each(t, withSettings, func(t *testing.T, d *db.DB) {
		w := newWriters(t, d)
		survey := messaging.TextID{Key: "survey", Lang: "en", Channel: messaging.SMS}
		w.publish(survey, messaging.Words{Body: "first {order}"}, 0)
		var pins messaging.Pins
		dbtest.Read(t, d, func(tx *db.Tx) (err error) { pins, err = w.messages.Pins(tx, []string{"survey"}); return err })
		w.agree(jane, "sms", false)
		m := messaging.Message{Key: "s1", To: jane, Channel: messaging.SMS, Market: "us", Lang: "en", Template: "survey", Zone: "America/New_York", Region: "NY",
			Vars: map[string]string{"order": "F-1"}, Pins: pins}
		d.Clock().Advance(16 * time.Hour) // 23:00 in New York
		r := w.send(m)
		require.Equal(t, messaging.Held, r.State, "%+v", r.Gate)
		w.publish(survey, messaging.Words{Body: "second {order}"}, 1)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := w.messages.Publish(tx, survey, messaging.Words{Body: "third {order}"}, messaging.Edit{Over: 2, By: "mei", Anew: true})
			return err
		})
		d.Clock().Advance(r.HeldUntil.Sub(d.Clock().Now()))
		w.drain()
		got := w.get(r.ID)
		require.Equal(t, messaging.Sent, got.State, "%+v", got.Gate)
		require.Equal(t, "en/2", got.TextVersion)
		require.Contains(t, got.Body, "second F-1")
	})
}
