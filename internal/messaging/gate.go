package messaging

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"portolan/internal/address"
	"portolan/internal/customer"
	"portolan/internal/market"
	"portolan/internal/messaging/sms"
)

// gateVersion counts the revisions of decide. Together with a digest of the tables it is kept with every decision.
const gateVersion = 3

// Caps over all journeys, in rolling hours: our own defaults.
const (
	capSpan   = 24 * time.Hour // one promotional or service message
	monthSpan = 30 * 24 * time.Hour
	monthMost = 4 // promotional messages in monthSpan; both are settings of a market
	dearest   = 3 // parts of a promotional SMS
)

// application is everything the gate looks at when a message asks to leave.
type application struct {
	now      time.Time
	version  string
	class    Class
	law      Class // what the country makes of class; empty where nothing is known of it
	template string
	reach    Reach
	country  market.Country
	notAfter time.Time

	consent     customer.State // promotional, or the class's own where it has been asked for
	doubleOptIn bool           // the market counts confirmed consent only
	suppressed  string         // reason, or empty
	muted       bool           // after STOP, order messages go by e-mail here
	routed      bool
	kind        Kind
	sender      string
	price       Cost          // of one part
	record      *SenderRecord // what the book says of the sender; nil: nothing
	booked      bool          // there is a book
	rules       *rules
	policies    []Policy
	zones       []*time.Location
	holidays    holidays
	recent      []leaving   // promotional and service messages to the person in the last 30 days, oldest first
	same        []time.Time // when the same text went to the address, oldest first, where the country counts that
	limits      Limits
	purses      []purse
	cart        string
	reminded    string    // an earlier message about the same cart
	askedAt     time.Time // what caused the message, or when it was written
	guard       string    // why its journey does not want it any more
	text        text
	brand       string
	base        string // public address of the shop
}

// leaving is a message that left or is about to.
type leaving struct {
	at       time.Time
	class    Class
	template string
}

// decide is the send gate: the only way out, for every message, when it is written, after every hold and just
// before it is handed over. It looks at everything and keeps every reason, in this order: consent, suppression,
// country policy, quiet hours, caps, the journey's own rules, the text, the price.
func decide(a application) Decision {
	d := &verdict{Decision: Decision{Verdict: Go, Version: a.version, At: a.now, Channel: a.reach.Channel}}
	if !a.notAfter.IsZero() && a.now.After(a.notAfter) {
		d.drop("too_late", a.notAfter.Format(time.RFC3339))
	}
	a.consents(d)
	a.suppressions(d)
	a.policy(d)
	a.hours(d)
	a.caps(d)
	a.carts(d)
	if a.guard != "" {
		d.drop("guard", a.guard)
	}
	a.lint(d)
	a.budget(d)
	if d.Verdict == Hold && !a.notAfter.IsZero() && d.Until.After(a.notAfter) {
		d.drop("too_late", "would wait until "+d.Until.Format(time.RFC3339))
	}
	if d.Verdict != Hold {
		d.Until = time.Time{}
	}
	return d.Decision
}

// verdict collects reasons; the gravest answer stands.
type verdict struct {
	Decision
	each []Verdict // what each reason asks for
}

var gravity = map[Verdict]int{Go: 0, Hold: 1, OtherChannel: 2, Drop: 3}

func (d *verdict) say(v Verdict, code, detail string) {
	d.Reasons, d.each = append(d.Reasons, Reason{code, detail}), append(d.each, v)
	if gravity[v] > gravity[d.Verdict] {
		d.Verdict, d.Why = v, code
	}
}

func (d *verdict) drop(code, detail string)  { d.say(Drop, code, detail) }
func (d *verdict) other(code, detail string) { d.say(OtherChannel, code, detail) }
func (d *verdict) note(code, detail string)  { d.say(Go, code, detail) }

func (d *verdict) hold(until time.Time, code, detail string) {
	if until.After(d.Until) {
		d.Until = until
	}
	d.say(Hold, code, detail)
}

func (a application) consents(d *verdict) {
	if !a.class.asks() {
		return
	}
	c := a.consent
	switch {
	case c.Revoked:
		d.other("consent_revoked", c.Since.Format(time.RFC3339))
	case a.law == "":
		d.other("no_policy", string(a.country))
	case a.law == Survey:
		d.note("consent_not_needed", string(a.country))
	case c.Pending || c.Granted && a.doubleOptIn && !c.Confirmed:
		d.other("consent_unconfirmed", "double opt-in")
	case !c.Granted:
		d.other("no_consent", string(a.reach.Channel))
	default:
		d.note("consent", c.Wording)
	}
}

