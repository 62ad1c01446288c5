package main

import (
	"cmp"
	"fmt"
	"strings"
)

// A definition is the text of the blocks that tests vary; what is left out
// is as in the default below.
type definition struct {
	names     []string // of the hosts; default all
	ssh       string   // in the hosts' ssh block, instead of known_hosts and identity
	user      string   // of the service
	repo      string
	transport string
	file      string
	batch     string
	drain     string
	restart   string
	checks    string
	rollback  string
	more      string
}

const (
	versionCheck = `
  check "http" "version" {
    from     = "deployer"
    url      = "http://${host.address}:8080/_info"
    contains = "\"Version\":\"${release.tag}\""
    within   = "10s"
    every    = "100ms"
  }
`
	healthCheck = `
  check "http" "health" {
    from   = "deployer"
    url    = "http://${host.address}:8080/healthz"
    within = "1s"
    every  = "100ms"
  }
`
)

// define writes hello.hcl.
func (f *fleet) define(d definition) {
	f.t.Helper()
	var b strings.Builder
	fmt.Fprint(&b, "variable \"greeting\" {\n  default = \"Good morning\"\n}\n\nhosts \"e2e\" {\n  names = [")
	var hosts strings.Builder
	n := 0
	for _, h := range f.hosts {
		if d.names != nil && !strings.Contains(" "+strings.Join(d.names, " ")+" ", " "+h.name+" ") {
			continue
		}
		if n++; n > 1 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", h.name)
		fmt.Fprintf(&hosts, "\n  host %q {\n    address = %q\n    port    = %d\n  }\n", h.name, h.addr, cmp.Or(h.port, sshPort))
	}
	reach := cmp.Or(d.ssh, fmt.Sprintf("user = %q\n    known_hosts = \"known_hosts\"\n    identity = %q", f.user, f.path("keys/login")))
	fmt.Fprintf(&b, "]\n\n  ssh {\n    %s\n  }\n%s}\n\nservice \"hello\" {\n  hosts = hosts.e2e\n", reach, hosts.String())
	if d.user != "" {
		fmt.Fprintf(&b, "  user  = %q\n", d.user)
	}
	fmt.Fprintf(&b, "\n  release {\n    repo   = %q\n    scheme = \"release/{date}/{n}\"\n    keep   = 3\n  }\n\n", cmp.Or(d.repo, "hello.git"))
	for _, part := range []struct{ text, otherwise string }{
		{d.transport, "transport \"push\" {\n    path = \"srv/hello\"\n  }"},
		{d.file, "file \"etc/hello.conf\" {\n    content = \"${var.greeting} from ${host.name}\\n\"\n  }"},
		{d.batch, "batch \"canary\" {\n    size = 1\n  }"},
		{d.drain, "drain {\n    out = [\"pool\", \"out\"]\n    in  = [\"pool\", \"in\"]\n  }"},
		{d.restart, "restart \"service\" {\n    name = \"hello\"\n  }"},
		{d.checks, versionCheck + healthCheck},
		{d.rollback, ""},
		{d.more, ""},
	} {
		fmt.Fprintf(&b, "  %s\n\n", cmp.Or(part.text, part.otherwise))
	}
	b.WriteString("}\n")
	f.write("def/hello.hcl", b.String())
}
