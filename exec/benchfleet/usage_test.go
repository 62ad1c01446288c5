//go:build linux

package main

import (
	"os"
	osexec "os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// A child that has not yet become its program has the memory of its parent,
// which must not be counted twice; one that has is another's.
func TestWhoBorrowsMemory(t *testing.T) {
	t.Parallel()
	// vfork's parent waits until the child becomes a program, and the child
	// here waits for a writer of the file that it is to become its input.
	pipe := t.TempDir() + "/pipe"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := osexec.Command("/usr/bin/python3", "-c", `import os,sys
os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, sys.argv[1], os.O_RDONLY, 0)])`, pipe)
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer cmd.Wait()
	defer func() {
		if w, err := os.OpenFile(pipe, os.O_RDWR, 0); err == nil {
			w.Close()
		}
	}()
	parent := "/proc/" + strconv.Itoa(cmd.Process.Pid)
	children := parent + "/task/" + strconv.Itoa(cmd.Process.Pid) + "/children"
	var child string
	for range 200 {
		if text, err := os.ReadFile(children); err == nil && len(text) > 1 {
			child = "/proc/" + string(text[:len(text)-1])
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if child == "" {
		t.Skip("the kernel tells of no child")
	}
	if borrows(parent) {
		t.Error("a program has its parent's memory")
	}
	if !borrows(child) {
		t.Error("a child that is no program yet has its own memory")
	}
}
