package journeys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/messaging"
)

// How far a journey is open.
const (
	Live    = "live"
	Closed  = "closed"  // nobody enters; who is under way goes on
	Stopped = "stopped" // nobody enters and nobody goes on

	Unpublished = "new" // there is a draft only
)

// ErrOutdated is the fault of publishing over a version that isn't the one in force any more.
var ErrOutdated = fault.New(fault.Conflict, "journeys.published_meanwhile")

// Version is one published definition. By is who published it; empty: it came with the program.
type Version struct {
	Journey    string
	N          int64
	Definition Definition
	By         string
	Note       string
	Trial      string         // report of the simulation before it was published, as JSON
	Texts      messaging.Pins // versions of the texts that its messages took in
	At         time.Time
}

// Journey is a journey with the version in force.
type Journey struct {
	Name    string
	State   string
	Version int64
	Changed time.Time
}

// liveJourney is what events are held against.
type liveJourney struct {
	version int64
	d       *Definition
	words   words
}

// words are the versions of the texts that a version's messages took in, by template; nil: those in force.
type words map[string]messaging.Pins

func (d *Definition) words(pins messaging.Pins) words {
	w := words{}
	for _, t := range d.Templates() {
		w[t] = pins.Of(t)
	}
	return w
}

// edition is what a version says and by which words.
type edition struct {
	d     *Definition
	words words
}

// journeysKey names the journeys in force among what snapshots are made of.
const journeysKey = "journeys"

// shipped are the definitions that come with the program, in the order of their priority.
var shipped = sync.OnceValue(func() (all []*Definition) {
	names, err := fs.Glob(files, "shipped/*.json")
	for _, name := range names {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err)
		}
		d, err := ReadDefinition(body)
		if err != nil || d.Journey+".json" != path.Base(name) {
			panic(fmt.Sprintf("%s: %v", name, err))
		}
		all = append(all, &d)
	}
	if err != nil {
		panic(err)
	}
	slices.SortStableFunc(all, func(a, b *Definition) int { return int(b.Priority - a.Priority) })
	return all
})

// Shipped lists the definitions that come with the program.
func Shipped() (all []Definition) {
	for _, d := range shipped() {
		all = append(all, *d)
	}
	return all
}

