package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Finding is one thing about a host that whoever looks after it should
// know.
type Finding struct {
	Kind Drift  `json:"kind"`
	Text string `json:"text"`           // a sentence without the host's name
	Run  string `json:"run,omitempty"`  // the run it is about
	Path string `json:"path,omitempty"` // the file it is about
	Note bool   `json:"note,omitempty"` // no drift: the host is as shipit left it
}

// A Drift is a kind of finding. The words are part of the JSON of status.
type Drift string

// The kinds of findings. Locked, Ready and Beside are notes, the others are drift: the host
// is not as a run that ended well leaves it.
const (
	Away       Drift = "unreachable"     // nobody can say
	Odd        Drift = "odd_current"     // current is no link to a release
	Strange    Drift = "unknown_release" // current points to what shipit did not put there
	Incomplete Drift = "incomplete"      // what runs has lost its manifest
	Bad        Drift = "bad_release"     // what runs failed its checks
	Unfinished Drift = "unfinished_run"  // a run began here and did not end
	Drained    Drift = "open_drain"      // a run took the host out and did not put it back
	FileMoved  Drift = "changed_file"    // a managed file is not as the last good run left it
	FileUnread Drift = "unread_file"     // nobody can say
	OldProcess Drift = "old_process"     // the service started before its release was activated
	Down       Drift = "not_running"     // the unit is not active
	Stray      Drift = "stray"           // something in releases/ that shipit did not bring
	Beside     Drift = "beside"          // releases of the tool that was here before
	Locked     Drift = "locked"          // a run is at work here
	Ready      Drift = "staged"          // a release is here and has not run
)

// Findings are what h, asked about drift, says beside the release it runs.
// starts are the units whose main process a restart replaces.
func (h HostFacts) Findings(starts []string) []Finding {
	if h.Unreachable != "" {
		return []Finding{{Kind: Away, Text: "unreachable: " + h.Unreachable}}
	}
	var out []Finding
	tell := func(kind Drift, run, text string, args ...any) {
		out = append(out, Finding{Kind: kind, Run: run, Text: fmt.Sprintf(text, args...), Note: kind == Locked || kind == Ready || kind == Beside})
	}
	if l := h.Lock; l != nil && l.Alive {
		tell(Locked, l.Run, "%s", l.sentence())
	}
	unfinished := h.unfinished()
	switch live, known := h.named(h.Live); {
	case h.Odd != "":
		tell(Odd, "", "%s", h.Odd)
	case h.Live == "":
	case !known && h.Link != "" && h.verdict(h.Live) == good: // a rollback of ours took it there
	case !known && h.Elder.Tool() != "":
		tell(Strange, "", "%s was brought by %s, not by shipit", h.Live, h.Elder.Tool())
	case !known:
		tell(Strange, "", "current points to %s, which no run brought here", cmp.Or(h.Link, "releases/"+h.Live))
	case !h.Has(h.Live):
		tell(Incomplete, "", "%s has lost its manifest: nobody can say whether it is complete", live.Name())
	case h.Mark(h.Live) == "bad" && len(unfinished) == 0:
		tell(Bad, "", "%s failed or was undone when it last ran here", live.Name())
	}
	for _, u := range unfinished {
		tell(Unfinished, u.run, "run %s %s", u.run, u.what)
	}
	if d := h.Drained; d != nil && !h.atWork(d.Run) {
		tell(Drained, d.Run, "run %s took it out of service and did not put it back in", orUnknown(d.Run))
	}
	out = append(out, h.moved()...)
	for _, name := range slices.Sorted(maps.Keys(h.Units)) {
		if u := h.Units[name]; u.Load == "loaded" && u.Active != "active" && u.Active != "reloading" && h.Live != "" {
			tell(Down, "", "%s is %s", name, u.Active)
		}
	}
	if at, ok := h.Last(h.Live, "live"); ok && h.Live != "" && !h.atWork(at.Run) {
		for _, name := range starts {
			// A second for the rounding of both clocks.
			if u := h.Units[name]; u.Started > 0 && u.Started+1 < at.Time {
				tell(OldProcess, at.Run, "the process of %s is older than its release", name)
			}
		}
	}
	behind := h.leftBehind()
	if len(behind) > 0 {
		tell(Beside, "", "%s", h.beside(behind))
	}
	for _, name := range h.Strays {
		if name != h.Live && !slices.Contains(behind, name) {
			tell(Stray, "", "releases/%s was not brought by shipit", name)
		}
	}
	if r, ok := h.ready(); ok {
		tell(Ready, r.Run, "%s is staged", Release{ID: r.Release, Tag: r.Tag}.Name())
	}
	return out
}

