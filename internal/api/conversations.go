package api

import (
	"cmp"
	"context"
	"strings"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/support"
)

// ListConversations lists conversations, that with the latest word first.
func (a *api) ListConversations(ctx context.Context, r ListConversationsRequestObject) (ListConversationsResponseObject, error) {
	p, limit := r.Params, limitOf(r.Params.Limit)
	f := support.Filter{Show: string(p.Show), Market: market.Code(p.Market), Lang: p.Lang, Search: p.Search}
	if p.Assignee != "" {
		if p.Show != "" && p.Show != support.ShowAll && p.Show != support.ShowOpen {
			return nil, ErrInvalid.With(map[string]string{"query.assignee": "unknown"})
		}
		f.Show, f.User = support.ShowMine, p.Assignee
	}
	out := ConversationList{Data: []Conversation{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := a.Support.Talks(tx, f, support.Page{After: p.After, Limit: limit + 1})
		if len(all) > limit {
			all = all[:limit]
			out.Next = all[limit-1].ID
		}
		for i := range all {
			out.Data = append(out.Data, showTalk(&all[i]))
		}
		return err
	})
	return ListConversations200JSONResponse(out), err
}

// GetConversation returns what was said and done, oldest first.
func (a *api) GetConversation(ctx context.Context, r GetConversationRequestObject) (GetConversationResponseObject, error) {
	out := ConversationDetail{Lines: []ConversationLine{}, Ways: []ConversationWay{}, Tickets: []Ticket{}}
	err := a.DB.Read(ctx, func(tx *db.Tx) error {
		t, err := a.Support.Talk(tx, r.ID)
		if err != nil {
			return err
		}
		out.Conversation = showTalk(&t)
		turns, err := a.Support.Turns(tx, t, r.Params.Before.UTC(), limitOf(r.Params.Limit))
		if err != nil {
			return err
		}
		for i := range turns {
			out.Lines = append(out.Lines, showTurn(&turns[i]))
		}
		ways, err := a.Support.Ways(tx, t)
		if err != nil {
			return err
		}
		for _, w := range ways {
			out.Ways = append(out.Ways, ConversationWay{Channel: string(w.Channel), To: w.To, Why: ConversationWayWhy(w.Why), WroteAt: utc(w.WroteAt)})
		}
		tickets, err := a.Support.Tickets(tx, support.TicketFilter{Talk: t.ID}, support.Page{Limit: 100})
		for i := range tickets {
			out.Tickets = append(out.Tickets, showTicket(&tickets[i]))
		}
		return err
	})
	return GetConversation200JSONResponse(out), err
}

