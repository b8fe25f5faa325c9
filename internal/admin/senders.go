package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
)

// Book is what the merchant wrote down of senders and limits. Satisfied by messaging.Service.
type Book interface {
	Senders(tx *db.Tx) ([]messaging.SenderRecord, error)
	Sender(tx *db.Tx, id string) (messaging.SenderRecord, error)
	SenderHistory(tx *db.Tx, id string) ([]messaging.SenderChange, error)
	Unrecorded(tx *db.Tx) ([]messaging.SenderRecord, error)
	KeepSender(tx *db.Tx, r messaging.SenderRecord, by string) (messaging.SenderRecord, error)
	Limits(tx *db.Tx) ([]messaging.Limits, error)
	SetLimits(tx *db.Tx, l messaging.Limits, by string) error
	Spending(tx *db.Tx) (map[market.Code]messaging.Spent, error)
	Policy(c market.Country) (messaging.Policy, bool)
}

func (c *console) book() Book { return c.Messages }

func (c *console) senderRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/senders", c.page("senders", c.senders))
	mux.Handle("POST /console/senders", c.filled(auth.Owner, "senders", c.senders, c.setLimits))
	mux.Handle("GET /console/senders/{id}", c.page("sender", c.sender))
	mux.Handle("POST /console/senders/{id}", c.filled(auth.Owner, "sender", c.sender, c.keepSender))
}

type sendersView struct {
	Rows   []senderRow
	Open   []messaging.SenderRecord
	Limits []limitRow
}

type senderRow struct {
	messaging.SenderRecord
	Holds messaging.Registration
	Needs bool
}

type limitRow struct {
	messaging.Limits
	Title      string
	Spent      messaging.Spent
	Shares     []shareOf
	Day, Month string // as typed
	CapD, CapM string
}

// shareOf is how much of a limit is spent. Key is its sentence, High is where it gets tight.
type shareOf struct {
	Key          string
	Spent, Limit money.Amount
	High         int64
}

// shares are what a market spent of the limits it has.
func shares(l messaging.Limits, s messaging.Spent) (all []shareOf) {
	for _, x := range []struct {
		key   string
		spent money.Amount
		limit int64
	}{{"console.sn_of_day", s.Day, l.Day}, {"console.sn_of_month", s.Month, l.Month}} {
		if x.limit > 0 {
			all = append(all, shareOf{x.key, money.Of(x.spent.Minor, l.Currency), money.Of(x.limit, l.Currency), x.limit * 8 / 10})
		}
	}
	return all
}

// senders lists what phones show, with its papers, and what a market may cost.
func (c *console) senders(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_senders")
	all, err := c.book().Senders(tx)
	if err != nil {
		return err
	}
	v := sendersView{}
	for _, r := range all {
		v.Rows = append(v.Rows, c.senderRow(p, r))
	}
	if v.Open, err = c.book().Unrecorded(tx); err != nil {
		return err
	}
	limits, err := c.book().Limits(tx)
	if err != nil {
		return err
	}
	spent, err := c.book().Spending(tx)
	if err != nil {
		return err
	}
	for _, m := range c.selling() {
		row := limitRow{Limits: messaging.Limits{Market: m.Code, Currency: m.Currency}, Title: p.CountryName(string(m.Country())), Spent: spent[m.Code]}
		if i := slices.IndexFunc(limits, func(l messaging.Limits) bool { return l.Market == m.Code }); i >= 0 {
			row.Limits = limits[i]
			if row.Currency == "" {
				row.Currency = m.Currency
			}
		}
		row.Shares = shares(row.Limits, row.Spent)
		plain := func(minor int64) string {
			if minor == 0 {
				return ""
			}
			return money.Rate{Coef: minor, Scale: uint8(row.Currency.Digits())}.String()
		}
		count := func(n int64) string {
			if n == 0 {
				return ""
			}
			return strconv.FormatInt(n, 10)
		}
		row.Day, row.Month, row.CapD, row.CapM = plain(row.Limits.Day), plain(row.Limits.Month), count(row.CapDay), count(row.CapMonth)
		v.Limits = append(v.Limits, row)
	}
	p.Data = v
	return nil
}

func (c *console) senderRow(p *page, r messaging.SenderRecord) senderRow {
	row := senderRow{SenderRecord: r, Holds: r.Standing(p.Now.UTC().Format(time.DateOnly))}
	if rule, ok := c.book().Policy(r.Country); ok {
		row.Needs = rule.Registration == "required" || r.Kind == messaging.Alpha && rule.Sender == "registered"
	}
	return row
}

