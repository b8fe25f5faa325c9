package messaging

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/jobs"
	"portolan/internal/market"
	"portolan/internal/money"
)

var (
	// ErrUnknownPlan is the fault of a plan that there isn't.
	ErrUnknownPlan = fault.New(fault.NotFound, "messaging.unknown_plan")
	// ErrPlanForm is the fault of a plan that can't be made as it is asked for, with its fields.
	ErrPlanForm = fault.New(fault.Invalid, "messaging.plan_form")
	// ErrPlanMoved is the fault of a plan that is not, or no longer, where this can be done with it.
	ErrPlanMoved = fault.New(fault.Conflict, "messaging.plan_moved")
)

// PlanState is how far an offer to many has come.
type PlanState string

const (
	Planning  PlanState = "planning"
	Planned   PlanState = "planned"
	Sending   PlanState = "sending"
	SentOut   PlanState = "sent"
	Cancelled PlanState = "cancelled"
)

// Campaign is an offer or survey to many people: what the gate says of each is looked at first, then a person sends it
// or doesn't.
type Campaign struct {
	ID        string
	Name      string
	Template  string            // of class promotional or service
	Market    market.Code       // empty: every market
	People    *People           // only when it is made; nil: everybody
	Listed    bool              // for a list
	Refused   int64             // entries of the list that name nobody who can be written to
	Vars      map[string]string // beside the name, which is the person's
	Link      string
	Days      int64 // for how long it may wait for an hour, a day's money or the next offer
	State     PlanState
	Total     int64 // people
	Done      int64
	Rows      []PlanRow // by country
	Version   string
	Who       string
	CreatedAt time.Time
	PlannedAt time.Time
	SentBy    string
	SentAt    time.Time
	EndedAt   time.Time

	after string
}

// PlanRow is what the gate says of the people of one country.
type PlanRow struct {
	Country  market.Country           `json:"country"`
	People   int64                    `json:"people"`
	Now      int64                    `json:"now"`
	Held     int64                    `json:"held"`
	Blocked  int64                    `json:"blocked"`
	Switched int64                    `json:"switched"` // go by another channel than the first
	Parts    int64                    `json:"parts"`
	Costs    map[money.Currency]int64 `json:"costs"`    // millionths
	Channels map[Channel]int64        `json:"channels"` // of those who are reached
	Senders  map[string]int64         `json:"senders"`
	Hours    map[int64]int64          `json:"hours"`   // people by the hour in which they are written to, from when the plan was made
	Reasons  map[string]int64         `json:"reasons"` // of those held and blocked
	First    time.Time                `json:"first,omitzero"`
	Last     time.Time                `json:"last,omitzero"`
}

// Reached is how many get the message, now or later.
func (r PlanRow) Reached() int64 { return r.Now + r.Held }

// Cost is what a row costs, one sum a currency.
func (r PlanRow) Cost() (all []Cost) {
	for _, c := range slices.Sorted(maps.Keys(r.Costs)) {
		if r.Costs[c] > 0 {
			all = append(all, Cost{r.Costs[c], c})
		}
	}
	return all
}

// Sum is all rows together.
func (c Campaign) Sum() PlanRow {
	sum := newRow("")
	for _, r := range c.Rows {
		sum.add(r)
	}
	return *sum
}

func newRow(c market.Country) *PlanRow {
	return &PlanRow{Country: c, Costs: map[money.Currency]int64{}, Channels: map[Channel]int64{}, Senders: map[string]int64{}, Hours: map[int64]int64{}, Reasons: map[string]int64{}}
}

func (r *PlanRow) add(o PlanRow) {
	r.People, r.Now, r.Held, r.Blocked, r.Switched, r.Parts = r.People+o.People, r.Now+o.Now, r.Held+o.Held, r.Blocked+o.Blocked, r.Switched+o.Switched, r.Parts+o.Parts
	merge(r.Costs, o.Costs)
	merge(r.Channels, o.Channels)
	merge(r.Senders, o.Senders)
	merge(r.Hours, o.Hours)
	merge(r.Reasons, o.Reasons)
	if !o.First.IsZero() && (r.First.IsZero() || o.First.Before(r.First)) {
		r.First = o.First
	}
	if o.Last.After(r.Last) {
		r.Last = o.Last
	}
}

