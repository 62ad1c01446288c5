package exec

import (
	osexec "os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
)

// sharedParts are all that steps share, and the prelude, which has its
// functions in the same shell.
func sharedParts() map[string]string {
	parts := map[string]string{"observe": observeScript, "prelude": remote.Script(remote.Command{}, "n")}
	for i, part := range slices.Concat(lock.Shared(), sharedScripts()) {
		parts[string(rune('a'+i))] = part
	}
	return parts
}

var definition = regexp.MustCompile(`(?m)^([a-z_0-9]+)\(\)`)

// A shell that is kept has the shared parts of all that it ever ran: none may
// redefine what is another's, run anything by itself, or stand before a
// program that some script runs.
func TestSharedPartsLiveTogether(t *testing.T) {
	t.Parallel()
	owner := map[string]string{}
	for name, part := range sharedParts() {
		for _, m := range definition.FindAllStringSubmatch(part, -1) {
			if other, ok := owner[m[1]]; ok && name != other {
				t.Errorf("both %s and %s define %s", name, other, m[1])
			}
			owner[m[1]] = name
		}
		if name == "prelude" {
			continue
		}
		if out, err := osexec.Command("/bin/sh", "-c", "set -x\n"+part).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s does more than to define functions: %v\n%s", name, err, out)
		}
	}
	if len(owner) < 60 {
		t.Fatalf("only %d functions were found", len(owner))
	}
	scripts, err := Scripts(t.Context(), Showing{Plan: &plan.Plan{Body: showable()[0]}, By: "ann@desk"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		for _, step := range s.Steps {
			for name, part := range sharedParts() {
				if name == "prelude" || strings.Contains(step.Shell, part) {
					continue
				}
				for _, m := range definition.FindAllStringSubmatch(part, -1) {
					called := regexp.MustCompile(`(?m)(^|[;&|{(!]|\bthen|\bdo|\belse)[ \t]*` + m[1] + `([ \t;]|$)`)
					if called.MatchString(step.Shell) && !strings.Contains(step.Shell, m[1]+"() ") {
						t.Errorf("%s: the step %s runs %s, which is a function of a shared part that it does not have", s.Phase, step.ID, m[1])
					}
				}
			}
		}
	}
}
