package admin

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/evidence"
	"portolan/internal/i18n"
	"portolan/internal/market"
	"portolan/internal/web"
)

// Evidence is satisfied by evidence.Service.
type Evidence interface {
	Of(tx *db.Tx, address, by string, as evidence.Format) (evidence.File, error)
	Start(tx *db.Tx, about evidence.Subject, by string) (evidence.Export, error)
	Fetch(tx *db.Tx, export, by string, as evidence.Format) (evidence.File, error)
	Exports(tx *db.Tx) ([]evidence.Export, error)
	Views(tx *db.Tx, limit int) ([]evidence.View, error)
}

func (c *console) consentRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/consents", c.page("consents", c.consents))
	mux.Handle("POST /console/consents", c.filled(auth.Owner, "consents", c.consents, c.setConsentRules))
	mux.Handle("GET /console/consents/words", c.page("consent-words", c.consentWords))
	mux.Handle("POST /console/consents/words", c.filled(auth.Owner, "consent-words", c.consentWords, c.publishWords))
	mux.Handle("GET /console/consents/import", c.page("consent-import", c.consentImport))
	mux.Handle("POST /console/consents/import", c.filled(auth.Owner, "consent-import", c.consentImport, c.startImport))
	mux.Handle("GET /console/consents/silence", c.page("silence", c.silence))
	mux.Handle("POST /console/consents/silence", c.filled(auth.Operator, "silence", c.silence, c.changeSilence))
	mux.Handle("GET /console/evidence", c.page("evidence", c.evidencePage))
	mux.Handle("POST /console/evidence", c.filled(auth.Operator, "evidence", c.evidencePage, c.startEvidence))
	mux.Handle("POST /console/evidence/file", c.known(c.evidenceFile))
	mux.Handle("POST /console/customers/{id}/erase", c.act(auth.Owner, c.erase))
}

const consentWeeks = 12

type consentsView struct {
	Rows   []consentRow
	Weeks  []consentWeek
	Middle int64 // where the line stands that bars grow from
	Joined int64 // in all weeks
	Left   int64
}

type consentRow struct {
	Market        market.Market
	SMS, Mail     int64
	Joined, Left  int64 // in the last 30 days
	Asked, Agreed int64 // of a second step, in the last 90 days
	Rules         customer.Rules
	Choices       []choice
}

type consentWeek struct {
	From         time.Time
	Joined, Left int64
	X, Up, Down  int64 // of the drawing, in its units
	Top, Under   int64
}

// consents draws who agrees, by market, and how that changes.
func (c *console) consents(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_consents")
	v := &consentsView{}
	p.Data = v
	now := tx.Now()
	tallies, err := c.Customers.Tallies(tx)
	if err != nil {
		return err
	}
	moves, err := c.Customers.MovesBetween(tx, now.AddDate(0, 0, -30), now.Add(time.Second))
	if err != nil {
		return err
	}
	confirmed, err := c.Customers.Confirmations(tx, now.AddDate(0, 0, -90))
	if err != nil {
		return err
	}
	for _, m := range c.Markets.All() {
		r := consentRow{Market: m, Asked: confirmed[m.Code][0], Agreed: confirmed[m.Code][1]}
		if r.Rules, err = c.Customers.MarketRules(tx, m.Code); err != nil {
			return err
		}
		for _, t := range tallies {
			switch {
			case t.Market == m.Code && t.Channel == customer.SMS:
				r.SMS = t.Agreed
			case t.Market == m.Code && t.Channel == customer.Mail:
				r.Mail = t.Agreed
			}
		}
		for _, x := range moves {
			if x.Market == m.Code {
				r.Joined, r.Left = r.Joined+joins(m, x), r.Left+leaves(x)
			}
		}
		for _, s := range []string{"", "mute", "send"} {
			r.Choices = append(r.Choices, choice{s, p.T("console.cn_after_" + cmp.Or(s, "custom")), s == r.Rules.AfterStop})
		}
		v.Rows = append(v.Rows, r)
	}
	return c.weeks(tx, v, now)
}

