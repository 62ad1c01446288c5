package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
)

// TestARunEndsWhileAttachReadsIt: what it said last counts, though its process
// is gone when that is asked.
func TestARunEndsWhileAttachReadsIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out, bad bytes.Buffer
	w := &world{stdin: strings.NewReader(""), stdout: &out, stderr: &bad, now: func() time.Time { return recordedAt }}
	const id = "20150612T120000Z-3kq7"
	j := record(t, dir, id, "restbase", []string{"rb1"}, event.Event{Type: event.RunStarted, Text: "started"})
	store := journal.Dir(dir)
	r, err := w.load(t.Context(), id, store)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(event.Event{Seq: 2, Run: id, Time: recordedAt, Type: event.RunFinished, Outcome: event.Done, Text: "the run is over: done"}); err != nil {
		t.Fatal(err)
	}
	j.Close()
	a := &attachment{w: w, r: r, store: store}
	if err := a.watch(t.Context()); err != nil {
		t.Errorf("attach fails: %v\n%s%s", err, out.String(), bad.String())
	}
}

// TestAttachTellsEachEventOnce: also of a run whose commands printed lines,
// which are numbered like the rest and not read with it.
func TestAttachTellsEachEventOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const id = "20150612T120000Z-3kq7"
	j := record(
		t, dir, id, "restbase", []string{"rb1"},
		event.Event{Type: event.RunStarted, Text: "started"}, event.Event{Type: event.Output, Host: "rb1", Text: "printed"},
		event.Event{Type: event.Note, Text: "noted"},
	)
	var out bytes.Buffer
	w := &world{
		stdin: strings.NewReader(""), stdout: &out, now: func() time.Time { return recordedAt }, environ: []string{"SHIPIT_STATE=" + dir, "HOME=" + dir},
	}
	w.stderr = onWrite(sync.OnceFunc(func() { // what was recorded is shown, and the run goes on
		if err := j.Append(event.Event{Seq: 4, Run: id, Time: recordedAt, Type: event.RunFinished, Outcome: event.Done, Text: "the run is over: done"}); err != nil {
			t.Error(err)
		}
		j.Close()
	}))
	if code := run([]string{"attach", id, "--json"}, w); code != exitOK {
		t.Fatalf("attach ends with %d\n%s", code, out.String())
	}
	var told []int64
	for line := range strings.Lines(out.String()) {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Seq > 0 {
			told = append(told, e.Seq)
		}
	}
	if want := []int64{1, 3, 4}; !slices.Equal(told, want) {
		t.Errorf("it tells of the events %d, want %d", told, want)
	}
}

// TestARunEndsWhileItIsRead: its process was there when it was asked for, so the
// run is not taken for one that broke off where the reading ended.
func TestARunEndsWhileItIsRead(t *testing.T) {
	t.Parallel()
	const id = "20150612T120000Z-3kq7"
	const want = "still going on: process"
	for _, command := range []string{"explain", "resume", "rollback"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			j := record(t, dir, id, "restbase", []string{"rb1"}, event.Event{Type: event.RunStarted, Text: "started"})
			file := filepath.Join(dir, id+".plan.json") // is read after the journal
			data, err := os.ReadFile(file)
			if err == nil {
				err = errors.Join(os.Remove(file), syscall.Mkfifo(file, 0o600))
			}
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				f, err := os.OpenFile(file, os.O_WRONLY, 0)
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				j.Close()
				if _, err := f.Write(data); err != nil {
					t.Error(err)
				}
			}()
			var said bytes.Buffer
			w := &world{
				stdin: strings.NewReader(""), stdout: &said, stderr: &said, now: func() time.Time { return recordedAt },
				environ: []string{"SHIPIT_STATE=" + dir, "HOME=" + dir},
			}
			if run([]string{command, id}, w); !strings.Contains(said.String(), want) {
				t.Errorf("it does not say %q:\n%s", want, said.String())
			}
		})
	}
}

// An onWrite does something each time that somebody writes.
type onWrite func()

func (do onWrite) Write(p []byte) (int, error) {
	do()
	return len(p), nil
}

