package admin

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"portolan/internal/journeys"
	"portolan/internal/messaging"
	"portolan/internal/money"
)

// JourneyName is what a journey is called: a shipped one in the reader's language, one's own by its name.
func (p *page) JourneyName(name string) string {
	if key := "console.journey_name_" + name; p.Has(key) {
		return p.T(key)
	}
	words := strings.ReplaceAll(name, "_", " ")
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// Lasts is a length of time in words, in the largest unit that leaves nothing over.
func (p *page) Lasts(s journeys.Span) string {
	d := s.D()
	switch {
	case d >= 24*time.Hour && d%(24*time.Hour) == 0:
		return p.N("common.days", int64(d/(24*time.Hour)))
	case d >= 24*time.Hour && d%time.Hour == 0:
		return p.N("common.days", int64(d/(24*time.Hour))) + " " + p.N("common.hours", int64(d%(24*time.Hour)/time.Hour))
	case d >= time.Hour && d%time.Hour == 0:
		return p.N("common.hours", int64(d/time.Hour))
	case d >= time.Hour:
		return p.N("common.hours", int64(d/time.Hour)) + " " + p.N("common.minutes", int64(d%time.Hour/time.Minute))
	}
	return p.N("common.minutes", int64(d/time.Minute))
}

// Happens is an event in words: "an order was paid".
func (p *page) Happens(event string) string {
	return p.Word("je", strings.ReplaceAll(event, ".", "_"))
}

// AllHappen are several of which one is enough.
func (p *page) AllHappen(events []string) string {
	var all []string
	for _, e := range events {
		all = append(all, p.Happens(e))
	}
	return strings.Join(all, p.T("console.jr_or"))
}

// FactName is what a fact is, in words.
func (p *page) FactName(name string) string {
	return p.Word("jf", strings.ReplaceAll(name, ".", "_"))
}

var (
	flagRule    = regexp.MustCompile(`^(!?)\s*([a-z]+(?:\.[a-z_]+)?)$`)
	compareRule = regexp.MustCompile(`^([a-z]+(?:\.[a-z_]+)?)\s*(==|!=|<=|>=|<|>)\s*(-?\d+(?:\.\d+)?|'[^']*'|"[^"]*"|duration\(['"][^'"]*['"]\))$`)
)

// knownFacts are the types of facts, to tell a rule that can be said from one that can't.
var knownFacts = func() map[string]journeys.FactType {
	all := map[string]journeys.FactType{}
	for _, f := range journeys.Facts() {
		all[f.Name] = f.Type
	}
	return all
}()

// InWords says a rule in words where it is simple enough; false where the rule itself has to be shown.
func (p *page) InWords(rule string) (string, bool) {
	var terms []string
	for _, term := range strings.Split(rule, "&&") {
		words, ok := p.termInWords(strings.TrimSpace(term))
		if !ok {
			return rule, false
		}
		terms = append(terms, words)
	}
	return strings.Join(terms, p.T("console.jr_and")), true
}

func (p *page) termInWords(term string) (string, bool) {
	if m := flagRule.FindStringSubmatch(term); m != nil && knownFacts[m[2]] == journeys.Flag {
		if m[1] == "!" {
			return p.T("console.jr_not", "what", p.FactName(m[2])), true
		}
		return p.FactName(m[2]), true
	}
	m := compareRule.FindStringSubmatch(term)
	if m == nil || knownFacts[m[1]] == "" {
		return "", false
	}
	value := strings.Trim(m[3], `'"`)
	if inner, ok := strings.CutPrefix(m[3], "duration("); ok {
		s, err := journeys.ParseSpan(strings.Trim(strings.TrimSuffix(inner, ")"), `'"`))
		if err != nil {
			return "", false
		}
		value = p.Lasts(s)
	}
	if m[1] == "event.name" {
		value = p.Happens(value)
		if m[2] == "==" {
			return value, true
		}
	}
	return p.T("console.jr_compare_words", "what", p.FactName(m[1]), "is", p.Word("jop", map[string]string{"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[m[2]]), "value", value), true
}

// Rule is InWords for templates: words, or the rule itself.
func (p *page) Rule(rule string) string {
	words, _ := p.InWords(rule)
	return words
}

// negated reports whether a question asks for the opposite of a fact. It is shown as the question for the fact, with
// yes and no changed round.
func negated(n *journeys.Node) bool {
	m := flagRule.FindStringSubmatch(strings.TrimSpace(n.When))
	return n.Do == journeys.DoIf && m != nil && m[1] == "!" && knownFacts[m[2]] == journeys.Flag
}

// asked are edges as the question of their node is shown.
func asked(d *journeys.Definition, from string, all []journeys.Edge) []journeys.Edge {
	n, ok := d.Node(from)
	if !ok || !negated(&n) {
		return all
	}
	all = slices.Clone(all)
	for i := range all {
		all[i].Says = map[string]string{"yes": "no", "no": "yes"}[all[i].Says]
	}
	return all
}

// capital begins a sentence.
func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}

// between says hours of a day and, if not all, the weekdays.
func (p *page) between(h *journeys.Hours) string {
	if h == nil {
		return ""
	}
	said := p.T("console.jr_between", "from", h.From, "to", h.To)
	if len(h.Days) == 0 {
		return said
	}
	var days []string
	for _, d := range h.Days {
		days = append(days, p.Word("jd", d))
	}
	return said + " (" + strings.Join(days, ", ") + ")"
}

// nodeWords says what a node does, in a sentence.
func (p *page) nodeWords(n *journeys.Node, names map[string]string) string {
	switch n.Do {
	case journeys.DoWait:
		return p.waitWords(n)
	case journeys.DoWaitFor:
		return p.T("console.jn_wait_for", "event", p.Happens(n.Event), "span", p.Lasts(n.For))
	case journeys.DoIf:
		if n.When == "" {
			return p.T("console.jn_if_empty")
		}
		rule, _ := p.InWords(strings.TrimSpace(n.When))
		if negated(n) {
			rule, _ = p.InWords(strings.TrimSpace(strings.TrimSpace(n.When)[1:]))
		}
		return capital(p.T("console.jn_if", "rule", rule))
	case journeys.DoSwitch:
		return p.N("console.jn_switch", int64(len(n.Ways)))
	case journeys.DoSplit:
		return p.splitWords(n)
	case journeys.DoReward:
		return p.rewardWords(n.Reward)
	case journeys.DoSend:
		return p.sendWords(n, names)
	case journeys.DoTicket:
		key := "console.jn_ticket"
		if n.Urgent {
			key = "console.jn_ticket_urgent"
		}
		return p.T(key, "queue", p.Word("tk_queue", n.Queue))
	case journeys.DoTag:
		return p.T("console.jn_tag", "tag", n.Tag)
	case journeys.DoCall:
		host := n.URL
		if u, err := url.Parse(n.URL); err == nil && u.Host != "" {
			host = u.Host
		}
		return p.T("console.jn_webhook", "host", host)
	}
	if n.Reason == "" {
		return p.T("console.jn_exit")
	}
	return p.T("console.jn_exit_because", "reason", p.Word("reason", n.Reason))
}

func (p *page) waitWords(n *journeys.Node) string {
	hours := p.between(n.Hours)
	base := ""
	switch {
	case n.Until != "":
		base = p.T("console.jn_wait_until", "moment", p.momentWords(n.Until))
	case n.Since == "start":
		base = p.T("console.jn_wait_since", "span", p.Lasts(n.For))
	case n.For > 0:
		base = p.T("console.jn_wait", "span", p.Lasts(n.For))
	case hours != "":
		return p.T("console.jn_wait_hours", "hours", hours)
	default:
		return p.T("console.jn_wait_empty")
	}
	if hours == "" {
		return base
	}
	return p.T("console.jn_wait_then", "wait", base, "hours", hours)
}

var earlierRule = regexp.MustCompile(`^([a-z]+\.[a-z_]+)(?:\s*([-+])\s*duration\(['"]([^'"]*)['"]\))?$`)

// momentWords says a rule that gives a moment.
func (p *page) momentWords(rule string) string {
	m := earlierRule.FindStringSubmatch(rule)
	if m == nil || knownFacts[m[1]] != journeys.Moment {
		return rule
	}
	if m[2] == "" {
		return p.FactName(m[1])
	}
	s, err := journeys.ParseSpan(m[3])
	if err != nil {
		return rule
	}
	key := "console.jr_before"
	if m[2] == "+" {
		key = "console.jr_after"
	}
	return p.T(key, "span", p.Lasts(s), "what", p.FactName(m[1]))
}

func (p *page) splitWords(n *journeys.Node) string {
	var parts []string
	for _, w := range n.Ways {
		parts = append(parts, w.Name+" "+p.Percent(money.Percent(w.Share)))
	}
	lot := strings.Join(parts, ", ")
	switch {
	case n.Out > 0 && lot != "":
		return p.T("console.jn_split", "ways", lot) + " · " + p.T("console.jn_holdout", "share", money.Percent(n.Out))
	case n.Out > 0:
		return p.T("console.jn_holdout", "share", money.Percent(n.Out))
	}
	return p.T("console.jn_split", "ways", lot)
}

func (p *page) rewardWords(r *journeys.Reward) string {
	if r == nil {
		return p.T("console.jn_reward_empty")
	}
	if r.Percent > 0 {
		return p.T("console.jn_reward_percent", "percent", money.Percent(r.Percent), "span", p.Lasts(r.Life))
	}
	return p.T("console.jn_reward_amount", "span", p.Lasts(r.Life))
}

func (p *page) sendWords(n *journeys.Node, names map[string]string) string {
	if n.Template == "" {
		return p.T("console.jn_send_empty")
	}
	name := names[n.Template]
	if name == "" {
		name = n.Template
	}
	return p.T("console.jn_send", "text", name, "channels", p.channelWords(n.Channels, n.Only))
}

func (p *page) channelWords(all []messaging.Channel, only bool) string {
	if len(all) == 0 {
		return p.T("console.jn_as_market")
	}
	var words []string
	for _, ch := range all {
		words = append(words, p.Word("channel", ch))
	}
	if only {
		return p.T("console.jn_only", "channel", words[0])
	}
	return strings.Join(words, p.T("console.jn_else"))
}

// edgeWords says why a way is taken; nothing where there is no choice.
func (p *page) edgeWords(all []journeys.Edge) string {
	var words []string
	for _, e := range all {
		said := ""
		switch e.Says {
		case "":
		case "share":
			said = e.Name + " " + p.Percent(money.Percent(e.Share))
		case "way":
			said = p.Word("jway", e.Name)
		default:
			said = p.Word("jx", e.Says)
		}
		if said != "" && !slices.Contains(words, said) {
			words = append(words, said)
		}
	}
	return strings.Join(words, p.T("console.jr_or"))
}

// whereWords says where a finding is: a node and the name of its field.
func (p *page) whereWords(where string) string {
	parts := strings.Split(where, ".")
	field := parts[len(parts)-1]
	switch {
	case parts[0] == "nodes" && len(parts) == 2, parts[0] == "nodes" && len(parts) == 1:
		return ""
	case parts[0] == "exits":
		return p.T("console.jt_exits")
	case parts[0] == "trigger":
		return p.T("console.jt_trigger")
	case len(parts) > 3 && (parts[3] == "amounts" || parts[3] == "minimums"):
		return p.Word("jp", parts[3]) + " " + strings.ToUpper(field)
	}
	if _, err := strconv.Atoi(field); err == nil {
		field = parts[len(parts)-2]
	}
	return p.Word("jp", field)
}

// EndReasons are why a journey ends, each once.
func (p *page) EndReasons(all []exitRow) string {
	var words []string
	for _, e := range all {
		if w := p.Word("reason", e.Reason); !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return "–"
	}
	return strings.Join(words, " · ")
}
