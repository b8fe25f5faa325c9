package pdf

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"unicode"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
)

// Letters of some scripts change with their neighbours. They are drawn as outlines, and over them lie the letters
// themselves, unseen, so that the text can be found and copied.

// outlined are the fonts whose letters are drawn so, after the one of the Latin letters, digits and signs among them.
var outlined = sync.OnceValue(func() []*font.Font {
	var all []*font.Font
	for _, name := range []string{"NotoSans-Regular.ttf", "NotoNaskhArabic-Regular.ttf", "NotoSansThai-Regular.ttf"} {
		face, err := font.ParseTTF(bytes.NewReader(read(name)))
		if err != nil {
			panic(err)
		}
		all = append(all, face.Font)
	}
	return all
})

// shapedLetter reports whether a letter is of a script that is drawn only by shaping it, and whether it can be.
func shapedLetter(r rune) (shaped, known bool) {
	if !unicode.In(r, unicode.Arabic, unicode.Thai) {
		return false, false
	}
	faces := outlined()
	for _, f := range faces[1:] {
		if _, ok := f.NominalGlyph(r); ok {
			return true, true
		}
	}
	return true, false
}

// needsShaping reports whether a text has letters that are drawn only by shaping it.
func needsShaping(s string) bool {
	for _, r := range s {
		if shaped, known := shapedLetter(r); shaped && known {
			return true
		}
	}
	return false
}

// shaper holds the faces of one document: faces remember what they looked up and aren't shared.
type shaper struct {
	faces []*font.Face
	hb    shaping.HarfbuzzShaper
	seg   shaping.Segmenter
}

// ResolveFace implements shaping.Fontmap.
func (s *shaper) ResolveFace(r rune) *font.Face {
	f, _ := s.face(r)
	return f
}

func (s *shaper) face(r rune) (*font.Face, bool) {
	if s.faces == nil {
		for _, f := range outlined() {
			s.faces = append(s.faces, font.NewFace(f))
		}
	}
	for _, f := range s.faces {
		if _, ok := f.NominalGlyph(r); ok {
			return f, true
		}
	}
	return s.faces[0], false
}

type shaped struct {
	text  []rune
	runs  []shaping.Output // from left to right
	width float64          // millimetres
}

const perMillimetre = 72 / 25.4

// shape lays a text out, and notes the first letter that no font has.
func (d *Doc) shape(st Style, field, s string) shaped {
	out := shaped{text: []rune(s)}
	for _, r := range out.text {
		if _, ok := d.shaper.face(r); !ok {
			d.fail(ErrNoGlyph, field, fmt.Sprintf("%q (U+%04X)", r, r))
			return out
		}
	}
	dir := di.DirectionLTR
	if strong := slices.IndexFunc(out.text, unicode.IsLetter); strong >= 0 && unicode.Is(unicode.Arabic, out.text[strong]) {
		dir = di.DirectionRTL
	}
	input := shaping.Input{Text: out.text, RunEnd: len(out.text), Direction: dir, Size: fixed.Int26_6(st.Size * 64), Language: language.NewLanguage("und")}
	for _, part := range d.shaper.seg.Split(input, &d.shaper) {
		run := d.shaper.hb.Shape(part)
		run.Glyphs = slices.Clone(run.Glyphs)
		out.runs = append(out.runs, run)
		out.width += points(run.Advance) / perMillimetre
	}
	visual(out.runs, dir)
	return out
}

// visual brings runs from the order of reading into the order from left to right: in a line from right to left the
// whole is turned round, and then each stretch of runs against the direction of the line.
func visual(runs []shaping.Output, line di.Direction) {
	if line == di.DirectionRTL {
		slices.Reverse(runs)
	}
	for i := 0; i < len(runs); {
		j := i
		for j < len(runs) && runs[j].Direction != line {
			j++
		}
		slices.Reverse(runs[i:j])
		i = j + 1
	}
}

func points(v fixed.Int26_6) float64 { return float64(v) / 64 }

