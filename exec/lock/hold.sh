# hold keeps the lease while bytes come in, and gives the lock back when they end.
ours() { generation; line run; [ "$_g $_ln" = "$g $run" ]; }
generation
g=$_g
ours || die "another run has taken over"
lease "$g" "$ttl"
fact renewed "$g"
while b=$(timeout --foreground "$ttl" head -c 1 <&5) && [ -n "$b" ]; do
  ours || { fact lost "$_ln"; exit 1; }
  lease "$g" "$ttl"
  fact renewed "$g"
done
[ ! -d "$d/watchdog" ] || : >"$d/watchdog/left.$g" 2>/dev/null || :
exec 9>>"$d/guard"
# A script of ours that still works is stopped by its own end of input; while it lives, the lock stays and the lease runs out.
flock -w 15 9 || exit 1
ours || exit 0
# Where a watchdog is armed, the host stays this run's until it is through.
if { read -r _r _ _b _u _l <"$d/watchdog/armed"; } 2>/dev/null && boot && [ "$_r $_b" = "$run $_boot" ]; then
  uptime
  printf 'its deployer is gone; its watchdog takes the host back in %s s\n' "$((_u - _up))" >"$d/reason"
  lease "$g" $((_u - _up + _l))
else
  rm -f -- "$d/run" "$d/owner" "$d/since" "$d/reason" "$d/lease.$g"
fi
