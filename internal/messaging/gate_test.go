package messaging

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/address"
	"portolan/internal/market"
)

func TestPolicyTable(t *testing.T) {
	r := builtin()
	require.Len(t, r.policies, 59)
	for _, c := range []market.Country{"US", "DE", "GB", "ID", "MY"} {
		require.NotEmpty(t, r.of(c, ""), c)
		require.Positive(t, r.prices[c].Micros, c)
	}
	require.Len(t, r.of("US", "NY"), 1)
	require.Len(t, r.of("US", ""), 10, "the country and nine states with hours of their own")
	require.Empty(t, r.of("XX", ""))
	require.Equal(t, Window{20 * 60, 8 * 60}, r.of("US", "FL")[0].Quiet)
}

func TestQuietHours(t *testing.T) {
	ny, berlin, jakarta, kl := "America/New_York", "Europe/Berlin", "Asia/Jakarta", "Asia/Kuala_Lumpur"
	for _, tt := range []struct {
		name    string
		country market.Country
		region  string
		zones   []string
		at      string
		until   string // empty: may go
	}{
		{"DE noon", "DE", "", []string{berlin}, "2026-11-24T11:00:00Z", ""},
		{"DE evening", "DE", "", []string{berlin}, "2026-11-24T19:00:00Z", "2026-11-25T08:00:00Z"},
		{"DE last minute", "DE", "", []string{berlin}, "2026-11-24T18:59:59Z", ""},
		{"DE before nine", "DE", "", []string{berlin}, "2026-11-24T07:59:59Z", "2026-11-24T08:00:00Z"},
		{"DE night when clocks go back", "DE", "", []string{berlin}, "2026-10-24T22:00:00Z", "2026-10-25T08:00:00Z"},
		{"DE night when clocks go forward", "DE", "", []string{berlin}, "2026-03-28T22:00:00Z", "2026-03-29T07:00:00Z"},
		{"US New York morning", "US", "NY", []string{ny}, "2026-11-24T12:59:00Z", "2026-11-24T13:00:00Z"},
		{"US Florida in two zones", "US", "FL", address.ZonesOf("US", "FL"), "2026-11-25T00:30:00Z", ""},
		{"US Florida after eight in the east", "US", "FL", address.ZonesOf("US", "FL"), "2026-11-25T01:00:00Z", "2026-11-25T14:00:00Z"},
		{"US Texas on Sunday", "US", "TX", []string{"America/Chicago"}, "2026-11-22T16:00:00Z", "2026-11-22T18:00:00Z"},
		{"US nowhere in particular, morning in New York", "US", "", address.ZonesOf("US", ""), "2026-11-24T15:00:00Z", "2026-11-24T19:00:00Z"},
		{"US nowhere in particular, in the window of all", "US", "", address.ZonesOf("US", ""), "2026-11-24T20:00:00Z", ""},
		{"ID three zones, evening in Papua", "ID", "", address.ZonesOf("ID", ""), "2026-11-24T12:00:00Z", "2026-11-25T01:00:00Z"},
		{"ID Jakarta", "ID", "JK", []string{jakarta}, "2026-11-24T12:00:00Z", ""},
		{"MY evening", "MY", "", []string{kl}, "2026-11-24T12:00:00Z", "2026-11-25T00:00:00Z"},
		{"FR Sunday", "FR", "", []string{"Europe/Paris"}, "2026-11-22T11:00:00Z", "2026-11-23T07:00:00Z"},
		{"ZA Saturday afternoon", "ZA", "", []string{"Africa/Johannesburg"}, "2026-11-21T12:00:00Z", "2026-11-23T06:00:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, tt.at)
			require.NoError(t, err)
			until, why := quietUntil(builtin().of(tt.country, tt.region), zonesOf(tt.zones), nil, now)
			if tt.until == "" {
				require.Empty(t, why)
				return
			}
			require.NotEmpty(t, why)
			require.Equal(t, tt.until, until.Format(time.RFC3339), why)
		})
	}
}

