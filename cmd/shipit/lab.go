package main

import (
	"fmt"
	"os"
	"path/filepath"

	"shipit/exec/lab"
)

type labCmd struct {
	Up    labUpCmd    `cmd:"" help:"Start hosts on this machine, with a service and a repository to deploy."`
	Down  labDownCmd  `cmd:"" help:"Stop a lab and remove everything of it."`
	Serve labServeCmd `cmd:"" hidden:"" help:"Run a lab's hosts; 'lab up' starts this."`
}

type labUpCmd struct {
	Dir   string `default:"lab" placeholder:"DIR" help:"Where everything of the lab lives."`
	Hosts int    `short:"n" help:"How many hosts; 4 unless the lab exists already."`
	SSHD  bool   `name:"sshd" help:"Use this machine's OpenSSH server instead of the built-in one."`
}

func (c *labUpCmd) Help() string {
	return "The hosts listen on loopback only and run as you; no root, no network.\n\n" + examples(
		"shipit lab up", "shipit lab up --hosts 6 --dir /tmp/try", "shipit lab down --dir /tmp/try")
}

func (c *labUpCmd) Run(w *world) error {
	ctx, stop := w.interruptible()
	defer stop()
	if c.Hosts < 0 || c.Hosts > 100 {
		return exit(exitUsage, fmt.Errorf("--hosts %d: a lab has 1 to 100 hosts", c.Hosts))
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot start the lab: %w", err)
	}
	l, err := lab.Up(ctx, lab.Options{
		Dir: c.Dir, Hosts: c.Hosts, SSHD: c.SSHD, Executable: exe,
		Log: func(format string, args ...any) { fmt.Fprintf(w.stderr, format+"\n", args...) },
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%-8s %-18s %-24s %s\n", "HOST", "SSH", "SERVICE", "FILES")
	for _, h := range l.Hosts {
		fmt.Fprintf(w.stdout, "%-8s %-18s %-24s %s\n", h.Name, fmt.Sprintf("%s:%d", h.Address, h.Port),
			fmt.Sprintf("http://%s:%d/", h.Address, h.HTTP), pretty(h.Root))
	}
	def := pretty(l.Definition)
	fmt.Fprintf(w.stdout, `
Hosts:       %s
Definition:  %s  (edit it; it is yours)
Repository:  %s

Now type:
  shipit plan %[2]s
  shipit apply %[2]s
When you are done:
  shipit lab down --dir %[4]s
`, pretty(l.Fleet), def, pretty(l.Repo), pretty(l.Dir))
	return nil
}

type labDownCmd struct {
	Dir string `default:"lab" placeholder:"DIR" help:"The lab's directory."`
}

func (c *labDownCmd) Run(w *world) error {
	if err := lab.Down(c.Dir); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "The lab in %s is gone.\n", c.Dir)
	return nil
}

type labServeCmd struct {
	Dir string `arg:""`
}

func (c *labServeCmd) Run(w *world) error {
	ctx, stop := w.interruptible()
	defer stop()
	return lab.Serve(ctx, c.Dir)
}

// pretty is a path as the user would type it from here.
func pretty(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}
