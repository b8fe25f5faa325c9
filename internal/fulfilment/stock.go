package fulfilment

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
)

// A reservation goes held -> allocated -> shipped; held may end as released or expired, allocated as released.
// What ended so may be allocated after all while the stock lasts.
const (
	held      = "held"
	allocated = "allocated"
	shipped   = "shipped"
	released  = "released"
	expired   = "expired"
)

const (
	maxWants    = 500
	maxQuantity = 9_999
	maxOnHand   = 1_000_000_000
)

// place is a variant at a location. Rows are changed in the order of places, so that works wait for each other
// and never in a circle.
type place struct{ sku, location string }

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.sku, o.sku), cmp.Compare(p.location, o.location))
}

func inOrder[T any](m map[place]T) []place { return slices.SortedFunc(maps.Keys(m), place.compare) }

// Reserve holds all wants for ref until a moment, or nothing: ErrSoldOut names what is short. A second Reserve
// of the same ref replaces the first; ErrAllocated says that an order has it already.
func (s *Service) Reserve(tx *db.Tx, ref string, wants []Want, until time.Time) error {
	want, err := gather(ref, wants)
	if err != nil {
		return err
	}
	state, err := lock(tx, ref, until)
	if err != nil {
		return err
	}
	if state == allocated || state == shipped {
		return fmt.Errorf("reserve for %s: %w", ref, ErrAllocated)
	}
	had := map[place]int64{}
	if before, err := lines(tx, ref); err != nil {
		return err
	} else if state == held {
		had = before
	} else if len(before) > 0 {
		if err := tx.Send(`delete from reservation_lines where ref = $1`, ref); err != nil {
			return err
		}
	}
	change := map[place]int64{}
	for p, n := range want {
		change[p] = n
	}
	for p, n := range had {
		if change[p] -= n; change[p] == 0 {
			delete(change, p)
		}
	}
	if err := take(tx, "reserved", change); err != nil {
		if errors.Is(err, ErrSoldOut) {
			s.misled.Add(1)
		}
		return fmt.Errorf("reserve for %s: %w", ref, err)
	}
	for _, p := range inOrder(change) {
		query := `insert into reservation_lines (ref, sku, location, quantity) values ($1, $2, $3, $4)
			on conflict (ref, sku, location) do update set quantity = excluded.quantity`
		args := []any{ref, p.sku, p.location, want[p]}
		if want[p] == 0 {
			query, args = `delete from reservation_lines where ref = $1 and sku = $2 and location = $3`, args[:3]
		}
		if err := tx.Send(query, args...); err != nil {
			return err
		}
	}
	s.changed(tx)
	err = tx.Send(`update reservations set state = $2, until_at = $3, changed_at = $4 where ref = $1`, ref, held, until, tx.Now())
	return err
}

func gather(ref string, wants []Want) (map[place]int64, error) {
	var c fault.Check
	c.That(ref != "" && len(ref) <= 100, "ref", "fulfilment.ref_form")
	c.That(len(wants) > 0 && len(wants) <= maxWants, "lines", "fulfilment.line_count")
	want := map[place]int64{}
	for i, w := range wants {
		c.That(w.Quantity > 0 && w.Quantity <= maxQuantity, fmt.Sprintf("lines[%d].quantity", i), "fulfilment.quantity_range")
		c.That(w.SKU != "", fmt.Sprintf("lines[%d].sku", i), "fulfilment.needs_sku")
		c.That(w.Location != "", fmt.Sprintf("lines[%d].location", i), "fulfilment.needs_location")
		want[place{w.SKU, w.Location}] += w.Quantity
	}
	return want, c.Err("fulfilment.invalid")
}

// lock holds the reservation of ref for this work and returns its state, "" for a new one.
func lock(tx *db.Tx, ref string, until time.Time) (string, error) {
	find := func() (string, error) {
		return db.One(tx, db.Scalar[string], `select state from reservations where ref = $1`+tx.ForUpdate(), ref)
	}
	state, err := find()
	if !errors.Is(err, db.ErrNone) {
		return state, err
	}
	n, err := tx.Exec(`insert into reservations (ref, state, until_at, changed_at) values ($1, $2, $3, $4) on conflict (ref) do nothing`,
		ref, released, until, tx.Now())
	if err != nil || n == 1 {
		return "", err
	}
	return find()
}

func lines(tx *db.Tx, ref string) (map[place]int64, error) {
	all := map[place]int64{}
	_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var p place
		var n int64
		err = r.Scan(&p.sku, &p.location, &n)
		all[p] += n
		return
	}, `select sku, location, quantity from reservation_lines where ref = $1`, ref)
	return all, err
}

