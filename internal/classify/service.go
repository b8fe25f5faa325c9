package classify

import (
	"cmp"
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"portolan/internal/catalog"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
)

//go:embed schema
var files embed.FS

// Schema holds decisions and open questions.
var Schema = db.Schema{Owner: "classify", Files: files}

// The faults of deciding. Those of kind Invalid carry Fields: hs, eu, gb, us, reason.
var (
	ErrInvalid = fault.New(fault.Invalid, "classify.invalid")
	// ErrNothingToUndo says that the decision isn't the product's last, or was taken back.
	ErrNothingToUndo = fault.New(fault.Conflict, "classify.nothing_to_undo")
	// ErrNothingSuggested says that there is no suggestion to accept.
	ErrNothingSuggested = fault.New(fault.Conflict, "classify.nothing_suggested")
)

// What the service asks of others.
type (
	// Products is satisfied by catalog.Service.
	Products interface {
		Snapshot() *catalog.Snapshot
		Find(tx *db.Tx, slug string) (catalog.Product, error)
		SetCodes(tx *db.Tx, slug string, c catalog.Codes) error
	}
	// Sales is satisfied by order.Service.
	Sales interface {
		// Pieces counts the pieces of each SKU that were ordered since a moment.
		Pieces(tx *db.Tx, since time.Time) (map[string]int64, error)
	}
)

// How is what a person did.
type How string

// The ways to decide.
const (
	Accepted  How = "accepted"  // the first suggestion
	Chosen    How = "chosen"    // another code
	Postponed How = "postponed" // asked again later
	Kept      How = "kept"      // the code in force, against what an import brought
	Undone    How = "undone"    // an earlier decision was taken back
)

// Decision is what a person said about the code of a product.
type Decision struct {
	ID        string      `json:"id"`
	Product   string      `json:"product"`
	Slug      string      `json:"slug"`
	How       How         `json:"how"`
	HS        string      `json:"hs"` // six digits
	EU        string      `json:"eu,omitempty"`
	GB        string      `json:"gb,omitempty"`
	US        string      `json:"us,omitempty"`
	Reason    string      `json:"reason,omitempty"`
	By        string      `json:"by"`
	At        time.Time   `json:"at"`
	Suggested []Candidate `json:"suggested"` // what stood there then
	Pack      string      `json:"pack"`      // version of the rules then
	Was       string      `json:"was"`       // the product's code before
	WasUS     string      `json:"was_us,omitempty"`
	Undoes    string      `json:"undoes,omitempty"`
}

// Question is a code that an import brought for a product that has another.
type Question struct {
	HS   string    `json:"hs"`
	HSUS string    `json:"hs_us,omitempty"`
	At   time.Time `json:"at"`
}

// Service keeps what was decided and knows what is open.
type Service struct {
	*Nomenclature
	products Products
	sales    Sales
	pack     func() string
	needs    func() []string

	mu      sync.Mutex
	version int64
	found   map[string]*view
}

// view is what was found about a product of the catalogue as it stood.
type view struct {
	candidates []Candidate
	problems   []Problem
}

// New returns the service. titles may be nil; pack tells the version of the rules in force; needs the countries that
// are sold to.
func New(products Products, sales Sales, titles Titles, pack func() string, needs func() []string) *Service {
	return &Service{Nomenclature: NewNomenclature(titles), products: products, sales: sales, pack: pack, needs: needs}
}

// GoodsOf is what is known of a product.
func GoodsOf(p *catalog.Product) Goods {
	t := p.Text("en")
	return Goods{Title: t.Title, Description: p.CustomsDescription, Kind: p.Kind, Lang: t.Lang, Materials: p.Materials, Wearer: p.Wearer, Make: p.Make}
}

var national = regexp.MustCompile(`^([0-9]{8}|[0-9]{10})?$`)

const maxReason = 500

// Decide records what a person decided and gives the product its code. HS may be left to the first suggestion (Accepted)
// or to the product (Kept); Postponed changes no code. A choice against the suggestion, and a delay, need a reason.
func (s *Service) Decide(tx *db.Tx, slug string, d Decision) (Decision, error) {
	p, err := s.products.Find(tx, slug)
	if err != nil {
		return d, err
	}
	d.Suggested = Suggest(GoodsOf(&p))
	switch d.How {
	case Accepted:
		if len(d.Suggested) == 0 {
			return d, fmt.Errorf("%s: %w", slug, ErrNothingSuggested)
		}
		d.HS = cmp.Or(d.HS, d.Suggested[0].HS)
	case Kept, Postponed:
		d.HS = cmp.Or(d.HS, p.HS[:min(6, len(p.HS))])
	}
	d.HS, d.EU, d.GB, d.US, d.Reason = digits(d.HS), digits(d.EU), digits(d.GB), digits(d.US), strings.TrimSpace(d.Reason)
	if d.How == Chosen && len(d.Suggested) > 0 && d.Suggested[0].HS == d.HS {
		d.How = Accepted
	}
	if err := d.check(); err != nil {
		return d, err
	}
	d.ID, d.At, d.Product, d.Slug, d.Pack, d.Was, d.WasUS = id.New("cls"), tx.Now(), p.ID, slug, s.pack(), p.HS, p.HSUS
	if err := insert(tx, d); err != nil {
		return d, err
	}
	if d.How == Postponed {
		return d, nil
	}
	if err := answer(tx, p.ID, d.ID); err != nil {
		return d, err
	}
	return d, s.products.SetCodes(tx, slug, d.codes(p))
}

