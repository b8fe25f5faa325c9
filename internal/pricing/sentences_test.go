package pricing_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/i18n"
)

// Every code that prices can answer with has a sentence, in every language.
func TestCodesHaveSentences(t *testing.T) {
	code := regexp.MustCompile(`"(pricing\.[a-z0-9_]+)"`)
	other := map[string]bool{"pricing.payouts": true, "pricing.rates": true} // names of jobs
	found := 0
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range code.FindAllStringSubmatch(string(text), -1) {
			if other[m[1]] {
				continue
			}
			found++
			for _, lang := range i18n.Languages() {
				require.True(t, i18n.For(lang).Has("faults."+m[1]), "%s: %s isn't said in %s", file, m[1], lang)
			}
		}
	}
	require.Greater(t, found, 50)
}
