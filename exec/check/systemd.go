package check

import (
	_ "embed"
	"fmt"
	"time"

	"shipit/exec/remote"
	"shipit/lang"
)

// How long a unit must have been active: one that systemd has just started is
// active before its program has come to anything, and one that dies and is
// started over and over is active in between.
const (
	unitFresh = time.Second
	unitWary  = 10 * time.Second // where systemd has started it again by itself
)

//go:embed systemd.sh
var systemdShell string

// systemd sees whether a unit is active, and stays it. A unit that is only on
// its way there (activating) has not passed.
func systemdHost(c lang.Check, _ Place) (Script, error) {
	hundredths := func(d time.Duration) int64 { return int64(min(d, c.Within.Std()/2) / (10 * time.Millisecond)) }
	vars := fmt.Sprintf("unit=%s secs=%d fresh=%d wary=%d\n", remote.Quote(c.Text("unit")), seconds(c.Timeout), hundredths(unitFresh), hundredths(unitWary))
	return Script{Shell: func() string { return vars + systemdShell }, Programs: []string{"systemctl"}}, nil
}
