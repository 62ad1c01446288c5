package check

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shipit/lang"
)

// awks are the programs that this machine has to read JSON as hosts do.
func awks() [][]string {
	var out [][]string
	for _, argv := range [][]string{{"awk"}, {"mawk"}, {"gawk"}, {"original-awk"}, {"busybox", "awk"}} {
		if _, err := exec.LookPath(argv[0]); err == nil {
			out = append(out, argv)
		}
	}
	return out
}

func byAwk(t interface{ Fatal(...any) }, argv []string, doc string, path lang.JSONPath) string {
	cmd := exec.Command(argv[0], append(slices.Clone(argv[1:]), jsonAwk)...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin", "P=" + awkPath(path)}
	cmd.Stdin = strings.NewReader(doc)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(argv, err)
	}
	return string(out)
}

func byGo(doc string, path lang.JSONPath) string {
	a, err := jsonAt(doc, path)
	switch {
	case err != nil:
		return "bad."
	case a.kind == "":
		return "none."
	case a.kind == scalar:
		return "=" + a.text + "."
	}
	return a.kind + "."
}

func TestJSONMeansTheSameOnHostAndDeployer(t *testing.T) {
	t.Parallel()
	all := awks()
	if len(all) == 0 {
		t.Skip("awk is not installed")
	}
	for doc, path := range map[string]string{
		`{"a":"\u00e9\ud83d\ude00\n\"\\\/"}`: ".a", `{"a":"\ud800x"}`: ".a", `{"a":1,"a":{"b":2}}`: ".a.b", `{"a":{"b":2},"a":1}`: ".a.b",
		`[[1,2],[3]]`: "[1][0]", `01`: ".a", `{"a":01}`: ".a", `{"a":-0.5e+10}`: ".a", `{"a":.5}`: ".a", `{"a":tru}`: ".a", `{"a":1}x`: ".a", `{"a":1,}`: ".a",
		"{\"a\":\"\t\"}": ".a", `{"a" 1}`: ".a", ``: ".a", ` `: ".a", `"x"`: ".a", `{"a":"1\n"}`: ".a", `{"a":"é"}`: ".a", `{"a":"\u12"}`: ".a", `{"":1}`: `.""`,
		strings.Repeat("[", 101) + strings.Repeat("]", 101): "[0]", strings.Repeat("[", 102) + strings.Repeat("]", 102): "[0]", `{"a b":{"c\"d":false}}`: `."a b"."c\"d"`,
	} {
		p, err := lang.ParseJSONPath(path)
		if err != nil {
			t.Fatal(path, err)
		}
		for _, argv := range all {
			if have, want := byAwk(t, argv, doc, p), byGo(doc, p); have != want {
				t.Errorf("%v: %s in %s is %q, here %q", argv, path, doc, have, want)
			}
		}
	}
	token := rapid.SampledFrom([]string{
		"{", "}", "[", "]", ":", ",", `"a"`, `"b"`, "1", "-2.50", "true", "null", " ", "\n", `"\u0061"`, `"x\ty"`, `{"a":`, `"b":`, `{"a":[1,{"b":"v"}]}`, `[`, `]`, `}`,
	})
	step := rapid.SampledFrom([]string{".a", ".b", "[0]", "[1]"})
	rapid.Check(t, func(t *rapid.T) {
		doc := strings.Join(rapid.SliceOfN(token, 0, 12).Draw(t, "doc"), "")
		p, err := lang.ParseJSONPath(strings.Join(rapid.SliceOfN(step, 1, 3).Draw(t, "path"), ""))
		if err != nil {
			t.Fatal(err)
		}
		for _, argv := range all {
			if have, want := byAwk(t, argv, doc, p), byGo(doc, p); have != want {
				t.Fatalf("%v: %q in %q is %q, here %q", argv, p, doc, have, want)
			}
		}
	})
}

func TestALargeDocumentIsReadInTime(t *testing.T) {
	t.Parallel()
	for _, argv := range awks() {
		doc := `{"list":[` + strings.Repeat(`{"name":"a text of some length","n":12345},`, 3000) + `0],"version":"v2"}`
		p, _ := lang.ParseJSONPath(".version")
		if have := byAwk(t, argv, doc[:min(len(doc), bodyLimit)], p); have != "=v2." {
			t.Errorf("%v: %.50q", argv, have)
		}
	}
}
