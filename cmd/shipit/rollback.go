package main

type rollbackCmd struct {
	planFlags
	runFlags
	To string `placeholder:"TAG" help:"To this release instead of each host's last good one."`
}

func (c *rollbackCmd) Help() string {
	return "Needs neither git nor a registry: the releases and files to go back to are on the hosts. Code and files both go back, through drain, checks and slice sizes.\n\n" + examples(
		"shipit rollback restbase.hcl -e production",
		"shipit rollback restbase.hcl -e production --to release/2015-06-10/1 --yes",
		"shipit plan restbase.hcl -e production --rollback   # only show it")
}

func (c *rollbackCmd) Run(w *world) error {
	ctx, stop := w.interruptible()
	defer stop()
	p, err := c.planFlags.rollback(ctx, w, c.To)
	if err != nil {
		return err
	}
	defer p.pool.close()
	return c.runFlags.confirmed(ctx, w, p, stop)
}
