package rulebook

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/jobs"
	"portolan/internal/landed"
	"portolan/internal/money"
	"portolan/internal/snapshot"
)

// Service keeps the shop's rules, with the pack in force in memory.
type Service struct {
	db    *db.DB
	bump  snapshot.Bump
	held  *snapshot.Of[book]
	queue *jobs.Queue

	mu  sync.Mutex
	old []oldPack // packs that were in force and were asked for, the last one first
}

type oldPack struct {
	version string
	pack    *landed.Pack
}

// oldPacks is how many packs that were in force are held in memory: a megabyte each.
const oldPacks = 3

// New returns the rules kept in d.
func New(d *db.DB, versions snapshot.Versions, bump snapshot.Bump) *Service {
	return &Service{db: d, bump: bump, held: snapshot.New(d, func() int64 { return versions.Version(Version) }, readBook)}
}

// Load brings the pack in force into memory. Amendments that this program can't apply are set aside and logged.
func (s *Service) Load(ctx context.Context) error {
	if err := s.held.Load(ctx); err != nil {
		return err
	}
	for _, a := range s.Aside() {
		slog.Warn("an amendment of the rules can't be applied to the tables of this program and is set aside; look at the console's rules",
			"amendment", a.ID, "who", a.Who, "reason", a.Reason, "error", a.Why)
	}
	return nil
}

// Run keeps the pack that this program begins with, so that it can be had again after the program was replaced;
// then it waits for ctx to end.
func (s *Service) Run(ctx context.Context) error {
	if err := s.Keep(ctx); err != nil && ctx.Err() == nil {
		slog.Error("the rule pack in force could not be kept", "error", err)
	}
	<-ctx.Done()
	return nil
}

// Keep records the pack in force for At.
func (s *Service) Keep(ctx context.Context) error {
	b := s.book()
	known := int64(0)
	err := s.db.Peek(ctx, func(tx *db.Tx) (err error) {
		known, err = db.One(tx, db.Scalar[int64], `select count(*) from rule_packs where version = $1`, b.pack.Version())
		return err
	})
	if err != nil || known > 0 {
		return err
	}
	return s.db.Write(ctx, func(tx *db.Tx) error { return keep(tx, b.pack, b.imports) })
}

func (s *Service) book() *book {
	b := s.held.Get()
	if b.pack == nil { // the database can't be read
		return &book{pack: landed.Default()}
	}
	return b
}

// Pack is the pack in force; from memory.
func (s *Service) Pack() *landed.Pack { return s.book().pack }

// Aside is the amendments that can't be applied to the tables of this program.
func (s *Service) Aside() []Aside { return s.book().aside }

// Quote is landed.Pack's, by the pack in force.
func (s *Service) Quote(r *landed.Request) (landed.Quote, error) { return s.Pack().Quote(r) }

// ConsumptionTax is landed.Pack's, by the pack in force.
func (s *Service) ConsumptionTax(country, region, category string, on time.Time) (rate money.Rate, rule string, ok bool) {
	return s.Pack().ConsumptionTax(country, region, category, on)
}

// Rule is landed.Pack's, by the pack in force.
func (s *Service) Rule(id string) (landed.Row, bool) { return s.Pack().Rule(id) }

// Entry is landed.Pack's, by the pack in force.
func (s *Service) Entry(id string) (landed.Entry, bool) { return s.Pack().Entry(id) }

// Goods is landed.Pack's, by the pack in force.
func (s *Service) Goods(hs string) string { return s.Pack().Goods(hs) }

// Title is what the imported nomenclature calls a code of two, four or six digits; empty where none was imported.
func (s *Service) Title(hs string) string { return s.Pack().Tariff().Title(hs) }

// Titles are the codes of the imported nomenclature with what it calls them, in order; none where none was imported.
func (s *Service) Titles() iter.Seq2[string, string] { return s.Pack().Tariff().Titles() }

// At is the pack of a version that was in force here at any time, or ErrNoPack. A quote, an order and an invoice
// name the version by which their rows are to be looked up.
func (s *Service) At(tx *db.Tx, version string) (*landed.Pack, error) {
	b := s.book()
	if version == b.pack.Version() {
		return b.pack, nil
	}
	if version == landed.Default().Version() {
		return landed.Default(), nil
	}
	if p := s.recall(version); p != nil {
		return p, nil
	}
	texts, imports, err := kept(tx, version)
	if err != nil {
		return nil, err
	}
	p, err := landed.ReadVersion(version, texts)
	if err != nil {
		return nil, fmt.Errorf("rule pack %s: %w", version, err)
	}
	var t *landed.Tariff
	for _, m := range imports {
		one := b.tariffs[m]
		if one == nil {
			packed, err := importFile(tx, m)
			if err != nil {
				return nil, err
			}
			if one, err = readPacked(packed, m); err != nil {
				return nil, fmt.Errorf("rule pack %s: %w", version, err)
			}
		}
		t = t.And(one)
	}
	if t != nil {
		p = p.WithTariff(t)
	}
	s.remember(oldPack{version, p})
	return p, nil
}

func (s *Service) recall(version string) *landed.Pack {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.old {
		if o.version == version {
			return o.pack
		}
	}
	return nil
}

func (s *Service) remember(o oldPack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old = slices.Insert(s.old, 0, o)
	s.old = s.old[:min(len(s.old), oldPacks)]
}

