package view_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shipit/exec/view"
)

func kept(room int, lines ...string) *view.Kept {
	k := view.NewKept(room)
	for _, l := range lines {
		k.Add(l)
	}
	return k
}

func TestOutputsAreGrouped(t *testing.T) {
	t.Parallel()
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprint("line ", i)
	}
	hosts := []view.Output{
		{Host: "rb1001", OK: true, Said: kept(1000, "4.19.0", "ok")},
		{Host: "rb1002", How: "exit status 1", Said: kept(1000, "bash: \x1b[2Jgone\u202e", "lab9: ok\rover")},
		{Host: "rb1003", OK: true, Said: kept(1000, "4.19.0", "ok")},
		{Host: "rb1004", How: "unreachable: connection refused", Help: "try: ssh deploy@rb1004 true"},
		{Host: "rb1005", OK: true},
		{Host: "rb1006", OK: true, Said: kept(300, many...)},
		{Host: "rb1007", OK: true, Said: kept(1000, "4.19.0 ", "ok")},
		{Host: "rb1008", How: "exit status 1", Said: kept(1000, "bash: \x1b[2Jgone\u202e", "lab9: ok\rover")},
	}
	golden(t, "outputs", func(w io.Writer, s view.Style) { view.Outputs(w, hosts, s) })
}

func TestLinesAreShownBehindTheirHost(t *testing.T) {
	t.Parallel()
	golden(t, "prefixed", func(w io.Writer, s view.Style) {
		p := view.NewPrefixed(w, []string{"rb1", "rb1001"}, s)
		p.Line("rb1001", "up")
		p.Line("rb1", "rb1001 | down\nrb1001 | \x1b]0;x\a")
		p.Line("rb1", "")
		p.Bad("rb1", "exit status 1")
	})
}

func TestKeptLinesAreTheFirstAndTheLast(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.StringMatching(`[a-z]{0,60}`)).Draw(t, "lines")
		room := rapid.IntRange(0, 1500).Draw(t, "room")
		k := kept(room, lines...)
		cut := len(lines) - len(k.Head) - len(k.Tail)
		if cut != k.Cut {
			t.Fatalf("%d lines are gone, Cut is %d", cut, k.Cut)
		}
		missing := lines[len(k.Head) : len(k.Head)+cut]
		if n := int64(len(strings.Join(missing, "\n"))); k.CutBytes != n+int64(min(1, cut)) {
			t.Fatalf("CutBytes is %d, want %d", k.CutBytes, n+1)
		}
		whole := append(append(append([]string{}, k.Head...), missing...), k.Tail...)
		if diff := cmp.Diff(append([]string{}, lines...), whole); diff != "" {
			t.Fatal(diff)
		}
		size := 0
		for _, l := range append(append([]string{}, k.Head...), k.Tail...) {
			size += len(l)
		}
		if size > room {
			t.Fatalf("%d bytes kept, room for %d", size, room)
		}
	})
}
