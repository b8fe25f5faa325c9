package messaging

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/snapshot"
	"portolan/internal/vault"
)

// What messaging asks of the packages below it.
type (
	// people is satisfied by customer.Service.
	people interface {
		Get(tx *db.Tx, id string) (customer.Customer, error)
		IDs(tx *db.Tx, id string) ([]string, error)
		Persons(tx *db.Tx, ids []string) (map[string][]string, error)
		List(tx *db.Tx, q customer.Query) ([]customer.Customer, error)
		CountIn(tx *db.Tx, m market.Code) (int64, error)
		ByIDs(tx *db.Tx, ids []string) (map[string]customer.Customer, error)
		AtAddresses(tx *db.Tx, addresses []string) (map[string]customer.Holder, error)
		ByPhone(tx *db.Tx, e164 string) ([]customer.Customer, error)
		ByEmail(tx *db.Tx, address string) (customer.Customer, error)
		Allowed(tx *db.Tx, address string, ch customer.Channel, cl customer.Class) (customer.State, error)
		Suppressed(tx *db.Tx, address string) (customer.Suppression, error)
		Ledger(tx *db.Tx, address string) ([]customer.Consent, error)
		SuppressionHistory(tx *db.Tx, address string) ([]customer.SuppressionChange, error)
		SuppressedEach(tx *db.Tx, addresses []string) (map[string]customer.Suppression, error)
		Suppress(tx *db.Tx, address, reason, source string) error
		StopAll(tx *db.Tx, address, source string) (addresses []string, fresh bool, err error)
		Restore(tx *db.Tx, address, source string) (addresses []string, fresh bool, err error)
		LastChange(tx *db.Tx, address string) (time.Time, error)
		MarketRules(tx *db.Tx, m market.Code) (customer.Rules, error)
		Record(tx *db.Tx, c customer.Consent) (customer.Consent, error)
		GrantHere(tx *db.Tx, c customer.Consent) (customer.Consent, error)
		Digest(what, value string) string
	}
	// markets is satisfied by market.Service.
	markets interface {
		ByCode(market.Code) (market.Market, bool)
		ByCountry(market.Country) (market.Market, bool)
		All() []market.Market
	}
	announcer interface {
		Publish(tx *db.Tx, e events.Event) error
		PublishEach(tx *db.Tx, all []events.Event) error
	}
)

// Config is what a merchant sets.
type Config struct {
	Brand   string  // stands first in every text
	BaseURL string  // public address of the shop without a slash at the end, for links in messages
	Routes  []Route // best first
	Mailbox string  // sender of e-mails on routes that name none
	Weights Weights // what matters between routes; zero: ByDelivery

	Hosts   []string               // besides the shop, where links in messages may lead: "help.miana.example"
	Domains map[market.Code]string // where links of a market's messages begin, if not at BaseURL: "https://miana.de"

	BounceDomain  string        // where mail servers send what they could not deliver; empty: to the sender
	ReceiptWithin time.Duration // after which what must arrive and has no receipt goes by the next channel; zero: two minutes
}

func (c Config) weights() Weights {
	if c.Weights == (Weights{}) {
		return ByDelivery
	}
	return c.Weights
}

// Guard is asked at every gate for messages that carry its name, and says why not to send now, or nothing.
type Guard func(tx *db.Tx, r Record) (reason string, err error)

// OrderInfo fills the template info_reply for the order or cart that a reply is about; no variables means that
// there is nothing to tell.
type OrderInfo func(tx *db.Tx, about Record, lang string) (vars map[string]string, err error)

// Question is a question of ours that a person hasn't answered yet with a number from 1 to 5.
type Question struct {
	Order string // what it is about; empty: there is none
	Again bool   // it was put a second time
}

// Pending finds the question that is open with a person who wrote; about is our message before. Without one, an answer
// rates nothing.
type Pending func(tx *db.Tx, about Record, customer string) (Question, error)

// Move is what is done about a wish for another day of delivery.
type Move struct {
	Template string // of the answer; empty: nobody knows, a person has to
	Vars     map[string]string
	Link     string
	Open     bool // a person has to see to it too
}

// Mover sees to a wish for another day.
type Mover func(tx *db.Tx, in Inbound) (Move, error)

