// Package pdf draws papers: text in any script, lines, boxes and barcodes on pages measured in millimetres. The
// same calls give the same bytes.
//
// It knows nothing of what the papers say (package customs does), never cuts a text silently and never prints
// a box for a letter it has no glyph for: that is a fault naming letter and field. Latin (Vietnamese too), Greek,
// Cyrillic, Arabic and Thai are drawn with the fonts inside the program (fonts/README.md); Chinese and Japanese, and
// Korean, with fonts of the machine (Debian: fonts-droid-fallback, fonts-nanum), and without them they are a fault
// naming the package. Other scripts are a fault too.
package pdf

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/boombuler/barcode/code128"
	"github.com/boombuler/barcode/qr"

	"portolan/internal/fault"
)

// The faults of drawing. Their Fields name what couldn't be drawn, and the letter.
var (
	// ErrNoGlyph is the fault of a letter that no font has.
	ErrNoGlyph = fault.New(fault.Invalid, "pdf.no_glyph")
	// ErrNoFont is the fault of a letter for which a font has to be installed on the machine.
	ErrNoFont = fault.New(fault.Invalid, "pdf.font_not_installed")
	// ErrTooWide is the fault of a text that doesn't fit where it belongs, even small.
	ErrTooWide = fault.New(fault.Invalid, "pdf.text_too_wide")
	// ErrBarcode is the fault of a text that its barcode can't hold.
	ErrBarcode = fault.New(fault.Invalid, "pdf.no_barcode")
)

// Size is a format of paper in millimetres.
type Size struct{ W, H float64 }

// The formats.
var (
	A4    = Size{210, 297}
	Label = Size{100, 150} // 10 x 15 cm
)

//go:embed fonts/*.ttf
var fonts embed.FS

// Doc is a document being drawn. The first thing that goes wrong stays and is returned by Bytes.
type Doc struct {
	Size Size

	f      *fpdf.Fpdf
	loaded map[string]bool // fonts of the machine that are among the document's
	shaper shaper
	err    error
}

// New begins a document of a day; it has no page yet.
func New(size Size, title string, day time.Time) *Doc {
	f := fpdf.NewCustom(&fpdf.InitType{UnitStr: "mm", Size: fpdf.SizeType{Wd: size.W, Ht: size.H}})
	f.SetCatalogSort(true)
	f.SetCreationDate(day.UTC())
	f.SetModificationDate(day.UTC())
	f.SetProducer("Portolan", false)
	f.SetTitle(title, true)
	f.SetAutoPageBreak(false, 0)
	f.SetMargins(0, 0, 0)
	f.AddUTF8FontFromBytes("sans", "", read("NotoSans-Regular.ttf"))
	f.AddUTF8FontFromBytes("sans", "B", read("NotoSans-Bold.ttf"))
	return &Doc{Size: size, f: f, loaded: map[string]bool{}}
}

func read(name string) []byte {
	b, err := fonts.ReadFile("fonts/" + name)
	if err != nil {
		panic(err)
	}
	return b
}

// Style is how a text looks.
type Style struct {
	Size  float64 // points
	Bold  bool
	Grey  uint8 // 0 is black
	Align Align
}

// Align says where a text stands in its width.
type Align uint8

// The alignments.
const (
	Left Align = iota
	Right
	Center
)

// AddPage begins a page.
func (d *Doc) AddPage() { d.f.AddPage() }

// Pages counts the pages begun.
func (d *Doc) Pages() int { return d.f.PageCount() }

func (d *Doc) fail(code *fault.Fault, field, what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%s: %s: %w", field, what, code.With(map[string]string{field: what}))
	}
}

const smallest = 0.62 // of the size asked for, before a text is too wide

// Text draws one line with its baseline at y, made smaller where it is wider than w; a w of 0 takes any width.
// field names the text in faults.
func (d *Doc) Text(x, y, w float64, st Style, field, s string) {
	if s == "" {
		return
	}
	wide := d.width(st, field, s)
	if w > 0 && wide > w {
		factor := w / wide
		if factor < smallest {
			d.fail(ErrTooWide, field, fmt.Sprintf("%q needs %.0f mm of %.0f", s, wide, w))
			return
		}
		st.Size *= factor
		wide = w
	}
	switch st.Align {
	case Right:
		x += w - wide
	case Center:
		x += (w - wide) / 2
	}
	if needsShaping(s) {
		d.outline(x, y, st, d.shape(st, field, s))
		return
	}
	for _, r := range d.runs(field, s) {
		d.style(st, r.family)
		d.f.Text(x, y, r.text)
		x += d.f.GetStringWidth(r.text)
	}
}

