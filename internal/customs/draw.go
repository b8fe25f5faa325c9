package customs

import (
	"fmt"
	"strconv"
	"strings"

	"portolan/internal/money"
	"portolan/internal/pdf"
)

// Draw draws a paper of a consignment on a size of paper as PDF; the same consignment gives the same bytes. A
// copy says that it is one. A CN22 fits pdf.A4 and pdf.Label, the others A4. Faults of package pdf name the
// field that can't be drawn; ErrNoSuchPaper is the fault of another kind or size.
//
// The number of an IOSS registration is drawn nowhere.
func Draw(c *Consignment, p Paper, size pdf.Size, again bool) ([]byte, error) {
	d := pdf.New(size, strings.TrimSpace(titles[p].en+" "+c.Order), c.Date)
	if err := DrawOn(d, c, p, again); err != nil {
		return nil, err
	}
	return d.Bytes()
}

// DrawOn draws a paper on further pages of a document, so that many are printed at once; see Draw.
func DrawOn(d *pdf.Doc, c *Consignment, p Paper, again bool) error {
	s, size := &sheet{Doc: d, c: c, again: again, margin: 15, before: d.Pages()}, d.Size
	if size == pdf.Label {
		s.margin = 4
	}
	switch {
	case p == CN22:
		s.cn22()
	case size != pdf.A4:
		return fmt.Errorf("%s on %.0f x %.0f mm: %w", p, size.W, size.H, ErrNoSuchPaper)
	case p == CN23:
		s.cn23()
	case p == Invoice:
		s.invoice()
	case p == Packing:
		s.packing()
	default:
		return fmt.Errorf("%q: %w", p, ErrNoSuchPaper)
	}
	return nil
}

var titles = map[Paper]struct{ en, fr string }{
	CN22:    {"Customs declaration", "Déclaration en douane"},
	CN23:    {"Customs declaration", "Déclaration en douane"},
	Invoice: {"Commercial invoice", "Facture commerciale"},
	Packing: {"Packing list", "Liste de colisage"},
}

// sheet is a paper being drawn.
type sheet struct {
	*pdf.Doc
	c      *Consignment
	again  bool
	margin float64
	before int // pages of other papers
}

// ink
var (
	caption = pdf.Style{Size: 6.2, Grey: 95}
	body    = pdf.Style{Size: 8.5}
	strong  = pdf.Style{Size: 8.5, Bold: true}
	small   = pdf.Style{Size: 7, Grey: 60}
)

func right(st pdf.Style) pdf.Style { st.Align = pdf.Right; return st }

func (s *sheet) inner() float64 { return s.Size.W - 2*s.margin }

// head draws title, marks and the rule below them, and returns where the page goes on.
func (s *sheet) head(p Paper, mark string) float64 {
	s.AddPage()
	x, w, t := s.margin, s.inner(), titles[p]
	s.Text(x, 20, w*0.65, pdf.Style{Size: 17, Bold: true}, "title", t.en)
	s.Text(x, 25, w*0.65, pdf.Style{Size: 9, Grey: 95}, "title", t.fr)
	s.Text(x+w*0.65, 20, w*0.35, pdf.Style{Size: 17, Bold: true, Align: pdf.Right}, "title", mark)
	s.Text(x+w*0.5, 25, w*0.5, right(small), "version", s.edition())
	s.Rule(x, 28, x+w, 28, 0.6, 0)
	return 28
}

func (s *sheet) edition() string {
	text := "version " + strconv.Itoa(max(s.c.Version, 1)) + " · page " + strconv.Itoa(s.Pages()-s.before)
	if s.again {
		text = "COPY / DUPLICATA · " + text
	}
	return text
}

// cell draws a caption and below it a value, in a width.
func (s *sheet) cell(x, y, w float64, en, fr, field, value string) {
	label := en
	if fr != "" {
		label += " / " + fr
	}
	s.Text(x, y, w-1.5, caption, field, label)
	s.Text(x, y+4, w-1.5, body, field, value)
}

// party draws a party and returns the baseline after its last line.
func (s *sheet) party(x, y, w float64, en, fr, field string, p Party) float64 {
	s.Text(x, y, w, caption, field, en+" / "+fr)
	y += 4.4
	for i, line := range latinLines(p) {
		st := body
		if i == 0 {
			st = strong
		}
		s.Text(x, y, w, st, field, line)
		y += 3.9
	}
	for _, line := range ownLines(p) {
		s.Text(x, y, w, pdf.Style{Size: 8, Grey: 40}, field, line)
		y += 3.9
	}
	contact := strings.Trim(p.Address.Phone+" · "+p.Email, " ·")
	if contact != "" {
		s.Text(x, y, w, small, field, contact)
		y += 3.6
	}
	for _, id := range p.IDs {
		if id.Kind != "IOSS" {
			s.Text(x, y, w, small, field+".ids", id.Kind+" "+id.Country+": "+id.Number)
			y += 3.6
		}
	}
	return y
}

