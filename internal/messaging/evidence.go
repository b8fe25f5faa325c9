package messaging

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/jobs"
	"portolan/internal/market"
)

// Proof is a message with everything that proves what became of it. Where its words are gone, Removed says since
// when, and Digest what they were.
type Proof struct {
	Detail
	Removed time.Time
	Why     string // "retention" or "erased"
	Digest  string // SHA-256 of subject, body and HTML; of those that are gone, as it was
}

// ProofQuery narrows the list of proofs; zero fields do not. After is the ID of the last one of the page before.
type ProofQuery struct {
	To     string
	Market market.Code
	From   time.Time
	Until  time.Time // before it
	After  string
	Limit  int
}

const proofWhere = `($1 = '' or recipient = $1) and ($2 = '' or market = $2) and created_at >= $3 and created_at < $4`

// Proofs returns messages with their proofs, oldest first.
func (s *Service) Proofs(tx *db.Tx, q ProofQuery) ([]Proof, error) {
	ids, err := db.All(tx, db.Scalar[string], `select id from messages where `+proofWhere+` and id > $5 order by id limit $6`,
		q.To, string(q.Market), since(q.From), until(q.Until), q.After, q.limit())
	if err != nil {
		return nil, err
	}
	var all []Proof
	for _, id := range ids {
		d, err := s.Inspect(tx, id)
		if err != nil {
			return nil, err
		}
		p := Proof{Detail: d, Digest: wordsOf(d.Record)}
		gone, err := db.One(tx, func(r db.Row) (g Proof, err error) { err = r.Scan(&g.Digest, &g.Why, &g.Removed); return },
			`select digest, why, at from message_removals where message = $1`, id)
		if err == nil {
			p.Digest, p.Why, p.Removed = gone.Digest, gone.Why, gone.Removed.UTC()
		} else if !errors.Is(err, db.ErrNone) {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// ProofCount says how many messages and texts from people there are.
func (s *Service) ProofCount(tx *db.Tx, q ProofQuery) (n int64, err error) {
	for _, sql := range []string{`select count(*) from messages where ` + proofWhere, `select count(*) from inbound_messages where ` + heardWhere} {
		c, err := db.One(tx, db.Scalar[int64], sql, q.To, string(q.Market), since(q.From), until(q.Until))
		if err != nil {
			return 0, err
		}
		n += c
	}
	return n, nil
}

const heardWhere = `($1 = '' or sender = $1) and ($2 = '' or market = $2) and at >= $3 and at < $4`

// Heard returns texts from people, oldest first.
func (s *Service) Heard(tx *db.Tx, q ProofQuery) ([]Inbound, error) {
	return db.All(tx, scanInbound, `select `+inboundColumns+` from inbound_messages where `+heardWhere+` and id > $5 order by id limit $6`,
		q.To, string(q.Market), since(q.From), until(q.Until), q.After, q.limit())
}

func (q ProofQuery) limit() int {
	if q.Limit <= 0 {
		return 1000
	}
	return min(q.Limit, 10_000)
}

// wordsOf is the digest of what a message said.
func wordsOf(r Record) string {
	sum := sha256.Sum256([]byte(r.Subject + "\n" + r.Body + "\n" + r.HTML))
	return hex.EncodeToString(sum[:])
}

// tidyUp takes away the words that a market doesn't want kept any longer: of all markets, or it goes on with one.
type tidyUp struct {
	Market market.Code `json:"market,omitempty"`
	At     time.Time   `json:"at,omitzero"` // of the last message looked at
	After  string      `json:"after,omitempty"`
	Left   time.Time   `json:"left,omitzero"` // of the first one that has to stay for now
}

// Job implements jobs.Args.
func (tidyUp) Job() string { return "messaging.retention" }

const (
	tidyEvery = 24 * time.Hour
	tidyStep  = 500 // messages looked at in one unit of work
)

// Retention takes words away once a day, by each market's rules. Call it before the queue runs.
func (s *Service) Retention() {
	jobs.Handle(s.queue, s.tidy)
	s.queue.Every("messaging.retention", tidyEvery, tidyUp{})
}

// shortestKept is the shortest time any market may keep words for, in days.
const shortestKept = 30

func (s *Service) tidy(tx *db.Tx, a tidyUp) error {
	if a.Market != "" {
		return s.tidyMarket(tx, a)
	}
	if err := tx.Send(`delete from early_charges where at < $1`, tx.Now().Add(-parkedFor)); err != nil {
		return err
	}
	all, err := db.All(tx, db.Scalar[string], `select market from message_retention`) // also of markets that were taken away
	if err != nil {
		return err
	}
	for _, m := range s.markets.All() {
		all = append(all, string(m.Code))
	}
	slices.Sort(all)
	for _, m := range slices.Compact(all) {
		if err := s.tidyMarket(tx, tidyUp{Market: market.Code(m)}); err != nil {
			return err
		}
	}
	return nil
}

// tidyMarket looks through a market's messages that became too old since it was looked through last.
func (s *Service) tidyMarket(tx *db.Tx, a tidyUp) error {
	rules, err := s.people.MarketRules(tx, a.Market)
	if err != nil {
		return err
	}
	before := tx.Now().AddDate(0, 0, -int(max(rules.KeepDays, shortestKept)))
	if a.After == "" {
		last, err := db.All(tx, func(r db.Row) (at time.Time, err error) { return at, r.Scan(db.Moment(&at)) }, `select through from message_retention where market = $1`, string(a.Market))
		if err != nil {
			return err
		}
		if len(last) > 0 {
			a.At = last[0]
		}
		if err := tx.Send(`update inbound_messages set text = '' where market = $1 and at >= $2 and at < $3 and text <> ''`, string(a.Market), a.At, before); err != nil {
			return err
		}
	}
	all, err := db.All(tx, scan, `select `+columns+` from messages where market = $1 and created_at < $2 and created_at >= $3 and (created_at > $3 or id > $4)
		and not exists (select 1 from message_removals g where g.message = messages.id) order by created_at, id limit $5`, string(a.Market), before, a.At, a.After, tidyStep)
	if err != nil {
		return err
	}
	for _, r := range all {
		a.At, a.After = r.CreatedAt, r.ID
		if r.State == Held || r.State == Queued {
			if a.Left.IsZero() {
				a.Left = r.CreatedAt
			}
			continue
		}
		if err := s.remove(tx, r, "retention"); err != nil {
			return err
		}
	}
	if len(all) == tidyStep {
		return s.queue.Add(tx, a, jobs.When{Priority: jobs.Low})
	}
	if !a.Left.IsZero() {
		before = a.Left
	}
	return tx.Send(`insert into message_retention (market, through) values ($1, $2) on conflict (market) do update set through = excluded.through
		where excluded.through > message_retention.through`, string(a.Market), before)
}

// remove takes a message's words away and keeps their digest; what was decided and what became of it stays.
func (s *Service) remove(tx *db.Tx, r Record, why string) error {
	n, err := tx.Exec(`insert into message_removals (message, digest, why, at) values ($1, $2, $3, $4) on conflict do nothing`, r.ID, wordsOf(r), why, tx.Now())
	if err != nil || n == 0 {
		return err
	}
	left := r.asked
	left.Vars, left.Text, left.Link, left.Links = nil, "", "", nil
	if err := tx.Send(`update messages set subject = '', body = '', html = '', request = $2, told_raw = '', told_phone = '' where id = $1`, r.ID, encode(left)); err != nil {
		return err
	}
	if err := tx.Send(`update mail_returns set raw = '', said = '' where message = $1`, r.ID); err != nil {
		return err
	}
	if err := tx.Send(`update message_links set target = '' where message = $1`, r.ID); err != nil {
		return err
	}
	return tx.Send(`update message_reports set raw = '', phone = '' where message = $1 and message <> ''`, r.ID)
}

// Forget takes away the words of all messages to and from addresses whose owner is to be forgotten, and puts other
// names in their place.
func (s *Service) Forget(tx *db.Tx, addresses []string, instead func(address string) string) error {
	for _, x := range addresses {
		if err := lockAddress(tx, x); err != nil {
			return err
		}
		all, err := db.All(tx, scan, `select `+columns+` from messages where recipient = $1 order by id`, x)
		if err != nil {
			return err
		}
		for _, r := range all {
			if r.State == Held || r.State == Queued {
				r.State, r.Reason = Dropped, "erased"
				if err := s.end(tx, r); err != nil {
					return err
				}
			}
			r.asked.To, r.asked.Else, r.asked.Customer = instead(x), nil, ""
			if err := s.remove(tx, r, "erased"); err != nil {
				return err
			}
			if err := tx.Send(`update messages set recipient = $2, customer = '' where id = $1`, r.ID, instead(x)); err != nil {
				return err
			}
		}
		for _, sql := range []string{`update inbound_messages set sender = $2, text = '', customer = '', open = false where sender = $1`,
			`update message_names set recipient = $2 where recipient = $1`, `update mail_returns set recipient = $2 where recipient = $1`} {
			if err := tx.Send(sql, x, instead(x)); err != nil {
				return err
			}
		}
		if err := tx.Send(`delete from message_addresses where address = $1`, x); err != nil {
			return err
		}
		if _, err := dropNear(tx, x); err != nil {
			return err
		}
	}
	return nil
}
