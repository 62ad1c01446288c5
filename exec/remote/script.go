package remote

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"
)

// Exec is the one exec request that shipit ever makes. It holds no data, so
// that nothing of a user's needs the quoting of a login shell we do not know
// (it reads the same to sh, bash, dash, zsh, fish and tcsh) and nothing shows
// in a process list. It reads a length and then a script of exactly that many
// bytes, and runs the script only if it arrived whole. A second length says
// that so many bytes of gzip come, which make the script. TMOUT, which some
// logins get, would have bash give up on any input that takes so many seconds.
const Exec = `exec /bin/sh -c 'LC_ALL=C; export LC_ALL; unset TMOUT; read -r n z; ` +
	`if test "$z"; then s=$(head -c "$z" | gzip -dc 2>/dev/null); else s=$(head -c "$n"); fi; ` +
	`test "${#s}" = "$n" || exit 97; eval "$s"'`

// What Exec and the prelude exit with when no step ran.
const (
	noHome = 96 // the login's home directory cannot be entered
	cut    = 97 // the script did not arrive whole
)

//go:embed prelude.sh
var preludeSource string

var prelude = Code(preludeSource)

// Input is what is sent to Exec before any data: the length and the script.
func Input(c Command, nonce string) string { return unpacked(Script(c, nonce)) }

func unpacked(script string) string { return fmt.Sprintf("%d\n%s", len(script), script) }

// Script is the POSIX sh program of a command. Steps may call what
// prelude.sh defines: fact, text, fact64, die, run, apart, data, today.
func Script(c Command, nonce string) string { return opening(c, nonce, shared{}) }

// opening is Script for a shell that comes to know what is shared.
func opening(c Command, nonce string, known shared) string {
	end := "watched"
	switch {
	case c.Hold != nil:
		end = "held"
	case c.Keep:
		end = "turn\nserve"
	}
	return script(c, nonce, prelude, "", known) + end
}

// sequel is Script for a shell that has run one that was to be kept, and knows
// from that what was shared.
func sequel(c Command, nonce string, known shared) string {
	end := "watched\nexit"
	switch {
	case c.Hold != nil:
		end = "held"
	case c.Keep:
		end = "turn"
	}
	return script(c, nonce, "", "", known) + end
}

// Detached is the program of a command that nobody listens to: it is left on
// a host and outlives the connection. First runs in the program's own shell
// before the steps, and may end it.
func Detached(c Command, first string) string {
	return script(c, "-", prelude, first, shared{}) + "held\n"
}

// Deliver is shell that puts a text into a file whose name is the shell word
// to, whole or not at all, and for nobody else to read.
func Deliver(text, to string) string {
	return fmt.Sprintf(`(umask 077; printf %%s %s | base64 -d >%s.new)
[ "$(wc -c <%[2]s.new)" -eq %d ] || die "a script did not arrive whole"
mv -f -- %[2]s.new %[2]s
`, Quote(base64.StdEncoding.EncodeToString([]byte(text))), to, len(text))
}

// shared is what a shell knows of the shared parts of steps.
type shared map[string]bool

// take gives a step's shell without what it shares, and what of that the shell
// does not know yet.
func (k shared) take(s Step) (shell, fresh string) {
	shell = s.Shell
	for _, part := range s.Shared {
		before, after, found := strings.Cut(shell, part)
		if !found {
			continue
		}
		shell = before + after
		if !k[part] {
			k[part] = true
			fresh += part
		}
	}
	return shell, fresh
}

// script makes the program of a command; known comes to know what it defines.
func script(c Command, nonce, prelude, first string, known shared) string {
	var b strings.Builder
	size := len(prelude) + len(first) + 512
	for _, s := range c.Steps {
		size += len(s.Shell) + 64
	}
	b.Grow(size)
	early := ""
	if c.sendsEarly() {
		early = "1"
	}
	fmt.Fprintf(&b, "nonce=%s %s\nrun_as=%s data_size=%d early=%s\n", Quote(nonce), c.Own, Quote(c.RunAs), c.DataSize, early)
	b.WriteString(prelude)
	steps := make([]string, len(c.Steps))
	for i, s := range c.Steps {
		shell, fresh := known.take(s)
		steps[i] = shell
		b.WriteString(fresh)
	}
	b.WriteString("frame hello\nsteps() {\ntrap 'exit 143' TERM\n")
	b.WriteString(first)
	if f := c.Fence; f != nil {
		fmt.Fprintf(&b, "guard %s %s %d\n", Quote(f.Dir), Quote(f.Run), f.Generation)
	}
	for i, s := range c.Steps {
		// Quoted and read by eval in the step's own shell, so that a
		// mistake in one step's syntax is that step's failure.
		fmt.Fprintf(&b, "step %s %s\n", Quote(s.ID), Quote(strings.TrimRight(steps[i], "\n")))
	}
	b.WriteString("finish 0\n}\n")
	return b.String()
}

// Code is a script without the lines that only its readers need: they are a
// quarter of what would be sent. It is for scripts of ours: in one of anybody
// else's, a line with # may be in the middle of a text.
func Code(sh string) string {
	var b strings.Builder
	for line := range strings.Lines(sh) {
		text := strings.TrimSpace(line)
		if !strings.HasPrefix(text, "#") || strings.HasPrefix(text, "# shellcheck ") {
			b.WriteString(line)
		}
	}
	return b.String()
}
