package payment_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/events"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/payment"
	"portolan/internal/payment/fakepsp"
)

var schemas = []db.Schema{jobs.Schema, events.Schema, payment.Schema, fakepsp.Schema}

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

type rig struct {
	t     *testing.T
	d     *db.DB
	queue *jobs.Queue
	pay   *payment.Service
	psp   *fakepsp.PSP
	seen  []payment.Case
	sent  []sentHook
}

type sentHook struct {
	header http.Header
	body   []byte
}

func newRig(t *testing.T, d *db.DB) *rig {
	r := &rig{t: t, d: d, queue: jobs.New(d)}
	r.psp = fakepsp.New(d, r.queue, fakepsp.Options{Secret: secret, Post: func(ctx context.Context, h http.Header, body []byte) (int, error) {
		r.sent = append(r.sent, sentHook{h, body})
		if err := r.pay.Webhook(ctx, "fakepsp", h, body); err != nil {
			return http.StatusUnauthorized, nil
		}
		return http.StatusOK, nil
	}})
	r.pay = payment.New(d, r.queue, events.New(r.queue), r.psp)
	r.pay.OnFacts(func(tx *db.Tx, k payment.Case) error {
		r.seen = append(r.seen, k)
		return nil
	})
	return r
}

var shop = market.Market{Code: "de", Methods: []string{"paypal", "card", "bank_transfer", "unheard_of"}}

func eur(n int64) money.Amount { return money.Of(n, "EUR") }

// start pays a cart with a means of payment.
func (r *rig) start(cart, method, instrument string) payment.Attempt {
	r.t.Helper()
	m, err := r.pay.Method(shop, eur(50_00), method)
	require.NoError(r.t, err)
	var a payment.Attempt
	dbtest.Write(r.t, r.d, func(tx *db.Tx) (err error) {
		a, err = r.pay.Begin(tx, payment.Begin{Cart: cart, Customer: "cus_1", Market: "de", Amount: eur(50_00), Quote: "quo_1", Method: m})
		return err
	})
	a, err = r.pay.Start(r.t.Context(), payment.Charge{Attempt: a, Lang: "de", Instrument: instrument, BaseURL: "http://shop", ReturnURL: "http://shop/back"})
	require.NoError(r.t, err)
	return a
}

func (r *rig) later(d time.Duration) {
	r.t.Helper()
	r.d.Clock().Advance(d)
	require.NoError(r.t, r.queue.Drain(r.t.Context()))
}

func (r *rig) account(intent string) (a payment.Account) {
	r.t.Helper()
	dbtest.Read(r.t, r.d, func(tx *db.Tx) (err error) {
		a, err = r.pay.Account(tx, intent)
		return err
	})
	return a
}

func card(s fakepsp.Scenario) string {
	for _, c := range fakepsp.Cards() {
		if c.Scenario == s {
			return c.Number
		}
	}
	return ""
}

func TestMethodsComeInTheMarketsOrder(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		var ids []string
		for _, m := range r.pay.Methods(shop, eur(1)) {
			ids = append(ids, m.ID)
			require.True(t, m.Test)
		}
		require.Equal(t, []string{"paypal", "card", "bank_transfer"}, ids)
		_, err := r.pay.Method(shop, eur(1), "unheard_of")
		require.ErrorIs(t, err, payment.ErrUnknownMethod)
		m, _ := r.pay.Method(shop, eur(1), "card")
		require.ErrorIs(t, r.pay.Check(m, "4111 1111 1111 1111"), payment.ErrInstrument)
		require.NoError(t, r.pay.Check(m, "4555 0000-0000 0100"))
	})
}

