package messaging

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/jobs"
)

// Attempt is one try to hand a message to a provider.
type Attempt struct {
	ID         string
	Message    string
	N          int64
	Route      string
	Provider   string
	Sender     string
	Refs       []string // the provider's names for it, one per part
	Outcome    string   // "open", "taken", "refused", "unknown"
	Trouble    Trouble
	Code       string
	Detail     string
	Repeat     bool // may have arrived twice
	StartedAt  time.Time
	AnsweredAt time.Time
}

const (
	mostRepeats = 3                // attempts after one that may have arrived, each of which may have arrived too
	resendAfter = 30 * time.Second // how long an answer may come late before the message goes again
)

// step is one attempt on its way. Each attempt is noted before it is made, then made, then its answer noted. A crash in
// between leaves an open attempt behind, whose outcome nobody knows: then what must arrive goes again, marked as a
// possible duplicate, and what must not come twice is left alone.
type step struct {
	r       Record
	route   Route
	attempt Attempt
	parcel  Parcel
}

// step is the nth attempt of a message, by a route.
func (s *Service) step(tx *db.Tx, r Record, route Route, n int64, repeat bool) (st *step, err error) {
	at := Attempt{ID: newID("att"), Message: r.ID, N: n, Route: route.Name, Provider: route.Provider, Sender: route.Sender, Outcome: "open", Repeat: repeat, StartedAt: tx.Now()}
	if n == 1 {
		at.ID = firstID(r.ID)
	}
	p := Parcel{Message: r.ID, Attempt: at.ID, Channel: r.Channel, Class: r.Class, To: r.To, Sender: route.Sender, Kind: route.Kind,
		Brand: s.cfg.Brand, Subject: r.Subject, Text: r.Body, HTML: r.HTML, Repeat: repeat, NotAfter: r.NotAfter, Language: r.Lang,
		Template: r.Template, Vars: r.Vars}
	if r.Channel == WhatsApp {
		if p.Open, err = openUntil(tx, r.Channel, r.To); err != nil {
			return nil, err
		}
	}
	if r.Channel == Email {
		p.Text = strings.ReplaceAll(p.Text, "\t", ": ") // rows of a bill read well in plain text too
		p.Mark = s.Mark(at.ID)
		p.Return = s.returnPath(p.Mark)
	}
	if r.Channel == Push {
		p.Text, p.Link = s.notice(r)
	}
	if r.Channel == Email && r.Class.asks() {
		p.Leave = s.cfg.BaseURL + "/u/" + r.Token
	}
	return &step{r, route, at, p}, nil
}

// note decides about the next attempt and writes it down; no step means that there is nothing more to do.
func (s *Service) note(tx *db.Tx, w *waiting) (*step, error) {
	r, err := take(tx, w.r.ID)
	if err != nil || r.State != Queued {
		return nil, err
	}
	early := !w.fresh && len(w.spent) == 0 && r.due.After(tx.Now())
	if early && !w.left {
		return nil, nil // another node has it in hand
	}
	if err := r.unfold(tx); err != nil {
		return nil, err
	}
	past, err := attempts(tx, r.ID)
	if err != nil {
		return nil, err
	}
	n := len(past)
	if early && n > 0 && past[n-1].Outcome == "unknown" {
		return nil, nil // nobody had it in hand: it waits for an answer
	}
	if n > 0 && past[n-1].Outcome == "open" {
		past[n-1].Outcome, past[n-1].Detail, past[n-1].AnsweredAt = "unknown", "no answer was noted", tx.Now()
		if err := saveAttempt(tx, past[n-1]); err != nil {
			return nil, err
		}
		patience := resendAfter // whoever had it in hand is gone; once the line is up again, a receipt may tell that it was taken
		if s.inquirer(past[n-1].Route) != nil {
			patience = 2 * askAfter[0]
		}
		return nil, s.doubt(tx, r, past[n-1], patience)
	}
	perhaps := unanswered(past)
	if perhaps > 0 && r.Class.asks() || perhaps > mostRepeats {
		r.State, r.Reason = Unknown, "outcome_unknown"
		return nil, s.end(tx, r)
	}
	before := r.Gate
	all, err := s.choose(tx, &r)
	if err != nil {
		return nil, err
	}
	if err := keepDecisions(tx, r, before, all); err != nil {
		return nil, err
	}
	if r.Gate.Verdict != Go {
		_, err := s.follow(tx, r, save)
		return nil, err
	}
	route, ok := s.route(r.Channel, r.Country, r.Class, r.Via, w.spent, true)
	if !ok {
		return nil, s.spent(tx, r, w, past)
	}
	if perhaps > 0 {
		r.Repeats++
	}
	r.Sender, r.SenderKind, r.Reason, r.due = route.Sender, route.Kind, "", tx.Now().Add(laneLease)
	if err := save(tx, r); err != nil {
		return nil, err
	}
	st, err := s.step(tx, r, route, int64(len(past)+1), perhaps > 0)
	if err != nil {
		return nil, err
	}
	if n := st.attempt.N; n == 1 {
		return st, fold(tx, route, r.due, []string{r.ID})
	}
	return st, insertAttempt(tx, st.attempt)
}

