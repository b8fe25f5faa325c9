package customer

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
)

var (
	ErrNoNote    = fault.New(fault.Invalid, "customer.suppression_needs_note")
	ErrOwnWord   = fault.New(fault.Conflict, "customer.stop_is_the_persons_word")
	ErrNotSilent = fault.New(fault.NotFound, "customer.not_suppressed")
)

// Reasons why an address is on the list.
const (
	ReasonStop      = "stop"        // its owner said so
	ReasonComplaint = "complaint"   // its owner told the provider that we are spam
	ReasonBad       = "bad_address" // nobody is there
	ReasonErased    = "erased"      // its owner was forgotten; only a digest of the address is kept
	ReasonByHand    = "by_hand"     // staff put it there, with a note
)

// Suppression says why an address hears nothing that needs consent any more.
type Suppression struct {
	Address  string // or "digest:…" of one that was erased
	Reason   string // one of the Reason constants
	Source   string // who put it there: "reply sms", "link msg_…", "provider twilio", "mei@miana.example"
	Note     string // by hand: why
	At       time.Time
	LiftedAt time.Time // zero while it holds

	beneath, beneathSource string // what stood here before a stop
}

// digestKey is the name of the key that digests of addresses are made with.
const digestKey = "address"

// Prepare makes sure that there is a key for digests and remembers it. Call it once when the program starts.
func (s *Service) Prepare(tx *db.Tx) error {
	_, err := s.digester(tx)
	return err
}

// digester returns the key of digests, made if there is none.
func (s *Service) digester(tx *db.Tx) ([]byte, error) {
	if k := s.key.Load(); k != nil {
		return *k, nil
	}
	b := make([]byte, 32)
	rand.Read(b)
	err := tx.Send(`insert into digest_keys (name, value) values ($1, $2) on conflict do nothing`, digestKey, hex.EncodeToString(b))
	if err != nil {
		return nil, err
	}
	text, err := db.One(tx, db.Scalar[string], `select value from digest_keys where name = $1`, digestKey)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(text)
	return key, err
}

// Remember keeps the key that Prepare made in memory. Call it after the unit of work of Prepare, so that a key that
// was never committed isn't used.
func (s *Service) Remember(tx *db.Tx) error {
	text, err := db.One(tx, db.Scalar[string], `select value from digest_keys where name = $1`, digestKey)
	if errors.Is(err, db.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := hex.DecodeString(text)
	if err == nil {
		s.key.Store(&key)
	}
	return err
}

// Digest is a keyed digest of a value, for proofs that don't keep the value: the same value has the same digest in
// this shop, and nobody without the key can try values. what keeps digests of different kinds apart. Before Remember
// it is empty.
func (s *Service) Digest(what, value string) string {
	key := s.key.Load()
	if key == nil || value == "" {
		return ""
	}
	return digest(*key, what, value)
}

func digest(key []byte, what, value string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(what + "\n" + value))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// stand is the form in which an address stands on the list after its erasure.
func stand(key []byte, address string) string { return "digest:" + digest(key, "address", address) }

// Suppressed returns the suppression in force for an address, or one without Address. An address that was erased
// is recognised by its digest.
func (s *Service) Suppressed(tx *db.Tx, address string) (Suppression, error) {
	if key := s.key.Load(); key != nil {
		return suppressed(tx, address, stand(*key, address))
	}
	return suppressed(tx, address, address)
}

// SuppressedEach is Suppressed for many addresses: those in force, by address.
func (s *Service) SuppressedEach(tx *db.Tx, addresses []string) (map[string]Suppression, error) {
	found := map[string]Suppression{}
	if len(addresses) == 0 {
		return found, nil
	}
	of := make(map[string]string, 2*len(addresses)) // either form to address
	for _, a := range addresses {
		of[a] = a
		if key := s.key.Load(); key != nil {
			of[stand(*key, a)] = a
		}
	}
	forms := slices.Collect(maps.Keys(of))
	all, err := db.All(tx, scanSuppression, `select `+suppressionColumns+` from suppressions where lifted_at is null and address in `+db.In(1, len(forms)), db.Fill(forms)...)
	for _, v := range all {
		a := of[v.Address]
		if old, ok := found[a]; !ok || strictest(v, old) < 0 {
			found[a] = v
		}
	}
	return found, err
}

// Suppress silences one address for a reason other than its owner's word, such as a bounce.
func (s *Service) Suppress(tx *db.Tx, address, reason, source string) error {
	return suppress(tx, Suppression{Address: address, Reason: reason, Source: source, At: tx.Now()})
}

// SuppressByHand silences one address because somebody at the console says so, with a note why.
func (s *Service) SuppressByHand(tx *db.Tx, address, note, by string) error {
	note = strings.TrimSpace(note)
	if note == "" || len(note) > 500 {
		return ErrNoNote.With(map[string]string{"note": "required"})
	}
	address, err := Address(address)
	if err != nil {
		return err
	}
	return suppress(tx, Suppression{Address: address, Reason: ReasonByHand, Source: by, Note: note, At: tx.Now()})
}

// LiftByHand takes an address off the list, with a note why. What its owner said isn't staff's to take back:
// ErrOwnWord. An address that isn't on the list is ErrNotSilent.
func (s *Service) LiftByHand(tx *db.Tx, address, note, by string) error {
	note = strings.TrimSpace(note)
	if note == "" || len(note) > 500 {
		return ErrNoNote.With(map[string]string{"note": "required"})
	}
	was, err := suppressed(tx, address, address)
	switch {
	case err != nil:
		return err
	case was.Address == "":
		return ErrNotSilent
	case was.Reason == ReasonStop || was.Reason == ReasonErased || was.Reason == ReasonComplaint:
		return ErrOwnWord
	}
	return lift(tx, was, by, note)
}

// Address reads what a person typed: an e-mail address or a phone number with its country code.
func Address(s string) (string, error) {
	if strings.Contains(s, "@") {
		return Email(s)
	}
	if s = strings.TrimSpace(s); strings.HasPrefix(s, "00") {
		s = "+" + s[2:]
	}
	return Phone(s, "")
}

// SuppressionQuery narrows the list; zero fields do not. After is the address of the last row of the page before.
type SuppressionQuery struct {
	Text   string
	Reason string
	After  string
	Limit  int
}

// Suppressions returns what holds, by address.
func (s *Service) Suppressions(tx *db.Tx, q SuppressionQuery) ([]Suppression, error) {
	like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(q.Text)) + "%"
	return db.All(tx, scanSuppression, `select `+suppressionColumns+` from suppressions where lifted_at is null
		and ($1 = '%%' or address like $1 escape '\') and ($2 = '' or reason = $2) and ($3 = '' or address > $3)
		order by address limit $4`, like, q.Reason, q.After, min(max(q.Limit, 1), 200))
}

