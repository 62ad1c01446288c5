package metrics

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
)

// recorded is runs in memory.
type recorded struct {
	list   []journal.Summary
	events map[string][]event.Event
	err    error
	reads  int
}

func (r *recorded) List(context.Context) ([]journal.Summary, error) { return r.list, r.err }

func (r *recorded) Load(_ context.Context, run string) (*journal.Record, error) {
	r.reads++
	return &journal.Record{Events: r.events[run]}, nil
}

func at(seconds int) time.Time { return time.Unix(1_700_000_000+int64(seconds), 0) }

func summary(run, service string, from, to, events int, o event.Outcome) journal.Summary {
	return journal.Summary{
		Run: run, Events: events, Outcome: o, Last: at(to),
		Header: journal.Header{Run: run, Service: service, Env: "production", Kind: "deploy", Time: at(from)},
	}
}

func TestAPrometheusLearnsHowRunsEnd(t *testing.T) {
	t.Parallel()
	active := summary("r4", "hello", 400, 400, 0, "")
	active.Active = true
	r := &recorded{
		list: []journal.Summary{
			active,
			summary("r3", "hello", 300, 350, 9, event.RolledBack),
			summary("r2", "hello", 200, 230, 9, event.Done),
			summary("r1", "bad\xffname\"", 100, 100, 2, ""),
			{Run: "r0", Problem: "it is damaged"},
		},
		events: map[string][]event.Event{"r3": {
			{Type: event.RunStarted, Time: at(312)},
			{Type: event.HostFailed, Host: "web1"},
			{Type: event.HostFailed, Host: "web1"},
			{Type: event.HostFailed, Host: "web2"},
		}},
	}
	h := Handler(r, func(run string) (int, bool) { return len(run), run == "r3" }, "1.2.3")
	var got string
	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if got = w.Body.String(); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, got)
		}
	}
	const of = `environment="production",service="hello"`
	for _, want := range []string{
		`shipit_up 1`, `shipit_build_info{version="1.2.3"} 1`, `shipit_journals_unreadable 1`,
		`shipit_runs{environment="production",kind="deploy",outcome="done",service="hello"} 1`,
		`shipit_runs{environment="production",kind="deploy",outcome="interrupted",service="bad?name\""} 1`,
		`shipit_runs_active{` + of + `} 1`, `shipit_runs_waiting{` + of + `} 1`,
		`shipit_last_run_end_timestamp_seconds{` + of + `} 1.70000035e+09`,
		`shipit_last_run_duration_seconds{` + of + `} 50`, `shipit_last_run_lock_wait_seconds{` + of + `} 12`,
		`shipit_last_run_hosts_failed{` + of + `} 2`,
		`shipit_last_run_outcome{environment="production",outcome="rolled back",service="hello"} 1`,
		`shipit_last_run_outcome{environment="production",outcome="done",service="hello"} 0`,
		`shipit_last_done_timestamp_seconds{` + of + `} 1.70000023e+09`,
		`shipit_notices_lost{` + of + `} 6`, `shipit_runs_with_notices_waiting{` + of + `} 1`,
	} {
		if !strings.Contains(got, "\n"+want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	if r.reads != 1 {
		t.Errorf("the last run was read %d times", r.reads)
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestHostsThatFailLateAreCounted: behind more printed lines than are read of a
// journal at once.
func TestHostsThatFailLateAreCounted(t *testing.T) {
	t.Parallel()
	dir := journal.Dir(t.TempDir())
	j, err := journal.Create(string(dir), "r1", journal.Header{Service: "hello", Env: "production", Kind: "deploy", Time: at(0)})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	events := []event.Event{{Type: event.RunStarted, Time: at(1)}}
	for range 11_000 {
		events = append(events, event.Event{Type: event.Output, Host: "web1", Text: "a line"})
	}
	events = append(events, event.Event{Type: event.HostFailed, Host: "web1"}, event.Event{Type: event.RunFinished, Time: at(9), Outcome: event.Mixed})
	for i := range events {
		events[i].Seq = int64(i + 1)
	}
	if err := j.AppendAll(events); err != nil {
		t.Fatal(err)
	}
	j.Close()
	w := httptest.NewRecorder()
	Handler(dir, nil, "").ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(w.Body.String(), `shipit_last_run_hosts_failed{environment="production",service="hello"} 1`) {
		t.Errorf("the host that failed last is not counted:\n%s", w.Body)
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	Handler(&recorded{err: errors.New("the disk is gone")}, nil, "").ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "\nshipit_up 0\n") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
