package main

import (
	"fmt"
	"os"
	osexec "os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A terminal is the far side of a pseudo-terminal on which a program runs.
type terminal struct {
	main *os.File
	mu   sync.Mutex
	text strings.Builder
	over chan struct{} // everything was read
}

// startOnTerminal starts a command in a session of its own, with a new
// pseudo-terminal as its controlling terminal and its three streams.
func startOnTerminal(cmd *osexec.Cmd) (*terminal, error) {
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*terminal, error) {
		pty.Close()
		return nil, fmt.Errorf("cannot make a terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(int(pty.Fd()), unix.TIOCGPTN)
	if err != nil {
		return fail(err)
	}
	if err := unix.IoctlSetPointerInt(int(pty.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return fail(err)
	}
	if err := unix.IoctlSetWinsize(int(pty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 100}); err != nil {
		return fail(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return fail(err)
	}
	defer tty.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	t := &terminal{main: pty, over: make(chan struct{})}
	go t.read()
	return t, nil
}

// read collects what is shown until the program has gone.
func (t *terminal) read() {
	defer close(t.over)
	buf := make([]byte, 4096)
	for {
		n, err := t.main.Read(buf)
		t.mu.Lock()
		t.text.Write(buf[:n])
		t.mu.Unlock()
		if err != nil {
			return // EIO: nobody holds the other side any more
		}
	}
}

// await waits until what was shown from an offset on matches, and gives the
// offset behind the match.
func (t *terminal) await(re *regexp.Regexp, from int) (int, error) {
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		over := false
		select {
		case <-t.over:
			over = true
		default:
		}
		t.mu.Lock()
		text := t.text.String()
		t.mu.Unlock()
		if at := re.FindStringIndex(text[from:]); at != nil {
			return from + at[1], nil
		}
		if over || time.Now().After(end) {
			return 0, fmt.Errorf("the terminal never showed %s after:\n%s", re, text[:from])
		}
	}
}

// shown is everything, once the program has ended.
func (t *terminal) shown() string {
	select {
	case <-t.over:
	case <-time.After(patience):
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ReplaceAll(t.text.String(), "\r\n", "\n")
}

func (t *terminal) close() { t.main.Close() }
