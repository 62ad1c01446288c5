package release

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// A Repo is a git repository that holds a service's releases.
type Repo struct {
	name  string // as the definition has it
	dir   string // work tree or bare repository
	bare  bool
	url   string            // of what dir mirrors; "" for a local repository
	moved map[string]string // tags that moved upstream, and the commit each had when first seen
	seen  []string          // tags that a mirror ever saw; some may be deleted since

	digests string // the file that remembers contents' digests; "" for none

	mu    sync.Mutex
	trees map[string][]Entry // by commit
}

// Open opens the repository of a service. A path names a work tree or a bare
// repository, which is used where it is and never changed but by CreateTag.
// Anything else is the URL of a repository, of which a mirror below cacheDir
// is made, or brought up to date.
func Open(ctx context.Context, repo, cacheDir string) (*Repo, error) {
	r, err := open(ctx, repo, cacheDir)
	if err != nil {
		return nil, fmt.Errorf("cannot open the repository %s: %w", withoutPassword(repo), err)
	}
	r.digests = digestsFile(cacheDir, r.dir)
	return r, nil
}

func open(ctx context.Context, repo, cacheDir string) (*Repo, error) {
	switch {
	case repo == "":
		return nil, errors.New("its name is empty")
	case strings.HasPrefix(repo, "-"):
		return nil, errors.New("its name begins with -, as options do; write ./ before a path")
	case isURL(repo):
		return openMirror(ctx, repo, cacheDir)
	}
	dir, err := filepath.Abs(repo)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	out, err := git(ctx, dir, "rev-parse", "--is-inside-work-tree", "--absolute-git-dir", "--show-cdup")
	if err != nil {
		return nil, err
	}
	answers := strings.Split(string(out), "\n")
	if len(answers) < 3 {
		return nil, fmt.Errorf("git rev-parse printed %q", out)
	}
	// Git also finds the repository around a directory, which is not the one
	// that was meant.
	r := &Repo{name: repo, dir: dir, bare: answers[0] == "false"}
	if (r.bare && answers[1] != dir) || (!r.bare && answers[2] != "") {
		return nil, fmt.Errorf("it is a directory inside the repository %s, not one itself", answers[1])
	}
	return r, nil
}

// String names the repository as the definition does.
func (r *Repo) String() string { return r.name }

// Dir is where the repository, or the mirror of it, is on this machine.
func (r *Repo) Dir() string { return r.dir }

// isURL tells whether git takes s for a place on another machine: a scheme, or
// host:path as scp has it, where no slash comes before the colon.
func isURL(s string) bool {
	before, _, colon := strings.Cut(s, ":")
	return colon && !strings.Contains(before, "/")
}

// hasPassword tells whether a URL has a password. Whoever lists processes
// could read it, and git would keep it in the mirror.
func hasPassword(repo string) bool {
	u, err := url.Parse(repo)
	if err != nil {
		return password.MatchString(repo)
	}
	_, has := u.User.Password()
	return has
}

var password = regexp.MustCompile(`(://[^/@:]*):[^/@]*@`)

// withoutPassword is the name of a repository as messages may show it.
func withoutPassword(repo string) string {
	return password.ReplaceAllString(repo, "$1:xxxxx@")
}

// commitID matches the full or shortened id of an object, and nothing that git
// could take for an option or an expression.
var commitID = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

func checkCommit(id string) error {
	if !commitID.MatchString(id) {
		return fmt.Errorf("%q is not the id of a commit", id)
	}
	return nil
}

// mkdirPrivate makes a directory that only we can read: mirrors hold what the
// repository's access control protects.
func mkdirPrivate(dir string) error { return os.MkdirAll(dir, 0o700) }
