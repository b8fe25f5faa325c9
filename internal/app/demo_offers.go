package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/messaging"
)

// How the demo's shoppers take offers, in hundredths: made up, and near what shops report of text messages.
const (
	opens     = 45 // follow the link of an offer
	comesBack = 55 // of those, who left a bag and pay for it
	buysMore  = 30 // of those, who buy something after any other offer
)

// takers are the demo's shoppers as they read offers.
type takers struct {
	*App
	r      *rand.Rand
	people map[string]demo.Person // by number and mailbox
	seen   map[string]bool        // offers they have made up their minds about
	since  time.Time
}

func newTakers(a *App, people []demo.Person, r *rand.Rand) *takers {
	t := &takers{a, r, map[string]demo.Person{}, map[string]bool{}, a.DB.Clock().Now().Add(-time.Hour)}
	for _, p := range people {
		t.people[p.Phone], t.people[strings.ToLower(p.Email)] = p, p
	}
	return t
}

// read lets shoppers look at the offers that have reached them since the last time. Some follow the link; of those some
// pay for the bag they left, or buy something else.
func (t *takers) read(ctx context.Context) error {
	var fresh []messaging.Record
	err := t.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := t.Messages.List(tx, messaging.Filter{Class: messaging.Promotional, Since: t.since}, messaging.Page{Limit: 200})
		for _, m := range all {
			there := m.State == messaging.Delivered || m.State == messaging.Sent && m.Channel == messaging.Email
			if there && !t.seen[m.ID] && tx.Now().Sub(m.SentAt) > time.Minute {
				t.seen[m.ID] = true
				fresh = append(fresh, m)
			}
		}
		return err
	})
	slices.Reverse(fresh) // the oldest first
	for _, m := range fresh {
		if err != nil || t.r.IntN(100) >= opens {
			continue
		}
		err = t.take(ctx, m)
	}
	return err
}

// take follows the link of an offer, and perhaps buys.
func (t *takers) take(ctx context.Context, m messaging.Record) error {
	err := t.DB.Write(ctx, func(tx *db.Tx) error {
		_, _, err := t.Messages.Follow(tx, m.LinkCode("link"), true)
		return err
	})
	if errors.Is(err, messaging.ErrBadToken) || errors.Is(err, messaging.ErrOldToken) {
		return nil // an offer without a link
	}
	luck := t.r.IntN(100)
	switch {
	case err != nil:
		return fmt.Errorf("follow an offer: %w", err)
	case m.Cart == "":
		if p, ok := t.people[m.To]; ok && luck < buysMore {
			return shopOnce(ctx, t.App, p, t.r, false)
		}
	case luck < comesBack:
		var c checkout.Cart
		if err := t.DB.Read(ctx, func(tx *db.Tx) (err error) { c, err = t.Checkout.ByID(tx, m.Cart); return err }); err != nil || c.State != checkout.Open {
			return err
		}
		return payBag(ctx, t.App, c, t.r, false)
	}
	return nil
}

const lookbook = "lookbook"

// lookbookWords are an offer of the merchant's own: text, subject and letter by language.
var lookbookWords = map[string][3]string{
	"en": {"[{name}, ]new this week: linen for cold days.", "New this week: linen for cold days", "Hello[ {name}],\n\nour linen for cold days is here: heavier, lined, in five colours.\n\n{link}"},
	"de": {"[{name}, ]neu diese Woche: Leinen für kalte Tage.", "Neu diese Woche: Leinen für kalte Tage", "Guten Tag[ {name}],\n\nunser Leinen für kalte Tage ist da: schwerer, gefüttert, in fünf Farben.\n\n{link}"},
	"id": {"[{name}, ]baru minggu ini: linen untuk hari yang sejuk.", "Baru minggu ini: linen untuk hari yang sejuk", "Halo[ {name}],\n\nlinen kami untuk hari yang sejuk telah tiba: lebih tebal, berlapis, dalam lima warna.\n\n{link}"},
	"ms": {"[{name}, ]baharu minggu ini: linen untuk hari yang sejuk.", "Baharu minggu ini: linen untuk hari yang sejuk", "Helo[ {name}],\n\nlinen kami untuk hari yang sejuk telah tiba: lebih tebal, berlapik, dalam lima warna.\n\n{link}"},
	"ar": {"[{name}، ]جديد هذا الأسبوع: كتّان للأيام الباردة.", "جديد هذا الأسبوع: كتّان للأيام الباردة", "مرحبًا[ {name}]،\n\nوصل كتّان الأيام الباردة: أثقل ومبطّن وبخمسة ألوان.\n\n{link}"},
}

// seedLookbook writes the offer, once.
func (a *App) seedLookbook(ctx context.Context) (fresh bool, err error) {
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := a.Messages.TemplateKey(tx, lookbook); err == nil || !errors.Is(err, messaging.ErrUnknownTemplate) {
			return err
		}
		fresh = true
		k := messaging.TemplateKey{Key: lookbook, Title: "Lookbook", Class: messaging.Promotional, Vars: []messaging.Variable{{Name: "name", Type: messaging.NameVar}, {Name: "link", Type: messaging.LinkVar, Needed: true}}}
		if err := a.Messages.AddKey(tx, k, "Mei"); err != nil {
			return err
		}
		for _, lang := range []string{"en", "de", "id", "ms", "ar"} {
			w := lookbookWords[lang]
			for ch, words := range map[messaging.Channel]messaging.Words{messaging.SMS: {Body: w[0]}, messaging.Email: {Subject: w[1], Body: w[2]}} {
				if _, err := a.Messages.Publish(tx, messaging.TextID{Key: lookbook, Lang: lang, Channel: ch}, words, messaging.Edit{By: "Mei", Why: "sample"}); err != nil {
					return fmt.Errorf("%s in %s: %w", ch, lang, err)
				}
			}
		}
		return nil
	})
	return fresh, err
}

// sampleCampaigns sends the offer to some people, of whom no journey is about to make one, and leaves the plan of a second
// one to everybody to be looked at. Once.
func sampleCampaigns(ctx context.Context, a *App, some []demo.Person) error {
	if fresh, err := a.seedLookbook(ctx); err != nil || !fresh {
		return err
	}
	var list []string
	for _, p := range some {
		list = append(list, p.Email)
	}
	first, err := a.sample(ctx, "November lookbook", "/", list)
	if err != nil || first.Sum().Reached() == 0 {
		return err
	}
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := a.Messages.SendPlan(tx, first.ID, first.Sum().Reached(), "Mei")
		return err
	})
	if err == nil {
		_, err = a.sample(ctx, "Winter dresses", "/c/dresses", nil)
	}
	return err
}

// sample makes a plan for a list of people, or everybody, and waits until it is made.
func (a *App) sample(ctx context.Context, name, page string, list []string) (c messaging.Campaign, err error) {
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		c = messaging.Campaign{Name: name, Template: lookbook, Link: a.cfg.PublicURL + page}
		if list != nil {
			if c.People, err = a.Messages.ReadList(tx, "", list); err != nil {
				return err
			}
		}
		c, err = a.Messages.StartPlan(tx, c, "Mei")
		return err
	})
	for try := 0; err == nil && c.State == messaging.Planning && try < 100; try++ {
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		err = a.DB.Read(ctx, func(tx *db.Tx) error { c, err = a.Messages.CampaignOf(tx, c.ID); return err })
	}
	return c, err
}
