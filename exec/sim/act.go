package sim

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"shipit/exec/remote"
)

// mutates tells whether an operation may change a host beyond its lock.
func mutates(op string) bool {
	switch op {
	case "lock", "hold", "look", "break", "observe", "verify", "check", "arm", "confirm", "disarm", "outcome", "tail":
		return false
	}
	return true
}

// act has a step's effect on the host. A saidNo is why the step failed.
func (s *session) act(ctx context.Context, step remote.Step) error {
	switch step.Op {
	case "lock":
		return s.take(ctx, step)
	case "hold":
		return s.hold(ctx, step)
	case "break":
		return s.breakLock(step)
	case "look":
		s.look(step.ID)
		return nil
	case "observe":
		s.observe(step)
		return nil
	case "confirm":
		return s.confirm(ctx, step)
	case "outcome":
		return s.outcome(ctx, step)
	case "tail":
		return s.work(ctx, step, 1000*time.Hour)
	}
	h := s.host
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.act(step)
}

// act is what a step does to the state. The caller holds mu.
func (h *Host) act(step remote.Step) error {
	st, arg := &h.state, step.Args
	switch step.Op {
	case "verify":
		return h.verify(arg)
	case "stage":
		if !slices.Contains(st.Releases, arg["release"]) {
			st.Releases = append(st.Releases, arg["release"])
		}
		h.record(arg, "staged")
	case "drain":
		st.Drained, st.DrainedBy = true, arg["run"]
		h.served(false)
	case "undrain":
		st.Drained, st.DrainedBy = false, ""
		h.served(true)
	case "activate":
		if !slices.Contains(st.Releases, arg["release"]) {
			return saidNo(arg["release"] + " is not there")
		}
		st.Live = arg["release"]
		if h.Restless {
			st.Running, st.Started = st.Live, time.Now()
		}
		h.record(arg, "live")
	case "restart":
		st.Running, st.Started = st.Live, time.Now()
		h.served(true)
	case "check":
		switch {
		case h.Broken[st.Running]:
			return saidNo("status 500, wanted 200")
		case st.Running != st.Live:
			return saidNo(fmt.Sprintf("%s answers, wanted %s", cmp.Or(st.Running, "nobody"), st.Live))
		}
	case "save":
		h.keep(arg["run"]+".before", words(arg["files"]), false)
	case "file":
		st.Files[arg["path"]] = fileOf(arg)
	case "restore":
		return h.restore(arg)
	case "hook":
		st.Hooks = append(st.Hooks, step.ID)
	case "record":
		h.record(arg, arg["state"])
		switch arg["state"] {
		case "good":
			h.keep(arg["run"], words(arg["files"]), true)
			h.disarm()
		case "undone":
			delete(st.Saved, arg["run"])
			h.disarm()
		}
	case "arm":
		h.arm(step)
	case "disarm":
		h.disarm()
	case "prune":
		for _, id := range words(arg["remove"]) {
			if id == st.Live {
				return saidNo(id + " is live")
			}
			st.Releases = slices.DeleteFunc(st.Releases, func(have string) bool { return have == id })
			delete(st.Saved, strings.TrimPrefix(id, "run:"))
		}
	default:
		panic("internal error: the simulated fleet does not know the operation " + step.Op)
	}
	return nil
}

// failed is what a step that says no leaves behind: a restart that fails has
// stopped the service.
func (h *Host) failed(step remote.Step) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if step.Op == "restart" {
		h.state.Running = ""
		h.served(false)
	}
}

// served notes that the host serves, or does not.
func (h *Host) served(in bool) {
	what := Out
	if in && !h.state.Drained && h.state.Running != "" {
		what = In
	}
	h.fleet.note(Mark{Host: h.Name, What: what})
}

// record writes a line of the host's history.
func (h *Host) record(arg map[string]string, state string) {
	h.state.History = append(h.state.History, strings.Join([]string{
		fmt.Sprint(time.Now().Unix()), arg["run"], state, arg["release"], arg["by"], arg["tag"], arg["commit"],
	}, "\t"))
}

func (s *session) drainData() error {
	n, err := io.Copy(io.Discard, s.cmd.Data)
	if err != nil {
		return fmt.Errorf("cannot send the data: %w", err)
	}
	if n != s.cmd.DataSize {
		panic(fmt.Sprintf("internal error: %d bytes of data, announced were %d", n, s.cmd.DataSize))
	}
	return nil
}
