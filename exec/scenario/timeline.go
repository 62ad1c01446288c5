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
	from, to time.Time
	hosts    []string
	text     string
}

// timeline is what happened, a line for everything that hosts did together.
func (p *play) timeline() []string {
	var lines []*line
	steps := map[string][]string{} // of the phase that a host is in
	add := func(e entry, host, text string) {
		if last := len(lines) - 1; last >= 0 && host != "" && lines[last].text == text && len(lines[last].hosts) > 0 {
			lines[last].hosts, lines[last].to = append(lines[last].hosts, host), e.Time
			return
		}
		l := &line{from: e.Time, to: e.Time, text: text}
		if host != "" {
			l.hosts = []string{host}
		}
		lines = append(lines, l)
	}
	for _, e := range p.log {
		switch e.Type {
		case event.HostStarted:
			steps[e.Host] = nil
		case event.StepDone:
			steps[e.Host] = append(steps[e.Host], e.Step)
		case event.HostDone:
			add(e, e.Host, string(e.Phase)+" ok: "+strings.Join(steps[e.Host], ", "))
		case event.HostFailed:
			done := ""
			if len(steps[e.Host]) > 0 {
				done = strings.Join(steps[e.Host], ", ") + ", "
			}
			why := strings.TrimPrefix(e.Text, e.Host+": ")
			add(e, e.Host, fmt.Sprintf("%s failed (%s): %s%s", e.Phase, e.Cause, done, why))
		case event.BatchStarted:
			add(e, "", p.batchLine(e))
		case event.HookDone, event.HookFailed, event.GateOpened, event.GatePassed, event.GateRefused, event.Asked, event.Answered,
			event.Aborted, event.RollingBack, event.LockLost, event.Note, event.RunStarted, event.RunFinished:
			add(e, "", e.Text)
		}
	}
	var out []string
	for _, l := range lines {
		text := diag.CleanLine(l.text)
		if len(l.hosts) > 0 {
			text = fold(p.inOrder(l.hosts)) + "  " + text
		}
		out = append(out, fmt.Sprintf("%9s  %s", stamp(l.from.Sub(p.begun)), text))
	}
	return out
}

// batchLine is a slice that begins.
func (p *play) batchLine(e entry) string {
	i := slices.IndexFunc(e.plan.Body.Batches, func(b plan.Batch) bool { return b.Name == e.Batch })
	if i < 0 || e.Slice < 1 || e.Slice > len(e.plan.Body.Batches[i].Slices) {
		return e.Text
	}
	all := e.plan.Body.Batches[i].Slices
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
