package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/lang"
	"shipit/lang/diag"
)

// places is where runs are recorded: a directory of this machine, always, and
// a Redis that machines share, where one was named.
type places struct {
	dir    journal.Dir
	shared *journal.Redis // or nil
	w      *world
	warned bool
	left   map[string]leftOf // by run, what rowOf learned
	stop   func()            // gives the signals back that openPlaces took, or nil
}

// chosenState is what the command line or the environment says of the place.
func (w *world) chosenState() string { return cmp.Or(w.state, w.getenv("SHIPIT_STATE")) }

// stateDir is where runs are recorded, by the XDG convention unless somebody
// named a directory.
func (w *world) stateDir() string {
	dir := w.chosenState()
	if isDefinition(dir) {
		if spec, err := stateOf(dir); err == nil && spec.Kind == "file" {
			dir = spec.Text("path")
		} else {
			dir = ""
		}
	}
	if dir != "" && !isURL(dir) {
		return w.expand(dir)
	}
	return filepath.Join(w.xdg("XDG_STATE_HOME", ".local/state"), "shipit", "runs")
}

// isDefinition tells whether the place is named by a definition, whose state
// block says it.
func isDefinition(text string) bool {
	s, err := os.Stat(text)
	return err == nil && s.Mode().IsRegular() && strings.HasSuffix(text, ".hcl")
}

// stateOf is the state block of a definition, which it must have.
func stateOf(file string) (*lang.Spec, error) {
	s, _, err := parse(file, "")
	if err != nil {
		return nil, err
	}
	if s.broken {
		return nil, fmt.Errorf("cannot read where %s has runs recorded; shipit validate %s says what is wrong with it", file, file)
	}
	spec := s.cfg.State()
	if spec == nil {
		return nil, fmt.Errorf("no valid state block of %s says where its runs are recorded; leave out --state to look in the usual place, or see shipit validate %s", file, file)
	}
	return spec, nil
}

func isURL(text string) bool { return strings.Contains(text, "://") }

// expand is an absolute path; ~/ is the home.
func (w *world) expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(w.home(), rest)
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// openPlaces is what a command about recorded runs begins with: the context
// that an interrupt ends, and where runs are recorded. To close the places
// gives the signals back, too.
func (w *world) openPlaces() (context.Context, *places, error) {
	ctx, stop := w.interruptible()
	p, err := w.places(nil)
	if err != nil {
		stop()
		return nil, nil, err
	}
	p.stop = stop
	return ctx, p, nil
}