// Whatever the moment, the country and the zones: the moment to which a message is held is quiet nowhere.
func TestHeldToAnAwakeHour(t *testing.T) {
	r := builtin()
	var countries []market.Country
	for _, p := range r.policies {
		if p.Region == "" {
			countries = append(countries, p.Country)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(countries).Draw(t, "country")
		zones := zonesOf(address.ZonesOf(string(c), ""))
		now := time.Unix(rapid.Int64Range(1767225600, 1830297600).Draw(t, "now"), 0)
		until, why := quietUntil(r.of(c, ""), zones, nil, now)
		if until.Sub(now) >= 10*24*time.Hour {
			t.Fatalf("%s: never awake", c)
		}
		if again, w := quietUntil(r.of(c, ""), zones, nil, until); w != "" || !again.Equal(until) {
			t.Fatalf("%s: held from %s to %s, which is quiet: %s", c, now, until, w)
		}
		if (why == "") != until.Equal(now) {
			t.Fatalf("%s: %s %q", c, until, why)
		}
	})
}

func TestDecide(t *testing.T) {
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	night := time.Date(2026, 11, 24, 23, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		change func(*application)
		want   Verdict
		why    string
	}{
		{"transactional at night", func(a *application) { a.class, a.now = Transactional, night }, Go, ""},
		{"transactional without policy", func(a *application) { a.class, a.policies = Transactional, nil }, Go, ""},
		{"promotional without policy", func(a *application) { a.policies = nil }, OtherChannel, "no_policy"},
		{"promotional at noon", func(a *application) {}, Go, ""},
		{"promotional at night", func(a *application) { a.now = night }, Hold, "quiet_hours"},
		{"promotional at night, too late in the morning", func(a *application) { a.now, a.notAfter = night, night.Add(time.Hour) }, Drop, "too_late"},
		{"promotional after its end", func(a *application) { a.notAfter = noon.Add(-1) }, Drop, "too_late"},
		{"no consent", func(a *application) { a.consent.Granted = false }, OtherChannel, "no_consent"},
		{"consent not confirmed", func(a *application) { a.doubleOptIn = true }, OtherChannel, "consent_unconfirmed"},
		{"consent confirmed", func(a *application) { a.doubleOptIn, a.consent.Confirmed = true, true }, Go, ""},
		{"consent taken back", func(a *application) { a.consent.Granted, a.consent.Revoked = false, true }, OtherChannel, "consent_revoked"},
		{"suppressed", func(a *application) { a.suppressed = "stop" }, Drop, "suppressed"},
		{"order message after STOP in DE", func(a *application) { a.class, a.suppressed = Transactional, "stop" }, Go, ""},
		{"order message after STOP in US", func(a *application) { a.class, a.suppressed, a.muted, a.country = Transactional, "stop", true, "US" }, OtherChannel, "suppressed"},
		{"answer after STOP", func(a *application) { a.class, a.suppressed, a.country = Reply, "stop", "US" }, Go, ""},
		{"survey in US without consent", func(a *application) { a.class, a.country, a.consent.Granted = Survey, "US", false }, Go, ""},
		{"survey in DE without consent", func(a *application) { a.class, a.consent.Granted = Survey, false }, OtherChannel, "no_consent"},
		{"survey in a country of which nothing is known", func(a *application) { a.class, a.country = Survey, "AQ" }, OtherChannel, "no_policy"},
		{"offer in a country of which nothing is known", func(a *application) { a.country = "AQ" }, OtherChannel, "no_policy"},
		{"order message in a country of which nothing is known", func(a *application) { a.class, a.country = Transactional, "AQ" }, Go, ""},
		{"one an hour ago", func(a *application) { a.recent = []leaving{{noon.Add(-time.Hour), Survey, "x"}} }, Hold, "cap"},
		{"one yesterday", func(a *application) { a.recent = []leaving{{noon.Add(-25 * time.Hour), Promotional, "x"}} }, Go, ""},
		{"four this month", func(a *application) {
			for i := range 4 {
				a.recent = append(a.recent, leaving{noon.Add(time.Duration(i-12) * 48 * time.Hour), Promotional, "x"})
			}
		}, Hold, "cap"},
		{"journey says no", func(a *application) { a.guard = "paid_meanwhile" }, Drop, "guard"},
		{"open variable", func(a *application) { a.text.open = []string{"code"} }, Drop, "open_variable"},
		{"link in MY", func(a *application) {
			a.country, a.policies, a.text.link, a.text.body = "MY", builtin().of("MY", ""), true, "RM0 [Lotus] x.example/a"
			a.now = time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
		}, OtherChannel, "link_not_allowed"},
		{"prefix missing in MY", func(a *application) {
			a.country, a.policies, a.class = "MY", builtin().of("MY", ""), Transactional
		}, Drop, "prefix_missing"},
		{"from abroad to VN", func(a *application) { a.country, a.policies = "VN", builtin().of("VN", "") }, OtherChannel, "promotional_from_abroad"},
		{"name as sender in US", func(a *application) {
			a.country, a.policies, a.kind, a.class = "US", builtin().of("US", "NY"), Alpha, Transactional
		}, OtherChannel, "sender_not_allowed"},
		{"no route", func(a *application) { a.routed = false }, OtherChannel, "no_route"},
		{"too dear", func(a *application) { a.text.parts = 4 }, Drop, "too_dear"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := application{
				now: noon, version: "t", class: Promotional, reach: Reach{SMS, "+4915112345678"}, country: "DE", routed: true, kind: LongNumber,
				policies: builtin().of("DE", ""), zones: zonesOf([]string{"Europe/Berlin"}), brand: "Lotus",
				text: text{body: "Lotus: hello", parts: 1, out: true}, rules: builtin(), base: "https://lotus.example", sender: "LOTUS",
			}
			a.consent.Granted = true
			tt.change(&a)
			a.law = builtin().laws.of(a.country, "survey", a.class)
			d := decide(a)
			require.Equal(t, tt.want, d.Verdict, "%+v", d.Reasons)
			require.Equal(t, tt.why, d.Why)
			require.Equal(t, tt.want == Hold, !d.Until.IsZero())
		})
	}
}

