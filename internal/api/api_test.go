package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"portolan/internal/api"
	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/payment/fakepsp"
	"portolan/internal/web"
)

func newOrder(ref string) string {
	return strings.ReplaceAll(`{"source": "atelier", "external_ref": "REF", "country": "DE", "currency": "EUR",
		"contact": {"given_name": "Anna", "email": "anna@example.de", "phone": "0151 23456789"},
		"address": {"given_name": "Anna", "family_name": "Schmidt", "line1": "Torstraße 1", "city": "Berlin", "postcode": "10119", "country": "DE"},
		"lines": [{"sku": "KL-7", "title": "Kleid", "quantity": 2, "unit_price": {"minor": 1000, "currency": "EUR"}}],
		"total": {"minor": 2000, "currency": "EUR"}, "paid": true}`, "REF", ref)
}

const cart = `{"market": "de", "lang": "de", "lines": [{"sku": "LWD-NAV-M", "quantity": 1}]}`

// begin opens a cart and returns its path.
func (r *rig) begin() string {
	rec := r.call("POST", "/v1/carts", nil, cart)
	require.Equal(r.t, http.StatusCreated, rec.Code, "%s", rec.Body)
	return "/v1/carts/" + decode[api.Cart](r.t, rec).Token
}

func TestBadInput(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("orders:write", "orders:read", "quotes:write")
		mine := header{"Authorization": "Bearer " + text, "Idempotency-Key": "k"}
		other, _ := r.key("catalog:read")
		gone, revoked := r.key("orders:write")
		require.Equal(t, 201, r.call("POST", "/v1/orders", header{"Authorization": "Bearer " + gone, "Idempotency-Key": "k"}, newOrder("first")).Code)
		write(t, r.d, func(tx *db.Tx) error { return r.keys.RevokeKey(tx, revoked.ID) })
		at := r.begin()
		changed := func(old, new string) string {
			s := newOrder("bad")
			require.Contains(t, s, old)
			return strings.Replace(s, old, new, 1)
		}
		for _, tt := range []struct {
			name, method, path string
			head               header
			body               string
			status             int
			code, field, says  string
		}{
			{"unknown SKU", "POST", "/v1/carts", nil, strings.Replace(cart, "LWD-NAV-M", "NOPE", 1), 422, "api.invalid_request", "/lines/0/sku", "unknown"},
			{"unknown SKU in a cart", "POST", at + "/lines", nil, `{"sku": "NOPE", "quantity": 1}`, 422, "checkout.invalid", "/sku", "unknown"},
			{"quantity 0", "POST", "/v1/carts", nil, strings.Replace(cart, `"quantity": 1`, `"quantity": 0`, 1), 422, "api.invalid_request", "/lines/0/quantity", "at_least_1"},
			{"quantity -1", "POST", at + "/lines", nil, `{"sku": "LWD-NAV-M", "quantity": -1}`, 422, "api.invalid_request", "/quantity", "at_least_1"},
			{"quantity 10^9", "POST", at + "/lines", nil, `{"sku": "LWD-NAV-M", "quantity": 1000000000}`, 422, "api.invalid_request", "/quantity", "at_most_99"},
			{"quantity 1.5", "POST", at + "/lines", nil, `{"sku": "LWD-NAV-M", "quantity": 1.5}`, 422, "api.invalid_request", "/quantity", "must_be_integer"},
			{"quantity as text", "POST", at + "/lines", nil, `{"sku": "LWD-NAV-M", "quantity": "1"}`, 422, "api.invalid_request", "/quantity", "must_be_integer"},
			{"quantity missing", "POST", at + "/lines", nil, `{"sku": "LWD-NAV-M"}`, 422, "api.invalid_request", "/quantity", "required"},
			{"too many in all", "POST", at + "/lines", nil, `{"sku": "LWD-NAV-M", "quantity": 99}`, 422, "checkout.invalid", "/quantity", "at_most_99"},
			{"line that isn't there", "PUT", at + "/lines/LWD-NAV-L", nil, `{"quantity": 1}`, 422, "api.invalid_request", "path.sku", "not_in_cart"},
			{"unknown field", "POST", at + "/lines", nil, `{"sku": "LWD-NAV-M", "quantity": 1, "price": 1}`, 422, "api.invalid_request", "/price", "unknown_field"},
			{"unknown field deep down", "POST", "/v1/orders", mine, changed(`"title": "Kleid"`, `"title": "Kleid", "colour": 1`), 422, "api.invalid_request", "/lines/0/colour", "unknown_field"},
			{"no JSON", "POST", at + "/lines", nil, `{"sku": `, 422, "web.unreadable_body", "", ""},
			{"no body", "POST", at + "/lines", nil, ``, 422, "web.unreadable_body", "", ""},
			{"wrong content type", "POST", at + "/lines", header{"Content-Type": "text/plain"}, `{"sku": "LWD-NAV-M", "quantity": 1}`, 415, "web.content_type", "", ""},
			{"form", "POST", "/v1/orders", header{"Authorization": "Bearer " + text, "Idempotency-Key": "k", "Content-Type": "application/x-www-form-urlencoded"}, `a=b`, 415, "web.content_type", "", ""},
			{"body over the limit", "POST", at + "/lines", nil, `{"sku": "` + strings.Repeat("x", web.MaxBody) + `"}`, 413, "web.body_too_large", "", ""},
			{"text with a zero byte", "POST", at + "/lines", nil, `{"sku": "a\u0000b", "quantity": 1}`, 422, "api.unreadable_text", "", ""},
			{"malformed phone", "PUT", at + "/contact", nil, `{"phone": "12"}`, 422, "checkout.invalid", "/phone", "phone_form"},
			{"malformed e-mail", "PUT", at + "/contact", nil, `{"email": "anna"}`, 422, "checkout.invalid", "/email", "no_address"},
			{"no contact", "PUT", at + "/contact", nil, `{}`, 422, "checkout.invalid", "/email", "email_or_phone_needed"},
			{"address without postcode", "PUT", at + "/address", nil, `{"given_name": "Anna", "family_name": "S", "line1": "Torstraße 1", "city": "Berlin", "country": "DE"}`, 422, "address.invalid", "/postcode", "required"},
			{"country not delivered to", "PUT", at + "/address", nil, `{"given_name": "Anna", "line1": "1 Rue", "city": "Paris", "postcode": "75001", "country": "FR"}`, 422, "checkout.invalid", "/country", "not_delivered_to"},
			{"unknown market", "POST", "/v1/carts", nil, `{"market": "xx"}`, 422, "api.invalid_request", "/market", "unknown"},
			{"language not spoken", "POST", "/v1/carts", nil, `{"market": "de", "lang": "fr"}`, 422, "api.invalid_request", "/lang", "not_spoken_there"},
			{"delivery before an address", "PUT", at + "/delivery", nil, `{"service": "express_ddp"}`, 422, "checkout.incomplete", "/address", "required"},
			{"paying too early", "POST", at + "/payments", nil, `{"method": "card", "instrument": "4242424242424242"}`, 422, "checkout.incomplete", "/address", "required"},
			{"return to no web address", "POST", at + "/payments", nil, `{"method": "card", "return_url": "javascript:alert(1)"}`, 422, "api.invalid_request", "/return_url", "no_web_address"},
			{"foreign discount code", "PUT", at + "/code", nil, `{"code": "NOPE"}`, 404, "pricing.code_unknown", "", ""},
			{"unknown cart", "GET", "/v1/carts/abcdefghijkl", nil, "", 404, "checkout.unknown_cart", "", ""},
			{"cart token of another form", "GET", "/v1/carts/abc%2e%2e%2f", nil, "", 422, "api.invalid_request", "path.token", "malformed"},
			{"unknown market of a list", "GET", "/v1/products?market=xx", nil, "", 422, "api.invalid_request", "query.market", "unknown"},
			{"no market", "GET", "/v1/products", nil, "", 422, "api.invalid_request", "query.market", "required"},
			{"limit", "GET", "/v1/products?market=de&limit=101", nil, "", 422, "api.invalid_request", "query.limit", "at_most_100"},
			{"page", "GET", "/v1/products?market=de&page=x", nil, "", 422, "api.invalid_request", "query.page", "must_be_integer"},
			{"unknown parameter", "GET", "/v1/products?market=de&colour=red", nil, "", 422, "api.invalid_request", "query.colour", "unknown_parameter"},
			{"unknown category", "GET", "/v1/products?market=de&category=no", nil, "", 422, "api.invalid_request", "query.category", "unknown"},
			{"path traversal in a slug", "GET", "/v1/products/..%2f..%2fetc%2fpasswd?market=de", nil, "", 404, "catalog.unknown_product", "", ""},
			{"unknown operation", "GET", "/v1/nothing", nil, "", 404, "api.no_such_operation", "", ""},
			{"wrong method", "DELETE", "/v1/orders", nil, "", 405, "api.method_not_allowed", "", ""},

			{"no key", "POST", "/v1/orders", nil, newOrder("bad"), 401, "auth.anonymous", "", ""},
			{"a key that isn't one", "GET", "/v1/orders", header{"Authorization": "Bearer ptk_nope"}, "", 401, "auth.anonymous", "", ""},
			{"missing scope", "GET", "/v1/messages", mine, "", 403, "auth.scope_missing", "", ""},
			{"foreign scope", "POST", "/v1/orders", header{"Authorization": "Bearer " + other, "Idempotency-Key": "k"}, newOrder("bad"), 403, "auth.scope_missing", "", ""},
			{"key revoked", "POST", "/v1/orders", header{"Authorization": "Bearer " + gone, "Idempotency-Key": "k2"}, newOrder("bad"), 401, "auth.anonymous", "", ""},
			{"no idempotency key", "POST", "/v1/orders", header{"Authorization": "Bearer " + text}, newOrder("bad"), 422, "api.invalid_request", "header.Idempotency-Key", "required"},
			{"idempotency key of bad form", "POST", "/v1/orders", header{"Authorization": "Bearer " + text, "Idempotency-Key": "a b"}, newOrder("bad"), 422, "idempotency.key_form", "header.Idempotency-Key", "1_to_128_visible_characters"},
			{"our own name as source", "POST", "/v1/orders", mine, changed(`"atelier"`, `"shop"`), 422, "api.invalid_request", "/source", "reserved"},
			{"currency the market doesn't have", "POST", "/v1/orders", mine, strings.ReplaceAll(newOrder("bad"), "EUR", "USD"), 422, "beside.invalid", "/currency", "not_of_market"},
			{"currencies that differ", "POST", "/v1/orders", mine, changed(`"minor": 1000, "currency": "EUR"`, `"minor": 1000, "currency": "USD"`), 422, "beside.invalid", "/lines/0/unit_price", "other_currency"},
			{"total", "POST", "/v1/orders", mine, changed(`"minor": 2000`, `"minor": 2001`), 422, "beside.invalid", "/total", "does_not_add_up"},
			{"negative price", "POST", "/v1/orders", mine, changed(`"minor": 1000`, `"minor": -1000`), 422, "beside.invalid", "/lines/0/unit_price", "negative"},
			{"unknown SKU without a title", "POST", "/v1/orders", mine, changed(`"title": "Kleid", `, ``), 422, "beside.invalid", "/lines/0/sku", "unknown_and_no_title"},
			{"unknown country", "POST", "/v1/orders", mine, changed(`"country": "DE", "currency"`, `"country": "AQ", "currency"`), 422, "beside.invalid", "/country", "no_market"},
			{"country of another market", "POST", "/v1/orders", mine, changed(`"country": "DE", "currency"`, `"market": "gb", "country": "DE", "currency"`), 422, "beside.invalid", "/country", "not_in_market"},
			{"order's phone", "POST", "/v1/orders", mine, changed(`0151 23456789`, `phone`), 422, "beside.invalid", "/contact/phone", "phone_form"},
			{"order's postcode", "POST", "/v1/orders", mine, changed(`"postcode": "10119", `, ``), 422, "beside.invalid", "/address/postcode", "required"},
			{"paid in the future", "POST", "/v1/orders", mine, changed(`"paid": true`, `"paid_at": "2027-01-01T00:00:00Z"`), 422, "beside.invalid", "/paid_at", "in_the_future"},
			{"no moment", "POST", "/v1/orders", mine, changed(`"paid": true`, `"paid_at": "yesterday"`), 422, "api.invalid_request", "/paid_at", "malformed"},
			{"unknown order", "GET", "/v1/orders/ord_nope", mine, "", 404, "order.unknown", "", ""},
			{"unusable cursor", "GET", "/v1/orders?after=nope", mine, "", 422, "api.invalid_request", "query.after", "malformed"},
			{"unknown state", "GET", "/v1/orders?state=lost", mine, "", 422, "api.invalid_request", "query.state", "unknown_value"},
			{"no moment in a query", "GET", "/v1/orders?since=yesterday", mine, "", 422, "api.invalid_request", "query.since", "malformed"},
			{"zero byte in a query", "GET", "/v1/orders?search=a%00b", mine, "", 422, "api.unreadable_text", "", ""},
			{"quote without a price", "POST", "/v1/quotes", mine, `{"destination": {"country": "DE"}, "lines": [{"quantity": 1}]}`, 422, "api.invalid_request", "/lines/0/unit_price", "required"},
			{"quote to nowhere", "POST", "/v1/quotes", mine, `{"destination": {"country": "XQ"}, "lines": [{"sku": "LWD-NAV-M", "quantity": 1}]}`, 422, "api.invalid_request", "/destination/country", "unknown"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				rec := r.call(tt.method, tt.path, tt.head, tt.body)
				require.Equal(t, tt.status, rec.Code, "%s", rec.Body)
				require.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"))
				p := decode[web.Problem](t, rec)
				require.Equal(t, tt.code, p.Code, "%s", rec.Body)
				require.Equal(t, tt.status, p.Status)
				if tt.field != "" {
					require.Equal(t, tt.says, p.Fields[tt.field], "%s", rec.Body)
				}
				require.NotContains(t, rec.Body.String(), "NOPE", "what was sent is not repeated")
			})
		}
		require.EqualValues(t, 1, r.count(`select count(*) from orders`), "nothing half-written")
		require.EqualValues(t, 1, r.count(`select count(*) from idempotency_keys`), "a refused request leaves its key free")
		require.EqualValues(t, 1, r.count(`select count(*) from customers`))
	})
}

