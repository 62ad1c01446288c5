package web_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/sim"
	"shipit/exec/transport"
	"shipit/lang"
)

// A load is a run of the real engine on a fleet in memory whose hosts print
// all the time, recorded on the disk. In a bubble its time is virtual.
type load struct {
	testing.TB
	fleet *sim.Fleet
	plan  *plan.Plan
	dir   journal.Dir
	run   string
}

// linesASecond is what each host prints while it restarts.
const linesASecond = 20

// newLoad is a deploy to hosts that all restart at once, for so long.
func newLoad(t testing.TB, hosts int, long time.Duration) *load {
	t.Helper()
	var names []string
	for i := range hosts {
		names = append(names, fmt.Sprintf("rb%04d", i+1))
	}
	was := plan.Release{ID: "v1-111111111111", Tag: "v1", Commit: strings.Repeat("1", 40)}
	will := plan.Release{ID: "v2-222222222222", Tag: "v2", Commit: strings.Repeat("2", 40)}
	l := &load{TB: t, fleet: sim.New(names...), dir: journal.Dir(t.TempDir()), run: theRun}
	def := &lang.Definition{
		File: "restbase.hcl", Env: lang.Environment{Name: "production"},
		Service: lang.Service{
			Name:      "restbase",
			Release:   lang.ReleaseSpec{Repo: "https://git.example.org/restbase", Scheme: "v{n}", Keep: 3},
			Transport: lang.Transport{Spec: lang.Spec{Kind: "git"}, Path: "srv/restbase"},
			Batches:   []lang.Batch{{Name: "fleet", Size: lang.Size{N: hosts}}},
			Rollback:  lang.Rollback{Scope: "run", To: "last_good"},
			Lock:      lang.Lock{Scope: "service"},
		},
	}
	for _, name := range names {
		def.Targets = append(def.Targets, lang.Target{
			Host: lang.Host{Name: name, Address: name + ".example.org"},
			Restart: lang.Restart{
				Spec:   lang.Spec{Kind: "command", Attrs: map[string]any{"run": []any{"restbase", "restart"}}},
				Within: lang.Duration(time.Minute),
			},
		})
		h := l.fleet.Host(name)
		h.Takes["stage"], h.Takes["restart"] = 20*time.Millisecond, long
		h.Prints = map[string]int{"restart": linesASecond}
		h.Set(func(st *sim.State) {
			st.Releases, st.Live, st.Running, st.Started = []string{was.ID}, was.ID, was.ID, time.Now()
			st.History = []string{strings.Join([]string{"1", "before", "good", was.ID, "anna@desk", was.Tag, was.Commit}, "\t")}
		})
	}
	conns := exec.NewFleet(l.fleet)
	defer conns.Close()
	l.plan = plan.Make(plan.Inputs{
		Kind: plan.Deploy, Definition: def, Release: will, Version: "test", Salt: []byte("0123456789abcdef"),
		Facts: exec.Observe(context.Background(), conns, exec.Questions(def, "", plan.Deploy), nil),
	})
	return l
}

// begin records the run, so that readers can come before it starts.
func (l *load) begin() *journal.Journal {
	l.Helper()
	h := restbase
	h.Time = time.Now()
	j, _ := record(l.TB, l.dir, l.run, l.plan, h)
	return j
}

// apply does the run; it hears what people want of it as the command does.
func (l *load) apply(j *journal.Journal) event.Outcome {
	l.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	control, deaf := make(chan exec.Control), make(chan struct{})
	go func() {
		defer close(deaf)
		for seen := int64(0); ctx.Err() == nil; {
			wishes, err := l.dir.Intents(ctx, l.run, seen)
			if err != nil {
				l.Error(err)
				return
			}
			for _, i := range wishes {
				seen = i.N
				select {
				case control <- exec.Control{Do: exec.Wish(i.Do), By: i.By, Intent: i.N}:
				case <-ctx.Done():
				}
			}
			select {
			case <-time.After(journal.LookEvery):
			case <-ctx.Done():
			}
		}
	}()
	conns := exec.NewFleet(l.fleet)
	res, err := exec.Apply(context.Background(), exec.Options{
		Plan: l.plan, Fleet: conns, Journal: j, Run: l.run, By: "anna@desk", Reason: "load", Control: control, Deployer: machine{l.fleet},
	})
	conns.Close()
	cancel()
	<-deaf
	if err == nil {
		err = j.Close()
	}
	if err != nil {
		l.Error(err)
	}
	return res.Outcome
}

// recorded is how many events the journal holds, after its numbers were
// looked at, and what hosts printed: lines that it has and lines left out.
func (l *load) recorded() (events int64, lines, dropped int) {
	l.Helper()
	for e, err := range journal.All(context.Background(), l.dir, l.run, 0) {
		if err != nil {
			l.Fatal(err)
		}
		if events++; e.Seq != events {
			l.Fatalf("event %d has the number %d", events, e.Seq)
		}
		if e.Type == event.Output {
			if e.Dropped == 0 {
				lines++
			}
			dropped += e.Dropped
		}
	}
	return events, lines, dropped
}

// A machine is where the run is driven, with a transport that needs no
// repository.
type machine struct{ fleet *sim.Fleet }

func (m machine) Do(ctx context.Context, host string, phase event.Phase, s *plan.Step) error {
	return m.fleet.Do(ctx, host, string(phase), remote.Step{ID: s.ID, Op: string(s.Op)})
}

func (machine) Transport(string, map[string]any) (transport.Transport, error) { return nowhere{}, nil }

type nowhere struct{}

func (nowhere) Step(_ context.Context, d transport.Delivery) (remote.Step, io.Reader, int64, error) {
	return remote.Step{ID: "stage", Op: "stage", Args: map[string]string{
		"path": d.Path, "release": d.Release.ID, "tag": d.Release.Tag, "commit": d.Release.Commit,
	}}, nil, 0, nil
}
