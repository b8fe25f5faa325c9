package tax

import (
	"embed"
	"errors"
	"fmt"
	"strings"

	"portolan/internal/db"
	"portolan/internal/money"
	"portolan/internal/order"
)

//go:embed schema
var files embed.FS

// Schema holds the ledger, the registrations and the levels that were told.
var Schema = db.Schema{Owner: "tax", Files: files}

const columns = `id, kind, order_id, of, at, day, original_day, country, region, ship_from, currency, net, duty, tax, fees, low, doubt, reason, test`

// insert reports false where there is an entry with the key.
func insert(tx *db.Tx, key string, e Entry) (bool, error) {
	var of any
	if e.Of != "" {
		of = e.Of
	}
	n, err := tx.Exec(`insert into tax_entries (key, `+columns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) on conflict do nothing`,
		key, e.ID, string(e.Kind), string(e.Order), of, e.At, e.Day, e.Original, e.Country, e.Region, e.ShipFrom, string(e.Currency),
		e.Net.Minor, e.Duty.Minor, e.Tax.Minor, e.Fees.Minor, e.Low, e.Doubt, e.Reason, e.Test)
	if err != nil || n == 0 {
		return false, err
	}
	for i, p := range e.Parts {
		err := tx.Send(`insert into tax_parts (entry, n, scheme, code, rate, rule, base, tax) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			e.ID, i, p.Scheme, p.Code, p.Rate.String(), p.Rule, p.Base.Minor, p.Tax.Minor)
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func scan(r db.Row) (e Entry, err error) {
	err = r.Scan(&e.ID, (*string)(&e.Kind), (*string)(&e.Order), db.Null(&e.Of), &e.At, &e.Day, &e.Original, &e.Country, &e.Region, &e.ShipFrom,
		(*string)(&e.Currency), &e.Net.Minor, &e.Duty.Minor, &e.Tax.Minor, &e.Fees.Minor, &e.Low, &e.Doubt, &e.Reason, &e.Test)
	e.At = e.At.UTC()
	for _, a := range []*money.Amount{&e.Net, &e.Duty, &e.Tax, &e.Fees} {
		a.Currency = e.Currency
	}
	return
}

// lockSale returns the sale of an order, which nobody else takes back meanwhile; ErrNoSale.
func lockSale(tx *db.Tx, o order.ID) (Entry, error) {
	e, err := db.One(tx, scan, `select `+columns+` from tax_entries where key = $1`+tx.ForUpdate(), "sale:"+string(o))
	if errors.Is(err, db.ErrNone) {
		return e, ErrNoSale
	}
	if err != nil {
		return e, err
	}
	all := []Entry{e}
	err = fill(tx, all)
	return all[0], err
}

func byKey(tx *db.Tx, key string) (Entry, error) {
	return db.One(tx, scan, `select `+columns+` from tax_entries where key = $1`, key)
}

// OfOrder returns the entries of an order with their parts, oldest first.
func OfOrder(tx *db.Tx, o order.ID) ([]Entry, error) {
	all, err := db.All(tx, scan, `select `+columns+` from tax_entries where order_id = $1 order by at, kind desc, id`, string(o))
	if err != nil {
		return nil, err
	}
	return all, fill(tx, all)
}

// fill gives entries their parts.
func fill(tx *db.Tx, entries []Entry) error {
	at := map[string]int{}
	for i, e := range entries {
		at[e.ID] = i
	}
	const some = 500
	for from := 0; from < len(entries); from += some {
		group := entries[from:min(from+some, len(entries))]
		marks, args := make([]string, len(group)), make([]any, len(group))
		for i, e := range group {
			marks[i], args[i] = fmt.Sprintf("$%d", i+1), e.ID
		}
		_, err := db.All(tx, func(r db.Row) (struct{}, error) {
			var entry, rate string
			var p Part
			if err := r.Scan(&entry, &p.Scheme, &p.Code, &rate, &p.Rule, &p.Base.Minor, &p.Tax.Minor); err != nil {
				return struct{}{}, err
			}
			e := &entries[at[entry]]
			p.Base.Currency, p.Tax.Currency = e.Currency, e.Currency
			var err error
			p.Rate, err = money.ParseRate(rate)
			e.Parts = append(e.Parts, p)
			return struct{}{}, err
		}, `select entry, scheme, code, rate, rule, base, tax from tax_parts where entry in (`+strings.Join(marks, ", ")+`) order by entry, n`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}
