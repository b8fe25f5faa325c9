package storefront

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"portolan/internal/address"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/fault"
	"portolan/internal/web"
)

type step struct {
	Title, URL    string
	Current, Done bool
}

// steps is the way through the checkout with the step the shopper is at.
func (s *shop) steps(at place, current string) []step {
	all := []struct{ name, path string }{{"bag", "/cart"}, {"details", "/checkout/details"}, {"delivery", "/checkout/delivery"}, {"payment", "/checkout/payment"}}
	var out []step
	done := true
	for _, e := range all {
		if e.name == current {
			done = false
		}
		out = append(out, step{at.say.T("checkout.step_" + e.name), at.prefix + e.path, e.name == current, done})
	}
	return out
}

type detailsView struct {
	Steps     []step
	Summary   *summaryView
	Errors    *errorList
	Version   int64
	Contact   []field
	Address   []field
	Country   string
	Countries []choice
	Warned    bool
	Consents  []consentBox
}

type field struct {
	ID, Name, Label, Type, Value, Autocomplete, InputMode, Hint, Error, Described, Optional, Width string
	Required, LTR                                                                                  bool
	Max                                                                                            int
	Options                                                                                        []choice
}

// current is the visitor's cart on its way through the checkout; where there is nothing to check out it sends
// the visitor where they can go on, and returns false.
func (s *shop) current(w http.ResponseWriter, r *http.Request, at place) (checkout.Cart, bool, error) {
	c, err := s.here(r, at)
	if err != nil && web.Status(err) >= 500 {
		return c, false, err
	}
	to := ""
	switch {
	case err != nil || len(c.Lines) == 0 && c.State == checkout.Open:
		to = at.prefix + "/cart"
	case c.State == checkout.Ordered:
		to = at.prefix + "/orders/" + string(c.Order)
	case c.State == checkout.Paying || c.State == checkout.Held:
		to = at.prefix + "/checkout/waiting"
	}
	if to != "" {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return c, false, nil
	}
	return c, true, s.Checkout.Touch(r.Context(), c)
}

func (s *shop) details(w http.ResponseWriter, r *http.Request, at place) error {
	c, ok, err := s.current(w, r, at)
	if !ok || err != nil {
		return err
	}
	a := c.Address
	if a.Country == "" {
		a.Country = string(c.Country)
	}
	return s.showDetails(w, r, at, c, c.Contact, a, nil)
}

func (s *shop) showDetails(w http.ResponseWriter, r *http.Request, at place, c checkout.Cart, to checkout.Contact, a address.Address, wrong error) error {
	v := detailsView{Steps: s.steps(at, "details"), Summary: s.summary(at, c), Version: c.Version, Country: a.Country}
	status := http.StatusOK
	texts := map[string]string{}
	if wrong != nil {
		if status = web.Status(wrong); status >= 500 {
			return wrong
		}
		_, texts = at.say.Fault(wrong)
		ids := map[string]string{"email": "email", "phone": "phone"}
		if len(at.market.Countries) > 1 {
			ids["address.country"] = "country"
		}
		for _, f := range address.Form(a.Country) {
			ids["address."+f.Name], ids[f.Name] = fieldID("address."+f.Name), cmp.Or(ids[f.Name], fieldID("address."+f.Name))
		}
		v.Errors = s.errors(at, wrong, ids)
		v.Errors.Title = at.say.T("checkout.errors")
		v.Warned = fault.Of(wrong).Fields["address.postcode"] != "" && address.CanUseAsTyped(a.Country) && a.Postcode != ""
	}
	v.Contact = []field{
		{Name: "email", Label: at.say.T("checkout.email"), Type: "email", Value: to.Email, Autocomplete: "email", InputMode: "email", Hint: at.say.T("checkout.email_hint"), Required: true, LTR: true, Max: 254},
		{Name: "phone", Label: at.say.T("checkout.phone"), Type: "tel", Value: address.International(to.Phone), Autocomplete: "tel", InputMode: "tel", Hint: at.say.T("checkout.phone_hint"), Required: true, LTR: true, Max: 30},
	}
	for i := range v.Contact {
		v.Contact[i].finish("", texts)
	}
	for _, f := range address.Form(a.Country) {
		if f.Name == "phone" {
			continue // asked once, above
		}
		o := field{Name: f.Name, Label: at.say.T(f.Label), Type: "text", Value: a.Get(f.Name), Autocomplete: f.Autocomplete, InputMode: f.InputMode, Required: f.Required, Max: f.MaxLength, Optional: at.say.T("checkout.optional")}
		if f.Hint != "" {
			o.Hint = at.say.T(f.Hint)
		}
		if f.Regions != nil {
			o.Type = "select"
			for _, region := range f.Regions {
				o.Options = append(o.Options, choice{region.Code, region.Name})
			}
		}
		o.finish("address.", texts)
		v.Address = append(v.Address, o)
	}
	widths(v.Address)
	v.Errors.byField(append(slices.Clone(v.Contact), v.Address...))
	for _, country := range at.market.Countries {
		v.Countries = append(v.Countries, choice{string(country), at.say.CountryName(string(country))})
	}
	var err error
	if v.Consents, err = s.consents(r, at); err != nil {
		return err
	}
	for i, b := range v.Consents {
		v.Consents[i].Checked = r.PostForm.Get(b.Name) == "1" || slices.ContainsFunc(c.Consents, func(k checkout.Consent) bool { return k.Channel == b.channel && k.Granted })
	}
	if v.Summary == nil {
		var bag cartView
		if err := s.fillCart(r, at, c, &bag); err != nil {
			return err
		}
		v.Summary = &summaryView{bag.Lines, bag.Totals}
	}
	p := s.newPage(at, "/checkout/details", at.say.T("checkout.details"))
	p.Focused, p.CartCount, p.Data = true, c.Count(), v
	return s.show(w, r, status, "details", p)
}

