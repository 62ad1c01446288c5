package plan

import (
	"testing"

	"shipit/lang"
)

func TestAUnitThatARunBringsNeedNotBeThere(t *testing.T) {
	t.Parallel()
	const dir = "/etc/systemd/system/"
	for name, c := range map[string]struct {
		attrs  map[string]any
		paths  []string
		refuse string
	}{
		"brought":           {map[string]any{"unit": "web.service"}, []string{dir + "web.service"}, ""},
		"without a suffix":  {map[string]any{"unit": "web"}, []string{dir + "web.service"}, ""},
		"with a dot":        {map[string]any{"unit": "web.eu"}, []string{dir + "web.eu.service"}, ""},
		"of a template":     {map[string]any{"unit": "web@8080.service"}, []string{dir + "web@.service"}, ""},
		"another suffix":    {map[string]any{"unit": "web.socket"}, []string{dir + "web.service"}, "systemd knows no unit web.socket"},
		"nothing is":        {map[string]any{"unit": "web"}, nil, "systemd knows no unit web"},
		"no template":       {map[string]any{"unit": "web.service"}, []string{dir + "web@.service"}, "systemd knows no unit web.service"},
		"one of several":    {map[string]any{"units": []any{"web.service", "job.service"}}, []string{dir + "web.service"}, "systemd knows no unit job.service"},
		"several, all here": {map[string]any{"units": []any{"web.service", "job.service"}}, []string{dir + "web.service", dir + "job.service"}, ""},
	} {
		r := lang.Restart{Spec: lang.Spec{Kind: "systemd", Attrs: c.attrs}}
		f := &HostFacts{Units: map[string]Unit{}}
		for _, u := range r.Units() {
			f.Units[u] = Unit{Load: "not-found", Active: "inactive"}
		}
		if got := unit(f, r, c.paths).text; got != c.refuse {
			t.Errorf("%s: %q, want %q", name, got, c.refuse)
		}
	}
}
