package db

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// lite is one SQLite file: a single writing connection behind a fair gate, so that waiting happens in Go in
// order of arrival and never as "database is locked", and several connections that can only read.
type lite struct {
	path    string
	level   string // of synchronous
	pool    *sql.DB
	writers chan *liteConn
	readers chan *liteConn
	spare   chan *liteConn // readers for Aside; nil is one that isn't open yet
	waiting atomic.Int32   // works that want the writing connection
}

// liteConn keeps the statements it has prepared; their number is that of the SQL texts in the program.
type liteConn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	group *group // the works done since the last commit, on the writing connection
	at    time.Time
	text  string // how SQLite keeps at
}

// moments writes moments as the driver does, most of which are the same again and again.
func (c *liteConn) moments(args []any) []any {
	for i, a := range args {
		if at, ok := a.(time.Time); ok {
			if c.text == "" || !at.Equal(c.at) {
				c.at, c.text = at, momentText(at)
			}
			args[i] = c.text
		}
	}
	return args
}

// momentText is at.Format("2006-01-02 15:04:05.999999999-07:00") for a moment in UTC to the microsecond.
func momentText(at time.Time) string {
	year, month, day := at.Date()
	if year < 1000 || year > 9999 {
		return at.Format("2006-01-02 15:04:05.999999999-07:00")
	}
	hour, minute, second := at.Clock()
	var b [32]byte
	put := func(i, digits, v int) {
		for j := i + digits - 1; j >= i; j-- {
			b[j], v = byte('0'+v%10), v/10
		}
	}
	copy(b[:], "0000-00-00 00:00:00.000000")
	put(0, 4, year)
	put(5, 2, int(month))
	put(8, 2, day)
	put(11, 2, hour)
	put(14, 2, minute)
	put(17, 2, second)
	put(20, 6, at.Nanosecond()/1000)
	n := 26
	for n > 20 && b[n-1] == '0' {
		n--
	}
	if n == 20 {
		n--
	}
	return string(append(b[:n], "+00:00"...))
}

const pragmas = "&_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=foreign_keys(1)&_pragma=temp_store(memory)&_pragma=cache_size(-8000)"

// What only the writing connection needs: memory for the pages that a burst of works comes back to, and a longer log, so
// that a page which many commits changed is copied into the file once.
const onlyWrites = "pragma cache_size(-16000); pragma wal_autocheckpoint(4000)"

// options takes off the end of a database's name what it says about how careful commits are, and how many connections only
// read: "shop.db?synchronous=normal". FULL, unless it is said, has a commit that was acknowledged survive a power cut; with
// NORMAL the last ones may be lost in it, but neither in a crash of the program nor is the file ever broken; with OFF a power
// cut may break it. Several readers, as many as there are unless it is said, are for a shop with visitors. With none the
// connection that writes reads too, whose memory stays warm: for a program in which only one asks at a time.
func options(name string) (path, level string, readers int) {
	path, said, _ := strings.Cut(name, "?")
	values, err := url.ParseQuery(said)
	level = cmp.Or(values.Get("synchronous"), "full")
	usual := max(4, runtime.NumCPU())
	readers = usual
	if n, no := strconv.Atoi(values.Get("readers")); no == nil && n >= 0 {
		readers = n
	}
	values.Del("synchronous")
	values.Del("readers")
	if err != nil || len(values) > 0 || !slices.Contains([]string{"full", "normal", "off"}, level) {
		return name, "full", usual
	}
	return path, level, readers
}

func openSQLite(ctx context.Context, name string) (_ *lite, err error) {
	path, level, readers := options(name)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a directory, not a database file", path)
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("the directory of %s: %w", path, errors.Unwrap(err))
	}
	l := &lite{path: path, level: level}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.pool, err = sql.Open("sqlite", l.dsn("immediate")); err != nil {
		return nil, err
	}
	l.writers, l.readers, l.spare = make(chan *liteConn, 1), make(chan *liteConn, readers), make(chan *liteConn, min(4, 2*max(1, readers)))
	for range cap(l.spare) {
		l.spare <- nil
	}
	// Whoever opens a new file first turns it to a write-ahead log, which SQLite lets nobody wait for.
	unlock := func() {}
	if fresh(path) {
		if unlock, err = lockFile(path + ".migrating"); err != nil {
			return nil, err
		}
	}
	err = l.connect(ctx, l.writers, onlyWrites)
	unlock()
	if err != nil {
		return nil, fmt.Errorf("%s can't be used as a database: %w", path, err)
	}
	return l, l.connect(ctx, l.readers, onlyReads)
}

