package messaging

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"portolan/internal/address"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/id"
	"portolan/internal/market"
)

// Intent is what an inbound text asks for.
type Intent string

const (
	IntentStop       Intent = "stop"
	IntentStart      Intent = "start"
	IntentInfo       Intent = "info" // tell me about my order
	IntentHelp       Intent = "help"
	IntentReschedule Intent = "reschedule"
	IntentAgent      Intent = "agent"
	IntentTrack      Intent = "track"
	IntentYes        Intent = "yes"
	IntentNo         Intent = "no"
	IntentRating     Intent = "rating"
	IntentUnclear    Intent = "unclear" // numbers that don't answer the open question: two of them, or none from 1 to 5
	IntentOther      Intent = "other"
)

// Inbound is a text from a person. Provider and Ref tell it from others; the rest is filled in by Receive.
type Inbound struct {
	ID       string
	Provider string
	Ref      string
	Channel  Channel
	From     string // E.164 or e-mail address
	To       string // our number
	Text     string
	Intent   Intent
	Rating   int64 // 1 to 5 with IntentRating
	Customer string
	Message  string // what it answers
	Order    string
	Cart     string
	Market   market.Code
	Country  market.Country
	Lang     string
	At       time.Time
	OptOut   Intent // IntentStop, IntentStart or IntentHelp where the provider understood it so and has answered
	Unproven bool   // nothing shows that it comes from whom it names: it can't end a silence
	Open     bool   // asks for a person; what becomes of it is package support's business
}

// Reaction is what came of an inbound text.
type Reaction struct {
	Inbound Inbound
	Answer  string // what we answered, empty if nothing
	Fresh   bool   // false for a text that had been received before
}

const (
	conversationLasts = 30 * 24 * time.Hour // how long an answer belongs to our last message
	sameTextWithin    = time.Minute         // the same words from the same phone without an id of their own are a repetition
	longestInbound    = 4000
	thankOncePer      = 24 * time.Hour
	contented         = 3               // ratings from here ask for nobody
	confirmStopWithin = 5 * time.Minute // 47 CFR 64.1200(a)(12): the one text that may follow a STOP
)

// Receive takes a text from a person: it is kept once, understood, and acted on in the same unit of work. STOP
// silences every channel at once. What is not understood waits in the inbox for a person. Inbound needs Provider,
// Channel, From and Text; Ref if the provider has one.
func (s *Service) Receive(tx *db.Tx, in Inbound) (Reaction, error) {
	if in.From == "" || in.Provider == "" {
		return Reaction{}, ErrBadReply.With(map[string]string{"from": "required"})
	}
	in.Text = strings.ToValidUTF8(strings.ReplaceAll(in.Text, "\x00", ""), "")
	if r := []rune(in.Text); len(r) > longestInbound {
		in.Text = string(r[:longestInbound])
	}
	in.ID, in.At = id.New("inb"), tx.Now()
	if err := lockAddress(tx, in.From); err != nil {
		return Reaction{}, err
	}
	if in.Ref == "" {
		if old, err := repeated(tx, in); err != nil || old.ID != "" {
			return Reaction{Inbound: old}, err
		}
		in.Ref = in.ID
	}
	about, optedOut, err := s.place(tx, &in)
	if err != nil {
		return Reaction{}, err
	}
	asked, err := s.question(tx, in, about)
	if err != nil {
		return Reaction{}, err
	}
	said := s.rules.lexicon.read(in.Text, listener{in.Lang, in.Country, optedOut, asked.Order != ""})
	said = said.to(asked, in.Text, s.pending != nil)
	if asked.Order != "" && (said.Intent == IntentRating || said.Intent == IntentUnclear || said.Intent == IntentOther) {
		in.Order = strings.TrimPrefix(asked.Order, "?")
	}
	if has([]Intent{IntentStop, IntentStart, IntentHelp}, in.OptOut) {
		said = meaning{Intent: in.OptOut}
	}
	if in.Unproven && said.Intent == IntentStart {
		said = meaning{Intent: IntentOther}
	}
	in.Intent, in.Rating, in.Open = said.Intent, int64(said.rating), said.more
	if n, err := insertInbound(tx, in); err != nil || n == 0 {
		return Reaction{Inbound: in}, err
	}
	if err := answeredBy(tx, in); err != nil {
		return Reaction{}, err
	}
	answer, err := s.react(tx, &in, about, said, optedOut)
	if err != nil {
		return Reaction{}, err
	}
	if in.Open {
		if err := tx.Send(`update inbound_messages set open = true where id = $1`, in.ID); err != nil {
			return Reaction{}, err
		}
	}
	return Reaction{in, answer, true}, s.bus.Publish(tx, ReceivedEvent{in.ID, in.From, in.To, in.Text, in.Intent, in.Customer, in.Message,
		in.Order, in.Cart, in.Market, in.Country, in.Lang, in.At, in.Rating, in.Channel, in.Open})
}

