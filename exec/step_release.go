package exec

import (
	"fmt"
	"strings"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/transport"
)

// link is what current says of a release, "" of none.
func (m *compiler) link(id string) string {
	if id == "" {
		return ""
	}
	for _, r := range []plan.Release{m.h.From, m.h.Back, m.h.To} {
		if r.ID == id && r.Link != "" {
			return r.Link
		}
	}
	return "releases/" + id
}

// activate points current at a release that is complete, by one rename: who
// looks sees the old release or the new one. (mv -T is of coreutils and of
// busybox since 1.28; a mv without it refuses, and nothing has happened.)
//
// A release of another tool has no manifest to tell that it is complete. What
// current said of it is kept when it is left, and is what current says again
// when a way back leads there.
func (m *compiler) activate(s *plan.Step) string {
	sh := m.vars() + historyScript + activateScript
	if from := m.h.From; from.Link != "" && m.phase == event.Switch && from.ID != s.Release {
		sh += fmt.Sprintf("adopt %s %s\n", remote.Quote(from.ID), remote.Quote(from.Link)) + historyLine("adopted", from)
	}
	if s.Link != "" {
		sh += fmt.Sprintf("to %s\n", remote.Quote(s.Link))
	} else {
		sh += fmt.Sprintf("whole %s\nto %s\n", remote.Quote(s.Release), remote.Quote("releases/"+s.Release))
	}
	return sh + historyLine("live", m.c.Release(s.Release))
}

const activateScript = `whole() {
  [ -d "$p/releases/$1" ] && [ ! -L "$p/releases/$1" ] && [ -f "$p/.shipit/manifest/$1" ] ||
    die "release $1 is not complete on this host; it cannot be activated"
}
to() {
  [ "$(readlink -- "$p/current" 2>/dev/null)" != "$1" ] || return 0
  { [ ! -e "$p/.current-$run" ] && [ ! -L "$p/.current-$run" ]; } || rm -f -- "$p/.current-$run"
  ln -s -- "$1" "$p/.current-$run"
  [ -d "$p/.current-$run/" ] || { rm -f -- "$p/.current-$run"; die "$1 is not there any more; current cannot point to it"; }
  mv -f -T -- "$p/.current-$run" "$p/current"
}
adopt() {
  mkdir -p -- "$p/.shipit/adopted"
  rm -f -- "$p/.shipit/.adopted"
  ln -s -- "$2" "$p/.shipit/.adopted"
  mv -f -T -- "$p/.shipit/.adopted" "$p/.shipit/adopted/$1"
}
`

// prune removes releases and saved files, never what runs, and of a git cache
// what only they needed. A release loses its manifest first: what is left of it
// if we are cut short is not complete.
func (m *compiler) prune(remove []string) (string, error) {
	var sh strings.Builder
	sh.WriteString(m.vars())
	sh.WriteString(pruneScript)
	for _, name := range remove {
		run, isRun := strings.CutPrefix(name, "run:")
		if run == "" || run == "." || run == ".." || strings.Contains(run, "/") {
			return "", fmt.Errorf("cannot remove %q: it is no name of a release or run", name)
		}
		verb := "release"
		if isRun {
			verb = "files"
		}
		fmt.Fprintf(&sh, "%s %s\n", verb, remote.Quote(run))
	}
	sh.WriteString(transport.Forget())
	return sh.String(), nil
}

const pruneScript = `live=$(readlink -- "$p/current" 2>/dev/null) || live=
release() {
  [ "${live##*/}" != "$1" ] || die "release $1 is live; it stays"
  rm -f -- "$p/.shipit/manifest/$1"
  chmod -R u+w -- "$p/.shipit/incoming-$run.old" 2>/dev/null || :
  rm -rf -- "$p/.shipit/incoming-$run.old" # of a removal that was cut short
  [ -e "$p/releases/$1" ] || return 0
  mv -T -- "$p/releases/$1" "$p/.shipit/incoming-$run.old"
  chmod -R u+w -- "$p/.shipit/incoming-$run.old" 2>/dev/null || :
  rm -rf -- "$p/.shipit/incoming-$run.old"
}
files() { rm -rf -- "$p/.shipit/files/$1" "$p/.shipit/files/$1.before"; }
`
