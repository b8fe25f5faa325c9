package eventstest_test

import (
	"testing"

	"portolan/internal/events/eventstest"
)

type sample struct {
	Order string `json:"order"`
	Minor int64  `json:"minor"`
}

func (sample) Topic() string { return "test.sample" }

func TestGolden(t *testing.T) { eventstest.Golden(t, sample{"ord_1", 1999}) }
