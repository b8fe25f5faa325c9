package support

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/market"
	"portolan/internal/messaging"
)

// longestAnswer is how much may be said at once, in characters.
const longestAnswer = 1000

// Way is an address that an answer may go to. Why says, as a stable code, why it is offered first, or what is to be
// known of it: wrote_here_last, wrote_here, on_file, chat_closed (the provider lets nothing go there any more).
type Way struct {
	Channel messaging.Channel
	To      string
	Why     string
	WroteAt time.Time
}

// chatOpen is how long after the person wrote chats take free words.
const chatOpen = 24 * time.Hour

// Ways lists where an answer may go, the best first: where the person wrote last, where they wrote before, what is
// on file.
func (s *Service) Ways(tx *db.Tx, t Talk) (all []Way, err error) {
	known, err := addressesOf(tx, t.ID)
	if err != nil {
		return nil, err
	}
	var closed []Way
	for _, a := range known {
		w := Way{messaging.Channel(a.Channel), a.Address, "wrote_here", a.At}
		if (w.Channel == messaging.WhatsApp || w.Channel == messaging.Telegram) && tx.Now().Sub(a.At) >= chatOpen {
			w.Why = "chat_closed"
			closed = append(closed, w)
			continue
		}
		if len(all) == 0 {
			w.Why = "wrote_here_last"
		}
		all = append(all, w)
	}
	if t.Customer != "" {
		who, err := s.People.Get(tx, t.Customer)
		if err != nil && !errors.Is(err, customer.ErrUnknown) {
			return nil, err
		}
		for _, r := range []messaging.Reach{{Channel: messaging.SMS, To: who.Phone}, {Channel: messaging.Email, To: who.Email}} {
			if r.To != "" && !slices.ContainsFunc(all, func(w Way) bool { return w.To == r.To && w.Channel == r.Channel }) {
				all = append(all, Way{Channel: r.Channel, To: r.To, Why: "on_file"})
			}
		}
	}
	return append(all, closed...), nil
}

// Answer is what is to be said in a conversation. Version is the conversation's as who answers saw it; 0 takes it as it
// is. Key makes it once; To names one of the conversation's ways, empty for the best.
type Answer struct {
	Talk    string
	Version int64
	Key     string
	To      string
	Text    string
	By      string
}

// message is a as it is sent.
func (s *Service) message(tx *db.Tx, a Answer) (Talk, messaging.Message, error) {
	t, err := oneTalk(tx, `id = $1`, a.Talk)
	if err != nil {
		return t, messaging.Message{}, err
	}
	a.Text = strings.TrimSpace(strings.ReplaceAll(a.Text, "\r\n", "\n"))
	var check fault.Check
	n := len([]rune(a.Text))
	check.That(n > 0, "text", "required")
	check.That(n <= longestAnswer, "text", "too_long")
	if err := check.Err(ErrBadInput.Code); err != nil {
		return t, messaging.Message{}, err
	}
	ways, err := s.Ways(tx, t)
	if err != nil {
		return t, messaging.Message{}, err
	}
	at := slices.IndexFunc(ways, func(w Way) bool { return a.To == "" || w.To == a.To })
	if at < 0 || ways[at].To == "" {
		return t, messaging.Message{}, ErrNoWay
	}
	m := messaging.Message{Key: cmp.Or(a.Key, "answer:"+id.New("ans")), Customer: t.Customer, To: ways[at].To, Channel: ways[at].Channel, Market: t.Market,
		Lang: t.Lang, Text: a.Text, Order: t.Order, Cart: t.Cart}
	if m.Channel != messaging.SMS {
		m.Country = t.Country
	}
	return t, m, nil
}

// Preview says how an answer would look, what it would cost and what the gate would say, without sending it.
func (s *Service) Preview(tx *db.Tx, a Answer) (messaging.Record, error) {
	_, m, err := s.message(tx, a)
	if err != nil {
		return messaging.Record{}, err
	}
	r, err := s.Messages.Plan(tx, m)
	if errors.Is(err, messaging.ErrBadMessage) {
		err = fmt.Errorf("answer %s: %w: %w", m.To, err, messaging.ErrUnreachable)
	}
	return r, err
}

