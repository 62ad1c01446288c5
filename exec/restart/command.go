package restart

import (
	"errors"

	"shipit/lang"
)

// command runs whatever the definition says, as the service's user and apart,
// because what it starts must outlive the deploy.
func command(r lang.Restart) (Script, error) {
	c := r.Command()
	argv := c.Argv
	if len(argv) == 0 && c.Shell != "" {
		argv = []string{"/bin/sh", "-c", c.Shell}
	}
	if len(argv) == 0 {
		return Script{}, errors.New(`restart "command" needs run or shell`)
	}
	return Script{
		Shell:    replaces(r, call("apart", "user", r.Within, argv)+"\n"),
		User:     [][]string{argv},
		Programs: programs(c),
	}, nil
}

// programs are what a command needs by name: the first word of one that is
// not a path. Of a shell text nobody can tell.
func programs(c lang.Command) []string {
	if len(c.Argv) == 0 {
		return nil
	}
	return []string{c.Argv[0]}
}
