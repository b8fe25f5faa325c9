package messaging

import (
	"fmt"
	"math/big"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/snapshot"
)

// ErrLimitForm is the fault of limits that can't be kept as they are given, with their fields.
var ErrLimitForm = fault.New(fault.Invalid, "messaging.limit_form")

// bookKey names the version of senders and limits.
const bookKey = "messaging.book"

// Exchange is the rate from one currency to another in force on a day; false where none is known. Satisfied by what
// pricing.Service keeps in memory.
type Exchange func(from, to money.Currency, day string) (money.Rate, bool)

// book is what a merchant wrote down about senders and limits, as it is used.
type book struct {
	senders map[string]*SenderRecord // country and value
	limits  map[market.Code]Limits
}

// Limits are what a merchant spends at most on offers and surveys to a market, and how many of them a person gets.
// What belongs to a purchase has no limits. The zero ones are no limit of money and our own caps.
type Limits struct {
	Market   market.Code    `json:"market"`
	Currency money.Currency `json:"currency"`
	Day      int64          `json:"day"`       // minor units in a day of the market; 0: no limit
	Month    int64          `json:"month"`     // in a calendar month
	CapDay   int64          `json:"cap_day"`   // promotional and service messages to a person in 24 hours; 0: 1
	CapMonth int64          `json:"cap_month"` // promotional messages to a person in 30 days; 0: 4
	Who      string         `json:"-"`
	At       time.Time      `json:"-"`
}

// Govern makes senders' papers, limits of money and caps count at the gate, on every node as soon as they are
// changed. Call it before the queue runs.
func (s *Service) Govern(versions snapshot.Versions, bump snapshot.Bump, e Exchange) {
	s.bump, s.exchange = bump, e
	s.booked = snapshot.New(s.db, func() int64 { return versions.Version(bookKey) }, readBook)
	s.governed()
}

func readBook(tx *db.Tx, _ *book) (*book, error) {
	b := &book{senders: map[string]*SenderRecord{}, limits: map[market.Code]Limits{}}
	all, err := readSenders(tx)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		b.senders[string(r.Country)+r.Value] = &r
	}
	limits, err := readLimits(tx)
	for _, l := range limits {
		b.limits[l.Market] = l
	}
	return b, err
}

// book is what is written down; nil where nobody keeps a book.
func (s *Service) book() *book {
	if s.booked == nil {
		return nil
	}
	if b := s.booked.Get(); b.senders != nil {
		return b
	}
	return nil
}

// record is what the book says of a route's sender in a country.
func (b *book) record(c market.Country, r Route) *SenderRecord {
	if b == nil {
		return nil
	}
	return b.senders[string(c)+senderName(r)]
}

func (b *book) limitsOf(m market.Code) Limits {
	if b == nil {
		return Limits{}
	}
	return b.limits[m]
}

// Limits lists what is set, by market.
func (s *Service) Limits(tx *db.Tx) ([]Limits, error) { return readLimits(tx) }

// SetLimits keeps the limits of a market. What was spent before counts.
func (s *Service) SetLimits(tx *db.Tx, l Limits, by string) error {
	var check fault.Check
	shop, ok := s.markets.ByCode(l.Market)
	check.That(ok, "market", "unknown")
	money := l.Day != 0 || l.Month != 0
	check.That(!money || l.Currency.Valid(), "currency", "unknown")
	for field, n := range map[string]int64{"day": l.Day, "month": l.Month} {
		check.That(n >= 0 && n <= 1_000_000_000_000, field, "messaging.limit_money")
	}
	check.That(l.Day == 0 || l.Month == 0 || l.Day <= l.Month, "month", "messaging.limit_month")
	check.That(l.CapDay >= 0 && l.CapDay <= 20, "cap_day", "messaging.limit_cap")
	check.That(l.CapMonth >= 0 && l.CapMonth <= 200, "cap_month", "messaging.limit_cap")
	if err := check.Err(ErrLimitForm.Code); err != nil {
		return err
	}
	err := tx.Send(`insert into message_limits (market, currency, day_minor, month_minor, cap_day, cap_month, who, changed_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (market) do update set currency = excluded.currency, day_minor = excluded.day_minor, month_minor = excluded.month_minor, cap_day = excluded.cap_day,
		cap_month = excluded.cap_month, who = excluded.who, changed_at = excluded.changed_at`,
		string(l.Market), string(l.Currency), l.Day, l.Month, l.CapDay, l.CapMonth, by, tx.Now())
	if err != nil {
		return err
	}
	if money {
		if err := s.openSpend(tx, shop, l); err != nil {
			return err
		}
	}
	return s.bump(tx, bookKey)
}

