package messaging

import (
	"fmt"
	"strings"
	"time"

	"portolan/internal/customer"
	"portolan/internal/market"
)

// gateVersion counts the revisions of decide. Together with a digest of the tables it is kept with every decision.
const gateVersion = 1

// Caps over all journeys, in rolling hours: our own defaults.
const (
	capSpan   = 24 * time.Hour // one promotional or service message
	monthSpan = 30 * 24 * time.Hour
	monthMost = 4 // promotional messages in monthSpan
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
	policies    []Policy
	zones       []*time.Location
	holidays    holidays
	recent      []time.Time // promotional and service messages to the address in the last 30 days, oldest first
	guard       string      // why its journey does not want it any more
	text        text
	brand       string
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
	if a.guard != "" {
		d.drop("guard", a.guard)
	}
	a.lint(d)
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
	if a.law == Promotional && !p.Abroad {
		d.other("promotional_from_abroad", string(p.Country))
	}
	if a.routed && a.kind == Alpha && (p.Sender == "no" || p.Sender == "overwritten") {
		d.other("sender_not_allowed", string(p.Country)+" "+string(a.kind))
	}
	if a.text.link && p.Links == NoLink {
		d.other("link_not_allowed", string(p.Country))
	}
	if p.Phones == "none" && looksLikePhone(a.text.body) {
		d.other("phone_not_allowed", string(p.Country))
	}
	if p.MaxParts > 0 && a.text.parts > p.MaxParts {
		if a.class == Transactional || a.class == Reply {
			d.note("many_parts", fmt.Sprint(a.text.parts))
		} else {
			d.other("too_many_parts", fmt.Sprintf("%d of %d", a.text.parts, p.MaxParts))
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
	if !a.class.asks() || len(a.recent) == 0 {
		return
	}
	if last := a.recent[len(a.recent)-1]; a.now.Sub(last) < capSpan {
		d.hold(last.Add(capSpan), "cap", "1 in 24 h")
	}
	if n := len(a.recent); a.law == Promotional && n >= monthMost {
		if at := a.recent[n-monthMost].Add(monthSpan); at.After(a.now) {
			d.hold(at, "cap", fmt.Sprintf("%d in 30 days", monthMost))
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
		if prefix != "" && (p.PrefixFor == "all" || a.class.asks()) && !strings.HasPrefix(t.body, prefix) {
			d.drop("prefix_missing", prefix)
		}
		if p.Brand && !strings.Contains(t.body, a.brand) {
			d.drop("brand_missing", a.brand)
		}
	}
	if a.country == "US" && strings.Contains(t.body, "€") {
		d.note("euro_sign", "US carriers may drop it")
	}
	if a.class == Promotional && t.parts > dearest {
		d.drop("too_dear", fmt.Sprintf("%d parts", t.parts))
	}
}
