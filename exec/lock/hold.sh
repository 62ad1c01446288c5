# hold keeps the lease while bytes come in, and gives the lock back when they end.
ours() { [ "$(generation)" = "$g" ] && [ "$(head -n 1 -- "$d/run" 2>/dev/null)" = "$run" ]; }
g=$(generation)
ours || die "another run has taken over"
lease "$g" "$ttl"
fact renewed "$g"
while b=$(timeout --foreground "$ttl" head -c 1 <&5) && [ -n "$b" ]; do
  ours || { fact lost "$(head -n 1 -- "$d/run" 2>/dev/null)"; exit 1; }
  lease "$g" "$ttl"
  fact renewed "$g"
done
exec 9>>"$d/guard"
# A script of ours that still works is stopped by its own end of input; while it lives, the lock stays and the lease runs out.
flock -w 15 9 || exit 1
if ours; then rm -f -- "$d/run" "$d/owner" "$d/since" "$d/reason" "$d/lease.$g"; fi
