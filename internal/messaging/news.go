package messaging

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/i18n"
)

// BrowserLine is a Line to browsers, which let in only whom they know by a key.
type BrowserLine interface {
	// ServerKey is what the shop's pages give to browsers as applicationServerKey.
	ServerKey() string
}

// ChatLine is a Line on which people begin the talk.
type ChatLine interface {
	// StartLink opens the chat and hands the token back with the first word; empty where the account has no name to link to.
	StartLink(token string) string
}

const (
	startWithin = 7 * 24 * time.Hour // how long the link to a chat works: our own choice
	startProof  = 24                 // hex digits of the proof: what is told to a bot is at most 64 signs
	mostNear    = 5                  // browsers or chats of one person that are written to
)

// BrowserKey is the key under which browsers let the shop in; empty where no account with a push service is switched on.
func (s *Service) BrowserKey() string {
	for _, r := range s.accountRoutes("") {
		if l, ok := r.Carrier.(BrowserLine); ok && r.Channel == Push {
			return l.ServerKey()
		}
	}
	return ""
}

// NewsWords are the words that a person agrees to who wants news of their orders in a browser or a chat, and the version
// that they are recorded under.
func (s *Service) NewsWords(ch Channel, lang string) (words, version string) {
	words = i18n.For(lang).T("news.words_"+string(ch), "brand", s.cfg.Brand)
	sum := sha256.Sum256([]byte(words))
	return words, "news." + string(ch) + "/built-in-" + hex.EncodeToString(sum[:4])
}

// Watch keeps a browser in which a customer wants news of their orders, with the event that says so. Of c it needs the
// customer, the language and the market, and where it was asked.
func (s *Service) Watch(tx *db.Tx, sub Subscription, c customer.Consent) error {
	sub.Customer, sub.Lang = c.Customer, c.Lang
	to, err := s.Subscribe(tx, sub)
	if err != nil {
		return err
	}
	c.Address, c.Channel = to, customer.Channel(Push)
	return s.agreed(tx, c)
}

// Unwatch forgets a customer's browser, with the event that says so. One that isn't theirs stays.
func (s *Service) Unwatch(tx *db.Tx, endpoint string, c customer.Consent) error {
	sub, err := s.watching(tx, endpoint, c.Customer)
	if err != nil || sub.ID == "" {
		return err
	}
	c.Address, c.Channel, c.Class, c.Action = sub.Address(), customer.Channel(Push), customer.OrderNews, customer.Revoke
	c.Text, c.Wording = s.NewsWords(Push, c.Lang)
	if _, err := s.people.Record(tx, c); err != nil {
		return err
	}
	return unsubscribe(tx, sub.Address())
}

// Watching reports whether news of a customer's orders goes to a browser.
func (s *Service) Watching(tx *db.Tx, endpoint, who string) (bool, error) {
	sub, err := s.watching(tx, endpoint, who)
	if err != nil || sub.ID == "" {
		return false, err
	}
	st, err := s.people.Allowed(tx, sub.Address(), customer.Channel(Push), customer.OrderNews)
	return st.Granted, err
}

func (s *Service) watching(tx *db.Tx, endpoint, who string) (Subscription, error) {
	all, err := s.Subscriptions(tx, who)
	if i := slices.IndexFunc(all, func(x Subscription) bool { return x.Endpoint == endpoint }); i >= 0 && who != "" {
		return all[i], err
	}
	return Subscription{}, err
}

func (s *Service) agreed(tx *db.Tx, c customer.Consent) error {
	c.Class, c.Action = customer.OrderNews, customer.Grant
	c.Text, c.Wording = s.NewsWords(Channel(c.Channel), c.Lang)
	_, err := s.people.GrantHere(tx, c)
	return err
}

// ChatLink leads a customer into the chat with the shop's bot, where their first word proves that they came from here. It
// is empty where no such account is switched on.
func (s *Service) ChatLink(who, lang string, now time.Time) string {
	id, ok := strings.CutPrefix(who, "cus_")
	for _, r := range s.accountRoutes("") {
		l, can := r.Carrier.(ChatLine)
		if !can || r.Channel != Telegram || !ok {
			continue
		}
		head := id + "-" + lang + "-" + strconv.FormatInt(now.Add(startWithin).Unix()/60, 36)
		if proof := s.startProof(r.Name, head, lang); proof != "" {
			return l.StartLink(head + "-" + proof)
		}
	}
	return ""
}

