package pricing

import "portolan/internal/market"

// Charm rounds a price in minor units to the market's endings: lo is the last price on r.Ending at or below p,
// hi the next above; nearest takes the closer one, a tie goes up, and a price of nought or less is never lo.
// What already ends right stays.
func Charm(p int64, r market.Rounding) int64 {
	if r.Step <= 0 {
		return p
	}
	lo := floorDiv(p-r.Ending, r.Step)*r.Step + r.Ending
	hi := lo + r.Step
	switch {
	case lo <= 0:
		return hi
	case lo == p:
		return p
	case r.Direction == market.Up:
		return hi
	case r.Direction == market.Down:
		return lo
	case p-lo < hi-p:
		return lo
	}
	return hi
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
