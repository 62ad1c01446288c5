package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"shipit/exec/journal"
	"shipit/lang/diag"
)

type journalCmd struct {
	Check journalCheckCmd `cmd:"" help:"Say whether a run's journal is whole, and what is wrong with it."`
}

type journalCheckCmd struct {
	Which string `arg:"" name:"run" help:"A run, the beginning of its id, or a file."`
}

func (c *journalCheckCmd) Help() string {
	return "Reads every line and its checksum. A last line that a crash tore is no damage: the run goes on without it.\n\n" +
		examples("shipit journal check 20150610T140203Z-3kq7", "shipit journal check ./20150610T140203Z-3kq7.jsonl")
}

// Run explains what is wrong with a journal. Damage ends it with 1.
func (c *journalCheckCmd) Run(w *world) error {
	file := c.Which
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !strings.ContainsRune(file, '/') {
		if file, err = journal.Find(w.stateDir(), file); err != nil {
			return err
		}
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return fmt.Errorf("cannot read the journal: %w", err)
	}
	events, flaws := journal.Check(data)
	damaged := false
	for _, f := range flaws {
		where := pretty(file)
		if f.Line > 0 {
			where += fmt.Sprintf(":%d", f.Line)
		}
		fmt.Fprintf(w.stdout, "%s: %s\n", where, diag.CleanLine(f.What))
		damaged = damaged || !f.Minor
	}
	switch {
	case damaged:
		return usageError{
			fmt.Errorf("the journal is damaged; %s of it can be read, and no run goes on from it", count(events, "event")),
			"the hosts know where they stand: 'shipit status' and 'shipit plan' ask them",
		}
	case len(flaws) > 0:
		fmt.Fprintf(w.stdout, "Nothing that was safe is lost: %s. 'shipit resume' goes on from there.\n", count(events, "event"))
	default:
		fmt.Fprintf(w.stdout, "The journal is whole: %s.\n", count(events, "event"))
	}
	return nil
}
