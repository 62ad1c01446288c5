package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"

	"shipit/exec"
	"shipit/lang"
	"shipit/lang/diag"
)

// scriptsOf are the scripts of one plan.
type scriptsOf struct {
	Service string        `json:"service"`
	Scripts []exec.Script `json:"scripts"`
}

// showScripts prints what the hosts would run.
func (c *planCmd) showScripts(ctx context.Context, w *world, all *allPlanned) error {
	var out []scriptsOf
	for _, p := range all.plans {
		s := exec.Showing{Plan: p.plan, By: w.by(), Root: p.root}
		if p.repo != nil {
			s.Source = p.repo
		}
		scripts, err := exec.Scripts(ctx, s)
		if err != nil {
			return fmt.Errorf("cannot show the scripts of %s: %w", p.plan.Body.Service, err)
		}
		out = append(out, scriptsOf{p.plan.Body.Service, scripts})
	}
	if c.JSON {
		return writeJSON(w.stdout, out)
	}
	for _, s := range out {
		printScripts(w.stdout, s)
	}
	return nil
}

// printScripts prints scripts for a reader, to whom a function and a step of a
// phase are said once.
func printScripts(out io.Writer, s scriptsOf) {
	fmt.Fprintf(out, `# What the hosts of %s would run, in the order of a run. Each script is one exec; its
# steps run one after the other, each in a subshell of sh. A function that stands further
# up is not repeated; --json has every script whole, with the prelude that comes first
# (it defines run, apart, fact, die and data). What only a run knows reads RUN, NONCE
# and generation 0. What is sensitive reads SENSITIVE, and its digest DIGEST.
`, diag.CleanLine(s.Service))
	b := brief{told: map[string]bool{}}
	shown := map[string]string{} // by phase, step and text: where it stands
	for i, script := range s.Scripts {
		hosts := diag.CleanLine(lang.Fold(script.Hosts))
		fmt.Fprintf(out, "\n#### script %d of %d: %s on %s\n", i+1, len(s.Scripts), script.Phase, hosts)
		for _, step := range script.Steps {
			key := script.Phase + "\n" + step.ID + "\n" + step.Shell
			if where, ok := shown[key]; ok {
				fmt.Fprintf(out, "\n# step %s: as on %s\n", diag.CleanLine(step.ID), where)
				continue
			}
			shown[key] = hosts
			fmt.Fprintf(out, "\n# step %s\n%s", diag.CleanLine(step.ID), b.text(diag.Clean(step.Shell)))
		}
	}
	if len(s.Scripts) == 0 {
		fmt.Fprintln(out, "\n# No host can be asked.")
	}
}

// A brief leaves out functions that it has told.
type brief struct{ told map[string]bool }

var (
	functionHead = regexp.MustCompile(`^([a-z_0-9]+)\(\) [({]`)
	oneLiner     = regexp.MustCompile(`[)}]\n?$`)
)

// text is a script without the functions that were told before; their names
// stand where they were.
func (b brief) text(sh string) string {
	var out, block strings.Builder // block: a function on its way, with its comment
	var skipped []string
	name := ""
	flush := func() {
		if len(skipped) > 0 {
			fmt.Fprintf(&out, "# as above: %s\n", strings.Join(skipped, ", "))
			skipped = nil
		}
		out.WriteString(block.String())
		block.Reset()
	}
	for line := range strings.Lines(strings.TrimRight(sh, "\n") + "\n") {
		head := functionHead.FindStringSubmatch(line)
		block.WriteString(line)
		switch {
		case name == "" && head != nil:
			name = head[1]
			if !oneLiner.MatchString(line) {
				continue
			}
		case name == "" && strings.HasPrefix(line, "#"):
			continue
		case name == "":
			flush()
			continue
		case line != "}\n" && line != ")\n":
			continue
		}
		if text := block.String(); b.told[text] {
			skipped = append(skipped, name)
			block.Reset()
		} else {
			b.told[text] = true
			flush()
		}
		name = ""
	}
	flush()
	return out.String()
}