// SuppressionCounts returns how many addresses are silenced, by reason.
func (s *Service) SuppressionCounts(tx *db.Tx) (map[string]int64, error) {
	type row struct {
		reason string
		n      int64
	}
	all, err := db.All(tx, func(r db.Row) (x row, err error) { err = r.Scan(&x.reason, &x.n); return },
		`select reason, count(*) from suppressions where lifted_at is null group by reason order by reason`)
	out := map[string]int64{}
	for _, x := range all {
		out[x.reason] = x.n
	}
	return out, err
}

// SuppressionChange is one line of the list's history.
type SuppressionChange struct {
	Address string    `json:"address"`
	Action  string    `json:"action"` // "add" or "lift"
	Reason  string    `json:"reason"`
	Source  string    `json:"source"`
	Note    string    `json:"note,omitempty"`
	At      time.Time `json:"at"`
}

// SuppressionHistory returns what happened on the list to an address, oldest first.
func (s *Service) SuppressionHistory(tx *db.Tx, address string) ([]SuppressionChange, error) {
	return db.All(tx, func(r db.Row) (c SuppressionChange, err error) {
		err = r.Scan(&c.Address, &c.Action, &c.Reason, &c.Source, &c.Note, &c.At)
		c.At = c.At.UTC()
		return
	}, `select address, action, reason, source, note, at from suppression_changes where address = $1 order by at, id`, address)
}

// Rules is what a market asks beyond its country's rules.
type Rules struct {
	AfterStop string // transactional SMS to people who said STOP: "mute", "send", or empty for the country's custom
	KeepDays  int64  // how long bodies of messages and raw receipts are kept
}

// DefaultKeepDays is how long bodies are kept where the market says nothing: our own choice.
const DefaultKeepDays = 730

// muteAfterStop lists the countries where after STOP order messages go by e-mail. (messaging.md, consent)
var muteAfterStop = []market.Country{"US", "CA"}

// Mutes reports whether transactional SMS to a country stop after STOP.
func (r Rules) Mutes(c market.Country) bool {
	return r.AfterStop == "mute" || r.AfterStop == "" && slices.Contains(muteAfterStop, c)
}

