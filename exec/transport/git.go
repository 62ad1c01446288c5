package transport

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/url"
	"strings"

	"shipit/exec/remote"
	"shipit/lang"
)

// A gitTransport has the hosts fetch: each keeps a bare cache of the
// repository, gets the one tag (or commit) it needs into it, without what came
// before where the server can do so, and checks it out into a release without
// .git. What was checked out must be the commit and the tree of the plan, and
// clean. Hooks, filters and the ext protocol are off, nobody is asked for a
// password, and an agent is never used.
type gitTransport struct {
	origin     string
	submodules bool
	shared     []string
}

func newGit(s lang.Spec, _ Source) (Transport, error) {
	return &gitTransport{origin: s.Text("origin"), submodules: s.Bool("submodules"), shared: s.List("shared")}, nil
}

func (t *gitTransport) Step(_ context.Context, d Delivery) (remote.Step, io.Reader, int64, error) {
	from, err := origin(t.origin, d.Repo)
	if err != nil {
		return remote.Step{}, nil, 0, err
	}
	modules := ""
	if t.submodules {
		modules = "modules\n"
	}
	return remote.Step{
		ID: "stage", Op: "stage", Args: stageArgs(d),
		Shell: open(d) + fmt.Sprintf("origin=%s tag=%s tree=%s\n", remote.Quote(from), remote.Quote(d.Release.Tag),
			remote.Quote(d.Release.Tree)) + "begin\n" + gitScript + "checkout\n" + modules + "take\n" + shared(t.shared) + "settle\n",
	}, nil, 0, nil
}

// origin is where the hosts fetch from: what the definition says, the
// repository itself, or the same path on another host.
func origin(origin, repo string) (string, error) {
	switch {
	case origin == "":
		return repo, nil
	case strings.ContainsAny(origin, "/:"):
		return origin, nil
	}
	if u, err := url.Parse(repo); err == nil && u.Scheme != "" && u.Host != "" {
		if port := u.Port(); port != "" {
			origin += ":" + port
		}
		u.Host = origin
		return u.String(), nil
	}
	// user@host:path, as scp writes it
	if at, path, ok := strings.Cut(repo, ":"); ok && !strings.Contains(at, "/") {
		if user, _, ok := strings.Cut(at, "@"); ok {
			return user + "@" + origin + ":" + path, nil
		}
		return origin + ":" + path, nil
	}
	return "", fmt.Errorf("cannot fetch from the host %s: the repository %s is a path on the deployer; write origin as a URL", origin, repo)
}

//go:embed git.sh
var gitScript string

//go:embed git_forget.sh
var forgetScript string

// Forget is a script for after releases were removed from $p: the host's git
// cache, where there is one, loses what only they needed. It never fails.
func Forget() string { return forgetScript + "forget || :\n" }
