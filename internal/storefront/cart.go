package storefront

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/checkout"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/money"
	"portolan/internal/web"
)

// cartCookie carries the token of a visitor's cart.
const cartCookie = "portolan_cart"

// token is the visitor's cart token, or nothing.
func token(r *http.Request) string {
	c, err := r.Cookie(cartCookie)
	if err != nil || len(c.Value) > 64 {
		return ""
	}
	return c.Value
}

func (s *shop) keepCart(w http.ResponseWriter, c checkout.Cart) {
	http.SetCookie(w, &http.Cookie{Name: cartCookie, Value: c.Token, Path: "/", MaxAge: 60 * 24 * 3600, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
}

// bag is the visitor's cart; ErrUnknown if there is none that can still be changed.
func (s *shop) bag(r *http.Request) (c checkout.Cart, err error) {
	t := token(r)
	if t == "" {
		return c, checkout.ErrUnknown
	}
	err = s.DB.Peek(r.Context(), func(tx *db.Tx) (err error) {
		c, err = s.Checkout.Get(tx, t)
		return err
	})
	return c, err
}

// here is bag, moved to the market and language of the page: what isn't sold there is taken out.
func (s *shop) here(r *http.Request, at place) (checkout.Cart, error) {
	c, err := s.bag(r)
	if err != nil || c.State != checkout.Open || c.Market == at.market.Code && c.Lang == at.lang {
		return c, err
	}
	return s.Checkout.Amend(r.Context(), c, checkout.Move(at.market.Code, at.lang))
}

func (s *shop) bagCount(r *http.Request, at place) int64 {
	c, err := s.bag(r)
	if err != nil || c.State == checkout.Ordered {
		return 0
	}
	return c.Count()
}

// number reads a whole number; what is none is -1, which every limit refuses.
func number(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// add puts an article into the visitor's cart, or into a new one where there is none or it was ordered.
func (s *shop) add(w http.ResponseWriter, r *http.Request, at place) error {
	quantity := int64(1)
	if q := r.FormValue("quantity"); q != "" {
		quantity = number(q)
	}
	change := checkout.Add(r.FormValue("sku"), quantity)
	c, err := s.here(r, at)
	if err == nil && c.State != checkout.Ordered {
		_, err = s.Checkout.Amend(r.Context(), c, change)
		return err
	}
	if err != nil && !errors.Is(err, checkout.ErrUnknown) {
		return err
	}
	c, err = s.Checkout.Begin(r.Context(), checkout.Start{Market: at.market.Code, Lang: at.lang}, change)
	if err == nil {
		s.keepCart(w, c)
	}
	return err
}

func (s *shop) setLine(w http.ResponseWriter, r *http.Request, at place) error {
	change := checkout.Set(r.PathValue("sku"), number(r.FormValue("quantity")))
	if slices.Contains(r.PostForm["quantity"], "0") { // the button that takes it out stands beside the number
		change = checkout.Remove(r.PathValue("sku"))
	}
	_, err := s.Checkout.Change(r.Context(), token(r), version(r), change)
	return s.afterCart(w, r, at, err, "")
}

func (s *shop) applyCode(w http.ResponseWriter, r *http.Request, at place) error {
	_, err := s.Checkout.Change(r.Context(), token(r), 0, checkout.Code(r.FormValue("code")))
	return s.afterCart(w, r, at, err, "code")
}

func version(r *http.Request) int64 {
	n, err := strconv.ParseInt(r.FormValue("version"), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (s *shop) afterCart(w http.ResponseWriter, r *http.Request, at place, err error, done string) error {
	if err != nil {
		return s.showCart(w, r, at, err)
	}
	to := at.prefix + "/cart"
	if done != "" {
		to = query(to, "done", done)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

type cartView struct {
	Lines           []lineView
	Notices         []string
	Errors          *errorList
	Code, CodeError string
	Totals          totals
	Version         int64
	Stuck           string // what has to be done to the lines before they can be paid
}

type lineView struct {
	SKU, URL, Title, Options, Image, Total, Problem string
	Quantity                                        int64
	Verdicts                                        []noted
}

// noted is something to know about a line; Bad where it can't be bought because of it.
type noted struct {
	Bad  bool
	Text string
}

type totals struct {
	Rows              []costRow
	TotalLabel, Total string
	Note              string
}

type costRow struct{ Class, Label, Why, Amount string }

type errorList struct {
	Title string
	Items []errorItem
}

type errorItem struct{ ID, Text string }

func (s *shop) cart(w http.ResponseWriter, r *http.Request, at place) error {
	return s.showCart(w, r, at, nil)
}

// showCart draws the cart with what went wrong, if anything did. Nothing in it was changed then.
func (s *shop) showCart(w http.ResponseWriter, r *http.Request, at place, wrong error) error {
	c, err := s.here(r, at)
	if errors.Is(err, checkout.ErrUnknown) || err == nil && c.State == checkout.Ordered {
		c, err = checkout.Cart{}, nil
	}
	if err != nil {
		return err
	}
	v := cartView{Version: c.Version, Code: c.Code}
	if c.Token != "" {
		if err := s.fillCart(r, at, c, &v); err != nil {
			return err
		}
		if err := s.Checkout.Touch(r.Context(), c); err != nil {
			return err
		}
	}
	switch r.URL.Query().Get("done") {
	case "code":
		v.Notices = append(v.Notices, at.say.T("checkout.code_applied"))
	case "restored":
		v.Notices = append(v.Notices, at.say.T("checkout.restored"))
	}
	status := http.StatusOK
	if wrong != nil {
		status = web.Status(wrong)
		if status >= 500 {
			return wrong
		}
		text, _ := at.say.Fault(wrong)
		switch {
		case strings.HasPrefix(fault.Of(wrong).Code, "pricing.code"), errors.Is(wrong, checkout.ErrTooManyTries):
			v.Code, v.CodeError = shorten(r.FormValue("code"), 40), text
			if least, err := money.Parse(fault.Of(wrong).Fields["minimum"], c.Currency); err == nil && least.Minor > 0 {
				v.CodeError = at.say.T("checkout.code_from", "amount", least)
			}
		default:
			v.Errors = s.errors(at, wrong, map[string]string{"quantity": v.entry(r.PathValue("sku"))})
		}
		if stuck(wrong) {
			v.Stuck = text
		}
	}
	p := s.newPage(at, "/cart", at.say.T("checkout.bag"))
	p.CartCount, p.Data = c.Count(), v
	return s.show(w, r, status, "cart", p)
}

func (s *shop) fillCart(r *http.Request, at place, c checkout.Cart, v *cartView) error {
	var b checkout.Basket
	err := s.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		b, err = s.Checkout.Basket(tx, c)
		return err
	})
	if err != nil {
		return err
	}
	for _, i := range b.Items {
		l := lineView{SKU: i.SKU, Title: first(i.Article.Title, i.SKU), Options: s.optionWords(i.Article.Options), Quantity: i.Quantity,
			URL: at.prefix + "/p/" + i.Article.Slug, Image: s.media.Path(i.Article.Image), Total: at.say.Money(i.Total)}
		switch i.Problem {
		case "gone":
			l.URL, l.Total, l.Problem = at.prefix+"/", "", at.say.T("checkout.no_longer_sold")
		case "sold_out":
			l.Problem = at.say.T("checkout.sold_out", "title", l.Title)
		case "few_left":
			l.Problem = at.say.N("checkout.stock_changed", i.Free, "title", l.Title)
		case "apart":
			l.Problem = at.say.T("checkout.apart", "title", l.Title)
		}
		switch i.Problem {
		case "":
		case "restricted":
			v.Stuck, _ = at.say.Fault(checkout.ErrRestricted)
		default:
			v.Stuck, _ = at.say.Fault(checkout.ErrSoldOut)
		}
		for _, d := range i.Verdicts {
			l.Verdicts = append(l.Verdicts, noted{d.Blocks, s.verdict(at, d, string(c.Country))})
		}
		if i.Changed {
			v.Notices = append(v.Notices, at.say.T("checkout.price_changed", "title", l.Title, "price", i.Article.Price.Amount))
		}
		v.Lines = append(v.Lines, l)
	}
	v.Totals.Rows = append(v.Totals.Rows, costRow{Label: at.say.T("checkout.goods"), Amount: at.say.Money(b.Goods)})
	if !b.Discount.IsZero() {
		v.Totals.Rows = append(v.Totals.Rows, costRow{Label: at.say.T("checkout.discount", "code", c.Code), Amount: at.say.Money(b.Discount.Neg())})
	}
	if b.CodeFault != "" {
		v.CodeError, _ = at.say.Fault(fault.New(fault.Conflict, b.CodeFault))
	}
	v.Totals.TotalLabel, v.Totals.Total = at.say.T("checkout.total_so_far"), at.say.Money(b.Goods.Sub(b.Discount))
	return nil
}

// optionWords are the values of a variant's options, size last as people say it.
func (s *shop) optionWords(o map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(o)) {
		words = append(words, o[name])
	}
	return strings.Join(words, ", ")
}

// entry is the element in which the quantity of an article is written, if it is in the cart.
func (v *cartView) entry(sku string) string {
	for _, l := range v.Lines {
		if l.SKU == sku {
			return "q-" + sku
		}
	}
	return ""
}

// errors turns a fault into the list at the top of a form. An item leads to its field where ids knows the
// element; an error that leads nowhere would be one more.
func (s *shop) errors(at place, err error, ids map[string]string) *errorList {
	text, fields := at.say.Fault(err)
	l := &errorList{Title: text}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		l.Items = append(l.Items, errorItem{ids[name], fields[name]})
	}
	return l
}

// fieldID is the element that a fault's field is about: "address.postcode" is the element address-postcode.
func fieldID(name string) string { return strings.ReplaceAll(name, ".", "-") }

// restore opens a cart from a signed link, in the market and language it was left in.
func (s *shop) restore(w http.ResponseWriter, r *http.Request) error {
	var c checkout.Cart
	err := s.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		c, err = s.Checkout.Restore(tx, r.PathValue("token"))
		return err
	})
	m, ok := s.Markets.ByCode(c.Market)
	if err != nil || !ok || c.State == checkout.Ordered {
		at := s.nowhere(r)
		back := "/"
		if ok {
			at = s.at(m, c.Lang)
			back = at.prefix + "/"
		}
		if err != nil && web.Status(err) >= 500 {
			return err
		}
		p := s.newPage(at, "/", at.say.T("checkout.restore_gone"))
		p.Data = messageView{Title: p.Title, Text: at.say.T("checkout.restore_gone_text"), Back: back}
		return s.show(w, r, http.StatusNotFound, "message", p)
	}
	s.keepCart(w, c)
	to := query(s.at(m, c.Lang).prefix+"/cart", "done", "restored")
	if code := r.URL.Query().Get("code"); code != "" && c.State == checkout.Open {
		// A code that is no longer good is told in the cart; the link opens the cart in any case.
		if _, err := s.Checkout.Amend(r.Context(), c, checkout.Code(code)); err != nil && web.Status(err) >= 500 {
			return err
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// costs draws a quote line by line. Where the market shows prices with tax, so do the lines, and the tax in them
// is named once below.
func (s *shop) costs(at place, q *checkout.Quote) totals {
	say := at.say
	var t totals
	row := func(key string, a money.Amount, why string, args ...any) {
		t.Rows = append(t.Rows, costRow{Label: say.T("checkout."+key, args...), Amount: say.Money(a), Why: why})
	}
	row("goods", q.Shown, "")
	if !q.Off.IsZero() {
		row("discount", q.Off.Neg(), "", "code", q.Code)
	}
	t.Rows = append(t.Rows, costRow{Label: say.T("checkout.shipping"), Amount: s.fee(at, q.Carriage), Why: say.T("service." + q.Option.Service)})
	// What is charged beyond goods, discount and carriage as shown: with prices that include tax the tax on duty
	// remains, without them all of it.
	rest := q.Total.Sub(q.Shown).Add(q.Off).Sub(q.Carriage)
	if !q.Duty.IsZero() || crosses(q, at.market.Country()) {
		row("duty", q.Duty, s.because(at, q, "duty"))
	}
	if !q.Fees.IsZero() {
		row("fees", q.Fees, s.because(at, q, "fee"))
	}
	tax := rest.Sub(q.Duty).Sub(q.Fees)
	switch {
	case !q.Included:
		row("tax", tax, s.because(at, q, "tax"))
	case !tax.IsZero():
		row("tax_on_duty", tax, "")
	}
	t.TotalLabel, t.Total = say.T("checkout.total"), say.Money(q.Total)
	if q.Included && !q.Tax.IsZero() {
		t.Note = say.T("checkout.included_tax", "amount", q.Tax)
	}
	return t
}

// fee is what delivery costs, in a word where it costs nothing.
func (s *shop) fee(at place, a money.Amount) string {
	if a.IsZero() {
		return at.say.T("checkout.free")
	}
	return at.say.Money(a)
}

// because names the measures behind one kind of charge: "Most-favoured-nation duty, Section 301".
func (s *shop) because(at place, q *checkout.Quote, kind string) string {
	var words []string
	for _, c := range q.Charges {
		if word := at.say.T(c.Label); string(c.Kind) == kind && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

type summaryView struct {
	Lines []lineView
	totals
}

// summary is the order beside every step of the checkout.
func (s *shop) summary(at place, c checkout.Cart) *summaryView {
	if !c.Quoted() {
		return nil
	}
	v := &summaryView{totals: s.costs(at, c.Quote)}
	for _, l := range c.Quote.Lines {
		v.Lines = append(v.Lines, lineView{SKU: l.SKU, Title: l.Title, Options: s.optionWords(l.Options), Quantity: l.Quantity, Image: s.media.Path(l.Image), Total: at.say.Money(l.Total)})
	}
	return v
}
