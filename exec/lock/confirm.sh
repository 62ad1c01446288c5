# confirm ends the watchdog, or tells that it was faster: with the guard in hand it has ended what it began. Whoever finds it
# confirmed already goes on: the answer to the first time was lost.
exec 8>>"$d/guard"
flock -w "$patience" 8 || die "a script is at work there for longer than $patience s"
generation
line run
[ "$_g $_ln" = "$g $run" ] || die "another run has taken over"
if ! mv -- "$d/watchdog/armed" "$d/watchdog/confirmed" 2>/dev/null && [ ! -e "$d/watchdog/confirmed" ]; then
  [ "$(tail -n 1 -- "$p/.shipit/history" 2>/dev/null | cut -f 2,3,4)" = "$(printf '%s\tgood\t%s' "$run" "$id")" ] ||
    die "its watchdog was faster and took it back"
  exit 0
fi
