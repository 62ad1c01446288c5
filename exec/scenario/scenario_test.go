package scenario

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/lang"
)

// exitOf stands for the exit codes of the command line.
func exitOf(r exec.Result, err error) int {
	switch {
	case err != nil:
		return 1
	case r.Outcome == event.RolledBack:
		return 4
	case r.Outcome == event.Mixed:
		return 5
	}
	return 0
}

// load reads a definition and the scenarios beside it.
func load(t testing.TB, files fstest.MapFS) (*lang.Config, []lang.Scenario) {
	t.Helper()
	cfg, diags := lang.Load(files, "main.hcl", lang.Options{})
	all, more := lang.LoadScenarios(files, "main.test.hcl")
	for _, d := range append(diags, more...) {
		t.Fatalf("%s: %s %s", d.Subject, d.Summary, d.Help)
	}
	return cfg, all.List
}

const definition = `
hosts "web" {
  names = expand("web[1-4].example.org")
}

service "web" {
  hosts = hosts.web

  release {
    repo   = "web.git"
    scheme = "v{semver}"
  }

  transport "push" {
    path = "srv/web"
  }

  file "/etc/web.conf" {
    content = "release = ${release.tag}\n"
  }

  batch "canary" {
    hosts = [service.hosts[0]]
    soak  = "1m"
  }

  batch "fleet" {
    size = 2
  }

  drain {
    out = ["pool", "out"]
    in  = ["pool", "in"]
  }

  restart "systemd" {
    unit = "web.service"
  }

  check "http" "front" {
    url = "http://${host.address}/"
  }

  hook "announce" {
    at   = "finish"
    from = "deployer"
    run  = ["announce"]
  }
}
`

// play plays one scenario of the definition above.
func play1(t *testing.T, body string) *Result {
	t.Helper()
	cfg, all := load(t, fstest.MapFS{
		"main.hcl":      {Data: []byte(definition)},
		"main.test.hcl": {Data: []byte("scenario \"one\" {\n  release = \"v1.1.0\"\n  fleet = { \"*\" = \"v1.0.0\" }\n" + body + "\n}\n")},
	})
	return Play(cfg, all[0], Options{Exit: exitOf})
}

func TestScenariosThatComeAsExpected(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a good release": `expect {
			outcome = "done"
			exit = 0
			batches = [["web1.example.org"], ["web[2-3].example.org"], ["web4.example.org"]]
			release = { "*" = "v1.1.0" }
			most_out = 2
			touched = ["*"]
			out = []
			within = "2m"
		}`,
		"a restart fails": `fail = { restart = ["web3.example.org"] }
		expect {
			outcome = "rolled back"
			exit = 4
			touched = ["web[1-3].example.org"]
			release = { "*" = "v1.0.0" }
			reason = "restart"
		}`,
		"the way back fails": `fail = { "check.http.front" = "web1.example.org" }
		fault "restart" {
			hosts = "web1.example.org"
			on_rollback = true
		}
		expect {
			outcome = "mixed"
			exit = 5
			out = ["web1.example.org"]
		}`,
		"a check fails in the soak": `fault "check.http.front" {
			hosts = "web1.example.org"
			passes = 20
		}
		expect {
			outcome = "rolled back"
			touched = ["web1.example.org"]
			batches = [["web1.example.org"]]
		}`,
		"a hanging drain meets its deadline": `fault "drain" {
			hosts = "web1.example.org"
			how = "hang"
		}
		expect {
			release = { "*" = "v1.0.0" }
			batches = [["web1.example.org"]]
			within = "2m"
		}`,
		"a connection that is cut in staging is made again": `fault "stage" {
			how = "cut"
		}
		expect {
			outcome = "done"
		}`,
		"a host vanishes": `fault "restart" {
			hosts = "web1.example.org"
			how = "vanish"
		}
		expect {
			outcome = "mixed"
			release = { "web[2-4].example.org" = "v1.0.0" }
		}`,
		"a hook of the run fails on the deployer": `fail = { "hook.announce" = "*" }
		expect {
			outcome = "rolled back"
			reason = "hook.announce"
		}`,
		"killed": `kill {
			at = "restart"
			host = "web2.example.org"
			then = "nothing"
		}
		expect {
			release = { "web1.example.org" = "v1.1.0", "web[2-4].example.org" = "v1.0.0" }
			out = ["web[2-3].example.org"]
		}`,
		"killed, and applied again": `kill {
			at = "restart"
			host = "web2.example.org"
		}
		expect {
			outcome = "done"
			out = []
			release = { "*" = "v1.1.0" }
		}`,
		"killed, and resumed": `kill {
			at = "restart"
			host = "web2.example.org"
			then = "resume"
		}
		expect {
			outcome = "done"
			out = []
			release = { "*" = "v1.1.0" }
			batches = [["web4.example.org"]]
		}`,
		"killed, and rolled back": `kill {
			at = "restart"
			host = "web2.example.org"
			then = "rollback"
		}
		expect {
			outcome = "done"
			release = { "*" = "v1.0.0" }
			out     = []
		}`,
		"aborted and rolled back": `abort {
			at = "drain"
			host = "web1.example.org"
			then = "rollback"
		}
		expect {
			outcome = "rolled back"
			touched = ["web1.example.org"]
		}`,
		"aborted and continued": `abort {
			at = "drain"
			host = "web1.example.org"
			then = "continue"
		}
		expect {
			outcome = "done"
		}`,
		"new hosts": `limit = ["web[1-2].example.org"]
		expect {
			outcome = "done"
			release = { "web[3-4].example.org" = "v1.0.0", "web[1-2].example.org" = "v1.1.0" }
		}`,
		"slow hosts": `slow = { "web4.example.org" = "10s" }
		expect {
			outcome = "done"
			within = "4m"
		}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := play1(t, body)
			for _, f := range r.Failures {
				t.Error(f.text())
			}
			for _, d := range r.Diags {
				t.Error(d.Subject, d.Summary, d.Help)
			}
			if t.Failed() {
				t.Log("\n" + strings.Join(r.Timeline, "\n"))
			}
		})
	}
}

