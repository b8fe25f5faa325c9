package journeys

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/cldr"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/pricing"
)

func percent(n int64) money.Rate { return money.Percent(n) }

// vars are the words that a run's messages may use; the template says which.
func (v *view) vars(n *Node, shop market.Market) (map[string]string, error) {
	o, err := v.order()
	if err != nil {
		return nil, err
	}
	c, err := v.cart()
	if err != nil {
		return nil, err
	}
	r := v.run
	vars := map[string]string{}
	lang := cmp.Or(o.Lang, c.Lang, r.Lang, "en")
	country := cmp.Or(o.Country, c.Country)
	if country == "" && len(shop.Countries) > 0 {
		country = shop.Country()
	}
	l := cldr.For(lang + "-" + string(country))
	if o.ID != "" {
		vars = v.s.orderVars(o, shop)
	}
	if c.ID != "" && o.ID == "" {
		vars["name"], vars["lines"] = c.Contact.GivenName, v.s.bag(c, lang)
	}
	if vars["name"] == "" {
		p, err := v.person()
		if err != nil {
			return nil, err
		}
		vars["name"] = p.GivenName
	}
	if r.Parcel != "" {
		if err := v.parcelVars(vars, l, lang); err != nil {
			return nil, err
		}
	}
	v.rewardVars(vars, l)
	if n.Template == "again" {
		if err := v.againVars(vars, o, lang); err != nil {
			return nil, err
		}
	}
	for name, value := range r.Vars {
		vars[name] = value
	}
	return vars, nil
}

// againVars are the words about what a person might buy next.
func (v *view) againVars(vars map[string]string, o order.Order, lang string) error {
	var lines []string
	all, err := v.similar(o)
	for i, p := range all {
		if c, ok := v.s.Articles.Snapshot().Category(p.Category); i == 0 && ok {
			vars["category"] = c.Name(lang)
		}
		lines = append(lines, title(p, lang))
	}
	vars["lines"] = strings.Join(lines, "\n")
	return err
}

// parcelVars are the words about a parcel.
func (v *view) parcelVars(vars map[string]string, l *cldr.Locale, lang string) error {
	p, err := v.parcel()
	if err != nil {
		return err
	}
	vars["track"], vars["carrier"] = p.Tracking, p.Carrier.Name
	if p.Country != "" {
		vars["country"] = l.CountryName(string(p.Country))
	}
	if p.Of > 1 {
		vars["n"], vars["of"] = fmt.Sprint(p.N), fmt.Sprint(p.Of)
	}
	if p.From != "" {
		vars["from"], vars["to"] = span(l, p.From, cmp.Or(p.To, p.From))
	}
	if !p.WindowStart.IsZero() {
		zone := v.zone()
		vars["t1"] = p.WindowStart.In(zone).Format("15:04")
		if !p.WindowEnd.IsZero() {
			vars["t2"] = p.WindowEnd.In(zone).Format("15:04")
		}
	}
	vars["act"] = messaging.ActionWord(lang, cmp.Or(p.Action, p.Responsible))
	if why := cmp.Or(v.run.Event.Reason, p.Reason); why != "" {
		vars["reason"] = messaging.ReasonWord(lang, why)
	}
	return nil
}

// rewardVars are the words about the code that the message will carry.
func (v *view) rewardVars(vars map[string]string, l *cldr.Locale) {
	d, err := v.books.definition(v.run.Journey, v.run.Version)
	if err != nil {
		return
	}
	n, ok := d.node(v.run.Reward)
	if !ok || n.Reward == nil {
		return
	}
	w := n.Reward
	if w.Percent > 0 {
		vars["pct"] = fmt.Sprint(w.Percent)
	}
	if a, ok := w.Amounts[v.run.Market]; ok {
		vars["amount"] = round(l, a)
	}
	if a, ok := w.Minimums[v.run.Market]; ok {
		vars["min"] = round(l, a)
	}
	vars["until"] = l.Date(v.now.Add(w.Life.D()).In(v.zone()), cldr.Day)
}

// round writes an amount without the decimals that say nothing: a text message has little room.
func round(l *cldr.Locale, a money.Amount) string {
	said := l.Money(a)
	if a.Currency.Digits() == 2 && a.Minor%100 == 0 {
		said = noDecimals.ReplaceAllString(said, "$1")
	}
	return said
}

var noDecimals = regexp.MustCompile(`[.,]00($|[^\d])`)

// orderVars are the words about an order for its messages.
func (s *Service) orderVars(o order.Order, m market.Market) map[string]string {
	l := cldr.For(o.Lang + "-" + string(o.Country))
	from, to := span(l, o.DeliverFrom, o.DeliverTo)
	vars := map[string]string{
		"name": o.Address.GivenName, "order": o.Number, "items": items(o.Lines), "from": from, "to": to,
		"ship_to": strings.Join(address.Lines(o.Address, o.Lang), ", "), "lines": bill(o, l), "total": l.Money(o.Total),
	}
	if len(o.Lines) > 0 {
		vars["item"] = o.Lines[0].Title
	}
	if s.Pages.Order != nil {
		vars["link"] = s.Pages.Order(o, o.Lang)
	}
	return vars
}

// span writes two civil days as short as the language has them.
func span(l *cldr.Locale, first, last string) (from, to string) {
	f, err := time.Parse(time.DateOnly, first)
	if err != nil {
		return "", ""
	}
	t, err := time.Parse(time.DateOnly, last)
	if err != nil {
		t = f
	}
	return l.Date(f, cldr.Day), l.Date(t, cldr.Day)
}

