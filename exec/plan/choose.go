package plan

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"shipit/lang"
)

// choose is the set of names that match any pattern: an exact name, a folded
// range as in "web[01-09].example.org" or "web01..09.example.org", or a shell
// glob. It is nil where there is no pattern. A pattern without a host stands
// against the plan: it was surely meant to say something.
func (m *maker) choose(option string, patterns, names []string) map[string]bool {
	if len(patterns) == 0 {
		return nil
	}
	known := make(map[string]bool, len(names))
	for _, n := range names {
		known[n] = true
	}
	chosen := map[string]bool{}
	for _, p := range patterns {
		if known[p] {
			chosen[p] = true
			continue
		}
		wanted, folded := unfold(p)
		if folded {
			for _, n := range wanted {
				if !known[n] {
					m.against("%s %s: %s has no host %s%s", option, p, m.svc.Name, n, nearest(n, names))
					break
				}
				chosen[n] = true
			}
			continue
		}
		found := false
		for _, n := range names {
			ok, err := path.Match(p, n)
			if err != nil {
				m.against("%s %s: not a pattern; write a name, a range like web[01-09] or a glob like 'web*'", option, p)
				found = true
				break
			}
			if ok {
				chosen[n], found = true, true
			}
		}
		if !found {
			m.against("%s %s: %s has no such host%s", option, p, m.svc.Name, nearest(p, names))
		}
	}
	return chosen
}

// Choose is the set of hosts that patterns of --limit or --without mean.
func Choose(patterns, hosts []string) map[string]bool {
	m := &maker{svc: &lang.Service{}}
	return m.choose("", patterns, hosts)
}

// mostUnfolded bounds what one range stands for.
const mostUnfolded = 10000

// unfold expands the first range of p and those behind it; ok is false where
// p has none.
func unfold(p string) (names []string, ok bool) {
	if strings.ContainsAny(p, "*?") {
		return nil, false
	}
	before, numbers, after, ok := cutRange(p)
	if !ok {
		return nil, false
	}
	rest, more := unfold(after)
	if !more {
		rest = []string{after}
	}
	for _, n := range numbers {
		for _, r := range rest {
			if len(names) == mostUnfolded {
				return names, true
			}
			names = append(names, before+n+r)
		}
	}
	return names, true
}

// cutRange cuts p around its first "[01-03,07]" or "01..03".
func cutRange(p string) (before string, numbers []string, after string, ok bool) {
	if i := strings.IndexByte(p, '['); i >= 0 {
		if j := strings.IndexByte(p[i:], ']'); j > 0 {
			if numbers, ok = span(p[i+1:i+j], "-"); ok {
				return p[:i], numbers, p[i+j+1:], true
			}
		}
	}
	i := strings.Index(p, "..")
	if i < 0 {
		return "", nil, "", false
	}
	from := strings.TrimRight(p[:i], "0123456789")
	to := strings.TrimLeft(p[i+2:], "0123456789")
	numbers, ok = span(p[len(from):len(p)-len(to)], "..")
	return from, numbers, to, ok
}

// span expands "01-03,07", keeping the width of the first number.
func span(s, dash string) (numbers []string, ok bool) {
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, dash)
		if !isRange {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 32)
		b, err2 := strconv.ParseUint(last, 10, 32)
		if err1 != nil || err2 != nil || b < a || b-a >= mostUnfolded {
			return nil, false
		}
		for n := a; n <= b; n++ {
			numbers = append(numbers, fmt.Sprintf("%0*d", len(first), n))
		}
	}
	// A lone "[012]" is a class of a glob.
	return numbers, strings.ContainsAny(s, ",") || strings.Contains(s, dash)
}
