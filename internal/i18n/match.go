package i18n

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
)

// Match picks from offered the tag that suits an Accept-Language header best, or "" if none of the
// visitor's languages is offered. It is a ground for a suggestion, never for a redirect.
func Match(acceptLanguage string, offered []string) string {
	if acceptLanguage == "" || len(offered) == 0 || len(acceptLanguage) > 400 {
		return ""
	}
	asked, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(asked) == 0 {
		return ""
	}
	_, i, sure := matcher(offered).Match(asked...)
	if sure == language.No {
		return ""
	}
	return offered[i]
}

var matchers sync.Map // offered tags, joined, to language.Matcher; a shop offers few combinations

func matcher(offered []string) language.Matcher {
	key := strings.Join(offered, ",")
	if m, ok := matchers.Load(key); ok {
		return m.(language.Matcher)
	}
	known := make([]language.Tag, len(offered))
	for i, tag := range offered {
		known[i] = language.Make(tag)
	}
	m := language.NewMatcher(known)
	matchers.Store(key, m)
	return m
}
