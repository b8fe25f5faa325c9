// Package vault locks up what must not be read by somebody who gets hold of the database: credentials of
// providers. The key lies outside it, in the environment or a file.
//
// Who may see what was locked up is decided by those who ask.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"portolan/internal/fault"
)

var (
	// ErrNoKey is the fault of locking something up without a key.
	ErrNoKey = fault.New(fault.Unavailable, "vault.no_key")
	// ErrLocked is the fault of something that none of the keys opens: the key was changed, or the words were.
	ErrLocked = fault.New(fault.Unavailable, "vault.locked")
)

// KeySize is how many bytes a key has.
const KeySize = 32

// Vault locks with its first key and opens with any of them. The zero Vault has no key: it locks and opens
// nothing.
type Vault struct{ keys [][]byte }

// New returns a vault with keys of KeySize bytes each, the one to lock with first.
func New(keys ...[]byte) (*Vault, error) {
	for _, k := range keys {
		if len(k) != KeySize {
			return nil, fmt.Errorf("a key has %d bytes, this one %d", KeySize, len(k))
		}
	}
	return &Vault{keys}, nil
}

// Read returns the vault of keys written in base64, separated by commas or white space.
func Read(text string) (*Vault, error) {
	var keys [][]byte
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r <= ' ' }) {
		k, err := base64.StdEncoding.DecodeString(word)
		if err != nil {
			return nil, errors.New("a key is not base64") // the text of the error would show a part of it
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key")
	}
	return New(keys...)
}

// File returns the vault of the keys in a file. Where there is none and make is set, one with a fresh key is
// made that only its owner may read.
func File(name string, make bool) (*Vault, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && make {
		b = []byte(Fresh() + "\n")
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return File(name, false)
		}
		if err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		if _, err = f.Write(b); err == nil {
			err = f.Sync()
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	v, err := Read(string(b))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", name, err)
	}
	return v, nil
}

// Fresh makes a key, in base64.
func Fresh() string {
	b := make([]byte, KeySize)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

// Ready reports whether the vault has a key.
func (v *Vault) Ready() bool { return v != nil && len(v.keys) > 0 }

// Lock returns plain as text that only a vault with the same key opens, under the same label: what it is and
// whose, so that nobody puts one thing in the place of another.
func (v *Vault) Lock(label string, plain []byte) (string, error) {
	if !v.Ready() {
		return "", ErrNoKey
	}
	box, err := seal(v.keys[0])
	if err != nil {
		return "", err
	}
	return "v1." + base64.RawStdEncoding.EncodeToString(box.Seal(nil, nil, plain, []byte(label))), nil
}

// Open returns what was locked up under label. ErrLocked is all it says of what it can't open.
func (v *Vault) Open(label, locked string) ([]byte, error) {
	if !v.Ready() {
		return nil, ErrNoKey
	}
	text, ok := strings.CutPrefix(locked, "v1.")
	b, err := base64.RawStdEncoding.DecodeString(text)
	if !ok || err != nil {
		return nil, ErrLocked
	}
	for _, k := range v.keys {
		box, err := seal(k)
		if err != nil {
			return nil, err
		}
		if plain, err := box.Open(nil, nil, b, []byte(label)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrLocked
}

// Keys returns keys derived for one purpose, one per key of the vault: the first to sign with, any to check.
func (v *Vault) Keys(purpose string) [][]byte {
	if !v.Ready() {
		return nil
	}
	var all [][]byte
	for _, k := range v.keys {
		d, err := hkdf.Key(sha256.New, k, nil, "portolan "+purpose, KeySize)
		if err != nil {
			panic(err)
		}
		all = append(all, d)
	}
	return all
}

func seal(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
