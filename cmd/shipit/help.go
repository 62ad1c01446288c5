package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type helpCmd struct {
	Topic []string `arg:"" optional:"" help:"A command, or the topic exit-codes."`
}

func (c *helpCmd) Run(w *world, parser *kong.Kong) error {
	if strings.Join(c.Topic, " ") == "exit-codes" {
		fmt.Fprintln(w.stdout, "Exit codes of shipit (stable):")
		printExitCodes(w.stdout)
		return nil
	}
	if _, err := parser.Parse(append(c.Topic, "--help")); err != nil {
		return exit(exitUsage, fmt.Errorf("there is no help for %q: the topics are the commands of 'shipit --help' and exit-codes", strings.Join(c.Topic, " ")))
	}
	return nil
}

// examples writes the example lines of a command's help.
func examples(lines ...string) string {
	var b strings.Builder
	_, _ = io.WriteString(&b, "Examples:\n")
	for _, l := range lines {
		b.WriteString("\n  " + l)
	}
	return b.String()
}
