package pricing

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
)

// ErrRivalFile is the fault of a file of other shops' prices with lines that can't be used; nothing of it is
// kept. Fields names each by line and column: "line 12, price".
var ErrRivalFile = fault.New(fault.Invalid, "pricing.rival_file")

// RivalPrice is what another shop asked for the same thing on a day, as shown in that market.
type RivalPrice struct {
	SKU    string
	Market market.Code
	Rival  string
	Price  money.Amount
	Day    string
}

const (
	maxRivalFile = 16 << 20
	rivalDays    = 90 // an older price says nothing of today
)

var rivalHead = []string{"sku", "market", "competitor", "price", "currency", "day"}

// ImportRivals keeps a CSV of other shops' prices with the columns sku, market, competitor, price, currency,
// day: all of it or nothing. A later price of the same shop and day counts instead. It returns ErrRivalFile with
// every line at fault.
func (s *Service) ImportRivals(tx *db.Tx, r io.Reader) (kept int, err error) {
	markets, err := s.markets.List(tx)
	if err != nil {
		return 0, err
	}
	all, err := readRivals(r, markets, tx.Now().Add(aheadOfUTC).Format(time.DateOnly))
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		err := tx.Send(`insert into rival_prices (sku, market, rival, minor, currency, day, kept_at) values ($1, $2, $3, $4, $5, $6, $7)
			on conflict (market, sku, rival, day) do update set minor = excluded.minor, currency = excluded.currency, kept_at = excluded.kept_at`,
			p.SKU, p.Market, p.Rival, p.Price.Minor, p.Price.Currency, p.Day, tx.Now())
		if err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

func readRivals(r io.Reader, markets []market.Market, today string) ([]RivalPrice, error) {
	fields := map[string]string{}
	blame := func(line int, column, code string) {
		if len(fields) < faultsShown {
			fields[fmt.Sprintf("line %d, %s", line, column)] = code
		}
	}
	body, err := io.ReadAll(io.LimitReader(r, maxRivalFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxRivalFile:
		return nil, ErrRivalFile.With(map[string]string{"file": "pricing.file_too_long"})
	case !utf8.Valid(body):
		return nil, ErrRivalFile.With(map[string]string{"file": "pricing.file_not_utf8"})
	}
	c := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(body), "\ufeff")))
	c.FieldsPerRecord = -1
	if head, err := c.Read(); err != nil || !slices.Equal(head, rivalHead) {
		return nil, ErrRivalFile.With(map[string]string{"line 1, file": "pricing.file_head"})
	}
	var all []RivalPrice
	for {
		row, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			line := 0
			if e, ok := errors.AsType[*csv.ParseError](err); ok {
				line = e.Line
			}
			return nil, ErrRivalFile.With(map[string]string{fmt.Sprintf("line %d, file", line): "pricing.file_unreadable"})
		}
		line, _ := c.FieldPos(0)
		if len(row) != len(rivalHead) {
			blame(line, "file", "pricing.columns_differ")
			continue
		}
		p := RivalPrice{SKU: row[0], Market: market.Code(row[1]), Rival: row[2], Day: row[5]}
		if p.SKU == "" || len(p.SKU) > 40 {
			blame(line, "sku", "catalog.sku_form")
		}
		if p.Rival == "" || len(p.Rival) > 80 {
			blame(line, "competitor", "pricing.needs_source")
		}
		if _, err := time.Parse(time.DateOnly, p.Day); err != nil {
			blame(line, "day", "pricing.day_form")
		} else if p.Day > today {
			blame(line, "day", "pricing.day_future")
		}
		at := slices.IndexFunc(markets, func(m market.Market) bool { return m.Code == p.Market })
		if at < 0 {
			blame(line, "market", market.ErrUnknown.Code)
			continue
		}
		if money.Currency(row[4]) != markets[at].Currency {
			blame(line, "currency", "pricing.currency_differs")
			continue
		}
		if p.Price, err = money.Parse(row[3], markets[at].Currency); err != nil || p.Price.Minor <= 0 || p.Price.Minor > maxPrice {
			blame(line, "price", "pricing.price_range")
		}
		all = append(all, p)
	}
	if len(fields) == 0 && len(all) == 0 {
		blame(1, "file", "pricing.file_empty")
	}
	if len(fields) > 0 {
		return nil, ErrRivalFile.With(fields)
	}
	return all, nil
}

// RivalPrices are what other shops asked for a variant in a market in the last 90 days, the latest first.
func (s *Service) RivalPrices(tx *db.Tx, code market.Code, sku string) ([]RivalPrice, error) {
	since := market.AddDays(tx.Now().Format(time.DateOnly), -rivalDays)
	return db.All(tx, func(r db.Row) (p RivalPrice, err error) {
		return p, r.Scan(&p.SKU, &p.Market, &p.Rival, &p.Price.Minor, &p.Price.Currency, &p.Day)
	}, `select sku, market, rival, minor, currency, day from rival_prices where market = $1 and sku = $2 and day >= $3 order by day desc, rival`, code, sku, since)
}
