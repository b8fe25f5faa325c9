package smpp

import (
	"strconv"
	"strings"
	"time"
)

// State is what became of a message, as the network tells it.
type State string

const (
	Enroute       State = "enroute"
	Delivered     State = "delivered"
	Expired       State = "expired"
	Deleted       State = "deleted"
	Undeliverable State = "undeliverable"
	Accepted      State = "accepted"
	UnknownState  State = "unknown"
	Rejected      State = "rejected"
)

// states in the order of the message_state values of SMPP 3.4, from 1; and their short names in texts.
var states = [...]struct {
	state State
	word  string
}{
	{Enroute, "ENROUTE"}, {Delivered, "DELIVRD"}, {Expired, "EXPIRED"}, {Deleted, "DELETED"},
	{Undeliverable, "UNDELIV"}, {Accepted, "ACCEPTD"}, {UnknownState, "UNKNOWN"}, {Rejected, "REJECTD"},
}

// Final reports whether nothing can follow.
func (s State) Final() bool {
	return s == Delivered || s == Expired || s == Deleted || s == Undeliverable || s == Rejected
}

// Code is the message_state value, 0 for no state of SMPP 3.4.
func (s State) Code() byte {
	for i, e := range states {
		if e.state == s {
			return byte(i + 1)
		}
	}
	return 0
}

// Word is the state's short name in a receipt text.
func (s State) Word() string {
	if c := s.Code(); c > 0 {
		return states[c-1].word
	}
	return "UNKNOWN"
}

func stateOfCode(c byte) State {
	if c >= 1 && int(c) <= len(states) {
		return states[c-1].state
	}
	return UnknownState
}

// words are beginnings of what networks write for a state beside the seven letters of SMPP 3.4: written out, cut or
// misspelt.
var words = []struct {
	begins string
	state  State
}{
	{"DELIV", Delivered}, {"DLVR", Delivered}, {"DELVR", Delivered}, {"ENROUT", Enroute}, {"BUFF", Enroute}, {"QUEUE", Enroute},
	{"SCHED", Enroute}, {"SENT", Enroute}, {"SUBMIT", Enroute}, {"PEND", Enroute}, {"EXPIR", Expired}, {"DELET", Deleted}, {"CANCEL", Deleted},
	{"UNDEL", Undeliverable}, {"UNDLV", Undeliverable}, {"NOTDEL", Undeliverable}, {"FAIL", Undeliverable}, {"SKIP", Undeliverable},
	{"ACCEP", Accepted}, {"REJEC", Rejected}, {"REJCT", Rejected}, {"BLOCK", Rejected}, {"UNKN", UnknownState},
}

var joinWords = strings.NewReplacer("_", "", "-", "")

// stateOfWord also reads the number of the state.
func stateOfWord(w string) State {
	w = strings.ToUpper(strings.Trim(w, `"'`))
	if len(w) == 1 && w[0] > '0' {
		return stateOfCode(w[0] - '0')
	}
	w = joinWords.Replace(w)
	for _, e := range words {
		if strings.HasPrefix(w, e.begins) {
			return e.state
		}
	}
	return UnknownState
}

// Receipt tells what became of one submitted part.
type Receipt struct {
	ID       string // as the network wrote it; compare with SameID or look up by IDKeys. May be empty
	Phone    string // that the message was for
	Sender   string // that we sent it from
	State    State
	Interim  bool      // an intermediate notification: more will follow
	Code     string    // the network's reason, as it wrote it; "" or "000" is none
	Sent     time.Time // submit date as the text has it, in the network's zone read as UTC; zero if absent
	Done     time.Time // done date, likewise
	Raw      []byte    // the text as it came
	Sequence uint32    // of the PDU, for logs
}

// receipt reads a deliver_sm that carries one. TLVs win over the text.
func (m *Message) receipt() Receipt {
	raw := m.text()
	rc := parseReceipt(raw, m.Coding)
	rc.Phone, rc.Sender, rc.Raw = m.From.Addr, m.To.Addr, raw
	rc.Interim = m.Class&classType == ClassInterim
	if v, ok := m.TLVs.Get(TagReceiptedID); ok {
		if id := strings.TrimRight(string(v), "\x00 "); id != "" {
			rc.ID = id
		}
	}
	if v, ok := m.TLVs.Get(TagState); ok && len(v) == 1 {
		rc.State = stateOfCode(v[0])
	}
	if v, ok := m.TLVs.Get(TagNetworkError); ok && len(v) == 3 && rc.Code == "" {
		rc.Code = strconv.Itoa(int(v[1])<<8 | int(v[2]))
	}
	return rc
}

// isReceipt also recognises the receipts of centres that forget the class but give the id or the words.
func (m *Message) isReceipt() bool {
	switch m.Class & classType {
	case ClassReceipt, ClassInterim:
		return true
	}
	if _, ok := m.TLVs.Get(TagReceiptedID); ok {
		return true
	}
	if m.Class&ClassHeader != 0 {
		return false
	}
	t := lowerASCII(string(m.text()))
	return strings.HasPrefix(t, "id:") && strings.Contains(t, " stat:") && strings.Contains(t, " done date:")
}

