package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"shipit/exec"
	"shipit/exec/event"
	"shipit/exec/scenario"
	"shipit/lang"
	"shipit/lang/diag"
)

// testCmd lives in scenarios.go because the name of a _test file would hide
// it from the compiler.
type testCmd struct {
	Files   []string `arg:"" name:"file" optional:"" help:"Definitions, scenario files (NAME.test.hcl beside NAME.hcl) or directories of them; none is this directory."`
	Only    string   `name:"run" aliases:"filter" placeholder:"REGEX" help:"Only the scenarios whose name matches."`
	Verbose bool     `short:"v" help:"Print the timeline of every scenario."`
	JSON    bool     `name:"json" help:"Print the results as JSON."`
	JUnit   string   `name:"junit" placeholder:"FILE" help:"Also write the results to a file as JUnit XML."`

	Timeout time.Duration `default:"5m" help:"Give up on a scenario that takes longer than this."`
}

func (c *testCmd) Help() string {
	return "With the real planner and the real engine, in virtual time: no host is reached and no command is run. Exits with 3 if one ends otherwise than it expects.\n\n" +
		examples("shipit test restbase.hcl", "shipit test --run canary -v services/", "shipit test --junit tests.xml services/")
}

func (c *testCmd) Run(w *world) error {
	only, err := regexp.Compile(c.Only)
	if err != nil {
		return exit(exitUsage, fmt.Errorf("--run: %w", err))
	}
	began := w.now()
	suites, err := suitesOf(c.Files)
	if err != nil {
		return err
	}
	report := scenario.Report{Style: w.style(), Verbose: c.Verbose}
	broken := false
	for _, s := range suites {
		all, diags := s.load(w)
		if diags.HasErrors() {
			broken = true
			continue
		}
		for _, x := range all.List {
			if !only.MatchString(x.Name) {
				continue
			}
			w.secrets.hide(s.cfg.Secrets(x.Values))
			r := c.play(w, s, x)
			w.diagnose(r.Diags, s.files(all))
			broken = broken || r.Diags.HasErrors()
			report.Add(s.path, r)
			if !c.JSON {
				report.Print(w.stdout, r)
			}
		}
	}
	return c.end(w, &report, broken, w.now().Sub(began))
}

// mostPlayed is the memory that a scenario may take, far above what it does:
// ten thousand hosts take about 1 GiB.
const mostPlayed = 4 << 30

// play plays one scenario as long as the watchdog allows.
func (c *testCmd) play(w *world, s *suite, x lang.Scenario) *scenario.Result {
	var r *scenario.Result
	d := watchdog{time: c.Timeout, memory: mostPlayed}.guard(s.path, func() {
		r = scenario.Play(s.cfg, x, scenario.Options{Version: version, Exit: w.playedExit})
	})
	if d == nil {
		return r
	}
	d.Summary, d.Detail, d.Help, d.Subject = "the scenario costs too much", "Playing it took longer than "+c.Timeout.String()+", or too much memory.", "Give it longer with --timeout, or a smaller fleet.", x.Range
	return &scenario.Result{Scenario: x, Diags: diag.List{*d}}
}

// end writes what is about all scenarios.
func (c *testCmd) end(w *world, report *scenario.Report, broken bool, took time.Duration) error {
	if c.JUnit != "" {
		data, err := report.JUnit()
		if err != nil {
			return err
		}
		if err := writeFile(c.JUnit, data, 0o644); err != nil {
			return err
		}
	}
	if c.JSON {
		if err := writeJSON(w.stdout, report.Document()); err != nil {
			return err
		}
	} else {
		report.Summary(w.stdout, took)
	}
	switch {
	case broken:
		return exit(exitFailed, nil)
	case report.Failed() > 0:
		return exit(exitDifferences, nil)
	case report.Total() == 0:
		return exit(exitFailed, errors.New("no scenario was played"))
	}
	return nil
}

// A suite is a definition with the scenario file beside it.
type suite struct {
	*source
	scenarios string // below the root
	diags     diag.List
}

// suitesOf finds the scenario files that the arguments name or stand beside.
func suitesOf(args []string) ([]*suite, error) {
	named, err := definitions(args)
	if err != nil {
		return nil, err
	}
	var suites []*suite
	seen := map[string]bool{}
	for _, file := range named {
		definition := file
		if base, ok := strings.CutSuffix(file, scenarioSuffix); ok {
			definition = base + ".hcl"
		}
		beside := strings.TrimSuffix(definition, ".hcl") + scenarioSuffix
		if seen[beside] {
			continue
		}
		seen[beside] = true
		if _, err := os.Stat(beside); err != nil {
			if found(args, file) {
				return nil, fmt.Errorf("there is no scenario file %s", beside)
			}
			continue
		}
		s, diags, err := parse(definition, "")
		if err != nil {
			return nil, err
		}
		suites = append(suites, &suite{s, path.Join(path.Dir(s.path), filepath.Base(beside)), diags})
	}
	if len(suites) == 0 {
		return nil, fmt.Errorf("there is no *%s in %s", scenarioSuffix, strings.Join(args, ", "))
	}
	return suites, nil
}

const scenarioSuffix = ".test.hcl"

// found tells whether a file was named, rather than found in a directory.
func found(args []string, file string) bool {
	for _, a := range args {
		if a == file {
			return true
		}
	}
	return false
}

// load reads the scenarios and says what is wrong with them or with the
// definition.
func (s *suite) load(w *world) (*lang.Scenarios, diag.List) {
	w.secrets.hide(s.cfg.Secrets(nil))
	dir, err := os.OpenRoot(s.root)
	if err != nil {
		return nil, diag.List{{Code: "E0102", Severity: diag.Error, Summary: err.Error()}}
	}
	all, diags := lang.LoadScenarios(dir.FS(), s.scenarios)
	diags = append(diags, s.diags...)
	w.diagnose(diags, s.files(all))
	return all, diags
}

// files are the texts of the definition and its scenarios.
func (s *suite) files(all *lang.Scenarios) map[string][]byte {
	texts := s.source.files()
	for name, text := range all.Files() {
		texts[name] = text
	}
	return texts
}

// playedExit is the exit code that apply would have had.
func (w *world) playedExit(r exec.Result, err error) int {
	var locked *exec.LockedError
	var stale *exec.StaleError
	switch {
	case errors.As(err, &locked):
		return exitLocked
	case errors.As(err, &stale):
		return exitStale
	case err != nil:
		return exitFailed
	}
	touched := false
	for _, h := range r.Hosts {
		touched = touched || h.Touched
	}
	if r.Outcome == event.Abort && touched {
		return exitInterrupted
	}
	return w.exitOf(r.Outcome, touched)
}
