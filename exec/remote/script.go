package remote

import (
	_ "embed"
	"fmt"
	"strings"
)

// Exec is the one exec request that shipit ever makes. It holds no data, so
// that nothing of a user's needs the quoting of a login shell we do not know
// (it reads the same to sh, bash, dash, zsh, fish and tcsh) and nothing shows
// in a process list. It reads a length and then a script of exactly that many
// bytes, and runs the script only if it arrived whole.
const Exec = `exec /bin/sh -c 'LC_ALL=C; export LC_ALL; read -r n; s=$(head -c "$n"); test "${#s}" = "$n" || exit 97; eval "$s"'`

// cut is the exit status of Exec when the script did not arrive whole:
// nothing ran.
const cut = 97

// fenced is the exit status of a script that the host's guard refused.
const fenced = 75

//go:embed prelude.sh
var prelude string

// Input is what is sent to Exec before any data: the length and the script.
func Input(c Command, nonce string) string {
	s := Script(c, nonce)
	return fmt.Sprintf("%d\n%s", len(s), s)
}

// Script is the POSIX sh program of a command. Steps may call what
// prelude.sh defines: fact, fact64, die, run, apart, data.
func Script(c Command, nonce string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "nonce=%s run_as=%s data_size=%d watcher= apart=\n", Quote(nonce), Quote(c.RunAs), c.DataSize)
	b.WriteString(withoutComments(prelude))
	if c.Data == nil && c.Hold == nil {
		b.WriteString("watch\n")
	}
	if f := c.Fence; f != nil {
		fmt.Fprintf(&b, "guard %s %s %d\n", Quote(f.Dir), Quote(f.Run), f.Generation)
	}
	for i, s := range c.Steps {
		fmt.Fprintf(&b, "s%d() {\n%s\n}\nstep %s s%d\n", i, strings.TrimRight(s.Shell, "\n"), Quote(s.ID), i)
		if i == 0 && c.Data != nil {
			b.WriteString("watch\n") // the first step has read the data
		}
	}
	b.WriteString("finish 0")
	return b.String()
}

// withoutComments drops the lines that only a reader of prelude.sh needs.
func withoutComments(sh string) string {
	var b strings.Builder
	for line := range strings.Lines(sh) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}
