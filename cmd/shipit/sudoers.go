package main

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"shipit/exec"
	"shipit/exec/plan"
	"shipit/lang"
)

type sudoersCmd struct {
	definitionFlags
	Login string `placeholder:"USER" help:"Who logs in, where the definition does not say it."`
	Bin   string `placeholder:"DIR" default:"/usr/bin" help:"Where the hosts have their programs. A program that is given with its path keeps it."`
}

func (c *sudoersCmd) Help() string {
	return "Prints the lines that let the login do on the hosts exactly what the definition needs sudo for, and nothing else. Asks no host and changes nothing. A command that depends on the release is left out: sudo cannot tell releases apart, and such a command belongs into a script on the host.\n\n" + examples(
		"shipit sudoers restbase.hcl -e production >restbase.sudoers",
		"visudo -cf restbase.sudoers",
		"install -m 0440 restbase.sudoers /etc/sudoers.d/restbase   # on each host, as root")
}

// Run prints the rules, hosts that need the same ones together.
func (c *sudoersCmd) Run(w *world) error {
	services, err := c.loadAll(w)
	if err != nil {
		return err
	}
	for i, s := range services {
		if i > 0 {
			fmt.Fprintln(w.stdout)
		}
		if err := c.print(w, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *sudoersCmd) print(w *world, s *source) error {
	var order []string
	hosts := map[string][]string{}
	questions := exec.Questions(s.def, s.base(), plan.Deploy)
	for i, t := range s.def.Targets {
		login := cmp.Or(c.Login, t.Host.SSH.User)
		if login == "" {
			return exit(exitFailed, fmt.Errorf("%s does not say who logs in on %s: write ssh { user = … } into its group, or use --login USER", s.full(), t.Host.Name))
		}
		lines := c.lines(questions[i], t.Restart, login)
		if hosts[lines] == nil {
			order = append(order, lines)
		}
		hosts[lines] = append(hosts[lines], t.Host.Name)
	}
	fmt.Fprintf(w.stdout, "# What shipit needs for service %s of %s, environment %s.\n# Check it with: visudo -cf FILE\n", s.service, pretty(s.full()), s.def.Env.Name)
	for _, lines := range order {
		fmt.Fprintf(w.stdout, "\n# On %s:\n", lang.Fold(hosts[lines]))
		if lines == "" {
			lines = "# nothing: no step becomes another user\n"
		}
		fmt.Fprint(w.stdout, lines)
	}
	return nil
}

func (c *sudoersCmd) lines(q exec.Question, restart lang.Restart, login string) string {
	var b strings.Builder
	for _, r := range exec.SudoRules(q, restart, login) {
		program := r.Argv[0]
		switch {
		case path.IsAbs(program):
		case program == "service": // the one of ours that is not where the others are
			program = "/usr/sbin/service"
		default:
			program = path.Join(c.Bin, program)
		}
		fmt.Fprintln(&b, r.Line(login, program))
	}
	return b.String()
}
