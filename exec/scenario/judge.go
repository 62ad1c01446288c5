package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"shipit/exec/tag"
	"shipit/lang"
	"shipit/lang/diag"
)

func (p *play) fail(what string, at diag.Range, want, got string) {
	p.res.Failures = append(p.res.Failures, Failure{what, want, got, at})
}

// judge compares what happened with what was expected.
func (p *play) judge() {
	x := p.s.Expect
	if w := x.Outcome; w != nil && w.Text != string(p.outcome) {
		p.fail("outcome", w.Range, w.Text, cmp.Or(string(p.outcome), "none: the deployer was killed"))
	}
	if w := x.Exit; w != nil && w.N != p.exit {
		p.fail("exit", w.Range, strconv.Itoa(w.N), strconv.Itoa(p.exit))
	}
	if w := x.Touched; w != nil {
		p.sameHosts("touched", w, func(name string) bool { return p.touched[name] })
	}
	if w := x.Out; w != nil {
		p.sameHosts("out", w, func(name string) bool {
			st := p.fleet.Host(name).State()
			return st.Drained || st.Running == "" && st.Live != ""
		})
	}
	p.releases(x.Release)
	if w := x.Batches; w != nil {
		var want []string
		for _, slice := range w.List {
			want = append(want, fold(p.match(slice)))
		}
		var got []string
		for _, slice := range p.slices {
			got = append(got, fold(p.inOrder(slice)))
		}
		if !slices.Equal(want, got) {
			p.fail("batches", w.Range, listed(want), listed(got))
		}
	}
	if w := x.MostOut; w != nil {
		if most := p.fleet.MostOut(); most > w.N {
			p.fail("most_out", w.Range, fmt.Sprintf("at most %d", w.N), strconv.Itoa(most))
		}
	}
	if w := x.Reason; w != nil && !slices.ContainsFunc(p.reasons, func(r string) bool { return strings.Contains(r, w.Text) }) {
		p.fail("reason", w.Range, fmt.Sprintf("a message that contains %q", w.Text), listed(distinct(p.reasons)))
	}
	if w := x.Within; w != nil && p.res.Took > w.Most.Std() {
		p.fail("within", w.Range, w.Most.String(), lang.Duration(p.res.Took.Round(time.Millisecond)).String())
	}
}

// sameHosts compares a set of hosts.
func (p *play) sameHosts(what string, w *lang.Texts, is func(string) bool) {
	want := p.match(w.List)
	var got []string
	for _, name := range p.names {
		if is(name) {
			got = append(got, name)
		}
	}
	if !slices.Equal(want, got) {
		p.fail(what, w.Range, fold(want), fold(got))
	}
}

// releases compares what the hosts run.
func (p *play) releases(picks []lang.Pick) {
	want := p.assign(picks, "release")
	ids := map[string]string{"": ""}
	for _, pick := range picks {
		if t := pick.Value; t.Text != "" && p.defs[t.Text] == nil {
			p.errorf("E0605", t.Range, "It is neither the release of the scenario nor one of its fleet.", "no host can run %q", t.Text)
		}
	}
	for name := range p.defs {
		ids[tag.ID(name, commitOf(name))] = name
	}
	for _, pick := range picks {
		wrong := map[string][]string{}
		var order []string
		for _, name := range p.match([]lang.Text{pick.Pattern}) {
			got := ids[p.fleet.Host(name).State().Running]
			if want[name] != pick.Value.Text || got == pick.Value.Text {
				continue // a narrower pattern speaks of it, or it is right
			}
			if wrong[got] == nil {
				order = append(order, got)
			}
			wrong[got] = append(wrong[got], name)
		}
		for _, got := range order {
			p.fail("release", pick.Value.Range, tagOrNone(pick.Value.Text), fmt.Sprintf("%s on %s", tagOrNone(got), fold(wrong[got])))
		}
	}
}

func tagOrNone(t string) string { return cmp.Or(t, "no release") }

// inOrder sorts hosts as the definition has them.
func (p *play) inOrder(names []string) []string {
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	return slices.DeleteFunc(slices.Clone(p.names), func(name string) bool { return !there[name] })
}

func fold(names []string) string {
	if len(names) == 0 {
		return "no host"
	}
	return lang.Fold(names)
}

func listed(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, " | ")
}

func distinct(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
