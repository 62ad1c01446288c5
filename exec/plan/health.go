package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"shipit/lang"
)

// A Health is what a host said of itself beside its Facts. What it did not
// say is the zero value, or -1 where 0 is an answer.
type Health struct {
	Address string        `json:"address,omitempty"` // that was dialled
	Key     string        `json:"key,omitempty"`     // that logged in
	Login   string        `json:"login,omitempty"`
	HostKey string        `json:"host_key,omitempty"`
	Dial    time.Duration `json:"-"` // connecting and logging in
	Answer  time.Duration `json:"-"` // from the question to the first word of the answer
	// Skew is how far the host's clock is before ours, within Error.
	Skew  time.Duration `json:"-"`
	Error time.Duration `json:"-"`

	System   string            `json:"system,omitempty"` // "Debian GNU/Linux 12 (bookworm)"
	Kernel   string            `json:"kernel,omitempty"` // "Linux 6.1.0-18-amd64 x86_64"
	Shell    string            `json:"login_shell,omitempty"`
	Sh       string            `json:"sh,omitempty"` // what /bin/sh is
	Versions map[string]string `json:"versions,omitempty"`

	Place       string   `json:"place,omitempty"` // the nearest directory that exists: "755 deploy deploy /srv"
	Mount       string   `json:"mount,omitempty"` // type and options of its file system
	Used        int      `json:"used_percent"`    // of its file system; -1
	UsedInodes  int      `json:"used_inodes_percent"`
	NoTmp       string   `json:"no_tmp,omitempty"` // the directory for temporary files, where it cannot be written
	NoProc      bool     `json:"no_proc,omitempty"`
	NoJournal   bool     `json:"no_journal,omitempty"`      // systemd's journal is there, and the login may not read it
	Killed      bool     `json:"kills_processes,omitempty"` // logind ends what a login leaves behind
	MaxSessions int      `json:"max_sessions"`              // as its sshd_config says; -1
	SudoAll     bool     `json:"sudo_all,omitempty"`        // sudo allows everything without a password
	Noise       []string `json:"noise,omitempty"`           // what the login shell says by itself
}

// A Deployment is what would be brought to a host.
type Deployment struct {
	Service *lang.Service
	Target  lang.Target
	Need    Need     // of its disk, for the newest release; zero where nobody knows
	Sudoers []string // what to type for the lines of sudoers
}

// An Ailment is something about a host, or about this machine, that stops a
// deployment or may spoil one.
type Ailment struct {
	Kind  string   `json:"kind"`
	Level Level    `json:"level"`
	Text  string   `json:"text"`           // without the host's name
	Help  string   `json:"help,omitempty"` // what to do
	Type  []string `json:"type,omitempty"` // what to type
}

// A Level is how bad an ailment is.
type Level string

// The levels, the worst first.
const (
	Stops Level = "stop" // a deployment would be refused, or fail
	Warns Level = "warn" // it may go wrong, or leave something odd
	Notes Level = "note"
)

// Rank orders levels, the worst first.
func (l Level) Rank() int { return slices.Index([]Level{Stops, Warns, Notes}, l) }

// What a clock may be wrong by, and how full a disk may be.
const (
	mostSkew = 5 * time.Second
	mostUsed = 95
	mostWait = 3 * time.Second
)

// Ailments judges a host, the worst first.
func Ailments(f *HostFacts, h *Health, n Deployment) []Ailment {
	var out []Ailment
	say := func(kind string, level Level, o obstacle) {
		if o.text != "" {
			out = append(out, Ailment{Kind: kind, Level: level, Text: o.text, Help: o.help})
		}
	}
	if f.Unreachable != "" {
		say(cmp.Or(f.Problem, "unreachable"), Stops, obstacle{"cannot be reached: " + f.Unreachable, f.Help})
		return out
	}
	say("path", Stops, denied(f, n.Service.Transport.Path))
	if o := lacks(f); o.text != "" {
		say("program", Stops, obstacle{o.text, "install it there"})
	}
	say("disk", Stops, space(f, n.Service, n.Need))
	if o := sudo(f); o.text != "" {
		if more := wrong(f.Sudo) - 1; more > 0 {
			o.text += ", and " + count(more, "other command")
		}
		out = append(out, Ailment{Kind: "sudo", Level: Stops, Text: o.text, Help: "install the lines that this prints:", Type: n.Sudoers})
	}
	var paths []string
	for _, file := range n.Target.Files {
		paths = append(paths, file.Path)
	}
	say("unit", Stops, unit(f, n.Target.Restart, paths))
	for _, file := range n.Target.Files {
		if p := f.Files[file.Path].Problem; p != "" {
			say("file", Stops, obstacle{file.Path + ": " + clean(p), fmt.Sprintf("make it possible to write it, or leave it out of the definition (%s)", file.Range)})
		}
	}
	if at := slices.IndexFunc(n.Target.Checks, func(c lang.Check) bool { return c.Kind == "log" && c.Text("unit") != "" }); h.NoJournal && at >= 0 {
		say("journal", Stops, obstacle{
			fmt.Sprintf("%s may not read the journal, and check log.%s reads it (%s)", f.Login, n.Target.Checks[at].Name, n.Target.Checks[at].Range),
			"as root: usermod -aG systemd-journal " + f.Login,
		})
	}
	if h.NoProc {
		say("proc", Stops, obstacle{"it has no /proc", "hosts are Linux machines with /proc mounted"})
	}
	if h.MaxSessions == 0 || h.MaxSessions == 1 {
		say("sessions", Stops, obstacle{
			fmt.Sprintf("its sshd_config says MaxSessions %d: the lock needs one session for the whole run, and the steps another", h.MaxSessions),
			"let it be 10, sshd's default",
		})
	}
	out = append(out, traces(f)...)
	out = append(out, habits(f, h, n)...)
	slices.SortStableFunc(out, func(a, b Ailment) int { return a.Level.Rank() - b.Level.Rank() })
	return out
}

