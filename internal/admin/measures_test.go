package admin_test

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
)

func TestHowMessagesDo(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.user(auth.Viewer)
		r.open()
		const at = "/console/messages/measures"
		v := r.as(auth.Viewer)
		has(t, v.page(at), "How messages do", "No message in this time", "Choose a longer time")
		r.sample()
		r.drain()
		body := v.page(at)
		has(t, body, "too few for a percentage", "Germany", "Order confirmation", "<svg", "Download CSV", "measures.csv")
		require.NotContains(t, body, evil)
		has(t, v.page(at+"?table=1&span=7d"), "As a picture", "<th scope=\"row\"")
		has(t, v.page(at+"?market=us"), "Take something out of it")
		has(t, v.page("/console/messages"), `href="`+at+`"`)
		has(t, v.page("/console/"), `href="`+at+`"`)
		status, body := v.get(at + ".csv")
		require.Equal(t, http.StatusOK, status)
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		require.NoError(t, err)
		require.Contains(t, body, "\r\n")
		require.Equal(t, []string{"de", "confirm", "transactional", "sms"}, rows[1][:4])
		require.Equal(t, "1", rows[1][6], "sent")
	})
}
