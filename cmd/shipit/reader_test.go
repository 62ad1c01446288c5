package main

import (
	"os"
	osexec "os/exec"
	"syscall"
	"testing"
	"time"
)

// TestAReaderThatWentAwayEndsACommandThatChangesNothing: as with `| head`. A
// tool before this one went on for ten minutes then.
func TestAReaderThatWentAwayEndsACommandThatChangesNothing(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := program(t, nil, "schema", "--json")
	cmd.Stdout = writer
	reader.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	late := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	err = cmd.Wait()
	if !late.Stop() {
		t.Fatal("it is still there")
	}
	ended, ok := err.(*osexec.ExitError)
	if !ok {
		t.Fatalf("it ended with %v, as if all of it had been read", err)
	}
	if status := ended.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGPIPE {
		t.Errorf("it ended with %v, want death by SIGPIPE", err)
	}
}
