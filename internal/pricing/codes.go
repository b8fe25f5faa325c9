package pricing

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/money"
)

// letters of an unguessable code: none that are mistaken for another in a text message or by voice.
const letters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	secretLetters = 10 // 49 bits
	maxCode       = 64 // of what somebody types
	mostUses      = 1_000_000_000
)

var (
	codeForm   = regexp.MustCompile(`^[A-Z0-9]{4,32}$`) // also of an unguessable one with its prefix
	prefixForm = regexp.MustCompile(`^[A-Z0-9]{0,16}$`)
)

// Issue makes a code. One without wording of its own is unguessable; ErrCodeTaken says that the wording exists.
func (s *Service) Issue(tx *db.Tx, r CodeRule) (Code, error) {
	r.Code, r.Prefix = canonical(r.Code), canonical(r.Prefix)
	if r.MaxUses == 0 {
		r.MaxUses = 1
	}
	if r.ValidFrom.IsZero() {
		r.ValidFrom = tx.Now()
	}
	if err := r.check(); err != nil {
		return Code{}, err
	}
	if r.Code == "" {
		r.Code = r.Prefix + secret()
	}
	code := Code{CodeRule: r, State: CodeOpen, CreatedAt: tx.Now()}
	rule, err := json.Marshal(r)
	if err != nil {
		return Code{}, err
	}
	n, err := tx.Exec(`insert into discount_codes (code, state, rule, market, customer, campaign, max_uses, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (code) do nothing`,
		r.Code, code.State, string(rule), r.Market, r.Customer, r.Campaign, r.MaxUses, code.CreatedAt)
	if err == nil && n == 0 {
		err = fmt.Errorf("code %s: %w", r.Code, ErrCodeTaken)
	}
	return code, err
}

func (r CodeRule) check() error {
	var c fault.Check
	c.That(r.Code == "" || codeForm.MatchString(r.Code), "code", "pricing.code_form")
	c.That(prefixForm.MatchString(r.Prefix), "prefix", "pricing.code_form")
	c.That(r.MaxUses > 0 && r.MaxUses <= mostUses, "max_uses", "pricing.uses_range")
	c.That(r.ValidTo.IsZero() || r.ValidTo.After(r.ValidFrom), "valid_to", "pricing.dates_order")
	switch r.Kind {
	case PercentOff:
		c.That(r.Percent.Coef > 0 && rat(r.Percent).Cmp(rat(money.One)) <= 0, "percent", "pricing.percent_range")
		c.That(len(r.Amounts) == 0, "amounts", "pricing.amounts_or_percent")
	case AmountOff:
		c.That(len(r.Amounts) > 0, "amounts", "pricing.needs_amount")
		c.That(r.Percent.IsZero(), "percent", "pricing.amounts_or_percent")
	default:
		c.That(false, "kind", "pricing.kind_unknown")
	}
	for _, a := range slices.Collect(maps.Values(r.Amounts)) {
		c.That(a.Minor > 0 && a.Currency.Valid(), "amounts", "pricing.amount_positive")
	}
	for _, a := range slices.Collect(maps.Values(r.Minimums)) {
		c.That(a.Minor >= 0 && a.Currency.Valid(), "minimums", "pricing.amount_positive")
	}
	return c.Err("pricing.code_invalid")
}

// secret draws letters without favour.
func secret() string {
	out := make([]byte, 0, secretLetters)
	var b [32]byte
	for len(out) < secretLetters {
		rand.Read(b[:])
		for _, n := range b {
			if n < byte(256/len(letters)*len(letters)) && len(out) < secretLetters {
				out = append(out, letters[int(n)%len(letters)])
			}
		}
	}
	return string(out)
}

// canonical forgives case, spaces and hyphens in what somebody typed. What can't be a code is empty.
func canonical(code string) string {
	if len(code) > maxCode {
		return ""
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-' || r == '\t' || r == '\u00a0':
			return -1
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, code)
}

// Check tells what a code takes off a cart now, as a positive amount no larger than the goods, or why not.
func (s *Service) Check(tx *db.Tx, code string, use CodeUse) (money.Amount, error) {
	c, err := findCode(tx, code, "")
	if err != nil {
		return money.Amount{}, err
	}
	off, err := c.off(use, tx.Now())
	if err != nil {
		return money.Amount{}, err
	}
	return off, s.aboveFloor(tx, use, off)
}

// Room says whether a code that isn't made yet could be taken for goods as they are in a cart now: nil, or the fault that
// Check would give within the code's time.
func (s *Service) Room(tx *db.Tx, r CodeRule, use CodeUse) error {
	off, err := unmade(r).off(use, tx.Now())
	if err != nil {
		return err
	}
	return s.aboveFloor(tx, use, off)
}

