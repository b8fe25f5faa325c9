package customer

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
)

// ConsentEvent is announced for every event of the ledger.
type ConsentEvent struct {
	Consent  string      `json:"consent"`
	Customer string      `json:"customer"`
	Address  string      `json:"address"`
	Channel  Channel     `json:"channel"`
	Class    Class       `json:"class"`
	Action   Action      `json:"action"`
	Lang     string      `json:"lang"`
	Market   market.Code `json:"market"`
	At       time.Time   `json:"at"`
}

// Topic implements events.Event.
func (ConsentEvent) Topic() string { return "customer.consent_changed" }

// Subjects names what the event is about, for timelines.
func (e ConsentEvent) Subjects() []string { return []string{e.Customer} }

// ErasedEvent is announced when a person was forgotten: whoever keeps something of theirs forgets it too.
type ErasedEvent struct {
	Customer string    `json:"customer"`
	At       time.Time `json:"at"`
}

// Topic implements events.Event.
func (ErasedEvent) Topic() string { return "customer.erased" }

// Subjects names what the event is about, for timelines.
func (e ErasedEvent) Subjects() []string { return []string{e.Customer} }

// What customer asks of the packages below it; satisfied by events.Bus.
type announcer interface {
	Publish(tx *db.Tx, e events.Event) error
	Enter(tx *db.Tx, at time.Time, e events.Event) error
}

// Service keeps customers and what they agreed to.
type Service struct {
	bus     announcer
	key     atomic.Pointer[[]byte]                         // of digests, once there is one
	account func(tx *db.Tx, customer string) (bool, error) // whether a profile has one; nil: none has
}

// New returns a service that announces on bus.
func New(bus announcer) *Service { return &Service{bus: bus} }

// Upsert finds the person by e-mail address, or by phone number where one of the two sides has no e-mail, and
// brings the profile up to date with what c says; what c leaves empty stays. Nobody found is a new customer.
// A customer with neither address or with malformed ones is ErrBadInput with its fields.
func (s *Service) Upsert(tx *db.Tx, c Customer) (Customer, error) {
	c, err := c.tidy()
	if err != nil {
		return c, err
	}
	for range 3 {
		old, err := match(tx, c)
		if err != nil {
			return c, err
		}
		if old.ID != "" {
			next := old.news(c)
			if next == old {
				return old, nil
			}
			return next, update(tx, next)
		}
		c.ID, c.CreatedAt = id.New("cus"), tx.Now()
		if n, err := insert(tx, c); err != nil || n == 1 {
			return c, err
		}
	}
	return c, fault.New(fault.Conflict, "customer.changed_meanwhile")
}

// match finds who c is among the known, or a customer without ID.
func match(tx *db.Tx, c Customer) (Customer, error) {
	if c.Email != "" {
		found, err := byEmail(tx, c.Email)
		if err != nil || len(found) > 0 {
			return first(found), err
		}
	}
	if c.Phone == "" {
		return Customer{}, nil
	}
	found, err := byPhone(tx, c.Phone)
	if c.Email != "" {
		found = slices.DeleteFunc(found, func(o Customer) bool { return o.Email != "" })
	}
	return first(found), err
}

func first(found []Customer) (c Customer) {
	if len(found) > 0 {
		c = found[0]
	}
	return c
}

// Get returns a customer or ErrUnknown. Who is joined with others reads as one person, whichever profile is asked for: with
// the survivor's ID and addresses, and names, language and market as they were told last.
func (s *Service) Get(tx *db.Tx, id string) (Customer, error) {
	c, joined, err := lookUp(tx, id)
	if err != nil || !joined {
		return c, err
	}
	ids, err := s.IDs(tx, id)
	if err != nil {
		return c, err
	}
	rows, err := profiles(tx, ids)
	return person(ids[0], rows), err
}

// ByIDs returns the customers among ids that exist, by the id that was asked for; see Get.
func (s *Service) ByIDs(tx *db.Tx, ids []string) (map[string]Customer, error) {
	out := make(map[string]Customer, len(ids))
	for _, id := range ids {
		if _, known := out[id]; known || id == "" {
			continue
		}
		c, err := s.Get(tx, id)
		if fault.Of(err).Kind == fault.NotFound && err != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[id] = c
	}
	return out, nil
}

