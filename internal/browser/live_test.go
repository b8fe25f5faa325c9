package browser_test

import (
	"testing"

	"portolan/internal/browser"
	"portolan/internal/db"
	"portolan/internal/messaging"
)

// What is drawn anew every few seconds leaves the focus where it is, and waits while somebody marks text.
func TestLivePagesKeepTheFocus(t *testing.T) {
	w := start(t, browser.Look{})
	w.logIn()
	a := rig.shop.App
	send := func(which string) {
		w.must(a.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := a.Messages.Send(tx, messaging.Message{Key: which + a.DB.Clock().Now().String(), Market: "de", Country: "DE", Lang: "de", Channel: messaging.SMS, To: "+4917604069099", Class: messaging.Transactional,
				Template: "confirm", Vars: map[string]string{"name": "Anna", "order": "F-1", "items": "Kleid", "from": "1. Dez.", "to": "3. Dez."}})
			return err
		}))
	}
	send("seen ")
	w.open("/console/messages/measures?span=30d")
	if !w.is(`document.querySelector("#live a, #live [tabindex]")`) {
		t.Fatal("a message was sent, and the page shows none")
	}
	w.must(w.Eval(`{ const at = document.querySelector("#live a, #live [tabindex]"); at.focus(); window.was = at }`, nil))
	send("drawn ")
	w.wait(`!window.was.isConnected && document.getElementById("live").contains(document.activeElement)`)
	if w.text(`document.activeElement.getAttribute("href")`) != w.text(`window.was.getAttribute("href")`) {
		t.Fatal("the focus is on something else")
	}
}
