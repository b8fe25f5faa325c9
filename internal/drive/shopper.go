package drive

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Person is who buys, and where.
type Person struct {
	Place   string // "de-de": language and market, as in the shop's addresses
	Country string
	Phone   string // E.164
	Email   string
	Given   string
	Family  string
	Line1   string
	City    string
	Region  string
	Post    string
}

// Shopper walks through the shop as a browser without script does: it fills in the form of the page it is on and
// goes where the answer sends it.
type Shopper struct {
	Person
	SKU      string
	Quantity int
	Card     string // the test card tried first; once it is declined the next one that works
	// Patience makes the shopper press again what came to nothing, for so long; without it the first failure
	// ends the walk.
	Patience time.Duration
	// Look is how long the shopper stays on the page that waits for the provider.
	Look time.Duration
	// Paying counts, over all shoppers who share it, those of whom the shop or the provider has an answer to give
	// about money.
	Paying *atomic.Int64

	addr   string
	conn   *Conn
	cookie string
	buf    []byte
	lent   bool // the connection is somebody else's

	Requests int // that were answered
	Failures int // connections that broke
	Tried    int // payments
}

// At sends the shopper to the shop that answers at addr.
func (s *Shopper) At(addr string) { s.addr = addr }

// On lets the shopper use a connection that is open, and leaves it open.
func (s *Shopper) On(c *Conn, addr string) { s.conn, s.addr, s.lent = c, addr, true }

// How a walk ends when it doesn't end with an order.
var (
	ErrSoldOut = errors.New("sold out")
	ErrLost    = errors.New("the shop is gone for too long")
)

// goodCard is the test provider's that is taken at once.
const goodCard = "4555000000000100"