// MarketRules returns what a market asks, or the defaults.
func (s *Service) MarketRules(tx *db.Tx, m market.Code) (Rules, error) {
	r, err := db.One(tx, func(row db.Row) (r Rules, err error) { err = row.Scan(&r.AfterStop, &r.KeepDays); return },
		`select after_stop, keep_days from consent_rules where market = $1`, string(m))
	if errors.Is(err, db.ErrNone) {
		return Rules{KeepDays: DefaultKeepDays}, nil
	}
	return r, err
}

// SetMarketRules keeps what a market asks. Bodies are kept for 30 days to 10 years.
func (s *Service) SetMarketRules(tx *db.Tx, m market.Code, r Rules, by string) error {
	var check fault.Check
	check.That(slices.Contains([]string{"", "mute", "send"}, r.AfterStop), "after_stop", "unknown")
	check.That(r.KeepDays >= 30 && r.KeepDays <= 3660, "keep_days", "30_to_3660_days")
	if err := check.Err(ErrBadInput.Code); err != nil {
		return err
	}
	return tx.Send(`insert into consent_rules (market, after_stop, keep_days, changed_at, changed_by) values ($1, $2, $3, $4, $5)
		on conflict (market) do update set after_stop = excluded.after_stop, keep_days = excluded.keep_days,
		changed_at = excluded.changed_at, changed_by = excluded.changed_by`, string(m), r.AfterStop, r.KeepDays, tx.Now(), by)
}

const suppressionColumns = `address, reason, source, note, at, lifted_at, beneath, beneath_source`

func scanSuppression(r db.Row) (s Suppression, err error) {
	err = r.Scan(&s.Address, &s.Reason, &s.Source, &s.Note, &s.At, db.Null(&s.LiftedAt), &s.beneath, &s.beneathSource)
	s.At = s.At.UTC()
	return
}

// suppressed looks an address up in either of its forms; what its owner said comes first.
func suppressed(tx *db.Tx, address, form string) (Suppression, error) {
	const of = `select ` + suppressionColumns + ` from suppressions where lifted_at is null and address = `
	all, err := db.All(tx, scanSuppression, of+`$1 union all `+of+`$2`, address, form)
	if err != nil || len(all) == 0 {
		return Suppression{}, err
	}
	return slices.MinFunc(all, strictest), nil
}

// strictest has an owner's own word first.
func strictest(a, b Suppression) int {
	rank := func(s Suppression) int {
		if s.Reason == ReasonStop {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Address, b.Address))
}

// suppress puts an address on the list. Nothing takes the place of its owner's word, and that keeps what it covers.
func suppress(tx *db.Tx, s Suppression) error {
	n, err := tx.Exec(`insert into suppressions (address, reason, source, note, at) values ($1, $2, $3, $4, $5)
		on conflict (address) do update set
			beneath = case when excluded.reason = 'stop' and suppressions.lifted_at is null then suppressions.reason else '' end,
			beneath_source = case when excluded.reason = 'stop' and suppressions.lifted_at is null then suppressions.source else '' end,
			reason = excluded.reason, source = excluded.source,
			note = case when excluded.reason = 'stop' and suppressions.lifted_at is null then suppressions.note else excluded.note end, at = excluded.at, lifted_at = null
		where suppressions.reason <> 'stop' or suppressions.lifted_at is not null`,
		s.Address, s.Reason, s.Source, s.Note, s.At)
	if err != nil || n == 0 {
		return err
	}
	return changed(tx, s, "add", s.Source, s.Note)
}

// lift ends a suppression; what a stop covered holds again.
func lift(tx *db.Tx, s Suppression, by, note string) error {
	err := tx.Send(`update suppressions set lifted_at = $2 where address = $1`, s.Address, tx.Now())
	if s.beneath != "" {
		err = tx.Send(`update suppressions set lifted_at = null, reason = beneath, source = beneath_source, beneath = '', beneath_source = '' where address = $1`, s.Address)
	}
	if err != nil {
		return err
	}
	return changed(tx, s, "lift", by, note)
}

func changed(tx *db.Tx, s Suppression, action, source, note string) error {
	return tx.Send(`insert into suppression_changes (id, address, action, reason, source, note, at) values ($1, $2, $3, $4, $5, $6, $7)`,
		id.New("sup"), s.Address, action, s.Reason, source, note, tx.Now())
}
