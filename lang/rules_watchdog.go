package lang

import (
	"fmt"
	"time"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// checkWatchdog sees that a host's watchdog leaves time for all that may
// happen between its arming, after the drain, and its confirmation: a host
// must not go back while it still works as it should.
func (e *evaluator) checkWatchdog(n *node, t Target) {
	r := n.first("rollback")
	if r == nil || r.attrs["watchdog"] == nil {
		return
	}
	limit := get[Duration](e, r, "watchdog")
	if limit == 0 {
		if _, ok := e.attr(r, "watchdog"); ok {
			e.errorf("E0405", r.at("watchdog"), "", "", "watchdog must be more than nothing")
		}
		return
	}
	if on, ok := e.attr(r, "on"); ok && len(on.([]string)) == 0 {
		e.report(dangling(eval.At("E0461", r.at("watchdog"), "a watchdog takes hosts back, and on says that nothing goes back",
			"", "Remove watchdog, or say in on which failures go back."), eval.Range(r.at("on")), "nothing goes back"))
		return
	}
	var need time.Duration
	var related []diag.Related
	takes := func(d Duration, at diag.Range, what string) {
		need += d.Std()
		related = append(related, diag.Related{Range: at, Text: fmt.Sprintf("%s may take %s", what, d)})
	}
	for _, h := range t.Hooks {
		if h.At == "before_restart" || h.At == "after_restart" {
			takes(h.Within, h.Range, "the hook")
		}
	}
	if t.Restart.Kind != "none" {
		takes(t.Restart.Within, t.Restart.Range, "the restart")
	}
	for _, c := range t.Checks {
		if c.At == "host" {
			takes(c.Within, c.Range, "the check")
		}
	}
	if t.Drain != nil {
		takes(t.Drain.Within, t.Drain.Range, "in")
	}
	if limit.Std() > need {
		return
	}
	d := eval.At("E0460", r.at("watchdog"), fmt.Sprintf("the watchdog waits for %s, and a change may take %s", limit, Duration(need)),
		"The host would go back while it still works as it should.",
		fmt.Sprintf("Write watchdog = %q or more, or make what it waits for shorter.", Duration(need+watchdogMargin)))
	d.Related = related
	e.report(d)
}

// watchdogMargin is what the help adds for the new connection that confirms.
const watchdogMargin = 30 * time.Second
