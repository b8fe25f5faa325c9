package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/i18n"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/support"
	"portolan/internal/web"
)

// Desk keeps conversations and tickets. Satisfied by support.Service.
type Desk interface {
	Tickets
	Talks(tx *db.Tx, f support.Filter, p support.Page) ([]support.Talk, error)
	Counts(tx *db.Tx, user string) (support.Counts, error)
	Unread(tx *db.Tx) (int64, error)
	Waiting(tx *db.Tx) (int64, error)
	Talk(tx *db.Tx, talk string) (support.Talk, error)
	TalkAt(tx *db.Tx, address string) (support.Talk, error)
	TalkWith(tx *db.Tx, customer string) (support.Talk, error)
	Turns(tx *db.Tx, t support.Talk, before time.Time, limit int) ([]support.Turn, error)
	Ways(tx *db.Tx, t support.Talk) ([]support.Way, error)
	Zone(tx *db.Tx, t support.Talk) (*time.Location, error)
	Readers(tx *db.Tx, talk, but string) ([]support.Reader, error)
	Here(tx *db.Tx, talk, user, name string, writes bool) error
	Seen(tx *db.Tx, talk string) error
	MarkUnread(tx *db.Tx, talk string) error
	Assign(tx *db.Tx, talk, user, by string) error
	Note(tx *db.Tx, talk, text, by string) error
	Forget(tx *db.Tx, customer string, addresses []string) error
	Solve(tx *db.Tx, talk, by string) ([]string, error)
	Reopen(tx *db.Tx, talk string, tickets []string, by string) error
	Answer(tx *db.Tx, a support.Answer) (messaging.Record, error)
	Preview(tx *db.Tx, a support.Answer) (messaging.Record, error)
	Offers(tx *db.Tx, t support.Talk) ([]support.Offer, error)
	CannedAnswers(tx *db.Tx) ([]support.Canned, error)
	SaveCanned(tx *db.Tx, c support.Canned) (support.Canned, error)
	RemoveCanned(tx *db.Tx, name, lang string) error
}

// inboxRoutes are the pages of conversations, tickets and answers written in advance.
func (c *console) inboxRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/inbox", c.page("inbox", c.inbox))
	mux.Handle("GET /console/inbox/{id}", c.known(c.openTalk))
	mux.Handle("POST /console/inbox/{id}", c.known(c.inTalk))
	mux.Handle("POST /console/inbox/{id}/here", c.known(c.here))
	mux.Handle("GET /console/canned", c.page("canned", c.canned))
	mux.Handle("POST /console/canned", c.filled(auth.Operator, "canned", c.canned, c.changeCanned))
	c.ticketRoutes(mux)
}

type inboxView struct {
	Talks    []talkRow
	Shows    []showChip
	Show     string
	Markets  []choice
	Langs    []choice
	Asked    bool
	Older    string
	Newest   string
	Assignee bool
}

type showChip struct {
	Name, Text, URL string
	Count           int64
	Current         bool
}

type talkRow struct {
	support.Talk
	Name  string
	Who   string // who looks after it
	Waits string // for how long they have waited, in words
	Long  bool   // longer than people like to
}

// patience is how long somebody may wait before their conversation is marked.
const patience = 4 * time.Hour

var shows = []string{support.ShowOpen, support.ShowWaiting, support.ShowMine, support.ShowUnassigned, support.ShowAll}

// inbox lists the conversations.
func (c *console) inbox(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_inbox")
	f := support.Filter{Show: p.Q("show"), User: p.User.ID, Market: market.Code(p.Q("market")), Lang: p.Q("lang"), Search: cut(p.Q("q"), 100)}
	if !slices.Contains(shows, f.Show) {
		if f.Show = support.ShowOpen; f.Search != "" {
			f.Show = support.ShowAll
		}
	}
	v := inboxView{Show: f.Show, Markets: c.marketChoices(p), Asked: f.Market != "" || f.Lang != "" || f.Search != ""}
	v.Langs = []choice{{"", p.T("console.any_lang"), f.Lang == ""}}
	for _, l := range i18n.Languages() {
		v.Langs = append(v.Langs, choice{l, p.LanguageName(l), f.Lang == l})
	}
	counts, err := c.Support.Counts(tx, p.User.ID)
	if err != nil {
		return err
	}
	of := map[string]int64{support.ShowOpen: counts.Open, support.ShowWaiting: counts.Waiting, support.ShowMine: counts.Mine, support.ShowUnassigned: counts.Unassigned}
	for _, s := range shows {
		v.Shows = append(v.Shows, showChip{s, p.T("console.ib_" + s), p.With("show", s), of[s], s == f.Show})
	}
	talks, err := c.Support.Talks(tx, f, support.Page{After: p.Q("after"), Limit: listLong})
	if err != nil {
		return err
	}
	if v.Talks, err = c.talkRows(tx, p, talks); err != nil {
		return err
	}
	if len(talks) == listLong {
		v.Older = p.With("after", talks[listLong-1].ID)
	}
	if p.Q("after") != "" {
		v.Newest = p.With("after", "")
	} else {
		p.Live.Every = "3s"
	}
	p.Data = v
	return nil
}

