package main

import (
	"cmp"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"shipit/exec/view"
)

// world is what a command may know of the process around it: gathered once,
// so that nothing below main reads the environment or the clock by itself.
type world struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	now            func() time.Time
	color          string // the --color flag
	state          string // the --state flag
	outTTY, inTTY  bool
	width          int
	answers        input
	signal         atomic.Pointer[os.Signal] // the first that asked this process to end
	json           jsonOutput
	into           *jsonInto              // nil without --json-into
	screen         diversion              // of both outputs, while a screen is open
	rescue         atomic.Pointer[func()] // gives the terminal back before the process ends at once
	background     sync.WaitGroup         // what a finished run still tells others
	applies        bool                   // the command is one that changes hosts
	front          *front                 // for which the shell waits instead of this process; nil where it waits for this one
	away           absence                // of a process that left its terminal, or never had one: only from elsewhere can anybody answer
	secrets        secrets
}

func newWorld() *world {
	w := &world{
		stdin:   os.Stdin,
		environ: os.Environ(),
		now:     time.Now,
		color:   "auto",
		away:    absence{since: make(chan struct{})},
		outTTY:  term.IsTerminal(int(os.Stdout.Fd())),
		inTTY:   term.IsTerminal(int(os.Stdin.Fd())),
	}
	w.front = frontOf(w)
	w.stdout, w.stderr = diverted{&w.screen, os.Stdout}, diverted{&w.screen, os.Stderr}
	if cols, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		w.width = cols
	}
	if n, err := strconv.Atoi(w.getenv("COLUMNS")); err == nil && n > 20 {
		w.width = n
	}
	return w
}

// later does what follows a run without holding up the next one. The command
// ends after it.
func (w *world) later(do func()) { w.background.Go(do) }

// getenv is the value of an environment variable, "" if unset.
func (w *world) getenv(name string) string {
	for i := len(w.environ) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(w.environ[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// style is how to write on standard output.
func (w *world) style() view.Style {
	color := w.outTTY && !w.away.begun() && w.getenv("NO_COLOR") == "" && w.getenv("TERM") != "dumb"
	if f := w.getenv("CLICOLOR_FORCE"); f != "" && f != "0" && w.getenv("NO_COLOR") == "" {
		color = true
	}
	switch w.color {
	case "always":
		color = true
	case "never":
		color = false
	}
	return view.Style{Color: color, Width: w.width}
}

// interactive tells whether a question can be asked: never in CI.
func (w *world) interactive() bool {
	return w.inTTY && w.outTTY && w.getenv("CI") == "" && !w.away.begun()
}

// home is the user's home directory.
func (w *world) home() string { return w.getenv("HOME") }

// cacheDir is where copies of repositories are kept.
func (w *world) cacheDir() string {
	return filepath.Join(w.xdg("XDG_CACHE_HOME", ".cache"), "shipit")
}

func (w *world) xdg(name, fallback string) string {
	if d := w.getenv(name); filepath.IsAbs(d) {
		return d
	}
	return filepath.Join(w.home(), fallback)
}

// byVariable names who a command is run for, where another program knows that
// better than the operating system: the web page.
const byVariable = "SHIPIT_BY"

// by is who runs shipit: user@machine, and behind sudo the one who typed it.
func (w *world) by() string {
	if by := w.getenv(byVariable); strings.Contains(by, "@") {
		return by
	}
	name := cmp.Or(w.getenv(byVariable), w.getenv("SUDO_USER"))
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		} else {
			name = "uid" + strconv.Itoa(os.Getuid())
		}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}
