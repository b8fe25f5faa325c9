package storefront_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/db"
	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

func TestBadArticlesAndQuantities(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	s.Idle()
	before := counts(t, s)
	for _, tt := range []struct{ name, sku, quantity, says string }{
		{"unknown article", "MI0000-XXX-M", "1", "kennen wir nicht"},
		{"markup for an article", nasty, "1", "kennen wir nicht"},
		{"a very long article", strings.Repeat("A", 100_000), "1", "kennen wir nicht"},
		{"none", apptest.Anna.SKU, "0", ""}, {"less than none", apptest.Anna.SKU, "-1", ""}, {"a thousand million", apptest.Anna.SKU, "1000000000", "99"},
		{"more than there are numbers", apptest.Anna.SKU, "99999999999999999999", ""}, {"no number", apptest.Anna.SKU, "abc", ""},
		{"a fraction", apptest.Anna.SKU, "1.5", ""}, {"markup", apptest.Anna.SKU, nasty, ""}, {"one too many", apptest.Anna.SKU, "100", "99"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := s.Visitor()
			p := v.Add("de-de", tt.sku, tt.quantity)
			answers(t, p, http.StatusUnprocessableEntity, "de")
			require.Contains(t, p.Text(), tt.says)
			require.Empty(t, v.Cookie("portolan_cart"))
		})
	}
	require.Equal(t, before, counts(t, s), "nothing is half written")

	v := s.Visitor()
	p := v.Post("/de-de/cart/lines", url.Values{"back": {"/p/meridian-wrap-dress"}})
	require.Equal(t, "/de-de/p/meridian-wrap-dress?problem=size", p.To(), "no size was chosen")
	require.Contains(t, v.Get(p.To()).Text(), "Größe")
	for _, back := range []string{"//evil.example/", "https://evil.example/", `/\evil.example`, "javascript:alert(1)", nasty} {
		p := v.Post("/de-de/cart/lines", url.Values{"back": {back}})
		require.True(t, strings.HasPrefix(p.To(), "/de-de/"), "%q leads to %q", back, p.To())
		require.False(t, strings.Contains(p.To(), "evil.example/") && !strings.HasPrefix(p.To(), "/de-de/"), back)
	}
}

func TestBadChangesOfACart(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	v := s.Visitor()
	v.Add("de-de", apptest.Anna.SKU, "2")
	tab := v.Get("/de-de/cart").Version()
	line := "/de-de/cart/lines/" + apptest.Anna.SKU
	require.Equal(t, http.StatusSeeOther, v.Post(line, url.Values{"quantity": {"3"}, "version": {tab}}).Status)

	stale := v.Post(line, url.Values{"quantity": {"1"}, "version": {tab}})
	answers(t, stale, http.StatusConflict, "de")
	require.EqualValues(t, 3, bag(t, s, v).Lines[0].Quantity, "the other tab's word stands")
	now := v.Get("/de-de/cart").Version()
	for _, q := range []string{"-1", "1000000000", "abc", "", "100", nasty} {
		answers(t, v.Post(line, url.Values{"quantity": {q}, "version": {now}}), http.StatusUnprocessableEntity, "de")
	}
	answers(t, v.Post("/de-de/cart/lines/MI0000-XXX-M", url.Values{"quantity": {"1"}, "version": {now}}), http.StatusUnprocessableEntity, "de")
	answers(t, v.Post("/de-de/cart/lines/"+url.PathEscape(nasty), url.Values{"quantity": {"1"}, "version": {now}}), http.StatusUnprocessableEntity, "de")
	require.EqualValues(t, 3, bag(t, s, v).Lines[0].Quantity)
	require.Equal(t, http.StatusSeeOther, v.Post(line, url.Values{"quantity": {"3", "0"}, "version": {now}}).Status, "the button beside the number takes it out")
	require.Empty(t, bag(t, s, v).Lines)

	t.Run("a cookie of somebody else's shape", func(t *testing.T) {
		for _, value := range []string{"x", "' or 1=1 --", nasty, strings.Repeat("a", 4000), "../../etc/passwd", "%00"} {
			for _, path := range []string{"/de-de/cart", "/de-de/checkout/details", "/de-de/checkout/payment", "/de-de/checkout/waiting", "/de-de/checkout/return", "/visitor.json?at=/de-de/", "/"} {
				r := s.Visitor().Request(http.MethodGet, path, "", nil)
				r.Header.Set("Cookie", "portolan_cart="+value+"; portolan_choice="+value)
				p := s.Visitor().Do(r)
				require.Less(t, p.Status, 400, "%s with %q", path, value)
				harmless(t, p)
			}
		}
	})

	t.Run("an article that is sold out stays out of the checkout", func(t *testing.T) {
		v := s.Visitor()
		v.Add("de-de", "MI1002-APR-M", "1")
		answers(t, v.Get("/de-de/cart"), http.StatusOK, "de")
		require.Contains(t, v.Get("/de-de/cart").Text(), "ausverkauft")
		require.NotContains(t, v.Get("/de-de/cart").Body, `href="/de-de/checkout/details"`, "no way leads on from there")
		p := v.Post("/de-de/checkout/details", apptest.Anna.Form())
		require.Equal(t, "/de-de/checkout/delivery", p.To())
		require.Equal(t, "/de-de/cart", v.Get("/de-de/checkout/delivery").To())
		require.NotContains(t, v.Pay("de-de", "card", apptest.Card).To(), "/orders/")
		v.Add("de-de", apptest.Anna.SKU, "1")
		require.Equal(t, http.StatusSeeOther, v.Post("/de-de/cart/lines/MI1002-APR-M", url.Values{"quantity": {"0"}, "version": {v.Get("/de-de/cart").Version()}}).Status)
		require.Contains(t, v.Get("/de-de/cart").Body, `href="/de-de/checkout/details"`, "what is left can be paid")
	})
}

