package schema

import (
	"slices"
	"strings"
)

// Sample is a value that the attribute can have in the block, as it would be
// written.
func (a Attr) Sample(block string) string {
	for _, name := range []string{block + "." + a.Name, a.Name} {
		if s, ok := samples[name]; ok {
			return s
		}
	}
	switch a.Type {
	case String, Words:
		return sampleText(a)
	case Strings:
		return "[" + sampleText(a) + "]"
	case Bool:
		if a.Default == "true" {
			return "false"
		}
		return "true"
	case Number:
		switch {
		case a.Max == 65535:
			return "8080"
		case a.Default != "":
			return a.Default
		}
		return "1"
	case Hosts:
		return "hosts.web"
	}
	for _, t := range TypeDocs() {
		if t.Name == a.Type {
			return t.Example
		}
	}
	panic("internal error: no sample of " + string(a.Type))
}

// samples are better than what the type and form give.
var samples = map[string]string{
	"required_version":     `">= 0.4, < 2"`,
	"include":              `["shared/fleet.hcl"]`,
	"default":              "4",
	"validation.condition": "var.workers <= 64",
	"validation.message":   `"at most 64 workers fit"`,
	"assert.condition":     "length(service.hosts) > 1",
	"assert.message":       `"one host is too few"`,
	"variable.type":        "number",
	"names":                `expand("web[01-20].example.org")`,
	"from_command":         `["ansible-inventory", "--list"]`,
	"from_file":            `"hosts.txt"`,
	"hosts.group":          `"web"`,
	"snapshot":             `"inventory.json"`,
	"known_hosts":          `"ssh/known_hosts"`,
	"identity":             `"~/.ssh/deploy.pub"`,
	"via":                  `"openssh"`,
	"port":                 "2200",
	"repo":                 `"https://git.example.org/hello"`,
	"signers":              `"release.signers"`,
	"relay":                `"dc"`,
	"transport.from":       `"dist/hello-${release.tag}.tar.gz"`,
	"origin":               `"https://git.example.org/hello"`,
	"shared":               `["var/cache"]`,
	"transport.url":        `"https://artifacts.example.org/hello-${release.tag}.tar.gz"`,
	"sha256":               `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`,
	"mirrors":              `{ ams = "https://cache.ams.example.org/hello-${release.tag}.tar.gz" }`,
	"mirror_by":            `"dc"`,
	"proxy":                `"http://127.0.0.1:65001"`,
	"source":               `"rsync://deploy.example.org/hello/${release.tag}"`,
	"strip":                "1",
	"service.hosts":        "hosts.web",
	"batch.hosts":          `select(service.hosts, { dc = "ams" })`,
	"by":                   `"dc"`,
	"spread":               `"dc"`,
	"parallel":             "2",
	"ramp":                 `[1, "10%", "50%"]`,
	"out":                  `["depool", host.name]`,
	"in":                   `["pool", host.name]`,
	"content":              `"greeting = hello\n"`,
	"check.port":           "8080",
	"check.url":            `"http://${host.address}:8080/_info"`,
	"contains":             "release.tag",
	"must":                 `"listening on port [0-9]+"`,
	"must_not":             `"\"level\":(50|60)"`,
	"max":                  "3",
	"window":               `"20s"`,
	"query":                `"sum by (instance) (rate(http_errors_total[2m]))"`,
	"check.below":          "0.05",
	"check.above":          "0.01",
	"check.by":             `"difference"`,
	"instance":             `"${host.name}:9100"`,
	"label":                `"node"`,
	"matches":              `"^ready in [0-9]+ ms"`,
	"json":                 `{ ".version" = release.tag }`,
	"expect_headers":       `{ X-Version = release.tag }`,
	"headers":              `{ Host = "hello.example.org" }`,
	"shell":                `"kill -HUP $(cat /run/hello.pid)"`,
	"notify.run":           `["/usr/local/bin/announce"]`,
	"owners":               `["team@example.org"]`,
	"channel":              `"#operations"`,
	"nick":                 `"deploybot"`,
	"notify.from":          `"shipit@example.org"`,
	"notify.to":            `["team@example.org"]`,
	"url_file":             `"~/.config/shipit/webhook"`,
	"state.path":           `"/var/lib/shipit/runs"`,
	"state.url":            `"redis://redis.example.org:6379"`,
	"state.url_file":       `"~/.config/shipit/redis"`,
	"state.key":            `"team"`,
	"secret_file":          `"~/.config/shipit/webhook.key"`,
	"token_file":           `"~/.config/shipit/grafana.token"`,
	"template":             `"{\"message\": \"{text}\"}"`,
	"deliver":              `"at_least_once"`,
	"server":               `"irc.example.org:6697"`,
	"description":          `"the front page"`,
	"after":                "[service.database]",
	"within":               `"60s"`,
	"every":                `"5s"`,
	"timeout":              `"10s"`,
	"soak":                 `"5m"`,
	"watchdog":             `"5m"`,
	"wait":                 `"10m"`,
	"scenario.env":         `"production"`,
	"scenario.service":     `"hello"`,
	"scenario.release":     `"release/2015-06-10/2"`,
	"fleet":                `{ "*" = "release/2015-06-10/1" }`,
	"limit":                `["web[01-04].example.org"]`,
	"without":              `["web01.example.org"]`,
	"fail":                 `{ "check.http.front" = "web01.example.org" }`,
	"unreachable":          `["web01.example.org"]`,
	"slow":                 `{ "web01.example.org" = "30s" }`,
	"fault.hosts":          `["web01.example.org"]`,
	"passes":               "3",
	"extra":                `"30s"`,
	"kill.at":              `"restart"`,
	"kill.host":            `"web01.example.org"`,
	"abort.at":             `"restart"`,
	"abort.host":           `"web01.example.org"`,
	"touched":              `["web01.example.org"]`,
	"expect.release":       `{ "*" = "release/2015-06-10/1" }`,
	"expect.out":           "[]",
	"reason":               `"check.http.front"`,
}

