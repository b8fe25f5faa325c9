package landed

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"portolan/internal/fault"
	"portolan/internal/money"
)

// ErrUnreadableFile is the fault of a file of scenarios that can't be read; its text names scenario and field.
var ErrUnreadableFile = fault.New(fault.Invalid, "landed.unreadable_file")

// maxFile is the largest file of scenarios that is read.
const maxFile = 64 << 20

// RunFile answers every scenario of r, a file of golden cases, a list of scenarios or one scenario, with
// one JSON object per line on w, and counts those whose expected figures differ. Scenarios that can't be
// answered get an object with an error, and so does the caller after all others were answered; a file that
// can't be read is refused before anything is written.
func RunFile(r io.Reader, w io.Writer) (disagreements int, err error) { return Default().RunFile(r, w) }

// RunFile answers scenarios by the rules of p, as the function of that name does by those of the program.
func (p *Pack) RunFile(r io.Reader, w io.Writer) (disagreements int, err error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return 0, fmt.Errorf("read scenarios: %w", err)
	}
	if len(text) > maxFile {
		return 0, refuse(ErrUnreadableFile, "file", "out_of_range", fmt.Sprintf("must be at most %d bytes", maxFile))
	}
	all, err := readScenarios(text)
	if err != nil {
		return 0, err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	var first error
	for i := range all {
		a, err := all[i].answer(p)
		if err != nil && first == nil {
			first = fmt.Errorf("scenario %s: %w", all[i].ID, err)
		}
		if len(a.Differences) > 0 {
			disagreements++
		}
		if err := out.Encode(a); err != nil {
			return disagreements, fmt.Errorf("write answer: %w", err)
		}
	}
	return disagreements, first
}

// scenario is one question with, perhaps, the answer that is expected.
type scenario struct {
	ID       string                     `json:"id"`
	Input    json.RawMessage            `json:"input"`
	Expected map[string]json.RawMessage `json:"expected"`
}

// readScenarios finds the scenarios of a file in any of its shapes: {cases: [{scenarios}]}, {scenarios},
// a list of these, one scenario, or one bare input.
func readScenarios(text []byte) ([]scenario, error) {
	var all []scenario
	if !utf8.Valid(text) {
		return nil, refuse(ErrUnreadableFile, "file", "not_utf8", "must be UTF-8; save it again in that encoding")
	}
	if err := collect(bytes.TrimSpace(text), &all, 0); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, refuse(ErrUnreadableFile, "file", "required", "holds no scenario with an input")
	}
	return all, nil
}

func collect(text json.RawMessage, all *[]scenario, depth int) error {
	if depth > 4 {
		return refuse(ErrUnreadableFile, "file", "malformed", "has scenarios nested too deeply")
	}
	if len(text) > 0 && text[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return unreadable("file", err)
		}
		for _, e := range list {
			if err := collect(e, all, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	var node struct {
		scenario
		Cases     json.RawMessage `json:"cases"`
		Scenarios json.RawMessage `json:"scenarios"`
		Lines     json.RawMessage `json:"lines"`
	}
	if err := json.Unmarshal(text, &node); err != nil {
		return unreadable("file", err)
	}
	switch {
	case node.Cases != nil:
		return collect(node.Cases, all, depth+1)
	case node.Scenarios != nil:
		return collect(node.Scenarios, all, depth+1)
	case node.Input == nil && node.Lines != nil:
		node.Input = text
	case node.Input == nil:
		return refuse(ErrUnreadableFile, "scenarios."+strconv.Itoa(len(*all))+".input", "required", fmt.Sprintf("scenario %.40q has no input", node.ID))
	}
	if node.ID == "" {
		node.ID = strconv.Itoa(len(*all) + 1)
	}
	*all = append(*all, node.scenario)
	return nil
}

func unreadable(field string, err error) error {
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) && typed.Field != "" {
		return refuse(ErrUnreadableFile, field+"."+typed.Field, "malformed", "must be "+shape(typed.Type)+", not "+typed.Value)
	}
	return refuse(ErrUnreadableFile, field, "malformed", err.Error())
}

// shape says what a value of a type looks like in JSON.
func shape(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Bool:
		return "true or false"
	}
	return "text"
}

// number is a decimal written as text or as a JSON number.
type number string

func (n *number) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(n))
	}
	if string(b) == "null" {
		return nil
	}
	var j json.Number
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*n = number(j)
	return nil
}

