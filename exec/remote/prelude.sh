LC_ALL=C; export LC_ALL
umask 022
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
cd || exit 96
watcher= apart=
exec 3<&0 4>&1 </dev/null >/dev/null 2>&1
# frame says something to the deployer; the nonce keeps a host's output from posing as it.
frame() { printf '\036%s %s\n' "$nonce" "$*" >&4; }
# fact KEY VALUE… states a fact; the value is one line.
fact() { frame fact "$@"; }
# fact64 KEY states a fact from standard input, whatever bytes it has: base64's lines, as words.
fact64() { _b=$(base64); frame fact64 "$1" $_b; }
# text KEY VALUE states a fact of any text. Lines, none of them empty, are joined by what hardly a text has: that needs no process.
nl='
'
text() {
  case $2 in
    *"$nl"*) ;;
    *) fact "$1" "$2"; return ;;
  esac
  case $2 in *^* | *"$nl$nl"* | "$nl"* | *"$nl") printf %s "$2" | fact64 "$1"; return ;; esac
  _key=$1 _ifs=$IFS IFS=$nl
  set -f
  # shellcheck disable=SC2086 # parted at the ends of lines
  set -- $2
  set +f
  IFS=^
  _text="$*" IFS=$_ifs
  frame lines "$_key" "$_text"
}
# die TEXT… ends the step with a reason.
die() { printf '%s\n' "$*"; exit 1; }
# login_id finds the number of who we are; id(1) would be a process.
login_id() {
  uid=
  { while read -r _f _ _is _; do case $_f in Uid:) uid=$_is; break ;; esac; done </proc/self/status; } 2>/dev/null || :
  [ -n "$uid" ] || uid=$(id -u)
}
# run WHO SECONDS CMD… runs CMD for SECONDS at most. WHO is login, user (the
# service's user) or root; sudo is used only to become somebody else, with
# exactly CMD behind it. CMD gets none of our descriptors, so that a daemon it
# leaves behind holds neither the guard nor the connection. What sudo runs
# cannot be killed by us: a second timeout makes sure that the wait ends all
# the same, and sweep tells of what is left.
run() {
  _who=$1 _secs=$2 _apart=$apart _sudo= _kill=5 apart=
  shift 2
  case $_who in
    user) [ -z "$run_as" ] || [ "$run_as" = "$(id -un)" ] || { _sudo=1; set -- sudo -n -u "$run_as" -- "$@"; } ;;
    root) login_id; [ "$uid" = 0 ] || { _sudo=1; set -- sudo -n -- "$@"; } ;;
  esac
  [ -z "$_apart" ] || set -- setsid -w "$@"
  [ -z "$_sudo" ] || _kill=2
  set -- timeout --foreground -k "$_kill" "$_secs" "$@"
  [ -z "$_sudo" ] || set -- timeout --foreground -k 1 "$((_secs + 3))" "$@"
  "$@" </dev/null 3<&- 4>&- 5<&- 9>&- || {
    _r=$?
    case $_r in 124 | 137) printf 'no end within %s s\n' "$_secs" ;; esac
    return "$_r"
  }
}
# apart is run for a command that starts a service: in a session of its own,
# so that the service outlives this script whatever becomes of the deployer.
apart() { apart=1; run "$@"; }
# data CMD… feeds CMD the bytes that the deployer sends when it is asked here.
# It fails unless all of them came.
data() {
  frame data
  head -c "$data_size" <&5 | { "$@" 3<&- 4>&- 5<&- 9>&- || exit; drain; } || return
  _dot= # the pump ends its output behind it
  read -r _dot <&5 || :
  [ "$_dot" = . ] || die 'the data was cut short'
}
# drain reads standard input to its end, which is where it stands nearly always: then that is no process.
drain() { ! read -r _drop || cat >/dev/null; }
# others finds who else lives in this process group: not its leader, the
# watcher or ourselves.
others() {
  _others=
  for _f in /proc/[0-9]*/stat; do
    { read -r _l <"$_f"; } 2>/dev/null || continue
    _p=${_f#/proc/}; _p=${_p%/stat}; _l=${_l##*") "}
    case $_l in Z* | X*) continue ;; esac
    _l=${_l#* }; _l=${_l#* }
    [ "${_l%% *}" = $$ ] || continue
    case $_p in $$ | "$watcher" | "$_me") ;; *) _others="$_others $_p" ;; esac
  done
}
# sweep ends them; what it may not end, somebody must hear of. Who was started while the others were told is told as well.
sweep() {
  read -r _me _ </proc/self/stat
  _n=0 _told=
  while others; [ -n "$_others" ]; do
    for _p in $_others; do
      case "$_told " in *" $_p "*) ;; *) kill -s TERM "$_p"; _told="$_told $_p" ;; esac
    done
    case $_n in
      30) kill -s KILL $_others ;;
      40) frame left $_others; return ;;
    esac
    _n=$((_n + 1))
    sleep 0.1
  done 2>/dev/null
}
# pump is the dead-man's switch: it alone reads what the deployer sends, hands
# the data on when it comes, and at the end of input ends the process group.
pump() {
  trap '' HUP INT
  read -r _me _ </proc/self/stat
  echo "$_me"
  ! read -r _ || head -c "$((data_size + 1))"
  exec >/dev/null
  while read -r _; do :; done
  trap '' TERM
  sweep
}
# watched runs steps with a pump.
watched() { pump <&3 | { read -r watcher; exec 5<&0 3<&- </dev/null >&4 2>&1; steps; }; }
# turn is watched for a shell that is to run more scripts: it lives on where all went well, and says so once nobody else reads its input.
turn() {
  watched
  _r=$?
  [ "$_r" = 0 ] || exit "$_r"
  frame idle
}
# serve runs what else the deployer sends: a length and a script each, as Exec does the first.
serve() {
  while read -r n z <&3; do
    if [ "$z" ]; then s=$(head -c "$z" <&3 | gzip -dc 2>/dev/null); else s=$(head -c "$n" <&3); fi
    [ "${#s}" = "$n" ] || exit 97
    eval "$s"
  done
}
# held runs steps that read the deployer's input themselves.
held() { exec 5<&3 3<&- >&4 2>&1; steps; }
# finish ends the script. What it says of itself must be how it ends, also
# when the group is told to end in that moment.
finish() {
  trap '' TERM
  [ "$1" = 0 ] || sweep
  # Data that came unasked and that no step took must not be read as a script.
  [ "$1$early" != 01 ] || drain <&5
  frame exit "$1"
  [ -z "$watcher" ] || kill -s KILL "$watcher"
  exit "$1"
}
# step ID SHELL runs one step and ends the script when it fails. When the
# group is told to end, the step waits for its command and ends then.
step() {
  frame begin "$1"
  ( trap 'exit 143' TERM; set -e; _s=$2; set --; eval "$_s" ) 9>&-
  _r=$?
  frame end "$1" "$_r"
  [ "$_r" = 0 ] || finish 1
}
# today finds the seconds of the epoch. It asks date(1) once, for all steps where guard has done it, and counts the uptime from
# there.
booted=
today() {
  read -r _up _ 2>/dev/null </proc/uptime || _up=
  _up=${_up%%.*}
  case $_up in '' | *[!0-9]*) today=$(date +%s); return ;; esac
  [ -n "$booted" ] || booted=$(($(date +%s) - _up))
  today=$((booted + _up))
}
# guard DIR RUN GENERATION holds the lock's guard to the end of the script and
# ends it when the host is another run's.
guard() {
  [ -d "$1" ] && command exec 9>>"$1/guard" || { frame fenced lost; finish 75; }
  flock -w 10 9 || { frame fenced busy; finish 75; }
  { read -r _g <"$1/generation" && IFS= read -r _r <"$1/run"; } 2>/dev/null && [ "$_g $_r" = "$3 $2" ] ||
    { frame fenced lost; finish 75; }
  today
}