// joins and leaves are the addresses of an event that say yes, and no. Where a second step is asked for it is that
// which says yes.
func joins(m market.Market, x customer.Moves) int64 {
	if x.Action == customer.Grant && !m.DoubleOptIn || x.Action == customer.Confirm && m.DoubleOptIn || x.Action == customer.Import || x.Action == customer.Restore {
		return x.Count
	}
	return 0
}

func leaves(x customer.Moves) int64 {
	if x.Action == customer.Revoke {
		return x.Count
	}
	return 0
}

func (c *console) weeks(tx *db.Tx, v *consentsView, now time.Time) error {
	var up, down int64
	for i := range consentWeeks {
		w := consentWeek{From: now.AddDate(0, 0, -7*(consentWeeks-i))}
		moves, err := c.Customers.MovesBetween(tx, w.From, w.From.AddDate(0, 0, 7).Add(time.Second))
		if err != nil {
			return err
		}
		for _, x := range moves {
			m, _ := c.Markets.ByCode(x.Market)
			w.Joined, w.Left = w.Joined+joins(m, x), w.Left+leaves(x)
		}
		v.Joined, v.Left, up, down = v.Joined+w.Joined, v.Left+w.Left, max(up, w.Joined), max(down, w.Left)
		v.Weeks = append(v.Weeks, w)
	}
	v.Middle = 10 + 180*up/max(up+down, 1)
	for i := range v.Weeks {
		w := &v.Weeks[i]
		w.X, w.Up, w.Down = int64(i)*60+6, w.Joined*180/max(up+down, 1), w.Left*180/max(up+down, 1)
		w.Top, w.Under = v.Middle-w.Up, v.Middle+1
	}
	return nil
}

func (c *console) setConsentRules(r *http.Request, p *page) (string, error) {
	days, err := strconv.ParseInt(r.PostForm.Get("keep_days"), 10, 64)
	if err != nil {
		days = 0
	}
	return "/console/consents?done=saved#rules", c.DB.Write(r.Context(), func(tx *db.Tx) error {
		return c.Customers.SetMarketRules(tx, market.Code(r.PostForm.Get("market")), customer.Rules{AfterStop: r.PostForm.Get("after_stop"), KeepDays: days}, p.User.Email)
	})
}

type consentWordsView struct {
	Markets []choice
	Market  market.Market
	Boxes   []wordsBox
}

// wordsBox is what stands beside one box in one language, now and before.
type wordsBox struct {
	Lang, Channel, ID string
	Own               bool // ours: the merchant has published none
	Text              string
	Versions          []customer.Wording
}

func (c *console) consentWords(tx *db.Tx, r *http.Request, p *page) error {
	p.Title = p.T("console.cn_words")
	v := &consentWordsView{}
	p.Data = v
	all := c.Markets.All()
	want := cmp.Or(p.Q("market"), r.PostForm.Get("market"))
	for i, m := range all {
		if string(m.Code) == want || want == "" && i == 0 {
			v.Market, want = m, string(m.Code)
		}
	}
	for _, m := range all {
		v.Markets = append(v.Markets, choice{string(m.Code), p.CountryName(string(m.Country())), string(m.Code) == want})
	}
	if v.Market.Code == "" {
		return nil
	}
	published, err := c.Customers.Wordings(tx, v.Market.Code)
	if err != nil {
		return err
	}
	for _, lang := range v.Market.Languages {
		say := i18n.For(v.Market.Locale(lang))
		for _, ch := range v.Market.ConsentChannels {
			b := wordsBox{Lang: lang, Channel: ch, ID: lang + "-" + ch}
			for _, w := range published {
				if w.Lang == lang && string(w.Channel) == ch && w.Class == customer.Promotional {
					b.Versions = append(b.Versions, w)
				}
			}
			if len(b.Versions) > 0 {
				b.Text = b.Versions[0].Text
			} else if key := "checkout.consent_" + ch; say.Has(key) {
				b.Own, b.Text = true, say.T(key, "brand", c.Brand)
			}
			v.Boxes = append(v.Boxes, b)
		}
	}
	return nil
}

