package view

import (
	"fmt"
	"io"

	"shipit/exec/plan"
	"shipit/lang/diag"
)

// Plans prints the plans of several services in the order in which they are
// applied, and what they come to. A single one is printed as Plan does.
func Plans(w io.Writer, set *plan.Set, s Style) {
	if len(set.Plans) == 1 {
		Plan(w, set.Plans[0], s)
		return
	}
	var sum counts
	for i, p := range set.Plans {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, s.paint(dim, fmt.Sprintf("Service %d of %d", i+1, len(set.Plans))))
		Plan(w, p, s)
		c := (&planView{p: p}).count()
		sum.change += c.change
		sum.keep += c.keep
		sum.unreachable += c.unreachable
		sum.refused += c.refused
		sum.leftOut += c.leftOut
		sum.restarts += c.restarts
	}
	text := fmt.Sprintf("%s: %d to change, %d unchanged, %d unreachable", plural(len(set.Plans), "service"), sum.change, sum.keep, sum.unreachable)
	if sum.refused > 0 {
		text += fmt.Sprintf(", %d refused", sum.refused)
	}
	if sum.leftOut > 0 {
		text += fmt.Sprintf(", %d left out", sum.leftOut)
	}
	fmt.Fprintf(w, "\n%s; %s.\n", s.paint(bold, text), plural(sum.restarts, "restart"))
	if len(set.Problems()) > 0 {
		fmt.Fprintln(w, "None of them can be applied while one cannot.")
	}
}

// A Fate is what became of one service of several.
type Fate struct {
	Service string
	Release string // that was wanted; "" of a rollback to the last good one
	What    string // "done", "nothing to do", "failed", "not started"
	Run     string // "" where there was none
}

// Fates prints what became of each service.
func Fates(w io.Writer, fates []Fate, s Style) {
	rows := [][]string{{"SERVICE", "RESULT", "RELEASE", "RUN"}}
	for _, f := range fates {
		rows = append(rows, []string{diag.CleanLine(f.Service), f.What, diag.CleanLine(f.Release), f.Run})
	}
	fmt.Fprintln(w)
	table(w, rows, func(row, _ int, cell string) string {
		if row == 0 {
			return s.paint(dim, cell)
		}
		return cell
	})
}
