package messaging

import (
	"errors"
	"time"

	"portolan/internal/db"
	"portolan/internal/messaging/smpp"
	"portolan/internal/money"
)

// Charge is what a provider says it takes for a part of a message, beside what was reckoned with before. Part is 0 for
// each part alike.
type Charge struct {
	Attempt string
	Part    int64
	Price   Cost // of one part
	Quoted  Cost // of one part, by the route or the price list; no currency: none
	At      time.Time
}

const insertCharges = `insert into message_charges (attempt, part, message, micros, currency, quoted_micros, quoted_currency, at) values`

func (c Charge) row(message string) []any {
	return []any{c.Attempt, c.Part, message, c.Price.Micros, string(c.Price.Currency), c.Quoted.Micros, string(c.Quoted.Currency), c.At}
}

// charge is the one in a provider's answer, if it states one.
func (st *step) charge(t Taken, at time.Time) (Charge, bool) {
	return Charge{st.attempt.ID, 0, t.Price, st.route.Price, at}, t.Price.Currency != ""
}

// Charges lists what providers took for a message, oldest first.
func (s *Service) Charges(tx *db.Tx, message string) ([]Charge, error) {
	return db.All(tx, func(r db.Row) (c Charge, err error) {
		err = r.Scan(&c.Attempt, &c.Part, &c.Price.Micros, (*string)(&c.Price.Currency), &c.Quoted.Micros, (*string)(&c.Quoted.Currency), &c.At)
		c.At = c.At.UTC()
		return
	}, `select attempt, part, micros, currency, quoted_micros, quoted_currency, at from message_charges where message = $1 order by at, attempt, part`, message)
}

// bill books what a provider says later that it takes for a part: the message then costs that, in all measures. What
// comes before the provider's own answer is kept until that tells which message is meant.
func (s *Service) bill(tx *db.Tx, provider string, st Status) error {
	keys := smpp.IDKeys(st.Ref)
	if st.Price.Currency == "" || !st.Price.Currency.Valid() || st.Price.Micros < 0 || len(keys) == 0 {
		return nil
	}
	booked, err := s.bookPart(tx, provider, keys[0], st.Price)
	if err != nil || booked {
		return err
	}
	return tx.Send(`insert into early_charges (provider, ref, micros, currency, at) values ($1, $2, $3, $4, $5)
		on conflict (provider, ref) do update set micros = excluded.micros, currency = excluded.currency`,
		provider, keys[0], st.Price.Micros, string(st.Price.Currency), tx.Now())
}

// billEarly books the prices that came before the answers by which the provider's names became known. Whoever calls it
// has found a receipt that came early too: every price comes with one.
func (s *Service) billEarly(tx *db.Tx, provider string, names []string) error {
	type early struct {
		ref   string
		price Cost
	}
	all, err := db.All(tx, func(r db.Row) (e early, err error) {
		err = r.Scan(&e.ref, &e.price.Micros, (*string)(&e.price.Currency))
		return
	},
		`select ref, micros, currency from early_charges where provider = $1 and ref in `+db.In(2, len(names))+` order by ref`, append([]any{provider}, db.Fill(names)...)...)
	if err != nil {
		return err
	}
	for _, e := range all {
		booked, err := s.bookPart(tx, provider, e.ref, e.price)
		if err != nil {
			return err
		}
		if !booked {
			continue
		}
		if err := tx.Send(`delete from early_charges where provider = $1 and ref = $2`, provider, e.ref); err != nil {
			return err
		}
	}
	return nil
}

// bookPart books the price of the part that a provider calls ref. It is false where nobody knows yet which that is.
func (s *Service) bookPart(tx *db.Tx, provider, ref string, price Cost) (bool, error) {
	type place struct {
		attempt, message string
		part, parts      int64
	}
	if err := unfoldNamed(tx, provider, ref); err != nil {
		return false, err
	}
	at, err := db.One(tx, func(r db.Row) (p place, err error) { err = r.Scan(&p.attempt, &p.message, &p.part, &p.parts); return },
		`select attempt, message, part, parts from message_names where provider = $1 and ref = $2 order by attempt desc limit 1`, provider, ref)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r, err := take(tx, at.message)
	if err != nil || r.Parts == 0 || r.SentAt.IsZero() {
		return false, err
	}
	if at.parts <= 1 {
		at.part = 0
	}
	quoted := Cost{r.Cost.Micros / r.Parts, r.Cost.Currency}
	before, err := s.Charges(tx, r.ID)
	if err != nil {
		return false, err
	}
	if len(before) > 0 && before[0].Attempt == at.attempt {
		quoted = before[0].Quoted
	}
	n, err := tx.Exec(insertCharges+` ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (attempt, part) do update set micros = excluded.micros,
		currency = excluded.currency, at = excluded.at where message_charges.micros <> excluded.micros or message_charges.currency <> excluded.currency`,
		Charge{at.attempt, at.part, price, quoted, tx.Now()}.row(r.ID)...)
	if err != nil || n == 0 {
		return true, err
	}
	all, err := s.Charges(tx, r.ID)
	if err != nil {
		return false, err
	}
	cost, ok := total(all, at.attempt, r.Parts)
	if !ok || cost == r.Cost {
		return true, nil
	}
	return true, change(tx, r.ID, func() error {
		return tx.Send(`update messages set cost_micros = $2, currency = $3 where id = $1`, r.ID, cost.Micros, string(cost.Currency))
	})
}

// total is what a message of so many parts costs by what is charged for an attempt: parts that nothing was said of cost
// what the others do on average. Charges in several currencies can't be added.
func total(all []Charge, attempt string, parts int64) (Cost, bool) {
	var sum, known int64
	var in money.Currency
	for _, c := range all {
		if c.Attempt != attempt {
			continue
		}
		if c.Part == 0 {
			if len(all) == 1 {
				return c.Price.Times(parts), true
			}
			continue // what was said of each part goes before what was said of all
		}
		if in != "" && in != c.Price.Currency {
			return Cost{}, false
		}
		sum, known, in = sum+c.Price.Micros, known+1, c.Price.Currency
	}
	if known > 0 {
		return Cost{sum * parts / known, in}, true
	}
	for _, c := range all {
		if c.Attempt == attempt {
			return c.Price.Times(parts), true
		}
	}
	return Cost{}, false
}
