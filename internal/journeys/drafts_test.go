package journeys_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
	"portolan/internal/journeys"
)

// counter counts versions of definitions, as settings does between processes.
type counter struct{ n atomic.Int64 }

func (c *counter) Version(string) int64 { return 1 + c.n.Load() }

func (c *counter) bump(tx *db.Tx, _ string) error {
	tx.After(func() { c.n.Add(1) })
	return nil
}

// prepared is a world in which the shipped journeys are versions.
func prepared(t *testing.T, d *db.DB) *world {
	w := newWorld(t, d)
	dbtest.Write(t, d, func(tx *db.Tx) error { return w.journeys.Prepare(tx) })
	return w
}

func (w *world) shipped(name string) journeys.Definition {
	w.t.Helper()
	for _, d := range journeys.Shipped() {
		if d.Journey == name {
			return d.Clone()
		}
	}
	w.t.Fatalf("no journey %s", name)
	return journeys.Definition{}
}

func (w *world) publishOver(d journeys.Definition, over int64) journeys.Version {
	w.t.Helper()
	var v journeys.Version
	dbtest.Write(w.t, w.d, func(tx *db.Tx) (err error) {
		v, err = w.journeys.Publish(tx, d, over, "mei@shop.example", "test", "")
		return err
	})
	return v
}

func TestDraftUndoRedo(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := prepared(t, d)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			a, err := w.journeys.BeginDraft(tx, "cart", "mei")
			require.NoError(t, err)
			require.Empty(t, a.Done)
			one := a.Definition.Clone()
			one.Priority = 61
			b, err := w.journeys.KeepDraft(tx, one, a.Rev, "settings:", "mei")
			require.NoError(t, err)
			two := one.Clone()
			require.NoError(t, two.Remove("back"))
			c, err := w.journeys.KeepDraft(tx, two, b.Rev, "removed:back", "mei")
			require.NoError(t, err)
			require.Equal(t, "removed:back", c.Done)

			_, err = w.journeys.KeepDraft(tx, one, b.Rev, "settings:", "lin")
			require.ErrorIs(t, err, journeys.ErrDraftMoved, "who has seen less than there is doesn't overwrite it")

			back, err := w.journeys.Undo(tx, "cart", c.Rev, "mei")
			require.NoError(t, err)
			require.Equal(t, string(one.JSON()), string(back.Definition.JSON()))
			require.Equal(t, "removed:back", back.Undone)
			back, err = w.journeys.Undo(tx, "cart", back.Rev, "mei")
			require.NoError(t, err)
			require.Equal(t, string(a.Definition.JSON()), string(back.Definition.JSON()))
			back, err = w.journeys.Undo(tx, "cart", back.Rev, "mei")
			require.NoError(t, err)
			require.Empty(t, back.Done, "there is nothing more to take back")
			again, err := w.journeys.Redo(tx, "cart", back.Rev, "mei")
			require.NoError(t, err)
			require.Equal(t, string(one.JSON()), string(again.Definition.JSON()))

			three := again.Definition.Clone()
			three.Priority = 62
			last, err := w.journeys.KeepDraft(tx, three, again.Rev, "settings:", "mei")
			require.NoError(t, err)
			require.Empty(t, last.Undone, "a new change forgets what was taken back")
			return w.journeys.DropDraft(tx, "cart")
		})
		dbtest.Read(t, d, func(tx *db.Tx) error {
			_, there, err := w.journeys.Draft(tx, "cart")
			require.False(t, there)
			return err
		})
	})
}

func TestNewDraftTakesNoOthersName(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := prepared(t, d)
		c := w.shipped("cart")
		for name, want := range map[string]error{"cart": journeys.ErrTaken, "Winter": journeys.ErrBadDefinition, "winter_cart": nil} {
			c.Journey = name
			err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.journeys.NewDraft(tx, c, "mei"); return err })
			require.ErrorIs(t, err, want, name)
		}
		c.Journey = "winter_cart"
		v := w.publishOver(c, 0)
		require.Equal(t, int64(1), v.N)
	})
}

