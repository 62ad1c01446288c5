package plan

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"shipit/lang"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A golden file holds request.json, and perhaps definition.json and
// facts.json, which are laid over the definition and the healthy fleet of
// fleet_test.go; plan.txt is what a plan says of them.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/plan/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			part := map[string][]byte{}
			for _, f := range ar.Files {
				part[f.Name] = f.Data
			}
			got := describe(Make(inputs(t, part)))
			if *update {
				for i := range ar.Files {
					if ar.Files[i].Name == "plan.txt" {
						ar.Files[i].Data = []byte(got)
					}
				}
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(part["plan.txt"]), got); diff != "" {
				t.Errorf("the plan is another one (-want +got; go test -update writes it):\n%s", diff)
			}
		})
	}
}

// inputs reads the parts of a golden file.
func inputs(t *testing.T, part map[string][]byte) Inputs {
	t.Helper()
	read := func(name string, v any) {
		if data, ok := part[name]; ok {
			if err := json.Unmarshal(data, v); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	var req struct {
		Kind    Kind
		Want    int // the release that is wanted, 0 for none
		Options Options
		Git     Git
		Need    Need
		Hosts   []struct {
			Ran   []int // the releases that ran there, oldest first
			Count int   // so many hosts are like this
		}
	}
	read("request.json", &req)
	all := []Release{{}, r1, r2, r3}
	var facts Facts
	for _, h := range req.Hosts {
		var releases []Release
		for _, n := range h.Ran {
			releases = append(releases, all[n])
		}
		for range max(h.Count, 1) {
			facts.Hosts = append(facts.Hosts, host(fmt.Sprintf("web%02d", len(facts.Hosts)+1), releases...))
		}
	}
	over := map[string]json.RawMessage{}
	read("facts.json", &over)
	for i := range facts.Hosts {
		if o, ok := over[facts.Hosts[i].Name]; ok {
			if err := json.Unmarshal(o, &facts.Hosts[i]); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range []map[string]FileFact{facts.Hosts[i].Files} {
			for path, file := range f { // digests follow from contents
				if file.SHA256 == "" && file.Exists {
					file.SHA256 = sum(file.Content)
					f[path] = file
				}
			}
		}
	}
	want := all[req.Want]
	evaluated := want
	if want == (Release{}) {
		evaluated = r3
	}
	def := definition(len(facts.Hosts), evaluated)
	laidOver(t, def, part["definition.json"])
	in := deploy(def, facts, want)
	in.Kind, in.Options, in.Git, in.Need, in.As = req.Kind, req.Options, req.Git, req.Need, evaluated
	return in
}

// laidOver lays a definition.json over def: lists of it take the place of
// lists, but targets are laid over targets one by one.
func laidOver(t *testing.T, def *lang.Definition, data []byte) {
	t.Helper()
	if data == nil {
		return
	}
	var raw struct {
		Service struct{ Batches []any }
		Targets []json.RawMessage
	}
	targets := def.Targets
	err := json.Unmarshal(data, &raw)
	if raw.Service.Batches != nil {
		def.Service.Batches = nil
	}
	err = errors.Join(err, json.Unmarshal(data, def))
	def.Targets = targets
	for i, over := range raw.Targets {
		var lists struct{ Files, Checks []any }
		err = errors.Join(err, json.Unmarshal(over, &lists))
		if lists.Files != nil {
			def.Targets[i].Files = nil
		}
		if lists.Checks != nil {
			def.Targets[i].Checks = nil
		}
		err = errors.Join(err, json.Unmarshal(over, &def.Targets[i]))
	}
	if err != nil {
		t.Fatalf("definition.json: %v", err)
	}
}

// describe is what matters of a plan, in a form that a person can judge.
func describe(p *Plan) string {
	var b strings.Builder
	show := func(i int) {
		for _, g := range Groups(p, i) {
			h := g.Host
			fmt.Fprintf(&b, "%s %s", h.Action, strings.Join(g.Hosts, " "))
			if g.Same != "" {
				fmt.Fprintf(&b, " (same as %s)\n", g.Same)
				continue
			}
			fmt.Fprintf(&b, "  from %s to %s, back to %s\n", h.From.Name(), h.To.Name(), h.Back.Name())
			if h.Problem != "" {
				fmt.Fprintf(&b, "  problem: %s\n", h.Problem)
			}
			for _, c := range h.Changes {
				fmt.Fprintf(&b, "  %s %s\n", c.Mark, strings.Join(strings.Fields(c.Kind+" "+c.Name+" "+c.Text), " "))
				b.WriteString(c.Diff)
			}
			steps(&b, "stage", h.Stage)
			steps(&b, "switch", h.Switch)
			steps(&b, "after", h.After)
			steps(&b, "undo", h.Undo)
			steps(&b, "prune", h.Prune)
		}
	}
	for i, batch := range p.Body.Batches {
		fmt.Fprintf(&b, "batch %s:", batch.Name)
		for _, s := range batch.Slices {
			fmt.Fprintf(&b, " [%s]", strings.Join(s, " "))
		}
		fmt.Fprintf(&b, " soak %s confirm %t max_failed %d", batch.Soak, batch.Confirm, batch.MaxFailed)
		if batch.MaxUnhealthy > 0 {
			fmt.Fprintf(&b, " max_unhealthy %d", batch.MaxUnhealthy)
		}
		if batch.Parallel > 0 {
			fmt.Fprintf(&b, " parallel %d", batch.Parallel)
		}
		b.WriteByte('\n')
		show(i)
	}
	if p.Body.Budget != (Budget{}) {
		budget, _ := json.Marshal(p.Body.Budget)
		fmt.Fprintf(&b, "budget %s\n", budget)
	}
	b.WriteString("no batch:\n")
	show(-1)
	for _, s := range p.Body.Hooks {
		fmt.Fprintf(&b, "%s: %s\n", s.Text, line(*s.Run))
	}
	for _, n := range p.Body.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	for _, n := range p.Problems() {
		fmt.Fprintf(&b, "PROBLEM: %s\n", n)
	}
	return b.String()
}

func steps(b *strings.Builder, phase string, steps []Step) {
	for _, s := range steps {
		fmt.Fprintf(b, "  %s: %s", phase, s.Text)
		if s.SavedBy != "" {
			fmt.Fprintf(b, " as %s left it", s.SavedBy)
		}
		if s.File != nil && s.File.Root {
			b.WriteString(", as root")
		}
		if c, ok := s.Spec["contains"]; ok {
			fmt.Fprintf(b, " contains %v", c)
		}
		if len(s.Remove) > 0 {
			fmt.Fprintf(b, " (%s)", strings.Join(s.Remove, " "))
		}
		b.WriteByte('\n')
	}
}
