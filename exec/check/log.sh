# at prints where the log ends now.
at() {
  if [ -n "$unit" ]; then
    cursor=$(timeout --foreground "$secs" journalctl -q --no-pager -u "$unit" -n 1 -o cat --show-cursor 2>/dev/null | sed -n 's/^-- cursor: //p' | tail -n 1)
    if [ -n "$cursor" ]; then echo "journal $cursor"; else echo "since $(date +%s)"; fi
  elif [ -e "$file" ]; then echo "file $(stat -L -c '%i %s' -- "$file")"
  else echo 'file 0 0'; fi
}
# note SEEN WHERE SUFFIX keeps from where the next question reads, and whether anything was logged since the restart.
note() {
  (umask 077; mkdir -p -- "${mark%/*}")
  printf '%s\n%s\n%s\n%s\n' "$run" "$2" "$(now)" "$1" >"$mark$3.new" && mv -f -- "$mark$3.new" "$mark$3"
}
begin() { note 0 "$(at)" ''; }
