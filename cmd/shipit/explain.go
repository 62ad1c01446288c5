package main

import (
	"io"

	"shipit/lang"
)

type explainCmd struct {
	Topic string `arg:"" help:"A code like E0107, an argument like service.batch.size, a block, a kind or a function."`
}

func (c *explainCmd) Help() string {
	return examples("shipit explain E0107", "shipit explain service.batch.size", "shipit explain check.http", "shipit explain expand")
}

func (c *explainCmd) Run(w *world) error {
	x, err := lang.Explain(c.Topic)
	if err != nil {
		return exit(exitUsage, err)
	}
	_, err = io.WriteString(w.stdout, x.Text)
	return err
}