func TestOrderMessagesHoldNoOffer(t *testing.T) {
	for text, want := range map[string]string{
		"danke {name}, {order} ist bezahlt: {items}.":            "",
		"{items} 10% off next time":                              "text_offer_percent",
		"خصم 10٪":                                                "text_offer_percent",
		"next time use SAVE10":                                   "text_offer_code",
		"next time use A1":                                       "",
		"see https://lotus.example/de-de/orders/ord_1":           "",
		"see https://lotus.example/r/abc":                        "",
		"help: https://lotus.example/en-gb/help":                 "",
		"new: https://lotus.example/de-de/sale":                  "text_offer_link",
		"see https://evil.example/orders/1":                      "text_offer_link",
		"see bit.ly/orders":                                      "text_offer_link",
		"Order {order|F1234} is on its way, {name|you} will see": "",
	} {
		require.Equal(t, want, checkOffer(text, "https://lotus.example"), text)
	}
	for name, w := range builtin().texts.words {
		k, _, _ := strings.Cut(name, ".")
		if builtin().texts.keys[k].class == Transactional {
			require.Empty(t, checkOffer(w.full+"\n"+w.plain, "https://lotus.example"), name)
		}
	}
}

// What the rows and the lint say of one text and sender.
func TestLint(t *testing.T) {
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	link := func(body string) text { return text{body: body, parts: 1, link: true, out: true} }
	for _, tt := range []struct {
		name    string
		country market.Country
		change  func(*application)
		want    Verdict
		why     string
	}{
		{"name in DE", "DE", func(a *application) { a.kind, a.sender = Alpha, "LOTUS" }, Go, ""},
		{"generic name in GB", "GB", func(a *application) { a.kind, a.sender = Alpha, "Parcel" }, OtherChannel, "generic_sender"},
		{"generic name with a figure in GB", "GB", func(a *application) { a.kind, a.sender = Alpha, "ORDER-24" }, OtherChannel, "generic_sender"},
		{"generic name in DE", "DE", func(a *application) { a.kind, a.sender = Alpha, "ORDER" }, Go, ""},
		{"short name in GB", "GB", func(a *application) { a.kind, a.sender = Alpha, "LO" }, OtherChannel, "sender_characters"},
		{"name with a space in FR", "FR", func(a *application) { a.kind, a.sender = Alpha, "LOTUS CO" }, OtherChannel, "sender_characters"},
		{"name of letters and digits in FR", "FR", func(a *application) { a.kind, a.sender = Alpha, "LOTUS24" }, Go, ""},
		{"long name", "DE", func(a *application) { a.kind, a.sender = Alpha, "LOTUS FLOWERS" }, OtherChannel, "sender_characters"},
		{"small letters in BR", "BR", func(a *application) {
			a.kind, a.sender, a.booked, a.record = Alpha, "Lotus", true, &SenderRecord{State: Approved}
			a.now = noon.Add(3 * time.Hour)
		}, OtherChannel, "sender_characters"},
		{"registered name in BR", "BR", func(a *application) {
			a.kind, a.sender, a.booked, a.record = Alpha, "LOTUS", true, &SenderRecord{State: Approved}
			a.now = noon.Add(3 * time.Hour)
		}, Go, ""},
		{"shortener in FR", "FR", func(a *application) { a.text = link("Lotus: https://bit.ly/x") }, OtherChannel, "link_shortener"},
		{"shortener in DE", "DE", func(a *application) { a.text = link("Lotus: https://bit.ly/x") }, Go, ""},
		{"own link in FR", "FR", func(a *application) { a.text = link("Lotus: https://lotus.example/l/x") }, Go, ""},
		{"other link in FR", "FR", func(a *application) { a.text = link("Lotus: https://else.example/l/x") }, Go, ""},
		{"chat in SG", "SG", func(a *application) { a.text, a.now = link("Lotus: wa.me/6591234567"), noon.Add(-6*time.Hour) }, OtherChannel, "link_not_allowed"},
		{"own link in NZ", "NZ", func(a *application) { a.text, a.now = link("Lotus: https://lotus.example/l/x"), noon.Add(12*time.Hour) }, Go, ""},
		{"link of its own shop in NZ", "NZ", func(a *application) {
			a.text, a.now = link("Lotus: https://nz.lotus.example/l/x"), noon.Add(12*time.Hour)
		}, Go, ""},
		{"other link in NZ", "NZ", func(a *application) { a.text, a.now = link("Lotus: https://else.example/l/x"), noon.Add(12*time.Hour) }, OtherChannel, "link_foreign"},
		{"unlisted link in GB", "GB", func(a *application) {
			a.text, a.booked, a.record = link("Lotus: https://lotus.example/l/x"), true, &SenderRecord{State: Approved}
		}, OtherChannel, "link_unlisted"},
		{"listed link in GB", "GB", func(a *application) {
			a.text, a.booked, a.record = link("Lotus: https://lotus.example/l/x"), true, &SenderRecord{State: Approved, Links: []string{ShopLink + "/l/"}}
		}, Go, ""},
		{"link beside the listed one in GB", "GB", func(a *application) {
			a.text, a.booked, a.record = link("Lotus: https://lotus.example.evil.example/l/x"), true, &SenderRecord{State: Approved, Links: []string{ShopLink}}
		}, OtherChannel, "link_unlisted"},
		{"link to TR", "TR", func(a *application) { a.text, a.class = link("Lotus: https://lotus.example/l/x"), Transactional }, OtherChannel, "link_not_allowed"},
		{"link to TR from there", "TR", func(a *application) {
			a.text, a.record = link("Lotus: https://lotus.example/l/x"), &SenderRecord{State: Approved, Here: true}
		}, Go, ""},
		{"phone number in JP", "JP", func(a *application) {
			a.text = text{body: "Lotus: +81 90 1234 5678", parts: 1, out: true}
			a.now = noon.Add(-9 * time.Hour)
		}, OtherChannel, "phone_not_allowed"},
		{"phone number in TW", "TW", func(a *application) {
			a.text = text{body: "[Lotus] Lotus +886912345678", parts: 1, out: true}
			a.now = noon.Add(-9 * time.Hour)
		}, OtherChannel, "phone_not_allowed"},
		{"registered phone number in TW", "TW", func(a *application) {
			a.text = text{body: "[Lotus] Lotus +886912345678", parts: 1, out: true}
			a.now, a.record = noon.Add(-9*time.Hour), &SenderRecord{State: Approved, Phones: []string{"+886912345678"}}
		}, Go, ""},
		{"no way out", "GB", func(a *application) { a.text.out = false }, OtherChannel, "no_way_out"},
		{"survey without a way out where it is an offer", "GB", func(a *application) { a.text.out, a.class = false, Survey }, OtherChannel, "no_way_out"},
		{"survey without a way out where it is no offer", "US", func(a *application) { a.text.out, a.class, a.now = false, Survey, noon.Add(6*time.Hour) }, Go, ""},
		{"two parts on a short code in CA", "CA", func(a *application) { a.text.parts, a.kind, a.now = 2, ShortCode, noon.Add(6*time.Hour) }, OtherChannel, "too_many_parts"},
		{"two parts on a number in CA", "CA", func(a *application) { a.text.parts, a.now = 2, noon.Add(6*time.Hour) }, Go, ""},
		{"two parts to ID", "ID", func(a *application) { a.text.parts, a.text.body, a.now = 2, "Lotus: x", noon.Add(-6*time.Hour) }, Go, ""},
		{"154 units to MY", "MY", func(a *application) {
			a.text.body, a.text.units, a.text.encoding, a.now = "RM0 [Lotus] x", 154, "gsm7", noon.Add(-6*time.Hour)
		}, OtherChannel, "too_many_parts"},
		{"153 units to MY", "MY", func(a *application) {
			a.text.body, a.text.units, a.text.encoding, a.now = "RM0 [Lotus] x", 153, "gsm7", noon.Add(-6*time.Hour)
		}, Go, ""},
		{"the sixth time to PH", "PH", func(a *application) {
			a.now = noon.Add(-6 * time.Hour)
			for i := range 5 {
				a.same = append(a.same, a.now.Add(time.Duration(i-50)*time.Minute))
			}
		}, Hold, "repeated_text"},
		{"the fifth time to PH", "PH", func(a *application) {
			a.now = noon.Add(-6 * time.Hour)
			for i := range 4 {
				a.same = append(a.same, a.now.Add(time.Duration(i-50)*time.Minute))
			}
		}, Go, ""},
		{"the second time to SA, of an order", "SA", func(a *application) { a.class, a.same = Transactional, []time.Time{noon.Add(-time.Hour)} }, OtherChannel, "repeated_text"},
		{"four a month, one of them a survey", "DE", func(a *application) {
			for i := range 4 {
				a.recent = append(a.recent, leaving{noon.Add(time.Duration(i-12) * 48 * time.Hour), map[bool]Class{true: Survey, false: Promotional}[i == 0], "x"})
			}
		}, Go, ""},
		{"two a day where that is set", "DE", func(a *application) {
			a.limits.CapDay, a.recent = 2, []leaving{{noon.Add(-time.Hour), Promotional, "x"}}
		}, Go, ""},
		{"three of one subject in FL", "US", func(a *application) {
			a.policies, a.zones, a.limits.CapDay, a.template, a.now = builtin().of("US", "FL"), zonesOf([]string{"America/New_York"}), 9, "sale", noon.Add(6*time.Hour)
			for i := range 3 {
				a.recent = append(a.recent, leaving{noon.Add(time.Duration(i-3) * time.Hour), Promotional, "sale"})
			}
		}, Hold, "cap"},
		{"three of other subjects in FL", "US", func(a *application) {
			a.policies, a.zones, a.limits.CapDay, a.template, a.now = builtin().of("US", "FL"), zonesOf([]string{"America/New_York"}), 9, "sale", noon.Add(6*time.Hour)
			for i := range 3 {
				a.recent = append(a.recent, leaving{noon.Add(time.Duration(i-3) * time.Hour), Promotional, "news"})
			}
		}, Go, ""},
		{"a second offer about a cart", "DE", func(a *application) { a.cart, a.askedAt, a.reminded = "crt_1", noon, "msg_1" }, Drop, "cart_reminded"},
		{"an offer about an old cart", "DE", func(a *application) { a.cart, a.askedAt = "crt_1", noon.Add(-49*time.Hour) }, Drop, "cart_late"},
		{"an order message about a cart", "DE", func(a *application) { a.class, a.cart, a.reminded = Transactional, "crt_1", "msg_1" }, Go, ""},
		{"money left", "DE", func(a *application) { a.purses = []purse{{limit: 100, spent: 90, cost: 10}} }, Go, ""},
		{"no money left today", "DE", func(a *application) {
			a.purses = []purse{{period: "2026-11-24", currency: "EUR", limit: 100, spent: 91, cost: 10, until: noon.Add(20 * time.Hour)}}
		}, Hold, "budget"},
		{"no money left, and tomorrow is too late", "DE", func(a *application) {
			a.notAfter = noon.Add(10 * time.Hour)
			a.purses = []purse{{period: "2026-11-24", currency: "EUR", limit: 100, spent: 91, cost: 10, until: noon.Add(20 * time.Hour)}}
		}, Drop, "too_late"},
		{"dearer than any day", "DE", func(a *application) { a.purses = []purse{{period: "2026-11-24", currency: "EUR", limit: 9, cost: 10}} }, Drop, "budget"},
		{"no money left for an order", "DE", func(a *application) {
			a.class, a.purses = Transactional, []purse{{limit: 1, cost: 10, currency: "EUR"}}
		}, Go, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := application{now: noon, version: "t", class: Promotional, reach: Reach{SMS, "+1"}, country: tt.country, routed: true, kind: LongNumber,
				policies: builtin().of(tt.country, ""), zones: zonesOf(address.ZonesOf(string(tt.country), "")[:1]), brand: "Lotus", base: "https://lotus.example",
				text: text{body: "Lotus: hello", parts: 1, out: true}, rules: builtin()}
			a.consent.Granted = true
			tt.change(&a)
			a.law = builtin().laws.of(tt.country, "", a.class)
			d := decide(a)
			require.Equal(t, tt.want, d.Verdict, "%+v", d.Reasons)
			require.Equal(t, tt.why, d.Why)
		})
	}
}