func TestImport(t *testing.T) {
	good := `{
  "journey": "hello", "about": "order", "priority": 10,
  "trigger": {"events": ["order.paid"]},
  "nodes": [
    {"id": "pause", "do": "wait", "for": "2h", "next": "word"},
    {"id": "word", "do": "tag", "tag": "greeted"}
  ]
}`
	for _, tt := range []struct{ name, from, to, place, code string }{
		{"as it is", "", "", "", ""},
		{"unknown field", `"for": "2h"`, `"wait": "2h"`, "line 5, nodes.0.wait", "journeys.unknown_field"},
		{"no length of time", `"2h"`, `"2 moons"`, "line 5, nodes.0.for", "journeys.span_form"},
		{"number as text", `"priority": 10`, `"priority": "10"`, "line 2, priority", "journeys.wrong_type"},
		{"broken", `"tag": "greeted"}`, `"tag": "greeted"`, "line 7", "journeys.unreadable"},
		{"unknown node", `"next": "word"`, `"next": "nowhere"`, "line 5, nodes.pause.next", "journeys.node_unknown"},
		{"unknown event", `order.paid`, `moon.risen`, "line 3, trigger.events", "journeys.event_without_subject"},
		{"circle", `"tag": "greeted"}`, `"tag": "greeted", "next": "word"}`, "line 6, nodes.word", "journeys.circle_without_wait"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
				w := prepared(t, d)
				body := strings.Replace(good, tt.from, tt.to, 1)
				err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := w.journeys.Import(tx, []byte(body), "mei"); return err })
				if tt.code == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, journeys.ErrBadDefinition)
				got := fault.Of(err).Fields
				require.Equal(t, tt.code, got[tt.place], "%v", fault.Of(err).Fields)
			})
		})
	}
}

// Every change that the editor makes leaves a definition whose ways all lead somewhere, and taking a step out that
// was just put in restores it.
func TestEditingKeepsWays(t *testing.T) {
	shipped := journeys.Shipped()
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom(shipped).Draw(t, "journey").Clone()
		for range rapid.IntRange(1, 8).Draw(t, "changes") {
			n := rapid.SampledFrom(d.Nodes).Draw(t, "node")
			k := rapid.SampledFrom(journeys.Kinds()).Draw(t, "kind")
			before := string(d.JSON())
			switch edges := n.Edges(); {
			case rapid.Bool().Draw(t, "remove") && len(d.Nodes) > 1:
				require.NoError(t, d.Remove(n.ID))
			case len(edges) > 0 && rapid.Bool().Draw(t, "after"):
				id, err := d.InsertAfter(n.ID, rapid.SampledFrom(edges).Draw(t, "way").Way, k)
				require.NoError(t, err)
				if k != journeys.DoExit && k != journeys.DoSwitch && k != journeys.DoSplit {
					c := d.Clone()
					require.NoError(t, c.Remove(id))
					require.Equal(t, before, string(c.JSON()))
				}
			default:
				_, err := d.InsertBefore(n.ID, k)
				require.NoError(t, err)
			}
			for _, n := range d.Nodes {
				for _, e := range n.Edges() {
					_, ok := d.Node(e.To)
					require.True(t, e.To == "" || ok, "%s leads to %q", n.ID, e.To)
				}
			}
			d.Draw(journeys.Measure{W: 100, H: 40, EndW: 60, EndH: 20, GapX: 10, GapY: 30, Track: 8}, 500)
		}
	})
}

