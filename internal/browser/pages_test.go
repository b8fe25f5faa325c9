package browser_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"portolan/internal/browser"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/messaging"
)

// The widths pages are looked at: the narrowest that must do, a phone, a desk.
var widths = []int64{320, 390, 1280}

// looker judges pages.
type looker struct {
	*window
	axe, faults string
	widths      []int64
	latin       bool // complain about sentences in Latin letters
	seen        []string
}

func newLooker(t *testing.T) *looker {
	t.Helper()
	axe, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	faults, err := os.ReadFile("testdata/faults.js")
	if err != nil {
		t.Fatal(err)
	}
	return &looker{window: start(t, browser.Look{}), axe: string(axe), faults: string(faults), widths: widths}
}

// look judges the page that is open. Barriers that axe-core calls serious or critical, and faults of layout, are
// reported by the name of the page.
func (l *looker) look(name string) {
	l.t.Helper()
	l.seen = append(l.seen, name)
	for _, width := range l.widths {
		l.must(l.Size(width, 800, width < 1000))
		if got := l.text(l.faults + "(" + strconv.FormatBool(l.latin) + ")"); got != "" {
			l.t.Errorf("%s at %d px:\n%s", name, width, got)
		}
	}
	if l.axe == "" {
		return
	}
	for _, v := range l.barriers(name) {
		l.t.Errorf("%s: %s (%s, %s)\n  %s", name, v.Help, v.ID, v.Impact, strings.Join(v.Nodes, "\n  "))
	}
}

// barrier is what axe-core found.
type barrier struct {
	ID, Impact, Help string
	Nodes            []string
}

// barriers are what axe-core calls serious or critical on the page.
func (l *looker) barriers(name string) []barrier {
	l.t.Helper()
	l.must(l.Eval(l.axe+"\n;true", nil))
	var found []barrier
	l.must(l.Eval(`(window.found = "", axe.run(document, { resultTypes: ["violations"] }).then(r => window.found = JSON.stringify(
		r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => ({ ID: v.id, Impact: v.impact, Help: v.help,
		Nodes: v.nodes.slice(0, 4).map(n => n.html.slice(0, 160) + " — " + n.any.concat(n.all, n.none).map(c => c.message).slice(0, 1)) }))), e => window.found = JSON.stringify([{ID: String(e)}])), true)`, nil))
	l.wait(`window.found`)
	text := l.text(`window.found`)
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		l.t.Fatalf("axe on %s: %v in %.200s", name, err, text)
	}
	return found
}

// TestLooker spoils a page in every way that is looked for.
func TestLooker(t *testing.T) {
	l := newLooker(t)
	for name, c := range map[string]struct{ js, fault, barrier string }{
		"wide":     {js: `document.querySelector(".hero").insertAdjacentHTML("afterend", "<pre>" + "000 ".repeat(400) + "</pre>")`, fault: "px wide"},
		"cut":      {js: `document.querySelector(".hero .button").style.cssText = "overflow:hidden;max-width:4rem;white-space:nowrap"`, fault: "cut off"},
		"over":     {js: `document.querySelector(".hero p").style.marginTop = "-3rem"`, fault: "on top of each other"},
		"latin":    {js: `document.querySelector(".hero p").textContent = "Delivered to your door"`, fault: "Latin words"},
		"pale":     {js: `document.querySelector(".hero p").style.color = "#ccc"`, barrier: "color-contrast"},
		"nameless": {js: `document.querySelector(".search button").removeAttribute("aria-label")`, barrier: "button-name"},
	} {
		l.open("/ar-de/")
		l.must(l.Eval(c.js+`, true`, nil))
		if got := l.text(l.faults + "(true)"); !strings.Contains(got, c.fault) || c.fault == "" && got != "" {
			t.Errorf("%s: the layout was found %q", name, got)
		}
		if got := say("%v", l.barriers(name)); !strings.Contains(got, c.barrier) {
			t.Errorf("%s: axe found %q", name, got)
		}
	}
}

// see opens a path and judges it.
func (l *looker) see(name, path string) {
	l.t.Helper()
	l.open(path)
	l.look(name)
}

