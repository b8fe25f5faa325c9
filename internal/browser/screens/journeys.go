package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"portolan/internal/browser"
)

const journeysPrefix = "journeys-"

// journeys takes the pages about journeys after some hours of the demo, on a clock that makes each a minute.
func journeys(ctx context.Context, b *browser.Browser, out, only string) error {
	if !wanted(only, journeysPrefix) {
		return nil
	}
	return after(ctx, 3*time.Hour, func(url string) error { return travels(camera{b, url, out, only}) })
}

// shot is a page with the languages and devices it is taken in.
type shot struct {
	name, path string
	langs      []string
	devices    []string
}

var (
	both  = []string{"desktop", "phone"}
	desk  = []string{"desktop"}
	three = []string{"en", "de", "ar"}
)

// stories are pages that say what journeys are, did and would do.
var stories = []shot{
	{"list", "/console/journeys", []string{"en"}, both},
	{"editor-confirm", "/console/journeys/confirm", []string{"en"}, desk},
	{"editor-cart", "/console/journeys/cart?node=offer", three, both},
	{"editor-parcel", "/console/journeys/parcel", []string{"en"}, desk},
	{"editor-delay", "/console/journeys/delay", []string{"en"}, desk},
	{"editor-survey", "/console/journeys/survey?node=ask", []string{"en", "ar"}, desk},
	{"editor-again", "/console/journeys/again", []string{"en"}, desk},
	{"editor-review", "/console/journeys/review", []string{"en"}, desk},
	{"effect", "/console/journeys/cart/effect", three, both},
	{"effect-few", "/console/journeys/cart/effect?days=30", []string{"en"}, desk},
	{"what-if-leaves", "/console/journeys/cart/what-if?market=de&lang=de&sms=1&email=1&start=2026-11-24T14:00&e0=checkout.left", three, both},
	{"what-if-pays", "/console/journeys/cart/what-if?market=de&lang=de&sms=1&email=1&start=2026-11-24T14:00&e0=checkout.left&e1=order.paid&a1=20&u1=m", []string{"en"}, desk},
	{"what-if-rates-1", "/console/journeys/survey/what-if?market=gb&lang=en&sms=1&email=1&all=1&start=2026-11-02T11:00&e0=order.paid&e1=parcel.shipped&a1=1&u1=d&e2=order.delivered&a2=7&u2=d&e3=rated:1&a3=206&u3=h", []string{"en", "ar"}, both},
	{"ratings", "/console/ratings", []string{"en", "ar"}, both},
}

func travels(c camera) error {
	t, err := c.operator()
	if err != nil {
		return err
	}
	defer t.Close()
	for _, s := range stories {
		if err := c.shoot(t, s); err != nil {
			return err
		}
	}
	if err := c.published(t); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return c.timelines(t)
}

