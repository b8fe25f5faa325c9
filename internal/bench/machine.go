package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"portolan/internal/drive"
)

// describe names the machine.
func describe() string {
	model, memory := "", ""
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		if f := strings.Fields(string(b)); len(f) > 1 {
			kB, _ := strconv.ParseInt(f[1], 10, 64)
			memory = fmt.Sprintf(", %d GiB", kB>>20)
		}
	}
	load := "unknown"
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Join(strings.Fields(string(b))[:3], " ")
	}
	return fmt.Sprintf("Machine: %d cores (%s)%s, %s, %s %s/%s; one durable write of 8 kB takes %s; load average at the start %s.",
		runtime.NumCPU(), model, memory, kernel(), runtime.Version(), runtime.GOOS, runtime.GOARCH, syncTime(), load)
}

func kernel() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return "Linux " + strings.TrimSpace(string(b))
}

// syncTime is the median of fsync after 8 kB, where the SQLite files are.
func syncTime() time.Duration {
	f, err := os.CreateTemp("", "portolan-fsync-")
	if err != nil {
		return 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var all []time.Duration
	block := make([]byte, 8192)
	for i := range 200 {
		f.WriteAt(block, int64(i%40)*8192)
		at := time.Now()
		f.Sync()
		all = append(all, time.Since(at))
	}
	return quantile(all, 0.5).Round(time.Microsecond)
}

// meter reads how much of the machine was used, by whom.
type meter struct {
	b    *bench
	pids []int // of the program under test
	at   time.Time

	all, load, tested, data time.Duration
}

// usage is what a stretch of time cost.
type usage struct {
	took   time.Duration
	server time.Duration // of the program under test
	with   time.Duration // of it and of the database server
	others string        // share of the machine, as text
}

func (b *bench) measure(s *drive.Server) *meter {
	return b.measureOther(s.PID())
}

// measureOther is measure where the program under test isn't ours.
func (b *bench) measureOther(pids ...int) *meter {
	m := &meter{b: b, pids: pids, at: time.Now(), all: busy(), load: drive.CPU(os.Getpid()), data: b.postgresCPU()}
	m.tested = m.cpu()
	return m
}

func (m *meter) cpu() (sum time.Duration) {
	for _, pid := range m.pids {
		sum += drive.CPU(pid)
	}
	return sum
}

func (m *meter) stop() usage {
	u := usage{took: time.Since(m.at)}
	u.server = m.cpu() - m.tested
	u.with = u.server + m.b.postgresCPU() - m.data
	load := drive.CPU(os.Getpid()) - m.load
	foreign := busy() - m.all - u.with - load
	u.others = fmt.Sprintf("%.0f %%", 100*max(0, foreign.Seconds())/(u.took.Seconds()*float64(runtime.NumCPU())))
	return u
}

// busy is the time that all processors were not idle. Source: proc(5), first line of stat.
func busy() time.Duration {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	var ticks int64
	for i, f := range strings.Fields(line)[1:] {
		if n, _ := strconv.ParseInt(f, 10, 64); i != 3 && i != 4 && i < 8 { // not idle, not waiting for disks
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// postgresCPU is what the database server's processes have used, those that ended too.
func (b *bench) postgresCPU() (sum time.Duration) {
	if b.pgdir == "" {
		return 0
	}
	text, err := os.ReadFile(filepath.Join(b.pgdir, "postmaster.pid"))
	if err != nil {
		return 0
	}
	head, _, _ := strings.Cut(string(text), "\n")
	pid, _ := strconv.Atoi(head)
	stat := func(pid int) (ticks int64, parent int) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, 0
		}
		f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		parent, _ = strconv.Atoi(f[1])
		for _, i := range []int{11, 12, 13, 14} {
			n, _ := strconv.ParseInt(f[i], 10, 64)
			ticks += n
		}
		return ticks, parent
	}
	ticks, _ := stat(pid)
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		id, _ := strconv.Atoi(filepath.Base(p))
		if n, parent := stat(id); parent == pid {
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