// digits takes the dots and spaces out of a code.
func digits(s string) string {
	return strings.NewReplacer(".", "", " ", "").Replace(strings.TrimSpace(s))
}

func (d *Decision) check() error {
	var c fault.Check
	c.That(d.How == Postponed || customs.Codes.Knows(d.HS) && len(d.HS) == 6, "hs", "classify.unknown_code")
	for field, code := range map[string]string{"eu": d.EU, "gb": d.GB, "us": d.US} {
		c.That(national.MatchString(code) && (code == "" || strings.HasPrefix(code, d.HS)), field, "classify.code_form")
	}
	c.That(d.Reason != "" || d.How == Accepted || d.How == Kept, "reason", "classify.needs_reason")
	c.That(utf8.ValidString(d.Reason) && !strings.ContainsRune(d.Reason, 0) && utf8.RuneCountInString(d.Reason) <= maxReason, "reason", "classify.too_long")
	return c.Err(ErrInvalid.Code)
}

// codes are those a product has after a decision: the national ones where they were said, else those it had where they
// still fit.
func (d *Decision) codes(p catalog.Product) catalog.Codes {
	c := catalog.Codes{HS: cmp.Or(d.EU, d.GB), HSUS: d.US}
	if c.HS == "" && strings.HasPrefix(p.HS, d.HS) {
		c.HS = p.HS
	}
	c.HS = cmp.Or(c.HS, d.HS)
	if c.HSUS == "" && strings.HasPrefix(p.HSUS, d.HS) {
		c.HSUS = p.HSUS
	}
	return c
}

// Undo takes back the last decision about a product, by its id; its codes are those from before. Nothing is deleted.
func (s *Service) Undo(tx *db.Tx, slug, decision, by string) (Decision, error) {
	p, err := s.products.Find(tx, slug)
	if err != nil {
		return Decision{}, err
	}
	all, err := history(tx, p.ID)
	if err != nil {
		return Decision{}, err
	}
	last, ok := standing(all)
	if !ok || last.ID != decision {
		return Decision{}, fmt.Errorf("%s: %w", slug, ErrNothingToUndo)
	}
	d := Decision{ID: id.New("cls"), Product: p.ID, Slug: slug, How: Undone, HS: last.Was[:min(6, len(last.Was))], By: by, At: tx.Now(),
		Pack: s.pack(), Was: p.HS, WasUS: p.HSUS, Undoes: last.ID}
	if err := insert(tx, d); err != nil {
		return d, err
	}
	if err := ask(tx, p.ID, last.ID); err != nil {
		return d, err
	}
	if last.How == Postponed {
		return d, nil
	}
	return d, s.products.SetCodes(tx, slug, catalog.Codes{HS: last.Was, HSUS: last.WasUS})
}

// standing is the last decision that wasn't taken back.
func standing(newestFirst []Decision) (Decision, bool) {
	undone := map[string]bool{}
	for _, d := range newestFirst {
		if d.How == Undone {
			undone[d.Undoes] = true
		} else if !undone[d.ID] {
			return d, true
		}
	}
	return Decision{}, false
}

// Decisions are everything decided about a product, the latest first.
func (s *Service) Decisions(tx *db.Tx, product string) ([]Decision, error) {
	return history(tx, product)
}

// Standing is the decision in force about a product, if there is one.
func (s *Service) Standing(tx *db.Tx, product string) (Decision, bool, error) {
	all, err := history(tx, product)
	if err != nil {
		return Decision{}, false, err
	}
	d, ok := standing(all)
	return d, ok, nil
}

// KeepCodes implements catalog.Codekeeper: an import that brings another code for a product that has one becomes an open
// question, and the product keeps what it has until a person answers. A code that was turned down before isn't asked again.
func (s *Service) KeepCodes(tx *db.Tx, product, slug string, has, brought catalog.Codes) (bool, error) {
	if len(has.HS) < 6 || !customs.Codes.Knows(has.HS) {
		return false, nil
	}
	if brought.HS == has.HS || strings.HasPrefix(has.HS, brought.HS) && brought.HS != "" {
		return strings.HasPrefix(has.HSUS, brought.HSUS) && has.HSUS != brought.HSUS, nil
	}
	return true, question(tx, product, slug, brought)
}

// Problem is why a product stands in the queue.
type Problem string

// The problems, the gravest first.
const (
	NoCode      Problem = "no_code"
	UnknownCode Problem = "unknown_code" // not in HS 2022
	Imported    Problem = "imported"     // an import brought another
	Disagrees   Problem = "disagrees"    // the suggestion is another, and sure of it
	OtherWords  Problem = "other_words"  // description and heading share no word
	Shallow     Problem = "shallow"      // a country that is sold to needs more digits
	Delayed     Problem = "postponed"
)

