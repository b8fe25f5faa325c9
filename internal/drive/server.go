// Package drive deals with a built Portolan from outside, as the world does: it starts it as a process of its
// own, buys in it as a browser would, loads it, reads what it uses, and kills it. The benchmark and the kill
// storm are written with it; nothing of it is part of Portolan itself.
package drive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Server is a running process that answers HTTP.
type Server struct {
	Addr string // host:port
	cmd  *exec.Cmd
	log  tail
	done chan struct{}
	err  error
}

// Free returns an address of the loopback on which nobody listens at the moment.
func Free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Start runs binary with args and returns once GET ready on addr answers with 200. It gives up after half a
// minute, or when the process ends.
func Start(ctx context.Context, addr, ready, binary string, args ...string) (*Server, error) {
	s := &Server{Addr: addr, cmd: exec.Command(binary, args...), done: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	request := []byte("GET " + ready + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n")
	for began := time.Now(); ; {
		if c, err := Dial(addr); err == nil {
			a, err := c.Do(request)
			c.Close()
			if err == nil && a.Status == 200 {
				return s, nil
			}
		}
		select {
		case <-s.done:
			return nil, fmt.Errorf("%s ended at once: %w\n%s", binary, s.err, s.Log())
		case <-ctx.Done():
			s.Kill()
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
		if time.Since(began) > 30*time.Second {
			s.Kill()
			return nil, fmt.Errorf("%s doesn't answer on %s\n%s", binary, addr, s.Log())
		}
	}
}

// Kill ends the process as a power cut does for it: at once, without a word.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	<-s.done
}

// Stop asks the process to end and waits until it has. It returns the process's own verdict.
func (s *Server) Stop() error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		return s.err
	case <-time.After(20 * time.Second):
		s.Kill()
		return errors.New("the server didn't end within 20 s of being asked to")
	}
}

// Log is the end of what the process has printed.
func (s *Server) Log() string { return s.log.String() }

// PID is the id of the process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// CPU is the processor time that the process has used.
func (s *Server) CPU() time.Duration { return CPU(s.PID()) }

// CPU is the processor time that a process has used, or 0 where that can't be read. Source: proc(5), fields 14
// and 15 of stat, in hundredths of a second.
func CPU(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(b, []byte(") "))
	f := strings.Fields(string(rest))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Memory is the resident memory of the process, now and at its highest so far, in bytes.
func (s *Server) Memory() (now, peak int64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		kB, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			now = kB << 10
		case "VmHWM":
			peak = kB << 10
		}
	}
	return now, peak
}

// tail keeps the last of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailKept = 64 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > 2*tailKept {
		t.b = append(t.b[:0], t.b[len(t.b)-tailKept:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
