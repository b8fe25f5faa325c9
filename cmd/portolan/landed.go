package main

import (
	"fmt"
	"io"
	"os"

	"portolan/internal/landed"
)

type landedCommand struct {
	File string `arg:"" help:"JSON in the shape of a golden-cases file, one scenario, or a list of them; - for standard input."`
}

// Run prints one JSON object per scenario. It ends with status 1 where a scenario carries what was expected and
// the engine differs, and with 2 where the file can't be used.
func (c landedCommand) Run(out io.Writer) error {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return exit{2, err}
		}
		defer f.Close()
		in = f
	}
	n, err := landed.RunFile(in, out)
	if err != nil {
		return exit{2, err}
	}
	if n > 0 {
		return exit{1, fmt.Errorf("%d scenarios differ from what was expected", n)}
	}
	return nil
}
