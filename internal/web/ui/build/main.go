// Command build bundles the styles and scripts in src into dist, which is committed: running Portolan needs
// neither Node nor this. With -check it only reports whether dist is up to date.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	check := flag.Bool("check", false, "change nothing, fail if dist is out of date")
	dir := flag.String("dir", "internal/web/ui", "where src and dist are")
	flag.Parse()
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{*dir + "/src/shop.css", *dir + "/src/console.css", *dir + "/src/shop.js", *dir + "/src/console.js", *dir + "/src/notices.js"},
		Outdir:            *dir + "/dist",
		Bundle:            true,
		MinifyWhitespace:  true,
		MinifySyntax:      true,
		MinifyIdentifiers: true,
		Target:            api.ES2020,
		LegalComments:     api.LegalCommentsInline,
		LogLevel:          api.LogLevelWarning,
	})
	if len(result.Errors) > 0 {
		os.Exit(1)
	}
	stale := false
	for _, f := range result.OutputFiles {
		old, _ := os.ReadFile(f.Path)
		if bytes.Equal(old, f.Contents) {
			continue
		}
		stale = true
		if *check {
			fmt.Fprintf(os.Stderr, "%s is out of date; run make generate\n", filepath.Base(f.Path))
		} else if err := os.WriteFile(f.Path, f.Contents, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if *check && stale {
		os.Exit(1)
	}
}
