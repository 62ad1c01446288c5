package web

import (
	"net/http"
	"strconv"
	"time"

	"shipit/exec/plan"
	"shipit/exec/view/live"
	"shipit/lang/diag"
)

// The sections of a host's page, in its order.
var hostSectionNames = []string{"host-state", "host-actions", "host-error", "host-typed", "host-timeline", "host-checks"}

// A hostScene is what the sections of a host's page are drawn from.
type hostScene struct {
	live.HostSight
	Run      string
	From, To string // what it ran before, and what it shall run
	Picture  picture
	Checks   []hostCheck
	plan     *plan.Plan
}

// host takes what is to be told of one host.
func (f *fold) host(name string, now time.Time) hostScene {
	sight, _ := f.state.HostSight(name, now)
	c := hostScene{
		HostSight: sight, Run: f.run, plan: f.plan, Picture: f.times.host(name, now), Checks: f.checks.host(name),
	}
	if ph := f.plan.Host(name); ph != nil {
		c.From, c.To = releaseName(ph.From), releaseName(ph.To)
	}
	return c
}

// releaseName is what people call a release.
func releaseName(r plan.Release) string {
	if r.Tag != "" {
		return diag.CleanLine(r.Tag)
	}
	return diag.CleanLine(r.ID)
}

// hostSections draws the parts of a host's page.
func (s *Server) hostSections(c hostScene, v viewer, now bool, at int64) []section {
	data := struct {
		hostScene
		Deploys, Live bool
		At            int64    // the event up to which it is told, 0 where that is now
		Block         string   // file:line of what failed
		ByHand        []string // what a person types there, where the run could not take it back
	}{hostScene: c, Deploys: v.deploys, Live: now && !c.Finished, At: at, Block: c.Failure.At}
	if s.o.ByHand != nil && c.plan != nil {
		for _, line := range s.o.ByHand(c.plan, c.Told, c.Run) {
			data.ByHand = append(data.ByHand, diag.CleanLine(line))
		}
	}
	var out []section
	for _, name := range hostSectionNames {
		out = append(out, section{Name: name, HTML: draw("section-"+name, data)})
	}
	return out
}

// hostPage is one host of a run: how it stands, or stood after one of the
// run's events, when what was done there, what its checks said, and all that
// is recorded of it.
func (s *Server) hostPage(w http.ResponseWriter, r *http.Request, rec *recorded) {
	name := r.PathValue("host")
	if rec.plan.Host(name) == nil {
		s.fail(w, r, http.StatusNotFound, "Run "+rec.run+" has no host "+name+".")
		return
	}
	page := struct {
		runFrame
		logFound
		Name, Before, After string // the host and its neighbours
		Sections            []drawnSection
		At                  int64
		Follows             bool // what comes belongs to the rows
		Told                string
	}{runFrame: s.runFrame(r, rec, "host")}
	q := r.URL.Query()
	at := rec.Last
	if n, err := strconv.ParseInt(q.Get("at"), 10, 64); err == nil && n > 0 && n < at {
		at, page.At, page.Alive = n, n, false
	}
	f, newest := foldOf(rec, at)
	v := viewer{host: name, deploys: page.Deploys}
	c := f.scene(s.until(page.runFrame, newest), v)
	page.Name, page.Before, page.After = c.hosts[name].Name, c.hosts[name].Before, c.hosts[name].After
	page.Sections = drawn(s.sections(c, v, page.Alive, page.At))
	want := logWanted{Query: q.Get("q"), Host: name, Steps: true, From: number(q.Get("from")), UpTo: page.At}
	page.Follows = want.Query == "" && want.From == 0
	want.Newest = page.Follows
	found, err := s.search(r.Context(), rec, want)
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	page.logFound = found
	page.Told = toldOf(r, rec)
	if page.Title = name + " in " + page.Title; page.Alive {
		page.Refresh = 5
	}
	s.page(w, http.StatusOK, "host", page)
}
