package fakepsp

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"

	"portolan/internal/cldr"
	"portolan/internal/db"
	"portolan/internal/money"
	"portolan/internal/payment"
)

// Handler shows the provider's own pages under /fakepsp/: the challenge, the bank, the transfer. They are plain
// forms that need no script.
func (p *PSP) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /fakepsp/pay/{token}", p.show)
	mux.HandleFunc("POST /fakepsp/pay/{token}", p.choose)
	mux.HandleFunc("GET /fakepsp/style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Write(style)
	})
	return mux
}

//go:embed templates/style.css
var style []byte

//go:embed templates/page.html
var source string

var page = template.Must(template.New("page").Parse(source))

// choice is a button of the page.
type choice struct{ Value, Label, Class string }

type view struct {
	Lang, Dir, Title, Lead, Test, Amount, Method, Back, ReturnURL, Done string
	Choices                                                             []choice
}

func (p *PSP) load(w http.ResponseWriter, r *http.Request) (v pay, ok bool) {
	err := p.db.Read(r.Context(), func(tx *db.Tx) (err error) {
		v, err = find(tx, "token", r.PathValue("token"))
		return err
	})
	if errors.Is(err, payment.ErrNoPayment) {
		http.NotFound(w, r)
		return v, false
	}
	if err != nil {
		slog.ErrorContext(r.Context(), "fakepsp page", "err", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return v, false
	}
	return v, true
}

func (p *PSP) show(w http.ResponseWriter, r *http.Request) {
	v, ok := p.load(w, r)
	if !ok {
		return
	}
	t := words(v.lang)
	l := cldr.For(v.lang)
	out := view{Lang: v.lang, Dir: l.Dir(), Title: t("title_challenge"), Lead: t("lead_challenge"), Test: t("test"), Method: v.method,
		Amount: l.Money(v.amount), Back: t("leave"), ReturnURL: v.returnURL}
	switch {
	case v.scenario == "transfer":
		out.Title, out.Lead = t("title_transfer"), t("lead_transfer")
		out.Choices = []choice{{"exact", t("exact"), "good"}, {"short", t("short"), ""}, {"over", t("over"), ""}}
	case v.state != waiting:
		out.Done = t("done")
	case flows[v.method] == payment.Redirect:
		out.Title, out.Lead = t("title_redirect"), t("lead_redirect")
		out.Choices = []choice{{"pass", t("pay"), "good"}, {"late", t("late"), ""}, {"fail", t("cancel"), "bad"}}
	default:
		out.Choices = []choice{{"pass", t("pass"), "good"}, {"fail", t("fail"), "bad"}}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := page.Execute(w, out); err != nil {
		slog.ErrorContext(r.Context(), "fakepsp page", "err", err)
	}
}

// choose does what the person on the page decided and sends the browser back to the shop.
func (p *PSP) choose(w http.ResponseWriter, r *http.Request) {
	v, ok := p.load(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	err := p.db.Write(r.Context(), func(tx *db.Tx) error { return p.act(tx, v, r.PostFormValue("choice")) })
	if err != nil {
		slog.ErrorContext(r.Context(), "fakepsp page", "err", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	http.Redirect(w, r, v.returnURL, http.StatusSeeOther)
}

func (p *PSP) act(tx *db.Tx, v pay, choice string) (err error) {
	if v.scenario == "transfer" {
		part := map[string]int64{"exact": v.amount.Minor, "short": max(1, v.amount.Minor/2), "over": v.amount.Minor + 100}[choice]
		if part == 0 || v.state != processing {
			return nil
		}
		return p.deposit(tx, v.ref, money.Of(part, v.amount.Currency))
	}
	if v.state != waiting {
		return nil
	}
	switch choice {
	case "pass":
		_, err = p.move(tx, v.ref, captured, "")
	case "fail":
		reason := "authentication_failed"
		if flows[v.method] == payment.Redirect {
			reason = "cancelled_by_shopper"
		}
		_, err = p.move(tx, v.ref, failed, reason)
	case "late":
		if err = lateSuccess(tx, v.ref); err == nil {
			_, err = p.move(tx, v.ref, processing, "")
		}
	}
	return err
}

func lateSuccess(tx *db.Tx, ref string) error {
	if err := tx.Send(`update fakepsp_payments set scenario = $2 where ref = $1`, ref, string(LateSuccess)); err != nil {
		return fmt.Errorf("fakepsp: %w", err)
	}
	return nil
}
