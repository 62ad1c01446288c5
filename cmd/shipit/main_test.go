package main

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(withPrograms{m}, map[string]func(){"shipit": main})
}

// withPrograms runs the tests with the programs that they start. The tests
// start some 1,500 of them, and a start of this test binary, with the race
// detector, costs five times the CPU of an ordinary one: so most are ordinary.
type withPrograms struct{ m *testing.M }

// racedPath is a PATH in which shipit is this test binary under another name.
// Tests of what happens at the same time in one process use it; so do all with
// SHIPIT_RACED (make e2e).
var racedPath string

func (w withPrograms) Run() int {
	racedPath = os.Getenv("PATH")
	dir, err := os.MkdirTemp("", "shipit-programs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // some tests start them as other users
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	build := []string{"build", "-buildvcs=false", "-tags", "faultpoints", "-ldflags", "-s -w", "-o", dir + "/", ".", "./testdata/e2e/hello-server"}
	if out, err := osexec.Command("go", build...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go %v: %v\n%s", build, err, out)
		return 1
	}
	racedPath += string(filepath.ListSeparator) + dir // for hello-server
	if os.Getenv("SHIPIT_RACED") == "" {
		os.Setenv("PATH", dir+string(filepath.ListSeparator)+racedPath)
	} else {
		os.Setenv("PATH", racedPath)
	}
	return w.m.Run()
}
