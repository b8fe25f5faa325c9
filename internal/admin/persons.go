package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/events"
	"portolan/internal/order"
)

func (c *console) personRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/customers/{id}/join", c.page("join", c.joining))
	mux.Handle("POST /console/customers/{id}/join", c.filled(auth.Operator, "join", c.joining, c.join))
	mux.Handle("POST /console/customers/{id}/unjoin", c.act(auth.Operator, c.unjoin))
}

// alike is somebody who may be the same person, with what shows it in words.
type alike struct {
	ID, Name, Reach, Keys string
}

// mergeNote is a merge that is in force, as the page of the person says it.
type mergeNote struct {
	customer.Merge
	Name, Keys, Until string
	Undo              bool
}

// label is a person in few words.
func (p *page) label(c customer.Customer) string {
	if name := c.Name(); name != "" {
		return name
	}
	return p.reachOf(c)
}

// reachOf is an address that tells a profile from others.
func (p *page) reachOf(c customer.Customer) string {
	if c.Email != "" {
		return c.Email
	}
	return p.Reach(c.Phone)
}

func (p *page) keys(all []string) string {
	var words []string
	for _, k := range all {
		words = append(words, p.T("console.mg_key_"+k))
	}
	return strings.Join(words, " · ")
}

// onePerson adds to a customer's page what joins their profiles, and who may be the same person.
func (c *console) onePerson(tx *db.Tx, p *page, v *customerView) (err error) {
	if v.Profiles, err = c.Customers.Profiles(tx, v.ID); err != nil {
		return err
	}
	v.names = map[string]string{}
	if len(v.Profiles) > 1 {
		for _, one := range v.Profiles {
			v.names[one.ID] = p.reachOf(one)
		}
	}
	merges, err := c.Customers.Merges(tx, v.ID)
	if err != nil {
		return err
	}
	for _, m := range merges {
		at := slices.IndexFunc(v.Profiles, func(one customer.Customer) bool { return one.ID == m.Other })
		if at < 0 {
			continue
		}
		v.Joined = append(v.Joined, mergeNote{Merge: m, Name: p.reachOf(v.Profiles[at]), Keys: p.keys(m.Keys), Until: p.CivilDay(m.UndoUntil.In(p.zone).Format(time.DateOnly)),
			Undo: !tx.Now().After(m.UndoUntil)})
	}
	all, err := c.Customers.Suggestions(tx, v.ID)
	for _, one := range all {
		v.Alike = append(v.Alike, alike{one.ID, p.label(one.Customer), p.reachOf(one.Customer), p.keys(one.Keys)})
	}
	return err
}

// mergers are what was joined and taken apart, for a person's timeline.
func (c *console) mergers(tx *db.Tx, p *page, v *customerView) (all []moment, err error) {
	seen := map[string]bool{}
	for _, one := range v.Profiles {
		for _, topic := range []string{customer.MergedEvent{}.Topic(), customer.UnmergedEvent{}.Topic()} {
			entries, err := c.Bus.Journal(tx, events.Filter{Subject: one.ID, Topic: topic})
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				if seen[e.ID] {
					continue
				}
				seen[e.ID] = true
				at := p.announced(e)
				at.Kind = "customers"
				all = append(all, at)
			}
		}
	}
	return all, nil
}

// Mailboxes are the e-mail addresses of a person.
func (v *customerView) Mailboxes() (all []string) {
	for _, one := range v.Profiles {
		if one.Email != "" {
			all = append(all, one.Email)
		}
	}
	return all
}

// Phones are the numbers of a person, each once.
func (v *customerView) Phones() (all []string) {
	for _, one := range v.Profiles {
		if one.Phone != "" && !slices.Contains(all, one.Phone) {
			all = append(all, one.Phone)
		}
	}
	return all
}

// under marks moments with the profile that they are kept under, where a person has several.
func (v *customerView) under(profile string, all ...moment) []moment {
	for i := range all {
		all[i].From = v.names[profile]
	}
	return all
}

// joinView is the page on which two profiles are compared before they become one person.
type joinView struct {
	ID, Name string
	Query    string
	Found    []alike
	Searched bool
	Other    string
	Sides    [2]joinSide
	Rows     []joinRow
	Keys     string
	Apart    bool // may be said not to be the same person
	Until    string
}

type joinSide struct {
	ID, Name, Reach string
	Stays           bool
}

// joinRow is one thing about both, line by line.
type joinRow struct {
	Label string
	A, B  []string
	Same  bool
	Words bool // in the reader's language, not somebody's own
}

