package exec

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
)

// How many hosts are asked at once, and how long one may take. Both are about
// the deployer: a host sees one connection and one exec.
const (
	observeWidth = 256
	observeLimit = 20 * time.Second
)

//go:embed observe.sh
var observeSource string

var observeScript = remote.Code(observeSource)

// Observe asks all hosts at once, in one exec each, and changes nothing on
// them. A host that cannot be asked is a fact, never an early end. The facts
// are in the order of qs; each, if set, is called as the answers come, by one
// goroutine at a time.
func Observe(ctx context.Context, f *Fleet, qs []Question, each func(host string, facts plan.HostFacts)) plan.Facts {
	facts := plan.Facts{Hosts: make([]plan.HostFacts, len(qs))}
	var mu sync.Mutex
	all(len(qs), func(i int) {
		h := observe(ctx, f, qs[i])
		facts.Hosts[i] = h
		if each != nil {
			mu.Lock()
			defer mu.Unlock()
			each(qs[i].Host, h)
		}
	})
	return facts
}

// observe asks one host.
func observe(ctx context.Context, f *Fleet, q Question) plan.HostFacts {
	ctx, cancel := context.WithTimeoutCause(ctx, observeLimit, fmt.Errorf("no answer within %s", observeLimit))
	defer cancel()
	conn, err := f.Conn(ctx, q.Target)
	if err != nil {
		return unreachable(q, because(ctx, err))
	}
	h := look(ctx, conn, q)
	if q.Deeper && h.Unreachable == "" && h.GoesDeeper() {
		q.Saved = true
		h = look(ctx, conn, q)
	}
	return h
}

// look is one question over a connection.
func look(ctx context.Context, conn remote.Conn, q Question) plan.HostFacts {
	var records []remote.Record
	err := conn.Run(ctx, remote.Command{
		Name:  "observe",
		Steps: []remote.Step{observeStep(q, remote.Acts(conn))},
		RunAs: q.User,
		Keep:  true,
		Two:   q.Two,
		On:    func(r remote.Record) { records = append(records, r) },
	})
	if err != nil {
		return unreachable(q, because(ctx, err))
	}
	return parseFacts(q, conn.Info(), records)
}

// because is why ctx ended, where that is the reason for err.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, remote.ErrUnknown)) {
		return context.Cause(ctx)
	}
	return err
}

// unreachable are the facts of a host that could not be asked.
func unreachable(q Question, err error) plan.HostFacts {
	h := plan.HostFacts{Name: q.Host, Unreachable: err.Error(), Problem: string(remote.TimedOut)}
	var dial *remote.DialError
	var step *remote.StepError
	switch {
	case errors.As(err, &dial):
		h.Unreachable, h.Problem, h.Help = dial.Err.Error(), string(dial.Kind), dial.Help
	case errors.As(err, &step):
		h.Problem = string(remote.Protocol)
		if len(step.Output) > 0 {
			h.Unreachable = "cannot look at the host: " + step.Output[len(step.Output)-1]
		}
	case errors.Is(err, context.Canceled):
		h.Problem = string(remote.Unreachable)
		h.Unreachable = "interrupted before it answered"
	}
	return h
}

// observeStep is the exec's one step. It is read-only. A host that acts it out
// needs no shell.
func observeStep(q Question, acts bool) remote.Step {
	step := remote.Step{ID: "observe", Op: "observe", Args: q.args()}
	if !acts {
		step.Shell, step.Shared = q.shell(), append(lock.Shared(), observeScript)
	}
	return step
}

func (q Question) shell() string {
	var b strings.Builder
	fmt.Fprintf(&b, "p=%s\n%sboots\n", remote.QuotePath(q.Path), observeScript)
	if q.Again {
		b.WriteString("place\ncontent() { :; }\n")
		if slices.ContainsFunc(q.Files, func(f FileQ) bool { return f.Root && f.Owner != "" }) {
			b.WriteString("me\n") // once, not for each file
		}
	} else {
		b.WriteString("me\nfact login \"$login\"\nplace\n")
		b.WriteString("space\n")
	}
	b.WriteString("releases\n")
	if q.Drift {
		b.WriteString("content() { :; }\ntraces\nsaved ''\n")
	}
	if len(q.Programs) > 0 {
		fmt.Fprintf(&b, "missing %s\nreal\n", remote.Join(q.Programs))
	}
	for i, f := range q.Files {
		root := "''"
		if f.Root && f.Owner == "" {
			root = "1"
		} else if f.Root {
			root = fmt.Sprintf(`"$(owned %s)"`, remote.Quote(f.Owner))
		}
		fmt.Fprintf(&b, "file file.%d %s %s %s\n", i, remote.QuotePath(f.Path), root, remote.Quote(f.SHA256))
	}
	for i, u := range q.Units {
		fmt.Fprintf(&b, "unit unit.%d %s\n", i, remote.Quote(u))
	}
	for i, args := range q.Sudo {
		if owner, ok := strings.CutPrefix(args[0], ownedBy); ok {
			fmt.Fprintf(&b, "[ -z \"$(owned %s)\" ] || right sudo.%d %s\n", remote.Quote(owner), i, remote.Join(args[1:]))
			continue
		}
		fmt.Fprintf(&b, "right sudo.%d %s\n", i, remote.Join(args))
	}
	if q.Saved {
		b.WriteString("saved whole\n")
	}
	if !q.Again {
		b.WriteString(lock.Look(lock.Dir(q.Path)))
	}
	return b.String()
}

// args are what a simulated host acts the question out from.
func (q Question) args() map[string]string {
	var files []string
	for _, f := range q.Files {
		files = append(files, f.Path)
	}
	args := map[string]string{"path": q.Path, "files": strings.Join(files, "\n"), "units": strings.Join(q.Units, "\n")}
	if q.Saved {
		args["saved"] = "yes"
	}
	if q.Drift {
		args["drift"] = "yes"
	}
	return args
}