func TestHTMLStaysText(t *testing.T) {
	const evil = `<script>alert("x")</script>`
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("orders:write", "orders:read")
		mine := header{"Authorization": "Bearer " + text, "Idempotency-Key": "k"}
		quoted := strings.ReplaceAll(evil, `"`, `\"`)
		body := strings.NewReplacer(`"title": "Kleid"`, `"options": {"`+quoted+`": "`+quoted+`"}, "title": "`+quoted+`"`, `"given_name": "Anna"`, `"given_name": "`+quoted+`"`,
			`"line1": "Torstraße 1"`, `"line1": "`+quoted+`"`, `"city": "Berlin"`, `"city": "`+quoted+`"`, "KL-7", "<b>").Replace(newOrder("<i>1</i>"))
		rec := r.call("POST", "/v1/orders", mine, body)
		require.Equal(t, 201, rec.Code, "%s", rec.Body)
		o := decode[api.Order](t, rec)
		require.Equal(t, evil, o.Lines[0].Title)
		require.Equal(t, evil, o.Address.Line1)
		require.Equal(t, evil, o.Address.City)
		require.Equal(t, evil, o.Contact.GivenName)
		require.Equal(t, "<i>1</i>", o.ExternalRef)
		require.Equal(t, "nosniff", rec.Header().Get("X-Content-Type-Options"))
		require.Contains(t, rec.Header().Get("Content-Security-Policy"), "default-src 'self'")

		at := r.begin()
		rec = r.call("PUT", at+"/contact", nil, `{"given_name": "`+quoted+`", "email": "anna@example.de"}`)
		require.Equal(t, 200, rec.Code)
		require.Equal(t, evil, decode[api.Cart](t, rec).Contact.GivenName)
		r.drain()
		list := decode[api.OrderList](t, r.call("GET", "/v1/orders?search=%3Ci%3E1%3C/i%3E", mine, ""))
		require.Len(t, list.Data, 1)
	})
}