// Service writes to people and hears what they answer.
type Service struct {
	db      *db.DB
	queue   *jobs.Queue
	bus     announcer
	people  people
	markets markets
	cfg     Config
	rules   *rules
	guards  map[string]Guard
	info    OrderInfo
	pending Pending
	mover   Mover
	off     holidays
	lists   []OptOutList
	lane    *lane
	heard   *gather[*said]
	asking  *gather[*asking]
	health  healths

	providers []Provider
	vault     *vault.Vault
	exchange  Exchange
	booked    *snapshot.Of[book]
	bump      snapshot.Bump
	lines     *snapshot.Of[lines]
	own       *snapshot.Of[texts]
}

// New returns a service that sends over cfg's routes, and registers its jobs with q. Its listeners are heard
// through bus.
func New(d *db.DB, q *jobs.Queue, bus announcer, p people, m markets, cfg Config) *Service {
	s := &Service{db: d, queue: q, bus: bus, people: p, markets: m, cfg: cfg, rules: builtin(), guards: map[string]Guard{}, heard: newGather[*said](heardPatience), asking: newGather[*asking](askingPatience)}
	s.lane = newLane(s)
	q.Beside(s.lane)
	jobs.Handle(q, s.release)
	jobs.Handle(q, s.match)
	jobs.HandleOutside(q, s.inquire)
	return s
}

// Route adds ways out after the service was made, best first: for adapters that need the service themselves.
// Call it before the queue runs.
func (s *Service) Route(routes ...Route) { s.cfg.Routes = append(s.cfg.Routes, routes...) }

// Guard registers a guard under the name that messages carry. Call it before the queue runs.
func (s *Service) Guard(name string, g Guard) { s.guards[name] = g }

// Info registers who knows about orders. Call it before the queue runs.
func (s *Service) Info(f OrderInfo) { s.info = f }

// Asks registers who knows which question is open. Without it every survey is, for as long as nothing else was said. Call
// it before the queue runs.
func (s *Service) Asks(f Pending) { s.pending = f }

// Moves registers who knows what carriers can do. Call it before the queue runs.
func (s *Service) Moves(f Mover) { s.mover = f }

// Holidays registers who knows public holidays: whether day (2026-12-25) is one in a country.
func (s *Service) Holidays(f func(c market.Country, day string) bool) { s.off = f }

// Version names the revision of the gate and of its tables.
func (s *Service) Version() string { return s.rules.version }

// Send puts m into words and asks the gate. A message that may go is queued as part of tx; one that has to wait
// is asked again at its hour; one that may not is kept with the reasons. The same key is sent once: asking again
// returns what became of the first. A message without address or template, or with variables its template does
// not know or of more than 20 kB, is ErrBadMessage with its fields.
func (s *Service) Send(tx *db.Tx, m Message) (Record, error) {
	m, err := s.complete(m)
	if err != nil {
		return Record{}, err
	}
	old, err := byKey(tx, m.Key)
	if !errors.Is(err, ErrUnknown) {
		return old, err
	}
	r := Record{Message: m, asked: m, ID: id.New("msg"), Token: newToken(), CreatedAt: tx.Now(), State: Held}
	all, err := s.choose(tx, &r)
	if err != nil {
		return r, err
	}
	r, err = s.follow(tx, r, insert)
	if errors.Is(err, errThere) {
		return byKey(tx, m.Key)
	}
	if err != nil {
		return r, err
	}
	if err := keepLinks(tx, r); err != nil {
		return r, err
	}
	return r, keepDecisions(tx, r, r.Gate, all)
}

// Plan says what the gate would answer to m now, without sending or keeping anything.
func (s *Service) Plan(tx *db.Tx, m Message) (Record, error) {
	m, err := s.complete(m)
	if err != nil {
		return Record{}, err
	}
	r := Record{Message: m, asked: m, Token: "xxxxxxxxxxxx", CreatedAt: tx.Now()}
	_, err = s.choose(tx, &r)
	return r, err
}

