package app

import (
	"time"

	"portolan/internal/journeys"
	"portolan/internal/order"
)

// What journeys did in the sample shop's past. How people behave here is assumed, so that the pages about effects have
// something to reckon with: of 100 who were written to about their bag 15 bought within three days, of 100 who were
// held out 4. Nothing follows from that for real shops.
const (
	boughtWritten  = 15 // of 100
	boughtHeldOut  = 4
	heldOutOfShare = 10
	rated          = 44 // of 100 who were asked
)

// remarks are what people of the sample say with each number, by language.
var remarks = map[string]map[int64][]string{
	"en": {5: {"Lovely fabric, and it fits.", "Came two days early.", "Exactly as in the picture."}, 4: {"Nice, a little long in the sleeves."}, 3: {"Fine, but the colour is darker than I thought."},
		2: {"The zip sticks."}, 1: {"The seam was open when it came.", "Nobody told me customs would take a week."}},
	"de": {5: {"Sehr schöner Stoff, sitzt gut.", "Schneller da als gedacht."}, 4: {"Schön, nur etwas lang."}, 3: {"In Ordnung, Farbe etwas dunkler."}, 2: {"Der Reißverschluss klemmt."}, 1: {"Naht offen, schade."}},
	"id": {5: {"Bahannya bagus, pas sekali."}, 4: {"Bagus, agak kepanjangan."}, 2: {"Ritsletingnya macet."}, 1: {"Jahitannya lepas."}},
	"ms": {5: {"Kainnya cantik dan muat."}, 4: {"Cantik, panjang sedikit."}, 2: {"Zipnya tersekat."}, 1: {"Jahitannya terbuka."}},
}

// said lets buyers of the past answer how it was, as often and as well as assumed: a little better of late.
func (h *history) said() error {
	now := h.tx.Now()
	for _, o := range h.sold {
		at := o.PaidAt.Add(time.Duration(9*24+h.lots.IntN(60)) * time.Hour)
		if o.Source != order.Shop || at.After(now) || h.lots.IntN(100) >= rated {
			continue
		}
		of := []int{52, 26, 11, 6, 5} // of 100, from 5 stars to 1
		if now.Sub(at) > 45*24*time.Hour {
			of = []int{38, 28, 16, 9, 9}
		}
		score, lot := int64(5), h.lots.IntN(100)
		for _, share := range of[:4] {
			if lot < share {
				break
			}
			score, lot = score-1, lot-share
		}
		x := journeys.Rating{Order: string(o.ID), Customer: o.Customer, Market: o.Market, Lang: o.Lang, Question: "csat", Score: score, Channel: "sms", At: at}
		if words := remarks[o.Lang][score]; len(words) > 0 && h.lots.IntN(100) < 40 {
			x.Comment = words[h.lots.IntN(len(words))]
		}
		if err := h.Journeys.EnterRating(h.tx, x); err != nil {
			return err
		}
	}
	return nil
}
