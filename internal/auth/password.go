package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
)

// argon2id at 19 MiB, two passes, one lane: OWASP's first recommendation for interactive log-in. No more than
// two at a time, so that a burst of log-ins can't take the machine's memory.
const (
	memoryKiB = 19 * 1024
	passes    = 2
	keyLen    = 32
)

var turns = semaphore.NewWeighted(2)

func hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	if err := turns.Acquire(ctx, 1); err != nil {
		return "", err
	}
	defer turns.Release(1)
	key := argon2.IDKey([]byte(password), salt, passes, memoryKiB, 1, keyLen)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, memoryKiB, passes, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// verify takes as long for a hash that isn't one, so that nobody learns which addresses have an account.
func verify(ctx context.Context, phc, password string) (bool, error) {
	var version, mem, time, lanes int
	var saltText, keyText string
	b64 := base64.RawStdEncoding
	_, err := fmt.Sscanf(phc, "$argon2id$v=%d$m=%d,t=%d,p=%d$%22s$%43s", &version, &mem, &time, &lanes, &saltText, &keyText)
	salt, err1 := b64.DecodeString(saltText)
	want, err2 := b64.DecodeString(keyText)
	known := err == nil && err1 == nil && err2 == nil && len(want) == keyLen
	if !known {
		salt, want, mem, time, lanes = make([]byte, 16), make([]byte, keyLen), memoryKiB, passes, 1
	}
	if err := turns.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer turns.Release(1)
	got := argon2.IDKey([]byte(password), salt, uint32(time), uint32(mem), uint8(lanes), keyLen)
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}
