// Package bounce reads the mails that come back: notifications of mail servers about what they could not deliver (RFC
// 3464), complaints of people passed on by their provider (RFC 5965), what older servers write in their own words, and
// answers of people.
//
// It reads only. Whether a mail is about one of ours, and may be believed, is found out by package messaging from the
// marks that it carries.
package bounce

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// Largest is the largest mail that is read, in bytes.
const Largest = 1 << 20

// ErrUnreadable is returned for what is no mail.
var ErrUnreadable = errors.New("bounce: this is no mail")

// Kind says what a mail is.
type Kind string

// The kinds.
const (
	Failed     Kind = "failed"     // it was not delivered and will not be
	Delayed    Kind = "delayed"    // the server is still trying
	Complaint  Kind = "complaint"  // its reader called it unwanted
	Unsaid     Kind = "not_spam"   // its reader took that back, or the provider reports something else
	Answer     Kind = "answer"     // a person wrote
	Automatic  Kind = "automatic"  // an absence note, a confirmation of delivery, a mailing list
	Unreadable Kind = "unreadable" // nothing that says anything
)

// Mail is what came back.
type Mail struct {
	Kind    Kind
	Marks   []string // where our mark may stand: who it was sent to, headers of the mail that it is about; likeliest first
	Status  string   // with Failed and Delayed: the enhanced status code of RFC 3463, "5.1.1"; empty: none was told
	Code    string   // the server's own answer, "550 5.1.1 no such user", at most 300 characters
	From    string   // with Answer: the address of who wrote
	To      string
	ID      string // its own Message-ID, without brackets
	Subject string
	Text    string // with Answer: the words without what they answer
}

const (
	deepest  = 6
	mostPart = 60  // parts of a mail that are looked at
	mostSaid = 300 // characters of a server's answer
)

// Read takes a mail apart. to are the recipients of its envelope, where they are known.
func Read(raw []byte, to ...string) (m Mail, err error) {
	if len(raw) > Largest {
		raw = raw[:Largest]
	}
	letter, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Mail{Kind: Unreadable}, ErrUnreadable
	}
	h := letter.Header
	r := reader{Mail: Mail{Kind: Unreadable, Marks: slices.Clone(to)}}
	for _, name := range []string{"To", "Delivered-To", "X-Original-To", "Envelope-To"} {
		r.addresses(h[textproto.CanonicalMIMEHeaderKey(name)]...)
	}
	r.ids(h.Get("In-Reply-To"), h.Get("References"))
	r.Subject = clip(words(h.Get("Subject")), 300)
	r.ID = strings.Trim(strings.TrimSpace(h.Get("Message-Id")), "<>")
	if a, err := address(h.Get("From")); err == nil {
		r.From = strings.ToLower(a)
	}
	if a, err := address(h.Get("To")); err == nil {
		r.To = strings.ToLower(a)
	}
	r.part(textproto.MIMEHeader(h), letter.Body, 0)
	r.judge(h)
	r.Marks = slices.DeleteFunc(r.Marks, func(s string) bool { return s == "" || len(s) > 320 })
	r.Marks = r.Marks[:min(len(r.Marks), 40)]
	return r.Mail, nil
}

type reader struct {
	Mail
	parts  int
	report bool // a delivery status was read
	action string
	feed   string // Feedback-Type
	plain  string
	html   string
}

// part reads one part of the mail and those within it.
func (r *reader) part(h textproto.MIMEHeader, body io.Reader, depth int) {
	if r.parts++; r.parts > mostPart || depth > deepest {
		return
	}
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		media, params = "text/plain", nil
	}
	if strings.HasPrefix(media, "multipart/") && params["boundary"] != "" {
		all := multipart.NewReader(body, params["boundary"])
		for r.parts <= mostPart {
			p, err := all.NextRawPart()
			if err != nil {
				return
			}
			r.part(p.Header, p, depth+1)
		}
		return
	}
	b, _ := io.ReadAll(io.LimitReader(plainly(h.Get("Content-Transfer-Encoding"), body), Largest))
	if strings.HasPrefix(strings.ToLower(h.Get("Content-Disposition")), "attachment") && strings.HasPrefix(media, "text/") && media != "text/rfc822-headers" {
		return
	}
	switch media {
	case "message/delivery-status", "message/global-delivery-status":
		r.status(b)
	case "message/feedback-report":
		r.feedback(b)
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
		r.about(b)
	case "text/html":
		if r.html == "" {
			r.html = decoded(b, params["charset"])
		}
	case "text/plain", "text":
		if r.plain == "" {
			r.plain = decoded(b, params["charset"])
		}
	}
}

