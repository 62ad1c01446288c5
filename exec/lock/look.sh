# generation prints the number of the last taking in d.
generation() { _g=$(line generation); case $_g in ''|*[!0-9]*) _g=0 ;; esac; echo "$_g"; }
# uptime is the host's seconds since boot: a clock that nobody sets.
uptime() { if read -r _u _ </proc/uptime; then echo "${_u%%.*}"; else date +%s; fi 2>/dev/null; }
boot() { { read -r _i </proc/sys/kernel/random/boot_id && echo "$_i"; } 2>/dev/null || echo none; }
# line FILE prints the first line of a file in d; an empty one where there is none.
line() { _ln=; { IFS= read -r _ln <"$d/$1" || :; } 2>/dev/null; printf '%s\n' "$_ln"; }
# left FILE prints the seconds that a lease has left; it fails where it has run out. A run's lease ends with
# the boot. A hold's has an end by the wall clock, for after a reboot, and lasts no longer than its whole length then.
left() {
  read -r _b _t _l _e <"$1" || return 1
  case "$_t$_l$_e, $_t $_l $_e" in *[!0-9\ ,]*|,*|*' 0'[0-9]*) return 1 ;; esac
  _u=$(uptime)
  if [ "$_b" = "$(boot)" ]; then
    _n=$((_l - (_u - _t)))
  elif [ -n "$_e" ]; then
    _n=$((_e - $(date +%s)))
    [ "$_n" -le $((_l - _u)) ] || _n=$((_l - _u))
  else
    return 1
  fi
  [ "$_n" -ge 0 ] && echo "$_n"
} 2>/dev/null
# alive prints the seconds that the lock in d has left; it fails where nobody holds it.
alive() { [ -n "$(line run)" ] && left "$d/lease.$(generation)"; }
# held_by_hand tells whether the lock in d is a hold.
held_by_hand() { read -r _ _ _ _e <"$d/lease.$(generation)" && [ -n "$_e" ]; } 2>/dev/null
# ruler prints where the lock lies that has the whole host, if one does; its lease may have run out.
ruler() {
  { IFS= read -r _gd && IFS= read -r _gr && read -r _gg; } <"$all/global" || return 1
  d=$_gd
  [ "$(line run)" = "$_gr" ] && [ "$(generation)" = "$_gg" ] && printf '%s\n' "$_gd"
} 2>/dev/null
# look states who holds the lock in d, if anybody does.
look() {
  [ -n "$(line run)" ] || return 0
  {
    for _f in run owner since reason; do line "$_f"; done
    if [ "$(ruler)" = "$d" ]; then echo global; else echo; fi
    if held_by_hand; then echo hold; else echo; fi
    alive || echo
    date +%s
    printf '%s\n' "$d"
  } | fact64 lock
}
# look_all states who holds the lock in d or the whole host, and who waits.
look_all() {
  [ -d "$all" ] || all=$d/host
  look
  _way=$(ruler) && [ "$_way" != "$d" ] && ( d=$_way; look )
  for _f in "$all"/queue/[0-9]*; do
    left "$_f" >/dev/null && tail -n +2 -- "$_f" | fact64 ticket
  done
  return 0
}
# watched_by states what is known of a watchdog.
watched_by() {
  if { read -r _r _ _b _u _ <"$d/watchdog/armed"; } 2>/dev/null; then
    if [ "$_b" = "$(boot)" ]; then fact watchdog armed "$_r" "$((_u - $(uptime)))"; else fact watchdog lost "$_r" 0; fi
  elif { read -r _r _ <"$d/watchdog/firing"; } 2>/dev/null; then fact watchdog firing "$_r" 0
  elif { read -r _r _s <"$d/watchdog/failed"; } 2>/dev/null; then fact watchdog failed "$_r" "$_s"
  fi
}
