package admin_test

import (
	"bytes"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/landed"
	"portolan/internal/rulebook"
)

const germanRow = "vat:DE:standard:2021-01-01"

// hidden are the hidden fields of the first form that posts to an address.
func hidden(t *testing.T, body, action string) []string {
	t.Helper()
	_, form, ok := strings.Cut(body, `method="post" action="`+action+`"`)
	require.True(t, ok, "no form for "+action)
	form, _, _ = strings.Cut(form, "</form>")
	var fields []string
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(form, -1) {
		fields = append(fields, m[1], html.UnescapeString(m[2]))
	}
	return fields
}

func TestRulesPages(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.user(auth.Operator)
		r.user(auth.Viewer)
		r.sample()
		r.open()
		op, viewer := r.as(auth.Operator), r.as(auth.Viewer)

		has(t, op.page("/console/rules"), landed.Default().Version(), "none imported", "/console/rules/export?table=regimes")
		has(t, op.page("/console/rules?table=taxes&q=germany"), germanRow, "Germany (DE)", "19 %", "do=add")
		has(t, op.page("/console/rules?q=6109.10"), "duty:EU:610910:MFN:2021-01-01")
		require.NotContains(t, op.page("/console/rules?table=regimes"), "eu:relief:2021-07-01", "ended rows are left out")
		has(t, op.page("/console/rules?table=regimes&all=1"), "eu:relief:2021-07-01")
		has(t, op.page("/console/rules?q="+url.QueryEscape(evil)), "Nothing")
		status, body := op.get("/console/rules/export?table=taxes")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, landed.Default().Texts()["taxes.csv"], body)
		status, _ = op.get("/console/rules/export?table=../secrets")
		require.Equal(t, http.StatusNotFound, status)

		row := "/console/rules/row?id=" + url.QueryEscape(germanRow)
		body = op.page(row)
		has(t, body, "https://github.com/vatnode/eu-vat-rates-data-go", "Replace the row", "No order of the last 30 days")
		require.NotContains(t, viewer.page(row), "Replace the row")
		status, _ = op.get("/console/rules/row?id=none")
		require.Equal(t, http.StatusNotFound, status)

		form := op.page("/console/rules/change?do=replace&end=" + url.QueryEscape(germanRow))
		has(t, form, `name="c.rate_pct" value="19"`, `value="2026-11-25"`)
		ask := url.Values{"do": {"replace"}, "end": {germanRow}, "look": {"1"}, "effective": {"2027-01-01"}, "source": {"bgbl-2026" + evil}, "reason": {"the rate rises" + evil},
			"c.country": {"DE"}, "c.code": {"VAT"}, "c.category": {"standard"}, "c.rate_pct": {"20"}, "c.confidence": {"high"}}
		look := func(change func(url.Values)) string {
			q := url.Values{}
			for k, v := range ask {
				q[k] = v
			}
			change(q)
			body := op.page("/console/rules/change?" + q.Encode())
			require.NotContains(t, body, evil)
			return body
		}
		body = look(func(url.Values) {})
		has(t, body, "What would change", "small parcel", "Nothing has changed yet.", "19 %", "20 %")
		require.Equal(t, landed.Default().Version(), r.rules.Pack().Version())

		has(t, look(func(q url.Values) { q.Set("c.rate_pct", "many") }), "This change can&#39;t be made", `value="many"`, "This has a form we cannot read")
		has(t, look(func(q url.Values) { q.Set("effective", "2020-01-01") }), "This is outside what is possible")
		has(t, look(func(q url.Values) { q.Set("source", "a,b") }), "This has a form we cannot read")
		has(t, look(func(q url.Values) { q.Set("reason", " ") }), "Please fill this in")
		has(t, look(func(q url.Values) { q.Set("do", "add"); q.Set("table", "taxes"); q.Del("end") }), "Another row for the same case")
		has(t, look(func(q url.Values) { q.Set("c.rate_pct", "19") }), "This changes no rule")
		has(t, op.page("/console/rules/change?do=add&table=regimes&look=1&effective=2027-01-01&source=x&reason=y&c.country=DE&c.mode=per_pound&c.confidence=high"), "no such way of working out duty")
		status, _ = op.get("/console/rules/change?do=add&table=prices")
		require.Equal(t, http.StatusNotFound, status)
		status, _ = op.get("/console/rules/change?do=end&end=none")
		require.Equal(t, http.StatusNotFound, status)

		status, body = op.post("/console/rules/change", hidden(t, look(func(url.Values) {}), "/console/rules/change")...)
		require.Equal(t, http.StatusOK, status, body)
		has(t, body, "The change is in force.", "operator@shop.example", "bgbl-2026", "the rate rises")
		require.NotContains(t, body, evil)
		require.NotEqual(t, landed.Default().Version(), r.rules.Pack().Version())
		has(t, op.page(row), "Before and after it", "taxes:DE:VAT:standard:2027-01-01")
		has(t, op.page("/console/rules"), "1 change of yours")

		status, body = op.post("/console/rules/change", "do", "replace", "end", germanRow, "effective", "2026-12-01", "source", "x", "reason", "y", "c.rate_pct", "many", "c.country", "DE")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		has(t, body, `value="many"`, "This has a form we cannot read")

		has(t, op.page("/console/rules/history?a="+url.QueryEscape(landed.Default().Version())+"&b="+url.QueryEscape(r.rules.Pack().Version())), "Rate", "20 %")
		status, _ = op.get("/console/rules/history?a=none&b=" + url.QueryEscape(r.rules.Pack().Version()))
		require.Equal(t, http.StatusNotFound, status)
		changed := r.rules.Pack().Version()
		m := regexp.MustCompile(`/console/rules/history/(amd_\w+)/undo`).FindStringSubmatch(op.page("/console/rules/history"))
		require.NotNil(t, m)
		require.NotContains(t, viewer.page("/console/rules/history"), "/undo")
		status, body = op.post("/console/rules/history/"+m[1]+"/undo", "reason", "no such law")
		require.Equal(t, http.StatusOK, status, body)
		has(t, body, "The change is taken back.", "no such law", "taken back")
		require.Equal(t, landed.Default().Version(), r.rules.Pack().Version())
		has(t, op.page("/console/rules/row?id="+url.QueryEscape("taxes:DE:VAT:standard:2027-01-01")+"&at="+url.QueryEscape(changed)), "This is the row as version")
	})
}

