package admin

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"portolan/internal/address"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/messaging/smsc"
)

type handsetsView struct {
	Shelves []shelf
	Filter  []choice
	Off     bool // no network of our own runs here
}

// shelf holds the phones of one country.
type shelf struct {
	Country string
	Name    string
	Phones  []handset
}

type handset struct {
	smsc.Phone
	E164   string
	Title  string
	Where  string // the country's name
	Local  string // time of day where the phone is
	Texts  []bubble
	To     string // who an answer goes to; empty where nobody can be answered
	Sender string
	OneWay bool
	Reply  string // the page where a one-way message can be answered
}

// bubble is a text on a phone, the latest first: the column on the screen runs upwards.
type bubble struct {
	smsc.Text
	Mine   bool
	Pieces []piece
	Cost   string
	Parts  int64
	URL    string // of the message in the console
	Local  string // time of day on the phone
	Lang   string // empty where nobody knows
}

// unused is how many phones of a country are shown that never had a text.
const unused = 2

func (c *console) handsets(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_handsets")
	v := handsetsView{Off: c.Handsets == nil}
	p.Data = v
	if v.Off {
		return nil
	}
	p.Live.Every = "1500ms"
	only := p.Q("market")
	v.Filter = []choice{{"", p.T("console.all_phones"), only == ""}}
	shelves := map[string]*shelf{}
	for _, m := range c.selling() {
		country := string(m.Country())
		v.Filter = append(v.Filter, choice{string(m.Code), p.CountryName(country), only == string(m.Code)})
		if only == "" || only == string(m.Code) {
			shelves[country] = &shelf{Country: country, Name: p.CountryName(country)}
		}
	}
	phones := c.Handsets.Phones()
	arrange(phones, p.Q("order"))
	for _, phone := range phones {
		s := shelves[phone.Country]
		if s == nil && only == "" {
			s = &shelf{Country: phone.Country, Name: p.CountryName(phone.Country)}
			shelves[phone.Country] = s
		}
		if s == nil || only == "" && phone.Count == 0 && len(s.Phones) >= unused {
			continue
		}
		h, err := c.handset(tx, p, phone)
		if err != nil {
			return err
		}
		s.Phones = append(s.Phones, h)
	}
	for _, m := range c.selling() {
		if s := shelves[string(m.Country())]; s != nil {
			v.Shelves = append(v.Shelves, *s)
			delete(shelves, s.Country)
		}
	}
	for _, country := range slices.Sorted(maps.Keys(shelves)) {
		v.Shelves = append(v.Shelves, *shelves[country])
	}
	place := map[string]int{}
	var order []string
	for i, phone := range phones {
		place[phone.Number] = i
		if phone.Count > 0 {
			order = append(order, phone.Number)
		}
	}
	first := func(s shelf) int {
		if len(s.Phones) == 0 || s.Phones[0].Count == 0 {
			return len(phones)
		}
		return place[s.Phones[0].Number]
	}
	slices.SortStableFunc(v.Shelves, func(a, b shelf) int { return cmp.Compare(first(a), first(b)) })
	p.keep = strings.Join(order, ",")
	p.Data = v
	return nil
}

// arrange keeps phones where the page first showed them, so that none moves away under a hand that types; those
// it hasn't shown follow.
func arrange(phones []smsc.Phone, order string) {
	if order == "" {
		return
	}
	place := map[string]int{}
	for i, number := range strings.Split(order, ",") {
		place[number] = i - len(order)
	}
	slices.SortStableFunc(phones, func(a, b smsc.Phone) int { return cmp.Compare(place[a.Number], place[b.Number]) })
}

func (c *console) handset(tx *db.Tx, p *page, phone smsc.Phone) (handset, error) {
	h := handset{Phone: phone, E164: "+" + phone.Number, Where: p.CountryName(phone.Country)}
	h.Title = first(phone.Name, address.International(h.E164))
	zones := address.ZoneOf(h.E164, "", "")
	if m, ok := c.Markets.ByCountry(market.Country(phone.Country)); ok && (len(zones) == 0 || slices.Contains(zones, m.Zone)) {
		zones = []string{m.Zone}
	}
	zone := c.Zone.String()
	if len(zones) > 0 {
		zone = zones[0]
	}
	h.Local = p.In(zone, p.Now)
	texts := c.Handsets.Messages(phone.Number)
	if len(texts) == 0 {
		return h, nil
	}
	sent, err := c.Messages.List(tx, messaging.Filter{To: h.E164}, messaging.Page{Limit: 100})
	if err != nil {
		return h, err
	}
	for _, t := range slices.Backward(texts) {
		b := bubble{Text: t, Mine: t.Direction == smsc.Written, Pieces: p.Pieces(t.Text), Parts: int64(t.Parts), Local: p.In(zone, later(t.At, t.DeliveredAt))}
		if i := slices.IndexFunc(sent, func(r messaging.Record) bool { return r.Body == t.Text }); i >= 0 && !b.Mine {
			b.Cost, b.URL, b.Lang = p.Cost(sent[i].Cost), "/console/messages/"+sent[i].ID, sent[i].Lang
		}
		h.Texts = append(h.Texts, b)
		if b.Mine || h.Sender != "" {
			continue
		}
		h.Sender, h.OneWay = t.From, t.OneWay
		if !t.OneWay {
			h.To = t.From
			continue
		}
		for _, piece := range b.Pieces {
			if piece.URL != "" {
				h.Reply = piece.URL
			}
		}
	}
	return h, nil
}

// replyAs writes a text on a phone.
func (c *console) replyAs(w http.ResponseWriter, r *http.Request, p *page) (string, error) {
	if c.Handsets == nil {
		return "", errNoPage
	}
	said := ""
	for _, s := range r.PostForm["text"] {
		said = first(said, strings.TrimSpace(s))
	}
	number := r.PathValue("number")
	if said == "" {
		return "/console/handsets#p" + number, nil
	}
	if _, err := c.Handsets.Reply(number, r.PostForm.Get("to"), cut(said, 600)); err != nil {
		return "", err
	}
	return done(back(r), "replied") + "#p" + number, nil
}

type mailsView struct {
	Mails []Mail
	Off   bool
}

func (c *console) mails(_ *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_mails")
	v := mailsView{Off: c.Mails == nil}
	if !v.Off {
		v.Mails = c.Mails.List()
		p.Live.Every = "3s"
	}
	p.Data = v
	return nil
}

var errNoMail = fault.New(fault.NotFound, "console.no_mail")

func (c *console) findMail(r *http.Request) (Mail, error) {
	if c.Mails == nil {
		return Mail{}, errNoMail
	}
	m, ok := c.Mails.Get(r.PathValue("id"))
	if !ok {
		return m, errNoMail
	}
	return m, nil
}

type mailView struct {
	Mail
	Pieces []piece
}

func (c *console) mail(_ *db.Tx, r *http.Request, p *page) error {
	m, err := c.findMail(r)
	p.Title, p.Data = first(m.Subject, p.T("console.no_subject")), mailView{m, p.Pieces(m.Text)}
	return err
}

func (c *console) mailHTML(w http.ResponseWriter, r *http.Request, _ *page) error {
	m, err := c.findMail(r)
	if err != nil {
		return err
	}
	return letter(w, r, m.HTML)
}
