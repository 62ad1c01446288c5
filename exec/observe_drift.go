package exec

import (
	"slices"

	"shipit/exec/plan"
	"shipit/exec/restart"
	"shipit/lang"
)

// DriftQuestions asks what tells whether the hosts are as their last run left
// them: everything that a plan asks but for rights and programs, and without
// the contents of files.
func DriftQuestions(def *lang.Definition, root string) []Question {
	qs := Questions(def, root, plan.Deploy)
	for i, t := range def.Targets {
		q := &qs[i]
		q.Drift, q.Sudo, q.Programs = true, nil, nil
		for _, u := range Starts(t) {
			if !slices.Contains(q.Units, u) {
				q.Units = append(q.Units, u)
			}
		}
	}
	return qs
}

// Starts are the systemd units whose main process a restart of the host's
// service replaces: a process that is older than the release does not run it.
func Starts(t lang.Target) []string {
	s, err := restart.New(t.Restart)
	if err != nil {
		return nil // validate has told the author
	}
	return s.Starts
}
