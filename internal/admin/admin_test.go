package admin_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/admin"
	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/jobs"
	"portolan/internal/journeys"
	"portolan/internal/messaging"
	"portolan/internal/messaging/smsc"
)

func lite(t *testing.T) *rig {
	return newRig(t, dbtest.Open(t, t.TempDir()+"/t.db", db.Manual(dbtest.Start), schemas))
}

func TestFirstOwner(t *testing.T) {
	r := lite(t)
	r.open()
	b := r.visit()
	has(t, b.page("/console/orders"), `action="/console/first"`)
	status, body := b.post("/console/first", "name", "Mei", "email", "mei@shop.example", "password", "short")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	has(t, body, "10 to 200 characters", `value="mei@shop.example"`)
	status, body = b.post("/console/first", "name", "Mei", "email", "mei@shop.example", "password", password)
	require.Equal(t, http.StatusOK, status)
	has(t, body, "Your account is ready.", "Nothing needs you right now")

	status, _ = r.visit().post("/console/first", "name", "Eve", "email", "eve@shop.example", "password", password)
	require.Equal(t, http.StatusForbidden, status, "the first owner is the only one made this way")
}

func TestLogIn(t *testing.T) {
	r := lite(t)
	r.parts.Demo = &admin.Demo{Email: "owner@shop.example", Password: password}
	r.open()
	r.user(auth.Owner)
	b := r.visit()
	has(t, b.page("/console/login"), password, "owner@shop.example")
	status, body := b.post("/console/login", "email", "owner@shop.example", "password", "wrong")
	require.Equal(t, http.StatusUnauthorized, status)
	has(t, body, "E-mail or password is not right", `value="owner@shop.example"`)

	b.c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for next, want := range map[string]string{
		"/console/orders?q=1": "/console/orders?q=1", "https://evil.example/console/": "/console/", "//evil.example/": "/console/",
		`/console/\evil.example`: "/console/", "/elsewhere": "/console/", "": "/console/",
	} {
		res, err := b.c.PostForm(r.server.URL+"/console/login", map[string][]string{"email": {"owner@shop.example"}, "password": {password}, "next": {next}})
		require.NoError(t, err)
		require.Equal(t, http.StatusSeeOther, res.StatusCode)
		require.Equal(t, want, res.Header.Get("Location"), next)
		k := res.Cookies()[0]
		require.True(t, k.HttpOnly)
		require.Equal(t, http.SameSiteLaxMode, k.SameSite)
	}
	b.c.CheckRedirect = nil
	has(t, b.page("/console/"), "owner@shop.example")
	b.post("/console/logout")
	has(t, b.page("/console/"), `action="/console/login"`)
}

func TestNobodyGetsInWithoutSession(t *testing.T) {
	r := lite(t)
	r.user(auth.Owner)
	r.open()
	b := r.visit()
	b.c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{"/", "/orders", "/orders/x", "/payments", "/customers", "/products", "/markets", "/rules", "/rules/row", "/rules/export", "/rules/change", "/rules/history", "/rules/imports", "/messages", "/inbox", "/inbox/x", "/tickets", "/tickets/x", "/canned", "/handsets", "/mails", "/mails/x/html", "/jobs", "/keys", "/clock"} {
		status, _ := b.get("/console" + path)
		require.Equal(t, http.StatusSeeOther, status, path)
	}
	req, _ := http.NewRequest("GET", r.server.URL+"/console/?part=live", nil)
	req.Header.Set("HX-Request", "true")
	res, err := b.c.Do(req)
	require.NoError(t, err)
	require.Equal(t, "/console/login", res.Header.Get("HX-Redirect"))
}

func TestOtherSitesCannotAct(t *testing.T) {
	r := lite(t)
	r.user(auth.Owner)
	r.open()
	b := r.as(auth.Owner)
	req, _ := http.NewRequest("POST", r.server.URL+"/console/logout", nil)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := b.c.Do(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, res.StatusCode)
	b.page("/console/orders")
}

