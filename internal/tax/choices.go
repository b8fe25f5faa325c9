package tax

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/money"
)

// ErrTooLate is the fault of taking back a registration that was noted longer ago than a day.
var ErrTooLate = fault.New(fault.Conflict, "tax.too_late_to_undo")

// examples are numbers as authorities write them, by word; "US" stands for the states.
var examples = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, r := range rows("numbers.csv") {
		all[r["word"]] = r["example"]
	}
	return all
})

// Effect is what a registration changes at the checkout.
type Effect string

// The effects.
const (
	AtSale    Effect = "at_sale"    // tax of orders up to a limit is collected at the checkout instead of at the border
	InState   Effect = "in_state"   // so is sales tax of a state
	Programme Effect = "programme"  // orders pay by the terms of a programme
	BooksOnly Effect = "books_only" // nothing changes there
)

// Choice is a registration that can be noted.
type Choice struct {
	Word    string
	Area    string // EU, a country, US-CA
	Example string // a number as the authority writes it; empty where the form is free
	Effect  Effect
	Scheme  Scheme // of the return it leads to; zero where it leads to none
}

// Choices are all registrations that can be noted, those of whole countries first.
func Choices() (all []Choice) {
	for _, w := range Words() {
		all = append(all, choiceOf(w))
	}
	slices.SortStableFunc(all, func(a, b Choice) int { return len(a.Area) - len(b.Area) })
	return all
}

func choiceOf(word string) Choice {
	c := Choice{Word: word, Effect: BooksOnly, Example: examples()[word]}
	if i := slices.IndexFunc(known().schemes, func(s Scheme) bool { return s.Registration == word }); i >= 0 {
		c.Scheme = known().schemes[i]
		c.Area = c.Scheme.Area
	}
	for _, t := range known().thresholds {
		if c.Area == "" && t.Registration == word {
			c.Area = t.Jurisdiction
		}
	}
	switch {
	case inState(c.Area):
		c.Effect, c.Example = InState, examples()["US"]
	case word == "REMESSA_CONFORME":
		c.Effect = Programme
	case c.Scheme.limit.Minor > 0:
		c.Effect = AtSale
	}
	return c
}

func inState(area string) bool { return len(area) == 5 && area[:3] == "US-" }

// LowValue is the limit up to which tax is collected at sale, whether it is of one item rather than of the whole
// consignment, and whether the limit itself is beyond it. No currency: none.
func (s Scheme) LowValue() (limit money.Amount, item, below bool) { return s.limit, s.item, s.below }

// undoable is how long a registration that was just noted can be taken back as if it had never been.
const undoable = 24 * time.Hour

// Forget takes back a registration that was noted within the last day. ErrUnknownRegistration, ErrTooLate.
func (s *Service) Forget(tx *db.Tx, registration string) error {
	n, err := tx.Exec(`delete from tax_registrations where id = $1 and noted_at >= $2`, registration, tx.Now().Add(-undoable))
	if err != nil {
		return err
	}
	if n > 0 {
		return s.Bump(tx, Version)
	}
	all, err := s.Registrations(tx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(r Registration) bool { return r.ID == registration }) {
		return fmt.Errorf("%s: %w", registration, ErrTooLate)
	}
	return fmt.Errorf("%.60q: %w", registration, ErrUnknownRegistration)
}

// Mask leaves the ends of a registration's number, for lists.
func Mask(number string) string {
	if len(number) <= 4 {
		return strings.Repeat("•", len(number))
	}
	head := 0
	for head < min(2, len(number)-4) && (number[head] < '0' || number[head] > '9') {
		head++
	}
	return number[:head] + "••••" + number[len(number)-3:]
}
