package web

import (
	"slices"
	"strings"

	"shipit/exec/event"
	"shipit/exec/view"
	"shipit/lang/diag"
)

// A row is an event as a line of the log.
type row struct {
	Seq    int64    `json:"seq"`
	Time   string   `json:"time"` // of the day, UTC
	Host   string   `json:"host,omitempty"`
	Kind   string   `json:"kind"`
	Tone   string   `json:"tone,omitempty"`
	Minor  bool     `json:"minor,omitempty"` // a step, which the screen of a run leaves out
	Text   string   `json:"text"`
	At     string   `json:"at,omitempty"`
	Detail []string `json:"detail,omitempty"`
}

// mostDetail bounds the lines of output below a row.
const mostDetail = 100

// rowOf is an event as a row; its host stands in a column of its own. Journals may come from elsewhere, so it is
// cleaned once more.
func rowOf(e event.Event) row {
	r := row{
		Seq: e.Seq, Time: e.Time.UTC().Format("15:04:05"), Host: diag.CleanLine(e.Host), Kind: diag.CleanLine(string(e.Type)),
		Text: view.Alone(diag.CleanLine(e.Text), diag.CleanLine(e.Host)), At: diag.CleanLine(e.At),
	}
	if r.Text == "" {
		r.Text = strings.TrimSpace(r.Kind + " " + diag.CleanLine(e.Step))
	}
	for _, d := range e.Detail[max(0, len(e.Detail)-mostDetail):] {
		r.Detail = append(r.Detail, diag.CleanLine(d))
	}
	r.Minor = event.LevelOf(e) == event.Debug
	switch e.Type {
	case event.HostFailed, event.StepFailed, event.HookFailed, event.GateRefused, event.LockLost:
		r.Tone = "bad"
	case event.Aborted, event.Halted, event.RollingBack, event.Paused, event.Asked:
		r.Tone = "warn"
	case event.HostDone, event.HookDone, event.GatePassed:
		r.Tone = "good"
	case event.BatchStarted, event.RunStarted, event.RunResumed:
		r.Tone = "strong"
	case event.RunFinished:
		r.Tone = toneOf(e.Outcome)
	case event.Output:
		r.Tone = "output"
		switch e.Level {
		case event.Warn:
			r.Tone = "warn"
		case event.Error:
			r.Tone = "bad"
		}
	}
	return r
}

// toneOf is how an outcome is to be seen.
func toneOf(o event.Outcome) string {
	switch o {
	case event.Done, event.Nothing:
		return "good"
	case event.RolledBack, event.Abort:
		return "warn"
	}
	return "bad"
}

// has tells whether a row holds a text, whatever the case of its letters.
func (r row) has(query string) bool {
	fold := func(s string) bool { return strings.Contains(strings.ToLower(s), query) }
	return fold(r.Text) || fold(r.Host) || fold(r.Kind) || slices.ContainsFunc(r.Detail, fold)
}
