package rollout_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/lang"
)

// A scenario is a plan and what happens to its run, read from lines of
// "word arguments":
//
//	batch canary a | b c     a batch with its slices
//	  max_failed 1           of the batch before, as are max_unreachable,
//	  max_unhealthy, parallel, soak, confirm
//	budget max_failed 1      of the run, as are max_unhealthy, max_unreachable
//	on check restart         the policy; scope host|batch|run
//	host b keep|new|nodrain|unreachable
//	hook announce finish     a hook of the run; "continue", "once" may follow
//	after batch|finish       every host has a check at that moment
//	fail b switch check      the step of the phase fails; a cause may follow
//	fail hook announce       so does that hook
//	fail b soak check        the check says no while the gate of b's batch is open
//	fail gate canary         the gate is refused; "by anna": she does it
//	abort b switch           while that phase is in flight; "abort start": before the first action
//	pause b switch           as abort; it is continued once nothing more starts
//	lost b switch            the lock of the host is lost then; "lost c at b switch"
//	alike                    failures at the same step say the same, whichever the host
//	answer rollback          what is answered when the aborted run asks
type scenario struct {
	plan    *plan.Plan
	fails   map[string]event.Event
	aborts  map[string]int
	pauses  map[string]bool
	losses  map[string]string
	answers []string
	alike   bool // failures at the same step say the same
}

func host(name string) plan.Host {
	check := plan.Step{ID: "check", Op: plan.OpCheck}
	return plan.Host{
		Name:   name,
		Action: plan.Update,
		Stage:  []plan.Step{{ID: "stage", Op: plan.OpStage}},
		Switch: []plan.Step{
			{ID: "before", Op: plan.OpCheck},
			{ID: "drain", Op: plan.OpDrain},
			{ID: "file", Op: plan.OpFile},
			{ID: "activate", Op: plan.OpActivate},
			{ID: "restart", Op: plan.OpRestart},
			check,
			{ID: "undrain", Op: plan.OpUndrain},
		},
		Undo: []plan.Step{
			{ID: "drain", Op: plan.OpDrain},
			{ID: "restore", Op: plan.OpRestore},
			{ID: "activate", Op: plan.OpActivate},
			{ID: "restart", Op: plan.OpRestart},
			check,
			{ID: "undrain", Op: plan.OpUndrain},
		},
		Prune: []plan.Step{{ID: "prune", Op: plan.OpPrune}},
	}
}

func newPlan() *plan.Plan {
	return &plan.Plan{Body: plan.Body{
		Kind:     plan.Deploy,
		Rollback: plan.Policy{On: []string{"check", "restart", "activate"}, Scope: "run"},
	}}
}

