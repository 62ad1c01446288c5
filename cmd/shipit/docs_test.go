package main

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
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
				if diff := diff.Diff("want", []byte(strings.TrimRight(want, "\n")), "got", []byte(strings.TrimRight(got.stdout, "\n"))); diff != nil {
					t.Errorf("%s: %s (-want +got):\n%s%s", page, command, diff, got.stderr)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no page has a dialogue")
	}
}

var labBlock = regexp.MustCompile("(?ms)^```console lab\n(.*?)^```$")

// TestDialoguesOfTheDocumentationHappenOnALab plays the console blocks of each
// page that are about a lab, one after the other, on a lab of three hosts.
func TestDialoguesOfTheDocumentationHappenOnALab(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := labBlock.FindAllStringSubmatch(string(text), -1)
		if len(blocks) == 0 {
			continue
		}
		played++
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			env, dir := program(t, nil).Env, t.TempDir()
			in := func(dir, command string) string {
				cmd := osexec.Command("/bin/sh", "-c", "exec 2>&1\n"+command)
				cmd.Env, cmd.Dir = env, dir
				return finish(t, cmd).stdout
			}
			t.Cleanup(func() { in(dir, "shipit lab down") })
			in(dir, "shipit lab up --hosts 3")
			for _, block := range blocks {
				for _, dialogue := range strings.Split("\n"+block[1], "\n$ ")[1:] {
					command, want, _ := strings.Cut(dialogue+"\n", "\n")
					got := steady(in(filepath.Join(dir, "lab"), command))
					want = steady(want)
					like := strings.ReplaceAll(regexp.QuoteMeta(want), "…\n", "(?s:.*\n)?")
					if !regexp.MustCompile("^" + like + "$").MatchString(got) {
						t.Errorf("%s: %s (-want +got):\n%s", page, command, diff.Diff("want", []byte(want), "got", []byte(got)))
					}
				}
			}
		})
	}
	if played == 0 {
		t.Error("no page has a dialogue on a lab")
	}
}

// passing is what is another thing each time, and what a reader may take it
// for.
var passing = []struct{ from, to string }{
	{`(?m)^read \d+ of \d+ hosts, waiting for .*\n`, ""}, // on a slow machine
	{`(?m)^\d\d:\d\d:\d\d `, "00:00:00 "},
	{`\d{8}T\d{6}Z-\w{4}`, "RUN"},
	{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`, "THEN"},
	{`sha256:\w{12}`, "DIGEST"},
	{`(?m)^Journal: .*`, "Journal: FILE"},
	{`asked \d+ times`, "asked N times"},
	{`\b\d+(\.\d+)?(s|m\d\ds|m)\b`, "TIME"},
	{`TIME to TIME`, "TIME"},
	{`\S+@\S+`, "me@desk"},
	{`(?m) +`, " "},
}

var ofHosts = regexp.MustCompile(`(?m)(^00:00:00 lab\d+ .*\n)+`)

// steady is what a command said without what differs from time to time: hosts
// that change together come in any order.
func steady(said string) string {
	for _, p := range passing {
		said = regexp.MustCompile(p.from).ReplaceAllString(said, p.to)
	}
	return ofHosts.ReplaceAllStringFunc(strings.TrimRight(said, "\n")+"\n", func(lines string) string {
		list := strings.SplitAfter(lines, "\n")
		slices.Sort(list)
		return strings.Join(list, "")
	})
}

var unitBlock = regexp.MustCompile("(?ms)^```ini\n(.*?)^```$")

// TestUnitsOfTheDocumentationCanBeCopied: a unit of systemd has each section
// and each setting on a line of its own.
func TestUnitsOfTheDocumentationCanBeCopied(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^(\[[A-Z][a-z]+\]|[A-Z][A-Za-z]+=.*|)$`)
	found := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range unitBlock.FindAllStringSubmatch(string(text), -1) {
			for _, l := range strings.Split(strings.TrimSuffix(block[1], "\n"), "\n") {
				if found++; !line.MatchString(l) {
					t.Errorf("%s: systemd does not understand %q", page, l)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no page has a unit")
	}
}