// joining compares a customer with another one; without one it looks for one.
func (c *console) joining(tx *db.Tx, r *http.Request, p *page) error {
	who, err := c.Customers.Get(tx, r.PathValue("id"))
	if err != nil {
		return err
	}
	p.Title = p.T("console.mg_title")
	v := joinView{ID: who.ID, Name: p.label(who), Query: strings.TrimSpace(p.Q("q")), Other: p.Q("other"),
		Until: p.CivilDay(tx.Now().Add(customer.UndoWithin).In(p.zone).Format(time.DateOnly))}
	p.Data = &v
	if v.Query != "" {
		found, err := c.Customers.List(tx, customer.Query{Text: v.Query, Limit: 20})
		if err != nil {
			return err
		}
		v.Searched = true
		for _, one := range found {
			if one.ID != who.ID {
				v.Found = append(v.Found, alike{ID: one.ID, Name: p.label(one), Reach: p.reachOf(one)})
			}
		}
		return nil
	}
	if v.Other == "" {
		return nil
	}
	other, err := c.Customers.Get(tx, v.Other)
	if err != nil {
		return err
	}
	v.Other = other.ID
	keys, err := c.Customers.Alike(tx, who.ID, other.ID)
	if err != nil {
		return err
	}
	v.Keys, v.Apart = p.keys(keys), len(keys) > 0
	stays, err := c.Customers.Stays(tx, who.ID, other.ID)
	if err != nil && p.Refused.Do == "" {
		p.Refused.Text, p.Refused.Fields = p.Fault(err)
	}
	v.Sides = [2]joinSide{{who.ID, v.Name, p.reachOf(who), stays == who.ID}, {other.ID, p.label(other), p.reachOf(other), stays == other.ID}}
	return c.compare(tx, p, &v, who, other)
}

// compare says what is known of both.
func (c *console) compare(tx *db.Tx, p *page, v *joinView, a, b customer.Customer) error {
	one, err := c.knownOf(tx, p, a)
	if err != nil {
		return err
	}
	two, err := c.knownOf(tx, p, b)
	if err != nil {
		return err
	}
	for i, label := range []string{"console.mg_name", "common.email", "common.phone", "common.country", "common.language", "console.since", "console.menu_orders", "console.mg_last",
		"console.may_write"} {
		row := joinRow{Label: p.T(label), A: one[i], B: two[i], Words: i > 2}
		for _, x := range row.A {
			row.Same = row.Same || i < 3 && slices.ContainsFunc(row.B, func(y string) bool { return strings.EqualFold(x, y) })
		}
		v.Rows = append(v.Rows, row)
	}
	return nil
}

// knownOf is what is known of a person, by the rows of the comparison.
func (c *console) knownOf(tx *db.Tx, p *page, who customer.Customer) (rows [9][]string, err error) {
	all, err := c.Customers.Profiles(tx, who.ID)
	if err != nil {
		return rows, err
	}
	var ids []string
	add := func(row int, text string) {
		if text != "" && !slices.Contains(rows[row], text) {
			rows[row] = append(rows[row], text)
		}
	}
	for _, one := range all {
		ids = append(ids, one.ID)
		add(0, one.Name())
		add(1, one.Email)
		add(2, p.Reach(one.Phone))
		add(3, p.CountryName(string(one.Country)))
		if one.Lang != "" {
			add(4, p.LanguageName(one.Lang))
		}
		for _, s := range p.reached(one) {
			state, err := c.Customers.Allowed(tx, s.To, customer.Channel(s.Channel), customer.Promotional)
			if err != nil {
				return rows, err
			}
			silent, err := c.Customers.Suppressed(tx, s.To)
			if err != nil {
				return rows, err
			}
			word := p.T("console.offers_" + stateWord(state))
			if silent.Address != "" {
				word = p.Word("reason", silent.Reason)
			}
			add(8, p.Word("channel", s.Channel)+": "+word)
		}
	}
	add(5, p.CivilDay(who.CreatedAt.In(p.zone).Format(time.DateOnly)))
	orders, next, err := c.Orders.List(tx, order.Filter{Customers: ids}, order.Page{Limit: 200})
	if err != nil {
		return rows, err
	}
	count := p.Number(int64(len(orders)))
	if next != "" {
		count += "+"
	}
	add(6, count)
	if len(orders) > 0 {
		add(7, p.CivilDay(orders[0].PlacedAt.In(p.zone).Format(time.DateOnly)))
	}
	return rows, nil
}

func stateWord(s customer.State) string {
	switch {
	case s.Granted:
		return "yes"
	case s.Pending:
		return "pending"
	case s.Revoked:
		return "revoked"
	}
	return "no"
}

// reached are the addresses of a profile by which offers could be sent.
func (p *page) reached(c customer.Customer) (all []standing) {
	if c.Phone != "" {
		all = append(all, standing{Channel: string(customer.SMS), To: c.Phone})
	}
	if c.Email != "" {
		all = append(all, standing{Channel: string(customer.Mail), To: c.Email})
	}
	return all
}

// join makes two customers one person, or notes that they aren't.
func (c *console) join(r *http.Request, p *page) (to string, err error) {
	id, other := r.PathValue("id"), r.PostForm.Get("other")
	err = c.DB.Write(r.Context(), func(tx *db.Tx) error {
		if r.PostForm.Get("do") == "apart" {
			to = "/console/customers/" + url.PathEscape(id) + "?done=apart"
			return c.Customers.Apart(tx, id, other, p.User.Email)
		}
		m, err := c.Customers.Merge(tx, id, other, p.User.Email, r.PostForm.Get("why"))
		to = "/console/customers/" + m.Survivor + "?done=joined"
		return err
	})
	return to, err
}

// unjoin undoes a merge.
func (c *console) unjoin(_ http.ResponseWriter, r *http.Request, p *page) (string, error) {
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.Customers.Unmerge(tx, r.PostForm.Get("merge"), p.User.Email) })
	return "/console/customers/" + url.PathEscape(r.PathValue("id")) + "?done=unjoined", err
}