// TestAStoppedRunIsReadOnceForLists: a page lists runs again and again.
func TestAStoppedRunIsReadOnceForLists(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const id = "20150612T120000Z-3kq7"
	j := record(
		t, dir, id, "restbase", []string{"rb1"},
		event.Event{Type: event.RunStarted, Text: "started"}, event.Event{Type: event.Aborted, Text: "aborted"},
		event.Event{Type: event.RunFinished, Outcome: event.Abort, Text: "the run is over: aborted"},
	)
	defer j.Close()
	p := &places{dir: journal.Dir(dir)}
	p.w = &world{}
	resumable := func(want bool) {
		t.Helper()
		s := p.dir.Summary(id)
		s.Active = false
		if row := p.rowOf(t.Context(), s); row.Resumable != want {
			t.Errorf("after %d events: resumable is %t", s.Events, row.Resumable)
		}
	}
	resumable(true)
	if err := os.Remove(filepath.Join(dir, id+".plan.json")); err != nil { // without which it cannot be read
		t.Fatal(err)
	}
	resumable(true)
	if err := j.AppendAll([]event.Event{{Seq: 4, Type: event.RunResumed}, {Seq: 5, Type: event.RunFinished, Outcome: event.Mixed}}); err != nil {
		t.Fatal(err)
	}
	resumable(false)
}

// TestRunsAreFiltered: by each of the flags, several of one kind, and all
// kinds together; as the list and as JSON.
func TestRunsAreFiltered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Date(2015, 6, 12, 12, 0, 0, 0, time.UTC)
	for i, r := range []struct {
		run, service, env, by, release string
		last                           event.Event
	}{
		{"a", "restbase", "production", "anna@deploy1", "release/2015-06-10/1", event.Event{Type: event.RunFinished, Outcome: event.Done}},
		{"b", "restbase", "beta", "bob@deploy1", "release/2015-06-10/2", event.Event{Type: event.RunFinished, Outcome: event.RolledBack}},
		{"c", "parsoid", "production", "anna@deploy2", "v1.2.3", event.Event{Type: event.RunFinished, Outcome: event.Mixed}},
		{"d", "parsoid", "beta", "carl@deploy2", "v1.2.4", event.Event{Type: event.RunStarted}},
		{"e", "cxserver", "default", "bob@deploy1", "v1.2.3", event.Event{}},
		{"f", "cxserver", "default", "bob@deploy1", "v1.3.0", event.Event{Type: event.RunStarted}},
	} {
		j, err := journal.Create(dir, r.run, journal.Header{
			Service: r.service, Env: r.env, By: r.by, Release: r.release, Kind: "deploy", Time: now.Add(time.Duration(i-6) * 24 * time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.last.Seq = 1; r.last.Type != "" {
			if err := j.Append(r.last); err != nil {
				t.Fatal(err)
			}
		}
		if r.run != "f" { // which goes on
			j.Close()
		} else {
			defer j.Close()
		}
	}
	for line, want := range map[string]string{
		"":                                 "fedcba",
		"--service restbase":               "ba",
		"--service *s*":                    "fedcba",
		"--service restbase --service cx*": "feba",
		"--env production":                 "ca",
		"-e beta":                          "db",
		"--user anna":                      "ca",
		"--user anna@deploy2":              "c",
		"--user *@deploy1":                 "feba",
		"--outcome done":                   "a",
		"--outcome rolled-back":            "b",
		"--outcome mixed":                  "c",
		"--outcome interrupted":            "d",
		"--outcome not-begun":              "e",
		"--outcome going-on":               "f",
		"--outcome *ed":                    "dc",
		"--release v1.2.3":                 "ec",
		"--release release/*":              "ba",
		"-r release/2015-06-10/2":          "b",
		"--since 60h":                      "fe",
		"--since 2015-06-10":               "fe",
		"--user bob --outcome rolled-back --service restbase": "b",
		"--user carl --env production":                        "",
	} {
		for _, command := range []string{"runs", "history"} {
			var out, bad bytes.Buffer
			w := &world{
				stdin: strings.NewReader(""), stdout: &out, stderr: &bad, now: func() time.Time { return now },
				environ: []string{"SHIPIT_STATE=" + dir, "HOME=" + dir},
			}
			if code := run(append([]string{command, "--json"}, strings.Fields(line)...), w); code != exitOK {
				t.Fatalf("%s %s: %d: %s", command, line, code, bad.String())
			}
			var told struct {
				Runs []struct{ Run string }
			}
			if err := json.Unmarshal(out.Bytes(), &told); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, r := range told.Runs {
				got += r.Run
			}
			if got != want {
				t.Errorf("%s %s: it lists %q, want %q", command, line, got, want)
			}
			out.Reset()
			if code := run(append([]string{command}, strings.Fields(line)...), w); code != exitOK {
				t.Fatalf("%s %s: %d: %s", command, line, code, bad.String())
			}
			got = ""
			for row := range strings.Lines(out.String()) {
				if name, _, ok := strings.Cut(row, "    "); ok && len(name) == 1 {
					got += name
				}
			}
			if got != want || want == "" && out.String() != "None of 6 runs is like that.\n" {
				t.Errorf("%s %s: it prints\n%s", command, line, out.String())
			}
		}
	}
}