// unmade is a code of a rule that nobody has used, at any time.
func unmade(r CodeRule) Code {
	r.MaxUses, r.ValidFrom, r.ValidTo = max(1, r.MaxUses), time.Time{}, time.Time{}
	return Code{CodeRule: r, State: CodeOpen}
}

// off is the rule of what a code is worth.
func (c Code) off(use CodeUse, now time.Time) (money.Amount, error) {
	foreign := c.Market != "" && c.Market != use.Market || c.Customer != "" && c.Customer != use.Customer && !slices.Contains(use.Person, c.Customer) || c.Cart != "" && c.Cart != use.Cart
	amount, fixed := c.Amounts[use.Market], c.Kind == AmountOff
	if foreign || fixed && amount.Currency != use.Subtotal.Currency {
		return money.Amount{}, ErrCodeUnknown
	}
	switch {
	case c.State != CodeOpen:
		return money.Amount{}, ErrCodeExpired
	case now.Before(c.ValidFrom):
		return money.Amount{}, ErrCodeEarly
	case !c.ValidTo.IsZero() && !now.Before(c.ValidTo):
		return money.Amount{}, ErrCodeExpired
	case c.Uses >= c.MaxUses:
		return money.Amount{}, ErrCodeUsed
	}
	if least, ok := c.Minimums[use.Market]; ok && (least.Currency != use.Subtotal.Currency || use.Subtotal.Minor < least.Minor) {
		return money.Amount{}, ErrCodeMinimum.With(map[string]string{"minimum": least.Decimal()})
	}
	if !fixed {
		amount = use.Subtotal.Times(c.Percent)
	}
	return money.Of(max(0, min(amount.Minor, use.Subtotal.Minor)), use.Subtotal.Currency), nil
}

// Redeem is Check that uses the code up for an order; again for the same order it changes nothing and tells
// what it took off then.
func (s *Service) Redeem(tx *db.Tx, code string, use CodeUse, order string) (money.Amount, error) {
	c, err := findCode(tx, code, tx.ForUpdate())
	if err != nil {
		return money.Amount{}, err
	}
	taken, err := db.One(tx, func(r db.Row) (a money.Amount, err error) {
		return a, r.Scan(&a.Minor, &a.Currency)
	}, `select minor, currency from discount_uses where code = $1 and order_id = $2`, c.Code, order)
	if !errors.Is(err, db.ErrNone) {
		return taken, err
	}
	off, err := c.off(use, tx.Now())
	if err != nil {
		return money.Amount{}, err
	}
	n, err := tx.Exec(`update discount_codes set uses = uses + 1 where code = $1 and uses < max_uses and state = $2`, c.Code, CodeOpen)
	if err != nil {
		return money.Amount{}, err
	}
	if n == 0 {
		return money.Amount{}, ErrCodeUsed
	}
	err = tx.Send(`insert into discount_uses (code, order_id, minor, currency, used_at) values ($1, $2, $3, $4, $5)`,
		c.Code, order, off.Minor, off.Currency, tx.Now())
	return off, err
}

// Restore gives back the use of a code by an order that came to nothing.
func (s *Service) Restore(tx *db.Tx, code, order string) error {
	n, err := tx.Exec(`delete from discount_uses where code = $1 and order_id = $2`, canonical(code), order)
	if err != nil || n == 0 {
		return err
	}
	err = tx.Send(`update discount_codes set uses = uses - 1 where code = $1 and uses > 0`, canonical(code))
	return err
}

// Void withdraws a code.
func (s *Service) Void(tx *db.Tx, code string) error {
	n, err := tx.Exec(`update discount_codes set state = $2 where code = $1`, canonical(code), CodeVoid)
	if err == nil && n == 0 {
		err = ErrCodeUnknown
	}
	return err
}

// GetCode returns a code as it stands, or ErrCodeUnknown.
func (s *Service) GetCode(tx *db.Tx, code string) (Code, error) { return findCode(tx, code, "") }

// Codes returns the codes of a campaign, the latest first.
func (s *Service) Codes(tx *db.Tx, campaign string, limit int) ([]Code, error) {
	return db.All(tx, scanCode, `select rule, state, uses, created_at from discount_codes where campaign = $1 order by created_at desc, code limit $2`, campaign, limit)
}

func findCode(tx *db.Tx, code, lock string) (Code, error) {
	code = canonical(code)
	if !codeForm.MatchString(code) {
		return Code{}, ErrCodeUnknown
	}
	c, err := db.One(tx, scanCode, `select rule, state, uses, created_at from discount_codes where code = $1`+lock, code)
	if errors.Is(err, db.ErrNone) {
		err = ErrCodeUnknown
	}
	return c, err
}

func scanCode(r db.Row) (c Code, err error) {
	var rule string
	if err = r.Scan(&rule, &c.State, &c.Uses, db.Moment(&c.CreatedAt)); err != nil {
		return c, err
	}
	return c, json.Unmarshal([]byte(rule), &c.CodeRule)
}
