package admin

import (
	"cmp"
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/cldr"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
)

// Word says the sentence console.<area>_<code>, or the words of the code where nobody wrote one: codes come from
// many packages and from providers.
func (p *page) Word(area string, code any) string {
	c := text(code)
	if c == "" {
		return ""
	}
	key := "console." + area + "_" + strings.ToLower(c)
	if p.Has(key) {
		return p.T(key)
	}
	if other := elsewhere[area] + c; elsewhere[area] != "" && p.Has(other) {
		return p.T(other)
	}
	words := strings.NewReplacer("_", " ", ".", " ").Replace(c)
	return strings.ToUpper(words[:1]) + words[1:]
}

// elsewhere are the areas of sentences that the shop, or other pages, say too.
var elsewhere = map[string]string{"method": "pay.", "service": "service.", "template": "console.tp_key_"}

// tones are the colours of states, by area and code. What isn't here has none.
var tones = map[string]string{
	"order placed": "warn", "order paid": "good", "order fulfilled": "good", "order completed": "good", "order partly_fulfilled": "sea", "order cancelled": "bad",
	"message held": "warn", "message queued": "sea", "message sent": "sea", "message delivered": "good", "message read": "good", "message failed": "bad",
	"message expired": "bad", "message dropped": "", "message unknown": "warn",
	"payment paid": "good", "payment authorised": "good", "payment captured": "good", "payment failed": "bad", "payment processing": "sea", "payment requires_action": "warn",
	"payment disputed": "bad", "payment lost": "bad",
	"market open": "good", "market soft": "sea", "market closed": "bad",
	"verdict send": "good", "verdict hold": "warn", "verdict drop": "bad", "verdict other_channel": "warn",
	"outcome taken": "good", "outcome refused": "bad", "outcome unknown": "warn",
	"action grant": "good", "action confirm": "good", "action restore": "good", "action import": "good", "action revoke": "bad", "action ask": "warn",
	"tx_state open": "", "tx_state provisional": "warn", "tx_state ready": "sea", "tx_state filed": "good", "tx_state corrected": "warn",
	"pp_state preparing": "", "pp_state cannot_leave": "warn", "pp_state ready": "good", "pp_state handed_over": "sea", "pp_state voided": "bad", "pp_paper missing": "warn",
	"refund asked": "warn", "refund made": "good", "refund refused": "bad",
	"pn planning": "sea", "pn planned": "warn", "pn sending": "sea", "pn sent": "good", "pn cancelled": "",
	"sn_state approved": "good", "sn_state not_needed": "", "sn_state missing": "bad", "sn_state submitted": "warn", "sn_state rejected": "bad", "sn_state expired": "bad", "sn_state removed": "bad",
	"ch on": "good", "ch off": "", "ch broken": "bad", "ch failing": "warn",
	"tx_reg holds": "good", "tx_reg begins": "sea", "tx_reg ended": "",
	"import in_force": "good", "import refused": "bad", "import waiting": "", "import reading": "sea", "import ended": "",
	"tk_state open": "warn", "tk_state pending": "sea", "tk_state solved": "good", "tk_priority urgent": "bad", "tk_priority high": "warn",
	"jstate live": "good", "jstate closed": "warn", "jstate stopped": "bad", "jstate new": "sea",
	"run_state waiting": "sea", "run_state held": "warn", "run_state done": "good", "run_state failed": "bad",
	"everdict better": "good", "everdict worse": "bad", "everdict none": "warn", "everdict few": "", "everdict unequal": "bad",
	"job given_up": "bad", "job waiting": "", "job running": "sea",
}

// Tag is a state as a small label.
func (p *page) Tag(area string, code any) template.HTML {
	c := text(code)
	if c == "" {
		return ""
	}
	tone := tones[area+" "+c]
	if tone != "" {
		tone = " " + tone
	}
	return template.HTML(`<span class="tag` + tone + `">` + template.HTMLEscapeString(p.Word(area, c)) + `</span>`)
}

func text(code any) string { return fmt.Sprint(code) }

// Moment is a point in time in the merchant's zone: the time of day if it is today there, else the date too.
func (p *page) Moment(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	at, now := t.In(p.zone), p.Now.In(p.zone)
	said := p.DateTime(at, cldr.Medium)
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		said = p.T("console.today_at", "time", p.Time(at))
	}
	return stamp(t, said)
}

// Precise is Moment with date and seconds.
func (p *page) Precise(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	at := t.In(p.zone)
	return stamp(t, p.Date(at, cldr.Medium)+" "+p.TimeSeconds(at))
}

