package messaging

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/money"
)

// Rehearsal asks the gate about messages that never leave, each as of a moment of its own, which only moves forward.
// What would have left counts for what comes after it: caps, carts, limits of money. Nothing is written. One rehearsal
// is for one goroutine.
type Rehearsal struct {
	s      *Service
	script Script
	known  map[string]*dossier
	real   map[string][]leaving // what was really sent, by address and person
	gone   map[string][]leaving // by address, and by person
	people map[string][]string  // profiles of a customer's person
	carts  map[string]string
	same   map[string][]time.Time // by address and words
	spent  map[string]int64       // by market and period, in millionths of the currency of its limits
	sent   int64
	last   planned
	swept  time.Time
	span   time.Duration // for how long the same words count, where that is longest
}

// planned is the last answer of a rehearsal: who plans a message mostly sends it at once.
type planned struct {
	tx     *db.Tx
	at     time.Time
	asked  Message
	vars   map[string]string // as they were: the asker may change them afterwards
	record Record
}

// Script says what a rehearsal takes for granted. Routes, senders' papers, texts and limits are always those of now.
type Script struct {
	// Own are templates of which the rehearsal sends the messages: real ones of them don't count.
	Own []string
	// Consent says what a person had agreed to at a moment; nil: what the ledger of the address said then.
	Consent func(address string, ch customer.Channel, cl customer.Class, at time.Time) customer.State
	// Silent says why an address was not to be written to; nil: what the list of suppressions said then.
	Silent func(address string, at time.Time) (reason string)
	// Invented are people of whom the database knows nothing: no real message counts.
	Invented bool
}

// dossier is what the database says of an address.
type dossier struct {
	consents []customer.Consent
	silences []customer.SuppressionChange
	silent   customer.Suppression
}

// then is a moment in a rehearsal.
type then struct {
	at time.Time
	r  *Rehearsal
}

// Rehearse begins a rehearsal.
func (s *Service) Rehearse(script Script) *Rehearsal {
	return &Rehearsal{s: s, script: script, known: map[string]*dossier{}, real: map[string][]leaving{}, gone: map[string][]leaving{}, people: map[string][]string{}, carts: map[string]string{}, same: map[string][]time.Time{},
		spent: map[string]int64{}}
}

// Plan says what the gate would have answered at a moment. The record's Cost is what sending it would have cost.
func (h *Rehearsal) Plan(tx *db.Tx, at time.Time, m Message) (Record, error) {
	if p := &h.last; p.tx == tx && p.at.Equal(at) && p.asked.Key == m.Key && maps.Equal(p.vars, m.Vars) && reflect.DeepEqual(p.asked, m) {
		return p.record, nil
	}
	r, err := h.plan(tx, at, m)
	if err == nil {
		h.last = planned{tx, at, m, maps.Clone(m.Vars), r}
	}
	return r, err
}

func (h *Rehearsal) plan(tx *db.Tx, at time.Time, m Message) (Record, error) {
	m, err := h.s.complete(m)
	if err != nil {
		return Record{}, err
	}
	r := Record{Message: m, asked: m, Token: "xxxxxxxxxxxx", CreatedAt: at, then: &then{at, h}}
	if r.Class.asks() {
		if r.person, err = h.idsOf(tx, r.Customer); err != nil {
			return r, err
		}
	}
	all, err := h.s.choose(tx, &r)
	if len(all) > 1 {
		r.Tried = all[:len(all)-1]
	}
	return r, err
}

// Send is Plan for a message that counts from then on, if it may go: its State is Queued, or what the gate made of it.
func (h *Rehearsal) Send(tx *db.Tx, at time.Time, m Message) (Record, error) {
	r, err := h.Plan(tx, at, m)
	if err != nil {
		return r, err
	}
	h.sent++
	r.ID = fmt.Sprint("rehearsal_", h.sent)
	r.HeldUntil, r.Reason = r.Gate.Until, r.Gate.Why
	switch r.Gate.Verdict {
	case Go:
		r.State, r.QueuedAt = Queued, at
		h.left(at, r)
	case Hold:
		r.State = Held
	default:
		r.State = Dropped
		if r.Gate.Says("too_late") {
			r.State = Expired
		}
	}
	return r, nil
}

