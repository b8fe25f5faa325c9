package journeys

// Lot is lot, for tests of its shares.
func Lot(experiment, person string) int64 { return lot(experiment, person) }

// Keep sets how much of what it has read a trial remembers, until restore is called.
func Keep(most int) (restore func()) {
	kept, people := mostKept, mostPeople
	mostKept, mostPeople = most, most
	return func() { mostKept, mostPeople = kept, people }
}
