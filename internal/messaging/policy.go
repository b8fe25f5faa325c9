package messaging

import (
	"crypto/sha256"
	"embed"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"portolan/internal/address"
	"portolan/internal/market"
)

//go:embed schema data templates
var files embed.FS

// Links says which web addresses an SMS may carry.
type Links string

const (
	AnyLink      Links = "any"
	NoShorteners Links = "no_shorteners" // no public shorteners; the merchant's own domain is fine
	OwnDomain    Links = "own_domain"
	ListedLink   Links = "listed" // full links registered beforehand
	NoLink       Links = "none"
	LocalLink    Links = "none_foreign" // none, unless a company established there sends
)

// Policy is what a country, or a US state, asks of an SMS. The rows are start data from providers' country
// pages and secondary sources, not legal advice; Confidence and Doubt say how far to trust a row.
type Policy struct {
	Country      market.Country
	Region       string // US state, or empty
	Sender       string // alphanumeric senders: no, yes, registered, overwritten, domestic
	Registration string
	TwoWay       string // who can be answered: yes, numeric, short_code, no
	Quiet        Window // forbidden for service and promotional
	Confidence   string // law, operator, regulator, industry, practice, own
	BlockedDays  []string
	Late         map[string]int // weekday to minute of the day until which it stays quiet
	Early        map[string]int // weekday to minute of the day from which it is quiet
	Links        Links
	Phones       string // any, listed, none: phone numbers in the body
	Prefix       string // first characters of the body, {brand} filled in
	PrefixFor    string // all, promotional
	Brand        bool   // the merchant's name has to stand in the text
	Abroad       bool   // promotional messages may come from abroad
	MaxParts     int64  // 0 is no limit
	PartsFor     Kind   // MaxParts holds for this kind of sender only; empty: for all
	PartsAdvised bool   // MaxParts is advice
	MaxUnits     int64  // of one part, where a country leaves less room than the alphabet does; 0 is no limit
	OptOut       string // line: an offer says how to be left alone; operator: the network adds that
	Generic      bool   // senders that name nobody (ORDER, PARCEL) may be used
	SenderForm   string // letters_digits, 3-11 (characters), upper; empty: any
	Repeats      Limit  // how often the same text may go to a number; zero: any
	SubjectCap   Limit  // how often promotional messages of one subject may go to a person; zero: any
	Doubt        string
	Source       string
}

// Limit is how many there may be in a span of time.
type Limit struct {
	Most int
	Span time.Duration
}

// readLimit reads "3/24h".
func readLimit(s string) (l Limit, err error) {
	if s == "" {
		return l, nil
	}
	n, span, _ := strings.Cut(s, "/")
	if l.Most, err = strconv.Atoi(n); err != nil || l.Most < 1 {
		return l, fmt.Errorf("limit %q", s)
	}
	l.Span, err = time.ParseDuration(span)
	return l, err
}

// rules is everything the gate and the matcher read from data/, with a version that names its contents.
type rules struct {
	version  string
	policies map[string]Policy // "DE", "US-FL"
	prices   map[market.Country]Cost
	laws     laws
	lexicon  lexicon
	texts    texts
	hosts    map[string]string // public shorteners and chats by host: what they are
	generic  map[string]bool   // senders that name nobody, in capitals
	whole    sync.Map          // country to its rows, where the state isn't known
}

// builtin reads the embedded tables once. They are part of the program, so a bad row is a bug.
var builtin = sync.OnceValue(func() *rules {
	r, err := load(files)
	if err != nil {
		panic(err)
	}
	return r
})

// load reads data/ and templates/. A bad row refuses the file and is named.
func load(from fs.FS) (*rules, error) {
	r := &rules{policies: map[string]Policy{}, prices: map[market.Country]Cost{}, hosts: map[string]string{}, generic: map[string]bool{}, laws: laws{}}
	h := sha256.New()
	table := func(name string, each func(row map[string]string) error) error {
		b, err := fs.ReadFile(from, "data/"+name)
		if err != nil {
			return err
		}
		h.Write(b)
		return readTable(name, string(b), each)
	}
	err := table("policy.csv", func(row map[string]string) error {
		p, err := readPolicy(row)
		r.policies[row["country"]] = p
		return err
	})
	if err != nil {
		return nil, err
	}
	err = table("prices.csv", func(row map[string]string) error {
		a, err := readPrice(row)
		r.prices[market.Country(row["country"])] = a
		return err
	})
	if err != nil {
		return nil, err
	}
	err = table("shorteners.csv", func(row map[string]string) error { r.hosts[row["host"]] = row["kind"]; return nil })
	if err != nil {
		return nil, err
	}
	err = table("generic_senders.csv", func(row map[string]string) error { r.generic[row["sender"]] = true; return nil })
	if err != nil {
		return nil, err
	}
	if err := table("classes.csv", r.laws.add); err != nil {
		return nil, err
	}
	r.lexicon.words = vocabulary{}
	if err := table("keywords.csv", r.lexicon.words.add); err != nil {
		return nil, err
	}
	var turns []map[string]string
	err = table("phrases.csv", func(row map[string]string) error {
		turns = append(turns, row)
		return checkPhrases(row)
	})
	if err != nil {
		return nil, err
	}
	r.lexicon.phrases = learn(turns)
	r.version = fmt.Sprintf("%d-%s", gateVersion, hex.EncodeToString(h.Sum(nil))[:8])
	r.texts, err = readTexts(from)
	return r, err
}

