package connect

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"

	"portolan/internal/messaging"
)

// Mails takes mail that came in by another server. Satisfied by messaging.Service.
type Mails interface {
	MailSecret(account string) string
	TakeMail(ctx context.Context, raw []byte, to ...string) (what string, err error)
}

var _ Mails = (*messaging.Service)(nil)

// mostTo is how many recipients of a mail's envelope are looked at.
const mostTo = 10

// mail takes one mail as it came in, from a mail server of the merchant's that logs in with the secret of its name
// (Basic). The envelope's recipients stand in the query: ?to=…
func (h *Hooks) mail(w http.ResponseWriter, r *http.Request, body []byte) (string, error) {
	account := r.PathValue("account")
	user, given, _ := r.BasicAuth()
	want := h.Mails.MailSecret(account)
	if want == "" || user != account || subtle.ConstantTimeCompare([]byte(given), []byte(want)) != 1 {
		return "", fmt.Errorf("mail server %q: %w", account, ErrSignature)
	}
	to := r.URL.Query()["to"]
	what, err := h.Mails.TakeMail(r.Context(), body, to[:min(len(to), mostTo)]...)
	if err != nil {
		return "", err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, what)
	if what == "nothing" {
		return what, nil
	}
	return "taken", nil
}
