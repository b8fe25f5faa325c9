package browser_test

import (
	"strings"
	"testing"
	"time"

	"portolan/internal/browser"
)

// The bank asks back: the shopper confirms on its page and comes to the confirmation.
func TestThreeDSecure(t *testing.T) {
	w := start(t, browser.Look{})
	w.intoBag("/en-us")
	w.toPayment(shoppers["us"])
	w.payWith("4555 0000 0000 0308")
	if !strings.HasPrefix(w.Path(), "/fakepsp/") {
		t.Fatalf("no challenge but %s", w.Path())
	}
	w.follow("form button")
	w.wait(`location.pathname.includes("/orders/")`)
	w.number()
}

// A declined card loses nothing: the reason is said, another card pays.
func TestDeclinedThenPaid(t *testing.T) {
	w := start(t, browser.Look{})
	w.intoBag("/en-gb")
	w.toPayment(shoppers["gb"])
	w.payWith("4555 0000 0000 0506")
	w.wait(`location.pathname.endsWith("/checkout/payment") && document.querySelector("[role=alert]")`)
	if n := w.text(`document.querySelectorAll(".summary .lines > li").length`); n != "1" {
		t.Errorf("%s lines are left of one", n)
	}
	w.payWith("4555 0000 0000 0100")
	w.wait(`location.pathname.includes("/orders/")`)
	w.number()
}

// A payment that is decided later: the page looks again by itself, without script, and comes to the confirmation.
func TestLateSuccess(t *testing.T) {
	w := start(t, browser.Look{NoScript: true})
	w.intoBag("/ms-my")
	w.toPayment(shoppers["my"])
	w.payWith("4555 0000 0000 1108")
	w.wait(`location.pathname.endsWith("/checkout/waiting")`)
	if !w.is(`document.querySelector("meta[http-equiv=refresh]")`) {
		t.Error("the waiting page doesn't look again")
	}
	rig.shop.App.DB.Clock().Advance(2 * time.Minute)
	w.wait(`location.pathname.includes("/orders/")`)
	w.number()
}
