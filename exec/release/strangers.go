package release

import (
	"context"
	"fmt"
	"strings"

	"shipit/exec/tag"
)

// Strangers are the names of the tags that are not of the scheme, sorted.
func (r *Repo) Strangers(ctx context.Context, s tag.Scheme) ([]string, error) {
	out, err := git(ctx, r.dir, "for-each-ref", "--format=%(refname:strip=2)", "refs/tags")
	if err != nil {
		return nil, fmt.Errorf("cannot list the tags of %s: %w", r.name, err)
	}
	var names []string
	for name := range strings.FieldsSeq(string(out)) {
		if _, ok := s.Parse(name); !ok {
			names = append(names, name)
		}
	}
	return names, nil
}
