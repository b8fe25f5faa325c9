package admin_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/pricing"
)

// send is post with a file.
func (b *browser) sendFile(path, name, text string, fields ...string) (int, string) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(b.r.t, form.WriteField(fields[i], fields[i+1]))
	}
	if name != "" {
		part, err := form.CreateFormFile("file", name)
		require.NoError(b.r.t, err)
		_, err = io.WriteString(part, text)
		require.NoError(b.r.t, err)
	}
	require.NoError(b.r.t, form.Close())
	res, err := b.c.Post(b.r.server.URL+path, form.FormDataContentType(), &body)
	require.NoError(b.r.t, err)
	return b.read(res)
}

func TestRatesPage(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.user(auth.Operator)
		r.user(auth.Viewer)
		file, broken := "", false
		r.prices.Fetching(r.queue, func(context.Context, string) (io.ReadCloser, error) {
			if broken {
				return nil, errors.New("no route to host")
			}
			return io.NopCloser(strings.NewReader(file)), nil
		})
		r.open()
		op, viewer := r.as(auth.Operator), r.as(auth.Viewer)
		const at = "/console/rates"
		has(t, op.page(at), "Nobody has said yet what your own currency is.", "There is no history to draw yet")
		has(t, op.page(at+"/exposure"), "Until then no order locks a rate.")
		require.NotContains(t, viewer.page(at), `name="do"`)
		status, _ := viewer.post(at, "do", "desk", "home", "CNY")
		require.Equal(t, http.StatusForbidden, status)

		status, body := op.post(at, "do", "desk", "home", "CNY", "days", "x", "bears", "1,005", "url", "ftp://rates")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "between 0 and 180 days", `value="1,005"`, `value="ftp://rates"`, "no more places than its currency has")
		status, body = op.post(at, "do", "desk", "home", "cny", "days", "10", "bears", "100,00")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The settings are kept.", ">missing</span>")

		// By hand, with a reason; a jump needs somebody who vouches.
		set := func(rate, day, reason string, more ...string) (int, string) {
			return op.post(at, append([]string{"do", "set", "base", "eur", "quote", "CNY", "rate", rate, "day", day, "reason", reason}, more...)...)
		}
		status, body = set("8,2", "2026-11-23", "")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "Please say why", `value="8,2"`)
		status, _ = set("8,2", "2026-11-23", "the bank's"+evil)
		require.Equal(t, http.StatusOK, status)
		status, body = set("9.9", "2026-11-24", "typo")
		require.Equal(t, http.StatusConflict, status)
		has(t, body, "more than 10 % away", `value="9.9"`)
		status, body = set("9.9", "2026-11-24", "devalued", "vouch", "on", "pair", "CNY-EUR")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The rate is kept.", "0.10101", "devalued", "0 days old")
		require.NotContains(t, body, evil)
		_, id, _ := strings.Cut(body, `name="rate" value="`)
		id, _, _ = strings.Cut(id, `"`)
		status, body = op.post(at, "do", "undo", "rate", id, "pair", "CNY-EUR")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "the one before it counts again", "0.121951", "undone")
		status, _ = op.post(at, "do", "undo", "rate", id)
		require.Equal(t, http.StatusConflict, status)

		// A file with a bad line changes nothing and says which line it is.
		status, body = op.sendFile(at, "rates.csv", "day,base,quote,rate\n2026-11-20,EUR,CNY,8.21\n2026-11-19,EUR,CNY,x"+evil+"\n", "do", "upload")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "nothing of it was kept", "Please enter a rate above zero.", "x&lt;script&gt;")
		status, body = op.sendFile(at, "", "", "do", "upload")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "Please choose a file.")
		var lines strings.Builder
		lines.WriteString("day,base,quote,rate\n")
		for n := range 40 {
			lines.WriteString(market.AddDays("2026-11-22", -n) + ",EUR,CNY," + []string{"8.2", "8.25"}[n%2] + "\n")
		}
		status, body = op.sendFile(at, "rates.csv", lines.String(), "do", "upload")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The rates of the file are kept.", "<svg viewBox", "As a table")

		// Fetching: what fails changes nothing, and the second time somebody is told.
		status, body = op.post(at, "do", "fetch")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "Please give the address to fetch from")
		status, _ = op.post(at, "do", "desk", "home", "CNY", "days", "10", "bears", "100", "url", "http://127.0.0.1:1/rates.xml", "daily", "on")
		require.Equal(t, http.StatusOK, status)
		file = `<Envelope><Cube><Cube time="2026-11-24"><Cube currency="CNY" rate="8.3"/></Cube></Cube></Envelope>`
		status, body = op.post(at, "do", "fetch")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The rates were fetched.", "1 rates read, 1 of them new")
		broken = true
		status, body = op.post(at, "do", "fetch")
		require.Equal(t, http.StatusServiceUnavailable, status)
		has(t, body, "The rates kept are as they were.")
		require.NotContains(t, op.page("/console/"), "exchange rates needs you")
		broken, file = false, file[:60] // breaks off
		status, _ = op.post(at, "do", "fetch")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, op.page("/console/"), "1 thing about exchange rates needs you")
		has(t, op.page(at), "Fetching failed 2 times in a row.", "0.120482")

		// A week later the rate is too old, and the page says what happens then.
		r.d.Clock().Advance(9 * 24 * time.Hour)
		op = r.as(auth.Operator)
		has(t, op.page(at), "too old", "published prices stay, but no new ones are made", "9 days old")
		for _, lang := range i18n.Languages() {
			op.post("/console/language", "lang", lang)
			op.page(at)
			op.page(at + "/exposure")
		}
	})
}

