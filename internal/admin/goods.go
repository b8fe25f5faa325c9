package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"portolan/internal/auth"
	"portolan/internal/catalog"
	"portolan/internal/classify"
	"portolan/internal/customs"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/pricing"
)

// Codes helps with the codes of goods and keeps what was decided. Satisfied by classify.Service.
type Codes interface {
	Queue(tx *db.Tx, later bool) ([]classify.Entry, error)
	Entry(tx *db.Tx, slug string) (classify.Entry, error)
	Decide(tx *db.Tx, slug string, d classify.Decision) (classify.Decision, error)
	Undo(tx *db.Tx, slug, decision, by string) (classify.Decision, error)
	Decisions(tx *db.Tx, product string) ([]classify.Decision, error)
	Search(query, lang string, most int) []classify.Hit
	Path(hs string) []classify.Heading
}

// Borders says everything that stands between a product and a country. Satisfied by customs.Screen.
type Borders interface {
	Product(p *catalog.Product, country, day string) []customs.Verdict
}

func (c *console) goodsRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/goods", c.page("goods", c.goods))
	mux.Handle("POST /console/goods", c.act(auth.Operator, c.acceptCodes))
	mux.Handle("GET /console/goods/{slug}", c.page("good", c.good))
	mux.Handle("POST /console/goods/{slug}", c.filled(auth.Operator, "good", c.good, c.decideGood))
}

type goodsView struct {
	Rows     []goodRow
	Problems []choice
	Later    bool
	All      int64
}

type goodRow struct {
	classify.Entry
	Title, Picture string
	First          *candidateView
	Sure           bool // may be accepted with others
}

// candidateView is a code as it is offered.
type candidateView struct {
	HS, Dotted, Label string
	Percent           int64
	Path              []classify.Heading
	Why               []string
	Chosen            bool
	Duties            []dutyCell
}

type dutyCell struct {
	Country string
	pricing.Sheet
	Known bool
}

const sureEnough = 0.6

func (c *console) goods(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_goods")
	v := goodsView{Later: p.Q("later") == "1"}
	p.Data = &v
	if c.Codes == nil {
		return nil
	}
	all, err := c.Codes.Queue(tx, v.Later)
	if err != nil {
		return err
	}
	v.All = int64(len(all))
	only := p.Q("problem")
	v.Problems = []choice{{"", p.T("console.go_any"), only == ""}}
	for _, pr := range []classify.Problem{classify.NoCode, classify.UnknownCode, classify.Imported, classify.Disagrees, classify.OtherWords, classify.Shallow} {
		v.Problems = append(v.Problems, choice{string(pr), p.Word("go", pr), only == string(pr)})
	}
	for _, e := range all {
		if only != "" && !slices.Contains(e.Problems, classify.Problem(only)) || len(v.Rows) == 100 {
			continue
		}
		row := goodRow{Entry: e, Title: e.Product.Text(p.Lang()).Title, Picture: c.firstPicture(e.Product)}
		if len(e.Candidates) > 0 {
			row.First = c.candidate(p, e.Candidates[0])
			row.Sure = e.Candidates[0].Confidence >= sureEnough
		}
		v.Rows = append(v.Rows, row)
	}
	undoGood(p)
	return nil
}

func (c *console) firstPicture(p *catalog.Product) string {
	if len(p.Images) == 0 {
		return ""
	}
	return c.Media + p.Images[0].File
}

func (c *console) candidate(p *page, k classify.Candidate) *candidateView {
	v := &candidateView{HS: k.HS, Dotted: dotted(k.HS), Label: classify.Label(k.HS, p.Lang()), Percent: int64(k.Confidence*100 + 0.5), Path: c.Codes.Path(k.HS)}
	for _, r := range k.Reasons {
		v.Why = append(v.Why, p.T(r.Key, r.Spoken(p.Lang())...))
	}
	return v
}

// dotted writes a code as people do: 6109.10.00.
func dotted(hs string) string {
	if len(hs) < 6 {
		return hs
	}
	out := hs[:4] + "." + hs[4:6]
	for rest := hs[6:]; rest != ""; {
		n := min(2, len(rest))
		out, rest = out+"."+rest[:n], rest[n:]
	}
	return out
}

type goodView struct {
	classify.Entry
	Text                 catalog.Text
	Pictures             []string
	Now                  *candidateView
	Candidates           []*candidateView
	Found                []*candidateView
	Markets              []string
	Near                 []*candidateView
	History              []decidedRow
	Next                 string
	HS, EU, GB, US       string
	Brought              *candidateView
	Wearers, Makes       []choice
	Traits               []choice
	Evidence             string
	Marks                []string
	Verdicts             []verdictRow
	Query, SearchedWords string
}