func parse(t testing.TB, text string) *scenario {
	t.Helper()
	s := &scenario{plan: newPlan(), fails: map[string]event.Event{}, aborts: map[string]int{}, pauses: map[string]bool{}, losses: map[string]string{}}
	body := &s.plan.Body
	find := func(name string) *plan.Host {
		for i := range body.Hosts {
			if body.Hosts[i].Name == name {
				return &body.Hosts[i]
			}
		}
		t.Fatalf("no host %q", name)
		return nil
	}
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) == 0 || w[0] == "#" {
			continue
		}
		var last *plan.Batch
		if n := len(body.Batches); n > 0 {
			last = &body.Batches[n-1]
		}
		switch w[0] {
		case "batch":
			b := plan.Batch{Name: w[1], Slices: [][]string{nil}}
			for _, name := range w[2:] {
				if name == "|" {
					b.Slices = append(b.Slices, nil)
					continue
				}
				end := len(b.Slices) - 1
				b.Slices[end] = append(b.Slices[end], name)
				body.Hosts = append(body.Hosts, host(name))
			}
			body.Batches = append(body.Batches, b)
		case "max_failed":
			fmt.Sscan(w[1], &last.MaxFailed)
		case "max_unreachable":
			fmt.Sscan(w[1], &last.MaxUnreachable)
		case "max_unhealthy":
			fmt.Sscan(w[1], &last.MaxUnhealthy)
		case "parallel":
			fmt.Sscan(w[1], &last.Parallel)
		case "budget":
			n := 0
			fmt.Sscan(w[2], &n)
			switch w[1] {
			case "max_failed":
				body.Budget.MaxFailed = &n
			case "max_unhealthy":
				body.Budget.MaxUnhealthy = &n
			case "max_unreachable":
				body.Budget.MaxUnreachable = &n
			}
		case "soak":
			last.Soak = lang.Duration(1)
		case "confirm":
			last.Confirm = true
		case "on":
			body.Rollback.On = w[1:]
		case "scope":
			body.Rollback.Scope = w[1]
		case "host":
			h := find(w[1])
			switch w[2] {
			case "keep":
				h.Action = plan.Keep
			case "unreachable":
				h.Action = plan.Unreachable
			case "new":
				h.Action, h.Undo = plan.Create, nil
			case "staged":
				h.Stage = nil
			}
		case "hook":
			body.Hooks = append(body.Hooks, plan.Step{
				ID: w[1], Op: plan.OpHook, Moment: w[2],
				Go: slices.Contains(w, "continue"), Once: slices.Contains(w, "once"),
			})
		case "after":
			for i := range body.Hosts {
				body.Hosts[i].After = append(body.Hosts[i].After, plan.Step{ID: "after-" + w[1], Op: plan.OpCheck, Moment: w[1]})
			}
		case "fail":
			e := event.Event{Text: strings.Join(w[1:], " ") + " failed"}
			switch {
			case w[1] == "hook":
			case w[1] == "gate" && len(w) == 5:
				e.By = w[4]
			case w[1] == "gate":
				e.Cause = event.Unhealthy
			default:
				e.Step, e.Cause = w[3], event.Failed
				if w[3] == "check" || strings.HasPrefix(w[3], "after-") {
					e.Cause = event.Unhealthy
				}
				if len(w) > 4 {
					e.Cause = event.Cause(w[4])
				}
				if e.Step == "-" {
					e.Step = ""
				}
			}
			s.fails[w[1]+" "+w[2]] = e
		case "pause":
			s.pauses[strings.Join(w[1:], " ")] = true
		case "alike":
			s.alike = true
		case "abort":
			s.aborts[strings.Join(w[1:], " ")]++
		case "lost":
			if len(w) == 5 {
				s.losses[w[3]+" "+w[4]] = w[1]
			} else {
				s.losses[w[1]+" "+w[2]] = w[1]
			}
		case "answer":
			s.answers = append(s.answers, w[1])
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	return s
}

