package exec

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/transport"
	"shipit/lang"
)

// The ids of the steps that Command adds to those of the plan.
const (
	verifyStep = "verify" // the host still is as it should be before this command
	beginStep  = "begin"  // a run changes the host: until it says what came of it, the host is in between
	markStep   = "mark"   // what the run came to undo is bad
	saveStep   = "save"   // the files as they were
	recordStep = "record" // what came of it
)

// A Context is what a plan's steps need besides themselves.
type Context struct {
	Plan *plan.Plan
	Run  string
	By   string // user@machine
	// Content gives a file's content, also of a sensitive one.
	Content func(f *plan.File) (string, error)
	// Raw is the plain digest of each file, or "absent", as it was read
	// under the lock: what verify compares. A plan has only slow hashes of
	// sensitive ones.
	Raw map[string]string
	// Release knows a release by its id.
	Release func(id string) plan.Release
	// First and Last tell whether the command begins and ends its phase:
	// one with steps that run on the deployer takes several.
	First, Last bool
	// Trace is what the definition's commands get in TRACEPARENT, or "".
	Trace string
	// Again tells that the phase was begun before, and cut off.
	Again bool
	// Staged is what the transport made of the step "stage".
	Staged *Staged
	// Acts tells that the host acts the steps out; see remote.Actor.
	Acts bool
	// Fence is the run's lock on the host, for a watchdog.
	Fence remote.Fence
}

// Staged is a transport's part of a command.
type Staged struct {
	Step remote.Step
	Data io.Reader // may be nil
	Size int64
}

// Command makes the exec of a phase, or of a part of it between steps that
// run on the deployer. Besides the plan's steps it has the engine's own:
// verify before a switch or an undo, save before files are written, and
// record at the end. The caller adds the fence.
func Command(h *plan.Host, phase event.Phase, steps []plan.Step, c Context) (remote.Command, error) {
	m := newCompiler(h, phase, c)
	cmd := remote.Command{Name: string(phase), RunAs: c.Plan.Body.User, Keep: leavesNothing(steps)}
	changing := phase == event.Switch || phase == event.Undo
	confirms := len(steps) > 0 && steps[len(steps)-1].Op == plan.OpConfirm
	if changing && !confirms {
		cmd.Steps = append(cmd.Steps, m.verify(steps))
		if c.First {
			cmd.Steps = append(cmd.Steps, m.history(beginStep, "begun", m.target()))
		}
	}
	if phase == event.Undo && c.First && h.To.ID != h.From.ID {
		cmd.Steps = append(cmd.Steps, m.history(markStep, "bad", h.To))
	}
	if phase == event.Switch && !confirms {
		cmd.Steps = append(cmd.Steps, m.save(steps)...)
	}
	for i := range steps {
		s, err := m.step(&steps[i])
		if err != nil {
			return remote.Command{}, fmt.Errorf("%s: %w", steps[i].ID, err)
		}
		if steps[i].Op == plan.OpStage && c.Staged != nil {
			cmd.Data, cmd.DataSize = c.Staged.Data, c.Staged.Size
		}
		cmd.Steps = append(cmd.Steps, s)
	}
	if changing && c.Last && !confirms {
		cmd.Steps = append(cmd.Steps, m.record())
	}
	return cmd, nil
}

// leavesNothing tells whether no command of the definition runs in steps: a
// process that one left behind could go on printing.
func leavesNothing(steps []plan.Step) bool {
	return !slices.ContainsFunc(steps, func(s plan.Step) bool {
		return s.Op != plan.OpStage && (s.Op != plan.OpCheck || s.Kind == "command")
	})
}

// A compiler makes remote steps of one host's plan steps.
type compiler struct {
	h     *plan.Host
	phase event.Phase
	c     Context
	path  string
}

func newCompiler(h *plan.Host, phase event.Phase, c Context) *compiler {
	m := &compiler{h: h, phase: phase, c: c, path: strings.TrimRight(c.Plan.Body.Path, "/")}
	if m.path == "" {
		m.path = "/"
	}
	return m
}

//go:embed step.sh
var historySource string

var historyScript = remote.Code(historySource)

