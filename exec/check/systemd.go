package check

import (
	"fmt"

	"shipit/exec/remote"
	"shipit/lang"
)

// systemd sees whether a unit is active. A unit that is only on its way
// there (activating) has not passed.
func systemdHost(c lang.Check) (string, [][]string, []string) {
	try := fmt.Sprintf(`unit=%s
state=$(timeout --foreground %d systemctl --no-pager show -p ActiveState -- "$unit" 2>/dev/null | cut -d = -f 2-)
[ "$state" = active ] || { echo "$unit is ${state:-unknown}, wanted active"; return 1; }
`, remote.Quote(c.Text("unit")), seconds(c.Timeout))
	return try, nil, []string{"systemctl"}
}
