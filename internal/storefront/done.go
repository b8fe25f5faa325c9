package storefront

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"portolan/internal/address"
	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/web"
)

// showOrder draws an order as its buyer sees it.
func (s *shop) showOrder(w http.ResponseWriter, r *http.Request, at place, o order.Order) error {
	v := doneView{Number: o.Number, Phone: address.International(o.Phone), Address: address.Lines(o.Address, at.lang)}
	v.Arrives = days(at, o.DeliverFrom, o.DeliverTo)
	name := first(o.Address.GivenName, o.Address.FamilyName)
	v.Title, v.Text = at.say.T("checkout.thanks", "name", name), at.say.T("checkout.thanks_text")
	v.Next = append(v.Next, at.say.T("checkout.next_sms"), at.say.T("checkout.next_mail"))
	if o.State == order.Cancelled {
		v.Title, v.Text, v.Next = at.say.T("checkout.cancelled"), at.say.T("checkout.cancelled_text"), nil
	} else if o.PaidAt.IsZero() {
		v.Text, v.Next = at.say.T("checkout.thanks_pending"), nil
		s.transfer(r, at, &v, o)
	}
	if o.State != order.Cancelled {
		if !o.Duty.IsZero() {
			v.Next = append(v.Next, at.say.T("checkout.next_customs"))
		}
		v.Next = append(v.Next, at.say.T("checkout.next_track"))
	}
	err := s.DB.Read(r.Context(), func(tx *db.Tx) error {
		tracks, states, err := s.tracks(tx, at, o)
		v.Tracks = tracks
		v.underWay(at, name, states)
		return err
	})
	if err != nil {
		return err
	}
	v.Summary, v.News = s.orderSummary(at, o), s.news(at, o)
	p := s.newPage(at, "/orders/"+string(o.ID), at.say.T("checkout.order_number", "number", o.Number))
	p.Data = v
	return s.show(w, r, http.StatusOK, "done", p)
}

// transfer says where to send the money, to the visitor who still has the cart the order was made from.
func (s *shop) transfer(r *http.Request, at place, v *doneView, o order.Order) {
	out, err := s.Checkout.Outcome(r.Context(), token(r))
	if err != nil || out.OrderID != o.ID || out.Action.Bank == nil {
		return
	}
	b := out.Action.Bank
	v.Bank = []pairText{
		{at.say.T("checkout.bank_holder"), b.Holder}, {at.say.T("checkout.bank_name"), b.Bank}, {at.say.T("checkout.bank_account"), b.Account},
		{at.say.T("checkout.bank_reference"), b.Reference}, {at.say.T("checkout.amount"), at.say.Money(o.Total)},
	}
}

func (s *shop) orderSummary(at place, o order.Order) *summaryView {
	q := checkout.Quote{Included: o.TaxIncluded, Code: o.Code, Duty: o.Duty, Tax: o.Tax, Fees: o.Fees, Total: o.Total, Charges: o.Charges,
		Shown: o.Goods, Off: o.Discount, Carriage: o.Shipping, Goods: o.Goods}
	q.Option.Service, q.Option.From = o.Service, ""
	v := &summaryView{totals: s.orderCosts(at, o, &q)}
	for _, l := range o.Lines {
		v.Lines = append(v.Lines, lineView{SKU: l.SKU, Title: l.Title, Options: s.optionWords(l.Options), Quantity: l.Quantity, Image: s.media.Path(l.Image), Total: at.say.Money(l.Total)})
	}
	return v
}

// orderCosts draws an order's figures as an invoice does: goods, delivery, duty and fees without tax, then the tax.
func (s *shop) orderCosts(at place, o order.Order, q *checkout.Quote) totals {
	var t totals
	row := func(label string, why string, amount string) {
		t.Rows = append(t.Rows, costRow{Label: label, Why: why, Amount: amount})
	}
	goods := "checkout.goods"
	if o.TaxIncluded {
		goods = "checkout.goods_net"
	}
	row(at.say.T(goods), "", at.say.Money(o.Goods))
	if !o.Discount.IsZero() {
		row(at.say.T("checkout.discount", "code", o.Code), "", at.say.Money(o.Discount.Neg()))
	}
	if o.Service != "" {
		row(at.say.T("checkout.shipping"), at.say.T("service."+o.Service), s.fee(at, o.Shipping))
	} else if !o.Shipping.IsZero() {
		row(at.say.T("checkout.shipping"), "", at.say.Money(o.Shipping))
	}
	if !o.Duty.IsZero() {
		row(at.say.T("checkout.duty"), s.because(at, q, "duty"), at.say.Money(o.Duty))
	}
	if !o.Fees.IsZero() {
		row(at.say.T("checkout.fees"), s.because(at, q, "fee"), at.say.Money(o.Fees))
	}
	if !o.Tax.IsZero() {
		row(at.say.T("checkout.tax"), s.because(at, q, "tax"), at.say.Money(o.Tax))
	}
	t.TotalLabel, t.Total = at.say.T("checkout.total"), at.say.Money(o.Total)
	return t
}

// Replies is satisfied by messaging.Service.
type Replies interface {
	ByReplyToken(tx *db.Tx, token string) (messaging.Record, error)
	ReplyByPage(tx *db.Tx, token, text string) (messaging.Reaction, error)
	Leave(tx *db.Tx, token string) (messaging.Record, error)
	ByLeaveToken(tx *db.Tx, token string) (r messaging.Record, fresh bool, err error)
	Follow(tx *db.Tx, code string, person bool) (target string, about messaging.Record, err error)
}

