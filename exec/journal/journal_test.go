package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/event"
	"shipit/exec/journal"
)

var start = time.Date(2015, 6, 10, 14, 2, 3, 0, time.UTC)

func header() journal.Header {
	return journal.Header{
		Shipit: "dev", Service: "restbase", Env: "production", Plan: "sha256:ab", Release: "v1",
		Kind: "deploy", By: "anna@deploy1001", Time: start, PID: 42,
	}
}

func events(n int) []event.Event {
	var all []event.Event
	for i := 1; i <= n; i++ {
		all = append(all, event.Event{
			Seq: int64(i), Time: start.Add(time.Duration(i) * time.Second), Run: "r1",
			Type: event.Note, Host: "rb1", Text: fmt.Sprintf("note %d: <ok> \"é\" &\n", i), Detail: []string{"last", "words"},
		})
	}
	all[0].Type = event.RunStarted
	return all
}

// write makes a journal of n events and returns its path.
func write(t testing.TB, n int) string {
	t.Helper()
	j, err := journal.Create(filepath.Join(t.TempDir(), "runs"), "r1", header())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events(n) {
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return j.Path()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	path := write(t, 5)
	rec, err := journal.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := header()
	want.Type, want.Format, want.Run = "journal", event.Schema, "r1"
	if diff := cmp.Diff(want, rec.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(events(5), rec.Events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if info, _ := os.Stat(path); rec.Torn != "" || rec.Size != info.Size() {
		t.Errorf("torn %q, %d of %d bytes", rec.Torn, rec.Size, info.Size())
	}
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	t.Parallel()
	path := write(t, 1)
	if err := journal.SavePlan(filepath.Dir(path), "r1", []byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{
		path: 0o600, filepath.Dir(path): 0o700, strings.TrimSuffix(path, ".jsonl") + ".plan.json": 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v, %v", name, info.Mode().Perm(), want, err)
		}
	}
}

func TestEveryPrefixOfAJournalIsAJournal(t *testing.T) {
	t.Parallel()
	path := write(t, 4)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := events(4)
	for cut := range len(data) + 1 {
		if err := os.WriteFile(path, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		rec, err := journal.Load(path)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		lines := bytes.Count(data[:cut], []byte("\n"))
		if diff := cmp.Diff(all[:max(lines-1, 0)], append([]event.Event{}, rec.Events...)); diff != "" {
			t.Fatalf("cut at %d (-want +got):\n%s", cut, diff)
		}
		if whole := cut > 0 && data[cut-1] == '\n'; whole != (rec.Torn == "") {
			t.Fatalf("cut at %d: torn %q", cut, rec.Torn)
		}
	}
}

// A damaged byte never changes what a journal says: it is refused, or the
// last record counts as torn.
func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	path := write(t, 3)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	for i := range data {
		for _, b := range []byte{0, '\n', data[i] ^ 1} {
			if b == data[i] {
				continue
			}
			bad := bytes.Clone(data)
			bad[i] = b
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			rec, err := journal.Load(path)
			var damage *journal.DamageError
			switch {
			case errors.As(err, &damage):
				if want := 1 + bytes.Count(data[:i], []byte("\n")); damage.Line != want {
					t.Fatalf("byte %d: damage in line %d, want %d", i, damage.Line, want)
				}
			case err != nil:
				t.Fatalf("byte %d: %v", i, err)
			case i < last || rec.Torn == "" || len(rec.Events) != 2:
				t.Fatalf("byte %d as %q passes: %d events, torn %q", i, b, len(rec.Events), rec.Torn)
			}
		}
	}
}

func TestZerosAtTheEndAreATornRecord(t *testing.T) {
	t.Parallel()
	path := write(t, 2)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Write(make([]byte, 4096))
	rec, err := journal.Load(path)
	if err != nil || len(rec.Events) != 2 || rec.Torn == "" {
		t.Errorf("%+v, %v", rec, err)
	}
}

func TestALineThatIsMissingIsDamage(t *testing.T) {
	t.Parallel()
	path := write(t, 3)
	data, _ := os.ReadFile(path)
	lines := bytes.SplitAfter(data, []byte("\n"))
	os.WriteFile(path, bytes.Join([][]byte{lines[0], lines[1], lines[3]}, nil), 0o600)
	_, _, err := journal.Read(path)
	var damage *journal.DamageError
	if !errors.As(err, &damage) || damage.Line != 3 || !strings.Contains(err.Error(), "event 3 where event 2 belongs") {
		t.Error(err)
	}
}

func TestAnInterruptedRunIsContinued(t *testing.T) {
	t.Parallel()
	path := write(t, 2)
	f, _ := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	f.WriteString(`{"seq":3,"time":"2015`)
	f.Close()
	j, rec, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(rec.Events) != 2 || rec.Torn == "" {
		t.Errorf("%+v", rec)
	}
	if err := j.Append(events(3)[2]); err != nil {
		t.Fatal(err)
	}
	j.Close()
	_, got, err := journal.Read(path)
	if diff := cmp.Diff(events(3), got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestOneWriterAtATime(t *testing.T) {
	t.Parallel()
	j, err := journal.Create(t.TempDir(), "r1", header())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := journal.Open(j.Path()); !errors.Is(err, journal.ErrBusy) {
		t.Errorf("a second writer: %v", err)
	}
	if _, err := journal.Create(filepath.Dir(j.Path()), "r1", header()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second journal of the run: %v", err)
	}
	if err := j.Append(event.Event{Seq: 2, Type: event.Note}); err == nil {
		t.Error("a gap in the numbers is taken")
	}
	j.Close()
	if err := j.Append(event.Event{Seq: 1, Type: event.Note}); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	again, _, err := journal.Open(j.Path())
	if err != nil {
		t.Fatal("after Close:", err)
	}
	again.Close()
}

func TestRunsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var open []*journal.Journal
	for i, run := range []string{"20150610T140203Z-aaaa", "20150610T140203Z-bbbb", "20150611T000000Z-cccc"} {
		h := header()
		h.Time = start.Add(time.Duration(i) * time.Hour)
		j, err := journal.Create(dir, run, h)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, j)
	}
	open[0].Append(event.Event{Seq: 1, Type: event.RunFinished, Outcome: event.RolledBack, Time: start.Add(time.Minute)})
	open[0].Close()
	defer open[1].Close()
	open[2].Close()
	os.WriteFile(filepath.Join(dir, "old.jsonl"), []byte("{}\n{}\n"), 0o600)
	os.WriteFile(filepath.Join(dir, "20150611T000000Z-cccc.plan.json"), []byte("{}"), 0o600)

	runs, err := journal.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range runs {
		got = append(got, fmt.Sprintf("%s %d %q active=%v problem=%v", s.Run, s.Events, s.Outcome, s.Active, s.Problem != ""))
	}
	want := []string{
		`20150611T000000Z-cccc 0 "" active=false problem=false`,
		`20150610T140203Z-bbbb 0 "" active=true problem=false`,
		`20150610T140203Z-aaaa 1 "rolled back" active=false problem=false`,
		`old 0 "" active=false problem=true`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	if path, err := journal.Find(dir, "20150611"); err != nil || filepath.Base(path) != "20150611T000000Z-cccc.jsonl" {
		t.Errorf("by its beginning: %s, %v", path, err)
	}
	for _, run := range []string{"20150610", "2016", "../x", ""} {
		if path, err := journal.Find(dir, run); err == nil {
			t.Errorf("%q finds %s", run, path)
		}
	}
	if runs, err := journal.List(filepath.Join(dir, "nothing")); err != nil || len(runs) > 0 {
		t.Errorf("no directory: %v, %v", runs, err)
	}
}

func TestThePlanIsKeptBesideTheJournal(t *testing.T) {
	t.Parallel()
	path := write(t, 1)
	for _, text := range []string{"{\"a\":1}\n", "{}\n"} {
		if err := journal.SavePlan(filepath.Dir(path), "r1", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := journal.Plan(path); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
	if _, err := journal.Plan("/nowhere/r2.jsonl"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestRunIDsSortAsRunsDid(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 7200)
	a, err := journal.NewRunID(start.In(zone), bytes.NewReader([]byte{1, 2, 3, 4, 5}))
	if err != nil || !strings.HasPrefix(a, "20150610T140203Z-") || len(a) != 21 {
		t.Errorf("%q, %v", a, err)
	}
	b, _ := journal.NewRunID(start.Add(time.Second), bytes.NewReader(make([]byte, 5)))
	c, _ := journal.NewRunID(start, bytes.NewReader(make([]byte, 5)))
	if a >= b || a == c {
		t.Error(a, b, c)
	}
	if _, err := journal.NewRunID(start, strings.NewReader("")); err == nil {
		t.Error("without randomness an id is made")
	}
	if _, err := journal.Create(t.TempDir(), "../x", header()); err == nil {
		t.Error("a run's id may leave the directory")
	}
}

func TestAnotherMajorFormatIsRefused(t *testing.T) {
	t.Parallel()
	if err := event.Readable("1.7"); err != nil {
		t.Error(err)
	}
	if err := event.Readable("2.0"); err == nil {
		t.Error("format 2.0 is read")
	}
}
