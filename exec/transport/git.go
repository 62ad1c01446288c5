package transport

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"shipit/exec/remote"
	"shipit/lang"
)

// A gitTransport has the hosts fetch: each keeps a bare cache of the
// repository, gets the one tag (or commit) it needs into it, and checks it
// out into a release without .git. What was checked out must be the commit
// and the tree of the plan, and clean. Hooks, filters and the ext protocol
// are off, nobody is asked for a password, and an agent is never used.
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
	sub := ""
	if t.submodules {
		sub = gitSubmodules
	}
	return remote.Step{
		ID: "stage", Op: "stage", Args: stageArgs(d),
		Shell: open(d) + fmt.Sprintf("origin=%s tag=%s tree=%s\n", remote.Quote(from), remote.Quote(d.Release.Tag),
			remote.Quote(d.Release.Tree)) + gitFetch + sub + gitTake + shared(t.shared) + "settle\ntidy\n",
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

const gitFetch = `begin
GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND="ssh -oBatchMode=yes -oForwardAgent=no -oConnectTimeout=10 -oServerAliveInterval=15" GIT_ASKPASS=true GIT_LFS_SKIP_SMUDGE=1
export GIT_TERMINAL_PROMPT GIT_SSH_COMMAND GIT_ASKPASS GIT_LFS_SKIP_SMUDGE
unset SSH_AUTH_SOCK GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE SSH_ASKPASS
cache=$p/.shipit/cache.git
g() {
  left "$origin"
  _rc=0
  timeout --foreground -k 5 "$left" git -c http.lowSpeedLimit=1 -c http.lowSpeedTime=30 -c fetch.unpackLimit=1 \
    -c core.hooksPath=/dev/null -c core.fsmonitor=false -c protocol.ext.allow=never \
    -c gc.auto=0 -c maintenance.auto=false -c core.autocrlf=false -c core.symlinks=true -c advice.detachedHead=false "$@" </dev/null || _rc=$?
  case $_rc in 124 | 137) left "$origin" ;; esac
  return "$_rc"
}
# What was killed in the cache leaves locks and halves there, and nobody else is at work in it now.
[ -d "$cache" ] && [ ! -L "$cache" ] || rm -f -- "$cache"
if [ -d "$cache" ]; then
  writable "$cache"
  find "$cache" \( -name '*.lock' -o -name 'tmp_*' \) -type f -exec rm -f -- {} +
fi
has() { git --git-dir="$cache" rev-parse -q --verify "$commit^{tree}" >/dev/null 2>&1; }
get() { g --git-dir="$cache" fetch -q --no-tags --force --no-write-fetch-head -- "$origin" "$@" 2>"$in.out"; }
# sound tells a repository that has what its references name.
sound() {
  _refs=$(git --git-dir="$cache" for-each-ref --format='%(objectname)' 2>/dev/null) || return 1
  [ -n "$_refs" ] || return 0
  case $(printf '%s\n' "$_refs" | git --git-dir="$cache" cat-file --batch-check 2>/dev/null) in *missing*) return 1 ;; esac
}
anew=
bring() {
  if [ ! -d "$cache" ]; then
    rm -rf -- "$cache.new"
    g init -q --bare --template= -- "$cache.new"
    mv -T -- "$cache.new" "$cache"
  fi
  came=
  # A server may not let us ask for a commit by its name; then it must be in a branch.
  if has; then :
  elif [ -n "$tag" ] && get "refs/tags/$tag:refs/tags/$tag" && has; then :
  elif get "$commit:refs/shipit/$commit" && has; then :
  elif get '+refs/heads/*:refs/heads/*' && came=1 && has; then :
  elif [ -z "$anew" ] && ! sound; then
    anew=1
    discard "$cache"
    bring
  elif [ -n "$came" ]; then
    die "commit $commit${tag:+ of tag $tag} is not at $origin any more: the tag was deleted or moved there, or not pushed; what runs is untouched. Push it, or plan again"
  else
    tail -n 3 -- "$in.out"
    die "cannot fetch commit $commit${tag:+ of tag $tag} from $origin$(tight); what runs is untouched. Mend what git says, then apply again"
  fi
}
# tidy joins the small packs that each fetch leaves, now and then. The release is there by then, and does not need the cache.
tidy() {
  set -- "$cache"/objects/pack/*.pack
  [ $# -lt 50 ] || timeout --foreground -k 5 60 git --git-dir="$cache" repack --geometric=2 -d -q >/dev/null 2>&1 </dev/null || :
}
out() {
  g clone -q --no-checkout --shared --template= -- "$cache" "$in" && g -C "$in" config remote.origin.url "$origin" &&
    g -C "$in" checkout -q --detach "$commit" && g -C "$in" diff --quiet HEAD
}
bring
out 2>"$in.out" || { # the cache lacks something, or is broken
  head -n 2 -- "$in.out"
  discard "$in"
  case $(cat "$in.out") in *"No space left"* | *"diskspace"*) ;; *) discard "$cache" ;; esac
  bring
  out 2>/dev/null || die "cannot check out commit $commit below $p$(room); what runs is untouched"
}
[ "$(g -C "$in" rev-parse HEAD)" = "$commit" ] || die "git checked out another commit than $commit"
[ -z "$tree" ] || [ "$(g -C "$in" rev-parse 'HEAD^{tree}')" = "$tree" ] || die "commit $commit has another tree than the plan says"
`

// gitSubmodules fetches them from where .gitmodules says. Git does not let
// that be a path on the host, since whoever writes .gitmodules could then read
// any repository there; where the origin is such a path itself, it may.
const gitSubmodules = `case $origin in /* | file:*) files=always ;; *) files=user ;; esac
g -C "$in" -c protocol.file.allow="$files" submodule --quiet update --init --recursive
`

const gitTake = `dirty=$(g -C "$in" status --porcelain --ignored --untracked-files=all)
[ -z "$dirty" ] || { printf '%s\n' "$dirty" | head -n 3; die "the checkout differs from commit $commit"; }
find "$in" -name .git -prune -exec rm -rf -- {} +
digests "$in" >"$list"
same "$in" "$list" || die "the checkout changed while it was looked at"
`
