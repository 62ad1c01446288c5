package event_test

import (
	"strings"
	"testing"
	"time"

	"shipit/exec/event"
)

func TestFilters(t *testing.T) {
	t.Parallel()
	began := time.Date(2015, 6, 10, 14, 2, 3, 0, time.UTC)
	e := event.Event{
		Seq: 121, Time: began.Add(5 * time.Minute), Type: event.StepFailed, Host: "rb1007.eqiad", Step: "check.http.info", Batch: "fleet",
		Text: "status 500", Detail: []string{"connect: refused"}, Cause: event.Unhealthy,
	}
	for text, want := range map[string]bool{
		"host=rb10*": true, "host=rb20*": false, "host!=rb10*": false, "host = rb1007.eqiad": true, "host~^rb": true, "host!~wmnet$": true,
		"text~refu?sed": true, "text~^500": false, "text!~time.?out": true, "text=status*": true,
		"seq>120": true, "seq>121": false, "seq>=121": true, "seq<122": true, "seq=121": true, "seq!=121": false, "seq<=120": false,
		"time>14:07": true, "time>14:07:03": false, "time>=5m": true, "time>5m": false, "time<2015-06-10T15:00:00Z": true,
		"level>=warn": true, "level=error": true, "level<error": false, "level>info": true,
		"type=step.*": true, "step=check.*": true, "cause=unhealthy": true, "batch=canary": false, "phase=": true,
	} {
		f, err := event.ParseFilter(text, began)
		if err != nil || f.Match(e) != want {
			t.Errorf("%s: %v, wanted %v", text, err, want)
		}
	}
	for text, says := range map[string]string{
		"=x": "no filter", "hots=x": "there is no field hots", "host<x": "is text", "seq~1": "compared by", "seq>many": "no number", "text~(": "regular expression",
		"time>noon": "a time is", "level>loud": "no level", "host=[": "no pattern", "host!x": "operators", "hots~x": "no field",
	} {
		if _, err := event.ParseFilter(text, began); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, wanted %q", text, err, says)
		}
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]event.Level{
		"all is well": event.Info, "0 errors, 0 warnings": event.Info, "no error": event.Info, "completed without errors": event.Info,
		"ERROR: no such file": event.Error, `{"level":"error","msg":"x"}`: event.Error, "level=warn msg=slow": event.Warn,
		"panic: runtime error": event.Error, "Traceback (most recent call last):": event.Error, "npm WARN deprecated x@1": event.Warn,
		"3 failed": event.Error, "terror": event.Info, "error_log is /var/log/x": event.Info, "warning: error": event.Error,
	} {
		if got := event.LevelOfLine(line); got != want {
			t.Errorf("%q is %s, not %s", line, got, want)
		}
	}
	for e, want := range map[event.Type]event.Level{
		event.StepDone: event.Debug, event.HostDone: event.Info, event.Halted: event.Warn, event.HookFailed: event.Error, event.Output: event.Info,
	} {
		if got := event.LevelOf(event.Event{Type: e}); got != want {
			t.Errorf("%s is %s, not %s", e, got, want)
		}
	}
}
