package journeys

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/messaging"
)

// Severity says what a finding means for publishing.
type Severity string

// The severities.
const (
	Refused Severity = "refused" // it can't be published like this
	Warned  Severity = "warning" // it can, but somebody should look
	Noted   Severity = "note"    // so that it is known
)

// Finding is one thing that is to be said about a definition before it is published. Where is the field, as in faults:
// "nodes.write.template"; Detail is what the sentence needs: a language, a market, where a rule goes wrong.
type Finding struct {
	Severity Severity
	Where    string
	Node     string
	Code     string
	Detail   string
}

// Lint says everything about a definition that keeps it from being published, and what somebody should look at.
func (s *Service) Lint(tx *db.Tx, d Definition) ([]Finding, error) {
	all, err := s.refusals(tx, d)
	if err != nil {
		return nil, err
	}
	texts, err := s.textFindings(tx, &d)
	if err != nil {
		return nil, err
	}
	codes, err := s.codeFindings(tx, &d)
	if err != nil {
		return nil, err
	}
	all = append(append(append(all, texts...), codes...), d.advice(s.Messages.Vars)...)
	rank := map[Severity]int{Refused: 0, Warned: 1, Noted: 2}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(rank[a.Severity], rank[b.Severity]) })
	return all, nil
}

// publishable is ErrBadDefinition with everything that Lint refuses.
func (s *Service) publishable(tx *db.Tx, d Definition) error {
	all, err := s.Lint(tx, d)
	if err != nil {
		return err
	}
	c := fault.Check{}
	for _, f := range all {
		c.That(f.Severity != Refused, f.Where, f.Code)
	}
	return c.Err(ErrBadDefinition.Code)
}

// refusals are what Check says.
func (s *Service) refusals(tx *db.Tx, d Definition) (all []Finding, err error) {
	err = s.Check(tx, d)
	if err == nil {
		return nil, nil
	}
	f := fault.Of(err)
	if f.Kind != fault.Invalid {
		return nil, err
	}
	for _, where := range slices.Sorted(maps.Keys(f.Fields)) {
		one := Finding{Severity: Refused, Where: where, Node: d.nodeOf(where), Code: f.Fields[where]}
		if one.Code == "journeys.rule_unreadable" {
			one.Detail = d.ruleFault(where)
		}
		all = append(all, one)
	}
	return all, nil
}

func (d *Definition) nodeOf(where string) string {
	for _, n := range d.Nodes {
		if where == "nodes."+n.ID || strings.HasPrefix(where, "nodes."+n.ID+".") {
			return n.ID
		}
	}
	return ""
}

// ruleFault is where the rule of a field goes wrong.
func (d *Definition) ruleFault(where string) string {
	if where == "trigger.when" {
		return RuleFault(d.Trigger.When)
	}
	for i, e := range d.Exits {
		if where == fmt.Sprintf("exits.%d.when", i) {
			return RuleFault(e.When)
		}
	}
	n, ok := d.node(d.nodeOf(where))
	switch {
	case !ok:
	case strings.HasSuffix(where, ".until"):
		return MomentFault(n.Until)
	case strings.HasSuffix(where, ".when"):
		return RuleFault(n.When)
	case strings.HasSuffix(where, ".ways"):
		for _, w := range n.Ways {
			if f := RuleFault(w.When); f != "" {
				return w.Name + ": " + f
			}
		}
	}
	return ""
}

// textFindings look for texts that are missing in a language of an open market: whoever gets an offer in another
// language than the page they agreed on is a complaint, so that is refused; news of an order goes out in the market's next language.
func (s *Service) textFindings(tx *db.Tx, d *Definition) (all []Finding, err error) {
	markets := map[string]string{}
	for _, m := range s.open() {
		for _, l := range m.Languages {
			if markets[l] == "" {
				markets[l] = string(m.Code)
			}
		}
	}
	langs := slices.Sorted(maps.Keys(markets))
	states, err := s.Messages.Texts(tx, langs)
	if err != nil {
		return nil, err
	}
	for _, n := range d.Nodes {
		if n.Do != DoSend {
			continue
		}
		if _, ok := s.Messages.ClassOf(n.Template); !ok {
			continue
		}
		var missing []string
		for _, l := range langs {
			have := func(ch messaging.Channel) bool {
				st := states[messaging.TextID{Key: n.Template, Lang: l, Channel: ch}]
				return st.Source != "" && st.Source != "missing"
			}
			short, mail := have(messaging.SMS), have(messaging.Email)
			onlyMail := n.Only && len(n.Channels) > 0 && n.Channels[0] == messaging.Email
			if onlyMail && !mail || !onlyMail && !short {
				missing = append(missing, l)
			}
		}
		if len(missing) == 0 {
			continue
		}
		f := Finding{Severity: Warned, Where: "nodes." + n.ID + ".template", Node: n.ID, Code: "journeys.text_missing", Detail: strings.Join(missing, " ")}
		if n.Class == messaging.Promotional {
			f.Severity = Refused
		}
		all = append(all, f)
	}
	return all, nil
}

