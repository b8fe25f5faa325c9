package messaging

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf16"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/messaging/smpp"
	"portolan/internal/messaging/sms"
)

// freeFor is how long after a person's last message a provider lets free words go to them.
const freeFor = 24 * time.Hour

// Hook reads a webhook of an account, without acting on it. Path is that of the request with its query; the
// address that a provider signed is made with our configured public one. An account that there isn't, or not
// with that provider, is ErrUnknownAccount.
func (s *Service) Hook(provider, account, path string, d Delivery) (Heard, error) {
	if s.lines == nil {
		return Heard{}, ErrUnknownAccount
	}
	l := s.lines.Get().all[account]
	switch {
	case l == nil || l.Provider != provider:
		return Heard{}, ErrUnknownAccount
	case l.err != nil:
		return Heard{}, l.err
	}
	d.URL = s.cfg.BaseURL + path
	return l.line.Webhook(d)
}

// Hear acts on what an account's provider told.
func (s *Service) Hear(tx *db.Tx, provider, account string, e Event) error {
	switch {
	case e.Status != nil:
		return s.told(tx, provider, *e.Status)
	case e.Said != nil:
		return s.said(tx, provider, account, *e.Said)
	}
	return nil
}

// told moves a message on, and leaves an address alone that the provider says is none or wants nothing.
func (s *Service) told(tx *db.Tx, provider string, st Status) error {
	to := ""
	if st.Attempt != "" {
		at, err := attemptByID(tx, st.Attempt)
		if err != nil && !errors.Is(err, ErrUnknown) || err == nil && at.Provider != provider {
			return err
		}
		if err == nil {
			r, err := one(tx, `id = $1`, at.Message)
			if err != nil {
				return err
			}
			to = r.To
			if st.Ref == "" {
				st.Ref = at.ID
			}
			if at.Outcome == "unknown" {
				if err := s.tookIt(tx, at, st.Ref); err != nil {
					return err
				}
			}
		}
	}
	if st.Ref == "" {
		return nil // about something that is none of ours
	}
	if to == "" {
		if refs, err := s.recipients(tx, provider, st.Ref); err != nil {
			return err
		} else if len(refs) > 0 {
			to = refs[0]
		}
	}
	if err := s.Receipt(tx, Receipt{Provider: provider, Ref: st.Ref, Phone: phoneOf(st.To), State: st.State, Code: st.Code, Raw: st.Raw, At: st.At}); err != nil {
		return err
	}
	if err := s.bill(tx, provider, st); err != nil {
		return err
	}
	if to == "" {
		return nil
	}
	switch st.Trouble {
	case BadNumber:
		return s.leaveAlone(tx, to, customer.ReasonBad, sourceOf(provider))
	case OptedOut:
		return s.OptOutChanged(tx, provider, OptOutChange{Address: to, Stopped: true, At: st.At})
	case Complained:
		if err := s.OptOutChanged(tx, provider, OptOutChange{Address: to, Stopped: true, At: st.At}); err != nil {
			return err
		}
		return s.leaveAlone(tx, to, customer.ReasonComplaint, sourceOf(provider))
	}
	return nil
}

// phoneOf is what a provider calls a recipient where that is a phone; ids of other kinds prove nothing.
func phoneOf(to string) string {
	if strings.Trim(to, "+0123456789") != "" {
		return ""
	}
	return to
}

// leaveAlone keeps everything away from an address. A browser or a chat is simply forgotten.
func (s *Service) leaveAlone(tx *db.Tx, to, reason, source string) error {
	if ours, err := dropNear(tx, to); ours {
		return err
	}
	return s.people.Suppress(tx, to, reason, source)
}

// tookIt notes that an attempt without an answer was taken after all.
func (s *Service) tookIt(tx *db.Tx, at Attempt, ref string) error {
	keys := smpp.IDKeys(ref)
	if len(keys) == 0 {
		return nil
	}
	if at.folded() {
		if err := unfold(tx, at.Message); err != nil {
			return err
		}
	}
	known, err := db.All(tx, scanRef, `select attempt, message, recipient, part, state from message_names where attempt = $1 order by part`, at.ID)
	if err != nil {
		return err
	}
	same, err := db.All(tx, db.Scalar[int64], `select part from message_names where attempt = $1 and ref = $2`, at.ID, keys[0])
	if err != nil || len(same) > 0 {
		return err
	}
	return s.Late(tx, at.ID, len(known)+1, ref)
}

// recipients are the addresses of the messages that a provider may mean by an id.
func (s *Service) recipients(tx *db.Tx, provider, ref string) ([]string, error) {
	keys := smpp.IDKeys(ref)
	if len(keys) == 0 {
		return nil, nil
	}
	own, err := db.All(tx, db.Scalar[string], `select recipient from messages where provider = $1 and ref = $2 and ref <> '' order by id desc limit 1`, provider, keys[0])
	if err != nil || len(own) > 0 {
		return own, err
	}
	return db.All(tx, db.Scalar[string], `select recipient from message_names where provider = $1 and ref = $2 order by attempt desc limit 1`, provider, keys[0])
}

// said takes what a person wrote. Parts of a longer text wait for each other.
func (s *Service) said(tx *db.Tx, provider, account string, x Said) error {
	if begun, err := s.started(tx, account, x); begun || err != nil {
		return err
	}
	in := Inbound{Provider: provider, Ref: account + ":" + x.Ref, Channel: x.Channel, From: x.From, To: x.To, Text: x.Text, OptOut: x.OptOut}
	if x.Attempt != "" {
		at, err := attemptByID(tx, x.Attempt)
		if err != nil && !errors.Is(err, ErrUnknown) {
			return err
		}
		in.Message = at.Message
	}
	piece := sms.Piece{DCS: 8, Body: utf16be(x.Text)}
	if x.Total > 1 {
		piece.Concat = sms.Concat{Ref: x.Thread, Part: x.Part, Total: x.Total}
	}
	_, err := s.ReceivePart(tx, in, piece)
	return err
}

func utf16be(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return b
}

// openUntil is until when a person may be written to in free words: a day after they wrote to us.
func openUntil(tx *db.Tx, ch Channel, to string) (time.Time, error) {
	last, err := db.All(tx, func(r db.Row) (at time.Time, err error) {
		err = r.Scan(db.Moment(&at))
		return
	}, `select at from inbound_messages where sender = $1 and channel = $2 order by id desc limit 1`, to, string(ch))
	if err != nil || len(last) == 0 {
		return time.Time{}, err
	}
	return last[0].Add(freeFor), nil
}