func merge[K comparable](into, from map[K]int64) {
	for k, n := range from {
		into[k] += n
	}
}

// count notes what the gate said of one person.
func (r *PlanRow) count(m Record, first Channel, price Cost, now time.Time) {
	r.People++
	at := now
	switch m.Gate.Verdict {
	case Go:
		r.Now++
	case Hold:
		r.Held++
		r.Reasons[m.Gate.Why]++
		at = m.Gate.Until
	default:
		r.Blocked++
		r.Reasons[m.Gate.Why]++
		return
	}
	if m.Channel != first {
		r.Switched++
	}
	r.Channels[m.Channel]++
	if m.Sender != "" {
		r.Senders[m.Sender]++
	}
	if m.Channel == SMS {
		r.Parts += m.Parts
		r.Costs[price.Currency] += price.Times(m.Parts).Micros
	}
	r.Hours[int64(at.Sub(now.Truncate(time.Hour))/time.Hour)]++
	r.add(PlanRow{First: at, Last: at})
}

const (
	planSlice     = 200 // people looked at in one reading
	campaignSlice = 50  // people written to in one unit of work
	planKeeps     = 24 * time.Hour
	mostDays      = 14
)

type planRequest struct {
	Vars    map[string]string `json:"vars"`
	Link    string            `json:"link"`
	Days    int64             `json:"days"`
	Listed  bool              `json:"listed,omitempty"`
	Refused int64             `json:"refused,omitempty"`
}

// StartPlan begins to ask the gate about everybody of an audience, in the background; nothing is sent. What is wrong
// is ErrPlanForm with its fields. Of a list, whoever isn't known is left out and told by Unlisted.
func (s *Service) StartPlan(tx *db.Tx, c Campaign, by string) (Campaign, error) {
	var check fault.Check
	k, ok := s.texts().keys[c.Template]
	check.That(ok && k.class.asks(), "template", "messaging.plan_template")
	_, known := s.markets.ByCode(c.Market)
	check.That(c.Market == "" || known, "market", "unknown")
	c.Name = strings.TrimSpace(c.Name)
	check.That(c.Name != "" && len(c.Name) <= 200, "name", "messaging.key_title")
	if c.Days == 0 {
		c.Days = 3
	}
	check.That(c.Days > 0 && c.Days <= mostDays, "days", "messaging.plan_days")
	_, needsLink := k.vars["link"]
	check.That(!ok || c.Link == "" || needsLink, "link", "messaging.plan_no_link")
	check.That(c.Link == "" || strings.HasPrefix(c.Link, s.cfg.BaseURL+"/"), "link", "messaging.plan_link")
	for name, needed := range k.vars {
		if name == "link" {
			check.That(!needed || c.Link != "", "link", "required")
		} else if needed {
			check.That(strings.TrimSpace(c.Vars[name]) != "", "vars."+name, "required")
		}
	}
	for name, code := range k.checkVars(c.Vars) {
		check.That(!ok, name, code)
	}
	if err := check.Err(ErrPlanForm.Code); err != nil {
		return c, err
	}
	c.ID, c.State, c.Who, c.CreatedAt, c.Version = newID("pln"), Planning, by, tx.Now(), s.rules.version
	if err := s.gather(tx, &c); err != nil {
		return c, err
	}
	err := tx.Send(`insert into message_plans (id, name, template, market, request, state, total, done, after, result, version, who, created_at, sent_by)
		values ($1, $2, $3, $4, $5, $6, $7, 0, '', '[]', $8, $9, $10, '')`, c.ID, c.Name, c.Template, string(c.Market), encode(planRequest{c.Vars, c.Link, c.Days, c.Listed, c.Refused}), string(c.State),
		c.Total, c.Version, by, c.CreatedAt)
	if err != nil {
		return c, err
	}
	return c, s.queue.Add(tx, planJob{c.ID, 0}, jobs.When{Subject: c.ID, Priority: jobs.Low})
}

