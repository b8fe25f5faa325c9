package pricing

import (
	"encoding/csv"
	"errors"
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
	wrong := &lineFaults{of: ErrRivalFile}
	refuse := func(line int, code string) ([]RivalPrice, error) {
		wrong.add(line, "file", "", code)
		return nil, wrong.err()
	}
	body, err := io.ReadAll(io.LimitReader(r, maxRivalFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxRivalFile:
		return refuse(1, "pricing.file_too_long")
	case !utf8.Valid(body):
		return refuse(1, "pricing.file_not_utf8")
	}
	c := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(body), "\ufeff")))
	c.FieldsPerRecord = -1
	if head, err := c.Read(); err != nil || !slices.Equal(head, rivalHead) {
		return refuse(1, "pricing.file_head")
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
			return refuse(line, "pricing.file_unreadable")
		}
		line, _ := c.FieldPos(0)
		if len(row) != len(rivalHead) {
			wrong.add(line, "file", strings.Join(row, ","), "pricing.columns_differ")
			continue
		}
		p := RivalPrice{SKU: row[0], Market: market.Code(row[1]), Rival: row[2], Day: row[5]}
		if p.SKU == "" || len(p.SKU) > 40 {
			wrong.add(line, "sku", row[0], "catalog.sku_form")
		}
		if p.Rival == "" || len(p.Rival) > 80 {
			wrong.add(line, "competitor", row[2], "pricing.needs_source")
		}
		if _, err := time.Parse(time.DateOnly, p.Day); err != nil {
			wrong.add(line, "day", row[5], "pricing.day_form")
		} else if p.Day > today {
			wrong.add(line, "day", row[5], "pricing.day_future")
		}
		at := slices.IndexFunc(markets, func(m market.Market) bool { return m.Code == p.Market })
		if at < 0 {
			wrong.add(line, "market", row[1], market.ErrUnknown.Code)
			continue
		}
		if money.Currency(row[4]) != markets[at].Currency {
			wrong.add(line, "currency", row[4], "pricing.currency_differs")
			continue
		}
		if p.Price, err = money.Parse(row[3], markets[at].Currency); err != nil || p.Price.Minor <= 0 || p.Price.Minor > maxPrice {
			wrong.add(line, "price", row[3], "pricing.price_range")
		}
		all = append(all, p)
	}
	if len(wrong.all) == 0 && len(all) == 0 {
		return refuse(1, "pricing.file_empty")
	}
	return all, wrong.err()
}

// RivalPrices are what other shops asked for a variant in a market in the last 90 days, the latest first.
func (s *Service) RivalPrices(tx *db.Tx, code market.Code, sku string) ([]RivalPrice, error) {
	since := market.AddDays(tx.Now().Format(time.DateOnly), -rivalDays)
	return db.All(tx, func(r db.Row) (p RivalPrice, err error) {
		return p, r.Scan(&p.SKU, &p.Market, &p.Rival, &p.Price.Minor, &p.Price.Currency, &p.Day)
	}, `select sku, market, rival, minor, currency, day from rival_prices where market = $1 and sku = $2 and day >= $3 order by day desc, rival`, code, sku, since)
}

// KeptRival is what another shop asked, as it was kept.
type KeptRival struct {
	RivalPrice
	Age  int  // days since its day
	Used bool // young enough to say something of today
}

// RivalList are other shops' prices, the latest first; in one market or, where it is empty, in all.
func (s *Service) RivalList(tx *db.Tx, code market.Code, limit int) ([]KeptRival, error) {
	today := tx.Now().Format(time.DateOnly)
	return db.All(tx, func(r db.Row) (p KeptRival, err error) {
		err = r.Scan(&p.SKU, &p.Market, &p.Rival, &p.Price.Minor, &p.Price.Currency, &p.Day)
		p.Age = market.DaysBetween(p.Day, today)
		p.Used = p.Age <= rivalDays
		return p, err
	}, `select sku, market, rival, minor, currency, day from rival_prices where market = $1 or $1 = '' order by day desc, market, sku, rival limit $2`, code, limit)
}
