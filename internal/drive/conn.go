package drive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// Conn is one kept-alive connection that costs as little as it can, because the load it makes and the server
// under load share the processors.
type Conn struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
}

// Answer is what the server said. Body is good until the next request on the connection.
type Answer struct {
	Status   int
	Location string // of a redirect
	Cookie   string // name=value that was set
	Length   int    // of the body as it came
	Body     []byte
}

// Dial opens a connection.
func Dial(addr string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		return nil, err
	}
	return &Conn{conn: c, in: bufio.NewReaderSize(c, 32<<10)}, nil
}

// Close hangs up.
func (c *Conn) Close() error { return c.conn.Close() }

// slow is how long an answer may take.
const slow = 30 * time.Second

// Do sends a whole request, written as HTTP/1.1, and reads the answer.
func (c *Conn) Do(request []byte) (a Answer, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(slow)); err != nil {
		return a, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return a, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	if len(line) < 12 {
		return a, fmt.Errorf("not an HTTP answer: %q", line)
	}
	if a.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, err
	}
	length, chunked := -1, false
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return a, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return a, err
			}
		case "Transfer-Encoding":
			chunked = string(value) == "chunked"
		case "Location":
			a.Location = string(value)
		case "Set-Cookie":
			value, _, _ = bytes.Cut(value, []byte(";"))
			a.Cookie = string(value)
		}
	}
	c.body = c.body[:0]
	switch {
	case chunked:
		err = c.chunks()
	case length > 0:
		err = c.take(length)
	case length < 0 && a.Status != 204 && a.Status != 304:
		return a, errors.New("an answer without a length")
	}
	a.Body, a.Length = c.body, len(c.body)
	return a, err
}

func (c *Conn) take(n int) error {
	at := len(c.body)
	if cap(c.body) < at+n {
		c.body = append(make([]byte, 0, at+n), c.body...)
	}
	c.body = c.body[:at+n]
	_, err := io.ReadFull(c.in, c.body[at:])
	return err
}

func (c *Conn) chunks() error {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		if err := c.take(int(n)); err != nil {
			return err
		}
		if _, err := c.in.Discard(2); err != nil || n == 0 {
			return err
		}
	}
}
