package settings

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"portolan/internal/db"
)

// Bump makes the version of name one larger when tx is committed. It is done as one of the last statements,
// because everybody who changes the same thing meets at this row.
func Bump(tx *db.Tx, name string) error {
	tx.Last(func(tx *db.Tx) error {
		version, err := db.One(tx, db.Scalar[int64], `insert into setting_versions (name, version) values ($1, 1)
			on conflict (name) do update set version = setting_versions.version + 1 returning version`, name)
		if err != nil {
			return err
		}
		tx.After(func() { tell(tx, name, version) })
		return nil
	})
	return nil
}

// watchers are all of this process, so that a bump is seen here as soon as it is committed.
var watchers struct {
	sync.RWMutex
	all []*Watcher
}

func tell(tx *db.Tx, name string, version int64) {
	watchers.RLock()
	defer watchers.RUnlock()
	for _, w := range watchers.all {
		if tx.Of(w.db) {
			w.learn(map[string]int64{name: version})
		}
	}
}

// Watcher knows the version of everything. Bumps of this process are known right after their commit, those of
// other nodes within half a second while Run runs.
type Watcher struct {
	db    *db.DB
	mu    sync.Mutex
	known atomic.Pointer[map[string]int64]
}

// Watch begins to watch the versions in d, which is migrated. Make one per process and keep it.
func Watch(d *db.DB) *Watcher {
	w := &Watcher{db: d}
	w.known.Store(&map[string]int64{})
	watchers.Lock()
	watchers.all = append(watchers.all, w)
	watchers.Unlock()
	if err := w.look(context.Background()); err != nil {
		slog.Error("can't read setting versions", "err", err)
	}
	return w
}

// Version is the number of name: 0 before its first bump. It takes no lock and asks nobody.
func (w *Watcher) Version(name string) int64 { return (*w.known.Load())[name] }

// every is how often Run looks for the bumps of other nodes, in the world's time.
const every = 250 * time.Millisecond

// Run learns of the bumps of other nodes until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := w.look(ctx); err != nil && ctx.Err() == nil {
				slog.Error("can't read setting versions", "err", err)
			}
		}
	}
}

func (w *Watcher) look(ctx context.Context) error {
	seen := map[string]int64{}
	err := w.db.Read(ctx, func(tx *db.Tx) error {
		_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
			var name string
			var version int64
			err = r.Scan(&name, &version)
			seen[name] = version
			return
		}, `select name, version from setting_versions`)
		return err
	})
	if err != nil {
		return err
	}
	w.learn(seen)
	return nil
}

// learn takes over numbers that are larger than those known.
func (w *Watcher) learn(seen map[string]int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := *w.known.Load()
	var grown map[string]int64
	for name, version := range seen {
		if version > known[name] {
			if grown == nil {
				grown = maps.Clone(known)
			}
			grown[name] = version
		}
	}
	if grown != nil {
		w.known.Store(&grown)
	}
}
