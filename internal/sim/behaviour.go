package sim

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"time"

	"portolan/internal/fault"
)

// ErrBehaviour is the fault of a file of assumptions that can't be used.
var ErrBehaviour = fault.New(fault.Invalid, "sim.bad_behaviour")

//go:embed behaviour.json
var usual []byte

// Behaviour is what is assumed of people, networks and the desk. None of it was measured: docs/simulation.md says what
// each number means. Shares lie between 0 and 1.
type Behaviour struct {
	VisitsPerDay int                                    `json:"visits_per_day"`
	Hours        [24]float64                            `json:"hours"`    // weight of each local hour
	Weekdays     [7]float64                             `json:"weekdays"` // from Sunday
	Markets      map[string]Assumed                     `json:"markets"`
	Pieces       []float64                              `json:"pieces"` // weight of baskets of one, two … pieces
	Declined     float64                                `json:"declined"`
	LostAnswer   float64                                `json:"lost_answer"`  // share of payments whose answer is lost
	LateSuccess  float64                                `json:"late_success"` // share of payments decided later
	ComesBack    float64                                `json:"comes_back"`   // pay later though nobody wrote
	Recovered    float64                                `json:"recovered"`    // of the others, pay once they got the message
	UsesCode     float64                                `json:"uses_code"`
	Rates        float64                                `json:"rates"` // answer a survey
	Ratings      [5]float64                             `json:"ratings"`
	Comments     float64                                `json:"comments"` // answer in words
	Asks         float64                                `json:"asks"`     // write INFO after a confirmation
	Leaves       float64                                `json:"leaves"`   // write STOP after an offer or a survey
	Repurchase   float64                                `json:"repurchase"`
	Again        float64                                `json:"again"` // of the others, buy again after an offer
	Network      map[string]Faults                      `json:"network"`
	Desk         [2]float64                             `json:"desk_hours"` // least and most until a parcel is handed over
	Webhooks     struct{ Doubled, Lost, Wrong float64 } `json:"webhooks"`
}

// Assumed is what is assumed of a market's people.
type Assumed struct {
	Share     float64 `json:"share"` // of the visits
	Cart      float64 `json:"cart"`  // visits that fill a bag
	Payment   float64 `json:"payment_page"`
	Abandoned float64 `json:"abandoned"` // of those, leave without paying
	Consent   float64 `json:"consent"`
	Confirms  float64 `json:"confirms"` // follow the link of a double opt-in
}

// Faults is what goes wrong on a line.
type Faults struct {
	Seconds  [2]float64 `json:"receipt_seconds"`
	Lost     float64    `json:"lost_receipts"`
	Doubled  float64    `json:"doubled_receipts"`
	Late     float64    `json:"late_receipts"` // hours instead of seconds
	Failed   float64    `json:"failed"`        // the network couldn't deliver
	Busy     float64    `json:"busy"`
	Vanished float64    `json:"lost_answers"` // taken, and the answer never came
	Outages  float64    `json:"outages_per_week"`
	Minutes  float64    `json:"outage_minutes"`
	Asked    bool       `json:"can_be_asked"` // what it took, by our name for the attempt
}

// ReadBehaviour reads assumptions; what r leaves out stays as usual. A nil r is the usual ones.
func ReadBehaviour(r io.Reader) (b Behaviour, err error) {
	if err := json.Unmarshal(usual, &b); err != nil {
		return b, err
	}
	if r != nil {
		d := json.NewDecoder(r)
		d.DisallowUnknownFields()
		if err := d.Decode(&b); err != nil {
			return b, fmt.Errorf("%w: %w", ErrBehaviour, err)
		}
	}
	return b, b.check()
}

func (b Behaviour) check() error {
	wrong := map[string]string{}
	share := func(name string, v float64) {
		if !(v >= 0 && v <= 1) {
			wrong[name] = "sim.share"
		}
	}
	sum := 0.0
	for code, m := range b.Markets {
		sum += m.Share
		for name, v := range map[string]float64{"share": m.Share, "cart": m.Cart, "payment_page": m.Payment, "abandoned": m.Abandoned, "consent": m.Consent, "confirms": m.Confirms} {
			share("markets."+code+"."+name, v)
		}
		if places[code] == nil {
			wrong["markets."+code] = "unknown"
		}
	}
	for name, v := range map[string]float64{"declined": b.Declined, "lost_answer": b.LostAnswer, "late_success": b.LateSuccess, "comes_back": b.ComesBack, "recovered": b.Recovered,
		"uses_code": b.UsesCode, "rates": b.Rates, "comments": b.Comments, "asks": b.Asks, "leaves": b.Leaves, "repurchase": b.Repurchase, "again": b.Again} {
		share(name, v)
	}
	if math.Abs(sum-1) > 1e-6 {
		wrong["markets"] = "sim.market_shares"
	}
	if b.VisitsPerDay < 1 || b.VisitsPerDay > 1_000_000 {
		wrong["visits_per_day"] = "sim.range"
	}
	if len(b.Pieces) == 0 {
		wrong["pieces"] = "required"
	}
	if len(wrong) > 0 {
		return ErrBehaviour.With(wrong)
	}
	return nil
}

// dice are throws that depend on nothing but the seed and what they are about: no order of events changes them.
type dice uint64

// draw is a number from 0 up to 1.
func (d dice) draw(about ...any) float64 {
	h := fnv.New64a()
	fmt.Fprint(h, uint64(d), about)
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}

func (d dice) yes(share float64, about ...any) bool { return d.draw(about...) < share }

// between is a duration between two numbers of a unit.
func (d dice) between(span [2]float64, unit time.Duration, about ...any) time.Duration {
	return time.Duration((span[0] + (span[1]-span[0])*d.draw(about...)) * float64(unit)).Truncate(time.Millisecond)
}

// pick is an index, by weights.
func (d dice) pick(weights []float64, about ...any) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at := d.draw(about...) * sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}
