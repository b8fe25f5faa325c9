package checkout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/id"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
)

// Basket is a cart with today's prices, for pages.
type Basket struct {
	Items       []Item
	Goods       money.Amount // of the items that can be had, as shown: with tax where the market shows it
	Discount    money.Amount // taken off Goods by the code
	CodeFault   string       // why the code in the cart takes nothing off any more
	TaxIncluded bool
	Count       int64
}

// Item is a line with what is known about it now.
type Item struct {
	Line
	Article Article
	Total   money.Amount
	Free    int64  // how many there are where the cart would be sent from
	Problem string // gone, sold_out, few_left, apart (it is only elsewhere), restricted (it may not go there): then it can't be paid
	// Verdicts are what stands between the article and the country of delivery: what forbids it first, then what the
	// shopper has to do.
	Verdicts []customs.Verdict
	Changed  bool // the price isn't the one the shopper saw, which is Seen
}

// Basket prices a cart as it stands.
func (s *Service) Basket(tx *db.Tx, c Cart) (Basket, error) {
	m, ok := s.Markets.ByCode(c.Market)
	if !ok {
		return Basket{}, market.ErrUnknown
	}
	b, err := s.basket(&c, m)
	if err != nil || c.Code == "" {
		return b, err
	}
	use, err := s.useOf(tx, &c, b)
	if err != nil {
		return b, err
	}
	b.Discount, err = s.Codes.Check(tx, c.Code, use)
	if err != nil && fault.Of(err).Kind != fault.Internal {
		b.Discount, b.CodeFault, err = money.Of(0, c.Currency), fault.Of(err).Code, nil
	}
	return b, err
}

// basket is Basket without the code; it reads no database.
func (s *Service) basket(c *Cart, m market.Market) (Basket, error) {
	b := Basket{Items: make([]Item, 0, len(c.Lines)), Goods: money.Of(0, c.Currency), Discount: money.Of(0, c.Currency), TaxIncluded: m.TaxInclusive}
	wants := make([]fulfilment.OptionLine, len(c.Lines))
	for i, l := range c.Lines {
		wants[i] = fulfilment.OptionLine{SKU: l.SKU, Quantity: l.Quantity}
	}
	free := s.Stock.Together(m.Code, wants)
	to, day := customs.Border(string(c.Country), c.Address.Postcode), m.Day(s.db.Clock().Now())
	for n, l := range c.Lines {
		i := Item{Line: l, Free: free[n]}
		a, err := s.Shelf.Article(m, c.Country, c.Lang, l.SKU)
		switch {
		case err == nil:
			i.Article, i.Total = a, a.Price.Amount.Mul(l.Quantity)
			i.Changed = l.Seen != a.Price.Amount && l.Seen != money.Amount{}
		case fault.Of(err).Kind == fault.NotFound:
			i.Problem, i.Article.SKU = "gone", l.SKU
		default:
			return b, err
		}
		if i.Problem == "" && s.Borders != nil {
			i.Verdicts = s.Borders.Article(l.SKU, to, day, l.Quantity)
			if len(i.Verdicts) > 0 && i.Verdicts[0].Blocks {
				i.Problem = "restricted"
			}
		}
		if i.Problem == "" && i.Free < l.Quantity {
			switch anywhere := s.Stock.Level(m.Code, l.SKU).Free; {
			case anywhere >= l.Quantity:
				i.Problem = "apart"
			case anywhere <= 0:
				i.Problem = "sold_out"
			default:
				i.Problem, i.Free = "few_left", anywhere
			}
		}
		if i.Problem == "" {
			b.Goods = b.Goods.Add(i.Total)
			b.Count += l.Quantity
		}
		b.Items = append(b.Items, i)
	}
	return b, nil
}

// use is who wants to use a code for what. A code of a person holds for all of their profiles.
func (s *Service) use(tx *db.Tx, c *Cart, goods money.Amount) (u pricing.CodeUse, err error) {
	u = pricing.CodeUse{Market: c.Market, Cart: c.ID, Customer: c.Customer, Subtotal: goods}
	if c.Customer != "" {
		u.Person, err = s.Customers.IDs(tx, c.Customer)
	}
	return u, err
}

