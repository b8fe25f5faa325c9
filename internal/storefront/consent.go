package storefront

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/web"
)

// Consents is satisfied by customer.Service.
type Consents interface {
	Confirm(tx *db.Tx, token, ipDigest string) (customer.Consent, error)
	Asked(tx *db.Tx, token string) (customer.Consent, error)
	CurrentWording(tx *db.Tx, m market.Code, lang string, ch customer.Channel, cl customer.Class) (customer.Wording, bool, error)
	WordingNamed(tx *db.Tx, m market.Code, lang string, ch customer.Channel, cl customer.Class, version int64) (customer.Wording, bool, error)
	Choices(tx *db.Tx, address string) ([]customer.Choice, error)
	Choose(tx *db.Tx, address string, fresh bool, c customer.Chosen) error
	Digest(what, value string) string
}

// consentBox is one box to tick: what stands beside it, and which version of it that is.
type consentBox struct {
	Name, Wording, Version string
	Checked                bool

	channel customer.Channel
}

// consents are the boxes the market asks for, one per channel, with the merchant's latest wording or our own.
func (s *shop) consents(r *http.Request, at place) (out []consentBox, err error) {
	err = s.DB.Read(r.Context(), func(tx *db.Tx) error {
		for _, ch := range boxed(at.market) {
			b, ok, err := s.box(tx, at, customer.Channel(ch), "")
			if err != nil {
				return err
			}
			if ok {
				out = append(out, b)
			}
		}
		return nil
	})
	return out, err
}

// boxed are the channels that a box is ticked for. A browser or a chat is asked about where it can answer for itself.
func boxed(m market.Market) (all []string) {
	for _, ch := range m.ConsentChannels {
		if ch != string(customer.Push) && ch != string(customer.Telegram) {
			all = append(all, ch)
		}
	}
	return all
}

// box is the box of a channel as it is shown now, or as it was shown in a version. It is false where there are no
// words for it, or not that version.
func (s *shop) box(tx *db.Tx, at place, ch customer.Channel, version string) (b consentBox, ok bool, err error) {
	b = consentBox{Name: "consent_" + string(ch), channel: ch}
	own := s.ownWording(at, ch)
	w, found, err := s.Consents.CurrentWording(tx, at.market.Code, at.lang, ch, customer.Promotional)
	switch {
	case err != nil:
		return b, false, err
	case version == "" && found || found && version == w.Name():
		b.Wording, b.Version = w.Text, w.Name()
	case own != "" && (version == "" || version == ownVersion(ch, own)):
		b.Wording, b.Version = own, ownVersion(ch, own)
	default:
		_, number, _ := strings.Cut(version, "/")
		n, e := strconv.ParseInt(number, 10, 64)
		if e != nil {
			return b, false, nil
		}
		if w, found, err = s.Consents.WordingNamed(tx, at.market.Code, at.lang, ch, customer.Promotional, n); err != nil || !found {
			return b, false, err
		}
		b.Wording, b.Version = w.Text, w.Name()
	}
	if at.market.DoubleOptIn {
		b.Wording += at.say.T("checkout.consent_double")
	}
	return b, true, nil
}

// ownWording is what Portolan says where the merchant has published nothing.
func (s *shop) ownWording(at place, ch customer.Channel) string {
	if key := "checkout.consent_" + string(ch); at.say.Has(key) {
		return at.say.T(key, "brand", s.Brand.Name)
	}
	return ""
}

// ownVersion names a text of ours by what it says.
func ownVersion(ch customer.Channel, text string) string {
	sum := sha256.Sum256([]byte(text))
	return "checkout." + string(ch) + "/built-in-" + hex.EncodeToString(sum[:4])
}

// answers are what was ticked on the form, with the words that stood beside it when it was shown. Words that nobody
// can show any more, because the shop was renewed in between, are shown again.
func (s *shop) answers(r *http.Request, at place) (out []checkout.Consent, err error) {
	err = s.DB.Read(r.Context(), func(tx *db.Tx) error {
		for _, channel := range boxed(at.market) {
			ch := customer.Channel(channel)
			name := "consent_" + channel
			b, ok, err := s.box(tx, at, ch, r.PostForm.Get(name+"_words"))
			if err != nil {
				return err
			}
			ticked := r.PostForm.Get(name) == "1"
			if !ok && ticked {
				r.PostForm.Del(name)
				return checkout.ErrInvalid.With(map[string]string{"consent." + channel: "wording_changed"})
			}
			if ok {
				out = append(out, checkout.Consent{Channel: ch, Class: customer.Promotional, Granted: ticked, Text: b.Wording, Wording: b.Version})
			}
		}
		return nil
	})
	return out, err
}

// choicesView is the page of what a person hears.
type choicesView struct {
	Title  string
	Intro  string
	Action string
	Groups []choiceGroup
	Old    bool // the link proves nothing any more: what is ticked has to be confirmed
}

type choiceGroup struct {
	Title string
	Boxes []choiceBox
}

type choiceBox struct {
	Name, Text  string
	On, Waiting bool
}

