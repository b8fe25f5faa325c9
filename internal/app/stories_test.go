package app_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/journeys"
	"portolan/internal/journeys/journeytest"
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

// What the seven journeys say to a buyer of each of five markets in each of seven languages, with the clock, sender,
// parts and price of every message, is what stands in journeys/testdata. Write it anew with -update and read the
// changes.
func TestStoriesOfEveryJourney(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {

		for name, script := range journeytest.Scripts {
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
					fmt.Fprintf(&b, "%s %s\n%s", who.market, lang, journeytest.Told(scenes, s.URL))
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
