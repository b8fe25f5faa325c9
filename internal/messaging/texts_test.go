package messaging

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/messaging/sms"
)

var nine = []string{"ar", "de", "en", "es", "fr", "id", "ms", "th", "zh"}

// Long values: an order of 14 characters, a parcel number of 13, a code of 9, a ticket of 10, days as the languages
// write them at their longest.
func longVars(lang string) map[string]string {
	day := map[string][2]string{"en": {"28 Sept", "31 Sept"}, "de": {"28. Sept.", "31. Sept."}, "fr": {"28 août", "31 janv."}, "es": {"28 sept", "31 sept"}, "id": {"28 Des", "31 Des"}, "ms": {"28 Ogo", "31 Ogo"},
		"zh": {"12月28日", "12月31日"}, "ar": {"28 ديسمبر", "31 ديسمبر"}, "th": {"28 ธ.ค.", "31 ธ.ค."}}[lang]
	country := map[string]string{"en": "United Kingdom", "de": "Vereinigte Staaten", "fr": "Émirats arabes unis", "es": "Emiratos Árabes Unidos", "id": "Amerika Serikat", "ms": "Amerika Syarikat", "zh": "阿拉伯联合酋长国", "ar": "الإمارات العربية المتحدة", "th": "สหรัฐอาหรับเอมิเรตส์"}[lang]
	category := map[string]string{"zh": "连衣裙和半身裙", "ar": "الفساتين", "th": "เดรส"}[lang]
	if category == "" {
		category = "Leinenkleider"
	}
	return map[string]string{"name": "Maximiliane", "order": "F-260522-00001", "track": "LX473124829CN", "from": day[0], "to": day[1], "until": day[1], "country": country, "t1": "14:00", "t2": "16:00",
		"n": "1", "of": "2", "ticket": "T-26112201", "amount": "US$20", "min": "US$100", "code": "AB12CD34E", "pct": "5", "items": "Leinenkleid M, Seidenschal", "item": "Leinenkleid M",
		"category": category, "point": "Kiosk Weber, Mühlgasse 4", "place": "Nachbar"}
}

// only leaves the variables that a key knows.
func only(k key, vars map[string]string) map[string]string {
	out := map[string]string{}
	for name := range k.vars {
		if v := vars[name]; v != "" {
			out[name] = v
		}
	}
	return out
}

// senders are the forms a text takes: with replies, with links in their place, and in Malaysia without links.
var senders = []struct {
	name    string
	kind    Kind
	country market.Country
	most    int // units of GSM-7
}{
	{"replies", LongNumber, "US", 160},
	{"links", Alpha, "DE", 160},
	{"MY", Alpha, "MY", 153},
}

// The texts of every journey: in Latin script one part of GSM-7 with long values, their links of 26 characters and
// their blocks, whatever the reason; in the others at most two parts.
func TestPartsOfTheJourneysTexts(t *testing.T) {
	all := builtin().texts
	for name, k := range all.keys {
		if k.journey == "" || name == "confirm" || name == "cart" {
			continue
		}
		for _, lang := range nine {
			for _, s := range senders {
				t.Run(fmt.Sprintf("%s %s %s", name, lang, s.name), func(t *testing.T) {
					p := builtin().of(s.country, "")[0]
					if s.country == "MY" && lang != "ms" && lang != "en" || s.country == "MY" && k.class.asks() {
						t.Skip("optional: not sent there")
					}
					f := form{reach: Reach{SMS, "+1"}, law: Promotional, twoWay: s.kind.TwoWay(), links: p.Links != NoLink, most: p.MaxParts, room: p.MaxUnits, policy: &p, langs: []string{lang}, brand: "Miana", base: "https://m.x", token: "abcdefghijkl"}
					reasons := []string{"exception"}
					if _, ok := k.vars["reason"]; ok {
						reasons = ReasonCodes()
					}
					for _, reason := range reasons {
						vars := longVars(lang)
						vars["reason"] = ReasonWord(lang, reason)
						vars = only(k, vars)
						m := Message{Template: name, Vars: vars}
						if _, ok := k.vars["link"]; ok {
							m.Link = "https://miana.example/o/1"
						}
						got, err := all.render(m, f)
						require.NoError(t, err)
						require.Empty(t, got.open)
						require.False(t, got.plain, got.body)
						in := sms.Count(got.body)
						if slices.Contains([]string{"zh", "ar", "th"}, lang) {
							require.LessOrEqual(t, in.Parts, 2, "%d: %s", in.Units, got.body)
							continue
						}
						require.Equal(t, sms.GSM7, in.Encoding, "%q in %s", in.Costly, got.body)
						require.LessOrEqual(t, in.Units, s.most, "%d: %s", in.Units, got.body)
						if s.country == "MY" {
							require.False(t, looksLikeLink(got.body), got.body)
							require.NotContains(t, got.body, "LX473124829CN")
						}
					}
				})
			}
		}
	}
}

