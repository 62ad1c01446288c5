package main

import (
	"context"
	"errors"
	"fmt"

	"shipit/exec/plan"
	"shipit/exec/release"
	"shipit/exec/transport"
	"shipit/lang"
)

// needs says what staging the wanted release takes on the hosts' disks, at
// least: all of it, or by push only what differs from the live release. What
// an artifact takes, nobody here knows. A release that the transport cannot
// bring is refused here, before any change.
func needs(ctx context.Context, repo *release.Repo, by lang.Spec, facts plan.Facts, to plan.Release) (all int64, from map[string]int64, err error) {
	if everywhere(facts, to.ID) {
		return 0, nil, nil
	}
	if _, err := transport.New(by.Kind, by.Attrs, repo); err != nil {
		return 0, nil, fmt.Errorf("%s: %w", by.Range, err)
	}
	if by.Kind == "http" {
		return 0, nil, nil
	}
	wanted, err := repo.Tree(ctx, to.Commit)
	if err != nil {
		var sub *release.SubmoduleError
		if by.Kind == "git" && errors.As(err, &sub) {
			return 0, nil, nil // the hosts fetch them; nobody here knows their size
		}
		return 0, nil, err
	}
	from = map[string]int64{}
	if by.Kind == "push" {
		for _, h := range facts.Hosts {
			live := h.Named(h.Live)
			if _, known := from[h.Live]; known || live.Commit == "" || live.Link != "" {
				continue
			}
			if tree, err := repo.Tree(ctx, live.Commit); err == nil { // else all of it is sent
				from[h.Live] = kib(wanted, tree)
			}
		}
	}
	return kib(wanted, nil), from, nil
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

// kib is the size of the entries that the base lacks.
func kib(entries, base []release.Entry) int64 {
	has := make(map[release.Entry]bool, len(base))
	for _, e := range base {
		has[e] = true
	}
	var bytes int64
	for _, e := range entries {
		if !has[e] {
			bytes += e.Size
		}
	}
	return (bytes + 1023) / 1024
}