// In is a point in time in another zone, with the time only.
func (p *page) In(zone string, t time.Time) string {
	z, err := time.LoadLocation(zone)
	if err != nil || t.IsZero() {
		return ""
	}
	return p.Time(t.In(z))
}

func stamp(t time.Time, said string) template.HTML {
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `">` + template.HTMLEscapeString(said) + `</time>`)
}

// CivilDay writes a day such as 2026-11-30.
func (p *page) CivilDay(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return p.Date(t, cldr.Medium)
}

// CivilDays writes a range of days; one whose days are one, or of which only one is known, as that day.
func (p *page) CivilDays(from, to string) string {
	from, to = cmp.Or(from, to), cmp.Or(to, from)
	a, err := time.Parse(time.DateOnly, from)
	b, err2 := time.Parse(time.DateOnly, to)
	if err != nil || err2 != nil {
		return from
	}
	return p.DateRange(a, b)
}

// Clock is the shop's time with the merchant's city.
func (p *page) Clock() string {
	return p.T("console.clock", "at", p.DateTime(p.Now.In(p.zone), cldr.Medium), "place", city(p.zone.String()))
}

// Fast says that the clock runs faster than the viewer's; empty where it doesn't.
func (p *page) Fast() string {
	if p.Speed <= 1 {
		return ""
	}
	return p.T("console.fast", "n", int64(p.Speed))
}

func city(zone string) string {
	return strings.ReplaceAll(zone[strings.LastIndexByte(zone, '/')+1:], "_", " ")
}

// Took is a length of time in the largest sensible unit: "0.9 s", "2 minutes".
func (p *page) Took(d time.Duration) string {
	switch {
	case d < 0:
		return ""
	case d < time.Minute:
		return p.T("console.seconds", "n", p.Decimal(money.Rate{Coef: d.Round(10*time.Millisecond).Milliseconds() / 10, Scale: 2}))
	case d < 2*time.Hour:
		return p.N("common.minutes", int64(d/time.Minute))
	case d < 48*time.Hour:
		return p.N("common.hours", int64(d/time.Hour))
	}
	return p.N("common.days", int64(d/(24*time.Hour)))
}

// Cost is a sum finer than a minor unit, such as the price of one SMS.
func (p *page) Cost(c messaging.Cost) string {
	if c.Micros == 0 {
		return ""
	}
	return p.T("console.cost", "amount", p.Decimal(money.Rate{Coef: (c.Micros + 50) / 100, Scale: 4}), "currency", string(c.Currency))
}

// Share is a part of a whole in whole per cent; empty for no whole.
func (p *page) Share(part, whole int64) string {
	if whole == 0 {
		return ""
	}
	return p.Percent(money.Rate{Coef: (part*100 + whole/2) / whole, Scale: 2})
}

// Reach is the number of a telephone as people write it across borders; an e-mail address as it is.
func (p *page) Reach(to string) string {
	if strings.HasPrefix(to, "+") {
		return address.International(to)
	}
	if len(to) > 7 && strings.Trim(to, "0123456789") == "" {
		return address.International("+" + to)
	}
	return to
}

// DirOf is the direction of a text in a language; of one that nobody knows the browser finds it out.
func (p *page) DirOf(lang string) string {
	if lang == "" {
		return "auto"
	}
	return i18n.For(lang).Dir()
}

// piece is part of a text: a link if it has a URL.
type piece struct{ Text, URL string }

var webAddress = regexp.MustCompile(`https?://[^\s<>"]+[^\s<>".,;:!?)]`)

// Pieces cuts a text at its links.
func (p *page) Pieces(s string) (all []piece) {
	for {
		at := webAddress.FindStringIndex(s)
		if at == nil {
			return append(all, piece{Text: s})
		}
		if at[0] > 0 {
			all = append(all, piece{Text: s[:at[0]]})
		}
		all = append(all, piece{s[at[0]:at[1]], s[at[0]:at[1]]})
		s = s[at[1]:]
	}
}

// Choice is an option of a select box.
type choice struct {
	Value, Name string
	Chosen      bool
}

// Choices are the codes of an area as options of the filter name, after one for all.
func (p *page) Choices(name, area string, codes []string) []choice {
	all := []choice{{"", p.T("console.any_" + name), p.Q(name) == ""}}
	for _, c := range codes {
		all = append(all, choice{c, p.Word(area, c), p.Q(name) == c})
	}
	return all
}

// minor is an amount in minor units of the market's currency as a plain decimal number.
func minor(n int64, m market.Market) money.Rate {
	return money.Rate{Coef: n, Scale: uint8(m.Currency.Digits())}
}

// Arrow points the way that is read.
func (p *page) Arrow() string {
	if p.Dir() == "rtl" {
		return "←"
	}
	return "→"
}
