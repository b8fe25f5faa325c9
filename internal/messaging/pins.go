package messaging

import (
	"encoding/json"
	"slices"
	"strings"

	"portolan/internal/db"
)

// Pins are the versions of texts that a journey's version took in when it was published; a text that isn't named was the
// program's own, 0.
//
// The rule of what is sent by them: a run sends the words that its version took in, with every correction made to them
// since. Words written anew, and what corrects those, reach a run only by a version that took them in.
type Pins map[TextID]int64

// MarshalJSON implements json.Marshaler: {"cart.de": 3, "cart.de.mail": 1}.
func (p Pins) MarshalJSON() ([]byte, error) {
	out := make(map[string]int64, len(p))
	for id, n := range p {
		out[wordsName(id.Key, id.Lang, id.Channel)] = n
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Pins) UnmarshalJSON(b []byte) error {
	var in map[string]int64
	if err := json.Unmarshal(b, &in); err != nil || in == nil {
		return err
	}
	*p = make(Pins, len(in))
	for name, n := range in {
		short, mail := strings.CutSuffix(name, ".mail")
		id := TextID{Channel: SMS}
		id.Key, id.Lang, _ = strings.Cut(short, ".")
		if mail {
			id.Channel = Email
		}
		(*p)[id] = n
	}
	return nil
}

// Of are the pins of one template; none is a map too, and not nil.
func (p Pins) Of(template string) Pins {
	out := Pins{}
	for id, n := range p {
		if id.Key == template {
			out[id] = n
		}
	}
	return out
}

// Corrected is the version that is sent to whom version taken was promised: the last one after it that only corrects.
// history is a text's, the latest first.
func Corrected(history []TextVersion, taken int64) int64 {
	for _, v := range slices.Backward(history) {
		switch {
		case v.N <= taken:
		case v.Anew:
			return taken
		default:
			taken = v.N
		}
	}
	return taken
}

// wording is a version and what corrected it, as they are sent now.
type wording struct {
	first int64 // the version that was written anew; 0: they correct the built-in words
	words
	there bool // a language may have no built-in words
}

// pinned are the words of one text: those in force, or with pins those that were taken in, as they are corrected now.
func (t *texts) pinned(id TextID, pins Pins) (w words, ok bool) {
	if id.Channel != Email {
		id.Channel = SMS
	}
	name := wordsName(id.Key, id.Lang, id.Channel)
	all := t.wordings[name]
	if pins == nil || len(all) == 0 {
		w, ok = t.words[name]
		return w, ok
	}
	taken := pins[id]
	for _, x := range slices.Backward(all) {
		if x.first <= taken {
			return x.words, x.there
		}
	}
	w, ok = t.built[name]
	return w, ok
}

// textWording is the last version of a wording, with the number of its first.
type textWording struct {
	TextVersion
	first int64
}

// readWordings lists what is sent to anybody: of each text the last correction of what was written anew, oldest first.
func readWordings(tx *db.Tx) ([]textWording, error) {
	return db.All(tx, func(r db.Row) (v textWording, err error) {
		var body string
		if err = r.Scan(&v.Key, &v.Lang, (*string)(&v.Channel), &v.N, &v.Builtin, &body, &v.first); err == nil {
			err = json.Unmarshal([]byte(body), &v.Words)
		}
		return v, err
	}, `select key, lang, channel, n, builtin, words, coalesce((select max(f.n) from message_texts f where f.key = t.key and f.lang = t.lang and f.channel = t.channel and f.n <= t.n and f.anew), 0)
		from message_texts t where not exists (select 1 from message_texts c where c.key = t.key and c.lang = t.lang and c.channel = t.channel and c.n = t.n + 1 and not c.anew)
		order by key, lang, channel, n`)
}

// Pins are the versions of the texts of templates that are in force.
func (s *Service) Pins(tx *db.Tx, templates []string) (Pins, error) {
	all, err := inForce(tx)
	pins := Pins{}
	for _, v := range all {
		if slices.Contains(templates, v.Key) {
			pins[v.TextID] = v.N
		}
	}
	return pins, err
}

// TextUse is one text of a template as whoever holds pins sends it.
type TextUse struct {
	TextID
	Taken  int64 // the version that was taken in
	Sent   int64 // with its corrections
	Newest int64
}

// Uses lists the texts of templates that the merchant wrote, with what of them is sent by pins; nil pins send the newest.
// What isn't listed are the program's own words.
func (s *Service) Uses(tx *db.Tx, templates []string, pins Pins) (all []TextUse, err error) {
	if len(templates) == 0 {
		return nil, nil
	}
	rows, err := db.All(tx, func(r db.Row) (v TextVersion, err error) {
		return v, r.Scan(&v.Key, &v.Lang, (*string)(&v.Channel), &v.N, &v.Anew)
	}, `select key, lang, channel, n, anew from message_texts where key in `+db.In(1, len(templates))+` order by key, lang, channel desc, n`, db.Fill(templates)...)
	for len(rows) > 0 && err == nil {
		id := rows[0].TextID
		n := slices.IndexFunc(rows, func(v TextVersion) bool { return v.TextID != id })
		if n < 0 {
			n = len(rows)
		}
		one := slices.Clone(rows[:n])
		rows = rows[n:]
		slices.Reverse(one)
		use := TextUse{TextID: id, Taken: pins[id], Newest: one[0].N}
		if pins == nil {
			use.Taken = use.Newest
		}
		use.Sent = Corrected(one, use.Taken)
		all = append(all, use)
	}
	return all, err
}