// idsOf is Service.idsOf for a rehearsal, which asks once; invented people have one profile.
func (h *Rehearsal) idsOf(tx *db.Tx, customer string) (ids []string, err error) {
	if h.script.Invented && customer != "" {
		return []string{customer}, nil
	}
	if ids, ok := h.people[customer]; ok {
		return ids, nil
	}
	if len(h.people) >= mostKnown {
		clear(h.people)
	}
	if ids, err = h.s.idsOf(tx, customer); err == nil {
		h.people[customer] = ids
	}
	return ids, err
}

// sweepEach is how often a rehearsal forgets what is too long ago to count, by its own clock.
const sweepEach = 7 * 24 * time.Hour

// sweep forgets what left too long ago to count for any cap.
func (h *Rehearsal) sweep(at time.Time) {
	if h.swept.IsZero() {
		h.swept = at
	}
	if at.Sub(h.swept) < sweepEach {
		return
	}
	h.swept = at
	for who, all := range h.gone {
		if !all[len(all)-1].at.After(at.Add(-monthSpan)) {
			delete(h.gone, who)
		}
	}
	for words, all := range h.same {
		if !all[len(all)-1].After(at.Add(-h.span)) {
			delete(h.same, words)
		}
	}
}

// left makes a message count.
func (h *Rehearsal) left(at time.Time, r Record) {
	h.last = planned{}
	h.sweep(at)
	if all := h.s.rules.of(r.Country, r.Region); r.Channel == SMS && len(all) > 0 && all[0].Repeats.Most > 0 {
		key := r.To + "\x00" + r.Body
		h.same[key], h.span = append(h.same[key], at), max(h.span, all[0].Repeats.Span)
	}
	if !r.Class.asks() {
		return
	}
	for _, who := range append([]string{r.To}, r.person[:min(1, len(r.person))]...) {
		h.gone[who] = append(h.gone[who], leaving{at, r.Class, r.Template})
	}
	if r.Cart != "" && r.Class == Promotional {
		h.carts[r.Cart] = r.ID
	}
	l := h.s.book().limitsOf(r.Market)
	shop, ok := h.s.markets.ByCode(r.Market)
	if !ok || l.Currency == "" {
		return
	}
	day, month := periods(shop, at)
	if micros, ok := h.s.convert(r.Cost, l.Currency, day); ok {
		h.spent[string(r.Market)+day] += micros
		h.spent[string(r.Market)+month] += micros
	}
}

// mostKnown is how many addresses a rehearsal remembers the dossiers of.
const mostKnown = 4096

func (h *Rehearsal) dossier(tx *db.Tx, address string) (*dossier, error) {
	if d, ok := h.known[address]; ok {
		return d, nil
	}
	d := &dossier{}
	var err error
	if h.script.Consent == nil {
		if d.consents, err = h.s.people.Ledger(tx, address); err != nil {
			return nil, err
		}
	}
	if h.script.Silent == nil {
		if d.silent, err = h.s.people.Suppressed(tx, address); err != nil {
			return nil, err
		}
		if d.silences, err = h.s.people.SuppressionHistory(tx, address); err != nil {
			return nil, err
		}
	}
	if len(h.known) >= mostKnown {
		clear(h.known)
	}
	h.known[address] = d
	return d, nil
}

// suppressed is why an address was not to be written to at a moment; empty if it was.
func (d *dossier) suppressed(at time.Time) (reason string) {
	for _, c := range d.silences {
		switch {
		case c.At.After(at):
		case c.Action == "lift":
			reason = ""
		default:
			reason = c.Reason
		}
	}
	if reason == "" && d.silent.Reason != "" && !d.silent.At.After(at) {
		reason = d.silent.Reason
	}
	return reason
}