// waited is for how long somebody has waited, short enough for a mark.
func (p *page) waited(d time.Duration) string {
	switch {
	case d < time.Hour:
		return p.T("console.ms_minutes", "n", max(1, int64(d/time.Minute)))
	case d < 48*time.Hour:
		return p.T("console.ms_hours", "n", int64(d/time.Hour))
	}
	return p.N("common.days", int64(d/(24*time.Hour)))
}

func (c *console) talkRows(tx *db.Tx, p *page, talks []support.Talk) (rows []talkRow, err error) {
	ids := make([]string, 0, len(talks))
	for _, t := range talks {
		ids = append(ids, t.Customer)
	}
	people, err := c.Customers.ByIDs(tx, ids)
	if err != nil {
		return nil, err
	}
	users, err := c.userNames(tx)
	if err != nil {
		return nil, err
	}
	for _, t := range talks {
		name := people[t.Customer].Name()
		if name == "" {
			name = p.Reach(t.Address)
		}
		row := talkRow{Talk: t, Name: name, Who: users[t.Assignee]}
		if !t.WaitsAt.IsZero() {
			since := p.Now.Sub(t.WaitsAt)
			row.Waits, row.Long = p.waited(since), since >= patience
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// userNames are the names of the people of the console by their ids.
func (c *console) userNames(tx *db.Tx) (map[string]string, error) {
	all, err := c.Auth.Users(tx)
	names := map[string]string{}
	for _, u := range all {
		names[u.ID] = u.Name
	}
	return names, err
}

type talkView struct {
	support.Talk
	Name    string
	Person  *customer.Customer
	Turns   []turn
	Order   *order.Order
	Parcels []fulfilment.Shipment
	Tickets []support.Ticket
	Users   []choice
	Who     string
	Ways    []wayChoice
	Offers  []support.Offer
	Readers []support.Reader
	Text    string
	Key     string
	Zone    string
	Preview *messaging.Record
	Older   string
	Newest  string
	Empty   []string // variables of the chosen answer that have no value
}

type turn struct {
	support.Turn
	Pieces []piece
	There  string // the time where they are
	Said   string // what was done, in words
}

type wayChoice struct {
	support.Way
	Chosen bool
}

// draft is an answer that somebody writes.
type draft struct {
	text, to, key string
	preview       *messaging.Record
}

const talkLong = 60 // lines of a conversation on a page

// openTalk shows a conversation, and says that it was read.
func (c *console) openTalk(w http.ResponseWriter, r *http.Request, p *page) error {
	name := r.PathValue("id")
	if strings.HasPrefix(name, "inb_") || strings.HasPrefix(name, "cus_") {
		return c.findTalk(w, r, name)
	}
	if p.Q("part") == "" && p.Q("before") == "" && p.User.Role.May(auth.Operator) {
		err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
			if p.Q("done") != "ib_unread" {
				if err := c.Support.Seen(tx, name); err != nil {
					return err
				}
			}
			return c.Support.Here(tx, name, p.User.ID, p.User.Name, false)
		})
		if err != nil {
			return err
		}
	}
	c.page("talk", func(tx *db.Tx, r *http.Request, p *page) error { return c.talk(tx, r, p, draft{}) }).ServeHTTP(w, r)
	return nil
}

// findTalk goes to the conversation of a text or a customer.
func (c *console) findTalk(w http.ResponseWriter, r *http.Request, name string) error {
	var t support.Talk
	err := c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		if strings.HasPrefix(name, "cus_") {
			t, err = c.Support.TalkWith(tx, name)
			return err
		}
		in, err := c.Messages.GetInbound(tx, name)
		if err == nil {
			t, err = c.Support.TalkAt(tx, in.From)
		}
		return err
	})
	if err == nil {
		http.Redirect(w, r, "/console/inbox/"+t.ID, http.StatusSeeOther)
	}
	return err
}