func TestIdempotencyKeys(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("orders:write")
		another, _ := r.key("orders:write")
		send := func(key, token, body string) (int, string, string) {
			rec := r.call("POST", "/v1/orders", header{"Authorization": "Bearer " + token, "Idempotency-Key": key}, body)
			return rec.Code, rec.Body.String(), rec.Header().Get("Idempotency-Replayed")
		}
		status, first, replayed := send("a", text, newOrder("1"))
		require.Equal(t, 201, status, first)
		require.Empty(t, replayed)
		require.Contains(t, first, `"number":"F-20261124-0001"`)
		status, second, replayed := send("a", text, "\n"+newOrder("1"))
		require.Equal(t, 201, status)
		require.Equal(t, first, second)
		require.Equal(t, "true", replayed)
		status, body, _ := send("a", text, newOrder("2"))
		require.Equal(t, 409, status)
		require.Contains(t, body, "idempotency.key_reused")
		status, again, _ := send("a", another, newOrder("1"))
		require.Equal(t, 201, status, "another program's keys are others")
		require.Equal(t, first, again, "but the reference makes it the same order")
		status, body, _ = send("b", text, strings.NewReplacer(`"quantity": 2`, `"quantity": 1`, `"minor": 2000`, `"minor": 1000`).Replace(newOrder("1")))
		require.Equal(t, 409, status)
		require.Contains(t, body, "order.external_ref_reused")
		require.EqualValues(t, 1, r.count(`select count(*) from orders`))
	})
}

