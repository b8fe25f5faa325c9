package evidence_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/evidence"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, customer.Schema, messaging.Schema, evidence.Schema}

type oneMarket struct{}

var gb = market.Market{Code: "gb", Countries: []market.Country{"GB"}, Languages: []string{"en"}, Contact: market.Contact{Email: "help@shop.example"}}

func (oneMarket) All() []market.Market { return []market.Market{gb} }

func (oneMarket) ByCode(c market.Code) (market.Market, bool)       { return gb, c == "gb" }
func (oneMarket) ByCountry(c market.Country) (market.Market, bool) { return gb, c == "GB" }

type carrier struct{ n int }

func (c *carrier) Send(context.Context, messaging.Parcel) (messaging.Taken, error) {
	c.n++
	return messaging.Taken{IDs: []string{fmt.Sprint("ref", c.n)}}, nil
}

type world struct {
	t        *testing.T
	d        *db.DB
	queue    *jobs.Queue
	people   *customer.Service
	messages *messaging.Service
	evidence *evidence.Service
}

const kate = "+447400123456"

func newWorld(t *testing.T, d *db.DB) *world {
	q := jobs.New(d)
	bus := events.New(q)
	w := &world{t: t, d: d, queue: q, people: customer.New(bus)}
	w.messages = messaging.New(d, q, bus, w.people, oneMarket{}, messaging.Config{Brand: "Lotus", BaseURL: "https://lotus.example", Routes: []messaging.Route{
		{Name: "gb", Provider: "sim", Channel: messaging.SMS, Countries: []market.Country{"GB"}, Kind: messaging.LongNumber, Sender: "+447700900001", Carrier: &carrier{}}}})
	w.evidence = evidence.New(q, w.people, w.messages)
	return w
}

// live lets a person agree, get an offer and say stop.
func (w *world) live(text string) {
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		for _, a := range []customer.Action{customer.Grant, customer.Revoke, customer.Grant} {
			_, err := w.people.Record(tx, customer.Consent{Address: kate, Channel: customer.SMS, Class: customer.Promotional, Action: a, Text: text, Wording: "checkout.sms/1",
				Lang: "en", Market: "gb", Page: "/en-gb/checkout/details", Source: "checkout", IPDigest: "d1"})
			require.NoError(w.t, err)
		}
		_, err := w.messages.Send(tx, messaging.Message{Key: "cart", To: kate, Channel: messaging.SMS, Market: "gb", Lang: "en", Template: "cart", Cart: "crt_1",
			Link: "https://lotus.example/back/1", Vars: map[string]string{"name": "Kate", "code": "AB12CD34E", "pct": "5"}})
		return err
	})
	require.NoError(w.t, w.queue.Drain(w.t.Context()))
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		require.NoError(w.t, w.messages.Receipt(tx, messaging.Receipt{Provider: "sim", Ref: "ref1", State: messaging.Delivered, Code: "000", Raw: "id:ref1 stat:DELIVRD"}))
		_, err := w.messages.Receive(tx, messaging.Inbound{Provider: "sim", Channel: messaging.SMS, From: kate, To: "+447700900001", Text: "=stop texting me 😀"})
		return err
	})
	require.NoError(w.t, w.queue.Drain(w.t.Context()))
}

func (w *world) of(as evidence.Format) (f evidence.File) {
	w.t.Helper()
	dbtest.Write(w.t, w.d, func(tx *db.Tx) (err error) { f, err = w.evidence.Of(tx, " "+kate+" ", "mei", as); return err })
	return f
}

const everyScript = "Ja, gern — да, ναι, có, 是的，请发给我你们的优惠信息, はい、お願いします, 네 보내 주세요, نعم أرسلوا لي العروض, ใช่ครับ ส่งมาได้เลย 😀"

