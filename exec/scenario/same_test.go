package scenario

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestScenarioGivesTheSameEachTime plays scenarios in which much happens at
// the same instant, again and again.
func TestScenarioGivesTheSameEachTime(t *testing.T) {
	t.Parallel()
	wide := strings.NewReplacer("web[1-4]", "web[01-14]", "size = 2", "size = 9\n    max_failed = 9\n    max_unhealthy = 9").Replace(definition)
	more := 9
	if os.Getenv("SHIPIT_SWEEP") != "" {
		more = 99
	}
	for name, body := range map[string]string{
		"faults of several kinds": `
			fault "restart" { hosts = ["web03.example.org", "web04.example.org"] }
			fault "check.http.front" {
				hosts = ["web05.example.org", "web07.example.org"]
			}
			fault "activate" {
				hosts = ["web08.example.org"]
				how   = "cut"
			}`,
		"slow hosts and lost ones": `
			slow = { "web1*.example.org" = "3s" }
			fault "drain" {
				hosts = ["web04.example.org", "web10.example.org"]
				how   = "vanish"
			}
			fault "stage" {
				hosts = ["web08.example.org", "web09.example.org"]
				times = 1
			}`,
		"the deployer is killed and the run resumed": `
			kill {
				at   = "restart"
				host = ["web07.example.org"]
				then = "resume"
			}`,
		"a person stops the run": `
			abort {
				at   = "activate"
				host = "web0[3-9].example.org"
				then = "rollback"
			}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, all := load(t, fstest.MapFS{
				"main.hcl":      {Data: []byte(wide)},
				"main.test.hcl": {Data: []byte("scenario \"one\" {\n  release = \"v1.1.0\"\n  fleet = { \"*\" = \"v1.0.0\" }\n" + body + "\nexpect {\n outcome = \"done\"\n }\n}\n")},
			})
			first := Play(cfg, all[0], Options{Exit: exitOf})
			for range more {
				again := Play(cfg, all[0], Options{Exit: exitOf})
				if diff := cmp.Diff(first.Timeline, again.Timeline); diff != "" || first.Took != again.Took {
					t.Fatalf("it took %s and %s:\n%s", first.Took, again.Took, diff)
				}
			}
		})
	}
}
