package messaging

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"portolan/internal/address"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/market"
)

// Unlisted is an entry of a list of people that names nobody who can be written to.
type Unlisted struct {
	Line int64  // 1 is the first
	Code string // of the reason
	Said string // what stood there, its middle left out
}

const (
	mostListed   = 100_000 // lines of a list
	longestLine  = 2000    // bytes of one
	mostUnlisted = 1000    // that are kept
)

// People are the customers whom a list names, and what of it was refused.
type People struct {
	ids      []string
	unlisted []Unlisted
	refused  int64
}

// entry is one person of a list: addresses that belong together, as they stood there and as they are kept, empty what
// can't be anybody's.
type entry struct {
	line  int64
	said  []string
	where []string
}

// ReadList finds who the lines of a list name: a line is an address, several of one kind, or a row of a table with an
// e-mail address or a number, or both, of one person. Who is named twice counts once. The first line may be a heading. Lists
// that are too long or name no customer of the market are ErrPlanForm. Long ones take their time: read them before the unit
// of work that starts the plan.
func (s *Service) ReadList(tx *db.Tx, m market.Code, lines []string) (*People, error) {
	if len(lines) > mostListed {
		return nil, ErrPlanForm.With(map[string]string{"people": "messaging.list_too_long"})
	}
	p := &People{}
	var country market.Country
	if of, ok := s.markets.ByCode(m); ok {
		country = of.Country()
	}
	refuse := func(line int64, code, said string) {
		if p.refused++; p.refused <= mostUnlisted {
			p.unlisted = append(p.unlisted, Unlisted{line, code, hidden(said)})
		}
	}
	all := make([]entry, 0, len(lines))
	ask := make([]string, 0, len(lines))
	head := true
	for i, line := range lines {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		if line == "" {
			continue
		}
		named := entries(line, int64(i+1))
		if len(named) == 0 && !head {
			refuse(int64(i+1), "messaging.list_no_address", line)
		}
		head = false
		for _, e := range named {
			for _, said := range e.said {
				at := likely(said, country)
				if e.where = append(e.where, at); at != "" {
					ask = append(ask, at)
				}
			}
			all = append(all, e)
		}
	}
	known, err := s.known(tx, all, ask, country)
	if err != nil {
		return nil, err
	}
	joined, err := s.people.Persons(tx, holders(known))
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, e := range all {
		at := slices.IndexFunc(e.where, func(x string) bool { return known[x].ID != "" })
		switch {
		case at < 0 && !slices.ContainsFunc(e.where, func(x string) bool { return x != "" }):
			refuse(e.line, "messaging.list_bad_address", e.said[0])
		case at < 0:
			refuse(e.line, "messaging.list_unknown", e.said[0])
		case m != "" && known[e.where[at]].Market != m:
			refuse(e.line, "messaging.list_other_market", e.said[0])
		default:
			id := known[e.where[at]].ID
			if person := joined[id]; person != nil {
				id = person[0]
			}
			if !seen[id] {
				seen[id] = true
				p.ids = append(p.ids, id)
			}
		}
	}
	if len(p.ids) == 0 {
		return nil, ErrPlanForm.With(map[string]string{"people": "messaging.list_nobody"})
	}
	slices.Sort(p.ids)
	slices.SortStableFunc(p.unlisted, func(a, b Unlisted) int { return int(a.Line - b.Line) })
	return p, nil
}

// entries cuts a line into the people it names.
func entries(line string, n int64) (all []entry) {
	if len(line) > longestLine {
		return nil
	}
	var mails, phones []string
	for _, cell := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ';' || r == '\t' }) {
		cell = strings.Trim(cell, " \"'\u00a0")
		if _, inside, ok := strings.Cut(cell, "<"); ok {
			cell, _, _ = strings.Cut(inside, ">")
		}
		switch {
		case strings.Contains(cell, "@"):
			mails = append(mails, cell)
		case dialled(cell):
			phones = append(phones, cell)
		}
	}
	if len(mails) > 0 && len(phones) > 0 {
		return []entry{{line: n, said: append(mails, phones...)}}
	}
	for _, x := range append(mails, phones...) {
		all = append(all, entry{line: n, said: []string{x}})
	}
	return all
}

// dialled reports whether a cell can be meant as a telephone number.
func dialled(cell string) bool {
	digits := 0
	for _, r := range cell {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case !strings.ContainsRune("+-/.() \u00a0", r):
			return false
		}
	}
	return digits >= 7 && digits <= 17
}

