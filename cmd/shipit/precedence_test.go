package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTheStrongestValueWins goes through every choice of the places that can
// give a variable its value.
func TestTheStrongestValueWins(t *testing.T) {
	t.Parallel()
	places := []string{"default", "environment beta", "SHIPIT_VAR_x", "--var-file", "--var"} // the strongest last
	definition := func(chosen []string) string {
		text := "variable \"x\" {\n"
		if slices.Contains(chosen, "default") {
			text += "  default = \"default\"\n"
		}
		text += "}\nhosts \"web\" {\n  names = [\"web1\"]\n}\nenvironment \"beta\" {\n  hosts = hosts.web\n"
		if slices.Contains(chosen, "environment beta") {
			text += "  values = { x = \"environment beta\" }\n"
		}
		return text + "}\nservice \"demo\" {\n  hosts = env.hosts\n  release {\n    repo = \"r\"\n    scheme = \"v{semver}\"\n  }\n  transport \"push\" {\n    path = \"srv\"\n  }\n  restart \"none\" {}\n}\n"
	}
	for set := range 1 << len(places) {
		var chosen []string
		for i, place := range places {
			if set&(1<<i) != 0 {
				chosen = append(chosen, place)
			}
		}
		t.Run(strings.Join(chosen, ","), func(t *testing.T) {
			t.Parallel()
			file := write(t, "def.hcl", definition(chosen))
			args := []string{"console", file, "-e", "beta", "--vars"}
			vars := filepath.Join(filepath.Dir(file), "x.vars")
			var environ []string
			want := []string{"(not", "set)", "-"}
			for _, place := range chosen {
				want = []string{fmt.Sprintf("%q", place), place}
				switch place {
				case "SHIPIT_VAR_x":
					environ = append(environ, "SHIPIT_VAR_x=SHIPIT_VAR_x")
				case "--var-file":
					writeTo(t, vars, "x = \"weaker\"\n")
					args = append(args, "--var-file", vars)
					writeTo(t, vars+"2", "# the last file wins\nx = \"--var-file\"\n")
					args = append(args, "--var-file", vars+"2")
					want[1] = vars + "2:2"
				case "--var":
					args = append(args, "--var", "x=weaker", "--var", "x=--var")
				}
			}
			cmd := program(t, nil, args...)
			cmd.Env = append(cmd.Env, environ...)
			got := finish(t, cmd)
			lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
			if line := strings.Join(strings.Fields(lines[len(lines)-1]), " "); got.code != 0 || line != "x "+strings.Join(want, " ") {
				t.Errorf("exit %d, %q, want %q\n%s", got.code, line, want, got.stderr)
			}
		})
	}
}
