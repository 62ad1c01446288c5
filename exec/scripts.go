package exec

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"shipit/exec/event"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/transport"
)

// A Script is one exec on one or more hosts: what a run of a plan sends there.
type Script struct {
	Phase string       `json:"phase"`
	Hosts []string     `json:"hosts"` // in the plan's order
	Steps []ScriptStep `json:"steps"`
	Whole string       `json:"script"` // all that the host's sh reads, with the prelude
}

// A ScriptStep is the body of one step. It runs in a subshell that has what
// the prelude defines.
type ScriptStep struct {
	ID    string `json:"id"`
	Shell string `json:"shell"`
}

// Showing is what showing the scripts of a plan takes besides it.
type Showing struct {
	Plan   *plan.Plan
	By     string // user@machine
	Root   string // that relative paths of the plan start at
	Source transport.Source
}

// What only a run knows stands in scripts that are shown as these words.
const (
	shownRun    = "RUN"
	shownNonce  = "NONCE"
	shownDigest = "DIGEST"
	shownSecret = "SENSITIVE"
)

// Scripts are the scripts that hosts would run for a plan, in the order of the
// phases; those that are equal on several hosts are one. The same plan gives
// the same scripts. Nothing sensitive is in them: where the content of such a
// file would stand, there is a word.
func Scripts(ctx context.Context, s Showing) ([]Script, error) {
	body := &s.Plan.Body
	v := &showing{ctx: ctx, seen: map[string]int{}, relays: map[string]bool{}, run: &run{
		o: Options{Plan: s.Plan, Run: shownRun, By: s.By, Source: s.Source, Root: s.Root}, body: body,
	}}
	questions := QuestionsOf(s.Plan, s.Root)
	for i := range body.Hosts {
		if h := &body.Hosts[i]; h.Action != plan.Unreachable && !h.LeftOut() {
			v.add(h.Name, "observe", remote.Command{Steps: []remote.Step{observeStep(questions[i], false)}, RunAs: body.User})
		}
	}
	var changing []*plan.Host
	for i := range body.Hosts {
		if h := &body.Hosts[i]; h.Action == plan.Create || h.Action == plan.Update {
			changing = append(changing, h)
			t := newMember(v.run.o, h, questions[i]).taking
			t.Wait, t.Steps = body.Lock.Wait.Std(), []remote.Step{observeStep(questions[i].again(), false)}
			v.add(h.Name, "lock", remote.Command{Hold: strings.NewReader(""), Steps: t.AllSteps()})
		}
	}
	for _, phase := range shownPhases {
		for _, h := range changing {
			err := v.phase(h, phase.name, phase.steps(h))
			if err == nil && phase.name == event.Stage {
				err = v.relayed(h, changing)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", h.Name, phase.name, err)
			}
		}
	}
	if err := v.hooks(changing); err != nil {
		return nil, err
	}
	return v.out, nil
}

// shownPhases are the phases that are made of a plan's steps, in the order in
// which a run comes to them.
var shownPhases = []struct {
	name  event.Phase
	steps func(h *plan.Host) []plan.Step
}{
	{preflightPhase, func(h *plan.Host) []plan.Step { return h.Before }},
	{event.Stage, func(h *plan.Host) []plan.Step { return h.Stage }},
	{event.Switch, func(h *plan.Host) []plan.Step { return h.Switch }},
	{event.After, func(h *plan.Host) []plan.Step { return h.After }},
	{event.Undo, func(h *plan.Host) []plan.Step { return h.Undo }},
	{event.Prune, func(h *plan.Host) []plan.Step { return h.Prune }},
}

// A showing collects scripts.
type showing struct {
	ctx  context.Context
	run  *run
	out  []Script
	seen map[string]int // by phase and text

	relays map[string]bool // groups that have theirs
	relay  func(d *transport.Delivery)
}

// add shows a command on a host.
func (v *showing) add(host, phase string, cmd remote.Command) {
	v.addAs(host, phase, cmd, remote.Script(cmd, shownNonce))
}

// addAs is add of a command that is sent in other words than commands are.
func (v *showing) addAs(host, phase string, cmd remote.Command, whole string) {
	key := phase + "\n" + whole
	if i, ok := v.seen[key]; ok {
		v.out[i].Hosts = append(v.out[i].Hosts, host)
		return
	}
	v.seen[key] = len(v.out)
	s := Script{Phase: phase, Hosts: []string{host}, Whole: whole}
	for _, step := range cmd.Steps {
		s.Steps = append(s.Steps, ScriptStep{ID: step.ID, Shell: step.Shell})
	}
	v.out = append(v.out, s)
}

