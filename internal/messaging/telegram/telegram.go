// Package telegram sends by a Telegram bot to people who began to talk with it.
package telegram

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/wire"
)

// Provider is the Telegram Bot API.
var Provider = messaging.Provider{
	Name: "telegram", Title: "Telegram", Base: "https://api.telegram.org", Channels: channels, Kinds: kinds, NoSender: true,
	Fields: []messaging.Field{
		{Name: "bot_token", Secret: true, Check: func(s string) bool {
			id, _, ok := strings.Cut(s, ":")
			return ok && strings.Trim(id, "0123456789") == ""
		}},
		{Name: "hook_secret", Secret: true, Made: func() string { return rand.Text() }},
		{Name: "bot_name", Optional: true, Check: name.MatchString},
	},
	Open: open,
}

var (
	channels = []messaging.Channel{messaging.Telegram}
	kinds    = []messaging.Kind{messaging.Bot}
)

// name is how people find a bot.
var name = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{3,30}$`)

// longestText is the longest text of a message, in UTF-16 units.
const longestText = 4096

type line struct {
	messaging.ProviderAccount
	messaging.Tools
	api *wire.Client
}

func open(a messaging.ProviderAccount, t messaging.Tools) (messaging.Line, error) {
	return &line{a, t, wire.New(a.Base, 0)}, nil
}

// StartLink implements messaging.ChatLine.
func (l *line) StartLink(token string) string {
	if l.Values["bot_name"] == "" {
		return ""
	}
	return "https://t.me/" + l.Values["bot_name"] + "?start=" + token
}

// Capabilities implements messaging.Line.
func (l *line) Capabilities(market.Country) messaging.Capabilities {
	return messaging.Capabilities{Channels: channels, Kinds: kinds, TwoWay: true, MaxRate: 30}
}

type request struct {
	Chat string `json:"chat_id"`
	Text string `json:"text"`
}

// Send implements messaging.Carrier. Taken is all that Telegram ever says of a message.
func (l *line) Send(ctx context.Context, p messaging.Parcel) (messaging.Taken, error) {
	if len(utf16.Encode([]rune(p.Text))) > longestText {
		return messaging.Taken{}, &messaging.Refusal{Trouble: messaging.OtherRoute, Code: "too_long", Err: errors.New("longer than a message may be")}
	}
	body, err := json.Marshal(request{p.To, p.Text})
	if err != nil {
		return messaging.Taken{}, err
	}
	a, err := l.api.Do(ctx, wire.Request{Method: "POST", Path: "/bot" + l.Values["bot_token"] + "/sendMessage", Body: body, Header: map[string]string{"Content-Type": "application/json"}})
	if err != nil {
		return messaging.Taken{}, err
	}
	var answer struct {
		OK     bool `json:"ok"`
		Result struct {
			ID int64 `json:"message_id"`
		} `json:"result"`
		Code       int    `json:"error_code"`
		Text       string `json:"description"`
		Parameters struct {
			After int64 `json:"retry_after"`
		} `json:"parameters"`
	}
	err = json.Unmarshal(a.Body, &answer)
	switch {
	case a.OK() && (err != nil || !answer.OK || answer.Result.ID == 0):
		return messaging.Taken{}, fmt.Errorf("taken without an id: %s", wire.Clip(string(a.Body)))
	case a.OK():
		return messaging.Taken{IDs: []string{p.To + "." + strconv.FormatInt(answer.Result.ID, 10)}, Parts: 1, Final: true}, nil
	case err != nil || answer.Code == 0:
		return messaging.Taken{}, a.Refuse("")
	}
	no := func(t messaging.Trouble) error {
		return &messaging.Refusal{Trouble: t, Code: strconv.Itoa(answer.Code), After: time.Duration(min(max(answer.Parameters.After, 0), 86400)) * time.Second, Err: errors.New(wire.Clip(answer.Text))}
	}
	text := strings.ToLower(answer.Text)
	switch {
	case answer.Code == 403 && strings.Contains(text, "blocked"):
		return messaging.Taken{}, no(messaging.OptedOut)
	case answer.Code == 403, strings.Contains(text, "chat not found"), strings.Contains(text, "deactivated"):
		return messaging.Taken{}, no(messaging.BadNumber)
	case answer.Code == 429:
		return messaging.Taken{}, no(messaging.Again)
	case answer.Code == 401, answer.Code == 404:
		return messaging.Taken{}, no(messaging.Account)
	}
	return messaging.Taken{}, a.Refuse(strconv.Itoa(answer.Code))
}

// Webhook implements messaging.Line: what people write, and that they have blocked the bot.
func (l *line) Webhook(d messaging.Delivery) (messaging.Heard, error) {
	secret := l.Values["hook_secret"]
	if secret == "" || subtle.ConstantTimeCompare([]byte(d.Get("X-Telegram-Bot-Api-Secret-Token")), []byte(secret)) != 1 {
		return messaging.Heard{}, messaging.ErrForged
	}
	type chat struct {
		ID   int64  `json:"id"`
		Type string `json:"type"`
	}
	var u struct {
		ID      int64 `json:"update_id"`
		Message *struct {
			Chat chat   `json:"chat"`
			Date int64  `json:"date"`
			Text string `json:"text"`
		} `json:"message"`
		Member *struct {
			Chat chat  `json:"chat"`
			Date int64 `json:"date"`
			New  struct {
				Status string `json:"status"`
			} `json:"new_chat_member"`
		} `json:"my_chat_member"`
	}
	if err := json.Unmarshal(d.Body, &u); err != nil || u.ID == 0 {
		return messaging.Heard{}, fmt.Errorf("no update: %w", messaging.ErrGarbled)
	}
	said := &messaging.Said{Ref: strconv.FormatInt(u.ID, 10), Channel: messaging.Telegram, To: l.ID}
	switch {
	case u.Message != nil && u.Message.Chat.Type == "private" && u.Message.Text != "":
		said.From, said.Text, said.At = strconv.FormatInt(u.Message.Chat.ID, 10), command(u.Message.Text), time.Unix(u.Message.Date, 0).UTC()
	case u.Member != nil && u.Member.Chat.Type == "private" && u.Member.New.Status == "kicked":
		said.From, said.Text, said.OptOut, said.At = strconv.FormatInt(u.Member.Chat.ID, 10), "/stop", messaging.IntentStop, time.Unix(u.Member.Date, 0).UTC()
	default:
		return messaging.Heard{}, nil
	}
	return messaging.Heard{Events: []messaging.Event{{Said: said}}}, nil
}

// command takes the bot's name off "/stop@shop_bot".
func command(text string) string {
	if !strings.HasPrefix(text, "/") {
		return text
	}
	word, rest, _ := strings.Cut(text, " ")
	word, _, _ = strings.Cut(word, "@")
	return strings.TrimSpace(word + " " + rest)
}
