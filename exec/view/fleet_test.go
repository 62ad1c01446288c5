package view_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"shipit/exec/plan"
	"shipit/lang"
	"shipit/lang/diag"
)

// The fleet of the golden files: a real definition, planned by the real
// planner for hosts that say what the test makes them say.
const definition = `
variable "password" {
  type      = string
  default   = "hunter2"
  sensitive = true
}

hosts "eqiad" {
  names = expand("restbase10[01-10].eqiad.wmnet")

  host "restbase1001.eqiad.wmnet" {
    labels = { canary = "yes" }
  }
}

environment "production" {
  hosts = hosts.eqiad
}

service "restbase" {
  hosts = env.hosts

  release {
    repo   = "restbase.git"
    scheme = "release/{date}/{n}"
  }

  transport "push" {
    path = "/srv/deployment/restbase"
  }

  file "/etc/restbase/config.yaml" {
    content = <<-EOT
      name: ${host.name}
      workers: 16
    EOT
  }

  file "/etc/restbase/secret" {
    content = "password: ${var.password}\n"
    mode    = "0400"
  }

  batch "canary" {
    hosts = select(service.hosts, { canary = "yes" })
    soak  = "5m"
  }

  batch "fleet" {
    size    = "25%"
    confirm = true
  }

  drain {
    out = ["depool"]
    in  = ["pool"]
  }

  restart "systemd" {
    unit = "restbase.service"
  }

  check "http" "info" {
    url = "http://${host.address}:7231/_info"
  }
}
`

var (
	old   = plan.Release{ID: "release-2015-06-10-1-111111111111", Tag: "release/2015-06-10/1", Commit: strings.Repeat("1", 40), Date: "2015-06-10", N: 1}
	fresh = plan.Release{ID: "release-2015-06-12-1-222222222222", Tag: "release/2015-06-12/1", Commit: strings.Repeat("2", 40), Subject: "rewrite the parser", Date: "2015-06-12", N: 1}
)

// evaluated is the definition for the release.
func evaluated(t *testing.T, rel plan.Release) *lang.Definition {
	t.Helper()
	cfg, diags := lang.Load(fstest.MapFS{"restbase.hcl": {Data: []byte(definition)}}, "restbase.hcl", lang.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	def, diags := cfg.Evaluate(lang.Inputs{Release: &lang.Release{Tag: rel.Tag, Commit: rel.Commit, Date: rel.Date, N: rel.N}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return def
}

func present(content, mode string) plan.FileFact {
	sum := sha256.Sum256([]byte(content))
	return plan.FileFact{Exists: true, SHA256: hex.EncodeToString(sum[:]), Content: content, Mode: mode, Owner: "deploy", Group: "deploy"}
}

// fleet is ten healthy hosts on which the releases ran in turn. Their
// configuration is as the definition wants it.
func fleet(def *lang.Definition, ran ...plan.Release) plan.Facts {
	var f plan.Facts
	for _, target := range def.Targets {
		h := plan.HostFacts{
			Name: target.Host.Name, HostKey: "ssh-ed25519 SHA256:abc", Login: "deploy", UID: 1000, Path: "/srv/deployment/restbase",
			FreeKiB: 1 << 20, FreeInodes: plan.NoLimit,
			Files: map[string]plan.FileFact{
				"/etc/restbase/config.yaml": present("name: "+target.Host.Name+"\nworkers: 16\n", "0644"),
				"/etc/restbase/secret":      present("password: hunter2\n", "0400"),
			},
			Units: map[string]plan.Unit{"restbase.service": {Load: "loaded", Active: "active"}},
			Sudo:  map[string]bool{}, Saved: map[string]map[string]plan.FileFact{},
		}
		for i, r := range ran {
			h.Releases, h.Live = append(h.Releases, r.ID), r.ID
			run := fmt.Sprintf("run%d", i+1)
			for _, state := range []string{"live", "good"} {
				h.History = append(h.History, plan.Record{
					Time: noon.Add(time.Duration(i-5) * time.Hour).Unix(), Run: run, State: state, Release: r.ID, By: "me@deploy1001", Tag: r.Tag, Commit: r.Commit,
				})
			}
			h.Saved[run] = map[string]plan.FileFact{}
			for p, file := range h.Files {
				h.Saved[run][p] = file
			}
		}
		f.Hosts = append(f.Hosts, h)
	}
	return f
}

var noon = time.Date(2015, 6, 12, 12, 0, 0, 0, time.UTC)

// deploy is the request for fresh.
func deploy(def *lang.Definition, facts plan.Facts) plan.Inputs {
	return plan.Inputs{
		Kind: plan.Deploy, Definition: def, Facts: facts, Release: fresh, Version: "0.4.0", Salt: []byte("0123456789abcdef"),
		Logs: []plan.Log{{From: old.ID, FromTag: old.Tag, Total: 3, Commits: []plan.Commit{
			{ID: strings.Repeat("2", 40), Subject: "rewrite the parser", Author: "A U Thor"},
			{ID: strings.Repeat("3", 40), Subject: "test the parser", Author: "B Utter"},
		}}},
	}
}

// hostile is text that would do harm on a terminal.
const hostile = "\x1b]0;owned\x07\x1b[2J\r\u202eevil\u200b\n+ fake"

// harmless fails if text could do harm; the colours are ours.
func harmless(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		for _, code := range []string{"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"} {
			line = strings.ReplaceAll(line, code, "")
		}
		if line = strings.TrimSuffix(line, "\n"); diag.Clean(line) != line {
			t.Errorf("this line is not harmless: %q", line)
		}
		if strings.HasPrefix(line, "+ fake") {
			t.Errorf("a line was faked: %q", line)
		}
	}
}
