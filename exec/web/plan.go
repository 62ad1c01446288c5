package web

import (
	"net/http"
	"strings"

	"shipit/exec/plan"
	"shipit/exec/view"
	"shipit/lang/diag"
)

// planPage is the plan of a run.
func (s *Server) planPage(w http.ResponseWriter, r *http.Request, rec *recorded) {
	s.page(w, http.StatusOK, "plan", struct {
		runFrame
		Plans  []planData
		Digest string
	}{s.runFrame(r, rec, "plan"), []planData{planOf(rec.plan)}, rec.plan.Digest})
}

// A planData is a plan as a page shows it: the words that `shipit plan`
// prints, the diffs to be opened, and who made it.
type planData struct {
	*plan.Plan
	Text    string // as it is printed
	Batches []planBatch
}

// A planBatch is a batch with its hosts, those of the same change together.
type planBatch struct {
	Name   string
	Groups []planGroup
}

type planGroup struct {
	Names   []string
	Action  string
	Same    string
	Changes []planChange
}

type planChange struct {
	plan.Change
	Lines []diffLine
}

// A diffLine is a line of a diff, and what it is.
type diffLine struct{ Text, Tone string }

func planOf(p *plan.Plan) planData {
	var b strings.Builder
	view.Plan(&b, p, view.Style{})
	d := planData{Plan: p, Text: diag.Clean(b.String())}
	for i := range p.Body.Batches {
		batch := planBatch{Name: diag.CleanLine(p.Body.Batches[i].Name)}
		for _, g := range plan.Groups(p, i) {
			group := planGroup{Action: string(g.Host.Action), Same: g.Same}
			for _, name := range g.Hosts {
				group.Names = append(group.Names, diag.CleanLine(name))
			}
			if g.Same == "" {
				for _, c := range g.Host.Changes {
					group.Changes = append(group.Changes, planChange{c, diffOf(c.Diff)})
				}
			}
			batch.Groups = append(batch.Groups, group)
		}
		d.Batches = append(d.Batches, batch)
	}
	return d
}

func diffOf(diff string) []diffLine {
	var out []diffLine
	for line := range strings.Lines(diff) {
		text := diag.CleanLine(strings.TrimSuffix(line, "\n"))
		tone := "plain"
		switch {
		case strings.HasPrefix(text, "+"):
			tone = "add"
		case strings.HasPrefix(text, "-"):
			tone = "cut"
		case strings.HasPrefix(text, "@@"):
			tone = "faint"
		}
		out = append(out, diffLine{text, tone})
	}
	return out
}