// codeFindings look for codes that the checkout would refuse, whatever article is bought for as much as they ask for at
// least: below the least margin of their market. Of some articles only it is a note.
func (s *Service) codeFindings(tx *db.Tx, d *Definition) (all []Finding, err error) {
	for _, n := range d.Nodes {
		if n.Do != DoReward || n.Reward == nil {
			continue
		}
		for _, m := range s.open() {
			rule, ok := n.Reward.rule(m.Code, cmp.Or(n.Reward.Campaign, d.Journey), tx.Now())
			if !ok {
				continue
			}
			reach, err := s.Codes.Reach(tx, rule, m.Code, s.Articles.Snapshot().Products())
			if err != nil {
				return nil, err
			}
			if reach.Takes == reach.Of {
				continue
			}
			f := Finding{Severity: Noted, Where: "nodes." + n.ID + ".reward.percent", Node: n.ID, Code: "journeys.code_refused_for_some"}
			worth := fmt.Sprintf("%d %%", n.Reward.Percent)
			if a, fixed := n.Reward.Amounts[m.Code]; fixed {
				f.Where, worth = "nodes."+n.ID+".reward.amounts."+string(m.Code), a.Decimal()+" "+string(a.Currency)
			}
			if reach.Takes == 0 {
				f.Severity, f.Code = Warned, "journeys.code_refused_always"
			}
			f.Detail = fmt.Sprintf("%s: %s, %d/%d", m.Code, worth, reach.Takes, reach.Of)
			all = append(all, f)
		}
	}
	return all, nil
}

// advice is what a person should know although it may be published.
func (d *Definition) advice(vars func(string, messaging.Channel) []string) (all []Finding) {
	say := func(sev Severity, n *Node, field, code string) {
		f := Finding{Severity: sev, Where: field, Code: "journeys." + code}
		if n != nil {
			f.Node, f.Where = n.ID, "nodes."+n.ID+"."+field
		}
		all = append(all, f)
	}
	promotes, holds, asksAny := false, false, false
	for i := range d.Nodes {
		n := &d.Nodes[i]
		holds = holds || n.Out > 0
		if n.Do != DoSend {
			continue
		}
		promotes = promotes || n.Class == messaging.Promotional
		asksAny = asksAny || asks(n.Class)
		if asks(n.Class) {
			say(Noted, n, "class", "consent_is_asked")
		}
		if n.Class == messaging.Promotional && n.Within == 0 && d.Window == 0 {
			say(Warned, n, "within", "offer_without_limit")
		}
		needs := slices.Contains(vars(n.Template, messaging.Email), "code")
		switch rewarded := d.rewardedBefore(n.ID); {
		case needs && !rewarded:
			say(Warned, n, "template", "code_without_reward")
		case n.Template != "" && !needs && rewarded && d.rewardsOnly(n.ID):
			say(Warned, n, "template", "reward_without_code")
		}
	}
	if asksAny && !slices.ContainsFunc(d.Exits, func(e Exit) bool { return e.On == "person.stopped" }) {
		say(Warned, nil, "exits", "no_exit_on_stop")
	}
	if promotes && !holds {
		say(Warned, nil, "nodes", "no_holdout")
	}
	return all
}

// rewardedBefore reports whether a code may have been promised on the way to a node.
func (d *Definition) rewardedBefore(id string) bool {
	for _, n := range d.Nodes {
		if n.Do == DoReward && d.reaches(n.ID, id) {
			return true
		}
	}
	return false
}

// rewardsOnly reports whether no other message could carry the code that is promised before a node.
func (d *Definition) rewardsOnly(id string) bool {
	for _, n := range d.Nodes {
		if n.Do == DoSend && n.ID != id && d.rewardedBefore(n.ID) {
			return false
		}
	}
	return true
}

// reaches reports whether a run may come from one node to another.
func (d *Definition) reaches(from, to string) bool {
	seen, stack := map[string]bool{}, []string{from}
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		n, ok := d.node(id)
		if !ok || seen[id] {
			continue
		}
		seen[id] = true
		for _, next := range n.ways() {
			if next == to {
				return true
			}
			stack = append(stack, next)
		}
	}
	return false
}
