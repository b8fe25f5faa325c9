package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/money"
)

// Channels are the accounts with message providers. Satisfied by messaging.Service.
type Channels interface {
	Providers() []messaging.Provider
	Provider(name string) (messaging.Provider, bool)
	ListAccounts(tx *db.Tx) ([]messaging.ProviderAccount, error)
	GetAccount(tx *db.Tx, id string) (messaging.ProviderAccount, error)
	AddAccount(tx *db.Tx, a messaging.ProviderAccount) error
	ChangeAccount(tx *db.Tx, a messaging.ProviderAccount) error
	EnableAccount(tx *db.Tx, id string, on bool) error
	TestAccount(tx *db.Tx, id, to, text, lang string) (messaging.Record, error)
	Standings(tx *db.Tx) (map[string]messaging.Standing, error)
	HookURL(a messaging.ProviderAccount) string
}

var _ Channels = (*messaging.Service)(nil)

func (c *console) channelRoutes(mux *http.ServeMux) {
	mux.Handle("GET /console/channels", c.page("channels", c.channels))
	mux.Handle("GET /console/channels/new/{provider}", c.page("channel", c.newChannel))
	mux.Handle("POST /console/channels/new/{provider}", c.filled(auth.Owner, "channel", c.newChannel, c.addChannel))
	mux.Handle("GET /console/channels/{id}", c.page("channel", c.channel))
	mux.Handle("POST /console/channels/{id}", c.filled(auth.Owner, "channel", c.channel, c.changeChannel))
}

type channelRow struct {
	messaging.ProviderAccount
	Title string
	State string // on, off, broken, failing
	messaging.Standing
}

type channelsView struct {
	Rows      []channelRow
	Providers []messaging.Provider
}

// channels lists the accounts with how they do, and what else can be had.
func (c *console) channels(tx *db.Tx, _ *http.Request, p *page) error {
	p.Title = p.T("console.menu_channels")
	all, err := c.accounts().ListAccounts(tx)
	if err != nil {
		return err
	}
	how, err := c.accounts().Standings(tx)
	if err != nil {
		return err
	}
	v := channelsView{Providers: c.accounts().Providers()}
	for _, a := range all {
		v.Rows = append(v.Rows, c.channelRow(a, how[a.ID]))
	}
	p.Data = v
	return nil
}

func (c *console) accounts() Channels { return c.Messages }

func (c *console) channelRow(a messaging.ProviderAccount, how messaging.Standing) channelRow {
	r := channelRow{ProviderAccount: a, Title: a.Provider, State: "on", Standing: how}
	if p, ok := c.accounts().Provider(a.Provider); ok {
		r.Title = p.Title
	}
	switch {
	case a.Broken != "":
		r.State = "broken"
	case !a.Enabled:
		r.State = "off"
	case how.InARow >= failingAfter:
		r.State = "failing"
	}
	return r
}

// failingAfter is how many failures in a row make an account one to look at.
const failingAfter = 3

type channelView struct {
	channelRow
	Fresh     bool
	Provider  messaging.Provider
	Fields    []channelField
	Kinds     []choice
	Ways      []choice
	Purposes  []choice
	Lands     string
	Price     string
	Hook      string
	Test      *messaging.Detail
	NeedsHook bool
}

type channelField struct {
	messaging.Field
	Label, Hint, Value string
	Kept               bool // a secret that is there
	Choices            []choice
}

func (c *console) newChannel(_ *db.Tx, r *http.Request, p *page) error {
	provider, ok := c.accounts().Provider(r.PathValue("provider"))
	if !ok {
		return errNoPage
	}
	p.Title = p.T("console.ch_add_to", "provider", provider.Title)
	v := channelView{Fresh: true, Provider: provider, channelRow: channelRow{Title: provider.Title}}
	v.Kind, v.Channel, v.Enabled, v.Rank = provider.Kinds[0], provider.Channels[0], true, 10
	v.ProviderAccount.Provider = provider.Name
	c.fillChannel(p, &v)
	return nil
}

func (c *console) channel(tx *db.Tx, r *http.Request, p *page) error {
	a, err := c.accounts().GetAccount(tx, r.PathValue("id"))
	if err != nil {
		return err
	}
	how, err := c.accounts().Standings(tx)
	if err != nil {
		return err
	}
	v := channelView{channelRow: c.channelRow(a, how[a.ID]), Lands: joined(a.Countries), Hook: c.accounts().HookURL(a)}
	v.Provider, _ = c.accounts().Provider(a.Provider)
	if a.Price.Currency != "" {
		v.Price = money.Rate{Coef: a.Price.Micros, Scale: 6}.String()
	}
	p.Title = a.ID
	if a.Tested != "" {
		d, err := c.Messages.Inspect(tx, a.Tested)
		if err != nil {
			return err
		}
		v.Test = &d
	}
	c.fillChannel(p, &v)
	return nil
}

func joined[T ~string](all []T) string {
	var s []string
	for _, x := range all {
		s = append(s, string(x))
	}
	return strings.Join(s, " ")
}

