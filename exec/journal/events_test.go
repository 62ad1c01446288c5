package journal

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"shipit/exec/event"
)

// printing writes a journal of n events, of which every tenth is no printed line.
func printing(t *testing.T, n int) (Dir, string) {
	t.Helper()
	dir := Dir(t.TempDir())
	j, err := Create(string(dir), "r1", Header{Time: time.Unix(0, 0), By: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	var events []event.Event
	for i := range n {
		e := event.Event{Seq: int64(i + 1), Time: time.Unix(int64(i), 0).UTC(), Run: "r1", Type: event.Output, Host: "web1", Text: strings.Repeat("x", i%200)}
		if i%10 == 0 {
			e.Type = event.Note
		}
		events = append(events, e)
	}
	if err := j.AppendAll(events); err != nil {
		t.Fatal(err)
	}
	return dir, j.Path()
}

func TestPrintedLinesAreInEventsAndNotInARecord(t *testing.T) {
	t.Parallel()
	dir, path := printing(t, 10_500)
	rec, err := Load(path)
	if err != nil || len(rec.Events) != 1050 || rec.Last != 10_500 {
		t.Fatalf("%d events to %d, %v", len(rec.Events), rec.Last, err)
	}
	for _, after := range []int64{0, 1, 9_999, 10_345, 10_499, 10_500, 30_000} {
		next := after
		for e, err := range All(t.Context(), dir, "r1", after) {
			if next++; err != nil || e.Seq != next {
				t.Fatalf("after %d: event %d, not %d: %v", after, e.Seq, next, err)
			}
		}
		if next < 10_500 {
			t.Errorf("after %d: ends with %d", after, next)
		}
	}
	some, err := dir.Events(context.Background(), "r1", 0)
	if err != nil || len(some) != mostAtOnce {
		t.Errorf("%d at once, %v", len(some), err)
	}
	j, rec, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := j.Append(event.Event{Seq: 10_501, Type: event.RunResumed, By: "bob"}); err != nil {
		t.Error(err)
	}
	if rec, err := Load(path); err != nil || rec.Driver() != "bob" {
		t.Errorf("driven by %q, %v", rec.Driver(), err)
	}
	if err := j.Append(event.Event{Seq: rec.Last + 2, Type: event.Note}); err != nil {
		t.Error(err)
	}
}

// Whether a run is driven is asked each second: the kernel knows, and nothing of
// what is recorded is read.
func TestWhetherARunIsDrivenCostsNoReading(t *testing.T) {
	t.Parallel()
	dir := Dir(t.TempDir())
	is := func(want bool) {
		t.Helper()
		if alive, err := dir.Alive(t.Context(), "r1"); alive != want || err != nil {
			t.Errorf("it is driven: %t, %v, want %t", alive, err, want)
		}
	}
	is(false)
	j, err := Create(string(dir), "r1", Header{By: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	is(true)
	if err := os.WriteFile(j.Path(), []byte("whoever reads this fails\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	is(true)
	j.Close()
	is(false)
}

// A power cut may leave holes in what nobody had waited for, and only there.
func TestHolesInPrintedLinesAreTornAndBeforeAnythingSafeAreDamage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hole, tail string // the type of the event with a hole, of the one behind it
		torn       bool
	}{
		"printed, printed": {"output", "output", true},
		"printed, safe":    {"output", "note", false},
		"safe, safe":       {"note", "note", false},
		"safe, printed":    {"note", "output", true}, // in one write, which did not return
	} {
		dir := t.TempDir()
		j, err := Create(dir, "r1", Header{})
		if err != nil {
			t.Fatal(err)
		}
		for i, typ := range []string{"run.started", c.hole, c.tail} {
			if err := j.Append(event.Event{Seq: int64(i + 1), Type: event.Type(typ), Text: fmt.Sprint("number ", i+1)}); err != nil {
				t.Fatal(err)
			}
		}
		j.Close()
		data, _ := os.ReadFile(j.Path())
		data = bytes.Replace(data, []byte("number 2"), make([]byte, 8), 1)
		if err := os.WriteFile(j.Path(), data, 0o600); err != nil {
			t.Fatal(err)
		}
		rec, err := Load(j.Path())
		if c.torn != (err == nil && rec.Torn != "" && rec.Last == 1) {
			t.Errorf("%s: %+v, %v", name, rec, err)
		}
		_, flaws := Check(data)
		if len(flaws) == 0 || flaws[0].Minor != c.torn {
			t.Errorf("%s: check says %+v", name, flaws)
		}
		some, err := Dir(dir).Events(t.Context(), "r1", 1)
		if len(some) > 0 || c.torn != (err == nil) {
			t.Errorf("%s: events %v, %v", name, some, err)
		}
	}
}
