package transport_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"shipit/exec/remote"
	"shipit/exec/transport"
	"shipit/exec/transport/transporttest"
	"shipit/lang/schema"
)

// TestScriptsAreClean has shellcheck and every shell of this machine read what
// hosts will run, of every kind that the schema knows.
func TestScriptsAreClean(t *testing.T) {
	t.Parallel()
	src := transporttest.NewRepo(map[string]tree{"c1": one, "c2": one})
	common, err := os.ReadFile("stage.sh") // which each begins with, and which is read once
	if err != nil {
		t.Fatal(err)
	}
	text, n := "#!/bin/sh\n", 0
	known := map[string]bool{}
	for name, tr := range map[string]transport.Transport{
		"git":       kind(t, "git", map[string]any{"submodules": true, "shared": []any{"log"}}, nil),
		"push":      push(t, src, "log"),
		"http":      kind(t, "http", map[string]any{"url": "https://example.org/a.tar.gz", "sha256": transporttest.Digest(nil), "shared": []any{"log"}}, nil),
		"http file": kind(t, "http", map[string]any{"url": "https://example.org/a", "sha256": transporttest.Digest(nil), "unpack": false}, nil),
		"rsync":     kind(t, "rsync", map[string]any{"source": "rsync://example.org/app", "shared": []any{"log"}}, src),
	} {
		kind, _, _ := strings.Cut(name, " ")
		known[kind] = true
		for _, base := range []string{"", "c2"} {
			if base != "" && name != "push" {
				continue // it changes no more than a word
			}
			d := transport.Delivery{Run: "run-1", Path: "my app", Repo: "https://example.org/a", Release: rel("c1")}
			if base != "" {
				d.Base = rel(base)
			}
			s, _, _, err := tr.Step(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			scripts := []string{s.Shell}
			if name == "push" {
				relay, err := transport.NewRelay(remote.Info{User: "u", Address: "h1:22", PublicKey: "ssh-ed25519 AAAA"})
				if err != nil {
					t.Fatal(err)
				}
				served, fetched := d, d
				served.Serve, fetched.From = relay, relay
				for _, d := range []transport.Delivery{served, fetched} {
					if s, _, _, err = tr.Step(t.Context(), d); err != nil {
						t.Fatal(err)
					}
					scripts = append(scripts, s.Shell)
				}
				scripts = append(scripts, transport.StopRelay("run-1", "my app").Shell)
			}
			for _, script := range scripts {
				if n++; n > 1 {
					script = strings.Replace(script, string(common), "", 1)
				}
				text += fmt.Sprintf("# %s from %q\nf%d() (\n%s\n)\nf%[3]d\n", name, base, n, script)
			}
		}
	}
	text += transport.Forget()
	kinds := 0
	for _, b := range schema.File().Blocks {
		i := slices.IndexFunc(b.Blocks, func(in *schema.Block) bool { return in.Name == "transport" })
		if b.Name != "service" || i < 0 {
			continue
		}
		for _, k := range b.Blocks[i].Kinds {
			kinds++
			if !known[k.Name] {
				t.Errorf("the transport %q has no script here", k.Name)
			}
		}
	}
	if kinds == 0 {
		t.Error("the schema has no transport")
	}
	for _, argv := range [][]string{
		{"shellcheck", "-s", "sh", "-S", "warning", "-e", "SC1007,SC2034,SC2154,SC2164,SC3044", "-"},
		{"dash", "-n"},
		{"bash", "--posix", "-n"},
		{"busybox", "sh", "-n"},
	} {
		path, err := exec.LookPath(argv[0])
		if err != nil {
			continue
		}
		cmd := exec.Command(path, argv[1:]...)
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", argv[0], err, out)
		}
	}
}
