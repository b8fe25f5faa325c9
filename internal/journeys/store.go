package journeys

import (
	"embed"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/messaging"
)

//go:embed schema shipped
var files embed.FS

// Schema holds definitions, runs and what they did.
var Schema = db.Schema{Owner: "journeys", Files: files}

// body is what of a run only the engine reads.
type body struct {
	Event  Happening         `json:"event"`
	Phone  string            `json:"phone,omitempty"`
	Email  string            `json:"email,omitempty"`
	Reward string            `json:"reward,omitempty"`
	Visits map[string]int64  `json:"visits,omitempty"`
	Vars   map[string]string `json:"vars,omitempty"`
	Faults int64             `json:"faults,omitempty"`
	Had    []string          `json:"had,omitempty"`
}

const runColumns = `id, journey, version, key, priority, customer, market, lang, order_id, cart, parcel, node, state, reason, arm, way, due_at, fact_at, started_at, ended_at,
	sent, steps, body`

func scanRun(row db.Row) (*Run, error) {
	r := &Run{}
	text := ""
	err := row.Scan(&r.ID, &r.Journey, &r.Version, &r.Key, &r.Priority, &r.Customer, (*string)(&r.Market), &r.Lang, &r.Order, &r.Cart, &r.Parcel, &r.Node, (*string)(&r.State),
		&r.Reason, &r.Arm, &r.Way, db.Null(&r.Due), &r.At, &r.Started, db.Null(&r.Ended), &r.Sent, &r.taken, &text)
	if err != nil {
		return nil, err
	}
	r.Due, r.At, r.Started, r.Ended = r.Due.UTC(), r.At.UTC(), r.Started.UTC(), r.Ended.UTC()
	if r.Due.Year() <= 1 {
		r.Due = time.Time{}
	}
	if r.Ended.Year() <= 1 {
		r.Ended = time.Time{}
	}
	var b body
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return nil, err
	}
	r.Event, r.Phone, r.Email, r.Reward, r.Visits, r.Vars, r.Faults, r.Had = b.Event, b.Phone, b.Email, b.Reward, b.Visits, b.Vars, b.Faults, b.Had
	if r.Visits == nil {
		r.Visits = map[string]int64{}
	}
	if r.Vars == nil {
		r.Vars = map[string]string{}
	}
	return r, nil
}

// take loads a run to change it; nobody else does meanwhile. nil if there is none.
func (s *Service) take(tx *db.Tx, run string) (*Run, error) {
	return oneRun(tx, `select `+runColumns+` from journey_runs where id = $1`+tx.ForUpdate(), run)
}

// takeAll is take for many runs. A run changes no other in its unit of work, so all can be read before the first goes on.
func (s *Service) takeAll(tx *db.Tx, runs []string) (map[string]*Run, error) {
	all, err := db.All(tx, scanRun, `select `+runColumns+` from journey_runs where id in `+db.In(1, len(runs))+` order by id`+tx.ForUpdate(), db.Fill(runs)...)
	by := make(map[string]*Run, len(all))
	for _, r := range all {
		by[r.ID] = r
	}
	return by, err
}

func oneRun(tx *db.Tx, query string, args ...any) (*Run, error) {
	r, err := db.One(tx, scanRun, query, args...)
	if errors.Is(err, db.ErrNone) {
		return nil, nil
	}
	return r, err
}

// latest is the subject's last run of a journey; nil if there is none. The journey is no plain column here, or SQLite would
// read all its runs by their ages instead of the few of the subject.
func (s *Service) latest(tx *db.Tx, journey, key string) (*Run, error) {
	return oneRun(tx, `select `+runColumns+` from journey_runs where key = $1 and journey || '' = $2 order by started_at desc, id desc limit 1`+tx.ForUpdate(), key, journey)
}

