package view

import (
	"fmt"
	"io"
	"strings"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
)

// Report prints what every host runs now and how the run ended: the table
// that each way out of a run shows.
func Report(w io.Writer, p *plan.Plan, hosts []rollout.Host, o event.Outcome, s Style) {
	fmt.Fprintln(w)
	if len(hosts) > 0 {
		table(w, reportRows(p, hosts), func(row, col int, cell string) string {
			switch {
			case row == 0:
				return s.paint(dim, cell)
			case col == 1:
				return s.paint(statusColor(rollout.Status(cell)), cell)
			}
			return cell
		})
		for _, h := range hosts {
			if h.Drained && (h.Status == rollout.Stuck || h.Status == rollout.Unknown) {
				fmt.Fprintf(w, "%s is still out of service (drained).\n", h.Name)
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, s.paint(outcomeColor(o), Verdict(p, hosts, o)))
}

// reportRows are the hosts that were touched, one a row, and then the others,
// those that say the same in one row.
func reportRows(p *plan.Plan, hosts []rollout.Host) [][]string {
	rows := [][]string{{"HOST", "RESULT", "RELEASE", "LAST STEP"}}
	type untouched struct{ status, release, last string }
	var order []untouched
	names := map[untouched][]string{}
	for _, h := range hosts {
		h.Status = ended(h)
		u := untouched{string(h.Status), runs(p, h), lastStep(h)}
		switch {
		case h.Touched:
			rows = append(rows, []string{h.Name, u.status, u.release, u.last})
			continue
		case names[u] == nil:
			order = append(order, u)
		}
		names[u] = append(names[u], h.Name)
	}
	for _, u := range order {
		rows = append(rows, []string{hostNames(names[u]), u.status, u.release, u.last})
	}
	return rows
}

// Verdict is the one sentence that says what runs now.
func Verdict(p *plan.Plan, hosts []rollout.Host, o event.Outcome) string {
	count := map[rollout.Status]int{}
	for _, h := range hosts {
		count[ended(h)]++
	}
	what := strings.TrimSpace(p.Body.Service + " " + wanted(p))
	verb := "Apply"
	if p.Body.Kind == plan.Rollback {
		verb = "Rollback"
	}
	switch o {
	case event.Done:
		return fmt.Sprintf("%s complete: %s runs on %s.", verb, what, plural(count[rollout.Done]+count[rollout.Kept], "host"))
	case event.Nothing:
		return fmt.Sprintf("Nothing to do: %s runs on %s already.", what, plural(count[rollout.Kept], "host"))
	case event.RolledBack:
		if count[rollout.Undone] == 1 {
			return verb + " failed: the one host that was touched is back on what it ran before."
		}
		return fmt.Sprintf("%s failed: all %d hosts that were touched are back on what they ran before.", verb, count[rollout.Undone])
	case event.Mixed:
		return fmt.Sprintf("%s failed and the hosts are mixed: %s. A human is needed.", verb, tally(count))
	case event.Abort:
		if count[rollout.Done]+count[rollout.Undone] == 0 {
			return verb + " aborted before any change."
		}
		return fmt.Sprintf("%s aborted: %s.", verb, tally(count))
	case event.Refused:
		return verb + " stopped before any change."
	}
	return string(o)
}

// ended is the status of a host once the run is over: the turn of one that
// waits, or only holds the release, never came.
func ended(h rollout.Host) rollout.Status {
	switch h.Status {
	case rollout.Waiting, rollout.Staging, rollout.Staged:
		return rollout.Skipped
	}
	return h.Status
}

// wanted is the tag that all hosts of the plan were to run, "" where each had
// its own.
func wanted(p *plan.Plan) string {
	tag := p.Body.Release.Tag
	for i := range p.Body.Hosts {
		switch h := &p.Body.Hosts[i]; {
		case h.Action == plan.Unreachable, h.Action == plan.Refuse:
		case tag == "":
			tag = h.To.Tag
		case h.To.Tag != "" && h.To.Tag != tag:
			return ""
		}
	}
	return tag
}

func tally(count map[rollout.Status]int) string {
	var parts []string
	for _, st := range []rollout.Status{rollout.Done, rollout.Undone, rollout.Failed, rollout.Stuck, rollout.Unknown, rollout.Doing, rollout.Undoing, rollout.Kept, rollout.Skipped} {
		if n := count[st]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, st))
		}
	}
	return strings.Join(parts, ", ")
}

// runs is the tag of the release that a host runs, as far as is known.
func runs(p *plan.Plan, h rollout.Host) string {
	ph := p.Host(h.Name)
	if ph == nil {
		return ""
	}
	r := ph.From
	switch h.Status {
	case rollout.Done:
		r = ph.To
	case rollout.Undone:
		r = ph.Back
	case rollout.Unknown, rollout.Stuck:
		if h.Touched {
			return "?"
		}
	}
	switch {
	case r.ID == "":
		return "(none)"
	case r.Tag == "":
		return r.ID
	}
	return r.Tag
}

func lastStep(h rollout.Host) string {
	if h.Reason == "" {
		return ""
	}
	reason := alone(h.Reason, h.Name)
	if h.Step != "" && !strings.Contains(reason, h.Step) {
		return h.Step + ": " + reason
	}
	return reason
}

func statusColor(st rollout.Status) string {
	switch st {
	case rollout.Done:
		return green
	case rollout.Failed, rollout.Stuck, rollout.Unknown:
		return red
	case rollout.Undone:
		return yellow
	}
	return dim
}

func outcomeColor(o event.Outcome) string {
	switch o {
	case event.Done, event.Nothing:
		return green
	case event.RolledBack, event.Abort:
		return yellow
	}
	return red
}