// choices are what the person a message went to hears now.
func (s *shop) choices(tx *db.Tx, at place, m messaging.Record) (groups []choiceGroup, err error) {
	all, err := s.Consents.Choices(tx, m.To)
	last := ""
	for _, c := range all {
		if c.Address != last {
			last = c.Address
			groups = append(groups, choiceGroup{Title: at.say.T("reply.prefs_"+string(c.Channel), "address", masked(c.Address))})
		}
		g := &groups[len(groups)-1]
		g.Boxes = append(g.Boxes, choiceBox{Name: c.Key(), Text: at.say.T("reply.prefs_" + string(c.Class)), On: c.On, Waiting: c.Asked})
	}
	return groups, err
}

// masked shows enough of an address for its owner to know it.
func masked(address string) string {
	if name, domain, ok := strings.Cut(address, "@"); ok {
		first := []rune(name)[:1]
		return string(first) + "•••@" + domain
	}
	if len(address) < 8 {
		return "•••"
	}
	return "\u200e" + address[:4] + " ••• " + address[len(address)-2:]
}

// unsubscribePage shows what a person hears, with a button that ends it all.
func (s *shop) unsubscribePage(w http.ResponseWriter, r *http.Request) error {
	v := choicesView{Action: "/u/" + r.PathValue("token")}
	var at place
	err := s.DB.Read(r.Context(), func(tx *db.Tx) error {
		m, fresh, err := s.Replies.ByLeaveToken(tx, r.PathValue("token"))
		if err != nil {
			return err
		}
		at, v.Old = s.placeOf(r, m), !fresh
		v.Intro = at.say.T("reply.prefs_intro", "address", masked(m.To))
		v.Groups, err = s.choices(tx, at, m)
		return err
	})
	if err != nil {
		return err
	}
	p := s.newPage(at, "/", at.say.T("reply.prefs_title", "brand", s.Brand.Name))
	p.Focused, p.NoIndex = true, true
	v.Title = p.Title
	p.Data = v
	w.Header().Set("Cache-Control", "no-store")
	return s.show(w, r, http.StatusOK, "choices", p)
}

// unsubscribe ends everything: it is also what a mail program calls by itself for a List-Unsubscribe header. With
// "choose" it keeps what was ticked instead.
func (s *shop) unsubscribe(w http.ResponseWriter, r *http.Request) error {
	if r.PostForm.Get("choose") == "1" {
		return s.keepChoices(w, r)
	}
	var m messaging.Record
	err := s.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		m, err = s.Replies.Leave(tx, r.PathValue("token"))
		return err
	})
	if err != nil {
		return err
	}
	return s.say(w, r, s.placeOf(r, m), "reply.left")
}

func (s *shop) keepChoices(w http.ResponseWriter, r *http.Request) error {
	var at place
	err := s.DB.Write(r.Context(), func(tx *db.Tx) error {
		m, fresh, err := s.Replies.ByLeaveToken(tx, r.PathValue("token"))
		if err != nil {
			return err
		}
		at = s.placeOf(r, m)
		c := customer.Chosen{On: map[string]bool{}, Texts: map[string]string{}, Lang: at.lang, Market: at.market.Code, Page: "/u", IPDigest: s.ipDigest(r)}
		groups, err := s.choices(tx, at, m)
		if err != nil {
			return err
		}
		for _, g := range groups {
			for _, b := range g.Boxes {
				c.On[b.Name], c.Texts[b.Name] = r.PostForm.Get(b.Name) == "1", g.Title+": "+b.Text
			}
		}
		c.Wording = ownVersion("preferences", at.say.T("reply.prefs_promotional")+at.say.T("reply.prefs_service"))
		return s.Consents.Choose(tx, m.To, fresh, c)
	})
	if err != nil {
		return err
	}
	return s.say(w, r, at, "reply.prefs_saved")
}

// confirmPage asks for the second step of a double opt-in by a button: programs that look at links in mails must
// not be able to give consent. It shows the words that were agreed to.
func (s *shop) confirmPage(w http.ResponseWriter, r *http.Request, at place) error {
	var asked customer.Consent
	err := s.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		asked, err = s.Consents.Asked(tx, r.PathValue("token"))
		return err
	})
	if err != nil {
		return err
	}
	p := s.newPage(at, "/", at.say.T("reply.confirm_title", "brand", s.Brand.Name))
	p.Focused, p.NoIndex = true, true
	p.Data = messageView{Title: p.Title, Text: at.say.T("reply.confirm_text"), Quote: asked.Text, QuoteLang: asked.Lang,
		Form: &formView{Action: at.prefix + "/confirm/" + r.PathValue("token"), Button: at.say.T("reply.confirm_button")}}
	return s.show(w, r, http.StatusOK, "message", p)
}

func (s *shop) confirm(w http.ResponseWriter, r *http.Request, at place) error {
	err := s.DB.Write(r.Context(), func(tx *db.Tx) error {
		_, err := s.Consents.Confirm(tx, r.PathValue("token"), s.ipDigest(r))
		return err
	})
	if err != nil {
		return err
	}
	return s.say(w, r, at, "reply.confirmed")
}

// ipDigest proves later that an address we are told of is the one consent came from, without keeping it.
func (s *shop) ipDigest(r *http.Request) string {
	return s.Consents.Digest("ip", web.IP(r, s.Proxy).String())
}