// TestEveryPage judges every kind of page of the shop, in three languages with axe-core, in the others by layout.
func TestEveryPage(t *testing.T) {
	for _, c := range []struct {
		place string
		axe   bool
		who   string
	}{{"/en-us", true, "us"}, {"/de-de", true, "de"}, {"/ar-de", true, "de"}, {"/id-id", false, "id"}, {"/ms-my", false, "my"}} {
		t.Run(c.place[1:], func(t *testing.T) {
			l := newLooker(t)
			lang, _, _ := strings.Cut(c.place[1:], "-")
			l.latin = lang == "ar"
			if !c.axe {
				l.axe, l.widths = "", []int64{320, 1280}
			}
			l.see("chooser", "/?from="+c.place+"/")
			if got, want := l.text(`document.documentElement.dir + " " + getComputedStyle(document.body).direction`), map[bool]string{true: "rtl rtl", false: "ltr ltr"}[l.latin]; got != want {
				t.Errorf("the page runs %s, not %s", got, want)
			}
			l.see("home", c.place+"/")
			if got := l.text(`[...document.querySelectorAll(".hero img, .flow")].filter(e => new DOMMatrix(getComputedStyle(e).transform).a < 0).length`); got != map[bool]string{true: "3", false: "0"}[l.latin] {
				t.Errorf("%s pictures that show a direction are turned round, of three", got)
			}
			l.see("category", c.place+"/c/dresses")
			l.see("chosen filters", c.place+"/c/dresses?size=m&stock=1&sort=price_up")
			l.see("search", c.place+"/search?q="+l.text(`encodeURIComponent(document.querySelector(".card h3").innerText.split(" ").pop())`))
			l.see("no hit", c.place+"/search?q=zzzzqqqq")
			l.see("empty bag", c.place+"/cart")
			l.see("product", c.place+"/p/meridian-wrap-dress")
			l.see("product, no size chosen", c.place+"/p/meridian-wrap-dress?problem=size")
			l.must(l.Size(1280, 800, false))
			l.chooseSize()
			l.follow(`.buy form button`)
			l.look("bag")
			l.must(l.Size(1280, 800, false))
			l.fill("#code", "NOT-A-CODE")
			l.follow(`form[action$="/cart/code"] button`)
			l.look("bag, code refused")
			l.must(l.Size(1280, 800, false))
			l.follow(`.summary a.button`)
			l.look("details")
			l.must(l.Size(1280, 800, false))
			l.follow("main form button.wide")
			l.look("details, wrong")
			l.must(l.Size(1280, 800, false))
			l.fillDetails(shoppers[c.who])
			l.follow("main form button.wide")
			l.must(l.Eval(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil))
			l.look("delivery")
			l.must(l.Size(1280, 800, false))
			l.follow("main form button.wide")
			l.must(l.Eval(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil))
			l.look("payment")
			l.must(l.Size(1280, 800, false))
			l.payWith("4555 0000 0000 0506")
			l.wait(`document.querySelector("[role=alert]")`)
			l.look("payment, declined")
			l.must(l.Size(1280, 800, false))
			l.payWith("4555 0000 0000 0100")
			l.wait(`location.pathname.includes("/orders/")`)
			l.look("confirmation")
			for _, name := range []string{"delivery", "returns", "contact", "about", "privacy", "terms"} {
				l.see("info "+name, c.place+"/info/"+name)
			}
			l.see("no such page", c.place+"/p/no-such-dress")
		})
	}
}

// Where nobody can answer a text message, it carries a link to a page that takes the answer.
func TestReplyPage(t *testing.T) {
	l := newLooker(t)
	link := regexp.MustCompile(`https?://[^\s]+(/[ru]/[\w-]+)`)
	for _, lang := range []string{"ar", "en"} {
		p := shoppers["id"]
		p.phone = map[string]string{"ar": "0812 5550 1181", "en": "0812 5550 1182"}[lang]
		l.must(l.Size(1280, 800, false))
		l.intoBag("/" + lang + "-id")
		l.toPayment(p)
		l.payWith("4555 0000 0000 0100")
		l.wait(`location.pathname.includes("/orders/")`)
		w := start(t, browser.Look{})
		w.logIn()
		w.open("/console/handsets?market=id")
		id := "#p62" + strings.ReplaceAll(p.phone[1:], " ", "")
		w.wait(say(`document.querySelector(%q)?.innerText.includes("http")`, id))
		m := link.FindStringSubmatch(w.text(say(`document.querySelector(%q).innerText`, id)))
		if m == nil {
			t.Fatalf("no link for an answer in %s", w.text(say(`document.querySelector(%q).innerText`, id)))
		}
		l.latin = lang == "ar"
		l.see("reply page "+lang, m[1])
		l.fill("#text", "سؤال / a question")
		l.follow("main form button")
		l.look("answered " + lang)
	}
}

// lastMonth is the month before the shop's, as a period of returns.
func lastMonth() string {
	now := rig.shop.App.DB.Clock().Now()
	return now.AddDate(0, 0, -now.Day()).Format("2006-01")
}

// writes lets the owner of a phone write to the shop.
func (w *window) writes(phone, text string) {
	w.t.Helper()
	a := rig.shop.App
	w.must(a.DB.Write(w.t.Context(), func(tx *db.Tx) error {
		_, err := a.Messages.Receive(tx, messaging.Inbound{Provider: "test", Channel: messaging.SMS, From: phone, Text: text})
		return err
	}))
	w.must(a.Queue.Idle(w.t.Context()))
}