// An order from another shop starts the journey of our own: the shopper is told in their language.
func TestAnOrderFromElsewhereIsConfirmed(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("orders:write", "orders:read", "messages:read")
		mine := header{"Authorization": "Bearer " + text, "Idempotency-Key": "k"}
		o := decode[api.Order](t, r.call("POST", "/v1/orders", mine, newOrder("1")))
		r.drain()
		list := decode[api.MessageList](t, r.call("GET", "/v1/messages?order="+o.ID, mine, ""))
		require.Len(t, list.Data, 2)
		var sms api.Message
		for _, m := range list.Data {
			if m.Channel == "sms" {
				sms = m
			}
		}
		require.Equal(t, "+4915123456789", sms.To)
		require.Equal(t, "de", sms.Lang)
		require.Contains(t, sms.Body, o.Number)
		require.EqualValues(t, "sent", sms.State)
		detail := decode[api.MessageDetail](t, r.call("GET", "/v1/messages/"+sms.ID, mine, ""))
		require.Equal(t, "send", detail.Verdict)
		require.Len(t, detail.Attempts, 1)
		who := decode[api.Customer](t, r.call("GET", "/v1/customers/"+o.Customer, mine, ""))
		require.Equal(t, "anna@example.de", who.Email)
		line := decode[api.Timeline](t, r.call("GET", "/v1/orders/"+o.ID+"/timeline", mine, ""))
		require.Equal(t, "order.placed", line.Data[0].Topic)
		require.Equal(t, "order.paid", line.Data[1].Topic)
	})
}