// openSpend begins to count what a market costs in a currency, with what was spent of this day and month already.
func (s *Service) openSpend(tx *db.Tx, shop market.Market, l Limits) error {
	day, month := periods(shop, tx.Now())
	for _, p := range []string{day, month} {
		from := beginOf(shop, p)
		costs, err := db.All(tx, func(r db.Row) (c Cost, err error) { err = r.Scan((*string)(&c.Currency), &c.Micros); return },
			`select currency, cast(sum(cost_micros) as bigint) from messages where market = $1 and sent_at >= $2 and class in ('promotional', 'service')
			and created_at >= $3 and currency <> '' group by currency order by currency`, string(l.Market), from, from.AddDate(0, 0, -7))
		if err != nil {
			return err
		}
		var micros int64
		for _, c := range costs {
			n, ok := s.convert(c, l.Currency, shop.Day(tx.Now()))
			if ok {
				micros += n
			}
		}
		err = tx.Send(`insert into message_spend (market, currency, period, micros) values ($1, $2, $3, $4) on conflict do nothing`, string(l.Market), string(l.Currency), p, micros)
		if err != nil {
			return err
		}
	}
	return nil
}

func readLimits(tx *db.Tx) ([]Limits, error) {
	return db.All(tx, func(r db.Row) (l Limits, err error) {
		err = r.Scan((*string)(&l.Market), (*string)(&l.Currency), &l.Day, &l.Month, &l.CapDay, &l.CapMonth, &l.Who, &l.At)
		l.At = l.At.UTC()
		return
	}, `select market, currency, day_minor, month_minor, cap_day, cap_month, who, changed_at from message_limits order by market`)
}

// Spent is what offers and surveys to a market cost today and this month, in the currency of its limits.
type Spent struct{ Day, Month money.Amount }

// Spending is what was spent of each market's limits, with what is about to be.
func (s *Service) Spending(tx *db.Tx) (map[market.Code]Spent, error) {
	all, err := readLimits(tx)
	if err != nil {
		return nil, err
	}
	out := map[market.Code]Spent{}
	for _, l := range all {
		shop, ok := s.markets.ByCode(l.Market)
		if !ok || l.Currency == "" {
			continue
		}
		day, month := periods(shop, tx.Now())
		spent, err := spentOf(tx, l.Market, l.Currency, day, month, "")
		if err != nil {
			return nil, err
		}
		out[l.Market] = Spent{Cost{spent[day], l.Currency}.Amount(), Cost{spent[month], l.Currency}.Amount()}
	}
	return out, nil
}

// periods are the day and the month of a market at a moment.
func periods(shop market.Market, at time.Time) (day, month string) {
	day = shop.Day(at)
	return day, day[:7]
}

// beginOf is when a day or month of a market begins.
func beginOf(shop market.Market, period string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, (period + "-01")[:10], shop.Location())
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// endOf is when a day or month of a market ends.
func endOf(shop market.Market, period string) time.Time {
	t := beginOf(shop, period).In(shop.Location())
	if len(period) == 7 {
		return t.AddDate(0, 1, 0).UTC()
	}
	return t.AddDate(0, 0, 1).UTC()
}

// purse is one limit of money as the gate looks at it, in millionths of its currency.
type purse struct {
	period      string
	day, month  string
	currency    money.Currency
	limit       int64
	spent, cost int64
	until       time.Time // when the next period begins
	unknown     bool      // no rate is known for the price
}

// purses are the limits that a message has to keep, with what is spent. A message that booked its price has paid.
// When it is about to book, the rows stay locked until the unit of work ends, so that two never pass on the same money.
func (s *Service) purses(tx *db.Tx, r Record, cost Cost) ([]purse, error) {
	l := s.book().limitsOf(r.Market)
	if l.Day == 0 && l.Month == 0 || !r.Class.asks() {
		return nil, nil
	}
	shop, ok := s.markets.ByCode(r.Market)
	if !ok {
		return nil, nil
	}
	lock := ""
	if r.ID != "" {
		n, err := db.One(tx, db.Scalar[int64], `select count(*) from message_bookings where message = $1`, r.ID)
		if err != nil || n > 0 {
			return nil, err
		}
		lock = tx.ForUpdate()
	}
	day, month := periods(shop, tx.Now())
	if r.ID != "" {
		for _, p := range []string{month, day} { // in one order everywhere
			if err := tx.Send(`insert into message_spend (market, currency, period, micros) values ($1, $2, $3, 0) on conflict do nothing`, string(r.Market), string(l.Currency), p); err != nil {
				return nil, err
			}
		}
	}
	spent, err := spentOf(tx, r.Market, l.Currency, day, month, lock)
	if err != nil {
		return nil, err
	}
	micros, known := s.convert(cost, l.Currency, day)
	var all []purse
	for _, x := range []struct {
		period string
		limit  int64
	}{{day, l.Day}, {month, l.Month}} {
		if x.limit > 0 {
			all = append(all, purse{x.period, day, month, l.Currency, microsOf(x.limit, l.Currency), spent[x.period], micros, endOf(shop, x.period), !known})
		}
	}
	return all, nil
}

