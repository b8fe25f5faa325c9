package journeys

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
)

var (
	// ErrDraftMoved is the fault of changing a draft that somebody else has changed meanwhile.
	ErrDraftMoved = fault.New(fault.Conflict, "journeys.draft_moved")
	// ErrNoDraft is the fault of changing what nobody has begun to change.
	ErrNoDraft = fault.New(fault.NotFound, "journeys.no_draft")
	// ErrUnknownNode is the fault of a node, or a way of it, that there isn't, and of removing the last one.
	ErrUnknownNode = fault.New(fault.Invalid, "journeys.unknown_node")
	// ErrTaken is the fault of a new journey under a name that another has.
	ErrTaken = fault.New(fault.Conflict, "journeys.name_taken")
)

const hour = time.Hour

// Draft is a definition that somebody is working on. It may be incomplete; Lint says what is missing. Its changes can
// be taken back step by step.
type Draft struct {
	Definition Definition
	Over       int64  // the version it was begun from; 0: a new journey
	Rev        int64  // counts changes; a change says which it has seen
	Done       string // what the last change did, "changed:write"; empty: nothing to take back
	Undone     string // what taking back the last taking back would do again
	By         string
	At         time.Time
}

const mostDraftSteps = 200

// Draft returns the draft of a journey; false if there is none.
func (s *Service) Draft(tx *db.Tx, journey string) (Draft, bool, error) {
	d, _, err := draft(tx, journey, "")
	if errors.Is(err, ErrNoDraft) {
		return d, false, nil
	}
	return d, err == nil, err
}

func draft(tx *db.Tx, journey, lock string) (d Draft, step int64, err error) {
	text := ""
	_, err = db.One(tx, func(r db.Row) (bool, error) {
		return true, r.Scan(&text, &d.Over, &d.Rev, &step, &d.By, &d.At)
	}, `select definition, over, rev, step, by_whom, at from journey_drafts where journey = $1`+lock, journey)
	if errors.Is(err, db.ErrNone) {
		return d, 0, ErrNoDraft
	}
	if err != nil {
		return d, 0, err
	}
	d.At = d.At.UTC()
	if d.Definition, err = ReadDefinition([]byte(text)); err != nil {
		return d, step, err
	}
	type done struct {
		n    int64
		what string
	}
	near, err := db.All(tx, func(r db.Row) (x done, err error) { return x, r.Scan(&x.n, &x.what) },
		`select n, what from journey_draft_steps where journey = $1 and n in ($2, $3) order by n`, journey, step, step+1)
	for _, x := range near {
		switch {
		case x.n > step:
			d.Undone = x.what
		case step > 0:
			d.Done = x.what
		}
	}
	return d, step, err
}

// Drafts lists who works on which journey.
func (s *Service) Drafts(tx *db.Tx) (map[string]Draft, error) {
	all := map[string]Draft{}
	names, err := db.All(tx, db.Scalar[string], `select journey from journey_drafts order by journey`)
	for _, name := range names {
		d, _, err := draft(tx, name, "")
		if err != nil {
			return nil, err
		}
		all[name] = d
	}
	return all, err
}

// BeginDraft makes a draft of the version in force, or returns the one that there is.
func (s *Service) BeginDraft(tx *db.Tx, journey, by string) (Draft, error) {
	if d, ok, err := s.Draft(tx, journey); ok || err != nil {
		return d, err
	}
	now, err := db.One(tx, db.Scalar[int64], `select version from journeys where name = $1`, journey)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknownJourney
	}
	if err != nil {
		return Draft{}, err
	}
	v, err := s.Version(tx, journey, now)
	if err != nil {
		return Draft{}, err
	}
	return s.openDraft(tx, v.Definition, now, by)
}

func (s *Service) openDraft(tx *db.Tx, d Definition, over int64, by string) (Draft, error) {
	text := string(bytes.TrimSpace(d.JSON()))
	n, err := tx.Exec(`insert into journey_drafts (journey, definition, over, by_whom, at, rev, step) values ($1, $2, $3, $4, $5, 1, 0) on conflict do nothing`,
		d.Journey, text, over, by, tx.Now())
	if err == nil && n > 0 {
		err = tx.Send(`insert into journey_draft_steps (journey, n, definition, what, by_whom, at) values ($1, 0, $2, 'begun:', $3, $4)`, d.Journey, text, by, tx.Now())
	}
	if err != nil {
		return Draft{}, err
	}
	got, _, err := s.Draft(tx, d.Journey)
	return got, err
}