func TestRoles(t *testing.T) {
	r := lite(t)
	r.user(auth.Viewer)
	r.user(auth.Operator)
	r.open()
	viewer, operator := r.as(auth.Viewer), r.as(auth.Operator)
	require.NotContains(t, viewer.page("/console/"), `href="/console/keys"`)
	for _, path := range []string{"/jobs/1/retry", "/rules/change", "/rules/history/x/undo", "/rules/imports", "/rules/imports/x/end", "/inbox/x", "/inbox/x/here", "/tickets", "/tickets/x", "/canned", "/payments/x/close", "/products/x/hidden", "/handsets/49", "/clock"} {
		status, _ := viewer.post("/console" + path)
		require.Equal(t, http.StatusForbidden, status, path)
	}
	for _, b := range []*browser{viewer, operator} {
		status, _ := b.get("/console/keys")
		require.Equal(t, http.StatusForbidden, status)
		status, _ = b.post("/console/keys", "name", "x", "scope", "orders:write")
		require.Equal(t, http.StatusForbidden, status)
		status, _ = b.post("/console/keys/x/revoke")
		require.Equal(t, http.StatusForbidden, status)
	}
	status, _ := operator.post("/console/clock", "by", "2h")
	require.Equal(t, http.StatusForbidden, status, "time passes by itself outside the demo")
}

func TestOrder(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		o := r.sample()
		r.decisions["crt_1"] = []journeys.Decision{{Journey: "cart", Outcome: journeys.NotSent, Reason: "paid_meanwhile", At: d.Clock().Now()}}
		r.user(auth.Operator)
		r.open()
		b := r.as(auth.Operator)
		has(t, b.page("/console/"), o.Number, "EUR\u00a087.95")
		for _, q := range []string{o.Number, "anna@example.org", "%2B4915123456789", "beer", ""} {
			has(t, b.page("/console/orders?q="+q), o.Number)
		}
		require.NotContains(t, b.page("/console/orders?q=nobody"), o.Number)
		require.NotContains(t, b.page("/console/orders?state=cancelled"), o.Number)

		body := b.page("/console/orders/" + string(o.ID))
		has(t, body, "Order placed: EUR\u00a087.95", "Paid: EUR\u00a087.95 by card", "Order paid in full", "SMS to +49 1512 3456789 sent",
			"Cart recovery not sent", "The order was paid meanwhile", "DE-VAT-STD", "Sonnenweg 1")
		has(t, b.page("/console/orders/"+o.Number), "Sonnenweg 1")
		status, body := b.get("/console/orders/none")
		require.Equal(t, http.StatusNotFound, status)
		has(t, body, `class="rail"`)
	})
}

func TestNothingIsMarkup(t *testing.T) {
	r := lite(t)
	o := r.sample()
	r.inbound("where is it? " + evil)
	r.handsets.texts = []smsc.Text{{ID: "1", Direction: smsc.Received, From: "+4915112345600", To: "4915123456789", Text: "Hello " + evil + ` https://miana.example/a?b="x`, Parts: 1, DeliveredAt: dbtest.Start}}
	r.parts.Mails = mails{{ID: "m1", Subject: "Hi " + evil, To: "anna@example.org", Text: evil, HTML: "<p>" + evil + "</p>", At: dbtest.Start}}
	r.user(auth.Owner)
	r.open()
	b := r.as(auth.Owner)
	var customer, message, inbound string
	dbtest.Read(t, r.d, func(tx *db.Tx) error {
		customer = o.Customer
		all, err := r.messages.List(tx, messaging.Filter{}, messaging.Page{})
		require.NotEmpty(t, all)
		message = all[len(all)-1].ID
		in, err2 := r.messages.Inbox(tx, messaging.InboxFilter{}, messaging.Page{})
		require.NotEmpty(t, in)
		inbound = in[0].ID
		return errors.Join(err, err2)
	})
	ours := regexp.MustCompile(`<script src="/console/assets/[^"]+" defer></script>`)
	for _, path := range []string{"/", "/orders", "/orders/" + string(o.ID), "/customers", "/customers/" + customer, "/messages", "/messages/" + message, "/inbox", "/inbox/" + inbound,
		"/handsets", "/mails", "/mails/m1", "/orders?q=" + strings.ReplaceAll(evil, "/", "%2F"), "/jobs", "/keys", "/markets", "/products?q=" + evil} {
		body := ours.ReplaceAllString(b.page("/console"+path), "")
		require.NotContains(t, body, "<script", path)
		require.NotContains(t, body, " onclick", path)
		require.NotContains(t, body, " style=", path)
	}
	res, err := b.c.Get(r.server.URL + "/console/mails/m1/html")
	require.NoError(t, err)
	policy := res.Header.Get("Content-Security-Policy")
	has(t, policy, "sandbox", "default-src 'none'")
	require.NotContains(t, policy, "script")
}