// items names what was bought: "2 x Linen dress, Scarf".
func items(lines []order.Line) string {
	var all []string
	for _, l := range lines {
		if l.Quantity > 1 {
			all = append(all, fmt.Sprintf("%d x %s", l.Quantity, l.Title))
			continue
		}
		all = append(all, l.Title)
	}
	return strings.Join(all, ", ")
}

// bill is the order as rows of text and amount with a tab between: what was bought, then the landed cost line by
// line as the buyer saw it before paying.
func bill(o order.Order, l *cldr.Locale) string {
	p := i18n.For(o.Lang + "-" + string(o.Country))
	var b strings.Builder
	row := func(label string, a money.Amount) {
		fmt.Fprintf(&b, "%s\t%s\n", strings.ReplaceAll(label, "\t", " "), l.Money(a))
	}
	for _, x := range o.Lines {
		label := x.Title
		var options []string
		for _, v := range x.Options {
			options = append(options, v)
		}
		if slices.Sort(options); len(options) > 0 {
			label += " (" + strings.Join(options, ", ") + ")"
		}
		if x.Quantity > 1 {
			label = fmt.Sprintf("%d x %s", x.Quantity, label)
		}
		row(label, x.Total)
	}
	for _, c := range []struct {
		key string
		a   money.Amount
	}{
		{"goods", o.Goods}, {"discount", o.Discount.Neg()}, {"shipping", o.Shipping}, {"duty", o.Duty}, {"tax", o.Tax}, {"fees", o.Fees},
	} {
		if !c.a.IsZero() || c.key == "shipping" {
			row(p.T("journeys."+c.key), money.Of(c.a.Minor, o.Total.Currency))
		}
	}
	row(p.T("journeys.total"), o.Total)
	return strings.TrimSuffix(b.String(), "\n")
}

// bag lists what is in a cart.
func (s *Service) bag(c checkout.Cart, lang string) string {
	var all []string
	for _, l := range c.Lines {
		p, _, err := s.Articles.Variant(l.SKU)
		if err != nil {
			continue
		}
		all = append(all, fmt.Sprintf("%d x %s", l.Quantity, title(p, lang)))
	}
	return strings.Join(all, "\n")
}

func title(p *catalog.Product, lang string) string { return p.Text(lang).Title }

// link is where a message's own link leads; empty for none.
func (v *view) link(n *Node, shop market.Market) (string, error) {
	o, err := v.order()
	if err != nil {
		return "", err
	}
	c, err := v.cart()
	if err != nil {
		return "", err
	}
	lang := cmp.Or(o.Lang, c.Lang, v.run.Lang)
	page := func(f func(o order.Order, lang string) string) string {
		if f == nil || o.ID == "" {
			return ""
		}
		return f(o, lang)
	}
	switch n.Link {
	case "bag":
		token, err := v.s.Carts.Link(v.tx, c.ID)
		if err != nil || v.s.Pages.Bag == nil {
			return "", err
		}
		return v.s.Pages.Bag(shop, lang, token), nil
	case "order":
		return page(v.s.Pages.Order), nil
	case "rate":
		return cmp.Or(page(v.s.Pages.Rate), page(v.s.Pages.Order)), nil
	case "review":
		return cmp.Or(page(v.s.Pages.Review), page(v.s.Pages.Order)), nil
	case "shop":
		if v.s.Pages.Shop == nil {
			return "", nil
		}
		return v.s.Pages.Shop(shop, lang), nil
	}
	return "", nil
}

// An offer names at most three goods, of twelve that are looked at.
const (
	mostSimilar  = 3
	mostLookedAt = 12
)

// similar are goods of the categories that an order holds, without those for which the checkout would refuse a code that the
// journey gives: what an offer names can be bought with it.
func (v *view) similar(o order.Order) ([]*catalog.Product, error) {
	all := v.s.similar(o)
	rules, err := v.rewards(o.Market)
	for _, r := range rules {
		if err == nil && len(all) > 0 {
			all, err = v.s.Codes.Bearing(v.tx, r, o.Market, all)
		}
	}
	return all[:min(len(all), mostSimilar)], err
}

// rewards are the rules of the codes that a run's journey gives in a market: of the one that it has come to, or of all.
func (v *view) rewards(m market.Code) (all []pricing.CodeRule, err error) {
	d, err := v.books.definition(v.run.Journey, v.run.Version)
	if err != nil {
		return nil, err
	}
	for _, n := range d.Nodes {
		if n.Do != DoReward || n.Reward == nil || v.run.Reward != "" && n.ID != v.run.Reward {
			continue
		}
		if r, ok := n.Reward.rule(m, cmp.Or(n.Reward.Campaign, v.run.Journey), v.now); ok {
			r.Customer = v.run.Customer
			all = append(all, r)
		}
	}
	return all, nil
}

// similar are the newest goods of the categories that an order holds which its market has in stock, other than what was
// bought.
func (s *Service) similar(o order.Order) (all []*catalog.Product) {
	if o.ID == "" {
		return nil
	}
	have := map[string]bool{}
	var categories []string
	for _, l := range o.Lines {
		p, _, err := s.Articles.Variant(l.SKU)
		if err != nil {
			continue
		}
		have[p.Slug] = true
		if p.Category != "" && !slices.Contains(categories, p.Category) {
			categories = append(categories, p.Category)
		}
	}
	for _, c := range categories {
		found := s.Articles.List(catalog.Filter{Market: o.Market, Lang: o.Lang, Category: c, InStock: true}, catalog.Page{Size: mostLookedAt + len(have)})
		for _, p := range found.Products {
			if !have[p.Slug] && len(all) < mostLookedAt {
				have[p.Slug] = true
				all = append(all, p)
			}
		}
	}
	return all
}
