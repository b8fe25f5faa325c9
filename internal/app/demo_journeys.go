package app

import (
	"fmt"
	"time"

	"portolan/internal/address"
	"portolan/internal/customer"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
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

// pastBags is how many bags with a way to write to their owner were left in a market in the past.
var pastBags = map[market.Code]int{"us": 700, "de": 460, "gb": 300, "my": 230, "id": 140}

// leftBag is a bag that was left.
type leftBag struct {
	cart    string
	market  market.Code
	lang    string
	at      time.Time // of the message, or when it would have been sent
	control bool
}

// bag makes an order of the past one that a left bag became, as often as assumed, with the bag's name.
func (h *history) bag(o *order.Order) {
	bags := pastBags[o.Market]
	if o.Source != order.Shop || bags == 0 || string(o.Country) != marketHome[o.Market] {
		return
	}
	buyers := float64(bags) * ((100-heldOutOfShare)*boughtWritten + heldOutOfShare*boughtHeldOut) / 10_000
	orders := 0
	for _, l := range pastLanes {
		if l.source == order.Shop && l.market == o.Market {
			orders += l.orders
		}
	}
	if h.lots.Float64() >= buyers/float64(orders) {
		return
	}
	b := leftBag{cart: fmt.Sprintf("crt_sample_%s_%04d", o.Market, len(h.left)), market: o.Market, lang: o.Lang,
		control: h.lots.IntN((100-heldOutOfShare)*boughtWritten+heldOutOfShare*boughtHeldOut) < heldOutOfShare*boughtHeldOut}
	m, _ := h.Markets.ByCode(o.Market)
	b.at = polite(o.PaidAt.Add(-time.Duration(20+h.lots.IntN(300))*time.Minute), m.Location())
	o.Cart = b.cart
	h.left = append(h.left, b)
}

// marketHome is the country that most of a market's orders of the past went to.
var marketHome = map[market.Code]string{"us": "US", "de": "DE", "gb": "GB", "my": "MY", "id": "ID"}

// polite is a moment, or the evening before it, in hours in which offers may be written.
func polite(at time.Time, zone *time.Location) time.Time {
	local := at.In(zone)
	switch hour := local.Hour(); {
	case hour < 10:
		y, m, d := local.AddDate(0, 0, -1).Date()
		return time.Date(y, m, d, 18, local.Minute(), local.Second(), 0, zone).UTC()
	case hour >= 19:
		y, m, d := local.Date()
		return time.Date(y, m, d, 18, local.Minute(), local.Second(), 0, zone).UTC()
	}
	return at
}

// wrote puts the bags that were left, and what was written about them, into the books.
func (h *history) wrote() error {
	now := h.tx.Now()
	count := map[market.Code]int{}
	for _, b := range h.left {
		count[b.market]++
	}
	for _, l := range pastLanes {
		m, ok := h.Markets.ByCode(l.market)
		if !ok || l.country != marketHome[l.market] {
			continue
		}
		for count[l.market] < pastBags[l.market] {
			back := 4*24*time.Hour + time.Duration(h.lots.Int64N(int64(historyDays-4)*24*60))*time.Minute
			h.left = append(h.left, leftBag{cart: fmt.Sprintf("crt_sample_%s_%04d", l.market, len(h.left)), market: l.market, lang: m.Language(),
				at: polite(now.Add(-back), m.Location()), control: h.lots.IntN(100) < heldOutOfShare})
			count[l.market]++
		}
	}
	var runs []journeys.PastRun
	var messages []messaging.Record
	texts := h.pastTexts()
	for i, b := range h.left {
		runs = append(runs, journeys.PastRun{Journey: "cart", Version: 1, Key: b.cart, Market: b.market, Lang: b.lang, Cart: b.cart, Node: "write", Control: b.control, At: b.at})
		if b.control {
			continue
		}
		r, err := texts(b, i)
		if err != nil {
			return err
		}
		messages = append(messages, r)
	}
	ids, err := h.Messages.Enter(h.tx, messages)
	if err != nil {
		return err
	}
	for i := range runs {
		if !runs[i].Control {
			runs[i].Message, ids = ids[0], ids[1:]
		}
	}
	return h.Journeys.Enter(h.tx, runs)
}

// pastTexts writes the message about a bag as it would have been, by the gate, once for each market and name.
func (h *history) pastTexts() func(b leftBag, n int) (messaging.Record, error) {
	agreed := func(string, customer.Channel, customer.Class, time.Time) customer.State {
		return customer.State{Granted: true, Confirmed: true, Wording: "sample"}
	}
	gate := h.Messages.Rehearse(messaging.Script{Invented: true, Consent: agreed, Silent: func(string, time.Time) string { return "" }})
	names := map[market.Code][]string{}
	for _, p := range h.people {
		for code, country := range marketHome {
			if country == p.Country {
				names[code] = append(names[code], p.FirstName)
			}
		}
	}
	known := map[string]messaging.Record{}
	return func(b leftBag, n int) (messaging.Record, error) {
		name := names[b.market][n%len(names[b.market])]
		country := market.Country(marketHome[b.market])
		key := string(b.market) + name
		r, ok := known[key]
		if !ok {
			var err error
			m := messaging.Message{Key: "sample:" + key, To: address.Example(string(country)), Channel: messaging.SMS, Market: b.market, Country: country, Lang: b.lang, Template: "cart",
				Vars: map[string]string{"name": name, "code": "RECOVER5XX", "pct": "5"}, Link: h.cfg.PublicURL + "/back/sample", FactAt: b.at}
			if r, err = gate.Plan(h.tx, b.at, m); err != nil {
				return r, err
			}
			known[key] = r
		}
		r.Key, r.Cart, r.FactAt = "sample:"+b.cart, b.cart, b.at.Add(-2*time.Hour)
		if len(r.To) > 4 && r.Channel == messaging.SMS {
			r.To = r.To[:len(r.To)-3] + fmt.Sprintf("%03d", n%1000)
		}
		r.State, r.CreatedAt, r.QueuedAt, r.WireAt, r.SentAt = messaging.Delivered, b.at, b.at, b.at, b.at.Add(300*time.Millisecond)
		r.DeliveredAt = b.at.Add(time.Duration(900+h.lots.IntN(4000)) * time.Millisecond)
		r.Reason = ""
		return r, nil
	}
}

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