func TestInbox(t *testing.T) {
	r := lite(t)
	r.sample()
	r.inbound("can you embroider my name?")
	r.user(auth.Operator)
	r.open()
	b := r.as(auth.Operator)
	has(t, b.page("/console/"), "1 conversation is unread")
	list := b.page("/console/inbox")
	has(t, list, "can you embroider my name?", "Waits 1 min")
	link := regexp.MustCompile(`/console/inbox/tlk_\w+`).FindString(list)
	require.NotEmpty(t, link)
	body := b.page(link)
	has(t, body, "can you embroider my name?", "Your answer", "they wrote here last", "A question")
	require.NotContains(t, b.page("/console/"), "conversation is unread")
	version := regexp.MustCompile(`name="version" form="answer" value="(\d+)"`).FindStringSubmatch(body)[1]

	before := len(r.carrier.took)
	status, body := b.post(link, "do", "preview", "version", version, "text", "Yes, tell us the name.")
	require.Equal(t, http.StatusOK, status)
	has(t, body, "As they would get it", "1 part", "Yes, tell us the name.")
	r.drain()
	require.Len(t, r.carrier.took, before, "looked at, not sent")
	_, body = b.post(link, "do", "send", "version", version, "text", "Yes, tell us the name.")
	has(t, body, "Your answer is on its way.", "We wait for them")
	r.drain()
	require.Len(t, r.carrier.took, before+1)
	require.Contains(t, r.carrier.took[before].Text, "Yes, tell us the name.")
	status, body = b.post(link, "do", "send", "version", version, "text", "And another answer")
	require.Equal(t, http.StatusConflict, status, "she saw the page of before")
	has(t, body, "Nothing was sent", "And another answer")
	status, _ = b.post(link, "do", "send", "version", "0", "text", "")
	require.Equal(t, http.StatusUnprocessableEntity, status)

	r.inbound("and another thing")
	_, body = b.post(link, "do", "note", "note", "she is nice")
	has(t, body, "she is nice", "The note is kept.")
	_, body = b.post(link, "do", "solve")
	has(t, body, "Solved.", "Undo", "Settled")
	_, body = b.post(link, "reopen", "")
	has(t, body, "Opened again.")
	_, body = b.post(link, "do", "unread")
	has(t, body, "It is unread again.", `class="unread"`)
	has(t, b.page("/console/inbox?q=embroider"), link)
	has(t, b.page("/console/inbox?q=zebra"), "Nothing was found")

	number := regexp.MustCompile(`/console/tickets/(T-\w+)`).FindString(b.page("/console/tickets"))
	has(t, b.page(number), "A question", "Solve the ticket")
	_, body = b.post(number, "do", "save", "priority", "high", "queue", "returns", "user", "", "title", "Embroidery", "version", "0")
	has(t, body, "Embroidery", "High", "Returns")
	status, _ = b.post(number, "do", "save", "priority", "high", "queue", "returns", "user", "", "title", "X", "version", "1")
	require.Equal(t, http.StatusConflict, status)
	_, body = b.post("/console/tickets", "do", "open", "title", "Wants an invoice", "order", "nope")
	has(t, body, "We do not know this.", "Wants an invoice")
	_, body = b.post("/console/tickets", "do", "open", "title", "Wants an invoice", "queue", "payments", "priority", "low")
	has(t, body, "Wants an invoice", "The ticket is open.")

	_, body = b.post("/console/canned?lang=en", "do", "save", "lang", "en", "title", "Embroidery", "words", "Hello {nam}")
	has(t, body, "none of those below", "Hello {nam}")
	_, body = b.post("/console/canned?lang=en", "do", "save", "lang", "en", "title", "Embroidery", "words", "We embroider for free.")
	has(t, body, "The answer is kept.")
	canned := regexp.MustCompile(`can_\w+`).FindString(body)
	has(t, b.page(link+"?canned="+canned), ">We embroider for free.</textarea>")
}

