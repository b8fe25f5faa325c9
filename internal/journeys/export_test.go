package journeys

// Lot is lot, for tests of its shares.
func Lot(experiment, person string) int64 { return lot(experiment, person) }

// Keep sets how many of a kind of what they have read trials keep.
func (s *Service) Keep(most int) { s.keep = most }
