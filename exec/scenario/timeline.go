package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/lang/diag"
)

// A line is what happened to hosts in the same way one after the other.
type line struct {
	from  time.Time
	hosts []string
	text  string
}

// A story is what happened, a line for everything that hosts did together. It
// is told as it happens: the events of many hosts would not fit in memory.
type story struct {
	lines []*line
	steps map[string][]string // of the phase that a host is in
}

// add adds that something happened, to a host or, with "", to none.
func (t *story) add(e event.Event, host, text string) {
	if last := len(t.lines) - 1; last >= 0 && host != "" && t.lines[last].text == text && len(t.lines[last].hosts) > 0 {
		t.lines[last].hosts = append(t.lines[last].hosts, host)
		return
	}
	l := &line{from: e.Time, text: text}
	if host != "" {
		l.hosts = []string{host}
	}
	t.lines = append(t.lines, l)
}

// tell takes in an event of a run of a plan.
func (t *story) tell(p *play, of *plan.Plan, e event.Event) {
	if t.steps == nil {
		t.steps = map[string][]string{}
	}
	switch e.Type {
	case event.HostStarted:
		t.steps[e.Host] = nil
	case event.StepDone:
		t.steps[e.Host] = append(t.steps[e.Host], e.Step)
	case event.HostDone:
		t.add(e, e.Host, string(e.Phase)+" ok: "+strings.Join(t.steps[e.Host], ", "))
	case event.HostFailed:
		done := ""
		if len(t.steps[e.Host]) > 0 {
			done = strings.Join(t.steps[e.Host], ", ") + ", "
		}
		why := strings.TrimPrefix(e.Text, e.Host+": ")
		t.add(e, e.Host, fmt.Sprintf("%s failed (%s): %s%s", e.Phase, e.Cause, done, why))
	case event.BatchStarted:
		t.add(e, "", p.batchLine(of, e))
	case event.HookDone, event.HookFailed, event.GateOpened, event.GatePassed, event.GateRefused, event.Asked, event.Answered,
		event.Aborted, event.RollingBack, event.LockLost, event.Note, event.RunStarted, event.RunFinished:
		t.add(e, "", e.Text)
	}
}

// text is the story as lines.
func (t *story) text(p *play) []string {
	var out []string
	for _, l := range t.lines {
		text := diag.CleanLine(l.text)
		if len(l.hosts) > 0 {
			text = fold(p.inOrder(l.hosts)) + "  " + text
		}
		out = append(out, fmt.Sprintf("%9s  %s", stamp(l.from.Sub(p.begun)), text))
	}
	return out
}

// batchLine is a slice that begins.
func (p *play) batchLine(of *plan.Plan, e event.Event) string {
	i := slices.IndexFunc(of.Body.Batches, func(b plan.Batch) bool { return b.Name == e.Batch })
	if i < 0 || e.Slice < 1 || e.Slice > len(of.Body.Batches[i].Slices) {
		return e.Text
	}
	all := of.Body.Batches[i].Slices
	name := e.Batch
	if len(all) > 1 {
		name += fmt.Sprintf(" %d of %d", e.Slice, len(all))
	}
	return fmt.Sprintf("batch %s: %s", name, fold(p.inOrder(all[e.Slice-1])))
}

// stamp is a time since the beginning: "1h02m03.4s".
func stamp(d time.Duration) string {
	d = d.Round(100 * time.Millisecond)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, d.Seconds()-float64(int(d.Minutes())*60)
	switch {
	case h > 0:
		return fmt.Sprintf("%dh%02dm%04.1fs", h, m, s)
	case m > 0:
		return fmt.Sprintf("%dm%04.1fs", m, s)
	}
	return fmt.Sprintf("%.1fs", s)
}
