package journeys

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"time"

	"portolan/internal/db"
)

// memory are the books of a simulation: nothing of it is ever written. What was before its beginning it asks the
// database about, if it may.
type memory struct {
	s       *Service
	tx      *db.Tx // of the present batch
	open    []liveJourney
	defined map[string]edition
	from    time.Time // before it counts what really happened; zero: nothing did

	runs    int64
	active  map[string][]*Run     // by subject
	last    map[string]*Run       // by journey and key, those that aren't over
	past    map[string]ended      // by journey and key, where none is under way
	entered map[string]time.Time  // the last time, by journey and person
	wrote   map[string][2]writing // the last one, and the last one of another key, by journey and person
	tagged  map[string][]string
	people  map[string][]string // profiles of persons
	due     agenda
	took    func(r *Run, p Step)
	over    func(r *Run)
}

// ended is what is remembered of a run that is over: what the next one of its subject asks.
type ended struct {
	state       State
	at, started time.Time
	sent        int64
}

// mostPeople is of how many customers their other profiles are remembered at most.
const mostPeople = 8 * mostKept

// writing is a message of a journey to a person.
type writing struct {
	key string
	at  time.Time
}

func newMemory(s *Service, open []liveJourney, from time.Time) *memory {
	m := &memory{s: s, open: open, defined: map[string]edition{}, from: from, active: map[string][]*Run{}, last: map[string]*Run{}, past: map[string]ended{}, entered: map[string]time.Time{},
		wrote: map[string][2]writing{}, tagged: map[string][]string{}, people: map[string][]string{}, took: func(*Run, Step) {}, over: func(*Run) {}}
	for _, j := range open {
		m.defined[fmt.Sprint(j.d.Journey, "/", j.version)] = edition{j.d, j.words}
	}
	return m
}

func (m *memory) live() []liveJourney { return m.open }

func (m *memory) definition(journey string, version int64) (*Definition, error) {
	if e, ok := m.defined[fmt.Sprint(journey, "/", version)]; ok {
		return e.d, nil
	}
	return nil, fmt.Errorf("%s version %d: %w", journey, version, ErrUnknownJourney)
}

func (m *memory) words(journey string, version int64) (words, error) {
	return m.defined[fmt.Sprint(journey, "/", version)].words, nil
}

func (m *memory) concerned(h Happening) (all []*Run, err error) {
	for _, subject := range h.subjects() {
		for _, r := range m.active[subject] {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Run) int { return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID)) })
	return all, nil
}

func (m *memory) latest(journey, key string) (*Run, error) {
	k := journey + "/" + key
	if r := m.last[k]; r != nil {
		return r, nil
	}
	if p, ok := m.past[k]; ok {
		return &Run{Journey: journey, Key: key, State: p.state, At: p.at, Started: p.started, Sent: p.sent}, nil
	}
	return nil, nil
}

func (m *memory) enteredSince(journey, customer string, since time.Time) (bool, error) {
	who, err := m.person(customer)
	if err != nil || len(who) == 0 {
		return false, err
	}
	for _, id := range who {
		if m.entered[journey+"/"+id].After(since) {
			return true, nil
		}
	}
	if !since.Before(m.from) {
		return false, nil
	}
	n, err := db.One(m.tx, db.Scalar[int64], `select count(*) from journey_runs where customer in `+db.In(4, len(who))+` and customer <> '' and journey = $1 and started_at > $2 and started_at < $3`,
		append([]any{journey, since, m.from}, db.Fill(who)...)...)
	return n > 0, err
}

func (m *memory) lastSent(r *Run) (time.Time, error) {
	who, err := m.person(r.Customer)
	if err != nil || len(who) == 0 {
		return time.Time{}, err
	}
	at := time.Time{}
	for _, id := range who {
		for _, w := range m.wrote[r.Journey+"/"+id] {
			if w.key != r.Key && w.at.After(at) {
				at = w.at
			}
		}
	}
	if m.from.IsZero() || !at.IsZero() {
		return at, nil
	}
	at, err = db.One(m.tx, func(row db.Row) (at time.Time, err error) { return at, row.Scan(db.Moment(&at)) },
		`select max(at) from journey_steps where customer in `+db.In(4, len(who))+` and customer <> '' and journey = $1 and outcome = 'sent' and key <> $2 and at < $3`,
		append([]any{r.Journey, r.Key, m.from}, db.Fill(who)...)...)
	if at.Year() <= 1 {
		at = time.Time{}
	}
	return at.UTC(), err
}

