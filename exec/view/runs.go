package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"shipit/lang"
	"shipit/lang/diag"
)

// A Run is a row of the list of runs.
type Run struct {
	Run       string    `json:"run"`
	Service   string    `json:"service"`
	Env       string    `json:"environment"`
	Kind      string    `json:"kind"`
	Release   string    `json:"release,omitempty"`
	Outcome   string    `json:"outcome"` // of event.Outcome, or "going on", "interrupted", "not begun"
	Began     time.Time `json:"began"`
	By        string    `json:"by"`
	Resumable bool      `json:"resumable"`
	Problem   string    `json:"problem,omitempty"`
}

// Runs prints a list of runs, and what can be typed about those that were
// interrupted.
func Runs(w io.Writer, runs []Run, now time.Time, s Style) {
	rows := [][]string{{"RUN", "SERVICE", "WHAT", "OUTCOME", "WHEN", "BY"}}
	open := ""
	for _, r := range runs {
		if r.Problem != "" {
			rows = append(rows, []string{r.Run, "", "", diag.CleanLine(r.Problem), "", ""})
			continue
		}
		service := r.Service
		if r.Env != "" && r.Env != lang.DefaultEnv {
			service += " (" + r.Env + ")"
		}
		outcome := r.Outcome
		if r.Resumable {
			outcome += ", can be resumed"
			if open == "" {
				open = r.Run
			}
		}
		rows = append(rows, []string{
			r.Run, diag.CleanLine(service), strings.TrimSpace(diag.CleanLine(r.Kind + " " + r.Release)), outcome,
			age(now.Sub(r.Began)), diag.CleanLine(r.By),
		})
	}
	table(w, rows, func(row, col int, cell string) string {
		switch {
		case row == 0:
			return s.paint(dim, cell)
		case col == 3 && runs[row-1].Resumable:
			return s.paint(yellow, cell)
		}
		return cell
	})
	if open != "" {
		fmt.Fprintf(w, "\nContinue:  shipit resume %s\nGo back:   shipit rollback %s\n", open, open)
	}
}