// unanswered is how many attempts nobody knows the outcome of, so that the message may have arrived by each of them.
func unanswered(past []Attempt) (n int) {
	for _, a := range past {
		if a.Outcome == "unknown" {
			n++
		}
	}
	return n
}

// spent ends a message that no route takes, or has it tried again later if a route may take it then.
func (s *Service) spent(tx *db.Tx, r Record, w *waiting, past []Attempt) error {
	tries := len(past)
	if w.later && tries < mostTries {
		r.due = tx.Now().Add(max(w.after, jobs.Backoff(tries)))
		return save(tx, r)
	}
	r.State, r.Reason = Failed, "refused_by_every_route"
	switch {
	case unanswered(past) > 0:
		r.State, r.Reason = Unknown, "outcome_unknown"
	case w.later:
		r.Reason = "no_route_left"
	}
	return s.end(tx, r)
}

// answered writes down what a provider said.
func (s *Service) answered(tx *db.Tx, st step, wire time.Time, t Taken, sendErr error) error {
	r, err := again(tx, st.r)
	if err != nil {
		return err
	}
	at := st.attempt
	at.AnsweredAt = tx.Now()
	no, refused := refusal(sendErr)
	switch {
	case sendErr == nil:
		at.Outcome = "taken"
		if err := saveAttempt(tx, at); err != nil {
			return err
		}
		return s.taken(tx, r, st, wire, t)
	case refused:
		at.Outcome, at.Trouble, at.Code, at.Detail = "refused", no.Trouble, no.Code, clip(no.Error())
		if err := saveAttempt(tx, at); err != nil {
			return err
		}
		if at.Repeat {
			r.Repeats--
			if err := save(tx, r); err != nil {
				return err
			}
		}
		return s.refused(tx, r, no)
	}
	at.Outcome, at.Detail = "unknown", clip(sendErr.Error())
	if err := saveAttempt(tx, at); err != nil {
		return err
	}
	if err := s.keepRefs(tx, at, r, t.IDs); err != nil {
		return err
	}
	if r.State != Queued {
		return nil
	}
	return s.doubt(tx, r, at, resendAfter)
}

func clip(s string) string { return s[:min(len(s), 500)] }

// refused acts on a refusal that no other route can mend.
func (s *Service) refused(tx *db.Tx, r Record, no *Refusal) error {
	if r.State != Queued {
		return nil
	}
	switch no.Trouble {
	case BadNumber:
		r.State, r.Reason = Failed, "bad_number"
		if err := s.leaveAlone(tx, r.To, "bad_address", "provider"); err != nil {
			return err
		}
		return s.end(tx, r)
	case OptedOut:
		r.State, r.Reason = Failed, "opted_out_at_provider"
		if err := s.end(tx, r); err != nil {
			return err
		}
		if _, err := s.stop(tx, r.To, "provider"); err != nil {
			return err
		}
		_, err := dropNear(tx, r.To)
		return err
	}
	return nil
}

// charged is the message of a step with what it costs and who sent it, once a provider has taken it.
func (s *Service) charged(st *step, t Taken) Record {
	r := st.r
	if t.Parts > 0 {
		r.Parts = t.Parts
	}
	price := st.route.Price
	if t.Price.Currency != "" {
		price = t.Price
	}
	r.Cost, r.Sender, r.SenderKind = price.Times(r.Parts), st.route.Sender, st.route.Kind
	r.Provider, r.Route = st.route.Provider, st.route.Name
	return r
}