// Editions are the packs that were in force, the latest first.
func (s *Service) Editions(tx *db.Tx) ([]Edition, error) {
	return db.All(tx, scanEdition, `select version, since from rule_packs order by since desc, version`)
}

// Amendments are what people changed, the latest first, with what was taken back.
func (s *Service) Amendments(tx *db.Tx) ([]Amendment, error) {
	all, err := findAmendments(tx)
	standing(all)
	slices.Reverse(all)
	return all, err
}

// Preview is the pack in force with a draft, which isn't kept. What Publish would refuse, Preview refuses.
func (s *Service) Preview(d Draft) (before, after *landed.Pack, err error) {
	b := s.book()
	after, _, err = d.on(b)
	return b.pack, after, err
}

// Publish makes a draft part of the pack in force, on every node at once. It returns ErrUnusable, ErrNoChange, or
// ErrUnusableChange of package landed with what is wrong with its changes.
func (s *Service) Publish(tx *db.Tx, d Draft) (Amendment, error) {
	b, seq, err := s.begin(tx)
	if err != nil {
		return Amendment{}, err
	}
	p, changes, err := d.on(b)
	if err != nil {
		return Amendment{}, err
	}
	a := Amendment{seq: seq, ID: id.New("amd"), At: tx.Now(), Who: d.Who, Source: d.Source, Reason: d.Reason, Changes: changes, Pack: p.Version()}
	return a, s.finish(tx, a, b, p)
}

// on is the pack of a book with a draft, and the changes of the draft as they are kept.
func (d *Draft) on(b *book) (*landed.Pack, []landed.Change, error) {
	if err := words(d.Who, d.Reason); err != nil {
		return nil, nil, err
	}
	if len(d.Changes) == 0 {
		return nil, nil, ErrNoChange
	}
	changes := slices.Clone(d.Changes)
	for i := range changes {
		c := &changes[i]
		c.Who, c.Source, c.Reason = d.Who, first(c.Source, d.Source), first(c.Reason, d.Reason)
	}
	p, err := b.pack.With(changes)
	if err == nil && !slices.ContainsFunc(changes, func(c landed.Change) bool { return !idle(b.pack, &c) }) {
		return nil, nil, ErrNoChange
	}
	return p, changes, err
}

// idle reports whether a change puts a row in the place of another that says the same.
func idle(p *landed.Pack, c *landed.Change) bool {
	if c.End == "" || len(c.Add) == 0 {
		return false
	}
	rows, _ := rowsOf(p, strings.TrimSuffix(c.Table, ".csv"))
	for column, value := range c.Add {
		if rows[c.End][column] != value {
			return false
		}
	}
	return true
}

func words(who, reason string) error {
	var f fault.Check
	f.That(strings.TrimSpace(who) != "", "who", "required")
	f.That(strings.TrimSpace(reason) != "", "reason", "required")
	f.That(len(reason) <= 500, "reason", "too_long")
	return f.Err(ErrUnusable.Code)
}

func first(a, b string) string {
	if strings.TrimSpace(a) != "" {
		return a
	}
	return strings.TrimSpace(b)
}

// Undo takes an amendment back: the rules are as they would be without it, from now on and for every day. Quotes
// made meanwhile keep the pack that they name. ErrNeeded says that later amendments build on it.
func (s *Service) Undo(tx *db.Tx, amendment, who, reason string) (Amendment, error) {
	if err := words(who, reason); err != nil {
		return Amendment{}, err
	}
	b, seq, err := s.begin(tx)
	if err != nil {
		return Amendment{}, err
	}
	i := slices.IndexFunc(b.log, func(a Amendment) bool { return a.ID == amendment })
	if i < 0 {
		return Amendment{}, fmt.Errorf("amendment %.40q: %w", amendment, ErrNoAmendment)
	}
	if b.log[i].Undone != "" {
		return Amendment{}, fmt.Errorf("amendment %s: %w", amendment, ErrUndone)
	}
	a := Amendment{seq: seq, ID: id.New("amd"), At: tx.Now(), Who: who, Source: b.log[i].Source, Reason: reason, Undoes: amendment}
	log := append(slices.Clone(b.log), a)
	p, _, aside := amend(landed.Default(), standing(log))
	if len(aside) > len(b.aside) {
		return Amendment{}, fmt.Errorf("amendment %s: %w: %w", amendment, ErrNeeded, plain(aside[len(aside)-1].Why))
	}
	if t := b.pack.Tariff(); t != nil {
		p = p.WithTariff(t)
	}
	a.Pack = p.Version()
	return a, s.finish(tx, a, b, p)
}

// plain is the text of an error whose fields belong to another request.
func plain(err error) error { return errors.New(err.Error()) }

// begin holds the turn to change the rules and returns the book as it is.
func (s *Service) begin(tx *db.Tx) (*book, int64, error) {
	seq, err := turn(tx)
	if err != nil {
		return nil, 0, err
	}
	b := s.book()
	if b.seq == seq-1 {
		c := *b
		c.log = slices.Clone(b.log)
		return &c, seq, nil
	}
	b, err = readBook(tx, b)
	return b, seq, err
}

func (s *Service) finish(tx *db.Tx, a Amendment, b *book, p *landed.Pack) error {
	if err := keep(tx, b.pack, b.imports); err != nil {
		return err
	}
	if err := insertAmendment(tx, a); err != nil {
		return err
	}
	if err := keep(tx, p, b.imports); err != nil {
		return err
	}
	return s.bump(tx, Version)
}