func TestListsArePaged(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text, _ := r.key("orders:write", "orders:read")
		for _, ref := range []string{"1", "2", "3"} {
			rec := r.call("POST", "/v1/orders", header{"Authorization": "Bearer " + text, "Idempotency-Key": ref}, newOrder(ref))
			require.Equal(t, 201, rec.Code, "%s", rec.Body)
		}
		var got []string
		next := ""
		for range 3 {
			path := "/v1/orders?limit=2"
			if next != "" {
				path += "&after=" + next
			}
			l := decode[api.OrderList](t, r.call("GET", path, header{"Authorization": "Bearer " + text}, ""))
			for _, o := range l.Data {
				got = append(got, o.ExternalRef)
			}
			if next = l.Next; next == "" {
				break
			}
		}
		require.ElementsMatch(t, []string{"1", "2", "3"}, got)
	})
}

func TestSoldOutBetweenCartAndPayment(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		var paths []string
		for range 2 {
			rec := r.call("POST", "/v1/carts", nil, `{"market": "de", "lines": [{"sku": "LWD-NAV-L", "quantity": 1}]}`)
			at := "/v1/carts/" + decode[api.Cart](t, rec).Token
			require.Equal(t, 200, r.call("PUT", at+"/contact", nil, `{"email": "anna@example.de"}`).Code)
			require.Equal(t, 200, r.call("PUT", at+"/address", nil, `{"given_name": "Anna", "family_name": "S", "line1": "Torstraße 1", "city": "Berlin", "postcode": "10119", "country": "DE"}`).Code)
			options := decode[api.DeliveryOptions](t, r.call("GET", at+"/delivery-options", nil, ""))
			rec = r.call("PUT", at+"/delivery", nil, `{"service": "`+options.Data[0].Service+`"}`)
			require.Equal(t, 200, rec.Code, "%s", rec.Body)
			paths = append(paths, at)
		}
		pay := func(at string) (int, string) {
			rec := r.call("POST", at+"/payments", nil, `{"method": "card", "instrument": "`+fakepsp.Cards()[0].Number+`"}`)
			return rec.Code, rec.Body.String()
		}
		status, body := pay(paths[0])
		require.Equal(t, 200, status, body)
		require.Contains(t, body, `"state":"paid"`)
		status, body = pay(paths[0])
		require.Equal(t, 200, status)
		require.Contains(t, body, `"state":"paid"`, "a second click takes nothing more")
		status, body = pay(paths[1])
		require.Equal(t, 409, status, body)
		require.Contains(t, body, "checkout.sold_out")
		require.EqualValues(t, 1, r.count(`select count(*) from orders`))
	})
}