func sampleText(a Attr) string {
	if len(a.OneOf) > 0 {
		for _, word := range a.OneOf { // the default needs no writing down
			if !strings.Contains(a.Default, `"`+word+`"`) {
				return `"` + word + `"`
			}
		}
		return `"` + a.OneOf[0] + `"`
	}
	switch a.Form {
	case HostName:
		return `"web01.example.org"`
	case UserName:
		return `"deploy"`
	case UnitName:
		return `"hello.service"`
	case ServiceName:
		return `"hello"`
	case SignalName:
		return `"USR2"`
	case PathName:
		return `"/srv/hello"`
	case BelowPath:
		return `"var/log"`
	case URL:
		return `"https://example.org/hook"`
	case TagScheme:
		return `"release/{date}/{n}"`
	case Hours:
		return `"09:00-17:00"`
	case Zone:
		return `"Europe/Amsterdam"`
	case Jump:
		return `"bastion.example.org"`
	case Name:
		return `"dc"`
	default:
		return `"text"`
	}
}

// Sample is a label that the block can have.
func (l Label) Sample(block string) string {
	switch {
	case l.Form == HostName:
		return "web01.example.org"
	case l.Form == PathName:
		return "/etc/hello.conf"
	}
	if name, ok := map[string]string{
		"variable": "workers", "hosts": "web", "environment": "production", "service": "hello",
		"scenario": "a bad canary is rolled back", "fault": "check.http.front",
		"batch": "canary", "check": "front", "hook": "warm",
	}[block]; ok {
		return name
	}
	return l.Name
}

// Partner is the attribute of a group of which exactly one is set that goes
// with the attribute name: a snapshot only with a command.
func Partner(group []string, name string) string {
	if slices.Contains(group, name) {
		return name
	}
	if slices.Contains(group, "from_command") && slices.Contains([]string{"group", "label_vars", "snapshot"}, name) {
		return "from_command"
	}
	return group[0]
}
