package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"shipit/exec/plan"
	"shipit/exec/release"
	"shipit/exec/transport"
	"shipit/exec/view"
	"shipit/lang/diag"
)

// A hereSide is the deployer's side of a service.
type hereSide struct {
	view.HereCheckup
	source transport.Source // of the newest release; nil where it cannot be read
	newest plan.Release
}

func (h *hereSide) well(name, value string) {
	h.Facts = append(h.Facts, view.HereFact{Name: name, Value: value})
}

func (h *hereSide) ill(level plan.Level, kind, text, help string) {
	h.Ailments = append(h.Ailments, plan.Ailment{Kind: kind, Level: level, Text: text, Help: help})
}

// lookHere looks at what a deployment needs on this machine.
func (c *doctorCmd) lookHere(ctx context.Context, w *world, s *source, pool *pool) hereSide {
	h := hereSide{HereCheckup: view.HereCheckup{Facts: []view.HereFact{}, Ailments: []plan.Ailment{}}}
	h.well("shipit", version)
	h.git(ctx)
	h.releases(ctx, w, s)
	h.state(ctx, w, s)
	h.agent(pool)
	return h
}

func (h *hereSide) git(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := osexec.CommandContext(ctx, "git", "--version").Output()
	if err != nil {
		h.ill(plan.Stops, "git", "there is no git on this machine: "+err.Error(), "install it")
		return
	}
	h.well("git", diag.CleanLine(strings.TrimPrefix(strings.TrimSpace(string(out)), "git version ")))
}

func (h *hereSide) releases(ctx context.Context, w *world, s *source) {
	at := s.def.Service.Release.Range.String()
	repo, scheme, err := s.releases(ctx, w)
	if err != nil {
		h.ill(plan.Stops, "repository", err.Error(), "correct repo in the release block ("+at+"), or the rights to read it")
		return
	}
	list, err := repo.Releases(ctx, scheme)
	if err != nil {
		h.ill(plan.Stops, "repository", err.Error(), "look at the repository that the release block names ("+at+")")
		return
	}
	strangers, err := repo.Strangers(ctx, scheme)
	if err != nil {
		h.ill(plan.Warns, "repository", err.Error(), "")
	}
	if len(list) == 0 {
		text := fmt.Sprintf("%s has no tag of the scheme %s", repo, scheme)
		if n := len(strangers); n > 0 {
			text += fmt.Sprintf("; it has %s like %s", count(n, "other tag"), strangers[n-1])
		}
		h.ill(plan.Stops, "releases", text, fmt.Sprintf("correct scheme (%s), or make the first: shipit tag %s", at, pretty(s.full())))
		return
	}
	newest := release.Settled(list)[0]
	h.source, h.newest = repo, plan.Release{ID: newest.ID, Tag: newest.Tag.Name, Commit: newest.Commit, Tree: newest.Tree}
	switch files, err := openFiles(ctx, s.base(), s.def.Service.Transport.Spec); {
	case err != nil:
		h.source = nil
		h.ill(plan.Stops, "releases", err.Error(), fmt.Sprintf("correct the transport block (%s), or build what it names", s.def.Service.Transport.Range))
	case files != nil:
		h.source, h.newest = files, made(h.newest, files)
	}
	if h.source != nil {
		in := plan.Inputs{Release: h.newest, Facts: plan.Facts{Hosts: make([]plan.HostFacts, 1)}} // one that has nothing
		if err := needs(ctx, h.source, s.def.Service.Transport.Spec, &in); err != nil {
			h.source = nil
			h.ill(plan.Stops, "releases", err.Error(), "choose another transport, or another release")
		}
	}
	if by, err := s.trusted(ctx, repo, newest); err != nil {
		h.ill(plan.Stops, "signature", err.Error(), "")
	} else if by != "" {
		h.well("signed", newest.Tag.Name+" by "+by)
	}
	text := fmt.Sprintf("%s, newest %s", count(len(list), "release"), newest.Tag.Name)
	if n := len(strangers); n > 0 {
		text += fmt.Sprintf("; %s of no release", count(n, "tag"))
	}
	h.well("repository", repo.String()+": "+text)
	if newest.Moved != "" {
		h.ill(plan.Stops, "moved", fmt.Sprintf("the tag %s was moved from %.12s to %.12s", newest.Tag.Name, newest.Moved, newest.Commit), "make a new tag; shipit does not deploy one that moved")
	}
}

func (h *hereSide) state(ctx context.Context, w *world, s *source) {
	places, err := w.places(s.cfg.State())
	if err != nil {
		h.ill(plan.Stops, "state", err.Error(), "correct the state block, --state or SHIPIT_STATE")
		return
	}
	defer places.close()
	dir := string(places.dir)
	if why := writable(dir); why != nil {
		h.ill(plan.Stops, "state", fmt.Sprintf("runs cannot be recorded in %s: %v", dir, why), "make it writable, or choose another by --state or SHIPIT_STATE")
	} else {
		h.well("state", pretty(dir))
	}
	if places.shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if runs, err := places.shared.List(ctx); err != nil {
		h.ill(plan.Warns, "state", err.Error(), "runs go on without it, and others do not see them meanwhile")
	} else {
		h.well("shared state", fmt.Sprintf("%s: %s", places.shared, count(len(runs), "run")))
	}
}

// writable tells why a directory, or the nearest above it that exists, cannot
// be written. It does not try: a doctor changes nothing.
func writable(dir string) error {
	for {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, os.ErrNotExist) && dir != filepath.Dir(dir):
			dir = filepath.Dir(dir)
			continue
		case err != nil:
			return err
		case !info.IsDir():
			return fmt.Errorf("%s is no directory", dir)
		}
		if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		var fs unix.Statfs_t
		if err := unix.Statfs(dir, &fs); err == nil && fs.Blocks > 0 && fs.Bavail == 0 {
			return fmt.Errorf("%s: its disk is full", dir)
		}
		return nil
	}
}

func (h *hereSide) agent(pool *pool) {
	keys, err := pool.ssh.AgentKeys()
	switch {
	case err != nil:
		h.well("agent", "none ("+err.Error()+"): keys come from files")
	case len(keys) == 0:
		h.well("agent", "holds no key")
	default:
		h.well("agent", fmt.Sprintf("%s: %s", count(len(keys), "key"), strings.Join(keys, ", ")))
	}
}
