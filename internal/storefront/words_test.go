package storefront_test

import (
	"testing"

	"portolan/internal/demo"
	"portolan/internal/i18n"
	"portolan/internal/landed"
	"portolan/internal/payment/fakepsp"
)

// Whatever the rules, the payment methods and the services put on a page has words in every language.
func TestEverythingShownHasWords(t *testing.T) {
	keys := landed.Default().Labels()
	for _, m := range demo.Markets() {
		for _, method := range m.Methods {
			keys = append(keys, "pay."+method)
		}
		for _, ch := range m.ConsentChannels {
			keys = append(keys, "checkout.consent_"+ch)
		}
	}
	for _, card := range fakepsp.Cards() {
		keys = append(keys, "fakepsp."+string(card.Scenario))
	}
	for _, lang := range []string{"en", "de", "id", "ms", "ar"} {
		say := i18n.For(lang)
		for _, key := range keys {
			if !say.Has(key) {
				t.Errorf("%s: no words for %s", lang, key)
			}
		}
	}
}
