package fulfilment

import (
	"cmp"
	"slices"
	"time"
)

// Progress is how far a parcel has come: all that its events say, whatever the order they came in.
type Progress struct {
	Status      Status    `json:"status"`
	Stage       Stage     `json:"stage,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Responsible string    `json:"responsible,omitempty"`
	Action      string    `json:"action,omitempty"`
	Place       string    `json:"place,omitempty"`
	Last        string    `json:"last,omitempty"` // the event that decides
	LastAt      time.Time `json:"last_at,omitzero"`
	Since       time.Time `json:"since,omitzero"` // since when it has had this status
	ShippedAt   time.Time `json:"shipped_at,omitzero"`
	CustomsAt   time.Time `json:"customs_at,omitzero"` // since when it has been at customs; zero: it isn't
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
	Attempts    int       `json:"attempts,omitempty"` // deliveries that failed
	WindowStart time.Time `json:"window_start,omitzero"`
	WindowEnd   time.Time `json:"window_end,omitzero"`
	From        string    `json:"from,omitempty"` // the carrier's last expectation, civil days
	To          string    `json:"to,omitempty"`
	RangeAt     time.Time `json:"range_at,omitzero"` // and when it was made
}

// Ended reports whether nothing more is expected of the parcel.
func (p Progress) Ended() bool { return p.Status == Delivered || p.Status == Returned }

// progress derives how far a parcel has come from all that was heard about it.
func progress(all []Scan) Progress {
	p := Progress{Status: Pending}
	for _, e := range counted(all) {
		p.hear(e)
	}
	return p
}

// Counted are the events that count, as they happened: not what was taken back or is doubted.
func Counted(all []Scan) []Scan { return counted(all) }

// counted are the events that weren't taken back and aren't doubted, as they happened. Events of one moment stand in
// the order of a parcel's way. A correction can be taken back like any other event.
func counted(all []Scan) []Scan {
	by := map[string][]string{} // event -> those that take it back
	for _, e := range all {
		if e.Corrects != "" {
			by[e.Corrects] = append(by[e.Corrects], e.ID)
		}
	}
	var void func(id string) bool
	void = func(id string) bool {
		return slices.ContainsFunc(by[id], func(correction string) bool { return correction != id && !void(correction) })
	}
	var out []Scan
	for _, e := range all {
		if e.Corrects == "" && e.Review == "" && !void(e.ID) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Scan) int {
		return cmp.Or(a.Occurred.Compare(b.Occurred), cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.ID, b.ID))
	})
	return slices.CompactFunc(out, func(a, b Scan) bool { return a.ID == b.ID })
}

// hear takes in the next event. After delivery only a return, or word that the parcel is lost or damaged, moves it;
// after its return nothing does.
func (p *Progress) hear(e Scan) {
	if p.Status == Returned || p.Status == Delivered && e.Status != Returning && e.Status != Returned && !e.claim() {
		return
	}
	if e.Status != p.Status {
		p.Since = e.Occurred
	}
	if e.Status == AtCustoms && e.Reason != "released" {
		if p.CustomsAt.IsZero() {
			p.CustomsAt = e.Occurred
		}
	} else if e.Status != InfoReceived {
		p.CustomsAt = time.Time{}
	}
	p.Status, p.Reason, p.Responsible, p.Action, p.Last, p.LastAt = e.Status, e.Reason, e.Responsible, e.Action, e.ID, e.Occurred
	p.Stage = cmp.Or(e.Stage, p.Stage)
	p.Place = cmp.Or(e.Place, p.Place)
	if e.Status != InfoReceived && p.ShippedAt.IsZero() {
		p.ShippedAt = e.Occurred
	}
	switch e.Status {
	case AttemptFailed:
		p.Attempts++
	case Delivered:
		p.DeliveredAt = e.Occurred
	case Returning, Returned, Exceptional:
		p.DeliveredAt = time.Time{}
	}
	p.plan(e)
}

// plan takes in what the event says about when the parcel comes. The window of a day ends with that day's attempt.
func (p *Progress) plan(e Scan) {
	over := cmp.Or(p.WindowEnd, p.WindowStart).Before(e.Occurred)
	if e.Status != OutForDelivery && e.Status != Delivered && e.Status != InTransit || over && e.Status != Delivered {
		p.WindowStart, p.WindowEnd = time.Time{}, time.Time{}
	}
	if !e.WindowStart.IsZero() {
		p.WindowStart, p.WindowEnd = e.WindowStart, e.WindowEnd
	}
	if e.To != "" {
		p.From, p.To, p.RangeAt = e.From, e.To, e.Occurred
	}
}

// claim is word of a loss or a damage.
func (e Scan) claim() bool {
	return e.Status == Exceptional && (e.Reason == "lost" || e.Reason == "damaged")
}
