# after OFFSET FILE prints the rest of a file.
after() { tail -c +"$(($1 + 1))" -- "$2"; }
# unread INODE SIZE prints what was written to the file since. Where lines are gone, t/lost says so.
unread() {
  is=$(stat -L -c '%i %s' -- "$file" 2>/dev/null) || is='0 0'
  if [ "${is% *}" = "$1" ] && [ "${is#* }" -ge "$2" ]; then
    [ "$1" = 0 ] || after "$2" "$file"
    return
  fi
  old=
  if [ "${is% *}" = "$1" ]; then # cut where it is; what was cut off may have been copied
    if [ -f "$file.1" ] && [ "$(stat -c %s -- "$file.1")" -ge "$2" ]; then old=$file.1; fi
  else # moved away
    for f in "$file".* "$file"-*; do
      if [ "$(stat -c %i -- "$f" 2>/dev/null)" = "$1" ]; then old=$f; fi
    done
  fi
  if [ -n "$old" ]; then after "$2" "$old"; elif [ "$1" != 0 ]; then : >"$t/lost"; fi
  [ ! -e "$file" ] || cat -- "$file"
}
# fetch WHERE… prints what was logged since then.
fetch() {
  case $1 in
    journal) timeout --foreground "$secs" journalctl -q --no-pager -o cat -u "$unit" "--after-cursor=$2" ;;
    since) timeout --foreground "$secs" journalctl -q --no-pager -o cat -u "$unit" "--since=@$2" ;;
    file) unread "$2" "$3" ;;
  esac
}
look() {
  if [ -n "$unit" ]; then command -v journalctl >/dev/null 2>&1 || { echo 'journalctl is not installed'; return 3; }
  elif [ -e "$file" ] && [ ! -r "$file" ]; then echo "$(id -un) may not read $file"; return 3; fi
  r=
  { read -r r && read -r where && read -r began && read -r seen; } 2>/dev/null <"$mark" || r=
  if [ "$r" != "$run" ]; then # this run restarted nothing here
    begin 2>/dev/null || { echo "cannot write $mark"; return 3; }
    { read -r r && read -r where && read -r began && read -r seen; } <"$mark"
  fi
  next=$(at)
  # shellcheck disable=SC2086 # WHERE and its parts
  { fetch $where 2>"$t/err"; echo "$?" >"$t/rc"; } | head -c "$((limit + 1))" >"$t/new"
  rc=$(cat "$t/rc")
  much=$(wc -c <"$t/new")
  if [ "$rc" != 0 ] && [ "$much" -le "$limit" ]; then echo "the log cannot be read: $(tail -n 1 "$t/err" | head -c 200) (exit status $rc)"; return 3; fi
  [ "$much" = 0 ] || seen=1
  judge
}
nothing() { echo "nothing was logged since the restart, as far as $(id -un) can read"; return 3; }
gone() {
  if [ -e "$t/lost" ]; then echo "lines of $file are gone: it was rotated, and the old one is not beside it"; return 3; fi
  if [ "$much" -gt "$limit" ]; then echo "more than $limit bytes were logged, which is more than is read"; return 3; fi
}
must() {
  ! grep -E -q -e "$pattern" "$t/new" || return 0
  [ "$seen" = 1 ] || { nothing; return; }
  gone || return
  echo "no line since the restart matches $pattern"
  return 1
}
must_not() {
  count=$(grep -E -c -e "$pattern" "$t/new") || [ $? = 1 ] || { echo "grep does not take the pattern $pattern"; return 3; }
  elapsed=$(($(now) - began))
  [ "$elapsed" -ge 0 ] || elapsed=$window # the host was started anew
  windows=$(((elapsed + window - 1) / window))
  [ "$windows" -ge 1 ] || windows=1
  if [ "$count" -gt "$((max * windows))" ]; then
    echo "$count lines match $pattern, at most $((max * windows)) may; the last is $(grep -E -e "$pattern" "$t/new" | tail -n 1 | head -c 300)"
    return 4
  fi
  gone || return
  [ "$elapsed" -ge "$window" ] || { echo "watched for $((elapsed / 100)) s so far, wanted $((window / 100)) s"; return 1; }
  [ "$seen" = 1 ] || { nothing; return; }
  note 1 "$next" .next
}
passed_all() { [ ! -e "$mark.next" ] || mv -f -- "$mark.next" "$mark"; }
