package check

import (
	"fmt"

	"shipit/exec/remote"
	"shipit/lang"
)

// systemd sees whether a unit is active. A unit that is only on its way
// there (activating) has not passed.
func systemdHost(c lang.Check, _ Place) (Script, error) {
	try := func() string {
		return fmt.Sprintf(`unit=%s
command -v systemctl >/dev/null 2>&1 || { echo 'systemctl is not installed'; return 3; }
state=$(timeout --foreground %d systemctl --no-pager show -p ActiveState -- "$unit" 2>&1) || { echo "systemctl cannot tell: $state"; return 3; }
case $state in ActiveState=?*) state=${state#*=} ;; *) echo "systemctl does not know the state of $unit"; return 3 ;; esac
[ "$state" = active ] || { echo "$unit is $state, wanted active"; return 1; }
`, remote.Quote(c.Text("unit")), seconds(c.Timeout))
	}
	return Script{Shell: try, Programs: []string{"systemctl"}}, nil
}
