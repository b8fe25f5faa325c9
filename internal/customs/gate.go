package customs

import (
	"slices"
	"strconv"
	"time"

	"portolan/internal/address"
)

// Acceptance is a named person's word that a warning may stand.
type Acceptance struct {
	Line   int
	Code   string
	By     string
	Reason string
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
}

// CannotLeave lists why a consignment can't leave. A label and a manifest are made only where it is empty.
func CannotLeave(c Consignment, g Gate) []Reason {
	var out []Reason
	stop := func(key, field string, args map[string]string) {
		out = append(out, Reason{"customs.gate." + key, field, args})
	}
	if g.Cancelled {
		stop("cancelled", "order", nil)
	} else if !g.Paid {
		stop("unpaid", "order", nil)
	}
	if err := address.Check(c.Addressee.Address); err != nil {
		stop("address_incomplete", "addressee.address", nil)
	}
	papers := Papers(&c)
	if len(papers) == 0 {
		return out
	}
	for _, f := range Lint(c, g.Options) {
		accepted := slices.ContainsFunc(g.Accepted, func(a Acceptance) bool {
			return a.Line == f.Line && a.Code == f.Code && a.By != "" && a.Reason != ""
		})
		if f.Severity == Blocks || f.Severity == Accept && !accepted {
			out = append(out, Reason{f.Key, f.Field, f.Args})
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
