package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/catalog"
	"portolan/internal/db"
)

type told struct {
	Problem      string
	Restrictions []struct {
		Sku, Country, Rule, Needs, Reason, Alternative string
		Blocks                                         bool
	}
}

// Products, carts and quotes say with the same codes what may not go to a country.
func TestRestrictionsAreTold(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		write(t, r.d, func(tx *db.Tx) error {
			return r.goods.SetGoods(tx, "linen-wrap-dress", catalog.Goods{Traits: []string{"batik"}})
		})
		require.NoError(t, r.goods.Load(t.Context()))

		product := decode[told](t, r.call("GET", "/v1/products/linen-wrap-dress?market=id&lang=en", nil, ""))
		require.Len(t, product.Restrictions, 1)
		require.Equal(t, "licence", product.Restrictions[0].Rule)
		require.Equal(t, "ID_BATIK_APPROVAL", product.Restrictions[0].Needs)
		require.True(t, product.Restrictions[0].Blocks)
		require.Contains(t, product.Restrictions[0].Reason, "licence")
		require.NotEmpty(t, product.Restrictions[0].Alternative)
		require.Empty(t, decode[told](t, r.call("GET", "/v1/products/linen-wrap-dress?market=de", nil, "")).Restrictions)
		list := decode[struct{ Data []told }](t, r.call("GET", "/v1/products?market=id", nil, ""))
		require.Len(t, list.Data[0].Restrictions, 1)

		rec := r.call("POST", "/v1/carts", nil, `{"market": "id", "lines": [{"sku": "LWD-NAV-M", "quantity": 1}]}`)
		require.Equal(t, http.StatusCreated, rec.Code, "%s", rec.Body)
		cart := decode[struct {
			Token string
			Lines []told
		}](t, rec)
		require.Equal(t, "restricted", cart.Lines[0].Problem)
		require.Equal(t, "licence", cart.Lines[0].Restrictions[0].Rule)
		require.Equal(t, "ID", cart.Lines[0].Restrictions[0].Country)
		german := decode[struct{ Lines []told }](t, r.call("POST", "/v1/carts", nil, `{"market": "de", "lines": [{"sku": "LWD-NAV-M", "quantity": 1}]}`))
		require.Empty(t, german.Lines[0].Problem)

		key, _ := r.key("quotes:write")
		mine := header{"Authorization": "Bearer " + key}
		quote := func(to, line string) told {
			rec := r.call("POST", "/v1/quotes", mine, `{"destination": {"country": "`+to+`"}, "lines": [`+line+`]}`)
			require.Equal(t, http.StatusOK, rec.Code, "%s", rec.Body)
			return decode[told](t, rec)
		}
		q := quote("ID", `{"sku": "LWD-NAV-M", "quantity": 1}`)
		require.Equal(t, "LWD-NAV-M", q.Restrictions[0].Sku)
		require.Empty(t, quote("DE", `{"sku": "LWD-NAV-M", "quantity": 1}`).Restrictions)
		gum := quote("SG", `{"hs": "170410", "origin": "CN", "quantity": 1, "unit_price": {"minor": 500, "currency": "SGD"}}`)
		require.Equal(t, "prohibition", gum.Restrictions[0].Rule, "of goods we don't know their code tells")
	})
}
