package messaging

import (
	"regexp"
	"strings"
)

// codeLike finds what looks like a discount code: capitals and digits together, five or more.
var codeLike = regexp.MustCompile(`\b[A-Z0-9]*(?:[A-Z][0-9]|[0-9][A-Z])[A-Z0-9]*\b`)

// orderPages are the pages of the shop that a message about an order may lead to.
var orderPages = []string{"/orders", "/order", "/track", "/help", "/contact", "/returns", "/r/"}

// checkOffer says why a text may not be about an order: what belongs to a purchase holds no offer, or it would need
// consent. Variables are left out, their values are facts about the order.
func checkOffer(s, base string) string {
	s = withoutVariables(s)
	if strings.ContainsAny(s, "%٪％﹪‰") {
		return "text_offer_percent"
	}
	for _, l := range linksIn(s) {
		_, path, _ := strings.Cut(bare(l), "/")
		page := false
		for _, p := range orderPages {
			page = page || strings.Contains("/"+path+"/", strings.TrimSuffix(p, "/")+"/")
		}
		if hostOf(l) != hostOf(base) || !page {
			return "text_offer_link"
		}
		s = strings.ReplaceAll(s, l, "")
	}
	for _, c := range codeLike.FindAllString(s, -1) {
		if len(c) >= 5 {
			return "text_offer_code"
		}
	}
	return ""
}

// withoutVariables is a text without what stands in braces.
func withoutVariables(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		_, s, _ = strings.Cut(after, "}")
		b.WriteByte(' ')
	}
}
