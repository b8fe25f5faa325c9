package order

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/landed"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

//go:embed schema
var files embed.FS

// Schema holds the order book.
var Schema = db.Schema{Owner: "order", Files: files}

// body is what nobody searches for.
type body struct {
	Address     address.Address    `json:"address"`
	Lines       []Line             `json:"lines"`
	Goods       int64              `json:"goods"`
	Discount    int64              `json:"discount"`
	Shipping    int64              `json:"shipping"`
	Duty        int64              `json:"duty"`
	Tax         int64              `json:"tax"`
	Fees        int64              `json:"fees"`
	OnDelivery  int64              `json:"on_delivery"`
	Charges     []landed.Charge    `json:"charges,omitempty"`
	RulePack    string             `json:"rule_pack,omitempty"`
	Incoterm    string             `json:"incoterm,omitempty"`
	TaxIncluded bool               `json:"tax_included"`
	Code        string             `json:"code,omitempty"`
	Method      string             `json:"method,omitempty"`
	Service     string             `json:"service,omitempty"`
	Location    string             `json:"location,omitempty"`
	DeliverFrom string             `json:"deliver_from,omitempty"`
	DeliverTo   string             `json:"deliver_to,omitempty"`
	Locked      pricing.LockedRate `json:"locked_rate,omitzero"`
}

func (o *Order) body() body {
	return body{o.Address, o.Lines, o.Goods.Minor, o.Discount.Minor, o.Shipping.Minor, o.Duty.Minor, o.Tax.Minor, o.Fees.Minor,
		o.OnDelivery.Minor, o.Charges, o.RulePack, o.Incoterm, o.TaxIncluded, o.Code, o.Method, o.Service, o.Location,
		o.DeliverFrom, o.DeliverTo, o.Locked}
}

func (o *Order) fill(b body) {
	of := func(n int64) money.Amount { return money.Of(n, o.Currency) }
	o.Address, o.Lines, o.Charges, o.RulePack, o.Incoterm = b.Address, b.Lines, b.Charges, b.RulePack, b.Incoterm
	o.Goods, o.Discount, o.Shipping, o.Duty = of(b.Goods), of(b.Discount), of(b.Shipping), of(b.Duty)
	o.Tax, o.Fees, o.OnDelivery, o.TaxIncluded = of(b.Tax), of(b.Fees), of(b.OnDelivery), b.TaxIncluded
	o.Code, o.Method, o.Service, o.Location, o.DeliverFrom, o.DeliverTo = b.Code, b.Method, b.Service, b.Location, b.DeliverFrom, b.DeliverTo
	o.Locked = b.Locked
}

const columns = `id, number, source, external_ref, cart, payment, market, country, lang, currency, customer, email, phone,
	total, state, test, body, placed_at, paid_at, cancelled_at`

