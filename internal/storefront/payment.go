package storefront

import (
	"errors"
	"net/http"
	"strings"

	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/order"
	"portolan/internal/payment"
	"portolan/internal/payment/fakepsp"
	"portolan/internal/web"
)

type paymentView struct {
	Steps            []step
	Summary          *summaryView
	Errors           *errorList
	Notices          []string
	Version          int64
	TotalMinor, Card string
	Terms, Button    string
	Methods          []optionView
	Test             bool
	TestCards        []testCard
}

type testCard struct{ Number, Text string }

func (s *shop) payment(w http.ResponseWriter, r *http.Request, at place) error {
	c, ok, err := s.current(w, r, at)
	if !ok || err != nil {
		return err
	}
	if c.Next() != checkout.StepPay {
		http.Redirect(w, r, at.prefix+"/checkout/delivery", http.StatusSeeOther)
		return nil
	}
	c, diff, err := s.Checkout.Requote(r.Context(), c.Token)
	if stuck(err) {
		http.Redirect(w, r, at.prefix+"/cart", http.StatusSeeOther)
		return nil
	}
	if errors.Is(err, checkout.ErrServiceGone) || errors.Is(err, fulfilment.ErrNoService) {
		http.Redirect(w, r, at.prefix+"/checkout/delivery", http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	var notices []string
	if len(diff) > 0 {
		notices = append(notices, at.say.T("checkout.quote_changed", "total", c.Quote.Total))
	}
	return s.showPayment(w, r, at, c, notices, nil)
}

func (s *shop) showPayment(w http.ResponseWriter, r *http.Request, at place, c checkout.Cart, notices []string, wrong error) error {
	v := paymentView{Steps: s.steps(at, "payment"), Summary: s.summary(at, c), Notices: notices, Version: c.Version, TotalMinor: minor(c.Quote),
		Terms: at.say.T("checkout.terms", "country", at.say.CountryName(string(c.Country))), Button: at.say.T("checkout.pay_button", "amount", c.Quote.Total)}
	if c.Country == "DE" {
		v.Button = at.say.T("checkout.pay_button_de", "amount", c.Quote.Total)
	}
	status := http.StatusOK
	switch {
	case wrong != nil:
		if status = web.Status(wrong); status >= 500 {
			return wrong
		}
		v.Errors = s.errors(at, wrong, map[string]string{"card": "card"})
	case c.Decline != "":
		v.Errors = &errorList{Title: at.say.T("checkout.declined"), Items: []errorItem{{Text: s.reason(at, c.Decline)}, {Text: at.say.T("checkout.declined_text")}}}
	}
	chosen := r.PostForm.Get("method")
	for i, m := range s.Checkout.Methods(c) {
		v.Methods = append(v.Methods, optionView{Value: m.ID, Title: at.say.T("pay." + m.ID), Text: at.say.T("pay.flow_" + string(m.Flow)), Chosen: chosen == m.ID || chosen == "" && i == 0})
		v.Test = v.Test || m.Test
	}
	if v.Test {
		for _, card := range fakepsp.Cards() {
			v.TestCards = append(v.TestCards, testCard{spaced(card.Number), at.say.T("fakepsp." + string(card.Scenario))})
		}
		v.Card = first(r.PostForm.Get("card"), v.TestCards[0].Number)
		if len(v.Card) > 23 {
			v.Card = ""
		}
	}
	p := s.newPage(at, "/checkout/payment", at.say.T("checkout.payment"))
	p.Focused, p.CartCount, p.Data = true, c.Count(), v
	return s.show(w, r, status, "payment", p)
}

// reason says why a payment came to nothing, as far as a shopper is told: a stolen card is just declined.
func (s *shop) reason(at place, code string) string {
	if key := "pay.declined_" + code; at.say.Has(key) {
		return at.say.T(key)
	}
	return at.say.T("pay.declined_generic")
}

func spaced(number string) string {
	var b strings.Builder
	for i, c := range number {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (s *shop) pay(w http.ResponseWriter, r *http.Request, at place) error {
	card := strings.ReplaceAll(r.PostForm.Get("card"), " ", "")
	if r.PostForm.Get("method") != "card" {
		card = ""
	}
	o, err := s.Checkout.Pay(r.Context(), checkout.PayRequest{Token: token(r), Version: version(r), Method: r.PostForm.Get("method"), Instrument: card,
		ReturnURL: s.absolute(at.prefix + "/checkout/return"), BaseURL: s.PublicURL, IP: web.IP(r, s.Proxy).String()})
	switch {
	case err == nil:
		return s.follow(w, r, at, o)
	case errors.Is(err, checkout.ErrUnknown):
		http.Redirect(w, r, at.prefix+"/cart", http.StatusSeeOther)
		return nil
	case fault.Of(err).Kind == fault.Internal:
		return err
	case stuck(err):
		return s.showCart(w, r, at, err)
	case errors.Is(err, checkout.ErrIncomplete):
		http.Redirect(w, r, at.prefix+"/checkout/details", http.StatusSeeOther)
		return nil
	case errors.Is(err, checkout.ErrServiceGone), errors.Is(err, fulfilment.ErrNoService):
		http.Redirect(w, r, at.prefix+"/checkout/delivery", http.StatusSeeOther)
		return nil
	}
	c, e := s.bag(r)
	if e != nil || c.Quote == nil {
		return err
	}
	var notices []string
	if errors.Is(err, checkout.ErrQuoteChanged) || errors.Is(err, checkout.ErrCartChanged) {
		notices = append(notices, at.say.T("checkout.quote_changed", "total", c.Quote.Total))
		if c.State == checkout.Open && !c.Quoted() {
			if c, _, e = s.Checkout.Requote(r.Context(), c.Token); e != nil {
				return e
			}
		}
	}
	return s.showPayment(w, r, at, c, notices, err)
}

// follow sends the shopper where the payment stands.
func (s *shop) follow(w http.ResponseWriter, r *http.Request, at place, o checkout.Outcome) error {
	to := at.prefix + "/checkout/waiting"
	switch {
	case o.OrderID != "":
		to = at.prefix + "/orders/" + string(o.OrderID)
	case o.State == checkout.ActionOutcome && o.Action.Kind == payment.GoTo:
		to = o.Action.URL
	case o.State == checkout.DeclinedOutcome, o.State == checkout.OpenOutcome:
		to = at.prefix + "/checkout/payment"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// returned is where a payment provider sends the browser back to. What the browser carries proves nothing.
func (s *shop) returned(w http.ResponseWriter, r *http.Request, at place) error {
	params := map[string]string{}
	for k, v := range r.URL.Query() {
		params[k] = v[0]
	}
	o, err := s.Checkout.Return(r.Context(), token(r), params)
	if errors.Is(err, checkout.ErrUnknown) {
		http.Redirect(w, r, at.prefix+"/cart", http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	return s.follow(w, r, at, o)
}

type waitingView struct{ Title, Text, Again string }

// waiting looks every few seconds what has become of the payment, without script.
func (s *shop) waiting(w http.ResponseWriter, r *http.Request, at place) error {
	o, err := s.Checkout.Outcome(r.Context(), token(r))
	if err != nil && !errors.Is(err, checkout.ErrUnknown) {
		return err
	}
	if err != nil || o.OrderID != "" || o.State == checkout.DeclinedOutcome || o.State == checkout.OpenOutcome ||
		o.State == checkout.ActionOutcome && o.Action.Kind == payment.GoTo {
		if err != nil {
			o.State = checkout.OpenOutcome
		}
		return s.follow(w, r, at, o)
	}
	key := "waiting_unknown"
	switch o.State {
	case checkout.PendingOutcome:
		key = "waiting_pending"
	case checkout.ReviewOutcome:
		key = "review"
	}
	p := s.newPage(at, "/checkout/waiting", at.say.T("checkout."+key))
	p.Focused, p.Refresh = true, "3"
	p.Data = waitingView{p.Title, at.say.T("checkout." + key + "_text"), at.prefix + "/checkout/waiting"}
	return s.show(w, r, http.StatusOK, "waiting", p)
}

type doneView struct {
	Steps                               []step
	Summary                             *summaryView
	Title, Text, Number, Arrives, Phone string
	Address, Next                       []string
	Bank                                []pairText
	Tracks                              []trackView
	News                                *newsView
}

type pairText struct{ Label, Text string }

// order is the confirmation. Its address holds the order's id, which nobody can guess.
func (s *shop) order(w http.ResponseWriter, r *http.Request, at place) error {
	var o order.Order
	err := s.DB.Peek(r.Context(), func(tx *db.Tx) (err error) {
		o, err = s.Orders.Get(tx, order.ID(r.PathValue("id")))
		return err
	})
	if err != nil {
		return err
	}
	return s.showOrder(w, r, at, o)
}
