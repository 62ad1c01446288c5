package exec

import (
	_ "embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"shipit/exec/check"
	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/remote"
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
	if slices.ContainsFunc(cmd.Steps, func(s remote.Step) bool { return strings.Contains(s.Shell, ownHost) }) {
		cmd.Own = fmt.Sprintf("own_host=%s own_address=%s", remote.Quote(h.Name), remote.Quote(h.Address))
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

// sharedScripts are what several steps of a host's run have in common; see
// remote.Step.
func sharedScripts() []string { return append(check.Shared(), historyScript, filesScript) }

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
	out.Shared = sharedScripts()
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

// ownHost is what a script says of its host: the names are variables, so that
// it is the same script on many.
const ownHost = `export SHIPIT_HOST="$own_host" SHIPIT_ADDRESS="$own_address"` + "\n"

// env is what commands of the definition may read. Where sudo makes somebody
// else of them, its env_keep decides what arrives.
func (m *compiler) env() string {
	r, b := m.target(), &m.c.Plan.Body
	var sh strings.Builder
	for _, v := range [][2]string{
		{"RUN", m.c.Run},
		{"SERVICE", b.Service},
		{"ENVIRONMENT", b.Env},
		{"RELEASE", r.ID},
		{"TAG", r.Tag},
		{"COMMIT", r.Commit},
	} {
		fmt.Fprintf(&sh, "export SHIPIT_%s=%s\n", v[0], remote.Quote(v[1]))
	}
	sh.WriteString(ownHost)
	if m.c.Trace != "" {
		fmt.Fprintf(&sh, "export TRACEPARENT=%s\n", remote.Quote(m.c.Trace))
	}
	return sh.String()
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
