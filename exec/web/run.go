package web

import (
	"context"
	"fmt"
	"html/template"
	"net/http"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
)

// find is the run that a request names, where it is read, and its plan.
func (s *Server) find(r *http.Request) (run string, store journal.Store, p *plan.Plan, err error) {
	ctx := r.Context()
	run, store, err = s.o.Runs.Find(ctx, r.PathValue("run"))
	if err != nil {
		return "", nil, nil, err
	}
	data, err := store.Plan(ctx, run)
	if err != nil {
		return "", nil, nil, err
	}
	if p, err = plan.Decode(data); err != nil {
		return "", nil, nil, fmt.Errorf("cannot read the plan of run %s: %w", run, err)
	}
	return run, store, p, nil
}

// A recorded run is all that was read of one.
type recorded struct {
	run   string
	store journal.Store
	plan  *plan.Plan
	alive bool // somebody drove it when it was read
	*journal.Record
}

// reading waits for one of the places of those who read a whole journal, which
// done gives back.
func (s *Server) reading(ctx context.Context) (done func(), err error) {
	select {
	case s.heavy <- struct{}{}:
		return func() { <-s.heavy }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// load reads the whole run that a request names.
func (s *Server) load(r *http.Request) (*recorded, error) {
	ctx := r.Context()
	done, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	run, store, p, err := s.find(r)
	if err != nil {
		return nil, err
	}
	alive, _ := store.Alive(ctx, run) // before its last words are read
	rec, err := store.Load(ctx, run)
	if err != nil {
		return nil, err
	}
	if rec.Header.Plan != "" && rec.Header.Plan != p.Digest {
		return nil, fmt.Errorf("cannot trust the record of run %s: the plan beside it is another one", run)
	}
	return &recorded{run, store, p, alive, rec}, nil
}

// ofRun answers with a run that a request names, once it is read.
func (s *Server) ofRun(answer func(http.ResponseWriter, *http.Request, *recorded)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec, err := s.load(r)
		if err != nil {
			s.cannot(w, r, err)
			return
		}
		answer(w, r, rec)
	}
}

// A runFrame is what every page of a run has.
type runFrame struct {
	frame
	Run    string
	Header journal.Header
	Part   string // which page of the run it is
	Alive  bool   // somebody drives it now
	Ended  bool
	Last   int64 // number of the last event
}

func (s *Server) runFrame(r *http.Request, rec *recorded, part string) runFrame {
	f := runFrame{
		frame: s.frame(r, fmt.Sprintf("%s %s of %s", rec.Header.Kind, rec.run, rec.Header.Service), "runs"),
		Run:   rec.run, Header: rec.Header, Part: part,
	}
	f.Last = rec.Last
	if n := len(rec.Events); n > 0 {
		f.Ended = rec.Events[n-1].Type == event.RunFinished
	}
	f.Alive = rec.alive && !f.Ended
	return f
}

// drawnSection is a section as a page holds it: its own template has escaped
// what is in it.
type drawnSection struct {
	Name string
	HTML template.HTML
}

func drawn(sections []section) []drawnSection {
	var out []drawnSection
	for _, part := range sections {
		out = append(out, drawnSection{part.Name, template.HTML(part.HTML)}) //nolint:gosec // it was drawn by html/template
	}
	return out
}

// rowsOnPage is how many records a page begins with.
const rowsOnPage = 200

// runPage is a run as it stands.
func (s *Server) runPage(w http.ResponseWriter, r *http.Request, rec *recorded) {
	page := struct {
		runFrame
		Sections []drawnSection
		Rows     []row
		Told     string
		Older    int64
	}{runFrame: s.runFrame(r, rec, "run")}
	if !page.Ended {
		page.Refresh = 5
	}
	f, newest := foldOf(rec, rec.Last)
	v := viewer{deploys: page.Deploys}
	page.Sections = drawn(s.sections(f.scene(s.until(page.runFrame, newest), v), v, page.Alive, 0))
	page.Older = max(0, rec.Last-rowsOnPage)
	rows, err := rec.store.Events(r.Context(), rec.run, page.Older)
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	for _, e := range rows {
		if e.Seq <= rec.Last { // what came since, the stream brings
			page.Rows = append(page.Rows, rowOf(e))
		}
	}
	page.Told = toldOf(r, rec)
	s.page(w, http.StatusOK, "run", page)
}

// toldOf is what became of the wish whose number a request has, "" where it
// has none.
func toldOf(r *http.Request, rec *recorded) string {
	n := number(r.URL.Query().Get("told"))
	if n == 0 {
		return ""
	}
	return answerTo(rec.Events, n)
}
