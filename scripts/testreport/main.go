// Command testreport reads `go test -json` and prints what a person wants of it: a line per package, the output
// of what failed, and one closing line. It fails when a test failed, when none ran, and when one was skipped
// that should have run here: only a reason that begins with "optional:" excuses a skip, and one that says
// ../shared is absent where it is.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() {
	_, noShared := os.Stat("../shared")
	output := map[string][]string{}
	var passed, failed, skipped int
	var wrong []string
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // what the tool chain says itself
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			output[key] = append(output[key], e.Output)
		case "pass", "fail", "skip":
			if e.Test == "" {
				if e.Action != "skip" {
					fmt.Printf("%-5s %-50s %6.1fs\n", e.Action, strings.TrimPrefix(e.Package, "portolan/"), e.Elapsed)
				}
				if e.Action == "fail" {
					failed += boolInt(len(output[key]) > 0 && !anyFailed(wrong, e.Package))
					wrong = append(wrong, "FAIL "+e.Package+"\n"+strings.Join(output[key], ""))
				}
				break
			}
			text := strings.Join(output[key], "")
			switch e.Action {
			case "pass":
				passed++
			case "fail":
				failed++
				wrong = append(wrong, "FAIL "+key+"\n"+text)
			case "skip":
				skipped++
				excused := strings.Contains(text, "optional:") || noShared != nil && strings.Contains(text, "../shared")
				if !excused {
					failed++
					wrong = append(wrong, "SKIPPED, but should have run here: "+key+"\n"+text)
				}
			}
			delete(output, key)
		}
	}
	// What a test printed that never ended: a panic, or the report of a race, is found there.
	for key, text := range output {
		if pkg, test, _ := strings.Cut(key, " "); test != "" && slices.ContainsFunc(wrong, func(w string) bool { return strings.HasPrefix(w, "FAIL "+pkg+"\n") }) {
			wrong = append(wrong, "NEVER ENDED "+key+"\n"+strings.Join(text, ""))
		}
	}
	slices.Sort(wrong)
	for _, w := range wrong {
		fmt.Println(w)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if failed > 0 || len(wrong) > 0 || passed == 0 {
		os.Exit(1)
	}
}

func anyFailed(wrong []string, pkg string) bool {
	return slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, pkg+" ") })
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
