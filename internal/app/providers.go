package app

import (
	"portolan/internal/messaging"
	"portolan/internal/messaging/twilio"
)

// providers are the companies and protocols that messages can go by, one line each.
var providers = []messaging.Provider{
	twilio.Provider,
}
