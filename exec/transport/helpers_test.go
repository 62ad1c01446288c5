package transport_test

import (
	"testing"

	"shipit/exec/transport"
	"shipit/exec/transport/transporttest"
)

type tree = transporttest.Tree

func rel(commit string) transport.Release {
	return transport.Release{ID: "v-" + commit, Tag: "v/" + commit, Commit: commit}
}

// stage delivers a release; base is a commit or "".
func stage(h *transporttest.Host, tr transport.Transport, commit, base string) error {
	d := transport.Delivery{Release: rel(commit), Unpacks: true}
	if base != "" {
		d.Base = rel(base)
	}
	return h.Stage(tr, d)
}

func mustStage(t *testing.T, h *transporttest.Host, tr transport.Transport, commit, base string) {
	t.Helper()
	if err := stage(h, tr, commit, base); err != nil {
		t.Fatalf("stage %s from %q: %s", commit, base, transporttest.Told(err))
	}
}

// kind makes a transport of a kind.
func kind(t *testing.T, name string, spec map[string]any, src transport.Source) transport.Transport {
	t.Helper()
	tr, err := transport.New(name, spec, src)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func push(t *testing.T, src transport.Source, shared ...any) transport.Transport {
	t.Helper()
	return kind(t, "push", map[string]any{"shared": shared}, src)
}

var one = tree{
	"README":           "hello\n",
	"bin/run":          "#!/bin/sh\n",
	"a/b/c":            "deep\n",
	"empty":            "",
	"-rf":              "an option?\n",
	"with space/é":     "ü\n",
	`back\slash "q" '`: "quotes\n",
	"$(touch x)`y`":    "shell\n",
	"link":             "-> a/b/c",
	"dangling":         "-> nowhere at all",
}
