package app

import (
	"portolan/internal/messaging"
	"portolan/internal/messaging/infobip"
	"portolan/internal/messaging/telegram"
	"portolan/internal/messaging/twilio"
	"portolan/internal/messaging/vonage"
	"portolan/internal/messaging/webpush"
	"portolan/internal/messaging/whatsapp"
)

// providers are the companies and protocols that messages can go by, one line each.
var providers = []messaging.Provider{
	twilio.Provider,
	vonage.Provider,
	infobip.Provider,
	whatsapp.Provider,
	telegram.Provider,
	webpush.Provider,
}