// question is what a text may answer.
func (s *Service) question(tx *db.Tx, in Inbound, about Record) (Question, error) {
	if s.pending != nil {
		return s.pending(tx, about, in.Customer)
	}
	if about.Class != Survey {
		return Question{}, nil
	}
	return Question{Order: cmp.Or(about.Order, "?")}, nil
}

// to is what a text means as an answer to a question: numbers that answer nothing are asked about once, and a number
// that nobody asked for is for a person.
func (m meaning) to(q Question, text string, known bool) meaning {
	if m.Intent != IntentRating && m.Intent != IntentOther {
		return m
	}
	switch {
	case q.Order == "" && m.Intent == IntentRating && known:
		return meaning{Intent: IntentOther}
	case q.Order == "" || !Unclear(text):
		return m
	case q.Again:
		return meaning{Intent: IntentOther}
	}
	return meaning{Intent: IntentUnclear}
}

// place finds out who writes and about what: the last message we sent them tells, else the number.
func (s *Service) place(tx *db.Tx, in *Inbound) (about Record, optedOut bool, err error) {
	if in.Message != "" {
		about, err = one(tx, `id = $1`, in.Message)
	} else {
		about, err = one(tx, `recipient = $1 and created_at > $2 and state in ('sent', 'delivered', 'read', 'unknown', 'queued')
			and class <> 'reply' order by id desc limit 1`, in.From, tx.Now().Add(-conversationLasts))
	}
	if err != nil && !errors.Is(err, ErrUnknown) {
		return about, false, err
	}
	in.Message, in.Customer, in.Order, in.Cart = about.ID, about.Customer, about.Order, about.Cart
	in.Market, in.Country, in.Lang = about.Market, about.Country, about.Lang
	if in.Country == "" {
		in.Country = market.Country(address.PhoneCountry(in.From))
	}
	if in.Market == "" {
		if m, ok := s.markets.ByCountry(in.Country); ok {
			in.Market, in.Lang = m.Code, m.Language()
		}
	}
	if in.Customer == "" {
		who, err := s.owner(tx, in.Channel, in.From)
		if err != nil {
			return about, false, err
		}
		in.Customer, in.Lang = who.ID, cmp.Or(who.Lang, in.Lang)
		in.Market, in.Country = cmp.Or(in.Market, who.Market), cmp.Or(in.Country, who.Country)
		if m, ok := s.markets.ByCountry(in.Country); ok && in.Market == "" {
			in.Market = m.Code
		}
	}
	if in.Lang == "" {
		in.Lang = "en"
	}
	silent, err := s.people.Suppressed(tx, in.From)
	return about, silent.Reason == "stop", err
}

// owner is the customer behind an address, as far as we know one.
func (s *Service) owner(tx *db.Tx, ch Channel, from string) (customer.Customer, error) {
	switch ch {
	case SMS, WhatsApp:
		people, err := s.people.ByPhone(tx, from)
		if err != nil || len(people) == 0 {
			return customer.Customer{}, err
		}
		return people[0], nil
	case Email:
		who, err := s.people.ByEmail(tx, from)
		if errors.Is(err, customer.ErrUnknown) {
			err = nil
		}
		return who, err
	}
	return customer.Customer{}, nil
}

// react does what a text asks for and returns the words of our answer. Where the provider has answered, and to whom
// asked for silence, we say nothing that wasn't asked for.
func (s *Service) react(tx *db.Tx, in *Inbound, about Record, said meaning, silent bool) (string, error) {
	switch in.Intent {
	case IntentStop:
		fresh, err := s.stop(tx, in.From, "reply "+string(in.Channel))
		if err != nil || !fresh || in.OptOut != "" {
			return "", err
		}
		return s.answer(tx, *in, "stop_confirmed", s.meantOrder(*in))
	case IntentStart:
		_, fresh, err := s.people.Restore(tx, in.From, "reply "+string(in.Channel))
		if err != nil || !fresh || in.OptOut != "" {
			return "", err
		}
		return s.answer(tx, *in, "start_confirmed", nil)
	case IntentInfo, IntentTrack:
		if s.info != nil && about.ID != "" {
			vars, err := s.info(tx, about, in.Lang)
			if err != nil {
				return "", err
			}
			if len(vars) > 0 {
				return s.answer(tx, *in, "info_reply", vars)
			}
		}
		return s.answer(tx, *in, "help", s.contact(in.Market))
	case IntentHelp:
		if in.OptOut != "" {
			return "", nil
		}
		return s.answer(tx, *in, "help", s.contact(in.Market))
	case IntentReschedule:
		if done, answer, err := s.move(tx, in); done || err != nil {
			return answer, err
		}
	case IntentUnclear:
		return "", nil // whoever asked asks again
	case IntentRating:
		if in.Rating >= contented || s.pending != nil {
			in.Open = in.Open || in.Rating < contented
			return "", nil // whoever asked says thanks, or that they are sorry
		}
	}
	in.Open = true
	if silent {
		return "", nil
	}
	template := "reply_received"
	if said.hint {
		template = "stop_hint"
	}
	thanked, err := one(tx, `recipient = $1 and template = $2 and created_at > $3 limit 1`, in.From, template, tx.Now().Add(-thankOncePer))
	if !errors.Is(err, ErrUnknown) || thanked.ID != "" {
		return "", err
	}
	return s.answer(tx, *in, template, nil)
}

