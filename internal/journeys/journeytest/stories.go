// Package journeytest has what several packages' tests tell of journeys: a script for each, and how a story is written down.
package journeytest

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"time"

	"portolan/internal/journeys"
	"portolan/internal/messaging"
)

const day = 24 * time.Hour

// Scripts are what happens to a buyer in the story of each journey.
var Scripts = map[string][]journeys.StoryEvent{
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

// Told writes scenes as lines: the buyer's clock, what happened, and the words of what was sent; those of a mail as their
// number and digest. url is where the shop is.
func Told(scenes []journeys.Scene, url string) string {
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
