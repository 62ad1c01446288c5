# take takes the lock, waits for it in a queue, or says who holds it.
open_guard
if ! { [ -d "$all/queue" ] || mkdir -p -- "$all/queue" 2>/dev/null; } || [ ! -w "$all/queue" ] || [ ! -w "$all" ]; then
  [ -z "$global" ] || die "$(id -un) cannot write into $all in its home directory, which a global lock needs"
  all=$d/host # nobody who logs in as we do can have a global lock here
  mkdir -p -- "$all/queue" || die "cannot make $all"
fi
exec 8>>"$all/guard"
ticket= before=0 of=0
# evict DIR SECONDS ends a lock whose lease has run out; it fails where somebody holds it.
evict() (
  d=$1
  line run
  [ -n "$_ln" ] && [ "$_ln" != "$run" ] || exit 0
  ! alive || exit 1
  exec 9>>"$d/guard" || exit 1
  flock -w "$2" 9 || exit 1
  ! alive || exit 1
  line run
  [ -z "$_ln" ] || vacate
)
# first tells whether it is our turn. It counts who waits for the same, and how many of them before us.
first() {
  before=0 of=0 _seen=
  for _f in "$all"/queue/[0-9]*; do
    [ -f "$_f" ] || continue
    if [ "$_f" = "$ticket" ]; then _seen=1 of=$((of + 1)); continue; fi
    left "$_f" || { rm -f -- "$_f"; continue; }
    _w=$(sed -n 6p <"$_f")
    if [ -z "$global" ] && [ "$_w" != global ] && [ "$_w" != "$d" ]; then continue; fi
    of=$((of + 1))
    [ -n "$_seen" ] || before=$((before + 1))
  done
  [ "$before" = 0 ] || [ -n "$hold" ] || [ "$was" != 0 ]
}
# mine tells whether what holds the lock may be replaced: our own lease from before the connection was lost, our own hold.
mine() {
  generation
  if [ -n "$hold" ]; then held_by_hand && line owner && [ "$_ln" = "$owner" ]; else line run && [ "$_ln" = "$run" ] && [ "$was" = "$_g" ]; fi
}
# room SECONDS sees that nobody is in the way. What is, is in way.
room() {
  if first; then _turn=1; else _turn=; fi
  if ruler && [ "$_way" != "$d" ]; then
    evict "$_way" "$1" || { way=$_way; return 1; }
  fi
  if [ -n "$global" ] && [ -f "$all/services" ]; then
    while IFS= read -r _way; do
      [ "$_way" = "$d" ] || evict "$_way" "$1" || { way=$_way; return 1; }
    done <"$all/services"
  fi
  way=$d
  [ -n "$_turn" ] || { why="others wait for it already"; alive || way=; return 1; }
  # A script of the holder that still works keeps the guard: then the lock is held, whatever its lease says.
  flock -n 9 || { fact late yes; flock -w "$1" 9; } || { why="a script of another run is still at work"; return 1; }
  mine || ! alive || { flock -u 9; return 1; }
}
# attempt SECONDS holds the guards on success.
attempt() {
  why="another run holds the lock" way=
  if [ -n "$global" ]; then flock -w "$1" 8; else flock -s -w "$1" 8; fi || { why="another run takes a lock"; return 1; }
  room "$1" || { flock -u 8; return 1; }
}
told() { [ -z "$way" ] || ( d=$way; look ); }
refuse() { told; fact held "$before"; die "$why"; }
# worth tells whether waiting can help: a hold says when it ends.
worth() {
  uptime
  [ "$_up" -lt "$end" ] || return 1
  [ -n "$way" ] && _n=$(d=$way; held_by_hand && alive && echo "$_left") || return 0
  [ "$_n" -lt $((end - _up)) ]
}
renew_ticket() {
  if [ -n "$ticket" ] && [ ! -f "$ticket" ]; then ticket=; fi # we were away for too long
  if [ -z "$ticket" ]; then
    _n=1000000000
    for _f in "$all"/queue/[0-9]*; do
      [ -f "$_f" ] || continue
      _f=${_f##*/} _f=${_f%%.*}
      case $_f in *[!0-9]*) ;; *) _n=$_f ;; esac
    done
    ticket=$all/queue/$((_n + 1)).$(printf %s "$run" | tr -c 'A-Za-z0-9._-' _)
  fi
  boot
  uptime
  {
    printf '%s\n' "$_boot $_up $ttl" "$run" "$owner" "$since" "$reason" &&
    if [ -n "$global" ]; then echo global; else printf '%s\n' "$d"; fi
  } >"$all/queue/.$$" && mv -f -- "$all/queue/.$$" "$ticket" || die "cannot write below $all/queue"
}
# in_line waits until it is our turn and nobody is in the way, or until it is of no use.
in_line() {
  trap 'rm -f -- "$ticket" "$all/queue/.$$"' EXIT
  trap 'exit 143' HUP INT TERM
  uptime
  end=$((_up + wait)) heard=$_up since=$(date +%s) said=
  while worth; do
    if [ -z "$ticket" ]; then renew_ticket; first || :; fi
    _now="$way $(d=$way; generation; echo "$_g") $before $of"
    if [ "$_now" != "$said" ]; then told; fact waiting "$((before + 1)) $of"; fi
    said=$_now
    _b=$(timeout --foreground 0.5 head -c 1 <&5) && _c=0 || _c=$?
    case $_c in
      0) [ -n "$_b" ] || exit 1; renew_ticket; heard=$_up ;;
      124) uptime; [ $((_up - heard)) -le "$ttl" ] || exit 1 ;;
      *) exit 1 ;;
    esac
    if attempt 0; then
      rm -f -- "$ticket"
      trap - EXIT
      return 0
    fi
  done
  refuse
}
if [ "$wait" = 0 ]; then attempt "$patience" || refuse; else attempt 1 || in_line; fi
if [ -n "$hold" ] && mine && alive; then line reason; printf '%s\n' "$_left" "$_ln" | fact64 had; fi
generation
g=$((_g + 1))
# The old holder is fenced from here on: a generation names one holder for ever.
put generation "$g"
for _f in "$d"/run "$d"/owner "$d"/since "$d"/reason "$d"/lease.*; do
  [ ! -e "$_f" ] || { rm -f -- "$d/run" "$d/owner" "$d/since" "$d/reason" "$d"/lease.*; break; }
done
today
if [ -n "$hold" ]; then lease "$g" "$hold" "$((today + hold))"; else lease "$g" "$ttl"; fi
note owner "$owner"
note since "$today"
note reason "$reason"
# A lock on the whole host is this one and a note that points to it: one lease, one fence.
if [ -n "$global" ]; then (_dir=$d; d=$all; put global "$_dir
$run
$g"); fi
_known=
if [ -f "$all/services" ]; then while IFS= read -r _l; do [ "$_l" != "$d" ] || _known=1; done <"$all/services"; fi
[ -n "$_known" ] || printf '%s\n' "$d" >>"$all/services" || die "cannot write below $all"
note run "$run"
fact generation "$g"
