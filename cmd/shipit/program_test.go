package main

import (
	"errors"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An ending is what a run of the program left.
type ending struct {
	code           int
	stdout, stderr string
}

// runWith runs the program as a process of its own, with an environment that
// holds nothing of this one.
func runWith(t *testing.T, stdin io.Reader, args ...string) ending {
	t.Helper()
	return finish(t, program(t, stdin, args...))
}

func program(t *testing.T, stdin io.Reader, args ...string) *osexec.Cmd {
	t.Helper()
	path, err := osexec.LookPath("shipit")
	if err != nil {
		t.Fatal(err)
	}
	cmd := osexec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = stdin
	home := t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_STATE_HOME=" + home + "/state", "XDG_CACHE_HOME=" + home + "/cache"}
	return cmd
}

func finish(t *testing.T, cmd *osexec.Cmd) ending {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *osexec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ending{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// write makes a file in a directory of its own.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	writeTo(t, file, text)
	return file
}

func writeTo(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