// What is charged is what the shopper saw, whatever another tab did meanwhile.
func TestPayingWhatAnotherTabChanged(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	v := s.Visitor()
	seen := v.Quote(apptest.Anna).Version()
	require.NotEmpty(t, seen)
	v.Add("de-de", apptest.Anna.SKU, "2")
	p := v.Post("/de-de/checkout/payment", url.Values{"method": {"card"}, "card": {apptest.Card}, "version": {seen}})
	answers(t, p, http.StatusConflict, "de")
	require.Empty(t, bag(t, s, v).Attempt, "nothing was charged")
	now := p.Version()
	require.NotEqual(t, seen, now)
	done := v.Post("/de-de/checkout/payment", url.Values{"method": {"card"}, "card": {apptest.Card}, "version": {now}})
	require.Contains(t, done.To(), "/de-de/orders/", "with what is seen now")
	require.Contains(t, v.Get(done.To()).Text(), "3 ")
}

// One thing lies in the hub only, the other in China only: there is no parcel for both.
func TestGoodsThatCannotGoTogether(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	s.Write(func(tx *db.Tx) error {
		return s.Stock.SetStock(tx, []fulfilment.Stock{{SKU: "MI1001-TEA-S", Location: "ams", OnHand: 9}, {SKU: "MI1001-TEA-S", Location: "can"},
			{SKU: "MI1001-TEA-M", Location: "ams"}, {SKU: "MI1001-TEA-M", Location: "can", OnHand: 9}})
	})
	v := s.Visitor()
	v.Add("de-de", "MI1001-TEA-M", "1")
	require.NotContains(t, v.Get("/de-de/cart").Text(), "anderen Lager")
	v.Add("de-de", "MI1001-TEA-S", "2")
	p := v.Get("/de-de/cart")
	answers(t, p, http.StatusOK, "de")
	require.Equal(t, 1, strings.Count(p.Text(), "liegt in einem anderen Lager"), "what there are fewer of has to wait")
	require.NotContains(t, p.Body, `href="/de-de/checkout/details"`)
	require.Equal(t, http.StatusSeeOther, v.Post("/de-de/checkout/details", apptest.Anna.Form()).Status)
	require.Equal(t, "/de-de/cart", v.Get("/de-de/checkout/delivery").To())
	require.Equal(t, http.StatusSeeOther, v.Post("/de-de/cart/lines/MI1001-TEA-M", url.Values{"quantity": {"0"}, "version": {p.Version()}}).Status)
	require.Contains(t, v.Get("/de-de/cart").Body, `href="/de-de/checkout/details"`)
	require.Equal(t, http.StatusOK, v.Get("/de-de/checkout/delivery").Status)
	require.Contains(t, v.Pay("de-de", "card", apptest.Card).To(), "/de-de/orders/")
}

