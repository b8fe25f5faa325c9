package smtp

import (
	"time"

	"portolan/internal/messaging"
)

// Letter is a mail as it leaves.
func Letter(cfg Config, p messaging.Parcel, now time.Time) ([]byte, error) {
	return (&Carrier{cfg: cfg}).letter(nil, p, now)
}
