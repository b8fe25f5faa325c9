package messaging

import (
	"encoding/hex"
	"errors"
	"time"

	"portolan/internal/db"
	"portolan/internal/messaging/sms"
)

// linksWork is how long the links of a message lead somewhere; unsubscribing always works.
const linksWork = 90 * 24 * time.Hour

// ByReplyToken returns the message whose reply page (/r/{token}) is asked for. Unknown tokens are ErrBadToken,
// old ones ErrOldToken.
func (s *Service) ByReplyToken(tx *db.Tx, token string) (Record, error) {
	r, err := byToken(tx, token)
	if err == nil && tx.Now().Sub(r.CreatedAt) > linksWork {
		err = ErrOldToken
	}
	return r, err
}

// ReplyByPage takes what a person wrote on the reply page of a message as if it had come from their phone.
func (s *Service) ReplyByPage(tx *db.Tx, token, text string) (Reaction, error) {
	r, err := s.ByReplyToken(tx, token)
	if err != nil {
		return Reaction{}, err
	}
	if n := len([]rune(text)); n == 0 || n > replyTextLimit {
		return Reaction{}, ErrBadReply.With(map[string]string{"text": "1_to_1000_characters"})
	}
	return s.Receive(tx, Inbound{Provider: "page", Channel: r.Channel, From: r.To, To: r.Sender, Text: text, Message: r.ID})
}

// Leave is the one-click unsubscribing of a message (/u/{token}): it silences the person on every channel.
// It may be called again and never grows too old.
func (s *Service) Leave(tx *db.Tx, token string) (Record, error) {
	r, err := byToken(tx, token)
	if err != nil {
		return r, err
	}
	if err := lockAddress(tx, r.To); err != nil {
		return r, err
	}
	_, err = s.stop(tx, r.To, "link "+r.ID)
	return r, err
}

// ByLeaveToken returns the message whose page of choices (/u/{token}) is asked for, however old it is, and whether
// its link is young enough to prove that who opens it reads what is sent to the address.
func (s *Service) ByLeaveToken(tx *db.Tx, token string) (r Record, fresh bool, err error) {
	r, err = byToken(tx, token)
	return r, err == nil && tx.Now().Sub(r.CreatedAt) <= linksWork, err
}

// tooQuick is how soon after it was sent nobody can have read a message and followed its link.
const tooQuick = time.Second

func byToken(tx *db.Tx, token string) (Record, error) {
	if len(token) != 12 {
		return Record{}, ErrBadToken
	}
	r, err := one(tx, `token = $1 and token <> ''`, token)
	if errors.Is(err, ErrUnknown) {
		err = ErrBadToken
	}
	return r, err
}

// partsWait is how long the parts of a long text from a phone wait for each other.
const partsWait = 10 * time.Minute

// ReceivePart takes one part of a text from a phone. When all parts are there it is Receive; until then the
// part is kept and the Reaction empty.
func (s *Service) ReceivePart(tx *db.Tx, in Inbound, p sms.Piece) (Reaction, error) {
	if p.Alone() {
		return s.Receive(tx, in)
	}
	if err := lockAddress(tx, in.From); err != nil {
		return Reaction{}, err
	}
	err := tx.Send(`insert into inbound_parts (provider, sender, recipient, ref, total, part, coding, body, at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (provider, sender, recipient, ref, total, part) do update set coding = excluded.coding, body = excluded.body, at = excluded.at`,
		in.Provider, in.From, in.To, int64(p.Ref), int64(p.Total), int64(p.Part), int64(p.DCS), hex.EncodeToString(p.Body), tx.Now())
	if err != nil {
		return Reaction{}, err
	}
	pieces, err := db.All(tx, func(r db.Row) (x sms.Piece, err error) {
		var part, coding int64
		var body string
		if err = r.Scan(&part, &coding, &body); err != nil {
			return x, err
		}
		x.Concat, x.DCS = p.Concat, byte(coding)
		x.Part = int(part)
		x.Body, err = hex.DecodeString(body)
		return x, err
	}, `select part, coding, body from inbound_parts where provider = $1 and sender = $2 and recipient = $3 and ref = $4 and total = $5
		and at > $6 order by part`, in.Provider, in.From, in.To, int64(p.Ref), int64(p.Total), tx.Now().Add(-partsWait))
	if err != nil {
		return Reaction{}, err
	}
	text, complete := sms.Join(pieces)
	if !complete {
		return Reaction{}, nil
	}
	err = tx.Send(`delete from inbound_parts where provider = $1 and sender = $2 and recipient = $3 and ref = $4 and total = $5`,
		in.Provider, in.From, in.To, int64(p.Ref), int64(p.Total))
	if err != nil {
		return Reaction{}, err
	}
	in.Text = text
	return s.Receive(tx, in)
}