// The hub has sold its last piece and the goods now leave from China, by other services than the one chosen.
func TestDeliveryThatIsNoLongerOffered(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	v := s.Visitor()
	v.Quote(apptest.Anna)
	chosen := bag(t, s, v).Service
	s.Write(func(tx *db.Tx) error {
		return s.Stock.SetStock(tx, []fulfilment.Stock{{SKU: apptest.Anna.SKU, Location: "ams"}, {SKU: apptest.Anna.SKU, Location: "can", OnHand: 9}})
	})
	pay := url.Values{"method": {"card"}, "card": {apptest.Card}}
	require.Equal(t, "/de-de/checkout/delivery", v.Post("/de-de/checkout/payment", pay).To())
	require.Equal(t, "/de-de/checkout/delivery", v.Get("/de-de/checkout/payment").To())
	p := v.Get("/de-de/checkout/delivery")
	answers(t, p, http.StatusOK, "de")
	require.Contains(t, p.Text(), "gibt es für Ihre Bestellung nicht mehr")
	require.NotEqual(t, chosen, bag(t, s, v).Service, "another one is chosen, for which the cost is shown")
	require.NotContains(t, v.Get("/de-de/checkout/delivery").Text(), "gibt es für Ihre Bestellung nicht mehr", "told once")
	require.Equal(t, http.StatusOK, v.Get("/de-de/checkout/payment").Status)
	require.Contains(t, v.Post("/de-de/checkout/payment", pay).To(), "/de-de/orders/")
}

func TestBadDetails(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	places := map[string]string{"de-de": "de", "en-us": "en", "en-gb": "en", "id-id": "id", "ms-my": "ms", "ar-de": "ar"}
	for _, person := range append([]apptest.Person{}, apptest.People...) {
		for _, place := range []string{person.Place, "ar-" + person.Place[3:]} {
			v := s.Visitor()
			v.Add(place, person.SKU, "1")
			lang, ok := places[place]
			if !ok {
				lang = "ar"
			}
			for _, tt := range []struct {
				name, field, value string
				id                 string
			}{
				{"no e-mail address", "email", "", "email"}, {"half an e-mail address", "email", "anna@", "email"}, {"markup for an e-mail address", "email", nasty, "email"},
				{"no phone", "phone", "", "phone"}, {"letters for a phone", "phone", "call me", "phone"}, {"too short a phone", "phone", "+4915", "phone"},
				{"a phone without end", "phone", strings.Repeat("1", 500), "phone"},
				{"too long a name", "given_name", strings.Repeat("x", 3000), "address-given_name"}, {"a name with control characters", "given_name", "An\x00na\x07", "address-given_name"},
				{"no street", "line1", "", "address-line1"}, {"no city", "city", "", "address-city"}, {"no postcode", "postcode", "", "address-postcode"},
				{"a postcode of another form", "postcode", "ABC-12345678", "address-postcode"}, {"a country that doesn't exist", "country", "XX", ""},
				{"a country that isn't served", "country", "BR", ""}, {"markup for a country", "country", nasty, ""},
			} {
				p := v.Post("/"+place+"/checkout/details", with(person.Form(), tt.field, tt.value))
				require.Equal(t, http.StatusUnprocessableEntity, p.Status, "%s in %s", tt.name, place)
				answers(t, p, http.StatusUnprocessableEntity, lang)
				require.True(t, tt.id == "" || strings.Contains(p.Body, `href="#`+tt.id+`"`), "%s in %s names the field", tt.name, place)
				require.Contains(t, p.Body, `role="alert"`, tt.name)
				if tt.field == "line1" || tt.field == "city" {
					require.Contains(t, p.Body, person.Family, "what was right stays")
				}
			}
			answers(t, v.Post("/"+place+"/checkout/details", with(person.Form(), "given_name", "", "family_name", " ")), http.StatusUnprocessableEntity, lang)
			c := bag(t, s, v)
			require.Empty(t, c.Contact.Email+c.Contact.Phone+c.Address.Line1+c.Customer, "nothing is half written")
			if len(person.Region) == 2 {
				answers(t, v.Post("/"+place+"/checkout/details", with(person.Form(), "region", "ZZ")), http.StatusUnprocessableEntity, lang)
			}
		}
	}

	v := s.Visitor()
	v.Add("ms-my", apptest.Aisyah.SKU, "1")
	odd := with(apptest.Aisyah.Form(), "postcode", "461")
	p := v.Post("/ms-my/checkout/details", odd)
	answers(t, p, http.StatusUnprocessableEntity, "ms")
	require.Contains(t, p.Body, `name="as_typed"`, "who insists may say so")
	p = v.Post("/ms-my/checkout/details", with(odd, "as_typed", "1"))
	require.Equal(t, http.StatusSeeOther, p.Status, p.Text())
	require.Equal(t, "461", bag(t, s, v).Address.Postcode)
	answers(t, v.Post("/ms-my/checkout/details", with(odd, "as_typed", "1", "postcode", "")), http.StatusUnprocessableEntity, "ms")
}

