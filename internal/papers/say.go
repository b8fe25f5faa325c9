package papers

import (
	"fmt"
	"slices"

	"portolan/internal/customs"
	"portolan/internal/fault"
	"portolan/internal/fulfilment"
	"portolan/internal/i18n"
	"portolan/internal/pdf"
)

// Say puts a finding or a reason into words: the sentence under its key, with papers by their names and rules by
// what they ask.
func Say(p *i18n.Printer, key string, args map[string]string) string {
	said := map[string]string{}
	for name, value := range args {
		said[name] = value
	}
	if paper := said["paper"]; paper != "" {
		said["paper"] = PaperName(p, customs.Paper(paper))
	}
	if rule := said["rule"]; rule != "" {
		said["reason"] = p.T("customs.restriction."+rule, "country", p.CountryName(said["country"]))
		said["alternative"] = p.T(said["alternative"])
		if said["needs"] != "" {
			return p.T("customs.lint.l14_needs", "reason", said["reason"], "needs", Needs(said["needs"]), "alternative", said["alternative"])
		}
	}
	var list []any
	for name, value := range said {
		list = append(list, name, value)
	}
	return p.T(key, list...)
}

// PaperName is what people call a paper.
func PaperName(p *i18n.Printer, kind customs.Paper) string {
	return p.T("customs.paper_" + string(kind))
}

// Needs writes the code of a mark or document as people read it: "EU_RESPONSIBLE_PERSON" is "EU responsible person".
func Needs(code string) string {
	b := []byte(code)
	for i := range b {
		if b[i] == '_' {
			b[i] = ' '
		}
	}
	return string(b)
}

// undrawable are the texts of a consignment that no font has all letters for.
func undrawable(c *customs.Consignment) (all []Reason) {
	seen := map[string]bool{}
	look := func(field string, line int, where Remedy, text string) {
		text, _ = customs.Printable(text)
		letter, deb, missing := pdf.Missing(text)
		if !missing || seen[text] {
			return
		}
		seen[text] = true
		why := Reason{Key: "customs.gate.no_glyph", Field: field, Severity: customs.Blocks, Line: line, Remedy: where,
			Args: map[string]string{"letter": fmt.Sprintf("%c (U+%04X)", letter, letter), "text": text}}
		if deb != "" {
			why.Key, why.Args["package"] = "customs.gate.no_font", deb
		}
		all = append(all, why)
	}
	party := func(field string, where Remedy, p customs.Party) {
		latin, own := customs.Written(p)
		for _, line := range slices.Concat(latin, own) {
			look(field, -1, where, line)
		}
	}
	party("sender", RemedyProfile, c.Sender)
	party("addressee", RemedyAddress, c.Addressee)
	for i, l := range c.Lines {
		look(fmt.Sprintf("lines.%d.description", i), i, RemedyDescribe, l.Description)
	}
	for field, text := range map[string]string{"comments": c.Comments, "origin_statement": c.Origin} {
		look(field, -1, RemedyParticulars, text)
	}
	look("signer", -1, RemedyProfile, c.Signer)
	return all
}

// unfit makes a refusal of what a paper had no room for; other errors are left as they are.
func unfit(id fulfilment.ShipmentID, err error) error {
	f := fault.Of(err)
	if f.Code != pdf.ErrTooWide.Code {
		return err
	}
	for field, what := range f.Fields {
		return &Refusal{ErrOpen, id, []Reason{{Key: "customs.gate.too_wide", Field: field, Args: map[string]string{"text": what}, Severity: customs.Blocks, Line: -1, Remedy: RemedyAddress}}}
	}
	return err
}