func (c *console) fillChannel(p *page, v *channelView) {
	do := "save"
	for _, k := range v.Provider.Kinds {
		v.Kinds = append(v.Kinds, choice{string(k), p.Word("sender", k), p.Kept(do, "kind", string(v.Kind)) == string(k)})
	}
	for _, ch := range v.Provider.Channels {
		v.Ways = append(v.Ways, choice{string(ch), p.Word("channel", ch), p.Kept(do, "channel", string(v.Channel)) == string(ch)})
	}
	for _, cl := range []messaging.Class{messaging.Transactional, messaging.Survey, messaging.Promotional, messaging.Reply} {
		chosen := slices.Contains(v.ProviderAccount.Classes, cl)
		if p.Refused.Do == do {
			chosen = slices.Contains(p.Refused.values["class"], string(cl))
		}
		v.Purposes = append(v.Purposes, choice{string(cl), p.Word("class", cl), chosen})
	}
	for _, f := range v.Provider.Fields {
		key := "console.ch_" + v.Provider.Name + "_" + f.Name
		x := channelField{Field: f, Label: p.T(key), Hint: p.T(key + "_hint"), Value: v.Values[f.Name], Kept: slices.Contains(v.Set, f.Name)}
		if !f.Secret {
			x.Value = p.Kept(do, "f."+f.Name, x.Value)
		}
		for _, o := range f.OneOf {
			x.Choices = append(x.Choices, choice{o, o, x.Value == o})
		}
		v.Fields = append(v.Fields, x)
	}
	v.NeedsHook = v.Hook != "" && p.Has("console.ch_"+v.Provider.Name+"_hook")
	p.Data = v
}

// typedAccount reads the form. A price without a currency and the reverse are told by the service.
func typedAccount(f url.Values, p messaging.Provider) (messaging.ProviderAccount, error) {
	get := func(name string) string { return strings.TrimSpace(cut(f.Get(name), 300)) }
	a := messaging.ProviderAccount{ID: get("id"), Provider: p.Name, Channel: messaging.Channel(get("channel")), Base: get("base"), Sender: get("sender"), Kind: messaging.Kind(get("kind")),
		Enabled: f.Get("enabled") != "", Values: map[string]string{}}
	a.Rank, _ = strconv.ParseInt(get("rank"), 10, 32)
	for c := range strings.FieldsFuncSeq(strings.ToUpper(get("countries")), func(r rune) bool { return r == ',' || r <= ' ' }) {
		a.Countries = append(a.Countries, market.Country(c))
	}
	for _, cl := range f["class"] {
		a.Classes = append(a.Classes, messaging.Class(cl))
	}
	a.Price.Currency = money.Currency(strings.ToUpper(get("currency")))
	var err error
	if price := get("price"); price != "" {
		if a.Price, err = messaging.ReadCost(price, a.Price.Currency); err != nil {
			return a, messaging.ErrAccountForm.With(map[string]string{"price": "messaging.price_form"})
		}
	}
	for _, x := range p.Fields {
		a.Values[x.Name] = strings.TrimSpace(cut(f.Get("f."+x.Name), 4000))
	}
	return a, nil
}

// named moves what is wrong with the provider's own fields to the inputs that they have on the page.
func named(err error, p messaging.Provider) error {
	x := fault.Of(err)
	if err == nil || len(x.Fields) == 0 {
		return err
	}
	fields := map[string]string{}
	for k, v := range x.Fields {
		if slices.ContainsFunc(p.Fields, func(f messaging.Field) bool { return f.Name == k }) {
			k = "f." + k
		}
		fields[k] = v
	}
	return x.With(fields)
}

func (c *console) addChannel(r *http.Request, _ *page) (string, error) {
	p, ok := c.accounts().Provider(r.PathValue("provider"))
	if !ok {
		return "", errNoPage
	}
	a, err := typedAccount(r.PostForm, p)
	if err != nil {
		return "", err
	}
	err = c.DB.Write(r.Context(), func(tx *db.Tx) error { return c.accounts().AddAccount(tx, a) })
	return "/console/channels/" + a.ID + "?done=ch_added", named(err, p)
}

// changeChannel keeps what was typed, takes an account into use or out of it, or sends a test.
func (c *console) changeChannel(r *http.Request, page *page) (string, error) {
	id, to := r.PathValue("id"), "/console/channels/"+r.PathValue("id")+"?done="
	var provider messaging.Provider
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
		old, err := c.accounts().GetAccount(tx, id)
		if err != nil {
			return err
		}
		provider, _ = c.accounts().Provider(old.Provider)
		switch r.PostForm.Get("do") {
		case "off":
			to += "ch_off"
			return c.accounts().EnableAccount(tx, id, false)
		case "on":
			to += "ch_on"
			return c.accounts().EnableAccount(tx, id, true)
		case "test":
			to += "ch_tested"
			text := page.T("console.ch_test_words", "account", id)
			_, err := c.accounts().TestAccount(tx, id, strings.TrimSpace(cut(r.PostForm.Get("to"), 400)), text, page.Lang())
			return err
		}
		to += "ch_saved"
		a, err := typedAccount(r.PostForm, provider)
		if err != nil {
			return err
		}
		a.ID = id
		return c.accounts().ChangeAccount(tx, a)
	})
	return to, named(err, provider)
}