func TestCodes(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	var foreign, old string
	s.Write(func(tx *db.Tx) error {
		for to, rule := range map[*string]pricing.CodeRule{
			&foreign: {Kind: pricing.PercentOff, Percent: money.Percent(5), Market: "de", Cart: "crt_somebody_elses", Campaign: "test", ValidTo: tx.Now().Add(time.Hour), MaxUses: 1},
			&old:     {Kind: pricing.PercentOff, Percent: money.Percent(5), Market: "de", Campaign: "test", ValidTo: tx.Now().Add(time.Minute), MaxUses: 1},
		} {
			c, err := s.Prices.Issue(tx, rule)
			if err != nil {
				return err
			}
			*to = c.Code
		}
		return nil
	})
	s.DB.Clock().Advance(2 * time.Minute)
	v := s.Visitor()
	v.Add("de-de", apptest.Anna.SKU, "1")
	try := func(code string) apptest.Page { return v.Post("/de-de/cart/code", url.Values{"code": {code}}) }
	said := func(p apptest.Page) string {
		_, rest, _ := strings.Cut(p.Body, `id="code-error"`)
		words, _, _ := strings.Cut(rest, "<")
		require.NotEmpty(t, words, "said beside the field: %s", p.Text())
		return words
	}
	unknown, guessed, others := try("NOSUCHCODE"), try(foreign[:len(foreign)-1]+"X"), try(foreign)
	for _, p := range []apptest.Page{unknown, guessed, others} {
		require.GreaterOrEqual(t, p.Status, 400)
		answers(t, p, p.Status, "de")
	}
	require.Equal(t, unknown.Status, others.Status)
	require.Equal(t, said(unknown), said(others), "a code of somebody else's is as unknown as one that never was")
	require.Equal(t, said(unknown), said(guessed))
	p := try(old)
	answers(t, p, p.Status, "de")
	require.Contains(t, said(p), "gilt nicht mehr")
	for _, odd := range []string{nasty, strings.Repeat("A", 5000), "\x00", "' or ''='", "ＡＢＣ", "٣٤٥"} {
		p := try(odd)
		answers(t, p, p.Status, "de")
		require.GreaterOrEqual(t, p.Status, 400)
	}
	require.Empty(t, bag(t, s, v).Code)
	p = try("NOSUCHCODE") // the eleventh
	answers(t, p, http.StatusTooManyRequests, "de")
	answers(t, try(old), http.StatusTooManyRequests, "de")
	s.DB.Clock().Advance(time.Hour)
	p = try("NOSUCHCODE")
	answers(t, p, unknown.Status, "de")
	require.Equal(t, http.StatusSeeOther, try("").Status)
}

