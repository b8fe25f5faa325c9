package apptest

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// Person is somebody who buys.
type Person struct {
	Place                        string // "de-de"
	Given, Family, Email, Phone  string
	Line1, City, Region          string
	Postcode, Country, SKU, Code string
	Consents                     []string // boxes ticked: "sms", "email"
}

// The people of these tests, one per market, in its first language.
var (
	Anna   = Person{Place: "de-de", Given: "Anna", Family: "Brinkmann", Email: "anna@example.org", Phone: "+4917604069011", Line1: "Lindenweg 14", City: "Berlin", Postcode: "10435", Country: "DE", SKU: "MI1001-TEA-S"}
	Harper = Person{Place: "en-us", Given: "Harper", Family: "Linfield", Email: "harper@example.org", Phone: "+12125550123", Line1: "418 Larkspur Row", City: "New York", Region: "NY", Postcode: "10014", Country: "US", SKU: "MI1001-TEA-S"}
	Imogen = Person{Place: "en-gb", Given: "Imogen", Family: "Ashby", Email: "imogen@example.org", Phone: "+447700900112", Line1: "14 Thimble Yard", City: "London", Postcode: "E8 3PN", Country: "GB", SKU: "MI1001-TEA-S"}
	Ayu    = Person{Place: "id-id", Given: "Ayu", Family: "Lestari", Email: "ayu@example.org", Phone: "+6281155501101", Line1: "Jl. Kenanga 21", City: "Bandung", Region: "Jawa Barat", Postcode: "40115", Country: "ID", SKU: "MI1001-TEA-S"}
	Aisyah = Person{Place: "ms-my", Given: "Aisyah", Family: "Rahman", Email: "aisyah@example.org", Phone: "+60125550101", Line1: "12, Jalan Kekabu 3", City: "Petaling Jaya", Region: "Selangor", Postcode: "46100", Country: "MY", SKU: "MI1001-TEA-S"}
)

// People are all of them.
var People = []Person{Harper, Anna, Imogen, Ayu, Aisyah}

// Card is the test card that pays.
const Card = "4555000000000100"

// Visitor is a browser without script: it keeps cookies and does not follow redirects by itself.
type Visitor struct {
	shop   *Shop
	client *http.Client
}

// Visitor is somebody new at the shop's door.
func (s *Shop) Visitor() *Visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.T.Fatal(err)
	}
	v := &Visitor{s, &http.Client{Jar: jar, Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 2},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	s.T.Cleanup(v.client.CloseIdleConnections)
	return v
}

// Page is an answer.
type Page struct {
	Path   string
	Status int
	Header http.Header
	Body   string
}

// To is where the page sends the browser, as a path of the shop where it leads there.
func (p Page) To() string { return p.Header.Get("Location") }

var (
	tags    = regexp.MustCompile(`(?s)<(script|style|svg)[ >].*?</(script|style|svg)>|<[^>]*>`)
	spaces  = regexp.MustCompile(`\s+`)
	element = regexp.MustCompile(`<input[^>]* name="version" value="(\d+)"`)
)

// Text is what a reader sees.
func (p Page) Text() string {
	return strings.TrimSpace(spaces.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(p.Body, " ")), " "))
}

// Version is the hidden field of that name in the page's form.
func (p Page) Version() string {
	if m := element.FindStringSubmatch(p.Body); m != nil {
		return m[1]
	}
	return ""
}

// Do sends a request as it is.
func (v *Visitor) Do(r *http.Request) Page {
	v.shop.T.Helper()
	res, err := v.client.Do(r)
	if err != nil {
		v.shop.T.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.shop.T.Fatal(err)
	}
	return Page{r.URL.RequestURI(), res.StatusCode, res.Header, string(b)}
}

