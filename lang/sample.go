package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"shipit/lang/schema"
)

// example is the smallest block that shows the place.
func (p spot) example() Example {
	e := Example{InService: len(p.blocks) > 1 && p.blocks[1].Name == "service"}
	if p.ofScenarios() {
		e.File = "hello.test.hcl"
	}
	blocks := p.blocks[1:]
	if e.InService {
		blocks = blocks[1:] // the service itself is large
	}
	var b strings.Builder
	expects := false
	for i, block := range blocks {
		last := i == len(blocks)-1
		b.WriteString(block.Name)
		kind := p.kind
		if kind == nil && len(block.Kinds) > 0 {
			kind = &block.Kinds[0]
		}
		if kind != nil {
			fmt.Fprintf(&b, " %q", kind.Name)
		}
		for _, l := range block.Labels {
			fmt.Fprintf(&b, " %q", l.Sample(block.Name))
		}
		b.WriteString(" {\n")
		var attr *schema.Attr
		if last {
			attr = p.attr
		}
		sampleBody(&b, block, kind, attr)
		if !last {
			b.WriteString("\n")
		}
		expects = expects || block.Name == "expect"
	}
	if len(blocks) == 0 && p.attr != nil {
		fmt.Fprintf(&b, "%s = %s\n", p.attr.Name, p.attr.Sample(p.block().Name))
	} else if len(blocks) == 0 {
		e.InService = false
		b.WriteString(smallest)
	}
	if p.ofScenarios() && !expects {
		b.WriteString(strings.Repeat("}\n", len(blocks)-1) + "\nexpect {\noutcome = \"done\"\n}\n}\n")
	} else {
		b.WriteString(strings.Repeat("}\n", len(blocks)))
	}
	e.Text = string(hclwrite.Format([]byte(b.String())))
	return e
}

// smallest is a whole service.
const smallest = `service "hello" {
  hosts = hosts.web

  release {
    repo   = "https://git.example.org/hello"
    scheme = "release/{date}/{n}"
  }

  transport "push" {
    path = "/srv/hello"
  }

  restart "systemd" {
    unit = "hello.service"
  }
}
`

// sampleBody writes what a block needs, and attr.
func sampleBody(b *strings.Builder, block *schema.Block, kind *schema.Kind, attr *schema.Attr) {
	attrs, groups := slices.Clone(block.Attrs), slices.Clone(block.ExactlyOne)
	if kind != nil {
		attrs, groups = append(attrs, kind.Attrs...), append(groups, kind.ExactlyOne...)
	}
	name := ""
	if attr != nil {
		name = attr.Name
	}
	needed := map[string]bool{}
	var need func(name string)
	need = func(name string) {
		for _, a := range attrs {
			if a.Name == name && !needed[name] {
				needed[name] = true
				for _, other := range a.With {
					need(other)
				}
			}
		}
	}
	need(name)
	for i, a := range attrs {
		chosen := slices.ContainsFunc(groups, func(g []string) bool {
			if i := slices.IndexFunc(g, func(n string) bool { return needed[n] }); i >= 0 {
				return g[i] == a.Name
			}
			return schema.Partner(g, name) == a.Name
		})
		if a.Required || chosen || needed[a.Name] {
			fmt.Fprintf(b, "%s = %s\n", a.Name, attrs[i].Sample(block.Name))
		}
	}
	switch {
	case block.Name == "expect" && attr == nil:
		b.WriteString("outcome = \"done\"\n")
	case block.Name == "fault" && name == "extra":
		b.WriteString("how = \"slow\"\n")
	}
	if block.Free {
		b.WriteString("port = 8080\n")
	}
}