// atWork tells whether run holds the host now: then what it left half done is
// no leftover.
func (h HostFacts) atWork(run string) bool {
	return h.Lock != nil && h.Lock.Alive && h.Lock.Run == run
}

// A leftover is what a run left that did not end here.
type leftover struct{ run, what string }

// unfinished are the runs that began something here and did not end it.
func (h HostFacts) unfinished() []leftover {
	var out []leftover
	add := func(run, what string) {
		if run == "" || h.atWork(run) || slices.ContainsFunc(out, func(l leftover) bool { return l.run == run }) {
			return
		}
		out = append(out, leftover{run, what})
	}
	if rec, ok := h.Unfinished(); ok {
		add(rec.Run, "began to take it to "+Release{ID: rec.Release, Tag: rec.Tag}.Name()+" and did not finish here")
	}
	if rec, ok := h.Last(h.Live, "live"); ok && h.verdict(h.Live) == unproven {
		add(rec.Run, "activated "+Release{ID: rec.Release, Tag: rec.Tag}.Name()+" and did not find it good")
	}
	if l := h.Lock; l != nil && !l.Alive {
		add(l.Run, "did not give its lock back")
	}
	for _, run := range slices.Sorted(slices.Values(h.Incoming)) {
		add(run, "was bringing a release and did not finish here")
	}
	return out
}

// moved are the managed files that are not as the last good run left them.
func (h HostFacts) moved() []Finding {
	run := ""
	for _, rec := range slices.Backward(h.History) {
		if rec.State == "good" {
			run = rec.Run
			break
		}
	}
	var out []Finding
	for _, path := range slices.Sorted(maps.Keys(h.Files)) {
		is := h.Files[path]
		left, ok := h.Saved[run][path]
		switch {
		case !ok || h.Lock != nil && h.Lock.Alive: // nobody knows; or a run is changing it
		case is.Problem != "" && is.Exists && is.SHA256 == "":
			out = append(out, Finding{Kind: FileUnread, Path: path, Text: is.Problem})
		case !same(is, left):
			out = append(out, Finding{Kind: FileMoved, Path: path, Run: run, Text: fmt.Sprintf("%s %s since run %s", path, difference(is, left), run)})
		}
	}
	return out
}

// difference says what became of a file.
func difference(is, was FileFact) string {
	switch {
	case !is.Exists:
		return "was removed"
	case !was.Exists:
		return "was made"
	}
	var what []string
	if is.SHA256 != was.SHA256 {
		what = append(what, "content changed")
	}
	if mode(is.Mode) != mode(was.Mode) {
		what = append(what, "mode "+is.Mode+", was "+was.Mode)
	}
	if is.Owner != was.Owner || is.Group != was.Group {
		what = append(what, "owner "+is.Owner+":"+is.Group+", was "+was.Owner+":"+was.Group)
	}
	return "(" + strings.Join(what, "; ") + ")"
}

// ready is the newest release that was staged after what runs was activated
// and has not run since.
func (h HostFacts) ready() (Record, bool) {
	for _, rec := range slices.Backward(h.History) {
		switch {
		case rec.Release == h.Live && rec.State != "staged":
			return Record{}, false
		case rec.State == "staged" && rec.Release != h.Live && h.Has(rec.Release) && h.verdict(rec.Release) == unheard:
			return rec, true
		}
	}
	return Record{}, false
}

func orUnknown(run string) string {
	if run == "" {
		return "(unknown)"
	}
	return run
}

// sentence says who holds the lock, and what for.
func (l *Holder) sentence() string {
	s := fmt.Sprintf("locked by %s, run %s", l.Owner, l.Run)
	if l.Hold {
		s = fmt.Sprintf("held by hand by %s until %s", l.Owner, time.Unix(l.Until, 0).UTC().Format("2006-01-02 15:04 UTC"))
	}
	if l.Global {
		s += ", the whole host"
	}
	if l.Reason != "" {
		s += ": " + l.Reason
	}
	if l.Waiting > 0 {
		s += fmt.Sprintf(" (%d waiting)", l.Waiting)
	}
	return s
}