func (c *console) publishWords(r *http.Request, p *page) (string, error) {
	f := r.PostForm
	w := customer.Wording{Market: market.Code(f.Get("market")), Lang: f.Get("lang"), Channel: customer.Channel(f.Get("channel")), Class: customer.Promotional, Text: f.Get("text"), By: p.User.Email}
	m, ok := c.Markets.ByCode(w.Market)
	if !ok || !m.Speaks(w.Lang) || !slices.Contains(m.ConsentChannels, string(w.Channel)) {
		return "", customer.ErrBadInput.With(map[string]string{"market": "unknown"})
	}
	return "/console/consents/words?done=saved&market=" + url.QueryEscape(string(w.Market)), c.DB.Write(r.Context(), func(tx *db.Tx) error {
		_, err := c.Customers.PublishWording(tx, w)
		return err
	})
}

type consentImportView struct {
	Markets []choice
	Columns []string
	Runs    []customer.ImportRun
	One     *customer.ImportRun
	Faults  []customer.ImportFault
}

// consentImport draws the form, the runs, and one of them with what it refused.
func (c *console) consentImport(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title = p.T("console.cn_import")
	v := &consentImportView{Columns: customer.ImportColumns}
	p.Data = v
	for _, m := range c.Markets.All() {
		v.Markets = append(v.Markets, choice{string(m.Code), p.CountryName(string(m.Country())), string(m.Code) == p.Was("import", "market")})
	}
	if v.Runs, err = c.Customers.Imports(tx); err != nil {
		return err
	}
	if id := p.Q("run"); id != "" {
		run, faults, err := c.Customers.ImportOf(tx, id)
		if err != nil {
			return err
		}
		v.One, v.Faults = &run, faults
	}
	if slices.ContainsFunc(v.Runs, func(r customer.ImportRun) bool { return r.EndedAt.IsZero() }) {
		p.Live.Every = "2s"
	}
	return nil
}

func (c *console) startImport(r *http.Request, p *page) (string, error) {
	m, ok := c.Markets.ByCode(market.Code(r.PostForm.Get("market")))
	if !ok {
		return "", customer.ErrBadInput.With(map[string]string{"market": "required"})
	}
	f, head, err := r.FormFile("file")
	if err != nil {
		return "", customer.ErrBadFile.With(map[string]string{"file": "1_byte_to_8_megabytes"})
	}
	defer f.Close()
	body, err := io.ReadAll(f)
	if err != nil {
		return "", err
	}
	run := customer.ImportRun{Name: cut(head.Filename, 100), By: p.User.Email, Market: m.Code, Dry: r.PostForm.Get("try") == "1"}
	err = c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		run, err = c.Customers.StartImport(tx, c.Queue, run, string(body), m.DoubleOptIn)
		return err
	})
	return "/console/consents/import?run=" + run.ID, err
}

type silenceView struct {
	List    []customer.Suppression
	Reasons []choice
	Older   string
	Newest  string
	Total   int64
}

func (c *console) silence(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.cn_silence")
	v := &silenceView{}
	p.Data = v
	counts, err := c.Customers.SuppressionCounts(tx)
	if err != nil {
		return err
	}
	v.Reasons = []choice{{"", p.T("console.cn_any_reason"), p.Q("reason") == ""}}
	for _, r := range []string{customer.ReasonStop, customer.ReasonComplaint, customer.ReasonBad, customer.ReasonByHand, customer.ReasonErased} {
		v.Total += counts[r]
		v.Reasons = append(v.Reasons, choice{r, fmt.Sprintf("%s (%s)", p.Word("reason", r), p.Number(counts[r])), p.Q("reason") == r})
	}
	v.List, err = c.Customers.Suppressions(tx, customer.SuppressionQuery{Text: cut(strings.TrimSpace(p.Q("q")), 254), Reason: p.Q("reason"), After: p.Q("after"), Limit: listLong})
	if len(v.List) == listLong {
		v.Older = p.With("after", v.List[listLong-1].Address)
	}
	if p.Q("after") != "" {
		v.Newest = p.With("after", "")
	}
	return err
}

// Liftable reports whether staff may take an address off the list.
func (silenceView) Liftable(s customer.Suppression) bool {
	return s.Reason == customer.ReasonByHand || s.Reason == customer.ReasonBad
}

