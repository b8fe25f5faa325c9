package customer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"portolan/internal/market"
)

// Channel is a way to reach a person.
type Channel string

const (
	SMS      Channel = "sms"
	Mail     Channel = "email"
	WhatsApp Channel = "whatsapp"
	Telegram Channel = "telegram"
	Push     Channel = "push"
	// Every stands in a consent event for all channels at once: a STOP is honoured everywhere.
	Every Channel = "any"
)

// Class is what kind of message a consent is about.
type Class string

const (
	Promotional Class = "promotional"   // offers, cart recovery too
	Survey      Class = "service"       // surveys and requests for a review
	OrderNews   Class = "transactional" // news of orders, in a browser or a chat that was opened for them
	// EveryClass stands in a consent event for all classes that need consent.
	EveryClass Class = "any"
)

// Action is what a consent event does.
type Action string

const (
	Ask     Action = "ask"     // the box was ticked where a second step is needed (double opt-in)
	Grant   Action = "grant"   // agreed
	Confirm Action = "confirm" // took the second step
	Revoke  Action = "revoke"  // took it back
	Restore Action = "restore" // gave back what a Revoke took
	Import  Action = "import"  // agreed elsewhere; the proof is in Text and Source
)

// Consent is one event of the ledger. Events are only ever added. Address is E.164, an
// e-mail address, a chat or a browser; Text
// is what the person was shown, word for word; Page is where; Source is who says so ("checkout", "sms", "api").
type Consent struct {
	ID       string      `json:"id"`
	Seq      int64       `json:"seq"` // counts the events of one address from 1
	Customer string      `json:"customer"`
	Address  string      `json:"address"`
	Channel  Channel     `json:"channel"`
	Class    Class       `json:"class"`
	Action   Action      `json:"action"`
	Text     string      `json:"text"`
	Wording  string      `json:"wording"` // version of the text: "checkout.sms/1"
	Lang     string      `json:"lang"`
	Market   market.Code `json:"market"`
	Page     string      `json:"page"`
	Source   string      `json:"source"`
	IPDigest string      `json:"ip_digest"`
	Proof    string      `json:"proof,omitempty"` // with Import: when it was agreed, and what shows it
	At       time.Time   `json:"at"`
	Previous string      `json:"previous"` // digest of the address's event before this one; empty for the first
	Digest   string      `json:"digest"`

	// DoubleOptIn makes Record write a Grant down as an Ask: it counts after Confirm. Set it from the market.
	DoubleOptIn bool `json:"-"`
}

// seal is the digest of everything in the event and of the event before it.
func (c Consent) seal() string {
	c.Digest = ""
	c.At = c.At.UTC().Truncate(time.Microsecond)
	body, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Gap is a place where an address's ledger does not hold together: an event is missing or was changed.
type Gap struct {
	Address string
	Seq     int64
	What    string // "missing" or "changed"
}

// Verify walks one address's events, oldest first, and names every gap in their chain of digests.
func Verify(events []Consent) (gaps []Gap) {
	next, before := int64(1), ""
	for _, e := range events {
		if e.Seq != next {
			gaps = append(gaps, Gap{e.Address, next, "missing"})
		}
		if e.Digest != e.seal() || e.Seq == next && e.Previous != before {
			gaps = append(gaps, Gap{e.Address, e.Seq, "changed"})
		}
		next, before = e.Seq+1, e.Digest
	}
	return gaps
}

// State is what the events of an address add up to for one channel and class.
type State struct {
	Granted   bool      // agreed, and where it was asked for, confirmed
	Confirmed bool      // took the second step of a double opt-in
	Pending   bool      // was asked for the second step and has not taken it yet
	Revoked   bool      // took consent back, or asked for silence
	Since     time.Time // when it became so
	Wording   string    // what was agreed to last
	Text      string

	taken, sure, waited bool // had agreed, had confirmed it, had been asked, before everything was stopped
}

// stateOf folds events, oldest first.
func stateOf(events []Consent, ch Channel, cl Class) (s State) {
	for _, e := range events {
		if e.Channel != ch && e.Channel != Every || e.Class != cl && e.Class != EveryClass {
			continue
		}
		s = s.after(e)
	}
	return s
}

// StateAt is what the events of an address, oldest first, added up to at a moment.
func StateAt(events []Consent, ch Channel, cl Class, at time.Time) State {
	n := len(events)
	for n > 0 && events[n-1].At.After(at) {
		n--
	}
	return stateOf(events[:n], ch, cl)
}

func (s State) after(e Consent) State {
	switch e.Action {
	case Ask:
		if s.Granted {
			return s
		}
		return State{Pending: true, Since: e.At, Wording: e.Wording, Text: e.Text, taken: s.taken, sure: s.sure, waited: s.waited}
	case Grant, Import:
		return State{Granted: true, Confirmed: s.Granted && s.Confirmed || e.Action == Import, Since: e.At, Wording: e.Wording, Text: e.Text}
	case Confirm:
		if s.Pending || s.Granted {
			s.Granted, s.Confirmed, s.Pending, s.Since = true, true, false, e.At
		}
	case Revoke:
		all := e.Channel == Every
		s.taken, s.sure, s.waited = (s.Granted || s.taken) && all, (s.Confirmed || s.sure) && all, (s.Pending || s.waited) && all
		s.Granted, s.Confirmed, s.Pending, s.Revoked, s.Since = false, false, false, true, e.At
	case Restore:
		if s.Revoked || s.taken {
			s.Granted, s.Confirmed, s.Pending, s.Since = s.taken, s.taken && s.sure, s.Pending && !s.taken || s.waited, e.At
			s.Revoked, s.taken, s.sure, s.waited = false, false, false, false
		}
	}
	return s
}
