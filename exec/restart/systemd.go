package restart

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"shipit/exec/remote"
	"shipit/lang"
)

// systemd restarts or reloads units, one after the other.
//
// systemctl says yes as soon as a simple service has been forked, so the
// script looks again; that the service stays is for a check to say. A unit
// that was restarted too often in a short time is refused by systemd and left
// down, which a deploy, its rollback and a retry in a row reach. So the counter
// is reset: of a unit that is down before, as systemd
// goes on to tell why it went down, and of another when that is the reason.
// Of a unit that does not start the end of its log is told, where the login
// may read it.
func systemd(r lang.Restart) (Script, error) {
	units := r.Units()
	if len(units) == 0 {
		return Script{}, errors.New(`restart "systemd" needs a unit`)
	}
	s := Script{Programs: []string{"systemctl"}, Units: units}
	var sh strings.Builder
	sh.WriteString(`look() { said=$nl$(systemctl --no-pager show -p MainPID -p ActiveState -p Result -- "$unit") || :; }
is() { case $said in *"$nl$1="*) _v=${said#*"$nl$1="}; printf '%s\n' "${_v%%"$nl"*}" ;; esac; }
logged() {
  sleep 1 # what it said last is on its way
  timeout --foreground 5 journalctl -q --no-pager -o cat -n 10 -u "$unit" --since="@$began" 2>/dev/null || :
}
broken() {
  [ "$1" != 124 ] || echo "systemctl took longer than its deadline"
  logged
  look
  die "$unit is $(is ActiveState) ($(is Result))"
}
running() {
  for _ in 1 2 3 4 5 6; do
    look
    state=$(is ActiveState)
    [ "$state" = deactivating ] || break
    sleep 0.5 # what becomes of it says more
  done
  [ -n "$state" ] || die "systemctl does not tell the state of $unit"
  [ "$state" = active ] || [ "$state" = reloading ] || { logged; die "$unit is $state ($(is Result)), wanted active"; }
}
often() { look; [ "$(is Result)" = start-limit-hit ]; }
`)
	for _, unit := range units {
		act := []string{"systemctl", "--no-pager", verb(r), unit}
		fmt.Fprintf(&sh, "unit=%s began=$(date +%%s)\n", remote.Quote(unit))
		do := call("run", "root", r.Within, act)
		if verb(r) == "reload" {
			s.Root = append(s.Root, act)
			fmt.Fprintf(&sh, "%s || broken $?\nrunning\n", do)
			continue
		}
		s.Starts = append(s.Starts, unit)
		forget := []string{"systemctl", "--no-pager", "reset-failed", unit}
		s.Root = append(s.Root, forget, act) // in the order in which a person would type them
		reset := call("run", "root", lang.Duration(10*time.Second), forget)
		fmt.Fprintf(&sh, "look\nold=$(is MainPID)\n[ \"$(is ActiveState)\" = active ] || %s >/dev/null 2>&1 || :\n%s || { rc=$?; often && %[1]s && %[2]s; } || broken $rc\nrunning\n", reset, do)
		sh.WriteString(`[ "${old:-0}" = 0 ] || [ "$old" != "$(is MainPID)" ] || die "$unit still runs its old process $old"` + "\n")
	}
	s.Shell = sh.String()
	return s, nil
}
