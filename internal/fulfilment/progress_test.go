package fulfilment

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func scan(hours int, s Status, more ...func(*Scan)) Scan {
	e := Scan{Parcel: "shp_1.1", Status: s, Occurred: noon.Add(time.Duration(hours) * time.Hour)}
	for _, f := range more {
		f(&e)
	}
	e = e.tidy()
	e.ID = e.identity()
	return e
}

func why(reason string) func(*Scan) { return func(e *Scan) { e.Reason = reason } }
func undoing(of Scan) func(*Scan)   { return func(e *Scan) { e.Corrects = of.ID } }
func window(from, to int) func(*Scan) {
	return func(e *Scan) {
		e.WindowStart, e.WindowEnd = noon.Add(time.Duration(from)*time.Hour), noon.Add(time.Duration(to)*time.Hour)
	}
}

// Whatever the order in which events come, and however often, a parcel has come as far.
func TestAnyOrderOfTheSameEventsIsTheSameParcel(t *testing.T) {
	var told = rapid.Custom(func(t *rapid.T) []Scan {
		var all []Scan
		for range rapid.IntRange(0, 9).Draw(t, "events") {
			e := scan(rapid.IntRange(0, 12).Draw(t, "hour"), rapid.SampledFrom(Statuses).Draw(t, "status"))
			e.Reason, e.Stage = rapid.SampledFrom([]string{"", "held", "released", "lost"}).Draw(t, "reason"), rapid.SampledFrom(append(slices.Clone(Stages), "")).Draw(t, "stage")
			e.Place = rapid.SampledFrom([]string{"", "Köln", "Guangzhou"}).Draw(t, "place")
			if rapid.Bool().Draw(t, "window") {
				window(3, 5)(&e)
			}
			if rapid.Bool().Draw(t, "expected") {
				e.From, e.To = "2026-12-01", rapid.SampledFrom([]string{"2026-12-02", "2026-12-05"}).Draw(t, "to")
			}
			if len(all) > 0 && rapid.IntRange(0, 5).Draw(t, "correct") == 0 {
				e = scan(20, "", undoing(rapid.SampledFrom(all).Draw(t, "of")))
			}
			e.ID = e.identity()
			all = append(all, e)
		}
		return all
	})
	rapid.Check(t, func(t *rapid.T) {
		for range 100 {
			all := told.Draw(t, "told")
			want := progress(all)
			mixed := slices.Clone(all)
			for range rapid.IntRange(0, 3).Draw(t, "doubles") {
				if len(all) > 0 {
					mixed = append(mixed, rapid.SampledFrom(all).Draw(t, "double"))
				}
			}
			mixed = rapid.Permutation(mixed).Draw(t, "mixed")
			require.Equal(t, want, progress(mixed))
		}
	})
}

func TestProgress(t *testing.T) {
	out, home := scan(40, OutForDelivery, window(41, 43)), scan(42, Delivered)
	wrong := scan(50, "", undoing(home))
	for _, x := range []struct {
		name string
		told []Scan
		want Progress
	}{
		{"nothing", nil, Progress{Status: Pending}},
		{"label only", []Scan{scan(0, InfoReceived)}, Progress{Status: InfoReceived, Stage: Origin, LastAt: noon, Since: noon}},
		{"a late older event changes nothing", []Scan{home, scan(2, AtCustoms, why("held"))},
			Progress{Status: Delivered, Stage: LastMile, LastAt: home.Occurred, Since: home.Occurred, ShippedAt: noon.Add(2 * time.Hour), DeliveredAt: home.Occurred}},
		{"delivered is not undone by a scan", []Scan{home, scan(44, OutForDelivery)},
			Progress{Status: Delivered, Stage: LastMile, LastAt: home.Occurred, Since: home.Occurred, ShippedAt: home.Occurred, DeliveredAt: home.Occurred}},
		{"but by a correction", []Scan{out, home, wrong},
			Progress{Status: OutForDelivery, Stage: LastMile, LastAt: out.Occurred, Since: out.Occurred, ShippedAt: out.Occurred, WindowStart: out.WindowStart, WindowEnd: out.WindowEnd}},
		{"which can be an error itself", []Scan{home, wrong, scan(51, "", undoing(wrong))},
			Progress{Status: Delivered, Stage: LastMile, LastAt: home.Occurred, Since: home.Occurred, ShippedAt: home.Occurred, DeliveredAt: home.Occurred}},
		{"and by a return", []Scan{home, scan(90, Returning)},
			Progress{Status: Returning, Stage: LastMile, LastAt: noon.Add(90 * time.Hour), Since: noon.Add(90 * time.Hour), ShippedAt: home.Occurred}},
		{"customs count from the first scan until they release", []Scan{scan(1, AtCustoms, why("presented")), scan(9, AtCustoms, why("held"))},
			Progress{Status: AtCustoms, Stage: Import, Reason: "held", Responsible: "customs", LastAt: noon.Add(9 * time.Hour), Since: noon.Add(time.Hour), ShippedAt: noon.Add(time.Hour), CustomsAt: noon.Add(time.Hour)}},
		{"released", []Scan{scan(1, AtCustoms), scan(9, AtCustoms, why("released"))},
			Progress{Status: AtCustoms, Stage: Import, Reason: "released", LastAt: noon.Add(9 * time.Hour), Since: noon.Add(time.Hour), ShippedAt: noon.Add(time.Hour)}},
		{"a failed attempt ends the window", []Scan{out, scan(42, AttemptFailed, why("nobody_home"))},
			Progress{Status: AttemptFailed, Stage: LastMile, Reason: "nobody_home", LastAt: noon.Add(42 * time.Hour), Since: noon.Add(42 * time.Hour), ShippedAt: out.Occurred, Attempts: 1}},
		{"feeds that know minutes only: the way decides", []Scan{scan(42, Delivered), scan(42, OutForDelivery)},
			Progress{Status: Delivered, Stage: LastMile, LastAt: home.Occurred, Since: home.Occurred, ShippedAt: home.Occurred, DeliveredAt: home.Occurred}},
	} {
		t.Run(x.name, func(t *testing.T) {
			got := progress(x.told)
			got.Last = ""
			require.Equal(t, x.want, got)
		})
	}
}

func TestIdentity(t *testing.T) {
	e := Scan{Parcel: "shp_1.1", Status: OutForDelivery, Code: "EDG", Text: "Out for  Delivery", Place: "Köln", Occurred: noon}
	same := e
	same.Text, same.Place, same.Status, same.Received = "out for delivery", "köln", InTransit, noon.Add(time.Hour)
	require.Equal(t, e.identity(), same.identity(), "letter case, spaces, our reading of the code and when we heard of it tell nothing apart")
	for i, f := range []func(*Scan){func(e *Scan) { e.Occurred = noon.Add(time.Second) }, func(e *Scan) { e.Code = "EMI" }, func(e *Scan) { e.Place = "Bonn" },
		func(e *Scan) { e.Parcel = "shp_1.2" }, func(e *Scan) { e.Text = "delivered" }, func(e *Scan) { e.Ref = "7" }} {
		other := e
		f(&other)
		require.NotEqual(t, e.identity(), other.identity(), fmt.Sprint(i))
	}
}
