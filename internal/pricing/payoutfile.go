package pricing

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"portolan/internal/fault"
	"portolan/internal/money"
)

// ErrPayoutFile is the fault of a report of payouts with lines that can't be used; nothing of it is kept. Fields
// names each by line and column: "line 12, amount".
var ErrPayoutFile = fault.New(fault.Invalid, "pricing.payout_file")

// payoutHead are the columns of a report of payouts, in this order; entry may be left out.
var payoutHead = []string{"payout", "ref", "amount", "currency", "home_amount", "home_currency", "fee", "day", "entry"}

const (
	maxPayoutFile = 16 << 20 // bytes
	maxPayouts    = 200_000
)

// LineFault says what is wrong with one line of a file.
type LineFault struct {
	Line   int
	Column string
	Value  string // what stands there, shortened
	Code   string
}

// lineFaults are all that is wrong with one file of a kind.
type lineFaults struct {
	all []LineFault
	of  *fault.Fault
}

func (w *lineFaults) add(line int, column, value, code string) {
	if len(w.all) < 10_000 {
		w.all = append(w.all, LineFault{line, column, strings.ToValidUTF8(value[:min(len(value), 80)], "?"), code})
	}
}

// err is nothing where nothing is wrong.
func (w *lineFaults) err() error {
	if len(w.all) == 0 {
		return nil
	}
	slices.SortStableFunc(w.all, func(a, b LineFault) int { return a.Line - b.Line })
	return w
}

func (w *lineFaults) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d lines can't be used, nothing was kept", w.of.Code, len(w.all))
	for i, f := range w.all {
		if i == faultsShown {
			fmt.Fprintf(&b, "; and %d more", len(w.all)-i)
			break
		}
		fmt.Fprintf(&b, "; line %d, %s %.40q: %s", f.Line, f.Column, f.Value, f.Code)
	}
	return b.String()
}

func (w *lineFaults) Unwrap() error {
	fields := map[string]string{}
	for _, f := range w.all[:min(len(w.all), faultsShown)] {
		fields[fmt.Sprintf("line %d, %s", f.Line, f.Column)] = f.Code
	}
	return w.of.With(fields)
}

// FileFaults are the lines named by an error of ReadPayouts, TakePayouts or ImportRivals, in the order of the
// file.
func FileFaults(err error) []LineFault {
	if w, ok := errors.AsType[*lineFaults](err); ok {
		return w.all
	}
	return nil
}

// PayoutLine is an entry of a provider's report. Ref is the report's name for the order: its number, its id, or
// the provider's own name for the payment.
type PayoutLine struct {
	Settled
	Line int
}

// ReadPayouts reads a report of payouts: a CSV in UTF-8 with the columns payout, ref, amount, currency,
// home_amount, home_currency, fee, day and perhaps entry. Amounts are decimals; what was taken back stands below
// nothing. It reads to the end and then tells of every line at fault.
func ReadPayouts(r io.Reader) ([]PayoutLine, error) {
	wrong := &lineFaults{of: ErrPayoutFile}
	body, err := io.ReadAll(io.LimitReader(r, maxPayoutFile+1))
	if err != nil {
		return nil, err
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	switch {
	case len(body) > maxPayoutFile:
		wrong.add(1, "file", "", "pricing.file_too_long")
	case len(bytes.TrimSpace(body)) == 0:
		wrong.add(1, "file", "", "pricing.file_empty")
	case !utf8.Valid(body):
		for i, line := range bytes.Split(body, []byte("\n")) {
			if !utf8.Valid(line) {
				wrong.add(i+1, "file", string(line), "pricing.file_not_utf8")
			}
		}
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	c := csv.NewReader(bytes.NewReader(body))
	c.FieldsPerRecord, c.TrimLeadingSpace = -1, true
	head, err := c.Read()
	if err != nil || len(head) < len(payoutHead)-1 || len(head) > len(payoutHead) || !slices.EqualFunc(head, payoutHead[:len(head)], func(a, b string) bool { return strings.TrimSpace(a) == b }) {
		wrong.add(1, "file", strings.Join(head, ","), "pricing.file_head")
		return nil, wrong.err()
	}
	var all []PayoutLine
	seen := map[[3]string]bool{}
	for {
		row, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			line := 0
			if e, ok := errors.AsType[*csv.ParseError](err); ok {
				line = e.Line
			}
			wrong.add(line, "file", err.Error(), "pricing.file_unreadable")
			break
		}
		line, _ := c.FieldPos(0)
		switch {
		case len(row) != len(head):
			wrong.add(line, "file", strings.Join(row, ","), "pricing.columns_differ")
			continue
		case len(all) >= maxPayouts:
			wrong.add(line, "file", "", "pricing.file_too_long")
			return nil, wrong.err()
		}
		p := readPayout(wrong, line, row)
		if k := [3]string{p.Payout, p.Ref, p.Entry}; seen[k] {
			wrong.add(line, "entry", p.Entry, "pricing.entry_twice")
		} else {
			seen[k] = true
		}
		all = append(all, p)
	}
	if len(all) == 0 && len(wrong.all) == 0 {
		wrong.add(1, "file", "", "pricing.file_empty")
	}
	return all, wrong.err()
}

func readPayout(wrong *lineFaults, line int, row []string) PayoutLine {
	for i := range row {
		row[i] = strings.TrimSpace(row[i])
	}
	p := PayoutLine{Line: line, Settled: Settled{Payout: row[0], Ref: row[1], Day: row[7]}}
	if len(row) == len(payoutHead) {
		p.Entry = row[8]
	}
	text := func(column, value string, least int) {
		if len(value) < least || len(value) > 80 {
			wrong.add(line, column, value, "pricing.needs_source")
		}
	}
	text("payout", p.Payout, 1)
	text("ref", p.Ref, 1)
	text("entry", p.Entry, 0)
	amount := func(column, value string, in money.Currency) (a money.Amount) {
		a = money.Of(0, in)
		if !in.Valid() {
			return a
		}
		a, err := money.Parse(value, in)
		if err != nil {
			wrong.add(line, column, value, "pricing.amount_form")
		}
		return a
	}
	in, home := money.Currency(row[3]), money.Currency(row[5])
	if !in.Valid() {
		wrong.add(line, "currency", row[3], "pricing.currency_form")
	}
	if !home.Valid() {
		wrong.add(line, "home_currency", row[5], "pricing.currency_form")
	}
	p.Amount, p.Home, p.Fee = amount("amount", row[2], in), amount("home_amount", row[4], home), money.Of(0, home)
	if row[6] != "" {
		p.Fee = amount("fee", row[6], home)
	}
	if _, err := time.Parse(time.DateOnly, p.Day); err != nil {
		wrong.add(line, "day", p.Day, "pricing.day_form")
	}
	if p.Entry == "" {
		if p.Entry = entryCharge; p.Amount.Minor < 0 {
			p.Entry = entryRefund
		}
	}
	return p
}
