package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"shipit/lang"
)

// forward makes the steps that take a host to its release.
func (m *maker) forward(v *move) {
	h := v.h
	t, as := m.about(v, h.To)
	if v.flip && m.in.Kind == Deploy {
		h.Stage = m.stage(v, as)
	}
	h.Before = m.before(v)
	restarts := v.restarts()
	if restarts && t.Drain != nil {
		h.Switch = append(h.Switch, drain(t.Drain, as))
	}
	watched := m.body.Rollback.Watchdog > 0 && h.Back.ID != ""
	if watched {
		h.Switch = append(h.Switch, Step{
			ID: "arm", Op: OpArm, At: m.svc.Rollback.Range.String(), Text: "arm the watchdog (" + m.body.Rollback.Watchdog.String() + ")",
		})
	}
	for _, f := range v.file {
		h.Switch = append(h.Switch, f.step)
	}
	if v.flip {
		h.Switch = append(h.Switch, activate(h.To))
	}
	if restarts {
		h.Switch = append(h.Switch, m.hooks(t.Hooks, "before_restart", as)...)
		h.Switch = append(h.Switch, restart(t.Restart, as)...)
		h.Switch = append(h.Switch, m.hooks(t.Hooks, "after_restart", as)...)
	}
	h.Switch = append(h.Switch, m.checks(t, "host", as)...)
	if restarts && t.Drain != nil {
		h.Switch = append(h.Switch, undrain(t.Drain, as))
	}
	if watched {
		h.Switch = append(h.Switch, Step{
			ID: "confirm", Op: OpConfirm, At: m.svc.Rollback.Range.String(), Text: "confirm over a new connection",
		})
	}
	h.After = append(m.checks(t, "batch", as), m.checks(t, "finish", as)...)
	m.prove(v, t)
}

// about is the host's part of the definition as it speaks of r, or as it is
// with the rename that makes it so.
func (m *maker) about(v *move, r Release) (*lang.Target, rename) {
	if t := m.other[r.ID][v.h.Name]; t != nil {
		return t, rename{}
	}
	return v.t, rename{m.in.As, r}
}

// stage brings the release, unless it is there: releases appear only whole.
// The hooks run in any case: that a release is there does not tell whether
// its after_stage hook ever ended well.
func (m *maker) stage(v *move, as rename) []Step {
	steps := m.hooks(v.t.Hooks, "before_stage", as)
	if to := v.h.To; !slices.Contains(v.f.Releases, to.ID) {
		tr := m.svc.Transport
		spec, _ := as.spec(tr.Attrs)
		if _, ok := spec["shared"]; !ok && len(tr.Shared) > 0 {
			spec = maps.Clone(spec)
			if spec == nil {
				spec = map[string]any{}
			}
			spec["shared"] = tr.Shared
		}
		steps = append(steps, Step{
			ID: "stage", Op: OpStage, Release: to.ID, Kind: tr.Kind, Spec: spec, At: tr.Range.String(),
			Text: fmt.Sprintf("stage %s by %s", to.Name(), tr.Kind),
		})
	}
	return append(steps, m.hooks(v.t.Hooks, "after_stage", as)...)
}

func drain(d *lang.Drain, as rename) Step {
	out, _ := as.command(d.Out)
	return Step{
		ID: "drain", Op: OpDrain, At: d.Range.String(), Within: d.Within, Run: &out,
		Text: "drain: " + line(out),
	}
}

func undrain(d *lang.Drain, as rename) Step {
	in, _ := as.command(d.In)
	return Step{
		ID: "undrain", Op: OpUndrain, At: d.Range.String(), Within: d.Within, Run: &in,
		Text: "undrain: " + line(in),
	}
}

func activate(r Release) Step {
	return Step{ID: "activate", Op: OpActivate, Release: r.ID, Link: r.Link, Text: "activate " + r.Name()}
}

// restart is no step or one.
func restart(r lang.Restart, as rename) []Step {
	if r.Kind == "" || r.Kind == "none" {
		return nil
	}
	spec, _ := as.spec(r.Attrs)
	said := lang.Spec{Kind: r.Kind, Attrs: spec}
	verb := "restart"
	if said.Bool("reload") {
		verb = "reload"
	}
	text := verb + " " + r.Kind
	for _, key := range []string{"units", "unit", "name", "signal", "run", "shell"} {
		if words := strings.Join(said.List(key), " "); words != "" {
			text += " " + firstLine(words)
			break
		}
	}
	if how := insists(said); how != "" && r.Kind != "systemd" { // of which everybody knows it
		text += " (" + how + ")"
	}
	return []Step{{
		ID: "restart", Op: OpRestart, At: r.Range.String(), Within: r.Within, Kind: r.Kind, Spec: spec, Text: text,
	}}
}

// line is a command for people, on one line.
func line(c lang.Command) string {
	if c.Shell != "" {
		return firstLine(c.Shell)
	}
	return clean(strings.Join(c.Argv, " "))
}

func firstLine(s string) string {
	first, more, cut := strings.Cut(strings.TrimSpace(s), "\n")
	if cut && more != "" {
		first += " …"
	}
	return clean(first)
}

// hooks are the steps of the hooks at one moment.
func (m *maker) hooks(hooks []lang.Hook, at string, as rename) []Step {
	var steps []Step
	for _, k := range hooks {
		if k.At != at {
			continue
		}
		run, _ := as.command(k.Run)
		steps = append(steps, hook(k, run))
	}
	return steps
}

func hook(k lang.Hook, run lang.Command) Step {
	return Step{
		ID: k.Address(), Op: OpHook, At: k.Range.String(), Within: k.Within, Run: &run,
		From: k.From, Moment: k.At, Once: k.Once, Go: k.OnFailure == "continue",
		Text: k.Address() + " at " + k.At,
	}
}

// checks are the steps of the host's checks at one moment. A check that names
// a release in words that are not known of the one it would ask about is left
// out, and the plan says so: it could only say no.
func (m *maker) checks(t *lang.Target, at string, as rename) []Step {
	var steps []Step
	for _, c := range t.Checks {
		if c.At != at {
			continue
		}
		s, ok := checkStep(c, as)
		if !ok {
			unknown := "neither tag nor commit"
			if as.to.Commit != "" {
				unknown = "no tag"
			}
			m.tell(t.Host.Name, "%s names the release, and %s of %s is known: it is not asked there", c.Address(), unknown, as.to.Name())
			continue
		}
		steps = append(steps, s)
	}
	return steps
}