// phase shows the execs of a phase: it has more than one where steps in
// between are the deployer's.
func (v *showing) phase(h *plan.Host, phase event.Phase, steps []plan.Step) error {
	parts := partsOf(steps)
	if len(parts) > 0 && (phase == event.Switch || phase == event.Undo) && parts[len(parts)-1][0].From == deployer {
		parts = append(parts, nil)
	}
	first := true
	for i, part := range parts {
		if len(part) > 0 && part[0].From == deployer {
			continue
		}
		c, err := v.context(h, part)
		if err != nil {
			return err
		}
		c.First, c.Last = first, i == len(parts)-1
		cmd, err := Command(h, phase, part, c)
		if err != nil {
			return err
		}
		if phase != event.After && phase != preflightPhase && !confirms(part) {
			cmd.Fence = &c.Fence
		}
		if v.relay != nil {
			phase = relayPhase
		}
		v.add(h.Name, string(phase), cmd)
		if slices.ContainsFunc(part, func(s plan.Step) bool { return s.Op == plan.OpArm }) {
			if err := v.watchdog(h, c); err != nil {
				return err
			}
		}
		first = false
	}
	return nil
}

// relayPhase is staging where a host serves others.
const relayPhase event.Phase = "relay"

// relayed shows how hosts of one group would stage: the first serves what it
// is sent, until all have it, and the others fetch that. Where it does not
// work out they stage as is shown before.
func (v *showing) relayed(h *plan.Host, changing []*plan.Host) error {
	group := groupOf(h)
	if group == "" || !slices.ContainsFunc(changing, func(o *plan.Host) bool { return o != h && groupOf(o) == group }) {
		return nil
	}
	first := !v.relays[group]
	v.relays[group] = true
	v.relay = func(d *transport.Delivery) {
		if first {
			d.Serve = transport.ShownRelay()
		} else {
			d.From = transport.ShownRelay()
		}
	}
	defer func() { v.relay = nil }()
	if err := v.phase(h, event.Stage, h.Stage); err != nil || !first {
		return err
	}
	v.add(h.Name, "relay-end", remote.Command{Steps: []remote.Step{transport.StopRelay(shownRun, v.run.body.Path)}})
	return nil
}

// watchdog shows what a host would do by itself, and the execs of a run that
// finds out about it.
func (v *showing) watchdog(h *plan.Host, c Context) error {
	m := newCompiler(h, event.Switch, c)
	undo, err := m.undoAlone()
	if err != nil {
		return err
	}
	v.addAs(h.Name, "watchdog", undo, m.watchdog().Script(undo))
	v.add(h.Name, "outcome", remote.Command{Steps: []remote.Step{{ID: "outcome", Shell: m.watchdog().Outcome(m.path + "/.shipit/history")}}})
	v.add(h.Name, "disarm", remote.Command{Fence: &c.Fence, Steps: []remote.Step{{ID: "disarm", Shell: lock.Disarm(lock.Dir(m.path))}}})
	return nil
}

// hooks shows the hooks of the run that are for a host: the first that
// changes, of the run or of each batch.
func (v *showing) hooks(changing []*plan.Host) error {
	if len(changing) == 0 {
		return nil
	}
	for _, h := range changing {
		v.run.members = append(v.run.members, &member{plan: h})
	}
	v.run.byName = map[string]*member{}
	for _, m := range v.run.members {
		v.run.byName[m.plan.Name] = m
	}
	for _, s := range v.run.body.Hooks {
		if s.From == deployer {
			continue
		}
		batches := []int{-1}
		if s.Moment == "batch" {
			batches = nil
			for b := range v.run.body.Batches {
				batches = append(batches, b)
			}
		}
		for _, b := range batches {
			if err := v.phase(v.run.hookHost(b).plan, hookPhase, []plan.Step{s}); err != nil {
				return fmt.Errorf("%s: %w", s.ID, err)
			}
		}
	}
	return nil
}

// context is what the steps of a host need besides themselves, as far as it
// is known before a run.
func (v *showing) context(h *plan.Host, part []plan.Step) (Context, error) {
	raw := map[string]string{}
	secret := h.Sensitive()
	for _, path := range slices.Sorted(maps.Keys(h.Fingerprint.Files)) {
		if raw[path], _, _ = strings.Cut(h.Fingerprint.Files[path], " "); secret[path] && raw[path] != "absent" {
			raw[path] = shownDigest
		}
	}
	c := v.run.context(&member{plan: h, raw: raw})
	c.Content = func(f *plan.File) (string, error) {
		if f.Hash != "" {
			return shownSecret, nil
		}
		return v.run.content(f)
	}
	c.Fence = remote.Fence{Dir: lock.Dir(v.run.body.Path), Run: shownRun}
	for i := range part {
		if part[i].Op != plan.OpStage {
			continue
		}
		staged, err := v.run.staged(v.ctx, h, &part[i], h.From, v.relay)
		if err != nil {
			return c, err
		}
		c.Staged = staged
	}
	return c, nil
}
