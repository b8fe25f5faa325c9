package admin

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/order"
	"portolan/internal/support"
	"portolan/internal/web"
)

// Tickets keeps matters to be settled. Satisfied by support.Service.
type Tickets interface {
	Tickets(tx *db.Tx, f support.TicketFilter, p support.Page) ([]support.Ticket, error)
	TicketCounts(tx *db.Tx) (map[support.State]int64, error)
	Ticket(tx *db.Tx, name string) (support.Ticket, error)
	History(tx *db.Tx, ticket string) ([]support.Mark, error)
	Open(tx *db.Tx, t support.Ticket) (support.Ticket, error)
	Change(tx *db.Tx, name string, c support.Change) (support.Ticket, error)
}

func (c *console) ticketRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/tickets", c.page("tickets", c.tickets))
	mux.Handle("POST /console/tickets", c.filled(auth.Operator, "tickets", c.tickets, c.openTicket))
	mux.Handle("GET /console/tickets/{name}", c.page("ticket", c.ticket))
	mux.Handle("POST /console/tickets/{name}", c.filled(auth.Operator, "ticket", c.ticket, c.changeTicket))
}

type ticketsView struct {
	Tickets    []ticketRow
	Shows      []showChip
	Queues     []choice
	Priorities []choice
	Asked      bool
	Older      string
	Newest     string
	Order      string // for a new ticket
	Customer   string
	About      string
}

type ticketRow struct {
	support.Ticket
	Name string
	Who  string
}

var ticketShows = []string{"unsolved", "open", "pending", "solved", "mine"}

// tickets lists the tickets, with a form for a new one.
func (c *console) tickets(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_tickets")
	show := p.Q("show")
	if !slices.Contains(ticketShows, show) {
		show = "unsolved"
	}
	f := support.TicketFilter{State: support.State(show), Queue: p.Q("queue"), Priority: support.PriorityOf(p.Q("priority"))}
	if show == "mine" {
		f.State, f.Assignee = support.Unsolved, p.User.ID
	}
	v := ticketsView{Queues: p.Choices("queue", "tk_queue", support.Queues), Asked: f.Queue != "" || f.Priority != 0, Order: cut(p.Q("order"), 60), Customer: cut(p.Q("customer"), 60)}
	var names []string
	for _, x := range support.Priorities {
		names = append(names, x.String())
	}
	v.Priorities = p.Choices("priority", "tk_priority", names)
	counts, err := c.Support.TicketCounts(tx)
	if err != nil {
		return err
	}
	of := map[string]int64{"unsolved": counts[support.Open] + counts[support.Pending], "open": counts[support.Open], "pending": counts[support.Pending]}
	for _, s := range ticketShows {
		v.Shows = append(v.Shows, showChip{s, p.T("console.tk_show_" + s), p.With("show", s), of[s], s == show})
	}
	all, err := c.Support.Tickets(tx, f, support.Page{After: p.Q("after"), Limit: listLong})
	if err != nil {
		return err
	}
	if v.Tickets, err = c.ticketRows(tx, all); err != nil {
		return err
	}
	if len(all) == listLong {
		v.Older = p.With("after", all[listLong-1].ID)
	}
	if p.Q("after") != "" {
		v.Newest = p.With("after", "")
	} else {
		p.Live.Every = "5s"
	}
	if v.Order != "" {
		o, err := c.Orders.Get(tx, order.ID(v.Order))
		if err != nil && !errors.Is(err, order.ErrUnknown) {
			return err
		}
		v.About, v.Customer = o.Number, cmp.Or(v.Customer, o.Customer)
	}
	p.Data = v
	return nil
}

func (c *console) ticketRows(tx *db.Tx, all []support.Ticket) (rows []ticketRow, err error) {
	var ids []string
	for _, t := range all {
		ids = append(ids, t.Customer)
	}
	people, err := c.Customers.ByIDs(tx, ids)
	if err != nil {
		return nil, err
	}
	users, err := c.userNames(tx)
	for _, t := range all {
		who := people[t.Customer]
		rows = append(rows, ticketRow{t, cmp.Or(who.Name(), who.Email, who.Phone), users[t.Assignee]})
	}
	return rows, err
}