// minorOf reads an amount as it is typed; empty is none.
func minorOf(s string, c money.Currency) (int64, bool) {
	if s = strings.TrimSpace(s); s == "" {
		return 0, true
	}
	r, err := money.ParseRate(strings.ReplaceAll(s, ",", "."))
	if err != nil || int(r.Scale) > c.Digits() {
		return 0, false
	}
	for ; int(r.Scale) < c.Digits(); r.Scale++ {
		r.Coef *= 10
	}
	return r.Coef, r.Coef >= 0
}

func (c *console) setLimits(r *http.Request, p *page) (string, error) {
	f := r.PostForm
	l := messaging.Limits{Market: market.Code(f.Get("market")), Currency: money.Currency(strings.ToUpper(strings.TrimSpace(f.Get("currency"))))}
	bad := map[string]string{}
	var ok bool
	if l.Day, ok = minorOf(f.Get("day"), l.Currency); !ok {
		bad["day"] = "messaging.limit_money"
	}
	if l.Month, ok = minorOf(f.Get("month"), l.Currency); !ok {
		bad["month"] = "messaging.limit_money"
	}
	for field, into := range map[string]*int64{"cap_day": &l.CapDay, "cap_month": &l.CapMonth} {
		if s := strings.TrimSpace(f.Get(field)); s != "" {
			n, err := strconv.ParseInt(s, 10, 32)
			if *into = n; err != nil {
				bad[field] = "messaging.limit_cap"
			}
		}
	}
	if len(bad) > 0 {
		return "", messaging.ErrLimitForm.With(bad)
	}
	return "/console/senders?done=sn_limits", c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.book().SetLimits(tx, l, p.User.Email) })
}

type senderView struct {
	senderRow
	Fresh         bool
	Kinds, States []choice
	LinkLines     string
	PhoneLines    string
	History       []messaging.SenderChange
	Rule          *messaging.Policy
}

var phoneKinds = []messaging.Kind{messaging.TenDLC, messaging.LongNumber, messaging.ShortCode, messaging.Alpha, messaging.Overwritten}

// sender is one sender with its papers; "new" is one to be written down.
func (c *console) sender(tx *db.Tx, r *http.Request, p *page) (err error) {
	v := senderView{Fresh: r.PathValue("id") == "new"}
	one := messaging.SenderRecord{Country: market.Country(p.Q("country")), Kind: messaging.Kind(p.Q("kind")), Value: p.Q("value"), State: messaging.Missing, Receipts: true, TwoWay: messaging.Kind(p.Q("kind")).TwoWay()}
	p.Title = p.T("console.sn_new")
	if !v.Fresh {
		if one, err = c.book().Sender(tx, r.PathValue("id")); err != nil {
			return err
		}
		if v.History, err = c.book().SenderHistory(tx, one.ID); err != nil {
			return err
		}
		p.Title = one.Value
	}
	v.senderRow = c.senderRow(p, one)
	if rule, ok := c.book().Policy(one.Country); ok {
		v.Rule = &rule
	}
	for _, k := range phoneKinds {
		v.Kinds = append(v.Kinds, choice{string(k), p.Word("sender", k), p.Kept("save", "kind", string(one.Kind)) == string(k)})
	}
	for _, s := range messaging.Registrations {
		v.States = append(v.States, choice{string(s), p.Word("sn_state", s), p.Kept("save", "state", string(one.State)) == string(s)})
	}
	v.LinkLines, v.PhoneLines = strings.Join(one.Links, "\n"), strings.Join(one.Phones, "\n")
	p.Data = v
	return nil
}

func (c *console) keepSender(r *http.Request, p *page) (string, error) {
	f := r.PostForm
	one := messaging.SenderRecord{Country: market.Country(strings.ToUpper(strings.TrimSpace(f.Get("country")))), Kind: messaging.Kind(f.Get("kind")), Value: f.Get("value"), Provider: f.Get("provider"),
		State: messaging.Registration(f.Get("state")), Papers: f.Get("papers"), ValidFrom: f.Get("valid_from"), ValidTo: f.Get("valid_to"), TwoWay: f.Get("two_way") != "", Receipts: f.Get("receipts") != "",
		Here: f.Get("here") != "", Links: lines(f, "links"), Phones: lines(f, "phones")}
	if s := strings.TrimSpace(f.Get("min_volume")); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return "", messaging.ErrSenderForm.With(map[string]string{"min_volume": "messaging.sender_volume"})
		}
		one.MinVolume = n
	}
	if id := r.PathValue("id"); id != "new" {
		one.ID = id
	}
	err := c.DB.Write(r.Context(), func(tx *db.Tx) (err error) {
		one, err = c.book().KeepSender(tx, one, p.User.Email)
		return err
	})
	return "/console/senders/" + one.ID + "?done=sn_saved", err
}

func lines(f url.Values, name string) (all []string) {
	for l := range strings.Lines(f.Get(name)) {
		if l = strings.TrimSpace(l); l != "" {
			all = append(all, l)
		}
	}
	return all
}
