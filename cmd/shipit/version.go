package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"shipit/exec/event"
	"shipit/exec/plan"
)

type versionCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *versionCmd) Run(w *world) error {
	if !c.JSON {
		_, err := fmt.Fprintf(w.stdout, "shipit %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	}
	doc := struct {
		Version string `json:"version"`
		Commit  string `json:"commit"`
		Go      string `json:"go"`
		Plan    int    `json:"plan_format"`
		Events  string `json:"event_schema"`
	}{version, revision(), runtime.Version(), plan.Format, event.Schema}
	return writeJSON(w.stdout, doc)
}

// revision is the commit that the program was built from, if it knows.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return ""
}