// Buy walks from the first article to the confirmation page and returns the id of the order. With everyPage it
// looks at each page on the way as a browser does, nine requests in all; without, only at those it can't do
// without: the ways to deliver with the full cost, and the confirmation; six requests.
func (s *Shopper) Buy(everyPage bool) (order string, err error) {
	defer func() {
		if !s.lent {
			s.hangUp()
		}
	}()
	base := "/" + s.Place
	at, form := base+"/cart/lines", "sku="+url.QueryEscape(s.SKU)+"&quantity="+strconv.Itoa(max(1, s.Quantity))
	began := time.Now()
	var trail []string // the last steps
	for hops := 0; ; hops++ {
		if hops > 400 {
			return "", fmt.Errorf("the shopper goes round in circles: %s", strings.Join(trail, ", "))
		}
		a, err := s.ask(at, form)
		trail = append(trail[max(0, len(trail)-12):], fmt.Sprintf("%s %d", at, a.Status))
		if err != nil {
			s.Failures++
			s.hangUp()
			if s.Patience == 0 || time.Since(began) > s.Patience {
				return "", fmt.Errorf("%w: %s: %w", ErrLost, at, err)
			}
			time.Sleep(50 * time.Millisecond)
			continue
		}
		s.Requests++
		if a.Cookie != "" {
			s.cookie = a.Cookie
		}
		if a.Status >= 500 && s.Patience > 0 && time.Since(began) < s.Patience {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if a.Status == 303 || a.Status == 302 {
			from := at
			at, form = local(a.Location), ""
			if everyPage || at == base+"/cart" && from != base+"/cart/lines" { // sent back to the bag: it says why
				continue
			}
			if next, ok := s.form(base, at, nil); ok {
				at, form = next.at, next.form
			}
			continue
		}
		if a.Status == 200 {
			if order, ok := strings.CutPrefix(at, base+"/orders/"); ok && form == "" {
				return order, nil
			}
		}
		if at == base+"/checkout/waiting" {
			hops--
			time.Sleep(max(s.Look, time.Millisecond))
			if time.Since(began) > max(s.Patience, slow) {
				return "", fmt.Errorf("%w: the payment waits", ErrLost)
			}
			continue
		}
		if soldOut(at, base, a) {
			return "", ErrSoldOut
		}
		if a.Status != 200 && s.Patience == 0 {
			return "", fmt.Errorf("%s answered with %d: %.300s", at, a.Status, a.Body)
		}
		if form != "" && a.Status != 200 { // what was sent wasn't taken: look at the page again
			form = ""
			if strings.HasSuffix(at, "/cart/lines") {
				at = base + "/cart"
			}
			continue
		}
		next, ok := s.form(base, at, a.Body)
		if !ok {
			return "", fmt.Errorf("don't know what to do on %s (%d): %.300s", at, a.Status, a.Body)
		}
		at, form = next.at, next.form
	}
}

type move struct{ at, form string }

// form is what a shopper does on a page: where the form goes and what is in it.
func (s *Shopper) form(base, at string, body []byte) (move, bool) {
	path, _, _ := strings.Cut(at, "?")
	switch path {
	case base + "/cart":
		if body != nil && !bytes.Contains(body, []byte("/checkout/details")) { // nothing in the bag: its making was lost
			return move{base + "/cart/lines", "sku=" + url.QueryEscape(s.SKU) + "&quantity=" + strconv.Itoa(max(1, s.Quantity))}, true
		}
		if body == nil {
			return s.form(base, base+"/checkout/details", nil)
		}
		return move{base + "/checkout/details", ""}, true
	case base + "/checkout/details":
		v := url.Values{"email": {s.Email}, "phone": {s.Phone}, "country": {s.Country}, "given_name": {s.Given}, "family_name": {s.Family},
			"line1": {s.Line1}, "city": {s.City}, "region": {s.Region}, "postcode": {s.Post}, "as_typed": {"1"}}
		return move{base + "/checkout/details", v.Encode()}, true
	case base + "/checkout/delivery":
		service := chosen(body)
		if service == "" {
			return move{}, false
		}
		return move{base + "/checkout/delivery", "service=" + url.QueryEscape(service)}, true
	case base + "/checkout/payment":
		card := s.Card
		if s.Tried++; s.Tried > 1 || card == "" {
			card = goodCard
		}
		form := "method=card&card=" + card
		if v := hidden(body, "version"); v != "" {
			form += "&version=" + v
		}
		return move{base + "/checkout/payment", form}, true
	}
	if strings.HasPrefix(path, "/fakepsp/pay/") {
		if bytes.Contains(body, []byte(`value="pass"`)) {
			return move{path, "choice=pass"}, true
		}
		return move{base + "/checkout/return", ""}, true
	}
	return move{}, false
}

// soldOut reports whether a page says that too little is left: it is the cart, with lines and no way to pay them.
func soldOut(at, base string, a Answer) bool {
	return (a.Status == 409 || a.Status == 200 && at == base+"/cart") &&
		bytes.Contains(a.Body, []byte("/cart/lines/")) && !bytes.Contains(a.Body, []byte("/checkout/details"))
}

// chosen is the value of the delivery service that is ticked.
func chosen(body []byte) string {
	for part := range bytes.SplitSeq(body, []byte(`name="service" value="`)) {
		value, rest, ok := bytes.Cut(part, []byte(`"`))
		if ok && bytes.HasPrefix(rest, []byte(" checked")) {
			return string(value)
		}
	}
	return ""
}

func hidden(body []byte, name string) string {
	_, rest, ok := bytes.Cut(body, []byte(`name="`+name+`" value="`))
	if !ok {
		return ""
	}
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}

// local is the path of an address in the shop.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil {
		return to
	}
	return u.RequestURI()
}

func (s *Shopper) hangUp() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// ask is send, noted while it is about money.
func (s *Shopper) ask(at, form string) (Answer, error) {
	about := form != "" && (strings.HasSuffix(at, "/checkout/payment") || strings.HasPrefix(at, "/fakepsp/")) || strings.HasSuffix(at, "/checkout/return")
	if s.Paying != nil && about {
		s.Paying.Add(1)
		defer s.Paying.Add(-1)
	}
	return s.send(at, form)
}

func (s *Shopper) send(at, form string) (a Answer, err error) {
	if s.conn == nil {
		if s.conn, err = Dial(s.addr); err != nil {
			return a, err
		}
	}
	b := s.buf[:0]
	if form == "" {
		b = append(append(b, "GET "...), at...)
	} else {
		b = append(append(b, "POST "...), at...)
	}
	b = append(append(b, " HTTP/1.1\r\nHost: "...), s.addr...)
	if s.cookie != "" {
		b = append(append(b, "\r\nCookie: "...), s.cookie...)
	}
	if form != "" {
		b = append(b, "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(form)), 10)
	}
	b = append(append(b, "\r\n\r\n"...), form...)
	s.buf = b
	return s.conn.Do(b)
}
