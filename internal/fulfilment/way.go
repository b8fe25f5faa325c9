package fulfilment

import (
	"slices"
	"time"

	"portolan/internal/customs"
)

// Leg is a part of a parcel's way, for a picture of it.
type Leg struct {
	Stage Stage     // or Arrival
	State LegState  //
	At    time.Time // when it was reached; zero: it wasn't, or nobody said
}

// LegState says whether a leg is behind a parcel.
type LegState string

// The states of a leg.
const (
	LegDone LegState = "done"
	LegNow  LegState = "now"
	LegNext LegState = "next"
)

// Arrival is the end of the way.
const Arrival Stage = "delivered"

// Abroad reports whether a parcel crosses a customs border.
func (p ParcelState) Abroad() bool {
	return p.Origin != p.Country && !(customs.InUnion(string(p.Origin)) && customs.InUnion(string(p.Country)))
}

// Way is the parcel's way leg by leg; one that crosses no customs border has no export, no linehaul and no import.
func (p ParcelState) Way(heard []Scan) []Leg {
	stages := append(slices.Clone(Stages), Arrival)
	if !p.Abroad() {
		stages = []Stage{Origin, Destination, LastMile, Arrival}
	}
	now := slices.Index(Stages, p.Stage)
	if p.Status == Pending {
		now = -1
	}
	first := map[Stage]time.Time{}
	for _, e := range counted(heard) {
		if first[e.Stage].IsZero() {
			first[e.Stage] = e.Occurred
		}
	}
	first[Arrival] = p.DeliveredAt
	var all []Leg
	for _, s := range stages {
		leg := Leg{Stage: s, State: LegNext, At: first[s]}
		at := slices.Index(Stages, s)
		switch {
		case s == Arrival && p.Status == Delivered, s != Arrival && (at < now || p.Status == Delivered):
			leg.State = LegDone
		case s != Arrival && at == now:
			leg.State = LegNow
		}
		all = append(all, leg)
	}
	return all
}
