package lock

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"shipit/exec/remote"
)

//go:embed watchdog.sh
var watchdogSource string

var watchdogScript = remote.Code(watchdogSource)

//go:embed arm.sh
var armSource string

var armScript = remote.Code(armSource)

//go:embed confirm.sh
var confirmSource string

var confirmScript = remote.Code(confirmSource)

// A Watchdog is a process that a run leaves on a host while it changes it. It
// undoes the change where nobody confirms it in time: when the deployer or
// the way to it is gone. It works under the guard, and only while the lock is
// still the run's; the lock stays the run's until it is through.
type Watchdog struct {
	Fence remote.Fence
	After time.Duration // how long it waits for the confirmation
	Limit time.Duration // how long it may wait for the guard, and the undo may take
}

func (w Watchdog) vars() string {
	return fmt.Sprintf("d=%s run=%s g=%d after=%d limit=%d\n%s", remote.QuotePath(w.Fence.Dir), remote.Quote(w.Fence.Run),
		w.Fence.Generation, seconds(w.After), seconds(w.Limit), lookScript)
}

// Arm is the shell of a step that starts the watchdog, which would do undo.
func (w Watchdog) Arm(undo remote.Command) string {
	return w.vars() + armScript + remote.Deliver(w.Script(undo), `"$w/script"`) + armedScript
}

// Script is the watchdog's program.
func (w Watchdog) Script(undo remote.Command) string {
	return remote.Detached(undo, w.vars()+watchdogScript)
}

// armedScript waits until the watchdog says that it lives.
const armedScript = `setsid /bin/sh "$w/script" </dev/null >/dev/null 2>&1 3<&- 4>&- 5<&- 9>&- &
_n=0
until [ -e "$w/armed" ]; do
  _n=$((_n + 1))
  [ "$_n" -lt 100 ] || die "its watchdog does not start"
  sleep 0.1
done
`

// Confirm is the shell that ends the watchdog; p and id are set. It fails
// where the watchdog was faster.
func (w Watchdog) Confirm() string {
	return w.vars() + fmt.Sprintf("patience=%d\n", seconds(w.Limit)) + confirmScript
}

// WentBack is the key of the fact that Outcome states where the watchdog has
// taken the host back.
const WentBack = "back"

// Outcome is the shell that waits for a watchdog at work and states whether
// the last word in the host's history is that it has taken the host back.
func (w Watchdog) Outcome(history string) string {
	return w.vars() + fmt.Sprintf("patience=%d history=%s\n", seconds(w.Limit), remote.QuotePath(history)) + `exec 8>>"$d/guard"
flock -w "$patience" 8 || die "a script is at work there for longer than $patience s"
[ "$(tail -n 1 -- "$history" 2>/dev/null | cut -f 2,3,5)" != "$(printf '%s\tundone\twatchdog' "$run")" ] || fact ` + WentBack + ` yes
`
}

// Disarm is the shell that ends the watchdog of a host that is left as it is,
// or that was taken back. It runs under the guard.
func Disarm(dir string) string {
	w := remote.QuotePath(dir) + "/watchdog"
	return "[ ! -e " + w + " ] || rm -rf -- " + w + "\n"
}

// Watching is what is known of a host's watchdog.
type Watching struct {
	State string // "armed", "firing", "failed"; "lost" where the host was rebooted before it was confirmed
	Run   string
	Left  time.Duration // of an armed one, until it takes the host back
	Step  string        // of a failed one, where it failed
}

// Watches reads what Look stated of a watchdog; ok is false where there is
// none.
func Watches(records []remote.Record) (w Watching, ok bool) {
	for _, r := range records {
		if r.Kind != remote.Fact || r.Key != "watchdog" {
			continue
		}
		if f := strings.Fields(r.Text); len(f) == 3 {
			w = Watching{State: f[0], Run: f[1]}
			if n, err := strconv.Atoi(f[2]); err == nil {
				w.Left = time.Duration(n) * time.Second
			} else {
				w.Step = f[2]
			}
			ok = true
		}
	}
	return w, ok
}