func TestCards(t *testing.T) {
	cases := []struct {
		scenario fakepsp.Scenario
		now      payment.Kind
		reason   string
		outcome  payment.Outcome
		later    payment.Kind // after two minutes
	}{
		{fakepsp.Success, payment.Captured, "", payment.OK, payment.Captured},
		{fakepsp.Frictionless, payment.Captured, "", payment.OK, payment.Captured},
		{fakepsp.Challenge, payment.RequiresAction, "", payment.OK, payment.RequiresAction},
		{fakepsp.Generic, payment.Failed, "generic_decline", payment.OK, payment.Failed},
		{fakepsp.Insufficient, payment.Failed, "insufficient_funds", payment.OK, payment.Failed},
		{fakepsp.ExpiredCard, payment.Failed, "expired_card", payment.OK, payment.Failed},
		{fakepsp.StolenCard, payment.Failed, "stolen_card", payment.OK, payment.Failed},
		{fakepsp.Error, payment.Failed, "processing_error", payment.OK, payment.Failed},
		{fakepsp.HiddenSuccess, "", "", payment.Unclear, payment.Captured},
		{fakepsp.HiddenFailure, "", "", payment.Unclear, payment.Failed},
		{fakepsp.LateSuccess, payment.Processing, "", payment.OK, payment.Captured},
	}
	for _, lost := range []float64{0, 1} { // with webhooks, and by asking alone
		dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
			r := newRig(t, d)
			r.psp.Set(fakepsp.Knobs{Lost: lost})
			paid := map[fakepsp.Scenario]payment.Attempt{}
			for _, tt := range cases {
				a := r.start("crt_"+string(tt.scenario), "card", card(tt.scenario))
				require.Equal(t, tt.outcome, a.Outcome, tt.scenario)
				dbtest.Read(t, d, func(tx *db.Tx) error {
					_, p, err := r.pay.State(tx, a.ID)
					require.Equal(t, tt.now, p.Kind, tt.scenario)
					require.Equal(t, tt.reason, p.Reason, tt.scenario)
					return err
				})
				paid[tt.scenario] = a
			}
			for range 12 {
				r.later(10 * time.Second)
			}
			for _, tt := range cases {
				all := r.account(paid[tt.scenario].Intent)
				require.Len(t, all.Attempts, 1, tt.scenario)
				require.Equal(t, tt.later, payment.ProgressOf(all.Attempts[0].ID, all.Facts).Kind, tt.scenario)
				require.NotEqual(t, payment.Unclear, all.Attempts[0].Outcome, tt.scenario)
				if tt.later == payment.Captured {
					require.Equal(t, eur(50_00), all.Status.Captured, tt.scenario)
				}
			}
		})
	}
}

// The answer that is lost may be the one that says where the shopper has to go: asking brings it back.
func TestLostAnswerWithAnAction(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.psp.Set(fakepsp.Knobs{LoseAnswers: 1})
		for _, tt := range []struct {
			method, card string
			kind         payment.ActionKind
		}{{"card", card(fakepsp.Challenge), payment.GoTo}, {"bank_transfer", "", payment.SendMoney}} {
			a := r.start("crt_"+tt.method, tt.method, tt.card)
			require.Equal(t, payment.Unclear, a.Outcome)
			require.Empty(t, a.Action)
			r.later(3 * time.Second)
			all := r.account(a.Intent)
			require.Equal(t, payment.OK, all.Attempts[0].Outcome)
			require.Equal(t, tt.kind, all.Attempts[0].Action.Kind)
			require.NotEmpty(t, all.Attempts[0].Action.URL)
		}
	})
}

// A process that dies before it reaches the provider leaves a note; the attempt is ended at the provider, so
// that the call can't arrive after all.
func TestNoteWithoutCall(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		m, _ := r.pay.Method(shop, eur(50_00), "card")
		var a payment.Attempt
		dbtest.Write(t, d, func(tx *db.Tx) (err error) {
			a, err = r.pay.Begin(tx, payment.Begin{Cart: "crt_1", Market: "de", Amount: eur(50_00), Method: m})
			return err
		})
		r.later(5 * time.Second)
		require.Empty(t, r.account(a.Intent).Facts)
		r.later(10 * time.Second)
		all := r.account(a.Intent)
		require.Len(t, all.Facts, 1)
		require.Equal(t, payment.CancelledKind, all.Facts[0].Kind)
		late, err := r.psp.Start(t.Context(), payment.Charge{Attempt: a, Instrument: card(fakepsp.Success)})
		require.NoError(t, err)
		require.Equal(t, payment.CancelledKind, late.Facts[0].Kind, "the call that comes too late takes no money")
	})
}

