package admin

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/tax"
	"portolan/internal/web"
)

type registrationsView struct {
	Rows     []registrationRow
	Words    []wordGroup
	Example  string // of the word that is chosen
	Examples []pairOf
	Form     registrationForm
	Look     *registrationLook
	Wrong    map[string]string
	Said     string // why the form was refused
	Today    string
}

// registrationRow is a registration with a number that doesn't show.
type registrationRow struct {
	tax.Registration
	Choice tax.Choice
	Shown  string
	Masked bool
	State  string // holds, begins, ended
}

type registrationForm struct{ Word, Number, Note, From, To string }

// wordGroup are the registrations of an area to choose from.
type wordGroup struct {
	Name  string
	Words []choice
}

// registrationLook is a registration before it is kept, with what it changes.
type registrationLook struct {
	tax.Registration
	Choice tax.Choice
}

// registrations lists what authorities gave the merchant, and takes a new one.
func (c *console) registrations(tx *db.Tx, _ *http.Request, p *page) error {
	v := registrationsView{Form: registrationForm{Word: p.Q("word"), From: tx.Now().In(c.Zone).Format(time.DateOnly)}}
	if id := p.Q("new"); id != "" && p.Notice != "" {
		p.Undo = &undo{"/console/taxes/registrations", "forget", id}
	}
	return c.fillRegistrations(tx, p, v)
}

func (c *console) fillRegistrations(tx *db.Tx, p *page, v registrationsView) error {
	p.Title = p.T("console.tx_registrations")
	v.Today = tx.Now().In(c.Zone).Format(time.DateOnly)
	all, err := c.Taxes.Registrations(tx)
	if err != nil {
		return err
	}
	choices := tax.Choices()
	byWord := map[string]tax.Choice{}
	groups := map[string]int{}
	for _, ch := range choices {
		byWord[ch.Word] = ch
		area := areaOf(ch.Area)
		i, ok := groups[area]
		if !ok {
			i = len(v.Words)
			groups[area] = i
			v.Words = append(v.Words, wordGroup{Name: p.Word("tx_areas", area)})
		}
		if ch.Word == v.Form.Word {
			v.Example = ch.Example
		}
		if ch.Example != "" && (ch.Effect != tax.InState || ch.Word == v.Form.Word) {
			v.Examples = append(v.Examples, pairOf{p.WordName(ch.Word, ch.Area), ch.Example})
		}
		v.Words[i].Words = append(v.Words[i].Words, choice{ch.Word, p.WordName(ch.Word, ch.Area), ch.Word == v.Form.Word})
	}
	for _, r := range all {
		row := registrationRow{Registration: r, Choice: byWord[r.Word], Shown: tax.Mask(r.Number), Masked: true, State: "holds"}
		if p.Q("show") == r.ID && p.User.Role.May(auth.Owner) {
			row.Shown, row.Masked = r.Number, false
		}
		switch {
		case r.ValidFrom > v.Today:
			row.State = "begins"
		case r.ValidTo != "" && r.ValidTo < v.Today:
			row.State = "ended"
		}
		v.Rows = append(v.Rows, row)
	}
	p.Data = &v
	return nil
}

// errLook ends a unit of work in which a registration was only tried.
var errLook = errors.New("only looked at")

// changeRegistrations shows what a new registration changes, keeps it, ends one or takes one back.
func (c *console) changeRegistrations(w http.ResponseWriter, r *http.Request, p *page) error {
	if !p.User.Role.May(auth.Operator) {
		return auth.ErrDenied
	}
	if err := r.ParseForm(); err != nil {
		return web.ErrBody
	}
	f := r.PostForm
	to, v := "/console/taxes/registrations?done=", registrationsView{}
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
		switch {
		case f.Get("forget") != "":
			to += "tx_forgotten"
			return c.Taxes.Forget(tx, f.Get("forget"))
		case f.Get("do") == "end":
			to += "tx_ended"
			return c.Taxes.End(tx, f.Get("id"), f.Get("last_day"))
		}
		v.Form = registrationForm{f.Get("word"), cut(f.Get("number"), 60), cut(f.Get("note"), 400), f.Get("valid_from"), f.Get("valid_to")}
		made, err := c.Taxes.Register(tx, tax.Registration{Word: v.Form.Word, Number: v.Form.Number, Note: strings.TrimSpace(v.Form.Note), ValidFrom: v.Form.From, ValidTo: v.Form.To})
		if err != nil {
			return err
		}
		if f.Get("do") == "save" {
			to += "tx_registered&new=" + made.ID
			return nil
		}
		v.Look = &registrationLook{Registration: made}
		for _, ch := range tax.Choices() {
			if ch.Word == made.Word {
				v.Look.Choice = ch
			}
		}
		return errLook
	})
	if err == nil {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	status := http.StatusOK
	if v.Look == nil {
		if v.Form == (registrationForm{}) || fault.Of(err).Kind != fault.Invalid {
			return err
		}
		status = web.Status(err)
		v.Said, v.Wrong = p.Fault(err)
	}
	err = c.DB.Read(r.Context(), func(tx *db.Tx) error {
		if err := c.furnish(tx, p); err != nil {
			return err
		}
		return c.fillRegistrations(tx, p, v)
	})
	if err != nil {
		return err
	}
	return c.show(w, r, status, "tax-registrations", p)
}

// Effect says what changes at the checkout when a registration holds from a day.
func (p *page) Effect(c tax.Choice, from string) string {
	args := []any{"day", p.CivilDay(from), "place", p.Area(c.Area)}
	if c.Effect == tax.AtSale {
		limit, item, _ := c.Scheme.LowValue()
		key := "console.tx_effect_consignment"
		if item {
			key = "console.tx_effect_item"
		}
		return p.T(key, append(args, "limit", limit)...)
	}
	return p.T("console.tx_effect_"+string(c.Effect), args...)
}
