package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"shipit/exec/plan"
	"shipit/lang/diag"
)

// What is started from a page.
const (
	planWithin = 10 * time.Minute
	mostJobs   = 50 // that are remembered
	mostAtWork = 2  // planning at once
)

// A job is a plan that somebody asked for, and what became of it.
type job struct {
	ID      string
	Def     Definition
	Env     string
	Release string
	By      string
	Began   time.Time
	file    string // of the saved plan

	// What follows is guarded by jobs.mu.
	Over    bool
	Output  string // what the planner said
	Problem string
	Digest  string // of the plan, as it was saved
	Taken   bool   // somebody applies it, or did
	Run     string // that applies it
}

// jobs are the plans that were asked for since the server began. The newest
// are kept; runs that they led to are recorded like any others.
type jobs struct {
	mu   sync.Mutex
	all  []*job
	work chan struct{}
}

func (j *jobs) init() { j.work = make(chan struct{}, mostAtWork) }

// get is a copy of a job.
func (j *jobs) get(id string) (job, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := slices.IndexFunc(j.all, func(k *job) bool { return k.ID == id })
	if i < 0 {
		return job{}, false
	}
	return *j.all[i], true
}

// set changes a job.
func (j *jobs) set(id string, change func(*job)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if i := slices.IndexFunc(j.all, func(k *job) bool { return k.ID == id }); i >= 0 {
		change(j.all[i])
	}
}

// take says once for each job that it may be applied, and why it may not.
func (j *jobs) take(id, digest string) (job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := slices.IndexFunc(j.all, func(k *job) bool { return k.ID == id })
	switch {
	case i < 0:
		return job{}, errors.New("that plan is not kept any more; plan again")
	case !j.all[i].Over || j.all[i].Digest == "":
		return job{}, errors.New("that plan was not made")
	case j.all[i].Digest != digest:
		return job{}, errors.New("the plan is not the one that was shown; look at it again")
	case j.all[i].Taken:
		return job{}, errors.New("somebody applies that plan already")
	}
	j.all[i].Taken = true
	return *j.all[i], nil
}

func (j *jobs) add(k *job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all = append([]*job{k}, j.all...)
	for len(j.all) > mostJobs {
		last := j.all[len(j.all)-1]
		if last.Over {
			_ = os.Remove(last.file) // it cannot be applied any more
		}
		j.all = j.all[:len(j.all)-1]
	}
}

// list is copies of all, newest first.
func (j *jobs) list() []job {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []job
	for _, k := range j.all {
		out = append(out, *k)
	}
	return out
}

// startPage offers the definitions.
func (s *Server) startPage(w http.ResponseWriter, r *http.Request) {
	if s.o.Starts == nil {
		s.fail(w, r, http.StatusNotFound, "Nothing can be started from here: shipit serve --definitions DIR says what may be.")
		return
	}
	defs, err := s.o.Starts.List(r.Context())
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	s.page(w, http.StatusOK, "start", struct {
		frame
		Definitions []Definition
		Jobs        []job
	}{s.frame(r, "Deploy", "start"), defs, s.jobs.list()})
}

// startPlan begins to plan and shows where the plan will be.
func (s *Server) startPlan(w http.ResponseWriter, r *http.Request) {
	if s.o.Starts == nil {
		s.fail(w, r, http.StatusNotFound, "Nothing can be started from here.")
		return
	}
	defs, err := s.o.Starts.List(r.Context())
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	form := r.PostForm
	i := slices.IndexFunc(defs, func(d Definition) bool { return d.File == form.Get("definition") })
	if i < 0 {
		s.fail(w, r, http.StatusBadRequest, "There is no such definition here.")
		return
	}
	env := form.Get("environment")
	if !slices.Contains(defs[i].Environments, env) && (env != "" || len(defs[i].Environments) > 0) {
		s.fail(w, r, http.StatusBadRequest, fmt.Sprintf("%s has no environment %q.", defs[i].File, env))
		return
	}
	release := form.Get("release")
	if release != "" && (release[0] == '-' || diag.CleanLine(release) != release || len(release) > 200) {
		s.fail(w, r, http.StatusBadRequest, "That is no name of a release.")
		return
	}
	select {
	case s.jobs.work <- struct{}{}:
	default:
		s.fail(w, r, http.StatusServiceUnavailable, "Others are planning here at the moment; try again when they are done.")
		return
	}
	k := &job{ID: rand.Text(), Def: defs[i], Env: env, Release: release, By: who(r).name, Began: s.o.Now()}
	k.file = filepath.Join(s.o.Plans, k.ID+".shipit-plan.json")
	s.jobs.add(k)
	s.note(fmt.Sprintf("%s plans %s %s %s", k.By, k.Def.File, k.Env, k.Release))
	s.feeds.work.Go(func() { s.plan(*k) })
	http.Redirect(w, r, "/start/"+k.ID, http.StatusSeeOther)
}