// insert reports false where the order's id, cart, payment or external reference is in the book.
func insert(tx *db.Tx, o Order) (bool, error) {
	b, err := json.Marshal(o.body())
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(`insert into orders (`+columns+`)
		values ($1, null, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, null)
		on conflict do nothing`,
		string(o.ID), o.Source, orNull(o.ExternalRef), orNull(o.Cart), orNull(o.Payment), string(o.Market), string(o.Country),
		o.Lang, string(o.Currency), o.Customer, o.Email, o.Phone, o.Total.Minor, string(o.State), o.Test, string(b), o.PlacedAt, o.PaidAt)
	return n == 1, err
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// twin returns the order that kept o from being inserted.
func twin(tx *db.Tx, o Order) (Order, error) {
	tries := []struct{ column, value string }{{"payment", o.Payment}, {"cart", o.Cart}, {"id", string(o.ID)}}
	if o.ExternalRef != "" {
		if t, err := findExternal(tx, o.Source, o.ExternalRef); !errors.Is(err, ErrUnknown) {
			return t, err
		}
	}
	for _, by := range tries {
		if by.value == "" {
			continue
		}
		if t, err := find(tx, by.column, by.value); !errors.Is(err, ErrUnknown) {
			return t, err
		}
	}
	return o, fmt.Errorf("an order like %s: %w", o.ID, ErrUnknown)
}

func count(tx *db.Tx, day string) (int64, error) {
	return db.One(tx, db.Scalar[int64], `insert into order_numbers (day, last) values ($1, 1)
		on conflict (day) do update set last = order_numbers.last + 1 returning last`, day)
}

func setNumber(tx *db.Tx, id ID, number string) error {
	err := tx.Send(`update orders set number = $2 where id = $1`, string(id), number)
	return err
}

// find looks an order up by one of its unique columns.
func find(tx *db.Tx, column, value string) (Order, error) {
	return one(tx, `select `+columns+` from orders where `+column+` = $1`, value)
}

func paid(tx *db.Tx, id ID) (bool, error) {
	yes, err := db.One(tx, db.Scalar[bool], `select paid_at is not null from orders where id = $1`, string(id))
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return yes, err
}

func findExternal(tx *db.Tx, source, ref string) (Order, error) {
	return one(tx, `select `+columns+` from orders where source = $1 and external_ref = $2`, source, ref)
}

func one(tx *db.Tx, query string, args ...any) (Order, error) {
	o, err := db.One(tx, scan, query, args...)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return o, err
}

func findAll(tx *db.Tx, ids []ID) (map[ID]Order, error) {
	all := make(map[ID]Order, len(ids))
	if len(ids) == 0 {
		return all, nil
	}
	marks, args := make([]string, len(ids)), make([]any, len(ids))
	for i, o := range ids {
		marks[i], args[i] = fmt.Sprintf("$%d", i+1), string(o)
	}
	found, err := db.All(tx, scan, `select `+columns+` from orders where id in (`+strings.Join(marks, ", ")+`)`, args...)
	for _, o := range found {
		all[o.ID] = o
	}
	return all, err
}

// change loads and locks an order, lets f alter how far it has come, and saves that.
func change(tx *db.Tx, id ID, f func(*Order) error) (Order, error) {
	o, err := one(tx, `select `+columns+` from orders where id = $1`+tx.ForUpdate(), string(id))
	if err != nil {
		return o, err
	}
	if err := f(&o); err != nil {
		return o, err
	}
	err = tx.Send(`update orders set state = $2, paid_at = $3, cancelled_at = $4 where id = $1`,
		string(o.ID), string(o.State), o.PaidAt, o.CancelledAt)
	return o, err
}

// errCursor is the fault of an After that isn't the Next of a page.
var errCursor = fault.New(fault.Invalid, "order.unusable_cursor").With(map[string]string{"after": "unusable"})

func list(tx *db.Tx, f Filter, p Page) ([]Order, string, error) {
	if p.Limit < 1 || p.Limit > 200 {
		p.Limit = 50
	}
	var where []string
	var args []any
	and := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where = append(where, condition)
	}
	if f.State != "" {
		and("state = ?", string(f.State))
	}
	if f.Market != "" {
		and("market = ?", string(f.Market))
	}
	if len(f.Customers) > 0 {
		first := len(args) + 1
		args = append(args, db.Fill(f.Customers)...)
		where = append(where, "customer <> '' and customer in "+db.In(first, len(f.Customers)))
	}
	if f.Source != "" {
		and("source = ?", f.Source)
	}
	if f.Email != "" {
		and("email = ?", f.Email)
	}
	if f.Phone != "" {
		and("phone = ? and phone <> ''", f.Phone)
	}
	if f.Search != "" {
		and(`id in (select id from orders where number = ? union all select id from orders where email = ?
			union all select id from orders where phone = ? and phone <> '' union all select id from orders where external_ref = ?)`, f.Search, strings.ToLower(f.Search), f.Search, f.Search)
	}
	if !f.Since.IsZero() {
		and("placed_at >= ?", f.Since)
	}
	if p.After != "" {
		at, last, ok := strings.Cut(p.After, "_at_")
		moment, err := time.Parse(time.RFC3339Nano, at)
		if !ok || err != nil {
			return nil, "", errCursor
		}
		and("(placed_at, id) < (?, ?)", moment, last)
	}
	query := `select ` + columns + ` from orders`
	if len(where) > 0 {
		query += ` where ` + strings.Join(where, ` and `)
	}
	args = append(args, p.Limit+1)
	orders, err := db.All(tx, scan, query+fmt.Sprintf(` order by placed_at desc, id desc limit 0 + $%d`, len(args)), args...)
	if err != nil || len(orders) <= p.Limit {
		return orders, "", err
	}
	orders = orders[:p.Limit]
	end := orders[p.Limit-1]
	return orders, end.PlacedAt.Format(time.RFC3339Nano) + "_at_" + string(end.ID), nil
}

