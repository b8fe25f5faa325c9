package customer

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
)

// Why two profiles aren't joined, or a merge isn't undone.
var (
	ErrMergeItself  = fault.New(fault.Invalid, "customer.merge_itself").With(map[string]string{"other": "customer.merge_itself"})
	ErrMergeGone    = fault.New(fault.Invalid, "customer.merge_gone").With(map[string]string{"other": "customer.merge_gone"})
	ErrMergeAlready = fault.New(fault.Invalid, "customer.merge_already").With(map[string]string{"other": "customer.merge_already"})
	ErrMergeLogins  = fault.New(fault.Invalid, "customer.merge_accounts").With(map[string]string{"other": "customer.merge_accounts"})
	ErrMergeReason  = fault.New(fault.Invalid, "customer.merge_reason").With(map[string]string{"why": "customer.merge_reason"})
	ErrNoMerge      = fault.New(fault.NotFound, "customer.merge_unknown")
	ErrMergeFinal   = fault.New(fault.Gone, "customer.merge_final")
)

// UndoWithin is how long a merge can be undone. (customers.md, section 3)
const UndoWithin = 30 * 24 * time.Hour

const longestReason = 500

// The kinds of keys by which two profiles look like one person.
const (
	KeyEmail = "email"
	KeyPhone = "phone"
)

// Merge says that two profiles are one person. Other is read as Survivor until it is undone.
type Merge struct {
	ID        string    `json:"id"`
	Survivor  string    `json:"survivor"`
	Other     string    `json:"other"`
	By        string    `json:"by"`
	Why       string    `json:"why,omitempty"`
	Keys      []string  `json:"keys"` // that matched; none: joined by hand
	At        time.Time `json:"at"`
	UndoUntil time.Time `json:"undo_until"`
}

// MergedEvent is announced when two profiles became one person.
type MergedEvent struct {
	Merge    string    `json:"merge"`
	Survivor string    `json:"survivor"`
	Other    string    `json:"other"`
	Keys     []string  `json:"keys"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
}

// Topic implements events.Event.
func (MergedEvent) Topic() string { return "customer.merged" }

// Subjects names what the event is about, for timelines.
func (e MergedEvent) Subjects() []string { return []string{e.Survivor, e.Other} }

// UnmergedEvent is announced when a merge was undone.
type UnmergedEvent struct {
	Merge    string    `json:"merge"`
	Survivor string    `json:"survivor"`
	Other    string    `json:"other"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
}

// Topic implements events.Event.
func (UnmergedEvent) Topic() string { return "customer.unmerged" }

// Subjects names what the event is about, for timelines.
func (e UnmergedEvent) Subjects() []string { return []string{e.Survivor, e.Other} }

// Accounts tells the service how to find out whether a profile has an account to log in with. Until it is called nobody
// has one. Call it before the first merge.
func (s *Service) Accounts(has func(tx *db.Tx, customer string) (bool, error)) { s.account = has }

// Stays says which of two customers would remain if they were joined, or why they can't be, as Merge would.
func (s *Service) Stays(tx *db.Tx, a, b string) (string, error) {
	one, _, err := s.joinable(tx, a, b)
	return one.ID, err
}

