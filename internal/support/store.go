package support

import (
	"embed"
	"errors"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
)

//go:embed schema
var files embed.FS

// Schema holds conversations, tickets and answers written in advance.
var Schema = db.Schema{Owner: "support", Files: files}

const ticketColumns = `id, number, key, talk, customer, order_id, cart, parcel, market, lang, title, reason, source, priority, queue, state,
	assignee, opened_by, opened_at, changed_at, answered_at, solved_at, solved_by, version`

func scanTicket(r db.Row) (t Ticket, err error) {
	err = r.Scan(&t.ID, &t.Number, &t.Key, &t.Talk, &t.Customer, &t.Order, &t.Cart, &t.Parcel, (*string)(&t.Market), &t.Lang, &t.Title, &t.Reason,
		(*string)(&t.Source), (*int64)(&t.Priority), &t.Queue, (*string)(&t.State), &t.Assignee, &t.OpenedBy, &t.OpenedAt, &t.ChangedAt,
		db.Null(&t.AnsweredAt), db.Null(&t.SolvedAt), &t.SolvedBy, &t.Version)
	t.OpenedAt, t.ChangedAt = t.OpenedAt.UTC(), t.ChangedAt.UTC()
	return
}

func insertTicket(tx *db.Tx, t Ticket) (int64, error) {
	return tx.Exec(`insert into tickets (`+ticketColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
		$18, $19, $20, $21, $22, $23, $24) on conflict do nothing`,
		t.ID, t.Number, t.Key, t.Talk, t.Customer, t.Order, t.Cart, t.Parcel, string(t.Market), t.Lang, t.Title, t.Reason, string(t.Source),
		int64(t.Priority), t.Queue, string(t.State), t.Assignee, t.OpenedBy, t.OpenedAt, t.ChangedAt, t.AnsweredAt, t.SolvedAt, t.SolvedBy, t.Version)
}

// saveTicket writes down what changes, unless somebody else has changed the ticket since it was read.
func saveTicket(tx *db.Tx, t Ticket) error {
	n, err := tx.Exec(`update tickets set talk = $3, customer = $4, title = $5, priority = $6, queue = $7, state = $8, assignee = $9, changed_at = $10,
		answered_at = $11, solved_at = $12, solved_by = $13, version = version + 1 where id = $1 and version = $2`,
		t.ID, t.Version, t.Talk, t.Customer, t.Title, int64(t.Priority), t.Queue, string(t.State), t.Assignee, tx.Now(), t.AnsweredAt, t.SolvedAt, t.SolvedBy)
	if err == nil && n == 0 {
		err = ErrChanged
	}
	return err
}

func oneTicket(tx *db.Tx, where string, args ...any) (Ticket, error) {
	t, err := db.One(tx, scanTicket, `select `+ticketColumns+` from tickets where `+where, args...)
	return t, known(err)
}

func ticketsOf(tx *db.Tx, where string, args ...any) ([]Ticket, error) {
	return db.All(tx, scanTicket, `select `+ticketColumns+` from tickets where `+where, args...)
}

const talkColumns = `id, customer, market, country, lang, channel, address, order_id, cart, last_at, last_text, last_ours, unread, waits_at,
	assignee, tickets, version`

func scanTalk(r db.Row) (t Talk, err error) {
	err = r.Scan(&t.ID, &t.Customer, (*string)(&t.Market), (*string)(&t.Country), &t.Lang, (*string)(&t.Channel), &t.Address, &t.Order, &t.Cart,
		&t.LastAt, &t.LastText, &t.LastOurs, &t.Unread, db.Null(&t.WaitsAt), &t.Assignee, &t.Tickets, &t.Version)
	t.LastAt = t.LastAt.UTC()
	return
}

func insertTalk(tx *db.Tx, t Talk) (int64, error) {
	return tx.Exec(`insert into talks (`+talkColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		on conflict do nothing`,
		t.ID, t.Customer, string(t.Market), string(t.Country), t.Lang, string(t.Channel), t.Address, t.Order, t.Cart, t.LastAt, t.LastText, t.LastOurs,
		t.Unread, t.WaitsAt, t.Assignee, t.Tickets, t.Version)
}

// saveTalk writes down a conversation that was taken with takeTalk.
func saveTalk(tx *db.Tx, t Talk) error {
	return tx.Send(`update talks set customer = $2, market = $3, country = $4, lang = $5, channel = $6, address = $7, order_id = $8, cart = $9,
		last_at = $10, last_text = $11, last_ours = $12, unread = $13, waits_at = $14, assignee = $15, tickets = $16, version = $17 where id = $1`,
		t.ID, t.Customer, string(t.Market), string(t.Country), t.Lang, string(t.Channel), t.Address, t.Order, t.Cart, t.LastAt, t.LastText, t.LastOurs,
		t.Unread, t.WaitsAt, t.Assignee, t.Tickets, t.Version)
}

func oneTalk(tx *db.Tx, where string, args ...any) (Talk, error) {
	t, err := db.One(tx, scanTalk, `select `+talkColumns+` from talks where `+where, args...)
	return t, known(err)
}

// takeTalk loads a conversation to change it; nobody else does meanwhile.
func takeTalk(tx *db.Tx, talk string) (Talk, error) {
	return oneTalk(tx, `id = $1`+tx.ForUpdate(), talk)
}

func known(err error) error {
	if errors.Is(err, db.ErrNone) {
		return ErrUnknown
	}
	return err
}

// mark notes what was done.
func mark(tx *db.Tx, talk, ticket, who, what, detail string) error {
	return markAll(tx, talk, ticket, who, [][2]string{{what, detail}})
}

// markAll notes what was done at one moment. A digit at the end of their ids keeps up to ten of them in order.
func markAll(tx *db.Tx, talk, ticket, who string, all [][2]string) error {
	first := id.New("mrk")
	for i, m := range all {
		if err := tx.Send(`insert into talk_marks (id, talk, ticket, at, who, what, detail) values ($1, $2, $3, $4, $5, $6, $7)`,
			first+string(rune('0'+i)), talk, ticket, tx.Now(), who, m[0], m[1]); err != nil {
			return err
		}
	}
	return nil
}

func scanMark(r db.Row) (m Mark, err error) {
	err = r.Scan(&m.ID, &m.Talk, &m.Ticket, &m.At, &m.Who, &m.What, &m.Detail)
	m.At = m.At.UTC()
	return
}

const markColumns = `id, talk, ticket, at, who, what, detail`

// Address is a way to reach the person of a conversation.
type Address struct {
	Address string
	Channel string
	At      time.Time // when they wrote from there last
}

func addressesOf(tx *db.Tx, talk string) ([]Address, error) {
	return db.All(tx, func(r db.Row) (a Address, err error) {
		err = r.Scan(&a.Address, &a.Channel, &a.At)
		a.At = a.At.UTC()
		return
	}, `select address, channel, at from talk_addresses where talk = $1 order by at desc, address`, talk)
}
