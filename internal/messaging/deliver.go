package messaging

import (
	"context"
	"errors"
	"fmt"
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

// deliver hands a queued message to a provider.
type deliver struct {
	Message string `json:"message"`
}

// Job implements jobs.Args.
func (deliver) Job() string { return "messaging.deliver" }

const (
	mostRepeats = 3                // attempts that may be duplicates
	resendAfter = 30 * time.Second // how long an answer may come late before the message goes again
)

// errTryLater sends the job back to the queue with its growing pauses.
var errTryLater = errors.New("every route asks to come later or is not set up")

// step is one attempt on its way.
type step struct {
	r       Record
	route   Route
	attempt Attempt
	parcel  Parcel
}

// deliver notes each attempt before it is made, then makes it, then notes the answer. A crash in between leaves
// an open attempt behind, whose outcome nobody knows: then what must arrive goes again, marked as a possible
// duplicate, and what must not come twice is left alone.
func (s *Service) deliver(ctx context.Context, a deliver) error {
	spent := map[string]bool{}
	later := false
	for {
		var st *step
		err := s.db.Write(ctx, func(tx *db.Tx) (err error) {
			st, err = s.note(tx, a.Message, spent, later)
			return err
		})
		if err != nil || st == nil {
			return err
		}
		wire := s.db.Clock().Now()
		taken, sendErr := st.route.Carrier.Send(ctx, st.parcel)
		spent[st.route.Name] = true
		err = s.db.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error { return s.answered(tx, *st, wire, taken, sendErr) })
		if err != nil {
			return err
		}
		no, refused := refusal(sendErr)
		if sendErr == nil || !refused {
			return nil
		}
		later = later || has([]Trouble{Again, Setup, Account}, no.Trouble)
	}
}

// note decides about the next attempt and writes it down; no step means that there is nothing more to do.
func (s *Service) note(tx *db.Tx, message string, spent map[string]bool, later bool) (*step, error) {
	r, err := take(tx, message)
	if err != nil || r.State != Queued {
		return nil, err
	}
	past, err := attempts(tx, message)
	if err != nil {
		return nil, err
	}
	repeat := false
	if n := len(past); n > 0 && (past[n-1].Outcome == "open" || past[n-1].Outcome == "unknown") {
		if past[n-1].Outcome == "open" {
			past[n-1].Outcome, past[n-1].Detail, past[n-1].AnsweredAt = "unknown", "no answer was noted", tx.Now()
			if err := saveAttempt(tx, past[n-1]); err != nil {
				return nil, err
			}
		}
		if r.Class.asks() || r.Repeats >= mostRepeats {
			r.State, r.Reason = Unknown, "outcome_unknown"
			return nil, s.end(tx, r)
		}
		repeat = true
	}
	all, err := s.choose(tx, &r)
	if err != nil {
		return nil, err
	}
	if r.Gate.Verdict != Go {
		_, err := s.follow(tx, r, all, save)
		return nil, err
	}
	route, ok := s.route(r.Channel, r.Country, r.Class, spent)
	if !ok {
		return nil, s.spent(tx, r, later)
	}
	if err := insertDecision(tx, r.ID, r.Gate); err != nil {
		return nil, err
	}
	if repeat {
		r.Repeats++
	}
	r.Sender, r.SenderKind, r.Reason = route.Sender, route.Kind, ""
	if err := save(tx, r); err != nil {
		return nil, err
	}
	at := Attempt{ID: newID("att"), Message: r.ID, N: int64(len(past) + 1), Route: route.Name, Provider: route.Provider, Sender: route.Sender,
		Outcome: "open", Repeat: repeat, StartedAt: tx.Now()}
	if err := insertAttempt(tx, at); err != nil {
		return nil, err
	}
	p := Parcel{Message: r.ID, Attempt: at.ID, Channel: r.Channel, Class: r.Class, To: r.To, Sender: route.Sender, Kind: route.Kind,
		Brand: s.cfg.Brand, Subject: r.Subject, Text: r.Body, HTML: r.HTML, Repeat: repeat, NotAfter: r.NotAfter, Language: r.Lang}
	if r.Channel == Email && r.Class.asks() {
		p.Leave = s.cfg.BaseURL + "/u/" + r.Token
	}
	return &step{r, route, at, p}, nil
}

