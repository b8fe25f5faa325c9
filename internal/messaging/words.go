package messaging

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words are one template as it is written: {name} is a variable, {name|you} one with what stands for it where it has
// no value, [ … ] a piece that is left out unless all its variables have values. Plain has no variables; it is
// sent where the others can't be filled. Subjects are of e-mails only.
type Words struct {
	Subject      string `json:"subject,omitempty"`
	Body         string `json:"body"`
	PlainSubject string `json:"plain_subject,omitempty"`
	Plain        string `json:"plain,omitempty"`
}

// words is w as it is filled in.
func (w Words) words() words {
	join := func(subject, body string) string {
		if subject == "" || body == "" {
			return body
		}
		return "Subject: " + subject + "\n\n" + body
	}
	return words{full: join(w.Subject, w.Body), plain: join(w.PlainSubject, w.Plain)}
}

// spread is the other way round.
func (w words) spread(ch Channel) (out Words) {
	if ch != Email {
		return Words{Body: w.full, Plain: w.plain}
	}
	part := func(s string) (subject, body string) {
		head, body, _ := strings.Cut(s, "\n\n")
		return strings.TrimPrefix(head, "Subject: "), body
	}
	out.Subject, out.Body = part(w.full)
	out.PlainSubject, out.Plain = part(w.plain)
	return out
}

// tidy takes off what forms and habits add: carriage returns and space around.
func (w Words) tidy() Words {
	for _, s := range []*string{&w.Subject, &w.Body, &w.PlainSubject, &w.Plain} {
		*s = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(*s, "\r\n", "\n"), "\r", "\n"))
	}
	return w
}

// VarType is what a variable holds.
type VarType string

const (
	TextVar   VarType = "text"
	NameVar   VarType = "name"
	NumberVar VarType = "number"
	MoneyVar  VarType = "money"
	DateVar   VarType = "date"
	CodeVar   VarType = "code" // one word
	LinkVar   VarType = "link" // the message's own link; only the variable of that name
	RowsVar   VarType = "rows" // the lines of an order, in an e-mail a table
)

var varTypes = map[string]VarType{"name": NameVar, "pct": NumberVar, "total": MoneyVar, "amount": MoneyVar, "min": MoneyVar, "from": DateVar, "to": DateVar, "until": DateVar,
	"code": CodeVar, "order": CodeVar, "track": CodeVar, "ticket": CodeVar, "n": NumberVar, "of": NumberVar, "link": LinkVar, "lines": RowsVar}

func (k key) typeOf(name string) VarType {
	if t := k.types[name]; t != "" {
		return t
	}
	if t := varTypes[name]; t != "" {
		return t
	}
	return TextVar
}

// accepts reports whether s may stand where a variable of type t has no value.
func (t VarType) accepts(s string) bool {
	digits := strings.ContainsFunc(s, unicode.IsDigit)
	switch t {
	case LinkVar, RowsVar:
		return false
	case NumberVar:
		return digits && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsDigit(r) && !strings.ContainsRune("., \u00a0\u202f-", r) })
	case MoneyVar:
		return digits
	case CodeVar:
		return !strings.ContainsFunc(s, unicode.IsSpace)
	}
	return !looksLikeLink(s)
}

// The longest a text may be, in characters, and what may stand for a variable.
const (
	longestShort    = 1600
	longestMail     = 20_000
	longestSubject  = 200
	longestInstead  = 60
	mostPublished   = 10 // parts
	shownAtMost     = 12 // versions in a list
	longestKeyTitle = 80
)

// checkWords says by field what is wrong with words: "messaging.unknown_variable" for a variable that k hasn't got.
func checkWords(k key, ch Channel, w Words) map[string]string {
	bad := map[string]string{}
	look := func(field, s string, most int, vars bool) {
		if code := checkPiece(k, s, most, vars); code != "" {
			bad[field] = "messaging." + code
		}
	}
	most := longestShort
	if ch == Email {
		most = longestMail
		look("subject", w.Subject, longestSubject, true)
		look("plain_subject", w.PlainSubject, longestSubject, false)
		if w.Subject == "" {
			bad["subject"] = "messaging.text_empty"
		}
		if w.Plain != "" && w.PlainSubject == "" {
			bad["plain_subject"] = "messaging.text_empty"
		}
		for field, s := range map[string]string{"subject": w.Subject, "plain_subject": w.PlainSubject} {
			if strings.Contains(s, "\n") {
				bad[field] = "messaging.text_control"
			}
		}
	} else if w.Subject != "" || w.PlainSubject != "" {
		bad["subject"] = "messaging.text_no_subject"
	}
	look("body", w.Body, most, true)
	look("plain", w.Plain, most, false)
	if w.Body == "" {
		bad["body"] = "messaging.text_empty"
	}
	return bad
}

// turners are the invisible characters that make what follows run the other way: with them a text shows something
// else than it says.
const turners = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

func checkPiece(k key, s string, most int, vars bool) string {
	switch {
	case len(s) > 4*most || utf8.RuneCountInString(s) > most:
		return "text_too_long"
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }):
		return "text_control"
	case strings.ContainsAny(s, turners):
		return "text_turned"
	case !vars && strings.ContainsAny(s, "{}[]"):
		return "text_plain_variable"
	}
	return checkBraces(k, s)
}

