package main

import (
	"encoding/json"
	"fmt"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/view"
)

type runsCmd struct {
	All  bool `short:"a" help:"All of them; otherwise the newest 20."`
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (c *runsCmd) Help() string {
	return "Reads the journals on this machine; asks no host.\n\n" + examples("shipit runs", "shipit runs --all --json", "shipit resume RUN      # go on with one that was interrupted")
}

func (c *runsCmd) Run(w *world) error {
	list, err := journal.List(w.stateDir())
	if err != nil {
		return err
	}
	total := len(list)
	if !c.All && total > 20 {
		list = list[:20]
	}
	rows := []view.Run{}
	for _, s := range list {
		rows = append(rows, w.rowOf(s))
	}
	if c.JSON {
		enc := json.NewEncoder(w.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"format": "1.0", "runs": rows})
	}
	view.Runs(w.stdout, rows, w.now(), w.style())
	if total > len(list) {
		fmt.Fprintf(w.stdout, "%d older runs: --all lists them.\n", total-len(list))
	}
	return nil
}

// rowOf is a run as the list shows it. Only of one that was stopped in the
// middle all events are read, to see whether anything is left to do.
func (w *world) rowOf(s journal.Summary) view.Run {
	row := view.Run{
		Run: s.Run, Service: s.Header.Service, Env: s.Header.Env, Kind: s.Header.Kind, Release: s.Header.Release,
		Began: s.Header.Time.UTC().Truncate(time.Second), By: s.Header.By, Outcome: string(s.Outcome), Problem: s.Problem,
	}
	switch {
	case s.Problem != "":
	case s.Active:
		row.Outcome = "going on"
	case s.Events == 0: // it was refused, or died before it had done anything
		row.Outcome = "not begun"
	case s.Outcome == "":
		row.Outcome, row.Resumable = "interrupted", true
	case s.Outcome == event.Abort || s.Outcome == event.Mixed:
		r, err := w.recorded(s.Run)
		row.Resumable = err == nil && r.roll.Resumable()
	}
	return row
}