// place is where a letter stands: its left edge and its width in millimetres.
type place struct{ x, wide float64 }

// outline draws a shaped text, and lays its letters over it.
func (d *Doc) outline(x, y float64, st Style, text shaped) {
	if len(text.runs) == 0 {
		return
	}
	at := make([]place, len(text.text))
	d.f.SetFillColor(int(st.Grey), int(st.Grey), int(st.Grey))
	for _, run := range text.runs {
		scale := st.Size / float64(run.Face.Upem()) / perMillimetre
		var letters []int // since the last sign with a width, from left to right
		for i := 0; i < len(run.Glyphs); {
			first, from := run.Glyphs[i], x
			for i < len(run.Glyphs) && run.Glyphs[i].TextIndex() == first.TextIndex() {
				g := run.Glyphs[i]
				d.glyph(run.Face, g.GlyphID, x+points(g.XOffset)/perMillimetre, y-points(g.YOffset)/perMillimetre, scale)
				x += points(g.Advance) / perMillimetre
				i++
			}
			for k := range first.RunesCount() {
				if run.Direction == di.DirectionRTL {
					k = first.RunesCount() - 1 - k
				}
				letters = append(letters, first.TextIndex()+k)
			}
			if x == from && i < len(run.Glyphs) {
				continue // a letter that sits in the next one, as alef does in lam: they share its width
			}
			each := (x - from) / float64(len(letters))
			for n, k := range letters {
				at[k] = place{from + each*float64(n), each}
			}
			letters = letters[:0]
		}
	}
	d.lay(y, st, text.text, at)
}

// lay writes letters over their places without drawing them: word by word as they are read, and the letters of a word
// from left to right, which is how programs that read PDF expect them in every script.
func (d *Doc) lay(y float64, st Style, text []rune, at []place) {
	d.style(st, "sans")
	for i := 0; i < len(text); {
		if text[i] == ' ' {
			i++
			continue
		}
		var word []int
		for ; i < len(text) && text[i] != ' '; i++ {
			word = append(word, i)
		}
		slices.SortStableFunc(word, func(a, b int) int {
			switch {
			case at[a].x < at[b].x:
				return -1
			case at[a].x > at[b].x:
				return 1
			}
			return 0
		})
		for _, k := range word {
			stretch := 100.0
			if natural := d.f.GetStringWidth(string(text[k])); natural > 0 && at[k].wide > 0 {
				stretch = 100 * at[k].wide / natural
			}
			d.f.RawWriteStr(fmt.Sprintf("3 Tr %.2f Tz\n", stretch))
			d.f.Text(at[k].x, y, string(text[k]))
		}
	}
	d.f.RawWriteStr("0 Tr 100 Tz\n")
}

func (d *Doc) glyph(face *font.Face, id font.GID, x, y, scale float64) {
	shape, ok := face.GlyphDataOutline(id)
	if !ok || len(shape.Segments) == 0 {
		return
	}
	at := func(p opentype.SegmentPoint) (float64, float64) {
		return x + float64(p.X)*scale, y - float64(p.Y)*scale
	}
	for i, s := range shape.Segments {
		ax, ay := at(s.Args[0])
		bx, by := at(s.Args[1])
		cx, cy := at(s.Args[2])
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			if i > 0 {
				d.f.ClosePath()
			}
			d.f.MoveTo(ax, ay)
		case opentype.SegmentOpLineTo:
			d.f.LineTo(ax, ay)
		case opentype.SegmentOpQuadTo:
			px, py := d.f.GetXY()
			d.f.CurveBezierCubicTo(px+(ax-px)*2/3, py+(ay-py)*2/3, bx+(ax-bx)*2/3, by+(ay-by)*2/3, bx, by)
		case opentype.SegmentOpCubeTo:
			d.f.CurveBezierCubicTo(ax, ay, bx, by, cx, cy)
		}
	}
	d.f.ClosePath()
	d.f.DrawPath("F")
}
