package customer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
	"portolan/internal/fault"
)

// Consent that is brought along counts from when it was given, and a ledger is only ever continued.
func TestConsentOfThePast(t *testing.T) {
	dbtest.Each(t, schemas, func(t *testing.T, d *db.DB) {
		s := service(d)
		then := dbtest.Start.AddDate(0, 0, -30)
		enter := func(at time.Time, a customer.Action) error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				c := grant(phone, customer.SMS)
				c.Action, c.At = a, at
				_, err := s.Enter(tx, c)
				return err
			})
		}
		require.NoError(t, enter(then, customer.Grant))
		require.NoError(t, enter(then.AddDate(0, 0, 5), customer.Revoke))
		for name, at := range map[string]time.Time{"no moment": {}, "to come": dbtest.Start.Add(time.Hour), "before another": then.AddDate(0, 0, 4)} {
			err := enter(at, customer.Grant)
			require.ErrorIs(t, err, customer.ErrBadInput, name)
			require.Equal(t, map[string]string{"at": "customer.not_then"}, fault.Of(err).Fields, name)
		}
		dbtest.Read(t, d, func(tx *db.Tx) error {
			all, err := s.Ledger(tx, phone)
			require.NoError(t, err)
			require.Empty(t, customer.Verify(all))
			for at, want := range map[time.Time]bool{then.Add(-time.Hour): false, then.Add(time.Hour): true, then.AddDate(0, 0, 6): false} {
				require.Equal(t, want, customer.StateAt(all, customer.SMS, customer.Promotional, at).Granted, at)
			}
			return nil
		})
	})
}