func microsOf(minor int64, c money.Currency) int64 {
	unit := int64(1_000_000)
	for range c.Digits() {
		unit /= 10
	}
	return minor * unit
}

func spentOf(tx *db.Tx, m market.Code, c money.Currency, day, month, lock string) (map[string]int64, error) {
	type row struct {
		period string
		micros int64
	}
	rows, err := db.All(tx, func(r db.Row) (x row, err error) { err = r.Scan(&x.period, &x.micros); return },
		`select period, micros from message_spend where market = $1 and currency = $2 and period in ($3, $4) order by period`+lock, string(m), string(c), day, month)
	out := map[string]int64{}
	for _, x := range rows {
		out[x.period] = x.micros
	}
	return out, err
}

// convert is a cost in another currency, in millionths, rounded up; false where no rate is known.
func (s *Service) convert(c Cost, to money.Currency, day string) (int64, bool) {
	if c.Micros == 0 || c.Currency == to {
		return c.Micros, true
	}
	if s.exchange == nil {
		return 0, false
	}
	r, ok := s.exchange(c.Currency, to, day)
	if !ok {
		return 0, false
	}
	n := new(big.Int).Mul(big.NewInt(c.Micros), big.NewInt(r.Coef))
	d := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(r.Scale)), nil)
	q, rest := n.QuoRem(n, d, new(big.Int))
	if rest.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	return q.Int64(), q.IsInt64()
}

// bookCost notes what a message that may go will cost, against the limits it was weighed with.
func bookCost(tx *db.Tx, r Record, all []purse) error {
	if len(all) == 0 {
		return nil
	}
	day, month := all[0].day, all[0].month
	n, err := tx.Exec(`insert into message_bookings (message, market, currency, day, month, micros, at) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
		r.ID, string(r.Market), string(all[0].currency), day, month, all[0].cost, tx.Now())
	if err != nil || n == 0 {
		return err
	}
	return spend(tx, r.Market, all[0].currency, day, month, all[0].cost)
}

// spend adds to a day and a month; less than nothing gives back.
func spend(tx *db.Tx, m market.Code, c money.Currency, day, month string, micros int64) error {
	for _, p := range []string{month, day} {
		err := tx.Send(`insert into message_spend (market, currency, period, micros) values ($1, $2, $3, $4)
			on conflict (market, currency, period) do update set micros = message_spend.micros + excluded.micros`, string(m), string(c), p, micros)
		if err != nil {
			return err
		}
	}
	return nil
}

// settleCosts puts what messages did cost in the place of what they were thought to, and gives back what was not spent.
type settleCosts struct{}

// Job implements jobs.Args.
func (settleCosts) Job() string { return "messaging.settle" }

const settleMost = 500

func (s *Service) settleCosts(tx *db.Tx, _ settleCosts) error {
	type booking struct {
		message, market, currency, day, month string
		micros                                int64
		cost                                  Cost
	}
	all, err := db.All(tx, func(r db.Row) (b booking, err error) {
		err = r.Scan(&b.message, &b.market, &b.currency, &b.day, &b.month, &b.micros, &b.cost.Micros, (*string)(&b.cost.Currency))
		return
	}, `select b.message, b.market, b.currency, b.day, b.month, b.micros, m.cost_micros, m.currency from message_bookings b join messages m on m.id = b.message
		where m.state not in ('held', 'queued') order by b.market, b.message limit 0 + $1`, int64(settleMost))
	if err != nil {
		return err
	}
	for _, b := range all {
		n, err := tx.Exec(`delete from message_bookings where message = $1`, b.message)
		if err != nil {
			return err
		}
		cost, ok := s.convert(b.cost, money.Currency(b.currency), (b.day + "-01")[:10])
		if n == 0 || !ok || cost == b.micros {
			continue
		}
		if err := spend(tx, market.Code(b.market), money.Currency(b.currency), b.day, b.month, cost-b.micros); err != nil {
			return err
		}
	}
	if len(all) == settleMost {
		return s.queue.Add(tx, settleCosts{}, jobs.When{})
	}
	return nil
}

func (p purse) String() string {
	return fmt.Sprintf("%s: %s of %s", p.period, Cost{p.spent, p.currency}.Amount(), Cost{p.limit, p.currency}.Amount())
}

// governed registers what is done beside: costs settled every minute, volumes counted every day, plans and campaigns.
func (s *Service) governed() {
	jobs.Handle(s.queue, s.settleCosts)
	jobs.Handle(s.queue, s.countVolumes)
	jobs.HandleOutside(s.queue, s.plan)
	jobs.Handle(s.queue, s.campaign)
	jobs.Handle(s.queue, s.campaignStop)
	s.Guard(campaignGuard, s.wanted)
	s.queue.Every("messaging.settle", max(time.Minute, s.db.Clock().Grain()), settleCosts{})
	s.queue.Every("messaging.volumes", 24*time.Hour, countVolumes{})
}
