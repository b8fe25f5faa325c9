package auth_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/db/dbtest"
)

const password = "a long enough one"

func TestSessions(t *testing.T) {
	dbtest.Each(t, []db.Schema{auth.Schema}, func(t *testing.T, d *db.DB) {
		s, ctx := auth.New(d), t.Context()
		_, err := s.AddUser(ctx, "Mei@Shop.example", "Mei", password, auth.Operator)
		require.NoError(t, err)
		_, err = s.AddUser(ctx, "mei@shop.example", "Mei again", password, auth.Viewer)
		require.ErrorIs(t, err, auth.ErrEmailTaken)

		for _, wrong := range [][2]string{{"mei@shop.example", "nope"}, {"nobody@shop.example", password}, {"", ""}} {
			_, _, err = s.LogIn(ctx, wrong[0], wrong[1])
			require.ErrorIs(t, err, auth.ErrWrong)
		}
		token, u, err := s.LogIn(ctx, " MEI@shop.example", password)
		require.NoError(t, err)
		require.Equal(t, auth.Operator, u.Role)
		got, err := s.Session(ctx, token)
		require.NoError(t, err)
		require.Equal(t, u, got)

		d.Clock().Advance(6 * 24 * time.Hour)
		_, err = s.Session(ctx, token)
		require.NoError(t, err, "a visit keeps it alive")
		d.Clock().Advance(6 * 24 * time.Hour)
		_, err = s.Session(ctx, token)
		require.NoError(t, err)
		d.Clock().Advance(8 * 24 * time.Hour)
		_, err = s.Session(ctx, token)
		require.ErrorIs(t, err, auth.ErrAnonymous)

		token, _, err = s.LogIn(ctx, "mei@shop.example", password)
		require.NoError(t, err)
		require.NoError(t, s.LogOut(ctx, token))
		_, err = s.Session(ctx, token)
		require.ErrorIs(t, err, auth.ErrAnonymous)
	})
}

func TestGuessingIsSlowedDown(t *testing.T) {
	d := dbtest.Open(t, t.TempDir()+"/a.db", db.Manual(dbtest.Start), []db.Schema{auth.Schema})
	s := auth.New(d)
	for range 10 {
		_, _, err := s.LogIn(t.Context(), "mei@shop.example", "guess")
		require.ErrorIs(t, err, auth.ErrWrong)
	}
	_, _, err := s.LogIn(t.Context(), "mei@shop.example", "guess")
	require.ErrorIs(t, err, auth.ErrTooManyLogs)
	d.Clock().Advance(16 * time.Minute)
	_, _, err = s.LogIn(t.Context(), "mei@shop.example", "guess")
	require.ErrorIs(t, err, auth.ErrWrong)
}

func TestUserNeedsAllFields(t *testing.T) {
	s := auth.New(dbtest.Open(t, t.TempDir()+"/a.db", nil, []db.Schema{auth.Schema}))
	for _, tt := range []struct {
		email, name, password string
		role                  auth.Role
		field                 string
	}{
		{"", "Mei", password, auth.Owner, "email"},
		{"mei@", "Mei", password, auth.Owner, "email"},
		{"mei@shop.example", "", password, auth.Owner, "name"},
		{"mei@shop.example", "Mei", "short", auth.Owner, "password"},
		{"mei@shop.example", "Mei", password, "king", "role"},
	} {
		_, err := s.AddUser(t.Context(), tt.email, tt.name, tt.password, tt.role)
		require.ErrorIs(t, err, auth.ErrInvalid)
		require.ErrorContains(t, err, tt.field)
	}
}

func TestRoles(t *testing.T) {
	require.True(t, auth.Owner.May(auth.Viewer))
	require.True(t, auth.Operator.May(auth.Operator))
	require.False(t, auth.Viewer.May(auth.Operator))
	require.False(t, auth.Role("").May(auth.Viewer))
}

func TestKeys(t *testing.T) {
	dbtest.Each(t, []db.Schema{auth.Schema}, func(t *testing.T, d *db.DB) {
		s := auth.New(d)
		var k auth.Key
		var text string
		dbtest.Write(t, d, func(tx *db.Tx) (err error) {
			_, _, err = s.AddKey(tx, "wrong", "usr_1", []string{"everything"})
			require.ErrorIs(t, err, auth.ErrBadScope)
			k, text, err = s.AddKey(tx, "ERP", "usr_1", []string{"orders:write"})
			return err
		})
		got, err := s.ByKey(t.Context(), "Bearer "+text)
		require.NoError(t, err)
		require.True(t, got.May("orders:write"))
		require.False(t, got.May("messages:read"))
		for _, wrong := range []string{"", text, "Bearer ptk_x", "Basic " + text} {
			_, err = s.ByKey(t.Context(), wrong)
			require.ErrorIs(t, err, auth.ErrAnonymous)
		}
		dbtest.Write(t, d, func(tx *db.Tx) error { return s.RevokeKey(tx, k.ID) })
		_, err = s.ByKey(t.Context(), "Bearer "+text)
		require.ErrorIs(t, err, auth.ErrAnonymous)
		dbtest.Write(t, d, func(tx *db.Tx) error {
			require.ErrorIs(t, s.RevokeKey(tx, k.ID), auth.ErrUnknownKey)
			return nil
		})
	})
}
