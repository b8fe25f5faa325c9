package sim

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"portolan/internal/db"
	"portolan/internal/drive"
)

// Funnel is what became of a market's visits. With is how many paid; Without is how many of them would have paid had
// nobody written to them, which the assumptions say.
type Funnel struct {
	Visits, Carts, Checkouts, Abandoned, Paid, Without, Recovered, Delivered, Rated, Repurchased, Again, Stopped int64
}

func (f *Funnel) add(g Funnel) {
	for _, x := range []struct{ to, by *int64 }{{&f.Visits, &g.Visits}, {&f.Carts, &g.Carts}, {&f.Checkouts, &g.Checkouts}, {&f.Abandoned, &g.Abandoned}, {&f.Paid, &g.Paid},
		{&f.Without, &g.Without}, {&f.Recovered, &g.Recovered}, {&f.Delivered, &g.Delivered}, {&f.Rated, &g.Rated}, {&f.Repurchased, &g.Repurchased}, {&f.Again, &g.Again}, {&f.Stopped, &g.Stopped}} {
		*x.to += *x.by
	}
}

// Report is what came of a simulation.
type Report struct {
	Days                     int
	Seed                     uint64
	Prepared, Took, Counted  time.Duration
	Restarts, Kills, Repeats int
	Lives                    int   // processes that played it
	Points                   int64 // moments at which the program could have been killed
	Funnels                  map[string]*Funnel
	Network                  map[string]int64
	Laws                     []Law
	Digest                   string         // of the outcome, ids aside
	Outcome                  []string       // where it was asked for
	Wire                     map[string]int // with a journal: messages that came to the network without a mark, by what they say to whom
	Memory                   uint64         // most that was in use, in bytes: of the heap
	Resident                 uint64         // and of the process, where the system tells

	outcomes, refused map[string]int64
	messages          map[[3]string]int64
}

func newReport(c Config) *Report {
	return &Report{Days: c.Days, Seed: c.Seed, Funnels: map[string]*Funnel{}, Wire: map[string]int{}, outcomes: map[string]int64{}, refused: map[string]int64{}, messages: map[[3]string]int64{}}
}

func (r *Report) funnel(market string) *Funnel {
	if r.Funnels[market] == nil {
		r.Funnels[market] = &Funnel{}
	}
	return r.Funnels[market]
}

func (r *Report) day(w *world, day int) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.Memory, r.Resident = max(r.Memory, m.HeapInuse+m.StackInuse), resident()
	all := Funnel{}
	for _, f := range r.Funnels {
		all.add(*f)
	}
	w.Log("day %d: %d paid, %d delivered, %d rated, %d MB, at most %d MB with SQLite's and the program itself", day, all.Paid, all.Delivered, all.Rated,
		(m.HeapInuse+m.StackInuse)>>20, r.Resident>>20)
}

// resident is the most memory that this process has had so far; 0 where the system doesn't tell. Source: Linux, proc_pid_status(5).
func resident() (bytes uint64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Sscanf(rest, "%d kB", &bytes)
	return bytes << 10
}

// Broken lists the laws that were broken.
func (r *Report) Broken() (all []Law) {
	for _, l := range r.Laws {
		if l.Broken > 0 {
			all = append(all, l)
		}
	}
	return all
}

const assumed = "How people behave is assumed, not measured: the gains below follow from the assumptions (docs/simulation.md), and say nothing about what a shop would gain."

// Print writes the report for people.
func (r *Report) Print(out io.Writer) {
	fmt.Fprintf(out, "%d days, seed %d: played in %s (shop made in %s, store counted in %s), most memory %d MB (heap %d MB), %d restarts, %d kills\n\n", r.Days, r.Seed, r.Took.Round(100*time.Millisecond),
		r.Prepared.Round(100*time.Millisecond), r.Counted.Round(100*time.Millisecond), r.Resident>>20, r.Memory>>20, r.Restarts, r.Kills)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "market\tvisits\tcarts\tcheckouts\tabandoned\tpaid without journeys\tpaid with\trecovered\tdelivered\trated\trepurchased by themselves\tafter an offer\tSTOP\t")
	total := Funnel{}
	row := func(name string, f Funnel) {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, f.Visits, f.Carts, f.Checkouts, f.Abandoned, f.Without, f.Paid, f.Recovered, f.Delivered, f.Rated, f.Repurchased, f.Again, f.Stopped)
	}
	for _, code := range codes {
		f := r.funnel(code)
		total.add(*f)
		row(code, *f)
	}
	row("all", total)
	t.Flush()
	fmt.Fprintf(out, "\n%s\n\n", assumed)
	list := func(title string, all map[string]int64) {
		fmt.Fprintf(out, "%s:", title)
		for i, k := range slices.Sorted(maps.Keys(all)) {
			if i > 0 {
				fmt.Fprint(out, ",")
			}
			fmt.Fprintf(out, " %s %d", k, all[k])
		}
		fmt.Fprintln(out)
	}
	by := map[string]int64{}
	for k, n := range r.messages {
		by[k[1]+" by "+k[2]] += n
	}
	list("messages on the network", by)
	list("network", r.Network)
	list("payments", r.outcomes)
	list("shoppers turned away", r.refused)
	fmt.Fprintln(out)
	for _, l := range r.Laws {
		verdict := "kept"
		if l.Broken > 0 {
			verdict = fmt.Sprintf("BROKEN %d times, first: %s", l.Broken, l.First)
		}
		fmt.Fprintf(out, "%9d  %s: %s\n", l.Checked, l.Name, verdict)
	}
	fmt.Fprintf(out, "\noutcome %s\n", r.Digest)
}