func (a application) suppressions(d *verdict) {
	switch {
	case a.suppressed == "":
	case a.class.asks():
		d.drop("suppressed", a.suppressed)
	case a.suppressed != "stop":
		d.other("suppressed", a.suppressed)
	case a.muted:
		d.other("suppressed", a.suppressed)
	}
}

func (a application) policy(d *verdict) {
	if !a.routed {
		d.other("no_route", string(a.country))
	}
	if a.reach.Channel != SMS {
		return
	}
	if len(a.policies) == 0 {
		if a.class.asks() {
			d.other("no_policy", string(a.country))
		}
		return
	}
	p := a.policies[0]
	if a.law == Promotional && !p.Abroad && (a.record == nil || !a.record.Here) {
		d.other("promotional_from_abroad", string(p.Country))
	}
	if a.routed {
		a.senders(d, p)
	}
	if a.text.link {
		for _, l := range linksIn(a.text.body) {
			if why := a.rules.linkFault(p, a.record, a.booked, l, a.base); why != "" {
				d.other(why, string(p.Country)+" "+hostOf(l))
				break
			}
		}
	}
	a.phones(d, p)
	a.length(d, p)
}

// senders asks for a sender that the country takes, with its registration in force and used enough to stay there.
func (a application) senders(d *verdict, p Policy) {
	code, detail, unproved := a.rules.senderFault(p, a.kind, a.sender, a.record, a.booked, a.class, a.now.UTC().Format(time.DateOnly))
	switch {
	case code != "":
		d.other(code, detail)
	case unproved:
		d.note("sender_unproved", detail)
	}
	if r := a.record; r != nil && r.MinVolume > 0 && r.Volume < r.MinVolume && !r.CountedAt.IsZero() && r.ValidFrom != "" &&
		r.ValidFrom <= a.now.Add(-volumeSpan).UTC().Format(time.DateOnly) {
		d.note("sender_low_volume", fmt.Sprintf("%d of %d in 90 days", r.Volume, r.MinVolume))
	}
}

// phones keeps telephone numbers out of bodies where the country does; where it lists them, those of the sender stay.
func (a application) phones(d *verdict, p Policy) {
	if p.Phones == "any" || !looksLikePhone(a.text.body) {
		return
	}
	body := a.text.body
	if p.Phones == "listed" && a.record != nil {
		for _, n := range a.record.Phones {
			body = strings.NewReplacer(n, "", address.International(n), "", address.National(n), "").Replace(body)
		}
	}
	if looksLikePhone(body) {
		d.other("phone_not_allowed", string(p.Country))
	}
}

func (a application) length(d *verdict, p Policy) {
	most := p.MaxParts
	if p.PartsFor != "" && p.PartsFor != a.kind {
		most = 0
	}
	switch {
	case most > 0 && a.text.parts > most && p.PartsAdvised:
		d.note("many_parts", fmt.Sprintf("%d of %d", a.text.parts, most))
	case most > 0 && a.text.parts > most, p.MaxUnits > 0 && a.text.encoding == string(sms.GSM7) && int64(a.text.units) > p.MaxUnits*max(most, 1):
		if a.class.asks() {
			d.other("too_many_parts", fmt.Sprintf("%d of %d", a.text.parts, most))
		} else {
			d.note("many_parts", fmt.Sprint(a.text.parts))
		}
	}
}

// hours keep service and promotional SMS out of the night. E-mail wakes nobody.
func (a application) hours(d *verdict) {
	if !a.class.asks() || a.reach.Channel != SMS {
		return
	}
	if until, why := quietUntil(a.policies, a.zones, a.holidays, a.now); why != "" {
		d.hold(until, "quiet_hours", why)
	}
}

func (a application) caps(d *verdict) {
	a.repeats(d)
	if !a.class.asks() || len(a.recent) == 0 {
		return
	}
	count := func(most int, span time.Duration, is func(leaving) bool, detail string) {
		n := 0
		for _, l := range slices.Backward(a.recent) {
			if !l.at.Add(span).After(a.now) {
				break
			}
			if !is(l) {
				continue
			}
			if n++; n == most {
				d.hold(l.at.Add(span), "cap", detail)
				return
			}
		}
	}
	day, month := int(cmp.Or(a.limits.CapDay, 1)), int(cmp.Or(a.limits.CapMonth, monthMost))
	count(day, capSpan, func(leaving) bool { return true }, fmt.Sprintf("%d in 24 h", day))
	if a.law != Promotional {
		return
	}
	count(month, monthSpan, func(l leaving) bool { return l.class == Promotional }, fmt.Sprintf("%d in 30 days", month))
	for _, p := range a.policies {
		if s := p.SubjectCap; s.Most > 0 && a.reach.Channel == SMS {
			count(s.Most, s.Span, func(l leaving) bool { return l.class == Promotional && l.template == a.template },
				fmt.Sprintf("%s-%s %d in %s on one subject", p.Country, p.Region, s.Most, s.Span))
		}
	}
}

