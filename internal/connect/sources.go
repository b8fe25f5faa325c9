package connect

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/settings"
)

// sourcesKey is the setting that holds the shops that may speak at /in/generic, and the name of its version.
const sourcesKey = "connect.sources"

var (
	// ErrUnknownSource is the fault of a shop that isn't one of those that may speak.
	ErrUnknownSource = fault.New(fault.NotFound, "connect.unknown_source")
	// ErrSignature is the fault of a delivery that wasn't signed by a shop we know, too long ago or for the future.
	ErrSignature = fault.New(fault.Anonymous, "connect.signature")
	// ErrSourceForm is the fault of a name that no source can have.
	ErrSourceForm = fault.New(fault.Invalid, "connect.source_form")
)

// Sources are the shops that may speak, by name, with the secrets that are good for each: two while one is being
// changed.
type Sources map[string][]Secret

// Secret is a shared key, "whsec_" and base64. It is good until Until, or for ever where that is zero.
type Secret struct {
	Key   string    `json:"key"`
	Until time.Time `json:"until,omitzero"`
}

func loadSources(tx *db.Tx, _ *Sources) (*Sources, error) {
	all := Sources{}
	_, err := settings.Get(tx, sourcesKey, &all)
	return &all, err
}

// ListSources returns the shops that may speak.
func ListSources(tx *db.Tx) (Sources, error) {
	s, err := loadSources(tx, nil)
	return *s, err
}

var sourceForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// overlap is how long the secret before stays good when a new one is made.
const overlap = 7 * 24 * time.Hour

// AddSource lets a shop speak and returns its new secret. Where it has one already, that stays good for a week.
func AddSource(tx *db.Tx, name string) (string, error) {
	if !sourceForm.MatchString(name) || name == "shop" {
		return "", ErrSourceForm.With(map[string]string{"name": "small_letters_digits_hyphens"})
	}
	all, err := loadSources(tx, nil)
	if err != nil {
		return "", err
	}
	b := make([]byte, 32)
	rand.Read(b)
	key := "whsec_" + base64.StdEncoding.EncodeToString(b)
	kept := []Secret{{Key: key}}
	for _, s := range (*all)[name] {
		if s.Until.IsZero() {
			s.Until = tx.Now().Add(overlap)
		}
		if s.Until.After(tx.Now()) {
			kept = append(kept, s)
		}
	}
	(*all)[name] = kept
	return key, settings.Set(tx, sourcesKey, all)
}

// SetSource lets a shop speak with the secrets given, or no longer with none.
func SetSource(tx *db.Tx, name string, secrets ...Secret) error {
	for _, s := range secrets {
		if _, err := verifier(s.Key); err != nil {
			return fmt.Errorf("%w: %w", ErrSourceForm.With(map[string]string{"key": "no_secret"}), err)
		}
	}
	all, err := loadSources(tx, nil)
	if err != nil {
		return err
	}
	(*all)[name] = slices.Clone(secrets)
	if len(secrets) == 0 {
		delete(*all, name)
	}
	return settings.Set(tx, sourcesKey, all)
}