// useOf is use with what the goods are, so that their margin can be looked at.
func (s *Service) useOf(tx *db.Tx, c *Cart, b Basket) (pricing.CodeUse, error) {
	u, err := s.use(tx, c, b.Goods)
	for _, i := range b.Items {
		if i.Problem == "" {
			u.Goods = append(u.Goods, pricing.Piece{SKU: i.SKU, TaxCategory: i.Article.TaxCategory, Quantity: i.Quantity, Total: i.Total})
		}
	}
	return u, err
}

// Quote is what a cart costs at the door, frozen: what is authorised is its Total, always.
type Quote struct {
	ID       string            `json:"id"`
	For      string            `json:"for"` // what it was made from; a cart that is otherwise needs another
	At       time.Time         `json:"at"`
	Expires  time.Time         `json:"expires"`
	Lines    []order.Line      `json:"lines"`
	Option   fulfilment.Option `json:"option"`
	Code     string            `json:"code,omitempty"`
	Shown    money.Amount      `json:"shown"`    // goods as the market shows them, before discount
	Off      money.Amount      `json:"off"`      // discount as shown
	Carriage money.Amount      `json:"carriage"` // shipping as shown
	Included bool              `json:"included"` // those three contain the consumption tax
	Goods    money.Amount      `json:"goods"`    // without tax, before discount
	Discount money.Amount      `json:"discount"` // without tax
	Shipping money.Amount      `json:"shipping"` // without tax
	Duty     money.Amount      `json:"duty"`     // collected now
	Tax      money.Amount      `json:"tax"`      // collected now
	Fees     money.Amount      `json:"fees"`     // collected now
	Total    money.Amount      `json:"total"`    // what is charged: Goods - Discount + Shipping + Duty + Tax + Fees
	AtDoor   money.Amount      `json:"at_door"`  // what the buyer pays on delivery, about
	Charges  []landed.Charge   `json:"charges"`  // every duty, tax and fee with its rule
	Pack     string            `json:"pack"`     // version of the rules
	Incoterm string            `json:"incoterm"` // DDP, DAP
	Final    bool              `json:"final"`    // there is nothing more to pay, for sure
	Assumed  []string          `json:"assumed"`  // what was taken for granted
	Estimate bool              `json:"estimate"` // some rule is of low confidence

	Locked pricing.LockedRate `json:"locked_rate,omitzero"` // into the merchant's own currency; zero: none
}

// Difference is a figure that isn't what the shopper saw.
type Difference struct {
	Field  string // price, discount, code, shipping, delivery, duty, tax, fees, total
	Before string
	After  string
}

// inputs is a mark of everything a quote depends on that the shopper decides.
func (c *Cart) inputs() string {
	h := fnv.New64a()
	for _, l := range c.Lines {
		fmt.Fprintf(h, "%s %d|", l.SKU, l.Quantity)
	}
	fmt.Fprintf(h, "%s|%s|%s|%s|%s|%s", c.Market, c.Country, c.Address.Region, c.Address.Postcode, c.Service, c.Code)
	return strconv.FormatUint(h.Sum64(), 36)
}

// Quoted reports whether the cart's quote is for the cart as it stands.
func (c *Cart) Quoted() bool { return c.Quote != nil && c.Quote.For == c.inputs() }