// text is the message's octets, from wherever they stand.
func (m *Message) text() []byte {
	if v, ok := m.TLVs.Get(TagPayload); ok && len(m.Short) == 0 {
		return v
	}
	return m.Short
}

// receiptFields are the words of the text form (SMPP 3.4, appendix B) in the spellings that networks use, those first
// that contain another. "text" ends the reading: what follows is the shopper's.
var receiptFields = []struct{ spelt, name string }{
	{"submit date", "sent"}, {"submit_date", "sent"}, {"submitdate", "sent"}, {"done date", "done"}, {"done_date", "done"}, {"donedate", "done"},
	{"dlvrd", "dlvrd"}, {"dlvd", "dlvrd"}, {"status", "stat"}, {"state", "stat"}, {"stat", "stat"}, {"sub", "sub"},
	{"error", "err"}, {"err", "err"}, {"text", "text"}, {"message_id", "id"}, {"messageid", "id"}, {"msgid", "id"}, {"id", "id"},
}

// ParseReceipt reads the text form of a receipt: "id:… sub:… dlvrd:… submit date:… done date:… stat:… err:…
// text:…". Fields may be missing, in any order and in any case; what can't be read is left empty.
func ParseReceipt(text []byte) Receipt { return parseReceipt(text, 0) }

func parseReceipt(text []byte, dcs byte) Receipt {
	s := string(text)
	if dcs == 8 {
		s = narrow(text)
	}
	f := fieldsOf(s)
	rc := Receipt{ID: f["id"], Code: f["err"], State: UnknownState}
	if w, ok := f["stat"]; ok {
		rc.State = stateOfWord(w)
	}
	rc.Sent, rc.Done = receiptTime(f["sent"]), receiptTime(f["done"])
	return rc
}

// narrow keeps the low octets of UTF-16: receipts say nothing that ASCII doesn't.
func narrow(b []byte) string {
	var t strings.Builder
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 {
			t.WriteByte(b[i+1])
		} else {
			t.WriteByte('?')
		}
	}
	return t.String()
}

func fieldsOf(s string) map[string]string {
	f := map[string]string{}
	low := lowerASCII(s)
	for i := 0; i < len(s); {
		name, start := fieldAt(low, i)
		if name == "" {
			i++
			continue
		}
		if name == "text" {
			break
		}
		for start < len(s) && s[start] == ' ' {
			if next, _ := fieldAt(low, start+1); next != "" {
				break
			}
			start++
		}
		end := start
		for end < len(s) && !gap(s[end]) {
			end++
		}
		if _, seen := f[name]; !seen {
			f[name] = strings.Trim(s[start:end], `"'`)
		}
		i = end
	}
	return f
}

// gap is what stands between fields: mostly a space.
func gap(c byte) bool { return c <= ' ' || c == ';' || c == ',' || c == '|' }

// fieldAt returns the field whose name stands at i, at the beginning of a word, and where its value begins.
func fieldAt(low string, i int) (name string, value int) {
	if i > len(low) || (i > 0 && !gap(low[i-1])) {
		return "", 0
	}
	for _, f := range receiptFields {
		n := len(f.spelt)
		if rest := low[i:]; strings.HasPrefix(rest, f.spelt) && len(rest) > n && (rest[n] == ':' || rest[n] == '=') {
			return f.name, i + n + 1
		}
	}
	return "", 0
}

// lowerASCII folds letters octet by octet, so that places in both strings agree.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func receiptTime(s string) time.Time {
	for _, layout := range []string{"0601021504", "060102150405", "20060102150405"} {
		if len(s) == len(layout) {
			if t, err := time.Parse(layout, s); err == nil {
				return t
			}
		}
	}
	return time.Time{}
}

// NormalID is an id without what networks change on the way: case, leading zeros, 0x before hex, spaces and quotes
// around it.
func NormalID(id string) string {
	id = strings.ToLower(strings.Trim(id, " \t\r\n\x00\"'"))
	if hex, ok := strings.CutPrefix(id, "0x"); ok && hex != "" && strings.Trim(hex, "0123456789abcdef") == "" {
		id = hex
	}
	short := strings.TrimLeft(id, "0")
	if short == "" && id != "" {
		return "0"
	}
	return short
}

// IDKeys are the normal forms under which a receipt's message may have been answered, the likeliest first:
// the id itself, then read as decimal and written in hex, then read as hex and written in decimal. The
// relation is symmetric. Number forms can meet by chance, so an id that only agrees by a later key must
// also agree in the phone number.
func IDKeys(id string) []string {
	n := NormalID(id)
	if n == "" {
		return nil
	}
	keys := []string{n}
	if v, err := strconv.ParseUint(n, 10, 64); err == nil {
		if hex := strconv.FormatUint(v, 16); hex != n {
			keys = append(keys, hex)
		}
	}
	if v, err := strconv.ParseUint(n, 16, 64); err == nil {
		if dec := strconv.FormatUint(v, 10); dec != n {
			keys = append(keys, dec)
		}
	}
	return keys
}

// SameID reports whether two ids may name the same message, by the rules of IDKeys.
func SameID(a, b string) bool {
	n := NormalID(b)
	for _, k := range IDKeys(a) {
		if k == n {
			return true
		}
	}
	return false
}
