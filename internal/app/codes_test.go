package app_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/i18n"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

// Whoever enters a code that can't be taken is told why at the field, in their language, and what they typed stays; the
// bag costs what it did.
func TestWhyACodeIsRefused(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		now := s.DB.Clock().Now()
		five := func(change func(*pricing.CodeRule)) (code string) {
			s.Write(func(tx *db.Tx) error {
				r := pricing.CodeRule{Kind: pricing.PercentOff, Percent: money.Percent(5), MaxUses: 1, ValidTo: now.Add(24 * time.Hour)}
				change(&r)
				c, err := s.Prices.Issue(tx, r)
				code = c.Code
				return err
			})
			return code
		}
		used := five(func(*pricing.CodeRule) {})
		void := five(func(*pricing.CodeRule) {})
		s.Write(func(tx *db.Tx) error {
			if err := s.Prices.Void(tx, void); err != nil {
				return err
			}
			_, err := s.Prices.Redeem(tx, used, pricing.CodeUse{Market: "de", Subtotal: money.Of(10_000, "EUR")}, "ord_other")
			return err
		})
		over := five(func(r *pricing.CodeRule) { r.ValidFrom, r.ValidTo = now.Add(-time.Hour), now.Add(-time.Minute) })
		early := five(func(r *pricing.CodeRule) { r.ValidFrom = now.Add(time.Hour) })
		foreign := five(func(r *pricing.CodeRule) { r.Customer = "cus_other" })
		elsewhere := five(func(r *pricing.CodeRule) { r.Market = "xx" })
		dear := five(func(r *pricing.CodeRule) {
			r.Minimums = map[market.Code]money.Amount{}
			for _, m := range s.Markets.All() {
				r.Minimums[m.Code] = money.Of(9_999_999_00, m.Currency)
			}
		})
		low := five(func(r *pricing.CodeRule) { r.Percent = money.Percent(90) })
		for _, p := range []apptest.Person{apptest.Harper, apptest.Anna, apptest.Imogen, apptest.Ayu, apptest.Aisyah, arabic()} {
			lang, _, _ := strings.Cut(p.Place, "-")
			v := s.Visitor()
			v.Add(p.Place, p.SKU, "1")
			before := v.Get("/" + p.Place + "/cart").Text()
			for name, tt := range map[string]struct{ code, fault string }{
				"none": {"NOSUCHCODE", "pricing.code_unknown"}, "used": {used, "pricing.code_used"}, "withdrawn": {void, "pricing.code_expired"}, "over": {over, "pricing.code_expired"},
				"early": {early, "pricing.code_early"}, "of somebody else": {foreign, "pricing.code_unknown"}, "of another market": {elsewhere, "pricing.code_unknown"},
				"below the minimum": {dear, ""}, "below the margin": {low, "pricing.code_floor"},
			} {
				page := v.Post("/"+p.Place+"/cart/code", url.Values{"code": {tt.code}})
				require.GreaterOrEqual(t, page.Status, 400, "%s in %s", name, p.Place)
				require.Less(t, page.Status, 500, "%s in %s", name, p.Place)
				require.Contains(t, page.Body, `id="code-error"`, name)
				require.Contains(t, page.Body, tt.code, "what was typed stays")
				if tt.fault != "" {
					say, _ := i18n.For(lang).Fault(fault.New(fault.Conflict, tt.fault))
					require.Contains(t, page.Text(), say, "%s in %s", name, p.Place)
				} else {
					require.Regexp(t, `9.?999.?999|٩.٩٩٩.٩٩٩`, page.Text(), "%s in %s: from how much on", name, p.Place)
				}
				v = s.Visitor() // ten tries an hour for one bag
				v.Add(p.Place, p.SKU, "1")
			}
			require.Equal(t, before, v.Get("/"+p.Place+"/cart").Text())
		}
	})
}

func arabic() apptest.Person {
	p := apptest.Anna
	p.Place = "ar-de"
	return p
}

// A reminder promises no code that the checkout would refuse: goods that are sold as low as they may be get none.
func TestNoCodeBelowTheMargin(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		p := asks(apptest.Imogen, "sms")
		s.Visitor().Quote(p)
		s.Write(func(tx *db.Tx) error { // nothing is left of its price
			return s.Prices.SetUnitCost(tx, pricing.UnitCost{SKU: p.SKU, Amount: money.Of(100_000, "GBP"), Source: "invoice", By: "Mei"})
		})
		s.Pass(2*time.Hour + time.Minute)
		require.Equal(t, "margin_floor", reason(t, s, p.Email))
		require.Empty(t, s.Received(p.Phone))
		s.Read(func(tx *db.Tx) error {
			all, err := s.Prices.Codes(tx, "recover", 10)
			require.Empty(t, all)
			return err
		})
	})
}

