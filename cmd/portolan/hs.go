package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"portolan/internal/catalog"
	"portolan/internal/classify"
	"portolan/internal/fault"
	"portolan/internal/i18n"
)

// hsCommand helps to find the code of goods.
type hsCommand struct {
	Search  hsSearchCommand  `cmd:"" help:"Search the Harmonized System by words in English, German, Indonesian, Malay, Arabic or Chinese, or by the first digits of a code."`
	Suggest hsSuggestCommand `cmd:"" help:"Suggest codes for goods, with reasons. A suggestion is no ruling."`
}

type hsSearchCommand struct {
	Words []string `arg:"" help:"What to look for, or the first digits of a code."`
	Lang  string   `default:"en" help:"Language of the labels."`
	Limit int      `default:"10" help:"How many codes at most."`
}

// Run prints a line for each code.
func (c *hsSearchCommand) Run(out io.Writer) error {
	hits := classify.NewNomenclature(nil).Search(strings.Join(c.Words, " "), c.Lang, min(max(1, c.Limit), 100))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, h := range hits {
		fmt.Fprintf(w, "%s\t%s\t%s\n", dotted(h.HS), h.Label, h.Path[1].Label)
	}
	if len(hits) == 0 {
		fmt.Fprintln(w, "nothing found; try other words, or the first digits of a code")
	}
	return w.Flush()
}

type hsSuggestCommand struct {
	Title       []string `arg:"" help:"What the goods are called."`
	Material    []string `help:"Material and its share of the weight in per cent, as cotton=60; several times." placeholder:"NAME=PERCENT"`
	Wearer      string   `help:"women, men, girls, boys, babies or unisex."`
	Make        string   `help:"knitted or woven."`
	Description string   `help:"More words about the goods."`
	Lang        string   `default:"en" help:"Language of the reasons."`
}

// Run prints each candidate with its reasons.
func (c *hsSuggestCommand) Run(out io.Writer) error {
	g := classify.Goods{Title: strings.Join(c.Title, " "), Description: c.Description, Wearer: c.Wearer, Make: c.Make}
	for _, m := range c.Material {
		name, percent, _ := strings.Cut(m, "=")
		n, err := strconv.Atoi(strings.TrimSuffix(percent, "%"))
		if err != nil || n < 1 || n > 100 {
			return exit{2, fault.New(fault.Invalid, "classify.invalid").With(map[string]string{"material": "classify.material_form"})}
		}
		g.Materials = append(g.Materials, catalog.Material{Fibre: name, Percent: n})
	}
	say := i18n.For(c.Lang)
	all := classify.Suggest(g)
	for _, k := range all {
		fmt.Fprintf(out, "%s  %3.0f %%  %s\n", dotted(k.HS), 100*k.Confidence, classify.Label(k.HS, c.Lang))
		for _, r := range k.Reasons {
			fmt.Fprintf(out, "          %s\n", plain(say.T(r.Key, r.Spoken(c.Lang)...)))
		}
	}
	if len(all) == 0 {
		fmt.Fprintln(out, "no word of it is known; try portolan hs search")
	}
	return nil
}

// dotted writes six digits as people do: 6109.10.
func dotted(hs string) string { return hs[:4] + "." + hs[4:] }

// plain takes the marks out that keep directions apart on pages.
func plain(s string) string { return strings.NewReplacer("\u2068", "", "\u2069", "").Replace(s) }
