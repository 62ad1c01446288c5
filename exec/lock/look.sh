# generation prints the number of the last taking.
generation() { _g=$(head -n 1 -- "$d/generation" 2>/dev/null) || _g=; case $_g in ''|*[!0-9]*) _g=0 ;; esac; echo "$_g"; }
# uptime is the host's seconds since boot: a clock that nobody sets.
uptime() { if read -r _u _ </proc/uptime; then echo "${_u%%.*}"; else date +%s; fi 2>/dev/null; }
boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo none; }
# lease GENERATION TTL writes a lease that nobody but this generation ever writes.
lease() { printf '%s %s %s\n' "$(boot)" "$(uptime)" "$2" >"$d/.lease.$$" && mv -f -- "$d/.lease.$$" "$d/lease.$1"; }
lease_dead() {
  read -r _b _t _l <"$d/lease.$(generation)" || return 0
  case $_t$_l in ''|*[!0-9]*) return 0 ;; esac
  [ "$_b" = "$(boot)" ] && [ $(($(uptime) - _t)) -le "$_l" ] && return 1
  return 0
} 2>/dev/null
# look states who holds the lock, if anybody does.
look() {
  _r=$(head -n 1 -- "$d/run" 2>/dev/null) || _r=
  [ -n "$_r" ] || return 0
  for _f in run owner since reason; do head -n 1 -- "$d/$_f" 2>/dev/null || echo; done | fact64 lock
  if lease_dead; then fact lock_lease dead; else fact lock_lease alive; fi
}
