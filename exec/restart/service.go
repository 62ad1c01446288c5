package restart

import (
	"errors"

	"shipit/lang"
)

// service calls the init script of a service by service(8). The script may
// leave the daemon as its own child, so it runs apart.
func service(r lang.Restart) (Script, error) {
	name := r.Text("name")
	if name == "" {
		return Script{}, errors.New(`restart "service" needs the name of a service`)
	}
	act := []string{"service", name, verb(r)}
	s := Script{
		Shell:    replaces(r, call("apart", "root", r.Within, act)+"\n"),
		Root:     [][]string{act},
		Programs: []string{"service"},
	}
	if verb(r) == "restart" { // where systemd is, it keeps init scripts as units
		s.Starts = []string{name + ".service"}
	}
	return s, nil
}
