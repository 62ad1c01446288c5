# forget drops from the git cache what only releases needed that are here no more. What goes is fetched again should somebody
# want it. The cache is written anew when it has doubled or is in pieces, so that this costs little, and the cache never grows
# past twice of what the releases here need.
forget() {
  _c=$p/.shipit/cache.git
  [ -d "$_c" ] && [ ! -L "$_c" ] || return 0
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
  # An annotated tag names its commit in a second field, and a release is called by the first digits of it.
  git --git-dir="$_c" for-each-ref --format='%(objectname) %(*objectname) %(refname)' refs/tags refs/shipit | while read -r _o _to _ref; do
    [ -n "$_ref" ] || { _ref=$_to _to=$_o; }
    set -- "$p"/releases/*-"${_to%"${_to#????????????}"}"
    [ -e "$1" ] || printf 'delete %s\n' "$_ref"
  done | git --git-dir="$_c" update-ref --stdin
  _was=$(cat -- "$_c/packed.kib" 2>/dev/null) || _was=0
  _is=$(du -sk -- "$_c")
  set -- "$_c"/objects/pack/*.pack
  [ "${_is%%[!0-9]*}" -gt $((2 * _was + 1024)) ] || [ $# -ge 50 ] || return 0
  find "$_c" -name HEAD -type f ! -path '*/refs/*' ! -path '*/logs/*' | while IFS= read -r _h; do
    _m=${_h%/HEAD}
    if [ "$_m" != "$_c" ]; then # a submodule's, of which what was checked out last is wanted, and no tag; its work tree is gone
      rm -rf -- "$_m/logs"
      git --git-dir="$_m" --work-tree="$_m" for-each-ref --format='delete %(refname)' |
        git --git-dir="$_m" --work-tree="$_m" update-ref --no-deref --stdin
    fi
    # Deltas are kept as they came, so that this is copying.
    timeout --foreground -k 5 60 git --git-dir="$_m" --work-tree="$_m" -c pack.threads=1 repack -a -d -q --window=0 || break
  done
  _is=$(du -sk -- "$_c")
  printf '%s\n' "${_is%%[!0-9]*}" >"$_c/packed.kib" # also where it could not be done, or each run would try
} </dev/null >/dev/null 2>&1
