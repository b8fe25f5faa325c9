package browser_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"portolan/internal/browser"
)

// A shopper in Germany goes from the first page to the confirmation; the confirmation comes to their phone in
// German and to their mailbox.
func TestShopperInGermany(t *testing.T) {
	for _, c := range []struct {
		name string
		look browser.Look
	}{
		{"with script", browser.Look{Lang: "de-DE,de;q=0.9"}},
		{"without script, on a phone", browser.Look{Width: 390, Height: 844, Phone: true, Lang: "de-DE,de;q=0.9", NoScript: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := start(t, c.look)
			w.open("/")
			if got := w.text(`document.documentElement.lang`); got != "de" {
				t.Fatalf("the chooser speaks %q to somebody who asks for German", got)
			}
			w.follow(`form:has(input[value="/de-de/"]) button`)
			w.at("/de-de/")
			if w.is(`document.documentElement.classList.contains("js")`) == c.look.NoScript {
				t.Fatal("the page's script is off where it should be on, or the other way round")
			}
			w.follow(`.menu a[href$="/c/dresses"]`)
			w.follow(`.card a`)
			w.at(w.text(`new URL(document.querySelector("link[rel=canonical]").href).pathname`))

			// No size chosen: the browser itself holds the form back.
			w.click(`.buy form button`)
			if !strings.Contains(w.Path(), "/p/") {
				t.Fatalf("without a size the form went to %s", w.Path())
			}
			w.chooseSize()
			w.follow(`.buy form button`)
			w.at("/de-de/cart")
			w.follow(`.summary a.button`)

			// The empty form comes back with a summary that has the focus and leads to each field.
			w.at("/checkout/details")
			w.follow(`main form button.wide`)
			w.at("/checkout/details")
			w.wait(`document.activeElement && document.activeElement.id === "errors"`)
			if n := w.text(`document.querySelectorAll("#errors a").length`); n < "5" {
				t.Errorf("the summary has %s links", n)
			}
			if lost := w.text(`[...document.querySelectorAll("#errors li")].filter(li => { const a = li.querySelector("a"); return !a || !document.getElementById(a.hash.slice(1)) }).map(li => li.innerText)`); lost != "" {
				t.Errorf("items of the summary lead nowhere: %s", lost)
			}
			if dumb := w.text(`[...document.querySelectorAll("#errors a")].filter(a => !a.innerText.startsWith(document.getElementById(a.hash.slice(1)).labels[0].firstChild.data.trim())).map(a => a.innerText)`); dumb != "" {
				t.Errorf("items of the summary don't name their field: %s", dumb)
			}
			if lost := w.text(`[...document.querySelectorAll("[aria-invalid=true]")].filter(e => !(e.getAttribute("aria-describedby") || "").split(" ").some(id => document.getElementById(id)?.classList.contains("error"))).map(e => e.id)`); lost != "" {
				t.Errorf("wrong fields don't say what is wrong: %s", lost)
			}
			w.click(`#errors a`)
			w.wait(`document.activeElement && document.activeElement.matches("input[aria-invalid=true]")`)

			p := shoppers["de"]
			w.fillDetails(p)
			w.follow(`main form button.wide`)
			w.at("/checkout/delivery")
			if rows := w.text(`document.querySelectorAll(".landed.chosen table.totals tr").length`); rows < "3" {
				t.Errorf("landed cost has %s rows", rows)
			}
			w.follow(`main form button.wide`)
			w.at("/checkout/payment")
			w.payWith("4555 0000 0000 0100")
			for strings.HasSuffix(w.Path(), "/waiting") {
				w.wait(`!location.pathname.endsWith("/waiting")`)
			}
			if !strings.Contains(w.Path(), "/orders/") {
				t.Fatalf("paid and at %s", w.Path())
			}
			number := w.number()
			if !w.is(`document.querySelector("h1").innerText.includes("Lena")`) {
				t.Error("the confirmation doesn't know the shopper's name")
			}
			gotMessages(t, number)
		})
	}
}