func TestEvidenceOfAnAddress(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.live(everyScript)
		f := w.of(evidence.JSON)
		require.Empty(t, f.Gaps)
		require.Len(t, f.Consents, 4)
		require.Equal(t, everyScript, f.Consents[0].Text)
		require.Len(t, f.Silence, 1)
		require.Len(t, f.Messages, 2, "the offer and the confirmation of STOP")
		offer := f.Messages[0]
		require.Contains(t, offer.Text, "AB12CD34E")
		require.Equal(t, "delivered", offer.State)
		require.NotEmpty(t, offer.Decisions)
		require.Equal(t, w.messages.Version(), offer.Decisions[0].Version)
		require.Equal(t, []string{"ref1"}, offer.Attempts[0].Refs)
		require.Equal(t, "delivered", offer.Receipts[0].State)
		require.Equal(t, "stop", f.Heard[0].Intent)

		body, kind, err := f.Render(evidence.JSON, "en")
		require.NoError(t, err)
		require.Equal(t, "application/json", kind)
		var back evidence.File
		require.NoError(t, json.Unmarshal(body, &back))
		require.Equal(t, f.Digest, back.Digest)
		require.Equal(t, "evidence-447400123456.json", f.Name(evidence.JSON))

		body, _, err = f.Render(evidence.CSV, "en")
		require.NoError(t, err)
		rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
		require.NoError(t, err)
		kinds := map[string]int{}
		for _, r := range rows {
			kinds[r[0]]++
			require.NotRegexp(t, `^[=@]`, r[5], "no formulas")
		}
		require.Equal(t, 4, kinds["consent"])
		require.Equal(t, 2, kinds["message"])
		require.Equal(t, 1, kinds["heard"])

		for _, lang := range []string{"en", "de", "id", "ms", "ar"} {
			body, _, err = f.Render(evidence.Paper, lang)
			require.NoError(t, err, lang)
			require.True(t, bytes.HasPrefix(body, []byte("%PDF-")))
		}
		dbtest.Read(t, d, func(tx *db.Tx) error {
			views, err := w.evidence.Views(tx, 10)
			require.Equal(t, []evidence.View{{At: dbtest.Start, By: "mei", Subject: kate, Format: evidence.JSON}}, views)
			return err
		})
		err = d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.evidence.Of(tx, "nobody", "mei", evidence.JSON); return err })
		require.ErrorIs(t, err, evidence.ErrBadRequest)
	})
}

// An event taken from the ledger leaves a gap with its number, in the file and in every form of it.
func TestGapIsNamed(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.live("Offers")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			n, err := tx.Exec(`delete from consents where address = $1 and seq = 2`, kate)
			require.Equal(t, int64(1), n)
			return err
		})
		f := w.of(evidence.CSV)
		require.Equal(t, []evidence.Gap{{Address: kate, Seq: 2, What: "missing"}}, f.Gaps)
		body, _, err := f.Render(evidence.CSV, "en")
		require.NoError(t, err)
		require.Contains(t, string(body), "gap,,"+kate+",,missing,,,event 2,")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			_, err := tx.Exec(`update consents set text = 'Everything' where address = $1 and seq = 1`, kate)
			return err
		})
		require.Contains(t, w.of(evidence.JSON).Gaps, evidence.Gap{Address: kate, Seq: 1, What: "changed"})
	})
}