// concerned lists the runs that aren't over and have a subject in common with h, the more important first.
func (s *Service) concerned(tx *db.Tx, h Happening) (_ []*Run, err error) {
	if h.person == nil {
		if h.person, err = s.personOf(tx, h.Customer); err != nil {
			return nil, err
		}
	}
	subjects := h.subjects()
	if len(subjects) == 0 {
		return nil, nil
	}
	ids, err := db.All(tx, db.Scalar[string], `select distinct run from journey_subjects where subject in `+db.In(1, len(subjects)), db.Fill(subjects)...)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	all, err := db.All(tx, scanRun, `select `+runColumns+` from journey_runs where id in `+db.In(1, len(ids))+` and ended_at is null order by priority desc, id`+tx.ForUpdate(),
		db.Fill(ids)...)
	return all, err
}

// save keeps a run and the steps it took.
func (s *Service) save(tx *db.Tx, r *Run) error { return s.saveAll(tx, []*Run{r}) }

// saveAll is save for many runs, by few statements.
func (s *Service) saveAll(tx *db.Tx, all []*Run) error {
	var fresh, known, steps, subjects [][]any
	var over []string
	call := false
	for _, r := range all {
		text, err := json.Marshal(body{r.Event, r.Phone, r.Email, r.Reward, r.Visits, r.Vars, r.Faults, r.Had})
		if err != nil {
			return err
		}
		before := r.taken
		r.taken += int64(len(r.steps))
		row := []any{r.ID, r.Journey, r.Version, r.Key, r.Priority, r.Customer, string(r.Market), r.Lang, r.Order, r.Cart, r.Parcel, r.Node, string(r.State), r.Reason, r.Arm, r.Way,
			r.Due, r.At, r.Started, r.Ended, r.Sent, r.taken, string(text)}
		if r.fresh {
			fresh = append(fresh, row)
		} else {
			known = append(known, row)
		}
		switch {
		case r.State.Over() && !r.fresh:
			over = append(over, r.ID)
		case !r.State.Over() && r.fresh:
			for _, subject := range (Happening{Order: r.Order, Cart: r.Cart, Parcel: r.Parcel, Customer: r.Customer}).subjects() {
				subjects = append(subjects, []any{subject, r.ID})
			}
		}
		for i, p := range r.steps {
			steps = append(steps, []any{id.New("jst"), p.Run, before + int64(i), p.Journey, p.Version, p.Node, p.Visit, p.Key, p.Customer, string(p.Market), p.Arm, string(p.Outcome),
				p.Reason, p.Detail, p.Message, p.Code, p.Ticket, p.At})
		}
		r.steps, r.fresh = nil, false
		call = call || !r.State.Over() && !r.Due.IsZero()
	}
	if err := db.InsertEach(tx, `insert into journey_runs (`+runColumns+`) values`, "", fresh); err != nil {
		return err
	}
	if err := db.InsertEach(tx, `insert into journey_runs (`+runColumns+`) values`, changed, known); err != nil {
		return err
	}
	if len(over) > 0 {
		if err := tx.Send(`delete from journey_subjects where run in `+db.In(1, len(over)), db.Fill(over)...); err != nil {
			return err
		}
	}
	// What a run is about is kept for as long as events may concern it.
	if err := db.InsertEach(tx, `insert into journey_subjects (subject, run) values`, `on conflict do nothing`, subjects); err != nil {
		return err
	}
	if call {
		tx.After(s.timer.call)
	}
	return addSteps(tx, steps)
}

// changed is what of a run that is kept already may change.
const changed = `on conflict (id) do update set version = excluded.version, customer = excluded.customer, market = excluded.market, lang = excluded.lang, node = excluded.node,
	state = excluded.state, reason = excluded.reason, arm = excluded.arm, way = excluded.way, due_at = excluded.due_at, fact_at = excluded.fact_at, ended_at = excluded.ended_at,
	sent = excluded.sent, steps = excluded.steps, body = excluded.body`

func addSteps(tx *db.Tx, rows [][]any) error {
	return db.InsertEach(tx, `insert into journey_steps (id, run, n, journey, version, node, visit, key, customer, market, arm, outcome, reason, detail, message, code, ticket, at) values`,
		"", rows)
}

func dueRuns(tx *db.Tx, limit int) ([]string, error) {
	return db.All(tx, db.Scalar[string], `select id from journey_runs where due_at <= $1 order by due_at, priority desc limit 0 + $2`, tx.Now(), int64(limit))
}

