# take takes the lock or says who holds it. d, run, owner, reason and ttl are set.
mkdir -p -- "$d" || die "cannot make $d"
exec 9>>"$d/guard"
lock_free() {
  held=$(head -n 1 -- "$d/run" 2>/dev/null) || held=
  [ -n "$held" ] || return 0
  if [ "$held" = "$run" ] && [ "$was" = "$(generation)" ]; then return 0; fi
  lease_dead
}
# A script of the holder that still works keeps the guard: then the lock is held, whatever its lease says.
if ! flock -w "$patience" 9; then look; fact held yes; die "a script of another run is still at work"; fi
lock_free || { look; fact held yes; die "another run holds the lock"; }
g=$(generation)
g=$((g + 1))
put() {
  { printf '%s\n' "$2" >"$d/.$1.$$" && mv -f -- "$d/.$1.$$" "$d/$1"; } 2>/dev/null ||
    die "cannot write below $d: $(df -Pk -- "$d" | tail -n 1 | sed 's/.* \([0-9]*\)  *[0-9]*%.*/\1/') KiB are free there"
}
# The old holder is fenced from here on: a generation names one holder for ever.
put generation "$g"
rm -f -- "$d/run" "$d"/lease.*
lease "$g" "$ttl"
put owner "$owner"
put since "$(date +%s)"
put reason "$reason"
put run "$run"
fact generation "$g"
