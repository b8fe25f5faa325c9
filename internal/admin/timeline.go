package admin

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"portolan/internal/cldr"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/messaging"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/payment"
)

// moment is a line of a timeline.
type moment struct {
	At     time.Time
	Tone   string // good, warn, bad or none
	Kind   string // order, payment, message, journey: chooses the sign beside it
	Text   string
	Detail string
	Quote  string // words of a person or a message
	URL    string
	From   string // the profile that it is kept under, of a person with several
}

// told elsewhere, with more than the journal keeps: by payment facts and by messages.
var toldElsewhere = map[string]bool{
	"payment.captured": true, "payment.failed": true, "messaging.sent": true, "messaging.delivered": true, "messaging.ended": true, "messaging.received": true, "journeys.rated": true,
}

// timeline is everything that happened to an order, in order of time: what was announced about it and about the
// bag it came from, what the payment provider said, every message with its receipt and answers, and what the
// journeys decided.
func (c *console) timeline(tx *db.Tx, p *page, o order.Order, paid *payment.Account, messages []messaging.Record) ([]moment, error) {
	var all []moment
	if paid != nil {
		all = p.facts(paid)
	}
	seen := map[string]bool{}
	for _, subject := range []string{string(o.ID), o.Cart, o.Payment} {
		if subject == "" {
			continue
		}
		entries, err := c.Bus.Journal(tx, events.Filter{Subject: subject, Oldest: true, Limit: 200})
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !seen[e.ID] && !toldElsewhere[e.Topic] {
				all = append(all, p.announced(e))
			}
			seen[e.ID] = true
		}
	}
	channel := map[string]string{}
	for _, m := range messages {
		channel[m.ID] = p.Word("channel", m.Channel)
		d, err := c.Messages.Inspect(tx, m.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, p.sent(d)...)
	}
	if c.Decisions != nil {
		decisions, err := c.Decisions.Around(tx, o)
		if err != nil {
			return nil, err
		}
		told, err := c.decisions(tx, p, decisions, channel)
		if err != nil {
			return nil, err
		}
		all = append(all, told...)
	}
	if c.Journeys != nil {
		ratings, err := c.Journeys.RatingsOf(tx, string(o.ID))
		if err != nil {
			return nil, err
		}
		for _, x := range ratings {
			at := p.rated(x)
			if at.URL = ""; x.Channel == string(messaging.SMS) {
				at.Quote = "" // it stands in the answer
			}
			all = append(all, at)
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return a.At.Compare(b.At) })
	return all, nil
}

func outcome(o string) string {
	switch o {
	case "sent", "waits", "not_sent", "withheld", "opened", "ended":
		return o
	}
	return "did"
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " · " + b
}

// body holds what the console reads of announcements, whoever made them.
type body struct {
	Number   string       `json:"number"`
	Source   string       `json:"source"`
	Reason   string       `json:"reason"`
	Shipment string       `json:"shipment"`
	By       string       `json:"by"`
	Total    money.Amount `json:"total"`
	Amount   money.Amount `json:"amount"`
}

// announced puts an entry of the journal into words.
func (p *page) announced(e events.Entry) moment {
	var b body
	if err := json.Unmarshal(e.Body, &b); err != nil {
		b = body{} // an event whose fields have other types says less, but is still listed
	}
	at := moment{At: e.At, Kind: "order"}
	switch e.Topic {
	case "order.placed":
		at.Text = p.T("console.event_order_placed", "total", b.Total)
		if b.Source != order.Shop {
			at.Detail = p.T("console.from_shop", "shop", b.Source)
		}
	case "order.paid":
		at.Text, at.Tone = p.T("console.event_order_paid", "total", b.Total), "good"
	case "order.cancelled":
		at.Text, at.Tone, at.Detail = p.T("console.event_order_cancelled"), "bad", p.Word("reason", b.Reason)
	case "fulfilment.shipment_made", "fulfilment.shipment_changed", "fulfilment.shipment_ready", "fulfilment.handed_over", "fulfilment.taken_back", "fulfilment.shipment_voided":
		at.Text, at.Kind, at.URL = p.Word("event", replaceDots(e.Topic)), "papers", "/console/papers/"+b.Shipment
		at.Detail = join(b.By, p.Word("pp_void", b.Reason))
		if e.Topic == "fulfilment.handed_over" {
			at.Tone = "good"
		}
	case "parcel.moved", "parcel.delayed", "order.delivered":
		at = p.parcelNews(e, at)
	case "support.ticket_opened":
		at.Text, at.Tone, at.Kind, at.Detail, at.URL = p.T("console.tk_event_opened", "number", b.Number), "warn", "tickets", p.Word("ib_reason", b.Reason), "/console/tickets/"+b.Number
	case "support.ticket_solved":
		at.Text, at.Tone, at.Kind, at.Detail, at.URL = p.T("console.tk_event_solved", "number", b.Number), "good", "tickets", b.By, "/console/tickets/"+b.Number
	case "customer.merged", "customer.unmerged":
		at.Text, at.Detail = p.Word("event", replaceDots(e.Topic)), b.By
	case "payment.review_opened":
		at.Text, at.Tone, at.Kind, at.Detail = p.T("console.event_review", "amount", b.Amount), "warn", "payment", p.Word("reason", b.Reason)
		at.URL = "/console/payments"
	case "order.refund_asked":
		at.Text, at.Kind, at.Detail, at.Quote = p.T("console.event_refund_asked", "amount", b.Amount), "payment", b.By, b.Reason
	case "order.refunded":
		at.Text, at.Kind, at.Tone = p.T("console.event_refunded", "amount", b.Amount), "payment", "good"
	case "payment.refund_refused":
		at.Text, at.Kind, at.Tone, at.URL = p.T("console.event_refund_refused", "amount", b.Amount), "payment", "bad", "/console/payments"
	case "payment.returned":
		at.Text, at.Kind, at.Detail = p.T("console.event_returned", "amount", b.Amount), "payment", p.Word("reason", b.Reason)
	default:
		at.Text = p.Word("event", replaceDots(e.Topic))
	}
	return at
}

