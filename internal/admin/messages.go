package admin

import (
	"errors"
	"net/http"
	"strings"

	"portolan/internal/customer"
	"portolan/internal/db"
	"portolan/internal/market"
	"portolan/internal/messaging"
	"portolan/internal/order"
	"portolan/internal/web"
)

var (
	messageStates = []string{"held", "queued", "sent", "delivered", "read", "failed", "expired", "dropped", "unknown"}
	classes       = []string{string(messaging.Transactional), string(messaging.Survey), string(messaging.Promotional), string(messaging.Reply)}
	channels      = []string{string(messaging.SMS), string(messaging.Email)}
)

type messagesView struct {
	Messages []messaging.Record
	Totals   []messaging.Totals
	Markets  []choice
	States   []choice
	Classes  []choice
	Channels []choice
	Older    string
	Newest   string
	Asked    bool
}

func (c *console) messages(tx *db.Tx, _ *http.Request, p *page) (err error) {
	p.Title = p.T("console.menu_messages")
	f := messaging.Filter{Market: market.Code(p.Q("market")), State: messaging.State(p.Q("state")), Class: messaging.Class(p.Q("class")),
		Channel: messaging.Channel(p.Q("channel")), To: strings.ReplaceAll(p.Q("to"), " ", "")}
	v := messagesView{Markets: c.marketChoices(p), States: p.Choices("state", "message", messageStates), Classes: p.Choices("class", "class", classes),
		Channels: p.Choices("channel", "channel", channels), Asked: f != messaging.Filter{}}
	if v.Messages, err = c.Messages.List(tx, f, messaging.Page{After: p.Q("after"), Limit: listLong}); err != nil {
		return err
	}
	if len(v.Messages) == listLong {
		v.Older = p.With("after", v.Messages[listLong-1].ID)
	}
	if p.Q("after") != "" {
		v.Newest = p.With("after", "")
	} else {
		p.Live.Every = "3s"
	}
	p.Data = v
	return nil
}

type messageView struct {
	messaging.Detail
	Order *order.Order
	Who   *customer.Customer
	Took  string // from the fact to the wire
	Text  []piece
}

func (c *console) message(tx *db.Tx, r *http.Request, p *page) error {
	d, err := c.Messages.Inspect(tx, r.PathValue("id"))
	if err != nil {
		return err
	}
	v := messageView{Detail: d, Text: p.Pieces(d.Body)}
	p.Title, p.Live.Every = p.T("console.message_to", "channel", p.Word("channel", d.Channel), "to", p.Reach(d.To)), "3s"
	if l := d.Latency(); l > 0 {
		v.Took = p.Took(l)
	}
	if d.Record.Order != "" {
		if o, err := c.Orders.Get(tx, order.ID(d.Record.Order)); err == nil {
			v.Order = &o
		} else if !errors.Is(err, order.ErrUnknown) {
			return err
		}
	}
	if d.Customer != "" {
		if who, err := c.Customers.Get(tx, d.Customer); err == nil {
			v.Who = &who
		} else if !errors.Is(err, customer.ErrUnknown) {
			return err
		}
	}
	p.Data = v
	return nil
}

func (c *console) messageHTML(w http.ResponseWriter, r *http.Request, _ *page) error {
	var m messaging.Record
	err := c.DB.Read(r.Context(), func(tx *db.Tx) (err error) {
		m, err = c.Messages.Get(tx, r.PathValue("id"))
		return err
	})
	if err != nil {
		return err
	}
	return letter(w, r, m.HTML)
}

// letter answers with the HTML of an e-mail, shut in: no script, no forms, nothing fetched from elsewhere, shown
// only inside the console.
func letter(w http.ResponseWriter, r *http.Request, html string) error {
	h := w.Header()
	h.Set("Content-Security-Policy", "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	return web.HTML(w, r, http.StatusOK, []byte(html))
}
