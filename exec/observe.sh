# Reads what a host is. Nothing here writes anywhere, and nothing runs by itself: a kept shell is told this once.
# me finds the login's name. It is a process, so it is asked for where it is needed.
me() { [ -n "${login-}" ] || login=$(id -un); }
# boots states who we are by number and which boot of the host this is.
boots() {
  login_id
  fact uid "$uid"
  read -r _b 2>/dev/null </proc/sys/kernel/random/boot_id || _b=
  fact boot "$_b"
}
missing() { # PROGRAM[|PROGRAM]…: any one of the alternatives will do
  for _m; do
    _found=
    _alt=$_m
    while [ -n "$_alt" ]; do
      command -v "${_alt%%|*}" >/dev/null 2>&1 && _found=1
      case $_alt in *'|'*) _alt=${_alt#*|} ;; *) _alt= ;; esac
    done
    [ -n "$_found" ] || fact missing "$_m"
  done
}
# real states which of the programs that keep locks and deadlines are there by name only, where no run has ever taken a lock with
# them: busybox has some of each, and its head takes more from a pipe than it gives.
real() {
  [ ! -f "$p/.shipit/lock/generation" ] || return 0
  # All at once, as nearly every host has them.
  if _x=$(printf 'x\ny\n' | { timeout --foreground 9.5 head -c 2 && IFS= read -r _y && printf %s "$_y"; } 2>/dev/null) &&
    [ "$_x" = "x${nl}y" ] && flock -s -w 1 9 2>/dev/null 9</dev/null; then return 0; fi
  [ "$(printf xyz | { head -c 1; cat; })" = xyz ] || fact missing 'head of coreutils'
  ! command -v timeout >/dev/null 2>&1 || timeout --foreground 9.5 true 2>/dev/null || fact missing 'timeout of coreutils'
  ! command -v flock >/dev/null 2>&1 || flock -s -w 1 /dev/null true 2>/dev/null || fact missing 'flock of util-linux'
}
# ancestor PATH finds the nearest directory above PATH, or PATH, that exists.
ancestor() {
  _n=$1
  while [ ! -e "$_n" ] && [ ! -L "$_n" ]; do
    case $_n in
      */*) _n=${_n%/*}; [ -n "$_n" ] || _n=/ ;;
      *) _n=. ;;
    esac
  done
}
place() {
  case $p in /*) _w=$p ;; *) _w=$PWD/$p ;; esac
  ancestor "$_w"
  _rest=${_w#"$_n"}
  if [ ! -d "$_n" ]; then
    text denied "$_n is no directory"
    text path "$_w"
    _n=
    return 0
  fi
  _r=$(cd -P -- "$_n" 2>/dev/null && pwd -P) || _r=$_n
  [ "$_r" != / ] || [ -z "$_rest" ] || _rest=/${_rest#/}
  text path "${_r%/}$_rest"
  for _d in "$_n" "$p/releases" "$p/.shipit" "$p/shared"; do
    if [ -e "$_d" ] && ! { [ -d "$_d" ] && [ -w "$_d" ] && [ -x "$_d" ]; }; then
      me
      printf '%s cannot be written by %s' "$_d" "$login" | fact64 denied
      stat -c '%U:%G %a' -- "$_d" 2>/dev/null | fact64 denied.by
      break
    fi
  done
}
# space states what is free in the place, as df says it.
space() {
  [ -n "$_n" ] || return 0
  # shellcheck disable=SC2046 # five numbers
  set -- $(stat -f -c '%b %a %S %c %d' -- "$_n" 2>/dev/null || :)
  case $#,$* in
    5,*[!0-9\ ]*) ;;
    5,*) fact df "$1 0 $(($2 * ($3 / 512) / 2)) -"; fact dfi "$4 0 $5 -"; return 0 ;;
  esac
  _l=$(df -Pk -- "$_n" 2>/dev/null) || :
  fact df "${_l##*"$nl"}"
  _l=$(df -Pi -- "$_n" 2>/dev/null) || :
  fact dfi "${_l##*"$nl"}"
}
# elders states which other tools keep releases here, and their locks. What is not there costs no process.
elders() {
  for _m in .dep repo revisions.log scm revs; do
    [ ! -e "$p/$_m" ] || fact mark "$_m"
  done
  for _m in .dep/deploy.lock deploy.lock shared/deploy-lock.yml shared/capistrano.lock.yml; do
    [ ! -f "$p/$_m" ] || { printf '%s\n' "$_m"; head -n 1 -- "$p/$_m" 2>/dev/null; } | fact64 elder.lock
  done
  [ -d "$p/revs" ] || return 0
  [ ! -L "$p/.in-progress" ] || readlink -- "$p/.in-progress" | fact64 elder.begun
  for _m in /var/lock/scap*.lock; do
    [ ! -s "$_m" ] || { printf '%s\n' "$_m"; head -n 1 -- "$_m" 2>/dev/null; } | fact64 elder.busy
  done
  case $p in
    *-cache) [ ! -L "${p%-cache}" ] || readlink -- "${p%-cache}" | fact64 elder.service ;;
  esac
}
# strange states what a release is that shipit did not bring: where it is, its commit, and what it takes from shared/.
strange() {
  (cd -P -- "$p/current/" 2>/dev/null && pwd -P) | fact64 real
  [ ! -f "$p/current/REVISION" ] || head -n 1 -- "$p/current/REVISION" 2>/dev/null | fact64 revision
  [ -d "$p/shared" ] || return 0
  find "$p/current/" -maxdepth 3 \( -name node_modules -o -name vendor -o -name .git \) -prune -o -type l -print 2>/dev/null |
    head -n 64 | while IFS= read -r _l; do
    case $(readlink -- "$_l") in */shared/*) printf '%s\n' "${_l#"$p/current/"}" ;; esac
  done | fact64 linked
}
releases() {
  if [ -L "$p/current" ]; then
    _c=$(readlink -- "$p/current")
    text current "$_c"
    [ -d "$p/current/" ] || fact dangling yes
    [ -f "$p/.shipit/manifest/${_c#releases/}" ] || strange
  elif [ -e "$p/current" ]; then
    fact nolink yes
  fi
  if [ -d "$p/.shipit/manifest" ]; then
    for _m in "$p"/.shipit/manifest/*; do
      _id=${_m##*/}
      case $_id in *[[:cntrl:]]*|'') continue ;; esac
      if [ -d "$p/releases/$_id" ] && [ ! -L "$p/releases/$_id" ]; then fact release "$_id"; fi
    done
  fi
  for _m in "$p"/.shipit/adopted/*; do
    [ -L "$_m" ] || continue
    _l=$(readlink -- "$_m")
    case $_l in /*) _c=$_l ;; *) _c=$p/$_l ;; esac
    [ ! -d "$_c" ] || text adopted "${_m##*/}/$_l"
  done
  elders
  [ ! -f "$p/.shipit/history" ] || text history "$(tail -n 200 -- "$p/.shipit/history")"
  [ ! -f "$p/.shipit/drained" ] || head -n 1 -- "$p/.shipit/drained" | fact64 drained
}
# bytes PATH ROOT prints a file, as root if the login may not read it.
bytes() { if [ -r "$1" ]; then cat -- "$1"; elif [ -n "$2" ]; then run root 10 cat -- "$1"; else return 1; fi 2>/dev/null; }
# content KEY PATH SIZE ROOT states what a file holds: small ones whole.
content() {
  if [ "$3" -gt 262144 ]; then fact "$1.big" yes; else bytes "$2" "$4" | fact64 "$1.content"; fi
}
# may_write KEY DIR states where the login cannot put a file.
may_write() {
  [ ! -w "$2" ] || return 0
  me
  printf '%s cannot be written by %s' "$2" "$login" | fact64 "$1.problem"
}
# file KEY PATH ROOT SHA256: a content that has that digest is known already.
file() {
  case $2 in */*) _d=${2%/*}; [ -n "$_d" ] || _d=/ ;; *) _d=. ;; esac
  if [ ! -d "$_d" ]; then
    printf 'the directory %s does not exist' "$_d" | fact64 "$1.problem"
  elif [ ! -x "$_d" ]; then
    me
    printf '%s may not look into the directory %s' "$login" "$_d" | fact64 "$1.problem"
  elif [ -L "$2" ]; then
    fact "$1.exists" yes
    printf 'it is a symbolic link; shipit replaces regular files only' | fact64 "$1.problem"
  elif [ ! -e "$2" ]; then
    [ -n "$3" ] || may_write "$1" "$_d"
  elif [ ! -f "$2" ]; then
    fact "$1.exists" yes
    printf 'it is no regular file' | fact64 "$1.problem"
  else
    fact "$1.exists" yes
    [ -n "$3" ] || may_write "$1" "$_d"
    _s=$(stat -c '%a %U %G %s' -- "$2") || return 0
    fact "$1.stat" "$_s"
    if { [ -r "$2" ] || bytes "$2" "$3" >/dev/null; } && _h=$(bytes "$2" "$3" | sha256sum); then
      _h=${_h%% *}
      fact "$1.sha256" "$_h"
      [ "$_h" = "$4" ] || content "$1" "$2" "${_s##* }" "$3"
    else
      me
      printf '%s cannot be read by %s%s' "$2" "$login" "${3:+, also not by sudo (see: shipit sudoers)}" | fact64 "$1.problem"
    fi
  fi
}
unit() { # KEY UNIT
  command -v systemctl >/dev/null 2>&1 || return 0
  _u=$(timeout --foreground 10 systemctl --no-pager show -p LoadState -p ActiveState -p ActiveEnterTimestamp -p MainPID -- "$2" 2>/dev/null) || :
  text "$1" "$_u"
  case $_u in *MainPID=[1-9]*) _u=${_u##*MainPID=}; started "$1.started" "${_u%%[!0-9]*}" ;; esac
}
# started KEY PID states when a process started, in seconds of the epoch: what the kernel counts in hundredths since boot.
started() {
  read -r _s 2>/dev/null <"/proc/$2/stat" && read -r _up _ 2>/dev/null </proc/uptime || return 0
  _k=$1
  set -- ${_s##*)} # from field 3 on; the program's name, field 2, may hold anything
  [ $# -ge 20 ] || return 0
  shift 19
  case $1 in ''|*[!0-9]*) return 0 ;; esac
  fact "$_k" "$(($(date +%s) - ${_up%%.*} + $1 / 100))"
}
# owned OWNER prints 1 where the login is neither that owner nor root: then root must write the file.
owned() { me; [ "$1" = "$login" ] || [ "$uid" = 0 ] || echo 1; }
# right KEY ARGS… asks sudo whether a command would run without a password.
right() {
  _k=$1; shift
  me
  if [ "$1" = -u ] && [ "$2" = "$login" ]; then
    fact "$_k" yes
  elif [ "$uid" = 0 ]; then
    if [ "$1" != -u ] || command -v sudo >/dev/null 2>&1; then fact "$_k" yes; else fact "$_k" no; fi
  elif timeout --foreground 10 sudo -n -l "$@" >/dev/null 2>&1; then fact "$_k" yes; else fact "$_k" no; fi
}
# saved WHOLE states the managed files as runs left them; equal contents once, and none where WHOLE is empty.
saved() {
  _seen=' '
  for _m in "$p"/.shipit/files/*/*.meta; do
    [ -f "$_m" ] || continue
    case $_m in *.before/*) continue ;; esac
    _dir=${_m%/*}
    printf '%s\n' "${_dir##*/}" | cat - "$_m" | fact64 saved
    [ -n "$1" ] || continue
    _h=
    { read -r _s _h _; } <"$_m" || :
    case $_seen in *" $_h "*) continue ;; esac
    [ -n "$_h" ] && [ -f "${_m%.meta}" ] || continue
    _seen="$_seen$_h "
    _z=$(wc -c <"${_m%.meta}")
    [ "$_z" -gt 262144 ] || fact64 "blob.$_h" <"${_m%.meta}"
  done
}
# traces states what runs leave that did not come to their end, and what shipit did not bring.
traces() {
  for _t in "$p"/.shipit/incoming-*; do
    if [ -d "$_t" ] && [ ! -L "$_t" ]; then printf '%s' "${_t##*/incoming-}" | fact64 incoming; fi
  done
  for _t in "$p"/releases/* "$p"/releases/.[!.]*; do
    if [ -e "$_t" ] || [ -L "$_t" ]; then
      [ -f "$p/.shipit/manifest/${_t##*/}" ] || printf '%s' "${_t##*/}" | fact64 stray
    fi
  done
}