func (d *Doc) style(st Style, family string) {
	weight := ""
	if st.Bold && family == "sans" {
		weight = "B"
	}
	d.f.SetFont(family, weight, st.Size)
	g := int(st.Grey)
	d.f.SetTextColor(g, g, g)
}

// width is how wide a text is in millimetres.
func (d *Doc) width(st Style, field, s string) (mm float64) {
	if needsShaping(s) {
		return d.shape(st, field, s).width
	}
	for _, r := range d.runs(field, s) {
		d.style(st, r.family)
		mm += d.f.GetStringWidth(r.text)
	}
	return mm
}

// Break splits a text at its spaces into lines no wider than w; a word that is wider stands alone.
// field names the text in faults.
func (d *Doc) Break(w float64, st Style, field, s string) []string {
	var lines []string
	line := ""
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && d.width(st, field, longer) > w {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// Para draws a text in as many lines as it needs, the first baseline at y, and returns the baseline after the
// last.
func (d *Doc) Para(x, y, w, leading float64, st Style, field, s string) float64 {
	for _, line := range d.Break(w, st, field, s) {
		d.Text(x, y, w, st, field, line)
		y += leading
	}
	return y
}

// Rule draws a line of a thickness in millimetres.
func (d *Doc) Rule(x1, y1, x2, y2, thick float64, grey uint8) {
	d.f.SetLineWidth(thick)
	d.f.SetDrawColor(int(grey), int(grey), int(grey))
	d.f.Line(x1, y1, x2, y2)
}

// Box draws an empty rectangle.
func (d *Doc) Box(x, y, w, h, thick float64, grey uint8) {
	d.f.SetLineWidth(thick)
	d.f.SetDrawColor(int(grey), int(grey), int(grey))
	d.f.Rect(x, y, w, h, "D")
}

// Fill draws a full rectangle.
func (d *Doc) Fill(x, y, w, h float64, grey uint8) {
	d.f.SetFillColor(int(grey), int(grey), int(grey))
	d.f.Rect(x, y, w, h, "F")
}

// Tick draws a box to tick, ticked or not.
func (d *Doc) Tick(x, y, side float64, on bool) {
	d.Box(x, y, side, side, 0.25, 0)
	if on {
		d.Rule(x+0.5, y+0.5, x+side-0.5, y+side-0.5, 0.4, 0)
		d.Rule(x+0.5, y+side-0.5, x+side-0.5, y+0.5, 0.4, 0)
	}
}

// Barcode draws s as CODE-128 in a box, with quiet zones of ten modules on either side inside it.
func (d *Doc) Barcode(x, y, w, h float64, field, s string) {
	code, err := code128.Encode(s)
	if err != nil || s == "" {
		d.fail(ErrBarcode, field, fmt.Sprintf("%q", s))
		return
	}
	modules := code.Bounds().Dx()
	module := w / float64(modules+20)
	d.f.SetFillColor(0, 0, 0)
	for i := 0; i < modules; {
		from := i
		for i < modules && dark(code.At(i, 0).RGBA()) {
			i++
		}
		if i > from {
			d.f.Rect(x+module*float64(10+from), y, module*float64(i-from), h, "F")
			continue
		}
		i++
	}
}

// QR draws s as a QR code of medium error correction in a square, with a quiet zone of four modules inside it.
func (d *Doc) QR(x, y, side float64, field, s string) {
	code, err := qr.Encode(s, qr.M, qr.Auto)
	if err != nil || s == "" {
		d.fail(ErrBarcode, field, fmt.Sprintf("%q", s))
		return
	}
	modules := code.Bounds().Dx()
	module := side / float64(modules+8)
	d.f.SetFillColor(0, 0, 0)
	for row := range modules {
		for i := 0; i < modules; {
			from := i
			for i < modules && dark(code.At(i, row).RGBA()) {
				i++
			}
			if i > from {
				d.f.Rect(x+module*float64(4+from), y+module*float64(4+row), module*float64(i-from), module, "F")
				continue
			}
			i++
		}
	}
}

func dark(r, _, _, _ uint32) bool { return r < 0x8000 }

// Bytes ends the document and returns it, or the first fault of drawing it.
func (d *Doc) Bytes() ([]byte, error) {
	if d.err != nil {
		return nil, d.err
	}
	var out bytes.Buffer
	if err := d.f.Output(&out); err != nil {
		return nil, fmt.Errorf("write PDF: %w", err)
	}
	return out.Bytes(), nil
}

// TooMany notes that a paper has no room for all that belongs on it.
func (d *Doc) TooMany(field string, n int) {
	d.fail(ErrTooWide, field, fmt.Sprintf("%d don't fit on the paper", n))
}
