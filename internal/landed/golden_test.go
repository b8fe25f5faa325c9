package landed_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"

	"portolan/internal/landed"
)

const rules = "../../../shared/rules/"

// Every figure of every golden case, to the minor unit.
func TestGoldenCases(t *testing.T) {
	text, err := os.ReadFile(rules + "golden_cases.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no golden cases beside the project: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	bad, err := landed.RunFile(bytes.NewReader(text), &out)
	if err != nil {
		t.Error(err)
	}
	n := 0
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 1<<20)
	for ; lines.Scan(); n++ {
		var a struct {
			ID          string
			Differences []string
			Error       any
			Charges     any
		}
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if len(a.Differences) > 0 || a.Error != nil {
			t.Errorf("%s: %v %v\n%v", a.ID, a.Differences, a.Error, a.Charges)
		}
	}
	t.Logf("%d of %d scenarios agree", n-bad, n)
	if n < 52 {
		t.Errorf("%d scenarios, want at least 52", n)
	}
}

// A scenario whose figures differ says where, and is counted.
func TestDifferencesAreListed(t *testing.T) {
	const text = `{"id":"A","input":{"date":"2026-11-21","ship_from":"CN","destination":{"country":"US","region":""},"currency":"USD",
		"lines":[{"description":"cotton T-shirt","hs":"6109100012","origin":"CN","quantity":5,"unit_price_net":"20.00","category":"general"}],"shipping_net":"12"},
		"expected":{"duty":"36.5","total":"148.51","duty_layers":{"MFN":"16.50","S301_CHINA":"7.00"}}}`
	var out bytes.Buffer
	bad, err := landed.RunFile(bytes.NewReader([]byte(text)), &out)
	if err != nil || bad != 1 {
		t.Fatal(bad, err)
	}
	var a struct{ Differences []string }
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	want := []string{"duty_layers.S301_CHINA: got 7.50, expected 7.00", "total: got 148.50, expected 148.51"}
	if !slices.Equal(a.Differences, want) {
		t.Errorf("%q, want %q", a.Differences, want)
	}
}