// NewDraft begins a journey of its own, under a name that none has yet.
func (s *Service) NewDraft(tx *db.Tx, d Definition, by string) (Draft, error) {
	c := fault.Check{}
	c.That(nameForm.MatchString(d.Journey), "journey", "journeys.name_form")
	if err := c.Err(ErrBadDefinition.Code); err != nil {
		return Draft{}, err
	}
	taken, err := db.One(tx, db.Scalar[int64], `select (select count(*) from journeys where name = $1) + (select count(*) from journey_drafts where journey = $1)`, d.Journey)
	if err != nil {
		return Draft{}, err
	}
	if taken > 0 {
		return Draft{}, fmt.Errorf("%s: %w", d.Journey, ErrTaken)
	}
	return s.openDraft(tx, d, 0, by)
}

// KeepDraft writes a change of a draft. rev is the state of it that the writer saw, or 0 to put d in its place
// whatever stands there; what says what was done, such as "changed:write".
func (s *Service) KeepDraft(tx *db.Tx, d Definition, rev int64, what, by string) (Draft, error) {
	was, step, err := draft(tx, d.Journey, tx.ForUpdate())
	if err != nil {
		return was, err
	}
	if rev != 0 && rev != was.Rev {
		return was, ErrDraftMoved
	}
	text := string(bytes.TrimSpace(d.JSON()))
	if text == string(bytes.TrimSpace(was.Definition.JSON())) {
		return was, nil
	}
	if err := tx.Send(`delete from journey_draft_steps where journey = $1 and (n > $2 or n > 0 and n < $3)`, d.Journey, step, step-mostDraftSteps); err != nil {
		return was, err
	}
	err = tx.Send(`insert into journey_draft_steps (journey, n, definition, what, by_whom, at) values ($1, $2, $3, $4, $5, $6)`, d.Journey, step+1, text, what, by, tx.Now())
	if err != nil {
		return was, err
	}
	return s.show(tx, d.Journey, text, was.Rev, step+1, by)
}

// show makes a draft be what one of its steps says.
func (s *Service) show(tx *db.Tx, journey, text string, rev, step int64, by string) (Draft, error) {
	n, err := tx.Exec(`update journey_drafts set definition = $2, rev = rev + 1, step = $3, by_whom = $4, at = $5 where journey = $1 and rev = $6`, journey, text, step, by, tx.Now(), rev)
	if err == nil && n == 0 {
		err = ErrDraftMoved
	}
	if err != nil {
		return Draft{}, err
	}
	d, _, err := draft(tx, journey, "")
	return d, err
}

// Undo takes the last change of a draft back, and Redo does it again. rev is the state of it that was seen.
func (s *Service) Undo(tx *db.Tx, journey string, rev int64, by string) (Draft, error) {
	return s.turn(tx, journey, rev, -1, by)
}

// Redo does again what Undo took back.
func (s *Service) Redo(tx *db.Tx, journey string, rev int64, by string) (Draft, error) {
	return s.turn(tx, journey, rev, 1, by)
}

func (s *Service) turn(tx *db.Tx, journey string, rev, by int64, who string) (Draft, error) {
	was, step, err := draft(tx, journey, tx.ForUpdate())
	if err != nil {
		return was, err
	}
	if rev != was.Rev {
		return was, ErrDraftMoved
	}
	text, err := db.One(tx, db.Scalar[string], `select definition from journey_draft_steps where journey = $1 and n = $2`, journey, step+by)
	if errors.Is(err, db.ErrNone) {
		return was, nil // there is nothing more
	}
	if err != nil {
		return was, err
	}
	return s.show(tx, journey, text, was.Rev, step+by, who)
}

// DropDraft forgets a draft and its steps.
func (s *Service) DropDraft(tx *db.Tx, journey string) error {
	if err := tx.Send(`delete from journey_draft_steps where journey = $1`, journey); err != nil {
		return err
	}
	return tx.Send(`delete from journey_drafts where journey = $1`, journey)
}

// Import makes a draft of a definition in a file: of a new journey, or of the one of that name. What keeps it from
// running is refused with line and path: "line 7, nodes.write.template".
func (s *Service) Import(tx *db.Tx, body []byte, by string) (Draft, error) {
	d, err := ReadDefinition(body)
	if err != nil {
		return Draft{}, err
	}
	if err := s.Check(tx, d); err != nil {
		if f := fault.Of(err); f.Kind == fault.Invalid {
			err = f.With(withLines(body, &d, f.Fields))
		}
		return Draft{}, err
	}
	return s.PutDraft(tx, d, 0, by)
}

// PutDraft keeps a definition as the draft of the journey of that name, which may be new. rev is as for KeepDraft.
func (s *Service) PutDraft(tx *db.Tx, d Definition, rev int64, by string) (Draft, error) {
	_, err := s.BeginDraft(tx, d.Journey, by)
	if errors.Is(err, ErrUnknownJourney) {
		return s.NewDraft(tx, d, by)
	}
	if err != nil {
		return Draft{}, err
	}
	return s.KeepDraft(tx, d, rev, "imported:", by)
}
