package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/journeys"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// changeJourney serves the forms of a journey's page: begin, drop, undo and redo a draft, save a form, add, move and
// remove a step.
func (c *console) changeJourney(r *http.Request, p *page) (to string, err error) {
	name, q := r.PathValue("name"), r.PostForm
	rev, _ := strconv.ParseInt(q.Get("rev"), 10, 64)
	at := url.Values{"draft": {"1"}}
	for _, key := range []string{"node", "part"} {
		if s := p.Q(key); s != "" {
			at.Set(key, s)
		}
	}
	err = c.DB.Write(r.Context(), func(tx *db.Tx) error {
		switch do := q.Get("do"); do {
		case "begin":
			_, err := c.Journeys.BeginDraft(tx, name, p.User.Email)
			return err
		case "drop":
			at = url.Values{"done": {"journey_dropped"}}
			return c.Journeys.DropDraft(tx, name)
		case "undo":
			_, err := c.Journeys.Undo(tx, name, rev, p.User.Email)
			return err
		case "redo":
			_, err := c.Journeys.Redo(tx, name, rev, p.User.Email)
			return err
		}
		d, there, err := c.Journeys.Draft(tx, name)
		if err != nil {
			return err
		}
		if !there {
			return journeys.ErrNoDraft
		}
		what, err := c.edit(&d.Definition, p, q, at)
		if err != nil {
			return err
		}
		_, err = c.Journeys.KeepDraft(tx, d.Definition, rev, what, p.User.Email)
		return err
	})
	if len(at) == 1 && at.Get("done") == "journey_dropped" {
		if list, gone := c.isGone(r, name); gone {
			return list, err
		}
	}
	hash := ""
	if at.Has("node") || at.Has("part") {
		hash = "#panel"
	}
	return "/console/journeys/" + name + "?" + at.Encode() + hash, err
}

// isGone reports whether nothing is left of a journey whose draft was dropped.
func (c *console) isGone(r *http.Request, name string) (string, bool) {
	err := c.DB.Read(r.Context(), func(tx *db.Tx) error { _, err := c.Journeys.Known(tx, name); return err })
	return "/console/journeys?done=journey_dropped", err != nil
}

// edit does one change to a definition and says what it was. It changes where the page goes on.
func (c *console) edit(d *journeys.Definition, p *page, q url.Values, at url.Values) (what string, err error) {
	id := p.Q("node")
	switch q.Get("do") {
	case "add":
		kind, where := journeys.Kind(q.Get("kind")), q.Get("where")
		switch {
		case where == "before" || where == "first":
			id, err = d.InsertBefore(id, kind)
		default:
			id, err = d.InsertAfter(id, where, kind)
		}
		at.Set("node", id)
		at.Del("part")
		at.Set("done", "journey_added")
		return "added:" + id, err
	case "remove":
		at.Del("node")
		at.Set("done", "journey_removed")
		return "removed:" + id, d.Remove(id)
	case "save":
	default:
		return "", journeys.ErrUnknownNode
	}
	r := &reader{q, map[string]string{}}
	at.Set("done", "journey_kept")
	switch p.Q("part") {
	case "trigger":
		d.About, d.Trigger = journeys.Subject(r.text("about")), journeys.Trigger{Events: q["events"], When: r.text("when"), Again: r.span("again")}
		what = "trigger:"
	case "exits":
		d.Exits = r.exits()
		what = "exits:"
	case "settings":
		d.Priority, d.Window, d.Convert = r.int("priority"), r.span("window"), r.span("convert")
		what = "settings:"
	default:
		i := slices.IndexFunc(d.Nodes, func(n journeys.Node) bool { return n.ID == id })
		if i < 0 {
			return "", journeys.ErrUnknownNode
		}
		c.readNode(r, &d.Nodes[i])
		what = "changed:" + id
	}
	if len(r.bad) > 0 {
		return "", journeys.ErrBadDefinition.With(r.bad)
	}
	return what, nil
}

// Did is what a step of a draft did, in words.
func (p *page) Did(what string) string {
	kind, node, _ := strings.Cut(what, ":")
	if node != "" {
		return p.T("console.jdid_"+kind, "step", node)
	}
	return p.Word("jdid", kind)
}

// sendLook is a message as shoppers of a market would get it.
type sendLook struct {
	Main    *lookRow
	Lang    string
	Dir     string
	Letter  bool
	Rows    []sendLookRow
	Links   []choice // markets and languages
	TextURL string
}

type sendLookRow struct {
	lookRow
	Lang, LangName, URL string
	Chosen, Missing     bool
}

// lookAtSend draws a node's text for every market and language, one of them on a phone.
func (c *console) lookAtSend(tx *db.Tx, p *page, v *journeyView, n *journeys.Node) (*sendLook, error) {
	if _, ok := c.Messages.ClassOf(n.Template); !ok {
		return nil, nil
	}
	ch := messaging.SMS
	if len(n.Channels) > 0 && n.Channels[0] == messaging.Email && n.Only {
		ch = messaging.Email
	}
	l := &sendLook{Letter: ch == messaging.Email}
	wantMarket, wantLang := market.Code(p.Q("market")), p.Q("lang")
	for _, m := range c.selling() {
		for _, lang := range m.Languages {
			id := messaging.TextID{Key: n.Template, Lang: lang, Channel: ch}
			row := sendLookRow{Lang: lang, LangName: p.LanguageName(lang),
				URL: v.Base + "&" + url.Values{"node": {n.ID}, "market": {string(m.Code)}, "lang": {lang}}.Encode() + "#look"}
			row.Name = p.CountryName(string(m.Country()))
			history, err := c.texts().History(tx, id)
			if err != nil {
				return nil, err
			}
			sent := history[0].N
			if v.Texts != nil {
				sent = messaging.Corrected(history, v.Texts[id])
			}
			words, _ := wordsAt(history, sent)
			if words == (messaging.Words{}) {
				row.Missing = true
				l.Rows = append(l.Rows, row)
				continue
			}
			look, err := c.texts().Look(tx, id, words, m.Code, rewardSamples(p, &v.Def, m))
			if fault.Of(err).Kind == fault.Invalid && err != nil {
				row.Missing = true
				l.Rows = append(l.Rows, row)
				continue
			}
			if err != nil {
				return nil, err
			}
			row.Look = look
			if l.Main == nil && wantMarket == "" || m.Code == wantMarket && lang == wantLang {
				row.Chosen = true
				for i := range l.Rows {
					l.Rows[i].Chosen = false
				}
				main := row.lookRow
				l.Main, l.Lang, l.Dir = &main, lang, p.DirOf(lang)
				l.TextURL = "/console/templates/" + n.Template + "?" + url.Values{"lang": {lang}, "channel": {string(ch)}, "market": {string(m.Code)}}.Encode()
			}
			l.Rows = append(l.Rows, row)
		}
	}
	return l, nil
}

// rewardSamples are the words of a journey's reward, so that the preview shows its figures.
func rewardSamples(p *page, d *journeys.Definition, m market.Market) map[string]string {
	for _, n := range d.Nodes {
		if n.Do != journeys.DoReward || n.Reward == nil {
			continue
		}
		vars := map[string]string{}
		if n.Reward.Percent > 0 {
			vars["pct"] = strconv.FormatInt(n.Reward.Percent, 10)
		}
		if a, ok := n.Reward.Amounts[m.Code]; ok {
			vars["amount"] = p.Money(a)
		}
		if a, ok := n.Reward.Minimums[m.Code]; ok {
			vars["min"] = p.Money(a)
		}
		return vars
	}
	return nil
}
