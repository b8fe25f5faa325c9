package rulebook

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"portolan/internal/db"
	"portolan/internal/landed"
)

// book is everything about the rules as of one moment. It is never changed.
type book struct {
	seq     int64
	log     []Amendment // oldest first, those taken back too
	applied []Amendment
	aside   []Aside
	imports []Import // those in force, the oldest first
	tariffs map[string]*landed.Tariff
	pack    *landed.Pack
}

// readBook makes the book; what it has in common with the one before, it keeps.
func readBook(tx *db.Tx, before *book) (*book, error) {
	seq, err := bookSeq(tx)
	if err != nil {
		return nil, err
	}
	b := &book{seq: seq, tariffs: map[string]*landed.Tariff{}, pack: landed.Default()}
	if seq == 0 {
		return b, nil
	}
	if b.log, err = findAmendments(tx); err != nil {
		return nil, err
	}
	if b.imports, err = importsInForce(tx); err != nil {
		return nil, err
	}
	if before == nil {
		before = &book{}
	}
	if err := b.readTariffs(tx, before.tariffs); err != nil {
		return nil, err
	}
	b.compose()
	return b, nil
}

// compose makes the pack of the program's tables, the amendments and the imports.
func (b *book) compose() {
	pack, applied, aside := amend(landed.Default(), standing(b.log))
	b.applied, b.aside = applied, aside
	b.pack = pack
	if t := b.tariff(); t != nil {
		b.pack = pack.WithTariff(t)
	}
}

// tariff is what all imports say together; later ones stand over earlier ones.
func (b *book) tariff() *landed.Tariff {
	var all *landed.Tariff
	for i := range b.imports {
		all = all.And(b.tariffs[b.imports[i].ID])
	}
	return all
}

// standing is the amendments that nobody took back, in their order, and marks those that somebody did.
func standing(log []Amendment) []Amendment {
	at := make(map[string]int, len(log))
	for i := range log {
		at[log[i].ID] = i
		log[i].Undone = ""
	}
	for i := len(log) - 1; i >= 0; i-- {
		if j, ok := at[log[i].Undoes]; ok && log[i].Undone == "" {
			log[j].Undone = log[i].ID
		}
	}
	var all []Amendment
	for _, a := range log {
		if a.Undone == "" && len(a.Changes) > 0 {
			all = append(all, a)
		}
	}
	return all
}

// amend applies amendments to a pack in their order, and sets those aside that can't be applied.
func amend(p *landed.Pack, all []Amendment) (_ *landed.Pack, applied []Amendment, aside []Aside) {
	if len(all) == 0 {
		return p, nil, nil
	}
	next, err := p.With(changesOf(all))
	switch {
	case err == nil:
		return next, all, nil
	case len(all) == 1:
		return p, nil, []Aside{{all[0], err}}
	}
	half := len(all) / 2
	p, applied, aside = amend(p, all[:half])
	p, later, more := amend(p, all[half:])
	return p, slices.Concat(applied, later), append(aside, more...)
}

func changesOf(all []Amendment) []landed.Change {
	var changes []landed.Change
	for i := range all {
		changes = append(changes, all[i].Changes...)
	}
	return changes
}

// readTariffs reads the official tables in force, unless it is known what they say. One that this program can't
// read is left out; the rest holds.
func (b *book) readTariffs(tx *db.Tx, known map[string]*landed.Tariff) error {
	var all sync.WaitGroup
	var mu sync.Mutex
	for i := range b.imports {
		m := &b.imports[i]
		if t := known[m.ID]; t != nil {
			b.tariffs[m.ID] = t
			continue
		}
		packed, err := importFile(tx, m.ID)
		if err != nil {
			all.Wait()
			return err
		}
		all.Go(func() {
			t, err := readPacked(packed, m.File)
			if err != nil {
				slog.Error("an imported table can't be read by this program and is left out", "import", m.ID, "file", m.File, "error", err)
			}
			mu.Lock()
			defer mu.Unlock()
			b.tariffs[m.ID] = t
		})
	}
	all.Wait()
	b.imports = slices.DeleteFunc(b.imports, func(m Import) bool { return b.tariffs[m.ID] == nil })
	return nil
}

func readPacked(packed []byte, name string) (*landed.Tariff, error) {
	raw, err := unpack(packed)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", name, err)
	}
	t, _, err := landed.ReadTariff(bytesReader(raw), name, nil)
	return t, err
}

// latest keeps the last import of each table, the oldest first.
func latest(all []Import) []Import {
	last := map[string]int64{}
	for i := range all {
		last[all[i].Table] = max(last[all[i].Table], all[i].seq)
	}
	all = slices.DeleteFunc(all, func(m Import) bool { return m.seq < last[m.Table] })
	slices.SortFunc(all, func(a, b Import) int { return cmp.Compare(a.seq, b.seq) })
	return all
}
