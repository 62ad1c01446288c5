package main

import (
	"fmt"
	"time"

	"shipit/exec/release"
	"shipit/exec/tag"
	"shipit/lang/diag"
)

type tagCmd struct {
	definitionFlags
	Hotfix  bool   `help:"Go on with the newest line instead of starting today's; of a semantic version, the next patch of what is no prerelease."`
	Bump    string `enum:",major,minor,patch" default:"" placeholder:"PART" help:"Of a semantic version: major, minor or patch."`
	Pre     string `placeholder:"NAME" help:"Of a semantic version: make a prerelease, as rc makes v1.3.0-rc.1 and then v1.3.0-rc.2."`
	Commit  string `short:"c" default:"HEAD" placeholder:"REV" help:"What to tag."`
	Message string `short:"m" placeholder:"TEXT" help:"The tag's message."`
	Sign    *bool  `negatable:"" help:"Sign the tag, as git config says how. Default: as tag.gpgSign says; and always, by an SSH key, where the definition verifies."`
	DryRun  bool   `short:"n" help:"Only print the tag."`
}

func (c *tagCmd) Help() string {
	return "The number is the highest that exists plus one; nothing is counted, nothing is forced, and two people at once cannot get the same tag. Where the definition verifies tags, it is signed by an SSH key and verified before it is pushed.\n\n" + examples(
		"shipit tag restbase.hcl", "shipit tag restbase.hcl --hotfix -m 'T12345: fix the parser'", "shipit tag restbase.hcl --dry-run")
}

func (c *tagCmd) Run(w *world) error {
	ctx, stop := w.interruptible()
	defer stop()
	s, err := c.load(w)
	if err != nil {
		return err
	}
	repo, scheme, err := s.releases(ctx, w)
	if err != nil {
		return err
	}
	signers, err := s.signers()
	if err != nil {
		return err
	}
	if signers != nil && c.Sign != nil && !*c.Sign {
		return exit(exitUsage, fmt.Errorf("%s asks for a signature, so nobody could deploy a tag without one; leave out --no-sign", s.def.Service.Release.Verify.Range))
	}
	today := w.now().UTC().Format(time.DateOnly)
	o := release.TagOptions{
		NextOptions: tag.NextOptions{Hotfix: c.Hotfix, Bump: c.Bump, Pre: c.Pre},
		Commit:      c.Commit, Message: c.Message, Sign: c.Sign, Signers: signers,
		Taken: func(name string) {
			fmt.Fprintf(w.stderr, "somebody else has just taken %s; trying the next\n", name)
		},
	}
	if c.DryRun {
		name, err := repo.NextTag(ctx, scheme, today, o)
		if err == nil {
			fmt.Fprintln(w.stdout, name)
		}
		return err
	}
	r, err := repo.Tag(ctx, scheme, today, o)
	if err != nil {
		return err
	}
	by, err := s.trusted(ctx, repo, r)
	if err != nil {
		return err
	}
	if by != "" {
		by = ", signed by " + diag.CleanLine(by)
	}
	fmt.Fprintf(w.stdout, "Created %s at %s %s%s\nDeploy it with:\n  shipit apply %s --release %s\n", r.Tag.Name, r.Commit[:12], diag.CleanLine(r.Subject), by, c.typed(), r.Tag.Name)
	return nil
}
