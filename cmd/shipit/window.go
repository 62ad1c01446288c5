package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"
	_ "time/tzdata" // deploy windows mean the same on every machine

	"shipit/exec"
	"shipit/exec/plan"
	"shipit/lang/diag"
)

// windows says when the plans may be applied, and tells whether they all may
// be now; outside is why they are applied all the same.
func (w *world) windows(out io.Writer, set *plan.Set, outside string) bool {
	all := true
	for _, p := range set.Plans {
		if len(p.Body.Windows) == 0 || !p.Changes() {
			continue
		}
		name, why := p.Body.Service, cmp.Or(outside, p.Body.Request.Outside)
		open, change, err := plan.Open(p.Body.Windows, w.now(), time.LoadLocation)
		switch {
		case err != nil:
			fmt.Fprintf(out, "! %v\n", err)
			all = false
		case open && !change.IsZero():
			fmt.Fprintf(out, "The deploy window of %s is open until %s.\n", name, exec.Instant(change))
		case open:
		case why != "":
			fmt.Fprintf(out, "The deploy window of %s is closed until %s; it is left out of account: %s\n", name, exec.Instant(change), diag.CleanLine(why))
		default:
			fmt.Fprintf(out, "The deploy window of %s is closed until %s; --outside-window REASON applies it before.\n", name, exec.Instant(change))
			all = false
		}
	}
	return all
}

// errClosed says that nothing is applied now; windows has said why.
func errClosed() error {
	return exit(exitFailed, errors.New("it is outside of the deploy window; nothing was changed"))
}
