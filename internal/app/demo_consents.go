package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/demo"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// seedConsents gives the pages about consent something to show: a wording of the merchant's own, readers of an older
// newsletter, and an address that somebody put on the list by hand.
func (a *App) seedConsents(ctx context.Context) error {
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		for _, text := range []string{
			"Ja, Miana darf mir Neues per E-Mail schicken. Abmelden kann ich mich in jeder E-Mail.",
			"Ja, Miana darf mir etwa zweimal im Monat Neues und Angebote per E-Mail schicken. Abmelden kann ich mich in jeder E-Mail.",
		} {
			w := customer.Wording{Market: "de", Lang: "de", Channel: customer.Mail, Class: customer.Promotional, Text: text, By: "mei@miana.example"}
			if _, err := a.Customers.PublishWording(tx, w); err != nil {
				return err
			}
		}
		var file strings.Builder
		file.WriteString("address,agreed_at,text,source,page,lang,confirmed,proof\n")
		for i, name := range []string{"amelia", "oliver", "isla", "george", "ava", "noah", "mia", "arthur", "grace", "leo", "freya"} {
			fmt.Fprintf(&file, "%s@newsletter.example,2025-%02d-14,\"Yes, send me the Miana newsletter.\",newsletter form,/newsletter,en,yes,sheet row %d\n", name, i%9+1, i+2)
		}
		file.WriteString("no address,2025-03-02,\"Yes, send me the Miana newsletter.\",newsletter form,/newsletter,en,yes,sheet row 13\n")
		run := customer.ImportRun{Name: "newsletter-2025.csv", By: "mei@miana.example", Market: "gb"}
		if _, err := a.Customers.StartImport(tx, a.Queue, run, file.String(), false); err != nil {
			return err
		}
		return a.Customers.SuppressByHand(tx, "press@newsletter.example", "Asked on the phone to hear nothing more", "mei@miana.example")
	})
}

// boxes are a demo shopper's answers to the boxes of a market, with the words that stand beside them.
func boxes(m market.Market, lang string, p demo.Person) (all []checkout.Consent) {
	say := i18n.For(m.Locale(lang))
	for _, ch := range m.ConsentChannels {
		text := say.T("checkout.consent_"+ch, "brand", "Miana")
		if m.DoubleOptIn {
			text += say.T("checkout.consent_double")
		}
		all = append(all, checkout.Consent{Channel: customer.Channel(ch), Class: customer.Promotional, Granted: p.Marketing, Text: text, Wording: "checkout." + ch + "/demo"})
	}
	return all
}

// secondThoughts lets demo shoppers follow the link of a double opt-in, most of them, and now and then ask for
// silence; early on only those who didn't agree to be written to, since the others are expected to hear something.
func secondThoughts(ctx context.Context, a *App, p demo.Person, r *rand.Rand, early bool) error {
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		who, err := a.Customers.ByEmail(tx, strings.ToLower(p.Email))
		if err != nil {
			return err
		}
		all, err := a.Customers.Events(tx, who.ID)
		if err != nil {
			return err
		}
		for _, e := range all {
			if e.Action != customer.Ask || r.IntN(10) < 3 {
				continue
			}
			if _, err := a.Customers.Confirm(tx, e.ConfirmToken(), ""); err != nil {
				return nil
			}
		}
		if r.IntN(12) > 0 || who.Phone == "" || early && p.Marketing {
			return nil
		}
		words := []string{"STOP", "please stop texting me", "Bitte keine Werbung mehr", "Stop!"}
		_, err = a.Messages.Receive(tx, messaging.Inbound{Provider: "demo", Channel: messaging.SMS, From: who.Phone, Text: words[r.IntN(len(words))]})
		return err
	})
}
