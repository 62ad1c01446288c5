package main

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The releases of the repository: two that work, one whose health check
// fails, one that does not start.
const (
	first  = "release/2015-06-10/1"
	second = "release/2015-06-11/1"
	sick   = "release/2015-06-12/1"
	dead   = "release/2015-06-13/1"
)

var gitEnv = []string{
	"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
	"GIT_AUTHOR_NAME=A U Thor", "GIT_AUTHOR_EMAIL=author@example.org", "GIT_AUTHOR_DATE=2015-06-10T12:00:00Z",
	"GIT_COMMITTER_NAME=A U Thor", "GIT_COMMITTER_EMAIL=author@example.org", "GIT_COMMITTER_DATE=2015-06-10T12:00:00Z",
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return command(t, dir, gitEnv, append([]string{"git", "-c", "protocol.file.allow=always"}, args...)...)
}

// writeTree writes files and makes them the next commit of a work tree.
func commitFiles(t *testing.T, dir, subject string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", subject)
}

var builtRepo struct {
	sync.Once
	dir string
}

// releasesRepo is a bare repository that all tests copy.
func releasesRepo(t *testing.T) string {
	t.Helper()
	builtRepo.Do(func() {
		exe, err := osexec.LookPath("shipit")
		if err != nil {
			t.Fatal(err)
		}
		work := filepath.Join(filepath.Dir(exe), "work") // it goes away with the programs
		bare := work + ".git"
		git(t, "/", "init", "-q", "-b", "main", work)
		odd := map[string]string{"doc/with blank.txt": "a\n", "doc/naïve.txt": "b\n", "lib/a/b/c.txt": strings.Repeat("c\n", 5000)}
		commitFiles(t, work, "Begin", odd)
		if err := os.Symlink("VERSION", filepath.Join(work, "link")); err != nil {
			t.Fatal(err)
		}
		for _, r := range []struct{ tag, subject, conf string }{
			{first, "Greet people", "health = ok\n"},
			{second, "Greet people warmly", "health = ok\n"},
			{sick, "Break the greeting", "health = fail\n"},
			{dead, "Break everything", "start = fail\n"},
		} {
			commitFiles(t, work, r.subject, map[string]string{"VERSION": r.tag + "\n", "app.conf": r.conf})
			git(t, work, "tag", "-a", "-m", r.subject, r.tag)
		}
		git(t, "/", "clone", "-q", "--bare", work, bare)
		builtRepo.dir = bare
	})
	if builtRepo.dir == "" {
		t.Fatal("the repository could not be made; another test says why")
	}
	return builtRepo.dir
}