// Request makes a request for a path of the shop, or for a whole address.
func (v *Visitor) Request(method, path, contentType string, body io.Reader) *http.Request {
	v.shop.T.Helper()
	if strings.HasPrefix(path, "/") {
		path = v.shop.URL + path
	}
	r, err := http.NewRequestWithContext(v.shop.T.Context(), method, path, body)
	if err != nil {
		v.shop.T.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// Get asks for a page.
func (v *Visitor) Get(path string) Page {
	v.shop.T.Helper()
	return v.Do(v.Request(http.MethodGet, path, "", nil))
}

// Post sends a form.
func (v *Visitor) Post(path string, form url.Values) Page {
	v.shop.T.Helper()
	return v.Do(v.Request(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode())))
}

// Follow goes where a page sends the browser, until one doesn't.
func (v *Visitor) Follow(p Page) Page {
	v.shop.T.Helper()
	for range 10 {
		if p.Status < 300 || p.Status > 399 {
			return p
		}
		p = v.Get(p.To())
	}
	v.shop.T.Fatalf("%s sends the browser round and round", p.Path)
	return p
}

// Cookie is the value of a cookie of the shop, empty if there is none.
func (v *Visitor) Cookie(name string) string {
	for _, c := range v.client.Jar.Cookies(v.Request(http.MethodGet, "/", "", nil).URL) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// Add puts an article into the bag.
func (v *Visitor) Add(place, sku, quantity string) Page {
	v.shop.T.Helper()
	return v.Post("/"+place+"/cart/lines", url.Values{"sku": {sku}, "quantity": {quantity}, "back": {"/"}})
}

// Form is what p writes into the form of contact and address.
func (p Person) Form() url.Values {
	f := url.Values{"given_name": {p.Given}, "family_name": {p.Family}, "email": {p.Email}, "phone": {p.Phone}, "line1": {p.Line1},
		"city": {p.City}, "region": {p.Region}, "postcode": {p.Postcode}, "country": {p.Country}}
	for _, c := range p.Consents {
		f.Set("consent_"+c, "1")
	}
	return f
}

// moved demands that a form was taken and led to a path.
func (v *Visitor) moved(p Page, path string) Page {
	v.shop.T.Helper()
	if p.Status != http.StatusSeeOther || !strings.HasPrefix(strings.TrimPrefix(p.To(), v.shop.URL), path) {
		v.shop.T.Fatalf("%s: %d to %q instead of %s\n%s", p.Path, p.Status, p.To(), path, p.Text())
	}
	return p
}

// Quote goes from an empty bag to the page of payment, with one piece of p's article.
func (v *Visitor) Quote(p Person) Page {
	v.shop.T.Helper()
	at := "/" + p.Place
	v.moved(v.Add(p.Place, p.SKU, "1"), at+"/cart")
	v.moved(v.Post(at+"/checkout/details", p.Form()), at+"/checkout/delivery")
	return v.ToPayment(p.Place)
}

// ToPayment looks at the ways to deliver, takes the first, and goes on to the page of payment.
func (v *Visitor) ToPayment(place string) Page {
	v.shop.T.Helper()
	at := "/" + place
	d := v.Get(at + "/checkout/delivery")
	service := regexp.MustCompile(`name="service" value="([^"]*)" checked`).FindStringSubmatch(d.Body)
	if d.Status != http.StatusOK || service == nil {
		v.shop.T.Fatalf("no way to deliver: %d to %q\n%s", d.Status, d.To(), d.Text())
	}
	v.moved(v.Post(at+"/checkout/delivery", url.Values{"service": {service[1]}}), at+"/checkout/payment")
	return v.Get(at + "/checkout/payment")
}

// Pay presses the button.
func (v *Visitor) Pay(place, method, card string) Page {
	v.shop.T.Helper()
	return v.Post("/"+place+"/checkout/payment", url.Values{"method": {method}, "card": {card}})
}

// Buy goes all the way and returns the id of the order.
func (v *Visitor) Buy(p Person) string {
	v.shop.T.Helper()
	v.Quote(p)
	at := "/" + p.Place + "/orders/"
	return strings.TrimPrefix(v.moved(v.Pay(p.Place, "card", Card), at).To(), at)
}
