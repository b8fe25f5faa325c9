package admin

import (
	"fmt"
	"strings"
	"time"

	"portolan/internal/market"
	"portolan/internal/money"
	"portolan/internal/tax"
)

// picture is a running sum against its limit, in the units of a drawing of 720 by 280.
type picture struct {
	Past, Mid string // points of lines
	Band      string // corners of the range
	Limit     string // height of the limit
	Crossing  string // where the line meets it; empty: nowhere
	Today     string
	Levels    []mark // 70 and 90 per cent
	Days      []mark
	Amounts   []mark
	Rows      []pictureRow
}

// mark is a word on an axis.
type mark struct{ At, Text string }

// pictureRow is the same in a table, for those who don't look.
type pictureRow struct {
	Day            string
	Counted        money.Amount
	Low, High      money.Amount
	Share          int64
	Guess, Crossed bool
}

const (
	pictureLeft, pictureRight = 8.0, 712.0
	pictureTop, pictureBottom = 16.0, 236.0
)

// draw puts a threshold's course into a picture.
func (p *page) draw(c tax.Course) *picture {
	first, last := c.Past[0].Day, c.Past[len(c.Past)-1].Day
	top := c.Limit.Minor + c.Limit.Minor/8
	for _, v := range c.Past {
		top = max(top, v.Counted.Minor)
	}
	for _, g := range c.Ahead {
		last = g.Day
		top = max(top, min(g.High.Minor, 2*c.Limit.Minor), g.Mid.Minor)
	}
	span := float64(max(market.DaysBetween(first, last), 1))
	x := func(day string) float64 {
		return pictureLeft + (pictureRight-pictureLeft)*float64(market.DaysBetween(first, day))/span
	}
	y := func(minor int64) float64 {
		return pictureBottom - (pictureBottom-pictureTop)*float64(min(max(minor, 0), top))/float64(top)
	}
	at := func(day string, minor int64) string { return fmt.Sprintf("%.1f,%.1f ", x(day), y(minor)) }
	v := &picture{Limit: fmt.Sprintf("%.1f", y(c.Limit.Minor)), Today: fmt.Sprintf("%.1f", x(c.Past[len(c.Past)-1].Day))}
	for _, k := range c.Past {
		v.Past += at(k.Day, k.Counted.Minor)
		v.Rows = append(v.Rows, pictureRow{Day: k.Day, Counted: k.Counted, Share: share(k.Counted.Minor, c.Limit.Minor)})
	}
	var back []string
	for i, g := range c.Ahead {
		v.Mid += at(g.Day, g.Mid.Minor)
		v.Band += at(g.Day, g.High.Minor)
		back = append([]string{at(g.Day, g.Low.Minor)}, back...)
		if i > 0 {
			v.Rows = append(v.Rows, pictureRow{Day: g.Day, Counted: g.Mid, Low: g.Low, High: g.High, Share: share(g.Mid.Minor, c.Limit.Minor), Guess: true})
		}
	}
	v.Band += strings.Join(back, "")
	if c.Crossing.Day != "" && c.Crossing.Day <= last {
		v.Crossing = fmt.Sprintf("%.1f", x(c.Crossing.Day))
	}
	for _, level := range []int64{70, 90} {
		v.Levels = append(v.Levels, mark{fmt.Sprintf("%.1f", y(c.Limit.Minor*level/100)), p.Percent(money.Percent(level))})
	}
	v.Days = p.monthMarks(first, last, x)
	return v
}

func share(minor, limit int64) int64 {
	if limit <= 0 {
		return 0
	}
	return minor * 100 / limit
}

// monthMarks are the first days of months, at most seven of them.
func (p *page) monthMarks(first, last string, x func(string) float64) (all []mark) {
	from, err := time.Parse(time.DateOnly, first)
	if err != nil {
		return nil
	}
	var days []string
	for m := time.Date(from.Year(), from.Month()+1, 1, 0, 0, 0, 0, time.UTC); m.Format(time.DateOnly) <= last; m = m.AddDate(0, 1, 0) {
		days = append(days, m.Format(time.DateOnly))
	}
	step := len(days)/6 + 1
	for i := 0; i < len(days); i += step {
		if at := x(days[i]); at < pictureRight-50 {
			all = append(all, mark{fmt.Sprintf("%.1f", at), p.CivilDay(days[i])})
		}
	}
	return all
}
