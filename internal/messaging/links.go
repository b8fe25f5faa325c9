package messaging

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/db"
	"portolan/internal/market"
)

// mostLinks is how many links of its own a message may have.
const mostLinks = 8

// ownLink is the name of the link that Message.Link leads to.
const ownLink = "link"

// Clicked is one link of a message and who followed it. Robots and previews are counted apart.
type Clicked struct {
	Code   string
	Name   string
	Target string
	Clicks int64
	Robots int64
}

var codeLetters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// LinkCode is what stands in a link of the message: /l/{code}. It follows from the message's token and the link's name,
// and tells nothing of the token: who knows a link can't open the page of choices.
func (r Record) LinkCode(name string) string { return linkCode(r.Token, name) }

func linkCode(token, name string) string {
	sum := sha256.Sum256([]byte("link " + name + " of " + token))
	return codeLetters.EncodeToString(sum[:])[:12]
}

// targets are where the links of a message lead, by name.
func (m Message) targets() map[string]string {
	if m.Link == "" && len(m.Links) == 0 {
		return nil
	}
	all := maps.Clone(m.Links)
	if all == nil {
		all = map[string]string{}
	}
	if m.Link != "" {
		all[ownLink] = m.Link
	}
	return all
}

// base is where links of a market's messages begin: the merchant's own domain there, else the shop's.
func (c Config) base(m market.Code) string { return cmp.Or(c.Domains[m], c.BaseURL) }

// mayLead reports whether links may lead to an address: a page of the shop, of the merchant's domains, or of a host that
// the merchant allowed. Nothing else, or whoever can write a message could send people anywhere under our name.
func (c Config) mayLead(target string) bool {
	u, err := url.Parse(target)
	if err != nil || u.User != nil || u.Opaque != "" || strings.ContainsAny(target, "\\\r\n\t ") {
		return false
	}
	if u.Scheme == "" && u.Host == "" {
		return strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//")
	}
	own := func(base string) bool {
		b, err := url.Parse(base)
		return err == nil && b.Host != "" && b.Scheme == u.Scheme && strings.EqualFold(b.Host, u.Host)
	}
	if own(c.BaseURL) || slices.ContainsFunc(slices.Collect(maps.Values(c.Domains)), own) {
		return true
	}
	return u.Scheme == "https" && slices.ContainsFunc(c.Hosts, func(h string) bool { return strings.EqualFold(h, u.Host) })
}

var writtenLink = regexp.MustCompile(`https?://[^\s<>"]+[^\s<>".,;:!?)]`)

// ownLinks gives the links in what a person wrote names, in their order.
func ownLinks(text string) map[string]string {
	var all map[string]string
	for i, target := range writtenLink.FindAllString(text, mostLinks+1) {
		if all == nil {
			all = map[string]string{}
		}
		all[strconv.Itoa(i+1)] = target
	}
	return all
}

// shorten puts the short links of a message in the place of those that a person wrote, in their order.
func shorten(text, base, token string) string {
	n := 0
	return writtenLink.ReplaceAllStringFunc(text, func(string) string {
		n++
		return base + "/l/" + linkCode(token, strconv.Itoa(n))
	})
}

// keepLinks writes down where the links of a new message lead.
func keepLinks(tx *db.Tx, r Record) error {
	all := r.asked.targets()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		err := tx.Send(`insert into message_links (code, message, name, target, clicks, robots) values ($1, $2, $3, $4, 0, 0) on conflict do nothing`,
			r.LinkCode(name), r.ID, name, all[name])
		if err != nil {
			return err
		}
	}
	return nil
}

func linksOf(tx *db.Tx, message string) ([]Clicked, error) {
	return db.All(tx, scanLink, `select code, name, target, clicks, robots from message_links where message = $1 order by name`, message)
}

func scanLink(r db.Row) (c Clicked, err error) {
	err = r.Scan(&c.Code, &c.Name, &c.Target, &c.Clicks, &c.Robots)
	return
}

// Follow counts a click on one link of a message (/l/{code}) and returns where it leads and whose it is. Robots and
// previews, for whom person is false, are counted apart, and so is whoever comes within a second of the sending. Of a
// link too old, ErrOldToken, the message is returned too. Where it leads is looked at again: a host that the merchant
// no longer allows is ErrOldToken.
func (s *Service) Follow(tx *db.Tx, code string, person bool) (target string, about Record, err error) {
	if len(code) != 12 {
		return "", about, ErrBadToken
	}
	type place struct {
		Clicked
		message string
	}
	l, err := db.One(tx, func(r db.Row) (p place, err error) {
		err = r.Scan(&p.Code, &p.Name, &p.Target, &p.message)
		return
	}, `select code, name, target, message from message_links where code = $1`, code)
	if errors.Is(err, db.ErrNone) {
		return "", about, ErrBadToken
	}
	if err != nil {
		return "", about, err
	}
	if about, err = one(tx, `id = $1`, l.message); err != nil {
		return "", about, err
	}
	if tx.Now().Sub(about.CreatedAt) > linksWork || !s.cfg.mayLead(l.Target) {
		return "", about, ErrOldToken
	}
	if !person || !about.SentAt.IsZero() && tx.Now().Sub(about.SentAt) < tooQuick {
		if err := tx.Send(`update message_links set robots = robots + 1 where code = $1`, code); err != nil {
			return "", about, err
		}
		return l.Target, about, tx.Send(`update messages set robots = robots + 1 where id = $1`, about.ID)
	}
	if err := tx.Send(`update message_links set clicks = clicks + 1 where code = $1`, code); err != nil {
		return "", about, err
	}
	return l.Target, about, change(tx, about.ID, func() error { return tx.Send(`update messages set clicks = clicks + 1 where id = $1`, about.ID) })
}