// A sender that a country wants registered sends while it is, and not before, after or without.
func TestRegistrations(t *testing.T) {
	gb := builtin().policies["GB"]
	for _, tt := range []struct {
		name string
		r    *SenderRecord
		cl   Class
		code string
	}{
		{"approved", &SenderRecord{State: Approved}, Promotional, ""},
		{"not needed", &SenderRecord{State: NotNeeded}, Promotional, ""},
		{"approved from today", &SenderRecord{State: Approved, ValidFrom: "2026-11-24"}, Promotional, ""},
		{"approved until today", &SenderRecord{State: Approved, ValidTo: "2026-11-24"}, Promotional, ""},
		{"approved from tomorrow", &SenderRecord{State: Approved, ValidFrom: "2026-11-25"}, Promotional, "sender_unregistered"},
		{"approved until yesterday", &SenderRecord{State: Approved, ValidTo: "2026-11-23"}, Transactional, "sender_unregistered"},
		{"missing", &SenderRecord{State: Missing}, Transactional, "sender_unregistered"},
		{"submitted", &SenderRecord{State: Submitted}, Transactional, "sender_unregistered"},
		{"rejected", &SenderRecord{State: Rejected}, Promotional, "sender_unregistered"},
		{"expired", &SenderRecord{State: Lapsed}, Promotional, "sender_unregistered"},
		{"removed", &SenderRecord{State: Removed}, Promotional, "sender_unregistered"},
		{"written down nowhere, an offer", nil, Promotional, "sender_unregistered"},
		{"written down nowhere, an order", nil, Transactional, ""},
	} {
		code, _, _ := builtin().senderFault(gb, Alpha, "LOTUS", tt.r, true, tt.cl, "2026-11-24")
		require.Equal(t, tt.code, code, tt.name)
		code, _, _ = builtin().senderFault(builtin().policies["DE"], Alpha, "LOTUS", tt.r, true, tt.cl, "2026-11-24")
		require.Empty(t, code, "DE asks for none: %s", tt.name)
	}
}