func sentEvent(r Record, at time.Time) SentEvent {
	return SentEvent{r.ID, r.Customer, r.Order, r.Cart, r.Template, r.Class, r.Channel, r.Market, r.Country, r.Parts, r.Cost, at}
}

// taken moves a message to Sent, with what it cost and the provider's names for it.
func (s *Service) taken(tx *db.Tx, r Record, st step, wire time.Time, t Taken) error {
	st.r = r
	r = s.charged(&st, t)
	r.WireAt, r.SentAt, r.HeldUntil, r.due = wire, tx.Now(), time.Time{}, s.awaited(r, t, tx.Now())
	if r.State.follows(Sent) || r.State == Unknown {
		r.State = Sent
	}
	if err := save(tx, r); err != nil {
		return err
	}
	if err := s.bus.Publish(tx, sentEvent(r, tx.Now())); err != nil {
		return err
	}
	return s.keepRefs(tx, st.attempt, r, t.IDs)
}

// Late notes that a provider took part (from 1) of an attempt after all, whose outcome was unknown. Unless it
// went again meanwhile, the message counts as sent.
func (s *Service) Late(tx *db.Tx, attempt string, part int, ref string) error {
	at, err := attemptByID(tx, attempt)
	if err != nil {
		return err
	}
	r, err := take(tx, at.Message)
	if err != nil {
		return err
	}
	ids := make([]string, part)
	ids[part-1] = ref
	if at.Outcome == "unknown" {
		at.Outcome, at.AnsweredAt = "taken", tx.Now()
		if err := saveAttempt(tx, at); err != nil {
			return err
		}
		past, err := attempts(tx, r.ID)
		if err != nil {
			return err
		}
		wentAgain := slices.ContainsFunc(past, func(a Attempt) bool { return a.N > at.N && a.Outcome != "refused" })
		if (r.State == Queued || r.State == Unknown) && !wentAgain {
			for _, route := range s.routes(at.Route) {
				return s.taken(tx, r, step{r: r, route: route, attempt: at}, at.StartedAt, Taken{IDs: ids})
			}
		}
	}
	return s.keepRefs(tx, at, r, ids)
}

func newID(prefix string) string { return id.New(prefix) }

const attemptColumns = `id, message, n, route, provider, sender, outcome, trouble, code, detail, repeat, started_at, answered_at`

func (a Attempt) row() []any {
	return []any{a.ID, a.Message, a.N, a.Route, a.Provider, a.Sender, a.Outcome, string(a.Trouble), a.Code, a.Detail, a.Repeat, a.StartedAt, a.AnsweredAt}
}

func insertAttempt(tx *db.Tx, a Attempt) error {
	return db.InsertEach(tx, `insert into message_tries (`+attemptColumns+`) values`, "", [][]any{a.row()})
}

// saveAttempt writes down what became of an attempt.
func saveAttempt(tx *db.Tx, a Attempt) error {
	if a.folded() {
		if err := unfold(tx, a.Message); err != nil {
			return err
		}
	}
	err := tx.Send(`update message_tries set outcome = $2, trouble = $3, code = $4, detail = $5, answered_at = $6 where id = $1`,
		a.ID, a.Outcome, string(a.Trouble), a.Code, a.Detail, a.AnsweredAt)
	return err
}

func attempts(tx *db.Tx, message string) ([]Attempt, error) {
	return db.All(tx, scanAttempt, `select `+attemptColumns+` from message_attempts where message = $1 order by n`, message)
}

func attemptByID(tx *db.Tx, id string) (Attempt, error) {
	a, err := db.One(tx, scanAttempt, `select `+attemptColumns+` from message_tries where id = $1`, id)
	if tail, ok := strings.CutPrefix(id, "att_"); ok && errors.Is(err, db.ErrNone) {
		a, err = db.One(tx, scanAttempt, `select `+attemptColumns+` from message_attempts where message = $1 and id = $2`, "msg_"+tail, id)
	}
	if errors.Is(err, db.ErrNone) {
		err = fmt.Errorf("attempt %s: %w", id, ErrUnknown)
	}
	return a, err
}

func scanAttempt(r db.Row) (a Attempt, err error) {
	err = r.Scan(&a.ID, &a.Message, &a.N, &a.Route, &a.Provider, &a.Sender, &a.Outcome, (*string)(&a.Trouble), &a.Code, &a.Detail, &a.Repeat,
		db.Moment(&a.StartedAt), db.Null(&a.AnsweredAt))
	return
}
