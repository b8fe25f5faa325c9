package journeys

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
)

// The recovery of a cart that was left unpaid: our own defaults, within what carriers allow.
const (
	recoverAfter = 2 * time.Hour  // from when the shopper was last seen
	recoverBy    = 48 * time.Hour // one message per cart, within this
	recoverPause = 14 * 24 * time.Hour
	codeLives    = 24 * time.Hour // from sending
	recoverGuard = "recover"
)

var codePercent = money.Percent(5)

// recoverJob looks at a cart two hours after its shopper was last seen.
type recoverJob struct {
	Cart   string    `json:"cart"`
	LeftAt time.Time `json:"left_at"`
}

// Job implements jobs.Args.
func (recoverJob) Job() string { return "journeys.recover" }

// left waits two hours for a shopper who left to come back. Leaving again begins anew.
func (s *Service) left(tx *db.Tx, e checkout.LeftEvent) error {
	r := recovery{cart: e.Cart, customer: e.Customer, email: strings.ToLower(e.Email), phone: e.Phone, market: e.Market, lang: e.Lang, leftAt: e.At}
	waits, err := await(tx, r)
	if err != nil {
		return err
	}
	if !waits {
		r, err = takeRecovery(tx, e.Cart)
		if err != nil || r.state != Sent {
			return err
		}
		return s.note(tx, r, NotSent, "once_per_cart", "")
	}
	if err := s.note(tx, r, Waits, "", "until "+e.At.Add(recoverAfter).UTC().Format(time.RFC3339)); err != nil {
		return err
	}
	return s.queue.Add(tx, recoverJob{e.Cart, e.At}, jobs.When{At: e.At.Add(recoverAfter), Subject: e.Cart})
}

func (s *Service) note(tx *db.Tx, r recovery, o Outcome, reason, detail string) error {
	return note(tx, Decision{Journey: "recover", Key: r.cart, Customer: r.customer, Market: r.market, Outcome: o, Reason: reason, Detail: detail,
		Message: r.message, Code: r.code})
}

// recover is asked when the two hours are over, and again after each hold: everything that speaks against a
// message is looked at anew, then the gate is asked, and only then is a code made, for the cart and for 24 hours
// from now, in the same unit of work as the message.
func (s *Service) recover(tx *db.Tx, a recoverJob) error {
	r, err := takeRecovery(tx, a.Cart)
	if err != nil || r.state != Waits || !r.leftAt.Equal(a.LeftAt) {
		return err
	}
	stop := func(reason, detail string) error {
		r.state = NotSent
		if err := saveRecovery(tx, r); err != nil {
			return err
		}
		return s.note(tx, r, NotSent, reason, detail)
	}
	if tx.Now().After(r.leftAt.Add(recoverBy)) {
		return stop("too_late", "")
	}
	c, err := s.Carts.ByID(tx, r.cart)
	if err != nil {
		return err
	}
	if c.Activity.After(r.leftAt) {
		return stop("came_back", c.Activity.UTC().Format(time.RFC3339))
	}
	reason, err := s.unwanted(tx, r, c)
	if err != nil {
		return err
	}
	if reason != "" {
		return stop(reason, "")
	}
	m, known := s.Markets.ByCode(c.Market)
	if !known {
		return stop("market_closed", string(c.Market))
	}
	msg, ok, err := s.ask(tx, r, c, m)
	if err != nil {
		return err
	}
	if !ok {
		return stop("no_channel", "")
	}
	plan, err := s.Messages.Plan(tx, msg)
	if err != nil {
		if isBadInput(err) {
			return stop("bad_input", err.Error())
		}
		return err
	}
	switch plan.Gate.Verdict {
	case messaging.Hold:
		if err := s.note(tx, r, Waits, plan.Gate.Why, "until "+plan.Gate.Until.Format(time.RFC3339)); err != nil {
			return err
		}
		return s.queue.Add(tx, a, jobs.When{At: plan.Gate.Until, Subject: r.cart})
	case messaging.Go:
		return s.offer(tx, r, c, msg)
	}
	return stop(plan.Gate.Why, why(plan.Gate))
}