// plan makes the plan of a job.
func (s *Server) plan(k job) {
	defer func() { <-s.jobs.work }()
	ctx, cancel := context.WithTimeout(s.feeds.ctx, planWithin)
	defer cancel()
	output, err := s.o.Starts.Plan(ctx, k.Def, k.Env, k.Release, k.file, k.By)
	digest := ""
	if err == nil {
		var plans []*plan.Plan
		if plans, err = k.plans(); err == nil {
			digest = plan.NewSet(plans...).Digest
		}
	}
	s.jobs.set(k.ID, func(j *job) {
		j.Over, j.Output, j.Digest = true, diag.Clean(output), digest
		if err != nil {
			j.Problem = diag.CleanLine(err.Error())
		}
	})
}

// plans are those that were saved, which must be the ones that were made.
func (k *job) plans() ([]*plan.Plan, error) {
	data, err := os.ReadFile(k.file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	set, err := plan.DecodeSet(data)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	case k.Digest != "" && set.Digest != k.Digest:
		return nil, errors.New("the saved plan is another one now; plan again")
	}
	return set.Plans, nil
}

// jobPage is a plan that was made here, with its digest and, for who may, the
// button that applies exactly that.
func (s *Server) jobPage(w http.ResponseWriter, r *http.Request) {
	k, ok := s.jobs.get(r.PathValue("job"))
	if !ok {
		s.fail(w, r, http.StatusNotFound, "That plan is not kept any more: the server was started again since, or many were made. Plan again.")
		return
	}
	page := struct {
		frame
		Job     job
		Plans   []planData
		Digest  string
		Applies bool // there is something to apply
	}{frame: s.frame(r, "Plan of "+k.Def.File, "start"), Job: k, Digest: k.Digest}
	if !k.Over || k.Taken && k.Run == "" && k.Problem == "" {
		page.Refresh = 2
	}
	if k.Digest != "" {
		plans, err := k.plans()
		if err != nil {
			s.cannot(w, r, err)
			return
		}
		page.Applies = !k.Taken
		changes, problems := false, false
		for _, p := range plans {
			page.Plans = append(page.Plans, planOf(p))
			changes = changes || p.Changes()
			problems = problems || len(p.Problems()) > 0
		}
		page.Applies = page.Applies && changes && !problems
	}
	s.page(w, http.StatusOK, "job", page)
}

// startApply applies the plan of a job: exactly that, and once.
func (s *Server) startApply(w http.ResponseWriter, r *http.Request) {
	if s.o.Starts == nil {
		s.fail(w, r, http.StatusNotFound, "Nothing can be started from here.")
		return
	}
	k, err := s.jobs.take(r.PathValue("job"), r.PostForm.Get("digest"))
	if err != nil {
		s.fail(w, r, http.StatusConflict, "Nothing was done: "+err.Error()+".")
		return
	}
	if _, err := k.plans(); err != nil {
		s.cannot(w, r, err)
		return
	}
	by := who(r).name
	s.note(fmt.Sprintf("%s applies plan %s of %s", by, short(k.Digest), k.Def.File))
	begun := make(chan string, 1)
	s.feeds.work.Go(func() { begun <- s.apply(k, by) })
	to := "/start/" + k.ID
	select {
	case run := <-begun:
		if run != "" {
			to = "/runs/" + run
		}
	case <-time.After(begunWithin): // it may be waiting for a lock; the page of the plan tells
	case <-r.Context().Done():
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// begunWithin is how long a browser is kept waiting for the run that it
// started.
const begunWithin = 5 * time.Second

// apply applies the plan of a job, and is the run.
func (s *Server) apply(k job, by string) string {
	run, output, err := s.o.Starts.Apply(s.feeds.ctx, k.Def, k.file, by)
	s.jobs.set(k.ID, func(j *job) {
		if j.Run = run; err != nil {
			j.Problem, j.Output = diag.CleanLine(err.Error()), diag.Clean(output)
		}
	})
	return run
}
