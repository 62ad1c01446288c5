package scenario

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTimePassesWhereEverybodyWaits(t *testing.T) {
	t.Parallel()
	var took time.Duration
	virtually(func() {
		begun := time.Now()
		time.Sleep(100 * time.Hour)
		took = time.Since(begun)
	})
	if took != 100*time.Hour {
		t.Errorf("it took %s", took)
	}
}

// TestAnOrdinaryBinaryHasVirtualTime builds a program, because a test binary
// has set up much of the package testing that another has not: a release of Go
// that asks for it is to be noticed here.
func TestAnOrdinaryBinaryHasVirtualTime(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("virtual.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, source := range map[string]string{
		"go.mod":     "module alone\n\ngo 1.26\n",
		"virtual.go": strings.Replace(string(text), "package scenario", "package main", 1),
		"main.go":    "package main\n\nimport \"time\"\n\nfunc main() { virtually(func() { time.Sleep(1000 * time.Hour); println(\"done\") }) }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := osexec.CommandContext(t.Context(), "go", "build", "-o", "alone", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := osexec.CommandContext(t.Context(), filepath.Join(dir, "alone")).CombinedOutput()
	if err != nil || string(out) != "done\n" {
		t.Errorf("%v\n%s", err, out)
	}
}