// fresh reports whether a file isn't in the use of a write-ahead log yet. Source: SQLite's file format, byte 18.
func fresh(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	var head [19]byte
	n, _ := io.ReadFull(f, head[:])
	return n == 0 || n == len(head) && strings.HasPrefix(string(head[:]), "SQLite format 3") && head[18] == 1
}

const onlyReads = "pragma query_only(1)"

// uriPath spells what has a meaning of its own in a file: address.
var uriPath = strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23")

func (l *lite) dsn(lock string) string {
	return "file:" + uriPath.Replace(l.path) + "?_txlock=" + lock + "&_time_format=sqlite&_texttotime=1&_pragma=synchronous(" + l.level + ")" + pragmas
}

func (l *lite) connect(ctx context.Context, to chan *liteConn, setup string) error {
	for range cap(to) {
		c, err := l.open(ctx, setup)
		if err != nil {
			return err
		}
		to <- c
	}
	return nil
}

func (l *lite) open(ctx context.Context, setup string) (*liteConn, error) {
	c, err := l.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.ExecContext(ctx, "select count(*) from sqlite_master;"+setup); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &liteConn{conn: c, stmts: map[string]*sql.Stmt{}}, nil
}

func (l *lite) close() error {
	if l.pool == nil {
		return nil
	}
	for _, from := range []chan *liteConn{l.spare, l.readers, l.writers} {
		for range cap(from) {
			select {
			case c := <-from:
				if c != nil {
					c.close()
				}
			default:
			}
		}
	}
	return l.pool.Close()
}

// close closes the statements first: SQLite keeps a connection, its file and its memory as long as there is one of them.
func (c *liteConn) close() {
	for _, s := range c.stmts {
		s.Close()
	}
	c.conn.Close()
}

func (l *lite) writer(ctx context.Context) (unit, error) { return l.join(ctx) }
func (l *lite) aside(ctx context.Context) (unit, error)  { return l.read(ctx, l.spare) }

func (l *lite) reader(ctx context.Context) (unit, error) {
	if cap(l.readers) == 0 {
		return l.join(ctx)
	}
	return l.read(ctx, l.readers)
}

func (l *lite) peeker(ctx context.Context) (unit, error) {
	if cap(l.readers) == 0 {
		return l.join(ctx)
	}
	select {
	case c := <-l.readers:
		return &peekUnit{liteUnit{c, l.readers}}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// peekUnit has no transaction to end.
type peekUnit struct{ liteUnit }

func (u *peekUnit) commit(context.Context) error { u.home <- u.c; return nil }
func (u *peekUnit) rollback()                    { u.home <- u.c }

func (l *lite) read(ctx context.Context, from chan *liteConn) (_ unit, err error) {
	var c *liteConn
	select {
	case c = <-from:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c == nil {
		if c, err = l.open(ctx, onlyReads); err != nil {
			from <- nil
			return nil, err
		}
	}
	u := &liteUnit{c, from}
	if _, err := u.exec(ctx, "begin deferred", nil); err != nil {
		from <- c
		return nil, err
	}
	return u, nil
}

type liteUnit struct {
	c    *liteConn
	home chan *liteConn
}

func (u *liteUnit) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := u.c.stmts[query]; s != nil {
		return s, nil
	}
	s, err := u.c.conn.PrepareContext(ctx, nameless(query))
	if err == nil {
		u.c.stmts[query] = s
	}
	return s, err
}

// nameless writes the parameters of a statement as "?" where they stand in order, each once, as they do in inserts: then
// SQLite keeps no names of them, which the driver would otherwise look up one by one, each time.
func nameless(query string) string {
	var b strings.Builder
	next, quoted := 1, false
	for i := 0; i < len(query); i++ {
		switch c := query[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '?':
			return query
		case c == '$':
			n, digits := 0, 0
			for i+1 < len(query) && '0' <= query[i+1] && query[i+1] <= '9' {
				n, digits, i = 10*n+int(query[i+1]-'0'), digits+1, i+1
			}
			if digits == 0 || n != next {
				return query
			}
			next++
			b.WriteByte('?')
			continue
		}
		b.WriteByte(query[i])
	}
	if quoted {
		return query
	}
	return b.String()
}

func (u *liteUnit) exec(ctx context.Context, query string, args []any) (int64, error) {
	s, err := u.stmt(ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(ctx, u.c.moments(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (u *liteUnit) query(ctx context.Context, query string, args []any) (rows, error) {
	s, err := u.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, u.c.moments(args)...)
}

func (u *liteUnit) commit(ctx context.Context) error {
	_, err := u.exec(ctx, "commit", nil)
	if err != nil {
		u.rollback()
		return err
	}
	u.home <- u.c
	return nil
}

func (u *liteUnit) rollback() {
	u.exec(context.Background(), "rollback", nil) // fails only where a failed commit already has
	u.home <- u.c
}