func plainly(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	}
	return body
}

// decoded is a text in UTF-8, with lines that end as ours do.
func decoded(b []byte, charset string) string {
	if charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		if e, err := htmlindex.Get(charset); err == nil {
			if out, err := e.NewDecoder().Bytes(b); err == nil {
				b = out
			}
		}
	}
	s := strings.ReplaceAll(strings.ToValidUTF8(string(b), "\uFFFD"), "\r\n", "\n")
	return strings.ReplaceAll(s, "\x00", "")
}

var decoder = mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return e.NewDecoder().Reader(in), nil
}}

// words decodes a header.
func words(s string) string {
	out, err := decoder.DecodeHeader(s)
	if err != nil {
		out = s
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(strings.ToValidUTF8(out, "\uFFFD"), "\x00", "")), " ")
}

func address(s string) (string, error) {
	p := mail.AddressParser{WordDecoder: &decoder}
	all, err := p.ParseList(s)
	if err != nil {
		return "", err
	}
	return all[0].Address, nil
}

// addresses notes whatever looks like an address in headers.
func (r *reader) addresses(values ...string) {
	for _, v := range values {
		for w := range strings.FieldsFuncSeq(v, func(c rune) bool { return strings.ContainsRune("<>,;:\"' \t\r\n()", c) }) {
			if strings.Contains(w, "@") {
				r.Marks = append(r.Marks, w)
			}
		}
	}
}

func (r *reader) ids(values ...string) { r.addresses(values...) }

// groups reads the fields of a report, in groups that blank lines divide.
func groups(b []byte) (all []textproto.MIMEHeader) {
	in := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.TrimLeft(b, "\r\n")), strings.NewReader("\r\n\r\n"))))
	for range 20 {
		h, err := in.ReadMIMEHeader()
		if len(h) > 0 {
			all = append(all, h)
		}
		if err != nil {
			return all
		}
	}
	return all
}

// status reads a delivery status: the worst that it says of any recipient.
func (r *reader) status(b []byte) {
	rank := map[string]int{"failed": 3, "delayed": 2, "relayed": 1, "expanded": 1, "delivered": 1}
	for _, h := range groups(b) {
		action, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(h.Get("Action"))), " ")
		if rank[action] == 0 {
			continue
		}
		r.report = true
		if rank[action] <= rank[r.action] {
			continue
		}
		r.action = action
		said := words(h.Get("Diagnostic-Code"))
		if _, after, ok := strings.Cut(said, ";"); ok {
			said = strings.TrimSpace(after)
		}
		r.Code = clip(said, mostSaid)
		r.Status = code(h.Get("Status"))
		if finer := code(said); finer != "" && (r.Status == "" || strings.HasSuffix(r.Status, ".0.0")) {
			r.Status = finer
		}
	}
}

// feedback reads a complaint.
func (r *reader) feedback(b []byte) {
	for _, h := range groups(b) {
		if kind := strings.ToLower(strings.TrimSpace(h.Get("Feedback-Type"))); kind != "" && r.feed == "" {
			r.feed = kind
		}
		r.addresses(h["Original-Mail-From"]...)
	}
}

// about notes what the mail that this one is about says of itself.
func (r *reader) about(b []byte) {
	all := groups(b)
	if len(all) == 0 {
		return
	}
	r.addresses(all[0]["Return-Path"]...)
	r.ids(all[0].Get("Message-Id"))
}

var (
	enhanced = late(`(?:^|[^\d.])([245])\.(\d{1,3})\.(\d{1,3})(?:[^\d.]|\.?$|\.\s)`)
	basic    = late(`(?:^|[^\d.])(5[0-5]\d|4[0-5]\d)[ -]`)
	senders  = late(`(?i)^(mailer-daemon|postmaster|mail-?daemon|mdaemon|mail delivery)`)
)

