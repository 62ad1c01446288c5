package transport

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A name of two lines could say what openssl says of a file: what has one is
// not alike to anything, whatever its digest.
func TestANameOfTwoLinesIsNotAlike(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip(err)
	}
	const clause = `-name "*$nl*" -printf 'o\n' -o `
	if strings.Count(stageScript, clause) != 1 {
		t.Fatalf("where does the script say %s?", clause)
	}
	for name, alike := range map[string]bool{"plain": true, "x\n" + strings.Repeat("0", 64) + " *.": false} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "y"), []byte("y"), 0o644); err != nil {
			t.Fatal(err)
		}
		sh := func(script string) string {
			out, err := exec.Command("/bin/sh", "-c", "LC_ALL=C nl='\n' secs=1 p=/ run=r id=i\n"+script, "sh", dir).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			return strings.TrimSpace(string(out))
		}
		script := "cd /\n" + stageScript
		found := sh(strings.NewReplacer(clause, "", `| sha256sum)" = "$2  -"`, `| sha256sum | tee /dev/stderr)" = x`).Replace(script) + "alike \"$1\" x || :")
		digest, _, _ := strings.Cut(found, " ")
		if got := sh(script + "if alike \"$1\" " + digest + "; then echo yes; else echo no; fi"); len(digest) != 64 || (got == "yes") != alike {
			t.Errorf("%q, whose digest is %q: %s", name, digest, got)
		}
	}
}
