package api

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	"portolan/internal/address"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/order"
	"portolan/internal/payment"
)

// CreateCart begins a cart.
func (a *api) CreateCart(ctx context.Context, r CreateCartRequestObject) (CreateCartResponseObject, error) {
	m, ok := a.Markets.ByCode(market.Code(r.Body.Market))
	switch {
	case !ok || m.State == market.Draft:
		return nil, ErrInvalid.With(map[string]string{"market": "unknown"})
	case r.Body.Country != "" && !m.Serves(market.Country(r.Body.Country)):
		return nil, ErrInvalid.With(map[string]string{"country": "not_in_market"})
	case r.Body.Lang != "" && !m.Speaks(r.Body.Lang):
		return nil, ErrInvalid.With(map[string]string{"lang": "not_spoken_there"})
	}
	var changes []checkout.Change
	for i, l := range r.Body.Lines {
		if _, _, err := a.Catalog.Variant(l.Sku); err != nil {
			return nil, ErrInvalid.With(map[string]string{"lines." + strconv.Itoa(i) + ".sku": "unknown"})
		}
		changes = append(changes, checkout.Add(l.Sku, l.Quantity))
	}
	c, err := a.Checkout.Begin(ctx, checkout.Start{Market: m.Code, Country: market.Country(r.Body.Country), Lang: r.Body.Lang}, changes...)
	if err != nil {
		return nil, err
	}
	v, err := a.cart(ctx, c)
	return CreateCart201JSONResponse(v), err
}

// GetCart returns a cart with today's prices.
func (a *api) GetCart(ctx context.Context, r GetCartRequestObject) (GetCartResponseObject, error) {
	v, err := a.cartOf(ctx, r.Token)
	return GetCart200JSONResponse{CartJSONResponse(v)}, err
}

func (a *api) cartOf(ctx context.Context, token string) (v Cart, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		c, err := a.Checkout.Get(tx, token)
		if err != nil {
			return err
		}
		v, err = a.show(tx, c)
		return err
	})
	return v, err
}

func (a *api) cart(ctx context.Context, c checkout.Cart) (v Cart, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		v, err = a.show(tx, c)
		return err
	})
	return v, err
}

// change does changes to a cart and shows it.
func (a *api) change(ctx context.Context, token string, changes ...checkout.Change) (CartJSONResponse, error) {
	return a.changeFrom(ctx, token, 0, changes...)
}

func (a *api) changeFrom(ctx context.Context, token string, version int64, changes ...checkout.Change) (CartJSONResponse, error) {
	c, err := a.Checkout.Change(ctx, token, version, changes...)
	if err != nil {
		return CartJSONResponse{}, err
	}
	v, err := a.cart(ctx, c)
	return CartJSONResponse(v), err
}

// AddCartLine puts more pieces of an article into the cart.
func (a *api) AddCartLine(ctx context.Context, r AddCartLineRequestObject) (AddCartLineResponseObject, error) {
	v, err := a.change(ctx, r.Token, checkout.Add(r.Body.Sku, r.Body.Quantity))
	return AddCartLine200JSONResponse{v}, err
}

