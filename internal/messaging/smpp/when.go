package smpp

import (
	"fmt"
	"strconv"
	"time"
)

// relative writes a period as SMPP does: YYMMDDhhmmss000R, at most 99 days.
func relative(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	s := int(min(d, 99*24*time.Hour) / time.Second)
	return fmt.Sprintf("0000%02d%02d%02d%02d000R", s/86400, s/3600%24, s/60%60, s%60)
}

// Moment writes a time as SMPP does, YYMMDDhhmmsstnnp, in UTC.
func Moment(t time.Time) string {
	t = t.UTC()
	return fmt.Sprintf("%s%d00+", t.Format("060102150405"), t.Nanosecond()/int(100*time.Millisecond))
}

// When reads a schedule, validity or final date: a moment, whose last three octets say how far its zone is from UTC in
// quarters of an hour, or a period since from, which ends in R. Years and months of a period are those of the calendar.
// What is empty or can't be read is the zero time.
func When(s string, from time.Time) time.Time {
	if len(s) != 16 {
		return time.Time{}
	}
	if s[15] == 'R' {
		var n [6]int
		for i := range n {
			v, err := strconv.Atoi(s[2*i : 2*i+2])
			if err != nil || v < 0 {
				return time.Time{}
			}
			n[i] = v
		}
		return from.AddDate(n[0], n[1], n[2]).Add(time.Duration(n[3])*time.Hour + time.Duration(n[4])*time.Minute + time.Duration(n[5])*time.Second)
	}
	t, err := time.Parse("060102150405", s[:12])
	tenths, err2 := strconv.ParseUint(s[12:13], 10, 8)
	quarters, err3 := strconv.ParseUint(s[13:15], 10, 8)
	if err != nil || err2 != nil || err3 != nil || s[15] != '+' && s[15] != '-' {
		return time.Time{}
	}
	east := time.Duration(quarters) * 15 * time.Minute
	if s[15] == '-' {
		east = -east
	}
	return t.Add(time.Duration(tenths)*100*time.Millisecond - east)
}