// plan asks the gate about an offer to a list of people, one of whom is known.
func (w *window) plan() {
	w.t.Helper()
	a := rig.shop.App
	w.must(a.DB.Write(w.t.Context(), func(tx *db.Tx) error {
		list, err := a.Messages.ReadList(tx, "", []string{"lena.hofmann@example.com", "nobody@example.com"})
		if err != nil {
			return err
		}
		_, err = a.Messages.StartPlan(tx, messaging.Campaign{Name: "Winter sale", Template: "cart", Vars: map[string]string{"code": "WINTER", "pct": "10"}, Link: rig.shop.URL + "/", People: list}, "mei")
		return err
	}))
	w.must(a.Queue.Idle(w.t.Context()))
}

// twin gives a customer a second profile with the same phone.
func (w *window) twin() {
	a := rig.shop.App
	w.must(a.DB.Write(w.t.Context(), func(tx *db.Tx) error {
		all, err := a.Customers.List(tx, customer.Query{Limit: 1})
		if err != nil || len(all) == 0 {
			return err
		}
		other := all[0]
		other.ID, other.Email = "", "work@werkstatt.example"
		_, err = a.Customers.Upsert(tx, other)
		return err
	}))
}

// TestConsolePages judges the operators' pages once there is something on them.
func TestConsolePages(t *testing.T) {
	w := start(t, browser.Look{})
	w.intoBag("/de-de")
	w.toPayment(shoppers["de"])
	w.payWith("4555 0000 0000 0100")
	w.wait(`location.pathname.includes("/orders/")`)
	number := w.number()
	w.writes("+4917604069077", "Kann ich das Kleid noch in Blau bekommen? Und was ist mit der Größe?")
	w.plan()
	w.twin()

	l := newLooker(t)
	l.widths = []int64{390, 1280}
	l.see("log-in", "/console/login")
	l.must(l.Size(1280, 800, false))
	l.logIn()
	l.look("today")
	l.open("/console/handsets?market=de")
	l.wait(say(`document.body.innerText.includes(%q)`, number))
	l.look("handsets")
	for _, name := range []string{"orders", "payments", "customers", "products", "goods", "goods/monday-backpack", "goods/riverside-wrap-skirt?q=skirt", "markets", "prices", "prices/rules", "prices/rivals", "rates", "rates/exposure", "rules", "rules/history", "rules/imports", "papers", "messages", "messages/measures", "messages/measures?span=7d&table=1", "inbox", "tickets", "canned", "templates", "templates/confirm?lang=de", "templates/cart?lang=ar", "templates/confirm?lang=th&channel=email", "plans", "senders", "senders/new?country=GB&kind=alpha&value=MIANA", "consents", "consents/words?market=de", "consents/import", "consents/silence", "evidence", "mails", "channels", "channels/new/twilio", "jobs", "keys"} {
		l.see(name, "/console/"+name)
	}
	journeyPages(l)
	for name, selector := range map[string]string{"orders": `main a[href^="/console/orders/"]`, "customers": `main a[href^="/console/customers/"]`,
		"plans": `main .rows a[href^="/console/plans/"]`, "canned": `main .rows a[href^="/console/canned?"]`, "senders": `main th a[href^="/console/senders/"]`,
		"products": `main a[href^="/console/products/"]`, "papers": `main .shipments a[href^="/console/papers/"]`, "messages": `main td a[href^="/console/messages/"]`, "inbox": `main .talks a[href^="/console/inbox/"]`, "tickets": `main td a[href^="/console/tickets/"], main th a[href^="/console/tickets/"]`, "mails": `main a[href^="/console/mails/"]`} {
		l.must(l.Size(1280, 800, false))
		path := "/console/" + name
		if name == "papers" {
			path += "?show=open" // what can leave at once, too
		}
		l.open(path)
		l.follow(selector)
		l.look("one of " + name)
	}
	l.must(l.Size(1280, 800, false))
	l.open("/console/customers?q=werkstatt")
	l.follow(`main a[href^="/console/customers/"]`)
	l.look("perhaps the same person")
	l.follow(`main a[href*="/join?other="]`)
	l.look("two profiles beside each other")
	l.must(l.Size(1280, 800, false))
	l.follow(`main button[value="join"]`)
	l.look("a person with two profiles")
	l.see("customs profile", "/console/papers/profile")
	l.see("descriptions", "/console/papers/goods")
	l.see("a product's customs", "/console/products/meridian-wrap-dress/customs")
	l.see("a rule", "/console/rules/row?id=eu:ioss:2026-07-01")
	l.see("a rule's change", "/console/rules/change?do=replace&end=eu:ioss:2026-07-01&look=1&effective=x&source=&reason=")
	l.see("a change's effects", "/console/rules/change?do=end&end=eu:ioss:2026-07-01&effective=2027-01-01&source=x&reason=y&look=1")
	for name, path := range map[string]string{"taxes": "", "registrations": "/registrations?word=IOSS", "returns": "/returns", "a threshold": "/thresholds/threshold:CA-BC:pst:2021-04-01",
		"a return": "/returns/IOSS/" + lastMonth(), "orders of a return": "/returns/IOSS/" + lastMonth() + "/orders"} {
		l.see(name, "/console/taxes"+path)
	}
	for _, q := range []string{"", "?of=articles", "?market=de&stars=1&words=1"} {
		l.see("ratings"+q, "/console/ratings"+q)
	}
	l.must(l.Size(1280, 800, false))
	l.open("/console/orders/" + number)
	l.follow(`main a[href^="/console/runs/"]`)
	l.look("a run of a journey")
	l.see("no such page", "/console/nothing")
	if !slices.Contains(l.seen, "one of orders") {
		t.Error("the order's page wasn't looked at")
	}
}

