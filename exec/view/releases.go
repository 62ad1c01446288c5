package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"shipit/exec/plan"
)

// A Release is a row of the list of releases.
type Release struct {
	Tag     string    `json:"tag"`
	Commit  string    `json:"commit"`
	Author  string    `json:"author"`
	Subject string    `json:"subject"`
	When    time.Time `json:"when"`
	Live    []string  `json:"live"`   // hosts that run it
	Staged  int       `json:"staged"` // hosts that hold it
	Good    int       `json:"good"`   // hosts on which it last passed its checks
	Bad     int       `json:"bad"`    // hosts on which it last failed
}

// Releases prints the releases, newest first, with where each one runs.
func Releases(w io.Writer, list []Release, facts plan.Facts, now time.Time, s Style) {
	rows := [][]string{{"RELEASE", "COMMIT", "AGE", "RUNS ON", "HELD BY", "AUTHOR", "SUBJECT"}}
	for _, r := range list {
		runs, held := "?", "?"
		if len(facts.Hosts) > 0 {
			runs, held = hosts(len(r.Live)), hosts(r.Staged)
		}
		if r.Bad > 0 {
			held += fmt.Sprintf(" (bad on %d)", r.Bad)
		}
		rows = append(rows, []string{r.Tag, short(r.Commit), age(now.Sub(r.When)), runs, held, r.Author, r.Subject})
	}
	fitLast(rows, s.Width)
	table(w, rows, func(row, col int, cell string) string {
		switch {
		case row == 0:
			return s.paint(dim, cell)
		case col == 3 && strings.Contains(cell, "host"):
			return s.paint(green, cell)
		}
		return cell
	})
	var away []string
	for _, h := range facts.Hosts {
		if h.Unreachable != "" {
			away = append(away, h.Name)
		}
	}
	if len(away) > 0 {
		fmt.Fprintf(w, "\nNot counted, because unreachable: %s. 'shipit status' says why.\n", hostNames(away))
	}
}

// hosts is a number of hosts in a cell.
func hosts(n int) string {
	if n == 0 {
		return "-"
	}
	return plural(n, "host")
}

// short is a commit as people write it.
func short(commit string) string {
	if len(commit) > 7 {
		return commit[:7]
	}
	return commit
}
