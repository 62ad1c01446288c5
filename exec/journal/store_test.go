package journal_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/journal/redistest"
)

const someRun = "20150610T140203Z-3kq7"

// recordRun records a run of n events.
func recordRun(t *testing.T, dir, run string, n int) *journal.Journal {
	t.Helper()
	j, err := journal.Create(dir, run, journal.Header{
		Service: "restbase", Env: "production", Release: "release/2015-06-10/2", By: "anna@deploy1",
		Time: time.Date(2015, 6, 10, 14, 2, 3, 0, time.UTC).Add(time.Duration(len(run)) * time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	if err := journal.SavePlan(dir, run, []byte(`{"plan":true}`)); err != nil {
		t.Fatal(err)
	}
	add(t, j, run, 1, n)
	return j
}

func add(t *testing.T, j *journal.Journal, run string, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		e := event.Event{Seq: int64(i), Time: time.Unix(int64(i), 0).UTC(), Run: run, Type: event.Note, Text: fmt.Sprintf("line %d of ümläut", i)}
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
}

func openRedis(t *testing.T, url string) *journal.Redis {
	t.Helper()
	r, err := journal.OpenRedis(url, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// silent fails the test where a mirror has something to say.
func silent(t *testing.T) func(string) {
	return func(text string) { t.Errorf("it says %q", text) }
}

// TestStores holds every Store to the same.
func TestStores(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T, dir string) journal.Store{
		"directory": func(_ *testing.T, dir string) journal.Store { return journal.Dir(dir) },
		"redis": func(t *testing.T, dir string) journal.Store {
			r := openRedis(t, redistest.Start(t).URL())
			for _, run := range []string{someRun, someRun + "-b"} {
				m := r.Mirror(filepath.Join(dir, run+".jsonl"), "anna@deploy1", silent(t))
				eventually(t, func() bool { who, err := r.Driver(t.Context(), run); return err == nil && who == "anna@deploy1" })
				t.Cleanup(m.Close)
			}
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, ctx := t.TempDir(), t.Context()
			recordRun(t, dir, someRun, 700)
			recordRun(t, dir, someRun+"-b", 0)
			s := open(t, dir)
			want, err := journal.Load(filepath.Join(dir, someRun+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}

			list, err := s.List(ctx)
			if err != nil || len(list) != 2 || list[0].Run != someRun+"-b" || list[1].Events != 700 || !list[1].Active || list[1].Problem != "" {
				t.Errorf("the list: %+v, %v", list, err)
			}
			if list[1].Header != want.Header {
				t.Errorf("the header: %+v", list[1].Header)
			}
			got, err := s.Load(ctx, someRun)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("what is loaded: %s", d)
			}
			if data, err := s.Plan(ctx, someRun); err != nil || string(data) != `{"plan":true}` {
				t.Errorf("the plan: %s, %v", data, err)
			}
			for _, after := range []int64{0, 1, 650, 700, 701} {
				events, err := s.Events(ctx, someRun, after)
				if err != nil || len(events) != max(0, 700-int(after)) || len(events) > 0 && events[0].Seq != after+1 {
					t.Errorf("%d events after %d, %v", len(events), after, err)
				}
			}
			if alive, err := s.Alive(ctx, someRun); err != nil || !alive {
				t.Errorf("it is driven: %t, %v", alive, err)
			}
			if alive, err := s.Alive(ctx, someRun+"-c"); err != nil || alive {
				t.Errorf("a run that is nowhere is driven: %t, %v", alive, err)
			}
			if id, err := s.Find(ctx, someRun[:10]); err == nil {
				t.Errorf("two runs begin so, and %s is found", id)
			}
			if id, err := s.Find(ctx, someRun); err != nil || id != someRun {
				t.Errorf("found %q, %v", id, err)
			}
			if id, err := s.Find(ctx, someRun+"-"); err != nil || id != someRun+"-b" {
				t.Errorf("found %q, %v", id, err)
			}
			for _, bad := range []string{"2014", "../x", ""} {
				_, err := s.Find(ctx, bad)
				if none := new(journal.NoRunError); err == nil || errors.As(err, &none) != (bad == "2014") {
					t.Errorf("find %q: %v", bad, err)
				}
				if _, err := s.Load(ctx, bad); err == nil {
					t.Errorf("%q is loaded", bad)
				}
			}
			intents(t, s)
		})
	}
}

func intents(t *testing.T, s journal.Store) {
	t.Helper()
	ctx := t.Context()
	var numbers []int64
	for _, do := range []string{"pause", "continue", "abort"} {
		n, err := s.Intend(ctx, someRun, journal.Intent{Do: do, By: "ben@deploy2"})
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	all, err := s.Intents(ctx, someRun, 0)
	if err != nil || len(all) != 3 || all[1].Do != "continue" || all[1].By != "ben@deploy2" {
		t.Fatalf("%+v, %v", all, err)
	}
	for i := range all {
		if all[i].N != numbers[i] || i > 0 && all[i].N <= all[i-1].N {
			t.Errorf("intent %d has number %d, and got %d", i, all[i].N, numbers[i])
		}
	}
	if rest, err := s.Intents(ctx, someRun, all[1].N); err != nil || !slices.Equal(rest, all[2:]) {
		t.Errorf("after %d: %+v, %v", all[1].N, rest, err)
	}
	if rest, err := s.Intents(ctx, someRun, all[2].N); err != nil || len(rest) > 0 {
		t.Errorf("after all: %+v, %v", rest, err)
	}
}

// eventually waits for what another goroutine or process does.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to that")
		}
	}
}
