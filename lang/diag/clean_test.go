package diag_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"shipit/lang/diag"
	"shipit/lang/diag/diagtest"
)

func TestClean(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"plain", "started\tok\n", "started\tok\n"},
		{"letters", "größe 日本 é", "größe 日本 é"},
		{"colours", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"open OSC hides nothing", "a\x1b]0;title b\nc", "a\\x1b]0;title b\nc"},
		{"C1 CSI", "a\u009b31m", `a\u009b31m`},
		{"NUL, BS, DEL", "a\x00\b\x7f", `a\x00\x08\x7f`},
		{"bidi override", "user\u202egpj.exe\u2066", `user\u202egpj.exe\u2066`},
		{"zero width", "a\u200bb\ufeffc", `a\u200bb\ufeffc`},
		{"tag characters", "a\U000e0041", `a\U000e0041`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"invalid UTF-8", "a\xff\xc3(", `a\xff\xc3(`},
		{"progress bar", "10%\r20%\rdone\r\n", "10%\n20%\ndone\n"},
		{"a command of GitHub", " \t::error file=x::y\n::std::x a::b", " \t\\x3a:error file=x::y\n\\x3a:std::x a::b"},
		{"no command of GitHub", "::1 a\nx ::y::z", "::1 a\nx ::y::z"},
		{"older commands", "a ##[set-env]x ##vso[y] ### [z]", `a \x23#[set-env]x \x23#vso[y] ### [z]`},
		{"the replacement character itself", "\ufffd", "\ufffd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := diag.Clean(tt.in); got != tt.want {
				t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestCleanCutsLongLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 8<<10)
	if got := diag.Clean(long + "\n" + long); got != long+"\n"+long {
		t.Error("lines of 8 KiB were changed")
	}
	for _, filler := range []string{"x", "é", "\x1b", "日"} {
		got := diag.Clean(strings.Repeat(filler, 9<<10) + "\nnext")
		first, rest, _ := strings.Cut(got, "\n")
		if len(first) > 8<<10 || !strings.HasSuffix(first, "(line cut)") || rest != "next" {
			t.Errorf("Clean of a long line of %q: %d bytes, ends %q, then %q", filler, len(first), first[len(first)-20:], rest)
		}
	}
}

func TestCleanLineStaysOnOneLine(t *testing.T) {
	t.Parallel()
	if got, want := diag.CleanLine("a\nb\r\nc\x1b\td"), `a\nb\r\nc\x1b`+"\td"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingHostileIsLeftOfTheCorpus(t *testing.T) {
	t.Parallel()
	if n := len(diagtest.Hostile()); n < 40 {
		t.Fatalf("the corpus has %d samples", n)
	}
	for _, s := range diagtest.Hostile() {
		for name, got := range map[string]string{"Clean": diag.Clean(s.Text), "CleanLine": diag.CleanLine(s.Text)} {
			if why := diagtest.Problem(got); why != "" {
				t.Errorf("%s of %s: %s", name, s.Name, why)
			}
			if again := diag.Clean(got); again != got {
				t.Errorf("%s of %s is cleaned again: %.80q", name, s.Name, again)
			}
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[31m\r\n\xff\u202e")
	f.Add(strings.Repeat("\x1b", 9000))
	f.Fuzz(func(t *testing.T, s string) {
		got := diag.Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("Clean(%q) is not UTF-8: %q", s, got)
		}
		for _, r := range got {
			if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf) {
				t.Fatalf("Clean(%q) lets %U through", s, r)
			}
		}
		if again := diag.Clean(got); again != got {
			t.Fatalf("Clean is not idempotent: %q, then %q", got, again)
		}
		if line := diag.CleanLine(s); strings.ContainsAny(line, "\n\r") {
			t.Fatalf("CleanLine(%q) has several lines: %q", s, line)
		}
	})
}
