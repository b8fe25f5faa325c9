package browser_test

import (
	"testing"

	"portolan/internal/browser"
)

// What is drawn anew every few seconds leaves the focus where it is, and waits while somebody marks text.
func TestLivePagesKeepTheFocus(t *testing.T) {
	w := start(t, browser.Look{})
	w.logIn()
	w.open("/console/messages/measures?span=30d")
	drawn := `new Promise(done => document.addEventListener("htmx:afterSettle", () => setTimeout(() => done(true), 50), { once: true })).then(() => { window.drawn = true }) && 0`
	if !w.is(`document.querySelector("#live a, #live [tabindex]")`) {
		t.Skip("optional: nothing was sent yet in this shop")
	}
	w.must(w.Eval(`window.drawn = false; `+drawn, nil))
	w.must(w.Eval(`{ const at = document.querySelector("#live a, #live [tabindex]"); at.focus(); window.was = at }`, nil))
	w.wait(`window.drawn`)
	if !w.is(`document.getElementById("live").contains(document.activeElement)`) {
		t.Fatalf("the focus is on %s", w.text(`document.activeElement.outerHTML.slice(0, 200)`))
	}
	if w.is(`document.activeElement === window.was`) {
		t.Fatal("nothing was drawn anew")
	}
	if w.text(`document.activeElement.getAttribute("href")`) != w.text(`window.was.getAttribute("href")`) {
		t.Fatal("the focus is on something else")
	}
}