// code finds an enhanced status code in a text.
func code(s string) string {
	m := enhanced().FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return m[1] + "." + m[2] + "." + m[3]
}

// judge says what the mail is, once everything is read.
func (r *reader) judge(h mail.Header) {
	auto := strings.ToLower(strings.TrimSpace(h.Get("Auto-Submitted")))
	precedence := strings.ToLower(strings.TrimSpace(h.Get("Precedence")))
	switch {
	case r.feed == "abuse", r.feed == "fraud", r.feed == "virus":
		r.Kind = Complaint
	case r.feed != "":
		r.Kind = Unsaid
	case r.report && r.action == "failed":
		r.Kind = Failed
	case r.report && r.action == "delayed":
		r.Kind = Delayed
	case r.report:
		r.Kind = Automatic
	case senders().MatchString(r.From) || strings.TrimSpace(h.Get("Return-Path")) == "<>" && !strings.HasPrefix(auto, "auto-replied"):
		r.old()
	case auto != "" && auto != "no", slices.Contains([]string{"bulk", "list", "junk", "auto_reply"}, precedence), h.Get("List-Id") != "",
		h.Get("X-Autoreply") != "", h.Get("X-Autorespond") != "", h.Get("X-Auto-Response-Suppress") != "" && h.Get("In-Reply-To") == "":
		r.Kind = Automatic
	case r.From != "":
		r.Kind = Answer
		r.Text = Cut(r.plain)
		if strings.TrimSpace(r.plain) == "" {
			r.Text = Cut(textOf(r.html))
		}
	}
}

// old reads what a server says in its own words: it counts where it names a code.
func (r *reader) old() {
	r.Kind = Automatic
	text := r.plain
	if text == "" {
		text = textOf(r.html)
	}
	said, quoted := text, ""
	for _, mark := range []string{"\n--- Below this line is a copy", "\n------ This is a copy", "\n---- Original message", "\n-----Original", "\nReturn-Path:", "\nReturn-path:"} {
		if a, b, ok := strings.Cut(said, mark); ok {
			said, quoted = a, mark+b
		}
	}
	if quoted != "" {
		for line := range strings.Lines(quoted) {
			name, v, _ := strings.Cut(line, ":")
			if strings.EqualFold(name, "Return-Path") || strings.EqualFold(name, "Message-ID") {
				r.addresses(v)
			}
		}
	}
	r.Status = code(said)
	for line := range strings.Lines(said) {
		if m := basic().FindStringSubmatch(line); m != nil || r.Status != "" && strings.Contains(line, r.Status) {
			r.Code = clip(strings.TrimSpace(line), mostSaid)
			if r.Status == "" {
				r.Status = m[1][:1] + ".0.0"
			}
			break
		}
	}
	switch {
	case r.Status == "" || strings.HasPrefix(r.Status, "2"):
		r.Status = ""
	case strings.HasPrefix(r.Status, "4") && waiting().MatchString(said):
		r.Kind = Delayed
	default:
		r.Kind = Failed
	}
}

// waiting are the words by which servers say that they go on trying.
var waiting = late(`(?i)(will be retried|still trying|will keep trying|no action is required|do not need to resend|warning message only|delayed)`)

// NoSuchAddress reports whether a status says that there is nobody at the address, for good. What a mailbox that is
// full, a filter or a server in trouble says is nothing about the address. (RFC 3463; RFC 7505 for 5.1.10)
func (m Mail) NoSuchAddress() bool {
	if m.Kind != Failed || !strings.HasPrefix(m.Status, "5.") {
		return false
	}
	switch m.Status {
	case "5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4":
		return true
	case "5.0.0", "5.5.0", "5.3.0":
		return nobody().MatchString(m.Code)
	}
	return false
}

// nobody are the words of servers that name no exact code.
var nobody = late(`(?i)(user|recipient|mailbox|address|account)[^.]{0,40}(unknown|not (found|exist)|does(n't| not) exist|invalid|unavailable|disabled|inactive|rejected)|(no such|unknown|invalid) (user|recipient|mailbox|address|account)|unrouteable`)

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// late is an expression that is compiled when it is first asked for, so that a program that hears of no bounce starts
// without it.
func late(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
