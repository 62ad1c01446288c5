// Package web shows runs in a browser and hands on what people want of them.
//
// It is one more reader of journals and sender of intents: it holds no state
// of a run that its events do not give, no reader can slow a run, and a run
// goes on when the server ends. Pages are drawn on the server from the same
// fold as the screen of a terminal and can be read without scripts; a script
// keeps them up to date by server-sent events, which are resumed by the number
// of the last event that was seen.
package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/exec/view"
)

// Runs is where runs are recorded. It is used by several goroutines at once.
type Runs interface {
	// List is the rows that a filter leaves, newest first, at most most, and
	// how many more there are.
	List(ctx context.Context, f Filter, most int) (rows []view.Run, more int, err error)
	// Find is a run's whole id and the place that knows most of it.
	Find(ctx context.Context, id string) (string, journal.Store, error)
	// Steer is the place where the process that drives a run hears of wishes;
	// an error where nobody drives it.
	Steer(ctx context.Context, run string) (journal.Store, error)
}

// A Filter chooses runs by patterns in which * stands for anything; "" is all.
type Filter struct{ Service, Env, User, Outcome, Release string }

// Starts is what can be started from here.
type Starts interface {
	// List is the definitions that are offered.
	List(ctx context.Context) ([]Definition, error)
	// Plan makes a plan of one of them, saves it in file, and returns what the
	// planner said.
	Plan(ctx context.Context, d Definition, env, release, file, by string) (output string, err error)
	// Apply begins a run of the saved plan, for whom, in a process that goes on
	// by itself, and returns its id; and where there is none, what was said.
	Apply(ctx context.Context, d Definition, file, by string) (run, output string, err error)
}

// A Definition is one that can be planned.
type Definition struct {
	File         string // as people know it
	Path         string // where it is
	From, Commit string // the repository and its commit that it was read from, "" of a directory
	Services     []string
	Environments []string
}

// Options are what a Server needs.
type Options struct {
	Runs    Runs
	Starts  Starts // nil: nothing can be started from here
	Access  Access
	Plans   string // the directory of plans that were made here
	Version string
	Now     func() time.Time
	Log     func(string) // hears of what people do and what goes wrong; a line
	// ByHand is what a person types on a host that its run could not take back;
	// nil where nobody can say it.
	ByHand func(p *plan.Plan, h rollout.Host, run string) []string
	// More are further handlers below the same guard, by pattern: "GET /metrics".
	More map[string]http.Handler
}

// A Server answers the requests of browsers.
type Server struct {
	o       Options
	feeds   feeds
	jobs    jobs
	keep    int           // how many records of a run are kept for readers
	streams chan struct{} // a place for each stream that is open
	heavy   chan struct{} // a place for each request that reads a whole journal
	handler http.Handler
}

// Bounds on what one server does at a time.
const (
	mostStreams = 256
	mostHeavy   = 4
)

// New makes a server. Close ends what it follows.
func New(o Options) (*Server, error) {
	if err := o.Access.check(); err != nil {
		return nil, err
	}
	if o.Starts != nil && o.Plans == "" {
		return nil, errors.New("internal error: no directory for plans")
	}
	s := &Server{o: o, keep: mostKept, streams: make(chan struct{}, mostStreams), heavy: make(chan struct{}, mostHeavy)}
	s.feeds.init(s)
	s.jobs.init()
	s.handler = s.guarded(s.routes())
	return s, nil
}

// Close ends all streams, so that the server of the listener can end.
func (s *Server) Close() { s.feeds.close() }

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// routes is which handler answers what. All of them are behind the guard.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.listPage)
	mux.HandleFunc("GET /runs/{run}", s.ofRun(s.runPage))
	mux.HandleFunc("GET /runs/{run}/hosts/{host}", s.ofRun(s.hostPage))
	mux.HandleFunc("GET /runs/{run}/events", s.stream)
	mux.HandleFunc("GET /runs/{run}/replay", s.ofRun(s.replayPage))
	mux.HandleFunc("GET /runs/{run}/times", s.ofRun(s.times))
	mux.HandleFunc("GET /runs/{run}/log", s.ofRun(s.logPage))
	mux.HandleFunc("GET /runs/{run}/log.jsonl", s.ofRun(s.logFile))
	mux.HandleFunc("GET /runs/{run}/timeline", s.ofRun(s.timelinePage))
	mux.HandleFunc("GET /runs/{run}/plan", s.ofRun(s.planPage))
	mux.HandleFunc("GET /start", s.startPage)
	mux.HandleFunc("GET /start/{job}", s.jobPage)
	mux.HandleFunc("GET /assets/{file}", s.asset)
	for path, do := range s.changes() {
		mux.HandleFunc("POST "+path, s.deployers(do))
	}
	for pattern, h := range s.o.More {
		mux.Handle(pattern, h)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, http.StatusNotFound, "There is no such page.")
	})
	return mux
}

// changes are the requests that change something, by path: all there are, so
// that none of them is open to who may only look.
func (s *Server) changes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"/runs/{run}/act":    s.act,
		"/start":             s.startPlan,
		"/start/{job}/apply": s.startApply,
	}
}

// forPrograms tells whether a request is for one of the further handlers.
func (s *Server) forPrograms(r *http.Request) bool {
	_, ok := s.o.More[r.Method+" "+r.URL.Path]
	return ok
}
