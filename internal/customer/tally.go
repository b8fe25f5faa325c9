package customer

import (
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
)

// Tally is how many addresses of a market agree to offers on a channel.
type Tally struct {
	Market  market.Code
	Channel Channel
	Agreed  int64 // now, and not silenced
}

// Tallies counts who agrees to offers, by market and channel.
func (s *Service) Tallies(tx *db.Tx) ([]Tally, error) {
	return db.All(tx, func(r db.Row) (t Tally, err error) {
		err = r.Scan((*string)(&t.Market), (*string)(&t.Channel), &t.Agreed)
		return
	}, `select c.market, c.channel, count(distinct c.address) from consents c
		where c.action in ('grant', 'confirm', 'import') and c.class = 'promotional' and c.channel <> 'any'
		and not exists (select 1 from suppressions s where s.address = c.address and s.lifted_at is null)
		and not exists (select 1 from consents l where l.address = c.address and l.seq > c.seq and l.action = 'revoke' and l.channel = c.channel and l.class = c.class)
		group by c.market, c.channel order by c.market, c.channel`)
}

// Moves are the events of the ledger in a span of time, by market and action.
type Moves struct {
	Market market.Code
	Action Action
	Count  int64 // addresses
}

// MovesBetween counts addresses with events of an action, from a moment up to before another.
func (s *Service) MovesBetween(tx *db.Tx, from, until time.Time) ([]Moves, error) {
	return db.All(tx, func(r db.Row) (m Moves, err error) {
		err = r.Scan((*string)(&m.Market), (*string)(&m.Action), &m.Count)
		return
	}, `select market, action, count(distinct address) from consents where at >= $1 and at < $2 group by market, action order by market, action`, from, until)
}

// Confirmations says how many of the addresses that were asked for a second step since a moment have taken it, by
// market.
func (s *Service) Confirmations(tx *db.Tx, since time.Time) (map[market.Code][2]int64, error) {
	type row struct {
		m          market.Code
		asked, yes int64
	}
	all, err := db.All(tx, func(r db.Row) (x row, err error) { err = r.Scan((*string)(&x.m), &x.asked, &x.yes); return },
		`select a.market, count(distinct a.address), count(distinct c.address) from consents a
		left join consents c on c.address = a.address and c.action = 'confirm' and c.seq > a.seq and c.channel = a.channel
		where a.action = 'ask' and a.at >= $1 group by a.market order by a.market`, since)
	out := map[market.Code][2]int64{}
	for _, x := range all {
		out[x.m] = [2]int64{x.asked, x.yes}
	}
	return out, err
}

// EventsBetween returns the ledger's events of a span of time, by address; after is "address\nseq" of the last one of
// the page before.
func (s *Service) EventsBetween(tx *db.Tx, m market.Code, from, until time.Time, address string, seq int64, limit int) ([]Consent, error) {
	return db.All(tx, scanConsent, `select `+ledgerColumns+` from consents where at >= $1 and at < $2 and ($3 = '' or market = $3)
		and (address, seq) > ($4, $5) order by address, seq limit $6`, from, until, string(m), address, seq, limit)
}

// Asked returns the event that a double opt-in link belongs to, so that its page can show what was agreed to.
func (s *Service) Asked(tx *db.Tx, token string) (Consent, error) {
	c, err := consent(tx, token)
	switch {
	case err != nil:
		return c, err
	case c.Action != Ask:
		return c, ErrBadToken
	case tx.Now().Sub(c.At) > confirmWithin:
		return c, ErrOldToken
	}
	return c, nil
}

// Erase forgets a person: every profile that is joined, addresses and ledger. Of each address a keyed digest stays on the
// list of silence, so that it isn't written to by mistake when it comes back in an import. It returns the addresses, for
// others to forget, and announces each profile that is gone. Ask for IDs before: afterwards nobody knows them.
func (s *Service) Erase(tx *db.Tx, id, by string) (addresses []string, err error) {
	if _, err := find(tx, id); err != nil {
		return nil, err
	}
	ids, err := s.IDs(tx, id)
	if err != nil {
		return nil, err
	}
	rows, err := profiles(tx, ids)
	if err != nil {
		return nil, err
	}
	key, err := s.digester(tx)
	if err != nil {
		return nil, err
	}
	used, err := db.All(tx, db.Scalar[string], `select distinct address from consents where customer in `+db.In(1, len(ids))+` order by address`, db.Fill(ids)...)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, c := range rows {
		all = append(all, c.Phone, c.Email)
	}
	for _, x := range append(all, slices.DeleteFunc(used, func(x string) bool { return !nearby(x) })...) {
		if x == "" || slices.Contains(addresses, x) {
			continue
		}
		people, err := behind(tx, x)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(people, func(c Customer) bool { return !slices.Contains(ids, c.ID) }) {
			continue // somebody else's too
		}
		if err := silence(tx, stand(key, x), x, by); err != nil {
			return nil, err
		}
		addresses = append(addresses, x)
	}
	if err := forgetMerges(tx, ids); err != nil {
		return nil, err
	}
	for _, one := range ids {
		if err := tx.Send(`delete from customers where id = $1`, one); err != nil {
			return nil, err
		}
		if err := s.bus.Publish(tx, ErasedEvent{one, tx.Now()}); err != nil {
			return nil, err
		}
	}
	return addresses, nil
}

// silence takes out what is kept of an address and puts its digest on the list.
func silence(tx *db.Tx, digest, address, by string) error {
	was, err := suppressed(tx, address, address)
	if err != nil {
		return err
	}
	reason := ReasonErased
	if was.Reason == ReasonStop {
		reason = ReasonStop
	}
	if err := suppress(tx, Suppression{Address: digest, Reason: reason, Source: by, At: tx.Now()}); err != nil {
		return err
	}
	for _, q := range []string{`delete from suppressions where address = $1`, `delete from suppression_changes where address = $1`, `delete from consents where address = $1`} {
		if err := tx.Send(q, address); err != nil {
			return err
		}
	}
	return nil
}
