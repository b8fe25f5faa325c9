package fulfilment

import (
	"fmt"
	"time"

	"portolan/internal/fault"
	"portolan/internal/market"
	"portolan/internal/money"
)

// Options lists the ways to send lines, the market's first choice first, or ErrNoService; from memory. The
// location is Locate's.
func (s *Service) Options(r OptionsRequest) ([]Option, error) {
	m, ok := s.markets.ByCode(r.Market)
	if !ok {
		return nil, fmt.Errorf("market %.20q: %w", r.Market, market.ErrUnknown)
	}
	var c fault.Check
	grams := int64(0)
	for i, l := range r.Lines {
		c.That(l.Quantity > 0 && l.Quantity <= maxQuantity, fmt.Sprintf("lines[%d].quantity", i), "fulfilment.quantity_range")
		grams += l.WeightGrams * l.Quantity
	}
	c.That(len(r.Lines) > 0, "lines", "fulfilment.line_count")
	if err := c.Err("fulfilment.invalid"); err != nil {
		return nil, err
	}
	if r.Country == "" {
		r.Country = m.Country()
	}
	location := s.Locate(r.Market, r.Lines)
	t := s.table.Get()
	from, ok := t.byCode[location]
	if !ok || !m.Serves(r.Country) {
		return nil, fmt.Errorf("%s in market %s: %w", r.Country, r.Market, ErrNoService)
	}
	var all []Option
	for _, v := range t.services[r.Market] {
		if v.Location != location || v.Country != "" && v.Country != r.Country || v.MaxGrams > 0 && grams > v.MaxGrams {
			continue
		}
		first, last := v.promise(from, r.Country, r.At)
		asked := m.Day(r.At)
		all = append(all, Option{
			Service: v.Service, Carrier: v.Carrier, Location: location, From: from.Country, Channel: v.Channel,
			Price: v.price(grams, r.Subtotal), TaxInclusive: m.TaxInclusive, Incoterm: v.Incoterm,
			FromDay: first, ToDay: last, MinDays: market.DaysBetween(asked, first), MaxDays: market.DaysBetween(asked, last),
			WeightGrams: grams,
		})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%d g to %s from %s: %w", grams, r.Country, location, ErrNoService)
	}
	return all, nil
}

// price is what the service costs for a weight, unless the goods are worth enough.
func (v DeliveryService) price(grams int64, goods money.Amount) money.Amount {
	if v.FreeFrom.Minor > 0 && goods.Currency == v.FreeFrom.Currency && goods.Minor >= v.FreeFrom.Minor {
		return money.Of(0, v.Base.Currency)
	}
	more := max(0, (grams+999)/1000-1)
	return v.Base.Add(money.Of(v.PerKilo.Minor*more, v.Base.Currency))
}

// promise is the first and the last civil day on which what is ordered at a moment arrives: it leaves the
// location on the working day of the order, on the next one after the cut-off, plus handling, and travels so
// many working days of the destination.
func (v DeliveryService) promise(from Location, to market.Country, at time.Time) (first, last string) {
	leaves := from.departs(at, v.Handling)
	return market.AddWorkdays(to, leaves, v.MinDays), market.AddWorkdays(to, leaves, v.MaxDays)
}

// departs is the civil day on which what is ordered at a moment leaves the location.
func (l Location) departs(at time.Time, handling int) string {
	local := at.In(market.TimeZone(l.Zone))
	day := local.Format(time.DateOnly)
	if local.Hour() >= l.Cutoff {
		day = market.AddDays(day, 1)
	}
	return market.AddWorkdays(l.Country, market.NextWorkday(l.Country, day), handling)
}
