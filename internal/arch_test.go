package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers is the map of Portolan, from the top down. A package may import packages from the rows below
// its own and those named before it in its row; news travels up, as events. To add a package, write it in.
var layers = []struct{ row, packages string }{
	{"everything", "demo app sim browser"},
	{"faces", "storefront admin api connect"},
	{"keeping", "messaging support journeys evidence"},
	{"selling", "address market customer landed rulebook catalog pricing order customs classify fulfilment payment tax papers checkout beside"},
	{"machinery", "db jobs events settings snapshot vault cldr i18n geo idempotency inbox auth web pdf"},
	{"values", "fault money id experiment"},
}

// reserved imports belong to the packages named, and to adapters: the folders inside a package that each
// speak to one outside service.
var reserved = map[string]string{
	"modernc.org/":                  "db",
	"github.com/jackc/":             "db jobs",
	"github.com/riverqueue/":        "jobs",
	"net/http":                      "app demo sim storefront admin api connect web browser",
	"html/template":                 "storefront admin api web messaging",
	"github.com/nyaruka/":           "address",
	"github.com/oschwald/":          "geo",
	"github.com/getkin/kin-openapi": "api",
	"codeberg.org/go-pdf/":          "pdf",
	"github.com/boombuler/":         "pdf",
	"github.com/go-text/":           "pdf",
	"golang.org/x/image/":           "pdf",
}

// tools measure and try the program from outside; they are no part of it.
const tools = "bench drive storm browser"

// maxPicks counts the places where SQLite and PostgreSQL need different words; each new one is agreed by
// editing this number.
const maxPicks = 1

func TestMap(t *testing.T) {
	rank := map[string]int{}
	for _, l := range slices.Backward(layers) {
		for _, p := range strings.Fields(l.packages) {
			rank[p] = len(rank)
		}
	}
	each(t, func(pkg, file string, fset *token.FileSet, f *ast.File) {
		at, ok := rank[pkg]
		if !ok {
			t.Errorf("%s: package %s isn't on the map; add it to layers", file, pkg)
		}
		for _, im := range f.Imports {
			path, _ := strconv.Unquote(im.Path.Value)
			other, mine := strings.CutPrefix(path, "portolan/internal/")
			if other, _, _ = strings.Cut(other, "/"); mine && other != pkg && rank[other] >= at {
				t.Errorf("%s imports %s, which stands above it; publish an event, or let %s ask", file, other, other)
			}
		}
	})
}

func TestReserved(t *testing.T) {
	each(t, func(pkg, file string, fset *token.FileSet, f *ast.File) {
		for _, im := range f.Imports {
			path, _ := strconv.Unquote(im.Path.Value)
			for prefix, allowed := range reserved {
				if strings.HasPrefix(path, prefix) && strings.Count(file, "/") == 1 && !slices.Contains(strings.Fields(allowed), pkg) {
					t.Errorf("%s imports %s, which is for %s and adapters", file, path, allowed)
				}
			}
		}
	})
}

// A table belongs to the package whose schema creates it. No other package's SQL mentions it.
func TestTablesHaveOneOwner(t *testing.T) {
	create := regexp.MustCompile(`(?i)create table (?:if not exists )?(\w+)`)
	use := regexp.MustCompile(`(?i)\b(?:from|join|into|update)\s+(\w+)`)
	owner := map[string]string{}
	filepath.WalkDir(".", func(p string, _ fs.DirEntry, _ error) error {
		if strings.HasSuffix(p, ".sql") {
			b, _ := os.ReadFile(p)
			for _, m := range create.FindAllStringSubmatch(string(b), -1) {
				owner[m[1]], _, _ = strings.Cut(p, "/")
			}
		}
		return nil
	})
	each(t, func(pkg, file string, fset *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				for _, m := range use.FindAllStringSubmatch(lit.Value, -1) {
					if o := owner[m[1]]; o != "" && o != pkg {
						t.Errorf("%s: table %s belongs to %s", fset.Position(lit.Pos()), m[1], o)
					}
				}
			}
			return true
		})
	})
}

func TestPicks(t *testing.T) {
	picks := 0
	each(t, func(pkg, file string, fset *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				if sel, ok := c.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Pick" {
					picks++
				}
			}
			return true
		})
	})
	if picks != maxPicks {
		t.Errorf("%d calls of Tx.Pick, %d agreed", picks, maxPicks)
	}
}

// There is one clock, db.Clock; id stamps identifiers. Nobody else asks the machine what time it is.
func TestOneClock(t *testing.T) {
	each(t, func(pkg, file string, fset *token.FileSet, f *ast.File) {
		if pkg == "db" || pkg == "id" || strings.Contains(file, "/gen/") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Now" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s: time.Now; take the time from tx.Now or the clock", fset.Position(n.Pos()))
				}
			}
			return true
		})
	})
}

// each calls f for every file that is part of the program.
func each(t *testing.T, f func(pkg, file string, fset *token.FileSet, parsed *ast.File)) {
	t.Helper()
	fset := token.NewFileSet()
	var files []string
	filepath.WalkDir(".", func(p string, _ fs.DirEntry, _ error) error {
		first, _, _ := strings.Cut(p, "/")
		tool := strings.Contains(p, "/gen/") || slices.Contains(strings.Fields(tools), first)
		if strings.Contains(p, "/") && strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go") && !tool {
			files = append(files, p)
		}
		return nil
	})
	slices.Sort(files)
	for _, p := range files {
		parsed, err := parser.ParseFile(fset, p, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		pkg, _, _ := strings.Cut(p, "/")
		f(pkg, p, fset, parsed)
	}
}