// Merge joins two profiles that are one person: the one with an account survives, else the older. Nothing is rewritten:
// each fact keeps the profile it was written under, and what is asked of either is answered with both. Consents stay with
// their addresses. Where no address matches, why has to say how it is known. Refused with the field and what to do about
// it: a profile with itself, one that is gone, one that is joined to another already, two accounts.
func (s *Service) Merge(tx *db.Tx, a, b, by, why string) (Merge, error) {
	// Two who join the same profiles at once take turns.
	if _, err := db.All(tx, db.Scalar[string], `select id from customers where id in ($1, $2) order by id`+tx.ForUpdate(), a, b); err != nil {
		return Merge{}, err
	}
	survivor, other, err := s.joinable(tx, a, b)
	if err != nil {
		return Merge{}, err
	}
	keys, err := s.sharedKeys(tx, survivor.ID, other.ID)
	if err != nil {
		return Merge{}, err
	}
	why = strings.Join(strings.Fields(why), " ")
	if len(keys) == 0 && why == "" || len([]rune(why)) > longestReason {
		return Merge{}, ErrMergeReason
	}
	m := Merge{ID: id.New("mrg"), Survivor: survivor.ID, Other: other.ID, By: by, Why: why, Keys: keys, At: tx.Now(), UndoUntil: tx.Now().Add(UndoWithin)}
	n, err := tx.Exec(`insert into customer_aliases (id, survivor, merge) values ($1, $2, $3) on conflict do nothing`, m.Other, m.Survivor, m.ID)
	if err != nil {
		return m, err
	}
	if n == 0 {
		return m, ErrMergeAlready
	}
	err = tx.Send(`insert into customer_merges (id, survivor, other, by_whom, why, keys, at, undo_until) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		m.ID, m.Survivor, m.Other, m.By, m.Why, strings.Join(m.Keys, " "), m.At, m.UndoUntil)
	if err != nil {
		return m, err
	}
	return m, s.bus.Publish(tx, MergedEvent{m.ID, m.Survivor, m.Other, m.Keys, by, m.At})
}

// joinable are two profiles that can be joined, the one that remains first.
func (s *Service) joinable(tx *db.Tx, a, b string) (survivor, other Customer, err error) {
	if a == b {
		return survivor, other, ErrMergeItself
	}
	rows, err := db.All(tx, scan, `select `+columns+` from customers where id in ($1, $2) order by id`, a, b)
	if err != nil {
		return survivor, other, err
	}
	if len(rows) < 2 {
		return survivor, other, ErrMergeGone
	}
	joined, err := db.All(tx, db.Scalar[string], `select id from customer_aliases where id in ($1, $2)`, a, b)
	if err != nil {
		return survivor, other, err
	}
	if len(joined) > 0 {
		return survivor, other, ErrMergeAlready
	}
	return s.survivor(tx, rows[0], rows[1])
}

// survivor is which of two profiles remains: the one with an account, else the older.
func (s *Service) survivor(tx *db.Tx, a, b Customer) (survivor, other Customer, err error) {
	older := cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID)) <= 0
	if s.account != nil {
		one, err := s.account(tx, a.ID)
		if err != nil {
			return a, b, err
		}
		two, err := s.account(tx, b.ID)
		if err != nil {
			return a, b, err
		}
		if one && two {
			return a, b, ErrMergeLogins
		}
		if one || two {
			older = one
		}
	}
	if older {
		return a, b, nil
	}
	return b, a, nil
}

// Unmerge takes a merge apart again: each profile reads as it did before, with what was written under it since. It is
// possible for UndoWithin; then, or once the person was forgotten, it is ErrMergeFinal. Who asked for silence meanwhile
// stays silent at every address that the silence reached.
func (s *Service) Unmerge(tx *db.Tx, merge, by string) error {
	m, err := db.One(tx, scanMerge, `select `+mergeColumns+` from customer_merges where id = $1 and undone_at is null`+tx.ForUpdate(), merge)
	if errors.Is(err, db.ErrNone) {
		return ErrNoMerge
	}
	if err != nil {
		return err
	}
	if tx.Now().After(m.UndoUntil) {
		return ErrMergeFinal
	}
	n, err := tx.Exec(`delete from customer_aliases where merge = $1`, merge)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrMergeFinal
	}
	if err := tx.Send(`update customer_merges set undone_at = $2, undone_by = $3 where id = $1`, merge, tx.Now(), by); err != nil {
		return err
	}
	return s.bus.Publish(tx, UnmergedEvent{m.ID, m.Survivor, m.Other, by, tx.Now()})
}

// Merges returns what joins the profiles of a person now, the latest first.
func (s *Service) Merges(tx *db.Tx, id string) ([]Merge, error) {
	ids, err := s.IDs(tx, id)
	if err != nil || len(ids) < 2 {
		return nil, err
	}
	return db.All(tx, scanMerge, `select `+mergeColumns+` from customer_merges where other in `+db.In(1, len(ids))+` and undone_at is null and erased_at is null
		order by at desc, id desc`, db.Fill(ids)...)
}

const mergeColumns = `id, survivor, other, by_whom, why, keys, at, undo_until`

func scanMerge(r db.Row) (m Merge, err error) {
	keys := ""
	err = r.Scan(&m.ID, &m.Survivor, &m.Other, &m.By, &m.Why, &keys, &m.At, &m.UndoUntil)
	m.Keys, m.At, m.UndoUntil = strings.Fields(keys), m.At.UTC(), m.UndoUntil.UTC()
	return
}

// IDs returns the profiles of a person, whichever of them is asked for: the survivor first. It is for looking up what was
// written under any of them, with "in". Of an id that nobody has, or none, it returns just that.
func (s *Service) IDs(tx *db.Tx, id string) ([]string, error) {
	all, err := s.Persons(tx, []string{id})
	if found := all[id]; err != nil || found != nil {
		return found, err
	}
	return []string{id}, nil
}

// edge joins a profile with the one that stayed.
type edge struct{ id, survivor string }

func scanEdge(r db.Row) (e edge, err error) { return e, r.Scan(&e.id, &e.survivor) }

// Persons is IDs for many at once: of each id that is joined with others the profiles of the person. Who is a single
// profile is left out.
func (s *Service) Persons(tx *db.Tx, ids []string) (map[string][]string, error) {
	links, above := map[string][]string{}, map[string]string{} // those below a survivor, and the survivor
	follow := func(found []edge) {
		for _, e := range found {
			if above[e.id] == "" {
				above[e.id] = e.survivor
				links[e.survivor] = append(links[e.survivor], e.id)
			}
		}
	}
	next := ids
	if len(ids) > addressesEach { // of many, all merges are read rather than looked up
		all, err := db.All(tx, scanEdge, `select id, survivor from customer_aliases order by id limit 0 + $1`, len(ids))
		if err != nil {
			return nil, err
		}
		if len(all) < len(ids) {
			follow(all)
			next = nil
		}
	}
	asked := map[string]bool{"": true}
	for len(next) > 0 {
		var ask []string
		for _, x := range next {
			if !asked[x] {
				asked[x] = true
				ask = append(ask, x)
			}
		}
		next = nil
		for part := range slices.Chunk(ask, addressesEach) {
			found, err := db.All(tx, scanEdge, `select id, survivor from customer_aliases
				where id in `+db.In(1, len(part))+` or survivor in `+db.In(1, len(part))+` order by id`, db.Fill(part)...)
			if err != nil {
				return nil, err
			}
			follow(found)
			for _, e := range found {
				next = append(next, e.id, e.survivor)
			}
		}
	}
	if len(above) == 0 {
		return nil, nil
	}
	out := map[string][]string{}
	for _, x := range ids {
		root := x
		for above[root] != "" {
			root = above[root]
		}
		all := []string{root}
		for i := 0; i < len(all); i++ {
			all = append(all, links[all[i]]...)
		}
		if len(all) > 1 {
			slices.Sort(all[1:])
			out[x] = all
		}
	}
	return out, nil
}

// Profiles returns the profiles of a person as they stand, each by itself, the survivor first.
func (s *Service) Profiles(tx *db.Tx, id string) ([]Customer, error) {
	ids, err := s.IDs(tx, id)
	if err != nil {
		return nil, err
	}
	rows, err := profiles(tx, ids)
	slices.SortFunc(rows, func(a, b Customer) int { return cmp.Compare(slices.Index(ids, a.ID), slices.Index(ids, b.ID)) })
	return rows, err
}

// profiles are rows, those first that were changed first.
func profiles(tx *db.Tx, ids []string) ([]Customer, error) {
	return db.All(tx, scan, `select `+columns+` from customers where id in `+db.In(1, len(ids))+` order by changed_at, id`, db.Fill(ids)...)
}

// person is one view of profiles: names, language and market as they were told last, the survivor's own addresses where it
// has them.
func person(root string, rows []Customer) (c Customer) {
	var first Customer
	for _, r := range rows {
		if c = c.news(r); c.CreatedAt.IsZero() || r.CreatedAt.Before(c.CreatedAt) {
			c.CreatedAt = r.CreatedAt
		}
		if r.ID == root {
			first = r
		}
	}
	c.ID, c.Email, c.Phone = root, cmp.Or(first.Email, c.Email), cmp.Or(first.Phone, c.Phone)
	return c
}

// Alike is a profile that may be the same person.
type Alike struct {
	Customer
	Keys []string // KeyEmail, KeyPhone
}

const mostAlike = 5

// Suggestions lists who may be the same person as a customer, with what shows it: an e-mail address or a phone number that
// both have or used. A name alone shows nothing. Nobody is joined by it: that is for a person to decide.
func (s *Service) Suggestions(tx *db.Tx, id string) ([]Alike, error) {
	ids, err := s.IDs(tx, id)
	if err != nil {
		return nil, err
	}
	mine, err := usedBy(tx, ids)
	if err != nil || len(mine) == 0 {
		return nil, err
	}
	type hit struct{ id, address string }
	in := db.In(1, len(mine))
	hits, err := db.All(tx, func(r db.Row) (h hit, err error) { return h, r.Scan(&h.id, &h.address) },
		`select id, phone from customers where phone <> '' and phone in `+in+` union select id, email from customers where email <> '' and email in `+in+`
		union select customer, address from consents where customer <> '' and address in `+in+` order by 1, 2 limit 200`, db.Fill(mine)...)
	if err != nil {
		return nil, err
	}
	apart, err := db.All(tx, db.Scalar[string], `select b from customer_apart where a in `+db.In(1, len(ids))+` union select a from customer_apart where b in `+
		db.In(1, len(ids)), db.Fill(ids)...)
	if err != nil {
		return nil, err
	}
	var all []Alike
	at := map[string]int{}
	for _, h := range hits {
		if slices.Contains(ids, h.id) || slices.Contains(apart, h.id) {
			continue
		}
		c, err := s.Get(tx, h.id)
		if errors.Is(err, ErrUnknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if slices.Contains(apart, c.ID) {
			continue
		}
		i, known := at[c.ID]
		if !known {
			if len(all) == mostAlike {
				continue
			}
			i = len(all)
			at[c.ID] = i
			all = append(all, Alike{Customer: c})
		}
		if key := keyOf(h.address); !slices.Contains(all[i].Keys, key) {
			all[i].Keys = append(all[i].Keys, key)
			slices.Sort(all[i].Keys)
		}
	}
	return all, nil
}

func keyOf(address string) string {
	if strings.Contains(address, "@") {
		return KeyEmail
	}
	return KeyPhone
}

// usedBy are the mailboxes and numbers that profiles have or had. What stands for a browser or a chat is left out: a device
// is no sign of who somebody is.
func usedBy(tx *db.Tx, ids []string) ([]string, error) {
	in := db.In(1, len(ids))
	all, err := db.All(tx, db.Scalar[string], `select phone from customers where phone <> '' and id in `+in+` union select email from customers where email <> '' and id in `+in+`
		union select address from consents where customer <> '' and customer in `+in+` order by 1 limit 100`, db.Fill(ids)...)
	return slices.DeleteFunc(all, nearby), err
}

// sharedKeys are the kinds of addresses that two people both have or used.
func (s *Service) sharedKeys(tx *db.Tx, a, b string) (keys []string, err error) {
	var used [2][]string
	for i, id := range []string{a, b} {
		ids, err := s.IDs(tx, id)
		if err != nil {
			return nil, err
		}
		if used[i], err = usedBy(tx, ids); err != nil {
			return nil, err
		}
	}
	for _, x := range used[0] {
		if key := keyOf(x); slices.Contains(used[1], x) && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// Alike returns the kinds of addresses that two customers both have or used; none where nothing shows that they are one.
func (s *Service) Alike(tx *db.Tx, a, b string) (keys []string, err error) {
	return s.sharedKeys(tx, a, b)
}

// Apart notes that two customers aren't the same person: they aren't suggested again.
func (s *Service) Apart(tx *db.Tx, a, b, by string) error {
	if a == b {
		return ErrMergeItself
	}
	return tx.Send(`insert into customer_apart (a, b, by_whom, at) values ($1, $2, $3, $4) on conflict do nothing`, min(a, b), max(a, b), by, tx.Now())
}

// forgetMerges takes out of the merges of an erased person what can't be undone any more.
func forgetMerges(tx *db.Tx, ids []string) error {
	in := db.In(2, len(ids))
	args := append([]any{tx.Now()}, db.Fill(ids)...)
	if err := tx.Send(`update customer_merges set erased_at = $1, why = '' where survivor in `+in+` or other in `+in, args...); err != nil {
		return err
	}
	for _, q := range []string{`delete from customer_aliases where id in `, `delete from customer_apart where a in `, `delete from customer_apart where b in `} {
		if err := tx.Send(q+db.In(1, len(ids)), db.Fill(ids)...); err != nil {
			return err
		}
	}
	return nil
}
