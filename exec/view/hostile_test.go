package view_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/view"
	"shipit/lang/diag"
	"shipit/lang/diag/diagtest"
)

// What a hostile program prints is inert in lines, grouped and prefixed
// output, and JSON, also where the journal that it stands in was not ours.
func TestHostileOutputIsInertInEveryReader(t *testing.T) {
	t.Parallel()
	for _, s := range diagtest.Hostile() {
		var out bytes.Buffer
		lines := view.NewLines(&out, view.Style{})
		lines.Verbose = true
		for _, typ := range []event.Type{
			event.Output, event.Note, event.StepStarted, event.StepFailed, event.HostFailed, event.HookFailed, event.Asked,
			event.BatchStarted, event.Halted, event.Aborted, "unheard.of",
		} {
			for _, host := range []string{"", "web1", s.Text} {
				_ = lines.Append(event.Event{Type: typ, Time: time.Unix(1, 0), Host: host, Text: s.Text, At: s.Text, Detail: []string{s.Text, "next"}})
			}
		}
		kept := view.NewKept(1 << 20)
		kept.Add(s.Text)
		view.Outputs(&out, []view.Output{{Host: "web1", How: s.Text, Help: s.Text, Said: kept}}, view.Style{})
		prefixed := view.NewPrefixed(&out, []string{"web1"}, view.Style{})
		prefixed.Line("web1", s.Text)
		prefixed.Bad("web1", s.Text)
		if why := diagtest.Problem(short(out.String())); why != "" {
			t.Errorf("%s: %s", s.Name, why)
		}
	}
}

func TestHostileOutputIsOneLineOfJSON(t *testing.T) {
	t.Parallel()
	for _, s := range diagtest.Hostile() {
		var out bytes.Buffer
		stream, err := view.NewStream(&out, "1")
		if err != nil {
			t.Fatal(err)
		}
		clean := diag.CleanLine(s.Text) // as the engine records it
		if err := stream.Append(event.Event{Seq: 1, Type: event.Output, Text: clean}); err != nil {
			t.Fatal(err)
		}
		if why := diagtest.Problem(out.String()); why != "" {
			t.Errorf("%s: %s", s.Name, why)
		}
		var e event.Event
		all := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(all) != 2 || json.Unmarshal([]byte(all[1]), &e) != nil || e.Text != clean {
			t.Errorf("%s: %q", s.Name, all)
		}
	}
}

// short leaves out what stands before a text that may be long: a line of a
// view shows more than one of them.
func short(out string) string {
	const cut = "(line cut)"
	for _, long := range []string{"x", "世", "\u0301", `\x1b[31m`} {
		for strings.Contains(out, strings.Repeat(long, 400)) {
			out = strings.ReplaceAll(out, strings.Repeat(long, 400), cut)
		}
	}
	return out
}