// step is one step of the plan. Where the host acts it out, its arguments say
// all.
func (m *compiler) step(s *plan.Step) (remote.Step, error) {
	out := remote.Step{ID: s.ID, Op: string(s.Op), Args: m.args(s.Release)}
	switch s.Op {
	case plan.OpStage:
		if m.c.Staged == nil {
			panic("internal error: a stage step without its transport")
		}
		base := maps.Clone(m.c.Staged.Step.Args)
		if base == nil {
			base = map[string]string{}
		}
		maps.Copy(base, out.Args)
		out.Args = base
	case plan.OpFile:
		content, err := m.c.Content(s.File)
		if err != nil {
			return out, err
		}
		out.Args["path"], out.Args["content"], out.Args["sha256"] = s.File.Path, content, digest(content)
		out.Args["mode"], out.Args["owner"], out.Args["group"] = s.File.Mode, s.File.Owner, s.File.Group
	case plan.OpRestore:
		out.Args["path"], out.Args["saved_by"] = s.File.Path, s.SavedBy
	case plan.OpArm:
		err := m.arm(&out)
		return out, err
	case plan.OpConfirm:
		m.confirm(&out)
		return out, nil
	case plan.OpPrune:
		out.Args["remove"] = strings.Join(s.Remove, "\n")
	}
	if m.c.Acts {
		return out, nil
	}
	var err error
	out.Shell, err = m.shell(s, out.Args)
	return out, err
}

// shell is what a host runs for a step.
func (m *compiler) shell(s *plan.Step, args map[string]string) (string, error) {
	switch s.Op {
	case plan.OpStage:
		return m.c.Staged.Step.Shell + m.vars() + historyScript + historyLine("staged", m.c.Release(s.Release)), nil
	case plan.OpHook:
		return m.command(s)
	case plan.OpDrain:
		run, err := m.command(s)
		return m.vars() + historyScript + "drained\n" + run, err
	case plan.OpUndrain:
		run, err := m.command(s)
		return run + m.vars() + `rm -f -- "$p/.shipit/drained"` + "\n", err
	case plan.OpFile:
		return m.file(s.File, args["content"]), nil
	case plan.OpRestore:
		return m.restore(s), nil
	case plan.OpActivate:
		return m.activate(s), nil
	case plan.OpRestart:
		return m.restart(s)
	case plan.OpCheck:
		return m.check(s)
	case plan.OpPrune:
		return m.prune(s.Remove)
	}
	panic("internal error: no shell for the operation " + string(s.Op))
}

// args are what every step has for a host that acts it out.
func (m *compiler) args(id string) map[string]string {
	if id == "" {
		id = m.target().ID
	}
	r := m.c.Release(id)
	return map[string]string{
		"path": m.path, "run": m.c.Run, "by": m.c.By, "release": id, "tag": r.Tag, "commit": r.Commit,
	}
}

// target is the release that this phase is about.
func (m *compiler) target() plan.Release { return aimed(m.h, m.phase) }

// aimed is the release that a phase is about on a host.
func aimed(h *plan.Host, phase event.Phase) plan.Release {
	switch phase {
	case event.Undo:
		return h.Back
	case preflightPhase:
		return h.From
	}
	return h.To
}

// vars set what the scripts share.
func (m *compiler) vars() string {
	return fmt.Sprintf("p=%s run=%s by=%s\n", remote.QuotePath(m.path), remote.Quote(m.c.Run), remote.Quote(word(m.c.By)))
}

// env is what commands of the definition may read. Where sudo makes somebody
// else of them, its env_keep decides what arrives.
func (m *compiler) env() string {
	r, b := m.target(), &m.c.Plan.Body
	var sh strings.Builder
	for _, v := range [][2]string{
		{"RUN", m.c.Run},
		{"SERVICE", b.Service},
		{"ENVIRONMENT", b.Env},
		{"HOST", m.h.Name},
		{"ADDRESS", m.h.Address},
		{"RELEASE", r.ID},
		{"TAG", r.Tag},
		{"COMMIT", r.Commit},
	} {
		fmt.Fprintf(&sh, "export SHIPIT_%s=%s\n", v[0], remote.Quote(v[1]))
	}
	if m.c.Trace != "" {
		fmt.Fprintf(&sh, "export TRACEPARENT=%s\n", remote.Quote(m.c.Trace))
	}
	return sh.String()
}

// historyLine adds to the host's history.
func historyLine(state string, r plan.Release) string {
	return fmt.Sprintf("history %s %s %s %s\n", state, remote.Quote(word(r.ID)), remote.Quote(word(r.Tag)), remote.Quote(word(r.Commit)))
}

// history is a step of its own that only writes a line.
func (m *compiler) history(id, state string, r plan.Release) remote.Step {
	out := remote.Step{ID: id, Op: "record", Args: m.args(r.ID)}
	out.Args["state"] = state
	if !m.c.Acts {
		out.Shell = m.vars() + historyScript + historyLine(state, r)
	}
	return out
}

