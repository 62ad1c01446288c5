package live

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/rollout"
	"shipit/exec/view"
	"shipit/lang"
	"shipit/lang/diag"
)

// Sentence says what is happening and until when.
func (s *State) Sentence(now time.Time) string {
	return diag.CleanLine(s.sentence(now))
}

func (s *State) sentence(now time.Time) string {
	flying := s.roll.InFlight()
	switch {
	case s.ended != nil:
		return view.Verdict(s.plan, s.roll.Hosts(), s.ended.Outcome)
	case !s.started:
		text := "Nothing is changed yet: the hosts are locked and looked at"
		if s.last.Text != "" {
			text += ": " + s.last.Text
		}
		return text
	case s.asked != nil:
		q, _, _ := strings.Cut(s.asked.Text, " (")
		return fmt.Sprintf("A question: %s Without an answer %s: %s.", q, by(s.asked.Until, now), s.asked.Safe)
	case s.roll.Aborted():
		return "Stopped by " + cmp.Or(s.stopped.By, "somebody") + ": no new host starts" + s.also(flying, now, "; what is in flight ends first: ")
	case s.roll.GoingBack():
		return s.goingBack(flying, now)
	case s.roll.Halted() != "":
		return "No new host starts, because " + s.roll.Halted() + s.also(flying, now, "; in flight: ")
	case s.roll.Paused() != "":
		return fmt.Sprintf("Paused by %s: no new host starts until somebody continues, and without that the run stops at %s (in %s).",
			s.roll.Paused(), clock(s.paused.Until), left(s.paused.Until.Sub(now))) + s.also(flying, now, " In flight: ")
	}
	return s.forward(flying, now)
}

// forward is the sentence of a run that nothing holds up.
func (s *State) forward(flying []rollout.Action, now time.Time) string {
	if text := s.gate(flying, now); text != "" {
		return text
	}
	if i := slices.IndexFunc(flying, func(a rollout.Action) bool { return a.Kind == rollout.RunHook }); i >= 0 {
		begun := s.waits[flying[i].Hook]
		return "Hook " + flying[i].Hook + " runs" + s.since(begun, now)
	}
	if len(flying) == 0 {
		return "Deciding what comes next"
	}
	switch phase := flying[0].Phase; phase {
	case event.Stage:
		have, need := s.staged()
		return fmt.Sprintf("Bringing the release to the hosts, nothing that runs is touched: %d of %d have it; %s", have, need, s.doing(flying, now))
	case event.Prune:
		return "Removing old releases: " + s.doing(flying, now)
	case event.After:
		if flying[0].Moment == "finish" {
			return "The last checks: " + s.doing(flying, now)
		}
		return "The checks of the batch: " + s.doing(flying, now)
	}
	b, i := s.roll.Position()
	text := ""
	if b >= 0 {
		text = "Batch " + s.plan.Body.Batches[b].Name
		if n := len(s.plan.Body.Batches[b].Slices); n > 1 {
			text += fmt.Sprintf(", slice %d of %d", i+1, n)
		}
		text += ": "
	}
	return text + s.doing(flying, now)
}

// gate is what the run waits for after a batch, "" where it does not.
func (s *State) gate(flying []rollout.Action, now time.Time) string {
	i := slices.IndexFunc(flying, func(a rollout.Action) bool { return a.Kind == rollout.OpenGate })
	if i < 0 {
		return ""
	}
	batch := s.plan.Body.Batches[flying[i].Batch]
	end := s.waits[batch.Name].Time.Add(batch.Soak.Std())
	if !end.After(now) {
		return "Waiting after batch " + batch.Name + ": the last of its checks end"
	}
	text := fmt.Sprintf("Waiting after batch %s: its checks must hold for %s more, until %s", batch.Name, left(end.Sub(now)), clock(end))
	if batch.Confirm {
		text += "; then somebody must confirm"
	}
	return text
}

// goingBack is the sentence of a rollback.
func (s *State) goingBack(flying []rollout.Action, now time.Time) string {
	undone, away := 0, 0
	for _, h := range s.roll.Hosts() {
		switch {
		case h.Status == rollout.Undone:
			undone++
		case h.Touched && h.Status != rollout.Kept:
			away++
		}
	}
	text := fmt.Sprintf("Going back: %d of %d hosts are back", undone, undone+away)
	if s.back.Text != "" {
		text += ", because " + strings.TrimPrefix(s.back.Text, "because ")
	}
	return text + s.also(flying, now, "; ")
}

// also is what is in flight, behind a text.
func (s *State) also(flying []rollout.Action, now time.Time, text string) string {
	if what := s.doing(flying, now); what != "" {
		return text + what
	}
	return ""
}

// few is how many hosts a sentence names.
const few = 2

// doing names the hosts in flight that have been at it longest, and what they
// are at.
func (s *State) doing(flying []rollout.Action, now time.Time) string {
	var hosts []*host
	for _, a := range flying {
		if a.Kind == rollout.RunPhase {
			hosts = append(hosts, s.hosts[a.Host])
		}
	}
	slices.SortStableFunc(hosts, func(a, b *host) int { return a.began.Time.Compare(b.began.Time) })
	var parts []string
	for i, h := range hosts {
		if i == few {
			parts = append(parts, fmt.Sprintf("and %d more", len(hosts)-few))
			break
		}
		parts = append(parts, h.plan.Name+": "+h.doing(now))
	}
	return strings.Join(parts, ", ")
}

// doing is what a host is at, since when, and until when at most.
func (h *host) doing(now time.Time) string {
	what, since := string(h.began.Phase), h.began.Time
	within := time.Duration(0)
	if h.step.Step != "" {
		what, since = view.Alone(h.step.Text, h.plan.Name), h.step.Time
		if what == "" {
			what = h.step.Step
		}
	}
	if step, ok := h.at(); ok {
		within = step.Within.Std()
	}
	if since.IsZero() {
		return what
	}
	text := what + " (" + left(now.Sub(since))
	if within > 0 {
		text += " of " + left(within)
	}
	return text + ")"
}

// since is how long ago something began.
func (s *State) since(e event.Event, now time.Time) string {
	if e.Time.IsZero() {
		return ""
	}
	return " (" + left(now.Sub(e.Time)) + ")"
}

// staged counts the hosts that have the release, and those that need it.
func (s *State) staged() (have, need int) {
	for _, h := range s.roll.Hosts() {
		if len(s.hosts[h.Name].plan.Stage) == 0 {
			continue
		}
		switch h.Status {
		case rollout.Kept, rollout.Skipped:
			continue
		case rollout.Waiting, rollout.Staging:
		default:
			have++
		}
		need++
	}
	return have, need
}

// left is a length of time in whole seconds: "3m12s".
func left(d time.Duration) string {
	return lang.Duration(max(0, d).Truncate(time.Second)).String()
}

// clock is an instant as people read it.
func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// by is a deadline: when it is, and how long that is from now.
func by(t, now time.Time) string {
	if t.IsZero() {
		return "in time"
	}
	return "until " + clock(t) + " (" + left(t.Sub(now)) + ")"
}