// AnswerConversation says something to the person of a conversation, or tells what the gate would say.
func (a *api) AnswerConversation(ctx context.Context, r AnswerConversationRequestObject) (AnswerConversationResponseObject, error) {
	b := r.Body
	say := support.Answer{Talk: r.ID, Version: b.Version, To: b.To, Text: b.Text, By: by(ctx)}
	if b.Key != "" {
		say.Key = "answer:api:" + b.Key
	}
	var rec messaging.Record
	var err error
	if b.DryRun {
		err = a.DB.Read(ctx, func(tx *db.Tx) (err error) {
			rec, err = a.Support.Preview(tx, say)
			return err
		})
	} else {
		err = a.DB.Write(ctx, func(tx *db.Tx) (err error) {
			rec, err = a.Support.Answer(tx, say)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	return AnswerConversation202JSONResponse(showSent(&rec)), nil
}

// AssignConversation gives a conversation and its open tickets to a user, or to nobody.
func (a *api) AssignConversation(ctx context.Context, r AssignConversationRequestObject) (AssignConversationResponseObject, error) {
	t, err := a.changedTalk(ctx, r.ID, func(tx *db.Tx) error {
		user, err := a.userOf(tx, r.Body.Assignee)
		if err != nil {
			return err
		}
		return a.Support.Assign(tx, r.ID, user, by(ctx))
	})
	return AssignConversation200JSONResponse(t), err
}

// NoteConversation keeps words that the person never sees.
func (a *api) NoteConversation(ctx context.Context, r NoteConversationRequestObject) (NoteConversationResponseObject, error) {
	err := a.DB.Write(ctx, func(tx *db.Tx) error { return a.Support.Note(tx, r.ID, r.Body.Text, by(ctx)) })
	return NoteConversation204Response{}, err
}

// SolveConversation solves every ticket of a conversation.
func (a *api) SolveConversation(ctx context.Context, r SolveConversationRequestObject) (SolveConversationResponseObject, error) {
	var solved []string
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		solved, err = a.Support.Solve(tx, r.ID, by(ctx))
		return err
	})
	return SolveConversation200JSONResponse{Tickets: append([]string{}, solved...)}, err
}

// ReopenConversation opens tickets again.
func (a *api) ReopenConversation(ctx context.Context, r ReopenConversationRequestObject) (ReopenConversationResponseObject, error) {
	t, err := a.changedTalk(ctx, r.ID, func(tx *db.Tx) error { return a.Support.Reopen(tx, r.ID, r.Body.Tickets, by(ctx)) })
	return ReopenConversation200JSONResponse(t), err
}

// changedTalk changes a conversation and returns it as it is then.
func (a *api) changedTalk(ctx context.Context, id string, change func(tx *db.Tx) error) (out Conversation, err error) {
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		t, err := a.Support.Talk(tx, id)
		out = showTalk(&t)
		return err
	})
	return out, err
}

// userOf is the id of a user of the console who is named by id or e-mail address; empty for nobody.
func (a *api) userOf(tx *db.Tx, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	all, err := a.Auth.Users(tx)
	if err != nil {
		return "", err
	}
	for _, u := range all {
		if u.ID == name || strings.EqualFold(u.Email, name) {
			return u.ID, nil
		}
	}
	return "", ErrInvalid.With(map[string]string{"assignee": "unknown"})
}

func showTalk(t *support.Talk) Conversation {
	return Conversation{ID: t.ID, Customer: t.Customer, Market: string(t.Market), Country: string(t.Country), Lang: t.Lang, Channel: string(t.Channel), Address: t.Address,
		Order: t.Order, LastAt: utc(t.LastAt), LastText: t.LastText, LastOurs: t.LastOurs, Unread: t.Unread, WaitsSince: utc(t.WaitsAt), Assignee: t.Assignee, Tickets: t.Tickets,
		Version: t.Version}
}

func showTurn(t *support.Turn) ConversationLine {
	switch {
	case t.Out != nil:
		m := t.Out
		return ConversationLine{At: utc(t.At), Kind: LineOurs, Channel: string(m.Channel), Address: m.To, Subject: m.Subject, Text: m.Body, Message: m.ID,
			State: cmp.Or(string(m.State), "queued")}
	case t.In != nil:
		return ConversationLine{At: utc(t.At), Kind: LineTheirs, Channel: string(t.In.Channel), Address: t.In.From, Text: t.In.Text, Intent: string(t.In.Intent)}
	}
	return showMark(t.Mark)
}

func showMark(m *support.Mark) ConversationLine {
	line := ConversationLine{At: utc(m.At), Kind: LineMark, By: m.Who, What: m.What, Ticket: m.Ticket}
	if m.What == "note" {
		line.Text = m.Detail
	} else {
		line.Detail = m.Detail
	}
	return line
}

// showSent tells what became of a message that was handed over.
func showSent(m *messaging.Record) SentMessage {
	v := SentMessage{Message: showMessage(m), Verdict: SentMessageVerdict(m.Gate.Verdict), Reasons: []GateReason{}}
	for _, r := range m.Gate.Reasons {
		v.Reasons = append(v.Reasons, GateReason{Code: r.Code, Detail: r.Detail})
	}
	return v
}