func enteredSince(tx *db.Tx, journey string, who []string, since time.Time) (bool, error) {
	n, err := db.One(tx, db.Scalar[int64], `select count(*) from journey_runs where customer in `+db.In(3, len(who))+` and customer <> '' and journey = $1 and started_at > $2`,
		append([]any{journey, since}, db.Fill(who)...)...)
	return n > 0, err
}

// lastSent is when a journey last wrote to the run's person about something else; zero if never. As with latest, it is read
// by the person.
func lastSent(tx *db.Tx, r *Run, who []string) (at time.Time, err error) {
	at, err = db.One(tx, func(row db.Row) (at time.Time, err error) { return at, row.Scan(db.Moment(&at)) },
		`select max(at) from journey_steps where customer in `+db.In(3, len(who))+` and customer <> '' and journey || '' = $1 and outcome = 'sent' and key <> $2`,
		append([]any{r.Journey, r.Key}, db.Fill(who)...)...)
	if at.Year() <= 1 {
		at = time.Time{}
	}
	return at.UTC(), err
}

const stepColumns = `id, run, journey, version, node, visit, key, customer, market, arm, outcome, reason, detail, message, code, ticket, at`

func scanStep(r db.Row) (p Step, err error) {
	err = r.Scan(&p.ID, &p.Run, &p.Journey, &p.Version, &p.Node, &p.Visit, &p.Key, &p.Customer, (*string)(&p.Market), &p.Arm, (*string)(&p.Outcome), &p.Reason, &p.Detail,
		&p.Message, &p.Code, &p.Ticket, &p.At)
	p.At = p.At.UTC()
	return p, err
}

// stepOf is the step that sent a message; one without ID if none did.
func stepOf(tx *db.Tx, message string) (Step, error) {
	p, err := db.One(tx, scanStep, `select `+stepColumns+` from journey_steps where message = $1 and message <> '' and outcome in ('sent', 'waits') order by n limit 1`, message)
	if errors.Is(err, db.ErrNone) {
		err = nil
	}
	return p, err
}

// runOfMessage is the run that wrote a message; nil if none did.
func (s *Service) runOfMessage(tx *db.Tx, m messaging.Record) (*Run, error) {
	run, _, _ := strings.Cut(m.Key, ":")
	return oneRun(tx, `select `+runColumns+` from journey_runs where id = $1`, run)
}

// Decisions returns what was decided about an order, a cart or a parcel, oldest first.
func (s *Service) Decisions(tx *db.Tx, key string) ([]Step, error) {
	return db.All(tx, scanStep, `select `+stepColumns+` from journey_steps where key = $1 order by at, n, id limit 500`, key)
}

// DecisionsOf returns what was decided about a customer under any of their profiles, oldest first.
func (s *Service) DecisionsOf(tx *db.Tx, customer string) ([]Step, error) {
	who, err := s.personOf(tx, customer)
	if err != nil || len(who) == 0 {
		return nil, err
	}
	return db.All(tx, scanStep, `select `+stepColumns+` from journey_steps where customer in `+db.In(1, len(who))+` and customer <> '' order by at, n, id limit 500`, db.Fill(who)...)
}

// say keeps a step that belongs to no run.
func say(tx *db.Tx, p Step) error {
	return addSteps(tx, [][]any{{id.New("jst"), "", int64(0), p.Journey, p.Version, p.Node, p.Visit, p.Key, p.Customer, string(p.Market), p.Arm, string(p.Outcome), p.Reason, p.Detail,
		p.Message, p.Code, p.Ticket, tx.Now()}})
}

func addTag(tx *db.Tx, customer, tag string) error {
	if customer == "" {
		return nil
	}
	return tx.Send(`insert into journey_tags (customer, tag, at) values ($1, $2, $3) on conflict do nothing`, customer, tag, tx.Now())
}

func tagsOf(tx *db.Tx, who []string) ([]string, error) {
	if len(who) == 0 {
		return []string{}, nil
	}
	all, err := db.All(tx, db.Scalar[string], `select distinct tag from journey_tags where customer in `+db.In(1, len(who))+` order by tag`, db.Fill(who)...)
	if all == nil {
		all = []string{}
	}
	return all, err
}
