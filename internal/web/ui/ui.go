// Package ui holds the built styles and scripts of the faces.
package ui

import (
	"embed"
	"io/fs"
)

//go:generate go run portolan/internal/web/ui/build -dir .

//go:embed dist
var files embed.FS

// Files is the tree of built files: shop.css, shop.js, console.css, console.js and
// notices.js, which browsers keep for when no page is open.
func Files() fs.FS {
	sub, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err) // the directory is embedded above
	}
	return sub
}