func TestLinksThatNobodyMade(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	v := s.Visitor()
	v.Quote(apptest.Anna)
	var link string
	s.Write(func(tx *db.Tx) (err error) {
		link, err = s.Checkout.Link(tx, bag(t, s, v).ID)
		return err
	})
	require.Equal(t, http.StatusSeeOther, s.Visitor().Get("/back/"+link).Status)
	flipped := []byte(link)
	flipped[len(flipped)-1] ^= 1
	before := counts(t, s)
	for _, bad := range []string{string(flipped), link[:len(link)-1], link + "x", "x" + link[1:], strings.ToUpper(link), strings.Split(link, ".")[0], "xxxxxxxxxxxx",
		strings.Repeat("a", 5000), url.PathEscape(nasty), "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "%ff%fe"} {
		s.DB.Clock().Advance(11 * time.Minute) // who tries many is told to wait
		for _, path := range []string{"/back/", "/r/", "/u/", "/l/"} {
			stranger := s.Visitor()
			r := stranger.Request(http.MethodGet, path+bad, "", nil)
			r.Header.Set("Accept-Language", "ms,en;q=0.5")
			p := stranger.Do(r)
			answers(t, p, http.StatusNotFound, "ms")
			require.Empty(t, stranger.Cookie("portolan_cart"), "%s%s", path, bad)
		}
		for _, path := range []string{"/r/", "/u/", "/de-de/confirm/"} {
			require.Equal(t, http.StatusNotFound, s.Visitor().Post(path+bad, url.Values{"text": {"STOP"}}).Status, path+bad)
		}
		answers(t, s.Visitor().Get("/de-de/orders/"+bad), http.StatusNotFound, "de")
		answers(t, s.Visitor().Get("/ar-gb/p/"+bad), http.StatusNotFound, "ar")
		answers(t, s.Visitor().Get("/id-id/c/"+bad), http.StatusNotFound, "id")
		answers(t, s.Visitor().Get("/en-us/info/"+bad), http.StatusNotFound, "en")
	}
	require.Equal(t, before, counts(t, s))
	for range 20 {
		s.Visitor().Get("/l/xxxxxxxxxxxx")
	}
	require.Equal(t, http.StatusTooManyRequests, s.Visitor().Get("/u/yyyyyyyyyyyy").Status, "guessing")
	require.Equal(t, http.StatusOK, s.Visitor().Get("/en-gb/").Status, "the shop is open")
}

func TestNoWayOutOfTheShop(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	for _, path := range []string{"/media/../../etc/passwd", "/media/..%2f..%2fetc%2fpasswd", "/media/%2e%2e/%2e%2e/etc/passwd", "/media/..%5c..%5cetc%5cpasswd", "/media//etc/passwd",
		"/media/%00", "/media/.", "/media/", "/assets/../go.mod", "/assets/..%2f..%2fgo.mod", "/assets/", "/de-de/p/../../../etc/passwd", "/de-de/p/..%2f..%2fetc%2fpasswd",
		"/de-de/c/..%2f..%2f", "/de-de/info/..%2fprivacy", "/sitemap/..%2f..%2fetc%2fpasswd.xml", "/sitemap/.xml", "/sitemap/xx-yy.xml", "/de-de/%2e%2e/%2e%2e/etc/passwd",
		"/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd"} {
		v := s.Visitor()
		p := v.Follow(v.Get(path))
		require.Equal(t, http.StatusNotFound, p.Status, path)
		require.NotContains(t, p.Body, "root:")
		require.NotContains(t, p.Body, "module portolan")
	}
	for _, to := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "/xx-yy/", "", nasty, "javascript:alert(1)"} {
		p := s.Visitor().Post("/choose", url.Values{"to": {to}})
		require.Equal(t, http.StatusNotFound, p.Status, to)
		harmless(t, p)
	}
	for _, from := range []string{"https://evil.example/", "//evil.example/", "/de-de//evil.example", `/de-de/\evil.example`, nasty, "/de-de/" + nasty} {
		p := s.Visitor().Get("/?from=" + url.QueryEscape(from))
		require.Equal(t, http.StatusOK, p.Status)
		harmless(t, p)
		require.NotContains(t, p.Body, `value="//`)
		require.NotContains(t, p.Body, `"https://evil`)
		p = s.Visitor().Get("/visitor.json?at=" + url.QueryEscape(from))
		require.Contains(t, []int{http.StatusOK, http.StatusNotFound}, p.Status)
		harmless(t, p)
	}
}

