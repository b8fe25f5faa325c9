package app

import (
	"context"
	"slices"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/settings"
	"portolan/internal/support"
)

// canned are the demo's answers written in advance: title and words by language.
var canned = []map[string][2]string{
	{"en": {"Where is my parcel?", "Hello {name}, your order {order} is {state}. We expect it {from}-{to}: {link}"},
		"de": {"Wo ist mein Paket?", "Hallo {name}, Ihre Bestellung {order}: {state}. Wir erwarten sie {from}-{to}: {link}"},
		"id": {"Di mana paket saya?", "Halo {name}, pesanan Anda {order}: {state}. Perkiraan tiba {from}-{to}: {link}"},
		"ms": {"Di mana bungkusan saya?", "Helo {name}, pesanan anda {order}: {state}. Dijangka tiba {from}-{to}: {link}"},
		"ar": {"أين طردي؟", "مرحبًا {name}، طلبك {order}: {state}. نتوقع وصوله {from}-{to}: {link}"}},
	{"en": {"We look into it", "Thank you for writing. We look into it and answer today. Your ticket is {ticket}."},
		"de": {"Wir kümmern uns", "Danke für Ihre Nachricht. Wir kümmern uns darum und antworten noch heute. Ihr Ticket: {ticket}."},
		"id": {"Kami periksa", "Terima kasih atas pesan Anda. Kami periksa dan menjawab hari ini. Tiket Anda: {ticket}."},
		"ms": {"Kami semak", "Terima kasih atas mesej anda. Kami semak dan menjawab hari ini. Tiket anda: {ticket}."},
		"ar": {"نتابع الأمر", "شكرًا لرسالتك. نتابع الأمر ونجيبك اليوم. رقم تذكرتك {ticket}."}},
	{"en": {"Another size", "Of course. Send it back within 30 days and we send the other size at once. Write to {contact}."},
		"de": {"Andere Größe", "Gern. Senden Sie es innerhalb von 30 Tagen zurück, die andere Größe geht sofort hinaus. {contact}"},
		"id": {"Ukuran lain", "Tentu. Kirim kembali dalam 30 hari, ukuran lain langsung kami kirim. {contact}"},
		"ms": {"Saiz lain", "Boleh. Pulangkan dalam 30 hari, saiz lain kami hantar segera. {contact}"},
		"ar": {"مقاس آخر", "بالطبع. أعيدوه خلال 30 يومًا ونرسل المقاس الآخر فورًا. {contact}"}},
}

// seedCanned gives the inbox answers written in advance.
func (a *App) seedCanned(ctx context.Context) error {
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		for _, texts := range canned {
			id := ""
			for _, lang := range []string{"en", "de", "id", "ms", "ar"} {
				c, err := a.Support.SaveCanned(tx, support.Canned{ID: id, Lang: lang, Title: texts[lang][0], Words: texts[lang][1], Who: "Mei"})
				if err != nil {
					return err
				}
				id = c.ID
			}
		}
		return nil
	})
}

// said is what the demo's shoppers wrote, and what came of it.
var said = []struct {
	market market.Code
	lang   string
	texts  []string
	answer string
	solved bool
}{
	{"de", "de", []string{"Kann ich das Kleid noch in Blau bekommen?", "Und fällt die Größe eher klein aus?"}, "", false},
	{"gb", "en", []string{"RESCHEDULE"}, "", false},
	{"us", "en", []string{"Is the belt included?", "and does it run small"}, "Yes, the belt comes with it. It runs true to size.", false},
	{"id", "id", []string{"Apakah bisa tukar ukuran M ke L?"}, "", false},
	{"my", "ms", []string{"Bila bungkusan saya sampai?"}, "Bungkusan anda dijangka tiba minggu ini.", true},
	{"de", "ar", []string{"أريد التحدث إلى شخص من فضلكم، وصل الفستان بمقاس خاطئ"}, "", false},
	{"gb", "en", []string{"2"}, "We are sorry to hear that. What went wrong?", false},
}

const talksKey = "demo_talks"

// SeedTalks lets shoppers of the demo write, once, in five languages; a colleague answers some of them soon after. Call it
// before Run.
func (a *App) SeedTalks(ctx context.Context) error {
	jobs.Handle(a.Queue, a.answerTalk)
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		var done bool
		if found, err := settings.Get(tx, talksKey, &done); err != nil || found {
			return err
		}
		used := map[string]bool{}
		for _, x := range said {
			all, _, err := a.Orders.List(tx, order.Filter{Market: x.market}, order.Page{Limit: 50})
			if err != nil {
				return err
			}
			at := slices.IndexFunc(all, func(o order.Order) bool { return o.Phone != "" && !used[o.Phone] })
			if at < 0 {
				continue
			}
			about := all[at]
			used[about.Phone] = true
			if about.Lang != x.lang {
				if _, err := a.Customers.Upsert(tx, customer.Customer{Email: about.Email, Phone: about.Phone, Country: about.Country, Lang: x.lang}); err != nil {
					return err
				}
			}
			for _, text := range x.texts {
				if _, err := a.Messages.Receive(tx, messaging.Inbound{Provider: "demo", Channel: messaging.SMS, From: about.Phone, Text: text}); err != nil {
					return err
				}
			}
			if x.answer != "" {
				if err := a.Queue.Add(tx, answerJob{about.Phone, x.answer, x.solved}, jobs.When{At: tx.Now().Add(20 * time.Second)}); err != nil {
					return err
				}
			}
		}
		return settings.Set(tx, talksKey, true)
	})
}

// answerJob is a colleague of the demo who answers somebody.
type answerJob struct {
	From   string `json:"from"`
	Text   string `json:"text"`
	Solved bool   `json:"solved"`
}

// Job implements jobs.Args.
func (answerJob) Job() string { return "demo.answer" }

func (a *App) answerTalk(tx *db.Tx, j answerJob) error {
	t, err := a.Support.TalkAt(tx, j.From)
	if err != nil {
		return err
	}
	if _, err := a.Support.Answer(tx, support.Answer{Talk: t.ID, Text: j.Text, By: "Mei"}); err != nil || !j.Solved {
		return err
	}
	_, err = a.Support.Solve(tx, t.ID, "Mei")
	return err
}