// move answers a wish for another day by what the carrier can do.
func (s *Service) move(tx *db.Tx, in *Inbound) (done bool, answer string, err error) {
	if s.mover == nil {
		return false, "", nil
	}
	m, err := s.mover(tx, *in)
	if err != nil || m.Template == "" {
		return false, "", err
	}
	in.Open = m.Open
	r, err := s.Send(tx, Message{Key: m.Template + ":" + in.ID, Customer: in.Customer, To: in.From, Channel: in.Channel, Market: in.Market, Country: in.Country, Lang: in.Lang,
		Template: m.Template, Vars: m.Vars, Link: m.Link, Order: in.Order, Cart: in.Cart})
	if errors.Is(err, ErrBadMessage) {
		in.Open, err = true, nil
	}
	return true, r.Body, err
}

// meantOrder asks back, in the confirmation of a STOP, where the word is also what people say to cancel an order.
func (s *Service) meantOrder(in Inbound) map[string]string {
	vars := s.contact(in.Market)
	if in.Order == "" || vars == nil || !slices.Contains(alone, normal(in.Text)) {
		return nil
	}
	return vars
}

func (s *Service) contact(m market.Code) map[string]string {
	shop, ok := s.markets.ByCode(m)
	if !ok || shop.Contact.Email == "" {
		return nil
	}
	return map[string]string{"contact": shop.Contact.Email}
}

// answer sends a reply in the language of the conversation. Where it cannot be sent, the inbox shows why.
func (s *Service) answer(tx *db.Tx, in Inbound, template string, vars map[string]string) (string, error) {
	var notAfter time.Time
	if template == "stop_confirmed" {
		notAfter = tx.Now().Add(confirmStopWithin)
	}
	r, err := s.Send(tx, Message{Key: template + ":" + in.ID, Customer: in.Customer, To: in.From, Channel: in.Channel, Market: in.Market,
		Country: in.Country, Lang: in.Lang, Template: template, Vars: vars, Order: in.Order, Cart: in.Cart, NotAfter: notAfter})
	if errors.Is(err, ErrBadMessage) {
		return "", nil // a sender that cannot be answered: a short code, a name
	}
	return r.Body, err
}

// stop silences a person everywhere and drops what waits for them.
func (s *Service) stop(tx *db.Tx, from, source string) (fresh bool, err error) {
	all, fresh, err := s.people.StopAll(tx, from, source)
	if err != nil {
		return false, err
	}
	for _, to := range all {
		if to != from {
			if err := lockAddress(tx, to); err != nil {
				return false, err
			}
		}
		waiting, err := db.All(tx, scan, `select `+columns+` from messages where recipient = $1 and class in ('promotional', 'service')
			and state in ('held', 'queued') and (tried_at is null or sent_at is not null) and not exists (select 1 from message_tries a where a.message = messages.id and a.outcome = 'open')
			order by id`+tx.ForUpdate(), to)
		if err != nil {
			return false, err
		}
		for _, r := range waiting {
			r.State, r.Reason = Dropped, "opted_out"
			if err := s.end(tx, r); err != nil {
				return false, err
			}
		}
	}
	return fresh, nil
}

// repeated finds the same text that came from the same phone a moment ago.
func repeated(tx *db.Tx, in Inbound) (Inbound, error) {
	old, err := db.One(tx, scanInbound, `select `+inboundColumns+` from inbound_messages where sender = $1 and provider = $2 and text = $3
		and at > $4 order by id desc limit 1`, in.From, in.Provider, in.Text, tx.Now().Add(-sameTextWithin))
	if errors.Is(err, db.ErrNone) {
		err = nil
	}
	return old, err
}

const inboundColumns = `id, provider, ref, channel, sender, recipient, text, intent, rating, customer, message, order_id, cart, market, country,
	lang, at, open`

func insertInbound(tx *db.Tx, in Inbound) (int64, error) {
	return tx.Exec(`insert into inbound_messages (`+inboundColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
		$15, $16, $17, $18) on conflict do nothing`,
		in.ID, in.Provider, in.Ref, string(in.Channel), in.From, in.To, in.Text, string(in.Intent), in.Rating, in.Customer, in.Message, in.Order,
		in.Cart, string(in.Market), string(in.Country), in.Lang, in.At, in.Open)
}

func inboundByID(tx *db.Tx, id string) (Inbound, error) {
	in, err := db.One(tx, scanInbound, `select `+inboundColumns+` from inbound_messages where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return in, err
}

func scanInbound(r db.Row) (in Inbound, err error) {
	err = r.Scan(&in.ID, &in.Provider, &in.Ref, (*string)(&in.Channel), &in.From, &in.To, &in.Text, (*string)(&in.Intent), &in.Rating,
		&in.Customer, &in.Message, &in.Order, &in.Cart, (*string)(&in.Market), (*string)(&in.Country), &in.Lang, &in.At, &in.Open)
	return
}