// complete checks m and fills in what follows from the rest.
func (s *Service) complete(m Message) (Message, error) {
	var check fault.Check
	check.That(m.Key != "" && len(m.Key) <= 200, "key", "required")
	texts := s.texts()
	k, known := texts.keys[m.Template]
	if m.Text != "" && m.Template == "" {
		m.Template, m.Vars = "answer", map[string]string{"text": m.Text}
		k, known = texts.keys["answer"]
		check.That(len([]rune(m.Text)) <= replyTextLimit, "text", "too_long")
		m.Links = ownLinks(m.Text)
	}
	check.That(len(m.Links) <= mostLinks, "links", "messaging.link_many")
	check.That(m.Link == "" || s.cfg.mayLead(m.Link), "link", "messaging.link_host")
	for name, target := range m.Links {
		_, asked := k.vars[name]
		check.That(asked || m.Text != "" || !known, "links."+name, "unknown")
		field := "links." + name
		if m.Text != "" {
			field = "text"
		}
		check.That(s.cfg.mayLead(target), field, "messaging.link_host")
	}
	check.That(known, "template", "unknown")
	check.That(m.Class == "" || m.Class == k.class, "class", "not_the_templates")
	m.Class = k.class
	if m.Trial != nil && known {
		m.Class = Reply
		for name, code := range checkWords(k, m.Channel, *m.Trial) {
			check.That(false, name, code)
		}
	}
	reaches := append([]Reach{{m.Channel, m.To}}, m.Else...)
	for i, r := range reaches {
		field := "to"
		if i > 0 {
			field = fmt.Sprintf("else.%d", i-1)
		}
		switch r.Channel {
		case SMS:
			e164, err := address.Phone(r.To, string(m.Country))
			check.That(err == nil && e164 == r.To, field, "no_phone_number")
		case Email:
			a, err := customer.Email(r.To)
			check.That(err == nil && a == r.To, field, "no_address")
		case WhatsApp:
			e164, err := address.Phone(r.To, "")
			check.That(err == nil && e164 == r.To, field, "no_phone_number")
		case Telegram:
			check.That(chatForm.MatchString(r.To), field, "no_address")
		case Push:
			check.That(strings.HasPrefix(r.To, pushPrefix), field, "no_address")
		default:
			check.That(false, "channel", "unknown")
		}
	}
	for name, code := range k.checkVars(m.Vars) {
		check.That(!known, name, code)
	}
	return m, check.Err(ErrBadMessage.Code)
}

// idsOf are the profiles of a customer's person, the one that stands for all first; none for nobody.
func (s *Service) idsOf(tx *db.Tx, customer string) ([]string, error) {
	if customer == "" {
		return nil, nil
	}
	return s.people.IDs(tx, customer)
}

// choose asks the gate for each address of r in turn and writes the first that may go or wait into r. It
// returns every answer. If none may, r carries the first refusal.
func (s *Service) choose(tx *db.Tx, r *Record) (all []Decision, err error) {
	if r.Class.asks() && r.then == nil {
		if r.person, err = s.idsOf(tx, r.Customer); err != nil {
			return nil, err
		}
	}
	if r.Class.asks() && r.ID != "" { // a plan changes nothing
		if err := lockPerson(tx, *r); err != nil {
			return nil, err
		}
	}
	var refused *Record
	for _, reach := range append([]Reach{{r.asked.Channel, r.asked.To}}, r.asked.Else...) {
		try := *r
		try.Channel, try.To = reach.Channel, reach.To
		purses, err := s.weigh(tx, &try)
		if err != nil {
			return nil, err
		}
		if try.Gate.Verdict == Go && r.ID != "" {
			if err := bookCost(tx, try, purses); err != nil {
				return nil, err
			}
		}
		all = append(all, try.Gate)
		if try.Gate.Verdict == Go || try.Gate.Verdict == Hold {
			*r = try
			return all, nil
		}
		if refused == nil {
			refused = &try
		}
		if try.Gate.Verdict == Drop {
			break
		}
	}
	*r = *refused
	return all, nil
}

// weigh puts r into words for its address and asks the gate. It returns the limits of money that r was weighed with.
func (s *Service) weigh(tx *db.Tx, r *Record) ([]purse, error) {
	a, err := s.word(r)
	if err != nil {
		return nil, err
	}
	a.now = r.now(tx)
	if r.then != nil {
		r.Cost = a.price.Times(a.text.parts)
		if err := r.then.ask(tx, &a, *r); err != nil {
			return nil, err
		}
		a.purses = r.then.purses(*r, r.Cost)
		r.Gate = decide(a)
		return a.purses, nil
	}
	if err := s.ask(tx, &a, *r); err != nil {
		return nil, err
	}
	if a.purses, err = s.purses(tx, *r, a.price.Times(a.text.parts)); err != nil {
		return nil, err
	}
	r.Gate = decide(a)
	return a.purses, nil
}

