package messaging

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/snapshot"
	"portolan/internal/vault"
)

var (
	// ErrUnknownAccount is the fault of an account that there isn't.
	ErrUnknownAccount = fault.New(fault.NotFound, "messaging.unknown_account")
	// ErrAccountForm is the fault of an account that can't be kept as it is given, with its fields.
	ErrAccountForm = fault.New(fault.Invalid, "messaging.account_form")
	// ErrAccountTaken is the fault of a new account under a name in use.
	ErrAccountTaken = fault.New(fault.Conflict, "messaging.account_taken")
)

// ProviderAccount is an account with a provider: a way out, and an address for what the provider tells.
type ProviderAccount struct {
	ID        string // short and speaking: "twilio-us"; stands in webhook addresses and names the route
	Provider  string
	Channel   Channel
	Base      string // address of the provider's interface; empty: its own
	Sender    string
	Kind      Kind
	Countries []market.Country  // empty: every country
	Classes   []Class           // empty: every class
	Price     Cost              // of one part, for routing and where the provider states none; no currency: the price list's
	Values    map[string]string // answers to the provider's fields. Listed ones have no secrets, only where they are set
	Set       []string          // names of the secrets that are kept; in answers only
	Rank      int64             // the smallest is tried first
	Enabled   bool
	Tested    string // message of the last test
	CreatedAt time.Time
	ChangedAt time.Time
	Broken    string // why it can't be used: the code of a fault; in answers only
}

// accountsKey names the version of all accounts.
const accountsKey = "messaging.accounts"

// lines are the accounts as they are used.
type lines struct {
	all map[string]*openLine
	out []Route // enabled ones, best first
	any []Route // all that can be opened
}

type openLine struct {
	ProviderAccount
	line   Line
	locked string
	err    error
}

// Accounts registers the adapters, and makes accounts with them ways out beside the routes that are fixed: after
// them, by rank. Secrets are kept in v, which may have no key; then no account with secrets can be kept. Call it
// before the queue runs.
func (s *Service) Accounts(versions snapshot.Versions, bump snapshot.Bump, v *vault.Vault, providers ...Provider) {
	s.providers, s.vault, s.bump = providers, v, bump
	s.lines = snapshot.New(s.db, func() int64 { return versions.Version(accountsKey) }, s.openLines)
}

// Providers lists the adapters.
func (s *Service) Providers() []Provider { return slices.Clone(s.providers) }

// Provider returns the adapter of a name.
func (s *Service) Provider(name string) (Provider, bool) {
	i := slices.IndexFunc(s.providers, func(p Provider) bool { return p.Name == name })
	if i < 0 {
		return Provider{}, false
	}
	return s.providers[i], true
}

// accountRoutes are the ways out that accounts give, best first. With via it is the account of that name alone,
// enabled or not.
func (s *Service) accountRoutes(via string) []Route {
	if s.lines == nil {
		return nil
	}
	l := s.lines.Get()
	if via == "" {
		return l.out
	}
	for _, r := range l.any {
		if r.Name == via {
			return []Route{r}
		}
	}
	return nil
}

// routes are all ways out, best first: the fixed ones, then those of accounts. With via it is that one alone.
func (s *Service) routes(via string) []Route {
	if via == "" {
		more := s.accountRoutes("")
		if len(more) == 0 {
			return s.cfg.Routes
		}
		return slices.Concat(s.cfg.Routes, more)
	}
	for _, r := range s.cfg.Routes {
		if r.Name == via {
			return []Route{r}
		}
	}
	return s.accountRoutes(via)
}

// openLines makes lines of all accounts. Those that are as they were keep theirs, with the connections they have.
func (s *Service) openLines(tx *db.Tx, before *lines) (*lines, error) {
	all, err := s.readAccounts(tx)
	if err != nil {
		return nil, err
	}
	next := &lines{all: map[string]*openLine{}}
	for _, a := range all {
		if before != nil {
			if b := before.all[a.ID]; b != nil && b.ChangedAt.Equal(a.ChangedAt) && b.err == nil {
				a.line = b.line
			}
		}
		if a.line == nil && a.err == nil {
			a.line, a.err = s.openLine(a.ProviderAccount)
		}
		next.all[a.ID] = a
		if a.err != nil {
			slog.Error("an account with a message provider can't be used", "account", a.ID, "provider", a.Provider, "err", a.err)
			continue
		}
		r := Route{Name: a.ID, Provider: a.Provider, Channel: a.Channel, Countries: a.Countries, Classes: a.Classes, Sender: a.Sender, Kind: a.Kind,
			Price: a.Price, Carrier: a.line}
		next.any = append(next.any, r)
		if a.Enabled {
			next.out = append(next.out, r)
		}
	}
	if before != nil {
		for id, b := range before.all {
			if c, ok := b.line.(interface{ Close() }); ok && (next.all[id] == nil || next.all[id].line != b.line) {
				tx.After(c.Close)
			}
		}
	}
	return next, nil
}