// The variable-free texts of the order's messages are as cheap.
func TestPartsOfThePlainTexts(t *testing.T) {
	all := builtin().texts
	for name, k := range all.keys {
		if k.class != Transactional || name == "optin" {
			continue
		}
		for _, lang := range nine {
			for _, kind := range []Kind{LongNumber, Alpha} {
				p := builtin().of("DE", "")[0]
				got, err := all.render(Message{Template: name, Link: "x"}, form{reach: Reach{SMS, "+1"}, twoWay: kind.TwoWay(), links: p.Links != NoLink, most: p.MaxParts, room: p.MaxUnits, policy: &p, langs: []string{lang}, brand: "Miana", base: "https://m.x", token: "abcdefghijkl"})
				require.NoError(t, err)
				require.True(t, got.plain, "%s %s", name, lang)
				require.LessOrEqual(t, got.parts, int64(2), got.body)
				if !slices.Contains([]string{"zh", "ar", "th"}, lang) {
					require.Equal(t, "gsm7", got.encoding, "%s %s: %s", name, lang, got.body)
					require.EqualValues(t, 1, got.parts, got.body)
				}
			}
		}
	}
}

// A range whose days are one is written as that day, in every text that has one.
func TestOneDayIsWrittenOnce(t *testing.T) {
	all, seen := builtin().texts, 0
	for name, k := range all.keys {
		for _, lang := range nine {
			for _, ch := range []Channel{SMS, Email} {
				w, _, ok := all.find(name, ch, []string{lang}, nil)
				if !ok || !strings.Contains(w.full, "{from}") || !strings.Contains(w.full, "{to}") {
					continue
				}
				seen++
				vars := longVars(lang)
				vars["from"], vars["to"], vars["link"] = "24. Nov.", "24. Nov.", "https://m.x/l/abc"
				got, _ := fill(w.full, only(k, vars))
				require.Equal(t, 1, strings.Count(got, "24. Nov"), "%s %s %s: %s", name, lang, ch, got)
				require.NotContains(t, got, "Nov..", "%s %s %s", name, lang, ch)
				require.NotContains(t, got, "Nov.-", "%s %s %s", name, lang, ch)
				vars["to"] = "27. Nov."
				got, _ = fill(w.full, only(k, vars))
				require.Contains(t, got, "24. Nov", "%s %s %s", name, lang, ch)
				require.Contains(t, got, "27. Nov", "%s %s %s", name, lang, ch)
			}
		}
	}
	require.Greater(t, seen, 80)
	for _, tt := range []struct{ text, to, want string }{
		{"Arrives {from}-{to}.", "24. Nov.", "Arrives 24. Nov."}, {"Arrives {from}-{to}.", "25. Nov.", "Arrives 24. Nov.-25. Nov."}, {"[Between {from} and {to}]!", "24. Nov.", "Between 24. Nov.!"},
		{"{from}{name}{to}", "24. Nov.", "24. Nov.Ann24. Nov."}, {"{to}-{from}", "24. Nov.", "24. Nov.-24. Nov."},
	} {
		got, open := fill(tt.text, map[string]string{"from": "24. Nov.", "to": tt.to, "name": "Ann"})
		require.Empty(t, open)
		require.Equal(t, tt.want, got, tt.text)
	}
}