//go:embed checks.sql
var checksFile string

var checks = drive.Queries(checksFile)

// count looks at the store.
func (w *world) count() error {
	w.laws.settled(w)
	for _, c := range []struct{ law, total, wrong string }{
		{lawConfirmed, "paid orders", "orders without one confirmation"}, {lawMoney, "paid orders", "money that doesn't match"}, {lawTicket, "low ratings", "low ratings without ticket"},
		{lawCode, "codes used", "codes used twice"}, {lawReason, "runs over", "runs without reason"}, {lawReason, "steps not sent", "steps without reason"},
		{lawReason, "messages not sent", "messages without reason"}, {lawExplained, "journey messages", "journey messages without step"},
		{lawExplained, "steps that sent", "steps that sent nothing"}, {lawControl, "control runs", "control runs that got something"}, {lawDropped, "orders delivered", "orders without survey or reason"},
		{lawGermany, "german orders", "german orders without news"}, {lawStuck, "runs over", "runs that failed"}, {lawStuck, "runs over", "jobs given up"}, {lawStuck, "runs over", "runs overdue"},
	} {
		var n int64
		var cases []string
		err := w.app.DB.Read(w.ctx, func(tx *db.Tx) (err error) {
			if n, err = db.One(tx, db.Scalar[int64], checks[c.total]); err != nil {
				return fmt.Errorf("%s: %w", c.total, err)
			}
			var args []any
			if strings.Contains(checks[c.wrong], "$1") {
				args = append(args, w.clock.Now().Add(-time.Hour))
			}
			if cases, err = db.All(tx, db.Scalar[string], checks[c.wrong], args...); err != nil {
				return fmt.Errorf("%s: %w", c.wrong, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		w.laws.of(c.law).Checked += n
		for _, one := range cases {
			w.laws.broken(c.law, c.wrong+": "+one)
		}
	}
	w.report.Laws, w.report.Resident = w.laws.all(), resident()
	w.report.Network = w.net.counts
	return w.outcome()
}

// outcome is what is in the store, without identifiers: its digest, and the lines themselves where they were asked for.
func (w *world) outcome() error {
	var sum tally
	err := w.app.DB.Read(w.ctx, func(tx *db.Tx) error {
		for _, name := range []string{"outcome orders", "outcome messages", "outcome runs", "outcome tickets", "outcome ratings"} {
			_, err := db.All(tx, func(r db.Row) (_ struct{}, err error) {
				var line string
				if err = r.Scan(&line); err == nil {
					sum.add(line)
				}
				if w.Lines {
					w.report.Outcome = append(w.report.Outcome, line)
				}
				return
			}, checks[name])
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
	w.report.Digest = sum.digest()
	return err
}

// tally is a digest of lines in any order, each as often as it comes: the sum of their own.
type tally struct {
	sums [4]uint64
	n    uint64
}

func (t *tally) add(line string) {
	one := sha256.Sum256([]byte(line))
	for i := range t.sums {
		t.sums[i] += binary.BigEndian.Uint64(one[8*i:])
	}
	t.n++
}

// digest is a short name of the lines.
func (t *tally) digest() string {
	var all []byte
	for _, x := range append(t.sums[:], t.n) {
		all = binary.BigEndian.AppendUint64(all, x)
	}
	name := sha256.Sum256(all)
	return hex.EncodeToString(name[:12])
}

// Difference lists what is in one outcome and not in the other, at most n of each.
func Difference(a, b []string, n int) (out []string) {
	counts := map[string]int{}
	for _, x := range a {
		counts[x]++
	}
	for _, x := range b {
		counts[x]--
	}
	for _, x := range slices.SortedFunc(maps.Keys(counts), cmp.Compare[string]) {
		if counts[x] != 0 && len(out) < n {
			out = append(out, fmt.Sprintf("%+d %s", counts[x], x))
		}
	}
	return out
}
