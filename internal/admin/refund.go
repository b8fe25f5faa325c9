package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"portolan/internal/auth"
	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/id"
	"portolan/internal/money"
	"portolan/internal/order"
	"portolan/internal/tax"
	"portolan/internal/web"
)

// Refunds gives money of an order back. Satisfied by checkout.Service.
type Refunds interface {
	Refund(tx *db.Tx, r order.Refund) (order.Refund, error)
}

// refundRoutes are the pages on which money goes back.
func (c *console) refundRoutes(mux *http.ServeMux) {
	if c.Refunds == nil {
		return
	}
	mux.Handle("GET /console/orders/{id}/refund", c.page("refund", c.refundPage))
	mux.Handle("POST /console/orders/{id}/refund", c.known(c.refund))
}

type refundView struct {
	order.Order
	Key      string // the same form sent twice is one refund
	Lines    []refundLine
	Left     money.Amount
	Done     []order.Refund
	Delivery bool
	Amount   string // typed
	Reason   string
	Look     *refundLook
	Said     string
	Wrong    map[string]string
	Here     bool // the provider gives the money back; else that is done elsewhere
}

type refundLine struct {
	orderLine
	At     int
	Left   int64
	Chosen int64
}

// refundLook is a refund before it is made.
type refundLook struct {
	order.Refund
	Worth money.Amount
	Tax   *tax.Entry // what it takes back of the sale; nil where the books don't have it
}

// URL is the page of the refund.
func (v *refundView) URL() string {
	return "/console/orders/" + url.PathEscape(string(v.ID)) + "/refund"
}

func (c *console) refundPage(tx *db.Tx, r *http.Request, p *page) error {
	return c.fillRefund(tx, r, p, refundView{Key: id.New("ref")})
}

func (c *console) fillRefund(tx *db.Tx, r *http.Request, p *page, v refundView) (err error) {
	if v.Order, err = c.Orders.Get(tx, order.ID(r.PathValue("id"))); err != nil {
		return err
	}
	p.Title = p.T("console.rf_title", "number", v.Number)
	if v.Done, err = c.Orders.Refunds(tx, v.ID); err != nil {
		return err
	}
	v.Left, v.Here = v.Order.Left(v.Done), v.Payment != ""
	left := v.LeftOf(v.Done)
	chosen := map[int]int64{}
	if v.Look != nil {
		for _, piece := range v.Look.Pieces {
			chosen[piece.Line] = piece.Quantity
		}
	}
	for i, l := range v.Order.Lines {
		n := chosen[i]
		if typed, err := strconv.ParseInt(r.PostFormValue(fmt.Sprint("line", i)), 10, 64); err == nil {
			n = typed
		}
		v.Lines = append(v.Lines, refundLine{orderLine{l, c.picture(l), options(l.Options)}, i, max(left[i], 0), n})
	}
	p.Data = &v
	return nil
}

// readRefund reads the form. What is typed as amount wins over what the pieces are worth.
func readRefund(f url.Values, o *order.Order) (r order.Refund, err error) {
	r = order.Refund{ID: f.Get("key"), Order: o.ID, Reason: strings.TrimSpace(f.Get("reason")), Delivery: f.Get("delivery") != ""}
	for i := range o.Lines {
		text := strings.TrimSpace(f.Get(fmt.Sprint("line", i)))
		if text == "" || text == "0" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return r, order.ErrRefund.With(map[string]string{"pieces": "order.pieces_left"})
		}
		r.Pieces = append(r.Pieces, order.Piece{Line: i, Quantity: n})
	}
	r.Amount = o.Worth(r.Pieces, r.Delivery)
	if text := strings.TrimSpace(f.Get("amount")); text != "" {
		if strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
			text = strings.Replace(text, ",", ".", 1)
		}
		if r.Amount, err = money.Parse(text, o.Currency); err != nil {
			return r, order.ErrRefund.With(map[string]string{"amount": "order.refund_amount_form"})
		}
	}
	if !strings.HasPrefix(r.ID, "ref_") || len(r.ID) > 64 {
		r.ID = ""
	}
	return r, nil
}

// refund shows what a refund does and makes it.
func (c *console) refund(w http.ResponseWriter, r *http.Request, p *page) error {
	if !p.User.Role.May(auth.Operator) {
		return auth.ErrDenied
	}
	if err := r.ParseForm(); err != nil {
		return web.ErrBody
	}
	f := r.PostForm
	v := refundView{Key: f.Get("key"), Delivery: f.Get("delivery") != "", Amount: cut(f.Get("amount"), 30), Reason: cut(f.Get("reason"), 400)}
	to := ""
	err := c.DB.Write(r.Context(), func(tx *db.Tx) error {
		o, err := c.Orders.Get(tx, order.ID(r.PathValue("id")))
		if err != nil {
			return err
		}
		asked, err := readRefund(f, &o)
		if err != nil {
			return err
		}
		asked.By = p.User.Name
		made, err := c.Refunds.Refund(tx, asked)
		if err != nil {
			return err
		}
		if f.Get("do") == "give" {
			to = "/console/orders/" + url.PathEscape(string(o.ID)) + "?done=refund"
			return nil
		}
		v.Look = &refundLook{Refund: made, Worth: o.Worth(asked.Pieces, asked.Delivery)}
		return errLook
	})
	if err == nil {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	status := http.StatusOK
	if v.Look == nil {
		if fault.Of(err).Kind != fault.Invalid {
			return err
		}
		status = web.Status(err)
		v.Said, v.Wrong = p.Fault(err)
	}
	err = c.DB.Read(r.Context(), func(tx *db.Tx) error {
		if err := c.furnish(tx, p); err != nil {
			return err
		}
		if v.Look != nil && c.Taxes != nil {
			if e, err := c.Taxes.Refunding(tx, v.Look.Order, v.Look.Amount); err == nil {
				v.Look.Tax = &e
			}
		}
		return c.fillRefund(tx, r, p, v)
	})
	if err != nil {
		return err
	}
	return c.show(w, r, status, "refund", p)
}