type fileInput struct {
	Date          string                     `json:"date"`
	ShipFrom      string                     `json:"ship_from"`
	Destination   Place                      `json:"destination"`
	Currency      string                     `json:"currency"`
	PriceCurrency string                     `json:"price_currency"`
	Lines         []fileLine                 `json:"lines"`
	ShippingNet   number                     `json:"shipping_net"`
	Shipping      number                     `json:"shipping"`
	Insurance     number                     `json:"insurance"`
	Discount      number                     `json:"discount"`
	Registrations []string                   `json:"seller_registrations"`
	Channel       string                     `json:"channel"`
	Incoterm      string                     `json:"incoterm"`
	IncludeTax    bool                       `json:"prices_include_tax"`
	Marketplace   bool                       `json:"is_marketplace"`
	FX            map[string]number          `json:"fx"`
	Flags         map[string]json.RawMessage `json:"flags"`
	CarrierFee    number                     `json:"carrier_fee"`
}

type fileLine struct {
	Key          string `json:"key"`
	Description  string `json:"description"`
	HS           string `json:"hs"`
	Origin       string `json:"origin"`
	Quantity     number `json:"quantity"`
	UnitPriceNet number `json:"unit_price_net"`
	UnitPrice    number `json:"unit_price"`
	Discount     number `json:"discount"`
	Category     string `json:"category"`
	WeightGrams  number `json:"weight_grams"`
	OriginProof  string `json:"origin_proof"`
}

// request reads an input. Amounts of prices are in price_currency; without it in the currency that fx leads
// from, if it names one, else in currency.
func (in *fileInput) request() (*Request, error) {
	var c complaints
	r := &Request{
		ShipFrom: in.ShipFrom, Destination: in.Destination, Currency: money.Currency(in.Currency), Registrations: in.Registrations,
		Channel: Channel(in.Channel), Incoterm: Incoterm(in.Incoterm), PricesIncludeTax: in.IncludeTax, Marketplace: in.Marketplace,
	}
	date, err := time.Parse(time.DateOnly, in.Date)
	c.that(err == nil, "date", "malformed", "must be a day like 2026-11-21")
	r.Date = date
	c.that(r.Currency.Valid(), "currency", "unknown_currency", "must be an ISO 4217 code like EUR")
	price := in.rates(r, &c)
	amount := func(n number, cur money.Currency, field string) money.Amount {
		if n == "" {
			return money.Amount{}
		}
		a, err := money.Parse(string(n), cur)
		c.that(err == nil, field, "malformed", fmt.Sprintf("must be a decimal of %s with at most %d decimals", cur, cur.Digits()))
		c.that(a.Minor >= 0, field, "negative", "must not be negative")
		return a
	}
	r.Shipping = amount(in.ShippingNet, price, "shipping_net")
	if in.Shipping != "" {
		r.Shipping = amount(in.Shipping, price, "shipping")
	}
	r.Insurance = amount(in.Insurance, price, "insurance")
	r.Discount = amount(in.Discount, price, "discount")
	r.CarrierFee = amount(in.CarrierFee, r.Currency, "carrier_fee")
	for i := range in.Lines {
		l := &in.Lines[i]
		at := "lines." + strconv.Itoa(i) + "."
		unit, field := l.UnitPriceNet, at+"unit_price_net"
		if unit == "" {
			unit, field = l.UnitPrice, at+"unit_price"
		}
		c.that(unit != "", at+"unit_price_net", "required", "must be given")
		quantity, err := strconv.ParseInt(string(l.Quantity), 10, 64)
		c.that(err == nil && quantity >= 1 && quantity <= MaxQuantity, at+"quantity", "out_of_range", "must be 1 to "+strconv.Itoa(MaxQuantity))
		grams := int64(0)
		if l.WeightGrams != "" {
			grams, err = strconv.ParseInt(string(l.WeightGrams), 10, 64)
			c.that(err == nil, at+"weight_grams", "malformed", "must be a whole number")
		}
		line := Line{
			Key: l.Key, Description: l.Description, HS: l.HS, Origin: l.Origin, Quantity: quantity, Category: l.Category,
			UnitPrice: amount(unit, price, field), Discount: amount(l.Discount, price, at+"discount"), WeightGrams: grams, PreferenceProof: l.OriginProof,
		}
		if line.UnitPrice.Currency == "" {
			line.UnitPrice.Currency = price
		}
		r.Lines = append(r.Lines, line)
	}
	in.flags(r, &c)
	if err := c.err(ErrUnusable); err != nil {
		return nil, err
	}
	return r, nil
}