// repeats keeps the same text from going to a number more often than the country's networks let pass.
func (a application) repeats(d *verdict) {
	if len(a.policies) == 0 || a.reach.Channel != SMS {
		return
	}
	l, n := a.policies[0].Repeats, len(a.same)
	if l.Most == 0 || n < l.Most-1 {
		return
	}
	if at := a.same[n-l.Most+1].Add(l.Span); at.After(a.now) {
		if a.class.asks() {
			d.hold(at, "repeated_text", fmt.Sprintf("%s %d in %s", a.policies[0].Country, l.Most, l.Span))
		} else {
			d.other("repeated_text", fmt.Sprintf("%s %d in %s", a.policies[0].Country, l.Most, l.Span))
		}
	}
}

// cartSpan is how long a cart may be written about; carriers ask for it in the US, we keep it everywhere.
const cartSpan = 48 * time.Hour

// carts lets one offer about a cart leave, within two days.
func (a application) carts(d *verdict) {
	if a.cart == "" || a.class != Promotional {
		return
	}
	if a.reminded != "" {
		d.drop("cart_reminded", a.reminded)
	}
	if a.now.After(a.askedAt.Add(cartSpan)) {
		d.drop("cart_late", a.askedAt.UTC().Format(time.RFC3339))
	}
}

// budget holds offers and surveys that would break a limit of money until the next day or month.
func (a application) budget(d *verdict) {
	if !a.class.asks() {
		return
	}
	for _, p := range a.purses {
		switch {
		case p.unknown:
			d.hold(a.now.Add(time.Hour), "budget_rate", string(p.currency))
		case p.cost > p.limit:
			d.drop("budget", p.String())
		case p.spent+p.cost > p.limit:
			d.hold(p.until, "budget", p.String())
		}
	}
}

// lint refuses a text that would embarrass the merchant or that the country's networks would stop.
func (a application) lint(d *verdict) {
	t := a.text
	if len(t.open) > 0 {
		d.drop("open_variable", strings.Join(t.open, ", "))
	}
	if t.missing {
		d.other("no_text", string(a.reach.Channel))
		return
	}
	if strings.TrimSpace(t.body) == "" {
		d.drop("empty_text", "")
	}
	if t.plain {
		d.note("plain_text", "a variable had no value or the text would not fit")
	}
	if a.reach.Channel != SMS {
		return
	}
	if len(a.policies) > 0 {
		p := a.policies[0]
		prefix := strings.ReplaceAll(p.Prefix, "{brand}", a.brand)
		if prefix != "" && p.prefixes(a.law) && !strings.HasPrefix(t.body, prefix) {
			d.drop("prefix_missing", prefix)
		}
		if p.Brand && !strings.Contains(t.body, a.brand) {
			d.drop("brand_missing", a.brand)
		}
	}
	a.wayOut(d)
	if quotes := strings.Map(curly, t.body); quotes != "" && t.encoding == string(sms.UCS2) && sms.Count(sms.Transliterate(t.body)).Encoding == sms.GSM7 {
		d.note("curly_quotes", string(slices.Compact(slices.Sorted(slices.Values([]rune(quotes))))))
	}
	if a.country == "US" && strings.Contains(t.body, "€") {
		d.note("euro_sign", "US carriers may drop it")
	}
	if a.class == Promotional && t.parts > dearest {
		d.drop("too_dear", fmt.Sprintf("%d parts", t.parts))
	}
}

// wayOut asks that an offer says how to be left alone, unless the networks of the country say it themselves.
func (a application) wayOut(d *verdict) {
	if a.law == Promotional && !a.text.out && (len(a.policies) == 0 || a.policies[0].OptOut != "operator") {
		d.other("no_way_out", string(a.country))
	}
}

// curly keeps the signs that typing programs put in and that make a text cost as Chinese does.
func curly(r rune) rune {
	if p, ok := sms.Plain(r); ok && p != string(r) && !unicode.IsLetter(r) {
		return r
	}
	return -1
}
