package journeys

import (
	"errors"

	"portolan/internal/cldr"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/i18n"
	"portolan/internal/messaging"
	"portolan/internal/order"
)

// info tells a person who wrote INFO about the order that the message before was about. Only that order: a
// phone number alone proves nothing.
func (s *Service) info(tx *db.Tx, about messaging.Record, lang string) (map[string]string, error) {
	o, err := s.Orders.Get(tx, order.ID(about.Order))
	if about.Order == "" && about.Cart != "" {
		o, err = s.Orders.ByCart(tx, about.Cart)
	}
	if errors.Is(err, order.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := cldr.For(lang + "-" + string(o.Country))
	from, to := span(l, o.DeliverFrom, o.DeliverTo)
	vars := map[string]string{"order": o.Number, "state": i18n.For(lang + "-" + string(o.Country)).T("journeys.state_" + string(o.State)), "from": from, "to": to}
	if s.Pages.Order != nil {
		vars["link"] = s.Pages.Order(o, lang)
	}
	return vars, nil
}

// optin asks for the second step of a double opt-in: one message a day at most for one address.
func (s *Service) optin(tx *db.Tx, e customer.ConsentEvent) error {
	if e.Action != customer.Ask || s.Pages.Confirm == nil {
		return nil
	}
	m, _ := s.Markets.ByCode(e.Market)
	msg := messaging.Message{Key: "optin:" + e.Address + ":" + e.At.Format("2006-01-02"), Customer: e.Customer, To: e.Address, Market: e.Market,
		Lang: e.Lang, Template: "optin", Vars: map[string]string{"link": s.Pages.Confirm(m, e.Lang, e.Consent)}}
	if len(m.Countries) > 0 {
		msg.Country = m.Country()
	}
	switch e.Channel {
	case customer.Mail:
		msg.Channel = messaging.Email
	case customer.SMS:
		msg.Channel = messaging.SMS
	default:
		return nil
	}
	r, err := s.Messages.Send(tx, msg)
	d := Step{Journey: "optin", Key: e.Address, Customer: e.Customer, Market: e.Market, Outcome: outcome(r), Reason: r.Gate.Why, Message: r.ID}
	if err != nil {
		if !isBadInput(err) {
			return err
		}
		d.Outcome, d.Reason = NotSent, "bad_input"
	}
	return say(tx, d)
}

func isBadInput(err error) bool { return fault.Of(err).Kind == fault.Invalid }
