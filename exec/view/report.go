package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/lang/diag"
)

// Report prints what every host runs now and how the run ended: the table
// that each way out of a run shows.
func Report(w io.Writer, p *plan.Plan, hosts []rollout.Host, o event.Outcome, s Style) {
	fmt.Fprintln(w)
	if len(hosts) > 0 {
		over := slices.Clone(hosts)
		for i, h := range over {
			over[i].Status = ended(h)
		}
		reportTable(w, p, over, s)
		leftOut(w, p, hosts, s)
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, s.paint(outcomeColor(o), Verdict(p, hosts, o)))
}

// reportTable prints the hosts of a run.
func reportTable(w io.Writer, p *plan.Plan, hosts []rollout.Host, s Style) {
	table(w, reportRows(p, hosts), func(row, col int, cell string) string {
		switch {
		case row == 0:
			return s.paint(dim, cell)
		case col == 1:
			return s.paint(statusColor(rollout.Status(cell)), cell)
		}
		return cell
	})
}

// many is from how many hosts on those that are done and say the same share a
// row.
const many = 12

// reportRows are the hosts that were touched, one a row unless they are many,
// and then the others, those that say the same in one row.
func reportRows(p *plan.Plan, hosts []rollout.Host) [][]string {
	type said struct{ status, release, last string }
	type row struct {
		said
		names       []string
		least, most time.Duration
	}
	var touched, rest []*row
	shared := map[said]*row{}
	for _, h := range hosts {
		what := said{string(h.Status), runs(p, h), Why(h)}
		r := shared[what]
		if r == nil || h.Touched && (h.Status != rollout.Done || len(hosts) < many) {
			r = &row{said: what, least: h.Took}
			if h.Touched {
				touched = append(touched, r)
			} else {
				rest = append(rest, r)
			}
			if !h.Touched || h.Status == rollout.Done {
				shared[what] = r
			}
		}
		r.names = append(r.names, h.Name)
		r.least, r.most = min(r.least, h.Took), max(r.most, h.Took)
	}
	rows := [][]string{{"HOST", "RESULT", "RELEASE", "TIME", "LAST STEP"}}
	for _, r := range append(touched, rest...) {
		time := ""
		if r.most > 0 {
			if time = Took(r.most); Took(r.least) != time {
				time = Took(r.least) + " to " + time
			}
		}
		rows = append(rows, []string{hostNames(r.names), r.status, r.release, time, r.last})
	}
	return rows
}

// leftOut says which hosts may be out of service, and what puts them back.
func leftOut(w io.Writer, p *plan.Plan, hosts []rollout.Host, s Style) {
	var names []string
	back := ""
	for _, h := range hosts {
		ph := p.Host(h.Name)
		if ph == nil || !h.Drained || !slices.ContainsFunc(ph.Switch, isDrain) {
			continue
		}
		names = append(names, h.Name)
		for _, step := range ph.Switch {
			if step.Op == plan.OpUndrain && back == "" {
				back = step.Text
			}
		}
	}
	if len(names) == 0 {
		return
	}
	text := fmt.Sprintf("Out of service, as far as is known: %s. shipit puts no host back whose checks did not pass; once one is well, on it: %s",
		hostNames(names), diag.CleanLine(strings.TrimPrefix(back, "undrain: ")))
	fmt.Fprintln(w)
	for _, line := range wrap(text, s.width()) {
		fmt.Fprintln(w, line)
	}
}

func isDrain(s plan.Step) bool { return s.Op == plan.OpDrain }

// Verdict is the one sentence that says what runs now.
func Verdict(p *plan.Plan, hosts []rollout.Host, o event.Outcome) string {
	count, left := map[rollout.Status]int{}, 0
	for _, h := range hosts {
		count[ended(h)]++
		if h.Left {
			left++
		}
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
		where := "what they ran before"
		if slices.ContainsFunc(hosts, func(h rollout.Host) bool {
			ph := p.Host(h.Name)
			return h.Status == rollout.Undone && ph != nil && ph.Back.ID != ph.From.ID
		}) {
			where = "the last good release of each"
		}
		if count[rollout.Undone] == 1 {
			return verb + " failed: the one host that was touched is back on " + strings.NewReplacer("they", "it", " of each", "").Replace(where) + "."
		}
		return fmt.Sprintf("%s failed: all %d hosts that were touched are back on %s.", verb, count[rollout.Undone], where)
	case event.Mixed:
		if left > 0 && left+count[rollout.Done]+count[rollout.Kept] == len(hosts) {
			return fmt.Sprintf("%s incomplete: %s runs on %s; %s left out by hand.", verb, what, plural(count[rollout.Done]+count[rollout.Kept], "host"), plural(left, "host"))
		}
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

// runs is the tag of the release that a host was seen to run, and "?" where
// nobody can say.
func runs(p *plan.Plan, h rollout.Host) string {
	ph := p.Host(h.Name)
	if ph == nil || !known(ph, h) {
		return "?"
	}
	r := ph.From
	switch h.Status {
	case rollout.Done:
		r = ph.To
	case rollout.Undone:
		r = ph.Back
	}
	switch {
	case r.ID == "":
		return "(none)"
	case r.Tag == "":
		return r.ID
	}
	return r.Tag
}

// known tells whether it was seen what a host runs: nobody asked one that was
// left out, one that failed is in between, and what another run or a person
// did to one since, only that one can say.
func known(ph *plan.Host, h rollout.Host) bool {
	switch h.Status {
	case rollout.Done, rollout.Undone:
		return !h.Fenced
	case rollout.Doing, rollout.Undoing, rollout.Cut, rollout.Stuck, rollout.Unknown:
		return false
	}
	asked := ph.Fingerprint.HostKey != ""
	return asked && !h.Touched && !h.Fenced && h.Cause != event.Stale && h.Cause != event.Fenced
}

// Why is the step at which a host failed and what it said, "" where it did not.
func Why(h rollout.Host) string {
	if h.Reason == "" {
		return ""
	}
	reason := Alone(h.Reason, h.Name)
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
