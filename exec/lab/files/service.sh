#!/bin/sh
# service hello start|stop|restart|reload|status
#
# Asks the lab, which runs the service of this host. Exit status as an init
# script has it: 0 done or running, 1 failed, 2 usage, 3 not running.
usage() { echo 'usage: service hello start|stop|restart|reload|status' >&2; exit 2; }
[ $# = 2 ] || usage
case $2 in
  start | stop | restart | reload | status) ;;
  *) usage ;;
esac
[ "$1" = hello ] || { echo "$1: no such service; this host has only hello" >&2; exit 1; }

run=${0%/*}/../run
reply=reply.$$
[ -p "$run/control" ] || { echo 'the lab does not run: shipit lab up' >&2; exit 1; }
trap 'rm -f "$run/$reply"' EXIT
trap 'exit 1' HUP INT TERM
rm -f "$run/$reply"
mkfifo "$run/$reply" || exit 1
# Open for both, so that neither side waits for the other to open.
exec 3<>"$run/$reply"
timeout 5 sh -c 'printf "%s %s\n" "$1" "$2" >"$3"' sh "$2" "$reply" "$run/control" ||
  { echo 'the lab does not run: shipit lab up' >&2; exit 1; }
answer=$(timeout 15 head -n 1 <&3) || { echo 'the lab does not answer' >&2; exit 1; }
printf '%s\n' "${answer#* }"
exit "${answer%% *}"
