package web

import (
	"fmt"
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
	Phase    string
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

// The measures of the picture.
const (
	wideLine  = 1000
	highLine  = 18
	mostLines = 1000
)

// timelinePage is when what was done on which host.
func (s *Server) timelinePage(w http.ResponseWriter, r *http.Request) {
	rec, err := s.load(r)
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	page := struct {
		runFrame
		Lines        []hostLine
		Marks        []mark
		High         int
		More         int
		Began, Ended time.Time
	}{runFrame: s.runFrame(r, rec, "timeline")}
	if n := len(rec.Events); n > 0 {
		page.Began, page.Ended = rec.Events[0].Time, rec.Events[n-1].Time
		if page.Alive != "" {
			page.Ended = s.o.Now()
		}
	}
	page.Lines = linesOf(rec.plan, rec.Events, page.Ended)
	if n := len(page.Lines); n > mostLines {
		page.Lines, page.More = page.Lines[:mostLines], n-mostLines
	}
	page.Marks = place(page.Lines, page.Began, page.Ended)
	page.High = highLine * len(page.Lines)
	s.page(w, http.StatusOK, "timeline", page)
}

// linesOf finds the spans in the events of a run.
func linesOf(p *plan.Plan, events []event.Event, end time.Time) []hostLine {
	at := map[string]int{}
	var lines []hostLine
	for i := range p.Body.Hosts {
		at[p.Body.Hosts[i].Name] = len(lines)
		lines = append(lines, hostLine{Host: diag.CleanLine(p.Body.Hosts[i].Name)})
	}
	begin := func(l *hostLine, e event.Event, what string, step bool) {
		l.Spans = append(l.Spans, span{What: diag.CleanLine(what), Phase: string(e.Phase), From: e.Time, Tone: "moving", steps: step})
	}
	close := func(l *hostLine, e event.Event, tone string, step bool) {
		for i := len(l.Spans) - 1; i >= 0; i-- {
			sp := &l.Spans[i]
			if sp.To.IsZero() && (sp.steps == step || !step) { // the end of a phase ends its steps
				sp.To, sp.Tone = e.Time, tone
			}
			if !sp.steps && !step || sp.steps == step {
				return
			}
		}
	}
	for _, e := range events {
		if e.Type == event.RunResumed { // what was in flight is begun again
			for i := range lines {
				close(&lines[i], e, "bad", false)
			}
		}
		i, known := at[e.Host]
		if !known {
			continue
		}
		l := &lines[i]
		switch e.Type {
		case event.HostStarted:
			begin(l, e, string(e.Phase), false)
		case event.StepStarted:
			begin(l, e, e.Step, true)
		case event.StepDone:
			close(l, e, "good", true)
		case event.StepFailed:
			close(l, e, "bad", true)
		case event.HostDone:
			close(l, e, "good", false)
		case event.HostFailed:
			close(l, e, "bad", false)
		}
	}
	var seen []hostLine
	for _, l := range lines {
		for i := range l.Spans {
			if l.Spans[i].To.IsZero() {
				l.Spans[i].To = end
			}
		}
		if len(l.Spans) > 0 {
			seen = append(seen, l)
		}
	}
	return seen
}

// A mark is an instant below the picture.
type mark struct {
	X    int
	Text string
}

// place gives spans their place in the picture.
func place(lines []hostLine, began, ended time.Time) []mark {
	all := max(ended.Sub(began), time.Millisecond)
	x := func(t time.Time) int { return int(float64(t.Sub(began)) / float64(all) * wideLine) }
	for i := range lines {
		lines[i].Y = i * highLine
		for j := range lines[i].Spans {
			sp := &lines[i].Spans[j]
			sp.X = x(sp.From)
			sp.Width = max(2, x(sp.To)-sp.X)
		}
	}
	var marks []mark
	for i := range 5 {
		d := all * time.Duration(i) / 4
		marks = append(marks, mark{i * wideLine / 4, fmt.Sprintf("+%s", view.Took(d))})
	}
	return marks
}
