package api

import (
	"cmp"
	"context"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/order"
	"portolan/internal/support"
)

// ListTickets lists tickets, newest first.
func (a *api) ListTickets(ctx context.Context, r ListTicketsRequestObject) (ListTicketsResponseObject, error) {
	p, limit := r.Params, limitOf(r.Params.Limit)
	f := support.TicketFilter{State: support.State(p.State), Queue: string(p.Queue), Priority: support.PriorityOf(string(p.Priority)), Assignee: p.Assignee,
		Market: market.Code(p.Market), Lang: p.Lang, Order: p.Order, Talk: p.Conversation, Customer: p.Customer}
	out := TicketList{Data: []Ticket{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Support.Tickets(tx, f, support.Page{After: p.After, Limit: limit + 1})
		if len(all) > limit {
			all = all[:limit]
			out.Next = all[limit-1].ID
		}
		for i := range all {
			out.Data = append(out.Data, showTicket(&all[i]))
		}
		return err
	})
	return ListTickets200JSONResponse(out), err
}

// OpenTicket opens a ticket, once for each key.
func (a *api) OpenTicket(ctx context.Context, r OpenTicketRequestObject) (OpenTicketResponseObject, error) {
	b := r.Body
	t := support.Ticket{Key: "api:" + b.Key, Talk: b.Conversation, Customer: b.Customer, Order: b.Order, Title: b.Title, Reason: cmp.Or(b.Reason, support.ReasonAsked),
		Priority: support.PriorityOf(string(b.Priority)), Queue: string(b.Queue), Source: support.FromProgram, OpenedBy: by(ctx)}
	var out Ticket
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		if t.Order != "" {
			o, err := a.Orders.Get(tx, order.ID(t.Order))
			if err != nil {
				return err
			}
			t.Customer, t.Market, t.Lang = cmp.Or(t.Customer, o.Customer), o.Market, o.Lang
		}
		opened, err := a.Support.Open(tx, t)
		out = showTicket(&opened)
		return err
	})
	return OpenTicket201JSONResponse(out), err
}

// GetTicket returns a ticket, by its id or its number, with what was done about it.
func (a *api) GetTicket(ctx context.Context, r GetTicketRequestObject) (GetTicketResponseObject, error) {
	var out TicketDetail
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		out, err = a.ticket(tx, r.ID)
		return err
	})
	return GetTicket200JSONResponse(out), err
}

// ChangeTicket changes what is given of a ticket.
func (a *api) ChangeTicket(ctx context.Context, r ChangeTicketRequestObject) (ChangeTicketResponseObject, error) {
	b := r.Body
	c := support.Change{Title: b.Title, Note: b.Note, Version: b.Version, By: by(ctx)}
	if b.State != nil {
		s := support.State(*b.State)
		c.State = &s
	}
	if b.Priority != nil {
		p := support.PriorityOf(string(*b.Priority))
		c.Priority = &p
	}
	if b.Queue != nil {
		q := string(*b.Queue)
		c.Queue = &q
	}
	var out TicketDetail
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if b.Assignee != nil {
			user, err := a.userOf(tx, *b.Assignee)
			if err != nil {
				return err
			}
			c.Assignee = &user
		}
		if _, err = a.Support.Change(tx, r.ID, c); err != nil {
			return err
		}
		out, err = a.ticket(tx, r.ID)
		return err
	})
	return ChangeTicket200JSONResponse(out), err
}

func (a *api) ticket(tx *db.Tx, name string) (out TicketDetail, err error) {
	t, err := a.Support.Ticket(tx, name)
	if err != nil {
		return out, err
	}
	marks, err := a.Support.History(tx, t.ID)
	out = TicketDetail{Ticket: showTicket(&t), History: []ConversationLine{}}
	for i := range marks {
		out.History = append(out.History, showMark(&marks[i]))
	}
	return out, err
}

func showTicket(t *support.Ticket) Ticket {
	return Ticket{ID: t.ID, Number: t.Number, Conversation: t.Talk, Customer: t.Customer, Order: t.Order, Shipment: t.Parcel, Market: string(t.Market), Lang: t.Lang, Title: t.Title,
		Reason: t.Reason, Source: string(t.Source), Priority: TicketPriority(t.Priority.String()), Queue: TicketQueue(t.Queue), State: TicketState(t.State), Assignee: t.Assignee,
		OpenedBy: t.OpenedBy, OpenedAt: utc(t.OpenedAt), ChangedAt: utc(t.ChangedAt), AnsweredAt: utc(t.AnsweredAt), SolvedAt: utc(t.SolvedAt), SolvedBy: t.SolvedBy, Version: t.Version}
}
