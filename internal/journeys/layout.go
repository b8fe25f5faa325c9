package journeys

import (
	"cmp"
	"slices"
)

// Measure is how large the parts of a picture are, in its units.
type Measure struct {
	W, H       int // a node
	EndW, EndH int // where a run ends without a node
	GapX, GapY int // between boxes
	Track      int // between lines that run side by side
}

// Picture is a journey laid out to be drawn, from the top down.
type Picture struct {
	W, H  int
	Boxes []Box
	Lines []Line
}

// Box is a node in a picture; without one it is the trigger (Start), or an end with its reason.
type Box struct {
	Node       string
	Start      bool
	Reason     string
	X, Y, W, H int
}

// Line joins boxes. It passes through its points, right-angled. Two edges that join the same nodes are one line.
type Line struct {
	From, To string // nodes; empty: the trigger, an end
	Edges    []Edge
	Points   []Point
	Label    Point // where what the edges say begins
	Back     bool  // it leads back up
}

// Point is a place in a picture.
type Point struct{ X, Y int }

// vertex is what is placed: the trigger, a node, an end, or the passage of a long line through a row.
type vertex struct {
	node        string
	reason      string
	start, end  bool
	layer       int
	x, w, h     int // x is the middle
	in, out     []int
	passage     bool
	pull, force float64
	position    float64
}

type arc struct {
	from, to int
	edges    []Edge
	back     bool
	via      []int // vertices from from to to
}

type plan struct {
	m    Measure
	v    []vertex
	arcs []arc
}

// newPlan makes vertices of the trigger, the nodes that can be reached and the ends.
func newPlan(d *Definition, m Measure) *plan {
	p := &plan{m: m}
	at := map[string]int{}
	p.v = append(p.v, vertex{start: true, w: m.W, h: m.H})
	for _, n := range d.Nodes {
		if _, twice := at[n.ID]; !twice {
			at[n.ID] = len(p.v)
			p.v = append(p.v, vertex{node: n.ID, w: m.W, h: m.H})
		}
	}
	if len(d.Nodes) == 0 {
		return p
	}
	p.join(0, 1, Edge{Way: "next", To: d.Nodes[0].ID})
	for _, n := range d.Nodes {
		for _, e := range n.Edges() {
			to, ok := at[e.To]
			if !ok {
				if e.Says == "" {
					continue // the last of a path: there is nothing to say
				}
				to = len(p.v)
				p.v = append(p.v, vertex{end: true, reason: e.Reason, w: m.EndW, h: m.EndH})
			}
			p.join(at[n.ID], to, e)
		}
	}
	p.turnBack()
	return p
}

func (p *plan) join(from, to int, e Edge) {
	for i := range p.arcs {
		if p.arcs[i].from == from && p.arcs[i].to == to {
			p.arcs[i].edges = append(p.arcs[i].edges, e)
			return
		}
	}
	p.arcs = append(p.arcs, arc{from: from, to: to, edges: []Edge{e}})
}

// turnBack marks the arcs that close a circle.
func (p *plan) turnBack() {
	const open, done = 1, 2
	state := make([]int, len(p.v))
	var visit func(v int)
	visit = func(v int) {
		state[v] = open
		for i := range p.arcs {
			if p.arcs[i].from != v {
				continue
			}
			switch state[p.arcs[i].to] {
			case open:
				p.arcs[i].back = true
			case 0:
				visit(p.arcs[i].to)
			}
		}
		state[v] = done
	}
	for v := range p.v {
		if state[v] == 0 {
			visit(v)
		}
	}
}

// Draw lays a journey out in layers, each node below all that lead to it. Where many ways lead side by side it is drawn
// as a ladder instead, which is at most as wide as most.
func (d *Definition) Draw(m Measure, most int) Picture {
	p := newPlan(d, m)
	rows := p.layers()
	for _, row := range rows {
		wide := 0
		for _, v := range row {
			wide += p.v[v].w + m.GapX
		}
		if wide > most {
			return d.Ladder(m, min(most, m.W+8*m.GapX))
		}
	}
	p.order(rows)
	p.place(rows)
	if pic := p.picture(rows); pic.W <= most {
		return pic
	}
	return d.Ladder(m, min(most, m.W+8*m.GapX))
}

