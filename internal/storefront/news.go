package storefront

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/web"
	"portolan/internal/web/ui"
)

// News says where news of orders goes beside phone and mailbox. Satisfied by messaging.Service.
type News interface {
	BrowserKey() string
	NewsWords(ch messaging.Channel, lang string) (words, version string)
	ChatLink(customer, lang string, now time.Time) string
	Watch(tx *db.Tx, sub messaging.Subscription, c customer.Consent) error
	Unwatch(tx *db.Tx, endpoint string, c customer.Consent) error
	Watching(tx *db.Tx, endpoint, customer string) (bool, error)
}

var errNews = fault.New(fault.Invalid, "messaging.subscription_form")

// newsView offers a buyer news of the order in this browser or in a chat. Nothing is asked before they press.
type newsView struct {
	Action, Key, Words string // of the browser; without Key there is no such way
	Chat, ChatWords    string // link to the chat, and what following it says
}

// news is what can be offered on the page of an order: nothing where the market doesn't write that way, or no account is
// switched on for it.
func (s *shop) news(at place, o order.Order) *newsView {
	if s.News == nil || o.Customer == "" || o.State == order.Cancelled || at.market.State == market.Closed {
		return nil
	}
	v := newsView{Action: at.prefix + "/orders/" + string(o.ID) + "/news"}
	if slices.Contains(at.market.ConsentChannels, string(messaging.Push)) {
		v.Key = s.News.BrowserKey()
		v.Words, _ = s.News.NewsWords(messaging.Push, at.lang)
	}
	if slices.Contains(at.market.ConsentChannels, string(messaging.Telegram)) {
		v.Chat = s.News.ChatLink(o.Customer, at.lang, s.DB.Clock().Now())
		v.ChatWords, _ = s.News.NewsWords(messaging.Telegram, at.lang)
	}
	if v.Key == "" && v.Chat == "" {
		return nil
	}
	return &v
}

// keepNews does what a browser says on the page of an order: "on" has it hear news of the buyer's orders, "off" no more,
// and anything else asks how it stands. It answers with that.
func (s *shop) keepNews(w http.ResponseWriter, r *http.Request, at place) error {
	sub := messaging.Subscription{Endpoint: r.PostForm.Get("endpoint"), P256DH: r.PostForm.Get("p256dh"), Auth: r.PostForm.Get("auth")}
	if sub.Endpoint == "" || len(sub.Endpoint) > 1000 || len(sub.P256DH) > 200 || len(sub.Auth) > 100 {
		return errNews
	}
	var answer struct {
		On bool `json:"on"`
	}
	work := func(tx *db.Tx) error {
		o, err := s.Orders.Get(tx, order.ID(r.PathValue("id")))
		if err != nil {
			return err
		}
		c := customer.Consent{Customer: o.Customer, Lang: at.lang, Market: at.market.Code, Page: "/orders", Source: "order page", IPDigest: s.ipDigest(r)}
		switch r.PostForm.Get("do") {
		case "on":
			if v := s.news(at, o); v == nil || v.Key == "" {
				return errNews
			}
			err = s.News.Watch(tx, sub, c)
		case "off":
			err = s.News.Unwatch(tx, sub.Endpoint, c)
		}
		if err != nil {
			return err
		}
		answer.On, err = s.News.Watching(tx, sub.Endpoint, o.Customer)
		return err
	}
	run := s.DB.Write
	if do := r.PostForm.Get("do"); do != "on" && do != "off" {
		run = s.DB.Read
	}
	if s.News == nil {
		return web.ErrNoPage
	}
	if err := run(r.Context(), work); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.JSON(w, http.StatusOK, answer)
}

// worker serves the script that shows notices while no page of the shop is open. It stands under one plain name at the
// root, because a browser knows it by its address and looks there for a newer one: it is asked about each time.
func worker() (http.HandlerFunc, error) {
	body, err := fs.ReadFile(ui.Files(), "notices.js")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	etag, zipped := `"`+base64.RawURLEncoding.EncodeToString(sum[:9])+`"`, web.Gzip(bytes.Clone(body))
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("Etag", etag)
		web.Deliver(w, r, http.StatusOK, etag, body, zipped)
	}, nil
}
