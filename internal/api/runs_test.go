package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/api"
	"portolan/internal/db"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/order"
)

func TestRunsInPages(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("journeys:read")
		h := header{"Authorization": "Bearer " + text}
		for _, sku := range []string{"LWD-NAV-M", "LWD-NAV-L"} {
			r.sell(sku)
		}
		all := decode[api.RunList](t, r.call("GET", "/v1/runs", h, ""))
		require.Empty(t, all.Next)
		require.GreaterOrEqual(t, len(all.Data), 2)
		var paged []api.Run
		for after := ""; ; {
			page := decode[api.RunList](t, r.call("GET", "/v1/runs?limit=1&after="+after, h, ""))
			paged = append(paged, page.Data...)
			if after = page.Next; after == "" {
				break
			}
		}
		require.Equal(t, all.Data, paged)
		for query, holds := range map[string]func(api.Run) bool{
			"journey=confirm":           func(x api.Run) bool { return x.Journey == "confirm" },
			"order=ord_lwd-nav-l":       func(x api.Run) bool { return x.Order == "ord_lwd-nav-l" },
			"state=done":                func(x api.Run) bool { return x.State == api.RunDone },
			"state=under_way":           func(x api.Run) bool { return x.EndedAt.IsZero() },
			"version=2":                 func(x api.Run) bool { return x.Version == 2 },
			"customer=cus_none":         func(x api.Run) bool { return x.Customer == "cus_none" },
			"journey=survey&state=done": func(x api.Run) bool { return x.Journey == "survey" && x.State == api.RunDone },
		} {
			want := []api.Run{}
			for _, x := range all.Data {
				if holds(x) {
					want = append(want, x)
				}
			}
			require.Equal(t, want, decode[api.RunList](t, r.call("GET", "/v1/runs?"+query, h, "")).Data, query)
		}
		require.Equal(t, 422, r.call("GET", "/v1/runs?state=lost", h, "").Code)
		require.Equal(t, 404, r.call("GET", "/v1/runs/run_none", h, "").Code)
		other, _ := r.key("journeys:write")
		for _, path := range []string{"/v1/runs", "/v1/runs/run_1", "/v1/ratings", "/v1/ratings/csv", "/v1/journeys/cart/effect"} {
			require.Equal(t, 403, r.call("GET", path, header{"Authorization": "Bearer " + other}, "").Code, path)
			require.Equal(t, 401, r.call("GET", path, nil, "").Code, path)
		}
	})
}

func TestRatings(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("journeys:read")
		h := header{"Authorization": "Bearer " + text}
		for i, sku := range []string{"LWD-NAV-M", "LWD-NAV-L"} {
			r.sell(sku)
			write(t, r.d, func(tx *db.Tx) error {
				o, err := r.orders.Get(tx, order.ID("ord_"+strings.ToLower(sku)))
				if err != nil {
					return err
				}
				return r.journeys.Review(tx, o, "de", []journeys.Review{{SKU: sku, Stars: 2 + int64(i), Words: []string{"", "=zu lang"}[i]}})
			})
			r.d.Clock().Advance(time.Hour)
		}
		first := decode[api.RatingList](t, r.call("GET", "/v1/ratings?of=articles&limit=1", h, ""))
		require.Len(t, first.Data, 1)
		require.Equal(t, "review:LWD-NAV-L", first.Data[0].Question, "the latest first")
		require.NotEmpty(t, first.Next)
		second := decode[api.RatingList](t, r.call("GET", "/v1/ratings?of=articles&limit=1&after="+first.Next, h, ""))
		require.EqualValues(t, 2, second.Data[0].Score)
		require.Empty(t, second.Next)
		for query, n := range map[string]int{"": 0, "?of=articles": 2, "?of=articles&score=3": 1, "?of=articles&words=true": 1, "?of=articles&market=gb": 0,
			"?of=articles&since=" + first.Data[0].At.Format(time.RFC3339): 1} {
			require.Len(t, decode[api.RatingList](t, r.call("GET", "/v1/ratings"+query, h, "")).Data, n, query)
		}
		rec := r.call("GET", "/v1/ratings/csv?of=articles", h, "")
		require.Equal(t, "text/csv", rec.Header().Get("Content-Type"))
		require.Equal(t, "at,order,market,language,question,score,comment,channel\n2026-11-24T13:00:00Z,ord_lwd-nav-l,de,de,review:LWD-NAV-L,3,'=zu lang,page\n"+
			"2026-11-24T12:00:00Z,ord_lwd-nav-m,de,de,review:LWD-NAV-M,2,,page\n", rec.Body.String())
	})
}

