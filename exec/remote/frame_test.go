package remote

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const testNonce = "00112233445566778899aabbccddeeff"

// split runs output through a splitter in chunks of n bytes.
func split(out string, n int) []string {
	var got []string
	s := newSplitter(testNonce,
		func(f frame) { got = append(got, fmt.Sprintf("F:%s:%s", f.kind, f.rest)) },
		func(l string) {
			if len(l) > 100 {
				l = fmt.Sprintf("%s…%d", l[:3], len(l))
			}
			got = append(got, "L:"+l)
		})
	for len(out) > 0 {
		k := min(n, len(out))
		s.Write([]byte(out[:k]))
		out = out[k:]
	}
	s.flush()
	return got
}

func TestSplitter(t *testing.T) {
	t.Parallel()
	m := "\x1e" + testNonce + " "
	long := strings.Repeat("x", 3*maxLine)
	for _, tc := range []struct {
		name, out string
		want      []string
	}{
		{"nothing", "", nil},
		{"lines", "a\n\nb\n", []string{"L:a", "L:", "L:b"}},
		{"last line", "a\nb", []string{"L:a", "L:b"}},
		{"frames", m + "begin a\n" + m + "end a 0\n", []string{"F:begin:a", "F:end:a 0"}},
		{"frame after a partial line", "part" + m + "end a 0\nnext\n", []string{"L:part", "F:end:a 0", "L:next"}},
		{"wrong nonce", "\x1e" + strings.Repeat("0", 32) + " end a 0\n", []string{"L:\x1e" + strings.Repeat("0", 32) + " end a 0"}},
		{"marker cut by a newline", "\x1e" + testNonce[:10] + "\n" + testNonce[10:] + " end\n", []string{"L:\x1e" + testNonce[:10], "L:" + testNonce[10:] + " end"}},
		{"cut frame", m + "end a", nil},
		{"endless line", long + "\nnext\n", []string{fmt.Sprintf("L:xxx…%d", maxLine), "L:next"}},
		{"endless line and frame", long + m + "end a 0\n", []string{fmt.Sprintf("L:xxx…%d", maxLine), "F:end:a 0"}},
		{"endless line without end", long, []string{fmt.Sprintf("L:xxx…%d", maxLine)}},
		{"long fact", m + "fact64 k " + long + "\n", []string{"F:fact64:k " + long}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{1, 7, 1000, 1 << 20} {
				if n == 1 && len(tc.out) > 1000 {
					continue
				}
				if d := cmp.Diff(tc.want, split(tc.out, n)); d != "" && n > 7 || d != "" && len(tc.out) < 1000 {
					t.Errorf("in chunks of %d (-want +got):\n%.500s", n, d)
				}
			}
		})
	}
}

func FuzzSplitter(f *testing.F) {
	m := "\x1e" + testNonce + " "
	f.Add("a"+m+"begin a\nb\x1e\n"+m+"end a 0\n", 3)
	f.Add(m+"fact64 k AAAA\n"+m+"fact64 k !\n", 40)
	f.Add(strings.Repeat("y", maxLine+100)+m+"exit 0\n", 4096)
	f.Fuzz(func(t *testing.T, out string, n int) {
		if n < 1 || n < len(out)/100 {
			n = len(out)/100 + 1
		}
		got := split(out, n)
		frames := 0
		for _, g := range got {
			if strings.HasPrefix(g, "F:") {
				frames++
			}
		}
		if frames > strings.Count(out, m) {
			t.Errorf("%d frames from %d markers", frames, strings.Count(out, m))
		}
		if !slices.Equal(got, split(out, len(out)+1)) {
			t.Errorf("chunks of %d matter", n)
		}
	})
}

// TestFactsInLines: base64 breaks its lines, and the shell makes words of them.
func TestFactsInLines(t *testing.T) {
	t.Parallel()
	if r, ok := (frame{"fact64", "k YWJj ZGVm Zw=="}).record(); !ok || r.Key != "k" || r.Text != "abcdefg" {
		t.Errorf("it became %+v, %v", r, ok)
	}
}

func TestFramesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, f := range []frame{{"end", "a"}, {"end", "a x"}, {"begin", ""}, {"fact", ""}, {"fact64", "k !"}, {"what", "is this"}, {"", ""}} {
		if r, ok := f.record(); ok {
			t.Errorf("%v became %v", f, r)
		}
	}
}