func TestHandsets(t *testing.T) {
	r := lite(t)
	r.handsets.texts = []smsc.Text{{ID: "1", Direction: smsc.Received, From: "+4915112345600", Text: "Hello, see https://miana.example/x.", Parts: 1, DeliveredAt: dbtest.Start}}
	r.user(auth.Operator)
	r.open()
	b := r.as(auth.Operator)
	has(t, b.page("/console/handsets"), "Hello, see ", `href="https://miana.example/x"`, "1:00", `name="to" value="`)
	b.post("/console/handsets/4915123456789", "to", "+4915112345600", "text", "", "text", "STOP")
	require.Equal(t, []string{"4915123456789 +4915112345600 STOP"}, r.handsets.replies)

	r.handsets.texts[0].OneWay, r.handsets.texts[0].From = true, "MIANA"
	body := b.page("/console/handsets")
	has(t, body, "cannot be answered", "Open the page")
	require.NotContains(t, body, `action="/console/handsets/4915123456789"`)

	r.parts.Handsets, r.parts.Mails = nil, nil
	r.open()
	b = r.as(auth.Operator)
	has(t, b.page("/console/handsets"), "Handsets belong to the demo")
	has(t, b.page("/console/mails"), "belongs to the demo")
}

func TestLivePart(t *testing.T) {
	r := lite(t)
	r.user(auth.Operator)
	r.open()
	b := r.as(auth.Operator)
	address := regexp.MustCompile(`hx-get="(/console/\?[^"]+)"`)
	find := func(body string) string {
		m := address.FindStringSubmatch(body)
		require.Len(t, m, 2)
		return strings.ReplaceAll(m[1], "&amp;", "&")
	}
	live := find(b.page("/console/"))
	status, _ := b.get(live)
	require.Equal(t, http.StatusNoContent, status, "nothing has changed")
	o := r.sample()
	status, body := b.get(live)
	require.Equal(t, http.StatusOK, status)
	has(t, body, o.Number, `hx-swap-oob="true"`)
	require.NotContains(t, body, "<html")
	status, _ = b.get(find(body))
	require.Equal(t, http.StatusNoContent, status)
}

type boom struct{}

func (boom) Job() string { return "test.boom" }

func TestJobs(t *testing.T) {
	r := lite(t)
	worked := 0
	fails := true
	jobs.Handle(r.queue, func(*db.Tx, boom) error {
		if fails {
			return jobs.Permanent(errors.New("no such <thing>"))
		}
		worked++
		return nil
	})
	add := func() {
		dbtest.Write(t, r.d, func(tx *db.Tx) error { return r.queue.Add(tx, boom{}, jobs.When{}) })
		r.drain()
	}
	add()
	r.user(auth.Operator)
	r.open()
	b := r.as(auth.Operator)
	has(t, b.page("/console/"), "1 job was given up")
	body := b.page("/console/jobs")
	has(t, body, "no such &lt;thing&gt;", "test.boom")
	retry := regexp.MustCompile(`/console/jobs/\d+/retry`).FindString(body)
	fails = false
	_, body = b.post(retry)
	has(t, body, "The job is tried again now.")
	r.drain()
	require.Equal(t, 1, worked)

	fails = true
	add()
	discard := regexp.MustCompile(`/console/jobs/\d+/discard`).FindString(b.page("/console/jobs"))
	_, body = b.post(discard)
	has(t, body, "The job was discarded.", "No job has failed for good")
	status, _ := b.post(discard)
	require.Equal(t, http.StatusNotFound, status)
}

