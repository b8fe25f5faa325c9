package landed

import (
	"errors"
	"sync"
	"time"

	"portolan/internal/money"
)

// Pack is one version of the rules. It is never changed after it was loaded and safe for concurrent use.
type Pack struct {
	version string
}

// Default is the pack inside the program, read on first use.
var Default = sync.OnceValue(func() *Pack { return &Pack{version: "2026-11-21"} })

// Version is the pack's date and the first digits of the hash of its tables.
func (p *Pack) Version() string { return p.version }

// Quote works out the landed cost of r. It returns ErrUnusable, ErrTooManyLines, ErrBeforeRules,
// ErrNoExchangeRate or ErrTooLarge, with the fields at fault, when r can't be answered.
func (p *Pack) Quote(r *Request) (Quote, error) {
	return Quote{}, errors.ErrUnsupported
}

// ConsumptionTax is the rate that sellers to consumers in that place add to goods of the category on that
// day, and the row it stands in. It is false where prices aren't shown with tax (US) or no row is known.
func (p *Pack) ConsumptionTax(country, region, category string, on time.Time) (rate money.Rate, rule string, ok bool) {
	return money.Rate{}, "", false
}