// places are those that the command line names, or the environment, or else
// the definition's state block, which may be nil.
func (w *world) places(spec *lang.Spec) (*places, error) {
	p := &places{dir: journal.Dir(w.stateDir()), w: w}
	chosen, prefix := w.chosenState(), ""
	if isDefinition(chosen) {
		var err error
		if spec, err = stateOf(chosen); err != nil {
			return nil, err
		}
		chosen = ""
	}
	if chosen == "" && spec != nil {
		switch {
		case spec.Kind == "file" && spec.Text("path") != "":
			p.dir = journal.Dir(w.expand(spec.Text("path")))
		case spec.Text("url") != "":
			chosen, prefix = spec.Text("url"), spec.Text("key")
		case spec.Text("url_file") != "":
			data, err := os.ReadFile(w.expand(spec.Text("url_file")))
			if err != nil {
				return nil, fmt.Errorf("%s: cannot read the URL of the Redis: %w", spec.Range, err)
			}
			chosen, prefix = strings.TrimSpace(string(data)), spec.Text("key")
			if !isURL(chosen) {
				return nil, fmt.Errorf("%s: there is no URL of a Redis in %s", spec.Range, spec.Text("url_file"))
			}
		}
	}
	if err := p.dir.Check(w.behindSudo()...); err != nil {
		return nil, err
	}
	if isURL(chosen) {
		var err error
		if p.shared, err = journal.OpenRedis(chosen, prefix); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// behindSudo is who typed sudo, if somebody did: he decides anyway what root
// does here.
func (w *world) behindSudo() []int {
	uid, err := strconv.Atoi(w.getenv("SUDO_UID"))
	if err != nil || os.Geteuid() != 0 {
		return nil
	}
	return []int{uid}
}

// String is where they are, for people.
func (p *places) String() string {
	if p.shared != nil {
		return fmt.Sprintf("%s or Redis %s", p.dir, p.shared)
	}
	return string(p.dir)
}

func (p *places) close() {
	if p.shared != nil {
		_ = p.shared.Close()
	}
	if p.stop != nil {
		p.stop()
	}
}

// catchUpFor is how long a command that only reads tries to send what earlier
// ones could not.
const catchUpFor = 2 * time.Second

// catchUp sends what earlier commands could not. That it cannot either, a
// reader hears of when it reads, and a run from its mirror.
func (p *places) catchUp(ctx context.Context) {
	if p.shared != nil {
		ctx, cancel := context.WithTimeout(ctx, catchUpFor)
		defer cancel()
		_ = p.shared.CatchUp(ctx, string(p.dir))
	}
}

// mirror copies the run's journal into the Redis, where there is one, until
// the returned func is called.
func (p *places) mirror(j *journal.Journal) func() {
	if p.shared == nil {
		return func() {}
	}
	m := p.shared.Mirror(j.Path(), p.w.by(), func(text string) {
		fmt.Fprintf(p.w.stderr, "warning: %s\n", diag.CleanLine(text))
	})
	return func() {
		m.Close()
		p.catchUp(context.Background())
	}
}

// warn says once that the Redis cannot be asked; this machine's runs are known
// all the same.
func (p *places) warn(err error) {
	if !p.warned {
		p.warned = true
		fmt.Fprintf(p.w.stderr, "warning: %s; only the runs of this machine are known\n", diag.CleanLine(err.Error()))
	}
}

// list is the runs of this machine and of those that share the Redis.
func (p *places) list(ctx context.Context) ([]journal.Summary, error) {
	here, err := p.dir.List(ctx)
	if err != nil || p.shared == nil {
		return here, err
	}
	p.catchUp(ctx)
	shared, err := p.shared.List(ctx)
	if err != nil {
		p.warn(err)
	}
	return journal.Merge(here, shared), nil
}

// find is a run's id and the place that knows most of it.
func (p *places) find(ctx context.Context, id string) (string, journal.Store, error) {
	run, err := p.dir.Find(ctx, id)
	if p.shared == nil {
		return run, p.dir, err
	}
	if err != nil && !errors.As(err, new(*journal.NoRunError)) {
		return "", nil, err
	}
	other, problem := p.shared.Find(ctx, id)
	switch {
	case errors.As(problem, new(*journal.NoRunError)):
		return run, p.dir, err
	case problem != nil:
		p.warn(problem)
		return run, p.dir, err
	case err != nil:
		return other, p.shared, nil
	case other != run:
		return "", nil, fmt.Errorf("cannot tell which run %s is: %s and %s begin so", id, run, other)
	}
	mine := p.dir.Summary(run)
	if mine.Problem != "" {
		return run, p.dir, nil // reading says what is wrong
	}
	if more, err := p.shared.Events(ctx, run, int64(mine.Events)); err == nil && len(more) > 0 {
		return run, p.shared, nil
	}
	return run, p.dir, nil
}

// aliveAnywhere tells whether a run is known to be driven now, from wherever. Of
// a run that was driven from here, the kernel knows more than the Redis.
func (p *places) aliveAnywhere(ctx context.Context, run string) (bool, error) {
	alive, err := p.dir.Alive(ctx, run)
	if alive || err != nil || p.shared == nil {
		return alive, err
	}
	who, err := p.shared.Driver(ctx, run)
	if err != nil {
		p.warn(err)
		return false, nil
	}
	if _, known := os.Stat(p.dir.Path(run)); known == nil && who == p.w.by() {
		return false, nil
	}
	return who != "", nil
}

// bring makes the record of a run that another machine began, and that nobody
// drives, this machine's.
func (p *places) bring(ctx context.Context, r *recorded) (*recorded, error) {
	if r.store != journal.Store(p.shared) || p.shared == nil {
		return r, nil
	}
	if _, err := p.shared.Bring(ctx, r.id(), string(p.dir)); err != nil {
		return nil, err
	}
	fmt.Fprintf(p.w.stderr, "The record of the run by %s was brought here from Redis %s.\n", diag.CleanLine(r.Driver()), p.shared)
	return p.w.load(ctx, r.id(), p.dir)
}

// steered hands what others want of a run to the process that drives it, until
// the returned func is called. What was wanted of an earlier process is over;
// of a run that begins there was none.
func (p *places) steered(run string, begins bool) (<-chan exec.Control, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan exec.Control)
	over := make(chan struct{})
	var stores []journal.Store
	stores = append(stores, p.dir)
	if p.shared != nil {
		stores = append(stores, p.shared)
	}
	for _, s := range stores {
		go func() {
			p.listen(ctx, s, run, begins, out)
			over <- struct{}{}
		}()
	}
	return out, func() {
		cancel()
		for range stores {
			<-over
		}
	}
}

// listen hands on the intents of one place. Known says that those which are
// there already are for this process.
func (p *places) listen(ctx context.Context, s journal.Store, run string, known bool, out chan<- exec.Control) {
	seen, every := int64(0), followEvery
	if s == journal.Store(p.dir) {
		every = journal.LookEvery
	}
	for ; ctx.Err() == nil; wait(ctx, every) {
		all, err := s.Intents(ctx, run, seen)
		if err != nil {
			if s == journal.Store(p.dir) { // steering is lost, and the run goes on
				fmt.Fprintf(p.w.stderr, "shipit: %v; nobody else can steer this run any more\n", err)
				return
			}
			continue // the mirror says what is wrong with the Redis
		}
		for _, i := range all {
			if seen = i.N; !known {
				continue
			}
			select {
			case out <- exec.Control{Do: exec.Wish(i.Do), By: i.By, Choice: i.Choice, Batch: i.Batch, Host: i.Host, Intent: i.N}:
			case <-ctx.Done():
				return
			}
		}
		known = true
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// finished tells whether the last event ends the run.
func finished(events []event.Event) bool {
	return len(events) > 0 && events[len(events)-1].Type == event.RunFinished
}