func TestKeys(t *testing.T) {
	r := lite(t)
	r.user(auth.Owner)
	r.open()
	b := r.as(auth.Owner)
	status, body := b.post("/console/keys", "name", "")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	has(t, body, "Please give the key a name.", "Choose at least one thing")
	_, body = b.post("/console/keys", "name", "ERP", "scope", "orders:write", "scope", "orders:read")
	secret := regexp.MustCompile(`ptk_[\w-]+`).FindString(body)
	require.NotEmpty(t, secret)
	k, err := r.auth.ByKey(t.Context(), "Bearer "+secret)
	require.NoError(t, err)
	require.True(t, k.May("orders:write"))
	require.NotContains(t, b.page("/console/keys"), secret, "it is shown once")
	_, body = b.post("/console/keys/" + k.ID + "/revoke")
	has(t, body, "The key no longer works.")
	_, err = r.auth.ByKey(t.Context(), "Bearer "+secret)
	require.ErrorIs(t, err, auth.ErrAnonymous)
}

func TestTimePassesInTheDemo(t *testing.T) {
	r := lite(t)
	r.parts.Demo = &admin.Demo{}
	r.user(auth.Operator)
	r.open()
	b := r.as(auth.Operator)
	_, body := b.post("/console/clock", "by", "2h")
	has(t, body, "moved forward")
	require.Equal(t, dbtest.Start.Add(2*time.Hour), r.d.Clock().Now())
	status, _ := b.post("/console/clock", "by", "-5h")
	require.Equal(t, http.StatusForbidden, status)
	has(t, b.page("/console/clock"), "2:00")
}

func TestEveryPageInEveryLanguage(t *testing.T) {
	r := lite(t)
	o := r.sample()
	r.user(auth.Owner)
	r.open()
	b := r.as(auth.Owner)
	for _, lang := range []string{"de", "id", "ms", "ar", "en"} {
		b.post("/console/language", "lang", lang)
		for _, path := range []string{"", "orders", "orders/" + string(o.ID), "payments", "customers", "customers/" + o.Customer, "products", "markets", "messages", "inbox", "tickets", "canned", "handsets", "mails", "jobs", "keys", "consents", "consents/words", "consents/import", "consents/silence", "evidence",
			"rules", "rules?table=regimes&all=1", "rules/row?id=eu:ioss:2026-07-01", "rules/change?do=replace&end=eu:ioss:2026-07-01", "rules/change?do=add&table=duties",
			"rules/change?do=end&end=eu:ioss:2026-07-01&effective=2027-01-01&source=x&reason=y&look=1", "rules/history", "rules/imports"} {
			body := b.page("/console/" + path)
			dir := "ltr"
			if lang == "ar" {
				dir = "rtl"
			}
			has(t, body, `<html lang="`+lang, `dir="`+dir+`"`)
			require.Equal(t, 1, strings.Count(body, "<h1"), path)
		}
	}
}

// twoPhones are used in turn.
type twoPhones struct {
	handsets
	latest int
}

func (h *twoPhones) Phones() []smsc.Phone {
	all := []smsc.Phone{{Number: "4915123456789", Country: "DE", Count: 1}, {Number: "4915123456780", Country: "DE", Count: 1}}
	return []smsc.Phone{all[h.latest], all[1-h.latest]}
}

func TestPhonesStayWhereTheyAre(t *testing.T) {
	r := lite(t)
	h := &twoPhones{}
	r.parts.Handsets = h
	r.user(auth.Operator)
	r.open()
	b := r.as(auth.Operator)
	number := regexp.MustCompile(`id="p(\d+)"`)
	body := b.page("/console/handsets")
	before := number.FindAllString(body, -1)
	require.Len(t, before, 2)
	live := strings.ReplaceAll(regexp.MustCompile(`hx-get="(/console/handsets\?[^"]+)"`).FindStringSubmatch(body)[1], "&amp;", "&")
	h.latest = 1
	h.texts = []smsc.Text{{ID: "1", Direction: smsc.Received, From: "+4915112345600", Text: "Hello", Parts: 1, DeliveredAt: dbtest.Start}}
	status, body := b.get(live)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, before, number.FindAllString(body, -1))
	require.NotEqual(t, before, number.FindAllString(b.page("/console/handsets"), -1), "a new visit begins with the latest")
}