// layers puts each vertex below all that lead to it, and makes passages for lines that cross rows.
func (p *plan) layers() (rows [][]int) {
	for changed, rounds := true, 0; changed && rounds <= len(p.v); rounds++ {
		changed = false
		for _, a := range p.arcs {
			if below := p.v[a.from].layer + 1; !a.back && p.v[a.to].layer < below {
				p.v[a.to].layer, changed = below, true
			}
		}
	}
	for i := range p.arcs {
		a := &p.arcs[i]
		if a.back {
			continue
		}
		last := a.from
		a.via = []int{last}
		for l := p.v[a.from].layer + 1; l < p.v[a.to].layer; l++ {
			p.v = append(p.v, vertex{passage: true, layer: l, w: p.m.GapX})
			p.link(last, len(p.v)-1)
			last = len(p.v) - 1
			a.via = append(a.via, last)
		}
		p.link(last, a.to)
		a.via = append(a.via, a.to)
	}
	for v := range p.v {
		for len(rows) <= p.v[v].layer {
			rows = append(rows, nil)
		}
		rows[p.v[v].layer] = append(rows[p.v[v].layer], v)
	}
	return rows
}

func (p *plan) link(a, b int) {
	p.v[a].out, p.v[b].in = append(p.v[a].out, b), append(p.v[b].in, a)
}

const (
	sweeps   = 12
	straight = 4 // so far off a line still goes straight
)

// order sorts each row so that few lines cross: by the middle of what a vertex hangs on, from above and from below.
func (p *plan) order(rows [][]int) {
	seen := map[int]int{} // at first as one comes to them along the main path
	var visit func(v int)
	visit = func(v int) {
		if _, ok := seen[v]; ok {
			return
		}
		seen[v] = len(seen)
		for _, o := range p.v[v].out {
			visit(o)
		}
	}
	for v := range p.v {
		visit(v)
	}
	for _, row := range rows {
		slices.SortFunc(row, func(a, b int) int { return seen[a] - seen[b] })
	}
	best, fewest := clone(rows), p.crossings(rows)
	for i := range sweeps {
		for r := range rows {
			row := rows[r]
			if i%2 == 1 {
				row = rows[len(rows)-1-r]
			}
			p.number(rows)
			slices.SortStableFunc(row, func(a, b int) int { return cmp.Compare(p.middle(a, i%2 == 0), p.middle(b, i%2 == 0)) })
		}
		if n := p.crossings(rows); n < fewest {
			best, fewest = clone(rows), n
		}
	}
	copy(rows, best)
}

func clone(rows [][]int) (c [][]int) {
	for _, r := range rows {
		c = append(c, slices.Clone(r))
	}
	return c
}

func (p *plan) number(rows [][]int) {
	for _, row := range rows {
		for i, v := range row {
			p.v[v].position = float64(i) - float64(len(row)-1)/2
		}
	}
}

func (p *plan) middle(v int, above bool) float64 {
	all := p.v[v].out
	if above {
		all = p.v[v].in
	}
	if len(all) == 0 {
		return p.v[v].position
	}
	sum := 0.0
	for _, o := range all {
		sum += p.v[o].position
	}
	return sum / float64(len(all))
}

func (p *plan) crossings(rows [][]int) (n int) {
	p.number(rows)
	for _, row := range rows {
		for i, a := range row {
			for _, b := range row[i+1:] {
				for _, x := range p.v[a].out {
					for _, y := range p.v[b].out {
						if p.v[x].position > p.v[y].position {
							n++
						}
					}
				}
			}
		}
	}
	return n
}

// place moves the vertices of each row to where their neighbours pull them, as far as the others of the row let them.
func (p *plan) place(rows [][]int) {
	for _, row := range rows {
		x := 0
		for _, v := range row {
			p.v[v].x = x + p.v[v].w/2
			x += p.v[v].w + p.m.GapX
		}
	}
	for i := range sweeps {
		for r := range rows {
			row := rows[r]
			if i%2 == 1 {
				row = rows[len(rows)-1-r]
			}
			for _, v := range row {
				p.pulled(v, i%2 == 0)
			}
			p.settle(row)
		}
	}
	least := 1 << 30
	for v := range p.v {
		least = min(least, p.v[v].x-p.v[v].w/2)
	}
	for v := range p.v {
		p.v[v].x -= least
	}
}

// The main path, the first way from each vertex, is kept straight at the cost of what branches off.
const mainForce = 400

// pulled says where a vertex would stand by those above it, or below, and how strongly.
func (p *plan) pulled(v int, above bool) {
	n := &p.v[v]
	n.pull, n.force = float64(n.x), 1
	if !above && len(n.out) > 0 {
		n.pull, n.force = float64(p.v[n.out[0]].x), mainForce
		return
	}
	sum, weight := 0.0, 0.0
	for _, o := range n.in {
		w := 1.0
		if p.v[o].out[0] == v {
			w = mainForce
		}
		sum, weight = sum+w*float64(p.v[o].x), weight+w
	}
	if weight > 0 {
		n.pull, n.force = sum/weight, weight
	}
}

