package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"portolan/internal/fault"
)

var (
	slugForm   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	wordForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,39}$`)
	codeForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$`)
	skuForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$`)
	originForm = regexp.MustCompile(`^[A-Z]{2}$`)
	hsForm     = regexp.MustCompile(`^([0-9]{6,10})?$`)
	hsUSForm   = regexp.MustCompile(`^([0-9]{8}|[0-9]{10})?$`)
	gtinForm   = regexp.MustCompile(`^([0-9]{8}|[0-9]{12,14})?$`)
	hexForm    = regexp.MustCompile(`^(#[0-9A-Fa-f]{6})?$`)
	fileForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,99}\.(svg|png|jpe?g|webp|avif)$`)
	langForm   = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?$`)
)

const (
	maxSlug        = 80
	maxTitle       = 200    // characters
	maxText        = 20_000 // characters
	maxVariants    = 500
	maxBaseMinor   = 1_000_000_000_000
	maxWeightGrams = 1_000_000
	maxMarks       = 50
)

var (
	wearers = []string{"", "women", "men", "girls", "boys", "babies", "unisex"}
	makes   = []string{"", "knitted", "woven", "felt"}
)

// ValidSlug reports whether s can name a product, a category or a collection in a URL: a-z, 0-9 and single
// hyphens between them, at most 80 characters. There is no way to climb folders with it.
func ValidSlug(s string) bool { return len(s) <= maxSlug && slugForm.MatchString(s) }

// check notes what is wrong with a product, each field under the product's slug or its place in the import.
func (p *Product) check(c *fault.Check, n int) {
	at := func(field string) string {
		if ValidSlug(p.Slug) {
			return p.Slug + "." + field
		}
		return fmt.Sprintf("products[%d].%s", n, field)
	}
	c.That(ValidSlug(p.Slug), at("slug"), "catalog.slug_form")
	c.That(wordForm.MatchString(p.Kind), at("kind"), "catalog.word_form")
	c.That(ValidSlug(p.Category), at("category"), "catalog.slug_form")
	for _, s := range p.Collections {
		c.That(ValidSlug(s), at("collections"), "catalog.slug_form")
	}
	c.That(wordForm.MatchString(p.TaxCategory), at("tax_category"), "catalog.word_form")
	c.That(originForm.MatchString(string(p.Origin)), at("origin"), "catalog.country_form")
	c.That(hsForm.MatchString(p.HS), at("hs"), "catalog.hs_form")
	c.That(hsUSForm.MatchString(p.HSUS), at("hs_us"), "catalog.hs_form")
	c.That(plain(p.CustomsDescription, maxTitle) && p.CustomsDescription != "", at("customs_description"), "catalog.text_form")
	c.That(p.WeightGrams >= 0 && p.WeightGrams <= maxWeightGrams, at("weight_g"), "catalog.weight_range")
	c.That(p.Base.Currency.Valid(), at("base_price"), "catalog.currency_form")
	c.That(p.Base.Minor > 0 && p.Base.Minor <= maxBaseMinor, at("base_price"), "catalog.price_range")
	c.That(p.SizeChart == "" || wordForm.MatchString(p.SizeChart), at("size_chart"), "catalog.word_form")
	for name, fact := range p.Facts {
		c.That(wordForm.MatchString(name) && plain(fact, maxTitle), at("facts"), "catalog.text_form")
	}
	p.checkGoods(c, at)
	percent := 0
	for _, m := range p.Materials {
		c.That(plain(m.Fibre, 40) && m.Fibre != "" && m.Percent > 0, at("materials"), "catalog.material_form")
		percent += m.Percent
	}
	c.That(percent <= 100, at("materials"), "catalog.material_sum")
	p.checkOptions(c, at)
	p.checkVariants(c, at)
	for _, im := range p.Images {
		c.That(fileForm.MatchString(im.File), at("images"), "catalog.file_form")
		c.That(im.Color == "" || p.hasValue("color", im.Color), at("images"), "catalog.value_unknown")
		for lang, alt := range im.Alt {
			c.That(langForm.MatchString(lang), at("images"), "catalog.language_form")
			c.That(plain(alt, maxTitle), at("images"), "catalog.text_form")
		}
	}
	c.That(len(p.Texts) > 0, at("texts"), "catalog.needs_text")
	for lang, t := range p.Texts {
		c.That(langForm.MatchString(lang), at("texts"), "catalog.language_form")
		c.That(strings.TrimSpace(t.Title) != "" && plain(t.Title, maxTitle), at("title."+lang), "catalog.text_form")
		c.That(plain(t.Description, maxText), at("description."+lang), "catalog.text_form")
		c.That(plain(t.Care, maxText), at("care."+lang), "catalog.text_form")
		c.That(plain(t.Fit, maxText), at("fit."+lang), "catalog.text_form")
		c.That(plain(t.Material, maxText), at("material."+lang), "catalog.text_form")
	}
}