// gather counts whom a plan asks about, and keeps them where they stand in a list.
func (s *Service) gather(tx *db.Tx, c *Campaign) (err error) {
	if c.People == nil {
		c.Total, err = s.people.CountIn(tx, c.Market)
		return err
	}
	p := c.People
	c.Listed, c.People, c.Total, c.Refused = true, nil, int64(len(p.ids)), p.refused
	return keepList(tx, c.ID, p)
}

// CampaignOf returns a plan or ErrUnknownPlan.
func (s *Service) CampaignOf(tx *db.Tx, id string) (Campaign, error) { return campaign(tx, id, "") }

// Campaigns lists the latest plans, newest first.
func (s *Service) Campaigns(tx *db.Tx) ([]Campaign, error) {
	return db.All(tx, scanCampaign, `select `+campaignColumns+` from message_plans order by created_at desc, id desc limit 50`)
}

// message is what one person of an audience gets: by phone where there is a number, else by mail, and by mail where the
// gate asks for another channel.
func (c Campaign) message(to customer.Customer, from time.Time) (Message, bool) {
	m := Message{Key: "campaign:" + c.ID + ":" + to.ID, Customer: to.ID, Market: to.Market, Country: to.Country, Region: to.Region, Zone: to.Zone, Lang: to.Lang,
		Template: c.Template, Vars: maps.Clone(c.Vars), Link: c.Link, Guard: campaignGuard, NotAfter: from.AddDate(0, 0, int(c.Days))}
	if m.Vars == nil {
		m.Vars = map[string]string{}
	}
	if to.Phone != "" {
		m.Channel, m.To = SMS, to.Phone
		if to.Email != "" {
			m.Else = []Reach{{Email, to.Email}}
		}
	} else {
		m.Channel, m.To = Email, to.Email
	}
	return m, m.To != ""
}

// named adds the person's name where the template has one, and the market of those of whom only the country is known.
func (s *Service) named(m Message, to customer.Customer) Message {
	if of, ok := s.markets.ByCountry(m.Country); ok && m.Market == "" {
		m.Market = of.Code
	}
	if _, ok := s.texts().keys[m.Template].vars["name"]; ok {
		m.Vars["name"] = to.GivenName
	}
	return m
}

// planJob looks at the next people of an audience.
type planJob struct {
	Plan string `json:"plan"`
	From int64  `json:"from"`
}

// Job implements jobs.Args.
func (planJob) Job() string { return "messaging.plan" }

// plan asks the gate about one slice without holding anybody up, then adds what it said.
func (s *Service) plan(ctx context.Context, a planJob) error {
	var c Campaign
	var part slice
	rows := map[market.Country]*PlanRow{}
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if c, err = campaign(tx, a.Plan, ""); err != nil || c.State != Planning || c.Done != a.From {
			return err
		}
		if part, err = s.audience(tx, c, planSlice); err != nil {
			return err
		}
		for _, to := range part.people {
			if err := s.planOne(tx, c, to, rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || c.State != Planning || c.Done != a.From {
		return err
	}
	return s.db.Write(ctx, func(tx *db.Tx) error {
		c, err := campaign(tx, a.Plan, tx.ForUpdate())
		if err != nil || c.State != Planning || c.Done != a.From {
			return err
		}
		all := map[market.Country]*PlanRow{}
		for _, r := range c.Rows {
			all[r.Country] = newRow(r.Country)
			all[r.Country].add(r)
		}
		for country, r := range rows {
			if all[country] == nil {
				all[country] = newRow(country)
			}
			all[country].add(*r)
		}
		c.Rows = nil
		for _, r := range all {
			c.Rows = append(c.Rows, *r)
		}
		slices.SortFunc(c.Rows, func(a, b PlanRow) int {
			return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Country, b.Country))
		})
		c.Done, c.after = c.Done+int64(part.n), part.last
		if part.n < planSlice {
			c.State, c.PlannedAt, c.Total, c.after = Planned, tx.Now(), c.Done, ""
		}
		if err := saveCampaign(tx, c); err != nil || c.State == Planned {
			return err
		}
		return s.queue.Add(tx, planJob{c.ID, c.Done}, jobs.When{Subject: c.ID, Priority: jobs.Low})
	})
}