// Before a journey is published it is told in which markets the checkout would refuse its codes, and for how many
// articles: what is told is what the checkout does.
func TestCodesThatAreNeverTakenAreTold(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		all := journeys.Shipped()
		again := all[slices.IndexFunc(all, func(d journeys.Definition) bool { return d.Journey == "again" })]
		for _, tt := range []struct {
			off, least int64
			want       string // severity
		}{{1_00, 60_00, ""}, {40_00, 50_00, "note"}, {500_00, 500_00, "warning"}, {40_00, 500_00, ""}} {
			d := again.Clone()
			n := &d.Nodes[slices.IndexFunc(d.Nodes, func(n journeys.Node) bool { return n.Reward != nil })]
			off, least := money.Of(tt.off, "EUR"), money.Of(tt.least, "EUR")
			n.Reward.Amounts["de"], n.Reward.Minimums["de"] = off, least
			takes, of, told := 0, 0, ""
			s.Read(func(tx *db.Tx) error {
				for _, p := range s.Catalog.Snapshot().Products() {
					sku := p.Variants[0].SKU
					price, err := s.Prices.Price("de", sku)
					if err != nil {
						continue
					}
					of++
					pieces := (tt.least + price.Amount.Minor - 1) / price.Amount.Minor
					bag := money.Of(price.Amount.Minor*pieces, "EUR")
					err = s.Prices.Room(tx, pricing.CodeRule{Kind: pricing.AmountOff, Amounts: map[market.Code]money.Amount{"de": off}},
						pricing.CodeUse{Market: "de", Subtotal: bag, Goods: []pricing.Piece{{SKU: sku, TaxCategory: p.TaxCategory, Quantity: pieces, Total: bag}}})
					if err == nil {
						takes++
						continue
					}
					require.ErrorIs(t, err, pricing.ErrCodeFloor)
				}
				found, err := s.Journeys.Lint(tx, d)
				for _, f := range found {
					if f.Where == "nodes.gift.reward.amounts.de" {
						told = fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Detail)
					}
				}
				return err
			})
			require.Positive(t, of)
			want := map[string]string{"": "", "note": fmt.Sprintf("note journeys.code_refused_for_some de: %s EUR, %d/%d", off.Decimal(), takes, of),
				"warning": fmt.Sprintf("warning journeys.code_refused_always de: %s EUR, 0/%d", off.Decimal(), of)}[tt.want]
			require.Equal(t, want, told, "%d from %d", tt.off, tt.least)
		}
	})
}

// An offer after a good rating names nothing for which the checkout would refuse its code, and isn't made where that is all
// there is.
func TestWhatIsOfferedCanBeBoughtWithItsCode(t *testing.T) {
	apptest.Each(t, func(t *testing.T, s *apptest.Shop) {
		some, none := asks(apptest.Harper, "sms"), asks(apptest.Harper, "sms")
		none.Phone, none.Email, none.SKU = "+12125550203", "none@example.org", "MI1036-NVY-M"
		category := func(p apptest.Person) string {
			one, _, err := s.Catalog.Variant(p.SKU)
			require.NoError(t, err)
			return one.Category
		}
		dresses, heels, dear := category(some), category(none), map[string]bool{}
		require.NotEqual(t, dresses, heels)
		s.Write(func(tx *db.Tx) error {
			seen := 0
			for _, p := range s.Catalog.Snapshot().Products() {
				if p.Category == dresses {
					seen++
				}
				if p.Category == heels || p.Category == dresses && seen%2 == 0 {
					dear[p.Texts["en"].Title] = true
					if err := s.Prices.SetUnitCost(tx, pricing.UnitCost{SKU: p.Variants[0].SKU, Amount: money.Of(100_000, "USD"), Source: "invoice", By: "Mei"}); err != nil {
						return err
					}
				}
			}
			return nil
		})
		s.Pass(3 * time.Hour) // 10:00 in New York
		first, second := brought(s, some), brought(s, none)
		leap(s, 24*time.Hour+time.Minute)
		reply(t, s, some.Phone, "5")
		reply(t, s, none.Phone, "5")
		leap(s, 8*24*time.Hour)
		require.Equal(t, []string{"not_sent nothing_to_offer"}, why(s, "again", string(second)))
		s.Read(func(tx *db.Tx) error {
			all, err := db.All(tx, db.Scalar[string], `select id from messages where template = 'again'`)
			require.NoError(t, err)
			require.Len(t, all, 1)
			m, err := s.Messages.Inspect(tx, all[0])
			require.Equal(t, string(first), m.Order)
			named := strings.Split(m.Vars["lines"], "\n")
			require.Len(t, named, 3)
			for _, title := range named {
				require.NotEmpty(t, title)
				require.False(t, dear[title], "%s can't be bought with the code", title)
			}
			return err
		})

		leap(s, 20*24*time.Hour) // a code of then would be over
		var live journeys.Version
		s.Read(func(tx *db.Tx) error {
			all, err := s.Journeys.Journeys(tx)
			require.NoError(t, err)
			now := all[slices.IndexFunc(all, func(j journeys.Journey) bool { return j.Name == "again" })]
			live, err = s.Journeys.Version(tx, now.Name, now.Version)
			return err
		})
		trial, err := s.Journeys.Trial(t.Context(), live.Definition, 31, nil)
		require.NoError(t, err)
		f := trial.Tried.All()
		require.EqualValues(t, 1, f.Sent().Messages, "a trial finds what was sent")
	})
}