// linked follows a message's own link and counts the click, unless a program made it.
func (s *shop) linked(w http.ResponseWriter, r *http.Request) error {
	person := followed(r)
	var to string
	var about messaging.Record
	err := s.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		to, about, err = s.Replies.Follow(tx, r.PathValue("token"), person)
		return err
	})
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if errors.Is(err, messaging.ErrOldToken) {
		return s.tooOld(w, r, s.placeOf(r, about))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusFound) // to hosts that the merchant allowed; messaging has looked
	return nil
}

// tooOld says in the shopper's language that a link leads nowhere any more, and where to go instead.
func (s *shop) tooOld(w http.ResponseWriter, r *http.Request, at place) error {
	p := s.newPage(at, "/", at.say.T("reply.old"))
	p.NoIndex = true
	p.Data = messageView{Title: p.Title, Text: at.say.T("reply.old_text"), Back: at.prefix + "/"}
	return s.show(w, r, http.StatusGone, "message", p)
}

const (
	missesIn   = 10 * time.Minute
	mostMisses = 20 // wrong links from one address in that time
	mostKept   = 10_000
)

var errGuessing = fault.New(fault.Limited, "storefront.guessing")

// guesses counts by address who opens links that there aren't: codes are too long to be guessed, and who tries is told
// to stop.
type guesses struct {
	mu  sync.Mutex
	all map[netip.Addr]*guess
}

type guess struct {
	n     int
	since time.Time
}

// wary serves what a code opens. Who comes with many wrong ones is not looked at for a while.
func (s *shop) wary(h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		ip, now := web.IP(r, s.Proxy), s.DB.Clock().Now()
		if s.guesses.over(ip, now) {
			w.Header().Set("Retry-After", "600")
			return errGuessing
		}
		err := h(w, r)
		if errors.Is(err, messaging.ErrBadToken) {
			s.guesses.missed(ip, now)
		}
		return err
	}
}

func (g *guesses) over(ip netip.Addr, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	x := g.all[ip]
	return x != nil && now.Sub(x.since) < missesIn && x.n >= mostMisses
}

func (g *guesses) missed(ip netip.Addr, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	x := g.all[ip]
	if x == nil || now.Sub(x.since) >= missesIn {
		if g.all == nil || len(g.all) >= mostKept {
			g.all = map[netip.Addr]*guess{}
		}
		x = &guess{since: now}
		g.all[ip] = x
	}
	x.n++
}

// looking are words in the names by which programs open links to look at them.
var looking = []string{"bot", "preview", "crawl", "spider", "scan", "facebookexternalhit", "whatsapp", "slack-img", "curl", "wget", "python", "go-http-client", "headless",
	"safelinks", "barracuda", "proofpoint", "mimecast"}

// followed reports whether a person seems to have followed a link, rather than a program that looks where it leads or a
// browser that fetches it in advance.
func followed(r *http.Request) bool {
	agent := strings.ToLower(r.UserAgent())
	if agent == "" || r.Method != http.MethodGet || slices.ContainsFunc(looking, func(s string) bool { return strings.Contains(agent, s) }) {
		return false
	}
	for _, h := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if v := strings.ToLower(r.Header.Get(h)); strings.Contains(v, "prefetch") || strings.Contains(v, "preview") || strings.Contains(v, "prerender") {
			return false
		}
	}
	return true
}

// message is the message behind a link, and the place its reader belongs to.
func (s *shop) message(r *http.Request) (messaging.Record, place, error) {
	var m messaging.Record
	err := s.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		m, err = s.Replies.ByReplyToken(tx, r.PathValue("token"))
		return err
	})
	return m, s.placeOf(r, m), err
}

func (s *shop) placeOf(r *http.Request, m messaging.Record) place {
	if mk, ok := s.Markets.ByCode(m.Market); ok {
		lang := m.Lang
		if !mk.Speaks(lang) {
			lang = mk.Language()
		}
		return s.at(mk, lang)
	}
	return s.nowhere(r)
}

// replyPage is for those whose market lets nobody answer a text message: the link in it leads here.
func (s *shop) replyPage(w http.ResponseWriter, r *http.Request) error {
	m, at, err := s.message(r)
	if err != nil {
		return err
	}
	if asksNumber[m.Template] && m.Order != "" {
		return s.ratePage(w, r, at, m, "")
	}
	p := s.newPage(at, "/", at.say.T("reply.title", "brand", s.Brand.Name))
	p.Focused = true
	p.Data = messageView{Title: p.Title, Text: at.say.T("reply.text"), Good: true,
		Form: &formView{Action: "/r/" + r.PathValue("token"), Label: at.say.T("reply.label"), Button: at.say.T("reply.send"), Area: true}}
	return s.show(w, r, http.StatusOK, "message", p)
}

func (s *shop) reply(w http.ResponseWriter, r *http.Request) error {
	m, at, err := s.message(r)
	if err != nil {
		return err
	}
	if asksNumber[m.Template] && m.Order != "" {
		return s.rate(w, r, at, m)
	}
	text := r.FormValue("text")
	if text == "" || len(text) > 4000 {
		http.Redirect(w, r, "/r/"+r.PathValue("token"), http.StatusSeeOther)
		return nil
	}
	err = s.DB.Write(r.Context(), func(tx *db.Tx) error {
		_, err := s.Replies.ReplyByPage(tx, r.PathValue("token"), text)
		return err
	})
	if err != nil {
		return err
	}
	return s.say(w, r, at, "reply.done")
}

func (s *shop) say(w http.ResponseWriter, r *http.Request, at place, key string) error {
	p := s.newPage(at, "/", at.say.T(key))
	p.Data = messageView{Title: p.Title, Text: at.say.T(key + "_text"), Good: true, Back: at.prefix + "/"}
	return s.show(w, r, http.StatusOK, "message", p)
}
