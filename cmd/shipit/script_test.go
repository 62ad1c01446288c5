package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"shipit/exec/journal/redistest"
)

var update = flag.Bool("update", false, "rewrite the golden parts of the scripts")

// racedScripts are those whose programs do much at the same time: they run with
// the race detector.
var racedScripts = []string{"apply", "attach", "exec", "interrupted", "notify", "resume", "steer", "stop"}

// TestScripts runs the program as people do, one script per command and
// situation.
func TestScripts(t *testing.T) {
	t.Parallel()
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			if slices.Contains(racedScripts, strings.TrimPrefix(filepath.Base(e.WorkDir), "script-")) {
				e.Setenv("PATH", racedPath)
			}
			e.Setenv("REPO", repo)
			e.Setenv("CI", "")            // the scripts that are interactive mean it
			e.Setenv("SHIPIT_PLAIN", "1") // the script about screens means it
			e.Setenv("NL", "\n")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else each program waits a second at its end
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
			e.Setenv("REDIS", redistest.FreePort(t)) // where a script may start one
			e.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			e.Setenv("GIT_AUTHOR_NAME", "A U Thor")
			e.Setenv("GIT_AUTHOR_EMAIL", "author@example.org")
			e.Setenv("GIT_COMMITTER_NAME", "A U Thor")
			e.Setenv("GIT_COMMITTER_EMAIL", "author@example.org")
			return os.MkdirAll(filepath.Join(e.WorkDir, "home"), 0o700)
		},
		Cmds: commands,
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "tmux":
				_, err := exec.LookPath("tmux")
				return err == nil, nil
			case "root":
				return os.Getuid() == 0, nil
			case "redis":
				_, err := exec.LookPath("redis-server")
				return err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// TestExitCodesStandInTheREADME holds the table that scripts rely on to the
// one that people read.
func TestExitCodesStandInTheREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range exitCodes {
		row := "| " + strconv.Itoa(c.code) + " | " + c.text + " |"
		if !strings.Contains(string(readme), row) {
			t.Errorf("README.md lacks the row %q", row)
		}
	}
}