// word puts r into words for its address and gathers what the gate looks at, but for the moment and for what stands in
// the database.
func (s *Service) word(r *Record) (application, error) {
	m := r.Message
	country := countryOf(m)
	if country != m.Country && m.Country != "" { // a region of another country says nothing about this one
		m.Region = ""
	}
	b := s.book()
	shop, _ := s.markets.ByCode(m.Market)
	a := application{
		version: s.rules.version, class: m.Class, template: m.Template, reach: Reach{m.Channel, m.To},
		country: country, notAfter: m.NotAfter, doubleOptIn: shop.DoubleOptIn, holidays: s.off, brand: s.cfg.Brand,
		base: s.cfg.BaseURL, rules: s.rules, booked: b != nil, limits: b.limitsOf(m.Market), cart: m.Cart, kind: LongNumber,
	}
	if a.askedAt = m.FactAt; a.askedAt.IsZero() {
		a.askedAt = r.CreatedAt
	}
	where := country
	if where == "" && shop.Code != "" {
		where = shop.Country()
	}
	a.law = s.rules.laws.of(where, s.texts().keys[m.Template].journey, m.Class)
	f := form{reach: a.reach, law: a.law, langs: langsOf(m.Lang, shop.Languages), brand: s.cfg.Brand, base: s.cfg.base(m.Market), token: r.Token}
	if m.Channel == SMS {
		if a.policies = s.rules.of(country, m.Region); len(a.policies) > 0 {
			f.policy = &a.policies[0]
		}
		if m.Class.asks() {
			a.zones = zonesOf(zoneNames(m, country))
		}
	}
	if route, ok := s.route(m.Channel, country, m.Class, m.Via, nil, false); ok {
		a.routed, a.kind, a.sender, a.record, a.price = true, route.Kind, senderName(route), b.record(country, route), route.Price
		r.Sender, r.SenderKind = route.Sender, route.Kind
	}
	a.fit(&f)
	t, err := s.texts().render(m, f)
	if err != nil {
		return a, err
	}
	a.text = t
	r.Country, r.Subject, r.Body, r.HTML, r.Encoding, r.Parts, r.TextVersion = country, t.subject, t.body, t.html, t.encoding, t.parts, t.version
	return a, nil
}

// plain reports whether ask looks up nothing of a message but whether its address is silenced; what is added there is
// added here.
func (a *application) plain(r *Record) bool {
	return !r.Class.asks() && r.Guard == "" && (r.Channel != SMS || len(a.policies) == 0 || a.policies[0].Repeats.Most == 0)
}

// ask looks up what the gate wants to know from the database.
func (s *Service) ask(tx *db.Tx, a *application, r Record) (err error) {
	silent, err := s.people.Suppressed(tx, r.To)
	if err != nil {
		return err
	}
	a.suppressed = silent.Reason
	if silent.Reason == customer.ReasonStop && r.Class == Transactional && r.Channel == SMS {
		rules, err := s.people.MarketRules(tx, r.Market)
		if err != nil {
			return err
		}
		a.muted = rules.Mutes(a.country)
	}
	if len(a.policies) > 0 && a.policies[0].Repeats.Most > 0 && r.Channel == SMS {
		if a.same, err = sameText(tx, r, tx.Now().Add(-a.policies[0].Repeats.Span)); err != nil {
			return err
		}
	}
	if !r.Class.asks() {
		return nil
	}
	ch := customer.Channel(r.Channel)
	if a.consent, err = s.people.Allowed(tx, r.To, ch, customer.Promotional); err != nil {
		return err
	}
	if own, err := s.people.Allowed(tx, r.To, ch, customer.Class(r.Class)); err != nil {
		return err
	} else if own != (customer.State{}) {
		a.consent = own
	}
	if r.person == nil {
		if r.person, err = s.idsOf(tx, r.Customer); err != nil {
			return err
		}
	}
	if a.recent, err = recent(tx, r, tx.Now().Add(-monthSpan)); err != nil {
		return err
	}
	s.count(a.country, a.recent)
	if r.Cart != "" && r.Class == Promotional {
		if a.reminded, err = reminded(tx, r); err != nil {
			return err
		}
	}
	if r.Guard == "" {
		return nil
	}
	g := s.guards[r.Guard]
	if g == nil {
		return fmt.Errorf("guard %q of message %s is not registered", r.Guard, r.ID)
	}
	a.guard, err = g(tx, r)
	return err
}

// sharedNumbering names the country whose networks and rules a small neighbour's numbers share.
var sharedNumbering = map[market.Country]market.Country{"GG": "GB", "JE": "GB", "IM": "GB", "PR": "US", "GU": "US", "VI": "US", "AX": "FI", "SJ": "NO"}

