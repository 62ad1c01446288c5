package trace

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"shipit/exec/event"
)

// A folder builds the spans of a run. Paths name spans: a parent's path and
// what tells a child from its sisters.
type folder struct {
	run   string
	spans []*Span           // nil where it was handed out
	open  map[string]int    // by path, the index of the span that is open there
	times map[string]int    // by path, how many were begun there
	back  string            // path of the rollback, "" before
	under map[string]string // by host, the path of its phase
	ended []int             // the spans to which nothing can be added any more
}

// begin is the folder of a run that had its locks at an instant.
func begin(r Run, above [8]byte, locked time.Time) *folder {
	f := &folder{run: r.Run, open: map[string]int{}, times: map[string]int{}, under: map[string]string{}}
	f.begin("", "", r.Kind+" "+r.Service, r.Began, attrs(
		"shipit.run", r.Run, "shipit.service", r.Service, "shipit.environment", r.Env, "shipit.release", r.Release, "shipit.kind", r.Kind, "shipit.by", r.By))
	f.spans[0].Parent = above
	f.begin("", "lock", "lock", r.Began, nil)
	f.end("/lock", locked, "")
	return f
}

// begin opens a span below the one at parent and returns its index.
func (f *folder) begin(parent, key, name string, at time.Time, a []Attr) int {
	path := parent + "/" + key
	if key == "" {
		path = ""
	}
	n := f.times[path]
	f.times[path]++
	s := Span{ID: spanID(f.run, path), Name: name, Start: at, Attrs: a}
	if n > 0 {
		s.ID = spanID(f.run, path+"#"+strconv.Itoa(n))
	}
	if path != "" {
		s.Parent = f.spans[f.open[parent]].ID
	}
	f.open[path] = len(f.spans)
	f.spans = append(f.spans, &s)
	return len(f.spans) - 1
}

// at ends a span.
func (f *folder) at(i int, end time.Time, problem string) {
	f.spans[i].End, f.spans[i].Err = end, problem
}

// end ends what is open at a path.
func (f *folder) end(path string, at time.Time, problem string) {
	if i, ok := f.open[path]; ok && path != "" {
		f.at(i, at, problem)
		f.ended = append(f.ended, i)
		delete(f.open, path)
	}
}

func (f *folder) fold(e event.Event) {
	switch e.Type {
	case event.RunFinished:
		problem := ""
		if e.Outcome != event.Done && e.Outcome != event.Nothing {
			problem = string(e.Outcome)
		}
		root := f.spans[0]
		root.End, root.Err = e.Time, problem
		f.say("shipit.outcome", string(e.Outcome))
	case event.RunResumed:
		f.cutOff(e.Time)
		f.say("shipit.resumed_by", e.By)
	case event.BatchStarted:
		f.begin("", sliceOf(e), "batch "+e.Batch, e.Time, attrs("shipit.batch", e.Batch, "shipit.slice", number(e.Slice)))
	case event.BatchDone:
		f.end("/"+sliceOf(e), e.Time, "")
	case event.GateOpened:
		f.begin("", "gate "+e.Batch, "wait after "+e.Batch, e.Time, attrs("shipit.batch", e.Batch))
	case event.GatePassed:
		f.end("/gate "+e.Batch, e.Time, "")
	case event.GateRefused:
		f.end("/gate "+e.Batch, e.Time, e.Text)
	case event.RollingBack:
		if f.back == "" {
			for path := range f.open {
				if strings.HasPrefix(path, "/batch ") && strings.Count(path, "/") == 1 {
					f.end(path, e.Time, e.Text)
				}
			}
			f.back = "/rollback"
			f.begin("", "rollback", "rollback", e.Time, attrs("shipit.reason", e.Text))
		}
	case event.HookStarted:
		f.begin("", "hook "+e.Step, e.Step, e.Time, attrs("shipit.step", e.Step, "shipit.host", e.Host, "code.location", e.At))
	case event.HookDone:
		f.end("/hook "+e.Step, e.Time, "")
	case event.HookFailed:
		f.end("/hook "+e.Step, e.Time, e.Text)
	case event.HostStarted, event.HostDone, event.HostFailed, event.StepStarted, event.StepDone, event.StepFailed:
		f.host(e)
	}
}

// say notes a fact about the run; the last word counts.
func (f *folder) say(key, value string) {
	root := f.spans[0]
	root.Attrs = append(slices.DeleteFunc(root.Attrs, func(a Attr) bool { return a.Key == key }), Attr{key, value})
}

// host folds what happens on one host. Its span begins with its first phase
// in a slice, and ends with its last.
func (f *folder) host(e event.Event) {
	phase := f.under[e.Host]
	switch e.Type {
	case event.HostStarted:
		above := f.above(e)
		host := above + "/host " + e.Host
		if _, ok := f.open[host]; !ok {
			f.begin(above, "host "+e.Host, e.Host, e.Time, attrs("shipit.host", e.Host))
		}
		f.begin(host, string(e.Phase), string(e.Phase), e.Time, attrs("shipit.host", e.Host, "shipit.phase", string(e.Phase)))
		f.under[e.Host] = host + "/" + string(e.Phase)
	case event.StepStarted:
		if phase != "" {
			f.begin(phase, "step "+e.Step, e.Step, e.Time, attrs("shipit.host", e.Host, "shipit.step", e.Step, "code.location", e.At))
		}
	case event.StepDone:
		f.end(phase+"/step "+e.Step, e.Time, "")
	case event.StepFailed:
		f.end(phase+"/step "+e.Step, e.Time, e.Text)
	case event.HostDone, event.HostFailed:
		if phase == "" {
			return
		}
		problem := ""
		if e.Type == event.HostFailed {
			problem = e.Text
			if e.Step != "" {
				f.end(phase+"/step "+e.Step, e.Time, e.Text)
			}
		}
		f.end(phase, e.Time, problem)
		delete(f.under, e.Host)
		if i, ok := f.open[parentOf(phase)]; ok {
			f.spans[i].End = e.Time // until another phase follows
			if problem != "" {
				f.spans[i].Err = problem
			}
		}
	}
}

// above is the path of what a phase of a host belongs to.
func (f *folder) above(e event.Event) string {
	if e.Phase == event.Undo && f.back != "" {
		return f.back
	}
	if _, ok := f.open["/"+sliceOf(e)]; ok && e.Batch != "" {
		return "/" + sliceOf(e)
	}
	return ""
}

// cutOff ends what was open when the run's process died.
func (f *folder) cutOff(at time.Time) {
	for i, s := range f.spans {
		if i > 0 && s != nil && s.End.IsZero() {
			f.at(i, at, "it was cut off")
		}
	}
	root := f.open[""]
	f.open, f.under, f.back = map[string]int{"": root}, map[string]string{}, ""
	f.spans[0].End = time.Time{}
}

func sliceOf(e event.Event) string { return "batch " + e.Batch + " " + number(e.Slice) }

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func parentOf(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[:i]
		}
	}
	return ""
}
