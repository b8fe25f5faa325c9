package journeys

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Edge is one way on from a node. Says is why it is taken: "yes", "no", "came", "timed_out", "too_late", "not_sent", "share",
// "way", "otherwise", or nothing where there is no choice. To is empty where the run ends; Reason is then why.
type Edge struct {
	Way    string // "next", "else", or "ways.0"
	Says   string
	Name   string // of a way
	Share  int64  // of 100, of a lot
	To     string
	Reason string
}

// Edges lists where a node leads, in the order in which people read it.
func (n Node) Edges() (all []Edge) {
	next := func(says string) { all = append(all, Edge{Way: "next", Says: says, To: n.Next}) }
	other := func(says, reason string) {
		e := Edge{Way: "else", Says: says, To: n.Else}
		if e.To == "" {
			e.Reason = reason
		}
		all = append(all, e)
	}
	switch n.Do {
	case DoExit:
	case DoIf:
		next("yes")
		other("no", n.Reason)
	case DoWaitFor:
		next("came")
		other("timed_out", "nothing_came")
	case DoWait:
		next("")
		if n.Late > 0 {
			other("too_late", "too_late")
		}
	case DoSend:
		next("")
		if n.Else != "" {
			other("not_sent", "")
		}
	case DoSwitch, DoSplit:
		says := "share"
		if n.Do == DoSwitch {
			says = "way"
		}
		for i, w := range n.Ways {
			all = append(all, Edge{Way: "ways." + strconv.Itoa(i), Says: says, Name: w.Name, Share: w.Share, To: w.Next})
		}
		if n.Do == DoSwitch {
			other("otherwise", "")
		} else if len(n.Ways) == 0 {
			next("")
		}
	default:
		next("")
	}
	return all
}

// Node returns a node by its name; false if there is none.
func (d *Definition) Node(id string) (Node, bool) {
	n, ok := d.node(id)
	if !ok {
		return Node{}, false
	}
	return *n, true
}

// Kinds lists what a node may do, in the order in which they are offered.
func Kinds() []Kind {
	return []Kind{DoWait, DoWaitFor, DoIf, DoSwitch, DoSplit, DoReward, DoSend, DoTicket, DoTag, DoCall, DoExit}
}

// Clone returns a definition that shares nothing with d.
func (d Definition) Clone() Definition {
	c, err := ReadDefinition(d.JSON())
	if err != nil {
		panic(err)
	}
	return c
}

// NewID is a name that no node of d has: "wait", "wait_2".
func (d *Definition) NewID(k Kind) string {
	id := string(k)
	for i := 2; ; i++ {
		if _, ok := d.node(id); !ok {
			return id
		}
		id = fmt.Sprintf("%s_%d", k, i)
	}
}

// lead makes a way of a node end elsewhere.
func (n *Node) lead(way, to string) bool {
	switch {
	case way == "next" && n.Do != DoExit && (len(n.Ways) == 0 || n.Do != DoSwitch && n.Do != DoSplit):
		n.Next = to
	case way == "else" && slices.Contains([]Kind{DoIf, DoWaitFor, DoWait, DoSend, DoSwitch}, n.Do):
		n.Else = to
	case strings.HasPrefix(way, "ways."):
		i, err := strconv.Atoi(way[len("ways."):])
		if err != nil || i < 0 || i >= len(n.Ways) {
			return false
		}
		n.Ways[i].Next = to
	default:
		return false
	}
	return true
}

// leadsTo is where a way of a node ends now.
func (n *Node) leadsTo(way string) string {
	switch {
	case way == "next":
		return n.Next
	case way == "else":
		return n.Else
	}
	for _, e := range n.Edges() {
		if e.Way == way {
			return e.To
		}
	}
	return ""
}

// Lead makes a way of a node end at another node, or nowhere. ErrUnknownNode if there is no such way or node.
func (d *Definition) Lead(from, way, to string) error {
	n, ok := d.node(from)
	_, there := d.node(to)
	if !ok || to != "" && !there || !n.lead(way, to) {
		return ErrUnknownNode
	}
	return nil
}

