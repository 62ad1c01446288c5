package lang_test

import (
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shipit/lang"
)

func TestPatternsThatDoNotMeanTheSameEverywhereAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		``, `a\`, `\d+`, `\bword\b`, `(a)\1`, `[\d]`, `[a`, `[]`, `a{2`, `a{2,1}`, `a{300}`, `a{,2}`, `*a`, `(*a)`, `a|*b`, `a**`, `^*`,
		`a||b`, `|a`, `a|`, `()`, `(|a)`, `(a|)`, `(a`, `a)`, `(?i)a`, "a\nb", "a\tb", `[[:word:]]`, `[[.a.]]`, `[[=a=]]`, `[z-a]`,
	} {
		if p, err := lang.ParsePattern(s); err == nil {
			t.Errorf("%q is taken as %q", s, p.POSIX())
		}
	}
	for s, want := range map[string]string{
		`\[error\]`: `\[error]`, `a\/b\}`: `a/b}`, `[]a]+`: `[]a]+`, `[^]a-]{2,}`: `[^]a-]{2,}`, `^(a|b)$`: `^(a|b)$`, `\^\$\{`: `\^\$\{`, `"level":(50|60)`: `"level":(50|60)`,
	} {
		if p, err := lang.ParsePattern(s); err != nil || p.POSIX() != want {
			t.Errorf("%q: %v, %v, want %q", s, p, err, want)
		}
	}
}

// TestPatternsMeanTheSameToGrep compares with the grep of this machine.
func TestPatternsMeanTheSameToGrep(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("grep"); err != nil {
		t.Skip("grep is not installed")
	}
	piece := rapid.SampledFrom([]string{
		"a", "b", "é", ".", "[ab]", "[^a]", "[[:digit:]x]", "[]a]", "[^]b]", `\.`, `\]`, `\*`, `\[`, `\{`, `\\`, "1", "}", "]", "-", "*", "+", "?", "{2}", "{1,}", "{0,1}", "(", ")", "|", "^", "$", `\/`, `\"`,
	})
	text := rapid.SampledFrom([]string{"a", "b", "é", "1", "]", ".", "*", "[", "{", `\`, "}", "-", "/", `"`, "\n", "\r", "\xff", "aa"})
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(piece, 1, 7).Draw(t, "pattern"), "")
		p, err := lang.ParsePattern(s)
		if err != nil {
			return
		}
		taken++
		in := strings.Join(rapid.SliceOfN(text, 0, 8).Draw(t, "text"), "")
		cmd := exec.Command("grep", "-E", "-q", "-e", p.POSIX())
		cmd.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
		cmd.Stdin = strings.NewReader(in)
		out, err := cmd.CombinedOutput()
		if len(out) > 0 {
			t.Fatalf("grep on %q: %s", p.POSIX(), out)
		}
		if _, ok := p.Line(in); ok != (err == nil) {
			t.Fatalf("%q (%q) in %q: here %t, grep %t", s, p.POSIX(), in, ok, err == nil)
		}
	})
	if taken == 0 {
		t.Error("no pattern was taken")
	}
}

func TestJSONPaths(t *testing.T) {
	t.Parallel()
	for s, n := range map[string]int{`.version`: 1, `.items[0].name`: 3, `."a key\"x".b`: 2, `[3]`: 1, `.a-b`: 1} {
		if p, err := lang.ParseJSONPath(s); err != nil || len(p) != n {
			t.Errorf("%s: %v, %v", s, p, err)
		}
	}
	for _, s := range []string{``, `.`, `version`, `.a.`, `.a[`, `.a[-1]`, `.a[x]`, `."a`, `.a b`, `$.a`, `.a[99999999]`, `."a\u0000"`, `."\q"`} {
		if p, err := lang.ParseJSONPath(s); err == nil {
			t.Errorf("%s is taken as %v", s, p)
		}
	}
}
