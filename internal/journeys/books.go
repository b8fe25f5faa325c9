package journeys

import (
	"time"

	"portolan/internal/db"
)

// books are where definitions and runs are kept: the database, or the memory of a simulation.
type books interface {
	live() []liveJourney
	definition(journey string, version int64) (*Definition, error)
	words(journey string, version int64) (words, error)
	concerned(h Happening) ([]*Run, error)
	latest(journey, key string) (*Run, error)
	enteredSince(journey, customer string, since time.Time) (bool, error)
	lastSent(r *Run) (time.Time, error)
	tags(customer string) ([]string, error)
	save(r *Run) error
	say(p Step) error
}

// stored are the books of the database.
type stored struct {
	s    *Service
	tx   *db.Tx
	pile *pile // nil: each run is kept at once
}

// pile is runs of one unit of work that are kept together. What a run looks up are steps and runs of its own person, so it
// is put down before the next one of a person who is in it.
type pile struct {
	runs   []*Run
	people map[string]bool
}

func (b stored) live() []liveJourney { return b.s.live() }

func (b stored) definition(journey string, version int64) (*Definition, error) {
	return b.s.definition(b.tx, journey, version)
}

func (b stored) words(journey string, version int64) (words, error) {
	e, err := b.s.edition(b.tx, journey, version)
	return e.words, err
}

func (b stored) concerned(h Happening) ([]*Run, error) { return b.s.concerned(b.tx, h) }

func (b stored) latest(journey, key string) (*Run, error) { return b.s.latest(b.tx, journey, key) }

func (b stored) enteredSince(journey, customer string, since time.Time) (bool, error) {
	return enteredSince(b.tx, journey, customer, since)
}

func (b stored) lastSent(r *Run) (time.Time, error) { return b.s.lastSent(b.tx, r) }

func (b stored) tags(customer string) ([]string, error) { return tagsOf(b.tx, customer) }

func (b stored) save(r *Run) error {
	if b.pile == nil {
		return b.s.save(b.tx, r)
	}
	b.pile.runs = append(b.pile.runs, r)
	b.pile.people[r.Customer] = r.Customer != ""
	return nil
}

// before makes room for a run: it will see what those before it did.
func (b stored) before(r *Run) error {
	if b.pile.people[r.Customer] {
		return b.put()
	}
	return nil
}

func (b stored) put() error {
	all := b.pile.runs
	b.pile.runs = nil
	clear(b.pile.people)
	return b.s.saveAll(b.tx, all)
}

func (b stored) say(p Step) error { return say(b.tx, p) }
