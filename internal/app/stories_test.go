package app_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

var update = flag.Bool("update", false, "write the golden files anew")

const day = 24 * time.Hour

type buyer struct {
	market market.Code
	region string
	phone  string
}

// buyers are one of each market of the reference merchant.
var buyers = []buyer{{"us", "NY", "+12125550123"}, {"de", "", "+4915112345678"}, {"gb", "", "+447400123456"}, {"id", "", "+628123456789"}, {"my", "", "+60123456789"}}

// scripts are what happens to a buyer in the story of each journey.
var scripts = map[string][]journeys.StoryEvent{
	"confirm": {{Event: "order.paid"}},
	"cart":    {{Event: "checkout.left"}},
	"parcel": {{Event: "order.paid"}, {After: 26 * time.Hour, Event: "parcel.shipped"}, {After: 3 * day, Event: "parcel.customs"},
		{After: 7*day - 3*time.Hour, Event: "parcel.out_for_delivery"}, {After: 7*day + 4*time.Hour, Event: "parcel.delivered"}},
	"delay":  {{Event: "order.paid"}, {After: 10*day + 9*time.Hour, Event: "parcel.delayed"}, {After: 15 * day, Event: "parcel.delayed", Times: 2}},
	"survey": {{Event: "order.paid"}, {After: 7 * day, Event: "order.delivered"}, {After: 8*day + 14*time.Hour, Event: "rated", Rating: 2}},
	"again":  {{Event: "order.paid"}, {After: 7 * day, Event: "order.delivered"}, {After: 8*day + 14*time.Hour, Event: "rated", Rating: 5}},
	"review": {{Event: "order.paid"}, {After: 7 * day, Event: "order.delivered"}, {After: 8*day + 14*time.Hour, Event: "rated", Rating: 4}},
}

// codes are what links end with; they differ from one shop to the next.
var codes = regexp.MustCompile(`/([lru])/[a-z0-9]{8,16}\b`)

// told writes scenes as lines: the buyer's clock, what happened, and the words of what was sent; those of a mail as their
// number and digest.
func told(scenes []journeys.Scene, url string) string {
	var b strings.Builder
	for _, s := range scenes {
		clock := s.Local().Format("Mon 02 Jan 15:04 MST")
		switch {
		case s.Event != "":
			fmt.Fprintf(&b, "  %s  * %s\n", clock, strings.TrimSpace(s.Event+" "+s.Step.Detail))
		case s.Message != nil:
			m := s.Message
			price := ""
			if m.Cost.Micros > 0 {
				price = fmt.Sprintf(", %s %.4f", m.Cost.Currency, float64(m.Cost.Micros)/1e6)
			}
			instead := ""
			for _, d := range m.Tried {
				instead += fmt.Sprintf(", not by %s: %s", d.Channel, d.Why)
			}
			fmt.Fprintf(&b, "  %s  %s: %s from %s, %d part%s%s%s\n", clock, s.Step.Node, m.Channel, m.Sender, m.Parts, map[bool]string{true: "s"}[m.Parts != 1], price, instead)
			body := codes.ReplaceAllString(strings.ReplaceAll(m.Body, url, "https://shop.example"), "/$1/xxxxxxxxxxxx")
			if m.Subject != "" {
				fmt.Fprintf(&b, "      > %s (%d words, %.4x)\n", m.Subject, len(strings.Fields(body)), sha256.Sum256([]byte(body)))
			}
			if m.Channel == messaging.SMS {
				fmt.Fprintf(&b, "      > %s\n", strings.ReplaceAll(body, "\n", "\n      > "))
			}
		default:
			fmt.Fprintf(&b, "  %s  %s: %s\n", clock, s.Step.Node, strings.TrimSpace(fmt.Sprint(s.Step.Outcome, " ", s.Step.Reason, " ", s.Step.Detail)))
		}
	}
	return b.String()
}

// What the seven journeys say to a buyer of each of five markets in each of seven languages, with the clock, sender,
// parts and price of every message, is what stands in journeys/testdata. Write it anew with -update and read the
// changes.
func TestStoriesOfEveryJourney(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {

		for name, script := range scripts {
			all := journeys.Shipped()
			d := all[slices.IndexFunc(all, func(d journeys.Definition) bool { return d.Journey == name })]
			var b strings.Builder
			for _, who := range buyers {
				shop, ok := s.Markets.ByCode(who.market)
				require.True(t, ok)
				start := time.Date(2026, 10, 19, 10, 0, 0, 0, shop.Location()).UTC() // the week before the clocks change in Europe, two before New York
				for _, lang := range []string{"en", "de", "fr", "es", "id", "ms", "zh"} {
					scenes, err := s.Journeys.Tell(t.Context(), journeys.Story{Definitions: []journeys.Definition{d}, Market: who.market, Region: who.region, Lang: lang, Phone: who.phone,
						Email: "sample@example.org", Agreed: []messaging.Channel{messaging.SMS, messaging.Email}, Start: start, Events: script})
					require.NoError(t, err)
					fmt.Fprintf(&b, "%s %s\n%s", who.market, lang, told(scenes, s.URL))
				}
			}
			file := filepath.Join("..", "journeys", "testdata", "stories", name+".txt")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
				require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, 5*7, strings.Count(b.String(), "\n")-strings.Count(b.String(), "\n  "), "each market in each language")
			require.Equal(t, string(want), b.String(), "go test ./internal/app -run TestStoriesOfEveryJourney -update writes %s anew", file)
		}
	})
}
