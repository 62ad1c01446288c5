LC_ALL=C; export LC_ALL
umask 022
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
cd || exit 96
exec 2>&1 3<&0 4>&1 </dev/null
# frame says something to the deployer; the nonce keeps a host's output from posing as it.
frame() { printf '\036%s %s\n' "$nonce" "$*" >&4; }
# fact KEY VALUE… states a fact; the value is one line.
fact() { frame fact "$@"; }
# fact64 KEY states a fact from standard input, whatever bytes it has.
fact64() { frame fact64 "$1" "$(base64 | tr -d '\n')"; }
# die TEXT… ends the step with a reason.
die() { printf '%s\n' "$*"; exit 1; }
# run WHO SECONDS CMD… runs CMD for SECONDS at most. WHO is login, user (the
# service's user) or root; sudo is used only to become somebody else, with
# exactly CMD behind it. CMD gets none of our descriptors, so that a daemon it
# leaves behind holds neither the guard nor the connection.
run() {
  _who=$1; _secs=$2; shift 2
  case $_who in
    user) [ -z "$run_as" ] || [ "$run_as" = "$(id -un)" ] || set -- sudo -n -u "$run_as" -- "$@" ;;
    root) [ "$(id -u)" = 0 ] || set -- sudo -n -- "$@" ;;
  esac
  [ -z "$apart" ] || set -- setsid -w "$@"
  timeout --foreground -k 5 "$_secs" "$@" </dev/null 3<&- 4>&- 5<&- 9>&-
}
# apart is run for a command that starts a service: in a session of its own,
# so that the service outlives this script whatever becomes of the deployer.
apart() { apart=1; run "$@"; }
# data CMD… feeds CMD the bytes that the deployer sent after this script.
data() { head -c "$data_size" <&5 | "$@" 4>&- 5<&- 9>&-; }
# watch ends this process group when the deployer goes away.
watch() {
  ( trap '' TERM HUP INT; cat <&3; kill -s TERM 0; sleep 5; kill -s KILL 0 ) >/dev/null 2>&1 4>&- 9>&- &
  watcher=$!
}
finish() { [ -z "$watcher" ] || kill -s KILL "$watcher" 2>/dev/null; exit "$1"; }
# step ID FUNCTION runs one step and ends the script when it fails.
step() {
  frame begin "$1"
  ( set -e; "$2" ) 5<&3 3<&- 9>&-
  _r=$?
  frame end "$1" "$_r"
  [ "$_r" = 0 ] || finish 1
}
# guard DIR RUN GENERATION holds the lock's guard to the end of the script and
# ends it when the host is another run's.
guard() {
  exec 9>>"$1/guard" || finish 98
  flock -w 10 9 || { frame fenced busy; finish 75; }
  [ "$(cat "$1/generation" 2>/dev/null)" = "$3" ] && [ "$(cat "$1/run" 2>/dev/null)" = "$2" ] ||
    { frame fenced lost; finish 75; }
}
