package fulfilment

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/market"
)

// lowStock is the level from which pages say that few are left.
const lowStock = 5

// late is how long a change may take from its beginning to its commit and still be seen by the next reading.
const late = 10 * time.Second

// levels are the free pieces of every variant at every location, at most about a second old.
type levels struct {
	free  map[string][]spot // by SKU
	own   bool              // free is no longer the one of the levels before
	read  time.Time
	epoch int64
}

type spot struct {
	location string
	free     int64
}

// second counts the world's seconds on a clock that runs, this process's changes on one that stands still; and
// everybody who found less than the levels had told.
func (s *Service) second() int64 {
	clock := s.d.Clock()
	if speed := clock.Speed(); speed > 0 {
		return clock.Now().UnixNano()/int64(speed*float64(time.Second)) + s.misled.Load()
	}
	return s.changes.Load() + s.misled.Load()
}

// loadLevels reads all levels the first time and what has changed afterwards.
func (s *Service) loadLevels(tx *db.Tx, before *levels) (*levels, error) {
	l := &levels{read: tx.Now()}
	if before == nil {
		l.free = map[string][]spot{}
		_, err := db.All(tx, func(r db.Row) (struct{}, error) {
			var location, text string
			err := r.Scan(&location, &text)
			for one := range strings.SplitSeq(text, ",") {
				sku, n, _ := strings.Cut(one, " ")
				free, _ := strconv.ParseInt(n, 10, 64)
				l.free[sku] = append(l.free[sku], spot{location, max(0, free)})
			}
			return struct{}{}, err
		}, `select location, string_agg(sku || ' ' || (on_hand - safety - reserved - allocated), ',') from stock_levels group by location order by location`)
		return l, err
	}
	speed := max(1, s.d.Clock().Speed())
	since := before.read.Add(-time.Duration(float64(late) * speed))
	l.free, l.epoch = before.free, before.epoch
	_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
		var sku string
		var now spot
		err = r.Scan(&sku, &now.location, &now.free)
		now.free = max(0, now.free)
		l.set(before, sku, now)
		return
	}, `select sku, location, on_hand - safety - reserved - allocated from stock_levels where changed_at >= $1`, since)
	return l, err
}

// set notes a level, in copies of what before has.
func (l *levels) set(before *levels, sku string, now spot) {
	spots := l.free[sku]
	was, at := int64(0), len(spots)
	for i, sp := range spots {
		if sp.location == now.location {
			was, at = sp.free, i
		}
	}
	if at < len(spots) && was == now.free {
		return
	}
	if l.epoch == before.epoch && (was > 0) != (now.free > 0) {
		l.epoch++
	}
	if !l.own {
		l.free, l.own = maps.Clone(before.free), true
	}
	fresh := slices.Clone(spots)
	if at == len(spots) {
		fresh = append(fresh, now)
	}
	fresh[at] = now
	l.free[sku] = fresh
}

// most is the largest number of free pieces at one of the locations; any location where none are named.
func (l *levels) most(sku string, locations []string) int64 {
	var n int64
	for _, sp := range l.free[sku] {
		if sp.free > n && (len(locations) == 0 || slices.Contains(locations, sp.location)) {
			n = sp.free
		}
	}
	return n
}

// at is how many are free at one location.
func (l *levels) at(sku, location string) int64 {
	for _, sp := range l.free[sku] {
		if sp.location == location {
			return sp.free
		}
	}
	return 0
}

// Level is how much there is for a market; from memory, at most about a second old.
func (s *Service) Level(m market.Code, sku string) Level {
	mk, ok := s.markets.ByCode(m)
	if !ok {
		return Level{}
	}
	n := s.levels.Get().most(sku, mk.ShipFrom)
	return Level{Free: n, Low: n <= lowStock}
}

// InStock reports whether one piece can be sent to a market; from memory.
func (s *Service) InStock(m market.Code, sku string) bool { return s.Level(m, sku).Free > 0 }

// Epoch grows when something sells out or comes back.
func (s *Service) Epoch() int64 { return s.levels.Get().epoch }
