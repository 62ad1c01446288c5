# pid_of prints the process number that $file holds.
pid_of() {
  _p=
  read -r _p _ 2>/dev/null <"$file" || [ -n "$_p" ] || return 1
  case $_p in '' | *[!0-9]* | 0 | 1) return 1 ;; esac
  echo "$_p"
}
alive() { kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]; }
# born PID prints which process has that number, as numbers come again: when it started, in ticks since boot.
born() {
  read -r _s 2>/dev/null <"/proc/$1/stat" || return 0
  set -- ${_s##*)} # from field 3 on; the program's name, field 2, may hold anything
  [ $# -ge 20 ] || return 0
  shift 19
  echo "$1"
}
# before keeps which process runs, if one does.
before() {
  old=$(pid_of) && alive "$old" || old=
  since=
  [ -z "$old" ] || since=$(born "$old")
}
# another waits until $file names a process that runs and is not the one from before. A daemon may write its number a moment
# after it was started, and an old one may take a moment to leave.
another() {
  tries=0
  while :; do
    now=$(pid_of) || now=
    if [ -z "$now" ]; then
      why="$file holds no process number after the restart"
      { [ ! -e "$file" ] || [ -r "$file" ]; } || why="$file cannot be read, so nothing tells which process runs"
    elif ! alive "$now"; then
      why="$file names process $now after the restart, which does not run"
    elif [ "$now" = "$old" ] && [ "$(born "$now")" = "$since" ]; then
      why="the old process $now still runs"
    else
      return 0
    fi
    [ "$tries" -lt "$patience" ] || die "$why"
    tries=$((tries + 1))
    sleep 1
  done
}