func (m *memory) tags(customer string) ([]string, error) {
	who, err := m.person(customer)
	if err != nil {
		return nil, err
	}
	all := []string{}
	for _, id := range who {
		all = append(all, m.tagged[id]...)
	}
	if m.from.IsZero() {
		return all, nil
	}
	before, err := tagsOf(m.tx, who)
	for _, tag := range before {
		if !slices.Contains(all, tag) {
			all = append(all, tag)
		}
	}
	return all, err
}

func (m *memory) person(customer string) ([]string, error) {
	if who, ok := m.people[customer]; ok || customer == "" {
		return who, nil
	}
	who, err := m.s.personOf(m.tx, customer)
	if err == nil {
		m.people[customer] = who
	}
	return who, err
}

func (m *memory) save(r *Run) error {
	k := r.Journey + "/" + r.Key
	if r.fresh {
		m.runs++
		r.ID = fmt.Sprintf("run_%09d", m.runs)
		m.last[k] = r
		delete(m.past, k)
		if r.Customer != "" {
			m.entered[r.Journey+"/"+r.Customer] = r.Started
		}
	}
	for _, p := range r.steps {
		p.Run = r.ID
		if p.Outcome == Sent && r.Customer != "" {
			m.write(r.Journey+"/"+r.Customer, writing{r.Key, p.At})
		}
		m.took(r, p)
	}
	r.taken += int64(len(r.steps))
	subjects := Happening{Order: r.Order, Cart: r.Cart, Parcel: r.Parcel, Customer: r.Customer}.subjects()
	switch {
	case r.State.Over() && !r.fresh:
		for _, s := range subjects {
			if rest := slices.DeleteFunc(m.active[s], func(o *Run) bool { return o == r }); len(rest) > 0 {
				m.active[s] = rest
			} else {
				delete(m.active, s)
			}
		}
	case !r.State.Over() && r.fresh:
		for _, s := range subjects {
			m.active[s] = append(m.active[s], r)
		}
	}
	r.steps, r.fresh = nil, false
	if r.State.Over() {
		m.over(r)
		r.Event, r.Visits, r.Vars = Happening{}, nil, nil // the agenda may still have it
		if m.last[k] == r {
			delete(m.last, k)
			m.past[k] = ended{r.State, r.At, r.Started, r.Sent}
		}
		return nil
	}
	if !r.Due.IsZero() {
		heap.Push(&m.due, appointment{r.Due, r})
	}
	return nil
}

// write remembers a message to a person, and the last one of another key.
func (m *memory) write(k string, w writing) {
	last := m.wrote[k]
	if last[0].key != w.key {
		last[1] = last[0]
	}
	last[0] = w
	m.wrote[k] = last
}

// meet looks up the persons of many customers at once.
func (m *memory) meet(customers []string) error {
	if len(m.people) >= cmp.Or(m.s.keep, mostPeople) {
		clear(m.people)
	}
	var ids []string
	for _, id := range customers {
		if _, ok := m.people[id]; !ok && id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	all, err := m.s.Customers.Persons(m.tx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		m.people[id] = all[id]
		if all[id] == nil {
			m.people[id] = []string{id}
		}
	}
	return nil
}

func (m *memory) say(p Step) error {
	m.took(nil, p)
	return nil
}

// underWay lists the runs that aren't over, in the order in which they began.
func (m *memory) underWay() (all []*Run) {
	for _, r := range m.last {
		if !r.State.Over() {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *Run) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// next is the run that is due first, up to a moment; nil if none is.
func (m *memory) next(until time.Time) *Run {
	for len(m.due) > 0 && !m.due[0].at.After(until) {
		a := heap.Pop(&m.due).(appointment)
		if !a.run.State.Over() && a.run.Due.Equal(a.at) {
			return a.run
		}
	}
	return nil
}

// agenda has the runs that wait, the first one due in front. What isn't so any more stays in it until its time.
type agenda []appointment

type appointment struct {
	at  time.Time
	run *Run
}

// Len implements heap.Interface.
func (a agenda) Len() int { return len(a) }

// Less implements heap.Interface.
func (a agenda) Less(i, j int) bool {
	if !a[i].at.Equal(a[j].at) {
		return a[i].at.Before(a[j].at)
	}
	if a[i].run.Priority != a[j].run.Priority {
		return a[i].run.Priority > a[j].run.Priority
	}
	return a[i].run.ID < a[j].run.ID
}

// Swap implements heap.Interface.
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *agenda) Push(x any) { *a = append(*a, x.(appointment)) }

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	all := *a
	last := all[len(all)-1]
	*a = all[:len(all)-1]
	return last
}
