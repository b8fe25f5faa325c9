package admin_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fulfilment"
)

// An operator says what the carrier's page shows, in the destination's time, and takes it back.
func TestParcelsOnTheConsole(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r, _, ships, id := desk(t, d)
		r.user(auth.Operator)
		r.user(auth.Viewer)
		r.open()
		dbtest.Write(t, d, func(tx *db.Tx) error {
			one, err := ships.Ready(tx, id, 0, "Mei")
			if err != nil {
				return err
			}
			_, err = ships.HandOver(tx, id, one.Version, "Mei")
			return err
		})
		d.Clock().Advance(48 * time.Hour)
		at := "/console/papers/" + string(id)
		op := r.as(auth.Operator)
		parcel := func() (p fulfilment.ParcelState) {
			dbtest.Read(t, d, func(tx *db.Tx) error {
				all, err := ships.ParcelsOf(tx, "ord_wrap")
				p = all[0]
				return err
			})
			return p
		}
		local := d.Clock().Now().Add(-time.Hour).In(time.FixedZone("CET", 3600))
		status, body := op.post(at, "do", "event", "status", "customs", "reason", "documents", "action_required", "supply_document", "occurred_at", local.Format("2006-01-02T15:04"), "place", "Leipzig", "text", "Rechnung fehlt")
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, "Rechnung fehlt")
		require.Contains(t, body, "Customs ask for papers")
		p := parcel()
		require.Equal(t, []any{fulfilment.AtCustoms, "supply_document", "consignee"}, []any{p.Status, p.Action, p.Responsible})
		require.WithinDuration(t, d.Clock().Now().Add(-time.Hour), p.LastAt, time.Minute)

		status, body = op.post(at, "do", "event", "status", "delivered", "occurred_at", local.AddDate(0, 0, 2).Format("2006-01-02T15:04"), "place", "Bonn <3")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		require.Contains(t, body, "lies in the future")
		require.Contains(t, body, "Bonn &lt;3", "what was typed stays")
		status, body = op.post(at, "do", "event", "status", "out_for_delivery", "occurred_at", local.Format("2006-01-02T15:04"), "window_end", local.Format("2006-01-02T15:04"))
		require.Equal(t, http.StatusUnprocessableEntity, status)
		require.Contains(t, body, "needs a beginning")

		events := regexp.MustCompile(`name="event" value="(pev_[0-9a-f]+)"`)
		_, body = op.get(at)
		status, body = op.post(at, "do", "correct", "parcel", "1", "event", events.FindStringSubmatch(body)[1])
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, "<s>At customs</s>")
		require.Equal(t, fulfilment.PickedUp, parcel().Status)

		status, _ = r.as(auth.Viewer).post(at, "do", "event", "status", "delivered", "occurred_at", local.Format("2006-01-02T15:04"))
		require.Equal(t, http.StatusForbidden, status)
		_, body = op.get("/console/orders/ord_wrap")
		require.Contains(t, body, "Customs ask for papers", "the order's timeline says it too")
	})
}
