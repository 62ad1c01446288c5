package main

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
	pid  int           // of the program
	root string        // of the script
	was  *unix.Termios // before the program

	hungUp bool // nobody sits before it any more
}

// startOnTerminal starts a command in a session of its own, with a new
// pseudo-terminal as its controlling terminal and its three streams.
func startOnTerminal(cmd *osexec.Cmd) (*terminal, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	pty := os.NewFile(uintptr(fd), "/dev/ptmx") // its Fd would have close wait for what is read
	fail := func(err error) (*terminal, error) {
		pty.Close()
		return nil, fmt.Errorf("cannot make a terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return fail(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return fail(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 100}); err != nil {
		return fail(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return fail(err)
	}
	defer tty.Close()
	was, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return fail(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	t := &terminal{main: pty, over: make(chan struct{}), was: was}
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

// sane tells whether the terminal is as it was before the program.
func (t *terminal) sane() error {
	now, err := unix.IoctlGetTermios(int(t.main.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	if *now != *t.was {
		return fmt.Errorf("the terminal is not as it was: %+v, and was %+v", *now, *t.was)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	shown := t.text.String()
	for _, mode := range []string{"1049", "2004"} {
		if strings.LastIndex(shown, "\x1b[?"+mode+"h") > strings.LastIndex(shown, "\x1b[?"+mode+"l") {
			return fmt.Errorf("mode %s of the terminal is still on", mode)
		}
	}
	if strings.LastIndex(shown, "\x1b[?25l") > strings.LastIndex(shown, "\x1b[?25h") {
		return fmt.Errorf("the cursor is still hidden")
	}
	return nil
}

// press presses a key: ^X with Ctrl, or what it types.
func (t *terminal) press(key string) error {
	if key == "^Z" {
		return t.stop()
	}
	if letter, ok := strings.CutPrefix(key, "^"); ok {
		key = string(rune(letter[0] & 0x1f))
	}
	if _, err := t.main.WriteString(key); err != nil {
		return fmt.Errorf("cannot press %q: %w", key, err)
	}
	time.Sleep(50 * time.Millisecond) // else an escape and the next key are one
	return nil
}

// stop presses Ctrl-Z, which gives the terminal back, makes that smaller, and
// lets the program go on, which takes it over again.
func (t *terminal) stop() error {
	if _, err := t.main.WriteString("\x1a"); err != nil {
		return err
	}
	state := func(want string) error {
		return t.until("the program is in state "+want, func() bool {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.pid))
			_, rest, _ := strings.Cut(string(stat), ") ")
			return err == nil && strings.HasPrefix(rest, want)
		})
	}
	if err := state("T"); err != nil {
		return err
	}
	if err := t.until("the terminal is given back", func() bool { return t.sane() == nil }); err != nil {
		return err // what was written before the stop may be read a little later
	}
	if err := unix.IoctlSetWinsize(int(t.main.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		return err
	}
	if err := syscall.Kill(t.pid, syscall.SIGCONT); err != nil {
		return err
	}
	return t.until("the screen is back", func() bool { return t.sane() != nil })
}

// says waits until the newest of the files matches.
func (t *terminal) says(glob string, re *regexp.Regexp) error {
	return t.until(glob+" says "+re.String(), func() bool {
		files, _ := filepath.Glob(filepath.Join(t.root, glob))
		if len(files) == 0 {
			return false
		}
		text, _ := os.ReadFile(slices.Max(files))
		return re.Match(text)
	})
}

func (t *terminal) until(what string, is func() bool) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if is() {
			return nil
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Errorf("it never was that %s; the terminal shows:\n%q", what, t.text.String())
}
