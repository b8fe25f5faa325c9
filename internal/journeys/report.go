package journeys

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
)

// Report is what a trial on past events says: whom a definition would have reached, with what, when and at what cost,
// beside what the version in force would have done with the same events. It forecasts messages and their cost, not
// purchases.
type Report struct {
	Journey string         `json:"journey"`
	From    time.Time      `json:"from"`
	Until   time.Time      `json:"until"`
	Days    int64          `json:"days"`
	Events  int64          `json:"events"` // that concern the journey
	Base    money.Currency `json:"base"`   // of all costs
	Tried   Forecast       `json:"tried"`
	Live    *Forecast      `json:"live,omitempty"` // nil: nothing is in force
}

// JSON writes the report as it is kept with the version.
func (r Report) JSON() string {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers, words and times always become JSON
	}
	return string(b)
}

// ReadReport reads what JSON wrote; false where there is none.
func ReadReport(s string) (r Report, ok bool) {
	return r, s != "" && json.Unmarshal([]byte(s), &r) == nil
}

// Forecast is what one version would have done.
type Forecast struct {
	Version int64          `json:"version"` // 0: not yet published
	Markets []MarketReport `json:"markets"` // by code
}

// MarketReport is what would have happened in one market.
type MarketReport struct {
	Market   market.Code      `json:"market"`
	Entered  int64            `json:"entered"`
	Done     int64            `json:"done"`
	Left     map[string]int64 `json:"left"` // before the end, by reason
	UnderWay int64            `json:"under_way"`
	Failed   int64            `json:"failed"`
	Messages []Sending        `json:"messages"` // by template, channel and sender
	Hours    [24]int64        `json:"hours"`    // messages by the local hour in which they would have left
	Held     map[string]int64 `json:"held"`     // times that a message would have had to wait, by reason
	Blocked  map[string]int64 `json:"blocked"`  // messages that would not have been sent, by reason
	Treated  int64            `json:"treated"`  // people who would have got something where a share is held out
	Withheld int64            `json:"withheld"` // and those who would not
	Codes    int64            `json:"codes"`
	Tickets  int64            `json:"tickets"`
	Refused  int64            `json:"refused"` // events that begin the journey but not for a subject of which it already wrote
}

// Sending counts messages of one kind.
type Sending struct {
	Template string            `json:"template"`
	Channel  messaging.Channel `json:"channel"`
	Sender   string            `json:"sender"`
	Kind     messaging.Kind    `json:"kind,omitempty"`
	Messages int64             `json:"messages"`
	Parts    int64             `json:"parts"`
	Cost     messaging.Cost    `json:"cost"`
	Unpriced int64             `json:"unpriced"` // messages of whose price no rate to the base currency is known
}

// Sent is how many messages there would have been, with their parts and cost.
func (m MarketReport) Sent() (all Sending) {
	for _, s := range m.Messages {
		all.Messages += s.Messages
		all.Parts += s.Parts
		all.Unpriced += s.Unpriced
		all.Cost.Micros += s.Cost.Micros
		all.Cost.Currency = cmp.Or(all.Cost.Currency, s.Cost.Currency)
	}
	return all
}

// HoldoutShare is the share of those who passed every check and would have got nothing; 0 where nobody is held out.
func (m MarketReport) HoldoutShare() float64 {
	if m.Withheld+m.Treated == 0 {
		return 0
	}
	return float64(m.Withheld) / float64(m.Withheld+m.Treated)
}

// All adds the markets up. Hours are then each market's own.
func (f Forecast) All() MarketReport {
	all := MarketReport{Left: map[string]int64{}, Held: map[string]int64{}, Blocked: map[string]int64{}}
	for _, m := range f.Markets {
		all.Entered += m.Entered
		all.Done += m.Done
		all.UnderWay += m.UnderWay
		all.Failed += m.Failed
		all.Treated += m.Treated
		all.Withheld += m.Withheld
		all.Codes += m.Codes
		all.Tickets += m.Tickets
		all.Refused += m.Refused
		for h, n := range m.Hours {
			all.Hours[h] += n
		}
		add(all.Left, m.Left)
		add(all.Held, m.Held)
		add(all.Blocked, m.Blocked)
		for _, s := range m.Messages {
			all.sending(s)
		}
	}
	all.sort()
	return all
}

