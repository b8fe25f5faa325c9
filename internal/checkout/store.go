package checkout

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"portolan/internal/address"
	"portolan/internal/db"
)

//go:embed schema
var files embed.FS

// Schema holds the carts.
var Schema = db.Schema{Owner: "checkout", Files: files}

// body is the part of a cart that nobody searches for.
type body struct {
	Lines    []Line          `json:"lines,omitempty"`
	Code     string          `json:"code,omitempty"`
	Contact  Contact         `json:"contact"`
	Address  address.Address `json:"address"`
	Service  string          `json:"service,omitempty"`
	Consents []Consent       `json:"consents,omitempty"`
	Quote    *Quote          `json:"quote,omitempty"`
	Decline  string          `json:"decline,omitempty"`
	Tries    []time.Time     `json:"tries,omitempty"`
}

const columns = `id, token, market, country, lang, currency, state, version, customer, attempt, order_id, body, created_at, activity_at, left_at`

// text is the cart's body as it is kept, and remembered as read.
func (c *Cart) text() (string, error) {
	b := body{c.Lines, c.Code, c.Contact, c.Address, c.Service, c.Consents, c.Quote, c.Decline, c.tries}
	t, err := json.Marshal(b)
	if err != nil {
		return "", err
	}
	lately.keep(c.ID, reading{string(t), b.own()})
	return string(t), nil
}

// watched says whether it is worth telling when the shopper leaves.
func (c *Cart) watched() bool {
	return c.Quote != nil && (c.Contact.Email != "" || c.Contact.Phone != "") && len(c.Lines) > 0
}

func insert(tx *db.Tx, c Cart) error {
	text, err := c.text()
	if err != nil {
		return err
	}
	err = tx.Send(`insert into carts (id, token, market, country, lang, currency, state, version, customer, attempt, order_id, watched, body, created_at, activity_at, left_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', null, $10, $11, $12, $12, null)`,
		c.ID, c.Token, string(c.Market), string(c.Country), c.Lang, string(c.Currency), string(c.State), c.Version, c.Customer,
		c.watched(), text, c.CreatedAt)
	return err
}

func byToken(tx *db.Tx, token string) (Cart, error) {
	return one(tx, `select `+columns+` from carts where token = $1`, token)
}

// held is byToken that lets nobody else change the cart until the unit of work ends.
func held(tx *db.Tx, token string) (Cart, error) {
	return one(tx, `select `+columns+` from carts where token = $1`+tx.ForUpdate(), token)
}

func byID(tx *db.Tx, id string) (Cart, error) {
	return one(tx, `select `+columns+` from carts where id = $1`, id)
}

func one(tx *db.Tx, query string, args ...any) (Cart, error) {
	c, err := db.One(tx, scan, query, args...)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return c, err
}

// save keeps a cart that was read at version before, if nobody changed it since, and gives it the next version.
func save(tx *db.Tx, c *Cart, before int64) error {
	text, err := c.text()
	if err != nil {
		return err
	}
	n, err := tx.Exec(`update carts set market = $3, country = $4, lang = $5, currency = $6, state = $7, version = $2 + 1, customer = $8,
			attempt = $9, order_id = $10, watched = $11, body = $12, activity_at = $13
		where id = $1 and version = $2`,
		c.ID, before, string(c.Market), string(c.Country), c.Lang, string(c.Currency), string(c.State), c.Customer, c.Attempt, orNull(string(c.Order)),
		c.watched(), text, c.Activity)
	if err != nil {
		return err
	}
	if n == 0 {
		return errRaced
	}
	c.Version = before + 1
	return nil
}

// errRaced says that another writer was faster; the work is done again on what that one left.
var errRaced = errors.New("checkout: the cart was changed at the same time")

func scan(r db.Row) (c Cart, err error) {
	var text string
	err = r.Scan(&c.ID, &c.Token, &c.Market, &c.Country, &c.Lang, &c.Currency, &c.State, &c.Version, &c.Customer, &c.Attempt,
		db.Null(&c.Order), &text, &c.CreatedAt, &c.Activity, db.Null(&c.LeftAt))
	if err != nil {
		return c, err
	}
	c.CreatedAt, c.Activity = c.CreatedAt.UTC(), c.Activity.UTC()
	b, err := lately.read(c.ID, text)
	if err != nil {
		return c, fmt.Errorf("cart %s: %w", c.ID, err)
	}
	c.Lines, c.Code, c.Contact, c.Address, c.Service = b.Lines, b.Code, b.Contact, b.Address, b.Service
	c.Consents, c.Quote, c.Decline, c.tries = b.Consents, b.Quote, b.Decline, b.Tries
	return c, nil
}