// TestConversationInLanguages judges the pages about conversations, tickets and campaigns in German and Arabic.
func TestConversationInLanguages(t *testing.T) {
	w := start(t, browser.Look{})
	w.intoBag("/de-de")
	w.toPayment(shoppers["de"])
	w.payWith("4555 0000 0000 0100")
	w.wait(`location.pathname.includes("/orders/")`)
	w.writes("+4917604069077", "Kann ich das Kleid noch in Blau bekommen?")
	w.plan()
	l := newLooker(t)
	l.widths = []int64{390, 1280}
	l.logIn()
	for _, lang := range []string{"de", "ar"} {
		l.must(l.Eval(`(window.spoken = false, fetch("/console/language", {method: "POST", body: new URLSearchParams({lang: "`+lang+`"})}).then(r => { window.spoken = r.ok }), true)`, nil))
		l.wait(`window.spoken === true`)
		for name, selector := range map[string]string{"inbox": `main .talks a[href^="/console/inbox/"]`, "tickets": `main th a[href^="/console/tickets/"]`, "plans": `main .rows a[href^="/console/plans/"]`,
			"canned": "", "senders": `main th a[href^="/console/senders/"]`, "messages": `main td a[href^="/console/messages/"]`, "messages/measures": ""} {
			l.must(l.Size(1280, 800, false))
			l.open("/console/" + name)
			if got := l.text(`document.documentElement.lang`); got != lang {
				t.Fatalf("%s is in %s, not %s", name, got, lang)
			}
			if selector != "" {
				l.wait(`document.querySelector(` + strconv.Quote(selector) + `)`)
			}
			l.look(name + " " + lang)
			if selector != "" {
				l.must(l.Size(1280, 800, false))
				l.follow(selector)
				l.look("one of " + name + " " + lang)
			}
		}
	}
}

// journeyPages judges the pages of journeys: the seven paths, and a draft with a form of each kind.
func journeyPages(l *looker) {
	for _, name := range []string{"", "/cart", "/confirm", "/parcel", "/delay", "/survey", "/again", "/review", "/cart/versions", "/cart?node=write", "/again?node=gift", "/survey?part=exits"} {
		l.see("journeys"+name, "/console/journeys"+name)
	}
	l.must(l.Size(1280, 800, false))
	l.open("/console/journeys/cart")
	l.follow(`.drafting button[value=begin]`)
	l.look("draft of a journey")
	for _, part := range []string{"node=pause", "node=back", "node=share", "node=offer", "node=write", "part=trigger", "part=exits", "part=settings"} {
		l.see("draft, "+part, "/console/journeys/cart?draft=1&"+part)
	}
	l.must(l.Size(1280, 800, false))
	l.open("/console/journeys/cart?draft=1&node=back")
	l.fill("#f-when", "cart.totl > 3")
	l.follow(`.node-form button[value=save]`)
	l.look("draft, a rule that can't be read")
	l.must(l.Size(1280, 800, false))
	l.open("/console/templates/cart?lang=de")
	l.must(l.Eval(`document.querySelector(".kinds").closest("details").open = true`, nil))
	l.fill("#body", "[{name}, ]noch da. {code}: {pct}%, 24 Std.")
	l.must(l.Click(`.kinds input[value=new]`))
	l.follow(`#text button[value=publish]`)
	l.look("a text that waits for the next publishing")
	l.see("a journey of which words wait", "/console/journeys/cart")
	l.see("publishing", "/console/journeys/cart/publish")
	l.see("comparison", "/console/journeys/cart/versions?a=1&b=draft")
	l.see("moving people", "/console/journeys/cart/move?from=1")
}
