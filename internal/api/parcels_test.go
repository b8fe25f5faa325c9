package api_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/api"
)

func TestParcelEvents(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("shipments:read", "shipments:write", "orders:read")
		h := header{"Authorization": "Bearer " + text}
		at := "/v1/shipments/" + string(r.sell("LWD-NAV-M"))
		hour := func(n int) string { return r.d.Clock().Now().Add(time.Duration(n) * time.Hour).Format(time.RFC3339) }
		moves := `{"events": [{"status": "in_transit", "stage": "export", "occurred_at": "` + hour(1) + `", "place": "Guangzhou", "country": "CN", "code": "EMC"}]}`
		rec := r.call("POST", at+"/events", h, moves)
		require.Equal(t, 409, rec.Code, rec.Body)
		require.Equal(t, "fulfilment.not_handed_over", decode[api.Problem](t, rec).Code)

		mark := decode[api.ShipmentDetail](t, r.call("GET", at, h, "")).Reasons[0].Mark
		require.Equal(t, 200, r.call("POST", at+"/accept", h, `{"mark": "`+mark+`", "by": "Mei Chen", "reason": "shown on the label"}`).Code)
		made := decode[api.ShipmentDetail](t, r.call("POST", at+"/papers", h, `{"label": true}`))
		require.Equal(t, 200, r.call("POST", at+"/hand-over", h, "").Code)
		number := made.Shipment.Tracking[0]
		require.Equal(t, api.ParcelStatus("picked_up"), decode[api.ParcelList](t, r.call("GET", at+"/parcels", h, "")).Data[0].Parcel.Status)

		for i := range 3 {
			rec := r.call("POST", at+"/events", h, moves)
			require.Equal(t, 200, rec.Code, rec.Body)
			kept := decode[api.ParcelEventsKept](t, rec)
			require.Equal(t, i == 0, kept.Data[0].Recorded)
			require.Equal(t, api.ParcelStatus("in_transit"), kept.Parcels[0].Status)
		}
		all := decode[api.ParcelEventsKept](t, r.call("POST", at+"/events", h, `{"events": [
			{"parcel": "`+number+`", "status": "delivered", "occurred_at": "`+hour(9)+`", "ref": "77"},
			{"parcel": "1", "status": "out_for_delivery", "occurred_at": "`+hour(8)+`", "window_start": "`+hour(9)+`", "window_end": "`+hour(11)+`"},
			{"status": "customs", "occurred_at": "`+hour(90)+`"}, {"code": "XX", "occurred_at": "`+hour(3)+`"}, {"status": "customs"}]}`))
		require.Equal(t, []api.ParcelEventKeptReview{"", "", "future", "unmapped", "no_time"}, []api.ParcelEventKeptReview{all.Data[0].Review, all.Data[1].Review, all.Data[2].Review, all.Data[3].Review, all.Data[4].Review})
		require.Equal(t, api.ParcelStatus("delivered"), all.Parcels[0].Status)
		list := decode[api.OrderList](t, r.call("GET", "/v1/orders", h, ""))
		require.EqualValues(t, "completed", list.Data[0].State)

		back := decode[api.ParcelEventsKept](t, r.call("POST", at+"/events", h, `{"events": [{"corrects": "`+all.Data[0].ID+`", "text": "another door"}]}`))
		require.Equal(t, api.ParcelStatus("out_for_delivery"), back.Parcels[0].Status)
		require.False(t, back.Parcels[0].WindowEnd.IsZero())
		require.Len(t, decode[api.ParcelList](t, r.call("GET", at+"/parcels", h, "")).Data[0].Events, 8)
	})
}

func TestParcelEventsRefused(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("shipments:read", "shipments:write")
		both := header{"Authorization": "Bearer " + text}
		text, _ = r.key("shipments:read")
		readOnly := header{"Authorization": "Bearer " + text}
		at := "/v1/shipments/" + string(r.sell("LWD-NAV-M"))
		for _, x := range []struct {
			name, path, body string
			h                header
			status           int
			code, field, why string
		}{
			{"nobody", at + "/events", `{"events": [{"status": "delivered"}]}`, header{}, 401, "auth.anonymous", "", ""},
			{"reader", at + "/events", `{"events": [{"status": "delivered"}]}`, readOnly, 403, "auth.scope_missing", "", ""},
			{"unknown shipment", "/v1/shipments/shp_none/events", `{"events": [{"status": "delivered"}]}`, both, 404, "fulfilment.unknown_shipment", "", ""},
			{"none", at + "/events", `{"events": []}`, both, 422, "api.invalid_request", "/events", "at_least_1_items"},
			{"unknown number", at + "/events", `{"events": [{"status": "info_received"}, {"parcel": "RB000000000CN", "status": "delivered", "occurred_at": "2026-11-25T00:00:00Z"}]}`, both, 422, "fulfilment.events_invalid", "/events/1/parcel", "fulfilment.parcel_unknown"},
			{"nothing said", at + "/events", `{"events": [{"occurred_at": "2026-11-25T00:00:00Z"}]}`, both, 422, "fulfilment.events_invalid", "/events/0/status", "fulfilment.status_unknown"},
			{"time", at + "/events", `{"events": [{"status": "delivered", "occurred_at": "yesterday"}]}`, both, 422, "fulfilment.events_invalid", "/events/0/occurred_at", "fulfilment.time_form"},
			{"correction", at + "/events", `{"events": [{"corrects": "pev_1"}]}`, both, 422, "fulfilment.events_invalid", "/events/0/corrects", "fulfilment.corrects_unknown"},
			{"window", at + "/events", `{"events": [{"status": "out_for_delivery", "window_end": "2026-11-25T00:00:00Z"}]}`, both, 422, "fulfilment.events_invalid", "/events/0/window_end", "fulfilment.window_order"},
		} {
			rec := r.call("POST", x.path, x.h, x.body)
			require.Equal(t, x.status, rec.Code, "%s: %s", x.name, rec.Body)
			p := decode[api.Problem](t, rec)
			require.Equal(t, x.code, p.Code, x.name)
			if x.field != "" {
				require.Equal(t, x.why, p.Fields[x.field], x.name)
			}
		}
		require.Equal(t, 404, r.call("GET", "/v1/shipments/shp_none/parcels", both, "").Code)
	})
}