// upload hands in a file as a browser does.
func (b *browser) upload(name string, content []byte, fields ...string) (int, string) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", name)
	require.NoError(b.r.t, err)
	part.Write(content)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(b.r.t, w.WriteField(fields[i], fields[i+1]))
	}
	require.NoError(b.r.t, w.Close())
	res, err := b.c.Post(b.r.server.URL+"/console/rules/imports", w.FormDataContentType(), &body)
	require.NoError(b.r.t, err)
	return b.read(res)
}

func TestRuleImports(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		r.user(auth.Operator)
		r.open()
		op := r.as(auth.Operator)
		const head = "hts,general_rate,valid_from,valid_to,source,confidence\n"
		has(t, op.page("/console/rules/imports"), "No official table is imported")
		for name, tt := range map[string]struct {
			content string
			status  int
			says    string
		}{
			"empty": {"", http.StatusUnprocessableEntity, "The file is empty"},
			"huge":  {strings.Repeat("x", rulebook.MaxFile+10), http.StatusRequestEntityTooLarge, "larger than 32 MB"},
			"vast":  {strings.Repeat("x", rulebook.MaxFile+2<<20), http.StatusRequestEntityTooLarge, "larger than 32 MB"},
		} {
			status, body := op.upload("x.csv", []byte(tt.content))
			require.Equal(t, tt.status, status, name)
			has(t, body, tt.says)
		}
		bad := head + "0902.10.10,6.4%,2026-01-01,,us-hts,high\n0902.10.20,1\xa2/kg,2026-01-01,,us-hts,high\n0902,Free,2026-01-01,,us-hts,high\n0902.10.90,Free\n"
		status, body := op.upload(evil+".csv", []byte(bad))
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The table is in force once every row was read", `hx-trigger="every 1s"`)
		id := regexp.MustCompile(`imports/(imp_\w+)`).FindString(body)
		r.drain()
		body = op.page("/console/rules/" + id)
		has(t, body, "Nothing of this file is used", "UTF-8", "too many or too few columns", "as many digits as")
		require.NotContains(t, body, evil)
		require.Nil(t, r.rules.Pack().Tariff())

		op.upload("us.csv", []byte(bad), "skip_bad", "yes")
		r.drain()
		require.Equal(t, 1, r.rules.Pack().Tariff().Len())
		body = op.page("/console/rules/imports")
		has(t, body, "General rates of the US", "3 bad rows", "operator@shop.example")
		has(t, op.page("/console/rules/row?id="+url.QueryEscape("tariff:US:09021010:2026-01-01")), "6.4")
		has(t, op.page("/console/rules"), "General rates of the US")
		id = regexp.MustCompile(`imports/(imp_\w+)`).FindString(body)
		status, body = op.post("/console/rules/" + id + "/end")
		require.Equal(t, http.StatusOK, status)
		has(t, body, "The import is no longer in force.")
		require.Nil(t, r.rules.Pack().Tariff())
		status, _ = op.post("/console/rules/" + id + "/end")
		require.Equal(t, http.StatusNotFound, status)
	})
}