// Boxes never overlap, each node below all that lead to it, in every shipped journey and on both layouts.
func TestLayout(t *testing.T) {
	m := journeys.Measure{W: 226, H: 74, EndW: 150, EndH: 34, GapX: 24, GapY: 46, Track: 14}
	for _, d := range journeys.Shipped() {
		for name, pic := range map[string]journeys.Picture{"layers": d.Draw(m, 1200), "ladder": d.Ladder(m, 320), "mirrored": d.Ladder(m, 320).Mirrored()} {
			at := map[string]journeys.Box{}
			for i, a := range pic.Boxes {
				at[a.Node] = a
				require.True(t, a.X >= 0 && a.Y >= 0 && a.X+a.W <= pic.W && a.Y+a.H <= pic.H, "%s %s: %s lies outside", d.Journey, name, a.Node)
				for _, b := range pic.Boxes[i+1:] {
					require.False(t, a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H, "%s %s: %s over %s", d.Journey, name, a.Node, b.Node)
				}
			}
			for _, n := range d.Nodes {
				require.Contains(t, at, n.ID)
			}
			for _, l := range pic.Lines {
				if a, b := at[l.From], at[l.To]; !l.Back && l.From != "" && l.To != "" {
					require.Less(t, a.Y, b.Y, "%s %s: %s to %s", d.Journey, name, l.From, l.To)
				}
				for i := 1; i < len(l.Points); i++ {
					require.True(t, l.Points[i].X == l.Points[i-1].X || l.Points[i].Y == l.Points[i-1].Y, "%s: a line runs aslant", d.Journey)
				}
			}
		}
	}
}

func TestDiff(t *testing.T) {
	a := journeys.Definition{Journey: "x", Priority: 1, Nodes: []journeys.Node{{ID: "one", Do: journeys.DoWait, For: journeys.Span(time.Hour), Next: "two"}, {ID: "two", Do: journeys.DoExit}}}
	b := a.Clone()
	require.Empty(t, journeys.Diff(a, b))
	b.Priority = 2
	b.Nodes[0].For = journeys.Span(2 * time.Hour)
	b.Nodes[1] = journeys.Node{ID: "three", Do: journeys.DoTag, Tag: "x"}
	var got []string
	for _, c := range journeys.Diff(a, b) {
		for _, f := range c.Fields {
			got = append(got, fmt.Sprintf("%s %s %s: %s > %s", c.Kind, c.Node, f.Field, f.Before, f.After))
		}
	}
	require.Equal(t, []string{"changed  priority: 1 > 2", "changed one for: 1h > 2h", "added three do:  > tag", "added three tag:  > x", "removed two do: exit > "}, got)
}

func TestLint(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := prepared(t, d)
		lint := func(c journeys.Definition) (all []string) {
			dbtest.Read(t, d, func(tx *db.Tx) error {
				found, err := w.journeys.Lint(tx, c)
				for _, f := range found {
					all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.Severity, f.Where, strings.TrimPrefix(f.Code, "journeys."), f.Detail)))
				}
				return err
			})
			return all
		}
		for _, name := range []string{"confirm", "cart", "parcel", "delay", "survey", "again", "review"} {
			for _, f := range lint(w.shipped(name)) {
				require.False(t, strings.HasPrefix(f, "refused") && !strings.Contains(f, "amount_missing"), "%s: %s", name, f)
			}
		}
		for _, tt := range []struct {
			name, want string
			change     func(c *journeys.Definition)
		}{
			{"circle", "refused nodes.back circle_without_wait", func(c *journeys.Definition) { c.Nodes[1].Else = "back" }},
			{"out of reach", "refused nodes.lost out_of_reach", func(c *journeys.Definition) {
				c.Nodes = append(c.Nodes, journeys.Node{ID: "lost", Do: journeys.DoExit})
			}},
			{"wait without key", "refused nodes.pause.event event_without_subject", func(c *journeys.Definition) {
				c.Nodes[0] = journeys.Node{ID: "pause", Do: journeys.DoWaitFor, Event: "rated", For: journeys.Span(time.Hour), Next: "back"}
			}},
			{"rule", "refused nodes.back.when rule_unreadable column 5: undeclared reference to 'cart.totl'", func(c *journeys.Definition) { c.Nodes[1].When = "cart.totl > 3" }},
			{"webhook", "refused nodes.back.url url_form", func(c *journeys.Definition) {
				c.Nodes[1] = journeys.Node{ID: "back", Do: journeys.DoCall, URL: "ftp://x", Next: "share"}
			}},
			{"amounts", "refused nodes.offer.reward.amounts.gb amount_missing", func(c *journeys.Definition) {
				c.Nodes[3].Reward.Percent, c.Nodes[3].Reward.Amounts = 0, w.shipped("again").Nodes[2].Reward.Amounts
				delete(c.Nodes[3].Reward.Amounts, "gb")
			}},
			{"no stop", "warning exits no_exit_on_stop", func(c *journeys.Definition) { c.Exits = c.Exits[1:] }},
			{"consent", "note nodes.write.class consent_is_asked", func(*journeys.Definition) {}},
			{"no holdout", "warning nodes no_holdout", func(c *journeys.Definition) { require.NoError(t, c.Remove("share")) }},
			{"no reward", "warning nodes.write.template code_without_reward", func(c *journeys.Definition) { require.NoError(t, c.Remove("offer")) }},
			{"no limit", "warning nodes.write.within offer_without_limit", func(c *journeys.Definition) { c.Window, c.Nodes[4].Within = 0, 0 }},
		} {
			c := w.shipped("cart")
			tt.change(&c)
			require.True(t, slices.ContainsFunc(lint(c), func(f string) bool { return strings.HasPrefix(f, tt.want) }), "%s: %q", tt.name, lint(c))
		}
		held := w.shipped("confirm")
		_, err := held.InsertBefore("text", journeys.DoSplit)
		require.NoError(t, err)
		held.Nodes[1].Out = 10
		require.Contains(t, strings.Join(lint(held), "\n"), "holdout_transactional")
	})
}