// spent ends a message that no route takes, or has it tried again later if a route may take it then.
func (s *Service) spent(tx *db.Tx, r Record, later bool) error {
	if later {
		return errTryLater
	}
	r.State, r.Reason = Failed, "refused_by_every_route"
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
	if r.Class.asks() {
		r.State, r.Reason = Unknown, "outcome_unknown"
		return s.end(tx, r)
	}
	return s.queue.Add(tx, deliver{r.ID}, jobs.When{At: tx.Now().Add(resendAfter), Subject: r.ID, Priority: jobs.Urgent})
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
		if err := s.people.Suppress(tx, r.To, "bad_address", "provider"); err != nil {
			return err
		}
		return s.end(tx, r)
	case OptedOut:
		r.State, r.Reason = Failed, "opted_out_at_provider"
		if err := s.end(tx, r); err != nil {
			return err
		}
		_, err := s.stop(tx, r.To, "provider")
		return err
	}
	return nil
}

// taken moves a message to Sent, with what it cost and the provider's names for it.
func (s *Service) taken(tx *db.Tx, r Record, st step, wire time.Time, t Taken) error {
	if t.Parts > 0 {
		r.Parts = t.Parts
	}
	price := st.route.Price
	if t.Price.Currency != "" {
		price = t.Price
	} else if price.Currency == "" && r.Channel == SMS {
		price = s.rules.prices[r.Country]
	}
	r.Cost, r.WireAt, r.SentAt, r.HeldUntil = price.Times(r.Parts), wire, tx.Now(), time.Time{}
	r.Sender, r.SenderKind = st.route.Sender, st.route.Kind
	if r.State.follows(Sent) || r.State == Unknown {
		r.State = Sent
	}
	if err := save(tx, r); err != nil {
		return err
	}
	if err := s.bus.Publish(tx, SentEvent{r.ID, r.Customer, r.Order, r.Cart, r.Template, r.Class, r.Channel, r.Market, r.Country, r.Parts,
		r.Cost, tx.Now()}); err != nil {
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
		if (r.State == Queued || r.State == Unknown) && past[len(past)-1].ID == at.ID {
			for _, route := range s.cfg.Routes {
				if route.Name == at.Route {
					return s.taken(tx, r, step{r: r, route: route, attempt: at}, at.StartedAt, Taken{IDs: ids})
				}
			}
		}
	}
	return s.keepRefs(tx, at, r, ids)
}

func newID(prefix string) string { return id.New(prefix) }

const attemptColumns = `id, message, n, route, provider, sender, outcome, trouble, code, detail, repeat, started_at, answered_at`

func insertAttempt(tx *db.Tx, a Attempt) error {
	err := tx.Send(`insert into message_attempts (`+attemptColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		a.ID, a.Message, a.N, a.Route, a.Provider, a.Sender, a.Outcome, string(a.Trouble), a.Code, a.Detail, a.Repeat, a.StartedAt, a.AnsweredAt)
	return err
}

func saveAttempt(tx *db.Tx, a Attempt) error {
	err := tx.Send(`update message_attempts set outcome = $2, trouble = $3, code = $4, detail = $5, answered_at = $6 where id = $1`,
		a.ID, a.Outcome, string(a.Trouble), a.Code, a.Detail, a.AnsweredAt)
	return err
}

func attempts(tx *db.Tx, message string) ([]Attempt, error) {
	return db.All(tx, scanAttempt, `select `+attemptColumns+` from message_attempts where message = $1 order by n`, message)
}

func attemptByID(tx *db.Tx, id string) (Attempt, error) {
	a, err := db.One(tx, scanAttempt, `select `+attemptColumns+` from message_attempts where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = fmt.Errorf("attempt %s: %w", id, ErrUnknown)
	}
	return a, err
}

func scanAttempt(r db.Row) (a Attempt, err error) {
	err = r.Scan(&a.ID, &a.Message, &a.N, &a.Route, &a.Provider, &a.Sender, &a.Outcome, (*string)(&a.Trouble), &a.Code, &a.Detail, &a.Repeat,
		&a.StartedAt, db.Null(&a.AnsweredAt))
	return
}
