package sim

import (
	"fmt"
	"slices"
	"time"

	"portolan/internal/messaging"
)

// Law is a promise with how often it was looked at and how often it was broken.
type Law struct {
	Name    string
	Checked int64
	Broken  int64
	First   string // the first case
}

// laws are checked on what comes to the network, and at the end in the store.
type laws struct {
	order []string
	by    map[string]*Law
}

// The promises, in the order in which they are reported.
const (
	lawOnce      = "each paid order is confirmed exactly once on each channel; repeats are marked"
	lawUnpaid    = "recovery only while unpaid, with consent, within 48 h, once per bag"
	lawQuiet     = "no offer or survey by text in quiet hours"
	lawCaps      = "one offer or survey a person in 24 h, four offers in 30 days"
	lawStop      = "no offer or survey after STOP"
	lawConsent   = "no offer, and where it counts as one no survey, without consent"
	lawSurvey    = "surveys come 24 to 48 h after delivery, between 10:00 and 20:00"
	lawGermany   = "German buyers without consent get no survey and no offer, and all news of order and parcel"
	lawTicket    = "a rating of 1 or 2 opens a ticket within 5 s"
	lawCode      = "a code is used at most once"
	lawReason    = "each run that ended early, each step and each message that wasn't sent has a reason"
	lawExplained = "each message of a journey has the step that wrote it, with what it was for, and each such step its message"
	lawControl   = "the control group got nothing"
	lawDropped   = "an order that was delivered was asked, or somebody can say why not"
	lawStuck     = "nothing was given up, nothing that is due waits"
	lawMoney     = "each paid order has its money, and no money is without an order"
	lawConfirmed = "each paid order has one confirmation in the store"
)

func newLaws() *laws {
	l := &laws{by: map[string]*Law{}}
	for _, name := range []string{lawOnce, lawConfirmed, lawMoney, lawUnpaid, lawQuiet, lawCaps, lawStop, lawConsent, lawSurvey, lawDropped, lawGermany, lawTicket, lawCode, lawReason, lawExplained, lawControl, lawStuck} {
		l.of(name)
	}
	return l
}

func (l *laws) of(name string) *Law {
	if l.by[name] == nil {
		l.by[name] = &Law{Name: name}
		l.order = append(l.order, name)
	}
	return l.by[name]
}

func (l *laws) broken(name, example string) {
	law := l.of(name)
	if law.Broken++; law.First == "" {
		law.First = example
	}
}

// that checks a case.
func (l *laws) that(ok bool, name, format string, args ...any) {
	l.of(name).Checked++
	if !ok {
		l.broken(name, fmt.Sprintf(format, args...))
	}
}

// all lists the laws.
func (l *laws) all() (all []Law) {
	for _, name := range l.order {
		all = append(all, *l.by[name])
	}
	return all
}

// offers are templates that are advertising everywhere, asks those that are in some countries.
var (
	offers = []string{"cart", "again"}
	asks   = []string{"survey", "review"}
	// advertising are the markets in which asking for an opinion counts as advertising. Source: the specification's
	// table of legal classes, not the program's.
	advertising = []string{"de", "gb"}
)

// awake is when people may be written to by text, from and to in minutes of their day. Sources as in the collection of
// senders' rules; written down here once more so that a wrong row in the program is found.
func awake(p *person, day time.Weekday) (from, to int) {
	switch {
	case p.region == "TX" && day == time.Sunday:
		return 12 * 60, 21 * 60
	case p.region == "TX":
		return 9 * 60, 21 * 60
	case p.market == "us", p.market == "id":
		return 8 * 60, 21 * 60
	case p.market == "de", p.market == "gb":
		return 9 * 60, 20 * 60
	}
	return 8 * 60, 20 * 60
}