// talk is a conversation with everything beside it that helps to answer.
func (c *console) talk(tx *db.Tx, r *http.Request, p *page, d draft) error {
	t, err := c.Support.Talk(tx, r.PathValue("id"))
	if err != nil {
		return err
	}
	v := talkView{Talk: t, Name: p.Reach(t.Address), Text: d.text, Key: d.key, Preview: d.preview}
	if v.Key == "" {
		v.Key = "answer:" + id.New("ans")
	}
	if err := c.aboutTalk(tx, p, &v); err != nil {
		return err
	}
	var before time.Time
	if before, err = time.Parse(time.RFC3339Nano, p.Q("before")); err == nil {
		v.Newest = p.Path
	}
	zone, err := c.Support.Zone(tx, t)
	if err != nil {
		return err
	}
	v.Zone = zone.String()
	turns, err := c.Support.Turns(tx, t, before, talkLong)
	if err != nil {
		return err
	}
	users, err := c.userNames(tx)
	if err != nil {
		return err
	}
	for _, x := range turns {
		v.Turns = append(v.Turns, c.turn(p, x, zone, users))
	}
	if len(turns) >= talkLong {
		v.Older = p.Path + "?before=" + url.QueryEscape(turns[0].At.Format(time.RFC3339Nano))
	}
	ways, err := c.Support.Ways(tx, t)
	if err != nil {
		return err
	}
	for i, w := range ways {
		v.Ways = append(v.Ways, wayChoice{w, d.to == w.To || d.to == "" && i == 0})
	}
	if v.Offers, err = c.Support.Offers(tx, t); err != nil {
		return err
	}
	for _, o := range v.Offers {
		if o.ID == p.Q("canned") && d.text == "" {
			v.Text, v.Empty = o.Text, o.Missing
		}
	}
	if v.Readers, err = c.Support.Readers(tx, t.ID, p.User.ID); err != nil {
		return err
	}
	p.Title, p.Data = p.T("console.talk_with", "name", v.Name), v
	if before.IsZero() {
		p.Live.Every = "3s"
	}
	if tickets := p.Q("undo"); p.Q("done") == "ib_solved" {
		p.Undo = &undo{"/console/inbox/" + t.ID, "reopen", tickets}
	}
	return nil
}

// aboutTalk finds what stands beside a conversation: who they are, the order and its parcels, the tickets.
func (c *console) aboutTalk(tx *db.Tx, p *page, v *talkView) error {
	if v.Customer != "" {
		who, err := c.Customers.Get(tx, v.Customer)
		if err != nil && !errors.Is(err, customer.ErrUnknown) {
			return err
		}
		if err == nil {
			v.Person = &who
			if who.Name() != "" {
				v.Name = who.Name()
			}
		}
	}
	if v.Talk.Order != "" {
		o, err := c.Orders.Get(tx, order.ID(v.Talk.Order))
		if err != nil && !errors.Is(err, order.ErrUnknown) {
			return err
		}
		if err == nil {
			v.Order = &o
			if c.Shipments != nil {
				if v.Parcels, err = c.Shipments.ByOrder(tx, o.ID); err != nil {
					return err
				}
			}
		}
	}
	var err error
	if v.Tickets, err = c.Support.Tickets(tx, support.TicketFilter{Talk: v.ID}, support.Page{Limit: 20}); err != nil {
		return err
	}
	users, err := c.Auth.Users(tx)
	v.Users = append(v.Users, choice{"", p.T("console.ib_nobody"), v.Assignee == ""})
	for _, u := range users {
		if u.ID == v.Assignee {
			v.Who = u.Name
		}
		v.Users = append(v.Users, choice{u.ID, u.Name, u.ID == v.Assignee})
	}
	return err
}

func (c *console) turn(p *page, x support.Turn, zone *time.Location, users map[string]string) turn {
	out := turn{Turn: x, There: p.Time(x.At.In(zone))}
	switch {
	case x.In != nil:
		out.Pieces = p.Pieces(x.In.Text)
	case x.Out != nil && x.Out.Channel == messaging.Email:
		out.Pieces = p.Pieces(x.Out.Subject)
		if x.Out.Class == messaging.Reply {
			out.Pieces = p.Pieces(x.Out.Body)
		}
	case x.Out != nil:
		out.Pieces = p.Pieces(x.Out.Body)
	case x.Mark != nil:
		out.Said = p.done(*x.Mark, users)
	}
	return out
}

