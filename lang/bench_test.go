package lang_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"shipit/lang"
)

// fleet is the restbase definition's shape for so many hosts.
func fleet(hosts int) fstest.MapFS {
	definition := fmt.Sprintf(`
variable "workers" {
  type    = number
  default = 16
}
environment "production" {
  hosts = hosts.web
}
locals {
  port  = 7231
  seeds = { eqiad = ["10.0.0.1", "10.0.0.2"] }
}
hosts "web" {
  names  = expand("web[0001-%04d].example.org")
  labels = { dc = "eqiad" }
  host "web0001.example.org" {
    labels = { canary = "yes" }
  }
}
service "demo" {
  hosts = env.hosts
  release {
    repo   = "https://git.example.org/demo"
    scheme = "release/{date}/{n}"
  }
  transport "push" {
    path = "/srv/demo"
  }
  file "/etc/demo.yaml" {
    content = templatefile("demo.tmpl", { port = local.port, workers = var.workers, seeds = local.seeds[host.labels.dc], name = host.name })
  }
  batch "canary" {
    hosts = select(service.hosts, { canary = "yes" })
  }
  batch "rest" {
    size = "25%%"
    by   = "dc"
  }
  drain {
    out = ["pool", "out", host.name]
    in  = ["pool", "in", host.name]
  }
  restart "systemd" {
    unit = "demo.service"
  }
  check "http" "info" {
    url      = "http://${host.address}:${local.port}/_info"
    contains = release.tag
  }
  check "command" "spec" {
    run = ["checker", host.address, "http://${host.address}:${local.port}"]
  }
}
`, hosts)
	template := "name: ${name}\nport: ${port}\nworkers: ${workers}\n%{ for s in seeds ~}\n- ${s}\n%{ endfor ~}\n"
	return fstest.MapFS{"main.hcl": {Data: []byte(definition)}, "demo.tmpl": {Data: []byte(template)}}
}

func BenchmarkValidate(b *testing.B) {
	for _, hosts := range []int{15, 1000} {
		files := fleet(hosts)
		b.Run(fmt.Sprintf("hosts=%d", hosts), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c, diags := lang.Load(files, "main.hcl", lang.Options{})
				if diags = append(diags, c.Validate(nil)...); len(diags) > 0 {
					b.Fatal(diags)
				}
			}
		})
	}
}

// repository is a definition of so many services that each run on all hosts,
// in three environments.
func repository(hosts, services int) fstest.MapFS {
	files := fleet(hosts)
	head, service, _ := strings.Cut(string(files["main.hcl"].Data), "service \"demo\"")
	head = strings.Replace(head, "environment \"production\"", "environment \"beta\" {\n  hosts  = hosts.web\n  values = { workers = 2 }\n}\nenvironment \"staging\" {\n  hosts = hosts.web\n}\nenvironment \"production\"", 1)
	var b strings.Builder
	b.WriteString(head)
	for i := range services {
		b.WriteString(strings.NewReplacer("demo.tmpl", "demo.tmpl", "demo", fmt.Sprintf("demo%02d", i)).Replace("service \"demo\"" + service))
	}
	files["main.hcl"].Data = []byte(b.String())
	return files
}

// BenchmarkValidateRepository is the goal of the design: validate of 1,000
// hosts, 100 services and 3 environments takes seconds on one core.
func BenchmarkValidateRepository(b *testing.B) {
	files := repository(1000, 100)
	b.ReportAllocs()
	for b.Loop() {
		c, diags := lang.Load(files, "main.hcl", lang.Options{})
		if diags = append(diags, c.Validate(nil)...); len(diags) > 0 {
			b.Fatal(diags)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-of-the-system")
}

func TestMistakeOnManyHostsIsToldOnce(t *testing.T) {
	t.Parallel()
	files := fleet(250)
	files["main.hcl"].Data = []byte(strings.Replace(string(files["main.hcl"].Data), "host.address, \"http", "host.labels.rack, \"http", 1))
	c, diags := lang.Load(files, "main.hcl", lang.Options{})
	diags = append(diags, c.Validate(nil)...)
	if len(diags) != 1 || len(diags[0].Hosts) != 250 {
		t.Errorf("got %d diagnostics: %v", len(diags), show(diags)[:min(1000, len(show(diags)))])
	}
}

// TestSameWordsAmongOtherHosts has two services whose batches choose in the
// same words among different hosts.
func TestSameWordsAmongOtherHosts(t *testing.T) {
	t.Parallel()
	files := repository(4, 2)
	text := strings.Replace(string(files["main.hcl"].Data), "hosts \"web\"", `hosts "db" {
  names  = ["db1"]
  labels = { canary = "yes", dc = "eqiad" }
}
hosts "web"`, 1)
	i := strings.LastIndex(text, "hosts = env.hosts")
	files["main.hcl"].Data = []byte(text[:i] + "hosts = hosts.db" + text[i+len("hosts = env.hosts"):])
	c, diags := lang.Load(files, "main.hcl", lang.Options{})
	if diags = append(diags, c.Validate(nil)...); len(diags) > 0 {
		t.Error(show(diags))
	}
}