// Wherever the deployer is killed, and whatever follows, everybody is whole
// and in service again.
func TestKilledAtEachStepAndTakenToAnEnd(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"stage", "drain", "activate", "restart", "check.http.front", "undrain"} {
		for then, release := range map[string]string{"rollback": "v1.0.0", "resume": "v1.1.0", "apply": "v1.1.0"} {
			for _, host := range []string{"web1", "web2"} {
				t.Run(at+" "+then+" "+host, func(t *testing.T) {
					t.Parallel()
					r := play1(t, fmt.Sprintf("kill {\nat = %q\nhost = \"%s.example.org\"\nthen = %q\n}\nexpect {\nout = []\nrelease = { \"*\" = %q }\n}",
						at, host, then, release))
					for _, f := range r.Failures {
						t.Error(f.text())
					}
					for _, d := range r.Diags {
						t.Error(d.Subject, d.Summary, d.Help)
					}
					if t.Failed() {
						t.Log("\n" + strings.Join(r.Timeline, "\n"))
					}
				})
			}
		}
	}
}

// A scenario that expects what does not happen fails, and says what did.
func TestEveryExpectationCanFail(t *testing.T) {
	t.Parallel()
	for expectation, want := range map[string]string{
		`outcome = "mixed"`:                           "outcome mixed done",
		`exit = 4`:                                    "exit 4 0",
		`touched = ["web1.example.org"]`:              "touched web1.example.org web[1-4].example.org",
		`release = { "web2.example.org" = "v1.0.0" }`: "release v1.0.0 v1.1.0 on web2.example.org",
		`batches = [["*"]]`:                           "batches web[1-4].example.org web1.example.org | web[2,3].example.org | web4.example.org",
		`most_out = 1`:                                "most_out at most 1 2",
		`out = ["web1.example.org"]`:                  "out web1.example.org no host",
		`reason = "too bad"`:                          `reason a message that contains "too bad" none`,
		`within = "30s"`:                              "within 30s 1m",
	} {
		t.Run(expectation, func(t *testing.T) {
			t.Parallel()
			r := play1(t, "expect {\n"+expectation+"\n}")
			if len(r.Failures) != 1 || r.OK() {
				t.Fatalf("failures: %+v, diagnostics: %+v", r.Failures, r.Diags)
			}
			f := r.Failures[0]
			if got := f.What + " " + f.Want + " " + f.Got; !strings.HasPrefix(got, want) {
				t.Errorf("it says %q, want %q", got, want)
			}
			if f.At.File != "main.test.hcl" || f.At.Start.Line != 5 {
				t.Errorf("it is placed at %s", f.At)
			}
		})
	}
}

func TestAScenarioGoesTheSameWayEachTime(t *testing.T) {
	t.Parallel()
	const body = `fail = { "check.http.front" = "web3.example.org" }
	expect {
		outcome = "done"
	}`
	first := strings.Join(play1(t, body).Timeline, "\n")
	for range 20 {
		if diff := cmp.Diff(first, strings.Join(play1(t, body).Timeline, "\n")); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestTheScenariosOfTheExamples(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../../examples")
	cfg, diags := lang.Load(root, "restbase.hcl", lang.Options{})
	all, more := lang.LoadScenarios(root, "restbase.test.hcl")
	if diags = append(diags, more...); len(diags) > 0 {
		t.Fatal(diags)
	}
	for _, s := range all.List {
		t.Run(s.Name, func(t *testing.T) {
			r := Play(cfg, s, Options{Exit: exitOf})
			for _, f := range r.Failures {
				t.Error(f.text())
			}
			if r.Diags.HasErrors() {
				t.Error(r.Diags)
			}
			if t.Failed() {
				t.Log("\n" + fmt.Sprint(strings.Join(r.Timeline, "\n")))
			}
		})
	}
}
