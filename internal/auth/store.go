package auth

import (
	"strings"
	"time"

	"portolan/internal/db"
)

func insertUser(tx *db.Tx, u User, phc string) (int64, error) {
	return tx.Exec(`insert into users (id, email, name, role, password_hash, lang, created_at) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict do nothing`, u.ID, u.Email, u.Name, u.Role, phc, u.Lang, u.CreatedAt)
}

func findUser(tx *db.Tx, email string) (u User, phc string, err error) {
	u, err = db.One(tx, func(r db.Row) (u User, err error) {
		err = r.Scan(&u.ID, &u.Email, &u.Name, &u.Role, &u.Lang, &u.CreatedAt, &phc)
		return
	}, `select id, email, name, role, lang, created_at, password_hash from users where email = $1 and disabled_at is null`, email)
	return u, phc, err
}

func insertSession(tx *db.Tx, digest, user string, until time.Time) error {
	if err := tx.Send(`delete from sessions where expires_at < $1`, tx.Now()); err != nil {
		return err
	}
	err := tx.Send(`insert into sessions (digest, user_id, created_at, seen_at, expires_at) values ($1, $2, $3, $3, $4)`, digest, user, tx.Now(), until)
	return err
}

func findSession(tx *db.Tx, digest string, now time.Time) (u User, seen time.Time, err error) {
	u, err = db.One(tx, func(r db.Row) (u User, err error) {
		err = r.Scan(&u.ID, &u.Email, &u.Name, &u.Role, &u.Lang, &u.CreatedAt, &seen)
		return
	}, `select u.id, u.email, u.name, u.role, u.lang, u.created_at, s.seen_at from sessions s join users u on u.id = s.user_id
		where s.digest = $1 and s.expires_at > $2 and u.disabled_at is null`, digest, now)
	return u, seen, err
}

func insertKey(tx *db.Tx, k Key, digest string) error {
	err := tx.Send(`insert into api_keys (id, name, digest, hint, scopes, created_by, created_at) values ($1, $2, $3, $4, $5, $6, $7)`,
		k.ID, k.Name, digest, k.Hint, strings.Join(k.Scopes, " "), k.CreatedBy, k.CreatedAt)
	return err
}

const keyColumns = `id, name, hint, scopes, created_by, created_at, revoked_at`

func findKey(tx *db.Tx, digest string) (Key, error) {
	return db.One(tx, scanKey, `select `+keyColumns+` from api_keys where digest = $1 and revoked_at is null`, digest)
}

func listKeys(tx *db.Tx) ([]Key, error) {
	return db.All(tx, scanKey, `select `+keyColumns+` from api_keys order by created_at desc, id`)
}

func scanKey(r db.Row) (k Key, err error) {
	var scopes string
	err = r.Scan(&k.ID, &k.Name, &k.Hint, &scopes, &k.CreatedBy, &k.CreatedAt, db.Null(&k.RevokedAt))
	k.Scopes = strings.Fields(scopes)
	return
}