// rates reads fx, whose keys are USD (to the result's currency) or USD/EUR, and finds the price currency.
func (in *fileInput) rates(r *Request, c *complaints) money.Currency {
	for _, key := range slices.Sorted(maps.Keys(in.FX)) {
		from, to, pair := strings.Cut(key, "/")
		if !pair {
			to = in.Currency
		}
		rate, err := money.ParseRate(string(in.FX[key]))
		ok := err == nil && rate.Coef > 0 && money.Currency(from).Valid() && money.Currency(to).Valid()
		c.that(ok, "fx."+key, "must_be_positive", "must be a positive decimal between two currencies")
		r.FX = append(r.FX, FX{money.Currency(from), money.Currency(to), rate})
	}
	switch {
	case in.PriceCurrency != "":
		c.that(money.Currency(in.PriceCurrency).Valid(), "price_currency", "unknown_currency", "must be an ISO 4217 code like EUR")
		return money.Currency(in.PriceCurrency)
	case len(r.FX) == 1:
		return r.FX[0].From
	}
	return money.Currency(in.Currency)
}

func (in *fileInput) flags(r *Request, c *complaints) {
	yes := func(key string, otherwise bool) bool {
		v, ok := in.Flags[key]
		if !ok {
			return otherwise
		}
		c.that(json.Unmarshal(v, &otherwise) == nil, "flags."+key, "malformed", "must be true or false")
		return otherwise
	}
	r.Flags.EUHandlingFee = yes("eu_handling_fee", false)
	r.Flags.IOSSVATBaseExcludesDuty = !yes("ioss_vat_base_includes_duty", true)
	r.Flags.Business = yes("b2b", false)
	r.Flags.CrossBorderRetail = yes("cbec", false)
	r.Flags.FreightByWeight = yes("freight_by_weight", false)
	r.Flags.NoNationalParcelFees = !yes("national_parcel_fees", true)
	if yes("is_marketplace", false) {
		r.Marketplace = true
	}
	if v, ok := in.Flags["origin_proof"]; ok && json.Unmarshal(v, &r.Flags.OriginProof) != nil {
		var one string
		c.that(json.Unmarshal(v, &one) == nil, "flags.origin_proof", "malformed", "must be a list of agreements")
		r.Flags.OriginProof = []string{one}
	}
}

// answer is what is printed for one scenario.
type answer struct {
	ID          string            `json:"id"`
	Goods       string            `json:"goods,omitempty"`
	Shipping    string            `json:"shipping,omitempty"`
	Duty        string            `json:"duty,omitempty"`
	Tax         string            `json:"tax,omitempty"`
	Fees        string            `json:"fees,omitempty"`
	Total       string            `json:"total,omitempty"`
	AtCheckout  string            `json:"at_checkout_taxes,omitempty"`
	AtBorder    string            `json:"at_border,omitempty"`
	Currency    string            `json:"currency,omitempty"`
	Confidence  string            `json:"confidence,omitempty"`
	Final       bool              `json:"final"`
	DutyLayers  map[string]string `json:"duty_layers,omitempty"`
	Lines       []answerLine      `json:"lines,omitempty"`
	Charges     []answerCharge    `json:"charges,omitempty"`
	Rules       []string          `json:"rules,omitempty"`
	NeedsReview []answerReview    `json:"needs_review,omitempty"`
	Assumptions []string          `json:"assumptions,omitempty"`
	Pack        string            `json:"pack,omitempty"`
	Differences []string          `json:"differences,omitempty"`
	Error       *answerError      `json:"error,omitempty"`
}

type answerLine struct {
	Description  string `json:"description"`
	Goods        string `json:"goods"`
	Freight      string `json:"freight"`
	CustomsValue string `json:"customs_value"`
	Duty         string `json:"duty"`
	Tax          string `json:"tax"`
	Confidence   string `json:"confidence"`
}

type answerCharge struct {
	Line    int    `json:"line"`
	Kind    Kind   `json:"kind"`
	Code    string `json:"code"`
	Percent string `json:"percent"`
	Base    string `json:"base"`
	Amount  string `json:"amount"`
	Rule    string `json:"rule,omitempty"`
	Source  string `json:"source,omitempty"`
	Since   string `json:"since,omitempty"`
	When    When   `json:"when"`
}

type answerReview struct {
	Line int    `json:"line"`
	Code string `json:"code"`
	Rule string `json:"rule,omitempty"`
	Low  string `json:"low,omitempty"`
	High string `json:"high,omitempty"`
}

type answerError struct {
	Code   string            `json:"code"`
	Fields map[string]string `json:"fields,omitempty"`
	Text   string            `json:"text"`
}