func (c *console) changeSilence(r *http.Request, p *page) (string, error) {
	f := r.PostForm
	return "/console/consents/silence?done=saved", c.DB.Write(r.Context(), func(tx *db.Tx) error {
		if f.Get("do") == "lift" {
			return c.Customers.LiftByHand(tx, f.Get("address"), f.Get("note"), p.User.Email)
		}
		return c.Customers.SuppressByHand(tx, f.Get("address"), f.Get("note"), p.User.Email)
	})
}

type evidenceView struct {
	Markets []choice
	Exports []evidence.Export
	Views   []evidence.View
	Address string
	From    string
	Until   string
}

func (c *console) evidencePage(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title = p.T("console.menu_evidence")
	now := tx.Now().In(c.Zone)
	v := &evidenceView{Address: cut(p.Q("address"), 254), From: now.AddDate(0, -1, 0).Format(time.DateOnly), Until: now.Format(time.DateOnly)}
	p.Data = v
	v.Markets = []choice{{"", p.T("console.ov_all_markets"), p.Was("span", "market") == ""}}
	for _, m := range c.Markets.All() {
		v.Markets = append(v.Markets, choice{string(m.Code), p.CountryName(string(m.Country())), p.Was("span", "market") == string(m.Code)})
	}
	if v.Exports, err = c.Evidence.Exports(tx); err != nil {
		return err
	}
	if slices.ContainsFunc(v.Exports, func(e evidence.Export) bool { return e.EndedAt.IsZero() }) {
		p.Live.Every = "2s"
	}
	v.Views, err = c.Evidence.Views(tx, 30)
	return err
}

// startEvidence collects a span of whole days in the merchant's zone.
func (c *console) startEvidence(r *http.Request, p *page) (string, error) {
	f := r.PostForm
	from, err := time.ParseInLocation(time.DateOnly, f.Get("from"), c.Zone)
	until, err2 := time.ParseInLocation(time.DateOnly, f.Get("until"), c.Zone)
	if err != nil || err2 != nil {
		return "", evidence.ErrBadRequest.With(map[string]string{"from": "no_span_of_time"})
	}
	about := evidence.Subject{Market: market.Code(f.Get("market")), From: from.UTC(), Until: until.AddDate(0, 0, 1).UTC()}
	return "/console/evidence?done=started#spans", c.DB.Write(r.Context(), func(tx *db.Tx) error {
		_, err := c.Evidence.Start(tx, about, p.User.Email)
		return err
	})
}

// evidenceFile hands out evidence about an address, or what was collected for a span of time. It is asked for by a
// button, because who asks is noted down.
func (c *console) evidenceFile(w http.ResponseWriter, r *http.Request, p *page) error {
	if !p.User.Role.May(auth.Operator) {
		return auth.ErrDenied
	}
	if err := r.ParseForm(); err != nil {
		return web.ErrBody
	}
	as := evidence.Format(cmp.Or(r.PostForm.Get("format"), string(evidence.Paper)))
	var f evidence.File
	err := c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		if export := r.PostForm.Get("export"); export != "" {
			f, err = c.Evidence.Fetch(tx, export, p.User.Email, as)
		} else {
			f, err = c.Evidence.Of(tx, r.PostForm.Get("address"), p.User.Email, as)
		}
		return err
	})
	if err != nil {
		return err
	}
	body, kind, err := f.Render(as, p.Lang())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+f.Name(as)+`"`)
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(body)
	return err
}

// erase forgets a customer and the words of the messages to them.
func (c *console) erase(_ http.ResponseWriter, r *http.Request, p *page) (string, error) {
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
		ids, err := c.Customers.IDs(tx, r.PathValue("id"))
		if err != nil {
			return err
		}
		gone, err := c.Customers.Erase(tx, r.PathValue("id"), p.User.Email)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := c.Support.Forget(tx, id, gone); err != nil {
				return err
			}
		}
		return c.Messages.Forget(tx, gone, func(address string) string { return "digest:" + c.Customers.Digest("address", address) })
	})
	return "/console/customers?done=erased", err
}