func replaceDots(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '.' {
			b[i] = '_'
		}
	}
	return string(b)
}

// facts puts what a payment provider said into words.
func (p *page) facts(k *payment.Account) (all []moment) {
	methods := map[string]string{}
	for _, a := range k.Attempts {
		methods[a.ID] = a.Method
	}
	for _, f := range k.Facts {
		at := moment{At: f.ReceivedAt, Kind: "payment", Detail: join(f.PSP, p.Word("source", f.Source))}
		key := "fact_" + string(f.Object) + "_" + string(f.Kind)
		method := p.Word("method", methods[f.Attempt])
		if method == "" {
			method = f.PSP
		}
		at.Text = p.T("console."+key, "amount", f.Amount, "method", method)
		if !p.Has("console." + key) {
			at.Text = p.Word("fact", string(f.Object)+"_"+string(f.Kind))
		}
		switch f.Kind {
		case payment.Captured, payment.Succeeded, payment.Authorised, payment.Won:
			at.Tone = "good"
		case payment.Failed, payment.Lost, payment.Opened, payment.Expired, payment.CancelledKind:
			at.Tone = "bad"
		case payment.RequiresAction, payment.Processing, payment.Pending:
			at.Tone = "warn"
		}
		if f.Reason != "" {
			at.Detail = join(p.Word("reason", f.Reason), at.Detail)
		}
		all = append(all, at)
	}
	return all
}

// sent puts a message, its receipt and the answers to it into words.
func (p *page) sent(d messaging.Detail) (all []moment) {
	url := "/console/messages/" + d.ID
	say := func(at time.Time, tone, key, detail, quote string, args ...any) {
		args = append(args, "channel", p.Word("channel", d.Channel), "to", p.Reach(d.To))
		all = append(all, moment{at, tone, "message", p.T("console.told_"+key, args...), detail, quote, url, ""})
	}
	switch {
	case !d.SentAt.IsZero():
		detail := join(p.N("console.parts", d.Parts), p.Cost(d.Cost))
		if d.Channel != messaging.SMS {
			detail = d.Subject
		}
		quote := d.Body
		if d.Channel != messaging.SMS {
			quote = ""
		}
		say(d.SentAt, "", "sent", detail, quote)
	case d.State == messaging.Held:
		say(d.CreatedAt, "warn", "held", p.Word("reason", d.Reason), "", "until", p.plainMoment(d.HeldUntil))
	case d.State == messaging.Dropped:
		say(d.CreatedAt, "warn", "dropped", p.Word("reason", d.Reason), "")
	case d.State == messaging.Queued:
		say(d.CreatedAt, "", "queued", "", "")
	}
	switch d.State {
	case messaging.Delivered, messaging.Read:
		say(d.DeliveredAt, "good", "delivered", "", "", "took", p.Took(d.DeliveredAt.Sub(d.WireAt)))
	case messaging.Failed, messaging.Expired, messaging.Unknown:
		why, code, _ := strings.Cut(d.Reason, " ")
		say(ended(d), "bad", string(d.State), strings.TrimSpace(p.Word("reason", why)+" "+code), "")
	}
	for _, in := range d.Replies {
		say(in.At, "", "answered", p.Word("intent", in.Intent), in.Text, "from", p.Reach(in.From))
	}
	return all
}

// ended is when it was last heard of a message that did not arrive.
func ended(d messaging.Detail) time.Time {
	at := d.CreatedAt
	for _, a := range d.Attempts {
		at = later(at, a.AnsweredAt)
	}
	for _, r := range d.Receipts {
		at = later(at, r.SeenAt)
	}
	return at
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (p *page) plainMoment(t time.Time) string { return p.DateTime(t.In(p.zone), cldr.Medium) }