func (s *scenario) answer(p *Pack) (answer, error) {
	a := answer{ID: s.ID}
	var in fileInput
	err := json.Unmarshal(s.Input, &in)
	var r *Request
	if err != nil {
		err = unreadable("input", err)
	} else {
		r, err = in.request()
	}
	var q Quote
	if err == nil {
		q, err = p.Quote(r)
	}
	if err != nil {
		known := fault.Of(err)
		a.Error = &answerError{Code: known.Code, Fields: known.Fields, Text: err.Error()}
		return a, err
	}
	a.fill(r, &q)
	a.Differences = s.differences(&a, r.Currency)
	return a, nil
}

func (a *answer) fill(r *Request, q *Quote) {
	a.Goods, a.Shipping, a.Duty, a.Tax, a.Fees = q.Goods.Decimal(), q.Shipping.Decimal(), q.Duty.Decimal(), q.Tax.Decimal(), q.Fees.Decimal()
	a.Total, a.AtCheckout, a.AtBorder = q.Total.Decimal(), q.AtCheckout.Decimal(), q.AtBorder.Decimal()
	a.Currency, a.Confidence, a.Final, a.Pack, a.Assumptions = string(r.Currency), q.Confidence.String(), q.Final(), q.Pack, q.Assumptions
	layers := map[string]money.Amount{}
	for _, h := range q.Charges {
		if h.Kind == Duty {
			layers[h.Code] = layers[h.Code].Add(h.Amount)
		}
		a.Charges = append(a.Charges, answerCharge{h.Line, h.Kind, h.Code, h.Rate.PercentString(), h.Base.Decimal(), h.Amount.Decimal(), h.Rule, h.Source, h.ValidFrom, h.When})
		if h.Rule != "" && !slices.Contains(a.Rules, h.Rule) {
			a.Rules = append(a.Rules, h.Rule)
		}
	}
	if q.Regime != "" && !slices.Contains(a.Rules, q.Regime) {
		a.Rules = append([]string{q.Regime}, a.Rules...)
	}
	a.DutyLayers = map[string]string{}
	for code, sum := range layers {
		a.DutyLayers[code] = sum.Decimal()
	}
	for i, l := range q.Lines {
		a.Lines = append(a.Lines, answerLine{r.Lines[i].Description, l.Goods.Decimal(), l.Freight.Decimal(), l.CustomsValue.Decimal(), l.Duty.Decimal(), l.Tax.Decimal(), l.Confidence.String()})
	}
	for _, v := range q.Reviews {
		w := answerReview{Line: v.Line, Code: v.Code, Rule: v.Rule}
		if v.Ranged {
			w.Low, w.High = v.Low.Decimal(), v.High.Decimal()
		}
		a.NeedsReview = append(a.NeedsReview, w)
	}
}

// differences compares as numbers, after rounding to the currency.
func (s *scenario) differences(a *answer, cur money.Currency) []string {
	var bad []string
	got := map[string]string{
		"goods": a.Goods, "shipping": a.Shipping, "duty": a.Duty, "tax": a.Tax, "fees": a.Fees, "total": a.Total,
		"at_checkout_taxes": a.AtCheckout, "at_border": a.AtBorder,
	}
	for _, key := range slices.Sorted(maps.Keys(s.Expected)) {
		if key == "duty_layers" {
			var want map[string]number
			if json.Unmarshal(s.Expected[key], &want) != nil {
				bad = append(bad, "duty_layers: expected value is unreadable")
				continue
			}
			for _, code := range slices.Sorted(maps.Keys(want)) {
				bad = appendDifference(bad, "duty_layers."+code, a.DutyLayers[code], string(want[code]), cur)
			}
			continue
		}
		have, known := got[key]
		if !known {
			continue
		}
		var want number
		if json.Unmarshal(s.Expected[key], &want) != nil {
			bad = append(bad, key+": expected value is unreadable")
			continue
		}
		bad = appendDifference(bad, key, have, string(want), cur)
	}
	return bad
}

func appendDifference(bad []string, key, got, want string, cur money.Currency) []string {
	g, err1 := money.ParseRate(cmp.Or(got, "0"))
	w, err2 := money.ParseRate(want)
	if err1 == nil && err2 == nil {
		if roundTo(g, cur) == roundTo(w, cur) {
			return bad
		}
	}
	return append(bad, fmt.Sprintf("%s: got %s, expected %s", key, got, want))
}

// roundTo is r in minor units of the currency, rounded half up.
func roundTo(r money.Rate, cur money.Currency) int64 {
	f := FX{From: cur, To: cur, Rate: r}
	neg := r.Coef < 0
	if neg {
		f.Rate.Coef = -r.Coef
	}
	if r.Coef == 0 {
		return 0
	}
	x, _ := f.fraction()
	minor := int64(1)
	for range cur.Digits() {
		minor *= 10
	}
	n, _ := times(minor, x.num).over(x.den, half)
	if neg {
		return -n
	}
	return n
}
