package transport

import (
	"context"
	"fmt"
	"io"
	"strings"

	"shipit/exec/remote"
	"shipit/lang"
)

// An rsyncTransport has the hosts fetch from a directory that an rsync
// daemon, or sshd with the host's own key, serves. Contents decide what
// travels, never size and time, and what a host has already is linked. What
// arrived must be the commit of the plan, file by file: the manifest comes
// from the deployer's repository, so that the server need not be trusted.
type rsyncTransport struct {
	source string
	shared []string
	src    Source
	list   *lister
}

func newRsync(s lang.Spec, src Source) (Transport, error) {
	return &rsyncTransport{
		source: strings.TrimRight(s.Text("source"), "/") + "/", shared: s.List("shared"), src: src, list: newLister(src),
	}, nil
}

func (t *rsyncTransport) Step(ctx context.Context, d Delivery) (remote.Step, io.Reader, int64, error) {
	entries, err := t.src.Tree(ctx, d.Release.Commit)
	if err != nil {
		return remote.Step{}, nil, 0, fmt.Errorf("cannot list release %s: %w", d.Release.Tag, err)
	}
	manifest, err := t.list.manifest(ctx, entries)
	if err != nil {
		return remote.Step{}, nil, 0, fmt.Errorf("cannot list release %s: %w", d.Release.Tag, err)
	}
	return remote.Step{
		ID: "stage", Op: "stage", Args: stageArgs(d),
		Shell: open(d) + fmt.Sprintf("source=%s base=%s\n", remote.Quote(t.source), remote.Quote(d.Base.ID)) +
			rsyncFetch + shared(t.shared) + "settle\n",
	}, strings.NewReader(manifest), int64(len(manifest)), nil
}

// rsyncFetch takes of the source's modes only the executable bit, and neither
// owner nor time. rsync writes beside a file and renames it, so that nothing
// is ever written through a link to a file of the base.
const rsyncFetch = `resume=1
begin
data cat >"$list" || die "cannot write the list of the release below $p$(room); what runs is untouched"
mkdir -p -- "$in"
# What an attempt before linked to a release is linked anew: nothing of that release may change.
find "$in" -type f -links +1 -exec rm -f -- {} +
unset SSH_AUTH_SOCK RSYNC_PASSWORD RSYNC_OLD_ARGS
RSYNC_RSH="ssh -oBatchMode=yes -oForwardAgent=no -oConnectTimeout=10"; export RSYNC_RSH
set -- -rlEc --delete --partial --timeout=60 --exclude=/.git
case $source in rsync://* | *::*) set -- "$@" --no-motd --contimeout=10 ;; esac
if [ -n "$base" ] && complete "$base"; then
  set -- "$@" --link-dest="$(cd -- "$p/releases/$base" && pwd -P)"
fi
left "$source"
parts=1
timeout --foreground -k 5 "$left" rsync "$@" -- "$source" "$in/" </dev/null >"$in.out" 2>&1 || {
  rc=$?
  case $rc in
    124 | 137) left "$source" ;;
    10 | 12 | 20 | 30 | 35 | 255) ;; # the line broke off
    *) parts= ;;
  esac
  tail -n 3 -- "$in.out"
  die "rsync cannot fetch the release from $source to $p$(tight) (exit status $rc); what runs is untouched"
}
parts=
modes
{ same "$in" "$list" && sums "$in" "$list"; } || die "what $source holds is not commit $commit of the release"
`