// Without its optional values a text has no hole: no empty brackets, no doubled spaces, no sign that begins nothing.
func TestNoHoles(t *testing.T) {
	all := builtin().texts
	for name, k := range all.keys {
		vars := longVars("en")
		vars["lines"], vars["state"], vars["text"], vars["total"] = "Dress\t€89.00", "on its way", "Hello.", "€89.00"
		vars["reason"] = "bad weather"
		needed := map[string]string{}
		for v, must := range k.vars {
			if must && v != "link" {
				needed[v] = vars[v]
				require.NotEmpty(t, needed[v], v)
			}
		}
		for _, lang := range nine {
			for _, ch := range []Channel{SMS, Email} {
				w, _, ok := all.find(name, ch, []string{lang}, nil)
				require.True(t, ok)
				some := maps.Clone(needed)
				some["link"] = "https://m.x/l/abc"
				got, open := fill(w.full, some)
				if k.class != Transactional {
					require.Empty(t, open, "%s %s %s", name, lang, ch)
				}
				whole := maps.Clone(vars)
				whole["link"] = some["link"]
				_, open = fill(w.full, only(k, whole))
				if name != "info_reply" && name != "help" && name != "stop_confirmed" {
					require.Empty(t, open, "%s %s %s", name, lang, ch)
				}
				for _, hole := range []string{"  ", "()", "( )", " .", " ,", ",.", ":.", "..", "，。", "：。", "。。", "{", "}"} {
					if hole == " ." && strings.Contains(got, "...") {
						continue
					}
					require.NotContains(t, got, hole, "%s %s %s: %s", name, lang, ch, got)
				}
			}
		}
	}
}

// A text about an order holds no offer: no code, no percent sign, no mention of a discount. (journeys.md, legal class)
func TestNoOffersInOrderMessages(t *testing.T) {
	all := builtin().texts
	words := []string{"%", "٪", "％", "discount", "coupon", "voucher", "sale", "rabatt", "gutschein", "angebot", "remise", "promo", "réduction", "oferta", "descuento", "cupón", "rebaja", "diskon", "kupon", "penawaran", "diskaun",
		"baucar", "tawaran", "优惠", "折扣", "立减", "خصم", "عرض", "كوبون", "ส่วนลด", "โปรโมชั่น", "คูปอง", "review", "bewertung", "survey", "umfrage"}
	for name, w := range all.words {
		key, _, _ := strings.Cut(name, ".")
		if all.keys[key].class != Transactional {
			continue
		}
		for _, v := range variables(w.full) {
			require.NotContains(t, []string{"code", "pct", "min", "category", "item"}, v, name)
		}
		for _, text := range []string{w.full, w.plain} {
			require.False(t, looksLikeLink(text), name)
			for _, word := range words {
				require.NotContains(t, strings.ToLower(text), word, name)
			}
		}
	}
}

func TestBlocksInEveryLanguage(t *testing.T) {
	all := builtin().texts
	reply := map[string]string{"info": "info", "move": "reschedule"}
	for _, lang := range nine {
		require.Equal(t, slices.Sorted(maps.Keys(all.blocks["en"])), slices.Sorted(maps.Keys(all.blocks[lang])), lang)
		for name, b := range all.blocks[lang] {
			require.NotEmpty(t, b, "%s %s", lang, name)
			if strings.HasSuffix(name, "_link") {
				require.Len(t, variables(b), 1, "%s %s", lang, name)
			} else {
				require.Empty(t, variables(b), "%s %s", lang, name)
			}
		}
		for block, intent := range reply {
			said := strings.Trim(all.blocks[lang][block], " .。")
			fields := strings.FieldsFunc(said, func(r rune) bool { return r == ' ' || r == '复' })
			word := strings.TrimSpace(fields[len(fields)-1])
			got := builtin().lexicon.read(word, listener{lang: lang})
			require.Equal(t, intent, string(got.Intent), "%s: the block %s asks for %q", lang, block, word)
		}
	}
}