func takings(tx *db.Tx, since time.Time) ([]Takings, error) {
	return db.All(tx, func(r db.Row) (t Takings, err error) {
		err = r.Scan(&t.Market, &t.Total.Currency, &t.Placed, &t.Paid, &t.Total.Minor)
		return
	}, `select market, currency, count(*), count(paid_at), cast(coalesce(sum(total) filter (where paid_at is not null), 0) as bigint)
		from orders where placed_at >= $1 and state <> 'cancelled' group by market, currency order by market, currency`, since)
}

func pieces(tx *db.Tx, since time.Time) (map[string]int64, error) {
	bodies, err := db.All(tx, db.Scalar[string], `select body from orders where placed_at >= $1 and state <> 'cancelled' order by placed_at desc limit 50000`, since)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, text := range bodies {
		var b struct {
			Lines []struct {
				SKU      string `json:"sku"`
				Quantity int64  `json:"quantity"`
			} `json:"lines"`
		}
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			return nil, err
		}
		for _, l := range b.Lines {
			out[l.SKU] += l.Quantity
		}
	}
	return out, nil
}

func scan(r db.Row) (o Order, err error) {
	var text string
	err = r.Scan(&o.ID, db.Null(&o.Number), &o.Source, db.Null(&o.ExternalRef), db.Null(&o.Cart), db.Null(&o.Payment),
		&o.Market, &o.Country, &o.Lang, &o.Currency, &o.Customer, &o.Email, &o.Phone, &o.Total.Minor, &o.State, &o.Test, &text,
		&o.PlacedAt, db.Null(&o.PaidAt), db.Null(&o.CancelledAt))
	if err != nil {
		return o, err
	}
	o.Total.Currency, o.PlacedAt = o.Currency, o.PlacedAt.UTC()
	var b body
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return o, fmt.Errorf("order %s: %w", o.ID, err)
	}
	o.fill(b)
	return o, nil
}

// sold looks for the SKU in the text of the orders first, so that only those that have it are read.
func sold(tx *db.Tx, m market.Code, sku string, since time.Time) (all []Sold, err error) {
	name, err := json.Marshal(sku)
	if err != nil {
		return nil, err
	}
	orders, err := db.All(tx, scan, `select `+columns+` from orders where market = $1 and placed_at >= $2 and state <> 'cancelled' and body like $3 order by placed_at, id`,
		string(m), since, `%"sku":`+string(name)+`%`)
	for _, o := range orders {
		for _, l := range o.Lines {
			if l.SKU == sku {
				all = append(all, Sold{o.PlacedAt, l})
			}
		}
	}
	return all, err
}

func purchases(tx *db.Tx, customers, carts []string, since time.Time) (all []Purchase, err error) {
	for column, values := range map[string][]string{"customer": customers, "cart": carts} {
		if len(values) == 0 {
			continue
		}
		found, err := db.All(tx, func(r db.Row) (p Purchase, err error) {
			var text string
			var cart *string
			var total int64
			var currency money.Currency
			if err = r.Scan((*string)(&p.Order), &p.Customer, &cart, (*string)(&p.Market), (*string)(&currency), &total, &text, &p.PaidAt); err != nil {
				return
			}
			if cart != nil {
				p.Cart = *cart
			}
			var b struct {
				Goods    int64 `json:"goods"`
				Discount int64 `json:"discount"`
			}
			err = json.Unmarshal([]byte(text), &b)
			p.PaidAt, p.Goods, p.Discount, p.Total = p.PaidAt.UTC(), money.Of(b.Goods-b.Discount, currency), money.Of(b.Discount, currency), money.Of(total, currency)
			return
		}, `select id, customer, cart, market, currency, total, body, paid_at from orders where paid_at >= $1 and state <> 'cancelled' and test = false
			and `+column+` in `+db.In(2, len(values)), append([]any{since}, db.Fill(values)...)...)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
