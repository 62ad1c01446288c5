package restart

import (
	"errors"
	"fmt"
	"strings"

	"shipit/exec/remote"
	"shipit/lang"
)

// signal sends a signal to the process of a pid file, or to the main process
// of a systemd unit. A service that is told by a signal to take up a release
// must be running: a stale pid file is a failure and is never signalled.
func signal(r lang.Restart) (Script, error) {
	sig := strings.TrimPrefix(strings.ToUpper(r.Text("signal")), "SIG")
	if sig == "" {
		sig = "HUP"
	}
	unit, file := r.Text("unit"), r.Text("pid_file")
	switch {
	case unit != "":
		act := []string{"systemctl", "--no-pager", "kill", "--kill-who=main", "-s", sig, unit}
		return Script{
			Shell: fmt.Sprintf(`unit=%s
state() { systemctl --no-pager show -p ActiveState -- "$unit" | cut -d = -f 2-; }
[ "$(state)" = active ] || die "$unit is $(state), so nobody is there to take the signal"
%s
sleep 1
[ "$(state)" = active ] || [ "$(state)" = reloading ] || die "$unit is $(state) after the signal %s"
`, remote.Quote(unit), call("run", "root", r.Within, act), sig),
			Root:     [][]string{act},
			Programs: []string{"systemctl"},
			Units:    []string{unit},
		}, nil
	case file != "":
		after := stays
		if r.Bool("successor") {
			after = "another\n"
		}
		return Script{Shell: pidVars(r, file) + fmt.Sprintf(signalShell, remote.Quote(sig)) + after, Programs: []string{"kill"}}, nil
	}
	return Script{}, errors.New(`restart "signal" needs a pid_file or a unit`)
}

// signalShell signals a process, and stays sees that one lives afterwards: the
// same, or the successor that it wrote into the file.
const (
	signalShell = `sig=%s
pid=$(pid_of) || die "$file holds no process number"
alive "$pid" || die "$file names process $pid, which does not run"
before
kill -s "$sig" "$pid" 2>/dev/null || run user 10 kill -s "$sig" "$pid" || die "cannot signal process $pid"
`
	stays = `sleep 1
now=$(pid_of) || die "$file holds no process number after the signal"
alive "$now" || die "process $now does not run after the signal $sig"
`
)
