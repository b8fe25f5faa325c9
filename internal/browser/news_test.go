package browser_test

import (
	"context"
	"slices"
	"testing"

	"portolan/internal/browser"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/messaging"
)

// where no push service can be reached the page says so and nothing is lost.
func TestNewsOnThisDevice(t *testing.T) {
	w := start(t, browser.Look{})
	w.intoBag("/en-gb")
	w.toPayment(shoppers["gb"])
	w.payWith("4555 0000 0000 0100")
	w.wait(`location.pathname.includes("/orders/")`)
	page := w.Path()
	if w.is(`document.querySelector("[data-news]")`) {
		t.Fatal("offered without an account")
	}
	app := rig.shop.App
	dbtest.Write(t, app.DB, func(tx *db.Tx) error {
		m, _ := app.Markets.ByCode("gb")
		m.ConsentChannels = append(slices.Clone(m.ConsentChannels), "push")
		if err := app.Markets.Save(tx, m); err != nil {
			return err
		}
		return app.Messages.AddAccount(tx, messaging.ProviderAccount{ID: "notices", Provider: "webpush", Channel: messaging.Push, Kind: messaging.Browser,
			Sender: "mailto:shop@miana.example", Enabled: true})
	})
	t.Cleanup(func() {
		if err := app.DB.Write(context.Background(), func(tx *db.Tx) error { return app.Messages.EnableAccount(tx, "notices", false) }); err != nil {
			t.Error(err)
		}
	})
	const button, status = `[data-device] [data-do=on]`, `document.querySelector("[data-device] [role=status]").textContent`
	// A browser without a head has nobody to ask: what the person would answer is said for them.
	press := func(answer, told string) {
		t.Helper()
		w.must(w.Eval(`(Notification.requestPermission = async () => { window.asked = true; return "`+answer+`" }, 0)`, nil))
		w.click(button)
		w.wait(`document.querySelector("[data-device]").dataset.said` + told + ` === ` + status)
	}

	w.open(page)
	w.wait(`!document.querySelector("[data-news]").hidden && !document.querySelector("` + button + `").hidden`)
	if got := w.text(status); got != "" {
		t.Errorf("the page says %q before anything was pressed", got)
	}
	w.must(w.Eval(`navigator.serviceWorker.getRegistrations().then(all => { window.before = all.length })`, nil))
	w.wait(`window.before === 0`)
	if w.is(`window.asked`) {
		t.Error("the page asks on its own")
	}
	press("denied", "Denied")
	w.wait(`!document.querySelector("` + button + `").disabled`)
	press("granted", "Failed") // no push service can be reached from here
	w.must(w.Eval(`navigator.serviceWorker.ready.then(r => { window.worker = r.scope + " " + r.active.scriptURL })`, nil))
	w.wait(`window.worker === location.origin + "/ " + location.origin + "/notices.js"`)
	w.wait(`!document.querySelector("` + button + `").disabled`)
}
