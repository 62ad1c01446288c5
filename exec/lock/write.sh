# put FILE TEXT writes a line into the lock's directory, whole or not at all.
put() {
  { printf '%s\n' "$2" >"$d/.$1.$$" && mv -f -- "$d/.$1.$$" "$d/$1"; } 2>/dev/null ||
    full
}
# note FILE TEXT is put of what nobody reads before run is there.
note() { printf '%s\n' "$2" 2>/dev/null >"$d/$1" || full; }
full() { die "cannot write below $d: $(df -Pk -- "$d" | tail -n 1 | sed 's/.* \([0-9][0-9]*\)  *[0-9]*%.*/\1/') KiB are free there"; }
# lease GENERATION SECONDS [END] writes a lease that nobody but this generation ever writes. One that says the same already stays,
# and a first one needs no rename: nobody asks for it before run is there.
lease() {
  boot
  uptime
  _new="$_boot $_up $2${3:+ $3}"
  line "lease.$1"
  case $_ln in
    "$_new") ;;
    '') note "lease.$1" "$_new" ;;
    *) printf '%s\n' "$_new" >"$d/.lease.$$" && mv -f -- "$d/.lease.$$" "$d/lease.$1" ;;
  esac
}
# vacate ends what a run has here: it is fenced from now on, and cannot take this for its own again.
vacate() {
  generation
  _v=$((_g + 1))
  rm -f -- "$d/run" "$d"/lease.*
  put generation "$_v"
}
# open_guard readies the lock in d for flock.
open_guard() {
  [ -d "$d" ] || mkdir -p -- "$d" || die "cannot make $d"
  { command exec 9>>"$d/guard"; } 2>/dev/null ||
    die "$(id -un) cannot write into $d, which belongs to $(stat -c %U -- "$d"): log in as that user (user in the ssh block), or give the directory to $(id -un) there: chown -R $(id -un) $(dirname -- "$d")"
}
