package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"portolan/internal/browser"
)

// One shop and one browser serve all tests; each test has a window, and so a bag, of its own.
var rig struct {
	once    sync.Once
	err     error
	dir     string
	shop    *browser.Shop
	browser *browser.Browser
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	defer func() {
		if rig.browser != nil {
			rig.browser.Close()
		}
		if rig.shop != nil {
			rig.shop.Close()
		}
		if rig.dir != "" {
			os.RemoveAll(rig.dir)
		}
	}()
	return m.Run()
}

// start opens the shop, if none is open yet, and a window on it.
func start(t *testing.T, l browser.Look) *window {
	t.Helper()
	rig.once.Do(func() {
		var err error
		rig.dir, err = os.MkdirTemp("", "portolan-browser-")
		if err == nil {
			rig.shop, err = browser.OpenShop(context.Background(), rig.dir, nil, false)
		}
		if err == nil {
			rig.browser, err = browser.Launch(context.Background())
		}
		rig.err = err
	})
	if rig.err != nil {
		t.Fatal(rig.err)
	}
	if l.Width == 0 {
		l.Width, l.Height = 1280, 800
	}
	tab, err := rig.browser.Tab(rig.shop.URL, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tab.Close)
	return &window{t, tab}
}

// window ends the test where a Tab would return an error.
type window struct {
	t *testing.T
	*browser.Tab
}

func (w *window) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *window) open(path string)           { w.t.Helper(); w.must(w.Open(path)) }
func (w *window) follow(selector string)     { w.t.Helper(); w.must(w.Follow(selector)) }
func (w *window) click(selector string)      { w.t.Helper(); w.must(w.Click(selector)) }
func (w *window) fill(selector, text string) { w.t.Helper(); w.must(w.Fill(selector, text)) }
func (w *window) wait(js string)             { w.t.Helper(); w.must(w.Wait(js)) }

func (w *window) text(js string) (s string) {
	w.t.Helper()
	w.must(w.Eval(`String(`+js+`)`, &s))
	return s
}

func (w *window) is(js string) (ok bool) {
	w.t.Helper()
	w.must(w.Eval(`!!(`+js+`)`, &ok))
	return ok
}

// at ends the test unless the page's path ends so.
func (w *window) at(suffix string) {
	w.t.Helper()
	if p := w.Path(); !strings.HasSuffix(p, suffix) {
		w.t.Fatalf("at %s, not at %s: %s", p, suffix, w.text(`[...document.querySelectorAll("[role=alert], h1")].map(e => e.innerText).join(" | ")`))
	}
}

// person is who buys.
type person struct {
	given, family, line1, city, region, postcode, email, phone string
}

var shoppers = map[string]person{
	"de": {"Lena", "Hofmann", "Ahornweg 3", "Leipzig", "", "04109", "lena.hofmann@example.com", "0176 04069077"},
	"us": {"Grace", "Milton", "12 Harbor Lane", "Portland", "OR", "97205", "grace.milton@example.com", "(503) 555-0142"},
	"gb": {"Oliver", "Ashcombe", "8 Mill Row", "Leeds", "", "LS1 4DY", "oliver.ashcombe@example.com", "07700 900155"},
	"id": {"Sari", "Wulandari", "Jalan Melati 5", "Bandung", "JB", "40115", "sari.wulandari@example.com", "0812 5550 1177"},
	"my": {"Aisyah", "Rahman", "7 Jalan Kenanga", "Shah Alam", "10", "40000", "aisyah.rahman@example.com", "012-555 0188"},
}

// fillDetails writes contact and address into the form, whatever fields the country has.
func (w *window) fillDetails(p person) {
	w.t.Helper()
	for id, text := range map[string]string{"email": p.email, "phone": p.phone, "address-given_name": p.given, "address-family_name": p.family,
		"address-line1": p.line1, "address-city": p.city, "address-region": p.region, "address-postcode": p.postcode} {
		q, _ := json.Marshal("#" + id)
		switch w.text(`document.querySelector(` + string(q) + `)?.localName`) {
		case "input":
			w.fill("#"+id, text)
		case "select":
			w.choose("#"+id, text)
		}
	}
}

// choose takes a value of a selection by keyboard, as somebody without script does.
func (w *window) choose(selector, value string) {
	w.t.Helper()
	q, _ := json.Marshal(selector)
	v, _ := json.Marshal(value)
	if w.is(`document.querySelector(` + string(q) + `).value === ` + string(v)) {
		return
	}
	w.must(w.Eval(`(e => { e.focus(); e.value = `+string(v)+`; e.dispatchEvent(new Event("change", { bubbles: true })) })(document.querySelector(`+string(q)+`))`, nil))
	if got := w.text(`document.querySelector(` + string(q) + `).value`); got != value {
		w.t.Fatalf("%s has no choice %q: %s", selector, value, w.text(`[...document.querySelector(`+string(q)+`).options].map(o => o.value).join(" ")`))
	}
}

// intoBag goes to a category, takes a product that is there and puts it into the bag.
func (w *window) intoBag(place string) {
	w.t.Helper()
	w.open(place + "/c/dresses?stock=1")
	w.follow(".card a")
	w.chooseSize()
	w.follow(`.buy form button`)
	w.at("/cart")
}

func (w *window) chooseSize() {
	w.t.Helper()
	w.must(w.Eval(`document.querySelector(".buy input[name=sku]:not([disabled])").id = "free-size"`, nil))
	w.click("#free-size")
	if !w.is(`document.querySelector("#free-size").checked`) {
		w.t.Fatal("the size that was clicked isn't chosen")
	}
}

// toPayment walks from the filled bag to the page of payment.
func (w *window) toPayment(p person) {
	w.t.Helper()
	w.follow(`.summary a.button`)
	w.at("/checkout/details")
	w.fillDetails(p)
	w.follow("main form button.wide")
	w.at("/checkout/delivery")
	w.follow("main form button.wide")
	w.at("/checkout/payment")
}

func (w *window) payWith(card string) {
	w.t.Helper()
	w.click(`.option:has(input[value=card])`)
	w.fill("#card", card)
	w.follow("main form button.wide")
}

// number is the order's number on the confirmation page.
func (w *window) number() string {
	w.t.Helper()
	n := w.text(`(document.querySelector("main").innerText.match(/F-\d{8}-\d{4,}/) || [""])[0]`)
	if n == "" {
		w.t.Fatalf("no order number on %s: %.400s", w.Path(), w.text(`document.querySelector("main").innerText`))
	}
	return n
}

// logIn enters the console.
func (w *window) logIn() {
	w.t.Helper()
	w.open("/console/login")
	w.fill("#email", browser.Email)
	w.fill("#password", browser.Password)
	w.follow("form button.wide")
	w.at("/console/")
}

// enter presses Enter where the focus is and waits for the next page.
func (w *window) enter() { w.t.Helper(); w.must(w.FollowKey(kb.Enter)) }

func say(format string, args ...any) string { return fmt.Sprintf(format, args...) }
