command -v systemctl >/dev/null 2>&1 || { echo 'systemctl is not installed'; return 3; }
said=$(timeout --foreground "$secs" systemctl --no-pager show -p Id -p ActiveState -p Result -p ActiveEnterTimestampMonotonic -p NRestarts -- "$unit" 2>&1) ||
  { echo "systemctl cannot tell: $said"; return 3; }
field() { printf '%s\n' "$said" | sed -n "s/^$1=//p"; }
state=$(field ActiveState) since=$(field ActiveEnterTimestampMonotonic) again=$(field NRestarts)
[ -n "$state" ] || { echo "systemctl does not know the state of $unit"; return 3; }
case ${again:-0} in 0) often= stay=$fresh ;; *) often="; systemd has started it again by itself, NRestarts is $again" stay=$wary ;; esac
if [ "$state" = active ]; then
  case $since in '' | *[!0-9]*) return 0 ;; esac
  age=$(($(now) - since / 10000))
  [ "$age" -lt "$stay" ] || return 0
  [ "$age" -ge 0 ] || return 0 # the host slept
  echo "$unit is active for $((age / 100)).$((age / 10 % 10)) s, wanted $((stay / 100)).$((stay / 10 % 10)) s$often"
  return 1
fi
case $state in
  failed | activating)
    [ "$state" = activating ] || state="failed ($(field Result))"
    last=$(timeout --foreground "$secs" journalctl -q --no-pager -o cat -n 1 "_SYSTEMD_UNIT=$(field Id)" 2>/dev/null | head -c 300) || last=
    [ -z "$last" ] || often="$often; the last line that it logged: $last" ;;
esac
echo "$unit is $state, wanted active$often"
return 1
