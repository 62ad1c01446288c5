GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=true GIT_LFS_SKIP_SMUDGE=1 GIT_NO_LAZY_FETCH=1
# What this host's own configuration says of ssh is how it gets to its key.
GIT_SSH_COMMAND="$(git config --get core.sshCommand || echo ssh) -oBatchMode=yes -oForwardAgent=no -oConnectTimeout=10 -oServerAliveInterval=15"
export GIT_TERMINAL_PROMPT GIT_SSH_COMMAND GIT_ASKPASS GIT_LFS_SKIP_SMUDGE GIT_NO_LAZY_FETCH
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
tree_in() { git --git-dir="$1" rev-parse -q --verify "$commit^{tree}" >/dev/null 2>&1; }
has() { tree_in "$cache"; }
# fetch DIR FROM ARG… fetches into DIR; what git says is kept.
fetch() {
  _dir=$1 _from=$2 _how=$3
  shift 3
  g --git-dir="$_dir" fetch -q --no-tags --force --no-write-fetch-head ${_how:+"$_how"} -- "$_from" "$@" 2>"$in.out"
}
# one REF fetches that without what came before it, where the server can do so.
one() {
  fetch "$cache" "$origin" --depth=1 "$1" || { grep -qi shallow "$in.out" && fetch "$cache" "$origin" '' "$1"; } || return 1
  has
}
# part fetches a commit that the server gives nobody by its name: a branch, as far back as the commit. How far that is, a
# repository of commits without files tells; from a server that leaves no files out, it has all that is to be had.
came=
part() {
  _h=$in.history
  rm -rf -- "$_h"
  g init -q --bare --template= -- "$_h" || return 1
  cp -- "$_h/config" "$_h.config"
  fetch "$_h" "$origin" --filter=tree:0 '+refs/heads/*:refs/heads/*' || return 1
  came=1
  mv -f -- "$_h.config" "$_h/config" # without which git would go and fetch what it is asked about
  _b=$(git --git-dir="$_h" for-each-ref --count=1 --contains "$commit" --format='%(refname)' refs/heads 2>/dev/null) && [ -n "$_b" ] || return 1
  _n=$(git --git-dir="$_h" rev-list --count --ancestry-path "$commit..$_b") || return 1
  _from=$origin
  ! tree_in "$_h" || _from=file://$_h
  fetch "$cache" "$_from" "--depth=$((_n + 1))" "+$_b:$_b" || { came=; return 1; }
}
# all fetches every branch from its beginning.
all() {
  _whole=
  [ ! -f "$cache/shallow" ] || _whole=--unshallow
  fetch "$cache" "$origin" "$_whole" '+refs/heads/*:refs/heads/*' && came=1
}
# sound tells a repository that has what its references name.
sound() {
  _refs=$(git --git-dir="$cache" for-each-ref --format='%(objectname)' 2>/dev/null) || return 1
  [ -n "$_refs" ] || return 0
  case $(printf '%s\n' "$_refs" | git --git-dir="$cache" cat-file --batch-check 2>/dev/null) in *missing*) return 1 ;; esac
  git --git-dir="$cache" rev-list --quiet --all 2>/dev/null
}
# said prints what git said, but for what it always says.
said() { grep -v -e '^$' -e '^Please make sure you have' -e '^and the repository exists' -- "$in.out" | tail -n 3; }
# why says what git's words mean for who reads them.
named='origin, and at release.repo'
why() {
  case $(cat -- "$in.out") in
    *"Host key verification failed"*) echo "This host does not know its SSH host key: add that to ~/.ssh/known_hosts of $(id -un) here, compared with what the server's owner says" ;;
    *"Permission denied"* | *"Authentication failed"* | *"could not read Username"* | *"could not read Password"* | *" 403"* | *" 401"*)
      echo "It does not let $(id -un) of this host in, who has nobody else's keys: give it one of its own in ~/.ssh, or a git credential helper" ;;
    *"not found"* | *"no such repository"* | *"does not appear to be a git repository"* | *"does not exist"* | *"access denied or repository not exported"*)
      echo "There is no such repository, or $(id -un) of this host may not see it: look at $named" ;;
    *"not our ref"* | *"unadvertised object"* | *"did not contain"*) echo "That commit was not pushed there, or is in no branch any more: push it, or name another one" ;;
    *) echo "Mend what git says" ;;
  esac
}
anew=
bring() {
  if [ ! -d "$cache" ]; then
    rm -rf -- "$cache.new"
    g init -q --bare --template= -- "$cache.new"
    mv -T -- "$cache.new" "$cache"
  fi
  came=
  if has; then :
  elif [ -n "$tag" ] && one "refs/tags/$tag:refs/tags/$tag"; then :
  elif one "$commit:refs/shipit/$commit"; then :
  elif part && has; then :
  elif [ -z "$came" ] && all && has; then :
  elif [ -z "$anew" ] && ! sound; then
    anew=1
    discard "$cache"
    bring
  elif [ -n "$came" ]; then
    die "commit $commit${tag:+ of tag $tag} is not at $origin any more: the tag was deleted or moved there, or not pushed; what runs is untouched. Push it, or plan again"
  else
    said
    die "cannot fetch commit $commit${tag:+ of tag $tag} from $origin$(tight); what runs is untouched. $(why), then apply again"
  fi
}
# out checks the commit out of what the cache has. A clone would not do: git shares no objects with a cache that is shallow.
out() {
  g init -q --template= -- "$in" && mkdir -p -- "$in/.git/objects/info" && printf '%s\n' "$cache/objects" >"$in/.git/objects/info/alternates" &&
    { [ ! -f "$cache/shallow" ] || cp -- "$cache/shallow" "$in/.git/shallow"; } && g -C "$in" config remote.origin.url "$origin" &&
    g -C "$in" checkout -q --detach "$commit" && g -C "$in" diff --quiet HEAD
}
# level DIR HOW checks out the submodules of DIR, and those of each. What they fetched for another release is used: where
# .gitmodules says now, whatever it said then.
level() {
  [ -f "$1/.gitmodules" ] || return 0
  _keep=$(g -C "$1" rev-parse --absolute-git-dir)/modules
  g -C "$1" submodule --quiet init && g -C "$1" submodule --quiet sync || return 1
  git -C "$1" config --name-only --get-regexp '^submodule\..*\.url$' | while IFS= read -r _k; do
    _m=${_k#submodule.} _m=$_keep/${_m%.url}
    [ ! -d "$_m" ] || git config --file "$_m/config" remote.origin.url "$(git -C "$1" config --get "$_k")" || exit 1
  done || return 1
  g -C "$1" -c protocol.file.allow="$files" submodule --quiet update --init ${2:+"$2"} || return 1
  # The word $sm_path is for the shell that git starts.
  # shellcheck disable=SC2016
  _subs=$(g -C "$1" submodule --quiet foreach 'printf "%s\n" "$toplevel/$sm_path"') || return 1
  printf '%s\n' "$_subs" | while IFS= read -r _s; do [ -z "$_s" ] || level "$_s" "$2" || exit 1; done
}
# modules brings all submodules: git does not let them be a path on the host, since whoever writes .gitmodules could then
# read any repository there; where the origin is such a path itself, it may. A server that does not give a commit by its name
# is asked for all there is.
modules() {
  named=.gitmodules
  case $origin in /* | file:*) files=always ;; *) files=user ;; esac
  [ ! -d "$cache/modules" ] || mv -T -- "$cache/modules" "$in/.git/modules"
  level "$in" --depth=1 2>"$in.out" || {
    g -C "$in" submodule --quiet deinit -f --all 2>/dev/null || :
    rm -rf -- "$in/.git/modules"
    level "$in" '' 2>"$in.out"
  } || {
    said
    die "cannot fetch the submodules of commit $commit$(tight); what runs is untouched. $(why), then apply again"
  }
}
# checkout brings the commit and checks it out.
checkout() {
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
}
# take makes a release of what was checked out. What submodules fetched is kept for the next one.
take() {
  dirty=$(g -C "$in" status --porcelain --ignored --untracked-files=all)
  [ -z "$dirty" ] || { printf '%s\n' "$dirty" | head -n 3; die "the checkout differs from commit $commit"; }
  [ ! -d "$in/.git/modules" ] || { rm -rf -- "$cache/modules"; mv -T -- "$in/.git/modules" "$cache/modules"; }
  find "$in" -name .git -prune -exec rm -rf -- {} +
  digests "$in" >"$list"
  same "$in" "$list" || die "the checkout changed while it was looked at"
}
