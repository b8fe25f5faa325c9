// Package rulebook keeps what a shop's operators say about the rules of duty and tax: amendments of the rule pack
// inside the program, and official tables that were imported. It hands out the pack in force, which is the
// program's with both, and any pack that was ever in force, so that a kept quote can be explained.
//
// Nothing is rewritten: an amendment is taken back by a further entry, an import is ended. What a rule means, how
// tables are read and what is wrong with them is package landed's; who may change rules is the faces'.
package rulebook

import (
	"embed"
	"time"

	"portolan/internal/db"
	"portolan/internal/fault"
	"portolan/internal/landed"
)

//go:embed schema
var files embed.FS

// Schema holds amendments, imports and the packs that were in force.
var Schema = db.Schema{Owner: "rulebook", Files: files}

// Version is the name under which changes of the rules are counted.
const Version = "rules"

var (
	// ErrNoAmendment is the fault of an amendment that doesn't exist.
	ErrNoAmendment = fault.New(fault.NotFound, "rulebook.no_amendment")
	// ErrNoTable is the fault of a table that a rule pack doesn't have.
	ErrNoTable = fault.New(fault.NotFound, "rulebook.no_table")
	// ErrNoRow is the fault of a row that isn't in a rule pack.
	ErrNoRow = fault.New(fault.NotFound, "rulebook.no_row")
	// ErrUndone is the fault of taking back what was taken back already.
	ErrUndone = fault.New(fault.Conflict, "rulebook.already_undone")
	// ErrNeeded is the fault of taking back what later amendments build on; take those back first.
	ErrNeeded = fault.New(fault.Conflict, "rulebook.still_needed")
	// ErrNoChange is the fault of an amendment that changes no row.
	ErrNoChange = fault.New(fault.Invalid, "rulebook.nothing_changes")
	// ErrUnusable is the fault of an amendment or an upload with unusable words about it: Fields are source, reason, who.
	ErrUnusable = fault.New(fault.Invalid, "rulebook.unusable")
	// ErrNoPack is the fault of a version that was never in force here.
	ErrNoPack = fault.New(fault.NotFound, "rulebook.no_pack")
	// ErrNoImport is the fault of an import that doesn't exist, or isn't in force any more.
	ErrNoImport = fault.New(fault.NotFound, "rulebook.no_import")
	// ErrTooLarge is the fault of a file of more than MaxFile bytes.
	ErrTooLarge = fault.New(fault.TooLarge, "rulebook.file_too_large")
	// ErrEmpty is the fault of a file with nothing in it.
	ErrEmpty = fault.New(fault.Invalid, "rulebook.file_empty")
)

// MaxFile is how many bytes a file may have that is imported; the nomenclature has 1.8 million.
const MaxFile = 32 << 20

// Amendment is what a person changed in the rules at one time, or took back.
type Amendment struct {
	ID      string          `json:"id"`
	At      time.Time       `json:"at"`
	Who     string          `json:"who"`
	Source  string          `json:"source"`
	Reason  string          `json:"reason"`
	Changes []landed.Change `json:"changes,omitempty"`
	Undoes  string          `json:"undoes,omitempty"` // the amendment that this one takes back
	Undone  string          `json:"undone,omitempty"` // the amendment that takes this one back
	Pack    string          `json:"pack"`             // version of the pack that it made

	seq int64
}

// Draft is an amendment before it is published. What its changes leave out of who, source and reason is the
// draft's.
type Draft struct {
	Who     string
	Source  string
	Reason  string
	Changes []landed.Change
}

// Aside is an amendment that can't be applied to the tables of this program, because a newer program says
// otherwise, or the like. It does nothing until a person takes it back or writes it anew.
type Aside struct {
	Amendment
	Why error // ErrUnusableChange of package landed
}

// State is where an import stands.
type State string

// The states of an import.
const (
	Waiting State = "waiting" // for its turn to be read
	Reading State = "reading"
	InForce State = "in_force"
	Refused State = "refused" // nothing of it is used
	Ended   State = "ended"   // by a person
)

// Import is an official table that somebody handed in.
type Import struct {
	ID       string           `json:"id"`
	Table    string           `json:"table"` // eu_gb_tariff_cn8, us_hts_general_rates, hs_codes; empty until it was read
	File     string           `json:"file"`
	Who      string           `json:"who"`
	At       time.Time        `json:"at"`
	SkipBad  bool             `json:"skip_bad_rows"` // use the file without the rows that are refused
	State    State            `json:"state"`
	DoneRows int              `json:"done_rows"` // while it is read
	Bytes    int              `json:"bytes"`
	Result   landed.Import    `json:"result"`
	Problems []landed.Problem `json:"problems"` // the first MaxProblems
	EndedBy  string           `json:"ended_by,omitempty"`
	EndedAt  time.Time        `json:"ended_at,omitzero"`
	Replaced bool             `json:"replaced"` // in force, and behind a later import of the same table

	seq int64
}

// MaxProblems is how many bad rows of a file are kept to be looked at.
const MaxProblems = 500

// Edition is a pack that was in force.
type Edition struct {
	Version string    `json:"version"`
	Since   time.Time `json:"since"` // when it was in force first
}