func why(d messaging.Decision) string {
	var all []string
	for _, r := range d.Reasons {
		all = append(all, strings.TrimSpace(r.Code+" "+r.Detail))
	}
	return strings.Join(all, "; ")
}

// offer makes the code and sends the message. A code whose message does not leave is void.
func (s *Service) offer(tx *db.Tx, r recovery, c checkout.Cart, msg messaging.Message) error {
	code, err := s.Codes.Issue(tx, pricing.CodeRule{Kind: pricing.PercentOff, Percent: codePercent, Market: c.Market, Cart: c.ID,
		Campaign: "recover", ValidTo: tx.Now().Add(codeLives), MaxUses: 1})
	if err != nil {
		return err
	}
	msg.Vars["code"] = code.Code
	sent, err := s.Messages.Send(tx, msg)
	if err != nil {
		return err
	}
	r.message, r.code = sent.ID, code.Code
	if o := outcome(sent); o != Sent {
		if err := s.Codes.Void(tx, code.Code); err != nil {
			return err
		}
		r.state = NotSent
		if err := saveRecovery(tx, r); err != nil {
			return err
		}
		return s.note(tx, r, NotSent, sent.Gate.Why, why(sent.Gate))
	}
	r.state, r.askedAt = Sent, tx.Now()
	if err := saveRecovery(tx, r); err != nil {
		return err
	}
	return s.note(tx, r, Sent, "", string(sent.Channel))
}

// ask puts the message together, for the channels of the market in their order. It reports false if the person
// left no address that any of them could use.
func (s *Service) ask(tx *db.Tx, r recovery, c checkout.Cart, m market.Market) (messaging.Message, bool, error) {
	var all []messaging.Reach
	for _, ch := range channels(m) {
		switch {
		case ch == messaging.SMS && r.phone != "":
			all = append(all, messaging.Reach{Channel: ch, To: r.phone})
		case ch == messaging.Email && r.email != "":
			all = append(all, messaging.Reach{Channel: ch, To: r.email})
		}
	}
	if len(all) == 0 {
		return messaging.Message{}, false, nil
	}
	token, err := s.Carts.Link(tx, c.ID)
	if err != nil {
		return messaging.Message{}, false, err
	}
	return messaging.Message{
		Key: "recover:" + c.ID + ":" + fmt.Sprint(r.leftAt.Unix()), Customer: r.customer, Channel: all[0].Channel, To: all[0].To, Else: all[1:],
		Market: c.Market, Country: c.Country, Region: c.Address.Region, Lang: c.Lang, Template: "cart", Cart: c.ID,
		Link: s.Pages.Bag(m, c.Lang, token), NotAfter: r.leftAt.Add(recoverBy), Guard: recoverGuard,
		Vars: map[string]string{"name": c.Contact.GivenName, "code": "XXXXXXXXX", "pct": codePercent.PercentString(), "lines": s.lines(c)},
	}, true, nil
}

// channels are those a market asks consent for, in its order; SMS before e-mail where it does not say.
func channels(m market.Market) (all []messaging.Channel) {
	for _, c := range m.ConsentChannels {
		if ch := messaging.Channel(c); ch == messaging.SMS || ch == messaging.Email {
			all = append(all, ch)
		}
	}
	if all == nil {
		all = []messaging.Channel{messaging.SMS, messaging.Email}
	}
	return all
}

// lines lists what is in the bag, for the e-mail.
func (s *Service) lines(c checkout.Cart) string {
	var all []string
	for _, l := range c.Lines {
		p, _, err := s.Articles.Variant(l.SKU)
		if err != nil {
			continue
		}
		t, ok := p.Texts[c.Lang]
		if !ok {
			t = p.Texts["en"]
		}
		all = append(all, fmt.Sprintf("%d x %s", l.Quantity, t.Title))
	}
	return strings.Join(all, "\n")
}