// A process that dies after the provider has taken the money, before it could note it, finds it again.
func TestCallWithoutAnswer(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.psp.Set(fakepsp.Knobs{Lost: 1})
		m, _ := r.pay.Method(shop, eur(50_00), "card")
		var a payment.Attempt
		dbtest.Write(t, d, func(tx *db.Tx) (err error) {
			a, err = r.pay.Begin(tx, payment.Begin{Cart: "crt_1", Market: "de", Amount: eur(50_00), Method: m})
			return err
		})
		for range 2 { // the key makes the second call the first one
			_, err := r.psp.Start(t.Context(), payment.Charge{Attempt: a, Instrument: card(fakepsp.Success)})
			require.NoError(t, err)
		}
		r.later(12 * time.Second)
		require.Equal(t, "paid", r.account(a.Intent).Status.State)
		require.Equal(t, eur(50_00), r.account(a.Intent).Status.Captured)
		require.Len(t, r.seen, 1)
	})
}

func TestChallengePage(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		for _, tt := range []struct {
			choice string
			want   payment.Kind
			reason string
		}{
			{"pass", payment.Captured, ""},
			{"fail", payment.Failed, "authentication_failed"},
			{"", payment.RequiresAction, ""}, // walked away
		} {
			a := r.start("crt_"+tt.choice, "card", card(fakepsp.Challenge))
			require.Equal(t, payment.GoTo, a.Action.Kind)
			path := strings.TrimPrefix(a.Action.URL, "http://shop")
			rec := httptest.NewRecorder()
			r.psp.Handler().ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
			require.Equal(t, 200, rec.Code)
			require.Contains(t, rec.Body.String(), "Zahlung bestätigen")
			require.Contains(t, rec.Body.String(), "50,00")
			if tt.choice != "" {
				form := httptest.NewRequest("POST", path, strings.NewReader(url.Values{"choice": {tt.choice}}.Encode()))
				form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				rec = httptest.NewRecorder()
				r.psp.Handler().ServeHTTP(rec, form)
				require.Equal(t, http.StatusSeeOther, rec.Code)
				require.Equal(t, "http://shop/back", rec.Header().Get("Location"))
			}
			require.NoError(t, r.pay.Returned(t.Context(), a.ID, map[string]string{"status": "paid"}), "what the browser says is not believed")
			dbtest.Read(t, d, func(tx *db.Tx) error {
				_, p, err := r.pay.State(tx, a.ID)
				require.Equal(t, tt.want, p.Kind)
				require.Equal(t, tt.reason, p.Reason)
				return err
			})
			if tt.choice == "" {
				r.later(16 * time.Minute)
				dbtest.Read(t, d, func(tx *db.Tx) error {
					_, p, err := r.pay.State(tx, a.ID)
					require.Equal(t, payment.Expired, p.Kind)
					return err
				})
			}
		}
	})
}

func TestPagesOfNobody(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		for _, path := range []string{"/fakepsp/pay/nope", "/fakepsp/pay/..%2f..%2fetc%2fpasswd", "/fakepsp/other"} {
			rec := httptest.NewRecorder()
			newRig(t, d).psp.Handler().ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
			require.Equal(t, 404, rec.Code, path)
		}
	})
}

func TestWebhooksThatAreNotBelieved(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		a := r.start("crt_1", "card", card(fakepsp.Success))
		r.later(0)
		require.Len(t, r.sent, 1)
		good := r.sent[0]
		facts := len(r.account(a.Intent).Facts)
		hook := func(h http.Header, body []byte) error { return r.pay.Webhook(t.Context(), "fakepsp", h, body) }
		require.NoError(t, hook(good.header, good.body), "a replay is taken and changes nothing")

		flipped := append([]byte{}, good.body...)
		flipped[len(flipped)/2] ^= 1
		require.ErrorIs(t, hook(good.header, flipped), payment.ErrSignature)
		for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
			h := good.header.Clone()
			h.Set(name, h.Get(name)+"0")
			require.ErrorIs(t, hook(h, good.body), payment.ErrSignature, name)
			h.Del(name)
			require.ErrorIs(t, hook(h, good.body), payment.ErrSignature, name)
		}
		for _, off := range []time.Duration{-301 * time.Second, 301 * time.Second} {
			h, err := r.psp.Sign("x", d.Clock().Now().Add(off), good.body)
			require.NoError(t, err)
			require.ErrorIs(t, hook(h, good.body), payment.ErrSignature)
		}
		for _, body := range []string{"{", `{"type":"x","data":{}}`, `[]`} {
			h, err := r.psp.Sign("x", d.Clock().Now(), []byte(body))
			require.NoError(t, err)
			require.ErrorIs(t, hook(h, []byte(body)), payment.ErrWebhook)
		}
		require.ErrorIs(t, r.pay.Webhook(t.Context(), "nobody", nil, nil), payment.ErrUnknownPSP)
		require.Len(t, r.account(a.Intent).Facts, facts)
	})
}

