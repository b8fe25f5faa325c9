package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHS(t *testing.T) {
	say := func(args ...string) (string, string, int) {
		var out, errs bytes.Buffer
		status := run(t.Context(), args, &out, &errs)
		return out.String(), errs.String(), status
	}
	out, _, status := say("hs", "search", "coton", "tshirt")
	require.Zero(t, status)
	require.Contains(t, out, "6109.10")
	out, _, status = say("hs", "suggest", "Slim rib dress", "--material", "cotton=40", "--material", "polyester=60", "--lang", "de")
	require.Zero(t, status)
	require.Contains(t, out, "6104.43")
	require.Contains(t, out, "Gewichtsanteil: 60 %")
	out, _, status = say("hs", "suggest", "qwertz")
	require.Zero(t, status)
	require.Contains(t, out, "portolan hs search")
	_, errs, status := say("hs", "suggest", "dress", "--material", "cotton")
	require.Equal(t, 2, status)
	require.Contains(t, errs, "material")
}
