package transport_test

import (
	"os/exec"
	"strings"
	"testing"

	"shipit/exec/transport"
)

// TestScriptsAreClean has shellcheck read what hosts will run, of every kind.
func TestScriptsAreClean(t *testing.T) {
	t.Parallel()
	check, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed")
	}
	src := newRepo(map[string]tree{"c1": one, "c2": one})
	for name, tr := range map[string]transport.Transport{
		"git":   gitKind(t, map[string]any{"submodules": true, "shared": []any{"log"}}),
		"push":  push(t, src, "log"),
		"http":  httpKind(t, map[string]any{"url": "https://example.org/a.tar.gz", "sha256": digest(nil), "shared": []any{"log"}}),
		"file":  httpKind(t, map[string]any{"url": "https://example.org/a", "sha256": digest(nil), "unpack": false}),
		"rsync": rsyncKind(t, "rsync://example.org/app", src),
	} {
		for _, base := range []string{"", "c2"} {
			d := transport.Delivery{Run: "run-1", Path: "my app", Repo: "https://example.org/a", Release: rel("c1")}
			if base != "" {
				d.Base = rel(base)
			}
			s, _, _, err := tr.Step(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(check, "-s", "sh", "-S", "warning", "-e", "SC1007,SC2034,SC2154,SC2164,SC3044", "-")
			cmd.Stdin = strings.NewReader("#!/bin/sh\n" + s.Shell)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s from %q: %v\n%s", name, base, err, out)
			}
		}
	}
}