// statements of take, by the column they change.
var (
	takeMore = map[string]string{
		"reserved": `update stock_levels set reserved = reserved + $3, changed_at = $4
			where sku = $1 and location = $2 and on_hand - safety - reserved - allocated >= $3`,
		"allocated": `update stock_levels set allocated = allocated + $3, changed_at = $4
			where sku = $1 and location = $2 and on_hand - safety - reserved - allocated >= $3`,
	}
	giveBack = map[string]string{
		"reserved":  `update stock_levels set reserved = reserved - $3, changed_at = $4 where sku = $1 and location = $2`,
		"allocated": `update stock_levels set allocated = allocated - $3, changed_at = $4 where sku = $1 and location = $2`,
	}
)

// take changes a column by the numbers given, all or none: a positive number is taken only while as many are
// free, a negative one given back. The condition stands in the statement, so two works can't both have the
// last piece.
func take(tx *db.Tx, column string, change map[place]int64) error {
	short := map[string]string{}
	var done []place
	for _, p := range inOrder(change) {
		query, n := takeMore[column], change[p]
		if n < 0 {
			query, n = giveBack[column], -n
		}
		rows, err := tx.Exec(query, p.sku, p.location, n, tx.Now())
		if err != nil {
			return err
		}
		if rows == 1 {
			done = append(done, p)
			continue
		}
		left, err := free(tx, p)
		if err != nil {
			return err
		}
		short[p.sku] = strconv.FormatInt(left, 10)
	}
	if len(short) == 0 {
		return nil
	}
	for _, p := range done {
		query, n := giveBack[column], change[p]
		if n < 0 {
			query, n = takeBack[column], -n
		}
		if err := tx.Send(query, p.sku, p.location, n, tx.Now()); err != nil {
			return err
		}
	}
	return ErrSoldOut.With(short)
}

// takeBack undoes a giving back in the same work, whatever is free.
var takeBack = map[string]string{
	"reserved":  `update stock_levels set reserved = reserved + $3, changed_at = $4 where sku = $1 and location = $2`,
	"allocated": `update stock_levels set allocated = allocated + $3, changed_at = $4 where sku = $1 and location = $2`,
}

func free(tx *db.Tx, p place) (int64, error) {
	n, err := db.One(tx, db.Scalar[int64], `select on_hand - safety - reserved - allocated from stock_levels where sku = $1 and location = $2`, p.sku, p.location)
	if errors.Is(err, db.ErrNone) {
		return 0, nil
	}
	return max(0, n), err
}

// Allocate keeps what ref holds for an order. A reservation that has run out or was released is taken again if
// the stock is still there, else ErrSoldOut. Again it changes nothing.
func (s *Service) Allocate(tx *db.Tx, ref string) error {
	state, want, err := locked(tx, ref)
	if err != nil {
		return fmt.Errorf("allocate %s: %w", ref, err)
	}
	switch state {
	case allocated, shipped:
		return nil
	case held:
		for _, p := range inOrder(want) {
			if err := tx.Send(`update stock_levels set reserved = reserved - $3, allocated = allocated + $3, changed_at = $4
				where sku = $1 and location = $2`, p.sku, p.location, want[p], tx.Now()); err != nil {
				return err
			}
		}
	default:
		if err := take(tx, "allocated", want); err != nil {
			return fmt.Errorf("allocate %s: %w", ref, err)
		}
	}
	s.changed(tx)
	return move(tx, ref, allocated)
}

// locked holds a reservation that exists and returns its state and lines.
func locked(tx *db.Tx, ref string) (state string, want map[place]int64, err error) {
	state, err = db.One(tx, db.Scalar[string], `select state from reservations where ref = $1`+tx.ForUpdate(), ref)
	if errors.Is(err, db.ErrNone) {
		return "", nil, ErrUnknownReservation
	}
	if err != nil {
		return "", nil, err
	}
	want, err = lines(tx, ref)
	if err == nil && len(want) == 0 {
		err = ErrUnknownReservation
	}
	return state, want, err
}

func move(tx *db.Tx, ref, state string) error {
	err := tx.Send(`update reservations set state = $2, changed_at = $3 where ref = $1`, ref, state, tx.Now())
	return err
}

// Release gives back what ref holds, reserved or allocated; nothing held is fine, and so is what has left.
func (s *Service) Release(tx *db.Tx, ref string) error {
	state, want, err := locked(tx, ref)
	if errors.Is(err, ErrUnknownReservation) {
		return nil
	}
	if err != nil {
		return err
	}
	column := map[string]string{held: "reserved", allocated: "allocated"}[state]
	if column == "" {
		return nil
	}
	if err := take(tx, column, negative(want)); err != nil {
		return err
	}
	s.changed(tx)
	return move(tx, ref, released)
}

func negative(m map[place]int64) map[place]int64 {
	out := make(map[place]int64, len(m))
	for p, n := range m {
		out[p] = -n
	}
	return out
}

// Ship takes what is allocated to ref out of the stock; again it changes nothing. ErrNotAllocated says that no
// order keeps it.
func (s *Service) Ship(tx *db.Tx, ref string) error {
	state, want, err := locked(tx, ref)
	switch {
	case err != nil:
		return fmt.Errorf("ship %s: %w", ref, err)
	case state == shipped:
		return nil
	case state != allocated:
		return fmt.Errorf("ship %s: %w", ref, ErrNotAllocated)
	}
	for _, p := range inOrder(want) {
		if err := tx.Send(`update stock_levels set on_hand = on_hand - $3, allocated = allocated - $3, changed_at = $4
			where sku = $1 and location = $2`, p.sku, p.location, want[p], tx.Now()); err != nil {
			return err
		}
	}
	s.changed(tx)
	return move(tx, ref, shipped)
}

