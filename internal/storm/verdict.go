package storm

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/drive"
	"portolan/internal/messaging/smsc"
)

// onWire is how often a text came to the networks.
type onWire struct {
	times       int
	first, last time.Time
	known       bool
}

// submits are the whole texts that both networks took, by phone and text.
func (s *messageStorm) submits() (map[[2]string]*onWire, map[[2]string]int, error) {
	all, phones := map[[2]string]*onWire{}, map[[2]string]int{}
	for _, c := range []*centre{s.first, s.spare} {
		b, err := os.ReadFile(c.snapshot)
		if err != nil {
			return nil, nil, err
		}
		var end struct {
			Totals  smsc.Totals   `json:"totals"`
			Submits []smsc.Submit `json:"submits"`
		}
		if err := json.Unmarshal(b, &end); err != nil {
			return nil, nil, err
		}
		s.Log("%s: %+v", filepath.Base(c.snapshot), end.Totals)
		for _, x := range whole(end.Submits) {
			k := [2]string{x.To, x.Text}
			w := all[k]
			if w == nil {
				w = &onWire{first: x.At, last: x.At}
				all[k] = w
			}
			w.times++
			if x.At.Before(w.first) {
				w.first = x.At
			}
			if x.At.After(w.last) {
				w.last = x.At
			}
			if x.State == "delivered" {
				phones[k]++
			}
		}
	}
	return all, phones, nil
}

// whole joins the parts that a network took. Part by part: a phone gives up after ten minutes, which are a few seconds
// here.
func whole(parts []smsc.Submit) (all []smsc.Submit) {
	type thread struct {
		to, from   string
		ref, total int
	}
	open := map[thread]map[int]smsc.Submit{}
	for _, p := range parts {
		if p.Status != 0 {
			continue
		}
		k := thread{p.To, p.From, p.Ref, p.Total}
		if open[k] == nil {
			open[k] = map[int]smsc.Submit{}
		}
		open[k][p.Part] = p
		if len(open[k]) < p.Total {
			continue
		}
		text := open[k][1]
		for n := 2; n <= p.Total; n++ {
			text.Text += open[k][n].Text
			if open[k][n].State != "delivered" {
				text.State = open[k][n].State
			}
			if open[k][n].At.After(text.At) {
				text.At = open[k][n].At
			}
		}
		all = append(all, text)
		delete(open, k)
	}
	return all
}

// sent is a message as the store has it.
type sent struct {
	id, class, template, country, to, body, state, reason, order string
	repeats, tries, doubtful                                     int64
	wire, firstTry, lastTry                                      time.Time
}

