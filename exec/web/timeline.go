package web

import (
	"net/http"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/view"
	"shipit/lang/diag"
)

// A span is a phase or a step of a host, from when to when.
type span struct {
	What     string
	From, To time.Time
	Tone     string // good, bad, or moving where it has no end
	X, Width int    // on a line of wideLine parts
	steps    bool   // it is a step within a phase
}

// Step tells a step from a phase.
func (s span) Step() bool { return s.steps }

// Took is how long it was.
func (s span) Took() string { return view.Took(s.To.Sub(s.From)) }

// A hostLine is what happened on a host, in order.
type hostLine struct {
	Host  string
	Y     int
	Spans []span
}

// mostSpans is how many spans of a host are kept at least.
const mostSpans = 200

// A timeline is when what was done on which host.
type timeline struct {
	at    map[string]int
	lines []hostLine // in the plan's order
	began time.Time  // of the first event
}

func newTimeline(p *plan.Plan) *timeline {
	t := &timeline{at: map[string]int{}}
	for i := range p.Body.Hosts {
		t.at[p.Body.Hosts[i].Name] = len(t.lines)
		t.lines = append(t.lines, hostLine{Host: diag.CleanLine(p.Body.Hosts[i].Name)})
	}
	return t
}

// take takes in what happened.
func (t *timeline) take(e event.Event) {
	if t.began.IsZero() {
		t.began = e.Time
	}
	if e.Type == event.RunResumed { // what was in flight is begun again
		for i := range t.lines {
			t.lines[i].end(e, "bad", false)
		}
	}
	i, known := t.at[e.Host]
	if !known {
		return
	}
	l := &t.lines[i]
	switch e.Type {
	case event.HostStarted:
		l.begin(e, string(e.Phase), false)
	case event.StepStarted:
		l.begin(e, e.Step, true)
	case event.StepDone:
		l.end(e, "good", true)
	case event.StepFailed:
		l.end(e, "bad", true)
	case event.HostDone:
		l.end(e, "good", false)
	case event.HostFailed:
		l.end(e, "bad", false)
	}
}

func (l *hostLine) begin(e event.Event, what string, step bool) {
	if len(l.Spans) >= 2*mostSpans {
		l.Spans = l.Spans[:copy(l.Spans, l.Spans[len(l.Spans)-mostSpans:])]
	}
	l.Spans = append(l.Spans, span{What: diag.CleanLine(what), From: e.Time, Tone: "moving", steps: step})
}

// end closes the last phase, and its steps with it, or the last step.
func (l *hostLine) end(e event.Event, tone string, step bool) {
	for i := len(l.Spans) - 1; i >= 0; i-- {
		sp := &l.Spans[i]
		if sp.To.IsZero() && (sp.steps == step || !step) {
			sp.To, sp.Tone = e.Time, tone
		}
		if sp.steps == step {
			return
		}
	}
}

// timelinePage is when what was done on which host.
func (s *Server) timelinePage(w http.ResponseWriter, r *http.Request, rec *recorded) {
	page := struct {
		runFrame
		Picture picture
	}{runFrame: s.runFrame(r, rec, "timeline")}
	f, newest := foldOf(rec, rec.Last)
	page.Picture = f.times.draw(f.times.lines, s.until(page.runFrame, newest))
	s.page(w, http.StatusOK, "timeline", page)
}

// until is the instant up to which a page tells of a run.
func (s *Server) until(f runFrame, newest event.Event) time.Time {
	if f.Alive {
		return s.o.Now()
	}
	return newest.Time
}