// checkBraces reads s as fill does, and refuses what fill would only get along with.
func checkBraces(k key, s string) string {
	inside, found := false, false // of [ … ], and whether it has a variable
	for s != "" {
		i := strings.IndexAny(s, "{}[]")
		if i < 0 {
			break
		}
		at := s[i]
		s = s[i+1:]
		switch {
		case at == '[' && !inside:
			inside, found = true, false
		case at == ']' && inside && found:
			inside = false
		case at == '{':
			end := strings.IndexAny(s, "{}[]")
			if end < 0 || s[end] != '}' {
				return "text_braces"
			}
			name, instead, with := strings.Cut(s[:end], "|")
			needed, known := k.vars[name]
			if !known {
				return "text_variable"
			}
			if with && (needed || utf8.RuneCountInString(instead) > longestInstead || strings.TrimSpace(instead) == "" || !k.typeOf(name).accepts(instead)) {
				return "text_instead"
			}
			s, found = s[end+1:], true
		default:
			return "text_braces"
		}
	}
	if inside {
		return "text_braces"
	}
	return ""
}

// Samples are what variables may hold, for looking at a text in a language.
func Samples(lang string) map[string]string {
	base, _, _ := strings.Cut(lang, "-")
	s := map[string]string{"order": "M-10482", "lines": "Linen dress M\t€89.00\nSilk scarf\t€34.00", "total": "€123.00", "code": "AB12CD34E", "pct": "5", "shop": "", "contact": "",
		"track": "LX473124829CN", "carrier": "DHL", "t1": "14:00", "t2": "16:00", "n": "1", "of": "2", "ticket": "T-4711", "amount": "€20.00", "min": "€100.00"}
	words, ok := sampleWords[base]
	if !ok {
		words = sampleWords["en"]
	}
	for i, v := range words {
		s[sampleNames[i]] = v
	}
	s["reason"], s["act"] = ReasonWord(base, "customs_hold"), ActionWord(base, "none")
	return s
}

var sampleNames = []string{"name", "items", "from", "to", "ship_to", "state", "text", "country", "until", "item", "category", "point", "place"}

var sampleWords = map[string][]string{
	"en": {"Anna", "Linen dress M, Silk scarf", "2 Dec", "5 Dec", "Anna Weber, 12 Mill Lane", "on its way", "Your parcel is at the post office.", "United States", "9 Dec", "Linen dress", "dresses", "Corner Shop, 4 Mill Lane", "with your neighbour"},
	"de": {"Anna", "Leinenkleid M, Seidenschal", "2. Dez.", "5. Dez.", "Anna Weber, Mühlgasse 12", "unterwegs", "Ihr Paket liegt in der Postfiliale.", "Deutschland", "9. Dez.", "Leinenkleid", "Kleider", "Kiosk Weber, Mühlgasse 4", "bei Ihrem Nachbarn"},
	"id": {"Dewi", "Gaun linen M, Syal sutra", "2 Des", "5 Des", "Dewi Lestari, Jl. Melati 12", "dalam perjalanan", "Paket Anda ada di kantor pos.", "Indonesia", "9 Des", "Gaun linen", "gaun", "Toko Sudut, Jl. Melati 4", "di tetangga Anda"},
	"ms": {"Aisyah", "Gaun linen M, Selendang sutera", "2 Dis", "5 Dis", "Aisyah, 12 Jalan Melur", "dalam perjalanan", "Bungkusan anda di pejabat pos.", "Malaysia", "9 Dis", "Gaun linen", "gaun", "Kedai Sudut, 4 Jalan Melur", "dengan jiran anda"},
	"ar": {"ليلى", "فستان كتان M، وشاح حرير", "2 ديسمبر", "5 ديسمبر", "ليلى حسن، شارع النخيل 12", "في الطريق", "طردك في مكتب البريد.", "الإمارات العربية المتحدة", "9 ديسمبر", "فستان كتان", "الفساتين", "متجر الزاوية، شارع النخيل 4", "عند جارك"},
	"fr": {"Camille", "Robe en lin M, Foulard en soie", "2 déc.", "5 déc.", "Camille Martin, 12 rue du Moulin", "en route", "Votre colis est au bureau de poste.", "France", "9 déc.", "Robe en lin", "robes", "Tabac du Coin, 4 rue du Moulin", "chez votre voisin"},
	"es": {"Lucía", "Vestido de lino M, Pañuelo de seda", "2 dic", "5 dic", "Lucía García, calle Molino 12", "en camino", "Su paquete está en la oficina de correos.", "España", "9 dic", "Vestido de lino", "vestidos", "Estanco Sol, calle Molino 4", "con su vecino"},
	"zh": {"王芳", "亚麻连衣裙 M、真丝围巾", "12月2日", "12月5日", "王芳，磨坊路12号", "运输中", "您的包裹在邮局。", "中国", "12月9日", "亚麻连衣裙", "连衣裙", "街角便利店，磨坊路4号", "已放在邻居处"},
	"th": {"นภา", "เดรสลินิน M, ผ้าพันคอไหม", "2 ธ.ค.", "5 ธ.ค.", "นภา ใจดี, 12 ถนนมะลิ", "กำลังจัดส่ง", "พัสดุของคุณอยู่ที่ไปรษณีย์", "ไทย", "9 ธ.ค.", "เดรสลินิน", "เดรส", "ร้านหัวมุม, 4 ถนนมะลิ", "ฝากไว้กับเพื่อนบ้าน"},
}

// sampleOf are the samples of a key's variables, without the link.
func (k key) sampleOf(lang, contact, shop string) map[string]string {
	out, all := map[string]string{}, Samples(lang)
	all["contact"], all["shop"] = contact, shop
	byType := map[VarType]string{NameVar: all["name"], NumberVar: "5", MoneyVar: all["total"], DateVar: all["from"], CodeVar: all["code"]}
	for name := range k.vars {
		if name == "link" {
			continue
		}
		v, ok := all[name]
		if !ok {
			if v = byType[k.typeOf(name)]; v == "" {
				v = name
			}
		}
		out[name] = v
	}
	return out
}

// names lists a key's variables in their order.
func (k key) names() []string { return slices.Clone(k.order) }