func (s *Service) openLine(a ProviderAccount) (Line, error) {
	p, ok := s.Provider(a.Provider)
	if !ok {
		return nil, fmt.Errorf("provider %q: %w", a.Provider, ErrUnknownAccount)
	}
	if a.Base == "" {
		a.Base = p.Base
	}
	return p.Open(a, Tools{Now: s.db.Clock().Now, Hook: s.HookURL(a), Keys: s.vault.Keys, Brand: s.cfg.Brand})
}

// HookURL is the public address that an account's provider calls.
func (s *Service) HookURL(a ProviderAccount) string {
	return s.cfg.BaseURL + "/in/" + a.Provider + "/" + a.ID
}

// ListAccounts returns all accounts, best first, without their secrets.
func (s *Service) ListAccounts(tx *db.Tx) ([]ProviderAccount, error) {
	all, err := s.readAccounts(tx)
	out := []ProviderAccount{}
	for _, a := range all {
		out = append(out, s.shown(a))
	}
	return out, err
}

// GetAccount returns an account without its secrets.
func (s *Service) GetAccount(tx *db.Tx, id string) (ProviderAccount, error) {
	a, err := s.readAccount(tx, id, "")
	if err != nil {
		return ProviderAccount{}, err
	}
	return s.shown(a), nil
}

// shown is an account as others may see it.
func (s *Service) shown(a *openLine) ProviderAccount {
	p, _ := s.Provider(a.Provider)
	out := a.ProviderAccount
	out.Values = map[string]string{}
	for name, v := range a.Values {
		if f, ok := p.field(name); ok && !f.Secret {
			out.Values[name] = v
		} else if ok && v != "" {
			out.Set = append(out.Set, name)
		}
	}
	slices.Sort(out.Set)
	if a.err == nil && a.line == nil {
		_, a.err = s.openLine(a.ProviderAccount)
	}
	if a.err != nil {
		out.Broken = fault.Of(a.err).Code
	}
	return out
}

// AddAccount keeps a new account. Everything wrong with it is told at its field; fields of the provider are
// named as they are.
func (s *Service) AddAccount(tx *db.Tx, a ProviderAccount) error {
	a.CreatedAt, a.Tested = tx.Now(), ""
	a.Values = maps.Clone(a.Values)
	if p, ok := s.Provider(a.Provider); ok {
		for _, f := range p.Fields {
			if f.Made != nil && a.Values[f.Name] == "" {
				if a.Values == nil {
					a.Values = map[string]string{}
				}
				a.Values[f.Name] = f.Made()
			}
		}
	}
	if err := s.checkAccount(&a); err != nil {
		return err
	}
	return s.keepAccount(tx, a, true)
}

// ChangeAccount keeps an account as it is given. A secret that is left empty stays what it was; the provider
// can't be changed.
func (s *Service) ChangeAccount(tx *db.Tx, a ProviderAccount) error {
	old, err := s.readAccount(tx, a.ID, tx.ForUpdate())
	if err != nil {
		return err
	}
	a.Provider, a.CreatedAt, a.Tested = old.Provider, old.CreatedAt, old.Tested
	a.Values = maps.Clone(a.Values)
	if a.Values == nil {
		a.Values = map[string]string{}
	}
	p, _ := s.Provider(a.Provider)
	for _, f := range p.Fields {
		if f.Secret && a.Values[f.Name] == "" {
			a.Values[f.Name] = old.Values[f.Name]
		}
	}
	if err := s.checkAccount(&a); err != nil {
		return err
	}
	return s.keepAccount(tx, a, false)
}

// EnableAccount makes an account a way out, or no longer. What its provider tells is heard all the same.
func (s *Service) EnableAccount(tx *db.Tx, id string, on bool) error {
	n, err := tx.Exec(`update message_accounts set enabled = $2, changed_at = $3 where id = $1`, id, on, tx.Now())
	if err == nil && n == 0 {
		err = ErrUnknownAccount
	}
	if err != nil {
		return err
	}
	return s.bump(tx, accountsKey)
}

