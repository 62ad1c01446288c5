package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"shipit/exec/plan"
	"shipit/exec/release"
	"shipit/exec/transport"
	"shipit/lang"
)

// A burden is what must be brought of a release.
type burden struct {
	files int
	bytes int64
	dirs  int // of the whole release: no host has links to those
}

func (b burden) need() plan.Need {
	return plan.Need{KiB: (b.bytes + 1023) / 1024, Inodes: int64(b.files + b.dirs)}
}

func (b burden) String() string {
	if b.bytes < 10<<20 {
		return fmt.Sprintf("%s, %d KiB", count(b.files, "file"), (b.bytes+1023)>>10)
	}
	return fmt.Sprintf("%s, %d MiB", count(b.files, "file"), b.bytes>>20)
}

// needs says in in what staging the wanted release takes on the hosts' disks,
// at least: all of it, or by push only what differs from the live release.
// What an artifact takes, nobody here knows. A release that the transport
// cannot bring is refused here, before any change.
func needs(ctx context.Context, src transport.Source, by lang.Spec, in *plan.Inputs) error {
	to, facts := in.Release, in.Facts
	if everywhere(facts, to.ID) {
		return nil
	}
	if _, err := transport.New(by.Kind, by.Attrs, src); err != nil {
		return fmt.Errorf("%s: %w", by.Range, err)
	}
	if by.Kind == "http" {
		return nil
	}
	wanted, err := src.Tree(ctx, cmp.Or(to.Digest, to.Commit))
	if err != nil {
		var sub *release.SubmoduleError
		if by.Kind == "git" && errors.As(err, &sub) {
			return nil // the hosts fetch them; nobody here knows their size
		}
		return err
	}
	all, from := lacking(wanted, nil), map[string]burden{}
	if by.Kind == "push" {
		for _, h := range facts.Hosts {
			live := h.Named(h.Live)
			version := live.Commit
			if to.Digest != "" {
				version = h.Live
			}
			if _, known := from[h.Live]; known || version == "" || live.Link != "" {
				continue
			}
			if tree, err := src.Tree(ctx, version); err == nil { // else all of it is sent
				from[h.Live] = lacking(wanted, tree)
			}
		}
	}
	in.Need, in.NeedFrom = all.need(), map[string]plan.Need{}
	for id, b := range from {
		in.NeedFrom[id] = b.need()
	}
	if f, ok := src.(*release.Files); ok {
		in.Remarks = append(in.Remarks, travels(f, to, all, from, facts)...)
	}
	return nil
}

// everywhere tells whether every host that answers has the release.
func everywhere(facts plan.Facts, id string) bool {
	for _, h := range facts.Hosts {
		if h.Unreachable == "" && h.Live != id {
			return false
		}
	}
	return true
}

// lacking is what of the entries the base has not.
func lacking(entries, base []release.Entry) burden {
	has := make(map[release.Entry]bool, len(base))
	for _, e := range base {
		e.Size = 0 // which a list of a host does not tell; the content decides
		has[e] = true
	}
	out := burden{dirs: len(release.Dirs(entries))}
	for _, e := range entries {
		key := e
		key.Size = 0
		if e.Mode != release.ModeDir && !has[key] {
			out.files++
			out.bytes += e.Size
		}
	}
	return out
}
