package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// soaking is a definition whose canary soaks with one more check.
func soaking(check string) definition {
	return definition{
		batch:   "batch \"canary\" {\n    hosts = [service.hosts[0]]\n    soak = \"30s\"\n  }\n\n  batch \"fleet\" {\n    size = 1\n  }",
		restart: "restart \"command\" {\n    shell = \"service hello restart && echo started >>app.log\"\n  }",
		checks:  versionCheck + check,
	}
}

// soaked are the failures of hosts in a soak, in all journals.
func (f *fleet) soaked() string {
	f.t.Helper()
	files, err := filepath.Glob(f.path("state/shipit/runs/*.jsonl"))
	if err != nil {
		f.t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, `"host.failed"`) && strings.Contains(line, ", in the soak of batch canary") {
				out = append(out, line)
			}
		}
	}
	return strings.Join(out, "")
}

// TestE2EALogIsReadOnThroughTheSoak: what was logged before it, and few lines
// at a time, are no reason; a rate is.
func TestE2EALogIsReadOnThroughTheSoak(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	for _, h := range f.hosts {
		f.write(h.name+"/app.log", "error\nerror\nerror\n") // of before the restart
	}
	log := func(lines int) {
		t.Helper()
		file, err := os.OpenFile(f.hosts[0].path("app.log"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := io.WriteString(file, strings.Repeat("an error\n", lines)); err != nil {
			t.Fatal(err)
		}
	}
	d := soaking("")
	d.batch = ""
	f.define(d)
	f.apply(0, first)
	f.define(soaking(`
  check "log" "errors" {
    file     = "app.log"
    must_not = "error"
    max      = 2
    window   = "1s"
    within   = "5s"
    every    = "100ms"
  }
`))
	p := f.start("apply", "hello.hcl", "--release", second, "--yes")
	p.says("wait after batch canary")
	log(5)
	contains(t, p.wants(4), "batch canary did not hold", "5 lines match error, at most")
	contains(t, f.soaked(), `"answer":"no"`, `"step":"check.log.errors"`)
	f.hosts[0].runs(first)
	f.hosts[1].runs(first)
}

// TestE2EAPrometheusIsAskedThroughTheSoak: a rate that rises refuses the
// gate, and so does one that nobody knows any more, which is said.
func TestE2EAPrometheusIsAskedThroughTheSoak(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ then, answer, says string }{
		"rises":   {`[{"metric":{},"value":[1,"7"]}]`, "no", "it is 7, wanted below 2"},
		"no data": {`[]`, "unknown", "unknown: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var then atomic.Bool
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				result := `[{"metric":{},"value":[1,"1"]}]`
				if then.Load() {
					result = c.then
				}
				fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":%s}}`, result)
			}))
			t.Cleanup(s.Close)
			f := newFleet(t, 2)
			d := soaking("")
			d.batch = ""
			f.define(d)
			f.apply(0, first)
			f.define(soaking(fmt.Sprintf("  check \"prometheus\" \"errors\" {\n    url    = %q\n    query  = \"errors\"\n    below  = 2\n    within = \"2s\"\n    every  = \"500ms\"\n  }\n", s.URL)))
			p := f.start("apply", "hello.hcl", "--release", second, "--yes")
			p.says("wait after batch canary")
			then.Store(true)
			p.says("batch canary did not hold")
			then.Store(false) // so that the old release is found good
			contains(t, p.wants(4), "batch canary did not hold", c.says)
			contains(t, f.soaked(), `"answer":"`+c.answer+`"`, `"step":"check.prometheus.errors"`)
			f.hosts[0].runs(first)
			f.hosts[1].runs(first)
		})
	}
}
