package smpp

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"sync"
	"time"
)

// Conn carries PDUs over one connection. One goroutine reads; any number may send.
type Conn struct {
	Watch func(sent bool, p PDU) // if set before use, sees every PDU; it must be quick

	c net.Conn
	r *bufio.Reader

	mu      sync.Mutex
	free    *sync.Cond // the line was given back
	waiting []byte     // encoded, to be written by whoever has the line
	spare   []byte
	busy    bool // somebody has the line
	err     error
	queued  uint64 // octets accepted since the beginning
	written uint64 // octets that the network took
	stalled *time.Timer
}

// stall is how long a write may take before the far end, which isn't reading, is given up.
const stall = 15 * time.Second

// NewConn speaks SMPP over c.
func NewConn(c net.Conn) *Conn {
	conn := &Conn{c: c, r: bufio.NewReaderSize(c, 32<<10)}
	conn.free = sync.NewCond(&conn.mu)
	conn.stalled = time.AfterFunc(stall, func() { c.Close() })
	conn.stalled.Stop()
	return conn
}

// Remote is the far end's address.
func (c *Conn) Remote() string { return c.c.RemoteAddr().String() }

// Read returns the next PDU. After ErrBroken the connection can be read on, and the PDU says which one it
// was; after any other error it can't.
func (c *Conn) Read() (PDU, error) {
	p, err := c.read()
	if c.Watch != nil && (err == nil || p.Command != 0) {
		c.Watch(false, p)
	}
	return p, err
}

func (c *Conn) read() (PDU, error) {
	if !c.more() {
		c.flush()
	}
	head, err := c.r.Peek(headerLength)
	if err != nil {
		return PDU{}, err
	}
	n := binary.BigEndian.Uint32(head)
	if n < headerLength || n > maxLength {
		return PDU{}, ErrLength
	}
	if int(n) <= c.r.Size() {
		frame, err := c.r.Peek(int(n))
		if err != nil {
			return PDU{}, err
		}
		p, err := Decode(frame)
		c.r.Discard(int(n))
		return p, err
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(c.r, frame); err != nil {
		return PDU{}, err
	}
	return Decode(frame)
}

// more reports whether a whole PDU was read ahead.
func (c *Conn) more() bool {
	n := c.r.Buffered()
	if n < headerLength {
		return false
	}
	head, _ := c.r.Peek(4)
	return n >= int(binary.BigEndian.Uint32(head))
}

// Answer is Send for the goroutine that reads: while more PDUs have already come, their answers leave
// together, before Read waits for the network again.
func (c *Conn) Answer(p PDU) error {
	if !c.more() {
		_, err := c.Send(p)
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.append(p)
	return err
}

func (c *Conn) append(p PDU) (end uint64, err error) {
	if c.err != nil {
		return 0, c.err
	}
	before := len(c.waiting)
	c.waiting, err = Append(c.waiting, p)
	if err != nil {
		return 0, err
	}
	c.queued += uint64(len(c.waiting) - before)
	if c.Watch != nil {
		c.Watch(true, p)
	}
	return c.queued, nil
}

func (c *Conn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.busy {
		c.drain()
	}
}

// Send writes p at once if nobody is writing; else p leaves with the next write, which follows immediately.
// It returns where p ends in the stream, to be compared with Written after a failure. ErrField means that
// nothing was sent and the connection is well.
func (c *Conn) Send(p PDU) (end uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end, err = c.append(p)
	if err != nil {
		return 0, err
	}
	if !c.busy {
		c.drain()
	}
	return end, nil
}

// drain writes what waits, and what joins it meanwhile. The lock is held except while writing. Those who
// are ready to send at this very moment go first, so that one write serves them all; if there is nobody,
// that takes no time.
func (c *Conn) drain() {
	c.busy = true
	for len(c.waiting) > 0 && c.err == nil {
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
		out := c.waiting
		c.waiting, c.spare = c.spare[:0], nil
		c.mu.Unlock()
		c.stalled.Reset(stall)
		n, err := c.c.Write(out)
		c.stalled.Stop()
		c.mu.Lock()
		c.written += uint64(n)
		if err != nil && c.err == nil {
			c.err = err
			c.c.Close() // so that the reader learns of it
		}
		if cap(out) <= 1<<20 {
			c.spare = out[:0]
		}
	}
	c.busy = false
	c.free.Broadcast()
}

// Close ends the connection. Afterwards Written is final.
func (c *Conn) Close() error {
	err := c.c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = net.ErrClosed
	}
	for c.busy {
		c.free.Wait()
	}
	return err
}

// Written is how many octets the network took. A PDU that ends beyond was never whole on the wire.
func (c *Conn) Written() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.written
}