// openTicket opens a ticket by hand, about an order if its number is given.
func (c *console) openTicket(r *http.Request, p *page) (to string, err error) {
	form := r.PostForm
	t := support.Ticket{Key: cmp.Or(form.Get("key"), "hand:"+id.New("key")), Title: strings.TrimSpace(form.Get("title")), Reason: support.ReasonAsked, Source: support.FromOperator,
		Priority: support.PriorityOf(form.Get("priority")), Queue: form.Get("queue"), Customer: cut(form.Get("customer"), 60), OpenedBy: p.User.Name, Assignee: p.User.ID}
	if t.Title == "" {
		return "", support.ErrBadInput.With(map[string]string{"title": "required"})
	}
	err = c.DB.Write(r.Context(), func(tx *db.Tx) error {
		if number := strings.TrimSpace(form.Get("order")); number != "" {
			o, err := c.Orders.ByNumber(tx, number)
			if errors.Is(err, order.ErrUnknown) {
				return support.ErrBadInput.With(map[string]string{"order": "unknown"})
			}
			if err != nil {
				return err
			}
			t.Order, t.Customer, t.Market, t.Lang = string(o.ID), o.Customer, o.Market, o.Lang
		}
		opened, err := c.Support.Open(tx, t)
		to = "/console/tickets/" + opened.Number + "?done=tk_opened"
		return err
	})
	return to, err
}

type ticketView struct {
	support.Ticket
	Name       string
	Who        string
	OrderOf    *order.Order
	Market     market.Market
	History    []turn
	Users      []choice
	Priorities []choice
	Queues     []choice
}

// ticket is one matter with everything that was done about it.
func (c *console) ticket(tx *db.Tx, r *http.Request, p *page) error {
	t, err := c.Support.Ticket(tx, r.PathValue("name"))
	if err != nil {
		return err
	}
	rows, err := c.ticketRows(tx, []support.Ticket{t})
	if err != nil {
		return err
	}
	v := ticketView{Ticket: t, Name: rows[0].Name, Who: rows[0].Who}
	v.Market, _ = c.Markets.ByCode(t.Market)
	if t.Order != "" {
		o, err := c.Orders.Get(tx, order.ID(t.Order))
		if err != nil && !errors.Is(err, order.ErrUnknown) {
			return err
		}
		if err == nil {
			v.OrderOf = &o
		}
	}
	users, err := c.Auth.Users(tx)
	if err != nil {
		return err
	}
	v.Users = []choice{{"", p.T("console.ib_nobody"), t.Assignee == ""}}
	names := map[string]string{}
	for _, u := range users {
		names[u.ID] = u.Name
		v.Users = append(v.Users, choice{u.ID, u.Name, u.ID == t.Assignee})
	}
	for _, x := range support.Priorities {
		v.Priorities = append(v.Priorities, choice{x.String(), p.Word("tk_priority", x), x == t.Priority})
	}
	for _, x := range support.Queues {
		v.Queues = append(v.Queues, choice{x, p.Word("tk_queue", x), x == t.Queue})
	}
	marks, err := c.Support.History(tx, t.ID)
	if err != nil {
		return err
	}
	for i, m := range marks {
		v.History = append(v.History, turn{Turn: support.Turn{Mark: &marks[i]}, Said: p.done(m, names)})
	}
	p.Title, p.Data, p.Live.Every = p.T("console.tk_title", "number", t.Number), v, "5s"
	if p.Q("done") == "tk_solved" {
		p.Undo = &undo{"/console/tickets/" + url.PathEscape(t.Number), "do", "open"}
	}
	return nil
}

// changeTicket does what the forms of a ticket's page ask.
func (c *console) changeTicket(r *http.Request, p *page) (string, error) {
	form, name := r.PostForm, r.PathValue("name")
	change, done := support.Change{By: p.User.Name}, "tk_saved"
	state := func(s support.State, said string) { change.State, done = &s, said }
	switch form.Get("do") {
	case "save":
		priority, queue, user, title := support.PriorityOf(form.Get("priority")), form.Get("queue"), cut(form.Get("user"), 60), strings.TrimSpace(form.Get("title"))
		change.Priority, change.Queue, change.Assignee, change.Title = &priority, &queue, &user, &title
		change.Version = int64(number(form.Get("version")))
	case "note":
		if change.Note, done = form.Get("note"), "ib_noted"; strings.TrimSpace(change.Note) == "" {
			return "", support.ErrBadInput.With(map[string]string{"note": "required"})
		}
	case "solve":
		state(support.Solved, "tk_solved")
	case "open":
		state(support.Open, "tk_reopened")
	case "pending":
		state(support.Pending, "tk_pending")
	default:
		return "", web.ErrBody
	}
	return "/console/tickets/" + url.PathEscape(name) + "?done=" + done, c.DB.Write(r.Context(), func(tx *db.Tx) error {
		_, err := c.Support.Change(tx, name, change)
		return err
	})
}