// SetCartLine sets a quantity. Where the caller doesn't say which cart they saw, the cart as it is counts.
func (a *api) SetCartLine(ctx context.Context, r SetCartLineRequestObject) (SetCartLineResponseObject, error) {
	version := r.Body.Version
	if version == 0 {
		err := a.DB.Read(ctx, func(tx *db.Tx) error {
			c, err := a.Checkout.Get(tx, r.Token)
			version = c.Version
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	v, err := a.changeFrom(ctx, r.Token, version, checkout.Set(r.Sku, r.Body.Quantity))
	if err != nil && fault.Of(err).Fields["sku"] != "" {
		err = ErrInvalid.With(map[string]string{"path.sku": fault.Of(err).Fields["sku"]})
	}
	return SetCartLine200JSONResponse{v}, err
}

// RemoveCartLine takes an article out.
func (a *api) RemoveCartLine(ctx context.Context, r RemoveCartLineRequestObject) (RemoveCartLineResponseObject, error) {
	v, err := a.change(ctx, r.Token, checkout.Remove(r.Sku))
	return RemoveCartLine200JSONResponse{v}, err
}

// SetCartCode enters a discount code.
func (a *api) SetCartCode(ctx context.Context, r SetCartCodeRequestObject) (SetCartCodeResponseObject, error) {
	v, err := a.change(ctx, r.Token, checkout.Code(r.Body.Code))
	return SetCartCode200JSONResponse{v}, err
}

// SetCartContact says how to reach the shopper, and what they agreed to.
func (a *api) SetCartContact(ctx context.Context, r SetCartContactRequestObject) (SetCartContactResponseObject, error) {
	b := r.Body
	changes := []checkout.Change{checkout.SetContact(checkout.Contact{GivenName: b.GivenName, FamilyName: b.FamilyName, Email: b.Email, Phone: b.Phone})}
	var consents []checkout.Consent
	for _, c := range b.Consents {
		class := customer.Class(c.Class)
		if class == "" {
			class = customer.Promotional
		}
		consents = append(consents, checkout.Consent{Channel: customer.Channel(c.Channel), Class: class, Granted: c.Granted, Text: c.Text, Wording: c.Wording})
	}
	if len(consents) > 0 {
		changes = append(changes, checkout.SetConsents(consents, "/v1/carts", ""))
	}
	v, err := a.change(ctx, r.Token, changes...)
	return SetCartContact200JSONResponse{v}, err
}

// SetCartAddress says where to deliver.
func (a *api) SetCartAddress(ctx context.Context, r SetCartAddressRequestObject) (SetCartAddressResponseObject, error) {
	v, err := a.change(ctx, r.Token, checkout.SetAddress(*r.Body))
	return SetCartAddress200JSONResponse{v}, under(err, "address.")
}

// ListDeliveryOptions lists the ways to deliver.
func (a *api) ListDeliveryOptions(ctx context.Context, r ListDeliveryOptionsRequestObject) (ListDeliveryOptionsResponseObject, error) {
	out := DeliveryOptions{Data: []DoorQuote{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		c, err := a.Checkout.Get(tx, r.Token)
		if err != nil {
			return err
		}
		all, err := a.Checkout.Options(tx, c)
		for i := range all {
			out.Data = append(out.Data, door(&all[i]))
		}
		return err
	})
	return ListDeliveryOptions200JSONResponse(out), err
}

// SetCartDelivery chooses a way and makes the quote.
func (a *api) SetCartDelivery(ctx context.Context, r SetCartDeliveryRequestObject) (SetCartDeliveryResponseObject, error) {
	v, err := a.change(ctx, r.Token, checkout.Choose(r.Body.Service))
	return SetCartDelivery200JSONResponse{v}, err
}

// PayCart pays the quote.
func (a *api) PayCart(ctx context.Context, r PayCartRequestObject) (PayCartResponseObject, error) {
	back := r.Body.ReturnURL
	if back == "" {
		var err error
		if back, err = a.ownReturn(ctx, r.Token); err != nil {
			return nil, err
		}
	} else if u, err := url.Parse(back); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, ErrInvalid.With(map[string]string{"return_url": "no_web_address"})
	}
	o, err := a.Checkout.Pay(ctx, checkout.PayRequest{Token: r.Token, Version: r.Body.Version, Method: r.Body.Method, Instrument: r.Body.Instrument,
		ReturnURL: back, BaseURL: a.PublicURL, IP: callerOf(ctx).ip, Instead: r.Body.Instead})
	if code := fault.Of(err).Fields["card"]; errors.Is(err, payment.ErrInstrument) && code != "" {
		err = payment.ErrInstrument.With(map[string]string{"instrument": code})
	}
	if errors.Is(err, payment.ErrUnknownMethod) {
		err = payment.ErrUnknownMethod.With(map[string]string{"method": "not_offered"})
	}
	if err != nil {
		return nil, err
	}
	v, err := a.outcome(ctx, o)
	return PayCart200JSONResponse{v}, err
}

// ownReturn is our storefront's page for shoppers who come back from a provider.
func (a *api) ownReturn(ctx context.Context, token string) (path string, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		c, err := a.Checkout.Get(tx, token)
		if err != nil {
			return err
		}
		if m, ok := a.Markets.ByCode(c.Market); ok {
			path = a.PublicURL + m.Prefix(c.Lang) + "/checkout/return"
		}
		return nil
	})
	return path, err
}

