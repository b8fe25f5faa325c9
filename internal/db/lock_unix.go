//go:build unix

package db

import (
	"os"
	"syscall"
)

// lockFile waits until no other process holds the file at path and returns what lets go of it. The file is
// left behind on purpose: removing it would let two processes hold two files of one name.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
