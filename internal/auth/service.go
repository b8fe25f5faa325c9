package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"portolan/internal/db"
	"portolan/internal/id"
)

// Sessions end after a week without a visit and after a month in any case.
const (
	idle    = 7 * 24 * time.Hour
	longest = 30 * 24 * time.Hour
)

// keyMemory is how long a key that was found is believed without looking again: a revoked key dies within it.
const keyMemory = 5 * time.Second

// tries is how many wrong passwords an address may collect in window.
const (
	tries  = 10
	window = 15 * time.Minute
)

// Service answers who is calling.
type Service struct {
	db    *db.DB
	mu    sync.Mutex
	keys  map[string]remembered // by digest
	wrong map[string][]time.Time
}

type remembered struct {
	key   Key
	until time.Time
}

// New returns the service.
func New(d *db.DB) *Service {
	return &Service{db: d, keys: map[string]remembered{}, wrong: map[string][]time.Time{}}
}

// AddUser makes an account.
func (s *Service) AddUser(ctx context.Context, email, name, password string, role Role) (User, error) {
	email = fold(email)
	if err := checkUser(email, name, password, role); err != nil {
		return User{}, err
	}
	phc, err := hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	u := User{ID: id.New("usr"), Email: email, Name: name, Role: role, Lang: "en"}
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		u.CreatedAt = tx.Now()
		n, err := insertUser(tx, u, phc)
		if err == nil && n == 0 {
			err = ErrEmailTaken
		}
		return err
	})
	return u, err
}

// HasUsers reports whether anybody has an account yet; a fresh shop begins with making its owner.
func (s *Service) HasUsers(tx *db.Tx) (bool, error) {
	n, err := db.One(tx, db.Scalar[int64], `select count(*) from users`)
	return n > 0, err
}

// Users returns everybody with an account that isn't switched off, by name.
func (s *Service) Users(tx *db.Tx) ([]User, error) {
	return db.All(tx, func(r db.Row) (u User, err error) {
		err = r.Scan(&u.ID, &u.Email, &u.Name, &u.Role, &u.Lang, &u.CreatedAt)
		return
	}, `select id, email, name, role, lang, created_at from users where disabled_at is null order by name, id`)
}

// SetLang keeps the language a user wants the console in.
func (s *Service) SetLang(tx *db.Tx, userID, lang string) error {
	err := tx.Send(`update users set lang = $2 where id = $1`, userID, lang)
	return err
}

// LogIn checks a password and begins a session. The token goes into a cookie and is stored nowhere.
func (s *Service) LogIn(ctx context.Context, email, password string) (token string, u User, err error) {
	email = fold(email)
	if !s.mayTry(email) {
		return "", u, ErrTooManyLogs
	}
	var phc string
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		u, phc, err = findUser(tx, email)
		return err
	})
	if err != nil && !errors.Is(err, db.ErrNone) {
		return "", u, err
	}
	ok, err := verify(ctx, phc, password)
	if err != nil {
		return "", u, err
	}
	if !ok {
		s.failed(email)
		return "", User{}, ErrWrong
	}
	token = secret()
	return token, u, s.db.Write(ctx, func(tx *db.Tx) error {
		return insertSession(tx, digest(token), u.ID, tx.Now().Add(longest))
	})
}

// Session returns the person behind a cookie's token, or ErrAnonymous.
func (s *Service) Session(ctx context.Context, token string) (u User, err error) {
	if token == "" {
		return u, ErrAnonymous
	}
	var seen time.Time
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		u, seen, err = findSession(tx, digest(token), tx.Now())
		return err
	})
	if errors.Is(err, db.ErrNone) || err == nil && s.db.Clock().Now().Sub(seen) > idle {
		return User{}, ErrAnonymous
	}
	if err == nil && s.db.Clock().Now().Sub(seen) > time.Hour {
		err = s.db.Write(ctx, func(tx *db.Tx) error {
			err := tx.Send(`update sessions set seen_at = $2 where digest = $1`, digest(token), tx.Now())
			return err
		})
	}
	return u, err
}

// LogOut ends a session.
func (s *Service) LogOut(ctx context.Context, token string) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		err := tx.Send(`delete from sessions where digest = $1`, digest(token))
		return err
	})
}

// AddKey makes an API key. The secret is returned once and can't be had again.
func (s *Service) AddKey(tx *db.Tx, name, by string, scopes []string) (Key, string, error) {
	for _, want := range scopes {
		if !slices.Contains(Scopes, want) {
			return Key{}, "", ErrBadScope.With(map[string]string{"scopes": "unknown_scope"})
		}
	}
	if name == "" || len(scopes) == 0 {
		return Key{}, "", ErrBadScope.With(map[string]string{"name": "required", "scopes": "at_least_one"})
	}
	text := "ptk_" + secret()
	k := Key{ID: id.New("key"), Name: name, Hint: text[len(text)-4:], Scopes: scopes, CreatedBy: by, CreatedAt: tx.Now()}
	return k, text, insertKey(tx, k, digest(text))
}

// RevokeKey ends a key; requests with it fail within five seconds on every node.
func (s *Service) RevokeKey(tx *db.Tx, keyID string) error {
	n, err := tx.Exec(`update api_keys set revoked_at = $2 where id = $1 and revoked_at is null`, keyID, tx.Now())
	if err == nil && n == 0 {
		err = ErrUnknownKey
	}
	tx.After(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		clear(s.keys)
	})
	return err
}

// Keys lists all keys, newest first.
func (s *Service) Keys(tx *db.Tx) ([]Key, error) { return listKeys(tx) }

// ByKey returns the key behind an Authorization header, "Bearer ptk_…".
func (s *Service) ByKey(ctx context.Context, header string) (Key, error) {
	text, ok := strings.CutPrefix(header, "Bearer ")
	if !ok || !strings.HasPrefix(text, "ptk_") {
		return Key{}, ErrAnonymous
	}
	d, now := digest(text), s.db.Clock().Now()
	s.mu.Lock()
	r, known := s.keys[d]
	s.mu.Unlock()
	if known && now.Before(r.until) {
		return r.key, nil
	}
	var k Key
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		k, err = findKey(tx, d)
		return err
	})
	if errors.Is(err, db.ErrNone) {
		return Key{}, ErrAnonymous
	}
	if err == nil {
		s.mu.Lock()
		s.keys[d] = remembered{k, now.Add(keyMemory)}
		s.mu.Unlock()
	}
	return k, err
}

func (s *Service) mayTry(email string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.db.Clock().Now()
	s.wrong[email] = slices.DeleteFunc(s.wrong[email], func(at time.Time) bool { return now.Sub(at) > window })
	n := len(s.wrong[email])
	if n == 0 {
		delete(s.wrong, email)
	}
	return n < tries
}

func (s *Service) failed(email string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wrong) > 10_000 {
		clear(s.wrong) // a flood of made-up addresses must not fill the memory
	}
	s.wrong[email] = append(s.wrong[email], s.db.Clock().Now())
}

func fold(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

func secret() string { return rand.Text() + rand.Text()[:6] }

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
