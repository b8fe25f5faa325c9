package checkout

import (
	"context"
	"errors"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/order"
	"portolan/internal/payment"
)

// PayRequest is the shopper's order to pay.
type PayRequest struct {
	Token      string
	Version    int64  // of the cart the shopper saw; 0: whatever it is
	Method     string // payment.Method.ID
	Instrument string // what the shopper typed: with the test provider a listed number
	ReturnURL  string // where the provider sends the browser back to
	BaseURL    string // our address as the shopper sees it, without a slash at the end
	IP         string
	Instead    bool // cancel an attempt that is under way first: the shopper confirmed that
}

// OutcomeState is what a shopper who paid is told.
type OutcomeState string

// The states of an outcome.
const (
	PaidOutcome     OutcomeState = "paid"     // there is an order, and the money is there
	ActionOutcome   OutcomeState = "action"   // the shopper has to do something: Action
	PendingOutcome  OutcomeState = "pending"  // the provider is still working, or (with an order) money is on its way
	DeclinedOutcome OutcomeState = "declined" // no money: Reason; the cart is open again
	UnknownOutcome  OutcomeState = "unknown"  // nobody knows yet; it will be found out
	ReviewOutcome   OutcomeState = "review"   // money came that a person has to look at, or that goes back: Reason
	OpenOutcome     OutcomeState = "open"     // nothing is being paid
)

// Outcome is how far paying has come.
type Outcome struct {
	State   OutcomeState
	Action  payment.Action
	OrderID order.ID // once there is an order
	Attempt string
	Reason  string // of a decline: insufficient_funds, expired_card …; of a review: payment.ReasonSoldOut …
	Cart    Cart
}

// prepared is what has to be done after the first unit of work.
type prepared struct {
	cart    Cart
	market  market.Market
	attempt payment.Attempt // to be started; none where a payment is under way or done
	diff    []Difference
}

// Pay takes the shopper's money for the cart: the amount of the quote, once. Called again, by a double click or
// from another tab, it says how far the first call has come. ErrCartChanged, ErrQuoteChanged, ErrSoldOut,
// ErrIncomplete and the faults of method and instrument leave the cart open.
func (s *Service) Pay(ctx context.Context, r PayRequest) (Outcome, error) {
	if r.Instead {
		if err := s.StopPaying(ctx, r.Token); err != nil {
			return Outcome{}, err
		}
	}
	var p prepared
	var err error
	for try := 1; ; try++ {
		err = s.db.Write(ctx, func(tx *db.Tx) (err error) {
			p, err = s.prepare(tx, r)
			return err
		})
		if !errors.Is(err, errRaced) || try == 5 {
			break
		}
	}
	switch {
	case errors.Is(err, errRaced), errors.Is(err, payment.ErrCompleted):
		return s.Outcome(ctx, r.Token)
	case err != nil:
		return Outcome{Cart: p.cart}, soldOut(err)
	case len(p.diff) > 0:
		return Outcome{State: OpenOutcome, Cart: p.cart}, told(p.diff)
	case p.attempt.ID == "":
		return s.Outcome(ctx, r.Token)
	}
	_, err = s.Payments.Start(ctx, payment.Charge{Attempt: p.attempt, Market: p.cart.Market, Country: p.cart.Country, Lang: p.cart.Lang,
		Instrument: r.Instrument, ReturnURL: r.ReturnURL, BaseURL: strings.TrimSuffix(r.BaseURL, "/"), Customer: p.cart.Customer, IP: r.IP})
	if err != nil {
		return Outcome{}, err
	}
	return s.Outcome(context.WithoutCancel(ctx), r.Token)
}

func told(diff []Difference) error {
	fields := map[string]string{}
	for _, d := range diff {
		fields[d.Field] = d.After
	}
	return ErrQuoteChanged.With(fields)
}

// soldOut says in checkout's words what fulfilment found.
func soldOut(err error) error {
	if errors.Is(err, fulfilment.ErrSoldOut) {
		return ErrSoldOut.With(fault.Of(err).Fields)
	}
	return err
}