type decidedRow struct {
	classify.Decision
	Label string
	Last  bool
}

type verdictRow struct {
	Country string
	Blocked bool
	All     []verdictCell
}

type verdictCell struct {
	customs.Verdict
	Text, Do string
}

// good is one product with what its code may be and what each would cost.
func (c *console) good(tx *db.Tx, r *http.Request, p *page) error {
	if c.Codes == nil {
		return catalog.ErrUnknownProduct
	}
	e, err := c.Codes.Entry(tx, r.PathValue("slug"))
	if err != nil {
		return err
	}
	v := goodView{Entry: e, Text: e.Product.Text(p.Lang()), Query: cut(strings.TrimSpace(p.Q("q")), 200)}
	p.Title = v.Text.Title
	undoGood(p)
	for _, im := range e.Product.Images[:min(2, len(e.Product.Images))] {
		v.Pictures = append(v.Pictures, c.Media+im.File)
	}
	chosen := p.Kept("decide", "hs", "")
	for _, k := range e.Candidates {
		v.Candidates = append(v.Candidates, c.candidate(p, k))
	}
	if e.Product.HS != "" {
		v.Now = c.candidate(p, classify.Candidate{HS: e.Product.HS})
	}
	if e.Question != nil {
		v.Brought = c.candidate(p, classify.Candidate{HS: e.Question.HS})
	}
	for _, near := range e.Near {
		v.Near = append(v.Near, c.candidate(p, classify.Candidate{HS: near}))
	}
	if v.Query != "" {
		for _, h := range c.Codes.Search(v.Query, p.Lang(), 12) {
			if !slices.ContainsFunc(e.Candidates, func(k classify.Candidate) bool { return k.HS == h.HS }) {
				v.Found = append(v.Found, c.candidate(p, classify.Candidate{HS: h.HS}))
			}
		}
	}
	if chosen == "" && len(v.Candidates) > 0 {
		chosen = v.Candidates[0].HS
	}
	for _, all := range [][]*candidateView{v.Candidates, v.Near, v.Found} {
		for _, k := range all {
			k.Chosen = k.HS == chosen
		}
	}
	if err := c.duties(tx, p, &v); err != nil {
		return err
	}
	if err := c.history(tx, p, &v); err != nil {
		return err
	}
	c.facts(p, &v)
	p.Data = &v
	return nil
}

// duties works out what one piece would cost at the door under each code, in each market.
func (c *console) duties(tx *db.Tx, p *page, v *goodView) error {
	if len(v.Product.Variants) == 0 {
		return nil
	}
	sku := v.Product.Variants[0].SKU
	for _, m := range c.selling() {
		v.Markets = append(v.Markets, p.CountryName(string(m.Country())))
	}
	codes := v.Candidates
	if v.Now != nil {
		codes = append([]*candidateView{v.Now}, codes...)
	}
	for _, k := range codes {
		other := *v.Product
		other.HS, other.HSUS = k.HS, ""
		if strings.HasPrefix(v.Product.HS, k.HS[:min(6, len(k.HS))]) {
			other.HS, other.HSUS = v.Product.HS, v.Product.HSUS
		}
		for _, m := range c.selling() {
			t, err := c.trade(tx, m)
			if err != nil {
				return err
			}
			s, err := c.Prices.Sheet(tx, t, m.Code, &other, sku)
			k.Duties = append(k.Duties, dutyCell{p.CountryName(string(m.Country())), s, err == nil && s.DoorKnown})
		}
	}
	return nil
}

func (c *console) history(tx *db.Tx, p *page, v *goodView) error {
	all, err := c.Codes.Decisions(tx, v.Product.ID)
	if err != nil {
		return err
	}
	for _, d := range all {
		v.History = append(v.History, decidedRow{d, classify.Label(d.HS, p.Lang()), v.Last != nil && v.Last.ID == d.ID})
	}
	return nil
}