// settle finds the places nearest to the pulls that keep order and distance: neighbours that would overlap share the
// weighted mean of what they want.
func (p *plan) settle(row []int) {
	type block struct {
		sum, weight float64
		n           int
	}
	offsets := make([]float64, len(row))
	var blocks []block
	for i, v := range row {
		if i > 0 {
			offsets[i] = offsets[i-1] + float64(p.v[row[i-1]].w+p.v[v].w)/2 + float64(p.m.GapX)
		}
		blocks = append(blocks, block{(p.v[v].pull - offsets[i]) * p.v[v].force, p.v[v].force, 1})
		for k := len(blocks) - 1; k > 0 && blocks[k-1].sum/blocks[k-1].weight > blocks[k].sum/blocks[k].weight; k-- {
			blocks[k-1] = block{blocks[k-1].sum + blocks[k].sum, blocks[k-1].weight + blocks[k].weight, blocks[k-1].n + blocks[k].n}
			blocks = blocks[:k]
		}
	}
	i := 0
	for _, b := range blocks {
		for range b.n {
			p.v[row[i]].x = int(b.sum/b.weight + offsets[i])
			i++
		}
	}
}

// picture draws the rows with the lines between them: down from the middle of a box to a track of its own, along it,
// and down to the next.
func (p *plan) picture(rows [][]int) (out Picture) {
	tops, tracks := make([]int, len(rows)), map[int]int{}
	y := 0
	for r, row := range rows {
		tops[r] = y
		high, used := 0, 0
		for _, v := range row {
			high = max(high, p.v[v].h)
		}
		for _, v := range row {
			if slices.ContainsFunc(p.v[v].out, func(o int) bool { return p.v[o].x > p.v[v].x+straight || p.v[o].x < p.v[v].x-straight }) {
				tracks[v] = used
				used++
			}
		}
		y += high + p.m.GapY + p.m.Track*max(0, used-1)
	}
	bottom := func(v int) int { return tops[p.v[v].layer] + p.v[v].h }
	track := func(v int) int {
		high := 0
		for _, o := range rows[p.v[v].layer] {
			high = max(high, p.v[o].h)
		}
		return tops[p.v[v].layer] + high + p.m.GapY/3 + tracks[v]*p.m.Track
	}
	wide, high := 0, 0
	for v := range p.v {
		n := &p.v[v]
		wide = max(wide, n.x+n.w/2)
		if n.passage {
			continue
		}
		b := Box{Node: n.node, Start: n.start, Reason: n.reason, X: n.x - n.w/2, Y: tops[n.layer], W: n.w, H: n.h}
		high = max(high, b.Y+b.H)
		out.Boxes = append(out.Boxes, b)
	}
	lanes := 0
	for _, a := range p.arcs {
		l := Line{From: p.v[a.from].node, To: p.v[a.to].node, Edges: a.edges, Back: a.back}
		from, to := &p.v[a.from], &p.v[a.to]
		if a.back {
			lanes++
			x := wide + lanes*p.m.Track
			a, b := Point{from.x + from.w/2, tops[from.layer] + from.h/2}, Point{to.x + to.w/2, tops[to.layer] + to.h/2 + 8}
			l.Points = []Point{a, {x, a.Y}, {x, b.Y}, b}
			l.Label = Point{a.X + 6, a.Y - 6}
			out.Lines = append(out.Lines, l)
			continue
		}
		at := Point{from.x, bottom(a.from)}
		l.Points = []Point{at}
		l.Label = Point{at.X + 8, at.Y + p.m.GapY - 10}
		for i, v := range a.via[1:] {
			next := Point{p.v[v].x, tops[p.v[v].layer]}
			if off := next.X - at.X; -straight <= off && off <= straight {
				next.X = at.X
			}
			if next.X != at.X {
				y := track(a.via[i])
				l.Points = append(l.Points, Point{at.X, y}, Point{next.X, y})
				if i == 0 {
					l.Label = Point{next.X + 8, y + 16}
				}
			}
			at = next
		}
		l.Points = append(l.Points, at)
		out.Lines = append(out.Lines, l)
	}
	out.W, out.H = wide+lanes*p.m.Track, high
	if lanes > 0 {
		out.W += p.m.Track
	}
	return out
}