// readTable reads a CSV with a head line and hands each row on as a map.
func readTable(name, body string, each func(row map[string]string) error) error {
	lines, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(lines) == 0 {
		return fmt.Errorf("%s: %w: %w", name, err, ErrBadRuleTable)
	}
	for n, line := range lines[1:] {
		row := make(map[string]string, len(line))
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		if err := each(row); err != nil {
			return fmt.Errorf("%s row %d: %w: %w", name, n+2, err, ErrBadRuleTable)
		}
	}
	return nil
}

func readPolicy(row map[string]string) (p Policy, err error) {
	country, region, _ := strings.Cut(row["country"], "-")
	p = Policy{
		Country: market.Country(country), Region: region, Sender: row["sender"], Registration: row["registration"],
		TwoWay: row["two_way"], Confidence: row["confidence"], Links: Links(row["urls"]), Phones: row["phones"],
		Prefix: row["prefix"], PrefixFor: row["prefix_for"], Brand: row["brand"] == "yes", Abroad: row["promo_from_abroad"] != "no",
		OptOut: row["opt_out"], Generic: row["generic_sender"] != "no", SenderForm: row["sender_form"], Doubt: row["doubt"], Source: row["source"],
	}
	if len(country) != 2 || !has([]Links{AnyLink, NoShorteners, OwnDomain, ListedLink, NoLink, LocalLink}, p.Links) {
		return p, fmt.Errorf("country %q, urls %q", country, p.Links)
	}
	if !has([]string{"line", "operator"}, p.OptOut) || !has([]string{"", "letters_digits", "3-11", "upper"}, p.SenderForm) {
		return p, fmt.Errorf("opt_out %q, sender_form %q", p.OptOut, p.SenderForm)
	}
	if p.Quiet, err = readWindow(row["quiet_from"], row["quiet_to"]); err != nil {
		return p, err
	}
	if row["blocked_days"] != "" {
		p.BlockedDays = strings.Split(row["blocked_days"], ";")
	}
	if p.Late, err = readDay(row["late_start"]); err != nil {
		return p, err
	}
	if p.Early, err = readDay(row["early_stop"]); err != nil {
		return p, err
	}
	if p.Repeats, err = readLimit(row["repeats"]); err != nil {
		return p, err
	}
	if p.SubjectCap, err = readLimit(row["subject_cap"]); err != nil {
		return p, err
	}
	if row["max_units"] != "" {
		if p.MaxUnits, err = strconv.ParseInt(row["max_units"], 10, 64); err != nil {
			return p, err
		}
	}
	if parts := row["max_parts"]; parts != "" {
		parts, p.PartsAdvised = strings.CutSuffix(parts, "?")
		parts, kind, _ := strings.Cut(parts, ":")
		p.PartsFor = Kind(kind)
		p.MaxParts, err = strconv.ParseInt(parts, 10, 64)
	}
	return p, err
}

// readPrice prefers the euro list, which is the later one. For demo and first routing only, never for accounts.
func readPrice(row map[string]string) (Cost, error) {
	if row["eur"] != "" {
		return ReadCost(row["eur"], "EUR")
	}
	return ReadCost(row["usd"], "USD")
}

// prefixes reports whether messages of a class have to begin with the country's prefix.
func (p Policy) prefixes(c Class) bool {
	return p.Prefix != "" && (p.PrefixFor == "all" || c == Promotional)
}

// of returns the rows that hold for a place: the country's, with the state's own times where one is known, and
// those of every state where the state is not known. No row is no policy.
func (r *rules) of(c market.Country, region string) []Policy {
	if region != "" {
		return r.look(c, region)
	}
	if all, ok := r.whole.Load(c); ok {
		return all.([]Policy)
	}
	all := r.look(c, "")
	if len(all) > 0 {
		r.whole.Store(c, all)
	}
	return all
}

func (r *rules) look(c market.Country, region string) []Policy {
	base, ok := r.policies[string(c)]
	if !ok {
		return nil
	}
	if own, ok := r.policies[string(c)+"-"+region]; ok && region != "" {
		return []Policy{base.within(own)}
	}
	all := []Policy{base}
	if address.HasRegion(string(c), region) {
		return all
	}
	for key, p := range r.policies {
		if strings.HasPrefix(key, string(c)+"-") {
			all = append(all, base.within(p))
		}
	}
	return all
}

// within is the country's policy with the state's times.
func (p Policy) within(state Policy) Policy {
	p.Region, p.Quiet, p.Late, p.Early, p.BlockedDays = state.Region, state.Quiet, state.Late, state.Early, state.BlockedDays
	p.SubjectCap = state.SubjectCap
	p.Confidence, p.Doubt, p.Source = state.Confidence, state.Doubt, state.Source
	return p
}

// Policy is what a country asks of an SMS, as the gate reads it; false where no row is known.
func (s *Service) Policy(c market.Country) (Policy, bool) {
	p, ok := s.rules.policies[string(c)]
	return p, ok
}
