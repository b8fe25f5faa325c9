package journeys

import (
	"embed"
	"errors"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/market"
)

//go:embed schema
var files embed.FS

// Schema holds what was decided and the recoveries that wait.
var Schema = db.Schema{Owner: "journeys", Files: files}

// note keeps a decision.
func note(tx *db.Tx, d Decision) error {
	err := tx.Send(`insert into journey_decisions (id, journey, key, customer, market, outcome, reason, detail, message, code, at, n)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, (select count(*) from journey_decisions where key = $3))`,
		id.New("jdc"), d.Journey, d.Key, d.Customer, string(d.Market), string(d.Outcome), d.Reason, d.Detail, d.Message, d.Code, tx.Now())
	return err
}

func decisions(tx *db.Tx, where, arg string) ([]Decision, error) {
	return db.All(tx, func(r db.Row) (d Decision, err error) {
		err = r.Scan(&d.ID, &d.Journey, &d.Key, &d.Customer, (*string)(&d.Market), (*string)(&d.Outcome), &d.Reason, &d.Detail, &d.Message, &d.Code, &d.At)
		d.At = d.At.UTC()
		return
	}, `select id, journey, key, customer, market, outcome, reason, detail, message, code, at from journey_decisions
		where `+where+` order by at, n, id limit 500`, arg)
}

// recovery is one cart that was left.
type recovery struct {
	cart, customer, email, phone, lang string
	market                             market.Code
	leftAt                             time.Time
	state                              Outcome
	message, code                      string
	askedAt                            time.Time
}

const recoveryColumns = `cart, customer, email, phone, market, lang, left_at, state, message, code, asked_at`

func scanRecovery(r db.Row) (v recovery, err error) {
	err = r.Scan(&v.cart, &v.customer, &v.email, &v.phone, (*string)(&v.market), &v.lang, &v.leftAt, (*string)(&v.state), &v.message, &v.code,
		db.Null(&v.askedAt))
	v.leftAt = v.leftAt.UTC()
	return
}

// takeRecovery loads a recovery to change it; nobody else does meanwhile. One without cart is unknown.
func takeRecovery(tx *db.Tx, cart string) (recovery, error) {
	r, err := db.One(tx, scanRecovery, `select `+recoveryColumns+` from journey_recoveries where cart = $1`+tx.ForUpdate(), cart)
	if errors.Is(err, db.ErrNone) {
		err = nil
	}
	return r, err
}

// await makes a recovery wait for a shopper who left, unless its message was sent. It reports whether it waits.
func await(tx *db.Tx, r recovery) (bool, error) {
	n, err := tx.Exec(`insert into journey_recoveries (cart, customer, email, phone, market, lang, left_at, state, message, code)
		values ($1, $2, $3, $4, $5, $6, $7, 'waits', '', '')
		on conflict (cart) do update set customer = excluded.customer, email = excluded.email, phone = excluded.phone, market = excluded.market,
			lang = excluded.lang, left_at = excluded.left_at, state = 'waits', ended_at = null
			where journey_recoveries.state <> 'sent' and journey_recoveries.left_at < excluded.left_at`,
		r.cart, r.customer, r.email, r.phone, string(r.market), r.lang, r.leftAt)
	return n == 1, err
}

func saveRecovery(tx *db.Tx, r recovery) error {
	var ended time.Time
	if r.state != Waits {
		ended = tx.Now()
	}
	err := tx.Send(`update journey_recoveries set state = $2, message = $3, code = $4, asked_at = $5, ended_at = $6 where cart = $1`,
		r.cart, string(r.state), r.message, r.code, r.askedAt, ended)
	return err
}

// askedSince reports whether a person was asked about another cart since a moment.
func askedSince(tx *db.Tx, r recovery, since time.Time) (bool, error) {
	n, err := db.One(tx, db.Scalar[int64], `select count(*) from journey_recoveries where cart <> $1 and state = 'sent' and asked_at > $2
		and (email = $3 and email <> '' or phone = $4 and phone <> '')`, r.cart, since, r.email, r.phone)
	return n > 0, err
}
