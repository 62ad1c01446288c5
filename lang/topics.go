package lang

import (
	"fmt"
	"slices"
	"strings"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// A spot is a block, kind or attribute in the table.
type spot struct {
	blocks []*schema.Block // from the top level
	scope  schema.Scope
	kind   *schema.Kind
	attr   *schema.Attr
}

// ofScenarios tells whether the place is in a scenario file.
func (p spot) ofScenarios() bool { return len(p.blocks) > 1 && p.blocks[1].Name == "scenario" }

func (p spot) block() *schema.Block { return p.blocks[len(p.blocks)-1] }

// path names the place as Explain finds it.
func (p spot) path() string {
	var parts []string
	for _, b := range p.blocks[1:] {
		parts = append(parts, b.Name)
	}
	if p.kind != nil {
		parts = append(parts, p.kind.Name)
	}
	if p.attr != nil {
		parts = append(parts, p.attr.Name)
	}
	return strings.Join(parts, ".")
}

// places are all that can be explained, in the order of the table.
func places() []spot {
	var list []spot
	attrs := func(p spot, attrs []schema.Attr) {
		for i := range attrs {
			p.attr = &attrs[i]
			list = append(list, p)
		}
	}
	var walk func(p spot)
	walk = func(p spot) {
		b := p.block()
		if b.Scope != schema.Inherit {
			p.scope = b.Scope
		}
		if b.Name != "" {
			list = append(list, p)
		}
		attrs(p, b.Attrs)
		for i := range b.Kinds {
			of := p
			of.kind = &b.Kinds[i]
			list = append(list, of)
			attrs(of, of.kind.Attrs)
		}
		for _, c := range b.Blocks {
			walk(spot{blocks: append(slices.Clone(p.blocks), c), scope: p.scope})
		}
	}
	walk(spot{blocks: []*schema.Block{schema.File()}})
	walk(spot{blocks: []*schema.Block{schema.Scenarios()}})
	return list
}

// Topics are all that Explain knows besides codes.
func Topics() []string {
	var list []string
	for _, p := range places() {
		list = append(list, p.path())
	}
	return append(list, eval.FunctionNames()...)
}

// find looks for a path, from the top level first and then from any block.
func find(topic string) (spot, error) {
	all := places()
	var ends []spot
	for _, p := range all {
		for i, path := range append([]string{p.path()}, p.withKinds()...) {
			if path == topic {
				return p, nil
			}
			// What all kinds have is found by one of them only if that is named.
			if strings.HasSuffix(path, "."+topic) && (i == 0 || strings.Contains(topic, ".")) {
				ends = append(ends, p)
				break
			}
		}
	}
	// Who names no scenario means the definition.
	if own := slices.DeleteFunc(slices.Clone(ends), spot.ofScenarios); len(own) == 1 {
		ends = own
	}
	switch {
	case len(ends) == 1:
		return ends[0], nil
	case len(ends) > 1:
		var names []string
		for _, p := range ends {
			names = append(names, p.path())
		}
		return spot{}, &TopicError{topic, eval.Listing("Which one?", names)}
	}
	return spot{}, &TopicError{topic, nearestTopic(topic, all)}
}

// withKinds are the paths of an attribute that all kinds have with each of
// them in front: service.check.http.within.
func (p spot) withKinds() []string {
	if p.attr == nil || p.kind != nil {
		return nil
	}
	var paths []string
	for i := range p.block().Kinds {
		paths = append(paths, spot{blocks: p.blocks, kind: &p.block().Kinds[i], attr: p.attr}.path())
	}
	return paths
}

// nearestTopic corrects the first part of the path that is wrong.
func nearestTopic(topic string, all []spot) string {
	var paths []string
	for _, p := range all {
		paths = append(paths, p.path())
	}
	head, tail := topic, ""
	for {
		i := strings.LastIndexByte(head, '.')
		parent := ""
		if i >= 0 {
			parent = head[:i+1]
		}
		if parent == "" || slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(p, parent) }) {
			var names []string
			for _, p := range paths {
				if rest, ok := strings.CutPrefix(p, parent); ok && !strings.Contains(rest, ".") {
					names = append(names, rest)
				}
			}
			if parent == "" {
				for _, p := range paths { // a path may begin anywhere
					names = append(names, strings.Split(p, ".")...)
				}
				names = append(names, eval.FunctionNames()...)
			}
			if near := diag.Nearest(head[len(parent):], names); near != "" {
				return fmt.Sprintf("did you mean %s?", parent+near+tail)
			}
			if parent != "" {
				return eval.Listing("There are", names)
			}
			return "`shipit schema` lists the blocks; `shipit explain E0107` explains a code."
		}
		head, tail = head[:i], head[i:]+tail
	}
}