// record ends a phase that changed something.
func (m *compiler) record() remote.Step {
	if m.phase == event.Undo {
		left := m.h.To
		if left.ID == m.h.Back.ID { // only files went back: that says nothing against the release
			left = plan.Release{}
		}
		s := m.history(recordStep, "undone", left)
		s.Args["release"], s.Args["tag"], s.Args["commit"] = left.ID, left.Tag, left.Commit
		if m.c.Acts {
			return s
		}
		// The files of a run that was undone are nothing to go back to.
		s.Shell += `rm -rf -- "$p/.shipit/files/$run"` + "\n"
		if m.c.By != plan.ByWatchdog { // which tidies up after itself
			s.Shell += lock.Disarm(lock.Dir(m.path))
		}
		return s
	}
	s := m.history(recordStep, "good", m.h.To)
	s.Args["files"] = strings.Join(m.paths(), "\n")
	if !m.c.Acts {
		s.Shell = m.vars() + filesScript + m.saveAll() + historyScript + historyLine("good", m.h.To) + lock.Disarm(lock.Dir(m.path))
	}
	return s
}

// verify sees that nobody has changed the host since it was read under the
// lock. It prints what moved.
func (m *compiler) verify(steps []plan.Step) remote.Step {
	may := []string{m.h.From.ID}
	if !m.c.First || m.c.Again || m.phase == event.Undo {
		may = append(may, m.h.To.ID)
	}
	if (m.phase == event.Undo || m.c.Again) && m.h.Back.ID != "" && !slices.Contains(may, m.h.Back.ID) { // its watchdog may have taken it there
		may = append(may, m.h.Back.ID)
	}
	out := remote.Step{ID: verifyStep, Op: "verify", Args: m.args("")}
	out.Args["may"] = strings.Join(may, "\n")
	var files []*plan.File
	if m.phase == event.Switch && m.c.First {
		var lines []string
		for i := range steps {
			if f := steps[i].File; f != nil && m.c.Raw[f.Path] != "" {
				files = append(files, f)
				lines = append(lines, f.Path+" "+m.c.Raw[f.Path])
			}
		}
		out.Args["files"] = strings.Join(lines, "\n")
	}
	if !m.c.Acts {
		out.Shell = m.unmoved(may, files)
	}
	return out
}

// unmoved is the shell of verify.
func (m *compiler) unmoved(may []string, files []*plan.File) string {
	var sh strings.Builder
	sh.WriteString(m.vars())
	sh.WriteString(`if [ -L "$p/current" ]; then is=$(readlink -- "$p/current"); elif [ -e "$p/current" ]; then is='no link'; else is=; fi` + "\ncase $is in\n")
	for _, id := range may {
		fmt.Fprintf(&sh, "  %s) ;;\n", remote.Quote(m.link(id)))
	}
	fmt.Fprintf(&sh, "  *) die \"current changed since the plan: was %s, is ${is:-nothing}\" ;;\nesac\n", inQuotes(cmp.Or(m.link(m.h.From.ID), "nothing")))
	if m.phase == event.Switch && m.c.First {
		sh.WriteString(filesScript)
	}
	for _, f := range files {
		fmt.Fprintf(&sh, "unmoved %s %s %s\n", remote.QuotePath(f.Path), flag(f.Root), remote.Quote(m.c.Raw[f.Path]))
	}
	return sh.String()
}

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
  rm -f -- "$p/.current-$run"
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

// word makes one field of a history line of s.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// inQuotes is s for the inside of double quotes.
func inQuotes(s string) string { return quoteEscapes.Replace(s) }

var quoteEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`")

func orNothing(id string) string {
	if id == "" {
		return "nothing"
	}
	return "releases/" + id
}

// flag is a shell word that is empty for false.
func flag(b bool) string {
	if b {
		return "1"
	}
	return "''"
}

// seconds is d for timeout(1), or a minute where the plan gives none.
func seconds(d lang.Duration) int {
	if d <= 0 {
		return 60
	}
	return int((d.Std() + time.Second - 1) / time.Second)
}

// paths are the managed files of the host, those that do not change too.
func (m *compiler) paths() []string {
	set := map[string]bool{}
	for path := range m.h.Fingerprint.Files {
		set[path] = true
	}
	for _, s := range m.h.Switch {
		if s.File != nil {
			set[s.File.Path] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