// known asks who has the addresses of a list. Numbers are looked for as they most likely are; those that nobody has are
// read, since reading a number takes long.
func (s *Service) known(tx *db.Tx, all []entry, ask []string, country market.Country) (map[string]customer.Holder, error) {
	known, err := s.people.AtAddresses(tx, ask)
	if err != nil {
		return nil, err
	}
	var again []string
	for _, e := range all {
		for i, at := range e.where {
			if strings.Contains(e.said[i], "@") || known[at].ID != "" {
				continue
			}
			if e.where[i], _ = customer.Phone(plain(e.said[i]), country); e.where[i] != at && e.where[i] != "" {
				again = append(again, e.where[i])
			}
		}
	}
	more, err := s.people.AtAddresses(tx, again)
	maps.Copy(known, more)
	return known, err
}

// holders are the profiles known by addresses.
func holders(known map[string]customer.Holder) []string {
	all := make([]string, 0, len(known))
	for _, h := range known {
		if h.ID != "" {
			all = append(all, h.ID)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// likely is an address in the form in which customers most likely have it, or empty.
func likely(said string, country market.Country) string {
	if strings.Contains(said, "@") {
		at, _ := customer.Email(said)
		return at
	}
	number := plain(said)
	if strings.HasPrefix(number, "+") {
		return number
	}
	return address.Likely(number, string(country))
}

// plain is a number without what people write between its digits, and with a plus before its country's.
func plain(said string) string {
	number := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-/.() \u00a0", r) {
			return -1
		}
		return r
	}, said)
	if rest, ok := strings.CutPrefix(number, "00"); ok {
		return "+" + rest
	}
	return number
}

// hidden is enough of an address to find it again in a list, and not enough to write to it.
func hidden(said string) string {
	r := []rune(said)
	if len(r) <= 6 {
		return said
	}
	return string(r[:3]) + "…" + string(r[len(r)-3:])
}

// List reads a text as the lines of a list of people.
func List(text string) []string {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "�")
	}
	return strings.Split(strings.TrimRight(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n"), "\n")
}

// keepList notes whom a plan asks about, and what was refused.
func keepList(tx *db.Tx, plan string, p *People) error {
	var rows [][]any
	for _, id := range p.ids {
		rows = append(rows, []any{plan, id})
	}
	if err := db.InsertEach(tx, `insert into message_plan_people (plan, customer) values`, "", rows); err != nil {
		return err
	}
	rows = nil
	for i, r := range p.unlisted {
		rows = append(rows, []any{plan, int64(i + 1), r.Line, r.Code, r.Said})
	}
	return db.InsertEach(tx, `insert into message_plan_refused (plan, n, line, code, said) values`, "", rows)
}

// Unlisted returns what of a plan's list was refused, by line; the first thousand.
func (s *Service) Unlisted(tx *db.Tx, plan string) ([]Unlisted, error) {
	return db.All(tx, func(r db.Row) (x Unlisted, err error) {
		err = r.Scan(&x.Line, &x.Code, &x.Said)
		return
	}, `select line, code, said from message_plan_refused where plan = $1 order by n`, plan)
}

// slice is the next part of an audience: whoever is still known of it, how many of the audience it is, and the last one.
type slice struct {
	people []customer.Customer
	n      int
	last   string
}

// audience returns the next people of a plan's audience, most of them at a time.
func (s *Service) audience(tx *db.Tx, c Campaign, most int) (x slice, err error) {
	if !c.Listed {
		if x.people, err = s.people.List(tx, customer.Query{Market: c.Market, After: c.after, Limit: most}); len(x.people) > 0 {
			x.n, x.last = len(x.people), x.people[len(x.people)-1].ID
		}
		return x, err
	}
	ids, err := db.All(tx, db.Scalar[string], `select customer from message_plan_people where plan = $1 and ($2 = '' or customer < $2)
		order by customer desc limit $3`, c.ID, c.after, most)
	if err != nil || len(ids) == 0 {
		return x, err
	}
	known, err := s.people.ByIDs(tx, ids)
	for _, id := range ids {
		if who, ok := known[id]; ok {
			x.people = append(x.people, who)
		}
	}
	x.n, x.last = len(ids), ids[len(ids)-1]
	return x, err
}
