package main

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var consoleBlock = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")

// TestDialoguesOfTheDocumentationHappen runs every command that stands behind
// a "$" in a console block of the documentation, in the root of the
// repository, and compares what it says.
func TestDialoguesOfTheDocumentationHappen(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range consoleBlock.FindAllStringSubmatch(string(text), -1) {
			for _, dialogue := range strings.Split("\n"+block[1], "\n$ ")[1:] {
				found++
				command, want, _ := strings.Cut(dialogue+"\n", "\n")
				cmd := program(t, nil)
				cmd.Path, cmd.Args, cmd.Dir = "/bin/sh", []string{"sh", "-c", command}, "../.."
				cmd.Err = nil
				if _, err := osexec.LookPath(cmd.Path); err != nil {
					t.Skip(err)
				}
				got := finish(t, cmd)
				if diff := cmp.Diff(strings.TrimRight(want, "\n"), strings.TrimRight(got.stdout, "\n")); diff != "" {
					t.Errorf("%s: %s (-want +got):\n%s%s", page, command, diff, got.stderr)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no page has a dialogue")
	}
}