func TestTemplatesAreWhole(t *testing.T) {
	r := builtin()
	for name := range r.texts.keys {
		for _, lang := range []string{"en", "de", "id", "ms", "ar", "fr", "es", "zh", "th"} {
			for _, ch := range []Channel{SMS, Email} {
				w, found, ok := r.texts.find(name, ch, []string{lang}, nil)
				require.True(t, ok, "%s %s %s", name, lang, ch)
				require.Equal(t, lang, found, "%s %s", name, ch)
				if r.texts.keys[name].class == Transactional && len(variables(w.full)) > 0 && name != "optin" {
					require.NotEmpty(t, w.plain, "%s %s %s has no text without variables", name, lang, ch)
				}
			}
		}
	}
}

// Long values still make one part in the Latin-script languages.
func TestPartsOfTheDrafts(t *testing.T) {
	vars := map[string]map[string]string{
		"confirm": {"name": "Maximiliane", "order": "F-260522-00001", "items": "Leinenkleid M, Seidenschal", "from": "28.12.", "to": "31.12."},
		"cart":    {"name": "Maximiliane", "code": "AB12CD34E", "pct": "5"},
	}
	for name, v := range vars {
		for lang, c := range map[string]market.Country{"en": "US", "de": "DE", "id": "ID", "ms": "MY"} {
			p := builtin().of(c, "")[0]
			kind := LongNumber
			if c == "ID" {
				kind = Alpha
			}
			m := Message{Template: name, Vars: v}
			if name == "cart" {
				m.Link = "x"
			}
			got, err := builtin().texts.render(m, form{reach: Reach{SMS, "+1"}, twoWay: kind.TwoWay(), links: p.Links != NoLink, most: p.MaxParts, room: p.MaxUnits, policy: &p, langs: []string{lang}, brand: "Lotus", base: "https://lo.my", token: "abcdefghijkl"})
			require.NoError(t, err)
			require.Equal(t, "gsm7", got.encoding, got.body)
			if name == "confirm" || c != "MY" {
				require.Equal(t, int64(1), got.parts, got.body)
			}
			require.False(t, got.plain, got.body)
		}
	}
}

func TestLooksLikeLink(t *testing.T) {
	for s, want := range map[string]bool{
		"https://x.example/r": true, "WWW.x": true, "see x.com/now": true, "shop.my": true, "(go.example)": true,
		"F-20261124-0001": false, "2. Dez.-5. Dez.": false, "Nr.5 M": false, "a@b.example": false, "9.99": false, "z.B. Kleid": false, "": false,
	} {
		require.Equal(t, want, looksLikeLink(s), s)
	}
	for s, want := range map[string]bool{"+60 12-345 6789": true, "012 345 6789": true, "F-20261124-0001": false, "RM0 [Lotus] 12": false} {
		require.Equal(t, want, looksLikePhone(s), s)
	}
}