// byField puts the faults in the order of the form, each with the name of its field.
func (l *errorList) byField(all []field) {
	if l == nil {
		return
	}
	at := map[string]int{}
	for i, f := range all {
		at[f.ID] = i
	}
	slices.SortStableFunc(l.Items, func(a, b errorItem) int { return cmp.Compare(at[a.ID], at[b.ID]) })
	for i, item := range l.Items {
		if n, ok := at[item.ID]; ok {
			l.Items[i].Text = all[n].Label + ": " + item.Text
		}
	}
}

// widths puts the parts of a name, and what narrows down the place, beside each other where the screen is wide.
func widths(all []field) {
	parts := 0
	for _, f := range all {
		if narrows(f) {
			parts++
		}
	}
	for i, f := range all {
		switch {
		case f.Name == "given_name", f.Name == "family_name", narrows(f) && parts%2 == 0:
			all[i].Width = "half"
		case narrows(f) && parts == 3:
			all[i].Width = "third"
		}
	}
}

func narrows(f field) bool {
	return f.Name == "postcode" || f.Name == "city" || f.Name == "region" || f.Name == "district"
}

// finish ties a field to what is said about it. group is how its faults are named.
func (f *field) finish(group string, texts map[string]string) {
	f.ID = fieldID(group + f.Name)
	f.Error = first(texts[group+f.Name], texts[f.Name])
	var said []string
	if f.Hint != "" {
		said = append(said, f.ID+"-hint")
	}
	if f.Error != "" {
		said = append(said, f.ID+"-error")
	}
	f.Described = strings.Join(said, " ")
}

func (s *shop) saveDetails(w http.ResponseWriter, r *http.Request, at place) error {
	c, ok, err := s.current(w, r, at)
	if !ok || err != nil {
		return err
	}
	a := address.Address{Country: r.PostForm.Get("country"), AsTyped: r.PostForm.Get("as_typed") == "1"}
	if a.Country == "" {
		a.Country = string(at.market.Country())
	}
	for _, f := range address.Form(a.Country) {
		a.Set(f.Name, r.PostForm.Get(f.Name))
	}
	to := checkout.Contact{GivenName: a.GivenName, FamilyName: a.FamilyName, Email: r.PostForm.Get("email"), Phone: r.PostForm.Get("phone")}
	a.Phone = to.Phone
	answers, err := s.answers(r, at)
	if err != nil {
		return s.showDetails(w, r, at, c, to, a, err)
	}
	wrong := s.checkDetails(to, a)
	if wrong == nil {
		_, wrong = s.Checkout.Amend(r.Context(), c, checkout.SetContact(to), checkout.SetAddress(a),
			checkout.SetConsents(answers, at.prefix+"/checkout/details", s.ipDigest(r)))
	}
	if wrong != nil {
		return s.showDetails(w, r, at, c, to, a, wrong)
	}
	http.Redirect(w, r, at.prefix+"/checkout/delivery", http.StatusSeeOther)
	return nil
}

// checkDetails collects what is wrong with contact and address together, so that a shopper is told once.
func (s *shop) checkDetails(to checkout.Contact, a address.Address) error {
	fields := map[string]string{}
	if to.Email == "" {
		fields["email"] = "required"
	} else if _, err := customer.Email(to.Email); err != nil {
		fields["email"] = "no_address"
	}
	if to.Phone == "" {
		fields["phone"] = "required"
	} else if _, err := address.Phone(to.Phone, a.Country); err != nil {
		fields["phone"] = "phone_form"
	}
	for name, code := range fault.Of(address.Check(address.Tidy(a))).Fields {
		if name != "address.phone" {
			fields[name] = code
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return checkout.ErrInvalid.With(fields)
}
