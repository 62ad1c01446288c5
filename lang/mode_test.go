package lang_test

import (
	"testing"
	"testing/fstest"

	"shipit/lang"
)

func TestAModeWithItsLeadingZeroIsKept(t *testing.T) {
	t.Parallel()
	const text = `
hosts "all" {
  names = ["a.example.org"]
}

service "web" {
  hosts = hosts.all

  release {
    repo   = "web.git"
    scheme = "v{semver}"
  }

  transport "push" {
    path = "/srv/web"
  }

  file "/etc/web.key" {
    content = "x"
    mode    = "0400"
  }

  restart "none" {}
}
`
	cfg, diags := lang.Load(fstest.MapFS{"web.hcl": {Data: []byte(text)}}, "web.hcl", lang.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	def, diags := cfg.Evaluate(lang.Inputs{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if got := def.Targets[0].Files[0].Mode; got != "0400" {
		t.Errorf("the mode is %q, want 0400", got)
	}
}