// prepare does everything that comes before the provider is called: the quote is made sure of, the stock held,
// the code used up, the call noted. It joins the caller's work, so that all of it is there or nothing.
func (s *Service) prepare(tx *db.Tx, r PayRequest) (p prepared, err error) {
	c, err := byToken(tx, r.Token)
	p.cart = c
	if err != nil || c.State != Open {
		return p, err
	}
	if r.Version != 0 && r.Version != c.Version {
		return p, ErrCartChanged
	}
	if err := c.ready(true); err != nil {
		return p, err
	}
	m, ok := s.Markets.ByCode(c.Market)
	if !ok {
		return p, market.ErrUnknown
	}
	before := c.Version
	c.Activity = tx.Now()
	if p.diff, err = s.requote(tx, &c, m); err != nil {
		return p, err
	}
	if p.market = m; len(p.diff) > 0 {
		err = save(tx, &c, before)
		p.cart = c
		return p, err
	}
	method, err := s.Payments.Method(m, c.Quote.Total, r.Method)
	if err != nil {
		return p, err
	}
	if err := s.Payments.Check(method, r.Instrument); err != nil {
		return p, err
	}
	a, err := s.Payments.Begin(tx, payment.Begin{Cart: c.ID, Customer: c.Customer, Market: c.Market, Amount: c.Quote.Total, Quote: c.Quote.ID, Method: method})
	if err != nil {
		return p, err
	}
	c.State, c.Attempt, c.Decline = Paying, a.ID, ""
	if err := save(tx, &c, before); err != nil {
		return p, err
	}
	if c.Code != "" {
		use, err := s.use(tx, &c, c.Quote.Shown)
		if err != nil {
			return p, err
		}
		if _, err := s.Codes.Redeem(tx, c.Code, use, payment.OrderID(a.Intent)); err != nil {
			return p, err
		}
	}
	if err := s.Stock.Reserve(tx, payment.OrderID(a.Intent), c.wants(), tx.Now().Add(max(method.Hold, 15*time.Minute))); err != nil {
		return p, err
	}
	p.cart, p.attempt = c, a
	return p, nil
}

// wants is what the quote's lines take out of stock.
func (c *Cart) wants() []fulfilment.Want {
	all := make([]fulfilment.Want, len(c.Quote.Lines))
	for i, l := range c.Quote.Lines {
		all[i] = fulfilment.Want{SKU: l.SKU, Location: c.Quote.Option.Location, Quantity: l.Quantity}
	}
	return all
}

// Outcome says how far the payment of a cart has come, for the page that waits.
func (s *Service) Outcome(ctx context.Context, token string) (o Outcome, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if o.Cart, err = byToken(tx, token); err != nil {
			return err
		}
		o.OrderID, o.Attempt, o.Reason = o.Cart.Order, o.Cart.Attempt, o.Cart.Decline
		return s.outcome(tx, &o)
	})
	return o, err
}

func (s *Service) outcome(tx *db.Tx, o *Outcome) error {
	switch o.Cart.State {
	case Open:
		o.State = OpenOutcome
		if o.Cart.Decline != "" {
			o.State = DeclinedOutcome
			if reviewed[o.Cart.Decline] {
				o.State = ReviewOutcome
			}
		}
		return nil
	case Held:
		o.State = ReviewOutcome
		return nil
	case Ordered:
		paid, err := s.Orders.Paid(tx, o.Cart.Order)
		if err != nil {
			return err
		}
		if o.State = PaidOutcome; paid {
			return nil
		}
		o.State = PendingOutcome
	}
	a, p, err := s.Payments.State(tx, o.Attempt)
	if err != nil {
		return err
	}
	o.Action = a.Action
	switch {
	case o.Cart.State == Ordered:
	case a.Outcome == payment.InFlight || a.Outcome == payment.Unclear && p.Kind == "":
		o.State = UnknownOutcome
	case p.Kind == payment.RequiresAction:
		o.State = ActionOutcome
	default:
		o.State, o.Action = PendingOutcome, payment.Action{Kind: payment.Wait}
	}
	return nil
}

// Return is told that the shopper's browser came back from the provider's page, with whatever it carried, and
// says how far paying has come.
func (s *Service) Return(ctx context.Context, token string, params map[string]string) (Outcome, error) {
	o, err := s.Outcome(ctx, token)
	if err != nil || o.Cart.State != Paying {
		return o, err
	}
	err = s.Payments.Returned(ctx, o.Attempt, params)
	if err != nil && fault.Of(err).Kind != fault.Unavailable && !errors.Is(err, payment.ErrNoPayment) {
		return o, err
	}
	return s.Outcome(ctx, token)
}

// StopPaying cancels the attempt under way so that the cart can be changed or paid otherwise. Where the money was
// faster the cart has become an order: see Outcome. A cart that isn't being paid is fine.
func (s *Service) StopPaying(ctx context.Context, token string) error {
	o, err := s.Outcome(ctx, token)
	if err != nil || o.Cart.State != Paying {
		return err
	}
	if o.State == UnknownOutcome {
		if err := s.Payments.Fetch(ctx, o.Attempt); err != nil {
			return err
		}
	}
	return s.Payments.Cancel(ctx, o.Attempt)
}

// Methods are the ways to pay a cart's quote, in the market's order.
func (s *Service) Methods(c Cart) []payment.Method {
	m, ok := s.Markets.ByCode(c.Market)
	if !ok || c.Quote == nil {
		return nil
	}
	return s.Payments.Methods(m, c.Quote.Total)
}
