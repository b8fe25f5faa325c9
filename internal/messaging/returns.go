package messaging

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/messaging/bounce"
)

// ErrNotOurs is the fault of a mail that says something about one of ours and doesn't carry its mark.
var ErrNotOurs = fault.New(fault.Anonymous, "messaging.not_our_mail")

// mailProvider is the name under which answers by e-mail come in.
const mailProvider = "mail"

// mostSoft is after how many mails in a row that came back an address is left alone, though nobody said that there is
// no such address: our own choice.
const mostSoft = 5

// markLong is how many characters of the seal stand in a mark: 80 bits.
const markLong = 20

// Mark is what an attempt's mail carries in its return path and its Message-ID, and proves that who shows it has had the
// mail: "b-06h0…-5f1e…". It is empty where the shop has no key for digests yet.
func (s *Service) Mark(attempt string) string {
	seal := s.people.Digest("mail", attempt)
	if len(seal) < markLong || !strings.HasPrefix(attempt, "att_") {
		return ""
	}
	return "b-" + attempt[len("att_"):] + "-" + seal[:markLong]
}

// marked returns the attempt whose mark stands in an address or a Message-ID.
func (s *Service) marked(text string) (attempt string, ok bool) {
	local, _, _ := strings.Cut(strings.ToLower(text), "@")
	parts := strings.Split(local, "-")
	if len(parts) != 3 || parts[0] != "b" || parts[1] == "" {
		return "", false
	}
	attempt = "att_" + parts[1]
	want := s.Mark(attempt)
	return attempt, want != "" && subtle.ConstantTimeCompare([]byte(local), []byte(want)) == 1
}

// markedIn returns the first attempt whose mark stands in one of the texts.
func (s *Service) markedIn(all []string) (attempt string, ok bool) {
	for _, t := range all {
		if attempt, ok = s.marked(t); ok {
			return attempt, true
		}
	}
	return "", false
}

// returnPath is where a mail server sends what it could not deliver.
func (s *Service) returnPath(mark string) string {
	if s.cfg.BounceDomain == "" || mark == "" {
		return ""
	}
	return mark + "@" + s.cfg.BounceDomain
}

// readers are the mailboxes of the bounce domain that take mails without a mark in their address: complaints.
var readers = []string{"abuse", "fbl", "postmaster"}

// TakesMail reports whether an address is one that mail may come in for: a return path of ours, the mailbox of
// complaints, or a sender of the shop.
func (s *Service) TakesMail(to string) bool {
	local, domain, ok := strings.Cut(strings.ToLower(to), "@")
	if !ok {
		return false
	}
	if strings.EqualFold(domain, s.cfg.BounceDomain) {
		_, ours := s.marked(to)
		return ours || has(readers, local)
	}
	if strings.EqualFold(to, s.cfg.Mailbox) {
		return true
	}
	for _, r := range s.routes("") {
		if r.Channel == Email && strings.EqualFold(to, r.Sender) {
			return true
		}
	}
	return false
}

// TakeMail acts on a mail that came in for to, which may be empty where the envelope is gone. It says what it was:
// "failed", "soft", "delayed", "complaint", "answer", or "nothing" for what needs no action. What is said about a mail of
// ours without its mark is ErrNotOurs; what is no mail at all ErrGarbled.
func (s *Service) TakeMail(ctx context.Context, raw []byte, to ...string) (what string, err error) {
	m, err := bounce.Read(raw, to...)
	if err != nil {
		return "", fmt.Errorf("%w: %w", err, ErrGarbled)
	}
	attempt, ours := s.markedIn(m.Marks)
	switch m.Kind {
	case bounce.Failed, bounce.Delayed, bounce.Complaint:
		if !ours {
			return "", ErrNotOurs
		}
	case bounce.Answer:
	default:
		return "nothing", nil
	}
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		at := Attempt{}
		if ours {
			if at, err = attemptByID(tx, attempt); err != nil {
				if errors.Is(err, ErrUnknown) {
					return ErrNotOurs
				}
				return err
			}
		}
		if m.Kind == bounce.Answer {
			what = "answer"
			return s.mailed(tx, at, m)
		}
		what, err = s.returned(tx, at, m, clip(strings.ToValidUTF8(strings.ReplaceAll(string(raw[:min(len(raw), 8000)]), "\x00", ""), "?")))
		return err
	})
	return what, err
}