// Line returns an account as it is used, whether it is enabled or not.
func (s *Service) Line(id string) (Line, error) {
	if s.lines == nil {
		return nil, ErrUnknownAccount
	}
	l := s.lines.Get().all[id]
	switch {
	case l == nil:
		return nil, ErrUnknownAccount
	case l.err != nil:
		return nil, l.err
	}
	return l.line, nil
}

var accountForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,39}$`)

// checkAccount says what is wrong with an account, and puts what it says in order.
func (s *Service) checkAccount(a *ProviderAccount) error {
	var check fault.Check
	p, known := s.Provider(a.Provider)
	check.That(known, "provider", "unknown")
	check.That(accountForm.MatchString(a.ID), "id", "messaging.account_name")
	check.That(!known || slices.Contains(p.Channels, a.Channel), "channel", "unknown")
	check.That(!known || slices.Contains(p.Kinds, a.Kind), "kind", "unknown")
	if a.Base != "" {
		a.Base = strings.TrimRight(a.Base, "/")
		u, err := url.Parse(a.Base)
		check.That(err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())), "base", "messaging.base_form")
	} else {
		check.That(!known || p.Base != "" || !p.NeedsBase, "base", "required")
	}
	for _, c := range a.Countries {
		check.That(len(c) == 2 && strings.Trim(string(c), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "", "countries", "messaging.country_form")
	}
	for _, c := range a.Classes {
		check.That(slices.Contains([]Class{Transactional, Survey, Promotional, Reply}, c), "classes", "unknown")
	}
	switch a.Channel {
	case SMS, WhatsApp:
		if a.Kind != Alpha && a.Kind != ShortCode && a.Sender != "" && a.Channel == SMS && !p.FreeSender {
			_, err := address.Phone(a.Sender, "")
			check.That(err == nil, "sender", "messaging.sender_phone")
		}
	case Email:
		_, err := customer.Email(a.Sender)
		check.That(err == nil, "sender", "no_address")
	}
	check.That(a.Sender != "" || p.NoSender, "sender", "required")
	check.That(len(a.Sender) <= 100, "sender", "too_long")
	if a.Price.Currency != "" {
		check.That(a.Price.Currency.Valid(), "currency", "unknown")
		check.That(a.Price.Micros >= 0 && a.Price.Micros < 1_000_000_000_000, "price", "messaging.price_form")
	} else {
		check.That(a.Price.Micros == 0, "currency", "required")
	}
	for name := range a.Values {
		_, ok := p.field(name)
		check.That(ok || !known, name, "unknown")
	}
	for _, f := range p.Fields {
		v := strings.TrimSpace(a.Values[f.Name])
		if v != "" || a.Values[f.Name] != "" {
			a.Values[f.Name] = v
		}
		check.That(v != "" || f.Optional, f.Name, "required")
		check.That(len(v) <= 4000 && !strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' }), f.Name, "messaging.field_form")
		check.That(v == "" || len(f.OneOf) == 0 || slices.Contains(f.OneOf, v), f.Name, "unknown")
		check.That(v == "" || f.Check == nil || f.Check(v), f.Name, "messaging.field_form")
	}
	return check.Err(ErrAccountForm.Code)
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

const accountColumns = `id, provider, channel, base, sender, kind, countries, classes, price, currency, plain, locked, rank, enabled, tested,
	created_at, changed_at`

// keepAccount writes an account down, its secrets under lock.
func (s *Service) keepAccount(tx *db.Tx, a ProviderAccount, fresh bool) error {
	p, _ := s.Provider(a.Provider)
	plain, secret := map[string]string{}, map[string]string{}
	for name, v := range a.Values {
		if f, _ := p.field(name); v != "" && f.Secret {
			secret[name] = v
		} else if v != "" {
			plain[name] = v
		}
	}
	locked := ""
	if len(secret) > 0 {
		var err error
		if locked, err = s.vault.Lock(label(a.ID), []byte(encode(secret))); err != nil {
			return err
		}
	}
	price := ""
	if a.Price.Currency != "" {
		price = money.Rate{Coef: a.Price.Micros, Scale: 6}.String()
	}
	statement := `update message_accounts set provider = $2, channel = $3, base = $4, sender = $5, kind = $6, countries = $7, classes = $8, price = $9,
		currency = $10, plain = $11, locked = $12, rank = $13, enabled = $14, tested = $15, created_at = $16, changed_at = $17 where id = $1`
	if fresh {
		statement = `insert into message_accounts (` + accountColumns + `)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) on conflict do nothing`
	}
	n, err := tx.Exec(statement, a.ID, a.Provider, string(a.Channel), a.Base, a.Sender, string(a.Kind), encode(a.Countries), encode(a.Classes), price,
		string(a.Price.Currency), encode(plain), locked, a.Rank, a.Enabled, a.Tested, a.CreatedAt, tx.Now())
	if err == nil && n == 0 && fresh {
		err = ErrAccountTaken.With(map[string]string{"id": "messaging.account_taken"})
	}
	if err != nil {
		return err
	}
	return s.bump(tx, accountsKey)
}

func label(account string) string { return "message account " + account }

func (s *Service) readAccounts(tx *db.Tx) ([]*openLine, error) {
	return db.All(tx, s.scanAccount, `select `+accountColumns+` from message_accounts order by rank, id`)
}

func (s *Service) readAccount(tx *db.Tx, id, lock string) (*openLine, error) {
	a, err := db.One(tx, s.scanAccount, `select `+accountColumns+` from message_accounts where id = $1`+lock, id)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknownAccount
	}
	return a, err
}

// scanAccount reads an account. Secrets that can't be opened make it unusable, not unreadable.
func (s *Service) scanAccount(r db.Row) (*openLine, error) {
	var a openLine
	var countries, classes, price, plain string
	err := r.Scan(&a.ID, &a.Provider, (*string)(&a.Channel), &a.Base, &a.Sender, (*string)(&a.Kind), &countries, &classes, &price,
		(*string)(&a.Price.Currency), &plain, &a.locked, &a.Rank, &a.Enabled, &a.Tested, &a.CreatedAt, &a.ChangedAt)
	if err != nil {
		return nil, err
	}
	err = errors.Join(json.Unmarshal([]byte(countries), &a.Countries), json.Unmarshal([]byte(classes), &a.Classes), json.Unmarshal([]byte(plain), &a.Values))
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", a.ID, err)
	}
	if price != "" {
		if a.Price, err = ReadCost(price, a.Price.Currency); err != nil {
			return nil, fmt.Errorf("account %s: %w", a.ID, err)
		}
	}
	if a.locked != "" {
		b, err := s.vault.Open(label(a.ID), a.locked)
		if err == nil {
			err = json.Unmarshal(b, &a.Values)
		}
		a.err = err
	}
	a.CreatedAt, a.ChangedAt = a.CreatedAt.UTC(), a.ChangedAt.UTC()
	return &a, nil
}

// Standing is how an account has done lately.
type Standing struct {
	Answers  int64 // attempts that were answered
	Failures int64 // refused, or without an answer
	InARow   int64 // failures since the last success
	LastOK   time.Time
	LastFail time.Time
	Trouble  Trouble // of the last failure; empty: no answer
	Code     string
	Detail   string
}

// standingOver is how many of the newest attempts, over all routes, are looked at.
const standingOver = 5000

// Standings tells by route how it has done in the newest attempts.
func (s *Service) Standings(tx *db.Tx) (map[string]Standing, error) {
	newest, err := newestAttempts(tx, standingOver)
	if err != nil {
		return nil, err
	}
	all := map[string]Standing{}
	for _, a := range newest {
		if a.Outcome == "open" {
			continue
		}
		h := all[a.Route]
		h.Answers++
		switch {
		case a.Outcome == "taken":
			if h.LastOK.IsZero() {
				h.LastOK = a.AnsweredAt
			}
		case a.Trouble == BadNumber || a.Trouble == OptedOut:
			// says something about the address, nothing about the account
			if h.LastOK.IsZero() {
				h.LastOK = a.AnsweredAt
			}
		default:
			h.Failures++
			if h.LastOK.IsZero() {
				h.InARow++
			}
			if h.LastFail.IsZero() {
				h.LastFail, h.Trouble, h.Code, h.Detail = a.AnsweredAt, a.Trouble, a.Code, a.Detail
			}
		}
		all[a.Route] = h
	}
	return all, nil
}

// TestAccount sends text to a person of the shop, by one account only, whether it is enabled or not. It goes the
// way of every message: through the gate, as a reply.
func (s *Service) TestAccount(tx *db.Tx, id, to, text, lang string) (Record, error) {
	a, err := s.readAccount(tx, id, tx.ForUpdate())
	if err != nil {
		return Record{}, err
	}
	r, err := s.Send(tx, Message{Key: newID("test"), To: to, Channel: a.Channel, Lang: cmp.Or(lang, "en"), Text: text, Via: id})
	if err != nil {
		return r, err
	}
	return r, tx.Send(`update message_accounts set tested = $2 where id = $1`, id, r.ID)
}
