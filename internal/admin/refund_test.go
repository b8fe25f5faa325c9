package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/order"
)

// noted only notes refunds: what gives the money back is tried with the whole shop.
type noted struct{ r *rig }

func (n noted) Refund(tx *db.Tx, r order.Refund) (order.Refund, error) {
	asked, _, err := n.r.orders.AskRefund(tx, r)
	return asked, err
}

func TestRefundPage(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.parts.Refunds = noted{r}
		r.user(auth.Operator)
		r.user(auth.Viewer)
		o := r.sample()
		r.open()
		op, viewer := r.as(auth.Operator), r.as(auth.Viewer)
		at := "/console/orders/" + string(o.ID) + "/refund"
		has(t, op.page("/console/orders/"+string(o.ID)), "Nothing was given back.", at)
		require.NotContains(t, viewer.page("/console/orders/"+string(o.ID)), at)
		body := op.page(at)
		has(t, body, "EUR\u00a087.95 can be given back.", "How many of 1")
		require.NotContains(t, body, evil)
		_, key, _ := strings.Cut(body, `name="key" value="`)
		key, _, _ = strings.Cut(key, `"`)
		for _, bad := range [][]string{{"amount", "abc", "reason", "x"}, {"amount", "90", "reason", "x"}, {"amount", "5", "reason", " "}, {"line0", "2", "reason", "x"}, {"line0", "-1", "reason", "x"}, {"reason", "x"}, {"amount", "1.234", "reason", "x"}} {
			status, body := op.post(at, append(bad, "do", "look", "key", key)...)
			require.Equal(t, http.StatusUnprocessableEntity, status, bad)
			has(t, body, `role="alert"`)
		}
		status, body := op.post(at, "do", "look", "key", key, "line0", "1", "reason", "torn"+evil)
		require.Equal(t, http.StatusOK, status)
		has(t, body, "EUR\u00a079.95", "Goods and delivery without tax", "Give back EUR\u00a079.95", `value="torn&lt;script`)
		require.NotContains(t, body, evil)
		status, _ = viewer.post(at, "do", "give", "key", key, "amount", "5", "reason", "x")
		require.Equal(t, http.StatusForbidden, status)
		for range 2 {
			status, body = op.post(at, "do", "give", "key", key, "line0", "1", "amount", "79,95", "reason", "torn"+evil)
			require.Equal(t, http.StatusOK, status)
			has(t, body, "The refund is on its way.", "asked for", "Refund of EUR\u00a079.95 decided", "Mei")
			require.NotContains(t, body, evil)
		}
		has(t, op.page(at), "EUR\u00a08.00 can be given back.", "How many of 0")
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := r.orders.Refunds(tx, o.ID)
			require.Len(t, all, 1)
			return err
		})
		status, _ = op.get("/console/orders/ord_none/refund")
		require.Equal(t, http.StatusNotFound, status)
	})
}
