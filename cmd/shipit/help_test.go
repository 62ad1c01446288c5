package main

import (
	"strings"
	"testing"
)

// TestEveryCommandStandsInAGroup: a command that names no group would stand
// first in --help, under a heading of its own.
func TestEveryCommandStandsInAGroup(t *testing.T) {
	t.Parallel()
	got := runWith(t, nil, "--help")
	if strings.Contains(got.stdout, "\nCommands:\n") {
		t.Errorf("a command has no group:\n%s", got.stdout)
	}
	for _, g := range groups {
		if !strings.Contains(got.stdout, "\n"+g.Title+"\n") {
			t.Errorf("no command is in the group %s\n%s", g.Title, got.stdout)
		}
	}
}
