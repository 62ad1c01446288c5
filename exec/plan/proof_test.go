package plan

import (
	"testing"

	"shipit/lang"
)

func TestWhatNamesTheReleaseIsAProof(t *testing.T) {
	t.Parallel()
	r := rename{from: Release{ID: "v2-0123456789ab", Tag: "v2", Commit: "0123456789abcdef0123456789abcdef01234567"}}
	for name, c := range map[string]struct {
		spec map[string]any
		want bool
	}{
		"body":    {map[string]any{"contains": `"version":"v2"`}, true},
		"json":    {map[string]any{"json": map[string]any{".version": "v2"}}, true},
		"commit":  {map[string]any{"expect_headers": map[string]any{"X-Commit": "0123456789"}}, true},
		"command": {map[string]any{"run": []any{"smoke", "v2"}}, true},
		"url":     {map[string]any{"url": "http://h/v2"}, false},
		"other":   {map[string]any{"contains": "v21", "json": map[string]any{".up": "true"}}, false},
		"nothing": {nil, false},
	} {
		if got := asksFor(r, c.spec); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestWhatARestartComparesItselfIsAProof(t *testing.T) {
	t.Parallel()
	type attrs = map[string]any
	for _, c := range []struct {
		kind  string
		attrs attrs
		want  string
	}{
		{"systemd", attrs{"unit": "x"}, "another main process"},
		{"systemd", attrs{"unit": "x", "reload": true}, ""},
		{"service", attrs{"name": "x"}, ""},
		{"service", attrs{"name": "x", "pid_file": "/run/x.pid"}, "another process in /run/x.pid"},
		{"service", attrs{"name": "x", "pid_file": "/run/x.pid", "reload": true}, ""},
		{"command", attrs{"shell": "x", "pid_file": "x.pid"}, "another process in x.pid"},
		{"signal", attrs{"pid_file": "x.pid"}, ""},
		{"signal", attrs{"pid_file": "x.pid", "signal": "USR2", "successor": true}, "another process in x.pid"},
		{"none", nil, ""},
	} {
		if got := insists(lang.Spec{Kind: c.kind, Attrs: c.attrs}); got != c.want {
			t.Errorf("%s %v: %q, want %q", c.kind, c.attrs, got, c.want)
		}
		steps := restart(lang.Restart{Spec: lang.Spec{Kind: c.kind, Attrs: c.attrs}}, rename{})
		if len(steps) > 0 && c.kind != "systemd" && c.want != "" && steps[0].Text[len(steps[0].Text)-len(c.want)-2:] != "("+c.want+")" {
			t.Errorf("the plan says %q", steps[0].Text)
		}
	}
}