func TestSpanOfTime(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.live("Offers")
		about := evidence.Subject{Market: "gb", From: dbtest.Start.Add(-time.Hour), Until: dbtest.Start.Add(time.Hour)}
		var e evidence.Export
		dbtest.Write(t, d, func(tx *db.Tx) (err error) { e, err = w.evidence.Start(tx, about, "mei"); return err })
		require.Equal(t, int64(3), e.Total)
		fetch := func() (f evidence.File, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) error { f, err = w.evidence.Fetch(tx, e.ID, "ben", evidence.Paper); return err })
			return f, err
		}
		_, err := fetch()
		require.ErrorIs(t, err, evidence.ErrNotReady)
		require.NoError(t, w.queue.Drain(t.Context()))
		f, err := fetch()
		require.NoError(t, err)
		require.Equal(t, []int{4, 1, 2, 1, 0}, []int{len(f.Consents), len(f.Silence), len(f.Messages), len(f.Heard), len(f.Gaps)})
		_, _, err = f.Render(evidence.Paper, "de")
		require.NoError(t, err)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := w.evidence.Exports(tx)
			require.Equal(t, int64(3), all[0].Done)
			require.False(t, all[0].EndedAt.IsZero())
			return err
		})
		for _, bad := range []evidence.Subject{{}, {From: dbtest.Start, Until: dbtest.Start}, {From: dbtest.Start.AddDate(1, 0, 0), Until: dbtest.Start.AddDate(2, 0, 0)}, {From: dbtest.Start.AddDate(-20, 0, 0), Until: dbtest.Start}} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.evidence.Start(tx, bad, "mei"); return err })
			require.ErrorIs(t, err, evidence.ErrBadRequest)
		}
	})
}

// When their time is over the words go; what proves them stays.
func TestWordsGoProofsStay(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.messages.Retention()
		w.live("Offers")
		was := w.of(evidence.JSON)
		tidy := func() evidence.File {
			dbtest.Write(t, d, func(tx *db.Tx) error { return w.queue.AddKind(tx, "messaging.retention", struct{}{}, jobs.When{}) })
			require.NoError(t, w.queue.Drain(t.Context()))
			return w.of(evidence.JSON)
		}
		dbtest.Write(t, d, func(tx *db.Tx) error { return w.people.SetMarketRules(tx, "gb", customer.Rules{KeepDays: 90}, "mei") })
		d.Clock().Advance(89 * 24 * time.Hour)
		require.NotEmpty(t, tidy().Messages[0].Text, "not yet")
		d.Clock().Advance(2 * 24 * time.Hour)
		waits := was.Messages[0].ID
		state := func(now string) {
			dbtest.Write(t, d, func(tx *db.Tx) error { return tx.Send(`update messages set state = $1 where id = $2`, now, waits) })
		}
		state("held")
		for range 2 {
			now := tidy()
			require.NotEmpty(t, now.Messages[0].Text, "it is to be sent yet")
			require.Empty(t, now.Messages[1].Text)
		}
		state("sent")
		d.Clock().Advance(24 * time.Hour)
		now := tidy()
		require.Len(t, now.Messages, len(was.Messages))
		for i, m := range now.Messages {
			require.Empty(t, m.Text)
			require.Equal(t, was.Messages[i].TextDigest, m.TextDigest)
			require.Equal(t, "retention", m.RemovedWhy)
			require.Equal(t, was.Messages[i].Decisions, m.Decisions)
			require.Equal(t, len(was.Messages[i].Receipts), len(m.Receipts))
		}
		require.Empty(t, now.Heard[0].Text)
		require.Equal(t, was.Consents, now.Consents)
		require.Empty(t, now.Gaps)
		dbtest.Read(t, d, func(tx *db.Tx) error {
			one, err := w.messages.Inspect(tx, now.Messages[0].ID)
			require.Empty(t, one.Vars)
			require.Empty(t, one.Receipts[0].Raw)
			return err
		})
	})
}

func TestForgotten(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.live("Offers")
		dbtest.Write(t, d, func(tx *db.Tx) error {
			return w.messages.Forget(tx, []string{kate}, func(string) string { return "digest:1" })
		})
		dbtest.Read(t, d, func(tx *db.Tx) error {
			for to, n := range map[string]int{kate: 0, "digest:1": 2} {
				all, err := w.messages.Proofs(tx, messaging.ProofQuery{To: to})
				require.NoError(t, err)
				require.Len(t, all, n)
				for _, p := range all {
					require.Empty(t, p.Body)
					require.Equal(t, "erased", p.Why)
				}
			}
			return nil
		})
	})
}