func TestRequestsOfAnotherShape(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	v := s.Visitor()
	v.Add("de-de", apptest.Anna.SKU, "1")
	before := counts(t, s)
	posts := []string{"/de-de/cart/lines", "/de-de/cart/lines/" + apptest.Anna.SKU, "/de-de/cart/code", "/de-de/checkout/details", "/de-de/checkout/delivery", "/de-de/checkout/payment",
		"/de-de/confirm/x", "/choose", "/r/xxxxxxxxxxxx", "/u/xxxxxxxxxxxx"}
	for _, path := range posts {
		lang := "en"
		if strings.HasPrefix(path, "/de-de") {
			lang = "de"
		}
		large := "sku=" + apptest.Anna.SKU + "&text=" + strings.Repeat("x", 2<<20)
		answers(t, v.Do(v.Request(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(large))), http.StatusRequestEntityTooLarge, lang)
		answers(t, v.Do(v.Request(http.MethodPost, path, "application/x-www-form-urlencoded", io.MultiReader(strings.NewReader(large)))), http.StatusRequestEntityTooLarge, lang)
		for _, kind := range []string{"application/json", "text/plain", "application/xml", ""} {
			answers(t, v.Do(v.Request(http.MethodPost, path, kind, strings.NewReader(`{"sku":"MI1001-TEA-S","quantity":1}`))), http.StatusUnsupportedMediaType, lang)
		}
		broken := v.Do(v.Request(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader("sku=%zz&quantity=%")))
		answers(t, broken, http.StatusUnprocessableEntity, lang)
		broken = v.Do(v.Request(http.MethodPost, path, "multipart/form-data; boundary=x", bytes.NewReader([]byte("--y\r\n"))))
		answers(t, broken, http.StatusUnprocessableEntity, lang)
		for name, value := range map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
			r := v.Request(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader("sku="+apptest.Anna.SKU))
			r.Header.Set(name, value)
			answers(t, v.Do(r), http.StatusForbidden, lang)
		}
		for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch} {
			require.Equal(t, http.StatusMethodNotAllowed, v.Do(v.Request(method, path, "", nil)).Status, "%s %s", method, path)
		}
	}
	require.Equal(t, before, counts(t, s))
	require.EqualValues(t, 1, bag(t, s, v).Lines[0].Quantity)

	for _, path := range []string{"/de-de/", "/de-de/c/dresses", "/de-de/p/meridian-wrap-dress", "/de-de/search", "/de-de/cart", "/de-de/info/delivery"} {
		for _, odd := range []string{"?utm_source=x&a[]=1&a[]=2", "?page=-1", "?page=99999999999999999999", "?page=abc", "?sort=nonsense", "?color=" + url.QueryEscape(nasty), "?size=%00", "?q=" + url.QueryEscape(nasty),
			"?q=" + strings.Repeat("x", 5000), "?%zz", "?category=" + url.QueryEscape(nasty), "?done=" + url.QueryEscape(nasty), "?problem=nonsense", "?stock=maybe"} {
			answers(t, v.Get(path+odd), http.StatusOK, "de")
		}
	}
}

func TestPlacesThatAreNone(t *testing.T) {
	t.Parallel()
	s := apptest.Lite(t)
	for _, path := range []string{"/xx-yy/", "/de-us/", "/fr-de/", "/de/", "/DE-DE/", "/de-de-de/", "/-/", "/de-/", "/-de/", "/favicon.ico", "/wp-admin/", "/" + url.PathEscape(nasty) + "/", "/%ff/"} {
		v := s.Visitor()
		r := v.Request(http.MethodGet, path, "", nil)
		r.Header.Set("Accept-Language", "id;q=0.9, de;q=0.5")
		p := v.Do(r)
		if p.Status == http.StatusMovedPermanently {
			p = v.Follow(p)
		}
		answers(t, p, http.StatusNotFound, "id")
	}

	order := s.Visitor().Buy(apptest.Imogen)
	open := s.Visitor()
	open.Add("en-gb", apptest.Imogen.SKU, "1")
	s.Write(func(tx *db.Tx) error {
		m, err := s.Markets.Get(tx, "gb")
		if err != nil {
			return err
		}
		m.State = market.Closed
		return s.Markets.Save(tx, m)
	})
	for _, path := range []string{"/en-gb/", "/en-gb/c/dresses", "/en-gb/cart", "/ar-gb/", "/en-gb/p/meridian-wrap-dress"} {
		r := open.Request(http.MethodGet, path, "", nil)
		r.Header.Set("Accept-Language", "de")
		p := open.Do(r)
		answers(t, p, http.StatusGone, "de")
		require.Contains(t, p.Body, `href="/de-de/"`, "where else to buy")
		require.NotContains(t, p.Body, `href="/en-gb/"`)
	}
	answers(t, open.Get("/en-gb/orders/"+order), http.StatusOK, "en")
	require.Equal(t, http.StatusGone, open.Add("en-gb", apptest.Imogen.SKU, "1").Status)
	require.NotContains(t, open.Get("/sitemap.xml").Body, "en-gb")
	require.NotContains(t, open.Get("/de-de/").Body, `hreflang="en-GB"`)
}
