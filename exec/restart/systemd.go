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
// script looks again; that the service answers is for a check to say. A unit
// that was restarted too often in a short time is refused by systemd and left
// down, which a deploy, its rollback and a retry in a row reach: its counter
// is reset first, where sudo lets us.
func systemd(r lang.Restart) (Script, error) {
	units := append(r.List("units"), r.List("unit")...)
	if len(units) == 0 {
		return Script{}, errors.New(`restart "systemd" needs a unit`)
	}
	s := Script{Programs: []string{"systemctl"}, Units: units}
	var sh strings.Builder
	sh.WriteString(`show() { systemctl --no-pager show -p "$1" -- "$unit" | cut -d = -f 2-; }
broken() {
  [ "$1" != 124 ] || echo "systemctl took longer than its deadline"
  die "$unit is $(show ActiveState) ($(show Result))"
}
running() {
  state=$(show ActiveState)
  [ "$state" = active ] || [ "$state" = reloading ] || die "$unit is $state, wanted active"
}
`)
	for _, unit := range units {
		act := []string{"systemctl", "--no-pager", verb(r), unit}
		s.Root = append(s.Root, act)
		fmt.Fprintf(&sh, "unit=%s\n", remote.Quote(unit))
		if verb(r) == "restart" {
			reset := []string{"systemctl", "--no-pager", "reset-failed", unit}
			fmt.Fprintf(&sh, "%s >/dev/null 2>&1 || :\n", call("run", "root", lang.Duration(10*time.Second), reset))
			sh.WriteString("old=$(show MainPID)\n")
			s.Starts = append(s.Starts, unit)
		}
		fmt.Fprintf(&sh, "%s || broken $?\nrunning\n", call("run", "root", r.Within, act))
		if verb(r) == "restart" {
			sh.WriteString(`[ "${old:-0}" = 0 ] || [ "$old" != "$(show MainPID)" ] || die "$unit still runs its old process $old"` + "\n")
		}
	}
	s.Shell = sh.String()
	return s, nil
}
