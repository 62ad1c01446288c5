package sim

import (
	"context"
	"fmt"
	"strings"
	"time"

	"shipit/exec/remote"
)

// A watchdog is a process on a host that undoes what a run did there, unless
// it is ended in time. It needs no connection.
type watchdog struct {
	run        string
	undo       []remote.Step
	at, until  time.Time // when it goes off; when it is through at the latest
	ended      chan struct{}
	firing     bool
	failedStep string
}

// arm starts a watchdog. The caller holds mu.
func (h *Host) arm(step remote.Step) {
	h.disarm()
	after, err := time.ParseDuration(step.Args["after"])
	if err != nil {
		panic("internal error: a watchdog that does not say how long it waits")
	}
	limit, err := time.ParseDuration(step.Args["limit"])
	if err != nil {
		panic("internal error: a watchdog without a limit")
	}
	at := time.Now().Add(after)
	h.dog = &watchdog{run: step.Args["run"], undo: step.Later, at: at, until: at.Add(limit), ended: make(chan struct{})}
	d := h.dog
	time.AfterFunc(after, func() {
		select {
		case <-d.ended:
		default:
			h.watch(d)
		}
	})
}

// disarm ends the watchdog, unless it is at work. The caller holds mu.
func (h *Host) disarm() {
	if h.dog != nil && !h.dog.firing {
		close(h.dog.ended)
		h.dog = nil
	}
}

// Reboot ends everything that runs on the host; what is on its disk stays.
func (h *Host) Reboot() {
	h.mu.Lock()
	if h.dog != nil {
		close(h.dog.ended)
		h.dog = nil
	}
	h.state.Running = h.state.Live
	h.lock.until = time.Time{}
	h.mu.Unlock()
	h.Drop()
}

// watch takes the host back, because nobody confirmed it in time. It sleeps
// in timers and not in a goroutine, so that a simulation may end before it.
func (h *Host) watch(d *watchdog) {
	select { // a script may still be at work
	case <-h.guard:
	case <-d.ended:
		return
	}
	h.mu.Lock()
	d.firing = h.dog == d && h.lock.run == d.run // who took the host over took this over with it
	h.mu.Unlock()
	if d.firing {
		h.undo(d, 0)
	} else {
		h.guard <- struct{}{}
	}
}

// undo does the watchdog's steps from the i-th on.
func (h *Host) undo(d *watchdog, i int) {
	if i == len(d.undo) {
		h.through(d, "")
		return
	}
	step := d.undo[i]
	mark := func(w What) { h.fleet.note(Mark{Host: h.Name, Step: step.ID, Op: step.Op, What: w}) }
	mark(Began)
	time.AfterFunc(h.takes(step.Op), func() {
		select {
		case <-d.ended:
			mark(Stopped)
			h.guard <- struct{}{}
			return
		default:
		}
		if err := h.undoStep(step); err != nil {
			mark(Failed)
			h.through(d, step.ID)
			return
		}
		mark(Ended)
		h.undo(d, i+1)
	})
}

func (h *Host) undoStep(step remote.Step) error {
	if f := h.faultAt("watchdog", step); f.How == Fails {
		h.failed(step)
		return saidNo(strings.Join(f.Output, "\n"))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.act(step)
}

// through ends the watchdog's work. Where its deployer is gone, it gives the
// lock back.
func (h *Host) through(d *watchdog, failed string) {
	h.mu.Lock()
	d.failedStep = failed
	if d.firing = false; d.failedStep == "" && h.dog == d {
		h.dog = nil
	}
	if h.lock.run == d.run && len(h.conns) == 0 {
		h.lock.run = ""
	}
	h.mu.Unlock()
	h.guard <- struct{}{}
}

// confirm ends the watchdog and notes that the host is good.
func (s *session) confirm(ctx context.Context, step remote.Step) error {
	release, err := s.takeGuard(ctx, 10*time.Minute)
	if err != nil {
		return err
	}
	defer release()
	h, arg := s.host, step.Args
	h.mu.Lock()
	defer h.mu.Unlock()
	good := strings.Join([]string{arg["run"], "good", arg["release"]}, "\t")
	switch n := len(h.state.History); {
	case h.lock.run != arg["run"]:
		return saidNo("another run has taken over")
	case h.dog != nil && !h.dog.firing && h.dog.failedStep == "":
	case n > 0 && strings.Contains(h.state.History[n-1], good):
		return nil
	default:
		return saidNo("its watchdog was faster and took it back")
	}
	return h.act(remote.Step{Op: "record", Args: arg})
}

// outcome waits for the watchdog and states whether it has taken the host back.
func (s *session) outcome(ctx context.Context, step remote.Step) error {
	release, err := s.takeGuard(ctx, 10*time.Minute)
	if err != nil {
		return err
	}
	defer release()
	h := s.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.state.History); n > 0 {
		f := strings.Split(h.state.History[n-1], "\t")
		if f[1] == step.Args["run"] && f[2] == "undone" && f[4] == "watchdog" {
			s.fact(step.ID, "back", "yes")
		}
	}
	return nil
}

// watched states what is known of the watchdog.
func (s *session) watched(step string) {
	h := s.host
	h.mu.Lock()
	d := h.dog
	text := ""
	switch {
	case d == nil:
	case d.failedStep != "":
		text = fmt.Sprintf("failed %s %s", d.run, d.failedStep)
	case d.firing:
		text = fmt.Sprintf("firing %s 0", d.run)
	default:
		text = fmt.Sprintf("armed %s %d", d.run, int(time.Until(d.at).Seconds()))
	}
	h.mu.Unlock()
	if text != "" {
		s.fact(step, "watchdog", text)
	}
}
