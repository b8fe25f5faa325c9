package landed_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
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
