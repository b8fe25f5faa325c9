package jobs

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"portolan/internal/db"
)

//go:embed schema
var files embed.FS

// Schema holds the queue: a table of ours on SQLite, River's tables on PostgreSQL.
var Schema = db.Schema{Owner: "jobs", Files: withRiver()}

// history says which version of River's schema each step of ours brings, so that both have one order. What a
// newer River adds is appended with the next free step; a step that was released never changes.
var history = []struct{ step, river int }{{2, 1}, {3, 2}, {4, 3}, {5, 4}, {6, 5}, {7, 6}, {8, 7}, {9, 8}}

// riverLine is where River's own table of migrations learnt to tell lines apart.
const riverLine = 5

// withRiver is the schema folder with River's migrations among its steps, for PostgreSQL only.
func withRiver() fs.FS {
	all := fstest.MapFS{}
	entries, err := fs.ReadDir(files, "schema")
	for _, f := range entries {
		var body []byte
		if body, err = files.ReadFile("schema/" + f.Name()); err == nil {
			all["schema/"+f.Name()] = &fstest.MapFile{Data: body}
		}
	}
	for _, m := range riverMigrations() {
		for _, h := range history {
			if h.river == m.Version {
				all[fmt.Sprintf("schema/%03d_river.postgres.sql", h.step)] = &fstest.MapFile{Data: []byte(riverStep(m))}
			}
		}
	}
	if err != nil {
		panic(err) // what is embedded can be read
	}
	return all
}

func riverMigrations() []rivermigrate.Migration {
	m, err := rivermigrate.New(riverpgxv5.New(nil), nil)
	if err != nil {
		panic(err) // the line "main" exists
	}
	return m.AllVersions()
}

// riverStep notes the version where River's own tools look for it.
func riverStep(m rivermigrate.Migration) string {
	note := fmt.Sprintf("insert into river_migration (version) values (%d);", m.Version)
	if m.Version >= riverLine {
		note = fmt.Sprintf("insert into river_migration (line, version) values ('main', %d);", m.Version)
	}
	sql := strings.TrimSpace(strings.ReplaceAll(m.SQLUp, "/* TEMPLATE: schema */", ""))
	if !strings.HasSuffix(sql, ";") {
		sql += ";"
	}
	return "-- +goose Up\n-- +goose StatementBegin\n" + sql + "\n" + note + "\n-- +goose StatementEnd\n"
}