func (s *Service) planOne(tx *db.Tx, c Campaign, to customer.Customer, rows map[market.Country]*PlanRow) error {
	m, ok := c.message(to, tx.Now())
	m = s.named(m, to)
	m.Guard = "" // nobody has cancelled what isn't sent
	r := Record{Message: m, Gate: Decision{Verdict: Drop, Why: "no_channel"}}
	country := to.Country
	if ok {
		planned, err := s.Plan(tx, m)
		switch {
		case err == nil:
			r = planned
		case fault.Of(err).Kind == fault.Invalid:
			r.Gate.Why = "bad_input"
		default:
			return err
		}
		if r.Country != "" {
			country = r.Country
		}
	}
	if rows[country] == nil {
		rows[country] = newRow(country)
	}
	var price Cost
	if route, ok := s.route(r.Channel, r.Country, r.Class, "", nil, false); ok {
		price = route.Price
	}
	rows[country].count(r, m.Channel, price, tx.Now())
	return nil
}

// SendPlan begins to send what was planned, in slices. reached is how many people the one who sends saw: another number,
// a plan older than a day or one of other rules is ErrPlanMoved.
func (s *Service) SendPlan(tx *db.Tx, id string, reached int64, by string) (Campaign, error) {
	c, err := campaign(tx, id, tx.ForUpdate())
	if err != nil {
		return c, err
	}
	if c.State != Planned || c.Sum().Reached() != reached || reached == 0 || tx.Now().Sub(c.PlannedAt) > planKeeps || c.Version != s.rules.version {
		return c, ErrPlanMoved
	}
	c.State, c.SentBy, c.SentAt, c.Done, c.after = Sending, by, tx.Now(), 0, ""
	if err := saveCampaign(tx, c); err != nil {
		return c, err
	}
	return c, s.queue.Add(tx, campaignJob{c.ID, 0}, jobs.When{Subject: c.ID, Priority: jobs.Low})
}

// CancelPlan stops a plan, or what of a campaign hasn't left. What waits for its hour is let go of at the gate.
func (s *Service) CancelPlan(tx *db.Tx, id string) (Campaign, error) {
	c, err := campaign(tx, id, tx.ForUpdate())
	if err != nil {
		return c, err
	}
	if c.State == Cancelled {
		return c, ErrPlanMoved
	}
	sent := !c.SentAt.IsZero()
	c.State, c.EndedAt = Cancelled, tx.Now()
	if err := saveCampaign(tx, c); err != nil || !sent {
		return c, err
	}
	return c, s.queue.Add(tx, campaignStop{c.ID, ""}, jobs.When{Subject: c.ID})
}

const campaignGuard = "campaign"

// wanted is the guard of campaigns: those that were cancelled send no more.
func (s *Service) wanted(tx *db.Tx, r Record) (string, error) {
	rest, _ := strings.CutPrefix(r.Key, "campaign:")
	id, _, _ := strings.Cut(rest, ":")
	state, err := db.One(tx, db.Scalar[string], `select state from message_plans where id = $1`, id)
	if errors.Is(err, db.ErrNone) || err == nil && PlanState(state) == Cancelled {
		return "campaign_cancelled", nil
	}
	return "", err
}

// campaignJob writes to the next people. What it writes is kept together with how far it came, so that nobody is left
// out or written to twice, whenever the process ends.
type campaignJob struct {
	Plan string `json:"plan"`
	From int64  `json:"from"`
}

// Job implements jobs.Args.
func (campaignJob) Job() string { return "messaging.campaign" }

