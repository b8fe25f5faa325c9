package vault_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"portolan/internal/vault"
)

func TestLocked(t *testing.T) {
	old, other := vault.Fresh(), vault.Fresh()
	v, err := vault.Read(old)
	require.NoError(t, err)
	locked, err := v.Lock("account a", []byte("hunter2"))
	require.NoError(t, err)
	require.NotContains(t, locked, "hunter2")
	again, err := v.Lock("account a", []byte("hunter2"))
	require.NoError(t, err)
	require.NotEqual(t, locked, again, "the same words look different each time")

	plain, err := v.Open("account a", locked)
	require.NoError(t, err)
	require.Equal(t, "hunter2", string(plain))
	_, err = v.Open("account b", locked)
	require.ErrorIs(t, err, vault.ErrLocked, "not under another name")
	for i := range locked {
		bent := []byte(locked)
		bent[i] ^= 1
		_, err = v.Open("account a", string(bent))
		require.ErrorIs(t, err, vault.ErrLocked, "byte %d", i)
	}

	w, err := vault.Read(other)
	require.NoError(t, err)
	_, err = w.Open("account a", locked)
	require.ErrorIs(t, err, vault.ErrLocked, "not with another key")
	both, err := vault.Read(other + ", " + old)
	require.NoError(t, err)
	plain, err = both.Open("account a", locked)
	require.NoError(t, err, "the key before still opens")
	require.Equal(t, "hunter2", string(plain))

	var none *vault.Vault
	_, err = none.Lock("a", nil)
	require.ErrorIs(t, err, vault.ErrNoKey)
	_, err = none.Open("a", locked)
	require.ErrorIs(t, err, vault.ErrNoKey)
}

func TestKeyFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "shop.key")
	_, err := vault.File(name, false)
	require.ErrorIs(t, err, os.ErrNotExist)
	v, err := vault.File(name, true)
	require.NoError(t, err)
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	locked, err := v.Lock("a", []byte("b"))
	require.NoError(t, err)
	v, err = vault.File(name, true)
	require.NoError(t, err)
	_, err = v.Open("a", locked)
	require.NoError(t, err)
	require.NotEqual(t, v.Keys("a")[0], v.Keys("b")[0])
}

func TestBadKeys(t *testing.T) {
	for _, text := range []string{"", " , ", "secret!", "c2hvcnQ=", vault.Fresh() + ",short"} {
		_, err := vault.Read(text)
		require.Error(t, err, text)
		require.False(t, text != "" && strings.TrimSpace(text) != "," && strings.Contains(err.Error(), text), "%v shows the key", err)
	}
}