func (s *messageStorm) count(ctx context.Context) error {
	d, err := db.Open(ctx, s.URL, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	shelf := checks["given up sqlite"]
	if d.Postgres() {
		shelf = checks["given up postgres"]
	}
	for name, query := range map[string]string{"jobs given up": shelf, "orders not confirmed once": messageChecks["orders not confirmed once"],
		"confirmations of nothing": messageChecks["confirmations of nothing"], "orders entered twice": messageChecks["orders entered twice"],
		"attempts left open": messageChecks["open attempts"]} {
		n, err := drive.Count(ctx, d, query)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if n != 0 {
			s.wrong("%s: %d", name, n)
		}
	}
	// What a network took and the program could not note before it died has receipts that no message is known for.
	parked, err := drive.Count(ctx, d, messageChecks["parked receipts"])
	if err != nil {
		return err
	}
	unknown, err := drive.Count(ctx, d, messageChecks["unknown attempts"])
	if err != nil {
		return err
	}
	if parked > 2*unknown { // some come twice, in parts
		s.wrong("%d receipts without a message, and only %d attempts of unknown outcome", parked, unknown)
	}
	var all []sent
	stops := map[string]time.Time{}
	var routes []string
	err = d.Read(ctx, func(tx *db.Tx) (err error) {
		if all, err = db.All(tx, func(r db.Row) (m sent, err error) {
			err = r.Scan(&m.id, &m.class, &m.template, &m.country, &m.to, &m.body, &m.state, &m.reason, &m.repeats, &m.order, db.Null(&m.wire), &m.tries, &m.doubtful,
				db.Moment(&m.firstTry), db.Moment(&m.lastTry))
			return
		}, messageChecks["messages"]); err != nil {
			return err
		}
		if _, err = db.All(tx, func(r db.Row) (x struct{}, err error) {
			var from string
			var at time.Time
			err = r.Scan(&from, db.Moment(&at))
			stops[from] = at.UTC()
			return
		}, messageChecks["stops"]); err != nil {
			return err
		}
		routes, err = db.All(tx, func(r db.Row) (x string, err error) {
			var route, outcome string
			var n int64
			err = r.Scan(&route, &outcome, &n)
			return fmt.Sprintf("%s %s %d", route, outcome, n), err
		}, messageChecks["by route"])
		return err
	})
	if err != nil {
		return err
	}
	s.report.ByRoute, s.report.Stops = strings.Join(routes, ", "), len(stops)
	if len(stops) != len(s.stops) {
		s.wrong("%d people asked for silence, %d were heard", len(s.stops), len(stops))
	}
	wire, phones, err := s.submits()
	if err != nil {
		return err
	}
	for i := range all {
		s.judge(&all[i], wire, phones, stops)
	}
	for k, w := range wire {
		if !w.known {
			s.wrong("%q came to %s %d times, and the store knows nothing of it", k[1], k[0], w.times)
		}
	}
	r := &s.report
	if share := float64(r.Delivered) / float64(r.Orders); share < .98 {
		s.wrong("%.2f %% of the confirmations are delivered, fewer than 98 %%", 100*share)
	}
	// A share says something of many orders only. With few of them, what was on the wire when the program died counts.
	most := (r.Orders - 1) / 1000
	if r.Orders < 5000 {
		most = 2 * s.Kills
	}
	if r.Repeats > most {
		s.wrong("%d of %d confirmations came again, more than %d", r.Repeats, r.Orders, most)
	}
	return nil
}

// judge compares a message with what came of it at the networks.
func (s *messageStorm) judge(m *sent, wire map[[2]string]*onWire, phones map[[2]string]int, stops map[string]time.Time) {
	k := [2]string{strings.TrimPrefix(m.to, "+"), m.body}
	w := wire[k]
	if w == nil {
		w = &onWire{}
	}
	w.known = true
	r := &s.report
	if m.template == "confirm" {
		r.Marked += int(m.repeats)
		r.Repeats += max(0, w.times-1)
		if w.times == 0 {
			s.wrong("the confirmation %s to %s (%s %s) never came to a network", m.id, m.to, m.state, m.reason)
		}
		if w.times-1 > int(m.repeats) {
			s.wrong("the confirmation %s to %s came %d times, marked %d times", m.id, m.to, w.times, m.repeats)
		}
		if m.repeats > max(0, m.doubtful-1) { // an outcome that was unknown then may be known by now
			s.wrong("the confirmation %s was repeated %d times with %d attempts that weren't refused", m.id, m.repeats, m.doubtful)
		}
		if m.state == "delivered" || m.state == "read" {
			r.Delivered++
		}
		if phones[k] > 0 {
			r.OnPhones++
		}
		return
	}
	if m.class == "reply" && w.times > 1+int(m.repeats) {
		s.wrong("the answer %s to %s came %d times", m.id, m.to, w.times)
	}
	if m.class != "promotional" {
		return
	}
	r.PromosByState[m.state]++
	if w.times > 1 {
		s.wrong("the offer %s to %s came %d times", m.id, m.to, w.times)
	}
	if w.times > 0 {
		r.PromosSent++
	}
	if w.times > 0 && (m.state == "held" || m.state == "queued" || m.state == "dropped") {
		s.wrong("the offer %s to %s came to a network and is %s in the store", m.id, m.to, m.state)
	}
	if w.times == 0 && (m.state == "sent" || m.state == "delivered") {
		s.wrong("the offer %s to %s never came to a network and is %s", m.id, m.to, m.state)
	}
	if at, silent := stops[m.to]; silent {
		r.SilentAsked++
		if !m.lastTry.IsZero() && m.lastTry.After(at.Add(s.slack())) || w.times > 0 && w.last.After(at.Add(s.slack())) {
			s.wrong("the offer %s to %s was on its way at %s, on the wire at %s, and STOP came at %s", m.id, m.to, m.lastTry.Format(time.TimeOnly), w.last.Format(time.TimeOnly), at.Format(time.TimeOnly))
		}
	}
	for _, at := range []time.Time{m.firstTry, m.lastTry} {
		if why := quietAt(m.country, at); !at.IsZero() && why != "" {
			s.wrong("an attempt for the offer %s to %s in quiet hours: %s", m.id, m.to, why)
		}
	}
	if w.times > 0 {
		// What was allowed a moment ago may come to the network two seconds of the world later.
		for _, at := range []time.Time{w.first, w.last} {
			if why := quietAt(m.country, at); why != "" && quietAt(m.country, at.Add(-s.slack())) != "" {
				s.wrong("the offer %s to %s came in quiet hours: %s", m.id, m.to, why)
			}
		}
	}
}

// awake are the hours in which offers may come, as this storm understands the rules of the countries: written down a
// second time on purpose.
var awake = map[string]struct {
	from, to int
	sunday   bool
	zones    []string
}{
	"DE": {9, 20, true, []string{"Europe/Berlin"}}, "GB": {9, 20, true, []string{"Europe/London"}}, "US": {8, 21, true, []string{"America/New_York"}},
	"ID": {8, 21, true, []string{"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}}, "MY": {8, 20, true, []string{"Asia/Kuala_Lumpur"}},
}

// quietAt says why a moment is quiet in a country, or nothing.
func quietAt(country string, at time.Time) string {
	a, ok := awake[country]
	if !ok {
		return "nobody knows the hours of " + country
	}
	for _, name := range a.zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			return err.Error()
		}
		if t := at.In(zone); t.Hour() < a.from || t.Hour() >= a.to || t.Weekday() == time.Sunday && !a.sunday {
			return t.Format("Mon 15:04:05 ") + name
		}
	}
	return ""
}