// play runs the scenario in rounds: all that may start starts, then all of it
// ends. It returns the rounds, one a line, and the events.
func (s *scenario) play(t testing.TB) (trace []string, events []event.Event, r *rollout.Rollout) {
	t.Helper()
	r = rollout.New(s.plan)
	apply := func(e event.Event) {
		e.Seq = int64(len(events) + 1)
		events = append(events, e)
		r.Apply(e)
	}
	apply(event.Event{Type: event.RunStarted})
	stop := func(key string) {
		for range s.aborts[key] {
			apply(event.Event{Type: event.Aborted, By: "anna"})
			trace = append(trace, "aborted during "+key)
		}
		if _, ok := s.pauses[key]; ok {
			apply(event.Event{Type: event.Paused, By: "anna"})
			trace = append(trace, "paused during "+key)
			delete(s.pauses, key)
		}
		delete(s.aborts, key)
		if name, ok := s.losses[key]; ok {
			apply(event.Event{Type: event.LockLost, Host: name})
			trace = append(trace, "lock lost on "+name)
			delete(s.losses, key)
		}
	}
	stop("start")
	for range 1000 {
		acts := r.Next()
		if len(acts) == 0 && r.Paused() != "" {
			apply(event.Event{Type: event.Continued, By: "anna"})
			trace = append(trace, "continued")
			continue
		}
		if len(acts) == 0 {
			t.Fatalf("the run hangs:\n%s\n%+v", strings.Join(trace, "\n"), r.Hosts())
		}
		if acts[0].Kind == rollout.Finish {
			if r.Aborted() && len(s.answers) > 0 {
				apply(event.Event{Type: event.Asked})
				if acts := r.Next(); len(acts) > 0 {
					t.Fatalf("a question is open, yet %+v may start", acts)
				}
				apply(event.Event{Type: event.Answered, Choice: s.answers[0], By: "anna"})
				trace = append(trace, "answered "+s.answers[0])
				s.answers = s.answers[1:]
				continue
			}
			apply(event.Event{Type: event.RunFinished, Outcome: r.Outcome()})
			return trace, events, r
		}
		trace = append(trace, render(s.plan, acts))
		for _, a := range acts {
			apply(started(s.plan, r, a))
		}
		for _, a := range acts {
			key := a.Host + " " + string(a.Phase)
			switch a.Kind {
			case rollout.Record:
				continue
			case rollout.RunHook:
				key = "hook " + a.Hook
			case rollout.OpenGate:
				key = "gate " + s.plan.Body.Batches[a.Batch].Name
			}
			stop(key)
			e, bad := s.fails[key]
			e.Host, e.Phase, e.Batch = a.Host, a.Phase, batchName(s.plan, a)
			if s.alike && bad {
				e.Detail = []string{"begun", e.Step + " said no"}
			}
			switch a.Kind {
			case rollout.RunPhase:
				e.Type = event.HostDone
				if bad && (a.Phase != event.After || slices.ContainsFunc(r.Steps(a), func(st plan.Step) bool { return st.ID == e.Step })) {
					e.Type = event.HostFailed
				} else {
					e.Step, e.Text, e.Cause = "", "", ""
				}
			case rollout.RunHook:
				e.Type, e.Step = event.HookDone, a.Hook
				if bad {
					e.Type = event.HookFailed
				}
			case rollout.OpenGate:
				e.Type = event.GatePassed
				for _, h := range r.Hosts() {
					if no, bad := s.fails[h.Name+" soak"]; bad && h.Batch == a.Batch && h.Status == rollout.Done {
						no.Type, no.Host, no.Phase = event.HostFailed, h.Name, event.After
						apply(no)
						trace = append(trace, h.Name+" fails in the soak")
					}
				}
				if why := r.Halted(); why != "" {
					e.Type, e.Text = event.GateRefused, e.Batch+" did not hold: "+why
				}
				if bad {
					e.Type = event.GateRefused
					delete(s.fails, key)
				}
			}
			apply(e)
		}
	}
	t.Fatalf("the run does not end:\n%s", strings.Join(trace, "\n"))
	return nil, nil, nil
}

func batchName(p *plan.Plan, a rollout.Action) string {
	if a.Batch < 0 {
		return ""
	}
	return p.Body.Batches[a.Batch].Name
}

// started is the event that announces an action.
func started(p *plan.Plan, r *rollout.Rollout, a rollout.Action) event.Event {
	e := event.Event{Host: a.Host, Phase: a.Phase, Batch: batchName(p, a), Slice: a.Slice + 1}
	switch a.Kind {
	case rollout.Record:
		e.Type, e.Text = a.Type, a.Text
	case rollout.RunPhase:
		e.Type = event.HostStarted
		for _, s := range r.Steps(a) {
			e.Steps = append(e.Steps, s.ID)
		}
	case rollout.RunHook:
		e.Type, e.Step = event.HookStarted, a.Hook
	case rollout.OpenGate:
		e.Type = event.GateOpened
	}
	return e
}

// render writes a round: "switch a b", "batch.started canary 1".
func render(p *plan.Plan, acts []rollout.Action) string {
	var parts []string
	prev := ""
	for _, a := range acts {
		what, name := "", ""
		switch a.Kind {
		case rollout.RunPhase:
			what, name = strings.TrimSpace(string(a.Phase)+" "+a.Moment), a.Host
			if a.Phase == event.After {
				what = "after " + a.Moment + ":"
			}
		case rollout.RunHook:
			what, name = "hook", strings.TrimSpace(a.Hook+" "+batchName(p, a))
		case rollout.OpenGate:
			what, name = "gate", batchName(p, a)
		case rollout.Record:
			what, name = string(a.Type), fmt.Sprintf("%s/%d", batchName(p, a), a.Slice+1)
			if a.Text != "" {
				name += " because " + a.Text
			}
		default:
			what = string(a.Kind)
		}
		if what == prev {
			parts[len(parts)-1] += " " + name
			continue
		}
		parts = append(parts, what+" "+name)
		prev = what
	}
	return strings.Join(parts, ", ")
}
