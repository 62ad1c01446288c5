package exec

import (
	"fmt"
	"time"

	"shipit/exec/plan"
	"shipit/lang/diag"
)

// outside says why the run may start nothing now because of its deploy
// windows, "" where it may.
func (r *run) outside() string {
	if r.windowWaived || r.waiver() != "" {
		return ""
	}
	open, next, err := plan.Open(r.body.Windows, r.now(), time.LoadLocation)
	switch {
	case err != nil:
		return err.Error()
	case open:
		return ""
	case next.IsZero():
		return "outside of the deploy window"
	}
	return "outside of the deploy window, which opens " + Instant(next)
}

// waiver is why a person lets the run go on outside of its windows.
func (r *run) waiver() string {
	if r.o.Outside != "" {
		return r.o.Outside
	}
	return r.body.Request.Outside
}

// whatever says, at the end of a sentence, that the windows are left out of
// account, and why.
func (r *run) whatever() string {
	if why := r.waiver(); why != "" && len(r.body.Windows) > 0 {
		return ", whatever its deploy window: " + diag.CleanLine(why)
	}
	return ""
}

// Instant is a time that may be days away, as people read it.
func Instant(t time.Time) string { return t.Format("Mon 2006-01-02 15:04 MST") }

// holdSlice pauses the run where its deploy window closed before the next
// slice; it tells whether it did.
func (r *run) holdSlice() bool {
	why := r.outside()
	if why == "" {
		return false
	}
	r.pause(Control{By: "the deploy window"}, fmt.Sprintf("paused: it is %s; no new slice starts until somebody continues the run", why))
	return true
}
