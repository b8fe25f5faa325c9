package customs

import (
	"slices"
	"strconv"
	"time"

	"portolan/internal/address"
)

// Acceptance is a named person's word that a warning may stand. With a Mark it is about that finding alone, and
// ends when the finding says something else; without one about all of a code on a line.
type Acceptance struct {
	Line   int
	Code   string
	Mark   string // Finding.Mark
	By     string
	Reason string
}

func (a Acceptance) covers(f Finding) bool {
	if a.By == "" || a.Reason == "" || a.Code != f.Code {
		return false
	}
	if a.Mark != "" {
		return a.Mark == f.Mark()
	}
	return a.Line == f.Line
}

// Accepted reports whether a named person let a finding stand.
func Accepted(all []Acceptance, f Finding) bool {
	return slices.ContainsFunc(all, func(a Acceptance) bool { return a.covers(f) })
}

// Made says that a paper was made from one version of the shipment.
type Made struct {
	Paper   Paper
	Version int
	SHA256  string
}

// Gate is what is known about a shipment besides its consignment.
type Gate struct {
	Accepted  []Acceptance
	Made      []Made
	Advised   bool      // the pre-advice was accepted or queued by the carrier
	Screened  time.Time // day of the last look at the restrictions
	Today     time.Time
	Paid      bool // or to be paid on delivery
	Cancelled bool
	Options   Options
}

// Reason is one thing that keeps a consignment from leaving.
type Reason struct {
	Key   string            // of the sentence: "customs.gate.paper_missing"
	Field string            // what it is about: "papers.cn23", "lines.0.description"
	Args  map[string]string // what the sentence names

	Finding *Finding // of the linter, where it is one
}

// CannotLeave lists why a consignment can't leave. A label and a manifest are made only where it is empty.
func CannotLeave(c Consignment, g Gate) []Reason {
	var out []Reason
	stop := func(key, field string, args map[string]string) {
		out = append(out, Reason{Key: "customs.gate." + key, Field: field, Args: args})
	}
	if g.Cancelled {
		stop("cancelled", "order", nil)
	} else if !g.Paid {
		stop("unpaid", "order", nil)
	}
	if err := address.Check(printable(c.Addressee.Address)); err != nil {
		stop("address_incomplete", "addressee.address", nil)
	}
	papers := Papers(&c)
	if len(papers) == 0 {
		return out
	}
	for _, f := range Lint(c, g.Options) {
		if f.Severity == Blocks || f.Severity == Accept && !Accepted(g.Accepted, f) {
			out = append(out, Reason{Key: f.Key, Field: f.Field, Args: f.Args, Finding: &f})
		}
	}
	for _, p := range papers {
		if p == PreAdvicePaper {
			continue
		}
		if !slices.ContainsFunc(g.Made, func(m Made) bool { return m.Paper == p && m.Version == c.Version && m.SHA256 != "" }) {
			stop("paper_missing", "papers."+string(p), map[string]string{"paper": string(p), "version": strconv.Itoa(c.Version)})
		}
	}
	if !g.Advised {
		stop("not_advised", "pre_advice", nil)
	}
	if g.Screened.Format("2006-01-02") != g.Today.Format("2006-01-02") {
		stop("not_screened_today", "restrictions", nil)
	}
	return out
}

// printable is an address as papers show it.
func printable(a address.Address) address.Address {
	for _, s := range []*string{&a.GivenName, &a.FamilyName, &a.Company, &a.Line1, &a.Line2, &a.District, &a.City, &a.Region, &a.Postcode} {
		*s, _ = Printable(*s)
	}
	return a
}
