package journeys

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
)

// Traffic is who is where in a journey.
type Traffic struct {
	UnderWay int64            // runs that aren't over
	Versions map[int64]int64  // them by version
	Here     map[string]int64 // them by node
	Entered  int64            // runs that began since
	Passed   map[string]int64 // those of them that came to a node
	Sent     int64            // messages since
}

// mostCounted bounds how many runs are looked at to count who passed where; the latest count.
const mostCounted = 20_000

// Traffic counts who is where in a version of a journey, or in all of them with version 0, and who passed since a
// moment.
func (s *Service) Traffic(tx *db.Tx, journey string, version int64, since time.Time) (t Traffic, err error) {
	t = Traffic{Versions: map[int64]int64{}, Here: map[string]int64{}, Passed: map[string]int64{}}
	type place struct {
		version int64
		node    string
		n       int64
	}
	at, err := db.All(tx, func(r db.Row) (p place, err error) { return p, r.Scan(&p.version, &p.node, &p.n) },
		`select version, node, count(*) from journey_runs where journey = $1 and ended_at is null group by version, node`, journey)
	if err != nil {
		return t, err
	}
	for _, p := range at {
		t.Versions[p.version] += p.n
		if version == 0 || p.version == version {
			t.UnderWay += p.n
			t.Here[p.node] += p.n
		}
	}
	bodies, err := db.All(tx, db.Scalar[string], `select body from journey_runs where journey = $1 and started_at > $2 and ($3 = 0 or version = $3) order by started_at desc limit 0 + $4`,
		journey, since, version, int64(mostCounted))
	if err != nil {
		return t, err
	}
	t.Entered = int64(len(bodies))
	for _, text := range bodies {
		var b struct {
			Visits map[string]int64 `json:"visits"`
		}
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			return t, err
		}
		for node := range b.Visits {
			t.Passed[node]++
		}
	}
	t.Sent, err = db.One(tx, db.Scalar[int64], `select count(*) from journey_steps where journey = $1 and at > $2 and outcome = 'sent' and ($3 = 0 or version = $3)`, journey, since, version)
	return t, err
}

// ErrBadMove is the fault of a map of nodes that names one that isn't there.
var ErrBadMove = fault.New(fault.Invalid, "journeys.bad_move")

// Move takes runs from one version to another. Nodes says where who waits at a node goes on; who waits at a node that
// isn't named, or is mapped to nothing, stays in the old version.
type Move struct {
	Journey  string
	From, To int64
	Nodes    map[string]string
}

// MoveRow is what a move does with those who wait at one node.
type MoveRow struct {
	Node  string
	To    string // empty: they stay
	Runs  int64
	Wrote int64 // of them have been written to already; they aren't sent the same step again
}

// SameNodes maps each node of a to the node of b that has its name and kind.
func SameNodes(a, b Definition) map[string]string {
	same := map[string]string{}
	for _, n := range a.Nodes {
		if o, ok := b.Node(n.ID); ok && o.Do == n.Do {
			same[n.ID] = n.ID
		}
	}
	return same
}

// PlanMove says what Move would do, node by node of the old version.
func (s *Service) PlanMove(tx *db.Tx, m Move) (all []MoveRow, err error) {
	from, to, err := s.moving(tx, m)
	if err != nil {
		return nil, err
	}
	type place struct {
		node    string
		n, sent int64
	}
	at, err := db.All(tx, func(r db.Row) (p place, err error) { return p, r.Scan(&p.node, &p.n, &p.sent) },
		`select node, count(*), sum(case when sent > 0 then 1 else 0 end) from journey_runs where journey = $1 and version = $2 and ended_at is null group by node`, m.Journey, m.From)
	if err != nil {
		return nil, err
	}
	for _, n := range from.Nodes {
		for _, p := range at {
			if p.node != n.ID {
				continue
			}
			row := MoveRow{Node: n.ID, Runs: p.n, Wrote: p.sent}
			if _, ok := to.node(m.Nodes[n.ID]); ok {
				row.To = m.Nodes[n.ID]
			}
			all = append(all, row)
		}
	}
	return all, nil
}

func (s *Service) moving(tx *db.Tx, m Move) (from, to *Definition, err error) {
	from, err = s.definition(tx, m.Journey, m.From)
	if err != nil {
		return nil, nil, err
	}
	if to, err = s.definition(tx, m.Journey, m.To); err != nil {
		return nil, nil, err
	}
	bad := fault.Check{}
	bad.That(m.From != m.To, "to", "journeys.same_version")
	for a, b := range m.Nodes {
		_, ok := from.node(a)
		_, there := to.node(b)
		bad.That(ok && (b == "" || there), "nodes."+a, "journeys.node_unknown")
	}
	return from, to, bad.Err(ErrBadMove.Code)
}

// Move takes runs to another version and says how many went. A run that waits goes on waiting where the new node is of
// the same kind, until the same moment; otherwise it goes on at the new node at once. What it has had already, a message,
// a ticket, another system told, it doesn't get again.
func (s *Service) Move(tx *db.Tx, m Move) (moved int64, err error) {
	from, to, err := s.moving(tx, m)
	if err != nil {
		return 0, err
	}
	all, err := db.All(tx, scanRun, `select `+runColumns+` from journey_runs where journey = $1 and version = $2 and ended_at is null order by id`+tx.ForUpdate(), m.Journey, m.From)
	if err != nil {
		return 0, err
	}
	for _, r := range all {
		n, ok := to.node(m.Nodes[r.Node])
		if !ok {
			continue
		}
		if err := s.moveOne(tx, r, from, to, n, m); err != nil {
			return moved, fmt.Errorf("run %s from %s: %w", r.ID, r.Node, err)
		}
		moved++
	}
	return moved, nil
}

func (s *Service) moveOne(tx *db.Tx, r *Run, from, to *Definition, n *Node, m Move) error {
	had, err := db.All(tx, db.Scalar[string], `select distinct node from journey_steps where run = $1 and outcome in ('sent', 'withheld', 'opened') order by node`, r.ID)
	if err != nil {
		return err
	}
	for _, id := range had {
		if to := m.Nodes[id]; to != "" {
			id = to
		}
		if !slices.Contains(r.Had, id) {
			r.Had = append(r.Had, id)
		}
	}
	for _, x := range from.Nodes { // other systems are told without an outcome of its own
		if id := m.Nodes[x.ID]; x.Do == DoCall && r.Visits[x.ID] > 0 && x.ID != r.Node && id != "" {
			r.Had = append(r.Had, id)
		}
	}
	was, _ := from.node(r.Node)
	v := s.stage(tx).view(r)
	v.note(&Node{ID: r.Node}, Passed, "moved", fmt.Sprintf("%d to %d, %s", m.From, m.To, n.ID))
	r.Version, r.Node = m.To, n.ID
	if was != nil && was.Do == n.Do && !r.Due.IsZero() {
		return s.save(tx, r)
	}
	if err := v.advance(to, live{s}, true); err != nil {
		return err
	}
	return s.save(tx, r)
}

// Recent lists runs that are under way in a version of a journey, the longest waiting first.
func (s *Service) Recent(tx *db.Tx, journey string, version int64, limit int) ([]*Run, error) {
	all, err := db.All(tx, scanRun, `select `+runColumns+` from journey_runs where journey = $1 and version = $2 and ended_at is null order by started_at, id limit 0 + $3`, journey, version, int64(limit))
	if errors.Is(err, db.ErrNone) {
		err = nil
	}
	return all, err
}