// leaveMany lets n shoppers leave their bags.
func (w *world) leaveMany(n int) {
	w.t.Helper()
	at := w.d.Clock().Now()
	w.d.Clock().Advance(10 * time.Minute)
	dbtest.Write(w.t, w.d, func(tx *db.Tx) error {
		for i := range n {
			id := fmt.Sprintf("crt_%d", i)
			w.carts[id] = checkout.Cart{ID: id, Market: "gb", Country: "GB", Lang: "en", State: checkout.Open, Customer: fmt.Sprintf("cus_%d", i),
				Lines: []checkout.Line{{SKU: "D1", Quantity: 1}}, CreatedAt: at.Add(-time.Hour), Activity: at,
				Contact: checkout.Contact{GivenName: "Kate", Email: fmt.Sprintf("kate%d@example.org", i)}}
			e := checkout.LeftEvent{Cart: id, Customer: fmt.Sprintf("cus_%d", i), Market: "gb", Country: "GB", Lang: "en", Email: fmt.Sprintf("kate%d@example.org", i), At: at}
			if _, err := w.people.Record(tx, customer.Consent{Address: e.Email, Channel: customer.Mail, Class: customer.Promotional, Action: customer.Grant, Text: "Offers", Wording: "1"}); err != nil {
				return err
			}
			if err := w.bus.Publish(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	w.drain()
}

// second is a version of cart recovery that waits longer, gives nothing, and tags whom it wrote to.
func (w *world) second() journeys.Definition {
	c := w.shipped("cart")
	i := slices.IndexFunc(c.Nodes, func(n journeys.Node) bool { return n.ID == "pause" })
	c.Nodes[i].For = journeys.Span(3 * time.Hour)
	id, err := c.InsertAfter("write", "next", journeys.DoTag)
	require.NoError(w.t, err)
	tag := slices.IndexFunc(c.Nodes, func(n journeys.Node) bool { return n.ID == id })
	c.Nodes[tag].Tag = "asked_twice"
	return c
}

// Publishing a second version with 1,000 waiting runs: all of them end in the first, and who comes later begins with
// the second.
func TestRunsEndOnTheirVersion(t *testing.T) {
	const runs = 1000
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := prepared(t, d)
		w.leaveMany(runs)
		traffic := func() (out journeys.Traffic) {
			dbtest.Read(t, d, func(tx *db.Tx) (err error) {
				out, err = w.journeys.Traffic(tx, "cart", 0, d.Clock().Now().Add(-7*24*time.Hour))
				return err
			})
			return out
		}
		require.Equal(t, int64(runs), traffic().Here["pause"])
		v := w.publishOver(w.second(), 1)
		require.Equal(t, int64(2), v.N)
		require.Equal(t, map[int64]int64{1: runs}, traffic().Versions, "who is under way stays on the first")
		w.leave("crt_late")
		require.Equal(t, map[int64]int64{1: runs, 2: 1}, traffic().Versions)

		d.Clock().Advance(2 * time.Hour)
		w.drain()
		require.Equal(t, map[int64]int64{2: 1}, traffic().Versions, "the first waits two hours, the second three")
		sent := map[int64]int64{}
		for i := range runs {
			all := w.decided(fmt.Sprintf("crt_%d", i))
			require.Equal(t, int64(1), all[len(all)-1].Version)
			for _, step := range all {
				require.NotEqual(t, "asked_twice", step.Detail, "the second version's step reached a run of the first")
				if step.Outcome == journeys.Sent || step.Outcome == journeys.Withheld {
					sent[step.Version]++
				}
			}
		}
		require.Equal(t, map[int64]int64{1: runs}, sent)
	})
}

// Moved runs go on in the new version and get nothing that they have had.
func TestMove(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		w := prepared(t, d)
		first := w.second() // writes, then waits, then writes again
		for i := range first.Nodes {
			switch n := &first.Nodes[i]; n.ID {
			case "tag":
				*n = journeys.Node{ID: "tag", Do: journeys.DoWait, For: journeys.Span(24 * time.Hour), Next: "later"}
			case "share":
				n.Out = 0
				n.Ways = []journeys.Way{{Name: "all", Share: 100, Next: "offer"}}
				n.Next = ""
			}
		}
		first.Window = journeys.Span(72 * time.Hour)
		first.Nodes = append(first.Nodes, journeys.Node{ID: "later", Do: journeys.DoTag, Tag: "waited"})
		w.publishOver(first, 1)
		w.leaveMany(4)
		d.Clock().Advance(3 * time.Hour)
		w.drain()
		require.Len(t, w.mail.took, 4)
		second := first.Clone()
		id, err := second.InsertAfter("tag", "next", journeys.DoTag)
		require.NoError(t, err)
		for i := range second.Nodes {
			switch n := &second.Nodes[i]; n.ID {
			case id:
				n.Tag, n.Next = "moved", "write" // leads back to the message they have had; the wait is between
			case "write":
				n.Next = "tag"
			case "tag":
				n.For = journeys.Span(30 * time.Hour)
			}
		}
		second.Nodes = slices.DeleteFunc(second.Nodes, func(n journeys.Node) bool { return n.ID == "later" })
		w.publishOver(second, 2)
		m := journeys.Move{Journey: "cart", From: 2, To: 3, Nodes: journeys.SameNodes(first, second)}
		dbtest.Read(t, d, func(tx *db.Tx) error {
			rows, err := w.journeys.PlanMove(tx, m)
			require.Equal(t, []journeys.MoveRow{{Node: "tag", To: "tag", Runs: 4, Wrote: 4}}, rows)
			return err
		})
		dbtest.Write(t, d, func(tx *db.Tx) error {
			n, err := w.journeys.Move(tx, m)
			require.Equal(t, int64(4), n)
			return err
		})
		d.Clock().Advance(24 * time.Hour)
		w.drain()
		require.Len(t, w.mail.took, 4, "nobody is written to twice")
		for i := range 4 {
			var reasons []string
			for _, s := range w.decided(fmt.Sprintf("crt_%d", i)) {
				reasons = append(reasons, s.Reason)
			}
			require.Contains(t, reasons, "moved")
			require.Contains(t, reasons, "had_before")
		}
		require.ErrorIs(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := w.journeys.Move(tx, journeys.Move{Journey: "cart", From: 3, To: 2, Nodes: map[string]string{"nothing": "write"}})
			return err
		}), journeys.ErrBadMove)
	})
}
