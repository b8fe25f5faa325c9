package market

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"portolan/internal/db"
	"portolan/internal/snapshot"
)

//go:embed schema
var files embed.FS

// Schema holds the markets.
var Schema = db.Schema{Owner: "market", Files: files}

// Version is the name under which changes of the markets are counted.
const Version = "markets"

// Service is the table of markets with a copy in memory.
type Service struct {
	bump snapshot.Bump
	held *snapshot.Of[table]
}

// table is the copy in memory, in the shop's order.
type table struct {
	all       []Market
	byCode    map[Code]int
	byCountry map[Country]int
}

// New returns the markets kept in d.
func New(d *db.DB, versions snapshot.Versions, bump snapshot.Bump) *Service {
	return &Service{bump, snapshot.New(d, func() int64 { return versions.Version(Version) }, load)}
}

// Load brings the markets into memory.
func (s *Service) Load(ctx context.Context) error { return s.held.Load(ctx) }

// All returns every market in the shop's order, from memory. The slice is shared: leave it as it is.
func (s *Service) All() []Market { return s.held.Get().all }

// ByCode returns a market from memory.
func (s *Service) ByCode(code Code) (Market, bool) {
	t := s.held.Get()
	i, ok := t.byCode[code]
	if !ok {
		return Market{}, false
	}
	return t.all[i], true
}

// ByCountry returns the market that serves a country, from memory.
func (s *Service) ByCountry(c Country) (Market, bool) {
	t := s.held.Get()
	i, ok := t.byCountry[c]
	if !ok {
		return Market{}, false
	}
	return t.all[i], true
}

// List returns every market in the shop's order.
func (s *Service) List(tx *db.Tx) ([]Market, error) {
	return db.All(tx, scan, `select body from markets order by position, code`)
}

// Get returns a market or ErrUnknown.
func (s *Service) Get(tx *db.Tx, code Code) (Market, error) {
	m, err := db.One(tx, scan, `select body from markets where code = $1`, code)
	if errors.Is(err, db.ErrNone) {
		return m, fmt.Errorf("market %.20q: %w", code, ErrUnknown)
	}
	return m, err
}

// Save keeps a new or changed market. A country can be in one market only.
func (s *Service) Save(tx *db.Tx, m Market) error {
	if err := m.check(); err != nil {
		return err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := tx.Send(`insert into markets (code, position, state, body) values ($1, $2, $3, $4)
		on conflict (code) do update set position = excluded.position, state = excluded.state, body = excluded.body`,
		m.Code, m.Position, m.State, string(body)); err != nil {
		return err
	}
	if err := tx.Send(`delete from market_countries where market = $1`, m.Code); err != nil {
		return err
	}
	for _, c := range slices.Sorted(slices.Values(m.Countries)) {
		n, err := tx.Exec(`insert into market_countries (country, market) values ($1, $2) on conflict (country) do nothing`, c, m.Code)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("country %s: %w", c, ErrCountryTaken)
		}
	}
	return s.bump(tx, Version)
}

func load(tx *db.Tx, _ *table) (*table, error) {
	all, err := db.All(tx, scan, `select body from markets order by position, code`)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b Market) int { return cmp.Compare(a.Position, b.Position) })
	t := &table{all, map[Code]int{}, map[Country]int{}}
	for i, m := range all {
		t.byCode[m.Code] = i
		for _, c := range m.Countries {
			t.byCountry[c] = i
		}
	}
	return t, nil
}

func scan(r db.Row) (m Market, err error) {
	var body string
	if err = r.Scan(&body); err != nil {
		return m, err
	}
	return m, json.Unmarshal([]byte(body), &m)
}