// ByPhone returns every profile with that number (E.164), the latest first: families share phones.
func (s *Service) ByPhone(tx *db.Tx, e164 string) ([]Customer, error) { return byPhone(tx, e164) }

// ByEmail returns the profile with that address, or ErrUnknown.
func (s *Service) ByEmail(tx *db.Tx, address string) (Customer, error) {
	address, err := Email(address)
	if err != nil {
		return Customer{}, err
	}
	found, err := byEmail(tx, address)
	if err == nil && len(found) == 0 {
		err = ErrUnknown
	}
	return first(found), err
}

// Holder is who is known by an address: the profile's ID and its market.
type Holder struct {
	ID     string
	Market market.Code
}

// AtAddresses returns who is known by each of many addresses: mailboxes and numbers (E.164) in the form in which they
// are kept. Of several with one number it is the latest; addresses of nobody are left out.
func (s *Service) AtAddresses(tx *db.Tx, addresses []string) (map[string]Holder, error) {
	return atAddresses(tx, addresses)
}

// Query narrows a list. Text is looked for in names and addresses; After is the ID of the last customer of
// the page before; Limit is 1 to 200, 50 if zero.
type Query struct {
	Text   string
	Market market.Code
	After  string
	Limit  int
}

// List returns customers, newest first. Who is joined with others is one of them, found by any of their names and addresses.
func (s *Service) List(tx *db.Tx, q Query) ([]Customer, error) {
	q.Limit = min(cmp.Or(q.Limit, 50), 200)
	var roots []string
	if q.Text != "" {
		hidden, err := aliasesLike(tx, q.Text)
		if err != nil {
			return nil, err
		}
		all, err := s.Persons(tx, hidden)
		if err != nil {
			return nil, err
		}
		for _, x := range hidden {
			if ids := all[x]; len(ids) > 0 {
				roots = append(roots, ids[0])
			}
		}
	}
	found, err := list(tx, q, roots)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i, c := range found {
		ids[i] = c.ID
	}
	joined, err := s.Persons(tx, ids)
	if err != nil {
		return nil, err
	}
	for i, c := range found {
		if joined[c.ID] == nil {
			continue
		}
		if found[i], err = s.Get(tx, c.ID); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Count says how many customers there are.
func (s *Service) Count(tx *db.Tx) (int64, error) { return s.CountIn(tx, "") }

// CountIn says how many customers a market has; with no market, how many there are.
func (s *Service) CountIn(tx *db.Tx, m market.Code) (int64, error) {
	return db.One(tx, db.Scalar[int64], `select count(*) from customers where ($1 = '' or market = $1) and `+single, string(m))
}

// Record adds an event to the ledger of its address, sealed to the one before, and announces it.
func (s *Service) Record(tx *db.Tx, c Consent) (Consent, error) {
	if c.Action == Grant && !c.DoubleOptIn {
		// A ticked box proves nothing about the owner of an address who asked for silence: it takes the second step.
		silent, err := s.Suppressed(tx, c.Address)
		if err != nil {
			return c, err
		}
		c.DoubleOptIn = silent.Reason == ReasonStop || silent.Reason == ReasonErased
	}
	if c.DoubleOptIn && c.Action == Grant {
		now, err := s.Allowed(tx, c.Address, c.Channel, c.Class)
		if err != nil {
			return c, err
		}
		if !now.Granted || !now.Confirmed { // who has taken the second step isn't asked again
			c.Action = Ask
		}
	}
	c.At = tx.Now()
	c, err := c.add(tx)
	if err != nil {
		return c, err
	}
	return c, s.bus.Publish(tx, c.event())
}

// Enter adds an event of the past, as of its At, to the ledger of its address and to the journal and tells nobody: for a
// history that is brought along. ErrBadInput where At is to come, or before an event that the address has already: a
// ledger is never written anew.
func (s *Service) Enter(tx *db.Tx, c Consent) (Consent, error) {
	last, err := db.All(tx, scanConsent, `select `+ledgerColumns+` from consents where address = $1 order by seq desc limit 1`, c.Address)
	if err != nil {
		return c, err
	}
	if c.At.IsZero() || c.At.After(tx.Now()) || len(last) > 0 && c.At.Before(last[0].At) {
		return c, ErrBadInput.With(map[string]string{"at": "customer.not_then"})
	}
	if c, err = c.add(tx); err != nil {
		return c, err
	}
	return c, s.bus.Enter(tx, c.At, c.event())
}

// add checks the event and seals it to the one before.
func (c Consent) add(tx *db.Tx) (Consent, error) {
	var check fault.Check
	check.That(c.Address != "", "address", "required")
	check.That(slices.Contains([]Channel{SMS, Mail, WhatsApp, Telegram, Push, Every}, c.Channel), "channel", "unknown")
	check.That(slices.Contains([]Class{Promotional, Survey, OrderNews, EveryClass}, c.Class), "class", "unknown")
	check.That(slices.Contains([]Action{Ask, Grant, Confirm, Revoke, Restore, Import}, c.Action), "action", "unknown")
	check.That(c.Text != "" || c.Action != Ask && c.Action != Grant && c.Action != Import, "text", "required")
	check.That(len(c.Text) <= 4000, "text", "too_long")
	if err := check.Err(ErrBadInput.Code); err != nil {
		return c, err
	}
	c.ID = id.New("con")
	return add(tx, c)
}

func (c Consent) event() ConsentEvent {
	return ConsentEvent{c.ID, c.Customer, c.Address, c.Channel, c.Class, c.Action, c.Lang, c.Market, c.At}
}

// GrantHere records a Grant that was given at the address itself, such as by a browser for itself or in a chat: nothing
// more is needed to show that it comes from its owner, also where they had asked for silence before.
func (s *Service) GrantHere(tx *db.Tx, c Consent) (Consent, error) {
	if err := s.heardAgain(tx, c.Address); err != nil {
		return c, err
	}
	c.Action, c.DoubleOptIn = Grant, false
	return s.Record(tx, c)
}

// Allowed says what the events of address add up to for a channel and class.
func (s *Service) Allowed(tx *db.Tx, address string, ch Channel, cl Class) (State, error) {
	events, err := ledger(tx, address)
	return stateOf(events, ch, cl), err
}

// Ledger returns the events of an address, oldest first.
func (s *Service) Ledger(tx *db.Tx, address string) ([]Consent, error) { return ledger(tx, address) }

// Events returns the consent events of a customer over all profiles and addresses, oldest first.
func (s *Service) Events(tx *db.Tx, customer string) ([]Consent, error) {
	ids, err := s.IDs(tx, customer)
	if err != nil {
		return nil, err
	}
	return eventsOf(tx, ids)
}

// confirmWithin is how long the link of a double opt-in works: our own choice.
const confirmWithin = 14 * 24 * time.Hour

// ConfirmToken is what the link of a double opt-in carries. It cannot be guessed.
func (c Consent) ConfirmToken() string { return c.ID }

// Confirm takes the second step of the double opt-in that token belongs to. Taking it twice is fine.
func (s *Service) Confirm(tx *db.Tx, token, ipDigest string) (Consent, error) {
	asked, err := consent(tx, token)
	switch {
	case err != nil:
		return asked, err
	case asked.Action != Ask:
		return asked, ErrBadToken
	case tx.Now().Sub(asked.At) > confirmWithin:
		return asked, ErrOldToken
	}
	now, err := s.Allowed(tx, asked.Address, asked.Channel, asked.Class)
	if err != nil || now.Confirmed {
		return asked, err
	}
	if now.Revoked {
		return asked, ErrOldToken
	}
	c := asked
	c.Action, c.Source, c.Page, c.IPDigest = Confirm, "double opt-in link", "", ipDigest
	if c, err = s.Record(tx, c); err != nil {
		return c, err
	}
	return c, s.heardAgain(tx, c.Address)
}

// StopAll takes back every consent of the person behind address on every channel and silences all their
// addresses. It returns those addresses, and whether there was anything left to stop.
func (s *Service) StopAll(tx *db.Tx, address, source string) (addresses []string, fresh bool, err error) {
	return s.turn(tx, address, Revoke, source)
}

// Restore gives the person behind address back what the last StopAll took. It returns the addresses, and
// whether they had been stopped.
func (s *Service) Restore(tx *db.Tx, address, source string) (addresses []string, fresh bool, err error) {
	return s.turn(tx, address, Restore, source)
}

// LastChange is when the owner of an address last stopped or restored everything; zero if never.
func (s *Service) LastChange(tx *db.Tx, address string) (time.Time, error) {
	return db.One(tx, func(r db.Row) (at time.Time, err error) { err = r.Scan(db.Moment(&at)); return },
		`select max(at) from consents where address = $1 and channel = 'any' and action in ('revoke', 'restore')`, address)
}

// heardAgain ends the silence of an address whose owner has just agreed in a way only its owner can.
func (s *Service) heardAgain(tx *db.Tx, address string) error {
	silent, err := s.Suppressed(tx, address)
	if err != nil || silent.Reason != ReasonStop && silent.Reason != ReasonErased {
		return err
	}
	return lift(tx, silent, "double opt-in link", "")
}

func (s *Service) turn(tx *db.Tx, address string, a Action, source string) (all []string, fresh bool, err error) {
	who, joined, err := s.reachable(tx, address)
	if err != nil {
		return nil, false, err
	}
	for x := range who {
		all = append(all, x)
	}
	slices.Sort(all)
	for _, x := range all {
		was, err := s.Suppressed(tx, x)
		if err != nil {
			return nil, false, err
		}
		if (was.Reason == ReasonStop) == (a == Revoke) {
			continue
		}
		p := who[x]
		if a == Restore && was.At.Before(joined[p.ID]) {
			continue // another profile asked for silence before they were joined: only they take it back
		}
		fresh = true
		if _, err := s.Record(tx, Consent{Customer: p.ID, Address: x, Channel: Every, Class: EveryClass, Action: a,
			Lang: p.Lang, Market: p.Market, Source: source}); err != nil {
			return nil, false, err
		}
		if a == Revoke {
			err = suppress(tx, Suppression{Address: x, Reason: ReasonStop, Source: source, At: tx.Now()})
		} else {
			err = lift(tx, was, source, "")
		}
		if err != nil {
			return nil, false, err
		}
	}
	return all, fresh, nil
}

// reachable returns every address of the people behind one, also those they used before and agreed on, each with its
// profile. joined says since when profiles belong to them that the address itself doesn't.
func (s *Service) reachable(tx *db.Tx, address string) (who map[string]Customer, joined map[string]time.Time, err error) {
	people, err := behind(tx, address)
	if err != nil {
		return nil, nil, err
	}
	who = map[string]Customer{address: first(people)}
	others, joined, err := s.othersOf(tx, people)
	if err != nil {
		return nil, nil, err
	}
	people = append(people, others...)
	for _, p := range people {
		for _, x := range []string{p.Phone, p.Email} {
			if _, known := who[x]; x != "" && (!known || joined[p.ID].IsZero()) {
				who[x] = p
			}
		}
	}
	for _, p := range people {
		used, err := db.All(tx, db.Scalar[string], `select distinct address from consents where customer = $1 order by address`, p.ID)
		if err != nil {
			return nil, nil, err
		}
		for _, x := range used {
			if _, known := who[x]; !known {
				who[x] = p
			}
		}
	}
	return who, joined, nil
}

// othersOf are the profiles that are joined with people and not among them, and since when.
func (s *Service) othersOf(tx *db.Tx, people []Customer) (others []Customer, joined map[string]time.Time, err error) {
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = p.ID
	}
	all, err := s.Persons(tx, ids)
	if err != nil || len(all) == 0 {
		return nil, nil, err
	}
	joined = map[string]time.Time{}
	for _, id := range ids {
		if all[id] == nil {
			continue
		}
		merges, err := s.Merges(tx, id)
		if err != nil {
			return nil, nil, err
		}
		rows, err := profiles(tx, all[id])
		if err != nil {
			return nil, nil, err
		}
		for _, r := range rows {
			if _, known := joined[r.ID]; !known && !slices.Contains(ids, r.ID) {
				joined[r.ID] = merges[0].At
				others = append(others, r)
			}
		}
	}
	return others, joined, nil
}
