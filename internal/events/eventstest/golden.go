// Package eventstest guards the shape of events, which are promises: fields are added, never renamed or removed.
package eventstest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"portolan/internal/events"
)

// Golden compares e, with every field filled in, to testdata/<topic>.json beside the test. With
// UPDATE_GOLDEN=1 in the environment it writes the file instead.
func Golden(t *testing.T, e events.Event) {
	t.Helper()
	got, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", e.Topic()+".json")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("event %s has no golden file yet; run the test with UPDATE_GOLDEN=1: %v", e.Topic(), err)
	}
	if string(got) != string(want) {
		t.Errorf("event %s has changed its shape:\n%s\nwas:\n%s", e.Topic(), got, want)
	}
}
