package customer

import (
	"strings"

	"portolan/internal/db"
	"portolan/internal/market"
)

// Choice is what a person hears at one address on one channel, of one class.
type Choice struct {
	Address string
	Channel Channel
	Class   Class
	On      bool // hears it
	Asked   bool // has been asked to confirm it
	Own     bool // the address that the question is asked from
	Stopped bool // has asked for silence altogether
}

// Key names the choice in a form. It gives nothing away.
func (c Choice) Key() string { return string(c.Channel) + "." + string(c.Class) }

// Choices returns what the person behind an address may choose, their own address first.
func (s *Service) Choices(tx *db.Tx, address string) (all []Choice, err error) {
	people, err := behind(tx, address)
	if err != nil {
		return nil, err
	}
	addresses := []string{address}
	if len(people) == 1 { // a phone that several people share tells nobody about the others
		for _, x := range []string{people[0].Phone, people[0].Email} {
			if x != "" && x != address && strings.Contains(x, "@") != strings.Contains(address, "@") {
				addresses = append(addresses, x)
			}
		}
	}
	for i, x := range addresses {
		silent, err := s.Suppressed(tx, x)
		if err != nil {
			return nil, err
		}
		ch := SMS
		if strings.Contains(x, "@") {
			ch = Mail
		}
		offers, err := s.Allowed(tx, x, ch, Promotional)
		if err != nil {
			return nil, err
		}
		for _, cl := range []Class{Promotional, Survey} {
			st := offers
			if cl == Survey {
				own, err := s.Allowed(tx, x, ch, cl)
				if err != nil {
					return nil, err
				}
				if own != (State{}) {
					st = own
				}
			}
			all = append(all, Choice{Address: x, Channel: ch, Class: cl, On: st.Granted && silent.Address == "", Asked: st.Pending, Own: i == 0,
				Stopped: silent.Reason == ReasonStop})
		}
	}
	return all, nil
}

// Chosen is what a person ticked on the page of their choices, and what they were shown there.
type Chosen struct {
	On       map[string]bool   // by Choice.Key
	Texts    map[string]string // what stood beside each box
	Wording  string
	Lang     string
	Market   market.Code
	Page     string
	IPDigest string
}

// Choose makes what a person hears what they ticked. Taking back always works. At the address from which they came,
// as a link sent there proves, a tick counts at once and ends a silence; at another address of theirs, and where
// fresh is false because the link is old, it has to be confirmed there first.
func (s *Service) Choose(tx *db.Tx, address string, fresh bool, c Chosen) error {
	all, err := s.Choices(tx, address)
	if err != nil {
		return err
	}
	who, _, err := s.reachable(tx, address)
	if err != nil {
		return err
	}
	for _, now := range all {
		want, ok := c.On[now.Key()], c.Texts[now.Key()] != ""
		if !ok || want == now.On || want && now.Asked && !now.Own {
			continue
		}
		e := Consent{Customer: who[now.Address].ID, Address: now.Address, Channel: now.Channel, Class: now.Class, Action: Revoke, Text: c.Texts[now.Key()],
			Wording: c.Wording, Lang: c.Lang, Market: c.Market, Page: c.Page, Source: "preferences", IPDigest: c.IPDigest}
		if !want {
			if _, err := s.Record(tx, e); err != nil {
				return err
			}
			continue
		}
		e.Action, e.DoubleOptIn = Grant, !now.Own || !fresh
		if !e.DoubleOptIn {
			if err := s.heardAgain(tx, now.Address); err != nil {
				return err
			}
		}
		if e, err = s.Record(tx, e); err != nil {
			return err
		}
		if e.Action == Grant {
			e.Action = Confirm
			if _, err := s.Record(tx, e); err != nil {
				return err
			}
		}
	}
	return nil
}