// wire looks at a message that came to the network.
func (l *laws) wire(w *world, p *person, v *visit, s sent) {
	who := func(what string) string {
		return fmt.Sprintf("%s to %s (%s) by %s at %s, message %s: %s", s.Template, v.name(), s.To, s.Channel, s.at.In(p.loc).Format(time.RFC3339), s.Message, what)
	}
	if s.Template == "confirm" {
		i := slices.IndexFunc(v.confirmations, func(c came) bool { return c.channel == s.Channel && c.message == s.Message })
		if i < 0 {
			i, v.confirmations = len(v.confirmations), append(v.confirmations, came{s.Channel, s.Message, 0})
		}
		if v.confirmations[i].times++; v.confirmations[i].times > 1 {
			w.report.Repeats++
			l.that(s.Repeat || s.Channel == messaging.Email, lawOnce, "%s", who("came again without a mark"))
		}
		l.that(!v.paidAt.IsZero(), lawOnce, "%s", who("not paid"))
	}
	offer := slices.Contains(offers, s.Template)
	asking := offer || slices.Contains(asks, s.Template)
	if !asking {
		return
	}
	if s.Repeat {
		w.report.Repeats++
		return
	}
	promotional := offer || slices.Contains(advertising, p.market)
	l.that(p.stopped.IsZero() || !s.at.After(p.stopped), lawStop, "%s", who("stopped "+p.stopped.Format(time.RFC3339)))
	if promotional {
		agreed := !p.agreed.IsZero() && !p.agreed.After(s.at)
		l.that(agreed, lawConsent, "%s", who("no consent"))
		if p.market == "de" {
			l.that(agreed, lawGermany, "%s", who("no consent"))
		}
	}
	local := s.at.In(p.loc)
	minute := local.Hour()*60 + local.Minute()
	if s.Channel == messaging.SMS {
		from, to := awake(p, local.Weekday())
		l.that(minute >= from && minute < to, lawQuiet, "%s", who("quiet"))
	}
	within := func(all []time.Time, span time.Duration) (n int) {
		for _, at := range all {
			if s.at.Sub(at) < span {
				n++
			}
		}
		return n
	}
	l.that(within(p.asked, 24*time.Hour) == 0, lawCaps, "%s", who("another less than 24 h before"))
	if promotional {
		l.that(within(p.offered, 30*24*time.Hour) < 4, lawCaps, "%s", who("a fifth in 30 days"))
	}
	if !s.refused { // what the network says never arrived is none of them
		p.asked = append(p.asked, s.at)
		if promotional {
			p.offered = append(p.offered, s.at)
		}
	}
	switch s.Template {
	case "cart":
		if v.reminders == nil {
			v.reminders = map[string]bool{}
		}
		v.reminders[s.Message] = true
		l.that(v.paidAt.IsZero(), lawUnpaid, "%s", who("paid "+v.paidAt.Format(time.RFC3339)))
		l.that(!v.left.IsZero() && s.at.Sub(v.left) <= 48*time.Hour+15*time.Minute, lawUnpaid, "%s", who("left "+v.left.Format(time.RFC3339)))
		l.that(len(v.reminders) == 1, lawUnpaid, "%s", who("a second time"))
	case "survey":
		v.surveys++
		age := s.at.Sub(v.arrived)
		l.that(!v.arrived.IsZero() && age >= 24*time.Hour && age <= 48*time.Hour, lawSurvey, "%s", who("delivered "+v.arrived.Format(time.RFC3339)))
		l.that(minute >= 10*60 && minute < 20*60, lawSurvey, "%s", who("outside 10 to 20"))
	}
}

// settled looks at every order at the end.
func (l *laws) settled(w *world) {
	fresh := w.end.Add(-30 * time.Minute) // what was paid in the last half hour may be on its way
	for _, v := range w.orders {
		if v.paidAt.After(fresh) {
			continue
		}
		for i, c := range v.confirmations {
			twice := slices.ContainsFunc(v.confirmations[:i], func(d came) bool { return d.channel == c.channel })
			l.that(!twice, lawOnce, "order %s: a second confirmation by %s", v.number, c.channel)
		}
		l.that(len(v.confirmations) > 0, lawOnce, "order %s of %s: no confirmation", v.number, v.name())
		if v.market == "de" && v.agreed.IsZero() {
			l.that(len(v.confirmations) > 0, lawGermany, "order %s: no confirmation", v.number)
		}
	}
}
