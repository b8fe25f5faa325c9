package checkout_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/checkout"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/payment/fakepsp"
)

// border lets no scarves into Austria, and not more than two into Germany.
type border struct{ closed bool }

func (b border) Article(sku, country, _ string, pieces int64) []customs.Verdict {
	switch {
	case sku == "scarf" && (country == "AT" || b.closed):
		return []customs.Verdict{{Key: "AT.scarf", Blocks: true, Rule: "prohibition"}}
	case sku == "scarf" && pieces > 2:
		return []customs.Verdict{{Key: "DE.scarf", Rule: "quantity", Buyer: true, Most: 2}}
	}
	return nil
}

// What may not go to the country of the address can't be paid, and may go to another country of the same market.
func TestRestrictedGoods(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.shop.Borders = border{}
		ctx := t.Context()
		vienna := anna
		vienna.Line1, vienna.City, vienna.Postcode, vienna.Country = "Kärntner Straße 1", "Wien", "1010", "AT"

		basket := func(c checkout.Cart) (b checkout.Basket) {
			dbtest.Read(t, d, func(tx *db.Tx) (err error) { b, err = r.shop.Basket(tx, c); return err })
			return b
		}
		c := r.ready(checkout.Add("scarf", 2), checkout.Add("dress", 1))
		require.Empty(t, basket(c).Items[0].Verdicts)
		c, err := r.shop.Change(ctx, c.Token, c.Version, checkout.Set("scarf", 3), checkout.Choose("express_ddp"))
		require.NoError(t, err, "a warning doesn't block")
		b := basket(c)
		require.Empty(t, b.Items[0].Problem)
		require.Equal(t, "quantity", b.Items[0].Verdicts[0].Rule)
		require.Equal(t, eur(3*12_50+59_90), b.Goods)

		c, err = r.shop.Change(ctx, c.Token, c.Version, checkout.SetAddress(vienna))
		require.NoError(t, err, "the address is taken; the bag says what can't go there")
		b = basket(c)
		require.Equal(t, "restricted", b.Items[0].Problem)
		require.Empty(t, b.Items[1].Problem)
		require.Equal(t, eur(59_90), b.Goods, "what can't be bought isn't in the sum")
		_, err = r.shop.Change(ctx, c.Token, c.Version, checkout.Choose("express_ddp"))
		require.ErrorIs(t, err, checkout.ErrRestricted)
		require.Equal(t, map[string]string{"scarf": "prohibition"}, fault.Of(err).Fields)
		_, err = r.payBy(c, "card", fakepsp.Success)
		require.ErrorIs(t, err, checkout.ErrRestricted)

		c, err = r.shop.Change(ctx, c.Token, c.Version, checkout.SetAddress(anna), checkout.Choose("express_ddp"))
		require.NoError(t, err)
		r.shop.Borders = border{closed: true}
		_, err = r.payBy(c, "card", fakepsp.Success)
		require.ErrorIs(t, err, checkout.ErrRestricted, "a rule that begins after the quote holds when it is paid")
		require.Zero(t, r.held("dress"))
		r.shop.Borders = border{}
		r.mustPay(c, "card", fakepsp.Success)
	})
}