// The vector published with Standard Webhooks 1.0.0.
func TestStandardWebhooksVector(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		h, err := newRig(t, d).psp.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
		require.NoError(t, err)
		require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", h.Get("Webhook-Signature"))
	})
}

func TestFactsAboutNothingAreParked(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		body, err := json.Marshal(map[string]any{"type": "capture.ok", "data": map[string]any{"event": "e1", "account": "demo", "object": "capture",
			"id": "c9", "payment": "fp9", "reference": "pay_later_1", "state": "ok", "amount": 5000, "currency": "EUR", "at": d.Clock().Now()}})
		require.NoError(t, err)
		h, err := r.psp.Sign("e1", d.Clock().Now(), body)
		require.NoError(t, err)
		require.NoError(t, r.pay.Webhook(t.Context(), "fakepsp", h, body))
		require.Empty(t, r.seen)
		for range 40 {
			r.later(time.Hour)
		}
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := r.pay.Reviews(tx, false)
			require.Len(t, all, 1)
			require.Equal(t, payment.ReasonUnmatched, all[0].Reason)
			return err
		})
	})
}

func TestRefunds(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		a := r.start("crt_1", "card", card(fakepsp.Success))
		give := func(n money.Amount) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return r.pay.Refund(tx, a.Intent, n, "damaged") })
		}
		for _, n := range []money.Amount{eur(50_01), eur(-1), money.Of(1, "USD")} {
			require.ErrorIs(t, give(n), payment.ErrNotRefundable)
		}
		require.NoError(t, give(eur(20_00)))
		require.ErrorIs(t, give(eur(30_01)), payment.ErrNotRefundable, "what is under way counts")
		r.later(0)
		require.Equal(t, eur(20_00), r.account(a.Intent).Status.Refunded)
		require.NoError(t, give(money.Amount{}))
		r.later(0)
		st := r.account(a.Intent).Status
		require.Equal(t, "refunded", st.State)
		require.ErrorIs(t, give(eur(1)), payment.ErrNotRefundable)
	})
}

func TestTransfer(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		a := r.start("crt_1", "bank_transfer", "")
		require.Equal(t, payment.SendMoney, a.Action.Kind)
		require.NotEmpty(t, a.Action.Bank.Reference)
		require.NoError(t, r.psp.Deposit(t.Context(), a.Ref, eur(20_00)))
		r.later(0)
		require.Equal(t, eur(20_00), r.account(a.Intent).Status.Captured)
		require.NoError(t, r.psp.Deposit(t.Context(), a.Ref, eur(30_00)))
		r.later(0)
		require.Equal(t, eur(50_00), r.account(a.Intent).Status.Captured)
	})
}

// Duplicates, lateness, disorder, loss and wrong signatures leave the same books as a quiet day.
func TestDisturbedWebhooks(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.psp.Set(fakepsp.Knobs{Delay: 3 * time.Second, Reorder: 40 * time.Second, Duplicates: 0.5, Lost: 0.2, WrongSignature: 0.2, LoseAnswers: 0.3})
		var intents []string
		for i := range 30 {
			intents = append(intents, r.start("crt_"+string(rune('A'+i)), "card", card(fakepsp.Success)).Intent)
		}
		for range 30 {
			r.later(5 * time.Second)
		}
		for _, in := range intents {
			all := r.account(in)
			require.Equal(t, "paid", all.Status.State)
			require.Equal(t, eur(50_00), all.Status.Captured)
		}
		require.NotZero(t, r.psp.WronglySigned())
		require.Greater(t, len(r.sent), 24)
	})
}
