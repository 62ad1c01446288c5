package main

import (
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// commands are what the scripts can say besides testscript's own commands.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits":  exits,
	"edit":   edit,
	"talk":   talk,
	"until":  until,
	"signal": sendSignal,
}

// exits CODE CMD ARGS… runs a command and compares its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE CMD ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var e *osexec.ExitError
		if !errors.As(err, &e) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = e.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s exited with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// edit FILE REGEXP TEXT replaces every match in a file and insists on one.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE REGEXP TEXT")
	}
	name := ts.MkAbs(args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	re := regexp.MustCompile(args[1])
	if !re.Match(data) {
		ts.Fatalf("%s does not match %s", args[0], args[1])
	}
	info, err := os.Stat(name)
	ts.Check(err)
	ts.Check(os.WriteFile(name, re.ReplaceAll(data, []byte(args[2])), info.Mode().Perm()))
}

// patience bounds every wait of a script. It is no measure of speed.
const patience = 60 * time.Second

// until FILE REGEXP waits for a file to say something.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: until FILE REGEXP")
	}
	name, re := ts.MkAbs(args[0]), regexp.MustCompile("(?m)"+args[1])
	var data []byte
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if data, _ = os.ReadFile(name); re.Match(data) {
			return
		}
	}
	ts.Fatalf("%s never said %s; it says:\n%s", args[0], args[1], data)
}

// appears waits for a file.
func appears(name string) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return true
		}
	}
	return false
}

// signal NAME FILE sends a signal to the process whose id stands in a file.
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"KILL": syscall.SIGKILL, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}
	if neg || len(args) != 2 || signals[args[0]] == 0 {
		ts.Fatalf("usage: signal INT|TERM|HUP|KILL FILE")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(args[1])))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, signals[args[0]]))
}

// talk CODE DIALOGUE CMD ARGS… runs a command on a terminal of its own and
// compares its exit code. The lines of the file DIALOGUE are "< REGEXP", which
// waits until the command says it, and "> TEXT", which types a line; "> ^C"
// types an interrupt and "> ^D" the end; "! FILE" makes an empty file, and
// "~ FILE" waits for one; ". KEY" presses a key, of which ^Z sees the program
// stopped, the terminal as it was, and lets the program go on; "@ SIGNAL" sends
// KILL or QUIT; "- hang up" closes the terminal; "= GLOB REGEXP"
// waits for the newest of some files, from the script's directory, to say
// something. What the terminal showed is in the file terminal. However the
// program ends, it leaves the terminal as it was.
func talk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: talk CODE DIALOGUE CMD ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	path, err := osexec.LookPath(args[2])
	ts.Check(err)
	cmd := osexec.Command(path, args[3:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), environ(ts)
	term, err := startOnTerminal(cmd)
	ts.Check(err)
	defer term.close()
	term.pid, term.root = cmd.Process.Pid, ts.Getenv("WORK")
	problem := term.follow(strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), "\n"), cmd.Dir)
	if problem != nil {
		_ = cmd.Process.Kill()
	}
	err = cmd.Wait()
	shown := term.shown()
	if problem == nil && !term.hungUp {
		problem = term.sane()
	}
	ts.Check(os.WriteFile(ts.MkAbs("terminal"), []byte(shown), 0o600))
	ts.Logf("[terminal]\n%s", shown)
	if problem != nil {
		ts.Fatalf("%v", problem)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("%s exited with %d (%v), want %d", strings.Join(args[2:], " "), got, err, want)
	}
}

// environ is the environment of the script, as far as it matters.
func environ(ts *testscript.TestScript) []string {
	env := []string{"TERM=xterm"}
	for _, name := range []string{
		"PATH", "HOME", "TMPDIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "NO_COLOR", "GORACE", "SHIPIT_PLAIN", "GIT_CONFIG_GLOBAL",
		"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL",
	} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

// follow says what the lines tell, and listens.
func (t *terminal) follow(lines []string, dir string) error {
	from := 0
	for _, line := range lines {
		verb, text, _ := strings.Cut(line, " ")
		switch verb {
		case "<":
			end, err := t.await(regexp.MustCompile(text), from)
			if err != nil {
				return err
			}
			from = end
		case ">":
			if key := map[string]string{"^C": "\x03", "^D": "\x04"}[text]; key != "" {
				text = key
			} else {
				text += "\n"
			}
			if _, err := t.main.WriteString(text); err != nil {
				return fmt.Errorf("cannot type %q: %w", text, err)
			}
		case "~":
			if !appears(filepath.Join(dir, text)) {
				return fmt.Errorf("there never was a file %s", text)
			}
		case ".":
			if err := t.press(text); err != nil {
				return err
			}
		case "@":
			if err := syscall.Kill(t.pid, map[string]syscall.Signal{"KILL": syscall.SIGKILL, "QUIT": syscall.SIGQUIT}[text]); err != nil {
				return err
			}
		case "=":
			glob, re, _ := strings.Cut(text, " ")
			if err := t.says(glob, regexp.MustCompile(re)); err != nil {
				return err
			}
		case "-":
			t.hungUp = true
			t.close()
		case "!":
			if err := os.WriteFile(filepath.Join(dir, text), nil, 0o600); err != nil {
				return err
			}
		default:
			return fmt.Errorf("a dialogue has no line like %q", line)
		}
	}
	return nil
}