// done says what somebody did about a conversation or a ticket.
func (p *page) done(m support.Mark, users map[string]string) string {
	who := m.Who
	if who == "" {
		who = p.T("console.ib_program")
	}
	key, detail := "console.ib_mark_"+m.What, m.Detail
	switch m.What {
	case "opened":
		detail = p.Word("ib_reason", detail)
	case "assigned":
		if detail = users[detail]; detail == "" {
			key = "console.ib_mark_unassigned"
		}
	case "state":
		detail = p.Word("tk_state", detail)
	case "priority":
		detail = p.Word("tk_priority", detail)
	case "queue":
		detail = p.Word("tk_queue", detail)
	}
	if !p.Has(key) {
		return m.What
	}
	return p.T(key, "who", who, "what", detail)
}

// inTalk does what was asked on the page of a conversation. An answer may be looked at first.
func (c *console) inTalk(w http.ResponseWriter, r *http.Request, p *page) error {
	if !p.User.Role.May(auth.Operator) {
		return auth.ErrDenied
	}
	if err := r.ParseForm(); err != nil {
		return web.ErrBody
	}
	form := r.PostForm
	a := support.Answer{Talk: r.PathValue("id"), Version: int64(number(form.Get("version"))), Key: form.Get("key"), To: form.Get("to"), Text: form.Get("text"), By: p.User.Name}
	d := draft{text: form.Get("text"), to: a.To, key: a.Key}
	to, status, err := "", http.StatusOK, error(nil)
	if form.Get("do") == "preview" {
		var seen messaging.Record
		err = c.DB.Read(r.Context(), func(tx *db.Tx) (err error) { seen, err = c.Support.Preview(tx, a); return err })
		d.preview = &seen
	} else {
		err = c.DB.Write(r.Context(), func(tx *db.Tx) (err error) { to, err = c.doInTalk(tx, p, a, form); return err })
	}
	if err == nil && to != "" {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	if err != nil {
		if k := fault.Of(err).Kind; k != fault.Invalid && k != fault.Conflict {
			return err
		}
		status, d.preview = web.Status(err), nil
		web.Log(r, status, err)
		p.Refused = refused{Do: form.Get("do"), values: form}
		p.Refused.Text, p.Refused.Fields = p.Fault(err)
	}
	if err := c.DB.Read(r.Context(), func(tx *db.Tx) error {
		if err := c.furnish(tx, p); err != nil {
			return err
		}
		return c.talk(tx, r, p, d)
	}); err != nil {
		return err
	}
	p.Live.Every = ""
	return c.show(w, r, status, "talk", p)
}

// doInTalk does one thing in a conversation and names the page to go on with.
func (c *console) doInTalk(tx *db.Tx, p *page, a support.Answer, form url.Values) (string, error) {
	here := "/console/inbox/" + a.Talk
	if tickets := form.Get("reopen"); form.Has("reopen") {
		var ids []string
		if tickets != "" {
			ids = strings.Split(tickets, " ")
		}
		return here + "?done=ib_reopened", c.Support.Reopen(tx, a.Talk, ids, p.User.Name)
	}
	switch form.Get("do") {
	case "send":
		_, err := c.Support.Answer(tx, a)
		return here + "?done=answered", err
	case "note":
		return here + "?done=ib_noted", c.Support.Note(tx, a.Talk, form.Get("note"), p.User.Name)
	case "assign":
		return here + "?done=ib_assigned", c.Support.Assign(tx, a.Talk, cut(form.Get("user"), 60), p.User.Name)
	case "unread":
		return "/console/inbox?done=ib_unread", c.Support.MarkUnread(tx, a.Talk)
	case "solve":
		ids, err := c.Support.Solve(tx, a.Talk, p.User.Name)
		return here + "?done=ib_solved&undo=" + url.QueryEscape(strings.Join(ids, " ")), err
	}
	return "", web.ErrBody
}

// here notes that somebody has a conversation before them, or writes.
func (c *console) here(w http.ResponseWriter, r *http.Request, p *page) error {
	if !p.User.Role.May(auth.Operator) {
		return auth.ErrDenied
	}
	w.WriteHeader(http.StatusNoContent)
	return c.DB.Write(r.Context(), func(tx *db.Tx) error {
		if _, err := c.Support.Talk(tx, r.PathValue("id")); err != nil {
			return err
		}
		return c.Support.Here(tx, r.PathValue("id"), p.User.ID, p.User.Name, r.FormValue("writes") == "1")
	})
}