func TestTheDocument(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		rec := r.call("GET", "/v1/openapi.json", nil, "")
		require.Equal(t, 200, rec.Code)
		doc, err := openapi3.NewLoader().LoadFromData(rec.Body.Bytes())
		require.NoError(t, err)
		require.NoError(t, doc.Validate(t.Context(), openapi3.EnableExamplesValidation()))
		require.Equal(t, "3.0.3", doc.OpenAPI)
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				scope, scoped := op.Extensions["x-scope"].(string)
				require.Equal(t, scoped, op.Security != nil && len(*op.Security) > 0, "%s %s", method, path)
				if scoped {
					require.Contains(t, auth.Scopes, scope, "%s %s", method, path)
				}
			}
		}
		require.Equal(t, 200, r.call("GET", "/v1/openapi.yaml", nil, "").Code)

		rec = r.call("GET", "/v1/docs", nil, "")
		require.Equal(t, 200, rec.Code)
		page := rec.Body.String()
		for _, item := range doc.Paths.Map() {
			for _, op := range item.Operations() {
				require.Contains(t, page, `id="`+op.OperationID+`"`)
			}
		}
		for _, no := range []string{"<script", "style=", " src=", "https://"} {
			require.NotContains(t, page, no, "the page asks nobody else and carries nothing inline")
		}
		require.Contains(t, page, `href="/v1/docs.css"`)
		require.Equal(t, 200, r.call("GET", "/v1/docs.css", nil, "").Code)
	})
}

func TestPagesOfOtherShopsMayAsk(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		rec := r.call("OPTIONS", "/v1/carts", header{"Origin": "https://headless.example"}, "")
		require.Equal(t, 204, rec.Code)
		require.Equal(t, "*", rec.Header().Get("Access-Control-Allow-Origin"))
		require.Empty(t, r.call("GET", "/v1/orders", nil, "").Header().Get("Access-Control-Allow-Origin"))
	})
}