// What may be said of an effect is said with its interval; of too few people or of groups that aren't as the lot makes
// them nothing is.
func TestEffectOfAJourney(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("journeys:read")
		h := header{"Authorization": "Bearer " + text}
		past := func(m market.Code, n int, held func(int) bool) {
			var all []journeys.PastRun
			for i := range n {
				who := fmt.Sprintf("%s%04d", m, i)
				all = append(all, journeys.PastRun{Journey: "cart", Version: 1, Key: "crt_" + who, Cart: "crt_" + who, Customer: "cus_" + who, Market: m, Lang: "en", Node: "write",
					Control: held(i), At: r.d.Clock().Now().Add(time.Duration(i-20*24*60) * time.Minute)})
			}
			write(t, r.d, func(tx *db.Tx) error { return r.journeys.Enter(tx, all) })
		}
		tenth := func(i int) bool { return i%10 == 0 }
		past("de", 300, tenth)
		past("gb", 900, tenth)
		past("us", 900, func(i int) bool { return i%3 == 0 })
		of := func(query string) api.JourneyEffect {
			rec := r.call("GET", "/v1/journeys/cart/effect?"+query, h, "")
			require.Equal(t, 200, rec.Code, "%s", rec.Body)
			return decode[api.JourneyEffect](t, rec)
		}
		few := of("market=de").All
		require.Equal(t, api.VerdictFew, few.Verdict)
		require.EqualValues(t, []int64{270, 30}, []int64{few.Treated.People, few.Control.People})
		require.Positive(t, few.Missing)
		require.Positive(t, few.Days)
		require.Zero(t, few.Conversion)
		none := of("market=gb&version=1").All
		require.Equal(t, api.VerdictNone, none.Verdict)
		require.Less(t, none.Conversion.Low, 0.0)
		require.Positive(t, none.Conversion.High)
		require.Equal(t, "EUR", none.Worth.Currency)
		hidden := of("market=us").All
		require.Equal(t, api.VerdictUnequal, hidden.Verdict)
		require.Zero(t, hidden.Treated.Figures)
		require.Zero(t, hidden.Conversion)
		require.Zero(t, of("version=2").All.Treated.People)
		require.Equal(t, 404, r.call("GET", "/v1/journeys/none/effect", h, "").Code)
		require.Equal(t, 422, r.call("GET", "/v1/journeys/cart/effect?margin=101", h, "").Code)
		require.Equal(t, 422, r.call("GET", "/v1/journeys/cart/effect?since=2026-11-24T12:00:00Z&until=2026-11-20T12:00:00Z", h, "").Code)
	})
}

// What a draft would do is told before anybody meets it.
func TestStoryOfADraft(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("journeys:read", "journeys:write")
		h := header{"Authorization": "Bearer " + text}
		require.Equal(t, 200, r.call("PUT", "/v1/journeys/hello/draft", h, `{"definition": {"journey": "hello", "about": "order", "priority": 10, "trigger": {"events": ["order.paid"]},
			"nodes": [{"id": "pause", "do": "wait", "for": "2h", "next": "word"}, {"id": "word", "do": "tag", "tag": "greeted"}]}}`).Code)
		tell := func(more string) []string {
			rec := r.call("POST", "/v1/journeys/hello/what-if", h, `{"market": "de", "start": "2026-11-25T10:00:00Z"`+more+`, "events": [{"event": "order.paid"}]}`)
			require.Equal(t, 200, rec.Code, "%s", rec.Body)
			var all []string
			for _, s := range decode[api.ToldStory](t, rec).Data {
				all = append(all, strings.TrimSpace(s.Local[11:16]+" "+s.Event+" "+s.Journey+" "+s.Step.Node+" "+string(s.Step.Outcome)))
			}
			return all
		}
		want := []string{"11:00 order.paid", "11:00  hello pause waits", "13:00  hello word passed"}
		require.Equal(t, want, tell(""))
		require.Equal(t, want, tell(`, "draft": true`))
		require.Contains(t, tell(`, "together": true`), "11:00  confirm text sent")
		require.Equal(t, 404, r.call("POST", "/v1/journeys/hello/what-if", h, `{"market": "de", "start": "2026-11-25T10:00:00Z", "version": 1}`).Code)
		require.Zero(t, r.count(`select count(*) from journey_runs`))
		require.Zero(t, r.count(`select count(*) from messages`))
	})
}
