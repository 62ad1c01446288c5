package lock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"shipit/exec/remote"
)

// A Hold is a wish for a lock with no process behind it.
type Hold struct {
	Dir    string // on the host; see Dir
	ID     string // stands in the place of a run
	Owner  string // user@machine; an owner's new hold replaces the old one
	Reason string
	For    time.Duration // judged by the host's clocks only
	Global bool
}

// A Had is the hold of the same owner that a new one replaced.
type Had struct {
	Left   time.Duration // zero where there was none
	Reason string
}

// byHandLimit bounds putting a hold on a host and breaking a lock there.
const byHandLimit = 30 * time.Second

// Put puts a hold on a host, before all who wait. It does not wait: where
// another holds the lock, its error is a *HeldError.
func Put(ctx context.Context, r remote.Runner, h Hold) (had Had, err error) {
	args := map[string]string{"dir": h.Dir, "run": h.ID, "owner": h.Owner, "reason": h.Reason, "hold": h.For.String()}
	global := ""
	if h.Global {
		global, args["global"] = "1", "yes"
	}
	head := who(h.Dir, h.ID, h.Owner, h.Reason) + fmt.Sprintf("global=%s hold=%d ttl=0 patience=%d was=0 wait=0\n",
		global, seconds(h.For), seconds(Patience))
	said, err := byHand(ctx, r, remote.Step{ID: "lock", Op: "lock", Args: args, Shell: head + lookScript + writeScript + takeScript})
	var step *remote.StepError
	if errors.As(err, &step) {
		return had, refusal(step, said)
	}
	for _, r := range said {
		if r.Kind == remote.Fact && r.Key == "had" {
			left, reason, _ := strings.Cut(r.Text, "\n")
			had = Had{Left: time.Duration(min(number(left), maxSeconds)) * time.Second, Reason: strings.TrimSuffix(reason, "\n")}
		}
	}
	return had, err
}

// Break takes the lock in dir from run: from then on that run, or hold, has no
// right to the host. atWork tells that a script of that run works there at
// this moment; it goes on to its end, and nobody takes the lock before. The
// error of a lock that is somebody else's by now is a *HeldError; one that is
// free already is no error.
func Break(ctx context.Context, r remote.Runner, dir, run string) (atWork bool, err error) {
	args := map[string]string{"dir": dir, "run": run}
	said, err := byHand(ctx, r, remote.Step{
		ID: "break", Op: "break", Args: args,
		Shell: who(dir, run, "", "") + lookScript + writeScript + breakScript,
	})
	for _, r := range said {
		if r.Kind != remote.Fact {
			continue
		}
		switch r.Key {
		case "busy":
			atWork = true
		case "moved":
			if holder, ok := Holds(said); ok {
				return false, &HeldError{Holder: holder}
			}
			return false, nil // it has ended by itself
		}
	}
	var step *remote.StepError
	if errors.As(err, &step) {
		return false, fmt.Errorf("cannot break the lock: %s", strings.Join(step.Output, "; "))
	}
	return atWork, err
}

func byHand(ctx context.Context, r remote.Runner, step remote.Step) (said []remote.Record, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, byHandLimit, fmt.Errorf("the host did not answer within %v", byHandLimit))
	defer cancel()
	err = r.Run(ctx, remote.Command{Name: "lock", Steps: []remote.Step{step}, On: func(r remote.Record) { said = append(said, r) }})
	return said, err
}
