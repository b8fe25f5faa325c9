package payment

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/money"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func fact(event string, o Object, ref string, k Kind, minor int64) Fact {
	return Fact{PSP: "x", Event: event, Object: o, Ref: ref, Parent: "att", Kind: k, Amount: money.Of(minor, "EUR"), ReceivedAt: noon, Attempt: "a1"}
}

func TestDerive(t *testing.T) {
	type figures struct {
		state                                                              string
		authorised, captured, refunded, refundPending, disputed, lost, net int64
	}
	for _, tt := range []struct {
		name  string
		facts []Fact
		want  figures
	}{
		{"nothing", nil, figures{}},
		{"authorised", []Fact{fact("1", OfAttempt, "att", Authorised, 100)}, figures{state: "authorised", authorised: 100}},
		{"failed, then paid", []Fact{fact("1", OfAttempt, "a", Failed, 100), fact("2", OfAttempt, "b", Captured, 100)},
			figures{state: "paid", authorised: 100, captured: 100, net: 100}},
		{"a late failure takes nothing away", []Fact{fact("1", OfAttempt, "att", Captured, 100), fact("2", OfAttempt, "att", Failed, 100)},
			figures{state: "paid", authorised: 100, captured: 100, net: 100}},
		{"captured twice in parts", []Fact{fact("1", OfAttempt, "att", Captured, 100), fact("2", OfCapture, "c1", Succeeded, 40), fact("3", OfCapture, "c2", Succeeded, 50)},
			figures{state: "partly_captured", authorised: 100, captured: 90, net: 90}},
		{"capture that failed afterwards", []Fact{fact("1", OfAttempt, "att", Authorised, 100), fact("2", OfCapture, "c1", Succeeded, 100), fact("3", OfCapture, "c1", Failed, 100)},
			figures{state: "authorised", authorised: 100}},
		{"refund that bounced", []Fact{fact("1", OfCapture, "c1", Succeeded, 100), fact("2", OfRefund, "r1", Succeeded, 30), fact("3", OfRefund, "r1", Reversed, 30)},
			figures{state: "paid", authorised: 100, captured: 100, net: 100}},
		{"refund on its way", []Fact{fact("1", OfCapture, "c1", Succeeded, 100), fact("2", OfRefund, "r1", Pending, 30)},
			figures{state: "paid", authorised: 100, captured: 100, refundPending: 30, net: 100}},
		{"all given back", []Fact{fact("1", OfCapture, "c1", Succeeded, 100), fact("2", OfRefund, "r1", Succeeded, 30), fact("3", OfRefund, "r2", Succeeded, 70)},
			figures{state: "refunded", authorised: 100, captured: 100, refunded: 100}},
		{"dispute open", []Fact{fact("1", OfCapture, "c1", Succeeded, 100), fact("2", OfDispute, "d1", Opened, 100)},
			figures{state: "disputed", authorised: 100, captured: 100, disputed: 100, lost: 100}},
		{"dispute won, second round lost", []Fact{fact("1", OfCapture, "c1", Succeeded, 100), fact("2", OfDispute, "d1", Won, 100), fact("3", OfDispute, "d1/2", Lost, 100)},
			figures{state: "lost", authorised: 100, captured: 100, lost: 100}},
		{"words nobody knows", []Fact{fact("1", OfCapture, "c1", "teleported", 100), fact("2", "moon", "m", Succeeded, 100)}, figures{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Derive(money.Of(100, "EUR"), tt.facts)
			require.Equal(t, tt.want, figures{s.State, s.Authorised.Minor, s.Captured.Minor, s.Refunded.Minor, s.RefundPending.Minor,
				s.Disputed.Minor, s.Lost.Minor, s.Net.Minor})
		})
	}
	f := fact("1", OfCapture, "c1", Succeeded, 100)
	f.Amount.Currency = "USD"
	s := Derive(money.Of(100, "EUR"), []Fact{f})
	require.True(t, s.Foreign)
	require.Zero(t, s.Captured.Minor)
}

// Whatever the order in which facts arrive and however often each does, they add up to the same.
func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	objects := map[Object][]Kind{
		OfAttempt: {Created, RequiresAction, Processing, Failed, CancelledKind, Expired, Authorised, Captured},
		OfCapture: {Pending, Succeeded, Failed}, OfRefund: {Pending, Succeeded, Failed, Reversed},
		OfDispute: {Inquiry, Notified, Opened, Won, Lost},
	}
	rapid.Check(t, func(t *rapid.T) {
		var facts []Fact
		for i := range rapid.IntRange(0, 12).Draw(t, "n") {
			o := rapid.SampledFrom([]Object{OfAttempt, OfCapture, OfRefund, OfDispute}).Draw(t, "object")
			f := fact(fmt.Sprint("e", i), o, fmt.Sprint(o, rapid.IntRange(1, 3).Draw(t, "ref")), rapid.SampledFrom(objects[o]).Draw(t, "kind"),
				rapid.Int64Range(1, 1000).Draw(t, "amount"))
			f.Amount.Currency = rapid.SampledFrom([]money.Currency{"EUR", "EUR", "EUR", "USD"}).Draw(t, "currency")
			f.Reason = rapid.SampledFrom([]string{"", "generic"}).Draw(t, "reason")
			facts = append(facts, f)
		}
		amount := money.Of(1000, "EUR")
		want, progress := Derive(amount, facts), ProgressOf("a1", facts)
		again := facts
		if len(facts) > 0 {
			again = append(append([]Fact{}, facts...), rapid.SliceOfN(rapid.SampledFrom(facts), 0, 10).Draw(t, "again")...)
		}
		shuffled := rapid.Permutation(again).Draw(t, "order")
		if got := Derive(amount, shuffled); got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		if got := ProgressOf("a1", shuffled); got != progress {
			t.Fatalf("got %+v, want %+v", got, progress)
		}
		if want.Net.Minor != want.Captured.Minor-want.Refunded.Minor-want.Lost.Minor {
			t.Fatalf("net doesn't add up: %+v", want)
		}
	})
}

func TestKeys(t *testing.T) {
	require.Equal(t, key("pay_1", "start", 1), key("pay_1", "start", 1))
	require.NotEqual(t, key("pay_1", "start", 1), key("pay_1", "start", 2))
	require.Equal(t, "ord_abc", OrderID("pay_abc"))
}