// Unship puts what ref took out of the stock back, allocated as before; again it changes nothing.
func (s *Service) Unship(tx *db.Tx, ref string) error {
	state, want, err := locked(tx, ref)
	switch {
	case err != nil:
		return fmt.Errorf("unship %s: %w", ref, err)
	case state == allocated:
		return nil
	case state != shipped:
		return fmt.Errorf("unship %s: %w", ref, ErrNotAllocated)
	}
	for _, p := range inOrder(want) {
		if err := tx.Send(`update stock_levels set on_hand = on_hand + $3, allocated = allocated + $3, changed_at = $4
			where sku = $1 and location = $2`, p.sku, p.location, want[p], tx.Now()); err != nil {
			return err
		}
	}
	s.changed(tx)
	return move(tx, ref, allocated)
}

// Expire gives back up to limit reservations whose time is over, the oldest first, and returns how many.
func (s *Service) Expire(tx *db.Tx, limit int) (int, error) {
	refs, err := db.All(tx, db.Scalar[string], `select ref from reservations where ref in
		(select ref from reservations where state = 'held' and until_at <= $1 order by until_at, ref limit 0 + $2)
		and state = 'held' and until_at <= $1 order by ref`+tx.ForUpdate(), tx.Now(), int64(limit))
	if err != nil {
		return 0, err
	}
	back := map[place]int64{}
	for _, ref := range refs {
		want, err := lines(tx, ref)
		if err != nil {
			return 0, err
		}
		for p, n := range want {
			back[p] -= n
		}
		if err := move(tx, ref, expired); err != nil {
			return 0, err
		}
	}
	if len(refs) > 0 {
		s.changed(tx)
	}
	return len(refs), take(tx, "reserved", back)
}

// Available is how many pieces of each SKU may be promised: in the one of the locations that has most, since a
// cart ships from one place. An unknown SKU has none.
func (s *Service) Available(tx *db.Tx, skus, locations []string) (map[string]int64, error) {
	out := make(map[string]int64, len(skus))
	for _, sku := range skus {
		out[sku] = 0
		all, err := s.Stocks(tx, sku)
		if err != nil {
			return nil, err
		}
		for _, st := range all {
			if slices.Contains(locations, st.Location) {
				out[sku] = max(out[sku], st.Free())
			}
		}
	}
	return out, nil
}

// Stocks returns what lies of a variant at every location.
func (s *Service) Stocks(tx *db.Tx, sku string) ([]Stock, error) {
	return db.All(tx, func(r db.Row) (st Stock, err error) {
		return st, r.Scan(&st.SKU, &st.Location, &st.OnHand, &st.Safety, &st.Reserved, &st.Allocated)
	}, `select sku, location, on_hand, safety, reserved, allocated from stock_levels where sku = $1 order by location`, sku)
}

// SetStock keeps what was counted at a location, OnHand and Safety; what is held stays held, even where less
// was found than is held.
func (s *Service) SetStock(tx *db.Tx, all []Stock) error {
	known, err := db.All(tx, db.Scalar[string], `select code from stock_locations order by code`)
	if err != nil {
		return err
	}
	var c fault.Check
	for i, st := range all {
		at := fmt.Sprintf("stock[%d].", i)
		c.That(st.SKU != "" && len(st.SKU) <= 40 && !strings.ContainsRune(st.SKU, 0), at+"sku", "fulfilment.needs_sku")
		c.That(slices.Contains(known, st.Location), at+"location", "fulfilment.unknown_location")
		c.That(st.OnHand >= 0 && st.OnHand <= maxOnHand, at+"on_hand", "fulfilment.quantity_range")
		c.That(st.Safety >= 0 && st.Safety <= maxOnHand, at+"safety", "fulfilment.quantity_range")
	}
	if err := c.Err("fulfilment.stock_invalid"); err != nil {
		return err
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Stock) int { return place{a.SKU, a.Location}.compare(place{b.SKU, b.Location}) })
	for _, st := range all {
		if err := tx.Send(`insert into stock_levels (sku, location, on_hand, safety, changed_at) values ($1, $2, $3, $4, $5)
			on conflict (sku, location) do update set on_hand = excluded.on_hand, safety = excluded.safety, changed_at = excluded.changed_at`,
			st.SKU, st.Location, st.OnHand, st.Safety, tx.Now()); err != nil {
			return err
		}
	}
	s.changed(tx)
	return nil
}

// changed shows this process's own changes on a clock that stands still; on a clock that runs, levels are read
// again each second.
func (s *Service) changed(tx *db.Tx) { tx.After(func() { s.changes.Add(1) }) }