func TestExposurePage(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.user(auth.Operator)
		r.prices.Work(r.queue)
		r.open()
		op := r.as(auth.Operator)
		const at = "/console/rates/exposure"
		dbtest.Write(t, d, func(tx *db.Tx) error {
			for n := range 40 {
				if err := r.prices.SetRate(tx, pricing.FX{Base: "EUR", Quote: "CNY", Rate: money.MustRate([]string{"8.0", "8.1"}[n%2]), Day: market.AddDays("2026-11-24", n-40), Source: "ecb"}); err != nil {
					return err
				}
			}
			if err := r.prices.SetDesk(tx, pricing.Desk{Home: "CNY", Bears: money.Of(10_00, "CNY"), Days: 10}, "Mei"); err != nil {
				return err
			}
			for _, ref := range []string{"ord_1", "ord_2"} {
				if err := r.prices.Keep(tx, ref, money.Of(100_00, "EUR"), pricing.LockedRate{Home: "CNY", Rate: money.MustRate("8.2"), Day: "2026-11-23", Source: "ecb"}); err != nil {
					return err
				}
			}
			return nil
		})
		has(t, op.page(at), "EUR\u00a0200.00", "CNY\u00a01,640.00", "CNY\u00a01,620.00", "-CNY\u00a020.00", "2 orders not paid out yet", "Advice: lock", "measured on 40 rates", "No payout is noted yet")

		head := "payout,ref,amount,currency,home_amount,home_currency,fee,day\n"
		status, body := op.sendFile(at, "nov.csv", head+"po_1,ord_9,100,EUR,815,CNY,3.20,2026-11-24\npo_1,ord_1,100.01,EUR,815,CNY,3.20,2026-11-24\n", "do", "payouts")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, "nothing of it was kept", "No order with a locked rate has this name.", "more than is left of the order")
		status, body = op.sendFile(at, "nov"+evil+".csv", head+"po_1,ord_1,100,EUR,815,CNY,3.20,2026-11-24\n", "do", "payouts")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "0 of 1 lines", `hx-trigger="every 1s"`)
		require.NotContains(t, body, evil)
		r.drain()
		has(t, op.page(at), "2026-11", "-CNY\u00a05.00", "fees CNY\u00a03.20", "1 order not paid out yet", "settled")
		_, id, _ := strings.Cut(op.page(at), `href="/console/rates/payouts/`)
		id, _, _ = strings.Cut(id, `"`)
		has(t, op.page("/console/rates/payouts/"+id), "Done.")
		status, _ = op.get("/console/rates/payouts/none")
		require.Equal(t, http.StatusNotFound, status)
	})
}
