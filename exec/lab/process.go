package lab

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is one that a lab started, named so that it cannot be mistaken
// for another one that got the same pid later.
type process struct {
	pid   int
	start string // clock ticks between boot and its start
	boot  string
}

// self is this process.
func self() process { return named(os.Getpid()) }

// named is the process that has pid now.
func named(pid int) process {
	return process{pid, startTime(pid), bootID()}
}

// alive tells whether p is still that process and runs.
func (p process) alive() bool {
	return p.start != "" && startTime(p.pid) == p.start && bootID() == p.boot
}

// end terminates p: politely, then after patience not. It returns when p is
// gone.
func (p process) end(patience time.Duration) error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if !p.alive() {
			return nil
		}
		if err := syscall.Kill(p.pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("cannot end process %d: %w", p.pid, err)
		}
		if wait(patience, func() bool { return !p.alive() }) {
			return nil
		}
	}
	return fmt.Errorf("process %d does not end", p.pid)
}

// wait asks done again and again until it says yes or the time is over.
func wait(d time.Duration, done func() bool) bool {
	for end := time.Now().Add(d); ; time.Sleep(10 * time.Millisecond) {
		if done() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// record writes p to a file.
func (p process) record(path string) error {
	return replace(path, fmt.Appendf(nil, "%d %s %s\n", p.pid, p.start, p.boot), 0o644)
}

// recorded is the process in a file, the zero process if there is none.
func recorded(path string) process {
	text, _ := os.ReadFile(path)
	f := strings.Fields(string(text))
	if len(f) != 3 {
		return process{}
	}
	pid, err := strconv.Atoi(f[0])
	if err != nil || pid <= 1 {
		return process{}
	}
	return process{pid, f[1], f[2]}
}

// stat are the fields of /proc/PID/stat from the third on: state, parent …
// It is nil where there is no such process.
func stat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	// The second field is the program's name in parentheses and may hold
	// any byte.
	i := strings.LastIndexByte(string(text), ')')
	if i < 0 {
		return nil
	}
	f := strings.Fields(string(text[i+1:]))
	if len(f) < 20 {
		return nil
	}
	return f
}

// startTime is when pid started, "" where it does not run.
func startTime(pid int) string {
	f := stat(pid)
	if f == nil || f[0] == "X" {
		return ""
	}
	// The first thread of a program that is ending is a zombie while others
	// still hold its files.
	if threads, err := strconv.Atoi(f[17]); f[0] == "Z" && (err != nil || threads <= 1) {
		return ""
	}
	return f[19]
}

// children are the processes that pid started and that still run.
func children(pid int) []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	parent := strconv.Itoa(pid)
	var all []process
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := stat(child); f != nil && f[1] == parent {
			all = append(all, named(child))
		}
	}
	return all
}

func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if id := strings.TrimSpace(string(text)); id != "" {
		return id
	}
	return "-"
}