// Options are the ways to deliver a cart, each with everything it would cost at the door, cheapest total last
// said: in the order of package fulfilment. ErrIncomplete, fulfilment.ErrNoService.
func (s *Service) Options(tx *db.Tx, c Cart) ([]Quote, error) {
	if err := c.ready(false); err != nil {
		return nil, err
	}
	m, ok := s.Markets.ByCode(c.Market)
	if !ok {
		return nil, market.ErrUnknown
	}
	d, err := s.draft(tx, &c, m)
	if err != nil {
		return nil, err
	}
	var all []Quote
	for _, o := range d.options {
		q, err := s.price(&c, m, d, o)
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}

// draft is what a quote needs before the service is chosen.
type draft struct {
	basket  Basket
	off     money.Amount
	dropped string // why the code was taken off
	options []fulfilment.Option
	at      time.Time
}

func (s *Service) draft(tx *db.Tx, c *Cart, m market.Market) (d draft, err error) {
	d.at = tx.Now()
	if d.basket, err = s.basket(c, m); err != nil {
		return d, err
	}
	short, barred := map[string]string{}, map[string]string{}
	for _, i := range d.basket.Items {
		switch i.Problem {
		case "":
		case "restricted":
			barred[i.SKU] = i.Verdicts[0].Rule
		default:
			short[i.SKU] = strconv.FormatInt(max(0, i.Free), 10)
		}
	}
	if len(barred) > 0 {
		return d, ErrRestricted.With(barred)
	}
	if len(short) > 0 {
		return d, ErrSoldOut.With(short)
	}
	d.off = money.Of(0, c.Currency)
	if c.Code != "" {
		use, err := s.useOf(tx, c, d.basket)
		if err != nil {
			return d, err
		}
		off, err := s.Codes.Check(tx, c.Code, use)
		switch {
		case err == nil:
			d.off = off
		case fault.Of(err).Kind == fault.Internal:
			return d, err
		default:
			d.dropped = fault.Of(err).Code
		}
	}
	lines := make([]fulfilment.OptionLine, len(d.basket.Items))
	for i, item := range d.basket.Items {
		lines[i] = fulfilment.OptionLine{SKU: item.SKU, Quantity: item.Quantity, WeightGrams: item.Article.Weight}
	}
	d.options, err = s.Stock.Options(fulfilment.OptionsRequest{Market: c.Market, Country: c.Country, Region: c.Address.Region, Lines: lines,
		Subtotal: d.basket.Goods, At: d.at})
	return d, err
}

// hubs are currencies in which thresholds of duty and tax are written.
var hubs = []money.Currency{"EUR", "USD", "GBP", "CNY", "IDR", "MYR"}

// price works out a quote for one way of delivery. It reads no database: it is done for every option, at every
// change, and must be cheap.
func (s *Service) price(c *Cart, m market.Market, d draft, o fulfilment.Option) (Quote, error) {
	day := m.Day(d.at)
	r := landed.Request{Date: d.at.In(m.Location()), ShipFrom: string(o.From), Currency: c.Currency, Shipping: o.Price, Discount: d.off,
		Destination:   landed.Place{Country: string(c.Country), Region: c.Address.Region, Postcode: c.Address.Postcode},
		Registrations: s.Taxes.Registered(day), Channel: landed.Channel(o.Channel), Incoterm: landed.Incoterm(o.Incoterm),
		PricesIncludeTax: m.TaxInclusive, Flags: s.Flags, Lines: make([]landed.Line, len(d.basket.Items))}
	lines := make([]order.Line, len(d.basket.Items))
	for i, item := range d.basket.Items {
		a := item.Article
		r.Lines[i] = landed.Line{Key: a.SKU, Description: a.Customs, HS: a.HS, Origin: a.Origin, Quantity: item.Quantity,
			UnitPrice: a.Price.Amount, Category: a.TaxCategory, WeightGrams: a.Weight * item.Quantity}
		lines[i] = order.Line{SKU: a.SKU, Title: a.Title, Slug: a.Slug, Options: a.Options, Quantity: item.Quantity, UnitPrice: a.Price.Amount,
			Total: item.Total, HS: a.HS, Origin: a.Origin, Image: a.Image, Weight: a.Weight}
	}
	for _, hub := range hubs {
		if hub == c.Currency {
			continue
		}
		fx, err := s.Rates.RateNow(hub, c.Currency, day)
		if err != nil {
			continue // landed says which rate it misses, if it misses one
		}
		r.FX = append(r.FX, landed.FX{From: hub, To: c.Currency, Rate: fx.Rate})
	}
	l, err := s.Landed.Quote(&r)
	if err != nil {
		return Quote{}, fmt.Errorf("landed cost of %s: %w", c.ID, err)
	}
	q := Quote{For: c.inputs(), At: d.at, Expires: d.at.Add(quoteLife), Lines: lines, Option: o, Code: c.Code,
		Shown: d.basket.Goods, Off: d.off, Carriage: o.Price, Included: m.TaxInclusive, Shipping: l.Shipping,
		AtDoor: l.AtBorder, Charges: l.Charges, Pack: l.Pack, Incoterm: string(l.Incoterm), Final: l.Final(), Assumed: l.Assumptions,
		Estimate: l.Confidence == landed.Low || l.NeedsReview()}
	q.sum(c.Currency, &l)
	return q, nil
}

// sum brings what package landed found into the figures that are charged.
func (q *Quote) sum(in money.Currency, l *landed.Quote) {
	q.Discount, q.Duty, q.Tax, q.Fees = money.Of(0, in), money.Of(0, in), money.Of(0, in), money.Of(0, in)
	for _, line := range l.Lines {
		q.Discount = q.Discount.Add(line.Discount)
	}
	for _, charge := range l.Charges {
		if charge.When != landed.AtCheckout {
			continue
		}
		switch charge.Kind {
		case landed.Duty:
			q.Duty = q.Duty.Add(charge.Amount)
		case landed.Tax:
			q.Tax = q.Tax.Add(charge.Amount)
		default:
			q.Fees = q.Fees.Add(charge.Amount)
		}
	}
	q.Goods = l.Goods.Add(q.Discount)
	q.Total = q.Goods.Sub(q.Discount).Add(q.Shipping).Add(q.Duty).Add(q.Tax).Add(q.Fees)
}

// requote gives the cart a quote for what it is now and tells what differs from the one before. One that is the
// same keeps its name and only lives longer. A code that is no longer good is taken off, and told.
func (s *Service) requote(tx *db.Tx, c *Cart, m market.Market) ([]Difference, error) {
	d, err := s.draft(tx, c, m)
	if err != nil {
		return nil, err
	}
	if d.dropped != "" {
		c.Code = ""
	}
	at := slices.IndexFunc(d.options, func(o fulfilment.Option) bool { return o.Service == c.Service })
	if at < 0 && c.Quote != nil && c.Quote.Option.Service == c.Service {
		return nil, ErrServiceGone
	}
	if at < 0 {
		return nil, ErrInvalid.With(map[string]string{"service": "not_offered"})
	}
	q, err := s.price(c, m, d, d.options[at])
	if err != nil {
		return nil, err
	}
	old := c.Quote
	diff := q.differs(old)
	if d.dropped != "" {
		diff = append([]Difference{{"code", "", d.dropped}}, diff...)
	}
	if len(diff) == 0 && old != nil && old.For != q.For {
		diff = []Difference{{"cart", "", ""}}
	}
	q.ID = id.New("quo")
	if old != nil && len(diff) == 0 {
		q.ID = old.ID
	}
	s.lock(&q, old, m)
	c.Quote = &q
	return diff, nil
}

// lock promises a rate into the merchant's own currency with a quote. While a quote lives it keeps its rate.
func (s *Service) lock(q, old *Quote, m market.Market) {
	switch {
	case s.Locks == nil:
	case old != nil && old.ID == q.ID && old.Locked.Home != "" && q.At.Before(old.Expires):
		q.Locked = old.Locked
	default:
		q.Locked, _ = s.Locks.Offer(q.Total.Currency, m.Day(q.At))
	}
}

// differs lists what a shopper who saw old has to be told.
func (q *Quote) differs(old *Quote) (all []Difference) {
	if old == nil {
		return nil
	}
	figure := func(field string, a, b money.Amount) {
		if a != b {
			all = append(all, Difference{field, a.Decimal(), b.Decimal()})
		}
	}
	figure("price", old.Shown, q.Shown)
	figure("discount", old.Off, q.Off)
	figure("shipping", old.Carriage, q.Carriage)
	figure("duty", old.Duty, q.Duty)
	figure("tax", old.Tax, q.Tax)
	figure("fees", old.Fees, q.Fees)
	figure("total", old.Total, q.Total)
	figure("at_door", old.AtDoor, q.AtDoor)
	if q.Option.ToDay > old.Option.ToDay {
		all = append(all, Difference{"delivery", old.Option.ToDay, q.Option.ToDay})
	}
	if cmp.Or(old.Incoterm, "DDP") != cmp.Or(q.Incoterm, "DDP") {
		all = append(all, Difference{"incoterm", old.Incoterm, q.Incoterm})
	}
	return all
}

// Requote renews the quote of a cart whose service is chosen: when it has run out or isn't for the cart any
// more. It returns what differs from the quote before; nothing, where the shopper need not be told.
func (s *Service) Requote(ctx context.Context, token string) (c Cart, diff []Difference, err error) {
	read := byToken
	for range 2 {
		err = s.db.Write(ctx, func(tx *db.Tx) (err error) {
			if c, err = read(tx, token); err != nil {
				return err
			}
			if err := c.editable(); err != nil {
				return err
			}
			if err := c.ready(true); err != nil {
				return err
			}
			m, ok := s.Markets.ByCode(c.Market)
			if !ok {
				return market.ErrUnknown
			}
			before := c.Version
			c.Activity = tx.Now()
			if diff, err = s.requote(tx, &c, m); err != nil {
				return err
			}
			return save(tx, &c, before)
		})
		if !errors.Is(err, errRaced) {
			return c, diff, err
		}
		read = held
	}
	return c, nil, ErrCartChanged
}
