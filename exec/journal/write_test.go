package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipit/exec/event"
)

func TestAFullDiskIsSaidAndFinal(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	j := &Journal{file: full, path: "/dev/full"}
	defer j.Close()
	err = j.Append(event.Event{Seq: 1, Type: event.Note})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room on that disk") {
		t.Errorf("a full disk: %v", err)
	}
	if again := j.Append(event.Event{Seq: 1, Type: event.Note}); again != err {
		t.Errorf("after an error: %v", again)
	}
}

func TestErrorsSayWhatHelps(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		syscall.EROFS:  "choose a directory that can be written",
		syscall.EACCES: "choose a directory that can be written",
		syscall.EDQUOT: "make room",
		syscall.EEXIST: "recorded already",
	} {
		if got := explain("write journal", &os.PathError{Op: "write", Path: "/x", Err: err}); !strings.Contains(got.Error(), want) {
			t.Errorf("%v: %v", err, got)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	if _, err := Create(filepath.Join(file, "runs"), "r1", Header{}); err == nil || !strings.HasPrefix(err.Error(), "cannot make the directory") {
		t.Error(err)
	}
}

// TestKilledWriter kills a process that writes as fast as it can: whatever it
// was told is safe is there, and its lock is not.
func TestKilledWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if os.Getenv("SHIPIT_TEST_JOURNAL") != "" {
		writeForever(os.Getenv("SHIPIT_TEST_JOURNAL"))
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
	cmd.Env = append(os.Environ(), "SHIPIT_TEST_JOURNAL="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var safe int64
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Sscan(lines.Text(), &safe)
		if safe == 50 {
			if runs, err := List(dir); err != nil || len(runs) != 1 || !runs[0].Active {
				t.Errorf("while it writes: %+v, %v", runs, err)
			}
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	if safe < 50 {
		t.Fatalf("the writer ended by itself after event %d", safe)
	}
	j, rec, err := Open(filepath.Join(dir, "r1.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if int64(len(rec.Events)) < safe {
		t.Errorf("%d events are there, %d were safe", len(rec.Events), safe)
	}
}

func writeForever(dir string) {
	j, err := Create(dir, "r1", Header{Time: time.Unix(0, 0)})
	for seq := int64(1); err == nil; seq++ {
		if err = j.Append(event.Event{Seq: seq, Type: event.Note, Text: strings.Repeat("x", 300)}); err == nil {
			fmt.Println(seq)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func FuzzRead(f *testing.F) {
	header, _ := seal(Header{Type: "journal", Format: event.Schema, Run: "r1"})
	first, _ := seal(event.Event{Seq: 1, Type: event.RunStarted, Text: "the run begins"})
	f.Add(append(header, first...))
	f.Add(append(header, first[:20]...))
	f.Add([]byte("{}\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := parse("x", bytes.NewReader(data))
		if err != nil {
			return
		}
		if rec.Size > int64(len(data)) || (rec.Size < int64(len(data))) != (rec.Torn != "") && len(data) > 0 {
			t.Fatalf("%d of %d bytes, torn %q", rec.Size, len(data), rec.Torn)
		}
		again, err := parse("x", bytes.NewReader(data[:rec.Size]))
		if err != nil || len(again.Events) != len(rec.Events) {
			t.Fatalf("without its torn end: %+v, %v", again, err)
		}
		seq := int64(0)
		for i, e := range rec.Events {
			if e.Seq <= seq || e.Seq > rec.Last {
				t.Fatalf("event %d at %d", e.Seq, i)
			}
			seq = e.Seq
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	j, err := Create(b.TempDir(), "r1", Header{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	var seq int64
	for b.Loop() {
		seq++
		if err := j.Append(event.Event{Seq: seq, Type: event.StepDone, Host: "rb1001.eqiad.wmnet", Step: "restart", Text: "restarted"}); err != nil {
			b.Fatal(err)
		}
	}
}
