package admin

import "strings"

// diffPiece is part of a comparison: "+" was added, "-" taken away.
type diffPiece struct{ Kind, Text string }

// differ compares two texts word by word. Very long ones are shown whole, the old one and the new.
func differ(before, after string) (all []diffPiece) {
	if before == after {
		return nil
	}
	a, b := strings.SplitAfter(before, " "), strings.SplitAfter(after, " ")
	if len(a)*len(b) > 1_000_000 {
		return []diffPiece{{"-", before}, {"+", after}}
	}
	same := make([][]int, len(a)+1)
	for i := range same {
		same[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if same[i][j] = max(same[i+1][j], same[i][j+1]); a[i] == b[j] {
				same[i][j] = same[i+1][j+1] + 1
			}
		}
	}
	say := func(kind, s string) {
		if n := len(all); n > 0 && all[n-1].Kind == kind {
			all[n-1].Text += s
		} else if s != "" {
			all = append(all, diffPiece{kind, s})
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			say("", a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && same[i+1][j] >= same[i][j+1]:
			say("-", a[i])
			i++
		default:
			say("+", b[j])
			j++
		}
	}
	return all
}
