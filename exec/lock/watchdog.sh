# The watchdog of a host: armed, it waits for its confirmation and otherwise takes the host back. d, run, g, after and limit are set.
w=$d/watchdog at=
frame() { [ "$1" != begin ] || at=$2; }
armed() { read -r _r _g _ <"$w/armed" && [ "$_r $_g" = "$run $g" ]; } 2>/dev/null
held_by_run() { line run; [ "$_ln" = "$run" ]; }
boot
uptime
until=$((_up + after))
printf '%s %s %s %s %s\n' "$run" "$g" "$_boot" "$until" "$limit" >"$w/armed.new" && mv -f -- "$w/armed.new" "$w/armed" || exit 1
while uptime; [ "$_up" -lt "$until" ]; do armed || exit 0; sleep 1; done
command exec 9>>"$d/guard" && flock -w "$limit" 9 || exit 1
# Whoever took the host over took this over with it; and of the watchdog and the deployer exactly one renames.
armed && held_by_run && mv -- "$w/armed" "$w/firing" || exit 0
over() {
  _free=
  generation
  if held_by_run && { [ -e "$w/left.$_g" ] || ! alive; }; then _free=1; fi
  if [ "$1" = 0 ]; then rm -rf -- "$w"; else
    printf '%s %s\n' "$run" "${at:-verify}" >"$w/failed"
    rm -f -- "$w/firing" "$w/script" "$w"/left.*
  fi
  [ -z "$_free" ] || rm -f -- "$d/run" "$d/owner" "$d/since" "$d/reason" "$d"/lease.*
}
trap 'over $?' EXIT