// ask looks up what the gate wants to know, as of then.
func (t *then) ask(tx *db.Tx, a *application, r Record) error {
	h := t.r
	d, err := h.dossier(tx, r.To)
	if err != nil {
		return err
	}
	if a.suppressed = d.suppressed(t.at); h.script.Silent != nil {
		a.suppressed = h.script.Silent(r.To, t.at)
	}
	if a.suppressed == customer.ReasonStop && r.Class == Transactional && r.Channel == SMS {
		rules, err := h.s.people.MarketRules(tx, r.Market)
		if err != nil {
			return err
		}
		a.muted = rules.Mutes(a.country)
	}
	if len(a.policies) > 0 && a.policies[0].Repeats.Most > 0 && r.Channel == SMS {
		a.same = h.same[r.To+"\x00"+r.Body]
	}
	if !r.Class.asks() {
		return nil
	}
	state := func(cl customer.Class) customer.State {
		if h.script.Consent != nil {
			return h.script.Consent(r.To, customer.Channel(r.Channel), cl, t.at)
		}
		return customer.StateAt(d.consents, customer.Channel(r.Channel), cl, t.at)
	}
	a.consent = state(customer.Promotional)
	if own := state(customer.Class(r.Class)); own != (customer.State{}) {
		a.consent = own
	}
	if a.reminded = h.carts[r.Cart]; r.Class != Promotional {
		a.reminded = ""
	}
	return t.recent(tx, a, r)
}

// recent lists what had left for the person: what the rehearsal sent, and what was really sent by others.
func (t *then) recent(tx *db.Tx, a *application, r Record) error {
	h, since := t.r, t.at.Add(-monthSpan)
	own := h.gone[r.To]
	if len(r.person) > 0 {
		own = h.gone[r.person[0]] // every message of the rehearsal to a person is there
	}
	for _, l := range own {
		if l.at.After(since) {
			a.recent = append(a.recent, l)
		}
	}
	if h.script.Invented {
		t.r.s.count(a.country, a.recent)
		return nil
	}
	real, err := h.sentTo(tx, r, since)
	if err != nil {
		return err
	}
	for _, l := range real {
		if l.at.After(since) && !l.at.After(t.at) && !slices.Contains(h.script.Own, l.template) {
			a.recent = append(a.recent, l)
		}
	}
	t.r.s.count(a.country, a.recent)
	slices.SortStableFunc(a.recent, func(x, y leaving) int { return cmp.Compare(x.at.UnixNano(), y.at.UnixNano()) })
	return nil
}

// sentTo is what was really sent to a person since a moment, perhaps with some from before it. It is read once, since
// moments only move forward.
func (h *Rehearsal) sentTo(tx *db.Tx, r Record, since time.Time) (all []leaving, err error) {
	key := r.To + "\x00" + strings.Join(r.person, "\x00")
	all, ok := h.real[key]
	if ok {
		return all, nil
	}
	if all, err = recent(tx, r, since); err != nil {
		return nil, err
	}
	if len(h.real) >= mostKnown {
		clear(h.real)
	}
	h.real[key] = all
	return all, nil
}

// purses are the limits of money, with what the rehearsal would have spent of them.
func (t *then) purses(r Record, cost Cost) (all []purse) {
	l := t.r.s.book().limitsOf(r.Market)
	shop, ok := t.r.s.markets.ByCode(r.Market)
	if !ok || !r.Class.asks() {
		return nil
	}
	day, month := periods(shop, t.at)
	micros, known := t.r.s.convert(cost, l.Currency, day)
	for _, x := range []struct {
		period string
		limit  int64
	}{{day, l.Day}, {month, l.Month}} {
		if x.limit > 0 {
			spent := t.r.spent[string(r.Market)+x.period]
			all = append(all, purse{x.period, day, month, l.Currency, microsOf(x.limit, l.Currency), spent, micros, endOf(shop, x.period), !known})
		}
	}
	return all
}

// now is the moment as of which a record is weighed.
func (r Record) now(tx *db.Tx) time.Time {
	if r.then != nil {
		return r.then.at
	}
	return tx.Now()
}

// InCurrency is a cost at the rate of a day; false where no rate is known.
func (s *Service) InCurrency(c Cost, to money.Currency, day string) (Cost, bool) {
	micros, ok := s.convert(c, to, day)
	return Cost{micros, to}, ok
}

// Costs are those of messages that were sent, by id. Ask for some hundred at a time.
func (s *Service) Costs(tx *db.Tx, ids []string) (map[string]Cost, error) {
	all := map[string]Cost{}
	if len(ids) == 0 {
		return all, nil
	}
	_, err := db.All(tx, func(r db.Row) (id string, err error) {
		var c Cost
		err = r.Scan(&id, &c.Micros, (*string)(&c.Currency))
		all[id] = c
		return
	}, `select id, cost_micros, currency from messages where currency <> '' and id in `+db.In(1, len(ids)), db.Fill(ids)...)
	return all, err
}