// Prepare keeps the definitions of this release as versions, so that runs that begin with them can end with them. One
// that the merchant has replaced stays replaced. The words of the program aren't kept: they are those of the release that
// runs. Call it at start.
func (s *Service) Prepare(tx *db.Tx) error {
	for _, d := range shipped() {
		body := string(d.JSON())
		last, err := db.One(tx, scanVersion, `select `+versionColumns+` from journey_versions where journey = $1 and made_by = '' order by version desc limit 1`, d.Journey)
		if err == nil && string(last.Definition.JSON()) == body {
			continue
		}
		if err != nil && !errors.Is(err, db.ErrNone) {
			return err
		}
		n, err := db.One(tx, db.Scalar[int64], `select coalesce(max(version), 0) from journey_versions where journey = $1`, d.Journey)
		if err != nil {
			return err
		}
		texts, err := s.Messages.Pins(tx, d.Templates())
		if err != nil {
			return err
		}
		fresh, err := tx.Exec(`insert into journey_versions (`+versionColumns+`) values ($1, $2, $3, '', '', '', $4, $5) on conflict do nothing`,
			d.Journey, n+1, body, textsJSON(texts), tx.Now())
		if err != nil || fresh == 0 {
			return err
		}
		err = tx.Send(`insert into journeys (name, state, version, changed_at) values ($1, 'live', $2, $3)
			on conflict (name) do update set version = excluded.version, changed_at = excluded.changed_at where journeys.version = $4`, d.Journey, n+1, tx.Now(), last.N)
		if err != nil {
			return err
		}
		if err := s.bump(tx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) bump(tx *db.Tx) error {
	if s.Bump == nil {
		return nil
	}
	return s.Bump(tx, journeysKey)
}

// live lists the journeys that may be entered, by priority.
func (s *Service) live() []liveJourney {
	if all := s.inForce.Get(); all != nil {
		return *all
	}
	return nil
}

// readInForce loads what may be entered. A database that has none yet gets those of the program.
func (s *Service) readInForce(tx *db.Tx, _ *[]liveJourney) (*[]liveJourney, error) {
	rows, err := s.Journeys(tx)
	if err != nil {
		return nil, err
	}
	all := []liveJourney{}
	for _, j := range rows {
		if j.State != Live {
			continue
		}
		e, err := s.edition(tx, j.Name, j.Version)
		if err != nil {
			return nil, err
		}
		all = append(all, liveJourney{j.Version, e.d, e.words})
	}
	if len(rows) == 0 {
		for _, d := range shipped() {
			all = append(all, liveJourney{0, d, nil})
		}
	}
	slices.SortStableFunc(all, func(a, b liveJourney) int { return int(b.d.Priority - a.d.Priority) })
	return &all, nil
}

// definition returns what a version says.
func (s *Service) definition(tx *db.Tx, journey string, version int64) (*Definition, error) {
	e, err := s.edition(tx, journey, version)
	return e.d, err
}

// edition returns a version. It never changes, so it is kept.
func (s *Service) edition(tx *db.Tx, journey string, version int64) (edition, error) {
	key := fmt.Sprint(journey, "/", version)
	if e, ok := s.editions.Load(key); ok {
		return e.(edition), nil
	}
	if version == 0 {
		for _, d := range shipped() {
			if d.Journey == journey {
				return edition{d: d}, nil
			}
		}
	}
	v, err := s.Version(tx, journey, version)
	if err != nil {
		return edition{}, err
	}
	e := edition{&v.Definition, v.Definition.words(v.Texts)}
	s.editions.Store(key, e)
	return e, nil
}

// Journeys lists all journeys by name.
func (s *Service) Journeys(tx *db.Tx) ([]Journey, error) {
	return db.All(tx, func(r db.Row) (j Journey, err error) {
		err = r.Scan(&j.Name, &j.State, &j.Version, &j.Changed)
		j.Changed = j.Changed.UTC()
		return j, err
	}, `select name, state, version, changed_at from journeys order by name`)
}

// Overview lists all journeys by name, also those that have only a draft, and the drafts.
func (s *Service) Overview(tx *db.Tx) ([]Journey, map[string]Draft, error) {
	all, err := s.Journeys(tx)
	if err != nil {
		return nil, nil, err
	}
	drafts, err := s.Drafts(tx)
	for name := range drafts {
		if !slices.ContainsFunc(all, func(j Journey) bool { return j.Name == name }) {
			all = append(all, Journey{Name: name, State: Unpublished})
		}
	}
	slices.SortFunc(all, func(a, b Journey) int { return strings.Compare(a.Name, b.Name) })
	return all, drafts, err
}

// Known finds a journey. One that has only a draft yet has version 0 and the state "new"; ErrUnknownJourney if there is neither.
func (s *Service) Known(tx *db.Tx, name string) (Journey, error) {
	all, err := s.Journeys(tx)
	if err != nil {
		return Journey{}, err
	}
	if i := slices.IndexFunc(all, func(j Journey) bool { return j.Name == name }); i >= 0 {
		return all[i], nil
	}
	if _, ok, err := s.Draft(tx, name); err != nil || ok {
		return Journey{Name: name, State: Unpublished}, err
	}
	return Journey{}, fmt.Errorf("%s: %w", name, ErrUnknownJourney)
}

// Said is what a journey says: that of a version, of the draft, or with nothing what is in force, else the draft.
func (s *Service) Said(tx *db.Tx, name, which string) (Definition, error) {
	v, err := s.said(tx, name, which)
	return v.Definition, err
}

// said is Said as a version; a draft has taken no texts in.
func (s *Service) said(tx *db.Tx, name, which string) (Version, error) {
	if n, err := strconv.ParseInt(which, 10, 64); err == nil {
		return s.Version(tx, name, n)
	}
	j, err := s.Known(tx, name)
	if err != nil {
		return Version{}, err
	}
	if which == "draft" || j.Version == 0 {
		d, ok, err := s.Draft(tx, name)
		if err == nil && !ok {
			err = ErrNoDraft
		}
		return Version{Definition: d.Definition}, err
	}
	return s.Version(tx, name, j.Version)
}

// Cast makes a story be told of what a journey says, as Said has it, alone or together with all others that are live, in
// the words that they send.
func (s *Service) Cast(tx *db.Tx, story *Story, name, which string, together bool) error {
	v, err := s.said(tx, name, which)
	if err != nil {
		return err
	}
	story.Definitions, story.Texts = []Definition{v.Definition}, map[string]messaging.Pins{}
	if v.Texts != nil {
		story.Texts[v.Definition.Journey] = v.Texts
	}
	if !together {
		return nil
	}
	all, err := s.Journeys(tx)
	for _, j := range all {
		if j.Name == name || j.State != Live {
			continue
		}
		v, err := s.Version(tx, j.Name, j.Version)
		if err != nil {
			return err
		}
		story.Definitions, story.Texts[j.Name] = append(story.Definitions, v.Definition), v.Texts
	}
	return err
}

const versionColumns = `journey, version, definition, made_by, note, trial, texts, at`

func scanVersion(r db.Row) (v Version, err error) {
	text, texts := "", ""
	if err = r.Scan(&v.Journey, &v.N, &text, &v.By, &v.Note, &v.Trial, &texts, &v.At); err != nil {
		return v, err
	}
	v.At = v.At.UTC()
	if err = json.Unmarshal([]byte(texts), &v.Texts); err != nil {
		return v, err
	}
	v.Definition, err = ReadDefinition([]byte(text))
	return v, err
}

func textsJSON(p messaging.Pins) string {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return string(body)
}

// Version returns one version or ErrUnknownJourney.
func (s *Service) Version(tx *db.Tx, journey string, n int64) (Version, error) {
	v, err := db.One(tx, scanVersion, `select `+versionColumns+` from journey_versions where journey = $1 and version = $2`, journey, n)
	if errors.Is(err, db.ErrNone) {
		err = fmt.Errorf("%s version %d: %w", journey, n, ErrUnknownJourney)
	}
	return v, err
}

// Versions lists a journey's versions, the latest first.
func (s *Service) Versions(tx *db.Tx, journey string) ([]Version, error) {
	return db.All(tx, scanVersion, `select `+versionColumns+` from journey_versions where journey = $1 order by version desc`, journey)
}

// Check says what keeps a definition from being published: ErrBadDefinition with the fields.
func (s *Service) Check(tx *db.Tx, d Definition) error {
	v := vetting{markets: s.open(), class: s.classOf(tx)}
	return d.check(v)
}

func (s *Service) classOf(tx *db.Tx) func(string) (messaging.Class, bool) {
	return func(template string) (messaging.Class, bool) { return s.Messages.ClassOf(template) }
}

// Publish puts a definition in force as the next version after over, the version its writer saw, with the words that are
// in force. Runs that are under way stay with theirs. trial is the report of the simulation that was looked at before.
func (s *Service) Publish(tx *db.Tx, d Definition, over int64, by, note, trial string) (Version, error) {
	if err := s.publishable(tx, d); err != nil {
		return Version{}, err
	}
	now, err := db.One(tx, db.Scalar[int64], `select version from journeys where name = $1`+tx.ForUpdate(), d.Journey)
	if err != nil && !errors.Is(err, db.ErrNone) {
		return Version{}, err
	}
	if now != over {
		return Version{}, fmt.Errorf("%s is at version %d, not %d: %w", d.Journey, now, over, ErrOutdated)
	}
	last, err := db.One(tx, db.Scalar[int64], `select coalesce(max(version), 0) from journey_versions where journey = $1`, d.Journey)
	if err != nil {
		return Version{}, err
	}
	texts, err := s.Messages.Pins(tx, d.Templates())
	if err != nil {
		return Version{}, err
	}
	v := Version{Journey: d.Journey, N: last + 1, Definition: d, By: by, Note: strings.TrimSpace(note), Trial: trial, Texts: texts, At: tx.Now()}
	n, err := tx.Exec(`insert into journey_versions (`+versionColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
		v.Journey, v.N, string(bytes.TrimSpace(d.JSON())), by, v.Note, trial, textsJSON(texts), v.At)
	if err == nil && n == 0 {
		err = ErrOutdated
	}
	if err != nil {
		return v, err
	}
	err = tx.Send(`insert into journeys (name, state, version, changed_at) values ($1, 'live', $2, $3)
		on conflict (name) do update set version = excluded.version, changed_at = excluded.changed_at`, v.Journey, v.N, v.At)
	if err != nil {
		return v, err
	}
	if err := s.DropDraft(tx, v.Journey); err != nil {
		return v, err
	}
	return v, s.bump(tx)
}

// SetState opens a journey, closes it to new people, or stops it for everybody who is under way too.
func (s *Service) SetState(tx *db.Tx, journey, state string) error {
	if !slices.Contains([]string{Live, Closed, Stopped}, state) {
		return ErrBadDefinition.With(map[string]string{"state": "unknown"})
	}
	n, err := tx.Exec(`update journeys set state = $2, changed_at = $3 where name = $1`, journey, state, tx.Now())
	if err == nil && n == 0 {
		err = ErrUnknownJourney
	}
	if err != nil {
		return err
	}
	if state == Stopped {
		all, err := db.All(tx, scanRun, `select `+runColumns+` from journey_runs where journey = $1 and ended_at is null order by id`+tx.ForUpdate(), journey)
		if err != nil {
			return err
		}
		for _, r := range all {
			v := s.stage(tx).view(r)
			v.note(&Node{ID: r.Node}, NotSent, "stopped", "")
			v.end(Exited, "stopped")
			if err := s.save(tx, r); err != nil {
				return err
			}
		}
	}
	return s.bump(tx)
}
