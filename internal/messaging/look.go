package messaging

import (
	"cmp"
	"errors"

	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging/sms"
)

// Finding is what the gate says of a text before anybody gets it. Verdict is what it would do about it: Go only notes.
type Finding struct {
	Reason
	Verdict Verdict
}

// Look is a text as a shopper of a market would get it, with sample values.
type Look struct {
	Market     market.Code // empty: no market's rules
	Country    market.Country
	Sender     string
	SenderKind Kind
	Lang       string
	Subject    string // e-mail only
	Body       string
	HTML       string // e-mail only
	Encoding   string
	Parts      int64
	Units      int // of the encoding, in all
	Left       int // still free in the last part
	Cost       Cost
	Plain      bool // the variable-free text had to do
	Findings   []Finding
}

// Saving is a character that makes an SMS dearer. Instead is what may stand for it; without a character to
// replace, the text's script needs two octets each anyway.
type Saving struct {
	Char    rune
	Times   int
	Instead string
	Doubles bool // it only takes two places; otherwise it makes every character take two octets
}

// Savings lists the characters of a text that cost and could be written cheaper, and the parts once all of them that
// force two octets are replaced. Texts in scripts that need two octets anyway have none.
func Savings(text string) (all []Saving, parts int) {
	in := sms.Count(text)
	parts = in.Parts
	if in.Encoding == sms.UCS2 && sms.Count(sms.Transliterate(text)).Encoding == sms.UCS2 {
		return nil, parts
	}
	for _, r := range in.Costly {
		v := Saving{Char: r, Doubles: in.Encoding == sms.GSM7}
		v.Instead, _ = sms.Plain(r)
		if v.Doubles {
			v.Instead = map[rune]string{'[': "(", ']': ")", '{': "(", '}': ")", '€': "EUR", '~': "-", '\\': "/", '|': "/", '^': ""}[r]
		}
		for _, c := range text {
			if c == r {
				v.Times++
			}
		}
		all = append(all, v)
	}
	return all, sms.Count(sms.Transliterate(text)).Parts
}

// Look is how a shopper of a market would get words, with what the gate would say of them. vars stand over the
// samples; the link is always there. The words must have passed CheckText.
func (s *Service) Look(tx *db.Tx, id TextID, w Words, m market.Code, vars map[string]string) (Look, error) {
	t, err := s.TemplateKey(tx, id.Key)
	if err != nil {
		return Look{}, err
	}
	k := s.keyOf(t)
	if bad := checkWords(k, id.Channel, w.tidy()); len(bad) > 0 {
		return Look{}, ErrTemplateForm.With(bad)
	}
	return s.look(k, id, w.tidy(), m, vars)
}

func (s *Service) look(k key, id TextID, w Words, m market.Code, vars map[string]string) (Look, error) {
	shop, _ := s.markets.ByCode(m)
	a := application{now: s.db.Clock().Now(), version: s.rules.version, class: k.class, template: id.Key, reach: Reach{Channel: id.Channel}, brand: s.cfg.Brand,
		base: s.cfg.BaseURL, rules: s.rules, booked: s.book() != nil, kind: LongNumber}
	if m != "" {
		a.country = shop.Country()
	}
	a.law = k.class
	if m != "" {
		a.law = s.rules.laws.of(a.country, k.journey, k.class)
	} else if k.class.asks() {
		a.law = Promotional
	}
	f := form{reach: a.reach, law: a.law, langs: []string{id.Lang}, brand: s.cfg.Brand, base: s.cfg.BaseURL, token: "k3v9tq2mxw7a"}
	if id.Channel == SMS && m != "" {
		if a.policies = s.rules.of(a.country, ""); len(a.policies) > 0 {
			f.policy = &a.policies[0]
		}
	}
	l := Look{Market: m, Country: a.country, Lang: id.Lang}
	var price Cost
	if route, ok := s.route(id.Channel, a.country, k.class, "", nil, false); ok {
		a.routed, a.kind, a.sender, a.record = true, route.Kind, senderName(route), s.book().record(a.country, route)
		l.Sender, l.SenderKind, price = route.Sender, route.Kind, route.Price
	}
	a.fit(&f)
	values := k.sampleOf(id.Lang, cmp.Or(shop.Contact.Email, "help@example.com"), s.cfg.Brand)
	for name, v := range vars {
		if _, ok := values[name]; ok {
			values[name] = v
		}
	}
	msg := Message{Template: id.Key, Vars: values, Trial: &w}
	if _, ok := k.vars["link"]; ok {
		msg.Link = s.cfg.BaseURL
	}
	one := &texts{keys: map[string]key{id.Key: k}, blocks: s.rules.texts.blocks}
	t, err := one.render(msg, f)
	if err != nil && !errors.Is(err, ErrNoTemplate) {
		return l, err
	}
	a.text = t
	l.Subject, l.Body, l.HTML, l.Encoding, l.Parts, l.Plain = t.subject, t.body, t.html, t.encoding, t.parts, t.plain
	if id.Channel == SMS {
		in := sms.Count(t.body)
		l.Units, l.Left, l.Cost = in.Units, in.Left, price.Times(t.parts)
	}
	if m == "" {
		return l, nil
	}
	v := &verdict{}
	a.policy(v)
	a.lint(v)
	if len(a.policies) > 0 && t.link && a.policies[0].Links == ListedLink && !a.booked {
		v.note("link_registered", string(a.country))
	}
	for i, r := range v.Reasons {
		l.Findings = append(l.Findings, Finding{r, v.each[i]})
	}
	return l, nil
}

// TryText sends words, with sample values, to a person of the shop, as a reply: they asked for it. It goes the way
// of every message, through the gate.
func (s *Service) TryText(tx *db.Tx, id TextID, w Words, m market.Code, to string) (Record, error) {
	t, err := s.TemplateKey(tx, id.Key)
	if err != nil {
		return Record{}, err
	}
	w = w.tidy()
	if err := s.CheckText(tx, id, w); err != nil {
		return Record{}, err
	}
	shop, _ := s.markets.ByCode(m)
	k := s.keyOf(t)
	msg := Message{Key: newID("test"), To: to, Channel: id.Channel, Market: m, Lang: id.Lang, Template: id.Key, Trial: &w,
		Vars: k.sampleOf(id.Lang, cmp.Or(shop.Contact.Email, "help@example.com"), s.cfg.Brand)}
	if _, ok := k.vars["link"]; ok {
		msg.Link = s.cfg.BaseURL
	}
	return s.Send(tx, msg)
}