// Answer says something to the person of a conversation, who waits no longer; their open tickets wait for them now.
// Where something was said since Version, by them or by a colleague, it is ErrMoved and nothing is sent.
func (s *Service) Answer(tx *db.Tx, a Answer) (messaging.Record, error) {
	t, m, err := s.message(tx, a)
	if err != nil {
		return messaging.Record{}, err
	}
	if t, err = takeTalk(tx, t.ID); err != nil {
		return messaging.Record{}, err
	}
	if a.Key != "" {
		r, err := s.said(tx, t.ID, a.Key)
		if err != nil || r.ID != "" {
			return r, err
		}
	}
	if a.Version != 0 && a.Version != t.Version {
		return messaging.Record{}, ErrMoved
	}
	r, err := s.Messages.Send(tx, m)
	if errors.Is(err, messaging.ErrBadMessage) {
		err = fmt.Errorf("answer %s: %w: %w", m.To, err, messaging.ErrUnreachable)
	}
	if err != nil {
		return r, err
	}
	t.Version++
	t.LastAt, t.LastText, t.LastOurs, t.Unread, t.WaitsAt = tx.Now(), begin(a.Text), true, 0, time.Time{}
	if err := saveTalk(tx, t); err != nil {
		return r, err
	}
	if err := index(tx, t.ID, a.Text); err != nil {
		return r, err
	}
	if err := mark(tx, t.ID, "", a.By, "answered", m.Key); err != nil {
		return r, err
	}
	err = tx.Send(`update tickets set state = 'pending', answered_at = coalesce(answered_at, $2), changed_at = $2, version = version + 1
		where talk = $1 and state = 'open'`, t.ID, tx.Now())
	return r, err
}

// said finds an answer that was given under a key before: who presses the button twice says it once.
func (s *Service) said(tx *db.Tx, talk, key string) (messaging.Record, error) {
	n, err := db.One(tx, db.Scalar[int64], `select count(*) from talk_marks where talk = $1 and what = 'answered' and detail = $2`, talk, key)
	if err != nil || n == 0 {
		return messaging.Record{}, err
	}
	return s.Messages.ByKey(tx, key)
}

// Reader is somebody who has a conversation before them.
type Reader struct {
	Who    string // user
	Name   string
	Writes bool
}

// readsFor is how long after the last sign of them somebody is taken to read, or write.
const readsFor = 45 * time.Second

// Here notes that a user has a conversation before them, and whether they write.
func (s *Service) Here(tx *db.Tx, talk, user, name string, writes bool) error {
	typed := time.Time{}
	if writes {
		typed = tx.Now()
	}
	return tx.Send(`insert into talk_readers (talk, who, name, seen_at, typed_at) values ($1, $2, $3, $4, $5)
		on conflict (talk, who) do update set name = excluded.name, seen_at = excluded.seen_at, typed_at = coalesce(excluded.typed_at, talk_readers.typed_at)`,
		talk, user, name, tx.Now(), typed)
}

// Readers are those who have a conversation before them, without one user.
func (s *Service) Readers(tx *db.Tx, talk, but string) ([]Reader, error) {
	return db.All(tx, func(r db.Row) (x Reader, err error) {
		var typed time.Time
		err = r.Scan(&x.Who, &x.Name, db.Null(&typed))
		x.Writes = !typed.IsZero() && tx.Now().Sub(typed) < readsFor
		return
	}, `select who, name, typed_at from talk_readers where talk = $1 and who <> $2 and seen_at > $3 order by name, who`, talk, but, tx.Now().Add(-readsFor))
}

// Turn is one line of a conversation: something said, or something done about it.
type Turn struct {
	messaging.Turn
	Mark *Mark
}

// Turns returns the last lines of a conversation over all its channels, oldest first, before a moment; the zero moment
// is now.
func (s *Service) Turns(tx *db.Tx, t Talk, before time.Time, limit int) ([]Turn, error) {
	ways, err := s.Ways(tx, t)
	if err != nil {
		return nil, err
	}
	var to []string
	for _, w := range ways {
		to = append(to, w.To)
	}
	said, err := s.Messages.Turns(tx, to, before, limit)
	if err != nil {
		return nil, err
	}
	var all []Turn
	for _, x := range said {
		all = append(all, Turn{Turn: x})
	}
	marks, err := s.Marks(tx, t.ID)
	if err != nil {
		return nil, err
	}
	for i, m := range marks {
		late := !before.IsZero() && !m.At.Before(before)
		early := len(said) == limit && m.At.Before(said[0].At)
		if m.What != "answered" && !late && !early {
			all = append(all, Turn{Turn: messaging.Turn{At: m.At}, Mark: &marks[i]})
		}
	}
	slices.SortStableFunc(all, func(a, b Turn) int { return cmp.Or(a.At.Compare(b.At), a.place()-b.place()) })
	return all, nil
}

// place is the order of what happened at one moment: what was heard, what was done about it, what was said.
func (t Turn) place() int {
	switch {
	case t.In != nil:
		return 0
	case t.Out != nil:
		return 2
	}
	return 1
}

// zoneOf is the time zone of the person of a conversation, as far as we know.
func zoneOf(who customer.Customer, m market.Market) *time.Location {
	if who.Zone != "" {
		if z, err := time.LoadLocation(who.Zone); err == nil {
			return z
		}
	}
	return m.Location()
}

// Zone is the time zone of the person of a conversation: where they were last seen, else their market's.
func (s *Service) Zone(tx *db.Tx, t Talk) (*time.Location, error) {
	who := customer.Customer{}
	if t.Customer != "" {
		var err error
		if who, err = s.People.Get(tx, t.Customer); err != nil && !errors.Is(err, customer.ErrUnknown) {
			return nil, err
		}
	}
	m, _ := s.Markets.ByCode(t.Market)
	return zoneOf(who, m), nil
}
