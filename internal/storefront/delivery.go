package storefront

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/web"
)

type deliveryView struct {
	Steps   []step
	Summary *summaryView
	Errors  *errorList
	Notices []string
	Version int64
	Options []wayView
}

// wayView is a way to deliver with the full cost at the door.
type wayView struct {
	optionView
	Promise, Pack string
	Totals        totals
	Why           []whyRow
}

type optionView struct {
	Value, Title, Text, Price string
	Chosen                    bool
}

func (s *shop) delivery(w http.ResponseWriter, r *http.Request, at place) error {
	c, ok, err := s.current(w, r, at)
	if !ok || err != nil {
		return err
	}
	return s.showDelivery(w, r, at, c, nil)
}

// ways are the ways to deliver a cart. The first is chosen for a shopper who hasn't chosen yet, so that the full
// cost is there to see, and for one whose choice is no longer offered, which gone then says.
func (s *shop) ways(ctx context.Context, c checkout.Cart) (all []checkout.Quote, now checkout.Cart, gone bool, err error) {
	for range 3 { // what is offered may change between looking and choosing
		err = s.DB.Read(ctx, func(tx *db.Tx) (err error) {
			all, err = s.Checkout.Options(tx, c)
			return err
		})
		if err != nil || len(all) == 0 {
			return all, c, gone, err
		}
		offered := slices.ContainsFunc(all, func(q checkout.Quote) bool { return q.Option.Service == c.Service })
		if offered && c.Quoted() {
			return all, c, gone, nil
		}
		service := c.Service
		if !offered {
			gone = gone || c.Service != ""
			service = all[0].Option.Service
		}
		now, err = s.Checkout.Amend(ctx, c, checkout.Choose(service))
		if !errors.Is(err, checkout.ErrServiceGone) && fault.Of(err).Fields["service"] == "" {
			return all, now, gone, err
		}
	}
	return all, c, gone, err
}

// showDelivery draws the ways to deliver and what each costs at the door.
func (s *shop) showDelivery(w http.ResponseWriter, r *http.Request, at place, c checkout.Cart, wrong error) error {
	all, c, gone, err := s.ways(r.Context(), c)
	switch {
	case errors.Is(err, checkout.ErrIncomplete):
		http.Redirect(w, r, at.prefix+"/checkout/details", http.StatusSeeOther)
		return nil
	case stuck(err):
		http.Redirect(w, r, at.prefix+"/cart", http.StatusSeeOther)
		return nil
	case err != nil && !errors.Is(err, fulfilment.ErrNoService):
		return err
	case err != nil:
		wrong = err
	}
	v := deliveryView{Steps: s.steps(at, "delivery"), Version: c.Version}
	if gone {
		text, _ := at.say.Fault(checkout.ErrServiceGone)
		v.Notices = append(v.Notices, text)
	}
	status := http.StatusOK
	if wrong != nil {
		if status = web.Status(wrong); status >= 500 {
			return wrong
		}
		v.Errors = s.errors(at, wrong, nil)
	}
	for _, q := range all {
		chosen := q.Option.Service == c.Service
		if chosen && c.Quote != nil {
			q = *c.Quote
		}
		way := wayView{Promise: s.promiseWords(at, &q, c.Country), Pack: q.Pack, Totals: s.costs(at, &q), Why: s.why(at, &q)}
		way.optionView = optionView{Value: q.Option.Service, Title: at.say.T("service." + q.Option.Service),
			Text: at.say.T("checkout.arrives_range", "days", days(at, q.Option.FromDay, q.Option.ToDay)) + " · " +
				at.say.T("checkout.sent_from", "place", at.say.CountryName(string(q.Option.From)), "carrier", q.Option.Carrier),
			Price: s.fee(at, q.Option.Price), Chosen: chosen}
		v.Options = append(v.Options, way)
	}
	p := s.newPage(at, "/checkout/delivery", at.say.T("checkout.delivery_and_cost"))
	v.Summary = s.summary(at, c)
	p.Focused, p.CartCount, p.Data = true, c.Count(), v
	return s.show(w, r, status, "delivery", p)
}

// promiseWords say who pays duty and tax. "Nothing more to pay" is said only where every rule used is sure.
func (s *shop) promiseWords(at place, q *checkout.Quote, to market.Country) string {
	country := at.say.CountryName(string(to))
	switch {
	case q.Incoterm == string(landed.DAP) && !q.AtDoor.IsZero():
		return at.say.T("checkout.pay_on_delivery", "amount", q.AtDoor)
	case q.Final && !crosses(q, to):
		return at.say.T("checkout.domestic")
	case q.Final:
		return at.say.T("checkout.nothing_more", "country", country)
	}
	return at.say.T("checkout.estimate", "country", country)
}

// crosses reports whether the parcel passes a customs border.
func crosses(q *checkout.Quote, to market.Country) bool {
	inside := func(c landed.Charge) bool { return c.Scheme == landed.Domestic || c.Scheme == landed.UnionSale }
	return q.Option.From != to && !slices.ContainsFunc(q.Charges, inside)
}

func (s *shop) saveDelivery(w http.ResponseWriter, r *http.Request, at place) error {
	c, ok, err := s.current(w, r, at)
	if !ok || err != nil {
		return err
	}
	service := r.FormValue("service")
	if !(service == c.Service && c.Quoted()) {
		c, err = s.Checkout.Amend(r.Context(), c, checkout.Choose(service))
		if stuck(err) || errors.Is(err, checkout.ErrIncomplete) {
			return s.showDelivery(w, r, at, c, nil)
		}
		if err != nil && fault.Of(err).Kind == fault.Internal {
			return err
		}
		if err != nil {
			if c, err2 := s.bag(r); err2 == nil {
				return s.showDelivery(w, r, at, c, err)
			}
			return err
		}
	}
	to := "/checkout/payment"
	if r.FormValue("stay") != "" {
		to = "/checkout/delivery"
	}
	http.Redirect(w, r, at.prefix+to, http.StatusSeeOther)
	return nil
}

// minor writes an amount for a hidden field.
func minor(q *checkout.Quote) string { return strconv.FormatInt(q.Total.Minor, 10) }