// startProof ties a start of a chat to the account, the customer, the day and the words that were shown.
func (s *Service) startProof(account, head, lang string) string {
	words, _ := s.NewsWords(Telegram, lang)
	d := s.people.Digest("chat start", account+"\n"+head+"\n"+words)
	return d[:min(len(d), startProof)]
}

// started binds a chat to the customer who opened it from the page of an order. It is false for a first word without a
// token, or with one that isn't ours or is too old.
func (s *Service) started(tx *db.Tx, account string, x Said) (bool, error) {
	token, ok := strings.CutPrefix(x.Text, "/start ")
	if !ok || x.Channel != Telegram || len(token) > 64 || !chatForm.MatchString(x.From) {
		return false, nil
	}
	parts := strings.Split(token, "-")
	if len(parts) < 4 {
		return false, nil
	}
	n := len(parts)
	id, lang, proof := parts[0], strings.Join(parts[1:n-2], "-"), parts[n-1]
	until, err := strconv.ParseInt(parts[n-2], 36, 64)
	want := s.startProof(account, strings.Join(parts[:n-1], "-"), lang)
	if err != nil || want == "" || subtle.ConstantTimeCompare([]byte(want), []byte(proof)) != 1 || until < tx.Now().Unix()/60 {
		return false, nil
	}
	who, err := s.people.Get(tx, "cus_"+id)
	if errors.Is(err, customer.ErrUnknown) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	who.ID = "cus_" + id // what is kept is kept under the profile that opened the chat
	if err := lockAddress(tx, x.From); err != nil {
		return false, err
	}
	err = tx.Send(`insert into chats (chat, account, customer, lang, at) values ($1, $2, $3, $4, $5)
		on conflict (chat) do update set account = excluded.account, customer = excluded.customer, lang = excluded.lang, at = excluded.at`,
		x.From, account, who.ID, lang, tx.Now())
	if err != nil {
		return false, err
	}
	err = s.agreed(tx, customer.Consent{Customer: who.ID, Address: x.From, Channel: customer.Telegram, Lang: lang, Market: who.Market,
		Page: "orders", Source: "telegram start"})
	if err != nil {
		return false, err
	}
	_, err = s.Send(tx, Message{Key: "chat:" + account + ":" + x.Ref, Customer: who.ID, To: x.From, Channel: Telegram, Market: who.Market, Country: who.Country,
		Lang: lang, Text: i18n.For(lang).T("news.telegram_began", "brand", s.cfg.Brand)})
	if fault.Of(err).Kind == fault.Invalid && err != nil {
		return true, nil
	}
	return true, err
}

// Near lists where a person hears news of their orders beside phone and mailbox: WhatsApp at their phone, chats and
// browsers, the latest first. What they took back, there or by a STOP anywhere, is not among them.
func (s *Service) Near(tx *db.Tx, who, phone string) (all []Reach, err error) {
	add := func(ch Channel, to string, classes ...customer.Class) error {
		for _, cl := range classes {
			st, err := s.people.Allowed(tx, to, customer.Channel(ch), cl)
			if err != nil {
				return err
			}
			if st.Granted {
				all = append(all, Reach{ch, to})
				return nil
			}
		}
		return nil
	}
	if phone != "" {
		if err := add(WhatsApp, phone, customer.OrderNews, customer.Promotional); err != nil {
			return nil, err
		}
	}
	if who == "" {
		return all, nil
	}
	ids, err := s.people.IDs(tx, who)
	if err != nil {
		return nil, err
	}
	chats, err := db.All(tx, db.Scalar[string], `select chat from chats where customer in `+db.In(2, len(ids))+` order by at desc, chat limit 0 + $1`,
		append([]any{int64(mostNear)}, db.Fill(ids)...)...)
	if err != nil {
		return nil, err
	}
	for _, chat := range chats {
		if err := add(Telegram, chat, customer.OrderNews); err != nil {
			return nil, err
		}
	}
	subs, err := s.Subscriptions(tx, who)
	if err != nil {
		return nil, err
	}
	slices.Reverse(subs)
	for _, sub := range subs[:min(len(subs), mostNear)] {
		if err := add(Push, sub.Address(), customer.OrderNews); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// dropNear forgets a browser or a chat that nothing arrives at any more. It is false for other addresses, which stay ours.
func dropNear(tx *db.Tx, to string) (bool, error) {
	switch {
	case strings.HasPrefix(to, pushPrefix):
		return true, unsubscribe(tx, to)
	case chatForm.MatchString(to):
		return true, tx.Send(`delete from chats where chat = $1`, to)
	}
	return false, nil
}
