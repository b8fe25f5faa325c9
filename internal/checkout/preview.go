package checkout

import (
	"time"

	"portolan/internal/fulfilment"
	"portolan/internal/market"
	"portolan/internal/money"
)

// Preview is what one piece of an article would cost at the door of the market's first country, by its first way
// of delivery: for product pages. It reads no database.
func (s *Service) Preview(m market.Market, lang, sku string, at time.Time) (Quote, error) {
	c := Cart{Market: m.Code, Country: m.Country(), Lang: lang, Currency: m.Currency, Lines: []Line{{SKU: sku, Quantity: 1}}}
	d := draft{at: at, off: money.Of(0, m.Currency)}
	var err error
	if d.basket, err = s.basket(&c, m); err != nil {
		return Quote{}, err
	}
	line := fulfilment.OptionLine{SKU: sku, Quantity: 1, WeightGrams: d.basket.Items[0].Article.Weight}
	d.options, err = s.Stock.Options(fulfilment.OptionsRequest{Market: m.Code, Country: c.Country, Lines: []fulfilment.OptionLine{line}, Subtotal: d.basket.Goods, At: at})
	if err != nil {
		return Quote{}, err
	}
	return s.price(&c, m, d, d.options[0])
}
