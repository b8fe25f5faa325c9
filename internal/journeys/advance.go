package journeys

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// mostSteps is how many nodes a run may pass without time passing: a definition has no such circles, so more is a bug.
const mostSteps = 2 * mostNodes

// advance takes a run on from its node until it has to wait or is over. fresh says that it has just come to its node;
// otherwise what it waited for there is due.
func (v *view) advance(d *Definition, h hands, fresh bool) error {
	r := v.run
	for range mostSteps {
		if r.Node == "" {
			v.end(Done, "")
			return nil
		}
		n, ok := d.node(r.Node)
		if !ok {
			v.end(Broken, "no_such_node")
			return nil
		}
		if fresh {
			r.Visits[n.ID]++
		}
		next, stay, err := v.step(d, n, h, fresh)
		if err != nil || stay || r.State.Over() {
			return err
		}
		r.Node, fresh = next, true
	}
	return fmt.Errorf("journey %s version %d goes in circles at %s", r.Journey, r.Version, r.Node)
}

// step does what a node is for. It says where the run goes next, or that it stays.
func (v *view) step(d *Definition, n *Node, h hands, fresh bool) (next string, stay bool, err error) {
	r := v.run
	if slices.Contains(r.Had, n.ID) && (n.Do == DoSend || n.Do == DoTicket || n.Do == DoCall) {
		v.note(n, Passed, "had_before", "")
		return n.Next, false, nil
	}
	switch n.Do {
	case DoWait:
		return v.wait(n, fresh)
	case DoWaitFor:
		if fresh {
			r.State, r.Due = Waiting, v.now.Add(n.For.D())
			v.note(n, Waits, "", n.Event)
			return "", true, nil
		}
		v.note(n, Passed, "nothing_came", "")
		return n.Else, false, nil
	case DoIf:
		yes, err := v.holds(n.When)
		if err != nil {
			return "", false, v.broken(n, err)
		}
		if yes {
			return n.Next, false, nil
		}
		if n.Else == "" {
			v.note(n, NotSent, n.Reason, "")
			v.end(Exited, n.Reason)
			return "", true, nil
		}
		if n.Reason != "" {
			v.note(n, NotSent, n.Reason, "")
		}
		return n.Else, false, nil
	case DoSwitch:
		for _, w := range n.Ways {
			yes, err := v.holds(w.When)
			if err != nil {
				return "", false, v.broken(n, err)
			}
			if yes {
				return w.Next, false, nil
			}
		}
		return n.Else, false, nil
	case DoSplit:
		next, err := v.split(n)
		return next, false, err
	case DoReward:
		r.Reward = n.ID
		return n.Next, false, nil
	case DoSend:
		if over, err := v.exits(d, n); over || err != nil {
			return "", true, err
		}
		return v.send(d, n, h)
	case DoTicket:
		number, err := h.ticket(v, n)
		if err != nil {
			return "", false, err
		}
		r.Vars["ticket"] = number
		v.note(n, Opened, "", n.Queue).Ticket = number
		return n.Next, false, nil
	case DoTag:
		v.note(n, Passed, "", n.Tag)
		return n.Next, false, h.tag(v, n.Tag)
	case DoCall:
		v.note(n, Passed, "", n.URL)
		return n.Next, false, h.call(v, n)
	}
	if last := len(r.steps) - 1; n.Reason == "" && last >= 0 && r.steps[last].Outcome == NotSent {
		v.end(Exited, r.steps[last].Reason) // what was said last says it
		return "", true, nil
	}
	v.note(n, Ended, n.Reason, "")
	v.end(Done, n.Reason)
	return "", true, nil
}

// wait holds the run until its time and its local hours have come. After an interruption it looks again: what has
// become too late doesn't follow in a burst.
func (v *view) wait(n *Node, fresh bool) (next string, stay bool, err error) {
	r := v.run
	until := r.Due
	if fresh {
		switch {
		case n.Until != "":
			if until, err = v.moment(n.Until); err != nil {
				return "", false, v.broken(n, err)
			}
		case n.Since == "start":
			until = r.At.Add(n.For.D())
		default:
			until = v.now.Add(n.For.D())
		}
	}
	if until.Before(v.now) {
		until = v.now
	}
	until = n.Hours.next(until, v.zone())
	if n.Late > 0 && until.After(r.At.Add(n.Late.D())) {
		if n.Else == "" {
			v.note(n, NotSent, "too_late", "")
			v.end(Exited, "too_late")
			return "", true, nil
		}
		v.note(n, Passed, "too_late", "")
		return n.Else, false, nil
	}
	if !until.After(v.now) {
		return n.Next, false, nil
	}
	r.State, r.Due = Waiting, until
	v.note(n, Waits, "", "until "+until.Format(time.RFC3339))
	return "", true, nil
}