func TestReasons(t *testing.T) {
	for _, lang := range nine {
		for _, code := range ReasonCodes() {
			require.NotEmpty(t, builtin().texts.lists["reasons."+lang][code], "%s %s", lang, code)
		}
		require.Len(t, builtin().texts.lists["reasons."+lang], len(ReasonCodes()), lang)
		require.Equal(t, slices.Sorted(maps.Keys(builtin().texts.lists["actions.en"])), slices.Sorted(maps.Keys(builtin().texts.lists["actions."+lang])), lang)
		require.NotEmpty(t, ActionWord(lang, "pay_duty"))
	}
	for _, code := range slices.Concat(fulfilment.Reasons, []string{fulfilment.LateRisk, fulfilment.CustomsHold, fulfilment.Exception}) {
		require.NotEmpty(t, builtin().texts.lists["reasons.en"][cmp.Or(reasonAs[code], code)], "what happens to parcels has no word: %s", code)
	}
	for _, code := range fulfilment.Actions {
		require.NotEmpty(t, ActionWord("de", code), code)
	}
	require.Equal(t, "ein Dokument fehlt", ReasonWord("de", "documents"))
	require.Equal(t, "der Zoll prüft noch", ReasonWord("de-AT", "customs_hold"))
	require.Equal(t, "ein Problem unterwegs", ReasonWord("de", "a code of tomorrow"))
	require.Equal(t, "bad weather", ReasonWord("sv", "weather"))
	require.Empty(t, ActionWord("de", "a code of tomorrow"))
}

func TestOurOwnWordsKeepATextCheap(t *testing.T) {
	got := tame(map[string]string{"from": "28 août", "country": "Emiratos Árabes Unidos", "name": "Lucía"}, SMS)
	require.Equal(t, map[string]string{"from": "28 aout", "country": "Emiratos Arabes Unidos", "name": "Lucía"}, got)
	require.Equal(t, "28 août", tame(map[string]string{"from": "28 août"}, Email)["from"])
}

// A survey has a way to opt out where the law counts it as advertising, and only there.
func TestOptOutOfASurveyWhereItIsAdvertising(t *testing.T) {
	p := builtin().of("DE", "")[0]
	for law, want := range map[Class]string{
		Promotional: "Miana: wie war die Bestellung M-1, von 1 (schlecht) bis 5 (sehr gut)? Antwort mit der Zahl. Abmelden: STOP",
		Survey:      "Miana: wie war die Bestellung M-1, von 1 (schlecht) bis 5 (sehr gut)? Antwort mit der Zahl.",
	} {
		got, err := builtin().texts.render(Message{Template: "survey", Vars: map[string]string{"order": "M-1"}}, form{reach: Reach{SMS, "+1"}, law: law, twoWay: LongNumber.TwoWay(), links: p.Links != NoLink, most: p.MaxParts, room: p.MaxUnits, policy: &p, langs: []string{"de"}, brand: "Miana"})
		require.NoError(t, err)
		require.Equal(t, want, got.body)
	}
	my := builtin().of("MY", "")[0]
	got, err := builtin().texts.render(Message{Template: "survey", Vars: map[string]string{"order": "M-1"}}, form{reach: Reach{SMS, "+60"}, law: Survey, twoWay: Alpha.TwoWay(), links: my.Links != NoLink, most: my.MaxParts, room: my.MaxUnits, policy: &my, langs: []string{"ms"}, brand: "Miana", base: "https://m.x", token: "abc"})
	require.NoError(t, err)
	require.True(t, got.link, "what can't be answered has its link, so that the gate sends it by another channel: %s", got.body)
}