func (p *Product) checkGoods(c *fault.Check, at func(string) string) {
	c.That(slices.Contains(wearers, p.Wearer), at("wearer"), "catalog.wearer_unknown")
	c.That(slices.Contains(makes, p.Make), at("make"), "catalog.make_unknown")
	for _, t := range p.Traits {
		c.That(wordForm.MatchString(t), at("traits"), "catalog.word_form")
	}
	for _, e := range p.Evidence {
		c.That(codeForm.MatchString(e), at("evidence"), "catalog.mark_form")
	}
	c.That(len(p.Traits) <= maxMarks, at("traits"), "catalog.too_many_marks")
	c.That(len(p.Evidence) <= maxMarks, at("evidence"), "catalog.too_many_marks")
}

func (p *Product) checkOptions(c *fault.Check, at func(string) string) {
	names := map[string]bool{}
	for _, o := range p.Options {
		c.That(wordForm.MatchString(o.Name) && !names[o.Name], at("options"), "catalog.option_name")
		names[o.Name] = true
		codes := map[string]bool{}
		for _, v := range o.Values {
			c.That(codeForm.MatchString(v.Code) && !codes[v.Code], at("options."+o.Name), "catalog.value_code")
			c.That(hexForm.MatchString(v.Hex), at("options."+o.Name), "catalog.hex_form")
			codes[v.Code] = true
			for lang, name := range v.Names {
				c.That(langForm.MatchString(lang), at("options."+o.Name), "catalog.language_form")
				c.That(plain(name, maxTitle), at("options."+o.Name), "catalog.text_form")
			}
		}
		c.That(len(codes) > 0, at("options."+o.Name), "catalog.needs_value")
	}
}

func (p *Product) checkVariants(c *fault.Check, at func(string) string) {
	c.That(len(p.Variants) > 0 && len(p.Variants) <= maxVariants, at("variants"), "catalog.variant_count")
	seen := map[string]bool{}
	for _, v := range p.Variants {
		field := at("variants")
		if skuForm.MatchString(v.SKU) {
			field = at("variants." + v.SKU)
		}
		c.That(skuForm.MatchString(v.SKU), field, "catalog.sku_form")
		c.That(gtinForm.MatchString(v.GTIN), field, "catalog.gtin_form")
		c.That(v.WeightGrams >= 0 && v.WeightGrams <= maxWeightGrams, field, "catalog.weight_range")
		c.That(v.WeightGrams > 0 || p.WeightGrams > 0, field, "catalog.needs_weight")
		c.That(v.Base.Minor >= 0 && v.Base.Minor <= maxBaseMinor, field, "catalog.price_range")
		c.That(v.Base.Minor == 0 || v.Base.Currency == p.Base.Currency, field, "catalog.currency_differs")
		c.That(len(v.Options) == len(p.Options), field, "catalog.option_missing")
		for name, code := range v.Options {
			c.That(p.hasValue(name, code), field, "catalog.value_unknown")
		}
		choices := p.choices(&v)
		c.That(!seen[choices], field, "catalog.variant_twice")
		seen[choices] = true
	}
}

func (p *Product) hasValue(option, code string) bool {
	for _, o := range p.Options {
		if o.Name != option {
			continue
		}
		for _, v := range o.Values {
			if v.Code == code {
				return true
			}
		}
	}
	return false
}

// choices writes a variant's values in the order of the product's options: "navy/m".
func (p *Product) choices(v *Variant) string {
	all := make([]string, len(p.Options))
	for i, o := range p.Options {
		all[i] = v.Options[o.Name]
	}
	return strings.Join(all, "/")
}

// plain reports whether s is text that both databases keep: valid UTF-8 without the null character.
func plain(s string, max int) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, 0) && utf8.RuneCountInString(s) <= max
}
