package jobs

import (
	"embed"

	"portolan/internal/db"
)

//go:embed schema
var files embed.FS

// Schema holds the queue: a table of ours on SQLite, River's tables on PostgreSQL.
var Schema = db.Schema{Owner: "jobs", Files: files}
