package pricing

import (
	"encoding/json"
	"errors"
	"net/url"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/money"
)

// Desk is how the merchant deals with other currencies.
type Desk struct {
	Home  money.Currency `json:"home"`  // the merchant's own; empty: none, and no rate is locked
	Bears money.Amount   `json:"bears"` // what may be lost on a currency between now and settlement
	Days  int            `json:"days"`  // from order to settlement
	URL   string         `json:"url"`   // where rates are fetched from; empty: nowhere
	Daily bool           `json:"daily"` // they are fetched every day
}

// settleDays is how long a settlement takes where nobody has said.
const settleDays = 10

// Desk is what the merchant has said about other currencies.
func (s *Service) Desk(tx *db.Tx) (Desk, error) { return loadDesk(tx) }

func loadDesk(tx *db.Tx) (Desk, error) {
	d := Desk{Days: settleDays}
	body, err := db.One(tx, db.Scalar[string], `select body from fx_desk where id = 'desk'`)
	if errors.Is(err, db.ErrNone) {
		return d, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(body), &d)
	}
	return d, err
}

// SetDesk keeps how the merchant deals with other currencies. The home currency of orders that are placed stays
// what it was.
func (s *Service) SetDesk(tx *db.Tx, d Desk, by string) error {
	var c fault.Check
	c.That(d.Home == "" || d.Home.Valid(), "home", "pricing.currency_form")
	if d.Bears.Minor == 0 {
		d.Bears = money.Of(0, d.Home)
	}
	c.That(d.Bears.Minor >= 0 && d.Bears.Minor <= maxPrice, "bears", "pricing.price_range")
	c.That(d.Bears.Currency == d.Home, "bears", "pricing.currency_differs")
	c.That(d.Days >= 0 && d.Days <= 180, "days", "pricing.days_range")
	at, err := url.Parse(d.URL)
	c.That(d.URL == "" || err == nil && (at.Scheme == "https" || at.Scheme == "http") && at.Host != "" && at.User == nil && len(d.URL) <= 300, "url", "pricing.url_form")
	c.That(!d.Daily || d.URL != "", "url", "pricing.needs_url")
	if err := c.Err("pricing.desk_invalid"); err != nil {
		return err
	}
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := tx.Send(`insert into fx_desk (id, body, set_by, set_at) values ('desk', $1, $2, $3)
		on conflict (id) do update set body = excluded.body, set_by = excluded.set_by, set_at = excluded.set_at`, string(body), by, tx.Now()); err != nil {
		return err
	}
	return s.bump(tx, FXVersion)
}

// Home is the merchant's own currency, from memory; empty where nobody has said.
func (s *Service) Home() money.Currency { return s.rates.Get().home }