// fresh is a node of a kind as it begins. What only a person can know is left empty, and Check asks for it.
func (d *Definition) fresh(k Kind) Node {
	n := Node{ID: d.NewID(k), Do: k}
	switch k {
	case DoWait:
		n.For = Span(hour)
	case DoWaitFor:
		n.For = Span(24 * hour)
		for _, e := range kindList {
			if n.Event == "" && d.carries(e.Name) && e.Name == "replied" {
				n.Event = e.Name
			}
		}
	case DoSplit:
		n.Ways = []Way{{Name: "a", Share: 50}, {Name: "b", Share: 50}}
	case DoSwitch:
		n.Ways = []Way{{Name: "first"}}
	case DoReward:
		n.Reward = &Reward{Percent: 5, Life: Span(24 * hour)}
	case DoTicket:
		n.Queue = "care"
	case DoExit:
		n.Reason = "ended"
	}
	return n
}

// takeOver makes what follows a new node that which followed its place before.
func (n *Node) takeOver(next string) {
	switch {
	case n.Do == DoExit:
		return
	case len(n.Ways) == 0:
		n.Next = next
		return
	}
	for i := range n.Ways {
		n.Ways[i].Next = next
	}
	if n.Do == DoSwitch {
		n.Else = next
	}
}

// InsertAfter puts a new node of a kind into a way of a node and returns its name. A node that ends a run takes the
// place of what followed, unless something else leads there.
func (d *Definition) InsertAfter(after, way string, k Kind) (string, error) {
	if !slices.Contains(Kinds(), k) {
		return "", ErrUnknownNode
	}
	at := slices.IndexFunc(d.Nodes, func(n Node) bool { return n.ID == after })
	if at < 0 {
		return "", ErrUnknownNode
	}
	n := d.fresh(k)
	n.takeOver(d.Nodes[at].leadsTo(way))
	if !d.Nodes[at].lead(way, n.ID) {
		return "", ErrUnknownNode
	}
	d.Nodes = slices.Insert(d.Nodes, at+1, n)
	if k == DoExit {
		d.sweep()
	}
	return n.ID, nil
}

// InsertBefore puts a new node of a kind before a node, on every way that leads there, and returns its name. With an
// empty name it becomes the first one.
func (d *Definition) InsertBefore(before string, k Kind) (string, error) {
	if !slices.Contains(Kinds(), k) {
		return "", ErrUnknownNode
	}
	if before == "" && len(d.Nodes) > 0 {
		before = d.Nodes[0].ID
	}
	n := d.fresh(k)
	at := slices.IndexFunc(d.Nodes, func(n Node) bool { return n.ID == before })
	if at < 0 && len(d.Nodes) > 0 {
		return "", ErrUnknownNode
	}
	for i := range d.Nodes {
		d.Nodes[i].relead(before, n.ID)
	}
	n.takeOver(before)
	d.Nodes = slices.Insert(d.Nodes, max(at, 0), n)
	if k == DoExit {
		d.sweep()
	}
	return n.ID, nil
}

// relead turns every way that leads to a node to another.
func (n *Node) relead(from, to string) {
	if n.Next == from {
		n.Next = to
	}
	if n.Else == from {
		n.Else = to
	}
	for i := range n.Ways {
		if n.Ways[i].Next == from {
			n.Ways[i].Next = to
		}
	}
}

// Remove takes a node out: what led to it leads to what followed it first. The last node stays.
func (d *Definition) Remove(id string) error {
	at := slices.IndexFunc(d.Nodes, func(n Node) bool { return n.ID == id })
	if at < 0 || len(d.Nodes) == 1 {
		return ErrUnknownNode
	}
	next := ""
	for _, e := range d.Nodes[at].Edges() {
		if e.To != "" && e.To != id {
			next = e.To
			break
		}
	}
	d.Nodes = slices.Delete(d.Nodes, at, at+1)
	for i := range d.Nodes {
		d.Nodes[i].relead(id, next)
	}
	if to := slices.IndexFunc(d.Nodes, func(n Node) bool { return n.ID == next }); at == 0 && to > 0 {
		first := d.Nodes[to]
		d.Nodes = slices.Insert(slices.Delete(d.Nodes, to, to+1), 0, first)
	}
	d.sweep()
	return nil
}

// sweep takes out the nodes that nothing leads to any more after a change, as long as they only end runs.
func (d *Definition) sweep() {
	d.Nodes = slices.DeleteFunc(d.Nodes, func(n Node) bool {
		return n.Do == DoExit && n.ID != d.Nodes[0].ID && !slices.ContainsFunc(d.Nodes, func(o Node) bool { return slices.Contains(o.ways(), n.ID) })
	})
}