// wrong counts the answers that are no.
func wrong(m map[string]bool) (n int) {
	for _, ok := range m {
		if !ok {
			n++
		}
	}
	return n
}

// traces are what runs left, or do at this moment.
func traces(f *HostFacts) []Ailment {
	var out []Ailment
	for _, found := range f.Findings(nil) {
		switch found.Kind {
		case Odd, Strange:
			out = append(out, Ailment{Kind: string(found.Kind), Level: Warns, Text: clean(found.Text), Help: "shipit plan says what an apply would do about it"})
		case Unfinished, Drained:
			out = append(out, Ailment{Kind: string(found.Kind), Level: Warns, Text: clean(found.Text), Help: "shipit status says how to go on or back"})
		case Locked:
			out = append(out, Ailment{Kind: string(found.Kind), Level: Warns, Text: clean(found.Text), Help: "a run would wait in line, or be refused"})
		}
	}
	if w := f.Watchdog; w != nil && (w.State == "failed" || w.State == "lost") {
		out = append(out, Ailment{Kind: "watchdog", Level: Warns, Text: fmt.Sprintf("the watchdog of run %s did not take it back", clean(w.Run)), Help: "shipit status says what runs there"})
	}
	return out
}

// habits are what a host is like, whatever is deployed.
func habits(f *HostFacts, h *Health, n Deployment) []Ailment {
	var out []Ailment
	warn := func(kind, text, help string) {
		out = append(out, Ailment{Kind: kind, Level: Warns, Text: clean(text), Help: clean(help)})
	}
	if off := h.Skew.Abs() - h.Error; off > mostSkew {
		way := "behind"
		if h.Skew > 0 {
			way = "before"
		}
		warn("clock", fmt.Sprintf("its clock is %s %s ours", roughly(h.Skew.Abs()), way), "check its time service: timedatectl, chronyc tracking; logs and histories have wrong times")
	}
	if wait := max(h.Dial, h.Answer); wait > mostWait {
		warn("slow", fmt.Sprintf("it took %s to log in, and %s to answer", roughly(h.Dial), roughly(h.Answer)), "look at its load, its name service (UseDNS in sshd_config) and its login shell's rc files")
	}
	if h.Used >= mostUsed && f.FreeKiB > 0 {
		warn("disk", fmt.Sprintf("the disk below %s is %d %% full: %s are free", orPath(f.Path, n.Service.Transport.Path), h.Used, kib(f.FreeKiB)), "remove what nobody needs before it is full")
	}
	if h.UsedInodes >= mostUsed && f.FreeInodes != 0 {
		warn("disk", fmt.Sprintf("%d %% of the inodes below %s are used", h.UsedInodes, orPath(f.Path, n.Service.Transport.Path)), "df -i; remove files that nobody needs")
	}
	if mode, owner, dir := place(h.Place); len(mode) > 0 && strings.ContainsAny(mode[len(mode)-1:], "2367") && !(len(mode) == 4 && mode[0]&1 == 1) {
		warn("path", fmt.Sprintf("everybody may write to %s (mode %s, owner %s)", dir, mode, owner), "chmod o-w "+dir)
	}
	if option(h.Mount, "noexec") {
		warn("noexec", fmt.Sprintf("the file system of %s is mounted noexec: programs of a release cannot be run", orPath(f.Path, n.Service.Transport.Path)), "mount it without noexec, or choose another path")
	}
	if option(h.Mount, "ro") {
		warn("read-only", fmt.Sprintf("the file system of %s is mounted read-only", orPath(f.Path, n.Service.Transport.Path)), "look at dmesg: a broken disk often shows so")
	}
	if h.NoTmp != "" {
		warn("tmp", h.NoTmp+" cannot be written: checks of kind http and log keep their answers there", "chmod 1777 "+h.NoTmp)
	}
	if kind := n.Target.Restart.Kind; h.Killed && (n.Service.Rollback.Watchdog > 0 || kind == "command" || kind == "service") {
		warn("logind", "logind ends what a login leaves behind (KillUserProcesses=yes): a watchdog, or a service that a login starts", "as root: loginctl enable-linger "+f.Login)
	}
	if len(h.Noise) > 0 {
		out = append(out, Ailment{
			Kind: "noise", Level: Notes, Text: fmt.Sprintf("its login shell says %q by itself", clean(h.Noise[0])),
			Help: "shipit does not mind; scp and rsync do: print only where [ -t 1 ] in its rc file",
		})
	}
	if needed := len(f.Sudo); h.SudoAll && needed > 0 {
		out = append(out, Ailment{
			Kind: "sudo-all", Level: Notes, Help: "the lines that are enough:", Type: n.Sudoers,
			Text: "sudo allows everything without a password; the definition needs " + count(needed, "command"),
		})
	}
	return out
}

// place reads Health.Place.
func place(text string) (mode, owner, dir string) {
	mode, rest, _ := strings.Cut(text, " ")
	owner, rest, _ = strings.Cut(rest, " ")
	_, dir, _ = strings.Cut(rest, " ")
	return mode, owner, dir
}

// option tells whether a mount has an option.
func option(mount, name string) bool {
	_, options, _ := strings.Cut(mount, " ")
	return slices.Contains(strings.Split(options, ","), name)
}

// roughly is a duration without false precision.
func roughly(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
