package lang

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"shipit/lang/diag"
)

// consolidate makes one diagnostic of those that say the same about the same
// place for several hosts or environments, and takes secrets out of them.
// Environments are left out where all of them are concerned.
func consolidate(diags diag.List, environments int, secrets map[string]bool) diag.List {
	type key struct {
		code, summary string
		at            diag.Range
	}
	index := map[key]int{}
	var out diag.List
	for _, d := range diags {
		k := key{d.Code, d.Summary, d.Subject}
		i, ok := index[k]
		if !ok {
			index[k] = len(out)
			d.Hosts, d.Envs = slices.Clone(d.Hosts), slices.Clone(d.Envs)
			out = append(out, d)
			continue
		}
		out[i].Hosts = union(out[i].Hosts, d.Hosts)
		out[i].Envs = union(out[i].Envs, d.Envs)
		if !slices.Equal(out[i].Fixes, d.Fixes) {
			out[i].Fixes = nil // not the same for all, so not certain
		}
	}
	redact := redactor(secrets)
	for i := range out {
		d := &out[i]
		if len(d.Envs) >= environments {
			d.Envs = nil
		} else if d.Code == "E0207" {
			d.Fixes = nil // elsewhere the name is right
		}
		d.Summary, d.Detail, d.Label, d.Help = redact(d.Summary), redact(d.Detail), redact(d.Label), redact(d.Help)
		for j := range d.Related {
			d.Related[j].Text = redact(d.Related[j].Text)
		}
		if slices.ContainsFunc(d.Fixes, func(f diag.Fix) bool { return redact(f.Title+"\n"+f.Text) != f.Title+"\n"+f.Text }) {
			d.Fixes = nil
		}
	}
	return out.Sorted()
}

func union(a, b []string) []string {
	// Most often the last one, again.
	for _, s := range b {
		if len(a) > 0 && a[len(a)-1] == s || slices.Contains(a, s) {
			continue
		}
		a = append(a, s)
	}
	return a
}

// redactor replaces secrets in a text. A secret of fewer than four characters
// would take ordinary words apart; it is replaced only where it stands
// quoted, as messages show values.
func redactor(secrets map[string]bool) func(string) string {
	var texts []string
	for s := range secrets {
		quoted := strconv.Quote(s)
		switch {
		case s == "":
		case len(s) < 4:
			texts = append(texts, quoted)
		default:
			texts = append(texts, s, quoted[1:len(quoted)-1])
		}
	}
	// The longest first, so that one secret inside another leaves no rest.
	sort.Slice(texts, func(i, j int) bool {
		if len(texts[i]) != len(texts[j]) {
			return len(texts[i]) > len(texts[j])
		}
		return texts[i] < texts[j]
	})
	var pairs []string
	for _, t := range texts {
		pairs = append(pairs, t, "(sensitive)")
	}
	return strings.NewReplacer(pairs...).Replace
}
