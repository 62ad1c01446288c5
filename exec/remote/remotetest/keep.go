package remotetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipit/exec/remote"
)

// testKeep runs commands of all sorts one after another, each of which would
// have the shell kept for the next: nothing of one may be seen by another.
func testKeep(t *testing.T, dial Dial) {
	c := dial(t)
	for i, tc := range []struct {
		size   int  // of data
		unread bool // by the steps
	}{{}, {size: 300000}, {size: 5000}, {}, {size: 5000, unread: true}, {size: 16 << 10}, {}} {
		cmd := remote.Command{Keep: true}
		data := pattern(tc.size)
		sum := fmt.Sprintf("%x", sha256.Sum256(data))
		if tc.size > 0 {
			cmd.Data, cmd.DataSize = strings.NewReader(string(data)+"more"), int64(tc.size)
		}
		shell := "fact sum none"
		if tc.size > 0 && !tc.unread {
			shell = "data sha256sum | { read -r sum _; fact sum $sum; }"
		}
		got, err := doCommand(t, c, cmd, `fact seen "$left $data_size"; left=over; fail() { :; }`, shell, "echo on; cat <&0")
		if err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
		want := "none"
		if tc.size > 0 && !tc.unread {
			want = sum
		}
		same(t, got, []remote.Record{
			begin("a"), fact("a", "seen", " "+strconv.FormatInt(cmd.DataSize, 10)), end("a", 0),
			begin("b"), fact("b", "sum", want), end("b", 0), begin("c"), out("c", "on"), end("c", 0),
		})
	}
}

// testKeepFailure: what goes wrong in a kept shell is that command's alone, and
// the next one knows what they share, whichever shell it has.
func testKeepFailure(t *testing.T, dial Dial) {
	c := dial(t)
	good := func(when string) {
		t.Helper()
		const well = "well() {\n  echo \"$1\"\n}\n"
		var got []remote.Record
		err := c.Run(ctxFor(t), remote.Command{
			Keep: true, On: func(r remote.Record) { got = append(got, r) },
			Steps: []remote.Step{
				{ID: "a", Shell: "x=fine\n" + well + "well $x\nwell() { :; }\n", Shared: []string{"none() { :; }\n", well}},
				{ID: "b", Shell: well + "well too", Shared: []string{well}},
			},
		})
		if err != nil {
			t.Errorf("%s: %v", when, err)
		} else {
			same(t, got, []remote.Record{begin("a"), out("a", "fine"), end("a", 0), begin("b"), out("b", "too"), end("b", 0)})
		}
	}
	good("at first")
	var se *remote.StepError
	if _, err := doCommand(t, c, remote.Command{Keep: true}, "false; echo never"); !errors.As(err, &se) || se.Code != 1 {
		t.Errorf("error %v, want exit status 1", err)
	}
	good("after a failure")
	if _, err := doCommand(t, c, remote.Command{Keep: true, Data: strings.NewReader("short"), DataSize: 10}, "data cat"); err == nil {
		t.Error("a command whose data was short succeeded")
	}
	good("after short data")
	if _, err := doCommand(t, c, remote.Command{Keep: true, Data: strings.NewReader(string(pattern(20000))), DataSize: 20000}, "data sh -c 'exit 9'"); !errors.As(err, &se) || se.Code != 9 {
		t.Errorf("error %v, want exit status 9", err)
	}
	good("after data that nobody took")
	if _, err := doCommand(t, c, remote.Command{Keep: true, Fence: &remote.Fence{Dir: t.TempDir() + "/none", Run: "r", Generation: 1}}, "echo never"); !errors.Is(err, remote.ErrFenced) {
		t.Errorf("error %v, want fenced", err)
	}
	good("after a fence")
	pid, cancel, done := started(t, c, remote.Command{Keep: true, Grace: 20 * time.Second}, "run login 60 sh -c 'echo $$ >PID; sleep 50'")
	cancel()
	if err := ended(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if alive(pid) {
		syscall.Kill(pid, syscall.SIGKILL)
		t.Error("the process lives on after Run said that it is gone")
	}
	good("after a cancelled command")
}

// testKeepHold: the shell that was kept holds a lock while others run, and a
// command that is not to be kept ends the one that it runs in.
func testKeepHold(t *testing.T, dial Dial) {
	c := dial(t)
	if _, err := doCommand(t, c, remote.Command{Keep: true}, "echo look"); err != nil {
		t.Fatal(err)
	}
	in, w := io.Pipe()
	held, done := make(chan string, 2), make(chan error, 1)
	go func() {
		done <- c.Run(ctxFor(t), remote.Command{Hold: in, Steps: steps_("fact is held; [ -z \"$(head -c 1 <&5)\" ]; fact is free"), On: func(r remote.Record) {
			if r.Kind == remote.Fact {
				held <- r.Text
			}
		}})
	}()
	if got := <-held; got != "held" {
		t.Fatalf("heard %q", got)
	}
	for _, keep := range []bool{true, true, false, false, true} {
		file := filepath.Join(t.TempDir(), "daemon")
		got, err := doCommand(t, c, remote.Command{Keep: keep}, "echo meanwhile", "apart login 5 sh -c 'echo $$ >"+file+"; exec sleep 60' >/dev/null 2>&1 & echo $!; :")
		if err != nil || len(got) < 3 || got[1].Text != "meanwhile" {
			t.Errorf("%v, %v", got, err)
		}
		if pid := pidIn(t, file); pid > 0 {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	w.Close()
	if got := <-held; got != "free" {
		t.Errorf("heard %q", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
