package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/fulfilment"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// What follows a delivery takes weeks. These of the sample shop's buyers are far enough that it happens while somebody
// looks on: in each market one is asked for a rating, one is offered to come again, one is asked for a review.
const (
	firstAfter = 25 * time.Second // a viewer's time, until the first of them hears something
	eachAfter  = 6 * time.Second  // between one and the next
)

// afterwards gives the sample shop buyers whose goods came a while ago, and what others of them said.
func (h *history) afterwards() error {
	if h.brings == nil {
		return nil // nobody brought anything
	}
	wait := firstAfter
	for _, c := range []market.Code{"us", "gb", "de", "id", "my"} {
		m, ok := h.Markets.ByCode(c)
		if !ok {
			continue
		}
		for i, goOn := range []func(market.Market, demo.Person, time.Time) error{isAsked: h.askRating, isOffered: h.offerAgain, reviews: h.askReview} {
			for _, who := range inPart(h.peopleOf(m), i) {
				if err := h.agree(m, who); err != nil {
					return err
				}
				if err := goOn(m, who, h.soon(wait)); err != nil {
					return err
				}
				wait += eachAfter
			}
		}
	}
	return nil
}

// The parts that the people of a market who agreed to be written to play at first, in their order: one is written to
// once a day at most.
const (
	isAsked = iota // how an order was
	isOffered
	reviews
	leavesBag
)

// inPart are the people who play a part.
func inPart(people []demo.Person, part int) (all []demo.Person) {
	seen := map[string]int{}
	for _, p := range people {
		if !p.Marketing {
			continue
		}
		if seen[p.Country] == part {
			all = append(all, p)
		}
		seen[p.Country]++
	}
	return all
}

// agree notes a person's consent, confirmed where the market asks for that.
func (h *history) agree(m market.Market, who demo.Person) error {
	lang, _, _ := strings.Cut(who.Locale, "-")
	c, err := h.Customers.Upsert(h.tx, customer.Customer{GivenName: who.FirstName, FamilyName: who.LastName, Email: who.Email, Phone: who.Phone, Country: m.Country(), Lang: lang})
	if err != nil {
		return err
	}
	for _, box := range boxes(m, lang, who) {
		at := who.Phone
		if box.Channel == customer.Mail {
			at = strings.ToLower(who.Email)
		}
		_, err := h.Customers.Record(h.tx, customer.Consent{Customer: c.ID, Address: at, Channel: box.Channel, Class: box.Class, Action: customer.Import, Text: box.Text, Wording: box.Wording,
			Lang: lang, Market: m.Code, Page: m.Prefix(lang) + "/checkout/details", Source: "sample", Proof: "sample history"})
		if err != nil {
			return err
		}
	}
	return nil
}

// delivered enters an order whose parcel came at a moment of the past.
func (h *history) delivered(m market.Market, who demo.Person, at time.Time) (journeys.Happening, error) {
	o, err := h.send(m, who, at.AddDate(0, 0, -9), at, fulfilment.Delivered)
	return journeys.Happening{Event: "order.delivered", At: at, Customer: o.Customer, Market: o.Market, Lang: o.Lang, Order: string(o.ID)}, err
}

// rated lets a buyer have answered what came to them once.
func (h *history) rated(m market.Market, who demo.Person, came, at time.Time) (journeys.Happening, error) {
	e, err := h.delivered(m, who, came)
	if err != nil || e.Order == "" {
		return e, err
	}
	stars := 4 + h.r.Int64N(2)
	err = h.Journeys.EnterRating(h.tx, journeys.Rating{Order: e.Order, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Score: stars, Channel: "sms", At: at})
	return journeys.Happening{Event: "rated", At: at, Customer: e.Customer, Market: e.Market, Lang: e.Lang, Order: e.Order, Rating: stars}, err
}

func (h *history) askRating(m market.Market, who demo.Person, soon time.Time) error {
	e, err := h.delivered(m, who, soon.Add(-24*time.Hour))
	if err != nil || e.Order == "" {
		return err
	}
	return h.Journeys.Recall(h.tx, e, "survey", "review")
}

func (h *history) offerAgain(m market.Market, who demo.Person, soon time.Time) error {
	at := soon.AddDate(0, 0, -7)
	e, err := h.rated(m, who, at.Add(-27*time.Hour), at)
	if err != nil || e.Order == "" {
		return err
	}
	return h.Journeys.Recall(h.tx, e, "again")
}

func (h *history) askReview(m market.Market, who demo.Person, soon time.Time) error {
	at := soon.AddDate(0, 0, -5)
	e, err := h.rated(m, who, at.Add(-26*time.Hour), at)
	if err != nil || e.Order == "" {
		return err
	}
	came := e
	came.Event, came.At, came.Rating = "order.delivered", at.Add(-26*time.Hour), 0
	if err := h.Journeys.Recall(h.tx, came, "review"); err != nil {
		return err
	}
	return h.Journeys.Recall(h.tx, e, "review")
}

// opinions lets demo shoppers answer who was asked how an order was: by text message where the market's sender takes
// answers, else on the page that the message leads to.
func opinions(ctx context.Context, a *App, r *rand.Rand) error {
	type asked struct{ order, customer string }
	var waiting []asked
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Journeys.Journeys(tx)
		if err != nil {
			return err
		}
		for _, j := range all {
			if j.Name != "survey" {
				continue
			}
			runs, err := a.Journeys.Recent(tx, j.Name, j.Version, 50)
			if err != nil {
				return err
			}
			for _, run := range runs {
				if run.Sent > 0 && run.State == journeys.Waiting && tx.Now().Sub(run.Due.AddDate(0, 0, -7)) > time.Minute {
					waiting = append(waiting, asked{run.Order, run.Customer})
				}
			}
		}
		return nil
	})
	for _, x := range waiting {
		if err != nil || r.IntN(4) == 0 {
			continue
		}
		err = a.DB.Write(ctx, func(tx *db.Tx) error { return a.say(tx, x.order, r) })
	}
	return err
}

// say answers the latest question about an order with a number, now and then with words.
func (a *App) say(tx *db.Tx, order string, r *rand.Rand) error {
	all, err := a.Messages.ByOrder(tx, order)
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(all) {
		if m.Template != "survey" {
			continue
		}
		text := fmt.Sprint([]int{1, 2, 3, 4, 4, 4, 5, 5, 5, 5}[r.IntN(10)])
		if words := opinionWords[m.Lang]; len(words) > 0 && r.IntN(3) == 0 {
			text += " " + words[r.IntN(len(words))]
		}
		if m.Channel == messaging.SMS && (m.Market == "us" || m.Market == "gb") {
			_, err := a.Messages.Receive(tx, messaging.Inbound{Provider: "demo", Channel: messaging.SMS, From: m.To, Text: text})
			return err
		}
		_, err := a.Messages.ReplyByPage(tx, m.Token, text)
		return err
	}
	return nil
}

// opinionWords fit any number of stars.
var opinionWords = map[string][]string{
	"en": {"The fabric is as in the picture.", "It runs a little wide."},
	"de": {"Der Stoff ist wie auf dem Bild.", "Fällt etwas weit aus."},
	"id": {"Bahannya sesuai gambar.", "Agak longgar."},
	"ms": {"Kainnya seperti dalam gambar.", "Agak longgar."},
	"ar": {"القماش كما في الصورة.", "المقاس واسع قليلًا."},
}