// Ladder lays a journey out in one column as wide as wide: the main path goes down, what branches off stands
// indented below where it does. Lines that would run through boxes go round on the far side.
func (d *Definition) Ladder(m Measure, wide int) (out Picture) {
	p := newPlan(d, m)
	indent, waits := make([]int, len(p.v)), make([]int, len(p.v))
	for v := range indent {
		indent[v] = 1 << 20
	}
	indent[0] = 0
	for _, a := range p.arcs {
		if !a.back {
			waits[a.to]++
		}
	}
	var rows, ready []int
	for v := len(p.v) - 1; v >= 0; v-- {
		if waits[v] == 0 {
			ready = append(ready, v)
			indent[v] = 0
		}
	}
	for len(ready) > 0 {
		v := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		rows = append(rows, v)
		var next []int
		for i, a := range p.arcs {
			if a.from != v || a.back {
				continue
			}
			in := indent[v] + 1
			if main := slices.IndexFunc(p.arcs, func(o arc) bool { return o.from == v && !o.back }) == i && a.edges[0].Way == "next"; main {
				in--
			}
			indent[a.to] = min(indent[a.to], in)
			if waits[a.to]--; waits[a.to] == 0 {
				next = append(next, a.to)
			}
		}
		main := len(next) > 0 && indent[next[0]] <= indent[v] // comes last, so that what branches off stands close
		if main {
			ready = append(ready, next[0])
			next = next[1:]
		}
		slices.Reverse(next)
		ready = append(ready, next...)
	}
	return p.climb(rows, indent, wide)
}

const ladderStep, ladderPort = 24, 14

func (p *plan) climb(rows, indent []int, wide int) (out Picture) {
	row := map[int]int{}
	boxes := make([]Box, len(p.v))
	for i, v := range rows {
		row[v] = i
	}
	gutter := p.gutters(rows, row, indent)
	y := 0
	for i, v := range rows {
		n := &p.v[v]
		b := Box{Node: n.node, Start: n.start, Reason: n.reason, X: min(indent[v], 4) * ladderStep, Y: y, H: n.h}
		if b.W = wide - b.X - gutter.width; n.end {
			b.W = min(b.W, n.w)
		}
		boxes[v] = b
		out.Boxes = append(out.Boxes, b)
		if y += n.h + p.m.GapY; i == len(rows)-1 {
			y -= p.m.GapY
		}
	}
	for i, a := range p.arcs {
		from, to := boxes[a.from], boxes[a.to]
		l := Line{From: from.Node, To: to.Node, Edges: a.edges, Back: a.back}
		port := from.X + ladderPort
		switch lane, round := gutter.lanes[i]; {
		case round:
			x := wide - gutter.width + (lane+1)*p.m.Track - 4
			l.Points = []Point{{from.X + from.W, from.Y + from.H - 14}, {x, from.Y + from.H - 14}, {x, to.Y + 14}, {to.X + to.W, to.Y + 14}}
			l.Label = Point{from.X + ladderPort + 90, from.Y + from.H + 16}
		case to.X > from.X:
			l.Points = []Point{{port, from.Y + from.H}, {port, to.Y + to.H/2}, {to.X, to.Y + to.H/2}}
			l.Label = Point{to.X + 6, to.Y - 7}
		default:
			l.Points = []Point{{port, from.Y + from.H}, {port, to.Y}}
			l.Label = Point{port + 8, to.Y - 9}
		}
		out.Lines = append(out.Lines, l)
	}
	out.W, out.H = wide, y
	return out
}

type gutters struct {
	lanes map[int]int // of arcs
	width int
}

// gutters finds the arcs that can't go straight: back up, through a box, or to one that another with words enters.
func (p *plan) gutters(rows []int, row map[int]int, indent []int) gutters {
	g := gutters{lanes: map[int]int{}}
	entered := map[int]bool{}
	type lane struct{ from, to int }
	var taken []lane
	order := make([]int, len(p.arcs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(row[p.arcs[a].to]-row[p.arcs[a].from], row[p.arcs[b].to]-row[p.arcs[b].from])
	})
	for _, i := range order {
		a := p.arcs[i]
		from, to := row[a.from], row[a.to]
		blocked := a.back || entered[a.to]
		for r := from + 1; r < to && !blocked; r++ {
			blocked = indent[rows[r]] <= indent[a.from]
		}
		if !blocked {
			entered[a.to] = true
			continue
		}
		span := lane{min(from, to), max(from, to)}
		at := slices.IndexFunc(taken, func(t lane) bool { return t.to < span.from })
		if at < 0 {
			at = len(taken)
			taken = append(taken, span)
		}
		taken[at].to = span.to
		g.lanes[i] = at
	}
	if len(taken) > 0 {
		g.width = len(taken)*p.m.Track + 4
	}
	return g
}

// Mirrored is the picture for those who read from right to left.
func (p Picture) Mirrored() Picture {
	out := Picture{W: p.W, H: p.H}
	for _, b := range p.Boxes {
		b.X = p.W - b.X - b.W
		out.Boxes = append(out.Boxes, b)
	}
	for _, l := range p.Lines {
		l.Points = slices.Clone(l.Points)
		for i := range l.Points {
			l.Points[i].X = p.W - l.Points[i].X
		}
		l.Label.X = p.W - l.Label.X
		out.Lines = append(out.Lines, l)
	}
	return out
}
