package api

import (
	"context"
	"slices"

	"portolan/internal/customer"
	"portolan/internal/db"
)

// GetCustomer returns one customer.
func (a *api) GetCustomer(ctx context.Context, r GetCustomerRequestObject) (GetCustomerResponseObject, error) {
	var out Customer
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) { out, err = a.customer(tx, r.ID); return err })
	return GetCustomer200JSONResponse(out), err
}

// customer is a person with all their profiles.
func (a *api) customer(tx *db.Tx, id string) (out Customer, err error) {
	c, err := a.Customers.Get(tx, id)
	if err != nil {
		return out, err
	}
	out = Customer{ID: c.ID, GivenName: c.GivenName, FamilyName: c.FamilyName, Email: c.Email, Phone: c.Phone, Country: string(c.Country), Region: c.Region, Lang: c.Lang,
		Market: string(c.Market), CreatedAt: utc(c.CreatedAt)}
	profiles, err := a.Customers.Profiles(tx, id)
	if err != nil {
		return out, err
	}
	for _, one := range profiles {
		if len(profiles) > 1 {
			out.Profiles = append(out.Profiles, one.ID)
		}
		for _, to := range []string{one.Email, one.Phone} {
			if to == "" || out.Stopped {
				continue
			}
			s, err := a.Customers.Suppressed(tx, to)
			if err != nil {
				return out, err
			}
			out.Stopped = s.Address != ""
		}
	}
	merges, err := a.Customers.Merges(tx, id)
	if err != nil {
		return out, err
	}
	for _, m := range merges {
		out.Merges = append(out.Merges, showMerge(m))
	}
	alike, err := a.Customers.Suggestions(tx, id)
	for _, x := range alike {
		out.Perhaps = append(out.Perhaps, PerhapsSame{ID: x.ID, Name: x.Name(), Keys: keysOf[PerhapsSameKeys](x.Keys)})
	}
	return out, err
}

func showMerge(m customer.Merge) Merge {
	return Merge{ID: m.ID, Survivor: m.Survivor, Other: m.Other, By: m.By, Why: m.Why, Keys: keysOf[MergeKeys](m.Keys), At: utc(m.At), UndoUntil: utc(m.UndoUntil)}
}

func keysOf[K ~string](all []string) []K {
	out := make([]K, len(all))
	for i, k := range all {
		out[i] = K(k)
	}
	return out
}

// MergeCustomer joins two profiles of one person.
func (a *api) MergeCustomer(ctx context.Context, r MergeCustomerRequestObject) (MergeCustomerResponseObject, error) {
	var m customer.Merge
	err := a.DB.Write(ctx, func(tx *db.Tx) (err error) {
		m, err = a.Customers.Merge(tx, r.ID, r.Body.Other, by(ctx), r.Body.Why)
		return err
	})
	return MergeCustomer200JSONResponse(showMerge(m)), err
}

// UnmergeCustomer undoes a merge.
func (a *api) UnmergeCustomer(ctx context.Context, r UnmergeCustomerRequestObject) (UnmergeCustomerResponseObject, error) {
	var out Customer
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := a.Customers.Get(tx, r.ID); err != nil {
			return err
		}
		all, err := a.Customers.Merges(tx, r.ID)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(m customer.Merge) bool { return r.Params.Merge == "" || m.ID == r.Params.Merge })
		if at < 0 {
			return customer.ErrNoMerge
		}
		if err := a.Customers.Unmerge(tx, all[at].ID, by(ctx)); err != nil {
			return err
		}
		out, err = a.customer(tx, r.ID)
		return err
	})
	return UnmergeCustomer200JSONResponse(out), err
}