// Entry is a product with what is open about its code.
type Entry struct {
	Product    *catalog.Product
	Problems   []Problem
	Near       []string // codes close to one that isn't any
	Candidates []Candidate
	Question   *Question
	Last       *Decision // the decision in force
	Sold       int64     // pieces in the last 90 days
}

const (
	soldFor  = 90 * 24 * time.Hour
	delayed  = 14 * 24 * time.Hour
	sure     = 0.6 // of a suggestion that contradicts
	doubtful = 0.1 // of a code in force
	likely   = 0.3 // of a code whose words we know better than its short label tells
)

// Queue lists the shown products somebody should look at, those that sell most first; with later also those that were
// postponed in the last two weeks.
func (s *Service) Queue(tx *db.Tx, later bool) ([]Entry, error) {
	last, err := standingAll(tx)
	if err != nil {
		return nil, err
	}
	asked, err := questions(tx)
	if err != nil {
		return nil, err
	}
	sold, err := s.sales.Pieces(tx, tx.Now().Add(-soldFor))
	if err != nil {
		return nil, err
	}
	var out []Entry
	snap := s.products.Snapshot()
	for _, p := range snap.Products() {
		e := s.entry(snap.Version(), p, last[p.ID], asked[p.ID], tx.Now())
		if len(e.Problems) == 0 || e.Problems[0] == Delayed && !later {
			continue
		}
		for _, v := range p.Variants {
			e.Sold += sold[v.SKU]
		}
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(b.Sold, a.Sold), cmp.Compare(rank(a), rank(b)), strings.Compare(a.Product.Slug, b.Product.Slug))
	})
	return out, nil
}

func rank(e Entry) int {
	return slices.Index([]Problem{NoCode, UnknownCode, Imported, Disagrees, OtherWords, Shallow, Delayed}, e.Problems[0])
}

// Entry is one product, whether anything is open about it or not.
func (s *Service) Entry(tx *db.Tx, slug string) (Entry, error) {
	p, ok := s.products.Snapshot().BySlug(slug)
	if !ok {
		hidden, err := s.products.Find(tx, slug)
		if err != nil {
			return Entry{}, err
		}
		p = &hidden
	}
	all, err := history(tx, p.ID)
	if err != nil {
		return Entry{}, err
	}
	var last *Decision
	if d, ok := standing(all); ok {
		last = &d
	}
	asked, err := questions(tx)
	if err != nil {
		return Entry{}, err
	}
	return s.entry(-1, p, last, asked[p.ID], tx.Now()), nil
}

func (s *Service) entry(version int64, p *catalog.Product, last *Decision, q *Question, now time.Time) Entry {
	v := s.look(version, p)
	e := Entry{Product: p, Candidates: v.candidates, Question: q, Last: last}
	settled := last != nil && last.How != Postponed && strings.HasPrefix(p.HS, last.HS)
	if q != nil {
		e.Problems = append(e.Problems, Imported)
	}
	for _, pr := range v.problems {
		if (pr == Disagrees || pr == OtherWords) && settled {
			continue
		}
		e.Problems = append(e.Problems, pr)
	}
	slices.SortStableFunc(e.Problems, func(a, b Problem) int {
		return rank(Entry{Problems: []Problem{a}}) - rank(Entry{Problems: []Problem{b}})
	})
	if slices.Contains(e.Problems, UnknownCode) {
		e.Near = customs.Codes.Near(p.HS)
	}
	if len(e.Problems) > 0 && last != nil && last.How == Postponed && now.Sub(last.At) < delayed {
		e.Problems = append([]Problem{Delayed}, e.Problems...)
	}
	return e
}

// look finds what is wrong with a product's code. What was found is remembered while the catalogue stays as it is.
func (s *Service) look(version int64, p *catalog.Product) *view {
	s.mu.Lock()
	if version >= 0 && (s.version != version || s.found == nil) {
		s.version, s.found = version, map[string]*view{}
	}
	v := s.found[p.ID]
	s.mu.Unlock()
	if v != nil && version >= 0 {
		return v
	}
	v = &view{candidates: Suggest(GoodsOf(p))}
	switch {
	case p.HS == "":
		v.problems = append(v.problems, NoCode)
	case !customs.Codes.Knows(p.HS):
		v.problems = append(v.problems, UnknownCode)
	default:
		if len(v.candidates) > 0 && v.candidates[0].Confidence >= sure && share(v.candidates, p.HS[:6]) < doubtful {
			v.problems = append(v.problems, Disagrees)
		}
		if customs.Disagrees(p) && share(v.candidates, p.HS[:6]) < likely {
			v.problems = append(v.problems, OtherWords)
		}
		if slices.Contains(s.needs(), "US") && len(p.HSUS) < 8 {
			v.problems = append(v.problems, Shallow)
		}
	}
	s.mu.Lock()
	if s.version == version {
		s.found[p.ID] = v
	}
	s.mu.Unlock()
	return v
}

func share(all []Candidate, hs string) float64 {
	for _, c := range all {
		if c.HS == hs {
			return c.Confidence
		}
	}
	return 0
}
