package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/rollout"
)

// Resume goes on with a run whose process ended before the run did, or that a
// person stopped and left. past are its events so far, those that are printed lines left out; o is as for Apply, with
// the plan that the run began with, the run's id, and a journal that continues
// where past ends.
//
// The hosts are locked anew, which fences whatever of the old process may
// still be on its way, and looked at: each phase that was in flight is either
// found done or done again from its beginning, for every phase can be. Then
// the run goes on as ever. A host that cannot be reached counts as lost when
// its turn comes, and one that was in the middle as unknown.
//
// Errors are those of Apply. A *StaleError is hosts that somebody else changed
// since; then the run cannot be continued, and nothing was changed. A run that
// is over is no error: its Result says how it ended.
func Resume(ctx context.Context, o Options, past []event.Event) (Result, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := newRun(o)
	ahead, begun := rollout.New(o.Plan), false
	r.patience, r.seq = ownLease, o.Last
	for _, e := range past {
		r.roll.Apply(e)
		ahead.Apply(e)
		r.seq = max(r.seq, e.Seq)
		begun = begun || e.Type == event.RunStarted
	}
	ahead.Apply(event.Event{Type: event.RunResumed})
	switch {
	case !begun: // it ended before it had changed anything
		return r.from(ctx, r.prepare, func() []event.Event { return []event.Event{r.started()} })
	case !r.roll.Resumable():
		return Result{Outcome: r.roll.Outcome(), Started: true, Hosts: r.roll.Hosts()}, nil
	}
	r.ahead = ahead
	return r.from(ctx, r.prepare, r.found)
}

// ownLease is how long a lock that the run itself holds is waited for: if its
// process is gone, its lease has run out by then.
const ownLease = lock.Lease + 10*time.Second

// holdsItself tells whether a lock is held in the run's own name: by what is
// left of its process, or by one that is alive.
func (r *run) holdsItself(e *LockedError) bool {
	return slices.ContainsFunc(e.Hosts, func(h LockedHost) bool {
		var held *lock.HeldError
		return errors.As(h.Err, &held) && (held.Holder.Run == r.o.Run || held.Holder.Run == "")
	})
}

// verifyAgain compares what the hosts said under the lock with what the run
// left there.
func (r *run) verifyAgain() error {
	hasher := plan.NewHasher(r.o.Plan.SaltBytes())
	var stale StaleError
	for _, h := range r.ahead.Hosts() {
		m := r.byName[h.Name]
		if m == nil || m.lost != nil || m.lockOnly {
			continue
		}
		facts := m.facts()
		m.look(facts)
		m.again = h.Status == rollout.Cut
		if h.Status == rollout.Staged && r.ahead.Begun(h.Name) { // it is to be tried again, from wherever it went back to
			m.again, h.Status = true, rollout.Failed
		}
		is := hasher.Fingerprint(facts.HostKey, facts, m.plan.Sensitive())
		if diffs := left(m.plan, h, r.o.Run, facts, m.plan.Fingerprint.Diff(is)); len(diffs) > 0 {
			stale.Hosts = append(stale.Hosts, StaleHost{Name: h.Name, Diffs: diffs})
		}
	}
	if len(stale.Hosts) > 0 {
		return &stale
	}
	return nil
}

// left says in sentences how a host is not as the run left it; moved is how it
// differs from what the plan found.
func left(p *plan.Host, h rollout.Host, run string, facts plan.HostFacts, moved []string) []string {
	_, since := facts.LastOf(run)
	if len(since) > 0 {
		last := since[len(since)-1]
		return []string{fmt.Sprintf("run %s of %s changed it since", last.Run, last.By)}
	}
	may := []string{p.From.ID, p.To.ID, p.Back.ID}
	switch h.Status {
	case rollout.Cut:
		if diffs := edited(p, facts, moved); len(diffs) > 0 {
			return diffs
		}
	case rollout.Waiting, rollout.Staging, rollout.Staged, rollout.Kept, rollout.Skipped:
		return moved
	case rollout.Done:
		may = []string{p.To.ID}
	case rollout.Undone:
		may = []string{p.Back.ID}
	}
	if facts.HostKey != p.Fingerprint.HostKey {
		return moved
	}
	if facts.Odd != "" || !slices.Contains(may, facts.Live) {
		return []string{fmt.Sprintf("current is neither what it was nor what the run makes of it: %s", orNothing(facts.Live))}
	}
	return nil
}

// edited is what of moved is neither as the plan found it nor as the switch
// that was cut off leaves it: somebody's own work, which is not written over.
func edited(p *plan.Host, facts plan.HostFacts, moved []string) []string {
	return slices.DeleteFunc(slices.Clone(moved), func(diff string) bool {
		return !slices.ContainsFunc(p.Switch, func(s plan.Step) bool {
			if s.File == nil || !strings.HasPrefix(diff, s.File.Path+" ") {
				return false
			}
			f := facts.Files[s.File.Path]
			return s.Op == plan.OpFile && s.File.SHA256 != "" && f.SHA256 != s.File.SHA256 ||
				s.Op == plan.OpRestore && s.File.SHA256 != "" && f.Exists && f.SHA256 != s.File.SHA256
		})
	})
}

// look keeps the digest of each managed file as it was read under the lock.
func (m *member) look(facts plan.HostFacts) {
	m.raw = map[string]string{}
	for path, f := range facts.Files {
		m.raw[path] = f.SHA256
		if !f.Exists {
			m.raw[path] = "absent"
		}
	}
}

// found are the first events of a resumed run: that it is resumed, and what
// the hosts say of each phase that was in flight.
func (r *run) found() []event.Event {
	events := []event.Event{{
		Type: event.RunResumed, By: r.o.By,
		Text: fmt.Sprintf("%s of %s resumed by %s", r.body.Kind, r.body.Where(), r.o.By) + r.whatever(),
	}}
	for _, h := range r.ahead.Hosts() {
		m, phase := r.byName[h.Name], r.ahead.CutPhase(h.Name)
		if m == nil || phase == "" {
			continue
		}
		e := event.Event{Type: event.Note, Host: h.Name, Phase: phase}
		var last plan.Record
		if m.lost == nil {
			last, _ = m.facts().LastOf(r.o.Run)
		}
		switch {
		case m.lost != nil:
			e.Text = fmt.Sprintf("%s was interrupted in its %s and cannot be asked how far it came: %v", h.Name, phase, m.lost)
		case phase == event.Switch && last.State == "good", phase == event.Undo && last.State == "undone":
			e.Type, e.Text = event.HostDone, fmt.Sprintf(ends[phase], h.Name)+": it had ended when the run was interrupted"
		default:
			e.Text = fmt.Sprintf("%s was interrupted in its %s, which begins again", h.Name, phase)
		}
		events = append(events, e)
	}
	return events
}