func add(to, more map[string]int64) {
	for k, n := range more {
		to[k] += n
	}
}

// In returns a market's part; an empty one where nothing happened.
func (f Forecast) In(m market.Code) MarketReport {
	for _, one := range f.Markets {
		if one.Market == m {
			return one
		}
	}
	return MarketReport{Market: m}
}

// sending adds to the count of messages of a kind.
func (m *MarketReport) sending(s Sending) {
	i := slices.IndexFunc(m.Messages, func(o Sending) bool {
		return o.Template == s.Template && o.Channel == s.Channel && o.Sender == s.Sender
	})
	if i < 0 {
		m.Messages = append(m.Messages, s)
		return
	}
	o := &m.Messages[i]
	o.Messages += s.Messages
	o.Parts += s.Parts
	o.Unpriced += s.Unpriced
	o.Cost.Micros += s.Cost.Micros
}

func (m *MarketReport) sort() {
	slices.SortFunc(m.Messages, func(a, b Sending) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Template, b.Template), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Sender, b.Sender))
	})
}

// tally is a forecast in the making.
type tally struct {
	base    money.Currency
	now     time.Time // of the trial
	convert func(c messaging.Cost, to money.Currency, at, now time.Time) (messaging.Cost, bool)
	markets map[market.Code]*MarketReport
}

func (t *tally) in(m market.Code) *MarketReport {
	r := t.markets[m]
	if r == nil {
		r = &MarketReport{Market: m, Left: map[string]int64{}, Held: map[string]int64{}, Blocked: map[string]int64{}}
		t.markets[m] = r
	}
	return r
}

// took counts a step of a run; of none where it was refused.
func (t *tally) took(d *Definition, r *Run, p Step) {
	m := t.in(p.Market)
	if r == nil {
		m.Refused++
		return
	}
	n, ok := d.node(p.Node)
	if !ok || n.Do != DoSend {
		return
	}
	switch p.Outcome {
	case Waits:
		m.Held[p.Reason]++
	case Withheld:
		m.Withheld++
	case Sent:
		if p.Arm == Treated {
			m.Treated++
		}
	case NotSent:
		if !slices.ContainsFunc(d.Exits, func(e Exit) bool { return e.Reason == p.Reason }) {
			m.Blocked[p.Reason]++
		}
	}
}

// message counts what would have been sent.
func (t *tally) message(r messaging.Record, at time.Time, zone *time.Location) {
	m := t.in(r.Market)
	m.Hours[at.In(zone).Hour()]++
	cost, known := t.convert(r.Cost, t.base, at, t.now)
	s := Sending{Template: r.Template, Channel: r.Channel, Sender: r.Sender, Kind: r.SenderKind, Messages: 1, Parts: r.Parts, Cost: cost}
	if s.Cost.Currency = t.base; !known {
		s.Unpriced, s.Cost.Micros = 1, 0
	}
	m.sending(s)
}

// ended counts how a run came out.
func (t *tally) ended(r *Run) {
	m := t.in(r.Market)
	m.Entered++
	switch r.State {
	case Done:
		m.Done++
	case Exited:
		m.Left[r.Reason]++
	case Broken:
		m.Failed++
	default:
		m.UnderWay++
	}
}

func (t *tally) forecast(version int64) Forecast {
	f := Forecast{Version: version}
	for _, code := range slices.Sorted(maps.Keys(t.markets)) {
		t.markets[code].sort()
		f.Markets = append(f.Markets, *t.markets[code])
	}
	return f
}
