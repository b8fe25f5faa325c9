package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/api"
	"portolan/internal/customer"
	"portolan/internal/db"
)

// Programs find out who may be one person, join the profiles and take them apart again.
func TestCustomersAreMerged(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("orders:write", "orders:read")
		mine := header{"Authorization": "Bearer " + text, "Idempotency-Key": "k"}
		o := decode[api.Order](t, r.call("POST", "/v1/orders", mine, newOrder("1")))
		mine = header{"Authorization": "Bearer " + text}
		var other customer.Customer
		write(t, r.d, func(tx *db.Tx) (err error) {
			one, err := r.customers.Get(tx, o.Customer)
			if err != nil {
				return err
			}
			other, err = r.customers.Upsert(tx, customer.Customer{Email: "work@example.org", Phone: one.Phone, Country: "DE", Lang: "de", Market: "de"})
			return err
		})
		who := decode[api.Customer](t, r.call("GET", "/v1/customers/"+o.Customer, mine, ""))
		require.Len(t, who.Perhaps, 1)
		require.Equal(t, other.ID, who.Perhaps[0].ID)
		require.EqualValues(t, "phone", who.Perhaps[0].Keys[0])
		require.Empty(t, who.Profiles)

		at := "/v1/customers/" + other.ID + "/merge"
		require.Equal(t, http.StatusUnprocessableEntity, r.call("POST", at, mine, `{"other": "`+other.ID+`"}`).Code)
		m := decode[api.Merge](t, r.call("POST", at, mine, `{"other": "`+o.Customer+`"}`))
		require.ElementsMatch(t, []string{o.Customer, other.ID}, []string{m.Survivor, m.Other})
		require.Equal(t, "API: test", m.By)
		require.Equal(t, http.StatusUnprocessableEntity, r.call("POST", at, mine, `{"other": "`+o.Customer+`"}`).Code, "already")
		for _, id := range []string{o.Customer, other.ID} {
			who := decode[api.Customer](t, r.call("GET", "/v1/customers/"+id, mine, ""))
			require.Equal(t, m.Survivor, who.ID)
			require.Equal(t, []string{m.Survivor, m.Other}, who.Profiles)
			require.Len(t, who.Merges, 1)
			require.Empty(t, who.Perhaps)
			require.Len(t, decode[api.OrderList](t, r.call("GET", "/v1/orders?customer="+id, mine, "")).Data, 1)
		}
		require.Equal(t, http.StatusNotFound, r.call("DELETE", at+"?merge=mrg_x", mine, "").Code)
		who = decode[api.Customer](t, r.call("DELETE", at, mine, ""))
		require.Equal(t, other.ID, who.ID)
		require.Empty(t, who.Profiles)
		require.Empty(t, decode[api.OrderList](t, r.call("GET", "/v1/orders?customer="+other.ID, mine, "")).Data)
		reader, _ := r.key("orders:read")
		require.Equal(t, http.StatusForbidden, r.call("POST", at, header{"Authorization": "Bearer " + reader}, `{"other": "`+o.Customer+`"}`).Code)
	})
}
