package exec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/plan"
	"shipit/exec/transport/transporttest"
)

// TestRelayScriptsAreShown: what the relay of a rack runs, what the others do,
// and what they do where that fails, in words that are the same each time and
// that shellcheck and all shells read.
func TestRelayScriptsAreShown(t *testing.T) {
	t.Parallel()
	rel := plan.Release{ID: "v1", Tag: "v1", Commit: "c1"}
	body := plan.Body{Kind: plan.Deploy, Service: "web", Path: "app", Release: rel}
	for _, h := range []struct{ name, rack string }{{"h1", "a"}, {"h2", "a"}, {"h3", "a"}, {"h4", "b"}, {"h5", ""}} {
		host := plan.Host{Name: h.name, Action: plan.Create, To: rel, Stage: []plan.Step{
			{ID: "stage", Op: plan.OpStage, Release: "v1", Kind: "push", Spec: map[string]any{"relay": "rack"}},
		}}
		if h.rack != "" {
			host.Labels = map[string]string{"rack": h.rack}
		}
		body.Hosts = append(body.Hosts, host)
	}
	show := func() []Script {
		s, err := Scripts(t.Context(), Showing{
			Plan: &plan.Plan{Body: body}, By: "ann@desk", Source: transporttest.NewRepo(map[string]transporttest.Tree{"c1": {"f": "1"}}),
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	got := show()
	if diff := cmp.Diff(got, show()); diff != "" {
		t.Errorf("a second look differs:\n%s", diff)
	}
	var phases []string
	all := map[string]string{}
	for _, s := range got {
		name := s.Phase + " " + strings.Join(s.Hosts, ",")
		phases = append(phases, name)
		all["whole "+name] = s.Whole
		for _, step := range s.Steps {
			all[name+": "+step.ID] = step.Shell
		}
	}
	want := "observe h1,h2,h3,h4,h5; lock h1,h2,h3,h4,h5; stage h1,h2,h3,h4,h5; relay h1; relay-end h1; relay h2,h3"
	if diff := cmp.Diff(want, strings.Join(phases, "; ")); diff != "" {
		t.Error(diff)
	}
	for name, text := range map[string]string{
		"relay h1: stage": "\nif why=$(serve KEY 1800)", "relay h2,h3: stage": "\nrelayed USER RELAY 22 ", "relay-end h1: relay": "\nunserve\n",
	} {
		if !strings.Contains(all[name], text) {
			t.Errorf("%s does not hold %q: %s", name, text, all[name])
		}
	}
	cleanIn(t, all, "dash", "-n")
	cleanIn(t, all, "bash", "--posix", "-n")
	cleanIn(t, all, "busybox", "sh", "-n")
	for name := range all {
		if !strings.HasPrefix(name, "relay") {
			delete(all, name) // the others are read by TestScriptsAreClean
		}
	}
	cleanIn(t, all, "shellcheck", "-f", "gcc", "-s", "sh", "-S", "warning", "-e", "SC1007,SC2034,SC2154,SC2164,SC2254,SC3044", "-")
}
