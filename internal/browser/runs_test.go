package browser_test

import (
	"testing"

	"portolan/internal/browser"
)

// speak chooses the language of the console.
func (l *looker) speak(lang string) {
	l.t.Helper()
	l.must(l.Eval(`window.spoken = "", fetch("/console/language", {method: "POST", body: new URLSearchParams({lang: "`+lang+`"})}).then(r => { window.spoken = String(r.ok) }), true`, nil))
	l.wait(`window.spoken === "true"`)
}

// TestConsolePagesOfJourneys judges, in three languages, what the console says journeys did and would do.
func TestConsolePagesOfJourneys(t *testing.T) {
	w := start(t, browser.Look{})
	w.intoBag("/de-de")
	w.toPayment(shoppers["de"])
	w.payWith("4555 0000 0000 0100")
	w.wait(`location.pathname.includes("/orders/")`)
	number := w.number()
	l := newLooker(t)
	l.widths = []int64{390, 1280}
	l.logIn()
	for _, lang := range []string{"ar", "de", "en"} {
		l.speak(lang)
		storyPages(l, number, lang)
	}
}

// storyPages judges what journeys did and would do: a run, the order's and the customer's time line, effects, stories.
func storyPages(l *looker, number, lang string) {
	l.must(l.Size(1280, 800, false))
	l.open("/console/orders/" + number)
	l.follow(`main a[href^="/console/customers/"]`)
	l.look("time line of a customer in " + lang)
	l.must(l.Size(1280, 800, false))
	l.open("/console/orders/" + number)
	l.follow(`main a[href^="/console/runs/"]`)
	l.look("a run in " + lang)
	for _, path := range []string{"cart/effect", "again/effect?version=1", "confirm/effect", "cart/what-if", "cart/what-if?market=de&lang=de&e0=checkout.left&e1=order.paid&a1=20&u1=m&sms=1",
		"survey/what-if?market=de&lang=de&sms=1&email=1&all=1&start=2026-11-02T10:00&e0=order.paid&e1=order.delivered&a1=7&u1=d&e2=rated:1&a2=206&u2=h", "cart/what-if?market=de&e0=checkout.left&a0=x"} {
		l.see(path+" in "+lang, "/console/journeys/"+path)
	}
	for _, q := range []string{"", "?of=articles", "?market=de&stars=1&words=1"} {
		l.see("ratings"+q+" in "+lang, "/console/ratings"+q)
	}
}