// unwanted says why a recovery message would be wrong now, or nothing.
func (s *Service) unwanted(tx *db.Tx, r recovery, c checkout.Cart) (string, error) {
	switch {
	case c.State == checkout.Ordered || c.Order != "":
		return "paid_meanwhile", nil
	case c.State == checkout.Paying || c.State == checkout.Held:
		return "payment_pending", nil
	case len(c.Lines) == 0:
		return "cart_empty", nil
	}
	bought, err := s.bought(tx, r, c)
	if err != nil || bought {
		return "ordered_item", err
	}
	out, err := s.soldOut(tx, c)
	if err != nil || out {
		return "sold_out", err
	}
	asked, err := askedSince(tx, r, tx.Now().Add(-recoverPause))
	if err != nil || asked {
		return "recently_asked", err
	}
	return "", nil
}

// bought reports whether the person has ordered one of the items since the cart was begun, in any way.
func (s *Service) bought(tx *db.Tx, r recovery, c checkout.Cart) (bool, error) {
	want := map[string]bool{}
	for _, l := range c.Lines {
		want[l.SKU] = true
	}
	for _, f := range []order.Filter{{Customer: r.customer}, {Search: r.email}, {Search: r.phone}} {
		if f == (order.Filter{}) {
			continue
		}
		f.Since = c.CreatedAt
		found, _, err := s.Orders.List(tx, f, order.Page{Limit: 50})
		if err != nil {
			return false, err
		}
		for _, o := range found {
			for _, l := range o.Lines {
				if want[l.SKU] && o.State != order.Cancelled {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

// soldOut reports whether nothing of the cart can be sent any more.
func (s *Service) soldOut(tx *db.Tx, c checkout.Cart) (bool, error) {
	m, ok := s.Markets.ByCode(c.Market)
	if !ok {
		return false, nil
	}
	var skus []string
	for _, l := range c.Lines {
		skus = append(skus, l.SKU)
	}
	left, err := s.Stock.Available(tx, skus, m.ShipFrom)
	if err != nil {
		return false, err
	}
	for _, l := range c.Lines {
		if left[l.SKU] > 0 {
			return false, nil
		}
	}
	return true, nil
}

// guard is asked by the gate just before the message leaves.
func (s *Service) guard(tx *db.Tx, m messaging.Record) (string, error) {
	r, err := db.One(tx, scanRecovery, `select `+recoveryColumns+` from journey_recoveries where cart = $1`, m.Cart)
	if errors.Is(err, db.ErrNone) {
		return "unknown_cart", nil
	}
	if err != nil {
		return "", err
	}
	c, err := s.Carts.ByID(tx, m.Cart)
	if err != nil {
		return "", err
	}
	return s.unwanted(tx, r, c)
}

// ended takes the code back when its message did not leave after all.
func (s *Service) ended(tx *db.Tx, e messaging.EndedEvent) error {
	if e.Template != "cart" {
		return nil
	}
	r, err := takeRecovery(tx, e.Cart)
	if err != nil || r.message != e.Message || r.state != Sent || e.State == messaging.Unknown {
		return err
	}
	if err := s.Codes.Void(tx, r.code); err != nil {
		return err
	}
	r.state, r.askedAt = NotSent, time.Time{}
	if err := saveRecovery(tx, r); err != nil {
		return err
	}
	return s.note(tx, r, NotSent, e.Reason, string(e.State))
}

// won tells messaging of a paid order, so that the offer that led to it gets the credit.
func (s *Service) won(tx *db.Tx, e order.PaidEvent) error {
	o, err := s.Orders.Get(tx, e.Order)
	if err != nil {
		return err
	}
	return s.Messages.Bought(tx, messaging.Purchase{Order: string(o.ID), Cart: o.Cart, Customer: o.Customer, Total: o.Total})
}