// gotMessages finds the order's number on the German phone and in the mailbox of the console.
func gotMessages(t *testing.T, number string) {
	t.Helper()
	w := start(t, browser.Look{})
	w.logIn()
	w.open("/console/handsets?market=de")
	w.wait(say(`[...document.querySelectorAll("#p4917604069077 .bubble")].some(b => b.innerText.includes(%q))`, number))
	sms := w.text(say(`[...document.querySelectorAll("#p4917604069077 .bubble")].find(b => b.innerText.includes(%q)).innerText`, number))
	if !strings.Contains(sms, "Bestellung") {
		t.Errorf("the message isn't German: %s", sms)
	}
	w.open("/console/mails")
	w.wait(say(`[...document.querySelectorAll(".rows a")].some(a => a.innerText.includes(%q) && a.innerText.includes("lena.hofmann@example.com"))`, number))
	w.must(w.Eval(say(`[...document.querySelectorAll(".rows a")].find(a => a.innerText.includes(%q)).classList.add("ours")`, number), nil))
	w.follow(".rows a.ours")
	if !w.is(say(`document.body.innerText.includes(%q)`, number)) {
		t.Error("the mail doesn't name the order")
	}
}

// From the product to the paid order without a mouse.
func TestKeyboardOnly(t *testing.T) {
	w := start(t, browser.Look{})
	w.open("/de-de/c/dresses?stock=1")
	w.must(w.Keys(kb.Tab))
	if !w.is(`document.activeElement.matches(".skip")`) {
		t.Error("the first stop isn't the link past the menu")
	}
	w.must(w.Tabulate(".card a"))
	w.enter()

	w.must(w.Tabulate("input[name=sku]:not([disabled])"))
	w.must(w.Keys(" "))
	if w.text(`document.querySelectorAll("input[name=sku]:not([disabled])").length`) > "1" {
		w.must(w.Keys(kb.ArrowRight))
	}
	if !w.is(`document.querySelector("input[name=sku]:checked")`) {
		t.Fatal("space and arrows choose no size")
	}
	visible(t, w)
	w.must(w.Tabulate(".buy form button"))
	w.enter()
	w.at("/cart")
	w.must(w.Tabulate(".summary a.button"))
	w.enter()

	p := shoppers["de"]
	for _, f := range []struct{ id, text string }{{"email", "tasten@example.com"}, {"phone", "0176 04069088"}, {"address-given_name", p.given},
		{"address-family_name", p.family}, {"address-line1", p.line1}, {"address-postcode", p.postcode}, {"address-city", p.city}} {
		w.must(w.Tabulate("#" + f.id))
		visible(t, w)
		w.must(w.Type(f.text))
	}
	w.must(w.Tabulate("input[type=checkbox]"))
	w.must(w.Keys(" "))
	if !w.is(`document.activeElement.checked`) {
		t.Error("space doesn't tick the box")
	}
	w.must(w.Tabulate("main form button.wide"))
	w.enter()
	w.at("/checkout/delivery")
	w.must(w.Tabulate("input[name=service]"))
	visible(t, w)
	before := w.text(`document.querySelector("input[name=service]:checked").value + [...document.querySelectorAll(".landed")].find(e => e.offsetHeight).innerText`)
	w.must(w.Keys(kb.ArrowDown))
	if after := w.text(`document.querySelector("input[name=service]:checked").value + [...document.querySelectorAll(".landed")].find(e => e.offsetHeight).innerText`); after == before {
		t.Errorf("arrows choose no other way to deliver with its cost than %s", before)
	}
	total := w.text(`[...document.querySelectorAll(".landed")].find(e => e.offsetHeight).querySelector(".sum td").innerText`)
	w.must(w.Tabulate("main form button.wide"))
	w.enter()
	w.at("/checkout/payment")
	if got := w.text(`document.querySelector(".summary .sum td").innerText`); got != total {
		t.Errorf("shown was %s, to pay is %s", total, got)
	}
	w.must(w.Tabulate("input[name=method]"))
	for range 6 {
		if w.is(`document.querySelector("input[value=card]").checked`) {
			break
		}
		w.must(w.Keys(kb.ArrowDown))
	}
	w.must(w.Tabulate("#card"))
	w.must(w.Tabulate("main form button.wide"))
	w.enter()
	w.wait(`location.pathname.includes("/orders/")`)
	w.number()
}

// visible reports whether one sees where the focus is.
func visible(t *testing.T, w *window) {
	t.Helper()
	if !w.is(`(() => {
		const all = [document.activeElement, ...(document.activeElement.labels || []), document.activeElement.nextElementSibling].filter(Boolean);
		return all.some(e => { const s = getComputedStyle(e); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 });
	})()`) {
		t.Errorf("nothing shows that the focus is on %s", w.text(`document.activeElement.outerHTML.slice(0, 120)`))
	}
}
