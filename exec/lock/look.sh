# What these find is in a variable, so that a lock costs no process for each answer.
# generation finds the number of the last taking in d.
generation() { line generation; case $_ln in ''|*[!0-9]*) _g=0 ;; *) _g=$_ln ;; esac; }
# uptime finds the host's seconds since boot: a clock that nobody sets.
uptime() { { read -r _up _ </proc/uptime && _up=${_up%%.*}; } 2>/dev/null || _up=$(date +%s); }
boot() { { read -r _boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || _boot=none; }
# line FILE finds the first line of a file in d; an empty one where there is none.
line() { _ln=; { IFS= read -r _ln <"$d/$1" || :; } 2>/dev/null; }
# left FILE finds the seconds that a lease has left; it fails where it has run out. A run's lease ends with
# the boot. A hold's has an end by the wall clock, for after a reboot, and lasts no longer than its whole length then.
left() {
  read -r _b _t _l _e <"$1" || return 1
  case "$_t$_l$_e, $_t $_l $_e" in *[!0-9\ ,]*|,*|*' 0'[0-9]*) return 1 ;; esac
  uptime
  boot
  if [ "$_b" = "$_boot" ]; then
    _left=$((_l - (_up - _t)))
  elif [ -n "$_e" ]; then
    _left=$((_e - $(date +%s)))
    [ "$_left" -le $((_l - _up)) ] || _left=$((_l - _up))
  else
    return 1
  fi
  [ "$_left" -ge 0 ]
} 2>/dev/null
# alive finds the seconds that the lock in d has left; it fails where nobody holds it.
alive() {
  line run
  [ -n "$_ln" ] || return 1
  generation
  left "$d/lease.$_g"
}
# held_by_hand tells whether the lock in d is a hold.
held_by_hand() { generation; read -r _ _ _ _e <"$d/lease.$_g" && [ -n "$_e" ]; } 2>/dev/null
# ruler finds where the lock lies that has the whole host, if one does; its lease may have run out.
ruler() {
  { IFS= read -r _gd && IFS= read -r _gr && read -r _gg; } <"$all/global" || return 1
  _d=$d d=$_gd
  generation
  line run
  d=$_d
  [ "$_ln" = "$_gr" ] && [ "$_g" = "$_gg" ] && _way=$_gd
} 2>/dev/null
# look states who holds the lock in d, if anybody does.
look() {
  line run
  [ -n "$_ln" ] || return 0
  {
    for _f in run owner since reason; do line "$_f"; printf '%s\n' "$_ln"; done
    if ruler && [ "$_way" = "$d" ]; then echo global; else echo; fi
    if held_by_hand; then echo hold; else echo; fi
    if alive; then echo "$_left"; else echo; fi
    date +%s
    printf '%s\n' "$d"
  } | fact64 lock
}
# look_all states who holds the lock in d or the whole host, and who waits.
look_all() {
  [ -d "$all" ] || all=$d/host
  look
  if ruler && [ "$_way" != "$d" ]; then ( d=$_way; look ); fi
  for _f in "$all"/queue/[0-9]*; do
    left "$_f" && tail -n +2 -- "$_f" | fact64 ticket
  done
  return 0
}
# watched_by states what is known of a watchdog.
watched_by() {
  if { read -r _r _ _b _u _ <"$d/watchdog/armed"; } 2>/dev/null; then
    boot
    uptime
    if [ "$_b" = "$_boot" ]; then fact watchdog armed "$_r" "$((_u - _up))"; else fact watchdog lost "$_r" 0; fi
  elif { read -r _r _ <"$d/watchdog/firing"; } 2>/dev/null; then fact watchdog firing "$_r" 0
  elif { read -r _r _s <"$d/watchdog/failed"; } 2>/dev/null; then fact watchdog failed "$_r" "$_s"
  fi
}
