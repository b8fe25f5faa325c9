// Package auth knows who is calling: people by password and session, programs by API key. What a role or a
// scope may do is asked here; where the question is asked is the faces' business.
package auth

import (
	"embed"
	"slices"
	"strings"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
)

// Faults of package auth. A wrong address and a wrong password are one fault on purpose.
var (
	ErrWrong       = fault.New(fault.Anonymous, "auth.wrong_credentials")
	ErrAnonymous   = fault.New(fault.Anonymous, "auth.anonymous")
	ErrDenied      = fault.New(fault.Denied, "auth.denied")
	ErrScope       = fault.New(fault.Denied, "auth.scope_missing")
	ErrInvalid     = fault.New(fault.Invalid, "auth.invalid_user")
	ErrUnknownKey  = fault.New(fault.NotFound, "auth.unknown_key")
	ErrBadScope    = fault.New(fault.Invalid, "auth.invalid_scope")
	ErrEmailTaken  = fault.New(fault.Conflict, "auth.email_taken")
	ErrTooManyLogs = fault.New(fault.Limited, "auth.too_many_attempts")
)

//go:embed schema
var files embed.FS

// Schema holds users, their sessions and the keys of programs.
var Schema = db.Schema{Owner: "auth", Files: files}

// Role is what a person may do. Each role may do what the next one may.
type Role string

// Roles, the most powerful first.
const (
	Owner    Role = "owner"    // everything, keys and users too
	Operator Role = "operator" // the daily work
	Viewer   Role = "viewer"   // look, touch nothing
)

var ranks = []Role{Viewer, Operator, Owner}

// May reports whether r includes what need may do.
func (r Role) May(need Role) bool {
	return slices.Index(ranks, r) >= slices.Index(ranks, need) && r != ""
}

// User is a person who works at the merchant's.
type User struct {
	ID        string
	Email     string
	Name      string
	Role      Role
	Lang      string
	CreatedAt time.Time
}

// Scopes an API key can have.
var Scopes = []string{"catalog:read", "orders:read", "orders:write", "events:write", "evidence:read", "messages:read", "messages:write", "templates:read", "templates:write", "journeys:read", "journeys:write", "support:read", "support:write", "plans:read", "plans:write", "senders:read", "senders:write", "measures:read", "quotes:write", "rules:read", "rules:write", "taxes:read", "taxes:write", "prices:read", "prices:write", "goods:read", "goods:write", "shipments:read", "shipments:write"}

// Key is an API key as it is kept; the secret itself is shown once, when it is made.
type Key struct {
	ID, Name, Hint string
	Scopes         []string
	CreatedBy      string
	CreatedAt      time.Time
	RevokedAt      time.Time
}

// May reports whether the key has a scope.
func (k Key) May(scope string) bool { return slices.Contains(k.Scopes, scope) }

// checkUser says what is wrong with what was filled in.
func checkUser(email, name, password string, role Role) error {
	var c fault.Check
	at := strings.IndexByte(email, '@')
	c.That(at > 0 && at < len(email)-1 && len(email) <= 254, "email", "email_form")
	c.That(name != "" && len(name) <= 200, "name", "required")
	c.That(len(password) >= 10, "password", "at_least_10_characters")
	c.That(len(password) <= 200, "password", "at_most_200_characters")
	c.That(slices.Contains(ranks, role), "role", "unknown_role")
	return c.Err(ErrInvalid.Code)
}
