package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"portolan/internal/db"
)

// testClock lets several processes of one test have a clock that isn't the world's.
type testClock struct {
	Clock string `name:"test-clock" hidden:"" help:"START,SPEED,SINCE: the clock said START at the moment SINCE of the world's. Never for a live shop."`
}

// clock is the one that was asked for, or nil.
func (c testClock) clock() (*db.Clock, error) {
	if c.Clock == "" {
		return nil, nil
	}
	parts := strings.Split(c.Clock, ",")
	bad := exit{2, fmt.Errorf("--test-clock %s: write START,SPEED,SINCE", c.Clock)}
	if len(parts) != 3 {
		return nil, bad
	}
	start, err := time.Parse(time.RFC3339Nano, parts[0])
	speed, err2 := strconv.ParseFloat(parts[1], 64)
	since, err3 := time.Parse(time.RFC3339Nano, parts[2])
	if err != nil || err2 != nil || err3 != nil || !(speed >= 0.1 && speed <= 100_000) {
		return nil, bad
	}
	return db.Going(start, since, speed), nil
}