func (s *sheet) reference() string {
	if sc := s.c.Scheme; sc.Kind != "" && sc.Kind != "IOSS" {
		return strings.TrimSpace(sc.Kind + " " + sc.Number)
	}
	return ""
}

// column of a table of goods.
type column struct {
	en, fr string
	wide   float64 // share of the width
	num    bool
	value  func(int, Line) string
}

// goods draws a table of lines, on further pages where one is too short, and returns where the page goes on.
// below is the room the rest of the paper needs on its last page.
func (s *sheet) goods(p Paper, mark string, y, below float64, lines []int, columns []column) float64 {
	x0, w := s.margin, s.inner()
	top := func(y float64) float64 {
		s.Fill(x0, y, w, 8.2, 238)
		x := x0
		for _, col := range columns {
			st := pdf.Style{Size: 6.2, Bold: true}
			fr := caption
			if col.num {
				st, fr = right(st), right(fr)
			}
			s.Text(x+1, y+3.4, col.wide*w-2, st, "table", col.en)
			s.Text(x+1, y+6.6, col.wide*w-2, fr, "table", col.fr)
			x += col.wide * w
		}
		return y + 8.2
	}
	y = top(y)
	for n, i := range lines {
		l := s.c.Lines[i]
		high := 0.0
		cells := make([][]string, len(columns))
		for k, col := range columns {
			text := col.value(i, l)
			if col.num {
				cells[k] = []string{text}
			} else {
				for part := range strings.SplitSeq(text, "\n") {
					cells[k] = append(cells[k], s.Break(col.wide*w-2, body, fmt.Sprintf("lines.%d", i), part)...)
				}
			}
			high = max(high, 3.9*float64(len(cells[k]))+2)
		}
		room := 12.0
		if n == len(lines)-1 {
			room = below
		}
		if y+high > s.Size.H-s.margin-room {
			y = top(s.head(p, mark) + 5)
		}
		x := x0
		for k, col := range columns {
			st := body
			if col.num {
				st = right(st)
			}
			for j, text := range cells[k] {
				s.Text(x+1, y+4+3.9*float64(j), col.wide*w-2, st, fmt.Sprintf("lines.%d.%s", i, col.en), text)
			}
			x += col.wide * w
		}
		y += high
		s.Rule(x0, y, x0+w, y, 0.1, 170)
	}
	return y
}

func kilos(grams int64) string { return fmt.Sprintf("%d.%03d", grams/1000, grams%1000) }

// shown is a description on paper: a number isn't parted from its per cent sign.
func shown(description string) string {
	return strings.ReplaceAll(cleaned(description), " %", "\u00a0%")
}

// each is the value of one piece, with two more decimals where the line doesn't divide.
func each(l Line) string {
	if l.Quantity <= 0 {
		return ""
	}
	digits := l.Value.Currency.Digits()
	if l.Value.Minor%l.Quantity == 0 {
		return money.Of(l.Value.Minor/l.Quantity, l.Value.Currency).Decimal()
	}
	n := (l.Value.Minor*100*2 + l.Quantity) / (2 * l.Quantity)
	digits += 2
	text := fmt.Sprintf("%0*d", digits+1, n)
	return text[:len(text)-digits] + "." + text[len(text)-digits:]
}

func (s *sheet) all() []int {
	out := make([]int, len(s.c.Lines))
	for i := range out {
		out[i] = i
	}
	return out
}

// made says what of material and use the description doesn't.
func made(l Line) string {
	var parts []string
	for _, m := range l.Materials {
		if strings.Contains(strings.ToLower(l.Description), m.Fibre) {
			continue
		}
		share := ""
		if m.Percent > 0 {
			share = strconv.Itoa(m.Percent) + " % "
		}
		parts = append(parts, share+m.Fibre)
	}
	if l.Use != "" {
		parts = append(parts, "for "+l.Use)
	}
	return strings.Join(parts, ", ")
}

func (s *sheet) track(x, y, w, h float64) {
	if len(s.c.Parcels) == 0 || s.c.Parcels[0].Tracking == "" {
		return
	}
	number := s.c.Parcels[0].Tracking
	s.Barcode(x, y, w, h, "tracking", number)
	s.Text(x, y+h+3.6, w, pdf.Style{Size: 8, Align: pdf.Center}, "tracking", number)
}
