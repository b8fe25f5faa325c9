package journeys

import (
	"maps"
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
	person(customer string) ([]string, error) // all profiles of somebody, the one that stands for them first
	save(r *Run) error
	say(p Step) error
}

// stored are the books of the database.
type stored struct {
	s      *Service
	tx     *db.Tx
	people map[string][]string // profiles of persons that were looked up
	pile   *pile               // nil: each run is kept at once
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
	who, err := b.person(customer)
	if err != nil || len(who) == 0 {
		return false, err
	}
	return enteredSince(b.tx, journey, who, since)
}

func (b stored) lastSent(r *Run) (at time.Time, err error) {
	who, err := b.person(r.Customer)
	if err != nil || len(who) == 0 {
		return at, err
	}
	return lastSent(b.tx, r, who)
}

func (b stored) tags(customer string) ([]string, error) {
	who, err := b.person(customer)
	if err != nil {
		return nil, err
	}
	return tagsOf(b.tx, who)
}

func (b stored) person(customer string) ([]string, error) {
	if who, ok := b.people[customer]; ok || customer == "" {
		return who, nil
	}
	who, err := b.s.personOf(b.tx, customer)
	if err == nil {
		b.people[customer] = who
	}
	return who, err
}

// meet looks up the persons of many runs at once.
func (b stored) meet(runs map[string]*Run) error {
	ids := make([]string, 0, len(runs))
	for _, r := range runs {
		if r.Customer != "" {
			ids = append(ids, r.Customer)
		}
	}
	all, err := b.s.Customers.Persons(b.tx, ids)
	for _, id := range ids {
		b.people[id] = []string{id}
	}
	maps.Copy(b.people, all)
	return err
}

// personOf are all profiles of somebody, the one that stands for them first; none of nobody.
func (s *Service) personOf(tx *db.Tx, customer string) ([]string, error) {
	if customer == "" {
		return nil, nil
	}
	all, err := s.Customers.Persons(tx, []string{customer})
	if who := all[customer]; who != nil {
		return who, err
	}
	return []string{customer}, err
}

func (b stored) save(r *Run) error {
	if b.pile == nil {
		return b.s.save(b.tx, r)
	}
	b.pile.runs = append(b.pile.runs, r)
	who, err := b.person(r.Customer)
	if len(who) > 0 {
		b.pile.people[who[0]] = true
	}
	return err
}

// before makes room for a run: it will see what those before it did.
func (b stored) before(r *Run) error {
	who, err := b.person(r.Customer)
	if err == nil && len(who) > 0 && b.pile.people[who[0]] {
		return b.put()
	}
	return err
}

func (b stored) put() error {
	all := b.pile.runs
	b.pile.runs = nil
	clear(b.pile.people)
	return b.s.saveAll(b.tx, all)
}

func (b stored) say(p Step) error { return say(b.tx, p) }