// next is the first moment from t on that lies within the hours. No hours are always.
func (h *Hours) next(t time.Time, zone *time.Location) time.Time {
	if h == nil {
		return t
	}
	local := t.In(zone)
	for day := range 15 {
		y, m, d := local.Date()
		open, shut := clock(y, m, d+day, h.From, zone), clock(y, m, d+day, h.To, zone)
		if len(h.Days) > 0 && !slices.Contains(h.Days, weekdays[open.Weekday()]) {
			continue
		}
		if t.Before(open) {
			return open.UTC()
		}
		if t.Before(shut) {
			return t
		}
	}
	return t
}

// clock is a local time of day, "24:00" being the next day's beginning.
func clock(y int, m time.Month, d int, hhmm string, zone *time.Location) time.Time {
	var hour, minute int
	fmt.Sscanf(hhmm, "%d:%d", &hour, &minute)
	return time.Date(y, m, d, hour, minute, 0, 0, zone)
}

// split draws lots that fall the same for a person on every device, in every run and after every restart, whichever of
// their profiles it is about. What a lot has decided of a run stays.
func (v *view) split(n *Node) (next string, err error) {
	r := v.run
	who, err := v.lots()
	if err != nil {
		return "", err
	}
	if n.Out > 0 {
		r.Arm = Treated
		if lot(r.Journey+"/"+n.ID+"/holdout", who) < n.Out*100 {
			r.Arm = Control
		}
	}
	if len(n.Ways) == 0 {
		return n.Next, nil
	}
	at, sum := lot(r.Journey+"/"+n.ID, who), int64(0)
	for _, w := range n.Ways {
		if sum += w.Share * 100; at < sum {
			if r.Way != "" {
				r.Way += "+"
			}
			r.Way += w.Name
			v.note(n, Passed, "", w.Name)
			return w.Next, nil
		}
	}
	return n.Ways[len(n.Ways)-1].Next, nil
}

// lots is who lots are drawn for.
func (v *view) lots() (string, error) {
	r := v.run
	who, err := v.books.person(r.Customer)
	for _, id := range append(slices.Clone(who), r.Email, r.Phone) {
		if id != "" {
			return id, err
		}
	}
	return r.Key, err
}

// lot is a number from 0 to 9,999 that depends on nothing but the experiment and the person.
func lot(experiment, person string) int64 {
	h := fnv.New64a()
	h.Write([]byte(experiment))
	h.Write([]byte{0})
	h.Write([]byte(person))
	x := h.Sum64() // spread by the finaliser of MurmurHash3: neighbours of FNV differ in few bits
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return int64(x % 10_000)
}

// exits ends the run if one of its rules says so.
func (v *view) exits(d *Definition, n *Node) (over bool, err error) {
	reason, err := v.unwanted(d)
	if err != nil {
		return true, v.broken(n, err)
	}
	if reason == "" {
		return false, nil
	}
	v.note(n, NotSent, reason, "")
	v.end(Exited, reason)
	return true, nil
}

// unwanted says why the journey doesn't want to go on, or nothing.
func (v *view) unwanted(d *Definition) (string, error) {
	if d.Window > 0 && v.now.Sub(v.run.At) > d.Window.D() {
		return "too_late", nil
	}
	for _, e := range d.Exits {
		if e.On != "" {
			continue
		}
		yes, err := v.holds(e.When)
		if err != nil {
			return "", err
		}
		if yes {
			return e.Reason, nil
		}
	}
	return "", nil
}

// broken ends a run whose rule can't be answered; other errors are tried again.
func (v *view) broken(n *Node, err error) error {
	if !errors.Is(err, ErrBadRule) {
		return err
	}
	v.note(n, NotSent, "rule_failed", err.Error())
	v.end(Broken, "rule_failed")
	return nil
}