// countryOf is the country whose networks and rules a message is for.
func countryOf(m Message) market.Country {
	if c := market.Country(address.PhoneCountry(m.To)); m.Channel == SMS && c != "" {
		return cmp.Or(sharedNumbering[c], c)
	}
	return m.Country
}

// zoneNames lists every zone the person may be in.
func zoneNames(m Message, country market.Country) []string {
	if m.Zone != "" && m.Region == "" {
		return append(address.ZoneOf(m.To, "", ""), m.Zone)
	}
	names := address.ZoneOf(m.To, string(country), m.Region)
	if m.Zone != "" {
		names = append(names, m.Zone)
	}
	return names
}

// route is the best way out that is not among those excluded; with via it can only be that one. use says that a
// message is about to take it.
func (s *Service) route(ch Channel, c market.Country, cl Class, via string, without map[string]bool, use bool) (Route, bool) {
	var fit [8]Route
	var barred []Route
	all, b, day := fit[:0], s.book(), s.db.Clock().Now().UTC().Format(time.DateOnly)
	for _, r := range s.routes(via) {
		if via == "" && !r.fits(ch, c, cl) || without[r.Name] {
			continue
		}
		if r.Sender == "" && ch == Email {
			r.Sender = s.cfg.Mailbox
		}
		if r.Price.Currency == "" && ch == SMS {
			r.Price = s.rules.prices[c]
		}
		if ch == SMS && s.barred(b, r, c, cl, day) {
			barred = append(barred, r)
			continue
		}
		all = append(all, r)
	}
	if len(all) == 0 && !use {
		all = barred // the gate says why it may not be
	}
	if len(all) == 0 {
		return Route{}, false
	}
	return s.health.best(all, s.cfg.weights(), s.db.Clock().Now(), use), true
}

// barred reports whether a route's sender may not send to a country.
func (s *Service) barred(b *book, r Route, c market.Country, cl Class, day string) bool {
	p, ok := s.rules.policies[string(c)]
	if !ok {
		return false
	}
	code, _, _ := s.rules.senderFault(p, r.Kind, senderName(r), b.record(c, r), b != nil, cl, day)
	return code != ""
}

// follow does what the gate said about r. keep is save, or insert for a new message.
func (s *Service) follow(tx *db.Tx, r Record, keep func(*db.Tx, Record) error) (Record, error) {
	r.HeldUntil, r.Reason, r.due = r.Gate.Until, r.Gate.Why, time.Time{}
	switch r.Gate.Verdict {
	case Go:
		r.State, r.QueuedAt, r.due = Queued, tx.Now(), tx.Now().Add(laneGrace)
	case Hold:
		r.State = Held
	default:
		r.State = Dropped
		if r.Gate.Says("too_late") {
			r.State = Expired
		}
	}
	if err := keep(tx, r); err != nil {
		return r, err
	}
	switch r.State {
	case Queued:
		tx.After(func() { s.lane.push(&waiting{r: r, fresh: true}) })
		return r, nil
	case Held:
		return r, s.queue.Add(tx, release{r.ID}, jobs.When{At: r.HeldUntil, Subject: r.ID})
	}
	return r, s.ended(tx, r, "")
}

// end saves a message that will not arrive and says so.
func (s *Service) end(tx *db.Tx, r Record) error {
	if err := save(tx, r); err != nil {
		return err
	}
	instead := ""
	if r.State == Failed || r.State == Expired {
		var err error
		if instead, err = s.next(tx, r); err != nil {
			return err
		}
	}
	return s.ended(tx, r, instead)
}

func (s *Service) ended(tx *db.Tx, r Record, instead string) error {
	return s.bus.Publish(tx, EndedEvent{r.ID, r.Customer, r.Order, r.Cart, r.Template, r.Market, r.State, r.Reason, tx.Now(), instead})
}

// release asks the gate again about a message that was held.
type release struct {
	Message string `json:"message"`
}

// Job implements jobs.Args.
func (release) Job() string { return "messaging.release" }

func (s *Service) release(tx *db.Tx, a release) error {
	r, err := take(tx, a.Message)
	if err != nil || r.State != Held {
		return err
	}
	before := r.Gate
	all, err := s.choose(tx, &r)
	if err != nil {
		return err
	}
	if err := keepDecisions(tx, r, before, all); err != nil {
		return err
	}
	_, err = s.follow(tx, r, save)
	return err
}

// newToken is what a message's links carry: 60 random bits, so that nobody finds another's by trying.
func newToken() string { return strings.ToLower(rand.Text()[:12]) }
