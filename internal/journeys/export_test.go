package journeys

// Lot is lot, for tests of its shares.
func Lot(experiment, person string) int64 { return lot(experiment, person) }
