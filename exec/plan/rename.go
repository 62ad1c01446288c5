package plan

import (
	"strings"

	"shipit/lang"
)

// A rename puts one release in the place of another in what the definition
// made of release.tag and release.commit. A definition is evaluated once, for
// the release that is wanted, but a rollback asks the same questions about
// an older one: "the page says release/2" would fail there for ever.
//
// The id, the tag and the commit (whole, or cut to at least seven digits) are
// replaced where they stand as words of their own. Dates and numbers of a
// tag are not: they could mean anything.
type rename struct{ from, to Release }

// idle tells whether r changes nothing.
func (r rename) idle() bool {
	return r.from == (Release{}) || r.from.Tag == r.to.Tag && r.from.Commit == r.to.Commit && r.from.ID == r.to.ID
}

// text is s about r.to; ok is false where s is about r.from in a way that is
// not known of r.to.
func (r rename) text(s string) (out string, ok bool) {
	if r.idle() {
		return s, true
	}
	var b strings.Builder
	ok = true
	for i := 0; i < len(s); {
		n := 0
		var by string
		if i == 0 || !inWord(s[i-1]) {
			n, by = r.at(s[i:])
		}
		if n == 0 {
			b.WriteByte(s[i])
			i++
			continue
		}
		ok = ok && by != ""
		b.WriteString(by)
		i += n
	}
	return b.String(), ok
}

// at is how many bytes at the beginning of s name r.from, and what names r.to
// instead.
func (r rename) at(s string) (n int, by string) {
	ends := func(n int) bool { return n == len(s) || !inWord(s[n]) }
	for _, p := range [][2]string{{r.from.ID, r.to.ID}, {r.from.Tag, r.to.Tag}} {
		if p[0] != "" && strings.HasPrefix(s, p[0]) && ends(len(p[0])) {
			return len(p[0]), p[1]
		}
	}
	for n < len(s) && n < len(r.from.Commit) && s[n] == r.from.Commit[n] {
		n++
	}
	if n < 7 || !ends(n) {
		return 0, ""
	}
	return n, r.to.Commit[:min(n, len(r.to.Commit))]
}

func inWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

// value is text for every string in a JSON value.
func (r rename) value(v any) (out any, ok bool) {
	ok = true
	switch v := v.(type) {
	case string:
		return r.text(v)
	case []string:
		list := make([]any, len(v))
		for i := range v {
			var fine bool
			list[i], fine = r.text(v[i])
			ok = ok && fine
		}
		return list, ok
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var fine bool
			list[i], fine = r.value(v[i])
			ok = ok && fine
		}
		return list, ok
	case map[string]any:
		return r.spec(v)
	case map[string]string:
		m := make(map[string]any, len(v))
		for k := range v {
			var fine bool
			m[k], fine = r.text(v[k])
			ok = ok && fine
		}
		return m, ok
	}
	return v, true
}

func (r rename) spec(m map[string]any) (out map[string]any, ok bool) {
	if r.idle() {
		return m, true
	}
	out, ok = make(map[string]any, len(m)), true
	for k, v := range m {
		var fine bool
		out[k], fine = r.value(v)
		ok = ok && fine
	}
	return out, ok
}

func (r rename) command(c lang.Command) (out lang.Command, ok bool) {
	out.Shell, ok = r.text(c.Shell)
	for _, a := range c.Argv {
		word, fine := r.text(a)
		out.Argv = append(out.Argv, word)
		ok = ok && fine
	}
	return out, ok
}