// mailed takes an answer that came by mail into the conversation.
func (s *Service) mailed(tx *db.Tx, at Attempt, m bounce.Mail) error {
	from, err := customer.Email(m.From)
	if err != nil {
		return nil
	}
	if m.Text == "" {
		m.Text = m.Subject
	}
	in := Inbound{Provider: mailProvider, Channel: Email, From: from, To: m.To, Text: m.Text, Message: at.Message, Unproven: at.ID == ""}
	if m.ID != "" {
		in.Ref = clip(m.ID)
	}
	if at.ID != "" {
		about, err := one(tx, `id = $1`, at.Message)
		if err != nil {
			return err
		}
		if about.To != from { // it was passed on, and somebody else answers
			in.Unproven, in.Message = true, ""
		}
	}
	_, err = s.Receive(tx, in)
	return err
}

// returned acts on what a server or a reader said about a mail, once for each kind.
func (s *Service) returned(tx *db.Tx, at Attempt, m bounce.Mail, raw string) (what string, err error) {
	r, err := take(tx, at.Message)
	if err != nil {
		return "", err
	}
	what = string(m.Kind)
	hard := m.Kind == bounce.Failed && m.NoSuchAddress()
	if m.Kind == bounce.Failed && !hard {
		what = "soft"
	}
	n, err := tx.Exec(`insert into mail_returns (id, attempt, message, recipient, kind, status, said, raw, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict do nothing`, newID("ret"), at.ID, r.ID, r.To, what, m.Status, m.Code, raw, tx.Now())
	if err != nil || n == 0 {
		return what, err
	}
	switch what {
	case "delayed":
		return what, nil
	case string(bounce.Complaint):
		if err := lockAddress(tx, r.To); err != nil {
			return what, err
		}
		_, err := s.stop(tx, r.To, "complaint "+r.ID)
		return what, err
	}
	if hard {
		err = s.leaveAlone(tx, r.To, customer.ReasonBad, "bounce "+m.Status)
	} else {
		err = s.soft(tx, r)
	}
	if err != nil {
		return what, err
	}
	if err := tx.Send(`insert into message_reports (`+receiptColumns+`, normal, phone) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $3, '')
		on conflict do nothing`, newID("rcp"), at.Provider, at.ID, string(Failed), m.Status, m.Code, nil, r.ID, tx.Now()); err != nil {
		return what, err
	}
	switch {
	case r.State == Delivered || r.State == Read:
		r.LateFailure = "bounced " + m.Status
		return what, save(tx, r)
	case !r.State.follows(Failed):
		return what, nil
	}
	r.State, r.Reason, r.due = Failed, strings.TrimSpace("bounced "+m.Status), time.Time{}
	return what, s.end(tx, r)
}

// soft leaves an address alone once as many mails in a row have come back from it, up to the one of r.
func (s *Service) soft(tx *db.Tx, r Record) error {
	last, err := db.All(tx, db.Scalar[bool], `select exists (select 1 from mail_returns b where b.message = m.id and b.kind in ('soft', 'failed'))
		from messages m where m.recipient = $1 and m.channel = 'email' and m.sent_at is not null and m.id <= $2 order by m.id desc limit 0 + $3`,
		r.To, r.ID, int64(mostSoft))
	if err != nil || len(last) < mostSoft {
		return err
	}
	for _, back := range last {
		if !back {
			return nil
		}
	}
	return s.leaveAlone(tx, r.To, customer.ReasonBad, fmt.Sprintf("%d mails came back", mostSoft))
}

// Return is what was said about a mail after it was sent.
type Return struct {
	Kind   string // "failed", "soft", "delayed" or "complaint"
	Status string // enhanced status code, "5.1.1"
	Said   string // the server's own words
	At     time.Time
}

// Returns lists what came back of a message, oldest first.
func (s *Service) Returns(tx *db.Tx, message string) ([]Return, error) {
	return db.All(tx, func(r db.Row) (x Return, err error) {
		err = r.Scan(&x.Kind, &x.Status, &x.Said, &x.At)
		x.At = x.At.UTC()
		return
	}, `select kind, status, said, at from mail_returns where message = $1 order by at, id`, message)
}

// MailSecret is the password with which a mail server of the merchant's hands in what came back, under the name given:
// it follows from the shop's own key, and is kept nowhere. Empty before there is a key.
func (s *Service) MailSecret(account string) string {
	if account == "" || len(account) > 40 {
		return ""
	}
	return s.people.Digest("mail intake", account)
}