// GetCartPayment says how far paying has come.
func (a *api) GetCartPayment(ctx context.Context, r GetCartPaymentRequestObject) (GetCartPaymentResponseObject, error) {
	o, err := a.Checkout.Outcome(ctx, r.Token)
	if err != nil {
		return nil, err
	}
	v, err := a.outcome(ctx, o)
	return GetCartPayment200JSONResponse{v}, err
}

func (a *api) outcome(ctx context.Context, o checkout.Outcome) (OutcomeJSONResponse, error) {
	v := OutcomeJSONResponse{State: OutcomeState(o.State), Reason: o.Reason}
	if o.Action.Kind != payment.NoAction {
		v.Action = Action{Kind: ActionKind(o.Action.Kind), URL: o.Action.URL}
		if b := o.Action.Bank; b != nil {
			v.Action.Holder, v.Action.Bank, v.Action.Account, v.Action.Reference = b.Holder, b.Bank, b.Account, b.Reference
		}
	}
	if o.OrderID == "" {
		return v, nil
	}
	return v, a.DB.Read(ctx, func(tx *db.Tx) error {
		placed, err := a.Orders.Get(tx, order.ID(o.OrderID))
		v.Order = OrderRef{ID: string(placed.ID), Number: placed.Number}
		return err
	})
}

// show is a cart in the document's words.
func (a *api) show(tx *db.Tx, c checkout.Cart) (Cart, error) {
	b, err := a.Checkout.Basket(tx, c)
	if err != nil {
		return Cart{}, err
	}
	v := Cart{Token: c.Token, Market: string(c.Market), Country: string(c.Country), Lang: c.Lang, Currency: string(c.Currency), State: CartState(c.State),
		Step: string(c.Next()), Version: c.Version, Lines: []CartLine{}, Goods: b.Goods, Discount: b.Discount, TaxIncluded: b.TaxIncluded, Code: c.Code,
		CodeProblem: b.CodeFault, Contact: c.Contact, Order: string(c.Order)}
	if c.Address != (address.Address{}) {
		v.Address = c.Address
	}
	for _, i := range b.Items {
		l := CartLine{Sku: i.SKU, Title: i.Article.Title, Slug: i.Article.Slug, Options: i.Article.Options, Quantity: i.Quantity,
			UnitPrice: i.Article.Price.Amount, Total: i.Total, Problem: CartLineProblem(i.Problem), PriceChanged: i.Changed}
		if i.Article.Image != "" {
			l.Image = a.media(i.Article.Image)
		}
		l.Restrictions = a.barredLine(c, i)
		if i.Problem != "" && i.Problem != "restricted" {
			l.Left = max(0, i.Free)
		}
		v.Lines = append(v.Lines, l)
	}
	if c.Quote != nil && (c.Quoted() || c.State != checkout.Open) {
		v.Quote = door(c.Quote)
		for _, m := range a.Checkout.Methods(c) {
			v.PaymentMethods = append(v.PaymentMethods, m.ID)
		}
	}
	return v, nil
}

func door(q *checkout.Quote) DoorQuote {
	v := DoorQuote{ID: q.ID, Service: q.Option.Service, Carrier: q.Option.Carrier, DeliverFrom: q.Option.FromDay, DeliverTo: q.Option.ToDay,
		Goods: q.Goods, Discount: q.Discount, Shipping: q.Shipping, Duty: q.Duty, Tax: q.Tax, Fees: q.Fees, Total: q.Total, AtDoor: q.AtDoor,
		Charges: q.Charges, Incoterm: q.Incoterm, Final: q.Final, Estimate: q.Estimate, RulePack: q.Pack, ExpiresAt: q.Expires}
	if v.Charges == nil {
		v.Charges = []Charge{}
	}
	return v
}