// shoot takes a page in its languages on its devices.
func (c camera) shoot(t *browser.Tab, s shot) error {
	if !strings.Contains(journeysPrefix+s.name, c.only) && !strings.HasPrefix(c.only, journeysPrefix+s.name) {
		return nil
	}
	for _, lang := range s.langs {
		if err := speak(t, lang); err != nil {
			return fmt.Errorf("%s in %s: %w", s.name, lang, err)
		}
		for _, device := range s.devices {
			look := desktop
			if device == "phone" {
				look = phone
			}
			if err := t.Size(look.Width, look.Height, look.Phone); err != nil {
				return err
			}
			if err := t.Open(s.path); err != nil {
				return err
			}
			if err := c.take(t, journeysPrefix+s.name+"-"+lang+"-"+device, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// published writes words anew, changes the bag's draft, tries it on the past, takes what is asked before publishing, and
// publishes.
func (c camera) published(t *browser.Tab) error {
	const at = "/console/journeys/cart"
	for _, step := range []func() error{
		func() error { return speak(t, "en") },
		func() error { return t.Size(desktop.Width, desktop.Height, false) },
		func() error { return t.Open("/console/templates/cart?lang=de") },
		func() error {
			return t.Fill("#body", "[{name}, ]Ihre Tasche steht noch hier. Mit {code} {pct}% Rabatt, 24 Std.")
		},
		func() error { return t.Eval(`document.querySelector(".kinds").closest("details").open = true`, nil) },
		func() error { return t.Click(`.kinds input[value=new]`) },
		func() error { return t.Fill("#why", "says where the bag is") },
		func() error { return t.Follow(`#text button[value=publish]`) },
		func() error { return t.Eval(`document.querySelector(".kinds").closest("details").open = true`, nil) },
		func() error { return c.take(t, journeysPrefix+"words-en-desktop", true) },
		func() error { return t.Open(at) },
		func() error { return t.Follow(`.drafting button[value=begin], .drafting a.button`) },
		func() error { return t.Open(at + "?draft=1&node=pause") },
		func() error { return t.Fill("#f-for", "3h") },
		func() error { return t.Follow(`.node-form button[value=save]`) },
		func() error { return c.take(t, journeysPrefix+"draft-en-desktop", true) },
		func() error { return t.Open(at + "/publish") },
		func() error { return t.Follow(`button[value=try]`) },
		func() error { return c.tried(t, at+"/publish") },
		func() error { return c.take(t, journeysPrefix+"publish-en-desktop", true) },
		func() error { return speak(t, "ar") },
		func() error { return t.Size(phone.Width, phone.Height, true) },
		func() error { return t.Open(at + "/publish") },
		func() error { return c.take(t, journeysPrefix+"publish-ar-phone", true) },
		func() error { return speak(t, "en") },
		func() error { return t.Size(desktop.Width, desktop.Height, false) },
		func() error { return t.Open(at + "/publish") },
		func() error { return t.Follow(`input[name=do][value=publish] ~ .row button`) },
		func() error { return t.Open(at + "/versions?a=1&b=2") },
		func() error { return c.take(t, journeysPrefix+"versions-en-desktop", true) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// tried looks again until the trial on the past has been reported.
func (c camera) tried(t *browser.Tab, path string) error {
	for range 60 {
		if err := t.Open(path); err != nil {
			return err
		}
		var there bool
		if err := t.Eval(`!!document.querySelector("#trial table")`, &there); err != nil || there {
			return err
		}
		if err := t.Eval(`window.later = false, setTimeout(() => window.later = true, 500), true`, nil); err != nil {
			return err
		}
		if err := t.Wait(`window.later`); err != nil {
			return err
		}
	}
	return fmt.Errorf("the trial was not done in time")
}

// find leaves in window.found the order that journeys have done most about, of those listed.
const find = `(window.found = "", (async () => {
	const body = async u => (await (await fetch(u)).text());
	const links = (html, re) => [...new Set(html.match(re) || [])];
	let most = 0, best = "none";
	for (const list of ["/console/orders", "/console/orders?state=completed", "/console/orders?state=fulfilled", "/console/ratings"])
	for (const order of links(await body(list), /\/console\/orders\/ord_[a-z0-9]+/g)) {
		const html = await body(order);
		const n = (html.match(/\/console\/runs\/run_/g) || []).length + 3 * (html.match(/\/console\/tickets\//g) || []).length + (html.match(/<blockquote/g) || []).length;
		if (n > most) { most = n; best = order }
	}
	window.found = best;
})(), true)`

// timelines takes what happened to an order and to its customer, and runs: one of them, and one that finishes on the
// version it began with while another is live.
func (c camera) timelines(t *browser.Tab) error {
	if err := speak(t, "en"); err != nil {
		return err
	}
	if err := t.Eval(find, nil); err != nil {
		return err
	}
	if err := t.Wait(`window.found !== ""`); err != nil {
		return err
	}
	order := ""
	if err := t.Eval(`window.found`, &order); err != nil {
		return err
	}
	for _, x := range []struct{ name, from, link string }{
		{"timeline-order", order, ""}, {"timeline-customer", order, `main a[href^="/console/customers/"]`}, {"run", order, `main li:last-of-type a[href^="/console/runs/"], main a[href^="/console/runs/"]`},
		{"run-old-version", "/console/journeys/cart?v=1", `main a[href^="/console/runs/"]`},
	} {
		path := x.from
		if x.link != "" {
			if err := t.Open(x.from); err != nil {
				return err
			}
			if err := t.Eval(`[...document.querySelectorAll(`+"`"+x.link+"`"+`)].pop()?.getAttribute("href") || ""`, &path); err != nil {
				return err
			}
		}
		if path == "" || path == "none" {
			fmt.Fprintf(os.Stderr, "screens: nothing to show for %s yet\n", x.name)
			continue
		}
		if err := c.shoot(t, shot{x.name, path, []string{"en"}, both}); err != nil {
			return err
		}
		if err := c.shoot(t, shot{x.name, path, []string{"ar"}, both[1:]}); err != nil {
			return err
		}
	}
	return nil
}
