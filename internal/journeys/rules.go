package journeys

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/interpreter"

	"portolan/internal/fault"
)

// Rules are expressions of the Common Expression Language over facts: typed, without side effects, and bounded in what
// they cost. See Facts for what they may ask.

// ErrBadRule is the fault of a rule that can't be read; Detail of RuleFault says where and why.
var ErrBadRule = fault.New(fault.Invalid, "journeys.bad_rule")

// The types a rule may have.
type wanted int

const (
	wantBool wanted = iota
	wantTime
)

const (
	longestRule = 1000
	dearestRule = 10_000 // steps of evaluation
)

// compiled rules, by text: definitions never change and there are few texts.
var compiled sync.Map

type program struct {
	run  cel.Program
	uses map[string]bool // facts
	err  error
}

// ruleEnv declares every fact with its type.
var ruleEnv = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{cel.DefaultUTCTimeZone(true)}
	for _, f := range factTable {
		options = append(options, cel.Variable(f.Name, celTypes[f.Type]))
	}
	return cel.NewEnv(options...)
})

var celTypes = map[FactType]*cel.Type{
	Flag: cel.BoolType, Number: cel.IntType, Decimal: cel.DoubleType, Word: cel.StringType, Moment: cel.TimestampType, Length: cel.DurationType,
	Words: cel.ListType(cel.StringType),
}

// rule reads a text and returns what is wrong with it. Empty is fine.
func rule(text string, want wanted) error {
	if text == "" {
		return nil
	}
	p := compile(text, want)
	return p.err
}

func compile(text string, want wanted) *program {
	key := fmt.Sprint(want, text)
	if p, ok := compiled.Load(key); ok {
		return p.(*program)
	}
	p := &program{}
	p.run, p.uses, p.err = build(text, want)
	if len(text) <= longestRule {
		compiled.Store(key, p)
	}
	return p
}

func build(text string, want wanted) (cel.Program, map[string]bool, error) {
	if len(text) > longestRule {
		return nil, nil, fmt.Errorf("longer than %d characters: %w", longestRule, ErrBadRule)
	}
	env, err := ruleEnv()
	if err != nil {
		return nil, nil, err
	}
	ast, issues := env.Compile(text)
	if issues != nil && issues.Err() != nil {
		return nil, nil, fmt.Errorf("%s: %w", explain(issues), ErrBadRule)
	}
	type_ := cel.BoolType
	if want == wantTime {
		type_ = cel.TimestampType
	}
	if !ast.OutputType().IsExactType(type_) {
		return nil, nil, fmt.Errorf("gives %s, wanted %s: %w", ast.OutputType(), type_, ErrBadRule)
	}
	run, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(dearestRule))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", err, ErrBadRule)
	}
	uses := map[string]bool{}
	for _, f := range factTable {
		if strings.Contains(text, f.Name) {
			uses[f.Name] = true
		}
	}
	return run, uses, nil
}

// explain says where a rule goes wrong: "column 8: undeclared reference to 'order.totl'".
func explain(issues *cel.Issues) string {
	var all []string
	for _, e := range issues.Errors() {
		all = append(all, fmt.Sprintf("column %d: %s", e.Location.Column()+1, e.Message))
	}
	return strings.Join(all, "; ")
}

// RuleFault says what is wrong with a rule, for the person who writes it; nothing if it is fine.
func RuleFault(text string) string {
	if err := rule(text, wantBool); err != nil {
		return strings.TrimSuffix(err.Error(), ": "+ErrBadRule.Error())
	}
	return ""
}

// MomentFault is RuleFault for a rule that gives a moment.
func MomentFault(text string) string {
	if err := rule(text, wantTime); err != nil {
		return strings.TrimSuffix(err.Error(), ": "+ErrBadRule.Error())
	}
	return ""
}

// holds asks a rule about the facts of v. No rule holds.
func (v *view) holds(text string) (bool, error) {
	if text == "" {
		return true, nil
	}
	out, err := v.eval(text, wantBool)
	if err != nil {
		return false, err
	}
	b, ok := out.(bool)
	if !ok {
		return false, fmt.Errorf("rule %q gave %T: %w", text, out, ErrBadRule)
	}
	return b, nil
}

// moment asks a rule for a time.
func (v *view) moment(text string) (time.Time, error) {
	out, err := v.eval(text, wantTime)
	if err != nil {
		return time.Time{}, err
	}
	at, ok := out.(time.Time)
	if !ok || at.Year() <= longAgo.Year() {
		return time.Time{}, nil
	}
	return at.UTC(), nil
}

func (v *view) eval(text string, want wanted) (any, error) {
	p := compile(text, want)
	if p.err != nil {
		return nil, p.err
	}
	out, _, err := p.run.Eval(v)
	if v.err != nil {
		err := v.err
		v.err = nil
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w: %w", text, err, ErrBadRule)
	}
	return out.Value(), nil
}

var _ interpreter.Activation = (*view)(nil)

// ResolveName implements interpreter.Activation: facts are looked up when a rule asks for them.
func (v *view) ResolveName(name string) (any, bool) {
	f, ok := factByName[name]
	if !ok {
		return nil, false
	}
	value, err := f.get(v)
	if err != nil {
		v.err = errors.Join(v.err, fmt.Errorf("fact %s: %w", name, err))
	}
	if at, ok := value.(time.Time); ok && at.IsZero() {
		return longAgo, true
	}
	return value, true
}

// longAgo is what rules see of a moment that is not known: one from which an hour can be taken, which the beginning of the
// calendar, Go's zero moment, is not.
var longAgo = time.Unix(0, 0).UTC()

// Parent implements interpreter.Activation.
func (v *view) Parent() interpreter.Activation { return nil }