func (s *Service) campaign(tx *db.Tx, a campaignJob) error {
	c, err := campaign(tx, a.Plan, tx.ForUpdate())
	if err != nil || c.State != Sending || c.Done != a.From {
		return err
	}
	part, err := s.audience(tx, c, campaignSlice)
	if err != nil {
		return err
	}
	for _, to := range part.people {
		m, ok := c.message(to, c.SentAt)
		if !ok || to.CreatedAt.After(c.PlannedAt) { // nobody looked at them
			continue
		}
		if _, err := s.Send(tx, s.named(m, to)); err != nil && fault.Of(err).Kind != fault.Invalid {
			return err
		}
	}
	c.Done, c.after = c.Done+int64(part.n), part.last
	if part.n < campaignSlice {
		c.State, c.EndedAt = SentOut, tx.Now()
		return saveCampaign(tx, c)
	}
	if err := saveCampaign(tx, c); err != nil {
		return err
	}
	return s.queue.Add(tx, campaignJob{c.ID, c.Done}, jobs.When{Subject: c.ID, Priority: jobs.Low})
}

// campaignStop asks the gate again about what of a cancelled campaign waits.
type campaignStop struct {
	Plan  string `json:"plan"`
	After string `json:"after"`
}

// Job implements jobs.Args.
func (campaignStop) Job() string { return "messaging.campaign_stop" }

func (s *Service) campaignStop(tx *db.Tx, a campaignStop) error {
	from := "campaign:" + a.Plan + ":"
	ids, err := db.All(tx, db.Scalar[string], `select id from messages where key >= $1 and key < $2 and state = 'held' and id > $3 order by id limit 500`,
		from, "campaign:"+a.Plan+";", a.After)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.queue.Add(tx, release{id}, jobs.When{Subject: id}); err != nil {
			return err
		}
	}
	if len(ids) < 500 {
		return nil
	}
	a.After = ids[len(ids)-1]
	return s.queue.Add(tx, a, jobs.When{Subject: a.Plan})
}

// InBase is what a row costs in one currency, rounded up, at the rates of the day; false where a rate is missing.
func (s *Service) InBase(r PlanRow, to money.Currency, now time.Time) (money.Amount, bool) {
	var micros int64
	for _, c := range r.Cost() {
		n, ok := s.convert(c, to, now.UTC().Format(time.DateOnly))
		if !ok {
			return money.Amount{}, false
		}
		micros += n
	}
	return Cost{micros, to}.Amount(), true
}

const campaignColumns = `id, name, template, market, request, state, total, done, after, result, version, who, created_at, planned_at, sent_by, sent_at, ended_at`

func scanCampaign(r db.Row) (c Campaign, err error) {
	var request, result string
	err = r.Scan(&c.ID, &c.Name, &c.Template, (*string)(&c.Market), &request, (*string)(&c.State), &c.Total, &c.Done, &c.after, &result, &c.Version, &c.Who, &c.CreatedAt,
		db.Null(&c.PlannedAt), &c.SentBy, db.Null(&c.SentAt), db.Null(&c.EndedAt))
	if err != nil {
		return c, err
	}
	var q planRequest
	if err := errors.Join(json.Unmarshal([]byte(request), &q), json.Unmarshal([]byte(result), &c.Rows)); err != nil {
		return c, err
	}
	c.Vars, c.Link, c.Days, c.Listed, c.Refused = q.Vars, q.Link, q.Days, q.Listed, q.Refused
	c.CreatedAt, c.PlannedAt, c.SentAt, c.EndedAt = c.CreatedAt.UTC(), c.PlannedAt.UTC(), c.SentAt.UTC(), c.EndedAt.UTC()
	return c, nil
}

func campaign(tx *db.Tx, id, lock string) (Campaign, error) {
	c, err := db.One(tx, scanCampaign, `select `+campaignColumns+` from message_plans where id = $1`+lock, id)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknownPlan
	}
	return c, err
}

func saveCampaign(tx *db.Tx, c Campaign) error {
	return tx.Send(`update message_plans set state = $2, total = $3, done = $4, after = $5, result = $6, planned_at = $7, sent_by = $8, sent_at = $9, ended_at = $10 where id = $1`,
		c.ID, string(c.State), c.Total, c.Done, c.after, encode(c.Rows), c.PlannedAt, c.SentBy, c.SentAt, c.EndedAt)
}
