package browser_test

import (
	"testing"

	"portolan/internal/browser"
)

// The German shopper puts the batik skirt into the bag and may go on; the Indonesian one reads why not, in the list, on
// the product's page and, where it is in the bag already, there.
func TestSkirtThatIndonesiaDoesNotLetIn(t *testing.T) {
	w := start(t, browser.Look{Lang: "de-DE,de;q=0.9"})
	w.open("/de-de/p/riverside-wrap-skirt")
	w.chooseSize()
	w.follow(`.buy form button`)
	w.at("/de-de/cart")
	if w.is(`document.querySelector(".lines .error-text")`) || !w.is(`document.querySelector('a[href="/de-de/checkout/details"]')`) {
		t.Error("the skirt can't be bought in Germany")
	}

	// The same bag, taken to Indonesia.
	w.open("/id-id/cart")
	if got := w.text(`document.querySelector(".lines .error-text").innerText`); got == "" {
		t.Error("the bag doesn't say why it can't go to Indonesia")
	}
	if w.is(`document.querySelector('a[href="/id-id/checkout/details"]')`) {
		t.Error("the bag leads to the checkout")
	}
	look := newLooker(t)
	look.see("bag-restricted", "/id-id/p/riverside-wrap-skirt")
	w.open("/id-id/p/riverside-wrap-skirt")
	if w.is(`document.querySelector(".buy form button")`) || !w.is(`document.querySelector(".buy .note.warn")`) {
		t.Error("the product's page offers it all the same")
	}
	w.open("/id-id/c/skirts")
	if !w.is(`[...document.querySelectorAll(".card")].find(c => c.querySelector('a[href$="riverside-wrap-skirt"]')).querySelector(".tag")`) {
		t.Error("the list doesn't say so")
	}
	w.open("/id-id/cart")
	w.follow(`.lines button[value="0"]`)
	if w.is(`document.querySelector(".lines")`) {
		t.Error("it can't be taken out")
	}
}
