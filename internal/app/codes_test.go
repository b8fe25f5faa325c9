package app_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/app/apptest"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/i18n"
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