// facts are what borders ask of the product, and what they say to it.
func (c *console) facts(p *page, v *goodView) {
	g := v.Product
	v.Wearers = p.oneOf(p.Kept("facts", "wearer", g.Wearer), "go_wearer", "", "women", "men", "girls", "boys", "babies", "unisex")
	v.Makes = p.oneOf(p.Kept("facts", "make", g.Make), "go_make", "", "knitted", "woven", "felt")
	v.Evidence = p.Kept("facts", "evidence", strings.Join(g.Evidence, " "))
	for _, t := range customs.Traits() {
		v.Traits = append(v.Traits, choice{t, p.Word("go_trait", t), slices.Contains(g.Traits, t)})
	}
	v.Marks = customs.Marks()
	if c.Borders == nil {
		return
	}
	for _, m := range c.selling() {
		country := string(m.Country())
		row := verdictRow{Country: p.CountryName(country)}
		for _, d := range c.Borders.Product(g, country, m.Day(p.Now)) {
			row.Blocked = row.Blocked || d.Blocks
			row.All = append(row.All, verdictCell{d, p.T(d.Reason, "country", row.Country), p.T(d.Alternative, "country", row.Country)})
		}
		v.Verdicts = append(v.Verdicts, row)
	}
}

// oneOf are codes of an area to choose one of; the empty one is "not said".
func (p *page) oneOf(now, area string, codes ...string) (all []choice) {
	for _, code := range codes {
		all = append(all, choice{code, p.Said(area, code), code == now})
	}
	return all
}

// Said is a code of an area in words, or that nobody has said.
func (p *page) Said(area, code string) string {
	if code == "" {
		return p.T("console.go_unsaid")
	}
	return p.Word(area, code)
}

// decideGood does what a form on the page of a product asks, and goes on with the next product in the queue.
func (c *console) decideGood(r *http.Request, p *page) (to string, err error) {
	slug, f := r.PathValue("slug"), r.PostForm
	here := "/console/goods/" + slug
	if undo := f.Get("undo"); undo != "" {
		return here + "?done=go_undone", c.DB.Write(r.Context(), func(tx *db.Tx) error {
			_, err := c.Codes.Undo(tx, slug, undo, p.User.Name)
			return err
		})
	}
	if f.Get("do") == "facts" {
		return here + "?done=go_facts#facts", c.DB.Write(r.Context(), func(tx *db.Tx) error {
			return c.Catalog.SetGoods(tx, slug, catalog.Goods{Wearer: f.Get("wearer"), Make: f.Get("make"), Traits: f["trait"],
				Evidence: strings.FieldsFunc(f.Get("evidence"), func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\r' })})
		})
	}
	d := classify.Decision{How: classify.How(f.Get("how")), HS: f.Get("hs"), EU: f.Get("eu"), GB: f.Get("gb"), US: f.Get("us"),
		Reason: cut(f.Get("reason"), 1000), By: p.User.Name}
	if other := strings.TrimSpace(f.Get("other")); other != "" && d.How == classify.Chosen {
		d.HS = cut(other, 20)
	}
	if !slices.Contains([]classify.How{classify.Chosen, classify.Kept, classify.Postponed}, d.How) {
		return "", classify.ErrInvalid.With(map[string]string{"hs": "classify.unknown_code"})
	}
	next := ""
	err = c.DB.Write(r.Context(), func(tx *db.Tx) error {
		queue, err := c.Codes.Queue(tx, false)
		if err != nil {
			return err
		}
		for _, e := range queue {
			if e.Product.Slug != slug {
				next = e.Product.Slug
				break
			}
		}
		d, err = c.Codes.Decide(tx, slug, d)
		return err
	})
	if err != nil {
		return "", err
	}
	q := url.Values{"done": {"go_" + string(d.How)}, "was": {slug}, "id": {d.ID}}
	if next == "" {
		return "/console/goods?" + q.Encode(), nil
	}
	return "/console/goods/" + next + "?" + q.Encode(), nil
}

// undoGood offers to take back what was decided about the product before.
func undoGood(p *page) {
	if was, id := p.Q("was"), p.Q("id"); catalog.ValidSlug(was) && strings.HasPrefix(id, "cls") && p.Notice != "" {
		p.Undo = &undo{"/console/goods/" + was, "undo", cut(id, 60)}
	}
}

// acceptCodes takes the first suggestion for every product that was ticked.
func (c *console) acceptCodes(_ http.ResponseWriter, r *http.Request, p *page) (string, error) {
	slugs := r.PostForm["slug"]
	if len(slugs) > 100 {
		slugs = slugs[:100]
	}
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
		for _, slug := range slugs {
			_, err := c.Codes.Decide(tx, slug, classify.Decision{How: classify.Accepted, By: p.User.Name})
			if err != nil && !errors.Is(err, classify.ErrNothingSuggested) && fault.Of(err).Kind != fault.NotFound {
				return err
			}
		}
		return nil
	})
	return "/console/goods?done=go_bulk", err
}
